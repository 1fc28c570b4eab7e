/*
 * What bus.h promises, on every backend: Unix sockets always, RabbitMQ when
 * AMQP_URI is set (through a proxy that fails on purpose, fault_proxy.h), over
 * TLS when AMQPS_URI and AMQP_CA_FILE are, and its alarms when AMQP_CTL is.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "bus/bus.h"
#include "fault_proxy.h"

#define THREADS     8
#define PATIENCE_MS 20000 /* for what must happen */
#define PUBLISH_MS  100   /* one bus_publish() on a loaded machine; blocking would be seconds */

extern char **environ;

static struct backend {
	const char *name;
	struct bus_conf conf;
	struct fault_proxy *proxy;
	char uri[160];
} backends[3];
static size_t n_backends;
static char run_dir[64];
static unsigned n_nodes;

/* One process's share of the bus: a loop on a thread of its own, and what came. */
struct member {
	struct loop *loop;
	struct bus *bus;
	pthread_t thread;
	bool running, closing;
	char node[32];
	_Atomic unsigned got[TOPIC_COUNT], ups;
	pthread_mutex_t lock;
	struct nudge last[TOPIC_COUNT];
	void (*also)(struct member *, const struct nudge *);
};

static void on_nudge(void *arg, const struct nudge *nudge)
{
	struct member *member = arg;

	pthread_mutex_lock(&member->lock);
	member->last[nudge->topic] = *nudge;
	pthread_mutex_unlock(&member->lock);
	atomic_fetch_add(&member->got[nudge->topic], 1);
	if (member->also)
		member->also(member, nudge);
}

static void on_up(void *arg)
{
	struct member *member = arg;

	atomic_fetch_add(&member->ups, 1);
}

static void *run_member(void *arg)
{
	struct member *member = arg;

	loop_run(member->loop, 1000);
	return NULL;
}

static struct member *new_member(const struct backend *backend, unsigned topics, unsigned queue_max)
{
	struct member *member = xzalloc(sizeof(*member));
	struct bus_conf conf = backend->conf;
	struct why why = { "" };

	snprintf(member->node, sizeof(member->node), "node-%d-%u", (int)getpid(), n_nodes++);
	conf.node = member->node;
	conf.queue_max = queue_max;
	member->loop = loop_new();
	pthread_mutex_init(&member->lock, NULL);
	if (bus_new(member->loop, &conf, &member->bus, &why))
		fail_msg("%s: %s", backend->name, why.text);
	bus_on_up(member->bus, on_up, member);
	for (enum topic topic = 0; topic < TOPIC_COUNT; topic++)
		if (topics & BIT(topic))
			bus_subscribe(member->bus, topic, on_nudge, member);
	return member;
}

static void run(struct member *member)
{
	assert_int_equal(pthread_create(&member->thread, NULL, run_member, member), 0);
	member->running = true;
}

static void stop_loop(void *arg)
{
	loop_stop(arg);
}

static void free_member(struct member *member)
{
	if (member->running) {
		loop_post(member->loop, stop_loop, member->loop);
		pthread_join(member->thread, NULL);
	}
	bus_free(member->bus);
	loop_free(member->loop);
	pthread_mutex_destroy(&member->lock);
	free(member);
}

static void nap(int ms)
{
	poll(NULL, 0, ms);
}

static bool wait_for(_Atomic unsigned *what, unsigned at_least)
{
	int64_t until = clock_mono_ms() + PATIENCE_MS;

	while (atomic_load(what) < at_least && clock_mono_ms() < until)
		nap(2);
	return atomic_load(what) >= at_least;
}

static bool wait_up(struct member *member, bool up)
{
	int64_t until = clock_mono_ms() + PATIENCE_MS;

	while (bus_is_up(member->bus) != up && clock_mono_ms() < until)
		nap(2);
	return bus_is_up(member->bus) == up;
}

/* Up and running, and heard by the loop. */
static struct member *start_member(const struct backend *backend, unsigned topics)
{
	struct member *member = new_member(backend, topics, 0);
	struct why why;

	run(member);
	if (!wait_up(member, true) || !wait_for(&member->ups, 1)) {
		bus_why(member->bus, &why);
		fail_msg("%s is not up: %s", backend->name, why.text);
	}
	bus_why(member->bus, &why);
	assert_string_equal(why.text, "");
	return member;
}

static int64_t publish_timed(struct member *member, enum topic topic, uint64_t number)
{
	struct nudge nudge = { .topic = topic, .account = id_new(), .subject = id_new(), .number = number };
	int64_t start = clock_mono_ns();

	bus_publish(member->bus, &nudge);
	return (clock_mono_ns() - start) / 1000000;
}

static void publish_many(struct member *member, enum topic topic, unsigned n)
{
	int64_t worst = 0;

	for (unsigned i = 0; i < n; i++) {
		int64_t took = publish_timed(member, topic, i);

		worst = MAX_OF(worst, took);
	}
	if (worst > PUBLISH_MS)
		fail_msg("one bus_publish() took %lld ms", (long long)worst);
}

/* The value of one line of the metrics. */
static long metric_of(const char *line)
{
	struct buf text;
	char *at, *next = NULL;
	long value = 0;

	buf_init(&text, 1 << 20);
	metrics_print(&text);
	buf_addc(&text, '\0');
	for (at = (char *)text.data; at && *at; at = next) {
		next = strchr(at, '\n');
		if (next)
			*next++ = '\0';
		if (strncmp(at, line, strlen(line)) == 0 && at[strlen(line)] == ' ')
			value = strtol(at + strlen(line), NULL, 10);
	}
	buf_done(&text);
	return value;
}

#define ALL (BIT(TOPIC_COUNT) - 1)

static void all_topics(void **state)
{
	struct member *a = start_member(*state, ALL), *b = start_member(*state, ALL);

	for (enum topic topic = 0; topic < TOPIC_COUNT; topic++) {
		struct nudge nudge = { topic, id_new(), id_new(), INT64_MAX - topic };
		struct member *both[] = { a, b };

		bus_publish(a->bus, &nudge);
		for (size_t i = 0; i < 2; i++) {
			assert_true(wait_for(&both[i]->got[topic], 1));
			pthread_mutex_lock(&both[i]->lock);
			assert_true(id_eq(&both[i]->last[topic].account, &nudge.account));
			assert_true(id_eq(&both[i]->last[topic].subject, &nudge.subject));
			assert_true(both[i]->last[topic].number == nudge.number);
			pthread_mutex_unlock(&both[i]->lock);
		}
	}
	/* once each, also where it was published */
	publish_timed(b, TOPIC_QUEUE, 1);
	assert_true(wait_for(&a->got[TOPIC_QUEUE], 2));
	assert_int_equal(a->got[TOPIC_MAILBOX], 1);
	assert_int_equal(b->got[TOPIC_MAILBOX], 1);
	free_member(a);
	free_member(b);
}

static void subscribed_topics_only(void **state)
{
	struct member *a = start_member(*state, 0), *b = start_member(*state, BIT(TOPIC_QUEUE));

	publish_timed(a, TOPIC_MAILBOX, 1);
	publish_timed(a, TOPIC_ACCOUNT, 1);
	publish_timed(a, TOPIC_QUEUE, 7);
	assert_true(wait_for(&b->got[TOPIC_QUEUE], 1));
	nap(50);
	assert_int_equal(b->got[TOPIC_MAILBOX] + b->got[TOPIC_ACCOUNT], 0);
	free_member(b);
	free_member(a);
}

static void echo(struct member *member, const struct nudge *nudge)
{
	struct nudge back = { TOPIC_ACCOUNT, nudge->account, nudge->subject, nudge->number + 1 };

	bus_publish(member->bus, &back);
}

/* What a second process of this program does: it answers queue.due with account.changed until it is ended. */
static int run_echo(char **words)
{
	struct backend backend = { .conf = {
		                       .backend = words[0], .run_dir = words[1], .amqp_uri = words[1] } };
	struct member *member;

	if (words[2])
		backend.conf.amqp_ca_file = words[2];
	member = new_member(&backend, BIT(TOPIC_QUEUE), 0);
	member->also = echo;
	loop_run(member->loop, 0);
	return 0;
}

static pid_t spawn_echo(const struct backend *backend)
{
	const struct bus_conf *conf = &backend->conf;
	const char *words[] = { "bus_contract",     "echo",
		                conf->backend,      conf->run_dir ? conf->run_dir : conf->amqp_uri,
		                conf->amqp_ca_file, NULL };
	pid_t child;

	assert_int_equal(
	    posix_spawn(&child, "/proc/self/exe", NULL, NULL, (char **)(uintptr_t)words, environ), 0);
	return child;
}

static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static void wait_for_echo(struct member *member)
{
	unsigned before = atomic_load(&member->got[TOPIC_ACCOUNT]);
	int64_t until = clock_mono_ms() + PATIENCE_MS;

	while (atomic_load(&member->got[TOPIC_ACCOUNT]) == before && clock_mono_ms() < until) {
		publish_timed(member, TOPIC_QUEUE, 41); /* again: the other one may be starting */
		nap(50);
	}
	pthread_mutex_lock(&member->lock);
	assert_true(member->last[TOPIC_ACCOUNT].number == 42);
	pthread_mutex_unlock(&member->lock);
}

static void two_processes(void **state)
{
	pid_t child = spawn_echo(*state);
	struct member *member = start_member(*state, BIT(TOPIC_ACCOUNT));

	wait_for_echo(member);
	end_child(child);
	free_member(member);
}

/* The loop does not run: what waits for it is bounded, and the newest is kept. */
static void incoming_is_bounded(void **state)
{
	struct member *member = new_member(*state, BIT(TOPIC_MAILBOX), 100);
	long dropped = metric_of("posthouse_bus_dropped_total{at=\"receiving\"}");

	publish_many(member, TOPIC_MAILBOX, 5000);
	assert_int_equal(metric_of("posthouse_bus_dropped_total{at=\"receiving\"}") - dropped, 4900);
	run(member);
	assert_true(wait_for(&member->got[TOPIC_MAILBOX], 100));
	nap(20);
	assert_int_equal(member->got[TOPIC_MAILBOX], 100);
	assert_true(member->last[TOPIC_MAILBOX].number == 4999);
	free_member(member);
}

struct publisher {
	pthread_t thread;
	struct member *member;
	int64_t worst;
};

#define EACH 2000

static void *publish_each(void *arg)
{
	struct publisher *publisher = arg;

	for (unsigned i = 0; i < EACH; i++) {
		int64_t took = publish_timed(publisher->member, TOPIC_MAILBOX, i);

		publisher->worst = MAX_OF(publisher->worst, took);
	}
	return NULL;
}

static void eight_threads(void **state)
{
	struct backend roomy = *(struct backend *)*state;
	struct member *a, *b;
	struct publisher publishers[THREADS] = { 0 };

	a = new_member(&roomy, BIT(TOPIC_MAILBOX), THREADS * EACH);
	b = new_member(&roomy, BIT(TOPIC_MAILBOX), THREADS * EACH);
	run(a);
	run(b);
	assert_true(wait_up(a, true) && wait_up(b, true));
	for (int i = 0; i < THREADS; i++) {
		publishers[i].member = a;
		assert_int_equal(pthread_create(&publishers[i].thread, NULL, publish_each, &publishers[i]),
		                 0);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(publishers[i].thread, NULL);
		assert_in_range(publishers[i].worst, 0, PUBLISH_MS);
	}
	assert_true(wait_for(&a->got[TOPIC_MAILBOX], THREADS * EACH));
	assert_true(wait_for(&b->got[TOPIC_MAILBOX], THREADS * EACH * 9 / 10));
	assert_int_equal(a->got[TOPIC_MAILBOX], THREADS * EACH);
	free_member(a);
	free_member(b);
}

/* Nothing runs, nothing is read: freeing what waits leaks nothing. */
static void freed_unused(void **state)
{
	struct member *member = new_member(*state, ALL, 0);

	publish_many(member, TOPIC_FOLDERS, 100);
	free_member(member);
}

/* What bus_free() still sends is heard: a command that publishes and ends. */
static void freed_at_once(void **state)
{
	struct member *b = start_member(*state, BIT(TOPIC_SETTINGS)), *a = start_member(*state, 0);

	publish_many(a, TOPIC_SETTINGS, 50);
	free_member(a);
	assert_true(wait_for(&b->got[TOPIC_SETTINGS], 50));
	free_member(b);
}

static void raw_local(const struct member *to, const char *text, size_t len)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/bus/%s.sock", run_dir, to->node);
	assert_true(sendto(fd, text, len, 0, (struct sockaddr *)&addr, sizeof(addr)) >= 0);
	close(fd);
}

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

static void raw_amqp(const struct backend *backend, const char *text, size_t len)
{
	amqp_connection_state_t conn = raw_connect(backend);
	amqp_bytes_t body = { len, (char *)text };

	assert_int_equal(amqp_basic_publish(conn, 1, amqp_cstring_bytes("posthouse.events"),
	                                    amqp_cstring_bytes("queue.due"), 0, 0, NULL, body),
	                 0);
	amqp_connection_close(conn, 200);
	amqp_destroy_connection(conn);
}

static void malformed_is_ignored(void **state)
{
	static const char good[] =
	    "{\"topic\":\"queue.due\",\"account\":\"00000000000000000000000000000000\","
	    "\"subject\":\"0123456789abcdef0123456789abcdef\",\"number\":7}";
	static char big[100000];
	const struct {
		const char *text;
		size_t len;
	} bad[] = { { "x", 1 },    { "{", 1 },        { "", 0 },           { good, sizeof(good) - 2 },
		    { "\0\0", 2 }, { "\xff\xfe", 2 }, { big, sizeof(big) } };
	const struct backend *backend = *state;
	struct member *member = start_member(backend, ALL);
	long before = metric_of("posthouse_bus_malformed_total");

	memset(big, 'x', sizeof(big));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (backend->proxy)
			raw_amqp(backend, bad[i].text, bad[i].len);
		else
			raw_local(member, bad[i].text, bad[i].len);
	}
	if (backend->proxy)
		raw_amqp(backend, good, sizeof(good) - 1);
	else
		raw_local(member, good, sizeof(good) - 1);
	assert_true(wait_for(&member->got[TOPIC_QUEUE], 1));
	assert_int_equal(member->got[TOPIC_QUEUE], 1);
	assert_true(metric_of("posthouse_bus_malformed_total") - before >= (long)ARRAY_LEN(bad) - 1);
	assert_true(bus_is_up(member->bus));
	free_member(member);
}

/* The local backend's own. */

static void stale_socket_is_removed(void **state)
{
	struct member *member = start_member(*state, 0);
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int64_t until = clock_mono_ms() + PATIENCE_MS;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/bus/dead.sock", run_dir);
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
	struct member *a = start_member(*state, 0), *b = start_member(*state, BIT(TOPIC_QUEUE));
	char path[160];

	snprintf(path, sizeof(path), "%s/bus/%s.sock", run_dir, b->node);
	assert_int_equal(unlink(path), 0);
	assert_true(wait_for(&b->ups, 2));
	publish_timed(a, TOPIC_QUEUE, 1);
	assert_true(wait_for(&b->got[TOPIC_QUEUE], 1));
	free_member(a);
	free_member(b);
}

static void node_started_again(void **state)
{
	struct member *a = start_member(*state, 0), *b, *c;
	struct backend *backend = *state;
	struct bus_conf conf = backend->conf;
	struct why why;

	b = start_member(backend, BIT(TOPIC_QUEUE));
	c = new_member(backend, BIT(TOPIC_QUEUE), 0);
	/* the same name again, as after a crash: the new one has it, and the old one's end leaves it alone */
	bus_free(c->bus);
	conf.node = b->node;
	assert_int_equal(bus_new(c->loop, &conf, &c->bus, &why), FAULT_NONE);
	bus_subscribe(c->bus, TOPIC_QUEUE, on_nudge, c);
	free_member(b);
	run(c);
	publish_timed(a, TOPIC_QUEUE, 1);
	assert_true(wait_for(&c->got[TOPIC_QUEUE], 1));
	free_member(c);
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

/* RabbitMQ's own. */

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
	for (int i = 0; i < 500 && b->last[TOPIC_QUEUE].number != 123456; i++) {
		nap(10);
		pthread_mutex_lock(&b->lock);
		if (b->last[TOPIC_QUEUE].number == 123456)
			i = 500;
		pthread_mutex_unlock(&b->lock);
	}
	assert_true(b->last[TOPIC_QUEUE].number == 123456);
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

enum { LOCAL = 1, AMQP = 2, AMQPS = 4, EVERY = 7 };

static const struct {
	const char *name;
	void (*run)(void **state);
	unsigned where;
} cases[] = {
	{ "all topics, own process included", all_topics, EVERY },
	{ "subscribed topics only", subscribed_topics_only, EVERY },
	{ "two processes", two_processes, EVERY },
	{ "what waits for the loop is bounded", incoming_is_bounded, EVERY },
	{ "8 publishing threads", eight_threads, EVERY },
	{ "freed unused", freed_unused, EVERY },
	{ "freed at once after publishing", freed_at_once, EVERY },
	{ "malformed is ignored", malformed_is_ignored, LOCAL | AMQP },
	{ "bad settings", bad_settings, LOCAL },
	{ "a stale socket is removed", stale_socket_is_removed, LOCAL },
	{ "its own socket comes back", own_socket_comes_back, LOCAL },
	{ "a node started again", node_started_again, LOCAL },
	{ "a stopped peer", stopped_peer, LOCAL },
	{ "broker away, then back", broker_away, AMQP },
	{ "broker hangs", broker_hangs, AMQP },
	{ "freed while the broker hangs", freed_while_it_hangs, AMQP },
	{ "unconfirmed is sent again", unconfirmed_is_sent_again, AMQP },
	{ "wrong password", refused, AMQP },
	{ "memory alarm", memory_alarm, AMQP },
	{ "broker restarted", broker_restarted, AMQP },
	{ "wrong certificate", wrong_certificate, AMQPS },
};

static void add_backends(unsigned *ret_where)
{
	const char *amqp = getenv("AMQP_URI"), *amqps = getenv("AMQPS_URI");
	struct backend *backend = &backends[n_backends];

	ret_where[n_backends++] = LOCAL;
	backend->name = backend->conf.backend = "local";
	backend->conf.run_dir = run_dir;
	if (amqp) {
		backend = &backends[n_backends];
		ret_where[n_backends++] = AMQP;
		backend->name = backend->conf.backend = "amqp";
		backend->proxy = fault_proxy_for(amqp);
		snprintf(backend->uri, sizeof(backend->uri), "amqp://guest:guest@127.0.0.1:%u/%%2f",
		         fault_proxy_port(backend->proxy));
		backend->conf.amqp_uri = backend->uri;
	}
	if (amqps && getenv("AMQP_CA_FILE")) {
		backend = &backends[n_backends];
		ret_where[n_backends++] = AMQPS;
		backend->name = "amqps";
		backend->conf.backend = "amqp";
		backend->conf.amqp_uri = amqps;
		backend->conf.amqp_ca_file = getenv("AMQP_CA_FILE");
	}
	printf("backends: local%s%s\n", amqp ? ", amqp" : " (amqp: not run, AMQP_URI is not set)",
	       n_backends == 3 ? ", amqps" : " (amqps: not run, AMQPS_URI and AMQP_CA_FILE are not set)");
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

int main(int argc, char **argv)
{
	static char names[3 * ARRAY_LEN(cases)][80];
	struct CMUnitTest tests[3 * ARRAY_LEN(cases)];
	unsigned where[3];
	size_t n = 0;
	int failed;

	rand_start();
	if (argc > 3 && strcmp(argv[1], "echo") == 0)
		return run_echo(argv + 2);
	snprintf(run_dir, sizeof(run_dir), "/tmp/bus_contract.XXXXXX");
	if (!mkdtemp(run_dir))
		return 1;
	add_backends(where);
	for (size_t b = 0; b < n_backends; b++) {
		for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
			if (!(cases[c].where & where[b]))
				continue;
			snprintf(names[n], sizeof(names[n]), "%s: %s", backends[b].name, cases[c].name);
			tests[n] = (struct CMUnitTest){ names[n], cases[c].run, NULL, NULL, &backends[b] };
			n++;
		}
	}
	failed = _cmocka_run_group_tests("bus contract", tests, n, NULL, NULL);
	for (size_t b = 0; b < n_backends; b++)
		fault_proxy_free(backends[b].proxy);
	nftw(run_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return failed;
}
