#ifndef TESTS_SHARED_STORE_MONGO_FIXTURE_H
#define TESTS_SHARED_STORE_MONGO_FIXTURE_H
/*
 * A store on MongoDB for tests: the server that MONGO_URI names, or one of the
 * test's own (mongo_server.py), which POSTHOUSE_TEST_PYTHON must be able to
 * start. With neither there is nothing to test on. The database is this process's own.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/metrics.h"
#include "store/mongo/mongo.h"
#include "store/mongo/mongo_test.h"

#ifdef __SANITIZE_THREAD__
/* The driver's own atomics are invisible to a sanitizer that did not compile it. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race:libmongoc-1.0.so\nrace:libbson-1.0.so\n";
}
#endif

static const char *mongo_uri;
static struct store *store;
static struct arena *arena;
static const struct id no_id;
static const struct actor system_actor = { .kind = ACTOR_SYSTEM };

#define assert_fault(want, call)                                                                             \
	do {                                                                                                 \
		struct why why_ = { "" };                                                                    \
		struct why *why = &why_;                                                                     \
		enum fault got_ = (call);                                                                    \
		if (got_ != (want))                                                                          \
			fail_msg("%s instead of %s: %s", fault_name(got_), fault_name(want), why->text);     \
	} while (0)
#define assert_good(call) assert_fault(FAULT_NONE, call)

static inline void nap(long ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL);
}

static inline const char *test_db(void)
{
	static char name[40];

	snprintf(name, sizeof(name), "posthouse_test_%d", (int)getpid());
	return name;
}

static inline void run_json(struct slice json)
{
	struct buf reply;

	buf_init(&reply, BUF_NO_LIMIT);
	assert_good(mongo_test_run(store, json, &reply, why));
	buf_done(&reply);
}

static inline void PRINTF_LIKE(1, 2) run_command(const char *format, ...)
{
	struct buf json;
	va_list args;

	buf_init(&json, BUF_NO_LIMIT);
	va_start(args, format);
	buf_vprintf(&json, format, args);
	va_end(args);
	run_json(buf_slice(&json));
	buf_done(&json);
}

/* Commands sent so far, all kinds together. */
static inline uint64_t commands_sent(void)
{
	uint64_t total = 0, n;
	struct slice text, line, count;
	struct buf out;

	buf_init(&out, BUF_NO_LIMIT);
	metrics_print(&out);
	text = buf_slice(&out);
	while (slice_cut(&text, '\n', &line)) {
		if (!slice_starts(line, "posthouse_store_commands_total{"))
			continue;
		count = slice_from(line, (size_t)slice_find(line, SLICE("} ")) + 2);
		assert_true(slice_u64(count, UINT64_MAX, &n));
		total += n;
	}
	buf_done(&out);
	return total;
}

static inline int open_fixture(void **state)
{
	struct store_conf conf = { .mongo_uri = mongo_uri, .mongo_db = test_db() };

	(void)state;
	rand_start();
	arena = arena_new();
	assert_good(store_mongo_open(&conf, &store, why));
	return 0;
}

/* A server that has just been killed some times, on a busy machine, may need more than one call's time. */
static inline void drop_database(void)
{
	enum fault fault = FAULT_TEMP;
	struct why why = { "" };
	struct buf reply;

	buf_init(&reply, BUF_NO_LIMIT);
	for (int i = 0; i < 20 && fault == FAULT_TEMP; i++)
		fault = mongo_test_run(store, SLICE("{\"dropDatabase\": 1}"), &reply, &why);
	buf_done(&reply);
	if (fault)
		fail_msg("%s: %s", fault_name(fault), why.text);
}

static inline int close_fixture(void **state)
{
	(void)state;
	drop_database();
	store->ops->close(store);
	arena_free(arena);
	return 0;
}

/* ---- making things ------------------------------------------------------------------------------------------- */

static inline struct id new_mailbox(const struct id *account)
{
	struct mailbox_meta meta = {
		.id = id_new(), .account = *account, .name = SLICE("sealed"), .name_hash = id_new()
	};

	assert_good(store->ops->mailbox_create(store, &system_actor, &meta, 7, why));
	return meta.id;
}

static inline struct mailbox_change new_change(uint32_t uids, const struct id *tag)
{
	return (struct mailbox_change){ .entry = SLICE("an entry"),
		                        .tag = *tag,
		                        .messages = (int32_t)uids,
		                        .unseen = (int32_t)uids,
		                        .bytes = 100 * (int64_t)uids,
		                        .uids = uids };
}

static inline struct mailbox_head append(const struct id *mailbox, uint32_t uids, const struct id *tag)
{
	struct mailbox_change change = new_change(uids, tag);
	struct commit commit = { .mailbox = *mailbox, .changes = &change, .n_changes = 1, .durable = true };
	struct mailbox_head head;

	assert_good(store->ops->commit(store, &system_actor, &commit, &head, why));
	return head;
}

static inline struct queue_entry new_entry(uint8_t priority, int64_t due)
{
	return (struct queue_entry){ .id = id_new(),
		                     .account = id_new(),
		                     .content = id_new(),
		                     .domain = SLICE("example.org"),
		                     .priority = priority,
		                     .created = 1,
		                     .due = due,
		                     .size = 1000,
		                     .state = SLICE("sealed state") };
}

/* ---- a server of our own ------------------------------------------------------------------------------------- */

struct mongo_server {
	pid_t pid;
	FILE *to, *from;
	char dir[64], uri[128];
};

static inline void server_read(struct mongo_server *server, char *line, size_t size)
{
	if (!fgets(line, (int)size, server->from)) {
		fprintf(stderr, "the MongoDB of the test is gone\n");
		abort();
	}
	line[strcspn(line, "\n")] = '\0';
}

/* "kill" or "start". */
static inline void server_do(struct mongo_server *server, const char *word)
{
	char line[32];

	fprintf(server->to, "%s\n", word);
	fflush(server->to);
	server_read(server, line, sizeof(line));
}

/* Before any thread: it forks. False when there is no Python for it. */
static inline bool server_start(struct mongo_server *server, bool standalone)
{
	const char *python = getenv("POSTHOUSE_TEST_PYTHON"), *tmp = getenv("TMPDIR");
	int to[2], from[2];

	if (!python)
		return false;
	snprintf(server->dir, sizeof(server->dir), "%s/test_mongo.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(server->dir) || pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		abort();
	server->pid = fork();
	if (server->pid == 0) {
		dup2(to[0], 0);
		dup2(from[1], 1);
		execl(python, python, SOURCE_DIR "/tests/shared/store/mongo_server.py", server->dir,
		      standalone ? "standalone" : NULL, NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	server->to = fdopen(to[1], "w");
	server->from = fdopen(from[0], "r");
	server_read(server, server->uri, sizeof(server->uri));
	return true;
}

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void server_stop(struct mongo_server *server)
{
	fclose(server->to);
	waitpid(server->pid, NULL, 0);
	fclose(server->from);
	nftw(server->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* What can be seen without a server. */
static inline void a_bad_uri_is_refused(void **state)
{
	static const char *const uris[] = { "", "http://127.0.0.1/", "mongodb://" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(uris); i++) {
		struct store_conf conf = { .mongo_uri = uris[i] };
		struct why why = { "" };

		assert_int_equal(store_mongo_open(&conf, &store, &why), FAULT_CONFIG);
		assert_non_null(strstr(why.text, "mongo_uri"));
	}
}

static inline int nothing_to_test_on(const char *name)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_bad_uri_is_refused) };

	printf("%s: the rest is skipped, there is neither MONGO_URI nor POSTHOUSE_TEST_PYTHON\n", name);
	return _cmocka_run_group_tests(name, tests, ARRAY_LEN(tests), NULL, NULL);
}

/* The tests of a program, on the server that is named or one of its own. */
static inline int run_on_mongo(const char *name, const struct CMUnitTest *tests, size_t n,
                               CMFixtureFunction setup)
{
	struct mongo_server server;
	int failed;

	mongo_uri = getenv("MONGO_URI");
	if (mongo_uri)
		return _cmocka_run_group_tests(name, tests, n, setup, close_fixture);
	if (!server_start(&server, false))
		return nothing_to_test_on(name);
	mongo_uri = server.uri;
	failed = _cmocka_run_group_tests(name, tests, n, setup, close_fixture);
	server_stop(&server);
	return failed;
}

#endif
