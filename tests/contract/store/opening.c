/* Opening: schema versions, what is not a store, two at once, and what a kill leaves. */
#include "place.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/schema.h"

static bool is_sqlite(void)
{
	return strcmp(backend, "sqlite") == 0;
}

static void test_reopen(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct id ann = id_new(), box = make_mailbox(store, &ann, "box");
	struct actor owner = owner_of(&ann);
	struct mailbox_state *view;

	assert_good(store_ping(store, why));
	append_some(store, &owner, &box, 3);
	store = open_store(place);
	assert_good(store_ping(store, why));
	view = read_state(store, &owner, &box);
	assert_int_equal(view->n, 3);
	mailbox_state_free(view);
}

static void test_newer_schema(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct record record = { .key = slice_str(SCHEMA_KEY), .version = RECORD_ANY };
	char text[16];

	record.value = slice_of(text, (size_t)snprintf(text, sizeof(text), "%d", SCHEMA_VERSION + 1));
	assert_good(record_put(store, &as_system, COLL_SETTINGS, &record, why));
	store_close(store);
	place->store = NULL;
	assert_fault(FAULT_CONFIG, store_open(&place->conf, &store, why));
	record.value = slice_of(text, (size_t)snprintf(text, sizeof(text), "%d", SCHEMA_VERSION));
}

static void test_unknown_backend(void **state)
{
	struct place *place = *state;
	struct store *store;

	place->conf.backend = "flatfile";
	assert_fault(FAULT_CONFIG, store_open(&place->conf, &store, why));
	place->conf.backend = backend;
	if (is_sqlite()) {
		place->conf.path = "/nonexistent/folder/store.sqlite";
		assert_fault(FAULT_CONFIG, store_open(&place->conf, &store, why));
		place->conf.path = place->path;
	}
}

static void test_private_file(void **state)
{
	struct place *place = *state;
	struct stat st;

	if (!is_sqlite())
		skip();
	open_store(place);
	assert_int_equal(stat(place->path, &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
}

static void test_damaged_file(void **state)
{
	struct place *place = *state;
	struct store *store;
	struct why why = { "" };
	FILE *file;

	if (!is_sqlite())
		skip();
	file = fopen(place->path, "w");
	assert_non_null(file);
	for (int i = 0; i < 1000; i++)
		fputs("this is no database ", file);
	fclose(file);
	assert_int_equal(store_open(&place->conf, &store, &why), FAULT_CORRUPT);
	assert_non_null(strstr(why.text, "restore a backup")); /* it says what to do */
}

static void *open_and_use(void *object)
{
	const struct thread_arg *arg = object;
	struct store *store = open_beside(arg->shared);
	char name[16];
	struct record record = { .key = slice_of(name,
		                                 (size_t)snprintf(name, sizeof(name), "%u", arg->number)) };

	record.value = record.key;
	must_good(record_put(store, &as_system, COLL_SETTINGS, &record, why));
	store_close(store);
	return NULL;
}

/* All find nothing and make it at the same time. */
static void test_open_at_once(void **state)
{
	struct place *place = *state;
	struct record record;

	run_threads(6, open_and_use, place);
	open_store(place);
	for (int i = 0; i < 6; i++) {
		char name[16];
		struct slice key = slice_of(name, (size_t)snprintf(name, sizeof(name), "%d", i));

		assert_good(record_get(place->store, &as_system, COLL_SETTINGS, key, false, place->arena,
		                       &record, why));
	}
}

/* ---- kill -9 ---- */

#define KILLED_WRITERS 4

struct killed {
	struct store *store;
	struct id account, mailbox;
	int pipe;
};

/* Appends for ever, and tells of each message that was acknowledged. */
static void *append_and_tell(void *object)
{
	const struct thread_arg *arg = object;
	struct killed *killed = arg->shared;
	struct actor actor = delivery_to(&killed->account);

	for (;;) {
		struct mailbox_append message = a_message(10, 0);
		struct mailbox_appended done;
		struct record content = { .key = id_slice(&message.content),
			                  .accounts = id_slice(&actor.account) };

		must_good(record_put(killed->store, &actor, COLL_CONTENTS, &content, why));
		must_good(mailbox_append(killed->store, &actor, &killed->mailbox, &message, 1, &done, why));
		must(write(killed->pipe, &message.content, sizeof(message.content)) ==
		     sizeof(message.content));
	}
	return NULL;
}

static int contents_missing(struct store *store, struct arena *arena, const struct killed *killed,
                            const struct id *told, size_t n)
{
	struct actor owner = owner_of(&killed->account);
	struct mailbox_state *view = read_state(store, &owner, &killed->mailbox);
	int missing = 0;

	for (size_t i = 0; i < n; i++) {
		struct record record;
		uint32_t at = 0;

		while (at < view->n && !id_eq(&view->content[at], &told[i]))
			at++;
		missing += at == view->n;
		missing += record_get(store, &owner, COLL_CONTENTS, id_slice(&told[i]), false, arena, &record,
		                      NULL) != FAULT_NONE;
	}
	mailbox_state_free(view);
	return missing;
}

static void test_kill(void **state)
{
	struct place *place = *state;
	struct killed killed = { .account = id_new() };
	struct id told[4096];
	size_t n = 0;
	int fd[2], status;
	pid_t child;

	killed.mailbox = make_mailbox(open_store(place), &killed.account, "box");
	store_close(place->store);
	place->store = NULL;
	assert_int_equal(pipe(fd), 0);
	child = fork();
	if (child == 0) {
		killed.store = open_beside(place);
		killed.pipe = fd[1];
		run_threads(KILLED_WRITERS, append_and_tell, &killed);
		_exit(1);
	}
	close(fd[1]);
	while (n < 150 && read(fd[0], &told[n], sizeof(told[0])) == sizeof(told[0]))
		n++;
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	while (n < ARRAY_LEN(told) && read(fd[0], &told[n], sizeof(told[0])) == sizeof(told[0]))
		n++;
	close(fd[0]);
	assert_true(n >= 150);
	assert_int_equal(contents_missing(open_store(place), place->arena, &killed, told, n), 0);
}

const struct CMUnitTest open_cases[] = {
	CASE(test_reopen),       CASE(test_newer_schema), CASE(test_unknown_backend),
	CASE(test_private_file), CASE(test_damaged_file), CASE(test_open_at_once),
	CASE(test_kill),
};
const size_t n_open_cases = ARRAY_LEN(open_cases);
