/* trace_file.h: sealed at rest, read back in order, cut and altered files, old ones, and a folder that is full. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <time.h>

#include "fixture.h"
#include "suite/trace_file.h"

static const char *dir_of(struct fixture *f)
{
	return arena_printf(f->arena, "%s/trace", f->dir);
}

static const char *path_of(struct fixture *f, const struct trace_file *file)
{
	return arena_printf(f->arena, "%s/%s-%s.trace", file->dir, id_print(&file->account).text,
	                    id_print(&file->session).text);
}

static const char *read_back(struct fixture *f, const struct person *person)
{
	struct buf out;
	const char *text;

	buf_init(&out, 1 << 20);
	good(trace_files_read(dir_of(f), &person->account.id, person->key, &out, WHY));
	text = arena_strz(f->arena, buf_slice(&out));
	buf_done(&out);
	return text;
}

static void pieces(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	struct trace_file one = { dir_of(f), alice.account.id, id_new() },
	                  other = { dir_of(f), alice.account.id, id_new() };
	struct stat st;
	char raw[400];
	ssize_t len;
	int fd;

	assert_string_equal(read_back(f, &alice), ""); /* no folder yet */
	good(trace_file_add(&one, alice.key, 0, SLICE("C: a SELECT secret\n"), WHY));
	good(trace_file_add(&one, alice.key, 1, SLICE("S: a OK\n"), WHY));
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	good(trace_file_add(&other, alice.key, 0, SLICE("C: b NOOP\n"), WHY));
	assert_string_equal(
	    read_back(f, &alice),
	    arena_printf(f->arena, "==== %s\nC: a SELECT secret\nS: a OK\n==== %s\nC: b NOOP\n",
	                 strrchr(path_of(f, &one), '/') + 1, strrchr(path_of(f, &other), '/') + 1));
	assert_string_equal(read_back(f, &bob), "");
	assert_int_equal(stat(path_of(f, &one), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	fd = open(path_of(f, &one), O_RDWR);
	len = read(fd, raw, sizeof(raw));
	assert_true(len > 100 && !memmem(raw, (size_t)len, "SELECT", 6));
	assert_int_equal(ftruncate(fd, len - 3), 0); /* as a crash leaves it */
	assert_non_null(strstr(read_back(f, &alice), "SELECT secret\n"));
	assert_null(strstr(read_back(f, &alice), "a OK"));
	raw[60] ^= 1;
	assert_int_equal(pwrite(fd, raw, (size_t)len, 0), len);
	close(fd);
	{
		struct buf out;

		buf_init(&out, 1 << 20);
		bad(FAULT_CORRUPT, trace_files_read(dir_of(f), &alice.account.id, alice.key, &out, WHY));
		buf_done(&out);
	}
}

static void old_and_full(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct trace_file one = { dir_of(f), alice.account.id, id_new() },
	                  other = { dir_of(f), alice.account.id, id_new() };
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

	good(trace_file_add(&one, alice.key, 0, SLICE("old\n"), WHY));
	assert_int_equal(truncate(path_of(f, &one), TRACE_FOLDER_MAX + 1), 0); /* a file of holes */
	bad(FAULT_LIMIT, trace_file_add(&other, alice.key, 0, SLICE("new\n"), WHY));
	good(trace_file_add(&one, alice.key, 1, SLICE("what has begun goes on\n"), WHY));
	assert_int_equal(utimensat(AT_FDCWD, path_of(f, &one), old, 0), 0);
	good(trace_file_add(&other, alice.key, 0, SLICE("new\n"), WHY));
	assert_int_not_equal(access(path_of(f, &one), F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(pieces, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(old_and_full, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
