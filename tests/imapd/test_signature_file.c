/* Whether a file of search signatures is of a mailbox's past (signature_file.h), when messages went, and when the store was
 * set back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "signature_file.h"
#include "store/state.h"

#define MESSAGES 400

/* UIDs 1 to MESSAGES, all signed. */
static struct mailbox_state *mailbox(void)
{
	struct mailbox_state *state = mailbox_state_new(&(struct id){ { 1 } });

	state_reserve(state, MESSAGES, 0);
	for (state->n = 0; state->n < MESSAGES; state->n++) {
		state->uid[state->n] = state->n + 1;
		state->size[state->n] = 100;
		state->internal_date[state->n] = 5000;
		state->save_date[state->n] = 1000 + state->n;
	}
	state->head.uid_next = MESSAGES + 1;
	return state;
}

static struct segment *signed_all(void)
{
	struct segment_row rows[MESSAGES] = { { 0 } };

	for (uint32_t i = 0; i < MESSAGES; i++) {
		rows[i].uid = i + 1;
		rows[i].signature.class = SEGMENT_NONE;
	}
	return segment_new(rows, MESSAGES);
}

/* Expunges UIDs from `first` on; the mailbox is told as it was otherwise. */
static void cut(struct mailbox_state *state, uint32_t first)
{
	while (state->n && state->uid[state->n - 1] >= first)
		state->n--;
}

struct past {
	const char *name;
	uint32_t cut_before; /* expunged from here on when the file is written */
	uint32_t cut_after;  /* and when it is read */
	uint32_t other_from; /* other messages have these UIDs from here on */
	uint32_t uid_next;   /* 0: as it was */
	bool want;
};

static const struct past pasts[] = {
	{ .name = "the same", .want = true },
	{ .name = "its newest are gone", .cut_after = 390, .want = true },
	{ .name = "all marks are gone", .cut_after = 100 },
	{ .name = "what was signed is expunged already", .cut_before = 380, .cut_after = 380, .want = true },
	{ .name = "others have the newest UIDs", .other_from = 395 },
	{ .name = "others have all of them", .other_from = 1 },
	{ .name = "others have what was expunged", .cut_before = 380, .other_from = 380 },
	{ .name = "UIDs are to come that were given", .cut_before = 380, .cut_after = 380, .uid_next = 390 },
	{ .name = "set back, and not grown", .cut_after = 395, .uid_next = 395 },
};

static void test_pasts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pasts); i++) {
		const struct past *past = &pasts[i];
		struct mailbox_state *then = mailbox(), *now = mailbox();
		struct segment *segment = signed_all();
		struct arena *arena = arena_new();
		struct signature_file file = { .n_marks = 0 };

		cut(then, past->cut_before ? past->cut_before : UINT32_MAX);
		signature_file_mark(&file, then, arena);
		for (uint32_t k = past->other_from ? past->other_from - 1 : MESSAGES; k < MESSAGES; k++)
			now->save_date[k] += 77;
		cut(now, past->cut_after ? past->cut_after : UINT32_MAX);
		if (past->uid_next)
			now->head.uid_next = past->uid_next;
		if (signature_file_is_of(&file, now, &segment, 1) != past->want)
			fail_msg("%s", past->name);
		segment_unref(segment);
		arena_free(arena);
		mailbox_state_free(then);
		mailbox_state_free(now);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_pasts) };

	rand_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
