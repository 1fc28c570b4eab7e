/* Unix sockets: what may lie in the directory, peers that stop. */
#include "member.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void raw_local(const struct backend *backend, const struct member *to, const char *text, size_t len)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/bus/%s.sock", backend->conf.run_dir, to->node);
	assert_true(sendto(fd, text, len, 0, (struct sockaddr *)&addr, sizeof(addr)) >= 0);
	close(fd);
}

static void malformed_is_ignored(void **state)
{
	check_malformed(*state, raw_local);
}

static void stale_socket_is_removed(void **state)
{
	const struct backend *backend = *state;
	struct member *member = start_member(*state, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int64_t until = clock_mono_ms() + PATIENCE_MS;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/bus/dead.sock", backend->conf.run_dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	publish_timed(member, TOPIC_QUEUE, 1);
	while (access(addr.sun_path, F_OK) == 0 && clock_mono_ms() < until)
		nap(2);
	assert_int_equal(access(addr.sun_path, F_OK), -1);
	free_member(member);
}

static void own_socket_comes_back(void **state)
{
	const struct backend *backend = *state;
	struct member *a = start_member(*state, 0), *b = start_member(*state, BIT(TOPIC_QUEUE));
	char path[160];

	snprintf(path, sizeof(path), "%s/bus/%s.sock", backend->conf.run_dir, b->node);
	assert_int_equal(unlink(path), 0);
	assert_true(wait_for(&b->ups, 2));
	publish_timed(a, TOPIC_QUEUE, 1);
	assert_true(wait_for(&b->got[TOPIC_QUEUE], 1));
	free_member(a);
	free_member(b);
}

/* The same name again, as after a crash: the new one has it, and the old one's end leaves it alone. */
static void node_started_again(void **state)
{
	struct member *a = start_member(*state, 0), *old = start_member(*state, BIT(TOPIC_QUEUE)), *again;

	again = new_member_as(*state, old->node, BIT(TOPIC_QUEUE), 0);
	run(again);
	assert_true(wait_up(again, true));
	free_member(old);
	publish_timed(a, TOPIC_QUEUE, 1);
	assert_true(wait_for(&again->got[TOPIC_QUEUE], 1));
	free_member(again);
	free_member(a);
}

/* A process that does not read holds nobody up, and hears again once it reads. */
static void stopped_peer(void **state)
{
	pid_t child = spawn_echo(*state);
	struct member *a = start_member(*state, BIT(TOPIC_ACCOUNT)),
	              *b = start_member(*state, BIT(TOPIC_QUEUE));
	unsigned before;

	wait_for_echo(a);
	before = atomic_load(&b->got[TOPIC_QUEUE]);
	kill(child, SIGSTOP);
	publish_many(a, TOPIC_QUEUE, 8000);
	assert_true(wait_for(&b->got[TOPIC_QUEUE], before + 7000));
	kill(child, SIGCONT);
	nap(200);
	wait_for_echo(a);
	end_child(child);
	free_member(a);
	free_member(b);
}

static void bad_settings(void **state)
{
	static char long_dir[200];
	static const struct bus_conf confs[] = {
		{ .backend = NULL, .node = "a" },
		{ .backend = "pigeon", .node = "a" },
		{ .backend = "local", .node = "a" },
		{ .backend = "local", .node = "", .run_dir = "/tmp" },
		{ .backend = "local", .node = "a/b", .run_dir = "/tmp" },
		{ .backend = "local", .node = "..", .run_dir = "/tmp" },
		{ .backend = "local", .node = "a", .run_dir = "/dev/null" },
		{ .backend = "local", .node = "a", .run_dir = long_dir },
		{ .backend = "amqp", .node = "a" },
		{ .backend = "amqp", .node = "a", .amqp_uri = "http://x" },
		{ .backend = "amqp", .node = "a", .amqp_uri = "amqp://x:y@z:port" },
	};
	struct loop *loop = loop_new();
	struct bus *bus = NULL;

	(void)state;
	memset(long_dir, 'x', sizeof(long_dir) - 1);
	for (size_t i = 0; i < ARRAY_LEN(confs); i++) {
		struct why why = { "" };

		print_message("%zu\n", i);
		assert_int_equal(bus_new(loop, &confs[i], &bus, &why), FAULT_CONFIG);
		assert_true(why.text[0]);
		assert_null(strstr(why.text, "y@z"));
		assert_null(bus);
	}
	bus_free(NULL);
	loop_free(loop);
}

const struct CMUnitTest local_cases[] = {
	{ .name = "malformed is ignored", .test_func = malformed_is_ignored },
	{ .name = "bad settings", .test_func = bad_settings },
	{ .name = "a stale socket is removed", .test_func = stale_socket_is_removed },
	{ .name = "its own socket comes back", .test_func = own_socket_comes_back },
	{ .name = "a node started again", .test_func = node_started_again },
	{ .name = "a stopped peer", .test_func = stopped_peer },
};
const size_t n_local_cases = ARRAY_LEN(local_cases);
