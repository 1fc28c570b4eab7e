/* Trees of messages (thread_tree.h). */
#include "thread_tree.h"

#include <stdlib.h>

#include "base/arena.h"

/* ---- order ---- */

static int by_date(const void *left, const void *right, void *arg)
{
	const struct thread_node *nodes = arg;
	const struct thread_node *a = &nodes[*(const uint32_t *)left], *b = &nodes[*(const uint32_t *)right];

	if (a->date != b->date)
		return a->date < b->date ? -1 : 1;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static bool is_dummy(const struct thread_node *node)
{
	return !node->row && node->kids > 1;
}

/* Every node is dated; dummies, which stand at the root only, by the first of their kids. */
static void date_nodes(struct thread_tree *tree, const struct thread_list *list)
{
	struct thread_node *nodes = tree->nodes;

	for (uint32_t i = 1; i < tree->n; i++) {
		nodes[i].child = nodes[i].next = 0;
		nodes[i].date = nodes[i].row ? list->rows[nodes[i].row - 1].sent : INT64_MAX;
		nodes[i].seq = nodes[i].row ? nodes[i].row : UINT32_MAX;
	}
	for (uint32_t i = 1; i < tree->n; i++) {
		struct thread_node *parent = &nodes[nodes[i].parent];

		if (!nodes[i].row || !nodes[i].parent || parent->row)
			continue;
		if (nodes[i].date < parent->date ||
		    (nodes[i].date == parent->date && nodes[i].seq < parent->seq)) {
			parent->date = nodes[i].date;
			parent->seq = nodes[i].seq;
		}
	}
	nodes[0].child = 0;
}

/* All in order first: then each finds its place before those that come later. */
static void arrange(struct thread_tree *tree, const struct thread_list *list)
{
	struct thread_node *nodes = tree->nodes;
	uint32_t *order = xmalloc(tree->n * sizeof(*order)), n = 0;

	date_nodes(tree, list);
	for (uint32_t i = 1; i < tree->n; i++)
		if (nodes[i].row || is_dummy(&nodes[i]))
			order[n++] = i;
	qsort_r(order, n, sizeof(*order), by_date, nodes);
	while (n--) {
		struct thread_node *node = &nodes[order[n]];

		node->next = nodes[node->parent].child;
		nodes[node->parent].child = order[n];
	}
	free(order);
}

/* ---- REFERENCES: steps 5 and 6 ---- */

struct gathering {
	struct thread_tree *tree;
	const struct thread_list *list;
	uint32_t *subjects; /* the node that stands for each; 0: none */
	const uint32_t *roots;
	uint32_t n;
};

static const struct thread_row *first_row(const struct gathering *g, uint32_t node)
{
	const struct thread_node *nodes = g->tree->nodes;

	return &g->list->rows[(nodes[node].row ? nodes[node].row : nodes[nodes[node].child].row) - 1];
}

static void note_subject(struct gathering *g, uint32_t node)
{
	const struct thread_node *nodes = g->tree->nodes;
	const struct thread_row *row = first_row(g, node);
	uint32_t there;

	if (!row->subject)
		return;
	there = g->subjects[row->subject];
	if (!there || (nodes[there].row &&
	               (!nodes[node].row || (first_row(g, there)->named.reply && !row->named.reply))))
		g->subjects[row->subject] = node;
}

static void move_kids(struct thread_tree *tree, uint32_t from, uint32_t to)
{
	struct thread_node *nodes = tree->nodes;

	for (uint32_t kid = nodes[from].child; kid; kid = nodes[kid].next)
		nodes[kid].parent = to;
	nodes[to].kids += nodes[from].kids;
	nodes[from].kids = 0;
}

static void join(struct gathering *g, uint32_t subject, uint32_t a, uint32_t b)
{
	struct thread_node *nodes = g->tree->nodes;
	uint32_t dummy = g->tree->n++;

	nodes[a].parent = nodes[b].parent = dummy;
	nodes[dummy].kids = 2;
	g->subjects[subject] = dummy;
}

static void merge(struct gathering *g, uint32_t node)
{
	struct thread_node *nodes = g->tree->nodes;
	const struct thread_row *row = first_row(g, node);
	uint32_t there;

	if (!row->subject || nodes[node].parent)
		return;
	there = g->subjects[row->subject];
	if (there == node)
		return;
	if (!nodes[node].row) {
		move_kids(g->tree, node, there);
	} else if (!nodes[there].row || (row->named.reply && !first_row(g, there)->named.reply)) {
		nodes[node].parent = there;
		nodes[there].kids++;
	} else {
		join(g, row->subject, there, node);
	}
}

/* The roots as they are now, for what follows changes them. Gives how many. */
static uint32_t list_roots(const struct thread_tree *tree, uint32_t **ret)
{
	uint32_t n = 0;

	*ret = xmalloc(tree->n * sizeof(**ret));
	for (uint32_t node = tree->nodes[0].child; node; node = tree->nodes[node].next)
		(*ret)[n++] = node;
	return n;
}

static void gather_subjects(struct thread_tree *tree, const struct thread_list *list)
{
	struct gathering g = { .tree = tree, .list = list };
	uint32_t *roots, highest = 0;

	for (uint32_t i = 0; i < list->n; i++)
		highest = MAX_OF(highest, list->rows[i].subject);
	g.subjects = xzalloc(((size_t)highest + 1) * sizeof(*g.subjects));
	g.n = list_roots(tree, &roots);
	for (uint32_t i = 0; i < g.n; i++)
		note_subject(&g, roots[i]);
	for (uint32_t i = 0; i < g.n; i++)
		merge(&g, roots[i]);
	free(g.subjects);
	free(roots);
}

/* ---- REFS ---- */

/* The next of the nodes below `root`, parents before their kids. 0: there is none. */
static uint32_t next_below(const struct thread_node *nodes, uint32_t root, uint32_t node)
{
	if (nodes[node].child)
		return nodes[node].child;
	while (node != root && !nodes[node].next)
		node = nodes[node].parent;
	return node == root ? 0 : nodes[node].next;
}

static void newest_last(struct thread_tree *tree)
{
	struct thread_node *nodes = tree->nodes;
	uint32_t *roots, n = list_roots(tree, &roots);

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t node = roots[i]; node; node = next_below(nodes, roots[i], node))
			nodes[roots[i]].date = MAX_OF(nodes[roots[i]].date, nodes[node].date);
	qsort_r(roots, n, sizeof(*roots), by_date, nodes);
	nodes[0].child = 0;
	while (n--) {
		nodes[roots[n]].next = nodes[0].child;
		nodes[0].child = roots[n];
	}
	free(roots);
}

/* ---- ORDEREDSUBJECT ---- */

static int by_subject(const void *left, const void *right, void *arg)
{
	const struct thread_row *rows = arg;
	uint32_t i = *(const uint32_t *)left, k = *(const uint32_t *)right;

	if (rows[i].subject != rows[k].subject)
		return rows[i].subject < rows[k].subject ? -1 : 1;
	if (rows[i].sent != rows[k].sent)
		return rows[i].sent < rows[k].sent ? -1 : 1;
	return i < k ? -1 : i > k;
}

/* The first of a subject has all others for kids. */
static void order_subjects(struct thread_tree *tree, const struct thread_list *list)
{
	uint32_t *order = xmalloc((list->n + 1) * sizeof(*order)), first = 0;

	for (uint32_t i = 0; i < list->n; i++)
		order[i] = i;
	qsort_r(order, list->n, sizeof(*order), by_subject, list->rows);
	for (uint32_t i = 0; i < list->n; i++) {
		const bool same = i && list->rows[order[i]].subject == list->rows[order[i - 1]].subject;

		first = same ? first : order[i] + 1;
		tree->nodes[order[i] + 1].row = order[i] + 1;
		tree->nodes[order[i] + 1].parent = same ? first : 0;
	}
	tree->n = list->n + 1;
	free(order);
}

/* ---- the whole ---- */

void thread_build(struct thread_list *list, struct thread_tree *tree)
{
	size_t most;

	thread_list_finish(list);
	/* ids, messages that have none, and dummies that join two of them */
	most = 1 + (size_t)thread_ids_highest(&list->ids) + 2 * (size_t)list->n;
	tree->nodes = xzalloc(most * sizeof(*tree->nodes));
	if (list->by == THREAD_ORDEREDSUBJECT)
		order_subjects(tree, list);
	else
		tree->n = thread_link(list, tree->nodes);
	arrange(tree, list);
	if (list->by == THREAD_REFERENCES) {
		gather_subjects(tree, list);
		arrange(tree, list);
	} else if (list->by == THREAD_REFS) {
		newest_last(tree);
	}
}

static void add_number(struct buf *out, uint32_t number)
{
	buf_printf(out, out->data[out->len - 1] == '(' ? "%u" : " %u", number);
}

/* One message behind the other as long as there is but one answer; each of several in parentheses of its own. */
static void print_root(const struct thread_node *nodes, const uint32_t *numbers, uint32_t root,
                       struct buf *out)
{
	uint32_t node = root;

	buf_addc(out, '(');
	for (;;) {
		if (nodes[node].row)
			add_number(out, numbers[nodes[node].row - 1]);
		if (nodes[node].child) {
			const bool several = nodes[nodes[node].child].next;

			if (several)
				buf_adds(out, nodes[node].row ? " (" : "(");
			node = nodes[node].child;
			continue;
		}
		while (node != root && !nodes[node].next) {
			const uint32_t parent = nodes[node].parent;

			if (nodes[parent].child != node)
				buf_addc(out, ')'); /* the last of several */
			node = parent;
		}
		if (node == root)
			break;
		buf_adds(out, ")(");
		node = nodes[node].next;
	}
	buf_addc(out, ')');
}

void thread_print(const struct thread_tree *tree, const uint32_t *numbers, struct buf *out)
{
	for (uint32_t root = tree->nodes[0].child; root; root = tree->nodes[root].next)
		print_root(tree->nodes, numbers, root, out);
}

void thread_tree_done(struct thread_tree *tree)
{
	free(tree->nodes);
}
