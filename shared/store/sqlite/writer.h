#ifndef SHARED_STORE_SQLITE_WRITER_H
#define SHARED_STORE_SQLITE_WRITER_H
/*
 * The one thread of a process that writes. Callers hand it a request and wait;
 * it runs all that wait inside one transaction and answers them after the
 * commit: one sync serves them all.
 *
 * Durable requests are committed with synchronous=FULL, on stable storage before anybody sees them. A commit of
 * others alone is not synced; the write-ahead log is, at most SYNC_WITHIN_MS later.
 */
#include <pthread.h>
#include <semaphore.h>

#include "base/list.h"
#include "store/sqlite/db.h"

#define SYNC_WITHIN_MS 100

struct request {
	/* On the writer's thread, inside a transaction. On a fault nothing may have been written by it: check first.
	 * It may be run twice: a transaction that had to be given up is begun anew. */
	enum fault (*run)(struct db *, void *args, struct why *);
	void *args;
	bool durable;

	enum fault fault;
	struct why why;
	bool failed_writing;
	struct list node;
	sem_t done; /* its post is the writer's last touch: the caller's stack may be gone after it */
};

struct writer {
	struct db db;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct list waiting;
	bool stop;
	/* the thread's own: */
	bool full;       /* synchronous=FULL is set */
	int64_t sync_at; /* when what was committed without a sync must get one; 0: nothing was */
	int64_t
	    checkpoint_at; /* when the log is moved into the database if nothing else happens; 0: it is empty */
	int wal_pages;     /* of the log, after the last commit */
	int checkpoint_pages; /* the length at which it is moved anyway */
};

/* Opens the file (creates it, makes its tables) and starts the thread. */
MUST_CHECK enum fault writer_start(struct writer *, const char *path, struct why *);
/* After everything waiting has been done. */
void writer_stop(struct writer *);
/* Runs one request and gives its fault. */
enum fault writer_do(struct writer *, bool durable, enum fault (*run)(struct db *, void *, struct why *),
                     void *args, struct why *);

#endif
