/* A message under way, opened as far as it is needed (fetch_open.h). */
#include "fetch_open.h"

#define ARENA_LARGE (256 * 1024)

enum fault fetch_open(struct fetch_worker *w)
{
	struct fetch_opened *opened = w->opened;

	if (!opened->arena)
		opened->arena = arena_new();
	else if (arena_used(opened->arena) > ARENA_LARGE)
		arena_reset(opened->arena);
	opened->has_summary = opened->has_tree = opened->has_plain = false;
	return batch_open(&w->render->batch->items[w->render->at], w->key, opened->arena, &opened->message,
	                  w->why);
}

enum fault fetch_need_summary(struct fetch_worker *w)
{
	struct fetch_opened *opened = w->opened;
	enum fault fault = FAULT_NONE;

	if (!opened->has_summary)
		fault = message_summary(&opened->message, opened->arena, &opened->summary, w->why);
	opened->has_summary = !fault;
	return fault;
}

enum fault fetch_need_tree(struct fetch_worker *w)
{
	struct fetch_opened *opened = w->opened;
	enum fault fault = fetch_need_summary(w);

	if (!fault && !opened->has_tree)
		fault = mime_unpack(opened->summary.structure, opened->arena, &opened->mime, w->why);
	opened->has_tree = !fault;
	return fault;
}

/* A message of one piece is opened once, whatever is taken from it. */
static enum fault need_plain(struct fetch_worker *w)
{
	struct fetch_opened *opened = w->opened;
	enum fault fault = FAULT_NONE;

	if (opened->has_plain)
		return FAULT_NONE;
	buf_clear(&opened->plain);
	fault = message_read(w->stack, w->actor, &opened->message, 0, opened->message.size, opened->arena,
	                     &opened->plain, w->why);
	if (!fault && opened->plain.len != opened->message.size)
		fault = fault_set(w->why, FAULT_CORRUPT, "a message is shorter than its size");
	opened->has_plain = !fault;
	return fault;
}

static bool is_in_summary(const struct fetch_opened *opened, uint64_t end)
{
	return opened->has_summary && end <= opened->summary.header.len;
}

enum fault fetch_read(struct fetch_worker *w, uint64_t offset, uint64_t len, struct buf *out)
{
	struct fetch_opened *opened = w->opened;
	const size_t before = out->len;
	enum fault fault = FAULT_NONE;

	if (is_in_summary(opened, offset + len)) {
		buf_add(out, opened->summary.header.data + offset, len);
	} else if (opened->message.size <= SEAL_PIECE && len < opened->message.size) {
		fault = need_plain(w);
		if (!fault)
			buf_add(out, opened->plain.data + offset, len);
	} else {
		fault = message_read(w->stack, w->actor, &opened->message, offset, len, opened->arena, out,
		                     w->why);
	}
	if (!fault && out->len - before != len)
		fault = fault_set(w->why, FAULT_CORRUPT, "a message is shorter than its structure says");
	return fault;
}

enum fault fetch_find_place(struct fetch_worker *w, const struct fetch_section *section,
                            struct fetch_place *ret)
{
	struct fetch_opened *opened = w->opened;
	uint64_t header_len = 0;
	enum fault fault = FAULT_NONE;

	if (section->n) {
		fault = fetch_need_tree(w);
	} else if (section->what != SECTION_ALL) {
		fault = fetch_need_summary(w);
		if (!fault && opened->summary.header_cut)
			fault = fetch_need_tree(w);
		if (!fault)
			header_len = opened->summary.header_cut ? opened->mime.root->header_len
			                                        : opened->summary.header.len;
	}
	if (!fault && header_len > opened->message.size)
		fault = fault_set(w->why, FAULT_CORRUPT, "a header is longer than its message");
	if (!fault)
		*ret = section_place(section, section->n ? &opened->mime : NULL, header_len,
		                     opened->message.size);
	return fault;
}
