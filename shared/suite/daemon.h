#ifndef SHARED_SUITE_DAEMON_H
#define SHARED_SUITE_DAEMON_H
/*
 * The frame of a daemon: arguments, configuration, logs, loop, workers, the
 * stack, the monitor port (/metrics, /healthz, /readyz), reload on SIGHUP,
 * drain on SIGTERM. A daemon's main() fills a struct daemon_spec and calls daemon_main().
 *
 * Arguments: --config FILE, --check (read it, say what is wrong, exit 0 or 78), --print-conf, --version, --help.
 * Exit: 0 after a clean drain, 78 for what the operator has to change, 75 for what may pass. A store, object store or
 * broker that is away at the start is waited for.
 */
#include "loop/job.h"
#include "loop/tls.h"
#include "suite/stack.h"

struct daemon;

struct daemon_spec {
	const char *name, *summary; /* "smtpd", one line for --help */
	const struct conf_row *rows;
	void *conf; /* the daemon's own struct, filled from its section */
	size_t conf_size;
	unsigned needs; /* enum stack_needs */
	bool tls;       /* opens tls_cert and watches it */
	/* After everything is open: make listeners. On the loop's thread, before it runs. */
	enum fault (*start)(struct daemon *, struct why *);
	void (*reload)(struct daemon *); /* after the configuration was read again; may be NULL */
	void (*drain)(
	    struct daemon *); /* SIGTERM: stop accepting, tell sessions; the loop ends when they are gone */
	void (*stop)(struct daemon *); /* after the loop ended: free what start made */
};

struct daemon {
	const struct daemon_spec *spec;
	const struct suite_conf *suite;
	struct loop *loop;
	struct pool *pool; /* suite->workers threads, queue of 10,000: for store and blob work */
	struct stack *stack;
	struct tls_ctx *tls; /* NULL unless spec->tls */
	struct oauth
	    *oauth; /* whose bearer tokens are; NULL unless spec->tls and the settings name an issuer */
	struct arena *arena; /* lives as long as the process */
	const char *node;    /* "smtpd-4711-mx1" */
	void *state;         /* the daemon's own */
};

int daemon_main(const struct daemon_spec *, int argc, char **argv);

/* One `monitor` row to put into a daemon's own rows: const char *monitor, "127.0.0.1:0" style, "" for none. */
#define DAEMON_MONITOR_ROW(object, fallback)                                                                 \
	CONF(object, CONF_STR, monitor, fallback, 0, 0, 0,                                                   \
	     "address of /metrics, /healthz and /readyz; empty: none")
/* Called by start() with that row's value. */
MUST_CHECK enum fault daemon_monitor(struct daemon *, const char *address, struct why *);
/* Ports that were asked for as 0 are written to run_dir/<name>.ports as NAME=PORT lines, for tests and `run`. */
void daemon_note_port(struct daemon *, const char *name, uint16_t port);

#endif
