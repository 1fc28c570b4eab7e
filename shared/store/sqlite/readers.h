#ifndef SHARED_STORE_SQLITE_READERS_H
#define SHARED_STORE_SQLITE_READERS_H
/*
 * Connections for reading: as many as threads read at the same time, each one
 * thread's between take and give. The one given back last is taken first, so
 * that caches stay warm.
 */
#include <pthread.h>

#include "store/sqlite/db.h"

struct reader_db {
	struct db db;
	struct reader_db *next;
};

struct readers {
	const char *path;
	pthread_mutex_t lock;
	pthread_cond_t given;
	struct reader_db *idle;
	unsigned taken;
};

void readers_init(struct readers *, const char *path);
void readers_done(struct readers *); /* waits for those that are taken */
MUST_CHECK enum fault readers_take(struct readers *, struct reader_db **ret, struct why *);
void readers_give(struct readers *, struct reader_db *);

#endif
