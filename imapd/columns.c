/* Columns that a view keeps (columns.h). */
#include "columns.h"

#include <stdlib.h>

#include "base/arena.h"

#define GONE_MIN 1000 /* messages expunged since, of which nobody minds the values */

struct columns {
	struct column *of[SORT_BYS];
	size_t memory;
};

static size_t all_memory; /* of all views, which are the loop's */

struct columns *columns_new(void)
{
	return xzalloc(sizeof(struct columns));
}

static void set(struct columns *columns, enum sort_by by, struct column *column)
{
	const size_t more = column_memory(column), less = column_memory(columns->of[by]);

	columns->memory += more - less;
	all_memory += more - less;
	column_ref(column);
	column_unref(columns->of[by]);
	columns->of[by] = column;
}

static void clear(struct columns *columns)
{
	for (enum sort_by by = 0; by < SORT_BYS; by++)
		set(columns, by, NULL);
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

/* Expunged messages stay in a column until they are most of it: then the next command makes it anew. */
void columns_keep(struct columns *columns, enum sort_by by, struct column *column, uint32_t messages)
{
	const size_t memory = column_memory(column);

	if (column_count(column) <= column_count(columns->of[by]))
		return; /* another session was faster */
	set(columns, by, NULL);
	if (column_count(column) > 2 * (uint64_t)messages + GONE_MIN || memory > COLUMNS_MAX)
		return;
	if (columns->memory + memory > COLUMNS_MAX)
		clear(columns);
	if (all_memory + memory <= COLUMNS_MAX_ALL)
		set(columns, by, column);
}
