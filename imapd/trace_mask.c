/* What is written down of a session's bytes (trace_mask.h). */
#include "trace_mask.h"

#include <ctype.h>
#include <inttypes.h>

void trace_mask_init(struct trace_mask *mask, bool from_client)
{
	*mask = (struct trace_mask){ .from_client = from_client };
	buf_init(&mask->line, TRACE_LINE_MAX);
}

void trace_mask_done(struct trace_mask *mask)
{
	buf_done(&mask->line);
}

void trace_mask_refused(struct trace_mask *client, const struct trace_mask *server)
{
	if (!client->untouched || strcmp(client->tag, server->tag) != 0)
		return;
	client->literal = 0;
	client->untouched = client->inside = client->hidden = false;
}

/* "{123}", "{123+}" at the line's end; of a line that was cut, too, since its last bytes are kept. */
static bool announces(struct slice line, uint64_t *ret_size, bool *ret_waits)
{
	size_t end = line.len, open;
	bool waits = true;

	if (!end || line.data[--end] != '}')
		return false;
	if (end && line.data[end - 1] == '+') {
		waits = false;
		end--;
	}
	for (open = end; open && line.data[open - 1] >= '0' && line.data[open - 1] <= '9';)
		open--;
	if (!open || line.data[open - 1] != '{' ||
	    !slice_u64(slice_of(line.data + open, end - open), UINT64_MAX, ret_size))
		return false;
	*ret_waits = waits;
	return true;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* From `at` on, behind any number of blanks: also those that no grammar allows. */
static struct slice word(struct slice line, size_t at)
{
	size_t end;

	while (at < line.len && is_blank(line.data[at]))
		at++;
	for (end = at; end < line.len && !is_blank(line.data[end]);)
		end++;
	return slice_of(line.data + at, end - at);
}

static size_t end_of(struct slice line, struct slice word)
{
	return (size_t)(word.data - line.data) + word.len;
}

static bool is_login(struct slice verb, bool *ret_response)
{
	*ret_response = slice_is(verb, "AUTHENTICATE");
	return *ret_response || slice_is(verb, "LOGIN");
}

/* LOGIN or AUTHENTICATE behind a tag, as it should be, or where somebody has written it by mistake. */
static bool has_secret(struct slice line, bool *ret_response)
{
	const struct slice tag = word(line, 0), verb = word(line, end_of(line, tag));

	return is_login(verb, ret_response) || is_login(tag, ret_response) ||
	       (slice_is(verb, "UID") && is_login(word(line, end_of(line, verb)), ret_response));
}

/* What may be told of a line with a secret: the tag and the verb. */
static struct slice first_words(struct slice line)
{
	const struct slice tag = word(line, 0);
	bool response;

	return slice_first(line,
	                   is_login(tag, &response) ? tag.len : end_of(line, word(line, end_of(line, tag))));
}

static void note_tag(struct trace_mask *mask, struct slice line)
{
	const struct slice tag = slice_first(word(line, 0), TRACE_TAG_MAX);

	memcpy(mask->tag, tag.data, tag.len);
	mask->tag[tag.len] = '\0';
}

/* ":internal:9135…", with which a URL grants what it names (RFC 4467): who has read it could use it. */
static size_t token_at(struct slice line)
{
	static const char mark[] = ":internal:";
	size_t end = sizeof(mark) - 1;

	if (!slice_istarts(line, mark))
		return 0;
	while (end < line.len && isxdigit(line.data[end]))
		end++;
	return end;
}

/* What is read in a terminal shall not drive it. */
static void add_text(struct buf *out, struct slice line)
{
	for (size_t i = 0; i < line.len; i++) {
		const size_t token = token_at(slice_from(line, i));

		buf_addc(out, line.data[i] < 0x20 || line.data[i] == 0x7f ? '?' : line.data[i]);
		if (token) {
			buf_adds(out, "internal:(hidden)");
			i += token - 1;
		}
	}
}

static void write_line(struct trace_mask *mask, const char *head, struct slice line, struct buf *out)
{
	buf_adds(out, head);
	if (!mask->hidden)
		add_text(out, line);
	else if (!mask->inside)
		add_text(out, first_words(line));
	if (mask->hidden)
		buf_adds(out, mask->inside ? "(hidden)" : " (hidden)");
	else if (mask->cut)
		buf_printf(out, " (and %" PRIu64 " bytes)", mask->cut);
	if (mask->literal)
		buf_printf(out, " (%" PRIu64 " bytes)", mask->literal);
	buf_adds(out, "\n");
}

/* One after the other may come without being waited for. */
static bool is_response(const struct trace_mask *mask, struct slice line)
{
	return mask->response && line.len && !memchr(line.data, ' ', line.len) && !slice_is(line, "DONE");
}

static void end_line(struct trace_mask *mask, const char *head, struct buf *out)
{
	struct slice line = slice_trim(buf_slice(&mask->line));
	bool waits = false;

	if (!announces(line, &mask->literal, &waits))
		mask->literal = 0;
	if (mask->from_client && !mask->inside) {
		bool response = is_response(mask, line);

		if (response)
			line = SLICE("");
		mask->hidden = response || has_secret(line, &mask->response);
		note_tag(mask, line);
	}
	if (!mask->from_client && !mask->inside && line.len && line.data[0] != '*' && line.data[0] != '+') {
		mask->replied = true;
		note_tag(mask, line);
	}
	write_line(mask, head, line, out);
	mask->inside = mask->literal;
	mask->untouched = mask->literal && waits && mask->from_client;
	mask->cut = 0;
	buf_done(&mask->line);
}

/* The beginning of a long line, and its last bytes, since a literal may be announced there. */
static void add_to_line(struct trace_mask *mask, struct slice bytes)
{
	static const size_t tail = 32;
	size_t room = TRACE_LINE_MAX - mask->line.len;

	buf_add_slice(&mask->line, slice_first(bytes, room));
	if (bytes.len <= room)
		return;
	bytes = slice_from(bytes, room);
	mask->cut += bytes.len;
	bytes = slice_from(bytes, bytes.len > tail ? bytes.len - tail : 0);
	memmove(mask->line.data + TRACE_LINE_MAX - tail, mask->line.data + TRACE_LINE_MAX - tail + bytes.len,
	        tail - bytes.len);
	memcpy(mask->line.data + TRACE_LINE_MAX - bytes.len, bytes.data, bytes.len);
}

void trace_mask_feed(struct trace_mask *mask, const char *head, struct slice bytes, struct buf *out)
{
	mask->replied = false;
	while (bytes.len) {
		size_t skip = (size_t)MIN_OF(mask->literal, (uint64_t)bytes.len), len;
		const uint8_t *lf;

		mask->untouched = mask->untouched && !skip;
		mask->literal -= skip;
		bytes = slice_from(bytes, skip);
		lf = bytes.len ? memchr(bytes.data, '\n', bytes.len) : NULL;
		len = lf ? (size_t)(lf - bytes.data) + 1 : bytes.len;
		add_to_line(mask, slice_first(bytes, len));
		bytes = slice_from(bytes, len);
		if (lf)
			end_line(mask, head, out);
	}
}
