/*
 * Who answers whom (thread_tree.h): steps 1 to 3 of REFERENCES (RFC 5256 3).
 *
 * Invariant: parents never form a loop. Whether a link would close one is seen by climbing from the parent; a node
 * without kids is nobody's ancestor, which spares nearly every climb. All climbs together take at most STEPS_MAX steps:
 * past them links are left out, so that a mailbox made to be slow gets flatter threads instead.
 */
#include "base/arena.h"
#include "thread_tree.h"

#include <stdlib.h>

#define STEPS_MAX 50000000

struct linking {
	struct thread_node *nodes;
	uint32_t n;
	uint64_t steps;
};

/* ---- step 1 ---- */

static bool is_above(struct linking *l, uint32_t node, uint32_t of)
{
	for (; of && of != node; of = l->nodes[of].parent)
		if (l->steps++ >= STEPS_MAX)
			return true;
	return of == node;
}

static void link_to(struct linking *l, uint32_t child, uint32_t parent)
{
	struct thread_node *node = &l->nodes[child];

	if (child == parent || (node->kids && is_above(l, child, parent)))
		return;
	node->parent = parent;
	l->nodes[parent].kids++;
}

static void cut(struct linking *l, uint32_t child)
{
	struct thread_node *node = &l->nodes[child];

	if (node->parent)
		l->nodes[node->parent].kids--;
	node->parent = 0;
}

/* A: what it names hangs together, where it hangs nowhere yet. B: the message itself hangs on the last of them, whatever
 * others said of it. */
static void link_row(struct linking *l, const struct thread_row *row, uint32_t self)
{
	const struct thread_named *named = &row->named;
	uint32_t last = named->n_refs ? named->refs[named->n_refs - 1] : 0;

	for (uint32_t i = 1; i < named->n_refs; i++)
		if (!l->nodes[named->refs[i]].parent)
			link_to(l, named->refs[i], named->refs[i - 1]);
	if (l->nodes[self].parent == last)
		return;
	cut(l, self);
	if (last)
		link_to(l, self, last);
}

/* The node of its id; one of its own, when it has none or another message has the same. */
static uint32_t node_of(struct linking *l, const struct thread_row *row)
{
	return row->named.id && !l->nodes[row->named.id].row ? row->named.id : l->n++;
}

/* ---- steps 2 and 3 ---- */

/* The nearest message above a dummy; without one, the highest dummy. Remembered in `above`, for all on the way. */
static uint32_t find_above(const struct linking *l, uint32_t *above, uint32_t dummy)
{
	uint32_t top = dummy, found;

	while (!above[top]) {
		uint32_t parent = l->nodes[top].parent;

		if (!parent)
			above[top] = top;
		else if (l->nodes[parent].row)
			above[top] = parent;
		else
			top = parent;
	}
	found = above[top];
	while (dummy != top) {
		above[dummy] = found;
		dummy = l->nodes[dummy].parent;
	}
	return found;
}

/* Dummies go and their kids move up; but at the root they hold their kids together, if there is more than one. */
static void prune(struct linking *l)
{
	uint32_t *above = xzalloc(l->n * sizeof(*above));

	for (uint32_t i = 1; i < l->n; i++) {
		uint32_t parent = l->nodes[i].parent;

		if (l->nodes[i].row && parent && !l->nodes[parent].row)
			l->nodes[i].parent = find_above(l, above, parent);
	}
	free(above);
	for (uint32_t i = 0; i < l->n; i++)
		l->nodes[i].kids = 0;
	for (uint32_t i = 1; i < l->n; i++)
		if (l->nodes[i].row)
			l->nodes[l->nodes[i].parent].kids++;
	for (uint32_t i = 1; i < l->n; i++) {
		uint32_t parent = l->nodes[i].parent;

		if (l->nodes[i].row && parent && !l->nodes[parent].row && l->nodes[parent].kids == 1)
			l->nodes[i].parent = 0;
	}
}

uint32_t thread_link(const struct thread_list *list, struct thread_node *nodes)
{
	struct linking l = { .nodes = nodes, .n = thread_ids_highest(&list->ids) + 1 };

	for (uint32_t i = 0; i < list->n; i++) {
		uint32_t self = node_of(&l, &list->rows[i]);

		nodes[self].row = i + 1;
		link_row(&l, &list->rows[i], self);
	}
	prune(&l);
	return l.n;
}
