/* The fixture (place.h). */
#include "place.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/mongo/mongo.h"
#include "store/mongo/mongo_test.h"

const char *backend;

const struct actor as_system = { .kind = ACTOR_SYSTEM };
const struct actor as_admin = { .kind = ACTOR_ADMIN };
const struct actor as_queue = { .kind = ACTOR_QUEUE };

int place_setup(void **state)
{
	static unsigned number;
	struct place *place = xzalloc(sizeof(*place));
	const char *tmp = getenv("TMPDIR");

	snprintf(place->dir, sizeof(place->dir), "%s/store_contract.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(place->dir));
	snprintf(place->path, sizeof(place->path), "%s/store.sqlite", place->dir);
	snprintf(place->db, sizeof(place->db), "posthouse_contract_%d_%u", (int)getpid(), number++);
	place->conf = (struct store_conf){
		.backend = backend,
		.path = place->path,
		.mongo_uri = getenv("MONGO_URI"),
		.mongo_db = place->db,
		.timeout_ms = 20000, /* test servers are slow */
	};
	place->arena = arena_new();
	*state = place;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Past the version check, which the case may have been about. */
static void drop_database(const struct place *place)
{
	struct store *store;
	struct buf reply;

	buf_init(&reply, BUF_NO_LIMIT);
	assert_good(store_mongo_open(&place->conf, &store, why));
	assert_good(mongo_test_run(store, SLICE("{\"dropDatabase\": 1}"), &reply, why));
	store->ops->close(store);
	buf_done(&reply);
}

int place_teardown(void **state)
{
	struct place *place = *state;

	store_close(place->store);
	if (strcmp(backend, "mongo") == 0)
		drop_database(place);
	arena_free(place->arena);
	nftw(place->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(place);
	return 0;
}

struct store *open_beside(const struct place *place)
{
	struct store *store = NULL;

	must_good(store_open(&place->conf, &store, why));
	return store;
}

struct store *open_store(struct place *place)
{
	store_close(place->store);
	place->store = open_beside(place);
	return place->store;
}

uint64_t env_number(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);
	uint64_t number;

	if (!text)
		return fallback;
	if (!slice_u64(slice_str(text), UINT64_MAX, &number)) {
		fprintf(stderr, "%s is no number: %s\n", name, text);
		exit(2);
	}
	return number;
}

struct actor owner_of(const struct id *account)
{
	return (struct actor){ ACTOR_OWNER, *account };
}

struct actor delivery_to(const struct id *account)
{
	return (struct actor){ ACTOR_DELIVERY, *account };
}

struct mailbox_meta meta_of(const struct id *account, const char *name)
{
	return (struct mailbox_meta){
		.id = id_new(),
		.account = *account,
		.name = slice_str(name),
		.name_hash = id_derive(account, slice_str(name)),
		.subscribed = true,
	};
}

struct id make_mailbox(struct store *store, const struct id *account, const char *name)
{
	struct mailbox_meta meta = meta_of(account, name);
	struct actor owner = owner_of(account);

	must_good(mailbox_create(store, &owner, &meta, 7, why));
	return meta.id;
}

struct mailbox_append a_message(uint32_t size, uint32_t flags)
{
	struct mailbox_append message = {
		.content = id_new(),
		.tag = id_new(),
		.key = { .kind = WRAPPED_BOX, .generation = 1 },
		.size = size,
		.internal_date = 1700000000000,
		.save_date = 1700000001000,
		.flags = flags,
	};

	rand_bytes(message.key.raw, sizeof(message.key.raw));
	return message;
}

uint32_t append_some(struct store *store, const struct actor *actor, const struct id *mailbox, uint32_t n)
{
	struct mailbox_appended done = { .first_uid = 0 };

	for (uint32_t i = 0; i < n; i++) {
		struct mailbox_append message = a_message(100, 0);

		must_good(mailbox_append(store, actor, mailbox, &message, 1, &done, why));
	}
	return done.first_uid;
}

void catch_up(struct store *store, const struct actor *actor, struct mailbox_state *state)
{
	struct arena *arena = arena_new();
	struct mailbox_news news;
	struct mailbox_delta delta;

	mailbox_delta_init(&delta);
	must_good(mailbox_fetch_news(store, actor, &state->mailbox, state->head.modseq, arena, &news, why));
	must_good(mailbox_state_apply(state, &news, &delta, why));
	mailbox_delta_done(&delta);
	arena_free(arena);
}

struct mailbox_state *read_state(struct store *store, const struct actor *actor, const struct id *mailbox)
{
	struct mailbox_state *state = mailbox_state_new(mailbox);

	catch_up(store, actor, state);
	return state;
}

enum fault edit_range(struct store *store, const struct actor *actor, struct mailbox_state *state,
                      uint32_t first, uint32_t last, bool expunge, uint32_t add_flags)
{
	struct uid_set uids;
	struct mailbox_edit edit = { .expunge = expunge, .op = FLAGS_ADD, .flags = add_flags, .uids = &uids };
	struct mailbox_commit commit = {
		.mailbox = state->mailbox,
		.if_modseq = state->head.modseq,
		.edits = &edit,
		.n_edits = 1,
		.durable = expunge,
	};
	struct mailbox_head head;
	struct why why = { "" };
	enum fault fault;

	uid_set_init(&uids);
	for (uint32_t i = 0; i < state->n; i++) {
		if (state->uid[i] < first || state->uid[i] > last)
			continue;
		uid_set_add(&uids, state->uid[i]);
		edit.messages -= expunge;
		edit.bytes -= expunge ? state->size[i] : 0;
		if (!(state->flags[i] & FLAG_SEEN))
			edit.unseen -= expunge || (add_flags & FLAG_SEEN);
	}
	fault = uid_set_is_empty(&uids) ? FAULT_NONE : mailbox_commit(store, actor, &commit, &head, &why);
	uid_set_done(&uids);
	if (!fault)
		catch_up(store, actor, state);
	return fault;
}

void run_threads(unsigned n, void *(*run)(void *), void *shared)
{
	struct thread_arg args[64];
	pthread_t threads[64];

	must(n <= 64);
	for (unsigned i = 0; i < n; i++) {
		args[i] = (struct thread_arg){ i, shared };
		must(pthread_create(&threads[i], NULL, run, &args[i]) == 0);
	}
	for (unsigned i = 0; i < n; i++)
		must(pthread_join(threads[i], NULL) == 0);
}
