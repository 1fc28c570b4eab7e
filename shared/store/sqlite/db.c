/* One connection (db.h). */
#include "store/sqlite/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* SQLite's own waiting grows to 100 ms a turn, and a busy neighbour is between two transactions for microseconds. */
static int on_busy(void *object, int count)
{
	struct db *db = object;
	struct timespec pause = { 0, 100000 + (long)rand_below(200000) * (count < 10 ? 1 : 4) };

	if (count == 0)
		db->busy_until = clock_mono_ms() + db->busy_ms;
	if (clock_mono_ms() >= db->busy_until)
		return 0;
	nanosleep(&pause, NULL);
	return 1;
}

static bool no_space(const struct db *db)
{
	int error = sqlite3_system_errno(db->handle);

	return error == ENOSPC || error == EDQUOT;
}

enum fault db_fault(struct db *db, int rc, struct why *why)
{
	const char *text = db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(rc);

	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return FAULT_NONE;
	case SQLITE_FULL:
		return fault_set(why, FAULT_FULL, "no space left for the database %s", db->path);
	case SQLITE_IOERR:
		if (no_space(db))
			return fault_set(why, FAULT_FULL, "no space left for the database %s", db->path);
		return fault_set(why, FAULT_TEMP, "database %s: %s (%d)", db->path, text, rc);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return fault_set(why, FAULT_CORRUPT,
		                 "the database %s is damaged (%s): stop Posthouse, then restore a backup, or "
		                 "rebuild it with: sqlite3 FILE .recover | sqlite3 NEW",
		                 db->path, text);
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
	case SQLITE_READONLY:
	case SQLITE_AUTH:
		return fault_set(
		    why, FAULT_CONFIG,
		    "cannot open the database %s (%s): check that its folder exists and belongs to the "
		    "user Posthouse runs as",
		    db->path, text);
	case SQLITE_NOMEM:
		return fault_set(why, FAULT_TEMP, "database %s: out of memory", db->path);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return fault_set(why, FAULT_TEMP, "database %s is busy with another process for too long",
		                 db->path);
	default:
		return fault_set(why, FAULT_TEMP, "database %s: %s (%d)", db->path, text, rc);
	}
}

/* ---- opening ---- */

/* Nobody else may read the file. It is made here because SQLite would make it as the umask says; and only when it is
 * new, since closing a file drops the process's locks on it. */
static enum fault make_file(const char *path, struct why *why)
{
	int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0) {
		close(fd);
		return FAULT_NONE;
	}
	if (errno == EEXIST)
		return FAULT_NONE;
	return fault_errno(why, errno, "cannot create the database %s", path) == FAULT_FULL ? FAULT_FULL
	                                                                                    : FAULT_CONFIG;
}

/* owns(accounts, account): whether a record's list of accounts names this one. The wall, inside the command. */
static void sql_owns(sqlite3_context *context, int n, sqlite3_value **values)
{
	const uint8_t *list = sqlite3_value_blob(values[0]), *account = sqlite3_value_blob(values[1]);
	int list_len = sqlite3_value_bytes(values[0]), size = sizeof(struct id);
	bool owns = false;

	(void)n;
	if (sqlite3_value_bytes(values[1]) == size)
		for (int at = 0; at + size <= list_len && !owns; at += size)
			owns = memcmp(list + at, account, (size_t)size) == 0;
	sqlite3_result_int(context, owns);
}

enum fault db_exec(struct db *db, const char *sql, struct why *why)
{
	return db_fault(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL), why);
}

void db_roll_back(struct db *db)
{
	if (!sqlite3_get_autocommit(db->handle))
		(void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

enum fault db_open(struct db *ret, const char *path, bool writes, struct why *why)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, rc;
	enum fault fault;

	*ret = (struct db){ .path = path, .busy_ms = DB_BUSY_MS };
	fault = writes ? make_file(path, why) : FAULT_NONE;
	if (fault)
		return fault;
	rc = sqlite3_open_v2(path, &ret->handle, flags, NULL);
	if (rc != SQLITE_OK)
		return db_fault(ret, rc, why);
	sqlite3_extended_result_codes(ret->handle, 1);
	sqlite3_busy_handler(ret->handle, on_busy, ret);
	rc = sqlite3_create_function_v2(ret->handle, "owns", 2,
	                                SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY, NULL,
	                                sql_owns, NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return db_fault(ret, rc, why);
	/* a key that was deleted must be gone from the file too, however SQLite was built */
	return db_exec(
	    ret, "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON", why);
}

void db_close(struct db *db)
{
	for (size_t i = 0; i < DB_STATEMENTS; i++)
		sqlite3_finalize(db->cache[i].stmt);
	sqlite3_close(db->handle);
	*db = (struct db){ 0 };
}

/* ---- queries ---- */

struct query query(struct db *db, const char *sql)
{
	struct query q = { .db = db, .rc = SQLITE_OK };
	size_t slot = (size_t)((uintptr_t)sql >> 3) * 0x9e3779b1u % DB_STATEMENTS;

	while (db->cache[slot].sql && db->cache[slot].sql != sql)
		slot = (slot + 1) % DB_STATEMENTS;
	if (!db->cache[slot].sql) {
		q.rc = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &q.stmt, NULL);
		if (q.rc != SQLITE_OK)
			return q;
		db->cache[slot].sql = sql;
		db->cache[slot].stmt = q.stmt;
	}
	q.stmt = db->cache[slot].stmt;
	return q;
}

void bind_int(struct query *q, int64_t value)
{
	if (q->rc == SQLITE_OK)
		q->rc = sqlite3_bind_int64(q->stmt, ++q->parameter, value);
}

void bind_bytes(struct query *q, struct slice bytes)
{
	if (q->rc != SQLITE_OK)
		return;
	if (!bytes.data)
		q->rc = sqlite3_bind_null(q->stmt, ++q->parameter);
	else
		q->rc = sqlite3_bind_blob64(q->stmt, ++q->parameter, bytes.data, bytes.len, SQLITE_STATIC);
}

void bind_id(struct query *q, const struct id *id)
{
	bind_bytes(q, id ? id_slice(id) : slice_of(NULL, 0));
}

bool query_row(struct query *q)
{
	if (q->rc != SQLITE_OK && q->rc != SQLITE_ROW)
		return false;
	q->rc = sqlite3_step(q->stmt);
	q->column = 0;
	return q->rc == SQLITE_ROW;
}

int64_t column_int(struct query *q)
{
	return sqlite3_column_int64(q->stmt, q->column++);
}

struct slice column_bytes(struct query *q, struct arena *arena)
{
	int column = q->column++;
	const void *data;

	if (sqlite3_column_type(q->stmt, column) == SQLITE_NULL)
		return slice_of(NULL, 0);
	data = sqlite3_column_blob(q->stmt, column);
	return arena_copy(arena, slice_of(data, (size_t)sqlite3_column_bytes(q->stmt, column)));
}

struct id column_id(struct query *q)
{
	int column = q->column++;
	const void *data = sqlite3_column_blob(q->stmt, column);
	struct id id = { { 0 } };

	if (data)
		(void)id_from(slice_of(data, (size_t)sqlite3_column_bytes(q->stmt, column)), &id);
	return id;
}

enum fault query_done(struct query *q, struct why *why)
{
	enum fault fault = db_fault(q->db, q->rc, why);

	if (q->stmt) {
		sqlite3_reset(q->stmt);
		sqlite3_clear_bindings(q->stmt);
	}
	return fault;
}

enum fault query_run(struct query *q, struct why *why)
{
	(void)query_row(q);
	return query_done(q, why);
}
