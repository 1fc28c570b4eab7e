/* The tools of the bus cases (member.h). */
#include "member.h"

#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/metrics.h"

extern char **environ;

static unsigned n_nodes;

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

struct member *new_member_as(const struct backend *backend, const char *node, unsigned topics,
                             unsigned queue_max)
{
	struct member *member = xzalloc(sizeof(*member));
	struct bus_conf conf = backend->conf;
	struct why why = { "" };

	snprintf(member->node, sizeof(member->node), "%s", node);
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

struct member *new_member(const struct backend *backend, unsigned topics, unsigned queue_max)
{
	char node[32];

	snprintf(node, sizeof(node), "node-%d-%u", (int)getpid(), n_nodes++);
	return new_member_as(backend, node, topics, queue_max);
}

void run(struct member *member)
{
	assert_int_equal(pthread_create(&member->thread, NULL, run_member, member), 0);
	member->running = true;
}

static void stop_loop(void *arg)
{
	loop_stop(arg);
}

void free_member(struct member *member)
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

void nap(int ms)
{
	poll(NULL, 0, ms);
}

bool wait_for(_Atomic unsigned *what, unsigned at_least)
{
	int64_t until = clock_mono_ms() + PATIENCE_MS;

	while (atomic_load(what) < at_least && clock_mono_ms() < until)
		nap(2);
	return atomic_load(what) >= at_least;
}

bool wait_up(struct member *member, bool up)
{
	int64_t until = clock_mono_ms() + PATIENCE_MS;

	while (bus_is_up(member->bus) != up && clock_mono_ms() < until)
		nap(2);
	return bus_is_up(member->bus) == up;
}

/* Up and running, and heard by the loop. */
struct member *start_member(const struct backend *backend, unsigned topics)
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

uint64_t last_number(struct member *member, enum topic topic)
{
	uint64_t number;

	pthread_mutex_lock(&member->lock);
	number = member->last[topic].number;
	pthread_mutex_unlock(&member->lock);
	return number;
}

int64_t publish_timed(struct member *member, enum topic topic, uint64_t number)
{
	struct nudge nudge = { .topic = topic, .account = id_new(), .subject = id_new(), .number = number };
	int64_t start = clock_mono_ns();

	bus_publish(member->bus, &nudge);
	return (clock_mono_ns() - start) / 1000000;
}

void publish_many(struct member *member, enum topic topic, unsigned n)
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
long metric_of(const char *line)
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

static void echo(struct member *member, const struct nudge *nudge)
{
	struct nudge back = { TOPIC_ACCOUNT, nudge->account, nudge->subject, nudge->number + 1 };

	bus_publish(member->bus, &back);
}

/* What a second process of this program does: it answers queue.due with account.changed until it is ended. */
int run_echo(char **words)
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

pid_t spawn_echo(const struct backend *backend)
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

void end_child(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

void wait_for_echo(struct member *member)
{
	unsigned before = atomic_load(&member->got[TOPIC_ACCOUNT]);
	int64_t until = clock_mono_ms() + PATIENCE_MS;

	while (atomic_load(&member->got[TOPIC_ACCOUNT]) == before && clock_mono_ms() < until) {
		publish_timed(member, TOPIC_QUEUE, 41); /* again: the other one may be starting */
		nap(50);
	}
	assert_true(last_number(member, TOPIC_ACCOUNT) == 42);
}

void check_malformed(const struct backend *backend, raw_send *send_raw)
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
	struct member *member = start_member(backend, ALL_TOPICS);
	long before = metric_of("posthouse_bus_malformed_total");

	memset(big, 'x', sizeof(big));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		send_raw(backend, member, bad[i].text, bad[i].len);
	}
	send_raw(backend, member, good, sizeof(good) - 1);
	assert_true(wait_for(&member->got[TOPIC_QUEUE], 1));
	assert_int_equal(member->got[TOPIC_QUEUE], 1);
	assert_true(metric_of("posthouse_bus_malformed_total") - before >= (long)ARRAY_LEN(bad) - 1);
	assert_true(bus_is_up(member->bus));
	free_member(member);
}
