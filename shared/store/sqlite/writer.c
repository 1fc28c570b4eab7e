/* The committing thread (writer.h). */
#include "store/sqlite/writer.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/clock.h"
#include "store/sqlite/sqlite_store.h"

#define BATCH_MAX          512   /* requests in one transaction */
#define WAL_PAGES          4096  /* 16 MB: checkpoint what nobody reads any more */
#define WAL_PAGES_STEP     1024  /* and again after so many more, while readers keep it from beginning anew */
#define WAL_PAGES_MAX      16384 /* 64 MB: wait for those readers */
#define WAL_READERS_MS     200   /* but not longer */
#define CHECKPOINT_IDLE_MS 1000  /* and when nothing was written for so long */
#define SYNC_MARGIN_MS     20

/* ---- one transaction ---- */

static int on_wal(void *object, sqlite3 *handle, const char *name, int pages)
{
	struct writer *w = object;

	(void)handle;
	(void)name;
	if (pages < w->wal_pages) /* begun anew */
		w->checkpoint_pages = WAL_PAGES;
	w->wal_pages = pages;
	return SQLITE_OK;
}

static enum fault begin(struct writer *w, bool durable, struct why *why)
{
	enum fault fault = FAULT_NONE;
	struct query q;

	/* outside a transaction only, and at once: it is no statement that could be kept */
	if (durable != w->full)
		fault = db_exec(&w->db, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL",
		                why);
	if (fault)
		return fault;
	w->full = durable;
	q = query(&w->db, "BEGIN IMMEDIATE");
	return query_run(&q, why);
}

static enum fault commit(struct writer *w, struct why *why)
{
	struct query q = query(&w->db, "COMMIT");
	enum fault fault = query_run(&q, why);
	int64_t now = clock_mono_ms();

	if (fault) {
		db_roll_back(&w->db);
		return fault;
	}
	if (w->full)
		w->sync_at = 0;
	else if (!w->sync_at)
		w->sync_at = now + SYNC_WITHIN_MS - SYNC_MARGIN_MS;
	w->checkpoint_at = now + CHECKPOINT_IDLE_MS;
	return FAULT_NONE;
}

/* False: it had written something before it failed, so the transaction cannot be kept. */
static bool run_one(struct writer *w, struct request *request)
{
	sqlite3_int64 before = sqlite3_total_changes64(w->db.handle);

	request->fault = request->run(&w->db, request->args, &request->why);
	request->failed_writing = request->fault && (sqlite3_get_autocommit(w->db.handle) ||
	                                             sqlite3_total_changes64(w->db.handle) != before);
	return !request->failed_writing;
}

static void fail_all(struct list *batch, enum fault fault, const struct why *why)
{
	list_each (batch, node) {
		struct request *request = list_item(node, struct request, node);

		if (request->fault)
			continue;
		request->fault = fault;
		request->why = *why;
	}
}

static bool run_batch(struct writer *w, struct list *batch, bool durable)
{
	struct why why = { "" };
	enum fault fault = begin(w, durable, &why);
	bool whole = true;

	list_each (batch, node) {
		struct request *request = list_item(node, struct request, node);

		request->fault = FAULT_NONE;
		if (!fault && whole)
			whole = run_one(w, request);
	}
	if (!whole) {
		db_roll_back(&w->db);
		return false;
	}
	if (!fault)
		fault = commit(w, &why);
	if (fault)
		fail_all(batch, fault, &why);
	return true;
}

/* One of them spoilt the transaction: each gets its own. */
static void run_singly(struct writer *w, struct list *batch)
{
	list_each (batch, node) {
		struct request *request = list_item(node, struct request, node);
		struct list alone;

		if (request->failed_writing)
			continue;
		list_init(&alone);
		list_del(node);
		list_add_tail(&alone, node);
		(void)run_batch(w, &alone, request->durable);
		list_del(node);
		list_add_tail(node_next, node); /* back to where it was */
	}
}

/* ---- between transactions ---- */

/* What the log holds gets to stable storage. SQLite itself syncs it only in a commit with synchronous=FULL. */
static void sync_wal(struct writer *w)
{
	sqlite3_file *wal = NULL;

	w->sync_at = 0;
	if (sqlite3_file_control(w->db.handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal) == SQLITE_OK &&
	    wal && wal->pMethods)
		(void)wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL);
}

static void checkpoint(struct writer *w)
{
	bool wait = w->wal_pages > WAL_PAGES_MAX;

	w->checkpoint_at = 0;
	w->checkpoint_pages = MAX_OF(w->wal_pages + WAL_PAGES_STEP, WAL_PAGES);
	w->db.busy_ms = WAL_READERS_MS;
	(void)sqlite3_wal_checkpoint_v2(
	    w->db.handle, "main", wait ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	w->db.busy_ms = DB_BUSY_MS;
}

static void upkeep(struct writer *w)
{
	int64_t now = clock_mono_ms();

	if (w->sync_at && now >= w->sync_at)
		sync_wal(w);
	if (w->wal_pages > w->checkpoint_pages || (w->checkpoint_at && now >= w->checkpoint_at))
		checkpoint(w);
}

/* With the lock held. Woken by a request, by the stop, or when upkeep is due. */
static void wait_for_work(struct writer *w)
{
	int64_t due = w->sync_at && (!w->checkpoint_at || w->sync_at < w->checkpoint_at) ? w->sync_at
	                                                                                 : w->checkpoint_at;
	struct timespec until = { due / 1000, due % 1000 * 1000000 };

	if (due)
		pthread_cond_timedwait(&w->wake, &w->lock, &until);
	else
		pthread_cond_wait(&w->wake, &w->lock);
}

/* With the lock held: up to BATCH_MAX of those that wait, in their order. Durable if any of them is. */
static bool take_batch(struct writer *w, struct list *batch)
{
	bool durable = false;
	int n = 0;

	list_each (&w->waiting, node) {
		if (n++ == BATCH_MAX)
			break;
		durable |= list_item(node, struct request, node)->durable;
		list_del(node);
		list_add_tail(batch, node);
	}
	return durable;
}

static void answer(struct list *batch)
{
	list_each (batch, node)
		sem_post(&list_item(node, struct request, node)->done);
}

static void *writer_main(void *object)
{
	struct writer *w = object;
	struct list batch;
	bool durable;

	pthread_mutex_lock(&w->lock);
	while (!w->stop || !list_empty(&w->waiting)) {
		if (list_empty(&w->waiting))
			wait_for_work(w);
		list_init(&batch);
		durable = take_batch(w, &batch);
		pthread_mutex_unlock(&w->lock);
		if (!list_empty(&batch) && !run_batch(w, &batch, durable))
			run_singly(w, &batch);
		answer(&batch);
		upkeep(w);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	if (w->sync_at)
		sync_wal(w);
	return NULL;
}

/* ---- the outside ---- */

static enum fault open_file(struct writer *w, const char *path, struct why *why)
{
	enum fault fault = db_open(&w->db, path, true, why);

	if (!fault)
		fault = tables_make(&w->db, why);
	if (!fault)
		fault = db_exec(&w->db,
		                "PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; "
		                "PRAGMA journal_size_limit = 16777216; PRAGMA wal_autocheckpoint = 0",
		                why);
	if (fault) {
		db_close(&w->db);
		return fault;
	}
	w->full = true;
	w->checkpoint_pages = WAL_PAGES;
	sqlite3_wal_hook(w->db.handle, on_wal, w);
	return FAULT_NONE;
}

enum fault writer_start(struct writer *w, const char *path, struct why *why)
{
	pthread_condattr_t monotonic;
	sigset_t all, before;
	enum fault fault;
	int error;

	*w = (struct writer){ 0 };
	list_init(&w->waiting);
	fault = open_file(w, path, why);
	if (fault)
		return fault;
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	/* signals are the loop's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&w->thread, NULL, writer_main, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!error) {
		pthread_setname_np(w->thread, "commit");
		return FAULT_NONE;
	}
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	db_close(&w->db);
	return fault_errno(why, error, "cannot start the committing thread");
}

void writer_stop(struct writer *w)
{
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	db_close(&w->db);
}

enum fault writer_do(struct writer *w, bool durable, enum fault (*run)(struct db *, void *, struct why *),
                     void *args, struct why *why)
{
	struct request request = { .run = run, .args = args, .durable = durable };
	bool asleep;

	sem_init(&request.done, 0, 0);
	pthread_mutex_lock(&w->lock);
	asleep = list_empty(&w->waiting);
	list_add_tail(&w->waiting, &request.node);
	pthread_mutex_unlock(&w->lock);
	if (asleep) /* or it looks again by itself; without the lock, which it will want */
		pthread_cond_signal(&w->wake);
	while (sem_wait(&request.done) && errno == EINTR)
		;
	sem_destroy(&request.done);
	if (request.fault && why)
		*why = request.why;
	return request.fault;
}
