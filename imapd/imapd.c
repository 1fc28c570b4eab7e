/*
 * The process (imapd.h): listeners, who may connect, what the bus says, and
 * whether the accounts that sessions are logged in to are still theirs.
 */
#include "imapd.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "account_ctx.h"
#include "base/log.h"
#include "base/rand.h"
#include "guest_check.h"
#include "bus/bus.h"
#include "loop/listener.h"
#include "loop/proxy.h"
#include "loop/timer.h"
#include "move_check.h"
#include "open_keys.h"
#include "session.h"
#include "trace.h"
#include "url_mechanisms.h"
#include "watch.h"

#define PASSWORD_THREADS_MAX 4
#define PASSWORD_QUEUE       1000
#define LOGINS_MAX           65536
#define CHECK_MS             10000
#define MOVE_TICKS           3     /* of CHECK_MS: moves that were cut short are looked for once in so many */
#define PROGRESS_MS          10000 /* RFC 9585 4 */
#define UPDATE_WAIT_MS       1000
#define CHECK_POLLS          10 /* accounts change rarely: looked at once in so many polls */

/* ---- accounts ---- */

struct account_check {
	struct job job;
	struct list node;
	struct imapd *imapd;
	struct account_ctx *ctx;
	struct arena *arena;
	struct account account;
	enum fault fault;
	struct why why;
};

struct id imapd_verifier(const struct account *account)
{
	return id_derive(&account->id, slice_str(account->password.argon));
}

static void run_check(struct job *job, void *worker)
{
	struct account_check *check = container_of(job, struct account_check, job);

	(void)worker;
	check->fault = account_get(check->imapd->daemon->stack, &check->ctx->id, check->arena,
	                           &check->account, &check->why);
}

static void free_check(struct job *job)
{
	struct account_check *check = container_of(job, struct account_check, job);

	list_del(&check->node);
	account_ctx_unref(check->ctx);
	arena_free(check->arena);
	free(check);
}

/* Why a session of the account may not go on, or NULL. */
static const char *objection(const struct account_check *check, const struct session *s)
{
	const struct id verifier = imapd_verifier(&check->account);

	if (check->fault == FAULT_NOT_FOUND)
		return "The account was deleted";
	if (check->account.state == ACCOUNT_SUSPENDED)
		return "The account is suspended";
	return id_eq(&verifier, &s->verifier) ? NULL : "The password was changed";
}

static void on_checked(struct job *job)
{
	struct account_check *check = container_of(job, struct account_check, job);

	if (check->fault && check->fault != FAULT_NOT_FOUND) {
		log_fault(NULL, check->fault, &check->why, "an account could not be looked at");
	} else {
		if (!check->fault)
			account_ctx_update(check->ctx, &check->account);
		list_each (&check->imapd->sessions, node) {
			struct session *s = list_item(node, struct session, node);
			const char *text;

			if (!s->account || !id_eq(&s->account->id, &check->ctx->id))
				continue;
			text = objection(check, s);
			if (text)
				session_close(s, "[UNAVAILABLE]", text);
			else
				trace_consider(s);
		}
	}
	free_check(job);
}

void imapd_check_account(struct imapd *imapd, struct account_ctx *ctx)
{
	struct account_check *check = xzalloc(sizeof(*check));

	ctx->checked_at = loop_now(imapd->daemon->loop);
	check->job = (struct job){ .run = run_check, .done = on_checked, .drop = free_check };
	check->imapd = imapd;
	check->ctx = account_ctx_ref(ctx);
	check->arena = arena_new();
	list_add_tail(&imapd->checks, &check->node);
	if (!job_start(imapd->daemon->pool, &check->job))
		free_check(&check->job); /* the next round comes */
}

static void check_older_than(struct imapd *imapd, int64_t before)
{
	struct slice key;
	size_t at = 0;
	void *value;

	while (map_next(imapd->accounts, &at, &key, &value)) {
		struct account_ctx *ctx = value;

		if (ctx->sessions && ctx->checked_at <= before)
			imapd_check_account(imapd, ctx);
	}
}

static void each_folder_cache(struct imapd *imapd, void (*act)(struct folder_cache *))
{
	struct slice key;
	size_t at = 0;
	void *value;

	while (map_next(imapd->folders, &at, &key, &value))
		act(value);
}

static void on_timer(void *arg)
{
	struct imapd *imapd = arg;

	check_older_than(imapd, loop_now(imapd->daemon->loop) - CHECK_POLLS * imapd_conf.poll);
	each_folder_cache(imapd, folder_cache_drop_old); /* nobody may come for it any more */
	guest_check(imapd, NULL);
	if (imapd->ticks++ % MOVE_TICKS == 0)
		move_check(imapd);
}

/* ---- the bus ---- */

static void on_mailbox(void *arg, const struct nudge *nudge)
{
	struct imapd *imapd = arg;

	views_nudge(imapd->views, &nudge->subject, nudge->number);
	watches_nudge(imapd, &nudge->account, &nudge->subject);
}

static void on_folders(void *arg, const struct nudge *nudge)
{
	struct imapd *imapd = arg;
	struct folder_cache *cache = map_get(imapd->folders, id_slice(&nudge->account));

	if (cache)
		folder_cache_drop(cache);
	views_look_account(imapd->views, &nudge->account);
	guest_check(imapd, &nudge->account);
	watches_nudge(imapd, &nudge->account, NULL);
}

static void on_account(void *arg, const struct nudge *nudge)
{
	struct imapd *imapd = arg;
	struct account_ctx *ctx;

	imapd->account_nudges++;
	login_cache_forget(imapd->logins, &nudge->account);
	views_forget_account(imapd->views, &nudge->account);
	ctx = map_get(imapd->accounts, id_slice(&nudge->account));
	if (ctx && ctx->sessions)
		imapd_check_account(imapd, ctx);
}

/* Those of this process have heard of its own. */
static void on_url_key(void *arg, const struct nudge *nudge)
{
	struct imapd *imapd = arg;

	if (nudge->number != imapd->number)
		url_mechanisms_tell_others(imapd, &nudge->account, &nudge->subject, NULL);
}

static void on_metadata(void *arg, const struct nudge *nudge)
{
	watches_nudge_annotations(arg, &nudge->account, &nudge->subject);
}

static void on_bus_up(void *arg)
{
	struct imapd *imapd = arg;

	each_folder_cache(imapd, folder_cache_drop);
	views_look_all(imapd->views);
	guest_check(imapd, NULL);
	watches_look_all(imapd);
	check_older_than(imapd, INT64_MAX);
}

static void subscribe(struct imapd *imapd, struct bus *bus)
{
	if (!bus)
		return;
	bus_subscribe(bus, TOPIC_MAILBOX, on_mailbox, imapd);
	bus_subscribe(bus, TOPIC_FOLDERS, on_folders, imapd);
	bus_subscribe(bus, TOPIC_ACCOUNT, on_account, imapd);
	bus_subscribe(bus, TOPIC_URL_KEY, on_url_key, imapd);
	bus_subscribe(bus, TOPIC_METADATA, on_metadata, imapd);
	bus_on_up(bus, on_bus_up, imapd);
}

/* ---- peers ---- */

/* An IPv6 customer has a /64. */
static struct slice network_of(const char *ip, struct in6_addr *v6)
{
	if (inet_pton(AF_INET6, ip, v6) == 1)
		return slice_of(v6, 8);
	return slice_str(ip);
}

bool imapd_peer_enter(struct imapd *imapd, const char *ip)
{
	struct in6_addr v6;
	struct slice network = network_of(ip, &v6);
	int64_t *sessions = map_get(imapd->peers, network);

	if (!sessions) {
		sessions = xzalloc(sizeof(*sessions));
		map_put(imapd->peers, network, sessions);
	}
	return ++*sessions <= imapd_conf.sessions_per_ip;
}

void imapd_peer_leave(struct imapd *imapd, const char *ip)
{
	struct in6_addr v6;
	struct slice network = network_of(ip, &v6);
	int64_t *sessions = map_get(imapd->peers, network);

	assert(sessions);
	if (--*sessions)
		return;
	map_del(imapd->peers, network);
	free(sessions);
}

/* ---- listeners ---- */

static void on_ready(void *arg, struct conn *conn)
{
	struct imapd_listener *listener = arg;

	session_new(listener->imapd, conn, listener->tls);
}

static void on_proxy_refused(void *arg, const char *ip, const char *why)
{
	(void)arg;
	log_line(NULL, LOG_WARN, "a proxy was refused", "ip", ip, "why", why, NULL);
}

static void on_accept(void *arg, struct conn *conn)
{
	static const struct proxy_handler handler = { on_ready, on_proxy_refused };
	struct imapd_listener *listener = arg;

	proxy_accept(&listener->imapd->proxies, conn, &handler, listener);
}

static enum fault listen_on(struct imapd *imapd, const struct conf_list *addresses, bool tls, struct why *why)
{
	for (size_t i = 0; i < addresses->n; i++) {
		struct imapd_listener *listener = &imapd->listeners[imapd->n_listeners];
		enum fault fault;

		if (imapd->n_listeners == IMAPD_LISTENERS_MAX)
			return fault_set(why, FAULT_CONFIG, "imapd listens on at most %d addresses",
			                 IMAPD_LISTENERS_MAX);
		*listener = (struct imapd_listener){ .imapd = imapd, .tls = tls };
		fault = listener_open(imapd->daemon->loop, addresses->items[i], false, on_accept, listener,
		                      &listener->listener, why);
		if (fault)
			return fault;
		imapd->n_listeners++;
		daemon_note_port(imapd->daemon, tls ? "IMAPS" : "IMAP", listener_port(listener->listener));
	}
	return FAULT_NONE;
}

enum fault imapd_listen(struct imapd *imapd, struct why *why)
{
	enum fault fault =
	    networks_parse(&imapd_conf.proxy_networks, imapd->daemon->arena, &imapd->proxies, why);

	if (!fault)
		fault = listen_on(imapd, &imapd_conf.listen, false, why);
	return fault ? fault : listen_on(imapd, &imapd_conf.listen_tls, true, why);
}

static void close_listeners(struct imapd *imapd)
{
	while (imapd->n_listeners)
		listener_close(imapd->listeners[--imapd->n_listeners].listener);
}

void imapd_drain(struct imapd *imapd)
{
	imapd->draining = true;
	close_listeners(imapd);
	list_each (&imapd->sessions, node)
		session_drain(list_item(node, struct session, node));
}

/* ---- life ---- */

static struct pool *password_pool_new(struct loop *loop)
{
	const long cores = sysconf(_SC_NPROCESSORS_ONLN);
	const struct pool_conf conf = {
		.name = "passwords",
		.threads = (unsigned)MIN_OF(MAX_OF(cores, 2L), (long)PASSWORD_THREADS_MAX),
		.queue_max = PASSWORD_QUEUE,
	};

	return pool_new(loop, &conf);
}

struct imapd *imapd_new(struct daemon *daemon)
{
	struct imapd *imapd = xzalloc(sizeof(*imapd));
	const struct views_conf views = {
		.stack = daemon->stack,
		.loop = daemon->loop,
		.pool = daemon->pool,
		.poll = &imapd_conf.poll,
		.keep = &imapd_conf.view_keep,
		.memory = &imapd_conf.view_memory,
		.search_memory = &imapd_conf.search_memory,
		.search_index = &imapd_conf.search_index,
		.cache_dir = imapd_conf.view_cache
		                 ? arena_printf(daemon->arena, "%s/view-cache", daemon->suite->data_dir)
		                 : NULL,
	};

	imapd->daemon = daemon;
	imapd->trace_dir = arena_printf(daemon->arena, "%s/trace", daemon->suite->data_dir);
	imapd->progress_every = PROGRESS_MS;
	imapd->update_wait = UPDATE_WAIT_MS;
	rand_bytes(&imapd->number, sizeof(imapd->number));
	imapd->number &= INT64_MAX;
	imapd->views = views_new(&views);
	imapd->logins = login_cache_new(imapd_conf.login_cache, LOGINS_MAX);
	imapd->open_keys = open_keys_new();
	imapd->lockout = bans_lockout(daemon->suite);
	imapd->bans = bans_new(daemon, imapd->lockout);
	imapd->password_pool = password_pool_new(daemon->loop);
	imapd->accounts = map_new();
	imapd->folders = map_new();
	imapd->watches = map_new();
	list_init(&imapd->sharing);
	imapd->peers = map_new();
	list_init(&imapd->sessions);
	list_init(&imapd->checks);
	list_init(&imapd->guest_checks);
	imapd->timer = timer_new(daemon->loop, on_timer, imapd);
	timer_every(imapd->timer, CHECK_MS);
	subscribe(imapd, daemon->stack->bus);
	return imapd;
}

void imapd_free(struct imapd *imapd)
{
	if (!imapd)
		return;
	close_listeners(imapd);
	pool_free(imapd->password_pool);
	timer_free(imapd->timer);
	views_free(imapd->views);
	assert(list_empty(&imapd->sessions) && list_empty(&imapd->checks) &&
	       list_empty(&imapd->guest_checks) && !map_count(imapd->accounts));
	login_cache_free(imapd->logins);
	open_keys_free(imapd->open_keys);
	bans_free(imapd->bans);
	lockout_free(imapd->lockout);
	map_free(imapd->accounts);
	map_free(imapd->folders);
	assert(!map_count(imapd->watches));
	map_free(imapd->watches);
	map_free(imapd->peers);
	free(imapd);
}
