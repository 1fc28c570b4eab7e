/* copy.h: copying and expunging, also while others change the mailbox. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "fixture.h"
#include "suite/copy.h"

struct boxes { /* alice with three messages in the INBOX, and somewhere to copy them */
	struct person alice;
	struct id inbox, target;
	struct mailbox_state *state;
	struct keywords keywords;
};

static void look(struct fixture *f, struct boxes *b)
{
	struct mailbox_log log;

	mailbox_state_free(b->state);
	b->state = fixture_state(f, &b->alice.owner, &b->inbox);
	good(mailbox_look(f->stack->store, &b->alice.owner, &b->inbox, f->arena, &log, WHY));
	good(keywords_open(b->alice.key, log.keywords, log.head.keywords, f->arena, &b->keywords, WHY));
}

static struct boxes set_up(struct fixture *f, size_t messages)
{
	struct boxes b = { .alice = fixture_alice(f) };

	b.inbox = b.alice.account.inbox;
	b.target = fixture_folder(f, &b.alice, "Archive")->row.meta.id;
	for (size_t i = 0; i < messages; i++)
		(void)fixture_deliver(f, &b.alice, &b.inbox, SLICE(MESSAGE),
		                      i % 2 ? FLAG_SEEN : FLAG_FLAGGED);
	b.state = mailbox_state_new(&b.inbox);
	look(f, &b);
	return b;
}

static struct copy_request request_of(struct fixture *f, struct boxes *b, uint32_t first, uint32_t last)
{
	struct copy_request request = { .from = b->inbox, .to = b->target, .keywords = &b->keywords };
	struct uid_set uids;

	uid_set_init(&uids);
	uid_set_add_range(&uids, first, last);
	copy_items(b->state, &uids, f->arena, &request.items, &request.n);
	uid_set_done(&uids);
	return request;
}

static enum fault run(struct fixture *f, struct boxes *b, struct copy_request *request,
                      struct mailbox_appended *ret)
{
	return copy_run(f->stack, &b->alice.owner, b->alice.key, request, f->arena, ret, WHY);
}

/* A message opens by its wrapped key, wherever it is shown. */
static void opens(struct fixture *f, const struct boxes *b, const struct mailbox_state *state, uint32_t at)
{
	struct record record;
	struct message message;

	good(record_get(f->stack->store, &b->alice.owner, COLL_CONTENTS, id_slice(&state->content[at]), true,
	                f->arena, &record, WHY));
	good(message_open(b->alice.key, &record, &state->key[at], f->arena, &message, WHY));
}

static void copying(void **state)
{
	struct fixture *f = *state;
	struct boxes b = set_up(f, 3);
	struct copy_request request = request_of(f, &b, 2, UINT32_MAX);
	struct mailbox_appended made;
	struct mailbox_state *copied;

	assert_int_equal(request.n, 2);
	assert_true(request.items[0].loaded);
	good(run(f, &b, &request, &made));
	assert_int_equal(made.first_uid, 1);
	assert_int_equal(fixture_count(f, &b.alice, "INBOX"), 3);
	copied = fixture_state(f, &b.alice.owner, &b.target);
	assert_int_equal(copied->n, 2);
	for (uint32_t i = 0; i < 2; i++) {
		assert_true(id_eq(&copied->content[i], &b.state->content[i + 1]));
		assert_int_equal(copied->flags[i], b.state->flags[i + 1]);
		assert_int_equal(copied->size[i], b.state->size[i + 1]);
		assert_true(copied->internal_date[i] == b.state->internal_date[i + 1]);
		assert_true(copied->save_date[i] > clock_now() - 60000);
		opens(f, &b, copied, i);
	}
	mailbox_state_free(copied);
	/* the same again: two copies */
	good(run(f, &b, &request, &made));
	assert_int_equal(made.first_uid, 3);
	mailbox_state_free(b.state);
}

/* Content ids and keys that are only in the pages are read from there. */
static void out_of_pages(void **state)
{
	struct fixture *f = *state;
	struct boxes b = set_up(f, 3);
	struct copy_request request;
	struct mailbox_appended made;
	struct mailbox_state *copied;

	good(mailbox_fold(f->stack->store, &b.alice.owner, &b.inbox, b.alice.key, WHY));
	look(f, &b);
	request = request_of(f, &b, 1, 3);
	assert_false(request.items[0].loaded);
	good(run(f, &b, &request, &made));
	copied = fixture_state(f, &b.alice.owner, &b.target);
	assert_int_equal(copied->n, 3);
	for (uint32_t i = 0; i < 3; i++)
		opens(f, &b, copied, i);
	mailbox_state_free(copied);
	mailbox_state_free(b.state);
}

static void add_keywords(struct fixture *f, struct boxes *b, const char *const *names, size_t n, uint32_t uid,
                         uint64_t mask)
{
	struct mailbox_edit edit = { .op = FLAGS_ADD, .keywords = mask };
	struct mailbox_commit commit = { .mailbox = b->inbox, .edits = &edit, .n_edits = 1 };
	struct mailbox_head head;
	struct uid_set uids;

	good(keywords_ensure(f->stack, &b->alice.owner, b->alice.key, &b->inbox, names, n, f->arena,
	                     &b->keywords, &head, WHY));
	uid_set_init(&uids);
	uid_set_add(&uids, uid);
	edit.uids = &uids;
	commit.if_modseq = head.modseq;
	good(mailbox_commit(f->stack->store, &b->alice.owner, &commit, &head, WHY));
	uid_set_done(&uids);
	look(f, b);
}

static void keywords_are_mapped(void **state)
{
	static const char *const names[] = { "one", "two", "three" }, *const there[] = { "zero", "TWO" };
	struct fixture *f = *state;
	struct boxes b = set_up(f, 2);
	struct keywords target;
	struct mailbox_head head;
	struct mailbox_appended made;
	struct mailbox_state *copied;
	struct copy_request request;

	add_keywords(f, &b, names, 3, 1, 2 | 4); /* two, three */
	good(keywords_ensure(f->stack, &b.alice.owner, b.alice.key, &b.target, there, 2, f->arena, &target,
	                     &head, WHY));
	request = request_of(f, &b, 1, 2);
	good(run(f, &b, &request, &made));
	good(run(f, &b, &request, &made)); /* the request is as it was: a retry maps the same */
	good(keywords_ensure(f->stack, &b.alice.owner, b.alice.key, &b.target, NULL, 0, f->arena, &target,
	                     &head, WHY));
	assert_int_equal(target.n, 3);
	assert_string_equal(target.names[2], "three");
	copied = fixture_state(f, &b.alice.owner, &b.target);
	assert_true(copied->keywords[0] == (2 | 4));
	assert_true(copied->keywords[1] == 0);
	assert_true(copied->keywords[2] == (2 | 4));
	mailbox_state_free(copied);
	mailbox_state_free(b.state);
}

/* The target has no room for more names: the copy is made, without what does not fit. */
static void keywords_full(void **state)
{
	static const char *const names[] = { "k7", "fresh" };
	const char *all[MAILBOX_KEYWORDS_MAX];
	struct fixture *f = *state;
	struct boxes b = set_up(f, 1);
	struct keywords target;
	struct mailbox_head head;
	struct mailbox_appended made;
	struct mailbox_state *copied;
	struct copy_request request;

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		all[i] = arena_printf(f->arena, "k%zu", i);
	good(keywords_ensure(f->stack, &b.alice.owner, b.alice.key, &b.target, all, ARRAY_LEN(all), f->arena,
	                     &target, &head, WHY));
	add_keywords(f, &b, names, 2, 1, 1 | 2);
	request = request_of(f, &b, 1, 1);
	good(run(f, &b, &request, &made));
	copied = fixture_state(f, &b.alice.owner, &b.target);
	assert_true(copied->keywords[0] == UINT64_C(1) << 7);
	mailbox_state_free(copied);
	mailbox_state_free(b.state);
}

static void targets_gone(void **state)
{
	static const char *const names[] = { "a" };
	struct fixture *f = *state;
	struct boxes b = set_up(f, 1);
	struct copy_request request = request_of(f, &b, 1, 1);
	struct mailbox_appended made;

	request.to = id_new();
	bad(FAULT_NO_TARGET, run(f, &b, &request, &made));
	add_keywords(f, &b, names, 1, 1, 1);
	request = request_of(f, &b, 1, 1);
	request.to = id_new();
	bad(FAULT_NO_TARGET, run(f, &b, &request, &made));
	mailbox_state_free(b.state);
}

/* ---- expunging ---- */

static enum fault expunge(struct fixture *f, struct boxes *b, uint32_t first, uint32_t last)
{
	struct uid_set uids;
	enum fault fault;

	uid_set_init(&uids);
	uid_set_add_range(&uids, first, last);
	fault = copy_expunge(f->stack, &b->alice.owner, &b->inbox, &uids, WHY);
	uid_set_done(&uids);
	return fault;
}

static void expunging(void **state)
{
	struct fixture *f = *state;
	struct boxes b = set_up(f, 5);

	good(expunge(f, &b, 2, 3));
	look(f, &b);
	assert_int_equal(b.state->n, 3);
	assert_int_equal(b.state->head.messages, 3);
	assert_int_equal(b.state->head.unseen, 2); /* 1, 4, 5: only 4 was seen */
	assert_int_equal(b.state->head.bytes, 3 * strlen(MESSAGE));
	wire_on(f);
	good(expunge(f, &b, 2, 3)); /* gone already */
	good(expunge(f, &b, 100, UINT32_MAX));
	assert_string_equal(wire_log(f), "");
	wire_fail("commit", 0, 3, FAULT_STALE);
	good(expunge(f, &b, 1, 1));
	wire_fail("commit", 0, 100000, FAULT_STALE);
	bad(FAULT_TEMP, expunge(f, &b, 4, 4));
	wire_off(f);
	good(expunge(f, &b, 1, UINT32_MAX));
	look(f, &b);
	assert_int_equal(b.state->head.messages, 0);
	assert_int_equal(b.state->head.bytes, 0);
	mailbox_state_free(b.state);
}

struct meddler {
	struct fixture *f;
	struct boxes *b;
	int rounds;
};

/* Another session: flags on and off, all the time. */
static void *meddle(void *arg)
{
	struct meddler *m = arg;
	struct mailbox_edit edit = { .flags = FLAG_ANSWERED };
	struct mailbox_commit commit = { .mailbox = m->b->inbox, .edits = &edit, .n_edits = 1 };
	struct uid_set uids;

	uid_set_init(&uids);
	uid_set_add(&uids, 200);
	edit.uids = &uids;
	for (int i = 0; i < m->rounds; i++) {
		struct arena *arena = arena_new();
		struct mailbox_log log;
		struct mailbox_head head;
		struct why reason;

		edit.op = i % 2 ? FLAGS_REMOVE : FLAGS_ADD;
		if (!mailbox_look(m->f->stack->store, &m->b->alice.owner, &m->b->inbox, arena, &log,
		                  &reason)) {
			enum fault fault;

			commit.if_modseq = log.head.modseq;
			fault =
			    mailbox_commit(m->f->stack->store, &m->b->alice.owner, &commit, &head, &reason);
			assert_true(!fault || fault == FAULT_STALE);
		}
		arena_free(arena);
	}
	uid_set_done(&uids);
	return NULL;
}

/* The counts stay exact although the mailbox changes under every step. */
static void expunging_beside_others(void **state)
{
	struct fixture *f = *state;
	struct boxes b = set_up(f, 200);
	struct meddler meddler = { f, &b, 400 };
	pthread_t thread;
	uint32_t seen = 0;

	assert_int_equal(pthread_create(&thread, NULL, meddle, &meddler), 0);
	for (uint32_t uid = 1; uid <= 150; uid += 3) {
		struct uid_set uids;

		uid_set_init(&uids);
		uid_set_add_range(&uids, uid, uid + 1);
		good(copy_expunge(f->stack, &b.alice.owner, &b.inbox, &uids, WHY));
		uid_set_done(&uids);
	}
	pthread_join(thread, NULL);
	look(f, &b);
	assert_int_equal(b.state->n, 100);
	assert_int_equal(b.state->head.messages, 100);
	for (uint32_t i = 0; i < b.state->n; i++)
		seen += (b.state->flags[i] & FLAG_SEEN) != 0;
	assert_int_equal(b.state->head.unseen, 100 - seen);
	mailbox_state_free(b.state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(copying),
		case_of(out_of_pages),
		case_of(keywords_are_mapped),
		case_of(keywords_full),
		case_of(targets_gone),
		case_of(expunging),
		case_of(expunging_beside_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
