#ifndef IMAPD_FETCH_RENDER_H
#define IMAPD_FETCH_RENDER_H
/*
 * The worker's part of FETCH: a batch of messages becomes text. A run stops when
 * it has enough for the client to read, also in the middle of a large literal, and the next one goes on there:
 * what a slow reader holds in memory is one batch of small records and one such text.
 *
 * A message that does not open is left out, and counted. Only when a part of it was sent already is the
 * response past mending (`cut`): the connection has to end.
 */
#include "batch.h"
#include "fetch_binary.h"
#include "fetch_item.h"

struct fetch_line {          /* beside an item of the batch: what the loop has written of its response */
	uint32_t start, len; /* in `lines` */
	bool tells_flags;
	bool told; /* its response is complete and in `out` */
};

struct fetch_opened { /* the message under way; what was opened of it so far */
	struct arena *arena;
	struct message message;
	struct message_summary summary;
	struct mime mime;
	bool has_summary, has_tree, has_plain;
	struct buf plain; /* all of it, when it is one piece */
};

struct fetch_render { /* zeroed at first */
	const struct fetch_request *request;
	struct batch *batch;
	struct fetch_line *lines; /* batch->n */
	struct buf text;          /* that they lie in */
	size_t at;                /* the first item not told */
	/* After a run. */
	struct buf out;
	bool cut;
	uint32_t gone, broken;
	uint32_t undecodable; /* BINARY of an encoding that nobody knows */
	struct why why;       /* of the first broken one */
	/* fetch_render.c's own */
	struct fetch_opened opened;
	uint32_t item; /* of the request */
	bool begun, streaming;
	uint64_t stream_at, stream_end; /* in the message */
	bool decoding;                  /* the stream is binary's */
	struct fetch_binary binary;
	struct buf raw; /* encoded, a piece of it */
};

/* For another batch; what was counted stays. */
void fetch_render_start(struct fetch_render *, const struct fetch_request *, struct batch *,
                        struct fetch_line *);
/* Worker. NONE: `out` is to be sent, and there is more while at < batch->n. A fault ends the command, behind `out`. */
MUST_CHECK enum fault fetch_render_run(struct fetch_render *, struct stack *, const struct actor *,
                                       const struct account_key *, struct why *);
void fetch_render_done(struct fetch_render *);

#endif
