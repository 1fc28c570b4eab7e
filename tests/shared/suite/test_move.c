/* move.h: moves that were cut short are finished, and no message is lost by that. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"
#include "suite/check.h"
#include "suite/copy.h"
#include "suite/move.h"
#include "suite/walk.h"

#define LATER (clock_now() + 1000)

struct boxes { /* a person with four messages in the INBOX, to be moved to the Archive */
	struct person who;
	struct id inbox, target, tag;
};

static struct boxes boxes_of(struct fixture *f, struct person who)
{
	struct boxes b = { .who = who, .inbox = who.account.inbox };

	b.target = fixture_folder(f, &who, "Archive")->row.meta.id;
	for (uint32_t i = 0; i < 4; i++)
		(void)fixture_deliver(f, &who, &b.inbox, SLICE(MESSAGE), i % 2 ? FLAG_SEEN : 0);
	return b;
}

/* The first half of a move of [first, last]. */
static void begin(struct fixture *f, struct boxes *b, uint32_t first, uint32_t last,
                  const struct copy_into *into)
{
	struct copy_request request = { .from = b->inbox, .to = b->target, .into = into, .move = &b->tag };
	struct mailbox_state *state = fixture_state(f, &b->who.owner, &b->inbox);
	struct keywords none = { .n = 0 };
	struct mailbox_appended made;
	struct uid_set uids;

	b->tag = id_new();
	request.keywords = &none;
	uid_set_init(&uids);
	uid_set_add_range(&uids, first, last);
	copy_items(state, &uids, f->arena, &request.items, &request.n);
	good(copy_run(f->stack, &b->who.owner, b->who.key, &request, f->arena, &made, WHY));
	uid_set_done(&uids);
	mailbox_state_free(state);
}

static void expunge(struct fixture *f, const struct actor *actor, const struct id *mailbox, uint32_t uid)
{
	struct uid_set uids;

	uid_set_init(&uids);
	uid_set_add(&uids, uid);
	good(copy_expunge(f->stack, actor, mailbox, &uids, WHY));
	uid_set_done(&uids);
}

static struct moves_result finish(struct fixture *f, int64_t before)
{
	struct moves_result result;

	good(moves_finish(f->stack, before, &result, WHY));
	return result;
}

static size_t markers(struct fixture *f)
{
	struct mailbox_moving *moving;
	size_t n;

	good(mailbox_moves(f->stack->store, &actor_system, f->arena, &moving, &n, WHY));
	return n;
}

/* "1 3 ", the UIDs that are there; and that the counts are right. */
static const char *uids_in(struct fixture *f, const struct actor *actor, const struct id *mailbox)
{
	struct mailbox_state *state = fixture_state(f, actor, mailbox);
	const char *text = "";

	assert_int_equal(state->head.messages, state->n);
	for (uint32_t i = 0; i < state->n; i++)
		text = arena_printf(f->arena, "%s%u ", text, state->uid[i]);
	mailbox_state_free(state);
	return text;
}

#define in_inbox(b)  uids_in(f, &(b)->who.owner, &(b)->inbox)
#define in_target(b) uids_in(f, &(b)->who.owner, &(b)->target)

static void cut_short(void **state)
{
	struct fixture *f = *state;
	struct boxes b = boxes_of(f, fixture_alice(f));
	struct moves_result result;

	begin(f, &b, 2, 3, NULL);
	assert_string_equal(in_inbox(&b), "1 2 3 4 ");
	/* the mover may be at it still */
	result = finish(f, clock_now() - MOVE_GRACE_MS);
	assert_true(result.finished == 0 && result.young == 1);
	assert_string_equal(in_inbox(&b), "1 2 3 4 ");
	result = finish(f, LATER);
	assert_true(result.finished == 1 && result.messages == 2 && result.young == 0);
	assert_string_equal(in_inbox(&b), "1 4 ");
	assert_string_equal(in_target(&b), "1 2 ");
	assert_int_equal(markers(f), 0);
	result = finish(f, LATER);
	assert_int_equal(result.finished, 0);
}

static void mover_comes_to_its_end(void **state)
{
	struct fixture *f = *state;
	struct boxes b = boxes_of(f, fixture_alice(f));

	begin(f, &b, 1, 1, NULL);
	assert_int_equal(markers(f), 1);
	expunge(f, &b.who.owner, &b.inbox, 1);
	move_done(f->stack, &b.who.owner, &b.target, &b.tag);
	assert_int_equal(markers(f), 0);
}

/* It lives, and only was slow: both expunge, and one of them finds it done. */
static void mover_beside(void **state)
{
	struct fixture *f = *state;
	struct boxes b = boxes_of(f, fixture_alice(f));
	struct moves_result result;

	begin(f, &b, 1, 2, NULL);
	(void)finish(f, LATER);
	expunge(f, &b.who.owner, &b.inbox, 1);
	move_done(f->stack, &b.who.owner, &b.target, &b.tag);
	assert_string_equal(in_inbox(&b), "3 4 ");
	begin(f, &b, 3, 4, NULL);
	expunge(f, &b.who.owner, &b.inbox, 3);
	expunge(f, &b.who.owner, &b.inbox, 4);
	result = finish(f, LATER);
	assert_true(result.finished == 1 && result.messages == 0);
	assert_string_equal(in_target(&b), "1 2 3 4 ");
	assert_int_equal(markers(f), 0);
}

/* What is gone from the target meanwhile stays where it was; what is gone from the source is no matter. */
static void changed_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct boxes b = boxes_of(f, fixture_alice(f));
	struct moves_result result;

	begin(f, &b, 1, 3, NULL);
	expunge(f, &b.who.owner, &b.target, 2);
	expunge(f, &b.who.owner, &b.inbox, 3);
	good(mailbox_fold(f->stack->store, &b.who.owner, &b.target, b.who.key, WHY));
	good(mailbox_fold(f->stack->store, &b.who.owner, &b.inbox, b.who.key, WHY));
	result = finish(f, LATER);
	assert_true(result.finished == 1 && result.messages == 1);
	assert_string_equal(in_inbox(&b), "2 4 ");
	assert_string_equal(in_target(&b), "1 3 ");
	assert_int_equal(markers(f), 0);
}

static void mailboxes_gone(void **state)
{
	struct fixture *f = *state;
	struct boxes b = boxes_of(f, fixture_alice(f));
	struct id made;

	begin(f, &b, 1, 1, NULL);
	good(mailbox_delete(f->stack->store, &b.who.owner, &b.target, WHY));
	assert_int_equal(markers(f), 0);
	(void)finish(f, LATER);
	assert_string_equal(in_inbox(&b), "1 2 3 4 ");

	good(folder_create(f->stack, &b.who.owner, b.who.key, "New", 0, false, &made, WHY));
	b.target = made;
	begin(f, &b, 2, 2, NULL);
	good(mailbox_delete(f->stack->store, &b.who.owner, &b.inbox, WHY));
	assert_int_equal(finish(f, LATER).finished, 1);
	assert_int_equal(markers(f), 0);
	assert_string_equal(in_target(&b), "1 ");
}

/* Moved to where they are: they have new UIDs, and only the old ones go. */
static void into_itself(void **state)
{
	struct fixture *f = *state;
	struct boxes b = boxes_of(f, fixture_alice(f));

	b.target = b.inbox;
	begin(f, &b, 1, 2, NULL);
	expunge(f, &b.who.owner, &b.inbox, 6);
	(void)finish(f, LATER);
	assert_string_equal(in_inbox(&b), "2 3 4 5 ");
}

/* From one account into another. */
static void across_accounts(void **state)
{
	struct fixture *f = *state;
	struct boxes b = boxes_of(f, fixture_alice(f));
	struct person bob = fixture_person(f, "bob@example.org");
	const struct copy_into into = { &bob.owner, bob.key, FLAG_ALL, true };

	b.target = fixture_folder(f, &bob, "Archive")->row.meta.id;
	begin(f, &b, 1, 2, &into);
	assert_int_equal(finish(f, LATER).messages, 2);
	assert_string_equal(in_inbox(&b), "3 4 ");
	assert_string_equal(uids_in(f, &bob.owner, &b.target), "1 2 ");
	assert_int_equal(markers(f), 0);
}

/* Each of the writes of a rename of the INBOX may be the last one: then its messages are in one place each. */
static void renaming_the_inbox(void **state)
{
	struct fixture *f = *state;
	struct boxes b = boxes_of(f, fixture_alice(f));

	wire_on(f);
	wire_fail(arena_printf(f->arena, "commit %s", id_print(&b.inbox).text), 0, 100, FAULT_CORRUPT);
	bad(FAULT_CORRUPT, folder_rename(f->stack, &b.who.owner, b.who.key, "INBOX", "Old", WHY));
	wire_off(f);
	assert_string_equal(in_inbox(&b), "1 2 3 4 ");
	assert_int_equal(fixture_count(f, &b.who, "Old"), 4);
	assert_int_equal(finish(f, LATER).messages, 4);
	assert_string_equal(in_inbox(&b), "");
	assert_int_equal(fixture_count(f, &b.who, "Old"), 4);
}

/* One that cannot be finished now does not hold up the others, and is finished later. */
static void one_fails(void **state)
{
	struct fixture *f = *state;
	struct boxes a = boxes_of(f, fixture_alice(f)), b = boxes_of(f, fixture_person(f, "bob@example.org"));
	struct moves_result result;

	begin(f, &a, 1, 1, NULL);
	begin(f, &b, 1, 1, NULL);
	wire_on(f);
	wire_fail(arena_printf(f->arena, "commit %s", id_print(&a.inbox).text), 0, 100, FAULT_CORRUPT);
	bad(FAULT_CORRUPT, moves_finish(f->stack, LATER, &result, WHY));
	wire_off(f);
	assert_true(result.finished == 1 && result.messages == 1);
	assert_string_equal(in_inbox(&a), "1 2 3 4 ");
	assert_string_equal(in_inbox(&b), "2 3 4 ");
	assert_int_equal(finish(f, LATER).finished, 1);
	assert_string_equal(in_inbox(&a), "2 3 4 ");
}

static void fsck_and_sweep(void **state)
{
	struct fixture *f = *state;
	struct boxes b = boxes_of(f, fixture_alice(f));
	struct mailbox_append message = { .content = id_new(), .tag = id_new(), .size = 1 };
	struct mailbox_move old = {
		.tag = message.tag, .account = b.who.account.id, .source = b.inbox, .begun = 1
	};
	struct mailbox_appended made;
	struct fsck_result checked;
	struct sweep_result swept;

	begin(f, &b, 1, 1, NULL);
	good(fsck_run(f->stack, 0, NULL, NULL, NULL, &checked, WHY));
	assert_true(checked.moves == 1 && checked.problems == 0);
	message.move = &old;
	uid_set_add(&old.uids, 4);
	good(mailbox_append(f->stack->store, &b.who.owner, &b.target, &message, 1, &made, WHY));
	expunge(f, &b.who.owner, &b.target, made.first_uid); /* its content is nowhere */
	good(fsck_run(f->stack, 0, NULL, NULL, NULL, &checked, WHY));
	assert_true(checked.moves == 2 && checked.problems == 1);
	good(sweep_run(f->stack, 1000, true, NULL, NULL, &swept, WHY));
	assert_int_equal(swept.moves_finished, 0);
	good(sweep_run(f->stack, 1000, false, NULL, NULL, &swept, WHY));
	assert_int_equal(swept.moves_finished, 1);
	good(fsck_run(f->stack, 0, NULL, NULL, NULL, &checked, WHY));
	assert_true(checked.moves == 1 && checked.problems == 0);
	assert_string_equal(in_inbox(&b), "1 2 3 4 ");
	uid_set_done(&old.uids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(cut_short),         case_of(mover_comes_to_its_end), case_of(mover_beside),
		case_of(changed_meanwhile), case_of(mailboxes_gone),         case_of(into_itself),
		case_of(across_accounts),   case_of(renaming_the_inbox),     case_of(one_fails),
		case_of(fsck_and_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
