/* Sealed files of what was known of a mailbox (cache_file.h). */
#include "cache_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define UNUSED_DAYS   30
#define PATH_MAX_HERE 512

static void path_of(char path[PATH_MAX_HERE], const struct cache_file *file, const char *suffix)
{
	snprintf(path, PATH_MAX_HERE, "%s/%s%s", file->dir, id_print(&file->mailbox).text, suffix);
}

void cache_file_forget(const struct cache_file *file)
{
	char path[PATH_MAX_HERE];

	path_of(path, file, file->suffix);
	(void)unlink(path); /* it may never have been there */
}

/* ---- reading ---- */

static bool read_file(const char *path, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat stat;
	ssize_t got = -1;

	if (fd < 0)
		return false;
	if (fstat(fd, &stat) == 0 && stat.st_size > 0 && (uint64_t)stat.st_size <= CACHE_FILE_MAX) {
		uint8_t *room = buf_room(out, (size_t)stat.st_size);

		while (room && out->len < (size_t)stat.st_size &&
		       (got = read(fd, out->data + out->len, (size_t)stat.st_size - out->len)) > 0)
			out->len += (size_t)got;
	}
	close(fd);
	return got > 0;
}

bool cache_file_read(const struct cache_file *file, struct buf *out)
{
	char path[PATH_MAX_HERE];
	struct buf sealed;
	struct why why = { "" };
	bool good;

	buf_init(&sealed, CACHE_FILE_MAX);
	path_of(path, file, file->suffix);
	good = read_file(path, &sealed);
	if (good && account_open(file->account->key, file->purpose, id_slice(&file->mailbox),
	                         buf_slice(&sealed), out, &why)) {
		log_fault(NULL, FAULT_CORRUPT, &why, "a cache file cannot be used");
		cache_file_forget(file);
		good = false;
	}
	buf_done(&sealed);
	return good;
}

/* ---- writing ---- */

static enum fault write_file(const char *path, struct slice bytes, struct why *why)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	size_t done = 0;
	ssize_t n = 0;

	if (fd < 0)
		return fault_errno(why, errno, "%s", path);
	while (done < bytes.len && (n = write(fd, bytes.data + done, bytes.len - done)) > 0)
		done += (size_t)n;
	if (close(fd) == 0 && done == bytes.len)
		return FAULT_NONE;
	return fault_errno(why, n < 0 ? errno : ENOSPC, "%s", path);
}

enum fault cache_file_write(const struct cache_file *file, struct slice plain, struct why *why)
{
	const struct id unique = id_new(); /* a name that nobody who was killed over it has left behind */
	char path[PATH_MAX_HERE], fresh[PATH_MAX_HERE], suffix[48];
	struct buf sealed;
	enum fault fault;

	snprintf(suffix, sizeof(suffix), ".%s.new", id_print(&unique).text);
	path_of(path, file, file->suffix);
	path_of(fresh, file, suffix);
	buf_init(&sealed, CACHE_FILE_MAX);
	if (!account_seal(file->account->key, file->purpose, id_slice(&file->mailbox), plain, &sealed))
		fault = fault_set(why, FAULT_TOO_BIG, "the mailbox is too large for a file");
	else
		fault = write_file(fresh, buf_slice(&sealed), why);
	buf_done(&sealed);
	if (!fault && rename(fresh, path) != 0)
		fault = fault_errno(why, errno, "%s", path);
	if (fault)
		(void)unlink(fresh);
	return fault;
}

/* ---- the folder ---- */

static bool is_unused(int folder, const char *name, time_t before)
{
	struct slice text = slice_str(name);
	struct stat stat;

	return (slice_ends(text, ".view") || slice_ends(text, ".signatures") || slice_ends(text, ".new")) &&
	       fstatat(folder, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(stat.st_mode) &&
	       stat.st_mtime < before;
}

enum fault cache_files_start(const char *path, struct why *why)
{
	struct dirent *entry;
	DIR *dir = mkdir(path, 0700) == 0 || errno == EEXIST ? opendir(path) : NULL;

	if (!dir)
		return fault_errno(why, errno, "%s", path);
	while ((entry = readdir(dir)))
		if (is_unused(dirfd(dir), entry->d_name, (time_t)(clock_now() / 1000) - UNUSED_DAYS * 86400))
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	return FAULT_NONE;
}
