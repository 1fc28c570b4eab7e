#ifndef IMAPD_SEARCH_SCORES_H
#define IMAPD_SEARCH_SCORES_H
/* Relevancies of what a search has found (RFC 6203 4), until it is told. */
#include "search_match.h"
#include "search_return.h"

struct search_scores { /* zeroed at first */
	struct search_score {
		uint32_t uid;
		uint8_t score;
	} * rows;
	size_t n, cap;
};

void search_scores_add(struct search_scores *, const struct search_row *);
/* To the same messages, ascending by UID. */
void search_scores_give(struct search_scores *, const struct search_found *);
void search_scores_done(struct search_scores *);

#endif
