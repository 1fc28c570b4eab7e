#ifndef SHARED_STORE_MONGO_CALL_H
#define SHARED_STORE_MONGO_CALL_H
/*
 * One call of the store on MongoDB: a client of the pool for its duration, the
 * few commands it may send, and what became of them as a fault. Every function
 * here that returns a fault is one command (a find may take getMore as well).
 */
#include <pthread.h>

#include "store/mongo/doc.h"
#include "store/store.h"

/* When the server is away, callers shall hear it at once instead of each waiting for its own time-out. */
struct breaker {
	pthread_mutex_t lock;
	pthread_cond_t idle;
	unsigned failures;  /* calls in a row that did not reach the server */
	int64_t open_until; /* monotonic ms; 0: closed */
	bool probing;       /* open, and one call is finding out */
	unsigned calls;     /* in flight */
};

struct mongo {
	struct store base;
	mongoc_client_pool_t *pool;
	char *db;
	bson_t *durable;     /* { writeConcern: … }, options of every write */
	int64_t max_time_ms; /* the server gives up on a read after this */
	struct breaker breaker;
};

enum reading {
	READ_NEWEST, /* what a failover may still take back */
	READ_LASTING, /* what a majority has: what sessions are told of a mailbox, since UIDs and mod-sequences must not be
	               * given out twice, and whether a write whose answer was lost did happen */
	READ_SETTLED, /* the newest, and it will last: waits for that. For one document */
};

struct call {
	struct mongo *mongo;
	mongoc_client_t *client;
	struct why *why;
	enum reading reading; /* of the finds to come; NEWEST at the start */
	bool lost;            /* a command did not reach the server, or its answer not us */
};

/* Once a process: silences the driver's own log and starts it. */
void call_library_start(void);
void call_breaker_init(struct breaker *);
void call_breaker_done(struct breaker *); /* waits for the calls in flight */
void call_count_commands(mongoc_client_pool_t *);

/* TEMP while the server is away. Every successful start is ended by `return call_done(&call, fault)`. */
MUST_CHECK enum fault call_start(struct call *, struct store *, struct why *);
enum fault call_done(struct call *, enum fault);

/* A fault for what the driver says went wrong. */
enum fault call_fault(struct call *, const bson_error_t *, const char *collection);

/* The first match, copied into the arena. NOT_FOUND (with `why` untouched). `fields`: a projection, or NULL. */
MUST_CHECK enum fault call_find_one(struct call *, const char *collection, const bson_t *filter,
                                    const bson_t *fields, struct arena *, struct slice *ret);
/* All matches, up to `limit` (0: all), in the order of `sort` (NULL: none). */
struct search {
	const char *collection;
	const bson_t *filter, *fields, *sort;
	size_t limit;
};
MUST_CHECK enum fault call_find(struct call *, const struct search *, struct arena *, struct slice **ret,
                                size_t *ret_n);
/* EXISTS: the id or a unique index. Durable. */
MUST_CHECK enum fault call_insert(struct call *, const char *collection, const bson_t *doc);
/* Those whose id or unique index is there already are left out, and counted. Durable. */
MUST_CHECK enum fault call_insert_missing(struct call *, const char *collection, const bson_t **docs,
                                          size_t n, size_t *ret_missed);

struct change { /* of one document, mostly */
	const char *collection;
	const bson_t *filter, *update, *fields, *sort;
	bool upsert; /* update only */
	bool many;   /* update only: all that match */
	bool loose;  /* update only: nothing rests on it; a failover may take it back */
};
/* How many matched (an upsert that inserted counts). EXISTS: a unique index. Durable, unless loose. */
MUST_CHECK enum fault call_update(struct call *, const struct change *, size_t *ret_matched);
/* One findAndModify; the document as it became, in the arena. NOT_FOUND (with `why` untouched). Durable. */
MUST_CHECK enum fault call_modify(struct call *, const struct change *, struct arena *, struct slice *ret);

struct changes { /* of several documents, in one command */
	const char *collection;
	bson_t **filters, **updates;
	size_t n;
	bool upsert;
};
/* How many matched or were inserted, and how many clashed with an id or a unique index, which is no fault. Durable. */
struct changed {
	size_t matched, clashed;
};
MUST_CHECK enum fault call_update_each(struct call *, const struct changes *, struct changed *ret);
/* Durable. */
MUST_CHECK enum fault call_delete(struct call *, const char *collection, const bson_t *filter, bool many,
                                  size_t *ret_deleted);

#endif
