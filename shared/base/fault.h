#ifndef SHARED_BASE_FAULT_H
#define SHARED_BASE_FAULT_H
/*
 * What went wrong, as a class. A fallible call returns an enum fault and, last,
 * fills a struct why with one line for the log (never for the client). How each
 * class reads on each wire stands in one table, fault_row().
 */
#include <stdbool.h>
#include "base/macros.h"

enum fault {
	FAULT_NONE = 0,
	FAULT_TEMP,      /* the store, the net or a worker is away: try again later */
	FAULT_NOT_FOUND, /* no such account, mailbox, message, key */
	FAULT_NO_TARGET, /* the target of a copy or an append is missing */
	FAULT_EXISTS,    /* the name or id is taken */
	FAULT_STALE,     /* somebody changed it since you looked */
	FAULT_DENIED,    /* the acting account may not */
	FAULT_AUTH,      /* wrong name or password */
	FAULT_OVER_QUOTA,
	FAULT_LIMIT,   /* a configured limit is reached */
	FAULT_TOO_BIG, /* one thing is larger than its limit */
	FAULT_INPUT,   /* malformed; the peer's error */
	FAULT_UNSUPPORTED,
	FAULT_CORRUPT, /* stored data does not parse or does not open */
	FAULT_FULL,    /* the disk is full */
	FAULT_TIMEOUT,
	FAULT_CLOSED, /* the connection went away */
	FAULT_CONFIG, /* the operator has to change something */
	FAULT_CANCELLED,
	FAULT_COUNT,
};

struct why {
	char text[256]; /* one line, no newline; cut if longer */
};

struct fault_row {
	const char *name;     /* "OVER_QUOTA", for logs */
	int smtp;             /* basic reply code */
	const char *smtp_esc; /* enhanced status code, RFC 3463 */
	const char *imap;     /* response code without brackets, RFC 5530; NULL for none */
	int http;
	const char *text; /* what the client may read */
	bool transient;
};

const struct fault_row *fault_row(enum fault);
const char *fault_name(enum fault);

/* Fills `why` (NULL accepted) and returns `fault`: `return fault_set(why, FAULT_TEMP, "...")`. */
enum fault fault_set(struct why *why, enum fault fault, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "format: " before what `why` already says; returns `fault`. */
enum fault fault_add(struct why *why, enum fault fault, const char *format, ...) PRINTF_LIKE(3, 4);

/* FAULT_FULL for ENOSPC and EDQUOT, FAULT_DENIED for EACCES and EPERM, FAULT_NOT_FOUND for ENOENT, else
 * FAULT_TEMP. The text gets ": strerror". */
enum fault fault_errno(struct why *why, int error, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
