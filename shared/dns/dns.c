/*
 * Questions and who waits for them (dns.h).
 *
 * 1. A (name, type) is asked at most once at a time: `asked` holds what is under way, and everybody who wants to
 *    know hangs in its `waiting` list.
 * 2. A query is in exactly one of: the waiting list of what it asked, or `ready` (its answer is known).
 * 3. A query that waits is in `deadlines` too, oldest first: all have the same time-out.
 * 4. Callbacks run from deliver() only, never from inside dns_resolve().
 */
#include "dns/dns.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/map.h"
#include "dns/answer.h"
#include "dns/cache.h"
#include "dns/name.h"
#include "dns/resolver.h"
#include "loop/timer.h"

#define TIMEOUT_MS  10000
#define ANSWERS_MAX 100000
#define ASKED_MAX   8192 /* different questions under way at once */

struct dns {
	struct loop *loop;
	struct resolver *resolver;
	struct dns_cache *cache;
	struct map *asked;
	struct list all_asked, deadlines, ready;
	struct timer *deadline_timer, *ready_timer;
	int64_t timeout_ms;
	bool delivering;
};

struct asked {
	struct list node; /* in all_asked */
	struct dns *dns;
	struct list waiting;
	enum dns_type type;
	size_t key_len;
	char key[DNS_NAME_MAX + 8]; /* "16 example.org": what the map knows it by */
	const char *name;           /* in key */
};

struct dns_query {
	struct dns *dns;
	struct list node;     /* in waiting or ready */
	struct list deadline; /* in deadlines while waiting */
	int64_t deadline_ms;
	const struct dns_answer *answer; /* once ready */
	void (*on_answer)(void *arg, const struct dns_answer *);
	void *arg;
};

static void on_ready_timer(void *arg);
static void on_deadline_timer(void *arg);

enum fault dns_new(struct loop *loop, const struct dns_conf *conf, struct dns **ret, struct why *why)
{
	struct resolver *resolver;
	struct dns *dns;
	enum fault fault = resolver_new(loop, conf, &resolver, why);

	if (fault)
		return fault;
	dns = xzalloc(sizeof(*dns));
	dns->loop = loop;
	dns->resolver = resolver;
	dns->cache = dns_cache_new(conf->answers_max ? conf->answers_max : ANSWERS_MAX);
	dns->asked = map_new();
	list_init(&dns->all_asked);
	list_init(&dns->deadlines);
	list_init(&dns->ready);
	dns->ready_timer = timer_new(loop, on_ready_timer, dns);
	dns->deadline_timer = timer_new(loop, on_deadline_timer, dns);
	dns->timeout_ms = conf->timeout_ms > 0 ? conf->timeout_ms : TIMEOUT_MS;
	*ret = dns;
	return FAULT_NONE;
}

static void query_free(struct dns_query *query)
{
	list_del(&query->node);
	list_del(&query->deadline);
	dns_answer_unref(query->answer);
	free(query);
}

static void asked_free(struct asked *asked)
{
	list_each (&asked->waiting, node)
		query_free(list_item(node, struct dns_query, node));
	map_del(asked->dns->asked, slice_of(asked->key, asked->key_len));
	list_del(&asked->node);
	free(asked);
}

void dns_free(struct dns *dns)
{
	if (!dns)
		return;
	assert(!dns->delivering);
	resolver_free(dns->resolver);
	list_each (&dns->all_asked, node)
		asked_free(list_item(node, struct asked, node));
	list_each (&dns->ready, node)
		query_free(list_item(node, struct dns_query, node));
	timer_free(dns->ready_timer);
	timer_free(dns->deadline_timer);
	map_free(dns->asked);
	dns_cache_free(dns->cache);
	free(dns);
}

/* Moves a query to `ready`; takes over the reference. */
static void query_ready(struct dns_query *query, const struct dns_answer *answer)
{
	struct dns *dns = query->dns;

	query->answer = answer;
	list_del(&query->deadline);
	list_del(&query->node);
	list_add_tail(&dns->ready, &query->node);
}

static const struct dns_answer *answer_without_records(enum dns_status status, const char *why)
{
	return dns_answer_new(&(struct dns_raw){ .type = DNS_TXT, .status = status, .why = why });
}

/* Only what is ready now: what a callback makes ready waits for the next turn of the loop. */
static void deliver(struct dns *dns)
{
	struct list batch;

	assert(!dns->delivering);
	dns->delivering = true;
	list_init(&batch);
	list_each (&dns->ready, node) {
		list_del(node);
		list_add_tail(&batch, node);
	}
	while (!list_empty(&batch)) {
		struct dns_query *query = list_item(batch.next, struct dns_query, node);

		list_del(&query->node);
		query->on_answer(query->arg, query->answer);
		query_free(query);
	}
	dns->delivering = false;
	if (!list_empty(&dns->ready))
		timer_start(dns->ready_timer, 0);
}

static void on_ready_timer(void *arg)
{
	deliver(arg);
}

/* The oldest deadline is the next one to pass. */
static void arm_deadline(struct dns *dns)
{
	struct dns_query *oldest;
	int64_t left;

	if (list_empty(&dns->deadlines)) {
		timer_stop(dns->deadline_timer);
		return;
	}
	oldest = list_item(dns->deadlines.next, struct dns_query, deadline);
	left = oldest->deadline_ms - loop_now(dns->loop);
	timer_start(dns->deadline_timer, MAX_OF(left, (int64_t)1));
}

static void on_deadline_timer(void *arg)
{
	struct dns *dns = arg;
	int64_t now = loop_now(dns->loop);

	list_each (&dns->deadlines, node) {
		struct dns_query *query = list_item(node, struct dns_query, deadline);

		if (query->deadline_ms > now)
			break;
		/* not kept in the map: the answer may still come, and will be kept then */
		query_ready(query, answer_without_records(DNS_TEMPFAIL, "no answer in time"));
	}
	arm_deadline(dns);
	deliver(dns);
}

static void on_resolved(void *arg, const struct dns_answer *answer)
{
	struct asked *asked = arg;
	struct dns *dns = asked->dns;

	dns_cache_put(dns->cache, asked->name, asked->type, answer, loop_now(dns->loop));
	list_each (&asked->waiting, node)
		query_ready(list_item(node, struct dns_query, node), dns_answer_ref(answer));
	dns_answer_unref(answer);
	asked_free(asked);
	deliver(dns);
}

/* What is under way for this question; asks it when nothing is. NULL when it cannot be asked. */
static struct asked *ask(struct dns *dns, const char *name, enum dns_type type)
{
	char key[sizeof(((struct asked *)NULL)->key)];
	int type_len = snprintf(key, sizeof(key), "%u ", (unsigned)type);
	size_t key_len = (size_t)type_len + strlen(name);
	struct asked *asked;

	snprintf(key + type_len, sizeof(key) - (size_t)type_len, "%s", name);
	asked = map_get(dns->asked, slice_of(key, key_len));
	if (asked || map_count(dns->asked) >= ASKED_MAX)
		return asked;
	asked = xzalloc(sizeof(*asked));
	asked->dns = dns;
	asked->type = type;
	asked->key_len = key_len;
	memcpy(asked->key, key, key_len + 1);
	asked->name = asked->key + type_len;
	list_init(&asked->waiting);
	list_init(&asked->node);
	if (!resolver_ask(dns->resolver, asked->name, type, on_resolved, asked)) {
		free(asked);
		return NULL;
	}
	map_put(dns->asked, slice_of(asked->key, key_len), asked);
	list_add_tail(&dns->all_asked, &asked->node);
	return asked;
}

static void query_wait(struct dns_query *query, struct asked *asked)
{
	struct dns *dns = query->dns;
	bool first = list_empty(&dns->deadlines);

	query->deadline_ms = loop_now(dns->loop) + dns->timeout_ms;
	list_add_tail(&asked->waiting, &query->node);
	list_add_tail(&dns->deadlines, &query->deadline);
	if (first)
		arm_deadline(dns);
}

struct dns_query *dns_resolve(struct dns *dns, const char *name, enum dns_type type,
                              void (*on_answer)(void *arg, const struct dns_answer *), void *arg)
{
	struct dns_query *query = xmalloc(sizeof(*query));
	const struct dns_answer *known = dns_known(dns, name, type);
	char clean[DNS_NAME_MAX + 1];
	struct asked *asked;

	*query = (struct dns_query){ .dns = dns, .on_answer = on_answer, .arg = arg };
	list_init(&query->node);
	list_init(&query->deadline);
	if (!known && dns_name_clean(name, clean)) {
		asked = ask(dns, clean, type);
		if (asked) {
			query_wait(query, asked);
			return query;
		}
		known = answer_without_records(DNS_TEMPFAIL, "too many questions under way");
	}
	query_ready(query, known);
	timer_start(dns->ready_timer, 0);
	return query;
}

void dns_cancel(struct dns_query *query)
{
	/* the question itself goes on: its answer is worth keeping */
	query_free(query);
}

const struct dns_answer *dns_known(struct dns *dns, const char *name, enum dns_type type)
{
	const struct dns_answer *answer;
	char clean[DNS_NAME_MAX + 1];

	if (!dns_name_clean(name, clean))
		return answer_without_records(DNS_NXDOMAIN, NULL);
	answer = dns_cache_get(dns->cache, clean, type, loop_now(dns->loop));
	return answer ? dns_answer_ref(answer) : NULL;
}
