#ifndef SHARED_STORE_STORE_H
#define SHARED_STORE_STORE_H
/*
 * The store's backends: what a database must offer, and no more. Mailbox logic
 * (log, pages, folding, group commit) is written once above this, in mailbox.h;
 * callers use mailbox.h, record.h and queue.h, never the operations table.
 *
 * Threads    Every call may block: make it from a job, never on the loop.
 *            One struct store serves all threads at once.
 * Ownership  Arguments are borrowed for the call. What a call gives back lives
 *            in the arena handed in, and nothing here is freed by its caller.
 * Units      Sizes are bytes as received, CRLF included. Times are UTC
 *            milliseconds since 1970. UIDs and mod-sequences count from 1.
 * Walls      Every call names the acting account (P8): access.c says which kind of
 *            actor may do what, and the backend filters by the account in the same command.
 * Durability What is marked durable is on stable storage before the call returns; the
 *            rest is visible at once and on stable storage within 100 ms.
 * Faults     On anything but FAULT_NONE no `ret_` was touched, and `why` holds
 *            one line for the log, never for the client. Any call may answer
 *            FAULT_TEMP: retry later; the write may have happened (ids and tags made by the caller
 *            make the retry harmless). Any may answer FAULT_DENIED: the wall. Further faults are named at each call.
 */
#include "base/arena.h"
#include "base/fault.h"
#include "base/rand.h"

enum actor_kind {
	ACTOR_SYSTEM,   /* fsck, sweeper, migrations, key rotation */
	ACTOR_ADMIN,    /* admin and CLI: directory and settings, creates and deletes mailboxes; no content */
	ACTOR_OWNER,    /* imapd for a logged-in account */
	ACTOR_DELIVERY, /* smtpd, mta for a recipient: puts content, appends; reads no content */
	ACTOR_QUEUE,    /* mta: queue entries and their content */
	ACTOR_GUEST, /* imapd for a logged-in account in what another one shares: as the mailbox's ACL grants it */
};

struct actor {
	enum actor_kind kind;
	struct id
	    account; /* zero for SYSTEM, and for ADMIN and QUEUE where no account is meant. GUEST: the owner */
	/* GUEST: who acts; what stands for all of its domain (acl.h); and the mailbox through which it reads and puts
	 * contents: what may be read there may be opened, and a content's key is nowhere but in its mailboxes. */
	struct id guest, everyone, mailbox;
	uint32_t needs; /* GUEST: the rights that the call takes; access.c fills it in */
};

/* ---- plain records ------------------------------------------------------------------------------------------- */

enum collection {
	COLL_SETTINGS, /* key: name. Suite settings, queue key, schema version */
	COLL_DOMAINS,  /* key: domain */
	COLL_ACCOUNTS, /* key: account id. index 0: domain; index 1, unique: login */
	COLL_ADDRESSES, /* key: normalized address ("@domain": catch-all). index 0: domain; index 1: account id */
	COLL_TOKENS,   /* key: token hash. index 0: name, unique */
	COLL_AUDIT,    /* key: time-ordered. index 0: domain */
	COLL_CONTENTS, /* key: content id. The body, when inline, is `body` */
	COLL_TIMELINE, /* key: trace id, time, chance (suite/timeline.h) */
	COLL_GUESTS, /* key: mailbox, account: what is an account's own in a mailbox that another one shares with it. index 0:
	                account; index 1: mailbox */
	COLL_METADATA, /* key: mailbox, account: annotations (suite/metadata.h). index 0: account; index 1: mailbox */
	COLL_URL_KEYS, /* key: mailbox, account: what it signs URLs with there (suite/url_key.h). index 0: account; index 1: mailbox */
	COLL_COUNT,
};

#define RECORD_INDEXES       2
#define RECORD_KEY_MAX       320
#define RECORD_VALUE_MAX     (1024 * 1024)
#define RECORD_BODY_MAX      (1024 * 1024)
#define RECORD_SIGNATURE_MAX (128 * 1024)

#define RECORD_NEW 0 /* put: insert; EXISTS when another value is there, NONE when the same is (a retry) */
#define RECORD_ANY UINT64_MAX /* put, del: whatever is there */

struct record {
	struct slice key;
	uint64_t
	    version; /* put: the version it replaces, RECORD_NEW or RECORD_ANY. get: what is stored, from 1 */
	struct slice accounts; /* 16 bytes each: whose it is. Empty: nobody's (settings, domains) */
	struct slice index[RECORD_INDEXES]; /* {NULL, 0}: not in that index */
	int64_t expires; /* 0: never. Past it get and find do not see it, and it is removed some time later */
	struct slice value; /* JSON or packed: the caller's */
	struct slice body;  /* large and rarely wanted; {NULL, 0} when none */
	struct slice
	    signature; /* put: the search signature of a content, sealed; {NULL, 0}: it keeps what it has. get and find
	                         * leave it: signatures_get() */
};

struct record_query {
	enum collection collection;
	int index;          /* 0, 1; -1: by key */
	struct slice equal; /* only this index value (index >= 0); {NULL, 0}: all, in order */
	struct slice after_index, after_key; /* continue behind this one; {NULL, 0}: from the start */
	size_t limit;
	bool with_body;
};

/* ---- mailboxes ----------------------------------------------------------------------------------------------- */

#define ACL_ENTRIES_MAX 100

struct acl_entry {
	struct id who;   /* account, or everyone of a domain */
	uint32_t rights; /* enum acl_right bits, acl.h */
};

struct mailbox_meta {                  /* what names a mailbox */
	struct id id, account, parent; /* parent zero: top level */
	struct slice name;             /* sealed */
	struct id name_hash;           /* unique under (account, parent) */
	uint32_t special_use;          /* enum special_use bits, mailbox.h */
	bool subscribed, no_select;    /* no_select: a name that only has children */
	const struct acl_entry *acl;   /* with whom it is shared; set by create and set_acl alone */
	size_t n_acl;
	uint64_t version; /* of this part alone; update is conditional on it */
};

struct mailbox_head { /* what one look at a mailbox tells */
	uint32_t uid_validity, uid_next;
	uint64_t modseq;         /* of the newest change; 1 in a new mailbox */
	uint64_t log_base;       /* changes up to here are in the pages */
	uint32_t log_base_uid;   /* uid_next as it was at log_base */
	uint32_t log_bytes;      /* of the entries in the log */
	uint64_t vanished_floor; /* expunges up to here are no longer told apart */
	uint32_t messages, unseen;
	uint64_t bytes;
	uint32_t recent_uid; /* messages from this UID on have been seen by no session */
	uint32_t keywords;   /* how many names are in the header */
	struct id history;   /* of the changes up to log_base: mailbox_history() */
};

struct mailbox_change { /* one log entry, encoded by log.h; takes one mod-sequence */
	struct slice entry;
	struct id tag; /* unique in the log: a second commit of the same tag is EXISTS; zero: none */
	int32_t messages, unseen; /* what it adds to the head's counts */
	int64_t bytes;
	uint32_t uids; /* UIDs it takes, 0 unless it appends */
};

struct commit {
	struct id mailbox;
	const struct mailbox_change *changes;
	uint32_t n_changes;
	uint64_t if_modseq;               /* only if nothing has changed since; 0 = whatever it is */
	const struct slice *keywords;     /* sealed names to add to the header, numbered from if_keywords */
	uint32_t n_keywords, if_keywords; /* with n_keywords: only if the header has if_keywords names */
	/* Records of COLL_CONTENTS that the changes name, put as put() does: there before the changes can be seen, and
	 * perhaps although the commit failed. CORRUPT: another content has that id. */
	const struct record *const *contents;
	uint32_t n_contents;
	/* A marker (move.h) that stands beside the head from this commit on, under the first change's tag. {NULL, 0}: none. LIMIT:
	 * there are MOVES_MAX. */
	struct slice move;
	bool durable;
};

#define MOVES_MAX 128 /* markers beside one head */

struct move_row { /* one marker, and where it stands */
	struct id account, mailbox, tag;
	struct slice move;
};

struct mailbox_row { /* meta and head, as listed */
	struct mailbox_meta meta;
	struct mailbox_head head;
};

struct mailbox_log { /* one look at a mailbox */
	struct mailbox_head head;
	const struct slice *keywords; /* head.keywords sealed names */
	const struct mailbox_change
	    *changes;        /* entries after log_base in order, but for those that were not asked for */
	uint32_t n, skipped; /* the first has modseq log_base + skipped + 1 */
};

static inline uint64_t mailbox_log_from(const struct mailbox_log *log)
{
	return log->head.log_base + log->skipped;
}

struct page_row {
	uint32_t number;      /* UIDs number * PAGE_UIDS + 1 … (number + 1) * PAGE_UIDS */
	uint64_t modseq;      /* changes up to here that touch its UIDs are in it */
	struct slice columns; /* packed by page.h */
	struct slice
	    keys; /* content ids and wrapped keys; {NULL, 0}: not asked for; when writing: leave as it is */
};

/* ---- queue --------------------------------------------------------------------------------------------------- */

enum queue_status { QUEUE_WAITING = 0, QUEUE_HELD = 1 };

struct queue_entry {                    /* one message to one destination domain */
	struct id id, account, content; /* account: the sender's, zero when none */
	struct slice domain;
	enum queue_status status;
	uint8_t priority; /* higher first */
	int64_t created, due;
	uint32_t attempts;
	uint64_t size;       /* of the message, for lists */
	uint64_t fence;      /* counts claims; finishing needs the one the claim gave */
	int64_t lease_until; /* 0: not claimed */
	struct slice state;  /* sealed: envelope, recipients and their outcomes */
};

struct queue_query {
	const struct id *account; /* NULL: all */
	struct slice domain;      /* {NULL, 0}: all */
	struct id after;          /* zero: from the start; by id */
	size_t limit;
};

struct queue_outcome {
	struct id id;
	uint64_t fence;
	bool remove; /* all recipients are final */
	enum queue_status status;
	int64_t due;
	uint32_t attempts;
	struct slice state;
};

/* ---- the table ----------------------------------------------------------------------------------------------- */

struct store { /* first member of every backend */
	const struct store_ops *ops;
	struct store_front *front; /* group commit, written once above the backends (mailbox.c) */
};

struct store_ops {
	const char *name; /* as the config spells it: "mongo", "sqlite" */

	/* Records. */
	enum fault (*get)(struct store *, const struct actor *, enum collection, const struct slice *keys,
	                  size_t n, bool with_body, struct arena *,
	                  struct record *ret /* n, key {NULL,0} where not found */, struct why *);
	/* One record. EXISTS (key or unique index), STALE, TOO_BIG. Durable. */
	enum fault (*put)(struct store *, const struct actor *, enum collection, const struct record *,
	                  struct why *);
	/* Many as put() does it, in one step where that is possible; a fault may leave some of them put. Not durable. */
	enum fault (*put_many)(struct store *, const struct actor *, enum collection,
	                       const struct record *const *, size_t n, struct why *);
	enum fault (*del)(struct store *, const struct actor *, enum collection, struct slice key,
	                  uint64_t version, struct why *); /* STALE, NOT_FOUND */
	/* Search signatures of contents, by their keys: {NULL, 0} where there is none, or no such content. */
	enum fault (*signatures_get)(struct store *, const struct actor *, const struct slice *keys, size_t n,
	                             struct arena *, struct slice *ret, struct why *);
	/* Gives contents theirs, in one step where that is possible. Those that are gone are passed over. Not durable. */
	enum fault (*signatures_put)(struct store *, const struct actor *, const struct slice *keys,
	                             const struct slice *signatures, size_t n, struct why *);
	enum fault (*find)(struct store *, const struct actor *, const struct record_query *, struct arena *,
	                   struct record **ret, size_t *ret_n, struct why *);

	/* Mailboxes. */
	enum fault (*mailbox_create)(struct store *, const struct actor *, const struct mailbox_meta *,
	                             uint32_t uid_validity,
	                             struct why *); /* EXISTS: name or id; NONE on its own retry */
	enum fault (*mailbox_update)(struct store *, const struct actor *, const struct mailbox_meta *,
	                             struct why *); /* STALE, EXISTS, NOT_FOUND */
	enum fault (*mailbox_delete)(struct store *, const struct actor *, const struct id *mailbox,
	                             struct why *); /* and its pages; NOT_FOUND */
	enum fault (*mailbox_list)(struct store *, const struct actor *, const struct id *account,
	                           struct arena *, struct mailbox_row **ret, size_t *ret_n,
	                           struct why *); /* unordered */

	enum fault (*mailbox_set_acl)(struct store *, const struct actor *, const struct mailbox_meta *,
	                              struct why *); /* acl, if it has this version still. STALE, NOT_FOUND */
	/* What others share with the guest: the mailboxes that grant it something at all, or, of one of them, just what the
	 * call needs. Unordered. */
	enum fault (*mailbox_shared)(struct store *, const struct actor *,
	                             const struct id *mailbox /* NULL: all */, struct arena *,
	                             struct mailbox_row **ret, size_t *ret_n, struct why *);
	/* The entries of `who` out of all lists. */
	enum fault (*mailbox_unshare)(struct store *, const struct actor *, const struct id *who,
	                              struct why *);
	/* Records of COLL_CONTENTS get one account more that they are of. NOT_FOUND: one of them is not there, or is
	 * behind the wall; the others may have it then. */
	enum fault (*contents_add_account)(struct store *, const struct actor *, const struct id *contents,
	                                   size_t n, const struct id *account, struct why *);

	/* All changes or none, in one step that every reader sees whole. ret_head is the head just after.
	 * STALE: if_modseq or if_keywords is past. EXISTS: a tag is in the log. NOT_FOUND. LIMIT: the log is full (schema.h),
	 * fold first; or there is no room for the marker. */
	enum fault (*commit)(struct store *, const struct actor *, const struct commit *,
	                     struct mailbox_head *ret_head, struct why *);
	/* The head, and of the log what is above `since`; all of it when it does not go back so far. NOT_FOUND. */
	enum fault (*read)(struct store *, const struct actor *, const struct id *mailbox, uint64_t since,
	                   struct arena *, struct mailbox_log *ret, struct why *);
	/* Takes a marker away; one that is not there is none the less gone. Not durable. NOT_FOUND: the mailbox. */
	enum fault (*move_done)(struct store *, const struct actor *, const struct id *mailbox,
	                        const struct id *tag, struct why *);
	/* The markers of all mailboxes, at most `max`, unordered. */
	enum fault (*moves)(struct store *, const struct actor *, size_t max, struct arena *,
	                    struct move_row **ret, size_t *ret_n, struct why *);
	/* Raises recent_uid to `next`, if it is `first` still. STALE, NOT_FOUND. */
	enum fault (*take_recent)(struct store *, const struct actor *, const struct id *mailbox,
	                          uint32_t first, uint32_t next, struct why *);
	/* Pages with modseq above `since`, by number. */
	enum fault (*pages_read)(struct store *, const struct actor *, const struct id *mailbox,
	                         uint64_t since, bool with_keys, struct arena *, struct page_row **ret,
	                         size_t *ret_n, struct why *);
	/* The keys of one page. NOT_FOUND. */
	enum fault (*page_get)(struct store *, const struct actor *, const struct id *mailbox,
	                       uint32_t number, struct arena *, struct page_row *ret, struct why *);
	/* Each page alone: written if what is stored has a lower modseq or is missing. Durable. */
	enum fault (*pages_write)(struct store *, const struct actor *, const struct id *mailbox,
	                          const struct page_row *, size_t n, struct why *);
	/* Drops the log up to `upto` if its base is still `base`, and raises the vanished floor; `history` is that of
	 * `upto`. STALE. */
	enum fault (*trim)(struct store *, const struct actor *, const struct id *mailbox, uint64_t base,
	                   uint64_t upto, uint64_t vanished_floor, const struct id *history, struct why *);

	/* Queue. */
	enum fault (*queue_put)(struct store *, const struct actor *, const struct queue_entry *, size_t n,
	                        struct why *); /* ids that are there already are left as they are. Durable */
	/* Up to `max` waiting entries that are due and not leased, highest priority first, then earliest due:
	 * lease_until = now + lease_ms, fence + 1. */
	enum fault (*queue_claim)(struct store *, const struct actor *, int64_t now, int64_t lease_ms,
	                          size_t max, struct arena *, struct queue_entry **ret, size_t *ret_n,
	                          struct why *);
	enum fault (*queue_renew)(struct store *, const struct actor *, const struct id *, uint64_t fence,
	                          int64_t lease_until, struct why *); /* STALE */
	enum fault (*queue_finish)(struct store *, const struct actor *, const struct queue_outcome *,
	                           struct why *); /* STALE; gives the lease back. Durable */
	/* An operator's hand: hold, release, due now. STALE while leased, or when the fence is another. */
	enum fault (*queue_set)(struct store *, const struct actor *, const struct id *, uint64_t fence,
	                        enum queue_status, int64_t due, struct why *);
	enum fault (*queue_remove)(struct store *, const struct actor *, const struct id *, uint64_t fence,
	                           struct why *); /* STALE while leased */
	enum fault (*queue_get)(struct store *, const struct actor *, const struct id *, struct arena *,
	                        struct queue_entry *ret, struct why *); /* NOT_FOUND */
	enum fault (*queue_list)(struct store *, const struct actor *, const struct queue_query *,
	                         struct arena *, struct queue_entry **ret, size_t *ret_n, struct why *);
	/* When the next waiting entry is due; 0: none waits. */
	enum fault (*queue_next_due)(struct store *, const struct actor *, int64_t *ret, struct why *);

	/* Removes what has expired, at most `max`; how many. */
	enum fault (*expire)(struct store *, int64_t now, size_t max, size_t *ret_n, struct why *);
	enum fault (*ping)(struct store *, struct why *);
	void (*close)(struct store *); /* waits for the calls in flight */
};

struct store_conf {
	const char *backend; /* "sqlite", "mongo" */
	const char *path;    /* sqlite: the database file */
	const char *mongo_uri, *mongo_db;
	int64_t timeout_ms;   /* mongo: of one command; 0: 5 s */
	unsigned connections; /* mongo: pool size; 0: 16 */
};

/* Creates what is missing (files, collections, indexes), checks the schema version (CONFIG: "written by a newer
 * Posthouse"), migrates an older one. On a MongoDB that is no replica set: CONFIG, and what to do. */
MUST_CHECK enum fault store_open(const struct store_conf *, struct store **ret, struct why *);
void store_close(struct store *); /* NULL accepted */
MUST_CHECK enum fault store_ping(struct store *, struct why *);
/* Removes records that have expired, at most `max`; how many. Any process may, now and then; nothing waits for it. */
MUST_CHECK enum fault store_expire(struct store *, int64_t now, size_t max, size_t *ret_n, struct why *);

#endif
