/*
 * Blobs as files: path/ab/cd/<32 hex digits of the id>, written beside in
 * path/tmp, synced, then linked to their name, so that a name never shows less
 * than the whole blob.
 *
 * Invariants
 *   1. A put returns only when file, name, and every directory above the name
 *      are on stable storage. A directory is synced into its parent once per
 *      process (`known`), since whoever made it may have died before doing so.
 *   2. Names in path/tmp are nobody's promise: what is older than a day there
 *      was left by a crash and goes at the next start.
 *
 * Directory syncs are not grouped across puts: two blobs share one of 65,536
 * directories too rarely, and a journalling filesystem groups the rest itself.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "blob/backend.h"

#define DIRS      65536 /* ab/cd */
#define TMP       "tmp"
#define TMP_DAY_S 86400

struct blobs_fs {
	struct blobs blobs;
	int root;
	char *path;                  /* for `why` */
	_Atomic uint8_t known[DIRS]; /* this process synced the directory and those above it */
};

/* "ab/cd/abcd…": cut at DIR_LEN it names the directory, at UPPER_LEN the one above. */
struct blob_path {
	char text[40];
};
#define UPPER_LEN 2
#define DIR_LEN   5

static const struct blob_ops fs_ops;

static struct blobs_fs *fs_of(struct blobs *blobs)
{
	assert(blobs->ops == &fs_ops);
	return container_of(blobs, struct blobs_fs, blobs);
}

static unsigned dir_of(const struct id *id)
{
	return (unsigned)id->raw[0] << 8 | id->raw[1];
}

static struct blob_path path_of(const struct id *id)
{
	struct id_text text = id_print(id);
	struct blob_path path;

	snprintf(path.text, sizeof(path.text), "%.2s/%.2s/%s", text.text, text.text + 2, text.text);
	return path;
}

static struct blob_path cut(struct blob_path path, size_t len)
{
	path.text[len] = '\0';
	return path;
}

static int sync_dir(struct blobs_fs *fs, const char *name)
{
	int fd = openat(fs->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = 0;

	if (fd < 0)
		return errno;
	if (fsync(fd) != 0)
		error = errno;
	close(fd);
	return error;
}

static int make_dirs(struct blobs_fs *fs, struct blob_path path)
{
	if (mkdirat(fs->root, cut(path, UPPER_LEN).text, 0700) != 0 && errno != EEXIST)
		return errno;
	if (mkdirat(fs->root, cut(path, DIR_LEN).text, 0700) != 0 && errno != EEXIST)
		return errno;
	return 0;
}

/* The new name on stable storage, and its directories if this process has not seen to them yet. */
static int sync_name(struct blobs_fs *fs, const struct id *id, struct blob_path path)
{
	unsigned dir = dir_of(id);
	int error = sync_dir(fs, cut(path, DIR_LEN).text);

	if (error || atomic_load_explicit(&fs->known[dir], memory_order_relaxed))
		return error;
	error = sync_dir(fs, cut(path, UPPER_LEN).text);
	if (!error)
		error = sync_dir(fs, ".");
	if (!error)
		atomic_store_explicit(&fs->known[dir], 1, memory_order_relaxed);
	return error;
}

static int write_all(int fd, struct slice data)
{
	while (data.len) {
		ssize_t n = write(fd, data.data, data.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EIO;
		data = slice_from(data, (size_t)n);
	}
	return 0;
}

static int write_tmp(struct blobs_fs *fs, const char *tmp, struct slice data)
{
	int fd = openat(fs->root, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int error;

	if (fd < 0)
		return errno;
	error = write_all(fd, data);
	if (!error && fdatasync(fd) != 0)
		error = errno;
	if (close(fd) != 0 && !error)
		error = errno;
	return error;
}

static int link_name(struct blobs_fs *fs, const char *tmp, struct blob_path path)
{
	int error;

	if (linkat(fs->root, tmp, fs->root, path.text, 0) == 0)
		return 0;
	if (errno == ENOENT) {
		error = make_dirs(fs, path);
		if (error)
			return error;
		if (linkat(fs->root, tmp, fs->root, path.text, 0) == 0)
			return 0;
	}
	/* a retry: the name shows whole blobs only, but who made it may have died before the sync */
	return errno == EEXIST ? 0 : errno;
}

static enum fault fs_put(struct blobs *blobs, const struct id *id, struct slice data, struct why *why)
{
	struct blobs_fs *fs = fs_of(blobs);
	struct blob_path path = path_of(id);
	struct id own = id_new();
	char tmp[48];
	int error;

	snprintf(tmp, sizeof(tmp), TMP "/%s", id_print(&own).text);
	error = write_tmp(fs, tmp, data);
	if (!error)
		error = link_name(fs, tmp, path);
	unlinkat(fs->root, tmp, 0);
	if (!error)
		error = sync_name(fs, id, path);
	if (!error)
		return FAULT_NONE;
	/* a directory that went missing is the operator's, not a blob that is not there */
	return fault_errno(why, error, "writing blob %s/%s", fs->path, path.text) == FAULT_FULL ? FAULT_FULL
	                                                                                        : FAULT_TEMP;
}

static enum fault read_range(int fd, uint64_t offset, uint64_t len, struct buf *out, struct why *why)
{
	uint8_t *room = len ? buf_room(out, (size_t)len) : NULL;

	if (len && !room)
		return fault_set(why, FAULT_TOO_BIG, "the reader's limit is passed");
	while (len) {
		ssize_t n = pread(fd, room, (size_t)len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fault_set(why, FAULT_TEMP, "%s", strerrordesc_np(errno));
		if (n == 0)
			return fault_set(why, FAULT_CORRUPT, "the file was cut while it was read");
		room += n;
		out->len += (size_t)n;
		offset += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return FAULT_NONE;
}

static enum fault fs_get(struct blobs *blobs, const struct id *id, uint64_t offset, uint64_t len,
                         struct buf *out, struct why *why)
{
	struct blobs_fs *fs = fs_of(blobs);
	struct blob_path path = path_of(id);
	int fd = openat(fs->root, path.text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	enum fault fault;

	if (fd < 0)
		return fault_errno(why, errno, "opening blob %s/%s", fs->path, path.text) == FAULT_NOT_FOUND
		           ? FAULT_NOT_FOUND
		           : FAULT_TEMP;
	if (fstat(fd, &st) != 0)
		fault = fault_set(why, FAULT_TEMP, "%s", strerrordesc_np(errno));
	else if (offset + len > (uint64_t)st.st_size)
		fault = fault_set(why, FAULT_CORRUPT, "it ends at %lld, before %llu+%llu",
		                  (long long)st.st_size, (unsigned long long)offset, (unsigned long long)len);
	else
		fault = read_range(fd, offset, len, out, why);
	close(fd);
	return fault ? fault_add(why, fault, "blob %s/%s", fs->path, path.text) : FAULT_NONE;
}

static enum fault fs_del(struct blobs *blobs, const struct id *id, struct why *why)
{
	struct blobs_fs *fs = fs_of(blobs);
	struct blob_path path = path_of(id);

	if (unlinkat(fs->root, path.text, 0) == 0 || errno == ENOENT)
		return FAULT_NONE;
	fault_errno(why, errno, "deleting blob %s/%s", fs->path, path.text);
	return FAULT_TEMP;
}

static int cmp_ids(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id));
}

/* The ids in one directory that come after `after`, ascending, as raw bytes in `ret`. */
static int read_dir(struct blobs_fs *fs, const char *name, const struct id *after, struct buf *ret)
{
	int fd = openat(fs->root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct id id;
	int error;

	buf_clear(ret);
	if (!dir) {
		error = errno;
		if (fd >= 0)
			close(fd);
		return error == ENOENT ? 0 : error;
	}
	while (errno = 0, (entry = readdir(dir))) {
		if (id_parse(slice_str(entry->d_name), &id) && (!after || cmp_ids(&id, after) > 0))
			buf_add_slice(ret, id_slice(&id));
	}
	error = errno;
	closedir(dir);
	if (ret->len)
		qsort(ret->data, ret->len / sizeof(id), sizeof(id), cmp_ids);
	return error;
}

/* Adds what `ids` holds; a file that went meanwhile is left out. */
static int add_infos(struct blobs_fs *fs, const struct buf *ids, struct blob_list *list)
{
	for (size_t at = 0; at < ids->len && list->n < list->max; at += sizeof(struct id)) {
		struct blob_info info;
		struct stat st;

		memcpy(&info.id, ids->data + at, sizeof(info.id));
		if (fstatat(fs->root, path_of(&info.id).text, &st, AT_SYMLINK_NOFOLLOW) != 0) {
			if (errno == ENOENT)
				continue;
			return errno;
		}
		info.size = (uint64_t)st.st_size;
		info.created = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
		blob_list_add(list, &info);
	}
	return 0;
}

static int walk(struct blobs_fs *fs, const struct id *after, struct blob_list *list, struct buf *ids)
{
	unsigned dir = after ? dir_of(after) : 0;
	int error = 0;

	while (!error && dir < DIRS && list->n < list->max) {
		char name[8];

		snprintf(name, sizeof(name), "%02x", dir >> 8);
		if (faccessat(fs->root, name, F_OK, 0) != 0) {
			dir = ((dir >> 8) + 1) << 8; /* none of its 256 is there */
			continue;
		}
		snprintf(name, sizeof(name), "%02x/%02x", dir >> 8, dir & 0xff);
		error = read_dir(fs, name, after, ids);
		if (!error)
			error = add_infos(fs, ids, list);
		dir++;
	}
	return error;
}

static enum fault fs_list(struct blobs *blobs, const struct id *after, size_t max, struct arena *arena,
                          struct blob_info **ret, size_t *ret_n, struct why *why)
{
	struct blobs_fs *fs = fs_of(blobs);
	struct blob_list list = { .arena = arena, .max = max };
	struct buf ids;
	int error;

	buf_init(&ids, BUF_NO_LIMIT); /* as large as our own directory is */
	error = walk(fs, after, &list, &ids);
	buf_done(&ids);
	if (error) {
		fault_errno(why, error, "listing blobs in %s", fs->path);
		return FAULT_TEMP;
	}
	*ret = list.items;
	*ret_n = list.n;
	return FAULT_NONE;
}

static enum fault fs_ping(struct blobs *blobs, struct why *why)
{
	struct blobs_fs *fs = fs_of(blobs);

	if (faccessat(fs->root, TMP, W_OK | X_OK, 0) == 0)
		return FAULT_NONE;
	fault_errno(why, errno, "blob directory %s", fs->path);
	return FAULT_TEMP;
}

static void fs_close(struct blobs *blobs)
{
	struct blobs_fs *fs = fs_of(blobs);

	if (fs->root >= 0)
		close(fs->root);
	free(fs->path);
	free(fs);
}

static const struct blob_ops fs_ops = { "fs", fs_put, fs_get, fs_del, fs_list, fs_ping, fs_close };

/* What a crash left in tmp; what others are writing there just now is younger. */
static void sweep_tmp(struct blobs_fs *fs)
{
	int fd = openat(fs->root, TMP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct stat st;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_mtim.tv_sec < clock_now() / 1000 - TMP_DAY_S)
			unlinkat(fd, entry->d_name, 0);
	}
	closedir(dir);
}

/* One directory, on stable storage with its name. */
static int make_dir(const char *path)
{
	int fd, above, error = 0;

	if (mkdir(path, 0700) != 0)
		return errno == EEXIST ? 0 : errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	above = fd < 0 ? -1 : openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (above < 0 || fsync(above) != 0)
		error = errno;
	if (above >= 0)
		close(above);
	if (fd >= 0)
		close(fd);
	return error;
}

/* mkdir -p, so that a fresh machine needs no preparation. */
static int make_path(const char *path)
{
	char *copy = xstrdup(path);
	int error = 0;

	for (char *slash = copy; !error && slash;) {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		error = make_dir(copy);
		if (slash)
			*slash = '/';
	}
	free(copy);
	return error;
}

enum fault blob_fs_open(const struct blob_conf *conf, struct blobs **ret, struct why *why)
{
	struct blobs_fs *fs;
	int error;

	if (!conf->path || !*conf->path)
		return fault_set(why, FAULT_CONFIG, "the blob directory is not set");
	fs = xzalloc(sizeof(*fs));
	fs->blobs.ops = &fs_ops;
	fs->path = xstrdup(conf->path);
	error = make_path(conf->path);
	fs->root = error ? -1 : open(conf->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!error && fs->root < 0)
		error = errno;
	if (!error && mkdirat(fs->root, TMP, 0700) != 0 && errno != EEXIST)
		error = errno;
	if (error) {
		fault_errno(why, error, "blob directory %s", conf->path);
		fs_close(&fs->blobs);
		return FAULT_CONFIG;
	}
	sweep_tmp(fs);
	*ret = &fs->blobs;
	return FAULT_NONE;
}
