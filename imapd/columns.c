/* Columns that a view keeps (columns.h). */
#include "columns.h"

#include <stdlib.h>

#include "base/arena.h"

#define GONE_MIN 1000 /* messages expunged since, of which nobody minds the values */

struct columns {
	struct column *of[SORT_BYS];
	struct thread_ids *ids;
	size_t memory;
};

static size_t all_memory; /* of all views, which are the loop's */

struct columns *columns_new(void)
{
	return xzalloc(sizeof(struct columns));
}

static void count(struct columns *columns, size_t more, size_t less)
{
	columns->memory += more - less;
	all_memory += more - less;
}

static void set(struct columns *columns, enum sort_by by, struct column *column)
{
	count(columns, column_memory(column), column_memory(columns->of[by]));
	column_unref(columns->of[by]);
	columns->of[by] = column_ref(column);
}

static void set_ids(struct columns *columns, struct thread_ids *ids)
{
	count(columns, thread_ids_memory(ids), thread_ids_memory(columns->ids));
	thread_ids_unref(columns->ids);
	columns->ids = thread_ids_ref(ids);
}

static void clear(struct columns *columns)
{
	for (enum sort_by by = 0; by < SORT_BYS; by++)
		set(columns, by, NULL);
	set_ids(columns, NULL);
}

void columns_free(struct columns *columns)
{
	if (!columns)
		return;
	clear(columns);
	free(columns);
}

size_t columns_memory(const struct columns *columns)
{
	return columns ? columns->memory : 0;
}

struct column *columns_get(const struct columns *columns, enum sort_by by)
{
	return columns->of[by];
}

struct thread_ids *columns_ids(const struct columns *columns)
{
	return columns->ids;
}

/* Expunged messages stay in a column until they are most of it: then the next command makes it anew. */
static bool has_room(struct columns *columns, size_t memory, uint32_t known, uint32_t messages)
{
	if (known > 2 * (uint64_t)messages + GONE_MIN || memory > COLUMNS_MAX)
		return false;
	if (columns->memory + memory > COLUMNS_MAX)
		clear(columns);
	return all_memory + memory <= COLUMNS_MAX_ALL;
}

void columns_keep(struct columns *columns, enum sort_by by, struct column *column, uint32_t messages)
{
	if (column_count(column) <= column_count(columns->of[by]))
		return; /* another session was faster */
	set(columns, by, NULL);
	if (has_room(columns, column_memory(column), column_count(column), messages))
		set(columns, by, column);
}

void columns_keep_ids(struct columns *columns, struct thread_ids *ids, uint32_t messages)
{
	if (thread_ids_count(ids) <= thread_ids_count(columns->ids))
		return;
	set_ids(columns, NULL);
	if (has_room(columns, thread_ids_memory(ids), thread_ids_count(ids), messages))
		set_ids(columns, ids);
}
