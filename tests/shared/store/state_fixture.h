#ifndef TESTS_SHARED_STORE_STATE_FIXTURE_H
#define TESTS_SHARED_STORE_STATE_FIXTURE_H
/* A mailbox in memory, and its log and pages made by hand. No store is opened here. */
#include "store/page.h"

#define CHANGES_MAX 32

/* A mailbox as its log and pages, made by hand. */
static struct arena *arena;
static struct mailbox_state *view;
static struct mailbox_change changes[CHANGES_MAX];
static struct page_row pages[4];
static struct mailbox_news news;
static struct mailbox_delta delta;
static const struct id box = { { 9 } };

static inline int setup(void **state)
{
	(void)state;
	arena = arena_new();
	view = mailbox_state_new(&box);
	mailbox_delta_init(&delta);
	memset(pages, 0, sizeof(pages));
	news = (struct mailbox_news){ .log = { .changes = changes }, .pages = pages };
	news.log.head = (struct mailbox_head){
		.uid_validity = 1,
		.uid_next = 1,
		.modseq = 1,
		.log_base = 1,
		.log_base_uid = 1,
		.recent_uid = 1,
	};
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	mailbox_state_free(view);
	mailbox_delta_done(&delta);
	return 0;
}

static inline void log_entry(struct buf *entry, uint32_t uids)
{
	assert_true(news.log.n < CHANGES_MAX);
	changes[news.log.n++] =
	    (struct mailbox_change){ .entry = arena_copy(arena, buf_slice(entry)), .uids = uids };
	news.log.head.modseq++;
	news.log.head.uid_next += uids;
	buf_done(entry);
}

static inline void log_append(uint32_t n)
{
	struct mailbox_append *all = arena_array(arena, struct mailbox_append, n);
	struct buf entry;

	for (uint32_t i = 0; i < n; i++) {
		all[i].content.raw[0] = (uint8_t)(news.log.head.uid_next + i);
		all[i].size = news.log.head.uid_next + i;
	}
	buf_init(&entry, BUF_NO_LIMIT);
	entry_encode_append(&entry, all, n);
	log_entry(&entry, n);
	news.log.head.messages += n;
}

static inline void log_edit(bool expunge, uint32_t first, uint32_t last, uint32_t flags)
{
	struct uid_set uids;
	struct mailbox_edit edit = { .expunge = expunge, .op = FLAGS_ADD, .flags = flags, .uids = &uids };
	struct buf entry;

	uid_set_init(&uids);
	uid_set_add_range(&uids, first, last);
	buf_init(&entry, BUF_NO_LIMIT);
	entry_encode_edit(&entry, &edit);
	log_entry(&entry, 0);
	uid_set_done(&uids);
}

/* Page `number` as a fold of the present log would write it; `at`: where in news.pages. */
static inline void fold_page(size_t at, uint32_t number)
{
	struct page *page = page_new(arena);
	struct entry *entries;
	struct buf columns, keys;
	uint32_t *first;

	if (pages[at].columns.data)
		assert_int_equal(page_unpack(page, &pages[at], NULL), FAULT_NONE);
	else
		page_clear(page, number);
	assert_int_equal(entry_decode_log(&news.log, arena, &entries, &first, NULL), FAULT_NONE);
	for (uint32_t i = 0; i < news.log.n; i++)
		page_apply(page, &entries[i], news.log.head.log_base + 1 + i, first[i], &changes[i].tag);
	buf_init(&columns, BUF_NO_LIMIT);
	buf_init(&keys, BUF_NO_LIMIT);
	page_pack_columns(page, &columns);
	page_pack_keys(page, &keys);
	pages[at] = (struct page_row){ .number = number, .modseq = page->modseq };
	pages[at].columns = arena_copy(arena, buf_slice(&columns));
	pages[at].keys = arena_copy(arena, buf_slice(&keys));
	buf_done(&columns);
	buf_done(&keys);
	news.with_pages = true;
	news.n_pages = MAX_OF(news.n_pages, at + 1);
}

static inline void trim(void)
{
	news.log.head.log_base = news.log.head.modseq;
	news.log.head.log_base_uid = news.log.head.uid_next;
	news.log.n = 0;
}

static inline void apply(void)
{
	struct why why = { "" };

	if (mailbox_state_apply(view, &news, &delta, &why))
		fail_msg("%s", why.text);
}

static inline void fresh_view(void)
{
	mailbox_state_free(view);
	view = mailbox_state_new(&box);
	mailbox_delta_done(&delta);
	mailbox_delta_init(&delta);
}

static inline void assert_rows(const char *want)
{
	struct buf text;

	buf_init(&text, BUF_NO_LIMIT);
	for (uint32_t i = 0; i < view->n; i++)
		buf_printf(&text, "%s%u:%u@%llu", i ? " " : "", view->uid[i], view->flags[i],
		           (unsigned long long)view->modseq[i]);
	buf_addc(&text, 0);
	assert_string_equal((const char *)text.data, want);
	buf_done(&text);
}

static inline void assert_set(const struct uid_set *set, const char *want)
{
	struct buf text;

	buf_init(&text, BUF_NO_LIMIT);
	uid_set_print(set, &text);
	buf_addc(&text, 0);
	assert_string_equal((const char *)text.data, want);
	buf_done(&text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
