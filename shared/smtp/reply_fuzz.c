/* Replies: what is read is bounded; what is written reads back as one reply. */
#include <stdlib.h>

#include "base/arena.h"
#include "smtp/reply.h"

#define HOLDS(what)                                                                                          \
	do {                                                                                                 \
		if (!(what))                                                                                 \
			abort();                                                                             \
	} while (0)

/* Lines up to the end of one reply; gives whether it got there. */
static bool read_reply(struct arena *arena, struct slice *rest, struct smtp_reply *reply)
{
	struct slice line;

	while (!reply->done && slice_cut(rest, '\n', &line)) {
		if (slice_ends(line, "\r"))
			line.len--;
		if (smtp_reply_line(reply, arena, line, NULL))
			return false;
		HOLDS(reply->code >= 200 && reply->code < 600 && reply->n_lines <= SMTP_REPLY_LINES_MAX);
		HOLDS(!reply->status.class || reply->status.class == reply->code / 100);
	}
	return reply->done;
}

static void check_written(struct arena *arena, struct slice text)
{
	struct smtp_reply reply = { 0 };
	struct slice rest, line;
	struct buf out;

	buf_init(&out, SMTP_REPLY_BYTES_MAX);
	if (smtp_reply_add(&out, 550, "5.7.1", text)) {
		rest = buf_slice(&out);
		while (slice_cut(&rest, '\n', &line))
			HOLDS(line.len < 512 &&
			      slice_chr(slice_first(line, line.len ? line.len - 1 : 0), '\r') < 0);
		rest = buf_slice(&out);
		if (read_reply(arena, &rest, &reply)) {
			HOLDS(rest.len == 0 && reply.code == 550);
			HOLDS(reply.status.class == 5 && reply.status.subject == 7 &&
			      reply.status.detail == 1);
		} else {
			HOLDS(reply.n_lines == SMTP_REPLY_LINES_MAX);
		}
	}
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_of(data, size), text, args;
	struct arena *arena = arena_new();
	struct smtp_reply reply = { 0 };

	if (read_reply(arena, &rest, &reply)) {
		text = smtp_reply_text(arena, &reply, '\n');
		HOLDS(text.len <= size + 16);
		(void)smtp_reply_keyword(&reply, "SIZE", &args);
	}
	check_written(arena, slice_of(data, size));
	arena_free(arena);
	return 0;
}
