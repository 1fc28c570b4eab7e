/*
 * posthouse run: the whole suite on one machine. Starts the four daemons that lie beside this program, prints one
 * readable log of all, starts a dead one again (after 1 s, twice as long each time it dies young, a minute at most), passes SIGHUP
 * on, and on SIGTERM or SIGINT asks all to drain and waits for them.
 *
 * A daemon that ends with 78 (the configuration is wrong) ends the suite: nobody can help by trying again.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli.h"

#define WAIT_FIRST_MS 1000
#define WAIT_MAX_MS   60000
#define YOUNG_MS      60000
#define STOP_MS       40000
#define LINE_MAX_LEN  16384
#define EXIT_CONFIG   78

struct child {
	const char *name;
	pid_t pid; /* 0: not running */
	int log;   /* read end of its stderr, -1 */
	char line[LINE_MAX_LEN];
	size_t len;
	int64_t started, start_at, wait;
};

struct supervisor {
	const char *dir, *conf;
	struct child children[4];
	int signals;
	int64_t stop_by; /* 0: not stopping */
	int code;
};

/* ---- one readable log ---- */

static void print_field(const char *key, const char *value)
{
	if (strpbrk(value, " \""))
		printf(" %s=\"%s\"", key, value);
	else
		printf(" %s=%s", key, value);
}

/* "15:04:05.123 info  smtpd: message accepted from=… size=…" from a daemon's JSON; other lines as they are. */
static void print_line(const struct child *child, const char *line, size_t len)
{
	json_t *json = json_loadb(line, len, 0, NULL), *value;
	const char *time = json_string_value(json_object_get(json, "time")), *key;

	if (!time || strlen(time) < 23) {
		printf("%s: %.*s\n", child->name, (int)len, line);
		json_decref(json);
		return;
	}
	printf("%.12s %-5s %s: %s", time + 11, json_string_value(json_object_get(json, "level")), child->name,
	       json_string_value(json_object_get(json, "msg")));
	json_object_foreach(json, key, value)
	{
		if (strcmp(key, "time") && strcmp(key, "level") && strcmp(key, "daemon") &&
		    strcmp(key, "msg") && json_is_string(value))
			print_field(key, json_string_value(value));
	}
	printf("\n");
	json_decref(json);
}

static void read_log(struct child *child)
{
	ssize_t got = read(child->log, child->line + child->len, sizeof(child->line) - child->len);
	char *end;

	if (got <= 0) {
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		close(child->log);
		child->log = -1;
		return;
	}
	child->len += (size_t)got;
	while ((end = memchr(child->line, '\n', child->len))) {
		print_line(child, child->line, (size_t)(end - child->line));
		child->len -= (size_t)(end - child->line) + 1;
		memmove(child->line, end + 1, child->len);
	}
	if (child->len == sizeof(child->line)) {
		print_line(child, child->line, child->len);
		child->len = 0;
	}
	fflush(stdout);
}

/* ---- children ---- */

static void exec_child(const struct supervisor *supervisor, const struct child *child, int log)
{
	char path[4096];
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* nobody would supervise it any more */
	dup2(log, STDERR_FILENO);
	snprintf(path, sizeof(path), "%s/%s", supervisor->dir, child->name);
	execl(path, child->name, "--config", supervisor->conf, (char *)NULL);
	fprintf(stderr, "cannot start %s: %s\n", path, strerror(errno));
	_exit(EXIT_CONFIG);
}

static void start_child(struct supervisor *supervisor, struct child *child)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return;
	child->pid = fork();
	if (child->pid == 0)
		exec_child(supervisor, child, ends[1]);
	close(ends[1]);
	if (child->log >= 0)
		close(child->log);
	child->log = ends[0];
	child->len = 0;
	child->started = clock_mono_ms();
}

static void on_exit_of(struct supervisor *supervisor, struct child *child, int status)
{
	const int64_t now = clock_mono_ms();

	child->pid = 0;
	if (child->log >= 0)
		read_log(child);
	if (supervisor->stop_by)
		return;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_CONFIG) {
		fprintf(stderr, "posthouse: %s cannot run as it is configured (see above); stopping\n",
		        child->name);
		supervisor->code = EXIT_CONFIG;
		supervisor->stop_by = now + STOP_MS;
		return;
	}
	child->wait = now - child->started > YOUNG_MS || !child->wait
	                  ? WAIT_FIRST_MS
	                  : MIN_OF(child->wait * 2, (int64_t)WAIT_MAX_MS);
	child->start_at = now + child->wait;
	fprintf(stderr, "posthouse: %s %s %d; starting it again in %lld s\n", child->name,
	        WIFSIGNALED(status) ? "was ended by signal" : "ended with",
	        WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), (long long)child->wait / 1000);
}

static void reap(struct supervisor *supervisor)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < ARRAY_LEN(supervisor->children); i++) {
			if (supervisor->children[i].pid == pid)
				on_exit_of(supervisor, &supervisor->children[i], status);
		}
	}
}

static void tell_all(struct supervisor *supervisor, int number)
{
	for (size_t i = 0; i < ARRAY_LEN(supervisor->children); i++) {
		if (supervisor->children[i].pid > 0)
			kill(supervisor->children[i].pid, number);
	}
}

static void begin_stop(struct supervisor *supervisor)
{
	tell_all(supervisor, SIGTERM); /* a second time: at once */
	if (!supervisor->stop_by)
		supervisor->stop_by = clock_mono_ms() + STOP_MS;
}

static void on_signal(struct supervisor *supervisor)
{
	struct signalfd_siginfo info;

	while (read(supervisor->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(supervisor);
		else if (info.ssi_signo == SIGHUP)
			tell_all(supervisor, SIGHUP);
		else
			begin_stop(supervisor);
	}
}

/* ---- the loop ---- */

static bool any_running(const struct supervisor *supervisor)
{
	for (size_t i = 0; i < ARRAY_LEN(supervisor->children); i++) {
		if (supervisor->children[i].pid > 0)
			return true;
	}
	return false;
}

static void start_due(struct supervisor *supervisor, int64_t now)
{
	for (size_t i = 0; i < ARRAY_LEN(supervisor->children); i++) {
		struct child *child = &supervisor->children[i];

		if (child->pid == 0 && now >= child->start_at)
			start_child(supervisor, child);
	}
}

static void wait_for_something(struct supervisor *supervisor)
{
	struct pollfd fds[1 + ARRAY_LEN(supervisor->children)];

	fds[0] = (struct pollfd){ supervisor->signals, POLLIN, 0 };
	for (size_t i = 0; i < ARRAY_LEN(supervisor->children); i++)
		fds[i + 1] = (struct pollfd){ supervisor->children[i].log, POLLIN, 0 };
	if (poll(fds, ARRAY_LEN(fds), 200) <= 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(supervisor->children); i++) {
		if (fds[i + 1].revents)
			read_log(&supervisor->children[i]);
	}
	if (fds[0].revents)
		on_signal(supervisor);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int supervise(struct supervisor *supervisor)
{
	supervisor->signals = open_signals();
	while (!supervisor->stop_by || any_running(supervisor)) {
		const int64_t now = clock_mono_ms();

		if (!supervisor->stop_by)
			start_due(supervisor, now);
		else if (supervisor->code == EXIT_CONFIG && any_running(supervisor))
			tell_all(supervisor, SIGTERM);
		if (supervisor->stop_by && now > supervisor->stop_by)
			tell_all(supervisor, SIGKILL);
		wait_for_something(supervisor);
	}
	close(supervisor->signals);
	return supervisor->code;
}

static int run(struct cli *cli)
{
	static const char *const names[] = { "smtpd", "imapd", "mta", "admin" };
	struct supervisor *supervisor = arena_make(cli->arena, struct supervisor);
	char self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len < 0)
		return cli_usage("cannot tell where this program lies: %s", strerror(errno));
	self[len] = '\0';
	supervisor->dir = dirname(self);
	supervisor->conf = cli->conf_path;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		supervisor->children[i] = (struct child){ .name = names[i], .log = -1 };
	return supervise(supervisor);
}

static const struct cli_action actions[] = {
	{ NULL, "", "runs smtpd, imapd, mta and admin until told to stop", 0, 0, run },
	{ 0 },
};
const struct cli_verb verb_run = { "run", "the whole suite on one machine", CLI_NO_STACK, actions };
