#ifndef IMAPD_VIEW_INTERNAL_H
#define IMAPD_VIEW_INTERNAL_H
/* What view.c (one view's life), view_look.c (looking at the store), view_fold.c, view_cache.c and views.c (all of them)
 * share. */
#include "account_ctx.h"
#include "suite/guest.h"
#include "turn.h"
#include "view.h"

struct views {
	struct views_conf conf;
	struct map *by_mailbox;
	struct list unused, nudged;
	struct timer *timer, *nudge_timer;
};

struct view_wait {
	struct list node;
	struct view *view;
	uint64_t needs; /* the look that answers it */
	bool hands_over;
	unsigned wants; /* enum view_wants */
	void (*on_ready)(void *arg, enum fault, const struct why *, struct view *);
	void *arg;
};

/* view.c */
struct view *view_new(struct views *, struct account_ctx *, const struct id *mailbox);
void view_free(struct view *);
/* To the sessions: what they have to be told of, and that there is something. They may leave the view meanwhile: the caller holds it. */
void view_note(struct view *, const struct mailbox_delta *, const struct selected *not_flags);
void view_tell(struct view *);
void view_gone(struct view *);

/* view_guest.c: what guests have seen, looked at with the mailbox. */
struct guest_look {
	struct id account;
	bool unknown, looked;
	struct guest_mark mark;
};
void view_guests_ask(const struct view *, struct arena *, struct guest_look **ret, size_t *ret_n);
MUST_CHECK enum fault view_guests_look(struct guest_look *, size_t n, struct stack *,
                                       const struct id *mailbox, bool news, struct why *);
void view_guests_take(struct view *, struct guest_look *, size_t n);
void view_guests_done(struct guest_look *, size_t n);

/* view_look.c: starts a look, unless one is under way. */
void view_refresh_begin(struct view *);
/* Whether the look under way has not begun to read, and so answers who asks now as well. */
bool view_refresh_takes(struct view *, unsigned wants);

/* view_cache.c: the folder is made, and what lies there unused is removed. */
void view_cache_start(struct views *);
/* The head of a mailbox whose rows are in a cache file, with what has to be applied to those. */
struct view_bare {
	struct cache_parts *file; /* NULL: the rows are in the store alone */
	struct id history;        /* of its mod-sequence */
	struct mailbox_summary summary;
	struct arena *arena;
	struct mailbox_news news;
};
/* Worker: the mailbox as it was once, or NULL. Whether the store agrees is to be seen. */
struct view_bare *view_bare_open(const char *dir, const struct account_ctx *, const struct id *mailbox);
/* Of the store's head, where none or all of the messages are unseen. */
struct view_bare *view_bare_new(const struct mailbox_head *);
void view_bare_free(struct view_bare *); /* NULL accepted */
/* CORRUPT: the store has another past. STALE: it cannot say. */
MUST_CHECK enum fault view_bare_check(const struct view_bare *, const struct mailbox_log *, struct why *);
/* Worker: all of it, news applied. CORRUPT; STALE: the file was replaced. */
MUST_CHECK enum fault view_bare_load(struct view_bare *, const struct id *mailbox, struct mailbox_state **ret,
                                     struct why *);
void view_cache_forget(const char *dir, const struct id *mailbox);
/* Writing is wanted, if the file is too far behind; it is due. */
void view_cache_consider(struct view *);
void view_cache_begin(struct view *);

/* view_sign.c: signing is due (view_sign_consider() in view.h: it is wanted). */
void view_sign_begin(struct view *);

/* view_fold.c: folding is wanted; it is due. */
void view_fold_consider(struct view *);
void view_fold_begin(struct view *);

#endif
