#ifndef SHARED_BASE_CONF_H
#define SHARED_BASE_CONF_H
/*
 * Configuration: one file for the whole suite, read by libconfuse. A setting is
 * one row of a table over a struct's field, and everything comes from that row:
 * parsing, bounds, --print-conf, reload, the printed sample in deploy/conf.
 *
 *   # posthouse.conf
 *   data_dir = "/var/lib/posthouse"     # global rows, shared by every daemon
 *   smtpd { message_max = "50M" }       # a section of one daemon
 *
 * Environment overrides: POSTHOUSE_DATA_DIR, POSTHOUSE_SMTPD_MESSAGE_MAX.
 * An unknown key or a value out of bounds is FAULT_CONFIG with file and line.
 */
#include "base/arena.h"
#include "base/fault.h"

struct buf;

enum conf_type {
	CONF_STR,      /* const char *, in the conf's arena; never NULL */
	CONF_INT,      /* int64_t */
	CONF_BOOL,     /* bool: yes, no, true, false */
	CONF_SIZE,     /* int64_t bytes: 50M, 64K, 1G, plain bytes */
	CONF_DURATION, /* int64_t ms: 300s, 5m, 1h, 2d, 250ms */
	CONF_LIST,     /* struct conf_list: comma-separated, or {"a", "b"} in the file */
};

enum conf_flags {
	CONF_RELOAD = 1, /* takes effect on SIGHUP */
	CONF_SECRET = 2, /* --print-conf shows <set> */
};

struct conf_list {
	const char **items;
	size_t n;
};

struct conf_row {
	enum conf_type type;
	const char *name;
	size_t offset;        /* of the field in the struct */
	const char *fallback; /* default, as text in the row's own notation */
	int flags;
	int64_t min, max; /* of numbers, sizes (bytes), durations (ms); both 0 for no bounds */
	const char *help; /* one line */
};

/* CONF(struct my_conf, CONF_SIZE, message_max, "50M", CONF_RELOAD, 1 << 10, 1 << 30, "largest message accepted") */
#define CONF(object, type, field, fallback, flags, min, max, help)                                           \
	{                                                                                                    \
		type, #field, offsetof(object, field), fallback, flags, min, max, help                       \
	}
#define CONF_END                                                                                             \
	{                                                                                                    \
		.name = NULL                                                                                 \
	}

struct conf_section {
	const char *name; /* "smtpd", or NULL for the global rows */
	const struct conf_row *rows;
	void *target; /* the struct to fill; NULL: check only */
};

/* Fills every target from defaults, then the file (NULL: no file), then the environment. Sections of the file that
 * are not among `sections` are skipped when `known_elsewhere` names them (NULL-terminated), else a fault. */
MUST_CHECK enum fault conf_load(const char *path, const struct conf_section *sections, size_t n_sections,
                                const char *const *known_elsewhere, struct arena *, struct why *);
/* The effective settings as a file that conf_load() reads back, each with its help line as a comment. */
void conf_print(const struct conf_section *sections, size_t n_sections, struct buf *out);

#endif
