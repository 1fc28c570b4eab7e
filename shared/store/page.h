#ifndef SHARED_STORE_PAGE_H
#define SHARED_STORE_PAGE_H
/*
 * Pages: what the log has left behind, PAGE_UIDS UIDs each, as packed columns.
 *
 * Promise: what was packed unpacks to the same; anything else is CORRUPT. The
 * keys part carries its own UIDs, so that columns may be rewritten without it; a
 * UID that only one of the two parts knows has no keys, or no message.
 *
 *   columns  = version(1) uid-set modseqs flags keywords sizes dates vanished
 *   vanished = count { modseq-after first-offset length }	ascending by modseq
 *   keys     = version(1) uid-set { content(16) key has-tag(1) [tag(16)] }
 *
 * UIDs in sets are offsets in the page, from 1. A column is a varint a message, most as the difference from the one
 * before. Tags stay with their messages: a writer whose answer was lost looks for its own.
 *
 * Vanished runs are kept until the mailbox's floor passes them: see VANISHED_PAGE_RUNS.
 */
#include "base/arena.h"
#include "store/log.h"

/* When a page that a fold rewrites has more runs than this, or runs older than this many changes, the mailbox's floor
 * rises past the surplus, and the next fold of any page drops what lies below the floor. A client that
 * comes back from before the floor is told all UIDs that are missing, not only the newly expunged. */
#define VANISHED_PAGE_RUNS 512
#define VANISHED_CHANGES   (256 * 1024)

struct page {
	uint32_t number;
	uint64_t modseq; /* changes up to here that touch its UIDs are in it */
	uint32_t n;      /* messages, ascending by UID */
	uint32_t uid[PAGE_UIDS];
	uint64_t message_modseq[PAGE_UIDS];
	uint32_t flags[PAGE_UIDS];
	uint64_t keywords[PAGE_UIDS];
	uint32_t size[PAGE_UIDS];
	int64_t internal_date[PAGE_UIDS], save_date[PAGE_UIDS];
	uint32_t n_vanished;
	struct vanished_run vanished[PAGE_UIDS]; /* a UID vanishes once: more cannot be */

	bool with_keys; /* what follows is filled */
	struct id content[PAGE_UIDS];
	struct wrapped_key key[PAGE_UIDS];
	struct id tag[PAGE_UIDS];
};

static inline uint32_t page_of(uint32_t uid)
{
	return (uid - 1) / PAGE_UIDS;
}

static inline uint32_t page_first_uid(uint32_t number)
{
	return number * PAGE_UIDS + 1;
}

static inline uint32_t page_last_uid(uint32_t number)
{
	return number * PAGE_UIDS + PAGE_UIDS;
}

struct page *page_new(struct arena *);
/* Empty, at mod-sequence 0, with keys. */
void page_clear(struct page *, uint32_t number);
/* From a row; the keys too when it has them. CORRUPT: the page is then in no defined state. */
MUST_CHECK enum fault page_unpack(struct page *, const struct page_row *, struct why *);
void page_pack_columns(const struct page *, struct buf *out);
void page_pack_keys(const struct page *, struct buf *out); /* only with_keys */

/* Applies an entry as far as it concerns this page and is not in it yet; true if it changed anything. Appends and
 * expunges need the keys. `first_uid` and `tag` are an append's. */
bool page_apply(struct page *, const struct entry *, uint64_t modseq, uint32_t first_uid,
                const struct id *tag);
/* Whether the entry has any UID in the page. */
bool page_concerns(uint32_t number, const struct entry *, uint32_t first_uid);
/* Drops runs up to `floor`. */
void page_drop_vanished(struct page *, uint64_t floor);

#endif
