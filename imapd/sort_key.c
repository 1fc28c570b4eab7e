/*
 * Sort criteria, values and order (sort_key.h).
 *
 *   sort-criterion = ["REVERSE" SP] sort-key
 *
 * A missing text is empty and so comes first; equal messages stand as they do in the mailbox, REVERSE or not.
 */
#include "sort_key.h"

#include <stdlib.h>

#include "base_subject.h"
#include "mail/address_list.h"
#include "mail/date.h"
#include "mail/encoded.h"
#include "mail/fold.h"
#include "mail/header.h"

#define PLAIN_MAX (64 * 1024) /* of a text before it is cut */
#define PER_ROW   64          /* what a message costs outside the arena, roughly */

/* ---- reading ---- */

static const struct word {
	const char *word;
	const char *field; /* it is the first address of; NULL: not that */
} words[SORT_BYS] = {
	[SORT_ARRIVAL] = { "ARRIVAL", NULL },
	[SORT_SIZE] = { "SIZE", NULL },
	[SORT_RELEVANCY] = { "RELEVANCY", NULL },
	[SORT_DATE] = { "DATE", NULL },
	[SORT_CC] = { "CC", "Cc" },
	[SORT_FROM] = { "FROM", "From" },
	[SORT_TO] = { "TO", "To" },
	[SORT_SUBJECT] = { "SUBJECT", NULL },
	[SORT_DISPLAYFROM] = { "DISPLAYFROM", "From" },
	[SORT_DISPLAYTO] = { "DISPLAYTO", "To" },
};

static bool fail(struct imap_args *args, const char *error)
{
	args->error = error;
	return false;
}

static void add_criterion(struct sort_criteria *criteria, enum sort_by by, bool reverse)
{
	for (uint32_t i = 0; i < criteria->n; i++)
		if (criteria->list[i].by == by)
			return;
	criteria->list[criteria->n++] = (struct sort_criterion){ by, reverse };
	criteria->by_header |= by >= SORT_DATE;
	criteria->by_relevancy |= by == SORT_RELEVANCY;
}

static bool parse_criterion(struct imap_args *args, struct sort_criteria *criteria)
{
	bool reverse = imap_args_word(args, "REVERSE");

	if (reverse && !imap_args_space(args))
		return false;
	for (enum sort_by by = 0; by < SORT_BYS; by++) {
		if (imap_args_word(args, words[by].word)) {
			add_criterion(criteria, by, reverse);
			return true;
		}
	}
	return fail(args, "Unknown sort criterion");
}

bool sort_parse(struct imap_args *args, struct sort_criteria *ret)
{
	*ret = (struct sort_criteria){ .n = 0 };
	if (!imap_args_open(args))
		return false;
	do {
		if (!parse_criterion(args, ret))
			return false;
	} while (imap_args_more(args));
	return imap_args_close(args);
}

/* ---- values ---- */

int64_t sort_sent(const struct search_row *row, struct slice header)
{
	struct header_field field;
	struct date date;

	if (header_find(header, "Date", &field) && date_parse(field.value, &date))
		return date.utc_ms;
	return row->internal_date;
}

/* Only the beginning of what is compared is looked at. */
static struct slice folded_of(struct buf *folded, struct slice text)
{
	folded->limit = PLAIN_MAX;
	buf_clear(folded);
	fold_search(folded, slice_first(text, 2 * SORT_TEXT_MAX));
	return slice_first(buf_slice(folded), SORT_TEXT_MAX);
}

struct slice sort_subject(struct slice header, struct buf *plain, struct buf *folded, bool *ret_reply)
{
	struct header_field field;

	plain->limit = PLAIN_MAX;
	buf_clear(plain);
	if (header_find(header, "Subject", &field))
		subject_plain(plain, field.value);
	return folded_of(folded, base_subject(buf_slice(plain), ret_reply));
}

/* The name that is shown for an address: its own, else all of the address (RFC 5957 3). */
static struct slice display_of(struct sort_list *list, const struct address_entry *entry)
{
	if (entry->name.len) {
		encoded_decode(&list->plain, entry->name);
	} else if (entry->kind == ADDRESS_ENTRY_MAILBOX) {
		buf_add_slice(&list->plain, entry->local);
		buf_addc(&list->plain, '@');
		buf_add_slice(&list->plain, entry->domain);
	}
	return buf_slice(&list->plain);
}

/* ENVELOPE has a group's name where an address has its mailbox. */
static struct slice address_of(struct sort_list *list, enum sort_by by, struct slice header)
{
	struct header_field field;
	struct address_list addresses;

	if (!header_find(header, words[by].field, &field))
		return SLICE("");
	address_list_parse(list->scratch, slice_first(field.value, PLAIN_MAX), 1, &addresses);
	if (!addresses.n)
		return SLICE("");
	if (by >= SORT_DISPLAYFROM)
		return display_of(list, &addresses.entries[0]);
	return addresses.entries[0].kind == ADDRESS_ENTRY_MAILBOX ? addresses.entries[0].local
	                                                          : addresses.entries[0].name;
}

static struct slice text_of(struct sort_list *list, enum sort_by by, struct slice header)
{
	bool reply;

	if (by == SORT_SUBJECT)
		return sort_subject(header, &list->plain, &list->folded, &reply);
	list->plain.limit = PLAIN_MAX;
	buf_clear(&list->plain);
	return folded_of(&list->folded, address_of(list, by, header));
}

/* What is no header's; but a date, for a message that says none: it stands until a column says better. */
static int64_t value_of(enum sort_by by, const struct search_row *row)
{
	switch (by) {
	case SORT_ARRIVAL:
	case SORT_DATE:
		return row->internal_date;
	case SORT_SIZE:
		return row->size;
	case SORT_RELEVANCY:
		return -(int64_t)row->score;
	default:
		return 0;
	}
}

bool sort_knows(struct sort_list *list, uint32_t uid)
{
	const struct sort_criteria *criteria = &list->criteria;

	for (uint32_t i = 0; i < criteria->n; i++)
		if (criteria->list[i].by >= SORT_DATE && !column_has(&list->uses[i], uid))
			return false;
	return true;
}

static void take_header(struct sort_list *list, const struct search_row *row, struct slice header)
{
	for (uint32_t i = 0; i < list->criteria.n; i++) {
		const enum sort_by by = list->criteria.list[i].by;

		if (by < SORT_DATE || column_has(&list->uses[i], row->uid))
			continue;
		if (by == SORT_DATE)
			column_add(&list->uses[i], row->uid, sort_sent(row, header), SLICE(""));
		else
			column_add(&list->uses[i], row->uid, 0,
			           arena_copy(list->arena, text_of(list, by, header)));
	}
	arena_reset(list->scratch);
}

static struct sort_row *add_row(struct sort_list *list)
{
	if (list->n == list->cap) {
		list->cap = list->cap ? 2 * list->cap : 512;
		list->rows = xrealloc(list->rows, list->cap * sizeof(*list->rows));
	}
	return &list->rows[list->n++];
}

void sort_take(struct sort_list *list, const struct search_row *row, struct slice header)
{
	const struct sort_criteria *criteria = &list->criteria;
	struct sort_row *made;

	if (!list->arena) {
		list->arena = arena_new();
		list->scratch = arena_new();
	}
	list->full |= arena_used(list->arena) + list->n * PER_ROW > SORT_MEMORY_MAX;
	if (list->full)
		return;
	made = add_row(list);
	made->uid = row->uid;
	made->values = arena_alloc(list->arena, criteria->n * sizeof(*made->values));
	for (uint32_t i = 0; i < criteria->n; i++)
		made->values[i] = value_of(criteria->list[i].by, row);
	if (header.data)
		take_header(list, row, header);
}

/* ---- order ---- */

static int by_uid(const void *left, const void *right)
{
	const struct sort_row *a = left, *b = right;

	return a->uid < b->uid ? -1 : a->uid > b->uid;
}

/* Values of headers come out of the columns; those that are sorted by in reverse are turned round. */
static void set_values(struct sort_list *list, uint32_t i)
{
	const struct sort_criterion *criterion = &list->criteria.list[i];
	const bool by_header = criterion->by >= SORT_DATE;
	struct column_use *use = &list->uses[i];

	use->of_texts = criterion->by > SORT_DATE;
	if (by_header)
		column_use_finish(use);
	for (uint32_t k = 0; k < list->n; k++) {
		int64_t *value = &list->rows[k].values[i];

		if (by_header)
			*value = column_value(use, list->rows[k].uid, *value);
		if (criterion->reverse)
			*value = ~*value;
	}
}

struct place { /* in the order; most is decided by the first value */
	int64_t first;
	uint32_t row;
};

static int by_values(const void *left, const void *right, void *arg)
{
	const struct sort_list *list = arg;
	const struct place *a = left, *b = right;
	const int64_t *x, *y;

	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	x = list->rows[a->row].values;
	y = list->rows[b->row].values;
	for (uint32_t i = 1; i < list->criteria.n; i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return a->row < b->row ? -1 : a->row > b->row;
}

void sort_put_in_order(struct sort_list *list)
{
	struct place *places;

	if (!list->n)
		return;
	qsort(list->rows, list->n, sizeof(*list->rows), by_uid);
	for (uint32_t i = 0; i < list->criteria.n; i++)
		set_values(list, i);
	places = xmalloc(list->n * sizeof(*places));
	for (uint32_t i = 0; i < list->n; i++)
		places[i] = (struct place){ list->rows[i].values[0], i };
	qsort_r(places, list->n, sizeof(*places), by_values, list);
	list->order = xrealloc(list->order, list->n * sizeof(*list->order));
	for (uint32_t i = 0; i < list->n; i++)
		list->order[i] = places[i].row;
	free(places);
}

void sort_list_done(struct sort_list *list)
{
	for (uint32_t i = 0; i < SORT_BYS; i++)
		column_use_done(&list->uses[i]);
	buf_done(&list->plain);
	buf_done(&list->folded);
	free(list->rows);
	free(list->order);
	arena_free(list->arena);
	arena_free(list->scratch);
}
