#ifndef SHARED_SMTP_DATA_H
#define SHARED_SMTP_DATA_H
/*
 * The DATA stream (RFC 5321 4.1.1.4, 4.5.2), both ways.
 *
 * Receiving: only CRLF ends a line, so only CRLF "." CRLF ends the message;
 * with a bare CR or LF in it nothing ever does, whatever other servers make of
 * it (SMTP smuggling). Such bytes pass through and are told of, for the caller
 * to refuse the message once it has ended (550 5.6.11).
 *
 * Both are fed chunks of any size; how the stream is cut changes nothing.
 */
#include "base/buf.h"

struct smtp_data {
	bool done;             /* the final dot was met */
	bool bare_cr, bare_lf; /* in what was given out so far */
	uint8_t state;
};

void smtp_data_init(struct smtp_data *);
/*
 * Cuts from `*chunk` and gives the next bytes of the message, dots unstuffed;
 * call until it says false: then either the chunk is used up, or `done` is set
 * and `*chunk` holds what follows the dot's line (pipelined commands).
 * `ret` points into the chunk or at constant bytes.
 */
bool smtp_data_next(struct smtp_data *, struct slice *chunk, struct slice *ret);

struct smtp_dots { /* sending; begin with zeros */
	uint8_t state;
	/* A CR or LF stood alone: a careless receiver may see an end there, so do not send it on. */
	bool bare;
};

/* The message with a dot before each that starts a line, and otherwise as it is. */
bool smtp_dots_add(struct smtp_dots *, struct slice chunk, struct buf *out);
/* The final dot's line, behind a CRLF if the message did not end in one. */
bool smtp_dots_end(struct smtp_dots *, struct buf *out);

#endif
