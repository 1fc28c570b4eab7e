#ifndef SHARED_SUITE_CHECK_H
#define SHARED_SUITE_CHECK_H
/*
 * fsck and the sweeper: the two that walk the whole store.
 *
 * The sweeper removes contents and blobs that no mailbox and no queue entry has named for the grace period, and what
 * interrupted making or deleting left of accounts, and what is left beside mailboxes that are gone. fsck checks every
 * cross-reference, replays logs against pages, and (with the accounts ring) opens every seal.
 */
#include "suite/stack.h"

struct walk_progress {
	uint64_t done, total; /* total 0: not known yet */
	const char *doing;
};

struct sweep_result {
	uint64_t contents, contents_removed, blobs, blobs_removed, bytes_removed, queue_removed;
	uint64_t accounts_removed; /* half made, or half deleted */
	uint64_t guests_removed;   /* what accounts had in others' mailboxes that are gone */
	uint64_t metadata_removed; /* annotations of what is gone */
	uint64_t url_keys_removed;
	uint64_t grants_removed; /* accounts that are gone, in ACLs */
	uint64_t moves_finished; /* that a crash had cut short */
};
/* What is unnamed for the first time is only marked, whatever the grace: it goes in a later sweep. */
MUST_CHECK enum fault sweep_run(struct stack *, int64_t grace_ms, bool dry_run,
                                void (*on_progress)(void *arg, const struct walk_progress *), void *arg,
                                struct sweep_result *ret, struct why *);

struct fsck_result {
	uint64_t accounts, mailboxes, messages, queue_entries, seals_opened;
	uint64_t beside;    /* guests' records, metadata, URL keys */
	uint64_t left_over; /* of these, for the sweeper: the account or the mailbox is gone */
	uint64_t dropped;
	uint64_t moves; /* half done; what is old of them is a problem */
	uint64_t problems;
};
enum fsck_how {                 /* bits */
	        FSCK_SEALS = 1, /* reads and opens every body */
	        FSCK_DROP = 2,  /* takes away what is damaged beside mailboxes */
};
/* `on_problem`: one line each. */
MUST_CHECK enum fault fsck_run(struct stack *, unsigned how, void (*on_problem)(void *arg, const char *line),
                               void (*on_progress)(void *arg, const struct walk_progress *), void *arg,
                               struct fsck_result *ret, struct why *);

struct index_result {
	uint64_t accounts, locked; /* locked: only their owners' passwords open them */
	uint64_t messages, made, failed;
};
/* Gives mail that has no search signature (signature.h), a damaged or an old one, its own: of one account, or (login NULL) of all.
 * Online, resumable: what is done is seen from the signatures themselves. It rests as long as it works, unless `fast`. */
MUST_CHECK enum fault index_run(struct stack *, const char *login, bool fast,
                                void (*on_progress)(void *arg, const struct walk_progress *), void *arg,
                                struct index_result *ret, struct why *);

/* How far the last index_run() is, or was, as it says itself in the settings every few seconds. */
struct index_note {
	const char *login;               /* of whose mail; "": all */
	int64_t started, heard, ended;   /* ended 0: not yet */
	uint64_t mailbox_messages, done; /* of so many, so many were looked at */
	struct index_result result;      /* so far */
	bool faulted;                    /* a fault has ended it */
};
enum index_state { INDEX_NEVER, INDEX_RUNNING, INDEX_INTERRUPTED, INDEX_DONE };
/* INTERRUPTED: a fault has ended it, or it fell silent. Run again, it goes on with what is left. */
enum index_state index_state_of(const struct index_note *, int64_t now);
MUST_CHECK enum fault index_note_put(struct stack *, const struct index_note *, struct why *);
/* All 0 when there was none yet. */
MUST_CHECK enum fault index_note_get(struct stack *, struct arena *, struct index_note *ret, struct why *);

/* Re-wraps every account key (and the queue key) that another KEK than the active one wrapped. Online, resumable: what
 * is done is seen from the wrapped keys themselves. Accounts that cannot be done are told at the end, as a fault. */
MUST_CHECK enum fault rewrap_run(struct stack *, void (*on_progress)(void *arg, const struct walk_progress *),
                                 void *arg, uint64_t *ret_rewrapped, struct why *);

#endif
