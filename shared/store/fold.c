/*
 * Folding: moving the log into the pages (mailbox.h).
 *
 * Invariants
 *  1. A page that is written holds all changes of its UIDs up to its modseq, which is that of the newest of them;
 *     two folds that wrote the same modseq wrote the same messages. So pages_write may refuse what is not newer.
 *  2. The log is trimmed last, and only if its base is still the one that was read.
 *  3. Vanished runs are dropped only below a floor that an earlier trim has already made known.
 */
#include <assert.h>

#include "base/secret.h"
#include "store/access.h"
#include "store/fold_test.h"
#include "store/page.h"

#define FOLD_BATCH  (1024 * 1024) /* bytes of packed pages in one write */
#define FOLD_SINGLE 8             /* so many pages are read one by one; more at once, without keys */

static _Thread_local struct fold_test *test;

struct folding {
	struct store *store;
	const struct actor *actor;
	const struct id *mailbox;
	const struct account_key *rewrap;
	struct arena *arena;
	struct mailbox_log log;
	struct entry *entries;
	uint32_t *first_uid;
	struct page *page;
	struct page_row *old; /* read at once, without keys; ascending */
	size_t n_old;
	struct page_row *batch; /* packed, not written yet */
	size_t n_batch, batch_bytes;
	uint64_t floor;
};

void fold_set_test(struct fold_test *set)
{
	test = set;
}

static enum fault step(enum fold_step at, struct why *why)
{
	if (test && test->stop && test->stop(test, at))
		return fault_set(why, FAULT_CANCELLED, "a test stopped the fold");
	return FAULT_NONE;
}

/* Numbers + 1 of the pages that the log touches. */
static void touched(const struct folding *f, struct uid_set *ret)
{
	for (uint32_t i = 0; i < f->log.n; i++) {
		const struct entry *entry = &f->entries[i];

		if (entry->kind == ENTRY_APPEND)
			uid_set_add_range(ret, page_of(f->first_uid[i]) + 1,
			                  page_of(f->first_uid[i] + (entry->n_appends - 1)) + 1);
		for (uint32_t k = 0; k < entry->uids.n && entry->uids.ranges[k].first < f->log.head.uid_next;
		     k++)
			uid_set_add_range(
			    ret, page_of(entry->uids.ranges[k].first) + 1,
			    page_of(MIN_OF(entry->uids.ranges[k].last, f->log.head.uid_next - 1)) + 1);
	}
}

/* Whether any change that is not in the page yet adds or takes a message. */
static bool needs_keys(const struct folding *f, uint32_t number, uint64_t modseq)
{
	for (uint32_t i = 0; i < f->log.n; i++)
		if (f->entries[i].kind != ENTRY_FLAGS && f->log.head.log_base + 1 + i > modseq &&
		    page_concerns(number, &f->entries[i], f->first_uid[i]))
			return true;
	return false;
}

static enum fault load_page(struct folding *f, uint32_t number, struct why *why)
{
	struct page_row row = { .number = number };
	enum fault fault;

	for (size_t i = 0; i < f->n_old; i++)
		if (f->old[i].number == number && !needs_keys(f, number, f->old[i].modseq))
			return page_unpack(f->page, &f->old[i], why);
	fault = f->store->ops->page_get(f->store, f->actor, f->mailbox, number, f->arena, &row, why);
	if (fault == FAULT_NOT_FOUND) {
		page_clear(f->page, number);
		return FAULT_NONE;
	}
	return fault ? fault : page_unpack(f->page, &row, why);
}

static void rewrap_keys(struct page *page, const struct account_key *account)
{
	struct content_key key;

	for (uint32_t i = 0; i < page->n; i++) {
		if (page->key[i].kind != WRAPPED_BOX)
			continue;
		/* one that does not open stays as it is: reading the message will say so */
		if (!content_key_open(account, &page->content[i], &page->key[i], &key, NULL))
			content_key_wrap(account, &page->content[i], &key, &page->key[i]);
		secret_wipe(&key, sizeof(key));
	}
}

static enum fault write_batch(struct folding *f, struct why *why)
{
	enum fault fault;

	if (!f->n_batch)
		return FAULT_NONE;
	fault = f->store->ops->pages_write(f->store, f->actor, f->mailbox, f->batch, f->n_batch, why);
	f->n_batch = f->batch_bytes = 0;
	return fault ? fault : step(FOLD_WROTE, why);
}

static struct slice packed(struct folding *f, void (*pack)(const struct page *, struct buf *))
{
	struct slice copy;
	struct buf out;

	buf_init(&out, BUF_NO_LIMIT);
	pack(f->page, &out);
	copy = arena_copy(f->arena, buf_slice(&out));
	f->batch_bytes += copy.len;
	buf_done(&out);
	return copy;
}

static void raise_floor(struct folding *f)
{
	const struct page *page = f->page;

	if (page->n_vanished > VANISHED_PAGE_RUNS)
		f->floor = MAX_OF(f->floor, page->vanished[page->n_vanished - VANISHED_PAGE_RUNS - 1].modseq);
}

static enum fault fold_page(struct folding *f, uint32_t number, struct why *why)
{
	struct page_row *row;
	bool any = false;
	enum fault fault = load_page(f, number, why);

	if (fault)
		return fault;
	page_drop_vanished(f->page, f->log.head.vanished_floor);
	for (uint32_t i = 0; i < f->log.n; i++)
		if (page_concerns(number, &f->entries[i], f->first_uid[i]))
			any |= page_apply(f->page, &f->entries[i], f->log.head.log_base + 1 + i,
			                  f->first_uid[i], &f->log.changes[i].tag);
	raise_floor(f);
	if (!any)
		return FAULT_NONE;
	row = &f->batch[f->n_batch++];
	*row = (struct page_row){ .number = number, .modseq = f->page->modseq };
	row->columns = packed(f, page_pack_columns);
	if (f->page->with_keys) {
		if (f->rewrap)
			rewrap_keys(f->page, f->rewrap);
		row->keys = packed(f, page_pack_keys);
	}
	return f->batch_bytes >= (test && test->batch ? test->batch : FOLD_BATCH) ? write_batch(f, why)
	                                                                          : FAULT_NONE;
}

static enum fault fold_pages(struct folding *f, struct why *why)
{
	struct uid_set pages;
	uint32_t number;
	enum fault fault = FAULT_NONE;

	uid_set_init(&pages);
	touched(f, &pages);
	f->batch = arena_array(f->arena, struct page_row, uid_set_count(&pages));
	if (uid_set_count(&pages) > FOLD_SINGLE)
		fault = f->store->ops->pages_read(f->store, f->actor, f->mailbox, 0, false, f->arena, &f->old,
		                                  &f->n_old, why);
	for (struct uid_iter it = uid_iter_of(&pages); !fault && uid_next(&it, &number);)
		fault = fold_page(f, number - 1, why);
	uid_set_done(&pages);
	return fault ? fault : write_batch(f, why);
}

static enum fault trim(const struct folding *f, struct why *why)
{
	const struct mailbox_head *head = &f->log.head;
	struct id history;

	if (!mailbox_history(&f->log, head->modseq, &history))
		assert(!"a log reaches as far as its head");
	return f->store->ops->trim(f->store, f->actor, f->mailbox, head->log_base, head->modseq, f->floor,
	                           &history, why);
}

static enum fault fold(struct folding *f, struct why *why)
{
	const struct mailbox_head *head = &f->log.head;
	enum fault fault = f->store->ops->read(f->store, f->actor, f->mailbox, 0, f->arena, &f->log, why);

	if (fault || !f->log.n)
		return fault;
	fault = step(FOLD_READ, why);
	if (!fault)
		fault = entry_decode_log(&f->log, f->arena, &f->entries, &f->first_uid, why);
	f->floor = MAX_OF(head->vanished_floor, head->modseq - MIN_OF(head->modseq, VANISHED_CHANGES));
	f->page = page_new(f->arena);
	if (!fault)
		fault = fold_pages(f, why);
	if (!fault)
		fault = step(FOLD_WROTE_ALL, why);
	if (!fault)
		fault = trim(f, why);
	if (fault == FAULT_STALE) /* somebody else's fold was first; ours is in its pages */
		return FAULT_NONE;
	return fault ? fault : step(FOLD_TRIMMED, why);
}

enum fault mailbox_fold(struct store *store, const struct actor *actor, const struct id *mailbox,
                        const struct account_key *rewrap, struct why *why)
{
	const struct actor inside = access_inside(actor);
	struct folding f = { .store = store, .actor = &inside, .mailbox = mailbox, .rewrap = rewrap };
	enum fault fault = access_check_act(actor, ACT_MAILBOX_FOLD, why);

	if (fault)
		return fault;
	f.arena = arena_new();
	fault = fold(&f, why);
	arena_free(f.arena);
	return fault;
}
