/* Opening and closing of the embedded backend, and its operations table (sqlite.h, store.h). */
#include "store/sqlite/sqlite.h"

#include <stdlib.h>

#include "store/sqlite/sqlite_store.h"

static enum fault sqlite_ping(struct store *base, struct why *why)
{
	struct readers *readers = &sqlite_of(base)->readers;
	struct reader_db *reader;
	struct query q;
	enum fault fault = readers_take(readers, &reader, why);

	if (fault)
		return fault;
	q = query(&reader->db, "SELECT 1 FROM settings LIMIT 1");
	fault = query_run(&q, why);
	readers_give(readers, reader);
	return fault;
}

static void free_store(struct sqlite_store *store)
{
	record_sql_free(store);
	free(store->path);
	free(store);
}

static void sqlite_close(struct store *base)
{
	struct sqlite_store *store = sqlite_of(base);

	readers_done(&store->readers);
	writer_stop(&store->writer); /* last: the last connection to close puts the log into the database */
	free_store(store);
}

static const struct store_ops ops = {
	.name = "sqlite",
	.get = sqlite_get,
	.put = sqlite_put,
	.put_many = sqlite_put_many,
	.del = sqlite_del,
	.signatures_get = sqlite_signatures_get,
	.signatures_put = sqlite_signatures_put,
	.find = sqlite_find,
	.mailbox_create = sqlite_mailbox_create,
	.mailbox_update = sqlite_mailbox_update,
	.mailbox_delete = sqlite_mailbox_delete,
	.mailbox_list = sqlite_mailbox_list,
	.mailbox_set_acl = sqlite_mailbox_set_acl,
	.mailbox_shared = sqlite_mailbox_shared,
	.mailbox_unshare = sqlite_mailbox_unshare,
	.contents_add_account = sqlite_contents_add_account,
	.commit = sqlite_commit,
	.move_done = sqlite_move_done,
	.moves = sqlite_moves,
	.read = sqlite_read,
	.take_recent = sqlite_take_recent,
	.pages_read = sqlite_pages_read,
	.page_get = sqlite_page_get,
	.pages_write = sqlite_pages_write,
	.trim = sqlite_trim,
	.queue_put = sqlite_queue_put,
	.queue_claim = sqlite_queue_claim,
	.queue_renew = sqlite_queue_renew,
	.queue_finish = sqlite_queue_finish,
	.queue_set = sqlite_queue_set,
	.queue_remove = sqlite_queue_remove,
	.queue_get = sqlite_queue_get,
	.queue_list = sqlite_queue_list,
	.queue_next_due = sqlite_queue_next_due,
	.expire = sqlite_expire,
	.ping = sqlite_ping,
	.close = sqlite_close,
};

enum fault store_sqlite_open(const struct store_conf *conf, struct store **ret, struct why *why)
{
	struct sqlite_store *store;
	enum fault fault;

	if (!conf->path || !conf->path[0])
		return fault_set(why, FAULT_CONFIG, "store sqlite needs the path of its database file");
	store = xzalloc(sizeof(*store));
	store->store.ops = &ops;
	store->path = xstrdup(conf->path);
	record_sql_make(store);
	fault = writer_start(&store->writer, store->path, why);
	if (fault) {
		free_store(store);
		return fault;
	}
	readers_init(&store->readers, store->path);
	*ret = &store->store;
	return FAULT_NONE;
}
