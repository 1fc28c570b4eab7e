/* Fuzzes threads. Input: headers with NULs between; all of them are in the tree, each once, whatever they refer to. */
#include "thread_tree.h"

#include "base/arena.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define MESSAGES 64

static void expect(bool good)
{
	if (!good)
		__builtin_trap();
}

/* Parentheses are balanced; each of 1 to n stands there once. */
static void check(struct slice text, uint32_t n)
{
	bool seen[MESSAGES + 1] = { false };
	uint32_t number = 0, found = 0;
	int depth = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		depth += (c == '(') - (c == ')');
		expect(depth >= 0 && !(c == ')' && i && text.data[i - 1] == '('));
		if (c >= '0' && c <= '9') {
			number = number * 10 + (c - '0');
			continue;
		}
		if (number) {
			expect(number <= n && !seen[number]);
			seen[number] = true;
			found++;
		}
		number = 0;
	}
	expect(depth == 0 && found == n);
}

static void thread(enum thread_by by, struct slice input)
{
	struct thread_list list = { .by = by };
	struct thread_tree tree = { .n = 0 };
	uint32_t numbers[MESSAGES];
	struct slice header;
	struct buf out;

	buf_init(&out, BUF_NO_LIMIT);
	while (list.n < MESSAGES && slice_cut(&input, '\0', &header)) {
		const struct search_row row = { .uid = list.n + 1, .internal_date = list.n };

		thread_take(&list, &row, header.data ? header : SLICE(""));
	}
	thread_build(&list, &tree);
	for (uint32_t i = 0; i < list.n; i++)
		numbers[i] = list.rows[i].uid;
	thread_print(&tree, numbers, &out);
	check(buf_slice(&out), list.n);
	buf_done(&out);
	thread_tree_done(&tree);
	thread_list_done(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	for (enum thread_by by = THREAD_ORDEREDSUBJECT; by <= THREAD_REFS; by++)
		thread(by, slice_of(data, len));
	return 0;
}
