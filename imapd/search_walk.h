#ifndef IMAPD_SEARCH_WALK_H
#define IMAPD_SEARCH_WALK_H
/*
 * The way of a search through the selected mailbox, for SEARCH, SORT and THREAD:
 * the loop asks the view of every message; those that it cannot decide about go to a worker in batches, with the headers
 * that the view remembers (header_cache.h). Of what is open still the worker looks at headers first, all of a batch
 * with one read, and opens bodies only where it must. What the view could decide about goes the same way where
 * wants_header() says so, so that found() sees its header.
 *
 * The order of what is found is not promised, nor on which thread found() is called; it is one at a time, and never
 * while the command itself runs. Between two batches a client that hung up is noticed.
 */
#include "batch.h"
#include "command.h"
#include "rows.h"
#include "search_read.h"
#include "search_sieve.h"

struct search_walk {
	/* The command's. */
	struct search search;
	bool (*wants_header)(struct imap_cmd *, uint32_t uid); /* on the loop; NULL: never */
	bool part;                       /* of something larger, whose command says how far it is */
	const struct selected *selected; /* what is walked; NULL: the session's own mailbox */
	/* The header may be but its beginning, or only the fields of a digest; no data: not known, or not wanted. */
	void (*found)(struct imap_cmd *, const struct search_row *, struct slice header);
	enum imap_next (*finish)(struct imap_cmd *); /* on the loop, when all was asked */
	/* search_walk.c's own */
	struct uid_set within; /* where there is a limit */
	struct search_sieve sieve;
	bool sifting;
	struct rows rows;
	struct arena *arena; /* of the batch */
	struct batch batch;
	struct search_open *open; /* of each item */
	uint32_t room, costly;    /* items there may be; of those, to be read from the store */
	bool running;
	struct search_reader reader;
	uint32_t broken;
	struct why why; /* of the first broken one */
};

/* Behind search_parse(): gives what the command's parse() gives. */
enum imap_next search_walk_start(struct search_walk *, struct imap_cmd *);
/* The same for keys that were bound before, and only these messages. */
enum imap_next search_walk_among(struct search_walk *, struct imap_cmd *, const struct uid_set *);
/* What the view knows of the present one. */
struct search_row search_row_of(const struct rows *);
MUST_CHECK enum fault search_walk_run(struct search_walk *, struct imap_cmd *, struct stack *, struct why *);
enum imap_next search_walk_reply(struct search_walk *, struct imap_cmd *, enum fault, const struct why *);
/* The tagged reply: "Searched", and what could not be. */
enum imap_next search_walk_ok(struct search_walk *, struct imap_cmd *, const char *text);
/* What search_parse() has refused. */
enum imap_next search_walk_refuse(const struct search_walk *, struct imap_cmd *, const struct imap_args *);
void search_walk_done(struct search_walk *);

#endif
