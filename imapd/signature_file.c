/* The cache file of search signatures (signature_file.h). */
#include "signature_file.h"

#include "base/log.h"

#define FILE_VERSION 3

struct cache_file signature_file_of(const char *dir, const struct account_ctx *account,
                                    const struct id *mailbox)
{
	return (struct cache_file){ dir, account, *mailbox, ".signatures", "signatures" };
}

void signature_file_forget(const char *dir, const struct id *mailbox)
{
	const struct cache_file file = signature_file_of(dir, NULL, mailbox);

	if (dir)
		cache_file_forget(&file);
}

/* ---- marks ---- */

static struct signature_mark mark_of(const struct mailbox_state *state, uint32_t at)
{
	return (struct signature_mark){ state->uid[at], state->size[at], state->internal_date[at],
		                        state->save_date[at] };
}

void signature_file_mark(struct signature_file *file, const struct mailbox_state *state, struct arena *arena)
{
	const uint32_t from = state->n - MIN_OF(state->n, (uint32_t)SIGNATURE_MARKS);

	file->uid_validity = state->head.uid_validity;
	file->modseq = state->head.modseq;
	file->n_marks = state->n - from;
	file->marks = arena_array(arena, struct signature_mark, file->n_marks);
	for (uint32_t i = 0; i < file->n_marks; i++)
		file->marks[i] = mark_of(state, from + i);
}

static bool is_same(const struct signature_mark *mark, const struct signature_mark *now)
{
	return mark->size == now->size && mark->internal_date == now->internal_date &&
	       mark->save_date == now->save_date;
}

/* The newest marked message that is there still, if it is the same; 0. */
static uint32_t known_to(const struct signature_file *file, const struct mailbox_state *state)
{
	for (uint32_t i = file->n_marks; i-- > 0;) {
		const int64_t at = mailbox_state_find(state, file->marks[i].uid);
		struct signature_mark now;

		if (at < 0)
			continue;
		now = mark_of(state, (uint32_t)at);
		return is_same(&file->marks[i], &now) ? now.uid : 0;
	}
	return 0;
}

/* What was signed behind the marks that are left is expunged, and stays so. */
static bool has_more(const struct mailbox_state *state, const struct segment *segment, uint32_t known)
{
	const uint32_t *uids = segment_uids(segment);
	bool more = false;

	for (uint32_t i = segment_count(segment); i-- > 0 && uids[i] > known && !more;)
		more = uids[i] >= state->head.uid_next || mailbox_state_find(state, uids[i]) >= 0;
	return more;
}

bool signature_file_is_of(const struct signature_file *file, const struct mailbox_state *state,
                          struct segment *const *segments, size_t n)
{
	const uint32_t known = known_to(file, state);
	bool good = known > 0;

	for (size_t i = 0; i < n && good; i++)
		good = !has_more(state, segments[i], known);
	return good;
}

/* ---- the file ----
 * version(1) | uid_validity(4) | modseq(8) | marks(4) { uid(4) size(4) internal-date(8) save-date(8) } | segment (block) … */

static void read_marks(struct reader *in, struct signature_file *file, struct arena *arena)
{
	const uint32_t n = read_u32(in);

	in->bad |= n > SIGNATURE_MARKS;
	file->marks = arena_array(arena, struct signature_mark, SIGNATURE_MARKS);
	for (file->n_marks = 0; file->n_marks < n && !in->bad; file->n_marks++) {
		struct signature_mark *mark = &file->marks[file->n_marks];

		mark->uid = read_u32(in);
		mark->size = read_u32(in);
		mark->internal_date = (int64_t)read_u64(in);
		mark->save_date = (int64_t)read_u64(in);
	}
}

static struct segment **read_segments(struct reader *in, struct arena *arena, size_t *ret_n)
{
	struct segment **segments = arena_array(arena, struct segment *, in->rest.len / 2 + 1);

	while (in->rest.len && !in->bad) {
		const struct slice packed = read_block(in);

		in->bad |= !packed.len || segment_unpack(packed, &segments[*ret_n], NULL);
		*ret_n += !in->bad;
	}
	return segments;
}

struct segment **signature_file_read(struct signature_file *file, struct arena *arena, size_t *ret_n)
{
	struct segment **segments = NULL;
	struct reader in;
	struct buf plain;

	*ret_n = 0;
	buf_init(&plain, CACHE_FILE_MAX);
	if (cache_file_read(&file->file, &plain)) {
		in = reader_of(buf_slice(&plain));
		in.bad |= read_u8(&in) != FILE_VERSION;
		in.bad |= read_u32(&in) != file->uid_validity;
		in.bad |= read_u64(&in) > file->modseq;
		read_marks(&in, file, arena);
		segments = read_segments(&in, arena, ret_n);
	}
	buf_done(&plain);
	return segments;
}

static bool pack_head(const struct signature_file *file, struct buf *out)
{
	bool fits = buf_add_u8(out, FILE_VERSION) && buf_add_u32(out, file->uid_validity) &&
	            buf_add_u64(out, file->modseq) && buf_add_u32(out, file->n_marks);

	for (uint32_t i = 0; i < file->n_marks && fits; i++)
		fits = buf_add_u32(out, file->marks[i].uid) && buf_add_u32(out, file->marks[i].size) &&
		       buf_add_u64(out, (uint64_t)file->marks[i].internal_date) &&
		       buf_add_u64(out, (uint64_t)file->marks[i].save_date);
	return fits;
}

void signature_file_write(const struct signature_file *file, struct segment *const *segments, size_t n)
{
	struct buf plain, packed;
	struct why why = { "" };
	enum fault fault;
	bool fits;

	buf_init(&plain, CACHE_FILE_MAX);
	buf_init(&packed, CACHE_FILE_MAX);
	fits = pack_head(file, &plain);
	for (size_t i = 0; i < n && fits; i++) {
		buf_clear(&packed);
		fits = segment_pack(segments[i], &packed) &&
		       (!packed.len || buf_add_block(&plain, buf_slice(&packed)));
	}
	fault = fits ? cache_file_write(&file->file, buf_slice(&plain), &why)
	             : fault_set(&why, FAULT_TOO_BIG, "the mailbox is too large for a file");
	if (fault)
		log_fault(NULL, fault, &why, "search signatures were not cached");
	buf_done(&packed);
	buf_done(&plain);
}
