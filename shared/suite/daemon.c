/* The frame of a daemon (daemon.h): from argv to a running loop, and back down. */
#include "suite/daemon.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "loop/signals.h"
#include "suite/monitor.h"
#include "suite/oauth.h"

#define EXIT_TEMPORARY 75
#define EXIT_CONFIG    78
#define DRAIN_MS       30000
#define CERT_LOOK_MS   5000
#define RETRY_MAX_MS   10000
#define POOL_QUEUE     10000

struct frame { /* the daemon and what only its frame needs */
	struct daemon daemon;
	struct suite_conf suite;
	const char *conf_path;
	bool check, print;
	struct signals *signals;
	struct monitor *monitor;
	struct buf ports;
	bool draining;
};

/* ---- arguments ---- */

enum { OPT_CHECK = 256, OPT_PRINT };

static const struct argp_option options[] = {
	{ "config", 'c', "FILE", 0, "configuration (default /etc/posthouse/posthouse.conf)", 0 },
	{ "check", OPT_CHECK, NULL, 0, "read the configuration, say what is wrong with it, and exit", 0 },
	{ "print-conf", OPT_PRINT, NULL, 0, "print the settings in effect, with their meaning, and exit", 0 },
	{ 0 },
};

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct frame *frame = state->input;

	switch (key) {
	case 'c':
		frame->conf_path = arg;
		return 0;
	case OPT_CHECK:
		frame->check = true;
		return 0;
	case OPT_PRINT:
		frame->print = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument \"%s\"", arg);
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void parse_arguments(struct frame *frame, int argc, char **argv)
{
	const struct argp argp = { options, on_option, NULL, frame->daemon.spec->summary, NULL, NULL, NULL };

	argp_program_version = "posthouse " POSTHOUSE_VERSION;
	argp_err_exit_status = EXIT_CONFIG;
	frame->conf_path = "/etc/posthouse/posthouse.conf";
	argp_parse(&argp, argc, argv, 0, NULL, frame);
}

/* ---- configuration ---- */

static enum fault load_conf(const struct frame *frame, struct suite_conf *suite, void *own, struct why *why)
{
	const struct daemon_spec *spec = frame->daemon.spec;
	const struct conf_section sections[] = {
		{ NULL, suite_conf_rows, suite },
		{ spec->name, spec->rows, own },
	};
	enum fault fault;

	fault = conf_load(frame->conf_path, sections, ARRAY_LEN(sections), suite_sections,
	                  frame->daemon.arena, why);
	if (!fault)
		suite_conf_finish(suite, frame->daemon.arena);
	return fault;
}

static size_t field_size(enum conf_type type)
{
	static const size_t sizes[] = {
		[CONF_STR] = sizeof(const char *), [CONF_INT] = sizeof(int64_t),
		[CONF_BOOL] = sizeof(bool),        [CONF_SIZE] = sizeof(int64_t),
		[CONF_DURATION] = sizeof(int64_t), [CONF_LIST] = sizeof(struct conf_list),
	};

	return sizes[type];
}

static void take_reloadable(const struct conf_row *row, void *to, const void *from)
{
	for (; row->name; row++) {
		if (row->flags & CONF_RELOAD)
			memcpy((char *)to + row->offset, (const char *)from + row->offset,
			       field_size(row->type));
	}
}

static void start_log(const struct frame *frame)
{
	enum log_level level = LOG_INFO;

	(void)log_level_parse(slice_str(frame->suite.log_level), &level);
	log_start(frame->daemon.spec->name, level, !slice_is(slice_str(frame->suite.log_format), "text"));
}

/* ---- signals ---- */

static void on_reload(void *arg)
{
	struct frame *frame = arg;
	const struct daemon_spec *spec = frame->daemon.spec;
	struct suite_conf suite = { 0 };
	void *own = xzalloc(spec->conf_size);
	enum log_level level;
	struct why why;
	enum fault fault = load_conf(frame, &suite, own, &why);

	if (fault) {
		log_fault(NULL, fault, &why, "the configuration was not reloaded");
		free(own);
		return;
	}
	take_reloadable(suite_conf_rows, &frame->suite, &suite);
	take_reloadable(spec->rows, spec->conf, own);
	free(own);
	if (log_level_parse(slice_str(frame->suite.log_level), &level))
		log_set_level(level);
	if (frame->daemon.tls && (fault = tls_reload(frame->daemon.tls, &why)))
		log_fault(NULL, fault, &why, "certificates were not reloaded");
	if (spec->reload)
		spec->reload(&frame->daemon);
	log_line(NULL, LOG_INFO, "configuration reloaded", NULL);
}

static void on_stop(void *arg)
{
	struct frame *frame = arg;

	if (frame->draining) {
		log_line(NULL, LOG_WARN, "told to stop twice: ending at once", NULL);
		_exit(0);
	}
	frame->draining = true;
	log_line(NULL, LOG_INFO, "draining", NULL);
	if (frame->daemon.spec->drain)
		frame->daemon.spec->drain(&frame->daemon);
	loop_stop(frame->daemon.loop);
}

static void on_certificates(void *arg, enum fault fault, const struct why *why)
{
	(void)arg;
	if (fault)
		log_fault(NULL, fault, why, "new certificates could not be read, the old ones stay");
	else
		log_line(NULL, LOG_INFO, "certificates reloaded", NULL);
}

/* ---- opening ---- */

static enum fault open_tls(struct frame *frame, struct why *why)
{
	const struct suite_conf *suite = &frame->suite;
	struct arena *arena = frame->daemon.arena;
	struct tls_cert *certs = arena_array(arena, struct tls_cert, suite->tls_names.n + 1);
	enum fault fault;

	certs[0] = (struct tls_cert){ NULL, suite->tls_cert, suite->tls_key };
	for (size_t i = 0; i < suite->tls_names.n; i++) {
		struct slice rest = slice_str(suite->tls_names.items[i]), name, cert;

		if (!slice_cut(&rest, '=', &name) || !slice_cut(&rest, ':', &cert) || !rest.data)
			return fault_set(why, FAULT_CONFIG, "tls_names: \"%s\" is not name=cert.pem:key.pem",
			                 suite->tls_names.items[i]);
		certs[i + 1] = (struct tls_cert){ arena_strz(arena, name), arena_strz(arena, cert),
			                          arena_strz(arena, rest) };
	}
	fault = tls_server_new(certs, suite->tls_names.n + 1, &frame->daemon.tls, why);
	if (!fault && suite->tls_client_ca[0])
		fault = tls_ask_clients(frame->daemon.tls, suite->tls_client_ca, why);
	if (!fault)
		tls_watch(frame->daemon.tls, frame->daemon.loop, CERT_LOOK_MS, on_certificates, NULL);
	return fault;
}

/* Services may come up after us: what is temporary is tried again until it is there. */
static enum fault open_stack_patiently(struct frame *frame, struct why *why)
{
	struct daemon *daemon = &frame->daemon;
	int64_t wait = 250;
	enum fault fault;

	for (;;) {
		fault = stack_open(&frame->suite, daemon->spec->needs, daemon->loop, daemon->node,
		                   &daemon->stack, why);
		if (!fault || !fault_row(fault)->transient || fault == FAULT_CORRUPT || fault == FAULT_CONFIG)
			return fault;
		log_fault(NULL, fault, why, "waiting for the store");
		clock_sleep(rand_jitter(wait));
		wait = MIN_OF(wait * 2, (int64_t)RETRY_MAX_MS);
	}
}

static enum fault open_everything(struct frame *frame, struct why *why)
{
	struct daemon *daemon = &frame->daemon;
	const struct pool_conf pool = {
		.name = daemon->spec->name,
		.threads = (unsigned)frame->suite.workers,
		.queue_max = POOL_QUEUE,
	};
	enum fault fault;

	daemon->node = arena_printf(daemon->arena, "%s-%d-%.40s", daemon->spec->name, (int)getpid(),
	                            frame->suite.hostname);
	daemon->loop = loop_new();
	if (daemon->spec->tls && (fault = open_tls(frame, why)))
		return fault;
	if (daemon->spec->tls && (fault = oauth_new(daemon->suite, &daemon->oauth, why)))
		return fault;
	fault = open_stack_patiently(frame, why);
	if (fault)
		return fault;
	daemon->pool = pool_new(daemon->loop, &pool);
	frame->signals = signals_new(daemon->loop, on_stop, on_reload, frame);
	return daemon->spec->start(daemon, why);
}

static void close_everything(struct frame *frame)
{
	struct daemon *daemon = &frame->daemon;

	monitor_free(frame->monitor);
	if (daemon->pool)
		pool_free(daemon->pool);
	if (daemon->spec->stop && daemon->state)
		daemon->spec->stop(daemon);
	stack_close(daemon->stack);
	tls_free(daemon->tls);
	oauth_free(daemon->oauth);
	if (frame->signals)
		signals_free(frame->signals);
	if (daemon->loop)
		loop_free(daemon->loop);
	buf_done(&frame->ports);
}

static int exit_code(enum fault fault)
{
	return !fault                                                  ? 0
	       : fault == FAULT_CONFIG || !fault_row(fault)->transient ? EXIT_CONFIG
	                                                               : EXIT_TEMPORARY;
}

static int run(struct frame *frame)
{
	struct why why = { "" };
	enum fault fault;

	start_log(frame);
	fault = open_everything(frame, &why);
	if (fault) {
		log_fault(NULL, fault, &why, "cannot start");
	} else {
		log_line(NULL, LOG_INFO, "ready", "version", POSTHOUSE_VERSION, "store", frame->suite.store,
		         "blobs", frame->suite.blobs, "bus", frame->suite.bus, NULL);
		loop_run(frame->daemon.loop, DRAIN_MS);
		log_line(NULL, LOG_INFO, "stopped", NULL);
	}
	close_everything(frame);
	return exit_code(fault);
}

/* A session is a descriptor: a shell's soft limit of 1,024 would end what sessions_max allows. */
static void raise_file_limit(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return;
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

int daemon_main(const struct daemon_spec *spec, int argc, char **argv)
{
	struct frame frame = { .daemon = { .spec = spec, .suite = &frame.suite } };
	struct why why = { "" };
	enum fault fault;
	int code = 0;

	rand_start();
	buf_init(&frame.ports, 4096);
	frame.daemon.arena = arena_new();
	parse_arguments(&frame, argc, argv);
	umask(077);
	raise_file_limit();
	fault = load_conf(&frame, &frame.suite, spec->conf, &why);
	if (fault) {
		fprintf(stderr, "%s: %s\n", spec->name, why.text);
		code = EXIT_CONFIG;
	} else if (frame.print) {
		const struct conf_section sections[] = {
			{ NULL, suite_conf_rows, &frame.suite },
			{ spec->name, spec->rows, spec->conf },
		};
		struct buf out;

		buf_init(&out, BUF_NO_LIMIT);
		conf_print(sections, ARRAY_LEN(sections), &out);
		fwrite(out.data, 1, out.len, stdout);
		buf_done(&out);
	} else if (frame.check) {
		printf("%s: %s is good\n", spec->name, frame.conf_path);
	} else {
		code = run(&frame);
	}
	arena_free(frame.daemon.arena);
	return code;
}

/* ---- for start() ---- */

enum fault daemon_monitor(struct daemon *daemon, const char *address, struct why *why)
{
	struct frame *frame = container_of(daemon, struct frame, daemon);
	uint16_t port;
	enum fault fault;

	if (!address[0])
		return FAULT_NONE;
	fault = monitor_new(address, daemon->stack, &frame->monitor, &port, why);
	if (!fault)
		daemon_note_port(daemon, "MONITOR", port);
	return fault;
}

void daemon_note_port(struct daemon *daemon, const char *name, uint16_t port)
{
	struct frame *frame = container_of(daemon, struct frame, daemon);
	const char *path =
	    arena_printf(daemon->arena, "%s/%s.ports", daemon->suite->run_dir, daemon->spec->name);
	const char *fresh = arena_printf(daemon->arena, "%s.%d", path, (int)getpid());
	FILE *file;

	buf_printf(&frame->ports, "%s=%u\n", name, port);
	file = fopen(fresh, "w");
	if (!file)
		return;
	fwrite(frame->ports.data, 1, frame->ports.len, file);
	if (fclose(file) == 0)
		(void)rename(fresh, path);
}
