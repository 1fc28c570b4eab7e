#ifndef IMAPD_SEARCH_READ_H
#define IMAPD_SEARCH_READ_H
/*
 * Opening a message as far as a SEARCH needs it, on a worker: its header from
 * the summary, then its parts one by one, attachments never. Of a text part at most SEARCHABLE_PART_MAX bytes are read.
 */
#include "search_match.h"
#include "suite/message.h"

struct search_reader {
	struct stack *stack;
	const struct actor *actor;
	const struct account_key *key;
	struct arena *arena; /* what the message takes; the caller resets it */
	/* Of the last message, in the arena. */
	struct slice header;
	bool header_cut; /* it is but the beginning */
	uint8_t score;   /* when it matches, and that was asked for */
	/* search_read.c's own; zeroed at first */
	struct searchable scratch;
	struct buf raw, text;
};

/* `bodies` false: the answer may stay unknown. CORRUPT. */
MUST_CHECK enum fault search_read(struct search_reader *, const struct search *, const struct search_row *,
                                  struct message *, bool bodies, enum match *ret, struct why *);
void search_reader_done(struct search_reader *);

#endif
