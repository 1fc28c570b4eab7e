/* What THREAD keeps of messages (thread_list.h). */
#include "thread_list.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"
#include "base_subject.h"
#include "mail/fold.h"
#include "mail/header.h"
#include "mail/msgid.h"
#include "sort_key.h"

#define IDS_MAX    (32 * 1024) /* in one field: it has not more bytes than that by far */
#define PER_ID     128         /* what an id costs in the map and, later, in the tree, roughly */
#define FOLDED_MAX (64 * 1024)

static uint32_t number_of(struct thread_list *list, struct slice id)
{
	uintptr_t number = (uintptr_t)map_get(list->ids, id);

	if (!number) {
		number = ++list->n_ids;
		map_put(list->ids, id, (void *)number);
	}
	return (uint32_t)number;
}

static uint32_t ids_of(struct arena *scratch, struct slice header, const char *name, uint32_t max,
                       struct slice **ret)
{
	struct header_field field;

	return header_find(header, name, &field) ? msgid_list(scratch, field.value, max, ret) : 0;
}

/* Without valid References, the first id of In-Reply-To (RFC 5256 3, REFERENCES step 1). */
static void take_refs(struct thread_list *list, struct thread_row *row, struct arena *scratch,
                      struct slice header)
{
	struct slice *ids = NULL;
	uint32_t n = ids_of(scratch, header, "References", IDS_MAX, &ids), skipped;

	if (!n)
		n = ids_of(scratch, header, "In-Reply-To", 1, &ids);
	row->n_refs = MIN_OF(n, (uint32_t)THREAD_REFS_MAX);
	row->refs = arena_array(list->arena, uint32_t, row->n_refs);
	skipped = n - row->n_refs;
	for (uint32_t i = 0; i < row->n_refs; i++)
		row->refs[i] = number_of(list, ids[i ? i + skipped : 0]);
}

static void take_ids(struct thread_list *list, struct thread_row *row, struct arena *scratch,
                     struct slice header)
{
	struct slice *ids = NULL;

	if (ids_of(scratch, header, "Message-ID", 1, &ids))
		row->id = number_of(list, ids[0]);
	take_refs(list, row, scratch, header);
}

static void take_subject(struct thread_list *list, struct thread_row *row, struct slice header)
{
	struct header_field field;
	struct slice base;

	list->plain.limit = list->folded.limit = FOLDED_MAX;
	buf_clear(&list->plain);
	buf_clear(&list->folded);
	if (!header_find(header, "Subject", &field))
		return;
	subject_plain(&list->plain, field.value);
	base = base_subject(buf_slice(&list->plain), &row->reply);
	fold_search(&list->folded, slice_first(base, 2 * SORT_TEXT_MAX));
	row->subject = arena_copy(list->arena, slice_first(buf_slice(&list->folded), SORT_TEXT_MAX));
}

static struct thread_row *add_row(struct thread_list *list)
{
	if (list->n == list->cap) {
		list->cap = list->cap ? 2 * list->cap : 512;
		list->rows = xrealloc(list->rows, list->cap * sizeof(*list->rows));
	}
	list->rows[list->n] = (struct thread_row){ .uid = 0 };
	return &list->rows[list->n++];
}

static bool is_full(const struct thread_list *list)
{
	return arena_used(list->arena) + (size_t)list->n_ids * PER_ID + list->n * sizeof(*list->rows) >
	       THREAD_MEMORY_MAX;
}

void thread_take(struct thread_list *list, const struct search_row *row, struct slice header)
{
	struct arena *scratch;
	struct thread_row *made;

	if (!list->arena) {
		list->arena = arena_new();
		list->ids = map_new();
	}
	list->full |= is_full(list);
	if (list->full)
		return;
	made = add_row(list);
	made->uid = row->uid;
	made->sent = sort_sent(row, header);
	if (list->by != THREAD_REFS)
		take_subject(list, made, header);
	if (list->by == THREAD_ORDEREDSUBJECT)
		return;
	scratch = arena_new();
	take_ids(list, made, scratch, header);
	arena_free(scratch);
}

void thread_list_done(struct thread_list *list)
{
	buf_done(&list->plain);
	buf_done(&list->folded);
	map_free(list->ids);
	free(list->rows);
	arena_free(list->arena);
}
