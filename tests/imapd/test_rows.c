/* Walking messages, in pieces between which the view changes, with messages expunged and not yet told among them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/rand.h"
#include "rows.h"

#define MAX 400

struct bench {
	struct mailbox_state state;
	struct view view;
	struct selected selected;
	uint32_t uid[MAX];
};

/* UIDs from `first` on by steps; some of them are ghosts, some were not told yet. */
static void bench_start(struct bench *b, uint32_t n, uint32_t ghosts_in_256, uint32_t known)
{
	uint32_t uid = 0;

	memset(b, 0, sizeof(*b));
	b->state.uid = b->uid;
	b->view.state = &b->state;
	b->selected.view = &b->view;
	uid_set_init(&b->selected.ghosts);
	for (uint32_t i = 0; i < n; i++) {
		uid += 1 + rand_below(3);
		b->selected.known_n += i < known;
		b->selected.known_max = i < known ? uid : b->selected.known_max;
		if (i < known && rand_below(256) < ghosts_in_256)
			uid_set_add(&b->selected.ghosts, uid);
		else
			b->uid[b->state.n++] = uid;
	}
	b->state.head.uid_next = uid + 1;
}

static void random_set(struct uid_set *set)
{
	uid_set_init(set);
	for (uint32_t i = rand_below(8); i > 0; i--) {
		uint32_t first = 1 + rand_below(MAX * 3);

		uid_set_add_range(set, first, first + rand_below(60));
	}
}

/* Every message of the set that is there, once, with the number that selected_seq() gives, in pieces of `piece`. */
static void walk(struct bench *b, const struct uid_set *set, uint32_t piece)
{
	struct rows rows;
	uint32_t at = 0, taken = 0;

	rows_start(&rows, &b->selected, set);
	for (; at < b->state.n; at++) {
		uint32_t uid = b->uid[at];

		if (set ? !uid_set_has(set, uid) : uid > b->selected.known_max)
			continue;
		if (taken++ % piece == 0)
			rows_resume(&rows);
		assert_true(rows_next(&rows));
		assert_int_equal(rows.uid, uid);
		assert_int_equal(rows.at, at);
		assert_int_equal(rows.seq, selected_seq(&b->selected, uid));
	}
	assert_false(rows_next(&rows));
}

static void test_walks(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < 2000; round++) {
		struct bench b;
		struct uid_set set;
		uint32_t n = rand_below(MAX), ghosts = rand_below(3) * 40;

		bench_start(&b, n, ghosts, round % 2 ? n : rand_below(n + 1));
		random_set(&set);
		walk(&b, &set, 1 + rand_below(20));
		walk(&b, NULL, 1 + rand_below(20));
		uid_set_done(&set);
		uid_set_done(&b.selected.ghosts);
	}
}

/* Between two pieces, messages go before and behind the place, and more arrive. */
static void test_change_between(void **state)
{
	struct bench b;
	struct rows rows;

	(void)state;
	bench_start(&b, 0, 0, 0);
	for (uint32_t i = 0; i < 6; i++)
		b.uid[i] = i + 1;
	b.state.n = b.selected.known_n = 6;
	b.selected.known_max = 6;
	b.state.head.uid_next = 7;
	rows_start(&rows, &b.selected, NULL);
	for (uint32_t uid = 1; uid <= 3; uid++) {
		assert_true(rows_next(&rows));
		assert_int_equal(rows.uid, uid);
	}
	/* 2 and 4 are expunged, 7 arrives */
	b.uid[0] = 1, b.uid[1] = 3, b.uid[2] = 5, b.uid[3] = 6, b.uid[4] = 7;
	b.state.n = 5;
	b.state.head.uid_next = 8;
	uid_set_add(&b.selected.ghosts, 2);
	uid_set_add(&b.selected.ghosts, 4);
	rows_resume(&rows);
	assert_true(rows_next(&rows));
	assert_int_equal(rows.uid, 5);
	assert_int_equal(rows.seq, 5);
	assert_true(rows_next(&rows));
	assert_int_equal(rows.seq, 6);
	assert_false(rows_next(&rows));
	uid_set_done(&b.selected.ghosts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walks),
		cmocka_unit_test(test_change_between),
	};

	rand_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
