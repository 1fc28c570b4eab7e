/*
 * Cache files of views: what a process knew of a large mailbox, sealed with its account's key, so that the next one asks
 * the store only for what has happened since. A file may be missing, old, torn or of another store: then the
 * mailbox is read anew. Nothing is ever synced here, and several processes may share the folder.
 */
#include "cache_file.h"
#include "view_internal.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/metrics.h"

#define MESSAGES_MIN 256 /* smaller mailboxes are read as fast */
#define BEHIND       512 /* changes after which a file is written again */
#define DELAY_MS     5000

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

static struct cache_file file_of(const char *dir, const struct account_ctx *account, const struct id *mailbox)
{
	return (struct cache_file){ dir, account, *mailbox, ".view", "view-cache" };
}

void view_cache_forget(const char *dir, const struct id *mailbox)
{
	const struct cache_file file = file_of(dir, NULL, mailbox);

	if (dir)
		cache_file_forget(&file);
}

struct mailbox_state *view_cache_read(const char *dir, const struct account_ctx *account,
                                      const struct id *mailbox)
{
	const struct cache_file file = file_of(dir, account, mailbox);
	struct mailbox_state *state = NULL;
	struct why why = { "" };
	struct buf plain;
	enum fault fault;

	if (!dir)
		return NULL;
	buf_init(&plain, CACHE_FILE_MAX);
	if (cache_file_read(&file, &plain)) {
		fault = mailbox_state_unpack(buf_slice(&plain), mailbox, &state, &why);
		if (fault) {
			log_fault(NULL, fault, &why, "a cache file cannot be used");
			cache_file_forget(&file);
		} else {
			metric_inc(&reads);
		}
	}
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

static void run_write(struct job *job, void *worker)
{
	struct view_cache *cache = container_of(job, struct view_cache, job);
	const struct cache_file file = file_of(cache->dir, cache->account, &cache->mailbox);

	(void)worker;
	cache->fault = cache_file_write(&file, buf_slice(&cache->plain), &cache->why);
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
	buf_init(&cache->plain, CACHE_FILE_MAX);
	view_hold(view);
	view->cache = cache;
	if (!mailbox_state_pack(view->state, &cache->plain) || !job_start(conf->pool, &cache->job))
		end_write(cache);
}

/* ---- the folder ---- */

void view_cache_start(struct views *views)
{
	struct why why;
	enum fault fault;

	if (!views->conf.cache_dir)
		return;
	fault = cache_files_start(views->conf.cache_dir, &why);
	if (!fault)
		return;
	log_fault(NULL, fault, &why, "mailboxes are not cached");
	views->conf.cache_dir = NULL;
}
