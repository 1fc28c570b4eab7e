/*
 * Cache files of views: what a process knew of a large mailbox, sealed with its account's key, so that the next one asks
 * the store only for what has happened since. SELECT reads a file's first part alone; the rows are opened when they are
 * wanted. A file may be missing, old, torn or of another store: then the mailbox is read anew. Nothing is ever synced
 * here, and several processes may share the folder.
 *
 * A file begins with the history (mailbox.h) of the mod-sequence that it is of. Where the store has another for it, it was
 * set back to a backup and has grown past the file since. Once the log was folded past it the store cannot say any
 * more, so that a file is written after each fold.
 */
#include "cache_file.h"
#include "view_internal.h"

#include <assert.h>
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
	struct stack *stack;
	const char *dir;
	uint32_t uid_validity;
	uint64_t modseq;
	struct buf plain; /* all parts; room for the history before them */
	size_t *ends;     /* where each ends in it */
	uint32_t n;
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

static enum fault read_part(void *arg, uint32_t part, struct slice *ret, struct why *why)
{
	struct view_bare *bare = arg;
	enum fault fault = cache_parts_read(bare->file, part, ret, why);

	if (fault || part)
		return fault;
	if (!id_from(slice_first(*ret, sizeof(bare->history)), &bare->history))
		return fault_set(why, FAULT_CORRUPT, "a cache file of %zu bytes", ret->len);
	*ret = slice_from(*ret, sizeof(bare->history));
	return FAULT_NONE;
}

struct view_bare *view_bare_open(const char *dir, const struct account_ctx *account, const struct id *mailbox)
{
	const struct cache_file file = file_of(dir, account, mailbox);
	struct cache_parts *parts = dir ? cache_parts_open(&file) : NULL;
	struct view_bare *bare;
	struct why why;
	struct slice first;
	enum fault fault;

	if (!parts)
		return NULL;
	bare = xzalloc(sizeof(*bare));
	bare->file = parts;
	bare->arena = arena_new();
	fault = read_part(bare, 0, &first, &why);
	if (!fault)
		fault = mailbox_summary_unpack(first, &bare->summary, &why);
	if (!fault && cache_parts_n(parts) != mailbox_summary_parts(&bare->summary))
		fault = fault_set(&why, FAULT_CORRUPT, "its parts are not those that its head names");
	if (!fault) {
		metric_inc(&reads);
		return bare;
	}
	log_fault(NULL, fault, &why, "a cache file cannot be used");
	cache_file_forget(&file);
	view_bare_free(bare);
	return NULL;
}

struct view_bare *view_bare_new(const struct mailbox_head *head)
{
	struct view_bare *bare = xzalloc(sizeof(*bare));

	assert(head->unseen == 0 || head->unseen == head->messages);
	bare->arena = arena_new();
	bare->summary.head = *head;
	bare->summary.unseen = head->unseen ? 1 : 0;
	return bare;
}

void view_bare_free(struct view_bare *bare)
{
	if (!bare)
		return;
	cache_parts_close(bare->file);
	arena_free(bare->arena);
	free(bare);
}

enum fault view_bare_check(const struct view_bare *bare, const struct mailbox_log *log, struct why *why)
{
	const struct mailbox_head *file = &bare->summary.head;
	struct id history;

	if (log->head.uid_validity != file->uid_validity || log->head.modseq < file->modseq)
		return fault_set(why, FAULT_CORRUPT, "the cache file is not of this mailbox");
	if (!mailbox_history(log, file->modseq, &history))
		return fault_set(why, FAULT_STALE, "the cache file is older than the mailbox's log");
	if (!id_eq(&history, &bare->history))
		return fault_set(why, FAULT_CORRUPT, "the cache file is of another history of this mailbox");
	return FAULT_NONE;
}

enum fault view_bare_load(struct view_bare *bare, const struct id *mailbox, struct mailbox_state **ret,
                          struct why *why)
{
	struct mailbox_state *state;
	struct mailbox_delta delta;
	enum fault fault;

	if (!bare->file)
		return fault_set(why, FAULT_STALE, "there is no cache file");
	fault = mailbox_state_unpack(mailbox, read_part, bare, &state, why);
	if (fault)
		return fault;
	mailbox_delta_init(&delta);
	fault = mailbox_state_apply(state, &bare->news, &delta, why);
	mailbox_delta_done(&delta);
	if (!fault && state->n != state->head.messages)
		fault = fault_set(why, FAULT_CORRUPT, "the cache file has other messages");
	if (fault)
		mailbox_state_free(state);
	else
		*ret = state;
	return fault;
}

/* ---- writing ---- */

static bool is_behind(const struct view *view)
{
	const struct mailbox_head *head = &view->state->head;

	return view->cached < head->log_base || head->modseq - view->cached >= BEHIND;
}

void view_cache_consider(struct view *view)
{
	if (!view->views->conf.cache_dir || view->cache_at || view->cache || view->state->n < MESSAGES_MIN ||
	    !is_behind(view))
		return;
	view->cache_at = loop_now(view->views->conf.loop) + (view->cached ? rand_below(DELAY_MS) : 0) + 1;
}

/* STALE: the mailbox was folded past what the view has, or is another by now. */
static enum fault find_history(struct view_cache *cache, struct id *ret)
{
	struct arena *arena = arena_new();
	struct mailbox_log log;
	enum fault fault = mailbox_look(cache->stack->store, &cache->account->actor, &cache->mailbox, arena,
	                                &log, &cache->why);

	if (!fault &&
	    (log.head.uid_validity != cache->uid_validity || !mailbox_history(&log, cache->modseq, ret)))
		fault = fault_set(&cache->why, FAULT_STALE, "the mailbox has gone on without this view");
	arena_free(arena);
	return fault;
}

static void run_write(struct job *job, void *worker)
{
	struct view_cache *cache = container_of(job, struct view_cache, job);
	const struct cache_file file = file_of(cache->dir, cache->account, &cache->mailbox);
	struct slice *parts;
	struct id history;

	(void)worker;
	cache->fault = find_history(cache, &history);
	if (cache->fault)
		return;
	memcpy(cache->plain.data, history.raw, sizeof(history.raw));
	parts = xmalloc(cache->n * sizeof(*parts));
	for (uint32_t i = 0; i < cache->n; i++) {
		const size_t from = i ? cache->ends[i - 1] : 0;

		parts[i] = slice_of(cache->plain.data + from, cache->ends[i] - from);
	}
	cache->fault = cache_parts_write(&file, parts, cache->n, &cache->why);
	free(parts);
}

static void end_write(struct view_cache *cache)
{
	struct view *view = cache->view;

	view->cache = NULL;
	account_ctx_unref(cache->account);
	buf_done(&cache->plain);
	free(cache->ends);
	free(cache);
	view_put(view);
}

static void on_written(struct job *job)
{
	struct view_cache *cache = container_of(job, struct view_cache, job);

	if (cache->fault == FAULT_STALE) {
		view_refresh_begin(cache->view); /* and is tried again behind it */
		end_write(cache);
		return;
	}
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

static bool pack(struct view_cache *cache, const struct mailbox_state *state)
{
	bool fits =
	    buf_add(&cache->plain, &(struct id){ { 0 } }, sizeof(struct id)); /* filled in by the worker */

	cache->n = mailbox_state_parts(state);
	cache->ends = xmalloc(cache->n * sizeof(*cache->ends));
	for (uint32_t i = 0; fits && i < cache->n; i++) {
		fits = mailbox_state_pack(state, i, &cache->plain);
		cache->ends[i] = cache->plain.len;
	}
	return fits;
}

void view_cache_begin(struct view *view)
{
	const struct views_conf *conf = &view->views->conf;
	struct view_cache *cache;

	view->cache_at = 0;
	if (view->cache || view->gone || view->bare)
		return;
	cache = xzalloc(sizeof(*cache));
	*cache = (struct view_cache){
		.job = { .run = run_write, .done = on_written, .drop = on_write_dropped },
		.view = view,
		.account = account_ctx_ref(view->account),
		.mailbox = view->mailbox,
		.stack = conf->stack,
		.dir = conf->cache_dir,
		.uid_validity = view->state->head.uid_validity,
		.modseq = view->state->head.modseq,
	};
	buf_init(&cache->plain, CACHE_FILE_MAX);
	view_hold(view);
	view->cache = cache;
	if (!pack(cache, view->state) || !job_start(conf->pool, &cache->job))
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
