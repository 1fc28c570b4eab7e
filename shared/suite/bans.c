/*
 * The bans as a process knows them (ban.h): read anew when somebody said that settings have changed, and every few
 * seconds, since the bus may lose that. What this process banned is written in the same turn.
 *
 * Invariants
 *  1. `known` and `noted` are under the lock; `known` is replaced as a whole.
 *  2. One job at a time is under way, and only the loop starts it.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/network.h"
#include "loop/timer.h"
#include "suite/ban.h"
#include "suite/daemon.h"

#define TICK_MS   500
#define LOOK_MS   5000
#define KNOWN_MAX 10000 /* more are not held: their lockouts are, where they were made */
#define NOTED_MAX 1000

struct known {
	struct ban ban;
	bool is_network;
	struct network network;
};

struct noted {
	struct list node;
	char subject[321];
	int64_t until;
};

struct look { /* a job */
	struct job job;
	struct bans *bans;
	struct list noted;
	struct arena *arena;
	struct known *known;
	size_t n;
	enum fault fault;
	struct why why;
};

struct bans {
	struct daemon *daemon;
	struct lockout *lockout;
	struct timer *timer;
	bool looking, asked, failed;
	int64_t looked;
	pthread_mutex_t lock;
	struct arena *arena; /* of `known` */
	struct known *known;
	size_t n;
	struct list noted;
	unsigned n_noted;
};

/* ---- asking ---- */

/* `ip` NULL: the peer has no address. */
static bool covers(const struct known *known, const struct ip *ip, struct slice login)
{
	if (known->is_network)
		return ip && network_has(&known->network, ip);
	return slice_is(login, known->ban.subject);
}

bool bans_hold(struct bans *bans, const char *ip, struct slice login)
{
	const int64_t now = clock_now();
	bool trusted = login.len && lockout_trusts(bans->lockout, ip, login), held = false;
	struct ip raw;
	bool has_ip = ip_parse(slice_str(ip), &raw);

	pthread_mutex_lock(&bans->lock);
	for (size_t i = 0; i < bans->n && !held; i++) {
		const struct known *known = &bans->known[i];

		held = known->ban.until > now && !(known->ban.automatic && trusted) &&
		       covers(known, has_ip ? &raw : NULL, login);
	}
	pthread_mutex_unlock(&bans->lock);
	return held;
}

/* ---- noting what the lockout did ---- */

static void note(struct bans *bans, struct slice subject)
{
	struct noted *noted;

	pthread_mutex_lock(&bans->lock);
	if (bans->n_noted < NOTED_MAX && subject.len < sizeof(noted->subject)) {
		noted = xzalloc(sizeof(*noted));
		memcpy(noted->subject, subject.data, subject.len);
		noted->until = clock_now() + lockout_block_ms(bans->lockout);
		list_add_tail(&bans->noted, &noted->node);
		bans->n_noted++;
	}
	pthread_mutex_unlock(&bans->lock);
}

void bans_note(struct bans *bans, const char *ip, struct slice login, unsigned blocked)
{
	char network[NETWORK_TEXT];

	if (blocked & LOCKOUT_NETWORK && network_around(ip, network))
		note(bans, slice_str(network));
	if (blocked & LOCKOUT_LOGIN)
		note(bans, login);
}

/* ---- writing and reading, on a worker ---- */

static enum fault write_noted(struct look *look)
{
	struct daemon *daemon = look->bans->daemon;
	enum fault fault = FAULT_NONE;

	list_each (&look->noted, node) {
		struct noted *noted = list_item(node, struct noted, node);
		const struct ban ban = { .subject = noted->subject,
			                 .reason = "too many failed logins",
			                 .by = daemon->node,
			                 .automatic = true,
			                 .since = clock_now(),
			                 .until = noted->until };

		fault = ban_put(daemon->stack, NULL, &ban, &look->why);
		if (fault == FAULT_INPUT) /* a name that no account has: the lockout is enough */
			fault = FAULT_NONE;
		if (fault)
			break;
		list_del(&noted->node);
		free(noted);
	}
	return fault;
}

static enum fault read_known(struct look *look)
{
	struct ban *found;
	enum fault fault = ban_list(look->bans->daemon->stack, slice_of(NULL, 0), KNOWN_MAX, look->arena,
	                            &found, &look->n, &look->why);

	if (fault)
		return fault;
	look->known = arena_array(look->arena, struct known, look->n);
	for (size_t i = 0; i < look->n; i++) {
		look->known[i].ban = found[i];
		look->known[i].is_network =
		    network_parse(slice_str(found[i].subject), &look->known[i].network);
	}
	return FAULT_NONE;
}

static void run_look(struct job *job, void *worker)
{
	struct look *look = container_of(job, struct look, job);

	(void)worker;
	look->fault = write_noted(look);
	if (!look->fault)
		look->fault = read_known(look);
}

/* ---- the loop ---- */

/* Who was banned, is not any more, and not because the time is over. Both are in the order of the store. */
static void forgive_lifted(struct bans *bans, const struct look *look)
{
	for (size_t i = 0, j = 0; i < bans->n; i++) {
		const struct ban *ban = &bans->known[i].ban;

		while (j < look->n && strcmp(look->known[j].ban.subject, ban->subject) < 0)
			j++;
		if (ban->until > clock_now() &&
		    (j == look->n || strcmp(look->known[j].ban.subject, ban->subject) != 0))
			lockout_forgive(bans->lockout, ban->subject, bans->known[i].is_network);
	}
}

static void end_look(struct job *job)
{
	struct look *look = container_of(job, struct look, job);
	struct bans *bans = look->bans;

	bans->looking = false;
	pthread_mutex_lock(&bans->lock);
	list_each (&look->noted, node) { /* not written: tried again */
		list_del(node);
		list_add_tail(&bans->noted, node);
		bans->n_noted++;
	}
	pthread_mutex_unlock(&bans->lock);
	arena_free(look->arena);
	free(look);
}

static void on_looked(struct job *job)
{
	struct look *look = container_of(job, struct look, job);
	struct bans *bans = look->bans;
	struct arena *old = bans->arena;

	if (look->fault) {
		if (!bans->failed) /* once, not at every look */
			log_fault(NULL, look->fault, &look->why, "the bans could not be looked at");
		bans->failed = true;
		end_look(job);
		return;
	}
	bans->failed = false;
	forgive_lifted(bans, look);
	pthread_mutex_lock(&bans->lock);
	bans->arena = look->arena;
	bans->known = look->known;
	bans->n = look->n;
	pthread_mutex_unlock(&bans->lock);
	look->arena = old;
	end_look(job);
}

static void start_look(struct bans *bans)
{
	struct look *look = xzalloc(sizeof(*look));

	look->job = (struct job){ .run = run_look, .done = on_looked, .drop = end_look };
	look->bans = bans;
	look->arena = arena_new();
	list_init(&look->noted);
	pthread_mutex_lock(&bans->lock);
	list_each (&bans->noted, node) {
		list_del(node);
		list_add_tail(&look->noted, node);
	}
	bans->n_noted = 0;
	pthread_mutex_unlock(&bans->lock);
	bans->looking = true;
	bans->asked = false;
	bans->looked = loop_now(bans->daemon->loop);
	if (!job_start(bans->daemon->pool, &look->job))
		end_look(&look->job);
}

static void on_timer(void *arg)
{
	struct bans *bans = arg;
	bool noted;

	pthread_mutex_lock(&bans->lock);
	noted = bans->n_noted > 0;
	pthread_mutex_unlock(&bans->lock);
	if (!bans->looking &&
	    (noted || bans->asked || loop_now(bans->daemon->loop) - bans->looked >= LOOK_MS))
		start_look(bans);
}

static void on_settings(void *arg, const struct nudge *nudge)
{
	struct bans *bans = arg;

	(void)nudge;
	bans->asked = true;
	if (!bans->looking)
		start_look(bans);
}

struct lockout *bans_lockout(const struct suite_conf *conf)
{
	return lockout_new(&(struct lockout_conf){
	    .network_failures = conf->login_failures_network,
	    .login_failures = conf->login_failures,
	    .window_ms = conf->login_failures_window,
	    .block_ms = conf->login_ban,
	});
}

struct bans *bans_new(struct daemon *daemon, struct lockout *lockout)
{
	struct bans *bans = xzalloc(sizeof(*bans));

	bans->daemon = daemon;
	bans->lockout = lockout;
	pthread_mutex_init(&bans->lock, NULL);
	list_init(&bans->noted);
	bans->timer = timer_new(daemon->loop, on_timer, bans);
	timer_every(bans->timer, TICK_MS);
	if (daemon->stack->bus)
		bus_subscribe(daemon->stack->bus, TOPIC_SETTINGS, on_settings, bans);
	start_look(bans);
	return bans;
}

void bans_free(struct bans *bans)
{
	if (!bans)
		return;
	timer_free(bans->timer);
	list_each (&bans->noted, node) {
		list_del(node);
		free(list_item(node, struct noted, node));
	}
	arena_free(bans->arena);
	pthread_mutex_destroy(&bans->lock);
	free(bans);
}
