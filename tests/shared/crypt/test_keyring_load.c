/* Where key rings come from: files, the environment, credentials, commands. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "crypt/keyring.h"
#include "shared/crypt/crypt_test.h"

#define RING "5 active AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"

static char directory[] = "/tmp/posthouse-ring-XXXXXX";
static struct arena *arena;

static int start(void **state)
{
	rand_start();
	arena = arena_new();
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return rmdir(directory); /* fails when a test left something */
}

static const char *write_file(const char *name, const char *text, size_t len, mode_t mode)
{
	const char *path = arena_printf(arena, "%s/%s", directory, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

static enum fault load(struct why *why, const char *format, ...) PRINTF_LIKE(2, 3);

/* Checks that what loads is RING. */
static enum fault load(struct why *why, const char *format, ...)
{
	struct keyring *ring = NULL;
	enum fault fault;
	va_list args;

	va_start(args, format);
	fault = keyring_load(arena_vprintf(arena, format, args), &ring, why);
	va_end(args);
	if (fault) {
		assert_null(ring);
		return fault;
	}
	assert_int_equal(keyring_active(ring), 5);
	keyring_free(ring);
	return FAULT_NONE;
}

static void a_file_must_be_ours_alone(void **state)
{
	static const struct {
		mode_t mode;
		enum fault fault;
	} cases[] = {
		{ 0600, FAULT_NONE },   { 0400, FAULT_NONE },   { 0640, FAULT_CONFIG },
		{ 0604, FAULT_CONFIG }, { 0620, FAULT_CONFIG }, { 0602, FAULT_CONFIG },
		{ 0644, FAULT_CONFIG },
	};
	struct why why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *path = write_file("ring", RING, strlen(RING), cases[i].mode);
		enum fault fault = load(&why, "file:%s", path);

		if (fault != cases[i].fault)
			fail_msg("mode %03o: %s", (unsigned)cases[i].mode, fault_name(fault));
		unlink(path);
	}
}

static void a_file_of_somebody_else_is_refused(void **state)
{
	const char *path = write_file("ring", RING, strlen(RING), 0600);
	struct why why;

	(void)state;
	if (geteuid() != 0) {
		unlink(path);
		skip();
	}
	assert_int_equal(chown(path, 12345, (gid_t)-1), 0);
	assert_int_equal(load(&why, "file:%s", path), FAULT_CONFIG);
	assert_non_null(strstr(why.text, "12345"));
	unlink(path);
}

static void a_file_may_be_wrong(void **state)
{
	static char much[KEYRING_TEXT_MAX + 1];
	const char *path;
	struct why why;

	(void)state;
	assert_int_equal(load(&why, "file:%s/absent", directory), FAULT_CONFIG);
	assert_int_equal(load(&why, "file:%s", directory), FAULT_CONFIG);
	assert_int_equal(load(&why, "file:/dev/null"), FAULT_CONFIG);
	memset(much, '#', sizeof(much));
	path = write_file("ring", much, sizeof(much), 0600);
	assert_int_equal(load(&why, "file:%s", path), FAULT_TOO_BIG);
	memcpy(much, RING, strlen(RING));
	path = write_file("ring", much, sizeof(much) - 1, 0600);
	assert_int_equal(load(&why, "file:%s", path), FAULT_NONE);
	unlink(path);
}

static void the_environment_is_wiped(void **state)
{
	char *value;
	struct why why;

	(void)state;
	assert_int_equal(load(&why, "env:POSTHOUSE_TEST_RING"), FAULT_CONFIG);
	setenv("POSTHOUSE_TEST_RING", RING, 1);
	value = getenv("POSTHOUSE_TEST_RING");
	assert_int_equal(load(&why, "env:POSTHOUSE_TEST_RING"), FAULT_NONE);
	assert_null(getenv("POSTHOUSE_TEST_RING"));
	for (size_t i = 0; i < strlen(RING); i++)
		assert_int_equal(value[i], 0);
}

static void credentials_come_from_their_directory(void **state)
{
	const char *path = write_file("accounts.ring", RING, strlen(RING), 0440);
	struct why why;

	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_int_equal(load(&why, "credential:accounts.ring"), FAULT_CONFIG);
	setenv("CREDENTIALS_DIRECTORY", directory, 1);
	assert_int_equal(load(&why, "credential:accounts.ring"), FAULT_NONE);
	assert_int_equal(load(&why, "credential:other.ring"), FAULT_CONFIG);
	assert_int_equal(load(&why, "credential:../etc/passwd"), FAULT_CONFIG);
	assert_int_equal(load(&why, "credential:.."), FAULT_CONFIG);
	assert_int_equal(load(&why, "credential:"), FAULT_CONFIG);
	unlink(path);
}

/* Cases are told apart by the length of their name: its spaces would cut the command. */
static const char *script(const char *name, const char *body)
{
	const char *text = arena_printf(arena, "#!/bin/sh\n%s\n", body);

	return write_file(arena_printf(arena, "fetch-%zu", strlen(name)), text, strlen(text), 0700);
}

static void a_command_says_the_ring(void **state)
{
	static const struct {
		const char *name, *body, *arguments;
		enum fault fault;
	} cases[] = {
		{ "says it", "echo '5 active AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='", "", FAULT_NONE },
		{ "gets its arguments", "echo \"$1 $2 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"",
		  " 5  active ", FAULT_NONE },
		{ "no shell between", "echo \"5 active $1\"", " $(id)", FAULT_CONFIG },
		{ "nothing to read", "cat; echo '5 active AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='", "",
		  FAULT_NONE },
		{ "says it, then fails",
		  "echo '5 active AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='; exit 3", "", FAULT_TEMP },
		{ "dies", "kill -9 $$", "", FAULT_TEMP },
		{ "says nothing", "true", "", FAULT_CONFIG },
		{ "says too much", "exec yes", "", FAULT_TOO_BIG },
		{ "says too much and ends", "head -c 65537 /dev/zero", "", FAULT_TOO_BIG },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *path = script(cases[i].name, cases[i].body);
		struct why why = { "" };
		enum fault fault = load(&why, "command:%s%s", path, cases[i].arguments);

		if (fault != cases[i].fault)
			fail_msg("%s: %s %s", cases[i].name, fault_name(fault), why.text);
		unlink(path);
	}
}

static void a_command_must_be_there(void **state)
{
	struct why why;

	(void)state;
	assert_int_equal(load(&why, "command:%s/absent", directory), FAULT_CONFIG);
	assert_int_equal(load(&why, "command:true"), FAULT_CONFIG);
	assert_int_equal(load(&why, "command:"), FAULT_CONFIG);
	assert_int_equal(
	    load(&why, "command:/bin/echo a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a"),
	    FAULT_CONFIG);
}

/* Ten seconds, both at once. */
static void a_command_gets_ten_seconds(void **state)
{
	static const struct {
		const char *name, *body;
	} cases[] = {
		{ "says nothing", "sleep 60 & sleep 60" },
		{ "closes its output and runs on", "echo x; exec >&- 2>&-; sleep 60" },
	};
	const char *path[ARRAY_LEN(cases)];
	pid_t child[ARRAY_LEN(cases)];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		path[i] = script(cases[i].name, cases[i].body);
		child[i] = fork();
		assert_true(child[i] >= 0);
		if (child[i] == 0) {
			int64_t began = clock_mono_ms(), took;
			struct keyring *ring;
			enum fault fault =
			    keyring_load(arena_printf(arena, "command:%s", path[i]), &ring, NULL);

			took = clock_mono_ms() - began;
			_exit(fault != FAULT_TIMEOUT || took < 9900 || took > 20000);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int status;

		assert_int_equal(waitpid(child[i], &status, 0), child[i]);
		if (status != 0)
			fail_msg("%s", cases[i].name);
		unlink(path[i]);
	}
}

static void other_sources_are_refused_and_not_repeated(void **state)
{
	struct why why;

	(void)state;
	assert_int_equal(load(&why, "%s", RING), FAULT_CONFIG);
	assert_null(strstr(why.text, "AAEC"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_must_be_ours_alone),
		cmocka_unit_test(a_file_of_somebody_else_is_refused),
		cmocka_unit_test(a_file_may_be_wrong),
		cmocka_unit_test(the_environment_is_wiped),
		cmocka_unit_test(credentials_come_from_their_directory),
		cmocka_unit_test(a_command_says_the_ring),
		cmocka_unit_test(a_command_must_be_there),
		cmocka_unit_test(a_command_gets_ten_seconds),
		cmocka_unit_test(other_sources_are_refused_and_not_repeated),
	};

	return cmocka_run_group_tests(tests, start, end);
}
