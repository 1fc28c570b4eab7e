/*
 * The model checker: random operations on a mailbox in the store and on a plain
 * list in memory, compared after each. A view that follows at once, one that
 * comes late, and one from scratch must all see the list; and what each is told has changed must be what has.
 *
 * CONTRACT_RUNS runs; a run that fails prints its seed, and SEED= replays it alone.
 */
#include "place.h"
#include "store/fold_test.h"
#include "store/page.h"

#define STEPS        80
#define MESSAGES_MAX 12000 /* ever, in one run */

struct message {
	uint32_t uid, flags, size;
	uint64_t modseq, keywords, gone; /* gone: the change that expunged it; 0: it is there */
	int64_t date;
	struct id content;
};

struct model {
	struct store *store;
	struct actor owner;
	struct id mailbox;
	uint64_t random;
	struct message *messages; /* by UID, from 1; expunged ones stay */
	uint32_t n, recent;
	uint64_t modseq;
	uint32_t keywords;
	struct mailbox_append tagged; /* one that was appended and not folded away since */
	uint32_t tagged_uid;
	struct mailbox_state *near, *late;
	const char *doing;
};

static uint64_t next_random(struct model *m)
{
	uint64_t z = (m->random += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint32_t below(struct model *m, uint32_t limit)
{
	return (uint32_t)(next_random(m) % limit);
}

static struct id random_id(struct model *m)
{
	struct id id;
	uint64_t words[2] = { next_random(m), next_random(m) };

	memcpy(id.raw, words, sizeof(id.raw));
	return id;
}

#define same(m, condition)                                                                                   \
	do {                                                                                                 \
		if (!(condition))                                                                            \
			fail_msg("after %s: not so: %s", (m)->doing, #condition);                            \
	} while (0)

/* ---- comparing ---- */

static void compare_head(struct model *m, const struct mailbox_head *head)
{
	uint32_t messages = 0, unseen = 0;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < m->n; i++) {
		if (m->messages[i].gone)
			continue;
		messages++;
		unseen += !(m->messages[i].flags & FLAG_SEEN);
		bytes += m->messages[i].size;
	}
	same(m, head->modseq == m->modseq);
	same(m, head->uid_next == m->n + 1);
	same(m, head->messages == messages);
	same(m, head->unseen == unseen);
	same(m, head->bytes == bytes);
	same(m, head->keywords == m->keywords);
	same(m, head->recent_uid == m->recent);
}

static void compare_vanished(struct model *m, const struct mailbox_state *view)
{
	uint64_t before = 0;
	uint32_t told = 0, gone = 0;

	for (uint32_t i = 0; i < view->n_vanished; i++) {
		const struct vanished_run *run = &view->vanished[i];

		same(m, run->modseq > view->head.vanished_floor && run->modseq >= before);
		same(m, run->uids.first >= 1 && run->uids.first <= run->uids.last && run->uids.last <= m->n);
		before = run->modseq;
		for (uint32_t uid = run->uids.first; uid <= run->uids.last; uid++, told++)
			same(m, m->messages[uid - 1].gone == run->modseq);
	}
	for (uint32_t i = 0; i < m->n; i++)
		gone += m->messages[i].gone > view->head.vanished_floor;
	same(m, told == gone);
}

static void compare(struct model *m, const struct mailbox_state *view)
{
	uint32_t at = 0;

	compare_head(m, &view->head);
	for (uint32_t i = 0; i < m->n; i++) {
		const struct message *message = &m->messages[i];

		if (message->gone)
			continue;
		same(m, at < view->n && view->uid[at] == message->uid);
		same(m, view->modseq[at] == message->modseq);
		same(m, view->flags[at] == message->flags);
		same(m, view->keywords[at] == message->keywords);
		same(m, view->size[at] == message->size);
		same(m, view->internal_date[at] == message->date && view->save_date[at] == message->date + 1);
		if (view->loaded[at])
			same(m, id_eq(&view->content[at], &message->content));
		at++;
	}
	same(m, at == view->n);
	compare_vanished(m, view);
}

/* What a view at `modseq`, `uid_next` was told must be what happened since. */
static void compare_delta(struct model *m, uint64_t modseq, uint32_t uid_next,
                          const struct mailbox_delta *delta)
{
	uint32_t first_new = 0;

	for (uint32_t i = 0; i < m->n; i++) {
		const struct message *message = &m->messages[i];
		bool old = message->uid < uid_next;

		same(m, uid_set_has(&delta->expunged, message->uid) == (old && message->gone > modseq));
		same(m, uid_set_has(&delta->changed, message->uid) ==
		            (old && !message->gone && message->modseq > modseq));
		if (!old && !message->gone && !first_new)
			first_new = message->uid;
	}
	same(m, delta->first_new == first_new);
}

static void follow(struct model *m, struct mailbox_state *view)
{
	struct arena *arena = arena_new();
	uint64_t modseq = view->head.modseq;
	uint32_t uid_next = view->head.uid_next;
	struct mailbox_delta delta;
	struct mailbox_news news;

	mailbox_delta_init(&delta);
	assert_good(mailbox_fetch_news(m->store, &m->owner, &m->mailbox, modseq, arena, &news, why));
	assert_good(mailbox_state_apply(view, &news, &delta, why));
	compare(m, view);
	compare_delta(m, modseq, uid_next, &delta);
	/* old news do no harm */
	assert_good(mailbox_state_apply(view, &news, &delta, why));
	compare(m, view);
	mailbox_delta_done(&delta);
	arena_free(arena);
}

static void load_some_keys(struct model *m, struct mailbox_state *view)
{
	struct arena *arena = arena_new();
	struct page_row row;

	for (uint32_t i = 0; i < view->n; i++) {
		if (view->loaded[i])
			continue;
		assert_good(mailbox_page_keys(m->store, &m->owner, &m->mailbox, page_of(view->uid[i]), arena,
		                              &row, why));
		assert_good(mailbox_state_load_keys(view, &row, why));
		same(m, view->loaded[i]);
	}
	compare(m, view);
	arena_free(arena);
}

/* ---- operations ---- */

static void do_append(struct model *m, uint32_t n)
{
	struct mailbox_append *appends = xzalloc(n * sizeof(*appends));
	struct mailbox_appended done;

	m->doing = "append";
	m->modseq++;
	for (uint32_t i = 0; i < n; i++) {
		struct message *message = &m->messages[m->n + i];

		*message = (struct message){ .uid = m->n + i + 1, .modseq = m->modseq };
		message->flags = below(m, 3) ? 0 : below(m, FLAG_ALL + 1);
		message->keywords = m->keywords ? next_random(m) & (((uint64_t)1 << m->keywords) - 1) : 0;
		message->size = below(m, 100000);
		message->date = (int64_t)next_random(m) >> below(m, 64);
		message->content = random_id(m);
		appends[i] = (struct mailbox_append){
			.content = message->content,
			.tag = random_id(m),
			.key = { .kind = (uint8_t)(1 + below(m, 2)), .generation = 1 },
			.size = message->size,
			.internal_date = message->date,
			.save_date = message->date + 1,
			.flags = message->flags,
			.keywords = message->keywords,
		};
	}
	assert_good(mailbox_append(m->store, &m->owner, &m->mailbox, appends, n, &done, why));
	same(m, done.first_uid == m->n + 1);
	m->tagged_uid = n == 1 ? done.first_uid : 0;
	m->tagged = appends[0];
	m->n += n;
	compare_head(m, &done.head);
	free(appends);
}

static void do_append_again(struct model *m)
{
	struct mailbox_appended done;

	m->doing = "append again";
	if (!m->tagged_uid)
		return;
	assert_good(mailbox_append(m->store, &m->owner, &m->mailbox, &m->tagged, 1, &done, why));
	same(m, done.first_uid == m->tagged_uid);
}

/* Some of the messages that are there: a range, or here and there. */
static void pick(struct model *m, struct uid_set *ret)
{
	uint32_t first = 1 + below(m, m->n), span = 1 + below(m, below(m, 4) ? 12 : 2000);
	uint32_t one_in = 1 + below(m, 3);

	for (uint32_t i = first; i < first + span && i <= m->n; i++)
		if (!m->messages[i - 1].gone && below(m, one_in) == 0)
			uid_set_add(ret, i);
}

static bool would_change(const struct message *message, const struct mailbox_edit *edit)
{
	return flag_result(edit->op, message->flags, edit->flags) != message->flags ||
	       flag_result(edit->op, message->keywords, edit->keywords) != message->keywords;
}

/* Decides one edit on the model and makes it there; false when nothing would change. */
static bool make_edit(struct model *m, struct mailbox_edit *edit, struct uid_set *uids)
{
	uint32_t uid;
	struct uid_set all;

	uid_set_init(&all);
	pick(m, &all);
	edit->uids = uids;
	edit->expunge = below(m, 3) == 0;
	edit->op = (enum flag_op)below(m, 3);
	edit->flags = edit->expunge ? 0 : below(m, FLAG_ALL + 1);
	edit->keywords =
	    edit->expunge || !m->keywords ? 0 : next_random(m) & (((uint64_t)1 << m->keywords) - 1);
	for (struct uid_iter it = uid_iter_of(&all); uid_next(&it, &uid);) {
		struct message *message = &m->messages[uid - 1];
		uint32_t was = message->flags;

		if (edit->expunge) {
			message->gone = m->modseq + 1;
			edit->messages--;
			edit->bytes -= message->size;
			edit->unseen -= !(was & FLAG_SEEN);
		} else if (would_change(message, edit)) {
			message->flags = (uint32_t)flag_result(edit->op, was, edit->flags);
			message->keywords = flag_result(edit->op, message->keywords, edit->keywords);
			message->modseq = m->modseq + 1;
			edit->unseen += !(message->flags & FLAG_SEEN) - !(was & FLAG_SEEN);
		} else {
			continue;
		}
		uid_set_add(uids, uid);
	}
	uid_set_done(&all);
	m->modseq += !uid_set_is_empty(uids);
	return !uid_set_is_empty(uids);
}

static void do_edits(struct model *m)
{
	uint32_t n = 0, wanted = 1 + below(m, 3);
	struct mailbox_edit edits[3] = { 0 };
	struct uid_set uids[3];
	struct slice name = SLICE("sealed");
	struct mailbox_commit commit = { .mailbox = m->mailbox, .if_modseq = m->modseq, .edits = edits };
	struct mailbox_delta delta;
	struct mailbox_head head;
	bool own = below(m, 2) && m->near->head.modseq == m->modseq;

	m->doing = "edits";
	if (below(m, 12) == 0 && m->keywords < 8) {
		commit.keywords = &name;
		commit.n_keywords = 1;
		commit.if_keywords = m->keywords++;
	}
	for (uint32_t i = 0; i < wanted; i++) {
		uid_set_init(&uids[n]);
		n += make_edit(m, &edits[n], &uids[n]);
		if (n < wanted && i + 1 < wanted)
			edits[n] = (struct mailbox_edit){ 0 };
	}
	commit.n_edits = n;
	commit.durable = below(m, 2);
	if (n || commit.n_keywords) {
		assert_good(mailbox_commit(m->store, &m->owner, &commit, &head, why));
		compare_head(m, &head);
	}
	if (n && own) {
		mailbox_delta_init(&delta);
		mailbox_state_committed(m->near, &commit, &head, &delta);
		mailbox_delta_done(&delta);
		compare(m, m->near);
	}
	for (uint32_t i = 0; i < n; i++)
		uid_set_done(&uids[i]);
}

static void do_stale(struct model *m)
{
	struct uid_set uids;
	struct mailbox_edit edit = { .expunge = true, .uids = &uids, .messages = -1 };
	struct mailbox_commit commit = { .mailbox = m->mailbox, .edits = &edit, .n_edits = 1 };
	struct mailbox_head head;

	m->doing = "stale commit";
	if (m->modseq < 2)
		return;
	uid_set_init(&uids);
	uid_set_add(&uids, 1);
	commit.if_modseq = 1 + below(m, (uint32_t)m->modseq - 1);
	assert_fault(FAULT_STALE, mailbox_commit(m->store, &m->owner, &commit, &head, why));
	uid_set_done(&uids);
}

struct stopper {
	struct fold_test test;
	int left;
};

static bool stop(struct fold_test *test, enum fold_step step)
{
	(void)step;
	return container_of(test, struct stopper, test)->left-- == 0;
}

static void do_fold(struct model *m, bool interrupted)
{
	struct stopper stopper = { { stop, 1 + below(m, 40000) }, interrupted ? (int)below(m, 5) : -1 };
	enum fault fault;

	m->doing = interrupted ? "interrupted fold" : "fold";
	fold_set_test(&stopper.test);
	fault = mailbox_fold(m->store, &m->owner, &m->mailbox, NULL, NULL);
	fold_set_test(NULL);
	same(m, fault == FAULT_NONE || (interrupted && fault == FAULT_CANCELLED));
	m->tagged_uid = 0;
}

static void do_recent(struct model *m)
{
	struct mailbox_head head = { .recent_uid = m->recent, .uid_next = m->n + 1 };

	m->doing = "recent";
	if (head.recent_uid == head.uid_next)
		return;
	assert_good(mailbox_take_recent(m->store, &m->owner, &m->mailbox, &head, why));
	m->recent = head.uid_next;
}

static void fresh_mailbox(struct model *m)
{
	struct mailbox_meta meta = meta_of(&m->owner.account, "box");

	meta.id = random_id(m);
	assert_good(mailbox_create(m->store, &m->owner, &meta, 1, why));
	m->mailbox = meta.id;
	m->n = m->keywords = m->tagged_uid = 0;
	m->recent = 1;
	m->modseq = 1;
	mailbox_state_free(m->near);
	mailbox_state_free(m->late);
	m->near = mailbox_state_new(&m->mailbox);
	m->late = mailbox_state_new(&m->mailbox);
}

static void do_delete(struct model *m)
{
	struct arena *arena = arena_new();
	struct mailbox_news news;

	m->doing = "delete";
	assert_good(mailbox_delete(m->store, &m->owner, &m->mailbox, why));
	assert_fault(FAULT_NOT_FOUND,
	             mailbox_fetch_news(m->store, &m->owner, &m->mailbox, m->modseq, arena, &news, why));
	arena_free(arena);
	fresh_mailbox(m);
}

static void one_step(struct model *m)
{
	uint32_t choice = below(m, 100);
	uint32_t n = choice < 8 ? 1 + below(m, 900) : 1 + below(m, 5);

	if (choice < 30 && m->n + n <= MESSAGES_MAX)
		do_append(m, n);
	else if (choice < 34)
		do_append_again(m);
	else if (choice < 72 && m->n)
		do_edits(m);
	else if (choice < 75)
		do_stale(m);
	else if (choice < 83)
		do_fold(m, false);
	else if (choice < 91)
		do_fold(m, true);
	else if (choice < 94)
		do_recent(m);
	else if (choice == 94 && below(m, 4) == 0)
		do_delete(m);
}

static void compare_all(struct model *m)
{
	follow(m, m->near);
	if (below(m, 6) == 0)
		follow(m, m->late);
	if (below(m, 6) == 0) {
		struct mailbox_state *fresh = mailbox_state_new(&m->mailbox);

		follow(m, fresh);
		if (below(m, 3) == 0)
			load_some_keys(m, fresh);
		mailbox_state_free(fresh);
	}
}

static void run(struct store *store, uint64_t seed)
{
	struct model m = { .store = store, .random = seed, .owner = { .kind = ACTOR_OWNER } };

	m.messages = xzalloc(MESSAGES_MAX * sizeof(*m.messages));
	m.owner.account = random_id(&m);
	fresh_mailbox(&m);
	for (int step = 0; step < STEPS; step++) {
		one_step(&m);
		compare_all(&m);
	}
	mailbox_state_free(m.near);
	mailbox_state_free(m.late);
	free(m.messages);
}

static uint64_t running; /* the seed, for whoever reads why it failed */

static int tell_seed(void **state)
{
	if (running)
		fprintf(stderr, "model checker failed: replay with SEED=%llu BACKEND=%s\n",
		        (unsigned long long)running, backend);
	return place_teardown(state);
}

static void test_model(void **state)
{
	uint64_t seed = env_number("SEED", 0), runs = env_number("CONTRACT_RUNS", 300), first;
	struct store *store = open_store(*state);

	/* services for tests answer a few hundred times a second */
	if (strcmp(backend, "sqlite") && !getenv("CONTRACT_RUNS"))
		runs = 10;
	rand_bytes(&first, sizeof(first));
	first = (first >> 16) + 1;
	if (seed)
		runs = 1, first = seed;
	printf("model checker: %llu runs from SEED=%llu\n", (unsigned long long)runs,
	       (unsigned long long)first);
	for (uint64_t i = 0; i < runs; i++) {
		running = first + i;
		run(store, running);
	}
	running = 0;
}

const struct CMUnitTest model_cases[] = { cmocka_unit_test_setup_teardown(test_model, place_setup,
	                                                                  tell_seed) };
const size_t n_model_cases = ARRAY_LEN(model_cases);
