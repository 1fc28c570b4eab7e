/* Cache files in parts: a part opens only in its own file, at its own place. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cache_file.h"

#define PARTS 3

static struct account_ctx account;
static char dir[] = "/tmp/test_cache_file.XXXXXX";

static const char *const texts[PARTS] = { "the head", "rows", "more rows, as many" };

static struct cache_file file_of(uint8_t mailbox)
{
	return (struct cache_file){ dir, &account, { { mailbox } }, ".view", "view-cache" };
}

static void write_parts(uint8_t mailbox)
{
	const struct cache_file file = file_of(mailbox);
	struct slice parts[PARTS];
	struct why why;

	for (size_t i = 0; i < PARTS; i++)
		parts[i] = slice_str(texts[i]);
	assert_int_equal(cache_parts_write(&file, parts, PARTS, &why), FAULT_NONE);
}

static struct cache_parts *open_parts(uint8_t mailbox)
{
	const struct cache_file file = file_of(mailbox);

	return cache_parts_open(&file);
}

static void assert_part(struct cache_parts *parts, uint32_t part)
{
	struct slice got;
	struct why why;

	assert_int_equal(cache_parts_read(parts, part, &got, &why), FAULT_NONE);
	assert_true(slice_eq(got, slice_str(texts[part])));
}

static void assert_no_part(struct cache_parts *parts, uint32_t part)
{
	struct slice got;
	struct why why;

	assert_int_equal(cache_parts_read(parts, part, &got, &why), FAULT_CORRUPT);
}

static const char *path_of(uint8_t mailbox)
{
	static char path[256];
	const struct id id = { { mailbox } };

	snprintf(path, sizeof(path), "%s/%s.view", dir, id_print(&id).text);
	return path;
}

static size_t slurp(uint8_t mailbox, uint8_t *out, size_t size)
{
	int fd = open(path_of(mailbox), O_RDONLY);
	ssize_t got = read(fd, out, size);

	close(fd);
	assert_true(got > 0 && (size_t)got < size);
	return (size_t)got;
}

static void spill(uint8_t mailbox, const uint8_t *bytes, size_t len)
{
	int fd = open(path_of(mailbox), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

/* In any order, and as it was although the file is replaced. */
static void test_parts(void **state)
{
	struct cache_parts *parts;

	(void)state;
	write_parts(1);
	parts = open_parts(1);
	assert_int_equal(cache_parts_n(parts), PARTS);
	write_parts(1);
	for (uint32_t i = PARTS; i-- > 0;)
		assert_part(parts, i);
	assert_no_part(parts, PARTS);
	cache_parts_close(parts);
	assert_null(open_parts(2));
	cache_parts_close(NULL);
}

/* What rests goes on with its own file, and with no other. */
static void test_rest(void **state)
{
	struct cache_parts *parts;
	struct slice got;
	struct why why;

	(void)state;
	write_parts(1);
	parts = open_parts(1);
	assert_part(parts, 0);
	cache_parts_rest(parts);
	assert_part(parts, 2);
	cache_parts_rest(parts);
	write_parts(1);
	assert_int_equal(cache_parts_read(parts, 2, &got, &why), FAULT_STALE);
	assert_int_equal(unlink(path_of(1)), 0);
	assert_int_equal(cache_parts_read(parts, 2, &got, &why), FAULT_STALE);
	cache_parts_close(parts);
}

static void test_mixed(void **state)
{
	const size_t last = strlen(texts[PARTS - 1]) + ACCOUNT_SEAL_OVERHEAD;
	uint8_t first[1024], second[1024];
	struct cache_parts *parts;
	size_t len;

	(void)state;
	write_parts(1);
	len = slurp(1, first, sizeof(first));
	write_parts(1);
	assert_int_equal(slurp(1, second, sizeof(second)), len);
	memcpy(second + len - last, first + len - last, last); /* the last part of the file before */
	spill(1, second, len);
	parts = open_parts(1);
	assert_part(parts, 0);
	assert_part(parts, 1);
	assert_no_part(parts, 2);
	cache_parts_close(parts);
	spill(2, first, len); /* the file of another mailbox */
	parts = open_parts(2);
	assert_no_part(parts, 0);
	cache_parts_close(parts);
}

/* Wherever a byte is wrong, or the end is missing: no part is anything but what was written. */
static void test_damaged(void **state)
{
	uint8_t whole[1024], other[1024];
	size_t len;

	(void)state;
	write_parts(1);
	len = slurp(1, whole, sizeof(whole));
	for (size_t at = 0; at < 2 * len; at++) {
		struct cache_parts *parts;
		bool good = true;

		memcpy(other, whole, len);
		other[at % len] ^= 1;
		spill(1, other, at < len ? len : at - len);
		parts = open_parts(1);
		for (uint32_t i = 0; parts && i < PARTS; i++) {
			struct slice got;
			struct why why;

			if (cache_parts_read(parts, i, &got, &why))
				good = false;
			else
				assert_true(slice_eq(got, slice_str(texts[i])));
		}
		cache_parts_close(parts);
		assert_true(!parts || !good);
	}
}

static int setup(void **state)
{
	(void)state;
	rand_start();
	account.key = account_key_new(1);
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path_of(1));
	unlink(path_of(2));
	account_key_unref(account.key);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
