/* admin: the REST API, and the sweeper on a timer. */
#include "base/clock.h"
#include "base/log.h"
#include "conf.h"
#include "http.h"
#include "loop/timer.h"
#include "suite/check.h"

struct admin {
	struct daemon *daemon;
	struct http *http;
	struct timer *timer;
	struct job job; /* the sweep */
	bool sweeping;
	struct sweep_result result;
	enum fault fault;
	struct why why;
};

/* ---- sweeping ---- */

static void run_sweep(struct job *job, void *worker)
{
	struct admin *admin = container_of(job, struct admin, job);

	(void)worker;
	admin->fault = sweep_run(admin->daemon->stack, admin_conf.sweep_grace, false, NULL, NULL,
	                         &admin->result, &admin->why);
}

static void on_swept(struct job *job)
{
	struct admin *admin = container_of(job, struct admin, job);

	admin->sweeping = false;
	if (admin->fault)
		log_fault(NULL, admin->fault, &admin->why, "the sweep stopped");
	else
		log_line(NULL, LOG_INFO, "swept", "contents",
		         log_num((int64_t)admin->result.contents_removed), "blobs",
		         log_num((int64_t)admin->result.blobs_removed), "bytes",
		         log_num((int64_t)admin->result.bytes_removed), NULL);
	timer_start(admin->timer, rand_jitter(admin_conf.sweep_every));
}

static void on_timer(void *arg)
{
	struct admin *admin = arg;

	admin->job = (struct job){ .run = run_sweep, .done = on_swept, .drop = on_swept };
	admin->sweeping = job_start(admin->daemon->pool, &admin->job);
	if (!admin->sweeping)
		timer_start(admin->timer, rand_jitter(admin_conf.sweep_every));
}

/* ---- the daemon ---- */

static enum fault start(struct daemon *daemon, struct why *why)
{
	struct admin *admin = arena_make(daemon->arena, struct admin);
	struct account_public public;
	uint8_t generation;
	uint16_t port;
	enum fault fault;

	admin->daemon = daemon;
	daemon->state = admin;
	admin->timer = timer_new(daemon->loop, on_timer, admin);
	timer_start(admin->timer, rand_jitter(admin_conf.sweep_every));
	/* makes the key pairs on a new installation: smtpd cannot, and would refuse submissions and keep its notes */
	fault = queue_public_key(daemon->stack, &public, &generation, why);
	if (!fault)
		fault = timeline_public_key(daemon->stack, &public, &generation, why);
	if (!fault)
		fault = daemon_monitor(daemon, admin_conf.monitor, why);
	if (!fault)
		fault = http_new(daemon, admin_conf.listen, &admin->http, &port, why);
	if (!fault)
		daemon_note_port(daemon, "ADMIN", port);
	return fault;
}

static void stop(struct daemon *daemon)
{
	struct admin *admin = daemon->state;

	http_free(admin->http);
	timer_free(admin->timer);
}

int main(int argc, char **argv)
{
	static const struct daemon_spec spec = {
		.name = "admin",
		.summary = "The REST API of a Posthouse suite.",
		.rows = admin_conf_rows,
		.conf = &admin_conf,
		.conf_size = sizeof(admin_conf),
		.needs = STACK_BUS | STACK_ACCOUNTS_RING | STACK_QUEUE_RING,
		.start = start,
		.stop = stop,
	};

	return daemon_main(&spec, argc, argv);
}
