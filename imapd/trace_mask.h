#ifndef IMAPD_TRACE_MASK_H
#define IMAPD_TRACE_MASK_H
/*
 * What of a session may be written down: its lines, but of literals (messages, and what may be a password) only their
 * sizes, of LOGIN and AUTHENTICATE only that they came, of URLs not what they grant by, and of very long lines the
 * beginning. One for each direction; fed as it was sent, in any pieces, from a command's beginning on.
 */
#include "base/buf.h"

#define TRACE_LINE_MAX 2000
#define TRACE_TAG_MAX  200

struct trace_mask {
	bool from_client;
	struct buf line;
	uint64_t cut;                /* bytes of the line that were left out */
	uint64_t literal;            /* bytes of it still to come */
	bool untouched;              /* nothing of it has come, and its sender waits for leave to send it */
	bool inside;                 /* behind a literal: the command goes on */
	bool hidden;                 /* the command has a secret */
	bool response;               /* the next line may be one */
	bool replied;                /* server: a tagged reply was among what was fed last */
	char tag[TRACE_TAG_MAX + 1]; /* of the command, or of that reply */
};

void trace_mask_init(struct trace_mask *, bool from_client);
void trace_mask_done(struct trace_mask *);
/* Adds what may be written of `bytes`, line by line, each behind `head`. */
void trace_mask_feed(struct trace_mask *, const char *head, struct slice bytes, struct buf *out);
/* The server has replied: when that was to a command whose literal has not come, it was refused and does not come. */
void trace_mask_refused(struct trace_mask *client, const struct trace_mask *server);

#endif
