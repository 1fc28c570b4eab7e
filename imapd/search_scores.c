/* Relevancies (search_scores.h). */
#include "search_scores.h"

#include <stdlib.h>

#include "base/arena.h"

void search_scores_add(struct search_scores *scores, const struct search_row *row)
{
	if (scores->n == scores->cap) {
		scores->cap = scores->cap ? 2 * scores->cap : 256;
		scores->rows = xrealloc(scores->rows, scores->cap * sizeof(*scores->rows));
	}
	scores->rows[scores->n++] = (struct search_score){ row->uid, row->score };
}

static int by_uid(const void *left, const void *right)
{
	const struct search_score *a = left, *b = right;

	return a->uid < b->uid ? -1 : a->uid > b->uid;
}

/* What could not be opened has none, and is the least. */
void search_scores_give(struct search_scores *scores, const struct search_found *found)
{
	size_t at = 0;

	if (scores->n)
		qsort(scores->rows, scores->n, sizeof(*scores->rows), by_uid);
	for (size_t i = 0; i < found->n; i++) {
		struct search_row_found *row = &found->rows[i];

		while (at < scores->n && scores->rows[at].uid < row->uid)
			at++;
		row->score = at < scores->n && scores->rows[at].uid == row->uid ? scores->rows[at].score : 0;
		row->score = MAX_OF(row->score, (uint8_t)1);
	}
}

void search_scores_done(struct search_scores *scores)
{
	free(scores->rows);
	*scores = (struct search_scores){ .rows = NULL };
}
