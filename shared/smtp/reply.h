#ifndef SHARED_SMTP_REPLY_H
#define SHARED_SMTP_REPLY_H
/*
 * Replies (RFC 5321 4.2, RFC 2034): read line by line as a client gets them,
 * and written as a server sends them.
 */
#include "base/fault.h"
#include "base/buf.h"
#include "smtp/status.h"

struct arena;

enum { SMTP_REPLY_LINES_MAX = 256, SMTP_REPLY_BYTES_MAX = 64 * 1024 };

struct smtp_reply {                /* begin with zeros */
	int code;                  /* 200 to 599 */
	struct smtp_status status; /* of its first line; class 0: none */
	struct slice *lines;       /* texts behind code and status, in the arena */
	uint32_t n_lines, cap;
	size_t bytes;
	bool done; /* the last line is in */
};

/* Takes the next line, without its CRLF. INPUT: no reply line, or another code than before. TOO_BIG: past the limits
 * above. Not to be called once `done`. */
MUST_CHECK enum fault smtp_reply_line(struct smtp_reply *, struct arena *, struct slice line, struct why *);
/* One line for logs, and lines divided by LF for reports: "550 5.1.1 No such user". Control characters become
 * blanks. NUL-terminated in the arena. */
struct slice smtp_reply_text(struct arena *, const struct smtp_reply *, char divider);
/* A line of EHLO's reply that begins with this keyword: gives what follows it. The first line is the greeting. */
bool smtp_reply_keyword(const struct smtp_reply *, const char *keyword, struct slice *ret_args);

/* "250-..." and "250 ...", CRLF behind each: a line of `text` is a line of the reply, and those too long are divided.
 * `status` ("2.0.0", NULL: none) goes before each. Control characters become blanks. */
bool smtp_reply_add(struct buf *out, int code, const char *status, struct slice text);

#endif
