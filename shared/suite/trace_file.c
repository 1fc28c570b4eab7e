/* Files of sessions (trace_file.h): of each piece its sealed size (4 bytes), then it. */
#include "suite/trace_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"

#define PURPOSE  "trace"
#define SUFFIX   ".trace"
#define PATH_LEN 512
#define FILE_MAX ((size_t)64 << 20)

static void path_of(char path[PATH_LEN], const struct trace_file *file)
{
	snprintf(path, PATH_LEN, "%s/%s-%s" SUFFIX, file->dir, id_print(&file->account).text,
	         id_print(&file->session).text);
}

/* ---- writing ---- */

static int64_t age_of(const struct stat *st)
{
	return clock_now() - (int64_t)st->st_mtim.tv_sec * 1000;
}

/* Removes what is old; gives the bytes that are left. */
static int64_t tidy(const char *dir)
{
	DIR *folder = opendir(dir);
	struct dirent *entry;
	int64_t left = 0;
	struct stat st;

	while (folder && (entry = readdir(folder))) {
		if (!slice_ends(slice_str(entry->d_name), SUFFIX) ||
		    fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (age_of(&st) > TRACE_KEEP_MS)
			(void)unlinkat(dirfd(folder), entry->d_name, 0); /* the next one tries again */
		else
			left += st.st_size;
	}
	if (folder)
		closedir(folder);
	return left;
}

/* What a piece is bound to: its session and its place. */
static struct slice bound_to(const struct id *session, uint32_t number, uint8_t room[20])
{
	memcpy(room, session->raw, 16);
	for (int i = 0; i < 4; i++)
		room[16 + i] = (uint8_t)(number >> (8 * i));
	return slice_of(room, 20);
}

static enum fault write_all(const char *path, struct slice bytes, struct why *why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	ssize_t n = 0;

	if (fd < 0)
		return fault_errno(why, errno, "%s", path);
	while (bytes.len && (n = write(fd, bytes.data, bytes.len)) > 0)
		bytes = slice_from(bytes, (size_t)n);
	if (close(fd) == 0 && !bytes.len)
		return FAULT_NONE;
	return fault_errno(why, n < 0 ? errno : ENOSPC, "%s", path);
}

enum fault trace_file_add(const struct trace_file *file, const struct account_key *key, uint32_t number,
                          struct slice plain, struct why *why)
{
	uint8_t room[20];
	char path[PATH_LEN];
	struct buf out, sealed;
	enum fault fault;

	if (number == 0 && mkdir(file->dir, 0700) && errno != EEXIST)
		return fault_errno(why, errno, "%s", file->dir);
	if (number == 0 && tidy(file->dir) > TRACE_FOLDER_MAX)
		return fault_set(why, FAULT_LIMIT, "%s is full", file->dir);
	buf_init(&out, TRACE_PIECE_MAX + 100);
	buf_init(&sealed, TRACE_PIECE_MAX + 100);
	path_of(path, file);
	if (account_seal(key, PURPOSE, bound_to(&file->session, number, room), plain, &sealed)) {
		buf_add_u32(&out, (uint32_t)sealed.len);
		buf_add_slice(&out, buf_slice(&sealed));
		fault = write_all(path, buf_slice(&out), why);
	} else {
		fault = fault_set(why, FAULT_TOO_BIG, "a piece of a trace is too large");
	}
	buf_done(&out);
	buf_done(&sealed);
	return fault;
}

/* ---- reading ---- */

static bool read_file(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t got = 0;
	uint8_t *room;

	while (fd >= 0 && (room = buf_room(out, 65536)) && (got = read(fd, room, 65536)) > 0)
		out->len += (size_t)got;
	if (fd >= 0)
		close(fd);
	return fd >= 0 && got == 0;
}

static enum fault open_pieces(const struct account_key *key, const struct id *session, struct slice file,
                              struct buf *out, struct why *why)
{
	struct reader reader = reader_of(file);
	enum fault fault = FAULT_NONE;
	uint8_t room[20];

	for (uint32_t number = 0; !fault && reader.rest.len; number++) {
		struct slice sealed = read_bytes(&reader, read_u32(&reader));

		if (reader.bad) /* its end was not written: the machine failed, or it is being written now */
			break;
		fault = account_open(key, PURPOSE, bound_to(session, number, room), sealed, out, why);
	}
	return fault;
}

static enum fault read_one(const char *dir, const char *name, const struct account_key *key, struct buf *out,
                           struct why *why)
{
	struct slice stem = slice_first(slice_str(name), strlen(name) - strlen(SUFFIX));
	struct id session = { { 0 } };
	enum fault fault = FAULT_NONE;
	char path[PATH_LEN];
	struct slice account;
	struct buf file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (!slice_cut(&stem, '-', &account) || !id_parse(stem, &session))
		return FAULT_NONE; /* somebody else's */
	buf_init(&file, FILE_MAX);
	buf_printf(out, "==== %s\n", name);
	if (read_file(path, &file))
		fault = open_pieces(key, &session, buf_slice(&file), out, why);
	buf_done(&file);
	return fault;
}

struct found {
	char name[128];
	struct timespec at;
};

static int by_time(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	if (x->at.tv_sec != y->at.tv_sec)
		return x->at.tv_sec < y->at.tv_sec ? -1 : 1;
	return x->at.tv_nsec < y->at.tv_nsec ? -1 : x->at.tv_nsec > y->at.tv_nsec;
}

static size_t find_files(DIR *folder, const struct id *account, struct buf *found)
{
	const struct id_text prefix = id_print(account);
	struct dirent *entry;
	struct stat st;

	while ((entry = readdir(folder))) {
		struct found one = { .name = "" };

		if (!slice_starts(slice_str(entry->d_name), prefix.text) ||
		    !slice_ends(slice_str(entry->d_name), SUFFIX) ||
		    strlen(entry->d_name) >= sizeof(one.name) ||
		    fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		memcpy(one.name, entry->d_name, strlen(entry->d_name) + 1);
		one.at = st.st_mtim;
		buf_add(found, &one, sizeof(one));
	}
	return found->len / sizeof(struct found);
}

enum fault trace_files_read(const char *dir, const struct id *account, const struct account_key *key,
                            struct buf *out, struct why *why)
{
	enum fault fault = FAULT_NONE;
	DIR *folder = opendir(dir);
	struct found *found;
	struct buf list;
	size_t n;

	if (!folder)
		return errno == ENOENT ? FAULT_NONE : fault_errno(why, errno, "%s", dir);
	buf_init(&list, BUF_NO_LIMIT);
	n = find_files(folder, account, &list);
	closedir(folder);
	found = (struct found *)(void *)list.data;
	if (n)
		qsort(found, n, sizeof(*found), by_time);
	for (size_t i = 0; i < n && !fault; i++)
		fault = read_one(dir, found[i].name, key, out, why);
	buf_done(&list);
	return fault;
}
