/* smtpd: mail from other servers (MX), and from the accounts' own clients (submission). */
#include <stdlib.h>

#include "base/log.h"
#include "judge.h"
#include "loop/listener.h"
#include "loop/proxy.h"
#include "session.h"
#include "suite/timeline.h"
#include "usage.h"

#define LOGIN_THREADS  4
#define LOGIN_QUEUE    1000
#define LOGINS_MAX     50000
#define USAGE_ACCOUNTS 100000

struct port {
	struct list node;
	struct smtpd *smtpd;
	enum service service;
	struct listener *listener;
};

static void on_ready(void *arg, struct conn *conn)
{
	struct port *port = arg;

	session_new(port->smtpd, conn, port->service);
}

static void on_proxy_refused(void *arg, const char *ip, const char *why)
{
	(void)arg;
	log_line(NULL, LOG_WARN, "a proxy was refused", "ip", ip, "why", why, NULL);
}

static void on_accept(void *arg, struct conn *conn)
{
	static const struct proxy_handler handler = { on_ready, on_proxy_refused };
	struct port *port = arg;

	proxy_accept(&port->smtpd->proxies, conn, &handler, port);
}

static enum fault listen_on(struct smtpd *smtpd, const struct conf_list *addresses, enum service service,
                            const char *name, struct why *why)
{
	for (size_t i = 0; i < addresses->n; i++) {
		struct port *port = arena_make(smtpd->daemon->arena, struct port);
		enum fault fault;

		port->smtpd = smtpd;
		port->service = service;
		fault = listener_open(smtpd->daemon->loop, addresses->items[i], true, on_accept, port,
		                      &port->listener, why);
		if (fault)
			return fault;
		list_add_tail(&smtpd->listeners, &port->node);
		daemon_note_port(smtpd->daemon, name, listener_port(port->listener));
	}
	return FAULT_NONE;
}

static void on_account(void *arg, const struct nudge *nudge)
{
	struct smtpd *smtpd = arg;

	login_cache_forget(smtpd->logins, &nudge->account);
}

static enum fault open_parts(struct smtpd *smtpd, struct why *why)
{
	struct daemon *daemon = smtpd->daemon;
	const struct dns_conf dns = {
		.servers = daemon->suite->dns_servers,
		.trust_anchor = daemon->suite->dns_trust_anchor,
	};
	const struct pool_conf logins = { .name = "login",
		                          .threads = LOGIN_THREADS,
		                          .queue_max = LOGIN_QUEUE };
	const struct judge_conf judge = {
		.authserv_id = daemon->suite->hostname,
		.enforce = smtpd_conf.dmarc_reject,
	};
	enum fault fault;

	list_init(&smtpd->sessions);
	list_init(&smtpd->listeners);
	smtpd->per_ip = map_new();
	smtpd->logins = login_cache_new(smtpd_conf.login_cache, LOGINS_MAX);
	smtpd->lockout = bans_lockout(daemon->suite);
	smtpd->bans = bans_new(daemon, smtpd->lockout);
	smtpd->usage = usage_cache_new(USAGE_ACCOUNTS);
	smtpd->timeline = timeline_new(daemon);
	smtpd->login_pool = pool_new(daemon->loop, &logins);
	bus_subscribe(daemon->stack->bus, TOPIC_ACCOUNT, on_account, smtpd);
	fault = dns_new(daemon->loop, &dns, &smtpd->dns, why);
	if (!fault)
		smtpd->judge = judge_new(daemon->loop, smtpd->dns, &judge);
	return fault;
}

static enum fault start(struct daemon *daemon, struct why *why)
{
	struct smtpd *smtpd = arena_make(daemon->arena, struct smtpd);
	enum fault fault;

	smtpd->daemon = daemon;
	daemon->state = smtpd;
	fault = open_parts(smtpd, why);
	if (!fault)
		fault = daemon_monitor(daemon, smtpd_conf.monitor, why);
	if (!fault)
		fault = networks_parse(&smtpd_conf.proxy_networks, daemon->arena, &smtpd->proxies, why);
	if (!fault)
		fault = listen_on(smtpd, &smtpd_conf.listen, SERVICE_MX, "SMTP", why);
	if (!fault)
		fault =
		    listen_on(smtpd, &smtpd_conf.listen_submission, SERVICE_SUBMISSION, "SUBMISSION", why);
	if (!fault)
		fault =
		    listen_on(smtpd, &smtpd_conf.listen_submissions, SERVICE_SUBMISSIONS, "SUBMISSIONS", why);
	return fault;
}

static void drain(struct daemon *daemon)
{
	struct smtpd *smtpd = daemon->state;

	smtpd->draining = true;
	list_each (&smtpd->listeners, node)
		listener_pause(list_item(node, struct port, node)->listener, true);
	/* a session that is storing a message answers first; the others have nothing to lose */
	list_each (&smtpd->sessions, node) {
		struct session *s = list_item(node, struct session, node);

		if (s->state != ST_ACCEPT)
			session_close(s, 421, "4.3.2", "Shutting down, try again");
	}
}

static void stop(struct daemon *daemon)
{
	struct smtpd *smtpd = daemon->state;

	list_each (&smtpd->listeners, node)
		listener_close(list_item(node, struct port, node)->listener);
	if (smtpd->login_pool)
		pool_free(smtpd->login_pool);
	timeline_free(smtpd->timeline);
	judge_free(smtpd->judge);
	dns_free(smtpd->dns);
	usage_cache_free(smtpd->usage);
	bans_free(smtpd->bans);
	lockout_free(smtpd->lockout);
	login_cache_free(smtpd->logins);
	map_free(smtpd->per_ip);
}

int main(int argc, char **argv)
{
	static const struct daemon_spec spec = {
		.name = "smtpd",
		.summary = "Takes mail in: from other servers, and from the accounts' own clients.",
		.rows = smtpd_conf_rows,
		.conf = &smtpd_conf,
		.conf_size = sizeof(smtpd_conf),
		.needs = STACK_BUS,
		.tls = true,
		.start = start,
		.drain = drain,
		.stop = stop,
	};

	return daemon_main(&spec, argc, argv);
}
