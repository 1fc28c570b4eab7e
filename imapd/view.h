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
 *  3. A view that was asked for without its rows may be bare: it has the head of a mailbox whose rows are in a cache file or
 *     in the store, and stays so until somebody wants those or there are news.
 *  4. What a session has to be told is in its sets (ghosts, changed) and in known_max; nothing else is kept a session.
 *
 * Threads: the loop's only. Jobs get copies (view_snapshot.. in copy.h, uid sets), never the view.
 */
#include "base/list.h"
#include "loop/job.h"
#include "store/acl.h"
#include "store/mailbox.h"
#include "suite/keyword.h"
#include "suite/stack.h"

struct account_ctx;
struct views;

struct view {
	struct mailbox_state *state;
	struct view_bare *bare; /* the state has its head alone, and this has the rest: view_is_bare() */
	struct account_ctx *account;
	struct id mailbox;
	struct keywords keywords;      /* opened names of state->head.keywords */
	struct arena *names;           /* where they live */
	struct header_cache *headers;  /* what searches have opened */
	struct columns *columns;       /* what sorting has made of headers */
	struct signatures *signatures; /* what searches have loaded */
	struct list sessions;          /* struct selected.node */
	struct list guests;            /* struct view_guest: of sessions of other accounts */
	struct list changers;          /* struct change.turn: who changes the mailbox, and who waits to */
	bool gone;                     /* the mailbox was deleted, or does not apply: sessions are told BYE */
	/* view.c's own */
	struct views *views;
	struct list node;   /* of views->unused, the longest unused first; else a ring of its own */
	struct list nudged; /* of views->nudged; else a ring of its own */
	uint64_t nudged_to; /* modseq that somebody said there is */
	unsigned nudge_waits;
	unsigned refs;
	bool stale;                   /* somebody said that there is news */
	struct view_refresh *refresh; /* the job under way, NULL */
	struct view_fold *fold;       /* the same for folding, and for writing the cache file */
	struct view_cache *cache;
	struct view_sign *sign;       /* and for signing what searches have met unsigned */
	uint32_t signed_to;           /* the last of those tried */
	bool signed_some, signed_all; /* some were, this time through; all that can be */
	uint64_t cached;              /* modseq that the cache file holds, 0: there is none */
	struct list waiters;
	uint64_t looks; /* refreshes begun */
	struct uid_set
	    recent; /* taken in the store by this process: of the first session that is told of them */
	int64_t poll_at, used_at, fold_at, cache_at, sign_at; /* the last three 0: not wanted */
};

struct
    view_guest { /* an account that the mailbox is shared with, and what it has seen; for all its sessions */
	struct list node;
	struct id account;
	struct uid_set seen;
	uint64_t version; /* of its record */
	bool known;
	unsigned refs;
};

struct selected { /* one session's hold on a view */
	struct view *view;
	struct list node;
	struct view_guest *guest; /* NULL: the mailbox is the session's own account's */
	struct actor actor;       /* of a guest, in this mailbox */
	uint32_t rights;          /* enum acl_right: as of the last look; the store decides */
	bool checking, checked;   /* whether a guest still may: is being asked for, and was just found out */
	bool read_only, condstore;
	bool url_key_changed;    /* by another session's RESETKEY, not yet told */
	bool takes_recent;       /* has \Recent of what it is the first to be told of */
	uint32_t known_max;      /* highest UID the session was told of (by EXISTS) */
	uint32_t known_n;        /* number of messages it was told of: the EXISTS it knows, ghosts included */
	struct uid_set ghosts;   /* expunged, not yet told */
	struct uid_set changed;  /* flags changed by others, not yet told */
	struct uid_set recent;   /* \Recent for this session */
	struct uid_set saved;    /* "$": what a search has saved (RFC 5182) */
	uint32_t known_recent;   /* as RECENT told it */
	uint32_t known_keywords; /* names that FLAGS told */
	uint64_t opened;         /* how often selected_open() was called on it */
	/* For context.h: what flags anybody has changed since it looked last, this session too. */
	bool watched;
	struct uid_set touched;
	/* Something to tell, or view->gone: IDLE sends it, others at the next boundary. Set before selected_open(). */
	void (*on_news)(void *session);
	void (*on_close)(void *session); /* what depends on this mailbox goes; may be NULL */
	void *session;
};

struct views_conf {
	struct stack *stack;
	struct loop *loop;
	struct pool *pool;
	const int64_t *poll, *keep, *memory, *search_memory; /* settings, which may be reloaded */
	const bool *search_index;                            /* a setting too: unsigned mail is signed */
	const char *cache_dir;                               /* of the cache files; NULL: there are none */
};
struct views *views_new(const struct views_conf *);
void views_free(struct views *); /* NULL accepted; its jobs are back and nobody holds a view any more */
/* From the bus: the mailbox changed up to modseq; unknown ones are ignored. */
void views_nudge(struct views *, const struct id *mailbox, uint64_t modseq);
void views_look_all(struct views *);                                 /* the bus came back */
void views_look_account(struct views *, const struct id *account);   /* its folders changed */
void views_forget_account(struct views *, const struct id *account); /* drops the unused ones */
size_t views_memory(const struct views *);
/* How many messages this process has taken \Recent of, and told no session. */
uint32_t views_recent(const struct views *, const struct id *mailbox);

enum view_wants {
	VIEW_ROWS = 1,
	VIEW_RECENT = 2,      /* the rows if anything is \Recent */
	VIEW_TAKE_RECENT = 4, /* and for a session that will have it: it is taken with the look */
};

/*
 * The view of a mailbox, fresh as of a look at the store made after this call; without VIEW_ROWS it may be bare. `on_ready` on
 * the loop, never from inside the call. NOT_FOUND. The reference is the caller's: view_put(). view_cancel(): no callback follows.
 */
struct view_wait;
struct view_wait *view_get(struct views *, struct account_ctx *, const struct id *mailbox, unsigned wants,
                           void (*on_ready)(void *arg, enum fault, const struct why *, struct view *),
                           void *arg);
void view_cancel(struct view_wait *);
void view_put(struct view *);
void view_hold(struct view *); /* one reference more */
/* What all views of the process share, as views_conf has it. */
const char *view_cache_dir(const struct view *);
size_t view_search_memory(const struct view *);
struct loop *view_loop(const struct view *);
/* Some messages have no search signature: they get one, in time. */
void view_sign_consider(struct view *);
/* Makes an open view fresh; with a callback as above (no reference is added). */
struct view_wait *view_look(struct view *, unsigned wants,
                            void (*on_ready)(void *arg, enum fault, const struct why *, struct view *),
                            void *arg);
/* After our own conditional commit, decided on this view's state: applied without reading it back, unless news have
 * overtaken it. `by` is the session that made it: when `silent`, its own flag changes are not in its `changed`. */
void view_committed(struct view *, const struct mailbox_commit *, const struct mailbox_head *,
                    struct selected *by, bool silent);
static inline bool view_is_bare(const struct view *view)
{
	return view->bare;
}

uint32_t view_exists(const struct view *);
uint32_t view_first_unseen(const struct view *); /* of a bare one: its number, 0: none */
/* What keywords_ensure() gave: names are known before the next look. */
void view_take_keywords(struct view *, const struct keywords *);

/* The guest as the view has it, from its first session to its last; its record is known from the next look on. */
struct view_guest *view_guest_get(struct view *, const struct id *account);
void view_guest_put(struct view_guest *); /* NULL accepted */
/* What guest_see() has made, for these messages: as an own commit. */
struct guest_mark;
void view_guest_saw(struct view *, const struct actor *guest, const struct guest_mark *,
                    const struct uid_set *uids, const struct mailbox_head *, struct selected *by,
                    bool silent);

/* The flags of a message as this session sees them. */
uint32_t selected_flags(const struct selected *, uint32_t at);
static inline bool selected_may(const struct selected *selected, uint32_t rights)
{
	return (selected->rights & rights) == rights;
}

/* Those that it may change (RFC 4314 4); keywords and flags of their kind together. */
uint32_t selected_settable(const struct selected *);
static inline bool selected_may_write(const struct selected *selected)
{
	return !selected->read_only && selected_may(selected, ACL_WRITE);
}

/* Takes the caller's reference over; selected_close() gives it back. All that is in the view now counts as told. */
void selected_open(struct selected *, struct view *, bool read_only);
/* Makes what was opened a guest's; takes the reference over. */
void selected_be_guest(struct selected *, struct view_guest *, const struct actor *, uint32_t rights);
void selected_close(struct selected *); /* nothing when nothing is open */
/* Messages above this UID are being told: those that are \Recent are this session's, and nobody else's any more, when it
 * takes any; one that only reads is shown what is left to take. */
void selected_take_recent(struct selected *, uint32_t above);
void selected_show_recent(struct selected *);

/* Sequence number <-> UID as this session counts. 0: none. */
uint32_t selected_seq(const struct selected *, uint32_t uid);
uint32_t selected_uid(const struct selected *, uint32_t seq);
/* A sequence-set of args.h as UIDs, ghosts included. Numbers beyond the mailbox: false (BAD); but "*" is the last
 * message whatever stands before it, and nothing in an empty mailbox. `ret_uids` initialised before, added to. */
bool selected_resolve(const struct selected *, const struct uid_set *seqs, struct uid_set *ret_uids);
/* The same for UIDs: only "*" is replaced, by the last UID of the view. What does not exist stays in. */
void selected_resolve_uids(const struct selected *, const struct uid_set *uids, struct uid_set *ret_uids);
bool selected_has_news(const struct selected *);
/* The client was told this message's flags just now. */
void selected_told(struct selected *, uint32_t uid);

#endif
