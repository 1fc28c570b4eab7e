#ifndef SHARED_BASE_LOG_H
#define SHARED_BASE_LOG_H
/*
 * Structured logs: one JSON object a line on stderr (or, for people, key=value
 * text: `log_format text`). Each line carries the fields of its context and of
 * the context's parents: listener -> session -> command. Never bodies,
 * passwords or tokens. Safe from any thread; a line is one write().
 */
#include "base/fault.h"
#include "base/slice.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

#define LOG_FIELDS 6

struct log_ctx {
	const struct log_ctx *parent;
	struct log_field {
		const char *key;   /* a literal */
		const char *value; /* borrowed: must outlive the context */
	} fields[LOG_FIELDS];
};

/* Once at start: the daemon's name, and the formats "json" or "text". */
void log_start(const char *daemon, enum log_level level, bool json);
void log_set_level(enum log_level);
bool log_level_parse(struct slice, enum log_level *ret);
bool log_wants(enum log_level);

void log_set(struct log_ctx *, const char *key, const char *value); /* adds or replaces; NULL value removes */

/* `what` is a short constant sentence ("message accepted"); pairs of const char * follow, key then value, ended by
 * NULL: log_line(ctx, LOG_INFO, "message accepted", "queue_id", id, "size", num, NULL). A NULL value skips its pair. */
void log_line(const struct log_ctx *, enum log_level, const char *what, ...) __attribute__((sentinel));
/* One line for a fault, once, where a daemon decides what to do about it. */
void log_fault(const struct log_ctx *, enum fault, const struct why *, const char *what);
/* printf into a thread's own ring of 8 buffers of 128 bytes, for values of log_line. */
const char *log_num(int64_t);
const char *log_fmt(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
