/*
 * Log lines (log.h). A line is built in one buffer and leaves by one write(2),
 * so lines of several threads never mix. Values are cut at VALUE_MAX, and bytes
 * that are no UTF-8 become U+FFFD: a peer's text cannot break a line.
 */
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"

#define VALUE_MAX 1024
#define RING      8
#define RING_SIZE 128

static const char *const level_names[] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARN] = "warn",
	[LOG_ERROR] = "error",
};

static const char *daemon_name = "posthouse";
static bool as_json;
static atomic_int least_level = LOG_INFO;

void log_start(const char *daemon, enum log_level level, bool json)
{
	daemon_name = daemon;
	as_json = json;
	log_set_level(level);
}

void log_set_level(enum log_level level)
{
	atomic_store(&least_level, (int)level);
}

bool log_level_parse(struct slice s, enum log_level *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
		if (!slice_is(s, level_names[i]))
			continue;
		*ret = (enum log_level)i;
		return true;
	}
	return false;
}

bool log_wants(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&least_level, memory_order_relaxed);
}

void log_set(struct log_ctx *ctx, const char *key, const char *value)
{
	struct log_field *free_field = NULL;

	for (size_t i = 0; i < LOG_FIELDS; i++) {
		struct log_field *field = &ctx->fields[i];

		if (field->key && strcmp(field->key, key) == 0) {
			field->value = value;
			return;
		}
		if (!free_field && (!field->key || !field->value))
			free_field = field;
	}
	if (!value)
		return;
	assert(free_field); /* raise LOG_FIELDS */
	if (free_field)
		*free_field = (struct log_field){ key, value };
}

/* A line under way, in one of the two formats. */
struct line {
	struct buf out;
	struct buf scratch; /* one value, made valid */
	json_t *json;       /* NULL: text */
};

static struct slice clean(struct line *line, const char *value)
{
	buf_clear(&line->scratch);
	utf8_add_lossy(&line->scratch, utf8_cut(slice_of(value, strnlen(value, VALUE_MAX + 1)), VALUE_MAX));
	return buf_slice(&line->scratch);
}

static bool is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/* For people: bare when that reads well, else quoted, and no control character ever reaches the terminal. */
static void text_value(struct buf *out, struct slice value)
{
	bool bare = value.len > 0;
	uint32_t code;
	size_t len;

	for (size_t i = 0; i < value.len; i++)
		bare &= value.data[i] > ' ' && value.data[i] < 0x7f && !strchr("\"\\=", value.data[i]);
	if (bare) {
		buf_add_slice(out, value);
		return;
	}
	buf_addc(out, '"');
	for (; value.len && (len = utf8_decode(value, &code)) > 0; value = slice_from(value, len)) {
		if (is_control(code))
			buf_printf(out, "\\u%04x", (unsigned)code);
		else if (code == '"' || code == '\\')
			buf_printf(out, "\\%c", (int)code);
		else
			buf_add(out, value.data, len);
	}
	buf_addc(out, '"');
}

static void add_field(struct line *line, const char *key, const char *value)
{
	struct slice good = clean(line, value);

	if (line->json) {
		json_object_set_new(
		    line->json, key,
		    json_stringn((const char *)(good.data ? good.data : (const uint8_t *)""), good.len));
		return;
	}
	buf_addc(&line->out, ' ');
	buf_adds(&line->out, key);
	buf_addc(&line->out, '=');
	text_value(&line->out, good);
}

static void add_context(struct line *line, const struct log_ctx *ctx)
{
	if (!ctx)
		return;
	add_context(line, ctx->parent);
	for (size_t i = 0; i < LOG_FIELDS; i++)
		if (ctx->fields[i].key && ctx->fields[i].value)
			add_field(line, ctx->fields[i].key, ctx->fields[i].value);
}

static void line_begin(struct line *line, enum log_level level, const char *what)
{
	char now[32];

	clock_rfc3339(clock_now(), now);
	buf_init(&line->out, BUF_NO_LIMIT); /* so many fields as the program names, each at most VALUE_MAX */
	buf_init(&line->scratch, 3 * VALUE_MAX);
	line->json = as_json ? json_object() : NULL;
	if (line->json) {
		add_field(line, "time", now);
		add_field(line, "level", level_names[level]);
		add_field(line, "daemon", daemon_name);
		add_field(line, "msg", what);
	} else {
		buf_printf(&line->out, "%s %-5s %s: %s", now, level_names[level], daemon_name, what);
	}
}

static int dump_json(const char *data, size_t len, void *out)
{
	return buf_add(out, data, len) ? 0 : -1;
}

static void line_end(struct line *line)
{
	ssize_t wrote;

	if (line->json) {
		json_dump_callback(line->json, dump_json, &line->out, JSON_COMPACT);
		json_decref(line->json);
	}
	buf_addc(&line->out, '\n');
	do
		wrote = write(STDERR_FILENO, line->out.data, line->out.len);
	while (wrote < 0 && errno == EINTR);
	buf_done(&line->out);
	buf_done(&line->scratch);
}

void log_line(const struct log_ctx *ctx, enum log_level level, const char *what, ...)
{
	struct line line;
	const char *key;
	va_list args;
	int was = errno;

	if (!log_wants(level))
		return;
	line_begin(&line, level, what);
	add_context(&line, ctx);
	va_start(args, what);
	while ((key = va_arg(args, const char *))) {
		const char *value = va_arg(args, const char *);

		if (value)
			add_field(&line, key, value);
	}
	va_end(args);
	line_end(&line);
	errno = was;
}

/* Ours to repair, or somebody's to notice, or a peer's everyday business. */
static enum log_level fault_level(enum fault fault)
{
	switch (fault) {
	case FAULT_CORRUPT:
	case FAULT_FULL:
	case FAULT_CONFIG:
		return LOG_ERROR;
	case FAULT_TEMP:
	case FAULT_TIMEOUT:
	case FAULT_LIMIT:
	case FAULT_STALE:
		return LOG_WARN;
	default:
		return LOG_INFO;
	}
}

void log_fault(const struct log_ctx *ctx, enum fault fault, const struct why *why, const char *what)
{
	log_line(ctx, fault_level(fault), what, "fault", fault_name(fault), "why",
	         why && why->text[0] ? why->text : NULL, NULL);
}

static char *ring_next(void)
{
	static _Thread_local char ring[RING][RING_SIZE];
	static _Thread_local unsigned at;

	return ring[at++ % RING];
}

const char *log_num(int64_t number)
{
	char *text = ring_next();

	snprintf(text, RING_SIZE, "%" PRId64, number);
	return text;
}

const char *log_fmt(const char *format, ...)
{
	char *text = ring_next();
	va_list args;

	va_start(args, format);
	vsnprintf(text, RING_SIZE, format, args);
	va_end(args);
	return text;
}
