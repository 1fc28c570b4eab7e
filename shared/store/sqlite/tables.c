/*
 * The tables of the database file. Collections have one each (schema.h), with
 * bodies apart, so that a summary is read without them. What belongs to a mailbox
 * carries its row number, `box`, which is never used again.
 */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "store/sqlite/sqlite_store.h"

#define OPEN_MS 10000 /* another process may be making the same file */

/* IF NOT EXISTS: a file that was made before there were any gets it as well */
#define ACL_TABLE                                                                                            \
	"CREATE TABLE IF NOT EXISTS acl (box INTEGER, who BLOB NOT NULL, rights INTEGER, PRIMARY KEY (box, " \
	"who)) WITHOUT ROWID;"                                                                               \
	"CREATE INDEX IF NOT EXISTS acl_who ON acl (who);"

#define MOVES_TABLE                                                                                          \
	"CREATE TABLE IF NOT EXISTS moves (box INTEGER, tag BLOB NOT NULL, move BLOB NOT NULL, PRIMARY KEY " \
	"(box, tag)) WITHOUT ROWID;"

static const char tables[] =
    "CREATE TABLE mailboxes (box INTEGER PRIMARY KEY AUTOINCREMENT, id BLOB NOT NULL UNIQUE, account BLOB "
    "NOT NULL, "
    "parent BLOB NOT NULL, name BLOB NOT NULL, name_hash BLOB NOT NULL, special_use INTEGER, subscribed "
    "INTEGER, "
    "no_select INTEGER, version INTEGER, uid_validity INTEGER, uid_next INTEGER, modseq INTEGER, log_base "
    "INTEGER, "
    "log_base_uid INTEGER, log_bytes INTEGER, vanished_floor INTEGER, messages INTEGER, unseen INTEGER, "
    "bytes INTEGER, recent_uid INTEGER, keywords INTEGER, history BLOB);"
    "CREATE UNIQUE INDEX mailboxes_name ON mailboxes (account, parent, name_hash);"
    "CREATE TABLE keywords (box INTEGER, n INTEGER, name BLOB NOT NULL, PRIMARY KEY (box, n)) WITHOUT ROWID;"
    "CREATE TABLE log (box INTEGER, modseq INTEGER, tag BLOB, messages INTEGER, unseen INTEGER, bytes "
    "INTEGER, "
    "uids INTEGER, entry BLOB NOT NULL, PRIMARY KEY (box, modseq)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX log_tag ON log (box, tag) WHERE tag IS NOT NULL;" ACL_TABLE MOVES_TABLE
    /* at: box << 32 | page number */
    "CREATE TABLE pages (at INTEGER PRIMARY KEY, modseq INTEGER, columns BLOB NOT NULL);"
    "CREATE TABLE page_keys (at INTEGER PRIMARY KEY, keys BLOB NOT NULL);"
    /* mailboxes that are gone, whose pages are not yet */
    "CREATE TABLE dead (box INTEGER PRIMARY KEY);"
    "CREATE TABLE queue (n INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, account BLOB, content BLOB, "
    "domain BLOB NOT NULL, status INTEGER, priority INTEGER, created INTEGER, due INTEGER, attempts INTEGER, "
    "size INTEGER, fence INTEGER, lease_until INTEGER, state BLOB);"
    "CREATE INDEX queue_claim ON queue (status, priority, due, lease_until);"
    "CREATE INDEX queue_due ON queue (status, lease_until, due);"
    "CREATE INDEX queue_domain ON queue (domain, id);"
    "CREATE INDEX queue_account ON queue (account, id);";

static enum fault make_collection(struct db *db, const struct schema_collection *schema, struct why *why)
{
	char sql[1024];
	enum fault fault;

	snprintf(sql, sizeof(sql),
	         "CREATE TABLE IF NOT EXISTS %1$s (n INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, version "
	         "INTEGER, "
	         "accounts BLOB, "
	         "index0 BLOB, index1 BLOB, expires INTEGER, value BLOB);"
	         "CREATE INDEX IF NOT EXISTS %1$s_expires ON %1$s (expires) WHERE expires > 0;",
	         schema->name);
	fault = db_exec(db, sql, why);
	for (int i = 0; !fault && i < RECORD_INDEXES; i++) {
		if (!schema->index[i].name)
			continue;
		/* unique ones are looked up before a write, which alone knows what has expired */
		snprintf(sql, sizeof(sql),
		         "CREATE INDEX IF NOT EXISTS %1$s_%2$s ON %1$s (index%3$d, key) WHERE index%3$d IS "
		         "NOT NULL",
		         schema->name, schema->index[i].name, i);
		fault = db_exec(db, sql, why);
	}
	if (!fault && schema->has_body) {
		snprintf(sql, sizeof(sql),
		         "CREATE TABLE IF NOT EXISTS %1$s_body (n INTEGER PRIMARY KEY, body BLOB NOT NULL);"
		         "CREATE TABLE IF NOT EXISTS %1$s_signature (n INTEGER PRIMARY KEY, signature BLOB "
		         "NOT NULL)",
		         schema->name);
		fault = db_exec(db, sql, why);
	}
	return fault;
}

static enum fault layout(struct db *db, int64_t *ret, struct why *why)
{
	struct query q = query(db, "PRAGMA user_version");

	if (query_row(&q))
		*ret = column_int(&q);
	return query_done(&q, why);
}

static bool has_history(struct db *db)
{
	struct query q = query(db, "SELECT 1 FROM pragma_table_info('mailboxes') WHERE name = 'history'");
	const bool there = query_row(&q);

	return query_done(&q, NULL) == FAULT_NONE && there;
}

/* What came last is there, so all is. */
static bool has_all(struct db *db)
{
	struct query q = query(db, "SELECT count(*) FROM sqlite_master WHERE name IN ('acl_who', "
	                           "'guests_mailbox', 'contents_signature', 'moves')");
	const bool all = query_row(&q) && column_int(&q) == 4;

	return query_done(&q, NULL) == FAULT_NONE && all && has_history(db);
}

static enum fault make_all(struct db *db, struct why *why)
{
	char sql[64];
	int64_t version = 0;
	enum fault fault = db_exec(db, "BEGIN IMMEDIATE", why);

	if (fault)
		return fault;
	fault = layout(db, &version, why);
	if (!fault && version == 0) {
		fault = db_exec(db, tables, why);
		snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", SCHEMA_VERSION);
		if (!fault)
			fault = db_exec(db, sql, why);
	}
	if (!fault)
		fault = db_exec(db, ACL_TABLE MOVES_TABLE, why);
	if (!fault && !has_history(db))
		fault = db_exec(db, "ALTER TABLE mailboxes ADD COLUMN history BLOB", why);
	/* a file that is older than a collection gets it now */
	for (int i = 0; !fault && i < COLL_COUNT; i++)
		fault = make_collection(db, &schema_collections[i], why);
	if (!fault)
		return db_exec(db, "COMMIT", why);
	db_roll_back(db);
	return fault;
}

/* Changing to WAL needs the file alone for a moment, and SQLite does not call the busy handler for that. */
static enum fault set_wal(struct db *db, struct why *why)
{
	int64_t deadline = clock_mono_ms() + OPEN_MS;
	struct timespec pause = { 0, 10000000 };
	enum fault fault;

	for (;;) {
		fault = db_exec(db, "PRAGMA journal_mode = WAL", why);
		if (fault != FAULT_TEMP || clock_mono_ms() > deadline)
			return fault;
		nanosleep(&pause, NULL);
	}
}

enum fault tables_make(struct db *db, struct why *why)
{
	int64_t version = 0;
	enum fault fault = set_wal(db, why);

	if (!fault)
		fault = layout(db, &version, why);
	if (!fault && (version == 0 || !has_all(db)))
		fault = make_all(db, why);
	if (!fault && version > SCHEMA_VERSION)
		fault = fault_set(
		    why, FAULT_CONFIG,
		    "the database %s was written by a newer Posthouse: install that version again", db->path);
	return fault;
}
