#ifndef SHARED_SEARCH_TRIGRAM_H
#define SHARED_SEARCH_TRIGRAM_H
/*
 * The distinct trigrams of a text: every three bytes that follow one another in it, each once. A text that is a
 * part of another has no trigram that the other lacks, which is all that signature.h rests on.
 *
 * Bounded: past TRIGRAMS_MAX of them the set is `full` and says nothing any more.
 */
#include "base/slice.h"

#define TRIGRAMS_MAX (128 * 1024)

struct trigrams {
	uint32_t n;
	bool full;
	const uint32_t *list; /* the n of them, as they were met */
	/* trigram.c's own: a table of trigram + 1, 0 where it is empty, and behind it the list */
	uint32_t *table;
	uint32_t mask;
};

void trigrams_init(struct trigrams *);
void trigrams_done(struct trigrams *);
/* Those of one text; none goes across from one text to the next. */
void trigrams_add(struct trigrams *, struct slice text);

#endif
