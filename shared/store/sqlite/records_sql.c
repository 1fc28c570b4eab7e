/* The statements of the collections: the same for each, but for its name (sqlite_store.h). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/sqlite/sqlite_store.h"

/* Reads begin with the same three parameters: the account of the wall or NULL, whether the body is wanted, now. */
#define COLUMNS "SELECT key, version, accounts, index0, index1, expires, value, "
#define LIVE    "(?1 IS NULL OR owns(accounts, ?1)) AND (expires = 0 OR expires > ?3)"

static char *text(const char *format, ...) PRINTF_LIKE(1, 2);

static char *text(const char *format, ...)
{
	char sql[640];
	va_list args;

	va_start(args, format);
	vsnprintf(sql, sizeof(sql), format, args);
	va_end(args);
	return xstrdup(sql);
}

static void make_reads(struct record_sql *sql, const struct schema_collection *schema)
{
	const char *name = schema->name;
	char *body = schema->has_body
	                 ? text("(SELECT body FROM %1$s_body WHERE ?2 AND %1$s_body.n = %1$s.n)", name)
	                 : text("nullif(?2, ?2)");

	sql->get = text(COLUMNS "%2$s FROM %1$s WHERE " LIVE " AND key = ?4", name, body);
	sql->find_key =
	    text(COLUMNS "%2$s FROM %1$s WHERE " LIVE " AND key > ?4 ORDER BY key LIMIT ?5", name, body);
	for (int i = 0; i < RECORD_INDEXES; i++) {
		sql->find_equal[i] =
		    text(COLUMNS "%2$s FROM %1$s WHERE " LIVE " AND index%3$d = ?4 AND key > ?5 "
		                 "ORDER BY key LIMIT ?6",
		         name, body, i);
		sql->find_index[i] =
		    text(COLUMNS "%2$s FROM %1$s WHERE " LIVE " AND index%3$d IS NOT NULL AND "
		                 "(index%3$d, key) > (?4, ?5) ORDER BY index%3$d, key LIMIT ?6",
		         name, body, i);
	}
	free(body);
}

static void make_writes(struct record_sql *sql, const char *name)
{
	sql->look =
	    text("SELECT n, version, expires, ?1 IS NULL OR owns(accounts, ?1) FROM %s WHERE key = ?2", name);
	sql->same = text("SELECT accounts IS ?2 AND index0 IS ?3 AND index1 IS ?4 AND value IS ?5 FROM %s "
	                 "WHERE n = ?1",
	                 name);
	for (int i = 0; i < RECORD_INDEXES; i++)
		sql->rival[i] =
		    text("SELECT n, expires FROM %1$s WHERE index%2$d = ?1 AND key <> ?2", name, i);
	sql->insert = text("INSERT INTO %s (key, version, accounts, index0, index1, expires, value) "
	                   "VALUES (?, 1, ?, ?, ?, ?, ?)",
	                   name);
	sql->update = text("UPDATE %s SET version = version + 1, accounts = ?2, index0 = ?3, index1 = ?4, "
	                   "expires = ?5, value = ?6 WHERE n = ?1",
	                   name);
	sql->drop = text("DELETE FROM %s WHERE n = ?", name);
	sql->expired = text("SELECT n FROM %s WHERE expires > 0 AND expires <= ? LIMIT ?", name);
	sql->same_body = text("SELECT 1 FROM %s_body WHERE n = ? AND body = ?", name);
	sql->put_body = text("INSERT OR REPLACE INTO %s_body (n, body) VALUES (?, ?)", name);
	sql->drop_body = text("DELETE FROM %s_body WHERE n = ?", name);
	sql->get_signature =
	    text("SELECT signature FROM %1$s JOIN %1$s_signature USING (n) WHERE key = ?1 AND "
	         "(?2 IS NULL OR owns(accounts, ?2))",
	         name);
	sql->put_signature = text("INSERT OR REPLACE INTO %s_signature (n, signature) VALUES (?, ?)", name);
	sql->drop_signature = text("DELETE FROM %s_signature WHERE n = ?", name);
}

void record_sql_make(struct sqlite_store *store)
{
	for (int i = 0; i < COLL_COUNT; i++) {
		make_reads(&store->sql[i], &schema_collections[i]);
		make_writes(&store->sql[i], schema_collections[i].name);
	}
}

void record_sql_free(struct sqlite_store *store)
{
	for (int i = 0; i < COLL_COUNT; i++) {
		char **all = (char **)&store->sql[i];

		for (size_t k = 0; k < sizeof(store->sql[i]) / sizeof(char *); k++)
			free(all[k]);
	}
}
