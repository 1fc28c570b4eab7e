/* What every backend does. */
#include "member.h"

#define THREADS 8

static void all_topics(void **state)
{
	struct member *a = start_member(*state, ALL_TOPICS), *b = start_member(*state, ALL_TOPICS);

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
	assert_true(last_number(member, TOPIC_MAILBOX) == 4999);
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
	struct member *member = new_member(*state, ALL_TOPICS, 0);

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

const struct CMUnitTest every_cases[] = {
	{ .name = "all topics, own process included", .test_func = all_topics },
	{ .name = "subscribed topics only", .test_func = subscribed_topics_only },
	{ .name = "two processes", .test_func = two_processes },
	{ .name = "what waits for the loop is bounded", .test_func = incoming_is_bounded },
	{ .name = "8 publishing threads", .test_func = eight_threads },
	{ .name = "freed unused", .test_func = freed_unused },
	{ .name = "freed at once after publishing", .test_func = freed_at_once },
};
const size_t n_every_cases = ARRAY_LEN(every_cases);
