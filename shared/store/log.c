/* Encoding and decoding of log entries (log.h). */
#include "store/log.h"

#include <assert.h>

#include "store/pack.h"
#include "store/schema.h"

#define ENTRY_VERSION 1
#define APPEND_LEAST  (16 + 2 + 5) /* bytes of the shortest message in an append */

void entry_encode_append(struct buf *out, const struct mailbox_append *appends, size_t n)
{
	int64_t internal = 0, save = 0;

	assert(n >= 1 && n <= ENTRY_APPENDS_MAX);
	buf_add_u8(out, ENTRY_VERSION);
	buf_add_u8(out, ENTRY_APPEND);
	buf_add_varint(out, n);
	for (size_t i = 0; i < n; i++) {
		const struct mailbox_append *append = &appends[i];

		assert((append->flags & ~(uint32_t)FLAG_ALL) == 0);
		pack_id(out, &append->content);
		pack_key(out, &append->key);
		buf_add_varint(out, append->size);
		buf_add_varint(out, append->flags);
		buf_add_varint(out, append->keywords);
		pack_after(out, append->internal_date, internal);
		pack_after(out, append->save_date, save);
		internal = append->internal_date;
		save = append->save_date;
	}
}

void entry_encode_edit(struct buf *out, const struct mailbox_edit *edit)
{
	assert(!uid_set_is_empty(edit->uids) && (edit->flags & ~(uint32_t)FLAG_ALL) == 0);
	buf_add_u8(out, ENTRY_VERSION);
	buf_add_u8(out, edit->expunge ? ENTRY_EXPUNGE : ENTRY_FLAGS);
	if (!edit->expunge) {
		buf_add_u8(out, (uint8_t)edit->op);
		buf_add_varint(out, edit->flags);
		buf_add_varint(out, edit->keywords);
	}
	uid_set_pack(edit->uids, out);
}

static uint32_t read_flags(struct reader *in)
{
	uint64_t flags = read_varint(in);

	if (flags & ~(uint64_t)FLAG_ALL)
		in->bad = true;
	return (uint32_t)flags;
}

static void decode_append(struct reader *in, uint32_t uids, struct arena *arena, struct entry *ret)
{
	uint64_t n = read_varint(in), size;
	struct mailbox_append *appends;
	int64_t internal = 0, save = 0;

	if (in->bad || n == 0 || n > ENTRY_APPENDS_MAX || n != uids || n > in->rest.len / APPEND_LEAST) {
		in->bad = true;
		return;
	}
	appends = arena_array(arena, struct mailbox_append, n);
	for (uint64_t i = 0; i < n && !in->bad; i++) {
		unpack_id(in, &appends[i].content);
		unpack_key(in, &appends[i].key);
		size = read_varint(in);
		if (size > UINT32_MAX)
			in->bad = true;
		appends[i].size = (uint32_t)size;
		appends[i].flags = read_flags(in);
		appends[i].keywords = read_varint(in);
		appends[i].internal_date = internal = unpack_after(in, internal);
		appends[i].save_date = save = unpack_after(in, save);
	}
	ret->appends = appends;
	ret->n_appends = (uint32_t)n;
}

static void free_uids(void *uids)
{
	uid_set_done(uids);
}

/* The set's memory is the heap's, so the arena is told to give it back. */
static void decode_uids(struct reader *in, struct arena *arena, struct entry *ret)
{
	struct uid_set *uids = arena_make(arena, struct uid_set);

	if (!uid_set_unpack(in, UINT32_MAX, uids))
		return;
	arena_on_free(arena, free_uids, uids);
	if (uid_set_is_empty(uids) || uid_set_max(uids) > UID_MAX)
		in->bad = true;
	ret->uids = *uids;
}

enum fault entry_decode(struct slice raw, uint32_t uids, struct arena *arena, struct entry *ret,
                        struct why *why)
{
	struct reader in = reader_of(raw);
	uint8_t version = read_u8(&in);
	struct entry entry = { .kind = (enum entry_kind)read_u8(&in) };

	if (!in.bad && version != ENTRY_VERSION)
		return fault_set(why, FAULT_CORRUPT,
		                 "log entry of version %u, which this Posthouse does not know", version);
	switch (entry.kind) {
	case ENTRY_APPEND:
		decode_append(&in, uids, arena, &entry);
		break;
	case ENTRY_FLAGS:
		entry.op = (enum flag_op)read_u8(&in);
		entry.flags = read_flags(&in);
		entry.keywords = read_varint(&in);
		in.bad |= entry.op > FLAGS_SET || uids != 0;
		decode_uids(&in, arena, &entry);
		break;
	case ENTRY_EXPUNGE:
		in.bad |= uids != 0;
		decode_uids(&in, arena, &entry);
		break;
	default:
		in.bad = true;
	}
	if (!read_finished(&in))
		return fault_set(why, FAULT_CORRUPT, "log entry of %zu bytes does not parse", raw.len);
	*ret = entry;
	return FAULT_NONE;
}

enum fault entry_decode_log(const struct mailbox_log *log, struct arena *arena, struct entry **ret,
                            uint32_t **ret_first_uid, struct why *why)
{
	struct entry *entries = arena_array(arena, struct entry, log->n);
	uint32_t *first_uid = arena_array(arena, uint32_t, log->n);
	uint64_t taken = 0, uid;
	enum fault fault;

	if (log->head.modseq - log->head.log_base != (uint64_t)log->n + log->skipped)
		return fault_set(why, FAULT_CORRUPT, "log has %u entries, its head counts %llu",
		                 log->n + log->skipped,
		                 (unsigned long long)(log->head.modseq - log->head.log_base));
	for (uint32_t i = 0; i < log->n; i++)
		taken += log->changes[i].uids;
	uid = log->head.uid_next - taken;
	if (taken > log->head.uid_next - log->head.log_base_uid ||
	    (!log->skipped && uid != log->head.log_base_uid))
		return fault_set(why, FAULT_CORRUPT, "log takes %llu UIDs from %u on, its head says up to %u",
		                 (unsigned long long)taken, log->head.log_base_uid, log->head.uid_next);
	for (uint32_t i = 0; i < log->n; i++) {
		fault = entry_decode(log->changes[i].entry, log->changes[i].uids, arena, &entries[i], why);
		if (fault)
			return fault_add(why, fault, "entry %u of %u", i + 1, log->n);
		first_uid[i] = (uint32_t)uid;
		uid += log->changes[i].uids;
	}
	*ret = entries;
	*ret_first_uid = first_uid;
	return FAULT_NONE;
}
