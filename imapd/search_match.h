#ifndef IMAPD_SEARCH_MATCH_H
#define IMAPD_SEARCH_MATCH_H
/*
 * Whether a message is what a SEARCH asks for, in as many steps as it takes:
 * first by what the view knows, then by its header, then by its text. A key whose step has not come is unknown, and so is what
 * depends on it; only messages that stay unknown are opened.
 */
#include "mail/searchable.h"
#include "search_fuzzy.h"
#include "search_key.h"

enum match { MATCH_UNKNOWN, MATCH_NO, MATCH_YES };

struct search_row { /* what the view knows */
	uint32_t uid, flags, size;
	bool recent;
	uint64_t keywords, modseq;
	int64_t internal_date, save_date; /* save_date 0: not known */
	uint64_t lacks; /* bits of search.texts that the message does not hold (search_sieve.h) */
	uint8_t score;  /* once it is found and search.scored: 1 to 100 */
};

struct search_facts { /* what is known of one message */
	const struct search_row *row;
	const struct id *email_id; /* object_id.h; NULL: not looked at */
	bool has_header;           /* the whole header was looked at */
	bool has_date;             /* at least for its date */
	bool is_dated;
	int32_t sent;                    /* day, when is_dated */
	uint8_t texts[SEARCH_TEXTS_MAX]; /* enum match of each of search.texts */
	struct search_merits *merits;    /* NULL: nobody asks for a score, or no text was looked at */
};

struct search_merits { /* how well each of search.texts was found */
	uint8_t points[SEARCH_TEXTS_MAX];
	uint64_t settled, phrases; /* bits: it will not change any more; the words behind it follow */
};

/* Before texts are looked at, with room for what a score needs. */
static inline void search_count_merits(const struct search *search, struct search_merits *room,
                                       struct search_facts *facts)
{
	if (!search->scored)
		return;
	*room = (struct search_merits){ .settled = 0 };
	facts->merits = room;
}

enum match search_match(const struct search_key *, const struct search_facts *);
/* Of all of it; unknown too as long as the score of what matches may change. */
enum match search_answer(const struct search *, const struct search_facts *);
/* How relevant what matches is (RFC 6203 4), 1 to 100: of a text its words' mean, less when they are scattered; of AND the mean, of OR
 * the best, of those keys that FUZZY stands before; 1 when there is none that speaks for the message. */
uint8_t search_score(const struct search *, const struct search_facts *);

/* Looks into a header. `whole` false: it is only its beginning. */
void search_header(const struct search *, struct slice header, bool whole, struct searchable *,
                   struct search_facts *);
/* Looks into the fields that header_cache.h remembers; what they cannot answer stays unknown. */
void search_digest(const struct search *, struct slice digest, struct searchable *, struct search_facts *);
/* Looks into a part's header, which is text of the body. */
void search_part_header(const struct search *, struct slice header, struct searchable *,
                        struct search_facts *);
/* Looks into a part's text, UTF-8. */
void search_text(const struct search *, struct slice text, struct searchable *, struct search_facts *);
/* There is no more to look into. */
void search_end(const struct search *, struct search_facts *);

#endif
