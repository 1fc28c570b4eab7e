/*
 * Where a key ring's text comes from (keyring_load() in keyring.h): a file, the
 * environment, a systemd credential, a command. The text lies in guarded memory
 * from its first byte and is wiped when it is parsed.
 */
#include "crypt/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"

#define COMMAND_MS    10000
#define COMMAND_WORDS 32
#define REAP_MS       10 /* between two looks at a command that closed its output and runs on */

struct text {
	struct secret *memory; /* one byte more than may come, to see what is too long */
	size_t len;
};

static struct slice text_rest(struct text *text)
{
	return slice_from(secret_slice(text->memory), text->len);
}

static enum fault too_big(const char *from, struct why *why)
{
	return fault_set(why, FAULT_TOO_BIG, "%s: longer than %d bytes", from, KEYRING_TEXT_MAX);
}

/* One read() more. False at the end, on an error (errno) or when there is no room. */
static bool text_read(struct text *text, int fd, int *ret_error)
{
	ssize_t got;

	*ret_error = 0;
	if (text_rest(text).len == 0)
		return false;
	do
		got = read(fd, secret_data(text->memory) + text->len, text_rest(text).len);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		*ret_error = errno;
	if (got <= 0)
		return false;
	text->len += (size_t)got;
	return true;
}

static enum fault read_all(int fd, const char *path, struct text *text, struct why *why)
{
	int error;

	while (text_read(text, fd, &error))
		;
	if (error) {
		(void)fault_errno(why, error, "reading %s", path);
		return FAULT_CONFIG;
	}
	return text->len > KEYRING_TEXT_MAX ? too_big(path, why) : FAULT_NONE;
}

/* `ours_alone`: of root or us, and for nobody else to read or change. */
static enum fault read_path(const char *path, bool ours_alone, struct text *text, struct why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum fault fault;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0) {
		(void)fault_errno(why, errno, "key ring %s", path);
		fault = FAULT_CONFIG;
	} else if (!S_ISREG(st.st_mode)) {
		fault = fault_set(why, FAULT_CONFIG, "key ring %s is not a file", path);
	} else if (ours_alone && (st.st_mode & (S_IRWXG | S_IRWXO))) {
		fault =
		    fault_set(why, FAULT_CONFIG, "key ring %s is open to others (mode %03o): chmod 600 it",
		              path, (unsigned)st.st_mode & 0777);
	} else if (ours_alone && st.st_uid != 0 && st.st_uid != geteuid()) {
		fault = fault_set(why, FAULT_CONFIG, "key ring %s belongs to user %u, not to us or root",
		                  path, (unsigned)st.st_uid);
	} else {
		fault = read_all(fd, path, text, why);
	}
	if (fd >= 0)
		close(fd);
	return fault;
}

static enum fault from_file(const char *path, struct text *text, struct why *why)
{
	return read_path(path, true, text, why);
}

static enum fault from_env(const char *name, struct text *text, struct why *why)
{
	char *value = getenv(name);
	size_t len;

	if (!value)
		return fault_set(why, FAULT_CONFIG, "key ring: the environment has no %s", name);
	len = strlen(value);
	if (len <= KEYRING_TEXT_MAX) {
		memcpy(secret_data(text->memory), value, len);
		text->len = len;
	}
	secret_wipe(value, len); /* /proc/self/environ shows this memory */
	unsetenv(name);
	return len > KEYRING_TEXT_MAX ? too_big(name, why) : FAULT_NONE;
}

/* The directory is systemd's, for this service alone, and modes inside it show an ACL's mask: nothing to check. */
static enum fault from_credential(const char *name, struct text *text, struct why *why)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	struct arena *arena;
	enum fault fault;

	if (!directory)
		return fault_set(why, FAULT_CONFIG,
		                 "key ring: no CREDENTIALS_DIRECTORY, is LoadCredential= set?");
	if (!*name || strchr(name, '/') || name[0] == '.')
		return fault_set(why, FAULT_CONFIG, "key ring: \"%s\" is no name of a credential", name);
	arena = arena_new();
	fault = read_path(arena_printf(arena, "%s/%s", directory, name), false, text, why);
	arena_free(arena);
	return fault;
}

/* In a process group of its own, so that what it starts can be ended with it. Its output comes from *ret_fd. */
static int spawn(char *const argv[], pid_t *ret_pid, int *ret_fd)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, standard;
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	sigemptyset(&none);
	sigemptyset(&standard);
	sigaddset(&standard, SIGPIPE);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, ends[1], STDOUT_FILENO);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes,
	                         POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &standard);
	error = posix_spawn(ret_pid, argv[0], &files, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	close(ends[1]);
	if (error)
		close(ends[0]);
	else
		*ret_fd = ends[0];
	return error;
}

/* Until it ends its output. TIMEOUT, TOO_BIG. */
static enum fault hear(int fd, const char *command, int64_t deadline, struct text *text, struct why *why)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	int error = 0;

	for (;;) {
		int64_t left = deadline - clock_mono_ms();

		if (left <= 0)
			return fault_set(why, FAULT_TIMEOUT, "%s: took longer than %d s", command,
			                 COMMAND_MS / 1000);
		if (poll(&wait, 1, (int)left) <= 0)
			continue; /* time is up, or a signal came */
		if (text_read(text, fd, &error))
			continue;
		if (error)
			return fault_errno(why, error, "reading from %s", command);
		return text->len > KEYRING_TEXT_MAX ? too_big(command, why) : FAULT_NONE;
	}
}

/* *ret_running stays true when the command has to be ended. */
static enum fault reap(pid_t pid, const char *command, int64_t deadline, bool *ret_running, struct why *why)
{
	int status;
	pid_t got;

	while ((got = waitpid(pid, &status, WNOHANG)) == 0 && clock_mono_ms() < deadline)
		poll(NULL, 0, REAP_MS);
	if (got == 0)
		return fault_set(why, FAULT_TIMEOUT, "%s: does not end within %d s", command,
		                 COMMAND_MS / 1000);
	*ret_running = false;
	if (got < 0)
		return fault_errno(why, errno, "waiting for %s", command);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return fault_set(why, FAULT_TEMP, "%s: %s %d", command,
		                 WIFEXITED(status) ? "exit status" : "signal",
		                 WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	return FAULT_NONE;
}

static enum fault run(char *const argv[], struct text *text, struct why *why)
{
	int64_t deadline = clock_mono_ms() + COMMAND_MS;
	bool running = true;
	enum fault fault;
	pid_t pid = -1;
	int fd = -1, error = spawn(argv, &pid, &fd);

	if (error) {
		(void)fault_errno(why, error, "key ring command %s", argv[0]);
		return FAULT_CONFIG;
	}
	fault = hear(fd, argv[0], deadline, text, why);
	if (!fault)
		fault = reap(pid, argv[0], deadline, &running, why);
	close(fd);
	if (running) {
		kill(-pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	return fault;
}

static enum fault from_command(const char *command, struct text *text, struct why *why)
{
	struct slice rest = slice_str(command), word;
	char *argv[COMMAND_WORDS + 1] = { NULL };
	struct arena *arena;
	enum fault fault;
	size_t n = 0;

	if (command[0] != '/')
		return fault_set(why, FAULT_CONFIG, "key ring: the command's path must start with /");
	arena = arena_new();
	while (n < COMMAND_WORDS && slice_cut(&rest, ' ', &word))
		if (word.len)
			argv[n++] = arena_strz(arena, word);
	if (rest.data)
		fault = fault_set(why, FAULT_CONFIG, "key ring: the command has more than %d words",
		                  COMMAND_WORDS);
	else
		fault = run(argv, text, why);
	arena_free(arena);
	return fault;
}

static const struct source {
	const char *prefix;
	enum fault (*read)(const char *rest, struct text *, struct why *);
} sources[] = {
	{ "file:", from_file },
	{ "env:", from_env },
	{ "credential:", from_credential },
	{ "command:", from_command },
};

enum fault keyring_load(const char *source, struct keyring **ret, struct why *why)
{
	struct text text = { NULL, 0 };
	enum fault fault;

	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		if (!slice_starts(slice_str(source), sources[i].prefix))
			continue;
		text.memory = secret_new(KEYRING_TEXT_MAX + 1);
		fault = sources[i].read(source + strlen(sources[i].prefix), &text, why);
		if (!fault)
			fault = keyring_parse(slice_first(secret_slice(text.memory), text.len), ret, why);
		secret_unref(text.memory);
		return fault;
	}
	return fault_set(why, FAULT_CONFIG,
	                 "key ring: its source must start with file:, env:, credential: or command:");
}
