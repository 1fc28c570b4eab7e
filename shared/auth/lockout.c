/*
 * Slowing guesses down (lockout.h).
 *
 * A counter belongs to a network, to a login name, or to both together (a pair). Its score is a number of
 * failures in 1/1024, halved every `window_ms`; at the limit of its kind its owner is blocked for `block_ms`.
 * A pair exists only once it has succeeded; while it is trusted, it alone counts, to the limit of a login name.
 *
 * 1. The list holds every counter of the map, the longest untouched first.
 * 2. Names are kept as keyed hashes: a counter's size does not depend on what a peer sends.
 */
#include "auth/lockout.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/rand.h"

#define ONE          1024 /* failure */
#define FREE         3    /* failures before answers are slowed */
#define DELAY_MS     250  /* the first wait, doubled with each failure */
#define DELAY_MAX_MS 8000
#define TRUST_MS     (24 * 3600 * 1000LL)

enum kind { OF_NETWORK = 'n', OF_LOGIN = 'l', OF_PAIR = 'p' };

struct counter {
	struct list by_use;
	struct id key;
	int64_t score, at; /* the score as it was at `at` */
	int64_t blocked_until, trusted_until;
};

struct lockout {
	pthread_mutex_t lock;
	struct lockout_conf conf;
	struct map *counters;
	struct list by_use;
	uint8_t key[crypto_generichash_KEYBYTES];
};

struct lockout *lockout_new(const struct lockout_conf *conf)
{
	struct lockout *lockout = xzalloc(sizeof(*lockout));

	pthread_mutex_init(&lockout->lock, NULL);
	lockout->conf = (struct lockout_conf){
		.network_failures = conf->network_failures ? conf->network_failures : 10,
		.login_failures = conf->login_failures ? conf->login_failures : 10,
		.window_ms = conf->window_ms ? conf->window_ms : 600 * 1000,
		.block_ms = conf->block_ms ? conf->block_ms : 600 * 1000,
		.entries_max = conf->entries_max ? conf->entries_max : 65536,
		.now_ms = conf->now_ms ? conf->now_ms : clock_mono_ms,
	};
	lockout->counters = map_new();
	list_init(&lockout->by_use);
	rand_bytes(lockout->key, sizeof(lockout->key));
	return lockout;
}

static void drop(struct lockout *lockout, struct counter *counter)
{
	map_del(lockout->counters, id_slice(&counter->key));
	list_del(&counter->by_use);
	free(counter);
}

void lockout_free(struct lockout *lockout)
{
	if (!lockout)
		return;
	list_each (&lockout->by_use, node)
		drop(lockout, list_item(node, struct counter, by_use));
	map_free(lockout->counters);
	pthread_mutex_destroy(&lockout->lock);
	free(lockout);
}

/* An IPv4 address whole, an IPv6 one to its /64, anything else as it is written. */
static struct slice network_of(const char *ip, uint8_t out[16])
{
	static const uint8_t v4_in_v6[12] = { [10] = 0xff, [11] = 0xff };

	if (inet_pton(AF_INET, ip, out) == 1)
		return slice_of(out, 4);
	if (inet_pton(AF_INET6, ip, out) != 1)
		return slice_str(ip);
	if (memcmp(out, v4_in_v6, sizeof(v4_in_v6)) == 0)
		return slice_of(memmove(out, out + 12, 4), 4);
	return slice_of(out, 8);
}

static void hash_folded(crypto_generichash_state *state, struct slice login)
{
	uint8_t folded[64];

	while (login.len) {
		size_t n = MIN_OF(login.len, sizeof(folded));

		for (size_t i = 0; i < n; i++)
			folded[i] = login.data[i] >= 'A' && login.data[i] <= 'Z' ? login.data[i] | 0x20
			                                                         : login.data[i];
		crypto_generichash_update(state, folded, n);
		login = slice_from(login, n);
	}
}

static struct id key_of(const struct lockout *lockout, enum kind kind, const char *ip, struct slice login)
{
	crypto_generichash_state state;
	uint8_t network[16], head[2] = { (uint8_t)kind };
	struct slice net = slice_of(NULL, 0);
	struct id key;

	if (kind != OF_LOGIN)
		net = network_of(ip, network);
	head[1] = (uint8_t)MIN_OF(net.len, (size_t)255);
	crypto_generichash_init(&state, lockout->key, sizeof(lockout->key), sizeof(key.raw));
	crypto_generichash_update(&state, head, sizeof(head));
	crypto_generichash_update(&state, net.data, net.len);
	if (kind != OF_NETWORK)
		hash_folded(&state, login);
	crypto_generichash_final(&state, key.raw, sizeof(key.raw));
	return key;
}

/* NULL when there is none and `make` is false. */
static struct counter *find(struct lockout *lockout, const struct id *key, bool make)
{
	struct counter *counter = map_get(lockout->counters, id_slice(key));

	if (counter) {
		list_del(&counter->by_use);
	} else if (make) {
		if (map_count(lockout->counters) >= lockout->conf.entries_max)
			drop(lockout, list_item(lockout->by_use.next, struct counter, by_use));
		counter = xzalloc(sizeof(*counter));
		counter->key = *key;
		map_put(lockout->counters, id_slice(key), counter);
	} else {
		return NULL;
	}
	list_add_tail(&lockout->by_use, &counter->by_use);
	return counter;
}

/* The score at `now`: halved for each whole half-life gone by, and in a straight line within one. */
static int64_t score_at(const struct lockout *lockout, const struct counter *counter, int64_t now)
{
	int64_t half = lockout->conf.window_ms, gone = MAX_OF(now - counter->at, (int64_t)0), score;

	if (gone / half > 40)
		return 0;
	score = counter->score >> (gone / half);
	return score - score * (gone % half) / (2 * half);
}

/* True when it is blocked by this one. */
static bool count(struct lockout *lockout, struct counter *counter, int64_t failures_max, int64_t now)
{
	bool was_blocked = counter->blocked_until > now;

	counter->score = score_at(lockout, counter, now) + ONE;
	counter->at = now;
	/* decay takes a little off between two failures: the limit is reached when it rounds to it */
	if (counter->score + ONE / 2 >= failures_max * ONE)
		counter->blocked_until = now + lockout->conf.block_ms;
	return !was_blocked && counter->blocked_until > now;
}

static int64_t delay_of(const struct lockout *lockout, const struct counter *counter, int64_t now)
{
	int64_t failures, delay = DELAY_MS;

	if (!counter)
		return 0;
	if (counter->blocked_until > now)
		return -1;
	failures = (score_at(lockout, counter, now) + ONE / 2) / ONE;
	if (failures < FREE)
		return 0;
	while (failures-- > FREE && delay < DELAY_MAX_MS)
		delay *= 2;
	return MIN_OF(delay, (int64_t)DELAY_MAX_MS);
}

/* The pair's counter while it is trusted, else NULL. */
static struct counter *trusted(struct lockout *lockout, const struct id *pair, int64_t now)
{
	struct counter *counter = find(lockout, pair, false);

	return counter && counter->trusted_until > now ? counter : NULL;
}

int64_t lockout_delay(struct lockout *lockout, const char *ip, struct slice login)
{
	struct id pair = key_of(lockout, OF_PAIR, ip, login),
	          network = key_of(lockout, OF_NETWORK, ip, login);
	struct id name = key_of(lockout, OF_LOGIN, ip, login);
	int64_t now = lockout->conf.now_ms(), delay, other;
	struct counter *own;

	pthread_mutex_lock(&lockout->lock);
	own = trusted(lockout, &pair, now);
	if (own) {
		delay = delay_of(lockout, own, now);
	} else {
		delay = delay_of(lockout, find(lockout, &network, false), now);
		other = login.len ? delay_of(lockout, find(lockout, &name, false), now) : 0;
		delay = delay < 0 || other < 0 ? -1 : MAX_OF(delay, other);
	}
	pthread_mutex_unlock(&lockout->lock);
	return delay;
}

unsigned lockout_failed(struct lockout *lockout, const char *ip, struct slice login)
{
	const struct lockout_conf *conf = &lockout->conf;
	struct id pair = key_of(lockout, OF_PAIR, ip, login),
	          network = key_of(lockout, OF_NETWORK, ip, login);
	struct id name = key_of(lockout, OF_LOGIN, ip, login);
	int64_t now = lockout->conf.now_ms();
	unsigned blocked = 0;
	struct counter *own;

	pthread_mutex_lock(&lockout->lock);
	own = trusted(lockout, &pair, now);
	if (own) {
		count(lockout, own, conf->login_failures, now);
	} else {
		if (count(lockout, find(lockout, &network, true), conf->network_failures, now))
			blocked |= LOCKOUT_NETWORK;
		if (login.len && count(lockout, find(lockout, &name, true), conf->login_failures, now))
			blocked |= LOCKOUT_LOGIN;
	}
	pthread_mutex_unlock(&lockout->lock);
	return blocked;
}

bool lockout_trusts(struct lockout *lockout, const char *ip, struct slice login)
{
	struct id pair = key_of(lockout, OF_PAIR, ip, login);
	bool trusts;

	pthread_mutex_lock(&lockout->lock);
	trusts = trusted(lockout, &pair, lockout->conf.now_ms()) != NULL;
	pthread_mutex_unlock(&lockout->lock);
	return trusts;
}

void lockout_forgive(struct lockout *lockout, const char *subject, bool is_network)
{
	char ip[64];
	struct counter *counter;
	struct id key;

	snprintf(ip, sizeof(ip), "%.*s", (int)strcspn(subject, "/"), subject);
	key = is_network ? key_of(lockout, OF_NETWORK, ip, slice_of(NULL, 0))
	                 : key_of(lockout, OF_LOGIN, "", slice_str(subject));
	pthread_mutex_lock(&lockout->lock);
	counter = find(lockout, &key, false);
	if (counter)
		drop(lockout, counter);
	pthread_mutex_unlock(&lockout->lock);
}

int64_t lockout_block_ms(const struct lockout *lockout)
{
	return lockout->conf.block_ms;
}

void lockout_succeeded(struct lockout *lockout, const char *ip, struct slice login)
{
	struct id pair = key_of(lockout, OF_PAIR, ip, login);
	int64_t now = lockout->conf.now_ms();
	struct counter *own;

	if (login.len == 0)
		return;
	pthread_mutex_lock(&lockout->lock);
	own = find(lockout, &pair, true);
	own->trusted_until = now + TRUST_MS;
	own->score = 0;
	own->blocked_until = 0;
	pthread_mutex_unlock(&lockout->lock);
}
