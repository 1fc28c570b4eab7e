#ifndef IMAPD_COLUMN_H
#define IMAPD_COLUMN_H
/*
 * One value for each message, by UID: what a SORT or THREAD has made of headers, so that the next one looks only into
 * those that are new. A value is a number; or, of texts, the rank of one among all that the column has.
 *
 * A column never changes: one that knows more is made of it. So a worker may read what the loop has handed out. References are
 * counted on the loop only.
 */
#include "base/slice.h"

struct column;

/* NULL is a column of nothing, for all of these. */
struct column *column_ref(struct column *);
void column_unref(struct column *);
uint32_t column_count(const struct column *);
size_t column_memory(const struct column *);

/* What one command looks for in a column and adds to it. */
struct column_use {            /* zeroed at first, but for the first two */
	struct column *column; /* its reference is given back at the end */
	bool of_texts;
	struct column *made; /* by column_use_finish(), if there was anything fresh */
	uint32_t at;         /* where was looked last: messages come in order mostly */
	struct column_entry {
		uint32_t uid;
		int64_t number;
		struct slice text; /* the caller's, until column_use_finish() */
	} * fresh;
	uint32_t n, cap;
};

bool column_has(struct column_use *, uint32_t uid);
/* Of a message that it has not, once: the number, or the text. */
void column_add(struct column_use *, uint32_t uid, int64_t number, struct slice text);
void column_use_finish(struct column_use *);
/* As of what was added too, behind column_use_finish(). `none` for a message that is not there; the empty text's rank is 0. */
int64_t column_value(struct column_use *, uint32_t uid, int64_t none);
/* On the loop. */
void column_use_done(struct column_use *);

#endif
