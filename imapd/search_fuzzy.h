#ifndef IMAPD_SEARCH_FUZZY_H
#define IMAPD_SEARCH_FUZZY_H
/*
 * What FUZZY means (RFC 6203 3): a text is split to words, and each of them is somewhere in what is searched, in any order, perhaps as
 * a part of another word; accents and other marks do not count (mail/fold.h); and a word of FUZZY_TYPO_MIN letters or more
 * may be there with one letter too many, too few, another one, or two that changed places.
 *
 * One mistake leaves one half of a word as it is, unless the two letters in its middle changed places: so a message that holds the
 * word holds one of fuzzy_parts(), which its signature can be asked for.
 */
#include "base/arena.h"
#include "base/slice.h"

#define FUZZY_TYPO_MIN 8
#define FUZZY_TYPO_MAX 40
#define FUZZY_PARTS    3

struct fuzzy_word {
	struct slice marked, bare;     /* folded, as it was written; without marks */
	const struct fuzzy_word *next; /* that follows it in the text; NULL: it is the last */
	bool leads;                    /* it is the first of several */
	struct fuzzy_typos *typos;     /* NULL: it has to be right */
};

/* How well a word was found, of 100. */
enum {
	FUZZY_NOT = 0,
	FUZZY_TYPO = 20,
	FUZZY_WITHIN = 45, /* in another word */
	FUZZY_START = 65,  /* at the beginning of one */
	FUZZY_WORD = 85,   /* a word, but its marks */
	FUZZY_SAME = 100,
};

/* The words of a folded text, `max` of them at most; how many. */
size_t fuzzy_words(struct arena *, struct slice folded, size_t max, struct fuzzy_word **ret);
/* One of these stands in each text that holds the word; how many. */
size_t fuzzy_parts(const struct fuzzy_word *, struct slice ret[FUZZY_PARTS]);
/* In a folded text, which is also given without its marks. Not `scored`: any number above 0 if it is there. */
unsigned fuzzy_look(const struct fuzzy_word *, struct slice folded, struct slice bare, bool scored);
/* The word and all that follow it stand there one behind the other. */
bool fuzzy_is_phrase(const struct fuzzy_word *, struct slice bare);

#endif
