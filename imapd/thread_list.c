/* What THREAD looks at of messages (thread_list.h). */
#include "thread_list.h"

#include <stdlib.h>

#include "base/arena.h"
#include "mail/header.h"
#include "mail/msgid.h"
#include "sort_key.h"

#define IDS_MAX (32 * 1024) /* in one field: it has not more bytes than that by far */
#define PER_ID  128         /* what an id costs, in the tree too, roughly */

bool thread_knows(struct thread_list *list, uint32_t uid)
{
	return column_has(&list->sent, uid) &&
	       (list->by == THREAD_REFS || column_has(&list->subjects, uid)) &&
	       (list->by == THREAD_ORDEREDSUBJECT || thread_ids_has(&list->ids, uid));
}

/* ---- headers ---- */

static uint32_t ids_of(struct arena *scratch, struct slice header, const char *name, uint32_t max,
                       struct slice **ret)
{
	struct header_field field;

	return header_find(header, name, &field) ? msgid_list(scratch, field.value, max, ret) : 0;
}

/* Without valid References, the first id of In-Reply-To (RFC 5256 3, REFERENCES step 1). */
static void take_ids(struct thread_list *list, uint32_t uid, bool reply, struct slice header)
{
	struct arena *scratch = arena_new();
	struct slice *own = NULL, *refs = NULL;
	const bool has_own = ids_of(scratch, header, "Message-ID", 1, &own);
	uint32_t n = ids_of(scratch, header, "References", IDS_MAX, &refs);

	if (!n)
		n = ids_of(scratch, header, "In-Reply-To", 1, &refs);
	if (n > THREAD_REFS_MAX) {
		refs[n - THREAD_REFS_MAX] = refs[0];
		refs += n - THREAD_REFS_MAX;
		n = THREAD_REFS_MAX;
	}
	thread_ids_add(&list->ids, uid, reply, has_own ? own[0] : slice_of(NULL, 0), refs, n);
	arena_free(scratch);
}

static void take_header(struct thread_list *list, const struct search_row *row, struct slice header)
{
	bool reply;
	const struct slice subject = sort_subject(header, &list->plain, &list->folded, &reply);

	if (!column_has(&list->sent, row->uid))
		column_add(&list->sent, row->uid, sort_sent(row, header), SLICE(""));
	if (list->by != THREAD_REFS && !column_has(&list->subjects, row->uid))
		column_add(&list->subjects, row->uid, 0, arena_copy(list->arena, subject));
	if (list->by != THREAD_ORDEREDSUBJECT && !thread_ids_has(&list->ids, row->uid))
		take_ids(list, row->uid, reply, header);
}

/* ---- rows ---- */

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
	return arena_used(list->arena) + (size_t)thread_ids_highest(&list->ids) * PER_ID +
	           thread_ids_memory(list->ids.made) + list->n * 2 * sizeof(*list->rows) >
	       THREAD_MEMORY_MAX;
}

void thread_take(struct thread_list *list, const struct search_row *row, struct slice header)
{
	struct thread_row *made;

	if (!list->arena)
		list->arena = arena_new();
	list->full |= is_full(list);
	if (list->full)
		return;
	made = add_row(list);
	made->uid = row->uid;
	made->sent = row->internal_date; /* it stands if the column does not know better */
	if (header.data)
		take_header(list, row, header);
}

static int by_uid(const void *left, const void *right)
{
	const struct thread_row *a = left, *b = right;

	return a->uid < b->uid ? -1 : a->uid > b->uid;
}

void thread_list_finish(struct thread_list *list)
{
	list->subjects.of_texts = true;
	column_use_finish(&list->sent);
	column_use_finish(&list->subjects);
	thread_ids_finish(&list->ids);
	if (list->n)
		qsort(list->rows, list->n, sizeof(*list->rows), by_uid);
	for (uint32_t i = 0; i < list->n; i++) {
		struct thread_row *row = &list->rows[i];

		row->sent = column_value(&list->sent, row->uid, row->sent);
		row->subject = (uint32_t)column_value(&list->subjects, row->uid, 0);
		row->named = thread_ids_of(&list->ids, row->uid);
	}
}

void thread_list_done(struct thread_list *list)
{
	column_use_done(&list->sent);
	column_use_done(&list->subjects);
	thread_ids_done(&list->ids);
	buf_done(&list->plain);
	buf_done(&list->folded);
	free(list->rows);
	arena_free(list->arena);
}
