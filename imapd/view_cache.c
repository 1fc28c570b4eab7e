/*
 * Cache files of views: what a process knew of a large mailbox, sealed with its account's key, so that the next one asks
 * the store only for what has happened since. A file may be missing, old, torn or of another store: then the
 * mailbox is read anew. Nothing is ever synced here, and several processes may share the folder.
 */
#include "view_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"

#define MESSAGES_MIN  256 /* smaller mailboxes are read as fast */
#define BEHIND        512 /* changes after which a file is written again */
#define DELAY_MS      5000
#define FILE_MAX      ((size_t)1 << 30)
#define UNUSED_DAYS   30
#define PURPOSE       "view-cache"
#define PATH_MAX_HERE 512

struct view_cache { /* a file being written */
	struct job job;
	struct view *view;
	struct account_ctx *account;
	struct id mailbox;
	const char *dir;
	uint64_t modseq;
	struct buf plain;
	enum fault fault;
	struct why why;
};

static struct metric reads = { .name = "posthouse_imapd_view_cache_reads_total",
	                       .help = "cache files of mailboxes that were read" };
static struct metric writes = { .name = "posthouse_imapd_view_cache_writes_total",
	                        .help = "cache files of mailboxes that were written" };

static void path_of(char path[PATH_MAX_HERE], const char *dir, const struct id *mailbox, const char *suffix)
{
	snprintf(path, PATH_MAX_HERE, "%s/%s%s", dir, id_print(mailbox).text, suffix);
}

void view_cache_forget(const char *dir, const struct id *mailbox)
{
	char path[PATH_MAX_HERE];

	if (!dir)
		return;
	path_of(path, dir, mailbox, ".view");
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
	if (fstat(fd, &stat) == 0 && stat.st_size > 0 && (uint64_t)stat.st_size <= FILE_MAX) {
		uint8_t *room = buf_room(out, (size_t)stat.st_size);

		while (room && out->len < (size_t)stat.st_size &&
		       (got = read(fd, out->data + out->len, (size_t)stat.st_size - out->len)) > 0)
			out->len += (size_t)got;
	}
	close(fd);
	return got > 0;
}

struct mailbox_state *view_cache_read(const char *dir, const struct account_ctx *account,
                                      const struct id *mailbox)
{
	struct mailbox_state *state = NULL;
	char path[PATH_MAX_HERE];
	struct buf sealed, plain;
	struct why why = { "" };
	enum fault fault;

	if (!dir)
		return NULL;
	buf_init(&sealed, FILE_MAX);
	buf_init(&plain, FILE_MAX);
	path_of(path, dir, mailbox, ".view");
	if (read_file(path, &sealed)) {
		fault =
		    account_open(account->key, PURPOSE, id_slice(mailbox), buf_slice(&sealed), &plain, &why);
		if (!fault)
			fault = mailbox_state_unpack(buf_slice(&plain), mailbox, &state, &why);
		if (fault) {
			log_fault(NULL, fault, &why, "a cache file cannot be used");
			view_cache_forget(dir, mailbox);
		} else {
			metric_inc(&reads);
		}
	}
	buf_done(&sealed);
	buf_done(&plain);
	return state;
}

/* ---- writing ---- */

void view_cache_consider(struct view *view)
{
	const struct mailbox_state *state = view->state;

	if (!view->views->conf.cache_dir || view->cache_at || view->cache || state->n < MESSAGES_MIN ||
	    (view->cached && state->head.modseq - view->cached < BEHIND))
		return;
	view->cache_at = loop_now(view->views->conf.loop) + rand_below(DELAY_MS) + 1;
}

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

static void run_write(struct job *job, void *worker)
{
	struct view_cache *cache = container_of(job, struct view_cache, job);
	const struct id unique = id_new(); /* a name that nobody who was killed over it has left behind */
	char path[PATH_MAX_HERE], fresh[PATH_MAX_HERE], suffix[48];
	struct buf sealed;

	(void)worker;
	snprintf(suffix, sizeof(suffix), ".%s.new", id_print(&unique).text);
	path_of(path, cache->dir, &cache->mailbox, ".view");
	path_of(fresh, cache->dir, &cache->mailbox, suffix);
	buf_init(&sealed, FILE_MAX);
	if (!account_seal(cache->account->key, PURPOSE, id_slice(&cache->mailbox), buf_slice(&cache->plain),
	                  &sealed))
		cache->fault = fault_set(&cache->why, FAULT_TOO_BIG, "the mailbox is too large for a file");
	else
		cache->fault = write_file(fresh, buf_slice(&sealed), &cache->why);
	buf_done(&sealed);
	if (!cache->fault && rename(fresh, path) != 0)
		cache->fault = fault_errno(&cache->why, errno, "%s", path);
	if (cache->fault)
		(void)unlink(fresh);
}

static void end_write(struct view_cache *cache)
{
	struct view *view = cache->view;

	view->cache = NULL;
	account_ctx_unref(cache->account);
	buf_done(&cache->plain);
	free(cache);
	view_put(view);
}

static void on_written(struct job *job)
{
	struct view_cache *cache = container_of(job, struct view_cache, job);

	if (cache->fault)
		log_fault(NULL, cache->fault, &cache->why, "a cache file was not written");
	else
		metric_inc(&writes);
	cache->view->cached = cache->modseq; /* or one that cannot be written would be tried every second */
	end_write(cache);
}

static void on_write_dropped(struct job *job)
{
	end_write(container_of(job, struct view_cache, job));
}

void view_cache_begin(struct view *view)
{
	const struct views_conf *conf = &view->views->conf;
	struct view_cache *cache;

	view->cache_at = 0;
	if (view->cache || view->gone)
		return;
	cache = xzalloc(sizeof(*cache));
	*cache = (struct view_cache){
		.job = { .run = run_write, .done = on_written, .drop = on_write_dropped },
		.view = view,
		.account = account_ctx_ref(view->account),
		.mailbox = view->mailbox,
		.dir = conf->cache_dir,
		.modseq = view->state->head.modseq,
	};
	buf_init(&cache->plain, FILE_MAX);
	view_hold(view);
	view->cache = cache;
	if (!mailbox_state_pack(view->state, &cache->plain) || !job_start(conf->pool, &cache->job))
		end_write(cache);
}

/* ---- the folder ---- */

static bool is_unused(int folder, const char *name, time_t before)
{
	struct slice text = slice_str(name);
	struct stat stat;

	return (slice_ends(text, ".view") || slice_ends(text, ".new")) &&
	       fstatat(folder, name, &stat, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(stat.st_mode) &&
	       stat.st_mtime < before;
}

void view_cache_start(struct views *views)
{
	const char *path = views->conf.cache_dir;
	struct dirent *entry;
	struct why why;
	DIR *dir;

	if (!path)
		return;
	dir = mkdir(path, 0700) == 0 || errno == EEXIST ? opendir(path) : NULL;
	if (!dir) {
		log_fault(NULL, fault_errno(&why, errno, "%s", path), &why, "mailboxes are not cached");
		views->conf.cache_dir = NULL;
		return;
	}
	while ((entry = readdir(dir)))
		if (is_unused(dirfd(dir), entry->d_name, (time_t)(clock_now() / 1000) - UNUSED_DAYS * 86400))
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}
