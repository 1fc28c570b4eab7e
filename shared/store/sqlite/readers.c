/* Connections for reading (readers.h). */
#include "store/sqlite/readers.h"

#include <stdlib.h>

void readers_init(struct readers *readers, const char *path)
{
	*readers = (struct readers){ .path = path };
	pthread_mutex_init(&readers->lock, NULL);
	pthread_cond_init(&readers->given, NULL);
}

static void close_reader(struct reader_db *reader)
{
	db_close(&reader->db);
	free(reader);
}

void readers_done(struct readers *readers)
{
	pthread_mutex_lock(&readers->lock);
	while (readers->taken)
		pthread_cond_wait(&readers->given, &readers->lock);
	pthread_mutex_unlock(&readers->lock);
	while (readers->idle) {
		struct reader_db *reader = readers->idle;

		readers->idle = reader->next;
		close_reader(reader);
	}
	pthread_cond_destroy(&readers->given);
	pthread_mutex_destroy(&readers->lock);
}

static enum fault open_reader(struct readers *readers, struct reader_db **ret, struct why *why)
{
	struct reader_db *reader = xzalloc(sizeof(*reader));
	enum fault fault = db_open(&reader->db, readers->path, false, why);

	/* nothing here ever checkpoints: that is the writer's */
	if (!fault)
		fault = db_exec(&reader->db, "PRAGMA query_only = ON; PRAGMA cache_size = -4096", why);
	if (fault) {
		close_reader(reader);
		return fault;
	}
	*ret = reader;
	return FAULT_NONE;
}

enum fault readers_take(struct readers *readers, struct reader_db **ret, struct why *why)
{
	struct reader_db *reader;
	enum fault fault = FAULT_NONE;

	pthread_mutex_lock(&readers->lock);
	readers->taken++;
	reader = readers->idle;
	if (reader)
		readers->idle = reader->next;
	pthread_mutex_unlock(&readers->lock);
	if (!reader)
		fault = open_reader(readers, &reader, why);
	if (fault) {
		readers_give(readers, NULL);
		return fault;
	}
	*ret = reader;
	return FAULT_NONE;
}

void readers_give(struct readers *readers, struct reader_db *reader)
{
	pthread_mutex_lock(&readers->lock);
	readers->taken--;
	if (reader) {
		reader->next = readers->idle;
		readers->idle = reader;
	}
	pthread_cond_signal(&readers->given);
	pthread_mutex_unlock(&readers->lock);
}
