/* Packing, unpacking and changing of pages (page.h). */
#include "store/page.h"

#include <assert.h>

#include "store/pack.h"
#include "store/schema.h"

#define PAGE_VERSION 1

struct page *page_new(struct arena *arena)
{
	return arena_alloc(arena, sizeof(struct page));
}

void page_clear(struct page *page, uint32_t number)
{
	page->number = number;
	page->modseq = 0;
	page->n = page->n_vanished = 0;
	page->with_keys = true;
}

/* ---- packing ---- */

static void pack_uids(const struct page *page, struct buf *out)
{
	struct uid_set offsets;

	uid_set_init(&offsets);
	for (uint32_t i = 0; i < page->n; i++)
		uid_set_add(&offsets, page->uid[i] - page->number * PAGE_UIDS);
	uid_set_pack(&offsets, out);
	uid_set_done(&offsets);
}

static void pack_vanished(const struct page *page, struct buf *out)
{
	uint64_t modseq = 0;

	buf_add_varint(out, page->n_vanished);
	for (uint32_t i = 0; i < page->n_vanished; i++) {
		const struct vanished_run *run = &page->vanished[i];

		buf_add_varint(out, run->modseq - modseq);
		buf_add_varint(out, run->uids.first - page_first_uid(page->number));
		buf_add_varint(out, run->uids.last - run->uids.first);
		modseq = run->modseq;
	}
}

void page_pack_columns(const struct page *page, struct buf *out)
{
	buf_add_u8(out, PAGE_VERSION);
	pack_uids(page, out);
	for (uint32_t i = 0; i < page->n; i++)
		pack_after(out, (int64_t)page->message_modseq[i],
		           i ? (int64_t)page->message_modseq[i - 1] : 0);
	for (uint32_t i = 0; i < page->n; i++)
		buf_add_varint(out, page->flags[i]);
	for (uint32_t i = 0; i < page->n; i++)
		buf_add_varint(out, page->keywords[i]);
	for (uint32_t i = 0; i < page->n; i++)
		buf_add_varint(out, page->size[i]);
	for (uint32_t i = 0; i < page->n; i++)
		pack_after(out, page->internal_date[i], i ? page->internal_date[i - 1] : 0);
	for (uint32_t i = 0; i < page->n; i++)
		pack_after(out, page->save_date[i], i ? page->save_date[i - 1] : 0);
	pack_vanished(page, out);
}

void page_pack_keys(const struct page *page, struct buf *out)
{
	assert(page->with_keys);
	buf_add_u8(out, PAGE_VERSION);
	pack_uids(page, out);
	for (uint32_t i = 0; i < page->n; i++) {
		bool tagged = !id_is_zero(&page->tag[i]);

		pack_id(out, &page->content[i]);
		pack_key(out, &page->key[i]);
		buf_add_u8(out, tagged);
		if (tagged)
			pack_id(out, &page->tag[i]);
	}
}

/* ---- unpacking ---- */

/* UIDs of the set into `uid`, PAGE_UIDS at most. */
static uint32_t unpack_uids(struct reader *in, uint32_t number, uint32_t uid[PAGE_UIDS])
{
	struct uid_set offsets;
	uint32_t n = 0, offset;

	uid_set_init(&offsets);
	if (uid_set_unpack(in, PAGE_UIDS, &offsets) && uid_set_max(&offsets) > PAGE_UIDS)
		in->bad = true;
	if (!in->bad)
		for (struct uid_iter it = uid_iter_of(&offsets); uid_next(&it, &offset);)
			uid[n++] = number * PAGE_UIDS + offset;
	uid_set_done(&offsets);
	return n;
}

static uint32_t read_u32_varint(struct reader *in, uint32_t max)
{
	uint64_t value = read_varint(in);

	if (value > max)
		in->bad = true;
	return (uint32_t)value;
}

static void unpack_vanished(struct reader *in, struct page *page)
{
	uint32_t n = read_u32_varint(in, PAGE_UIDS);
	uint64_t modseq = 0;

	for (uint32_t i = 0; i < n && !in->bad; i++) {
		uint64_t after = read_varint(in);
		uint32_t offset = read_u32_varint(in, PAGE_UIDS - 1),
		         more = read_u32_varint(in, PAGE_UIDS - 1);

		if (in->bad || modseq + after < modseq || offset + more >= PAGE_UIDS) {
			in->bad = true;
			return;
		}
		modseq += after;
		page->vanished[i].modseq = modseq;
		page->vanished[i].uids.first = page_first_uid(page->number) + offset;
		page->vanished[i].uids.last = page->vanished[i].uids.first + more;
	}
	page->n_vanished = in->bad ? 0 : n;
}

static bool unpack_columns(struct page *page, struct slice columns)
{
	struct reader in = reader_of(columns);

	if (read_u8(&in) != PAGE_VERSION)
		return false;
	page->n = unpack_uids(&in, page->number, page->uid);
	for (uint32_t i = 0; i < page->n; i++)
		page->message_modseq[i] =
		    (uint64_t)unpack_after(&in, i ? (int64_t)page->message_modseq[i - 1] : 0);
	for (uint32_t i = 0; i < page->n; i++)
		page->flags[i] = read_u32_varint(&in, FLAG_ALL);
	for (uint32_t i = 0; i < page->n; i++)
		page->keywords[i] = read_varint(&in);
	for (uint32_t i = 0; i < page->n; i++)
		page->size[i] = read_u32_varint(&in, UINT32_MAX);
	for (uint32_t i = 0; i < page->n; i++)
		page->internal_date[i] = unpack_after(&in, i ? page->internal_date[i - 1] : 0);
	for (uint32_t i = 0; i < page->n; i++)
		page->save_date[i] = unpack_after(&in, i ? page->save_date[i - 1] : 0);
	unpack_vanished(&in, page);
	return read_finished(&in);
}

/* The keys of the messages that the columns have; others are stepped over. */
static bool unpack_keys(struct page *page, struct slice keys)
{
	struct reader in = reader_of(keys);
	uint32_t uid[PAGE_UIDS], n, at = 0;
	struct wrapped_key key;
	struct id content, tag;

	memset(page->content, 0, page->n * sizeof(page->content[0]));
	memset(page->key, 0, page->n * sizeof(page->key[0]));
	memset(page->tag, 0, page->n * sizeof(page->tag[0]));
	if (read_u8(&in) != PAGE_VERSION)
		return false;
	n = unpack_uids(&in, page->number, uid);
	for (uint32_t i = 0; i < n && !in.bad; i++) {
		tag = (struct id){ { 0 } };
		unpack_id(&in, &content);
		unpack_key(&in, &key);
		if (read_u8(&in))
			unpack_id(&in, &tag);
		while (at < page->n && page->uid[at] < uid[i])
			at++;
		if (in.bad || at == page->n || page->uid[at] != uid[i])
			continue;
		page->content[at] = content;
		page->key[at] = key;
		page->tag[at] = tag;
	}
	return read_finished(&in);
}

enum fault page_unpack(struct page *page, const struct page_row *row, struct why *why)
{
	if (row->number > page_of(UID_MAX))
		return fault_set(why, FAULT_CORRUPT, "page number %u cannot be", row->number);
	page_clear(page, row->number);
	page->modseq = row->modseq;
	page->with_keys = row->keys.data != NULL;
	if (!unpack_columns(page, row->columns))
		return fault_set(why, FAULT_CORRUPT, "columns of page %u do not parse", row->number);
	if (page->with_keys && !unpack_keys(page, row->keys))
		return fault_set(why, FAULT_CORRUPT, "keys of page %u do not parse", row->number);
	return FAULT_NONE;
}

/* ---- changing ---- */

static bool append(struct page *page, const struct entry *entry, uint64_t modseq, uint32_t first_uid,
                   const struct id *tag)
{
	bool any = false;

	assert(page->with_keys);
	for (uint32_t i = 0; i < entry->n_appends; i++) {
		const struct mailbox_append *message = &entry->appends[i];
		uint32_t uid = first_uid + i, at = page->n;

		if (page_of(uid) != page->number || (at && page->uid[at - 1] >= uid))
			continue;
		page->n++;
		page->uid[at] = uid;
		page->message_modseq[at] = modseq;
		page->flags[at] = message->flags;
		page->keywords[at] = message->keywords;
		page->size[at] = message->size;
		page->internal_date[at] = message->internal_date;
		page->save_date[at] = message->save_date;
		page->content[at] = message->content;
		page->key[at] = message->key;
		page->tag[at] = i == 0 ? *tag : (struct id){ { 0 } };
		any = true;
	}
	return any;
}

static bool change_flags(struct page *page, const struct entry *entry, uint64_t modseq)
{
	bool any = false;

	for (uint32_t i = 0; i < page->n; i++) {
		if (!uid_set_has(&entry->uids, page->uid[i]))
			continue;
		page->flags[i] = (uint32_t)flag_result(entry->op, page->flags[i], entry->flags);
		page->keywords[i] = flag_result(entry->op, page->keywords[i], entry->keywords);
		page->message_modseq[i] = modseq;
		any = true;
	}
	return any;
}

static void move_message(struct page *page, uint32_t to, uint32_t from)
{
	if (to == from)
		return;
	page->uid[to] = page->uid[from];
	page->message_modseq[to] = page->message_modseq[from];
	page->flags[to] = page->flags[from];
	page->keywords[to] = page->keywords[from];
	page->size[to] = page->size[from];
	page->internal_date[to] = page->internal_date[from];
	page->save_date[to] = page->save_date[from];
	page->content[to] = page->content[from];
	page->key[to] = page->key[from];
	page->tag[to] = page->tag[from];
}

/* A UID joins the last run when it follows it in the same change. False when there is no room, which only a damaged
 * page makes happen. */
static bool add_vanished(struct page *page, uint32_t uid, uint64_t modseq)
{
	struct vanished_run *last = page->n_vanished ? &page->vanished[page->n_vanished - 1] : NULL;

	if (last && last->modseq == modseq && last->uids.last + 1 == uid) {
		last->uids.last = uid;
		return true;
	}
	if (page->n_vanished == PAGE_UIDS)
		return false;
	page->vanished[page->n_vanished++] = (struct vanished_run){ modseq, { uid, uid } };
	return true;
}

static bool expunge(struct page *page, const struct entry *entry, uint64_t modseq)
{
	uint32_t kept = 0;
	bool any;

	assert(page->with_keys);
	for (uint32_t i = 0; i < page->n; i++) {
		if (uid_set_has(&entry->uids, page->uid[i]))
			(void)add_vanished(page, page->uid[i], modseq);
		else
			move_message(page, kept++, i);
	}
	any = kept < page->n;
	page->n = kept;
	return any;
}

bool page_apply(struct page *page, const struct entry *entry, uint64_t modseq, uint32_t first_uid,
                const struct id *tag)
{
	bool any;

	if (modseq <= page->modseq)
		return false;
	if (entry->kind == ENTRY_APPEND)
		any = append(page, entry, modseq, first_uid, tag);
	else if (entry->kind == ENTRY_FLAGS)
		any = change_flags(page, entry, modseq);
	else
		any = expunge(page, entry, modseq);
	if (any)
		page->modseq = modseq;
	return any;
}

bool page_concerns(uint32_t number, const struct entry *entry, uint32_t first_uid)
{
	uint32_t first = page_first_uid(number), last = page_last_uid(number);
	uint32_t low = 0, high = entry->uids.n;

	if (entry->kind == ENTRY_APPEND)
		return first_uid <= last && first_uid + (entry->n_appends - 1) >= first;
	/* the first range that ends in the page or behind it */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (entry->uids.ranges[middle].last < first)
			low = middle + 1;
		else
			high = middle;
	}
	return low < entry->uids.n && entry->uids.ranges[low].first <= last;
}

void page_drop_vanished(struct page *page, uint64_t floor)
{
	uint32_t drop = 0;

	while (drop < page->n_vanished && page->vanished[drop].modseq <= floor)
		drop++;
	page->n_vanished -= drop;
	memmove(page->vanished, page->vanished + drop, page->n_vanished * sizeof(page->vanished[0]));
}
