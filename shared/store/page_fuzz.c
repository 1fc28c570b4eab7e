/* Pages from anywhere: what unpacks packs to the same again, and takes any change. */
#include <stdlib.h>

#include "store/page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void pack(const struct page *page, struct buf *columns, struct buf *keys)
{
	page_pack_columns(page, columns);
	if (page->with_keys)
		page_pack_keys(page, keys);
}

static void repack(struct page *page, struct page *again)
{
	struct buf columns, keys, columns_again, keys_again;
	struct page_row row = { .number = page->number, .modseq = page->modseq };

	buf_init(&columns, BUF_NO_LIMIT);
	buf_init(&keys, BUF_NO_LIMIT);
	buf_init(&columns_again, BUF_NO_LIMIT);
	buf_init(&keys_again, BUF_NO_LIMIT);
	pack(page, &columns, &keys);
	row.columns = buf_slice(&columns);
	row.keys = buf_slice(&keys);
	if (page_unpack(again, &row, NULL))
		abort();
	pack(again, &columns_again, &keys_again);
	if (!slice_eq(row.columns, buf_slice(&columns_again)) || !slice_eq(row.keys, buf_slice(&keys_again)))
		abort();
	buf_done(&columns);
	buf_done(&keys);
	buf_done(&columns_again);
	buf_done(&keys_again);
}

/* Flags on every other range, then everything is expunged. */
static void change(struct page *page)
{
	struct uid_range all = { page_first_uid(page->number), page_last_uid(page->number) };
	struct entry entry = { .kind = ENTRY_FLAGS, .op = FLAGS_ADD, .flags = FLAG_SEEN };

	entry.uids = (struct uid_set){ .ranges = &all, .n = 1 };
	page_apply(page, &entry, UINT64_MAX - 1, 0, NULL);
	page_drop_vanished(page, page->modseq / 2);
	if (!page->with_keys)
		return;
	entry.kind = ENTRY_EXPUNGE;
	page_apply(page, &entry, UINT64_MAX, 0, NULL);
	if (page->n)
		abort();
}

/* The first two bytes: how much of the rest is columns; what is left is keys, if anything is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t split = size < 2 ? 0 : (size_t)(data[0] | data[1] << 8);
	struct slice rest = slice_from(slice_of(data, size), 2);
	struct page_row row = { .number = 3, .modseq = 100 };
	struct arena *arena = arena_new();
	struct page *page = page_new(arena), *again = page_new(arena);

	row.columns = slice_first(rest, split);
	row.keys = slice_from(rest, split);
	if (page_unpack(page, &row, NULL) == FAULT_NONE) {
		repack(page, again);
		change(page);
		repack(page, again);
	}
	arena_free(arena);
	return 0;
}
