/* RabbitMQ: a broker that goes away, hangs, refuses, is full; and TLS. */
#include "member.h"

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

static amqp_connection_state_t raw_connect(const struct backend *backend)
{
	char uri[160];
	struct amqp_connection_info info;
	amqp_connection_state_t conn = amqp_new_connection();
	amqp_socket_t *socket = amqp_tcp_socket_new(conn);

	snprintf(uri, sizeof(uri), "%s", backend->uri);
	assert_int_equal(amqp_parse_url(uri, &info), 0);
	assert_int_equal(amqp_socket_open(socket, info.host, info.port), 0);
	assert_int_equal(
	    amqp_login(conn, info.vhost, 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, info.user, info.password)
	        .reply_type,
	    AMQP_RESPONSE_NORMAL);
	amqp_channel_open(conn, 1);
	return conn;
}

static void raw_amqp(const struct backend *backend, const struct member *to, const char *text, size_t len)
{
	amqp_connection_state_t conn = raw_connect(backend);
	amqp_bytes_t body = { len, (char *)(uintptr_t)text };

	(void)to; /* whoever is bound */
	assert_int_equal(amqp_basic_publish(conn, 1, amqp_cstring_bytes("posthouse.events"),
	                                    amqp_cstring_bytes("queue.due"), 0, 0, NULL, body),
	                 0);
	amqp_connection_close(conn, 200);
	amqp_destroy_connection(conn);
}

static void malformed_is_ignored(void **state)
{
	check_malformed(*state, raw_amqp);
}

static void broker_away(void **state)
{
	struct backend *backend = *state;
	struct member *a = start_member(backend, 0), *b = start_member(backend, BIT(TOPIC_QUEUE));
	unsigned ups = atomic_load(&b->ups);
	struct why why;

	fault_proxy_set(backend->proxy, PROXY_AWAY, 0);
	publish_many(a, TOPIC_QUEUE, 1000);
	assert_true(wait_up(a, false) && wait_up(b, false));
	publish_many(a, TOPIC_QUEUE, 1000);
	nap(1000);
	bus_why(a->bus, &why);
	assert_true(why.text[0]);
	assert_null(strstr(why.text, "guest"));
	fault_proxy_set(backend->proxy, PROXY_PASS, 0);
	assert_true(wait_up(a, true) && wait_up(b, true));
	assert_true(wait_for(&b->ups, ups + 1));
	publish_timed(a, TOPIC_QUEUE, 123456);
	for (int i = 0; i < 500 && last_number(b, TOPIC_QUEUE) != 123456; i++)
		nap(10);
	assert_true(last_number(b, TOPIC_QUEUE) == 123456);
	free_member(a);
	free_member(b);
}

/* Nobody answers, and no connection is reset: heartbeats find it out. */
static void broker_hangs(void **state)
{
	struct backend *backend = *state;
	struct backend quick = *backend;
	struct member *member;
	int64_t start;

	quick.conf.heartbeat_s = 1;
	member = start_member(&quick, BIT(TOPIC_QUEUE));
	fault_proxy_set(backend->proxy, PROXY_HANG, 0);
	publish_many(member, TOPIC_QUEUE, 2000);
	assert_true(wait_up(member, false));
	start = clock_mono_ms();
	free_member(member); /* in the middle of it */
	assert_true(clock_mono_ms() - start < 6000);
	fault_proxy_set(backend->proxy, PROXY_PASS, 0);
}

/* Freed while the connection stands and nothing moves. */
static void freed_while_it_hangs(void **state)
{
	struct backend *backend = *state;
	struct member *member = start_member(backend, BIT(TOPIC_QUEUE));
	int64_t start = clock_mono_ms();

	fault_proxy_set(backend->proxy, PROXY_HANG, 0);
	publish_many(member, TOPIC_QUEUE, 5000);
	free_member(member);
	assert_true(clock_mono_ms() - start < 4000);
	fault_proxy_set(backend->proxy, PROXY_PASS, 0);
}

/* What was sent and not confirmed is sent again: some may come twice, none is missing at a reader that stayed. */
static void unconfirmed_is_sent_again(void **state)
{
	struct backend *backend = *state;
	struct backend direct = *backend;
	struct member *a = start_member(backend, 0), *b;
	const char *real = getenv("AMQP_URI");

	snprintf(direct.uri, sizeof(direct.uri), "%s", real);
	direct.conf.amqp_uri = direct.uri;
	b = start_member(&direct, BIT(TOPIC_QUEUE));
	fault_proxy_set(backend->proxy, PROXY_CUT, 20000);
	publish_many(a, TOPIC_QUEUE, 3000);
	assert_true(wait_for(&b->got[TOPIC_QUEUE], 3000));
	assert_int_equal(atomic_load(&a->ups) >= 2, 1);
	free_member(a);
	free_member(b);
}

static void refused(void **state)
{
	struct backend wrong = *(struct backend *)*state;
	struct member *member;
	int64_t until = clock_mono_ms() + PATIENCE_MS;
	struct why why = { "" };

	snprintf(wrong.uri, sizeof(wrong.uri), "amqp://guest:hunter2@127.0.0.1:%u/%%2f",
	         fault_proxy_port(wrong.proxy));
	wrong.conf.amqp_uri = wrong.uri;
	member = new_member(&wrong, 0, 0);
	run(member);
	while (!strstr(why.text, "ACCESS_REFUSED") && clock_mono_ms() < until) {
		nap(10);
		bus_why(member->bus, &why);
	}
	assert_non_null(strstr(why.text, "ACCESS_REFUSED"));
	assert_null(strstr(why.text, "hunter2"));
	assert_false(bus_is_up(member->bus));
	assert_int_equal(member->ups, 0);
	free_member(member);
}

static void ctl(const char *word, const char *argument)
{
	const char *program = getenv("AMQP_CTL");
	const char *words[] = { program, "-q", word, argument, NULL };
	pid_t child;
	int status;

	assert_int_equal(posix_spawn(&child, program, NULL, NULL, (char **)(uintptr_t)words, environ), 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void memory_alarm(void **state)
{
	struct member *a, *b;
	int64_t until = clock_mono_ms() + PATIENCE_MS;

	if (!getenv("AMQP_CTL")) {
		print_message("not run: AMQP_CTL is not set\n");
		return;
	}
	a = start_member(*state, 0);
	b = start_member(*state, BIT(TOPIC_QUEUE));
	ctl("set_vm_memory_high_watermark", "0.000001");
	while (!metric_of("posthouse_bus_blocked") && clock_mono_ms() < until) {
		publish_timed(a, TOPIC_QUEUE, 1);
		nap(50);
	}
	assert_int_equal(metric_of("posthouse_bus_blocked"), 1);
	publish_many(a, TOPIC_QUEUE, 20000);
	assert_true(bus_is_up(a->bus));
	ctl("set_vm_memory_high_watermark", "0.8");
	while (metric_of("posthouse_bus_blocked") && clock_mono_ms() < until + PATIENCE_MS)
		nap(50);
	publish_timed(a, TOPIC_QUEUE, 99);
	assert_true(wait_for(&b->got[TOPIC_QUEUE], 9000)); /* of the 10,000 that were kept */
	free_member(a);
	free_member(b);
}

static void broker_restarted(void **state)
{
	struct member *a, *b;
	unsigned ups;

	if (!getenv("AMQP_CTL")) {
		print_message("not run: AMQP_CTL is not set\n");
		return;
	}
	a = start_member(*state, 0);
	b = start_member(*state, BIT(TOPIC_QUEUE));
	ups = atomic_load(&b->ups);
	ctl("stop_app", NULL);
	assert_true(wait_up(a, false) && wait_up(b, false));
	publish_many(a, TOPIC_QUEUE, 500);
	ctl("start_app", NULL);
	assert_true(wait_up(a, true) && wait_up(b, true));
	assert_true(wait_for(&b->ups, ups + 1));
	publish_timed(a, TOPIC_QUEUE, 5);
	assert_true(wait_for(&b->got[TOPIC_QUEUE], 1));
	free_member(a);
	free_member(b);
}

static void wrong_certificate(void **state)
{
	struct backend wrong = *(struct backend *)*state;
	struct member *member;
	int64_t until = clock_mono_ms() + PATIENCE_MS;
	struct why why = { "not connected yet" };

	wrong.conf.amqp_ca_file = NULL; /* the system's, which did not sign it */
	member = new_member(&wrong, 0, 0);
	run(member);
	while (strcmp(why.text, "not connected yet") == 0 && clock_mono_ms() < until) {
		nap(10);
		bus_why(member->bus, &why);
	}
	print_message("%s\n", why.text);
	assert_false(bus_is_up(member->bus));
	free_member(member);
}

const struct CMUnitTest amqp_cases[] = {
	{ .name = "malformed is ignored", .test_func = malformed_is_ignored },
	{ .name = "broker away, then back", .test_func = broker_away },
	{ .name = "broker hangs", .test_func = broker_hangs },
	{ .name = "freed while the broker hangs", .test_func = freed_while_it_hangs },
	{ .name = "unconfirmed is sent again", .test_func = unconfirmed_is_sent_again },
	{ .name = "wrong password", .test_func = refused },
	{ .name = "memory alarm", .test_func = memory_alarm },
	{ .name = "broker restarted", .test_func = broker_restarted },
};
const size_t n_amqp_cases = ARRAY_LEN(amqp_cases);

const struct CMUnitTest amqps_cases[] = {
	{ .name = "wrong certificate", .test_func = wrong_certificate },
};
const size_t n_amqps_cases = ARRAY_LEN(amqps_cases);
