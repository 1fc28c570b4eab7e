/* A mailbox in memory: news in every shape, half-done folds among them. No store is opened here. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

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

static int setup(void **state)
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

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	mailbox_state_free(view);
	mailbox_delta_done(&delta);
	return 0;
}

static void log_entry(struct buf *entry, uint32_t uids)
{
	assert_true(news.log.n < CHANGES_MAX);
	changes[news.log.n++] =
	    (struct mailbox_change){ .entry = arena_copy(arena, buf_slice(entry)), .uids = uids };
	news.log.head.modseq++;
	news.log.head.uid_next += uids;
	buf_done(entry);
}

static void log_append(uint32_t n)
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

static void log_edit(bool expunge, uint32_t first, uint32_t last, uint32_t flags)
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
static void fold_page(size_t at, uint32_t number)
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

static void trim(void)
{
	news.log.head.log_base = news.log.head.modseq;
	news.log.head.log_base_uid = news.log.head.uid_next;
	news.log.n = 0;
}

static void apply(void)
{
	struct why why = { "" };

	if (mailbox_state_apply(view, &news, &delta, &why))
		fail_msg("%s", why.text);
}

static void fresh_view(void)
{
	mailbox_state_free(view);
	view = mailbox_state_new(&box);
	mailbox_delta_done(&delta);
	mailbox_delta_init(&delta);
}

static void assert_rows(const char *want)
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

static void assert_set(const struct uid_set *set, const char *want)
{
	struct buf text;

	buf_init(&text, BUF_NO_LIMIT);
	uid_set_print(set, &text);
	buf_addc(&text, 0);
	assert_string_equal((const char *)text.data, want);
	buf_done(&text);
}

/* ---- cases ---- */

static void test_log_alone(void **state)
{
	(void)state;
	log_append(3);
	log_edit(false, 2, 2, FLAG_SEEN);
	apply();
	assert_rows("1:0@2 2:1@3 3:0@2");
	assert_set(&delta.expunged, "");
	assert_set(&delta.changed, ""); /* it was new */
	assert_int_equal(delta.first_new, 1);
	assert_int_equal(view->loaded[2], 1);
	assert_int_equal(view->content[2].raw[0], 3);
	log_edit(true, 1, 2, 0);
	log_append(1);
	log_edit(false, 3, 4, FLAG_DRAFT);
	apply();
	assert_rows("3:16@6 4:16@6");
	assert_int_equal(view->content[1].raw[0], 4); /* moved down with its row */
	assert_set(&delta.expunged, "1:2");
	assert_set(&delta.changed, "3");
	assert_int_equal(delta.first_new, 1); /* of both together */
	assert_int_equal(view->n_vanished, 1);
	assert_int_equal(view->vanished[0].modseq, 4);
	assert_int_equal(view->vanished[0].uids.last, 2);
}

/* ---- packed ---- */

#define PARTS_MAX 8

struct packed {
	struct buf part[PARTS_MAX];
	uint32_t n;
};

static void pack(struct packed *out)
{
	view->head.messages = view->n;
	out->n = mailbox_state_parts(view);
	assert_true(out->n <= PARTS_MAX);
	for (uint32_t i = 0; i < out->n; i++) {
		buf_init(&out->part[i], BUF_NO_LIMIT);
		assert_true(mailbox_state_pack(view, i, &out->part[i]));
	}
}

static void packed_done(struct packed *packed)
{
	for (uint32_t i = 0; i < packed->n; i++)
		buf_done(&packed->part[i]);
}

static enum fault read_part(void *arg, uint32_t part, struct slice *ret, struct why *why)
{
	const struct packed *packed = arg;

	if (part >= packed->n)
		return fault_set(why, FAULT_CORRUPT, "no part %u", part);
	*ret = buf_slice(&packed->part[part]);
	return FAULT_NONE;
}

static enum fault unpack(struct packed *packed, struct mailbox_state **ret)
{
	return mailbox_state_unpack(&box, read_part, packed, ret, NULL);
}

/* Packed and unpacked it is the same, keys that no page has included, and goes on from there. */
static void test_packed(void **state)
{
	struct mailbox_state *other = NULL;
	struct packed packed;

	(void)state;
	log_append(3);
	fold_page(0, 0);
	trim();
	log_append(2);
	log_edit(true, 2, 2, 0);
	apply();
	view->keywords[3] = UINT64_MAX;
	pack(&packed);
	assert_int_equal(unpack(&packed, &other), FAULT_NONE);
	mailbox_state_free(view);
	view = other;
	assert_rows("1:0@2 3:0@2 4:0@3 5:0@3");
	assert_int_equal(view->loaded[1], 0);
	assert_int_equal(view->loaded[2], 1);
	assert_int_equal(view->content[3].raw[0], 5);
	assert_int_equal(view->size[3], 5);
	assert_true(view->keywords[3] == UINT64_MAX);
	assert_int_equal(view->n_vanished, 1);
	assert_int_equal(view->head.modseq, 4);
	log_edit(false, 4, 4, FLAG_SEEN);
	log_append(1);
	apply();
	assert_rows("1:0@2 3:0@2 4:1@5 5:0@3 6:0@6");
	packed_done(&packed);

	fresh_view();
	pack(&packed);
	assert_int_equal(unpack(&packed, &other), FAULT_NONE);
	assert_int_equal(other->n, 0);
	mailbox_state_free(other);
	packed_done(&packed);
}

/* Columns of all widths, over more than one part. */
static void test_packed_columns(void **state)
{
	static const uint64_t spans[] = { 1, 0x100, 0x10000, 0x100000000, UINT64_MAX };
	const uint32_t n = STATE_PART_ROWS + 100;
	struct mailbox_state *other = NULL;
	struct packed packed;

	(void)state;
	log_append(n);
	apply();
	for (size_t k = 0; k < ARRAY_LEN(spans); k++) {
		for (uint32_t i = 0; i < n; i++) {
			view->keywords[i] = i % 2 ? spans[k] : 0;
			view->flags[i] = i % 3 ? (uint32_t)spans[k] : 7;
			view->internal_date[i] = (int64_t)(i % 5 ? -spans[k] : spans[k]);
			view->save_date[i] = INT64_MIN + (int64_t)i;
		}
		pack(&packed);
		assert_int_equal(unpack(&packed, &other), FAULT_NONE);
		assert_int_equal(other->n, n);
		assert_memory_equal(other->uid, view->uid, n * sizeof(*view->uid));
		assert_memory_equal(other->modseq, view->modseq, n * sizeof(*view->modseq));
		assert_memory_equal(other->flags, view->flags, n * sizeof(*view->flags));
		assert_memory_equal(other->keywords, view->keywords, n * sizeof(*view->keywords));
		assert_memory_equal(other->size, view->size, n * sizeof(*view->size));
		assert_memory_equal(other->internal_date, view->internal_date,
		                    n * sizeof(*view->internal_date));
		assert_memory_equal(other->save_date, view->save_date, n * sizeof(*view->save_date));
		mailbox_state_free(other);
		packed_done(&packed);
	}
}

static void test_packed_wrongly(void **state)
{
	struct mailbox_state *other = NULL;
	struct packed packed;

	(void)state;
	log_append(3);
	apply();
	pack(&packed);
	for (uint32_t i = 0; i < packed.n; i++) {
		const size_t whole = packed.part[i].len;

		for (packed.part[i].len = 0; packed.part[i].len < whole; packed.part[i].len++)
			assert_int_equal(unpack(&packed, &other), FAULT_CORRUPT);
		buf_add_u8(&packed.part[i], 0);
		assert_int_equal(unpack(&packed, &other), FAULT_CORRUPT);
		packed.part[i].len = whole;
	}
	packed.part[0].data[0] ^= 1;
	assert_int_equal(unpack(&packed, &other), FAULT_CORRUPT);
	packed_done(&packed);
	view->uid[1] = view->uid[0];
	pack(&packed);
	assert_int_equal(unpack(&packed, &other), FAULT_CORRUPT);
	packed_done(&packed);
	assert_null(other);
}

/* ---- the summary ---- */

static void summarize(struct mailbox_summary *ret)
{
	struct buf part;

	view->head.messages = view->n;
	buf_init(&part, BUF_NO_LIMIT);
	assert_true(mailbox_state_pack(view, 0, &part));
	assert_int_equal(mailbox_summary_unpack(buf_slice(&part), ret, NULL), FAULT_NONE);
	buf_done(&part);
}

/* One change behind five messages, of which the first `seen` are seen: either the summary knows what it comes to, or it
 * says that it does not. */
static void test_summary(void **state)
{
	static const struct {
		const char *name;
		uint32_t seen, appended;
		bool expunge;
		uint32_t first, last, flags;
		bool followed;
	} cases[] = {
		{ "nothing", 2, 0, false, 0, 0, 0, true },
		{ "new mail", 2, 3, false, 0, 0, 0, true },
		{ "new mail where all was seen", 5, 3, false, 0, 0, 0, true },
		{ "a later one is seen", 2, 0, false, 5, 5, FLAG_SEEN, true },
		{ "the first unseen one is seen", 2, 0, false, 3, 3, FLAG_SEEN, false },
		{ "another flag of the first unseen one", 2, 0, false, 1, 3, FLAG_FLAGGED, true },
		{ "all are seen already", 5, 0, false, 1, 2, FLAG_SEEN, true },
		{ "new mail is seen", 5, 2, false, 6, 6, FLAG_SEEN, false },
		{ "the second new one is seen", 5, 2, false, 7, 7, FLAG_SEEN, true },
		{ "expunged before it", 2, 0, true, 1, 1, 0, false },
		{ "expunged behind it", 2, 1, true, 4, 5, 0, true },
		{ "it is expunged", 2, 0, true, 3, 3, 0, false },
		{ "expunged where all are seen", 5, 0, true, 2, 4, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct mailbox_summary summary, truth;

		print_message("  %s\n", cases[i].name);
		teardown(NULL);
		setup(NULL);
		log_append(5);
		log_edit(false, 1, cases[i].seen, FLAG_SEEN);
		apply();
		summarize(&summary);
		if (cases[i].appended)
			log_append(cases[i].appended);
		if (cases[i].last)
			log_edit(cases[i].expunge, cases[i].first, cases[i].last, cases[i].flags);
		apply();
		summarize(&truth);
		news.log.head.messages = view->n;
		assert_int_equal(mailbox_summary_follow(&summary, &news), cases[i].followed);
		if (!cases[i].followed)
			continue;
		assert_int_equal(summary.unseen, truth.unseen);
		assert_int_equal(summary.unseen_uid, truth.unseen_uid);
		assert_int_equal(summary.head.messages, truth.head.messages);
		assert_int_equal(summary.head.modseq, truth.head.modseq);
	}
}

/* Pages, news of another mailbox, a count that does not agree: nothing is concluded from those. */
static void test_summary_refused(void **state)
{
	struct mailbox_summary summary;

	(void)state;
	log_append(5);
	apply();
	summarize(&summary);
	log_append(1);
	news.with_pages = true;
	assert_false(mailbox_summary_follow(&summary, &news));
	news.with_pages = false;
	news.log.head.messages++;
	assert_false(mailbox_summary_follow(&summary, &news));
	news.log.head.messages--;
	summary.head.modseq += 10;
	assert_false(mailbox_summary_follow(&summary, &news));
	summary.head.modseq -= 10;
	assert_true(mailbox_summary_follow(&summary, &news));
	assert_int_equal(summary.head.messages, 6);
}

/* Changed and then expunged, new and then expunged: only what is left of it is told. */
static void test_delta(void **state)
{
	(void)state;
	log_append(4);
	apply();
	mailbox_delta_done(&delta);
	mailbox_delta_init(&delta);
	log_edit(false, 1, 3, FLAG_SEEN);
	log_append(2);
	log_edit(true, 2, 2, 0);
	log_edit(true, 5, 5, 0);
	apply();
	assert_rows("1:1@3 3:1@3 4:0@2 6:0@4");
	assert_set(&delta.expunged, "2");
	assert_set(&delta.changed, "1,3");
	assert_int_equal(delta.first_new, 6);
}

static void test_pages(void **state)
{
	(void)state;
	log_append(1030);
	log_edit(true, 3, 1026, 0);
	log_edit(false, 2, 1027, FLAG_SEEN);
	fold_page(0, 0);
	fold_page(1, 1);
	trim();
	log_edit(false, 1, 1, FLAG_DELETED);
	apply();
	assert_rows("1:8@5 2:1@4 1027:1@4 1028:0@2 1029:0@2 1030:0@2");
	assert_int_equal(view->loaded[0], 0);
	assert_int_equal(view->n_vanished, 1); /* joined over the page's end */
	assert_int_equal(view->vanished[0].uids.first, 3);
	assert_int_equal(view->vanished[0].uids.last, 1026);
	assert_int_equal(mailbox_state_load_keys(view, &pages[0], NULL), FAULT_NONE);
	assert_int_equal(view->loaded[0] + view->loaded[1], 2);
	assert_int_equal(view->loaded[2], 0);
	assert_int_equal(view->content[1].raw[0], 2);
}

/* Every half of a fold gives the same mailbox, from scratch and to a view that was in the middle of the log. */
static void test_half_folded(void **state)
{
	static const char want[] = "1:1@3 2:0@2 1024:4@7 1025:4@7 1027:0@4 1028:0@4";

	(void)state;
	for (int written = 0; written < 4; written++) {
		for (int known = 0; known < 3; known++) {
			teardown(NULL);
			setup(NULL);
			log_append(1025);
			log_edit(false, 1, 1, FLAG_SEEN);
			if (known == 1)
				apply();
			log_append(3);
			log_edit(true, 3, 1023, 0);
			log_edit(true, 1026, 1026, 0);
			if (known == 2)
				apply();
			log_edit(false, 1024, 1025, FLAG_FLAGGED);
			if (written == 1 || written == 3)
				fold_page(0, 0);
			if (written >= 2)
				fold_page(written == 3, 1); /* 2: the second page alone */
			apply();
			assert_rows(want);
			assert_int_equal(view->n_vanished, 2);
		}
	}
}

static void test_page_newer(void **state)
{
	(void)state;
	log_append(5);
	apply();
	mailbox_delta_done(&delta);
	mailbox_delta_init(&delta);
	log_edit(false, 4, 5, FLAG_SEEN);
	log_edit(true, 2, 2, 0);
	log_append(1);
	fold_page(0, 0);
	trim();
	news.since = 2;
	apply();
	assert_rows("1:0@2 3:0@2 4:1@3 5:1@3 6:0@5");
	assert_set(&delta.expunged, "2");
	assert_set(&delta.changed, "4:5");
	assert_int_equal(delta.first_new, 6);
	assert_int_equal(view->loaded[0] + view->loaded[4], 1); /* what had its keys keeps them */
}

static void test_old_news(void **state)
{
	struct mailbox_news old;
	struct mailbox_change old_changes[CHANGES_MAX];

	(void)state;
	log_append(2);
	old = news;
	memcpy(old_changes, changes, sizeof(changes));
	old.log.changes = old_changes;
	log_edit(true, 1, 1, 0);
	news.log.head.recent_uid = 3;
	apply();
	assert_rows("2:0@2");
	assert_int_equal(mailbox_state_apply(view, &old, &delta, NULL), FAULT_NONE);
	assert_rows("2:0@2");
	assert_int_equal(view->head.modseq, 3);
	/* at the same place: only the header may have moved */
	news.log.head.recent_uid = 1;
	news.log.head.keywords = 4;
	apply();
	assert_int_equal(view->head.recent_uid, 3);
	assert_int_equal(view->head.keywords, 4);
}

static void test_floor(void **state)
{
	(void)state;
	log_append(10);
	log_edit(true, 1, 1, 0);
	log_edit(true, 2, 2, 0);
	apply();
	assert_int_equal(view->n_vanished, 2);
	fold_page(0, 0);
	trim();
	news.log.head.vanished_floor = 3;
	log_edit(true, 3, 3, 0);
	apply();
	assert_int_equal(view->n_vanished, 2);
	assert_int_equal(view->vanished[0].modseq, 4);
	fresh_view();
	news.since = 0;
	apply();
	assert_int_equal(view->n_vanished, 2);
	assert_int_equal(view->vanished[0].uids.first, 2);
}

static void test_committed(void **state)
{
	struct uid_set some, one;
	struct mailbox_edit edits[2] = { { .op = FLAGS_SET, .flags = FLAG_DRAFT, .uids = &some },
		                         { .expunge = true, .uids = &one } };
	struct mailbox_commit commit = { .mailbox = box, .if_modseq = 2, .edits = edits, .n_edits = 2 };
	struct mailbox_head head;

	(void)state;
	log_append(5);
	apply();
	mailbox_delta_done(&delta);
	mailbox_delta_init(&delta);
	uid_set_init(&some);
	uid_set_init(&one);
	uid_set_add_range(&some, 2, 4);
	uid_set_add(&one, 3);
	head = view->head;
	head.modseq = 4;
	head.messages = 4;
	mailbox_state_committed(view, &commit, &head, &delta);
	assert_rows("1:0@2 2:16@3 4:16@3 5:0@2");
	assert_int_equal(view->head.modseq, 4);
	assert_int_equal(view->head.messages, 4);
	assert_set(&delta.expunged, "3");
	assert_set(&delta.changed, "2,4");
	assert_int_equal(delta.first_new, 0);
	assert_int_equal(view->vanished[0].modseq, 4);
	uid_set_done(&some);
	uid_set_done(&one);
}

/* An append that goes with an expunge: the new message has its place, and the keys it was committed with. */
static void test_committed_append(void **state)
{
	const struct mailbox_append append = { .content = { { 7 } }, .size = 99, .flags = FLAG_SEEN };
	struct uid_set one;
	struct mailbox_edit edit = { .expunge = true, .uids = &one };
	struct mailbox_commit commit = { .mailbox = box,
		                         .if_modseq = 2,
		                         .appends = &append,
		                         .n_appends = 1,
		                         .edits = &edit,
		                         .n_edits = 1 };
	struct mailbox_head head;

	(void)state;
	log_append(5);
	apply();
	mailbox_delta_done(&delta);
	mailbox_delta_init(&delta);
	uid_set_init(&one);
	uid_set_add(&one, 3);
	head = view->head;
	head.modseq = 4;
	head.uid_next = 7;
	mailbox_state_committed(view, &commit, &head, &delta);
	assert_rows("1:0@2 2:0@2 4:0@2 5:0@2 6:1@3");
	assert_set(&delta.expunged, "3");
	assert_int_equal(delta.first_new, 6);
	assert_int_equal(view->vanished[0].modseq, 4);
	assert_true(view->loaded[4]);
	assert_true(id_eq(&view->content[4], &append.content));
	assert_int_equal(view->size[4], 99);
	uid_set_done(&one);
}

static void test_corrupt(void **state)
{
	struct why why;

	(void)state;
	log_append(5);
	apply();
	log_append(1);
	changes[1].entry.len--;
	assert_int_equal(mailbox_state_apply(view, &news, &delta, &why), FAULT_CORRUPT);
	assert_rows("1:0@2 2:0@2 3:0@2 4:0@2 5:0@2");
	changes[1].entry.len++;
	log_edit(true, 2, 2, 0);
	fold_page(0, 0);
	trim();
	pages[0].columns.len--;
	assert_int_equal(mailbox_state_apply(view, &news, &delta, &why), FAULT_CORRUPT);
	assert_rows("1:0@2 2:0@2 3:0@2 4:0@2 5:0@2");
	pages[0].columns.len++;
	pages[0].keys.len--;
	assert_int_equal(mailbox_state_apply(view, &news, &delta, &why),
	                 FAULT_NONE); /* keys are not looked at */
	assert_int_equal(mailbox_state_load_keys(view, &pages[0], &why), FAULT_CORRUPT);
}

/* No message may turn up below a UID that was seen (P5), nor above those given out. */
static void test_late_uid(void **state)
{
	struct why why;

	(void)state;
	log_append(5);
	fold_page(0, 0);
	view->head.modseq = 1;
	view->head.uid_next = 4; /* this view has seen 1 to 3, and that they are gone */
	trim();
	assert_int_equal(mailbox_state_apply(view, &news, &delta, &why), FAULT_CORRUPT);
	fresh_view();
	news.log.head.uid_next = news.log.head.log_base_uid = 5;
	assert_int_equal(mailbox_state_apply(view, &news, &delta, &why), FAULT_CORRUPT);
	news.log.head.uid_next = news.log.head.log_base_uid = 6;
	assert_int_equal(mailbox_state_apply(view, &news, &delta, &why), FAULT_NONE);
}

static void test_find(void **state)
{
	size_t empty = mailbox_state_memory(view);

	(void)state;
	assert_int_equal(mailbox_state_find(view, 1), -1);
	assert_int_equal(mailbox_state_from(view, 1), 0);
	log_append(200);
	log_edit(true, 50, 59, 0);
	apply();
	assert_int_equal(mailbox_state_find(view, 49), 48);
	assert_int_equal(mailbox_state_find(view, 50), -1);
	assert_int_equal(mailbox_state_from(view, 50), 49);
	assert_int_equal(mailbox_state_find(view, 60), 49);
	assert_int_equal(mailbox_state_find(view, 200), 189);
	assert_int_equal(mailbox_state_from(view, 201), 190);
	assert_true(mailbox_state_memory(view) > empty + 190 * 100);
	mailbox_state_free(NULL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_log_alone),   TEST(test_delta),           TEST(test_pages),
		TEST(test_half_folded), TEST(test_page_newer),      TEST(test_old_news),
		TEST(test_floor),       TEST(test_committed),       TEST(test_committed_append),
		TEST(test_corrupt),     TEST(test_late_uid),        TEST(test_find),
		TEST(test_packed),      TEST(test_packed_wrongly),  TEST(test_packed_columns),
		TEST(test_summary),     TEST(test_summary_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
