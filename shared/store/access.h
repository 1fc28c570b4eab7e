#ifndef SHARED_STORE_ACCESS_H
#define SHARED_STORE_ACCESS_H
/*
 * The wall between accounts (P8): one table says which kind of actor may do
 * what, here and nowhere else. The calls of record.h, mailbox.h and queue.h ask
 * it before they touch a backend; a backend asks the wall_ calls which account
 * it must filter by, in the same command that reads or writes.
 *
 * OWN        only what belongs to the account the actor names; naming none is NONE.
 * GRANTED    what the mailbox's ACL grants the guest: the call says which rights it takes, and the backend looks for them
 *            in the command that acts.
 * ALL        everybody's. Yet with mailboxes and queue entries an actor that names an account is
 *            held to it whatever its kind, so that an administrator's request about one
 *            account cannot reach into another.
 */
#include "store/store.h"

enum access { ACCESS_NONE, ACCESS_OWN, ACCESS_GRANTED, ACCESS_ALL };

/* What is done to mailboxes and the queue. */
enum access_act {
	ACT_MAILBOX_NAME,    /* create, rename, delete */
	ACT_MAILBOX_SHARE,   /* its ACL */
	ACT_MAILBOX_SHARED,  /* what others share */
	ACT_MAILBOX_UNSHARE, /* somebody out of all ACLs */
	ACT_MAILBOX_LIST,    /* names and heads; usage */
	ACT_MAILBOX_APPEND,  /* commit of appends */
	ACT_MAILBOX_CHANGE,  /* commit of flags and expunges */
	ACT_MAILBOX_RECENT,
	ACT_MAILBOX_READ, /* log and pages: no content is in them */
	ACT_MAILBOX_FOLD,
	ACT_MAILBOX_MOVES, /* which moves are half done, everybody's */
	ACT_QUEUE_PUT,
	ACT_QUEUE_WORK,    /* claim, renew, finish */
	ACT_QUEUE_OPERATE, /* hold, release, remove */
	ACT_QUEUE_SEE,     /* get, list, next due */
	ACT_COUNT,
};

enum access access_record(const struct actor *, enum collection, bool write);
enum access access_act(const struct actor *, enum access_act);

/* DENIED, with who and what in `why`, when the table says NONE. */
MUST_CHECK enum fault access_check_record(const struct actor *, enum collection, bool write, struct why *);
MUST_CHECK enum fault access_check_act(const struct actor *, enum access_act, struct why *);
/* The actor of a call that takes these rights (enum acl_right): itself, unless it is a guest. */
struct actor access_with(const struct actor *, uint32_t rights);
/* For what the store does by itself in the course of a guest's call, and tells nobody (folding, finding an own entry
 * again): in the owner's name. */
struct actor access_inside(const struct actor *);
/* A record that an actor held to its own may write: its account is among record.accounts. */
bool access_names(const struct record *, const struct id *account);

/* For backends: the account that every row touched must belong to, or NULL when there is no such wall. A row behind
 * the wall reads as not found; a put onto one (or a record that names another account) is DENIED. */
const struct id *wall_record(const struct actor *, enum collection, bool write);
const struct id *wall_mailbox(const struct actor *);
/* The rights that the mailbox has to grant beside, to actor.guest or to actor.everyone, each of them; 0: none. */
uint32_t wall_rights(const struct actor *);
const struct id *wall_queue(const struct actor *);

#endif
