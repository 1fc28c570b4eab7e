/* Files: the order of syncs, full disks, what a crash leaves. The contract suite has the rest. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "blob/blob.h"

/* The calls that make a put durable, seen and failed here instead of in libc. */
static char trace[256];
static const char *failing; /* the call that fails */
static int failing_with;

static int step(const char *name, int result)
{
	size_t len = strlen(trace);

	snprintf(trace + len, sizeof(trace) - len, "%s ", name);
	if (failing && strcmp(failing, name) == 0) {
		errno = failing_with;
		return -1;
	}
	return result;
}

int fdatasync(int fd)
{
	return step("fdatasync", (int)syscall(SYS_fdatasync, fd));
}

int fsync(int fd)
{
	return step("fsync", (int)syscall(SYS_fsync, fd));
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	int done = (int)syscall(SYS_linkat, from_fd, from, to_fd, to, flags);
	int error = errno;

	if (done == 0)
		return step("link", done);
	errno = error;
	return done;
}

static char dir[64];
static struct blobs *blobs;

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int set_up(void **state)
{
	struct blob_conf conf = { .backend = "fs", .path = dir };
	struct why why;

	(void)state;
	failing = NULL;
	snprintf(dir, sizeof(dir), "/tmp/test_blob_fs.XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	return blobs_open(&conf, &blobs, &why) != FAULT_NONE;
}

static int tear_down(void **state)
{
	(void)state;
	failing = NULL;
	blobs_close(blobs);
	return nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static enum fault put(const struct id *id)
{
	struct why why;

	trace[0] = '\0';
	return blob_put(blobs, id, SLICE("some bytes"), &why);
}

static size_t count_blobs(void)
{
	struct arena *arena = arena_new();
	struct blob_info *infos;
	struct why why;
	size_t n = 0;

	assert_int_equal(blob_list(blobs, NULL, 100, arena, &infos, &n, &why), FAULT_NONE);
	arena_free(arena);
	return n;
}

static void order_of_syncs(void **state)
{
	struct id id = id_new(), neighbour;

	(void)state;
	neighbour = id_new();
	neighbour.raw[0] = id.raw[0];
	neighbour.raw[1] = id.raw[1];
	assert_int_equal(put(&id), FAULT_NONE);
	assert_string_equal(trace, "fdatasync link fsync fsync fsync ");
	/* its directories are known to be durable */
	assert_int_equal(put(&neighbour), FAULT_NONE);
	assert_string_equal(trace, "fdatasync link fsync ");
	/* a retry syncs the name again: who linked it may have died before */
	assert_int_equal(put(&neighbour), FAULT_NONE);
	assert_string_equal(trace, "fdatasync fsync ");
}

static void failing_calls(void **state)
{
	static const struct {
		const char *call;
		int error;
		enum fault fault;
		size_t listed;
	} rows[] = {
		{ "fdatasync", ENOSPC, FAULT_FULL, 0 }, { "fdatasync", EDQUOT, FAULT_FULL, 0 },
		{ "fdatasync", EIO, FAULT_TEMP, 0 },    { "link", ENOSPC, FAULT_FULL, 1 },
		{ "fsync", EIO, FAULT_TEMP, 1 },        { "fsync", ENOENT, FAULT_TEMP, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct id id = id_new();
		struct why why;

		failing = rows[i].call;
		failing_with = rows[i].error;
		assert_int_equal(put(&id), rows[i].fault);
		failing = NULL;
		assert_int_equal(count_blobs(), rows[i].listed);
		assert_int_equal(put(&id), FAULT_NONE);
		assert_int_equal(blob_del(blobs, &id, &why), FAULT_NONE);
	}
}

/* Nothing is left in tmp after good puts and bad ones. */
static void tmp_stays_empty(void **state)
{
	struct id id = id_new();
	char path[128];

	(void)state;
	assert_int_equal(put(&id), FAULT_NONE);
	failing = "fdatasync";
	failing_with = EIO;
	assert_int_equal(put(&id), FAULT_TEMP);
	failing = NULL;
	snprintf(path, sizeof(path), "%s/tmp", dir);
	assert_int_equal(rmdir(path), 0); /* only an empty one goes */
}

static void left_by_a_crash(void **state)
{
	struct timespec old[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	struct blob_conf conf = { .backend = "fs", .path = dir };
	char stale[128], fresh[128];
	struct blobs *again;
	struct why why;

	(void)state;
	snprintf(stale, sizeof(stale), "%s/tmp/stale", dir);
	snprintf(fresh, sizeof(fresh), "%s/tmp/fresh", dir);
	close(open(stale, O_CREAT | O_WRONLY, 0600));
	close(open(fresh, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(utimensat(AT_FDCWD, stale, old, 0), 0);
	assert_int_equal(count_blobs(), 0);
	assert_int_equal(blobs_open(&conf, &again, &why), FAULT_NONE);
	assert_int_equal(access(stale, F_OK), -1);
	assert_int_equal(access(fresh, F_OK), 0);
	blobs_close(again);
}

static void strange_files(void **state)
{
	struct id id = id_new();
	struct id_text text = id_print(&id);
	char path[160];
	struct buf out;
	struct why why;

	(void)state;
	assert_int_equal(put(&id), FAULT_NONE);
	snprintf(path, sizeof(path), "%s/%.2s/%.2s/README", dir, text.text, text.text + 2);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(count_blobs(), 1);
	/* cut behind our back */
	snprintf(path, sizeof(path), "%s/%.2s/%.2s/%s", dir, text.text, text.text + 2, text.text);
	assert_int_equal(truncate(path, 5), 0);
	buf_init(&out, 100);
	assert_int_equal(blob_get(blobs, &id, 0, 10, &out, &why), FAULT_CORRUPT);
	assert_int_equal(blob_get(blobs, &id, 0, 5, &out, &why), FAULT_NONE);
	buf_done(&out);
}

static void modes(void **state)
{
	struct id id = id_new();
	struct id_text text = id_print(&id);
	char path[160];
	struct stat st;

	(void)state;
	assert_int_equal(put(&id), FAULT_NONE);
	snprintf(path, sizeof(path), "%s/%.2s/%.2s/%s", dir, text.text, text.text + 2, text.text);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_nlink, 1);
	snprintf(path, sizeof(path), "%s/%.2s", dir, text.text);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

static void bad_settings(void **state)
{
	static const struct blob_conf confs[] = {
		{ .backend = NULL },
		{ .backend = "tape" },
		{ .backend = "fs" },
		{ .backend = "fs", .path = "" },
		{ .backend = "fs", .path = "/dev/null/blobs" },
		{ .backend = "mongo" },
		{ .backend = "mongo", .mongo_uri = "mongodb://127.0.0.1" },
		{ .backend = "mongo", .mongo_uri = "http://127.0.0.1", .mongo_db = "x" },
		{ .backend = "s3" },
		{ .backend = "s3",
		  .s3_endpoint = "ftp://x",
		  .s3_bucket = "b",
		  .s3_access_key = "A",
		  .s3_secret_key = "S" },
		{ .backend = "s3",
		  .s3_endpoint = "http://x/y",
		  .s3_bucket = "b",
		  .s3_access_key = "A",
		  .s3_secret_key = "S" },
		{ .backend = "s3",
		  .s3_endpoint = "http://x",
		  .s3_bucket = "../b",
		  .s3_access_key = "A",
		  .s3_secret_key = "S" },
		{ .backend = "s3",
		  .s3_endpoint = "http://x",
		  .s3_bucket = "b",
		  .s3_access_key = "A,B",
		  .s3_secret_key = "S" },
		{ .backend = "s3",
		  .s3_endpoint = "http://x",
		  .s3_bucket = "b",
		  .s3_access_key = "A",
		  .s3_secret_key = "" },
	};
	struct blobs *none = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(confs); i++) {
		struct why why = { "" };

		assert_int_equal(blobs_open(&confs[i], &none, &why), FAULT_CONFIG);
		assert_true(why.text[0]);
		assert_null(none);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(order_of_syncs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(failing_calls, set_up, tear_down),
		cmocka_unit_test_setup_teardown(tmp_stays_empty, set_up, tear_down),
		cmocka_unit_test_setup_teardown(left_by_a_crash, set_up, tear_down),
		cmocka_unit_test_setup_teardown(strange_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(modes, set_up, tear_down),
		cmocka_unit_test(bad_settings),
	};

	rand_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
