/* Search signatures of a view (signatures.h). */
#include "signatures.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/list.h"

#define SMALL        1024 /* messages of a segment that is put together with the next */
#define SEGMENTS     16   /* past so many, all that are not full are */
#define SAVE_AT      512  /* messages that no file has, or a sixteenth of all */
#define ASK_AGAIN_MS (10 * 60 * 1000)

enum known { UNKNOWN, LACKS, OLD, HAS };

struct signatures {
	struct list node; /* of `used`, the longest unused first */
	struct segment **segments;
	size_t n, memory;
	uint64_t messages, unsaved;
	int64_t none_since; /* some had none, or an old one: when that was heard */
	bool file_read;
};

static struct list used = { &used, &used };
static size_t all_memory;

struct signatures *signatures_new(void)
{
	struct signatures *all = xzalloc(sizeof(*all));

	list_add_tail(&used, &all->node);
	return all;
}

static void drop(struct signatures *all, size_t at)
{
	const size_t memory = segment_memory(all->segments[at]);

	all->memory -= memory;
	all_memory -= memory;
	all->messages -= segment_count(all->segments[at]);
	segment_unref(all->segments[at]);
	all->segments[at] = all->segments[--all->n];
}

static void drop_all(struct signatures *all)
{
	while (all->n)
		drop(all, all->n - 1);
	all->unsaved = 0;
	all->file_read = false;
}

void signatures_free(struct signatures *all)
{
	if (!all)
		return;
	drop_all(all);
	list_del(&all->node);
	free(all->segments);
	free(all);
}

size_t signatures_memory(const struct signatures *all)
{
	return all->memory;
}

bool signatures_make_room(struct signatures *all, size_t limit)
{
	list_del(&all->node);
	list_add_tail(&used, &all->node);
	list_each (&used, node) {
		struct signatures *other = list_item(node, struct signatures, node);

		if (all_memory < limit)
			break;
		if (other != all)
			drop_all(other);
	}
	return all_memory < limit;
}

/* Of several that have it, the one that has the best signature says so. */
static enum known look(const struct signatures *all, uint32_t uid)
{
	enum known known = UNKNOWN;

	for (size_t i = 0; i < all->n && known != HAS; i++) {
		ptrdiff_t at = segment_find(all->segments[i], uid);

		if (at < 0)
			continue;
		if (segment_lacks(all->segments[i], (size_t)at))
			known = MAX_OF(known, LACKS);
		else
			known = segment_is_old(all->segments[i], (size_t)at) ? OLD : HAS;
	}
	return known;
}

bool signatures_want(const struct signatures *all, uint32_t uid, int64_t now)
{
	switch (look(all, uid)) {
	case HAS:
	case OLD:
		return false;
	case LACKS:
		return now - all->none_since > ASK_AGAIN_MS;
	default:
		return true;
	}
}

static bool is_wanting(const struct segment *segment, size_t at)
{
	return segment_lacks(segment, at) || segment_is_old(segment, at);
}

/* Keeps the lowest `max`, ascending; how many there are now. */
static size_t keep_lowest(uint32_t *kept, size_t n, size_t max, uint32_t uid)
{
	size_t at = n;

	while (at && kept[at - 1] > uid)
		at--;
	if (at == max || (at && kept[at - 1] == uid))
		return n;
	n = MIN_OF(n, max - 1);
	memmove(kept + at + 1, kept + at, (n - at) * sizeof(*kept));
	kept[at] = uid;
	return n + 1;
}

size_t signatures_missing(const struct signatures *all, uint32_t after, uint32_t *ret, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < all->n; i++) {
		const uint32_t *uids = segment_uids(all->segments[i]);

		for (uint32_t k = 0; k < segment_count(all->segments[i]); k++) {
			if (uids[k] <= after || !is_wanting(all->segments[i], k) || look(all, uids[k]) == HAS)
				continue;
			n = keep_lowest(ret, n, max, uids[k]);
			if (n == max && ret[max - 1] <= uids[k])
				break;
		}
	}
	return n;
}

static bool is_small(const struct signatures *all, const struct segment *segment)
{
	return segment_count(segment) < (all->n > SEGMENTS ? SIGNATURES_SEGMENT : SMALL);
}

struct segment **signatures_hold(const struct signatures *all, bool small, struct arena *arena, size_t *ret_n)
{
	struct segment **held = arena_array(arena, struct segment *, all->n);

	*ret_n = 0;
	for (size_t i = 0; i < all->n; i++)
		if (!small || is_small(all, all->segments[i]))
			held[(*ret_n)++] = segment_ref(all->segments[i]);
	return held;
}

static bool some_want(const struct segment *segment)
{
	bool some = false;

	for (uint32_t i = 0; i < segment_count(segment) && !some; i++)
		some = is_wanting(segment, i);
	return some;
}

void signatures_add(struct signatures *all, struct segment *fresh, struct segment *const *instead, size_t n,
                    int64_t now)
{
	uint64_t before = all->messages;

	for (size_t i = all->n; i-- > 0;)
		for (size_t k = 0; k < n; k++)
			if (all->segments[i] == instead[k]) {
				drop(all, i);
				break;
			}
	all->segments = xrealloc(all->segments, (all->n + 1) * sizeof(struct segment *));
	all->segments[all->n++] = fresh;
	all->messages += segment_count(fresh);
	all->memory += segment_memory(fresh);
	all_memory += segment_memory(fresh);
	if (some_want(fresh))
		all->none_since = now;
	all->unsaved += all->messages - MIN_OF(before, all->messages);
}

static void drop_old(struct signatures *all)
{
	for (size_t i = all->n; i-- > 0;)
		if (segment_has_old(all->segments[i]))
			drop(all, i);
}

void signatures_renew(struct signatures *all, int64_t now)
{
	if (now - all->none_since > ASK_AGAIN_MS)
		drop_old(all);
}

void signatures_ask_again(struct signatures *all)
{
	drop_old(all);
	all->none_since = INT64_MIN / 2;
}

bool signatures_first(struct signatures *all)
{
	const bool first = !all->file_read;

	all->file_read = true;
	return first;
}

bool signatures_unsaved(const struct signatures *all)
{
	return all->unsaved >= MAX_OF(all->messages / 16, (uint64_t)SAVE_AT);
}

void signatures_saved(struct signatures *all)
{
	all->unsaved = 0;
}
