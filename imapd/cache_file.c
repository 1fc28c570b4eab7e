/* Sealed files of what was known of a mailbox (cache_file.h). */
#include "cache_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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

/* Under a name that nobody who was killed over it has left behind; then it takes the place of the old one. */
static enum fault replace_file(const struct cache_file *file, struct slice bytes, struct why *why)
{
	const struct id unique = id_new();
	char path[PATH_MAX_HERE], fresh[PATH_MAX_HERE], suffix[48];
	enum fault fault;

	snprintf(suffix, sizeof(suffix), ".%s.new", id_print(&unique).text);
	path_of(path, file, file->suffix);
	path_of(fresh, file, suffix);
	fault = write_file(fresh, bytes, why);
	if (!fault && rename(fresh, path) != 0)
		fault = fault_errno(why, errno, "%s", path);
	if (fault)
		(void)unlink(fresh);
	return fault;
}

enum fault cache_file_write(const struct cache_file *file, struct slice plain, struct why *why)
{
	struct buf sealed;
	enum fault fault;

	buf_init(&sealed, CACHE_FILE_MAX);
	if (!account_seal(file->account->key, file->purpose, id_slice(&file->mailbox), plain, &sealed))
		fault = fault_set(why, FAULT_TOO_BIG, "the mailbox is too large for a file");
	else
		fault = replace_file(file, buf_slice(&sealed), why);
	buf_done(&sealed);
	return fault;
}

/* ---- in parts ---- */

#define PARTS_MARK "phparts1"
#define PARTS_MAX  (1u << 20)
#define PART_MAX   ((size_t)64 << 20)

/* A file: this, the size of each sealed part (32 bits), and those. In the clear, but what is wrong here opens nothing. */
struct parts_head {
	char mark[8];   /* PARTS_MARK */
	struct id file; /* new with each write */
	uint32_t n;
};

struct parts_bound { /* to what a part is bound */
	struct id mailbox, file;
	uint32_t n, part;
};

struct cache_parts {
	struct cache_file file;
	struct parts_bound bound;
	int fd;
	uint32_t *size;
	struct buf sealed, plain; /* of the part that was read last */
};

static bool read_at(int fd, void *out, size_t len, uint64_t offset)
{
	ssize_t got = 1;

	for (size_t done = 0; done < len && got > 0; done += (size_t)got)
		got = pread(fd, (uint8_t *)out + done, len - done, (off_t)(offset + done));
	return got > 0;
}

/* False: there is none, or it is no such file. */
static bool open_file(struct cache_parts *parts, struct parts_head *ret)
{
	char path[PATH_MAX_HERE];

	path_of(path, &parts->file, parts->file.suffix);
	parts->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return parts->fd >= 0 && read_at(parts->fd, ret, sizeof(*ret), 0) &&
	       memcmp(ret->mark, PARTS_MARK, sizeof(ret->mark)) == 0;
}

static bool read_sizes(struct cache_parts *parts, const struct parts_head *head)
{
	if (head->n == 0 || head->n > PARTS_MAX)
		return false;
	parts->bound.file = head->file;
	parts->bound.n = head->n;
	parts->size = xmalloc(head->n * sizeof(*parts->size));
	return read_at(parts->fd, parts->size, head->n * sizeof(*parts->size), sizeof(*head));
}

struct cache_parts *cache_parts_open(const struct cache_file *file)
{
	struct cache_parts *parts = xzalloc(sizeof(*parts));
	struct parts_head head;

	parts->file = *file;
	parts->bound.mailbox = file->mailbox;
	buf_init(&parts->sealed, PART_MAX + ACCOUNT_SEAL_OVERHEAD);
	buf_init(&parts->plain, PART_MAX);
	if (open_file(parts, &head) && read_sizes(parts, &head))
		return parts;
	cache_parts_close(parts);
	return NULL;
}

void cache_parts_rest(struct cache_parts *parts)
{
	if (parts->fd >= 0)
		close(parts->fd);
	parts->fd = -1;
	buf_done(&parts->sealed);
	buf_done(&parts->plain);
}

void cache_parts_close(struct cache_parts *parts)
{
	if (!parts)
		return;
	cache_parts_rest(parts);
	free(parts->size);
	free(parts);
}

static enum fault wake(struct cache_parts *parts, struct why *why)
{
	struct parts_head head;

	if (parts->fd >= 0)
		return FAULT_NONE;
	if (open_file(parts, &head) && id_eq(&head.file, &parts->bound.file))
		return FAULT_NONE;
	cache_parts_rest(parts);
	return fault_set(why, FAULT_STALE, "another file has taken the place of the one that was open");
}

uint32_t cache_parts_n(const struct cache_parts *parts)
{
	return parts->bound.n;
}

static uint64_t offset_of(const struct cache_parts *parts, uint32_t part)
{
	uint64_t offset = sizeof(struct parts_head) + (uint64_t)parts->bound.n * sizeof(*parts->size);

	for (uint32_t i = 0; i < part; i++)
		offset += parts->size[i];
	return offset;
}

enum fault cache_parts_read(struct cache_parts *parts, uint32_t part, struct slice *ret, struct why *why)
{
	const size_t size = part < parts->bound.n ? parts->size[part] : 0;
	uint8_t *room;
	enum fault fault = wake(parts, why);

	if (fault)
		return fault;
	parts->sealed.len = parts->plain.len = 0;
	room = size ? buf_room(&parts->sealed, size) : NULL;
	if (!room || !read_at(parts->fd, room, size, offset_of(parts, part)))
		return fault_set(why, FAULT_CORRUPT, "part %u of %u cannot be read", part, parts->bound.n);
	parts->bound.part = part;
	fault = account_open(parts->file.account->key, parts->file.purpose,
	                     slice_of(&parts->bound, sizeof(parts->bound)), slice_of(room, size),
	                     &parts->plain, why);
	if (fault)
		return fault_set(why, FAULT_CORRUPT, "part %u of %u does not open", part, parts->bound.n);
	*ret = buf_slice(&parts->plain);
	return FAULT_NONE;
}

enum fault cache_parts_write(const struct cache_file *file, const struct slice *parts, uint32_t n,
                             struct why *why)
{
	struct parts_bound bound = { .mailbox = file->mailbox, .file = id_new(), .n = n };
	const struct parts_head head = { .mark = PARTS_MARK, .file = bound.file, .n = n };
	uint32_t *sizes = xzalloc(n * sizeof(*sizes));
	enum fault fault;
	struct buf out;
	bool fits = n <= PARTS_MAX;

	buf_init(&out, CACHE_FILE_MAX);
	buf_add(&out, &head, sizeof(head));
	buf_add(&out, sizes, n * sizeof(*sizes)); /* filled in below */
	for (uint32_t i = 0; fits && i < n; i++) {
		const size_t before = out.len;

		bound.part = i;
		fits =
		    parts[i].len <= PART_MAX && account_seal(file->account->key, file->purpose,
		                                             slice_of(&bound, sizeof(bound)), parts[i], &out);
		sizes[i] = (uint32_t)(out.len - before);
	}
	if (fits)
		memcpy(out.data + sizeof(head), sizes, n * sizeof(*sizes));
	fault = fits ? replace_file(file, buf_slice(&out), why)
	             : fault_set(why, FAULT_TOO_BIG, "the mailbox is too large for a file");
	buf_done(&out);
	free(sizes);
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
