/* Replies (reply.h). */
#include "smtp/reply.h"

#include "base/arena.h"
#include "base/utf8.h"

enum {
	TEXT_MAX = 480
}; /* RFC 5321 4.5.3.1.5: a line has 512 bytes at most; code, status and CRLF take some */

/* Reply-code = %x32-35 %x30-35 %x30-39; the second digit is not always kept to */
static int parse_code(struct slice line)
{
	uint64_t code;

	if (!slice_u64(slice_first(line, 3), 599, &code) || line.len < 3 || code < 200)
		return 0;
	return (int)code;
}

static void keep_line(struct smtp_reply *reply, struct arena *arena, struct slice text)
{
	struct slice *grown;

	if (reply->n_lines == reply->cap) {
		reply->cap = reply->cap ? reply->cap * 2 : 4;
		grown = arena_array(arena, struct slice, reply->cap);
		if (reply->n_lines)
			memcpy(grown, reply->lines, reply->n_lines * sizeof(*grown));
		reply->lines = grown;
	}
	reply->lines[reply->n_lines++] = arena_copy(arena, text);
}

/* Cuts "5.1.1 " from the front, when it is one of the code's own class. */
static void take_status(struct smtp_reply *reply, struct slice *text)
{
	struct slice rest = *text, word;
	struct smtp_status status;

	if (!slice_cut(&rest, ' ', &word) || !smtp_status_parse(word, &status) ||
	    status.class != reply->code / 100)
		return;
	if (reply->n_lines == 0)
		reply->status = status;
	*text = rest;
}

enum fault smtp_reply_line(struct smtp_reply *reply, struct arena *arena, struct slice line, struct why *why)
{
	int code = parse_code(line);
	struct slice text;

	if (!code || (line.len > 3 && line.data[3] != '-' && line.data[3] != ' '))
		return fault_set(why, FAULT_INPUT, "no SMTP reply line: %.*s",
		                 SLICE_FMT(slice_first(line, 80)));
	if (reply->code && reply->code != code)
		return fault_set(why, FAULT_INPUT, "reply code changed from %d to %d", reply->code, code);
	reply->bytes += line.len;
	if (reply->n_lines == SMTP_REPLY_LINES_MAX || reply->bytes > SMTP_REPLY_BYTES_MAX)
		return fault_set(why, FAULT_TOO_BIG, "reply too long");
	reply->code = code;
	text = slice_from(line, 4);
	take_status(reply, &text);
	keep_line(reply, arena, text);
	reply->done = line.len == 3 || line.data[3] == ' ';
	return FAULT_NONE;
}

static void add_clean(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		buf_addc(out, text.data[i] < ' ' || text.data[i] == 0x7f ? ' ' : text.data[i]);
}

struct slice smtp_reply_text(struct arena *arena, const struct smtp_reply *reply, char divider)
{
	char status[SMTP_STATUS_TEXT];
	struct slice text;
	struct buf out;

	buf_init(&out, BUF_NO_LIMIT); /* the reply is bounded */
	buf_printf(&out, "%d", reply->code);
	if (reply->status.class) {
		smtp_status_print(reply->status, status);
		buf_printf(&out, " %s", status);
	}
	for (uint32_t i = 0; i < reply->n_lines; i++) {
		if (i > 0)
			buf_addc(&out, (uint8_t)divider);
		else if (reply->lines[i].len)
			buf_addc(&out, ' ');
		add_clean(&out, reply->lines[i]);
	}
	text = arena_copy(arena, buf_slice(&out));
	buf_done(&out);
	return text;
}

bool smtp_reply_keyword(const struct smtp_reply *reply, const char *keyword, struct slice *ret_args)
{
	for (uint32_t i = 1; i < reply->n_lines; i++) {
		struct slice rest = reply->lines[i], word;

		if (!slice_cut(&rest, ' ', &word) || !slice_is(word, keyword))
			continue;
		*ret_args = slice_trim(rest);
		return true;
	}
	return false;
}

static void add_line(struct buf *out, int code, const char *status, struct slice text, bool last)
{
	buf_printf(out, "%03d%c", code, last ? ' ' : '-');
	if (status)
		buf_printf(out, "%s ", status);
	add_clean(out, text);
	buf_adds(out, "\r\n");
}

bool smtp_reply_add(struct buf *out, int code, const char *status, struct slice text)
{
	struct slice line, piece;

	text = slice_trim(text);
	if (!text.data)
		text = SLICE("");
	while (slice_cut(&text, '\n', &line)) {
		if (slice_ends(line, "\r"))
			line.len--;
		do {
			piece = utf8_cut(line, TEXT_MAX);
			line = slice_from(line, piece.len);
			add_line(out, code, status, piece, !text.data && !line.len);
		} while (line.len);
	}
	return !out->overflow;
}
