#ifndef SHARED_STORE_SQLITE_DB_H
#define SHARED_STORE_SQLITE_DB_H
/*
 * One connection to the database file, its cached statements, and a way to run
 * them that reads from left to right:
 *
 *	struct query q = query(db, "SELECT a, b FROM t WHERE c = ?");
 *
 *	bind_int(&q, c);
 *	while (query_row(&q)) { x = column_int(&q); y = column_bytes(&q, arena); }
 *	return query_done(&q, why);
 *
 * Errors stick: after the first one nothing more happens and query_done() tells. A connection is one thread's at a time.
 */
#include <sqlite3.h>

#include "base/arena.h"
#include "base/fault.h"
#include "base/rand.h"

#define DB_STATEMENTS 256 /* slots of the cache; more distinct statements than half of them is a mistake */

#define DB_BUSY_MS 5000

struct db {
	sqlite3 *handle;
	const char *path;            /* the store's */
	int64_t busy_ms, busy_until; /* how long another process's transaction is waited for */
	struct {
		const char
		    *sql; /* compared as a pointer: statements are literals or live as long as the store */
		sqlite3_stmt *stmt;
	} cache[DB_STATEMENTS];
};

/* `ret` is set also on a fault, to be closed. */
MUST_CHECK enum fault db_open(struct db *ret, const char *path, bool writes, struct why *why);
void db_close(struct db *);
MUST_CHECK enum fault db_exec(struct db *, const char *sql, struct why *);
/* The end of a transaction that failed; some errors have ended it already. */
void db_roll_back(struct db *);
/* What SQLite's result means here; `why` says what to do where somebody has to. */
enum fault db_fault(struct db *, int rc, struct why *);

struct query {
	struct db *db;
	sqlite3_stmt *stmt;
	int rc, parameter, column;
};

struct query query(struct db *, const char *sql);
void bind_int(struct query *, int64_t);
void bind_bytes(struct query *, struct slice);   /* {NULL, 0} is NULL; borrowed until query_done() */
void bind_id(struct query *, const struct id *); /* NULL is NULL */
bool query_row(struct query *);
int64_t column_int(struct query *);
struct slice column_bytes(struct query *, struct arena *); /* a copy; {NULL, 0} for NULL */
struct id column_id(struct query *);                       /* zero for NULL */
/* Gives the statement back. */
enum fault query_done(struct query *, struct why *);
/* For statements without rows: step once, done. */
enum fault query_run(struct query *, struct why *);

#endif
