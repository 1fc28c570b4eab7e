#ifndef TESTS_SMTPD_SMTP_WORLD_H
#define TESTS_SMTPD_SMTP_WORLD_H
/*
 * An smtpd in this process for tests: the embedded stack of shared/suite/fixture.h, a DNS server in a thread, a
 * certificate, alice, bob and a few addresses, and clients on socketpairs that come from where a test says.
 */
#include <sys/socket.h>

#include "judge.h"
#include "loop/job.h"
#include "session.h"
#include "shared/dns/responder.h"
#include "shared/loop/certs.h"
#include "shared/suite/fixture.h"
#include "smtpd.h"
#include "usage.h"

#define WORLD_CLIENTS  4
#define WORLD_PATIENCE 20000

static const struct zone_line world_zone[] = {
	{ "good.test", DNS_TXT, "v=spf1 ip4:192.0.2.1 -all" },
	{ "strict.test", DNS_TXT, "v=spf1 ip4:192.0.2.99 -all" },
	{ "_dmarc.strict.test", DNS_TXT, "v=DMARC1; p=reject" },
	{ "soft.test", DNS_TXT, "v=spf1 ip4:192.0.2.99 -all" },
	{ "_dmarc.soft.test", DNS_TXT, "v=DMARC1; p=quarantine" },
	{ NULL, 0, NULL, 0 },
};

struct client {
	struct world *world;
	struct conn *conn;
	enum service service;
	const char *ip;
	bool made, tls_done;
};

struct world {
	struct fixture *f;
	struct responder *dns_server;
	struct daemon daemon;
	struct smtpd smtpd;
	struct tls_ctx *client_tls;
	struct person alice, bob;
	struct client clients[WORLD_CLIENTS];
};

/* ---- making ---- */

static inline void world_address(struct world *world, const char *address, const char *target)
{
	good(alias_put(world->f->stack, NULL, slice_str(address), &target, 1, RECORD_NEW, WHY));
}

static inline void world_people(struct world *world)
{
	static const char *const team[] = { "alice@example.org", "bob@example.org", "far@example.net" };
	struct fixture *f = world->f;
	struct domain all = { .name = "all.test", .catch_all = "alice@example.org" };
	struct account_public queue;
	struct account gone;
	uint8_t generation;

	good(queue_public_key(f->stack, &queue, &generation, WHY));
	world->alice = fixture_alice(f);
	world->bob = fixture_person(f, "bob@example.org");
	gone = fixture_account(f, "gone@example.org");
	gone.state = ACCOUNT_SUSPENDED;
	good(account_put(f->stack, NULL, &gone, WHY));
	good(domain_put(f->stack, NULL, &all, WHY));
	good(alias_put(f->stack, NULL, SLICE("team@example.org"), team, 3, RECORD_NEW, WHY));
	world_address(world, "out@example.org", "far@example.net");
	world_address(world, "loop@example.org", "loop@example.org");
	world_address(world, "postmaster@example.org", "bob@example.org");
}

static inline void world_settings(struct world *world)
{
	const struct conf_section sections[] = {
		{ NULL, suite_conf_rows, &world->f->conf },
		{ "smtpd", smtpd_conf_rows, &smtpd_conf },
	};

	good(conf_load(NULL, sections, 2, suite_sections, world->f->arena, WHY));
	world->f->conf.data_dir = world->f->dir;
	world->f->conf.hostname = "mail.example.org";
	suite_conf_finish(&world->f->conf, world->f->arena);
	smtpd_conf.postmaster = "postmaster@example.org";
}

/* As main.c does it. */
static inline void world_daemon(struct world *world)
{
	const struct cert_files files = cert_make(world->f->dir, "tls", "mail.example.org");
	const struct tls_cert cert = { NULL, files.cert, files.key };
	const struct pool_conf pool = { .name = "smtpd", .threads = 2, .queue_max = 1000 },
	                       logins = { .name = "login", .threads = 2, .queue_max = 10 };
	const struct lockout_conf lockout = { .network_failures = 5, .login_failures = 5 };
	const struct judge_conf judge = { .authserv_id = "mail.example.org",
		                          .deadline_ms = 2000,
		                          .enforce = true };
	const struct dns_conf dns = { .servers = world->dns_server->servers, .trust_anchor = "" };
	struct daemon *daemon = &world->daemon;
	struct smtpd *smtpd = &world->smtpd;

	daemon->suite = &world->f->conf;
	daemon->stack = world->f->stack;
	daemon->arena = world->f->arena;
	daemon->loop = loop_new();
	daemon->pool = pool_new(daemon->loop, &pool);
	good(tls_server_new(&cert, 1, &daemon->tls, WHY));
	good(tls_client_new(&(struct tls_client_conf){ 0 }, &world->client_tls, WHY));
	smtpd->daemon = daemon;
	list_init(&smtpd->sessions);
	list_init(&smtpd->listeners);
	smtpd->per_ip = map_new();
	smtpd->logins = login_cache_new(60000, 100);
	smtpd->lockout = lockout_new(&lockout);
	smtpd->usage = usage_cache_new(100);
	smtpd->login_pool = pool_new(daemon->loop, &logins);
	good(dns_new(daemon->loop, &dns, &smtpd->dns, WHY));
	smtpd->judge = judge_new(daemon->loop, smtpd->dns, &judge);
}

static inline struct world *world_new(void)
{
	struct world *world = xzalloc(sizeof(*world));

	world->f = fixture_new();
	log_start("test", getenv("SMTP_TEST_LOG") ? LOG_DEBUG : LOG_ERROR, false);
	world->dns_server = responder_start(world_zone);
	world_settings(world);
	world_people(world);
	world_daemon(world);
	wire_on(world->f);
	for (size_t i = 0; i < WORLD_CLIENTS; i++)
		world->clients[i] =
		    (struct client){ .world = world, .service = SERVICE_MX, .ip = "192.0.2.1" };
	return world;
}

/* ---- clients ---- */

static inline void client_nothing(void *owner)
{
	(void)owner;
}

static inline void client_on_tls(void *owner, enum fault fault, const struct why *reason)
{
	struct client *client = owner;

	if (fault) {
		fprintf(stderr, "client TLS: %s\n", reason->text);
		abort();
	}
	client->tls_done = true;
}

static inline void client_on_closed(void *owner)
{
	struct client *client = owner;

	client->conn = NULL;
}

static const struct conn_handler client_handler = {
	.on_readable = client_nothing,
	.on_tls = client_on_tls,
	.on_timeout = client_nothing,
	.on_closed = client_on_closed,
};

static inline struct conn *world_client(struct world *world, unsigned number)
{
	const struct conn_conf conf = { .input_max = 1 << 20, .output_high = 1 << 20 };
	struct client *client = &world->clients[number];
	struct conn *server;
	int fds[2];

	if (client->made)
		return client->conn;
	assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds));
	client->made = true;
	client->conn = conn_from_fd(world->daemon.loop, fds[0], &conf, &client_handler, client);
	server = conn_from_fd(world->daemon.loop, fds[1], NULL, NULL, NULL);
	conn_set_peer(server, client->ip, 4711);
	session_new(&world->smtpd, server, client->service);
	return client->conn;
}

static inline void world_start_tls(struct world *world, unsigned number)
{
	struct client *client = &world->clients[number];
	int64_t until = clock_mono_ms() + WORLD_PATIENCE;

	conn_start_tls(world_client(world, number), world->client_tls, "mail.example.org");
	while (!client->tls_done && clock_mono_ms() < until)
		loop_step(world->daemon.loop, 20);
	assert(client->tls_done);
}

/* ---- the end ---- */

static inline void world_free(struct world *world)
{
	struct smtpd *smtpd = &world->smtpd;

	for (size_t i = 0; i < WORLD_CLIENTS; i++) {
		if (world->clients[i].conn)
			conn_abort(world->clients[i].conn);
	}
	smtpd->draining = true;
	list_each (&smtpd->sessions, node) {
		struct session *s = list_item(node, struct session, node);

		if (s->state != ST_ACCEPT)
			session_close(s, 0, NULL, NULL);
	}
	loop_stop(world->daemon.loop);
	loop_run(world->daemon.loop, WORLD_PATIENCE);
	assert(smtpd->n_sessions == 0 && list_empty(&smtpd->sessions) && smtpd->receiving == 0);
	assert(map_count(smtpd->per_ip) == 0);
	pool_free(world->daemon.pool);
	pool_free(smtpd->login_pool);
	judge_free(smtpd->judge);
	dns_free(smtpd->dns);
	usage_cache_free(smtpd->usage);
	lockout_free(smtpd->lockout);
	login_cache_free(smtpd->logins);
	map_free(smtpd->per_ip);
	tls_free(world->daemon.tls);
	tls_free(world->client_tls);
	loop_free(world->daemon.loop);
	responder_stop(world->dns_server);
	fixture_free(world->f);
	free(world);
}

#endif
