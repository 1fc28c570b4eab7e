#ifndef SHARED_STORE_MAILBOX_H
#define SHARED_STORE_MAILBOX_H
/*
 * A mailbox is a log and its pages. This is everything callers do with one:
 * create, list, append, change, look, fold; and struct mailbox_state, a mailbox
 * in memory. The encodings are log.h and page.h.
 *
 * Invariants
 *  1. A UID and a mod-sequence follow from a change's place in the log; both become visible in ascending order (P5).
 *  2. Pages and log together always give the same mailbox: before, between and after the steps of a fold.
 *     A change with modseq <= its page's modseq is in that page already and is skipped.
 *  3. head.messages, unseen and bytes are exact: whoever changes flags or expunges commits on the modseq
 *     that its counts were made at.
 */
#include "base/uid_set.h"
#include "crypt/account_key.h"
#include "store/store.h"

#define PAGE_UIDS 1024

enum mailbox_flag { /* system flags, as bits of a message's flags */
	            FLAG_SEEN = 1,
	            FLAG_ANSWERED = 2,
	            FLAG_FLAGGED = 4,
	            FLAG_DELETED = 8,
	            FLAG_DRAFT = 16,
	            FLAG_ALL = 31,
};

#define MAILBOX_KEYWORDS_MAX 64 /* names in one mailbox; a message's keywords are a 64-bit mask over them */

enum special_use { /* RFC 6154, bits */
	           USE_ALL = 1,
	           USE_ARCHIVE = 2,
	           USE_DRAFTS = 4,
	           USE_FLAGGED = 8,
	           USE_JUNK = 16,
	           USE_SENT = 32,
	           USE_TRASH = 64,
	           USE_INBOX = 128, /* ours: marks the INBOX */
};

/* ---- names and life ------------------------------------------------------------------------------------------ */

MUST_CHECK enum fault mailbox_create(struct store *, const struct actor *, const struct mailbox_meta *,
                                     uint32_t uid_validity, struct why *);
MUST_CHECK enum fault mailbox_update(struct store *, const struct actor *, const struct mailbox_meta *,
                                     struct why *);
MUST_CHECK enum fault mailbox_delete(struct store *, const struct actor *, const struct id *, struct why *);
MUST_CHECK enum fault mailbox_list(struct store *, const struct actor *, const struct id *account,
                                   struct arena *, struct mailbox_row **ret, size_t *ret_n, struct why *);

/* ---- sharing (acl.h) ----------------------------------------------------------------------------------------- */

/* meta.acl, if the meta has this version still. STALE, NOT_FOUND. */
MUST_CHECK enum fault mailbox_set_acl(struct store *, const struct actor *, const struct mailbox_meta *,
                                      struct why *);
/* For a guest (actor.account zero): the mailboxes of others that grant it something. */
MUST_CHECK enum fault mailbox_shared(struct store *, const struct actor *, struct arena *,
                                     struct mailbox_row **ret, size_t *ret_n, struct why *);
/* One of them, if it grants all of these rights (enum acl_right). NOT_FOUND. */
MUST_CHECK enum fault mailbox_shared_one(struct store *, const struct actor *, const struct id *mailbox,
                                         uint32_t rights, struct arena *, struct mailbox_row *ret,
                                         struct why *);
/* The same without the row; NONE for who is no guest. */
MUST_CHECK enum fault mailbox_granted(struct store *, const struct actor *, const struct id *mailbox,
                                      uint32_t rights, struct why *);
/* Somebody is gone: out of all ACLs. */
MUST_CHECK enum fault mailbox_unshare(struct store *, const struct actor *, const struct id *who,
                                      struct why *);
/* Contents become one account's more: before a mailbox of his shows them. NOT_FOUND: one is not there, or behind the
 * wall. */
MUST_CHECK enum fault contents_add_account(struct store *, const struct actor *, const struct id *contents,
                                           size_t n, const struct id *account, struct arena *, struct why *);

/* One look: head, keyword names, log. NOT_FOUND. */
MUST_CHECK enum fault mailbox_look(struct store *, const struct actor *, const struct id *mailbox,
                                   struct arena *, struct mailbox_log *ret, struct why *);

/* The same without the log: head and keyword names. */
MUST_CHECK enum fault mailbox_look_head(struct store *, const struct actor *, const struct id *mailbox,
                                        struct arena *, struct mailbox_log *ret, struct why *);

/* Every UID that was given out is there, so that the head alone says which there are. */
static inline bool mailbox_has_every_uid(const struct mailbox_head *head)
{
	return head->messages == head->uid_next - 1;
}

/* A hash over all changes up to `modseq`: two looks that have the same are at one past. Mod-sequences alone do not tell:
 * a store that was set back to a backup gives them a second time. Of a whole log. False: it does not reach there. */
bool mailbox_history(const struct mailbox_log *, uint64_t modseq, struct id *ret);

struct usage {
	uint64_t bytes, messages;
};
/* Has either limit been reached? 0: there is none. */
static inline bool usage_is_full(const struct usage *used, const struct usage *limits)
{
	return (limits->bytes && used->bytes >= limits->bytes) ||
	       (limits->messages && used->messages >= limits->messages);
}
MUST_CHECK enum fault mailbox_usage(struct store *, const struct actor *, const struct id *account,
                                    struct usage *ret, struct why *);

/* ---- changing ------------------------------------------------------------------------------------------------ */

struct mailbox_append { /* one message to append */
	struct id content;
	struct id tag; /* delivery id: the same tag again finds its own entry and succeeds */
	struct wrapped_key key;
	uint32_t size;
	int64_t internal_date, save_date;
	uint32_t flags;
	uint64_t keywords;           /* mask over the header's keywords */
	const struct record *record; /* the content, put in the same step; NULL: it is stored already */
	const struct mailbox_move
	    *move; /* the first one's: what this append is half of; NULL: nothing. mailbox_append() only */
};

struct mailbox_appended {
	uint32_t uid_validity, first_uid; /* the n messages took first_uid, +1, … */
	struct mailbox_head head;         /* just after; of the whole group when it went with others */
};

/* All n or none, under the first one's tag (zero: a random one is taken). Unconditional: joins other appends to the
 * mailbox in one commit (group commit). Durable. NOT_FOUND: no such mailbox. LIMIT: too many at once, or the mailbox
 * has run out of UIDs, or of room for moves. After a lost answer it looks for its own tags before it tries again. */
MUST_CHECK enum fault mailbox_append(struct store *, const struct actor *, const struct id *mailbox,
                                     const struct mailbox_append *, size_t n, struct mailbox_appended *ret,
                                     struct why *);

/* Whether an append under `tag` has happened: for whoever takes over a delivery that another process may have made.
 * Looks into the log and the newest pages (4096 UIDs). NOT_FOUND: it is in neither. */
MUST_CHECK enum fault mailbox_find_append(struct store *, const struct actor *, const struct id *mailbox,
                                          const struct id *tag, struct mailbox_appended *ret, struct why *);

/* A move is an append to its target, then an expunge from its source. From the very commit of the append on a marker says
 * so beside the target's head, until the mover, or whoever finishes what it has left (suite/move.h), is done. */
struct mailbox_move {
	struct id tag;             /* that of the append: the first one's */
	struct id account, source; /* where it comes from, and whose that is */
	int64_t begun;             /* ms since 1970 */
	struct uid_set uids;       /* in the source; MOVE_UIDS_MAX at most */
};
#define MOVE_UIDS_MAX 1024

struct mailbox_moving { /* a marker that was found */
	struct id account, target;
	struct mailbox_move move; /* of an unknown one only the tag is there */
	bool unknown;             /* a newer Posthouse's, or damaged */
};

/* The mover's, when the source is expunged. Not durable: what comes back is found and finished again. NOT_FOUND. */
MUST_CHECK enum fault mailbox_move_done(struct store *, const struct actor *, const struct id *target,
                                        const struct id *tag, struct why *);
/* Those of all mailboxes, many at a time. */
MUST_CHECK enum fault mailbox_moves(struct store *, const struct actor *, struct arena *,
                                    struct mailbox_moving **ret, size_t *ret_n, struct why *);

enum flag_op { FLAGS_ADD, FLAGS_REMOVE, FLAGS_SET };

struct mailbox_edit { /* one change of flags, or one expunge, of a set of UIDs */
	bool expunge;
	enum flag_op op;
	uint32_t flags;
	uint64_t keywords;
	const struct uid_set *uids; /* UIDs that are in the mailbox and, for flags, that really change */
	int32_t messages, unseen;   /* what it does to the counts, from a state at if_modseq */
	int64_t bytes;
};

/* Commits edits that were decided on a state at `if_modseq`. STALE: catch up, decide again.
 * `keywords` (sealed names) are added to the header first, when n_keywords > 0, if it has if_keywords still.
 * `appends`, one change under the first one's tag, come before the edits in the same step: they take the UIDs
 * ret_head->uid_next - n_appends on, and nobody ever sees the one without the other. */
struct mailbox_commit {
	struct id mailbox;
	uint64_t if_modseq;
	const struct mailbox_append *appends;
	uint32_t n_appends;
	const struct mailbox_edit *edits;
	uint32_t n_edits;
	const struct slice *keywords;
	uint32_t n_keywords, if_keywords;
	bool durable; /* expunges are; flags need not be */
};
MUST_CHECK enum fault mailbox_commit(struct store *, const struct actor *, const struct mailbox_commit *,
                                     struct mailbox_head *ret_head, struct why *);
/* What lies beside the messages has changed: the mailbox takes a mod-sequence, and no message does. NOT_FOUND. */
MUST_CHECK enum fault mailbox_touch(struct store *, const struct actor *, const struct id *mailbox,
                                    struct mailbox_head *ret_head, struct why *);
/* \Recent of all that is in the mailbox, as this head says it: [recent_uid, uid_next) is the caller's from here on, and
 * nobody else's. STALE: others were faster, and have some of it. */
MUST_CHECK enum fault mailbox_take_recent(struct store *, const struct actor *, const struct id *mailbox,
                                          const struct mailbox_head *, struct why *);

/* ---- a mailbox in memory ------------------------------------------------------------------------------------- */

struct vanished_run {
	uint64_t modseq;
	struct uid_range uids;
};

struct mailbox_state { /* parallel arrays, ascending by UID; index + 1 is the plain sequence number */
	struct id mailbox;
	struct mailbox_head head; /* counts, uid_next, modseq as of what was applied */
	uint32_t n, cap;
	uint32_t *uid;
	uint64_t *modseq;
	uint32_t *flags;
	uint64_t *keywords;
	uint32_t *size;
	int64_t *internal_date, *save_date;
	uint8_t *loaded; /* 1: key[] and content[] below are filled; else read its page's keys first */
	struct id *content;
	struct wrapped_key *key;
	struct vanished_run *vanished; /* expunged after head.vanished_floor, ascending by modseq (QRESYNC) */
	uint32_t n_vanished, vanished_cap;
};

struct mailbox_state *mailbox_state_new(const struct id *mailbox);
void mailbox_state_free(struct mailbox_state *);
/* Index of a UID, or -1. `mailbox_state_from`: of the first UID >= uid (n when none). */
int64_t mailbox_state_find(const struct mailbox_state *, uint32_t uid);
uint32_t mailbox_state_from(const struct mailbox_state *, uint32_t uid);
size_t mailbox_state_memory(const struct mailbox_state *);

/* What SELECT tells of a mailbox beside its keywords. */
struct mailbox_summary {
	struct mailbox_head head;
	uint32_t unseen,
	    unseen_uid; /* the first message without \Seen, its number and UID; 0: there is none */
};

/* A mailbox as bytes in parts, for a cache on this machine that may be thrown away at any time; the bytes are in the clear.
 * Part 0 is its summary alone. */
#define STATE_PART_ROWS 4096
uint32_t mailbox_state_parts(const struct mailbox_state *);
uint32_t mailbox_summary_parts(const struct mailbox_summary *);
bool mailbox_state_pack(const struct mailbox_state *, uint32_t part, struct buf *out);
/* CORRUPT: another format, or it does not hold together. Whether it is of this store still is the caller's to find out:
 * same uid_validity, and a modseq that the mailbox has reached. */
MUST_CHECK enum fault mailbox_summary_unpack(struct slice part, struct mailbox_summary *ret, struct why *);
/* All parts, by their number and in their order; each is used only until the next is read. */
MUST_CHECK enum fault mailbox_state_unpack(const struct id *mailbox,
                                           enum fault (*read)(void *arg, uint32_t part, struct slice *ret,
                                                              struct why *),
                                           void *arg, struct mailbox_state **ret, struct why *);

/* What is needed to bring a state at `since` up to date: log alone, or pages changed since and log. In an arena:
 * fetched on a worker, applied on the loop. since 0: everything. NOT_FOUND: the mailbox is gone. */
struct mailbox_news {
	uint64_t since;
	struct mailbox_log log;
	bool with_pages;
	struct page_row *pages;
	size_t n_pages;
};
MUST_CHECK enum fault mailbox_fetch_news(struct store *, const struct actor *, const struct id *mailbox,
                                         uint64_t since, struct arena *, struct mailbox_news *ret,
                                         struct why *);

/* The same with the whole log, for mailbox_history(). */
MUST_CHECK enum fault mailbox_fetch_news_and_log(struct store *, const struct actor *,
                                                 const struct id *mailbox, uint64_t since, struct arena *,
                                                 struct mailbox_news *ret, struct why *);

/* Brings a summary up to date by its mailbox's news. False, and untouched: the rows are needed to tell. */
bool mailbox_summary_follow(struct mailbox_summary *, const struct mailbox_news *);

struct mailbox_delta { /* what applying changed; initialise with mailbox_delta_init, free with _done */
	struct uid_set expunged,
	    changed;        /* changed: flags or keywords, of messages that were there before and still are */
	uint32_t first_new; /* first UID appended, 0: none; up to head.uid_next - 1 */
};
void mailbox_delta_init(struct mailbox_delta *);
void mailbox_delta_done(struct mailbox_delta *);

/* What has changed from `was` to `now`, as applying would have told it. False: `now` does not remember that far. */
bool mailbox_state_delta(const struct mailbox_head *was, const struct mailbox_state *now,
                         struct mailbox_delta *);

/* Applies news fetched for a state at news->since or any earlier one; news that are older than the state are harmless.
 * CORRUPT: an entry or a page does not parse; the state is then as it was: throw it away. `delta` is added to. */
MUST_CHECK enum fault mailbox_state_apply(struct mailbox_state *, const struct mailbox_news *,
                                          struct mailbox_delta *, struct why *);
/* Applies our own commit without reading it back: `head` is what the commit gave, and state.head.modseq must be the
 * if_modseq it was made on. */
void mailbox_state_committed(struct mailbox_state *, const struct mailbox_commit *,
                             const struct mailbox_head *head, struct mailbox_delta *);
/* Fills content[] and key[] of a page's messages from its row (page_get); entries from the log have theirs. */
MUST_CHECK enum fault mailbox_state_load_keys(struct mailbox_state *, const struct page_row *, struct why *);
/* Content ids and keys of messages, by ascending UIDs, out of their page's row. NOT_FOUND: one is gone; CORRUPT. */
MUST_CHECK enum fault page_keys(const struct page_row *, const uint32_t *uids, size_t n,
                                struct id *ret_contents, struct wrapped_key *ret_keys, struct why *);
MUST_CHECK enum fault mailbox_page_keys(struct store *, const struct actor *, const struct id *mailbox,
                                        uint32_t page, struct arena *, struct page_row *ret, struct why *);

/* One message by its UID, without the whole mailbox: two reads at most. In `ret` the content and its key only.
 * NOT_FOUND: there is no such message. */
MUST_CHECK enum fault mailbox_find_message(struct store *, const struct actor *, const struct id *mailbox,
                                           uint32_t uid, struct arena *, struct mailbox_append *ret,
                                           struct mailbox_head *ret_head, struct why *);

/* ---- folding ------------------------------------------------------------------------------------------------- */

#define FOLD_ENTRIES 256         /* a log longer than this is worth folding */
#define FOLD_BYTES   (64 * 1024) /* or larger than this */

static inline bool mailbox_wants_fold(const struct mailbox_head *head)
{
	return head->modseq - head->log_base > FOLD_ENTRIES || head->log_bytes > FOLD_BYTES;
}

/* Moves the log into the pages. Harmless to race, to interrupt, to repeat. `rewrap` (NULL: none): symmetric wrapping
 * of keys that are still boxed, for the holder of the account key. */
MUST_CHECK enum fault mailbox_fold(struct store *, const struct actor *, const struct id *mailbox,
                                   const struct account_key *rewrap, struct why *);

#endif
