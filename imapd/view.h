#ifndef IMAPD_VIEW_H
#define IMAPD_VIEW_H
/*
 * A view is a mailbox in memory, shared by all sessions of the process, and what
 * one session sees of it.
 *
 * Invariants
 *  1. view->state changes on the loop only: news are fetched by jobs and applied here, in order of modseq.
 *  2. A session's sequence numbers change only when it was told: messages expunged since are its
 *     `ghosts` and keep their numbers, messages appended since have UIDs above `known_max`.
 *  3. What a session has to be told is in its sets (ghosts, changed) and in known_max; nothing else is kept a session.
 *
 * Threads: the loop's only. Jobs get copies (view_snapshot.. in copy.h, uid sets), never the view.
 */
#include "base/list.h"
#include "loop/job.h"
#include "store/mailbox.h"
#include "suite/keyword.h"
#include "suite/stack.h"

struct account_ctx;
struct views;

struct view {
	struct mailbox_state *state;
	struct account_ctx *account;
	struct id mailbox;
	struct keywords keywords; /* opened names of state->head.keywords */
	struct arena *names;      /* where they live */
	struct list sessions;     /* struct selected.node */
	bool gone;                /* the mailbox was deleted: sessions are told BYE */
	/* view.c's own */
	struct views *views;
	unsigned refs;
	bool loaded, stale;           /* stale: somebody said that there is news */
	struct view_refresh *refresh; /* the job under way, NULL */
	struct list waiters;
	int64_t looked_at, idle_since;
};

struct selected { /* one session's hold on a view */
	struct view *view;
	struct list node;
	bool read_only, condstore;
	uint32_t known_max;     /* highest UID the session was told of (by EXISTS) */
	uint32_t known_n;       /* number of messages it was told of: the EXISTS it knows, ghosts included */
	struct uid_set ghosts;  /* expunged, not yet told */
	struct uid_set changed; /* flags changed by others, not yet told */
	struct uid_set recent;  /* \Recent for this session */
	void (*on_news)(void *session); /* something to tell: IDLE sends it, others at the next boundary */
	void *session;
};

struct views *views_new(struct stack *, struct loop *, struct pool *);
void views_free(struct views *);
/* From the bus: the mailbox changed up to modseq; unknown ones are ignored. */
void views_nudge(struct views *, const struct id *mailbox, uint64_t modseq);
void views_look_all(struct views *); /* the bus came back */
void views_forget_account(struct views *, const struct id *account);
size_t views_memory(const struct views *);

/*
 * The view of a mailbox, fresh as of a look at the store made after this call; `on_ready` on the loop, never from
 * inside the call. NOT_FOUND. The reference is the caller's: view_put(). view_cancel(): no callback follows.
 */
struct view_wait;
struct view_wait *view_get(struct views *, struct account_ctx *, const struct id *mailbox,
                           void (*on_ready)(void *arg, enum fault, const struct why *, struct view *),
                           void *arg);
void view_cancel(struct view_wait *);
void view_put(struct view *);
/* Makes an open view fresh; with a callback as above (no reference is added). */
struct view_wait *view_look(struct view *,
                            void (*on_ready)(void *arg, enum fault, const struct why *, struct view *),
                            void *arg);
/* After our own conditional commit: applied without reading it back. `by` is the session that made it: its own flag
 * changes are not put into its `changed` when `silent`. */
void view_committed(struct view *, const struct mailbox_commit *, const struct mailbox_head *,
                    struct selected *by, bool silent);

void selected_open(struct selected *, struct view *, bool read_only);
void selected_close(struct selected *);

/* Sequence number <-> UID as this session counts. 0: none. */
uint32_t selected_seq(const struct selected *, uint32_t uid);
uint32_t selected_uid(const struct selected *, uint32_t seq);
/* A sequence-set as UIDs. Numbers beyond the mailbox: false (BAD). "*" is 0 in `set`'s ranges as args.h parses it. */
bool selected_resolve(const struct selected *, const struct uid_set *seqs, struct uid_set *ret_uids);
bool selected_has_news(const struct selected *);

#endif
