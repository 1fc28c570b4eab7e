/* Header fields and the end of a header (header.h). Only LF ends a line; a CR before it belongs to the line end. */
#include "mail/header.h"

#include "base/arena.h"

enum { SCAN_LINE_START, SCAN_LINE_START_CR, SCAN_IN_LINE };

struct header_iter header_iter_of(struct slice text)
{
	return (struct header_iter){ .text = text };
}

/* Length of the line at `p`, its LF included. */
static size_t line_len(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *lf = memchr(p, '\n', (size_t)(end - p));

	return (size_t)((lf ? lf + 1 : end) - p);
}

/* ftext = %d33-57 / %d59-126, and 8-bit for RFC 6532's sake; blanks may stand before the colon (obs-optional). */
static void split_name(struct header_field *field, const uint8_t *line, size_t first_line, size_t whole)
{
	size_t len = 0, colon;

	while (len < first_line && line[len] > ' ' && line[len] != ':' && line[len] != 0x7f)
		len++;
	colon = len;
	while (colon < first_line && (line[colon] == ' ' || line[colon] == '\t'))
		colon++;
	if (len == 0 || colon == first_line || line[colon] != ':') {
		field->name = slice_of(line, 0);
		field->value = slice_of(line, whole);
		return;
	}
	field->name = slice_of(line, len);
	field->value = slice_of(line + colon + 1, whole - colon - 1);
}

static void cut_line_end(struct slice *value)
{
	if (value->len && value->data[value->len - 1] == '\n')
		value->len--;
	else
		return;
	if (value->len && value->data[value->len - 1] == '\r')
		value->len--;
}

bool header_next(struct header_iter *it, struct header_field *ret)
{
	const uint8_t *p, *end;
	size_t first, whole;
	uint32_t lines;

	if (it->blank || it->at >= it->text.len)
		return false;
	p = it->text.data + it->at;
	end = it->text.data + it->text.len;
	first = line_len(p, end);
	if (p[0] == '\n' || (first == 2 && p[0] == '\r' && p[1] == '\n')) {
		it->blank = true;
		it->at += first;
		return false;
	}
	whole = first;
	lines = p[whole - 1] == '\n';
	while (p + whole < end && p[whole - 1] == '\n' && (p[whole] == ' ' || p[whole] == '\t')) {
		whole += line_len(p + whole, end);
		lines += p[whole - 1] == '\n';
	}
	split_name(ret, p, first, whole);
	cut_line_end(&ret->value);
	ret->start = it->at;
	it->at += whole;
	ret->end = it->at;
	ret->lines = lines;
	return true;
}

bool header_next_named(struct header_iter *it, const char *name, struct header_field *ret)
{
	struct header_field field;

	while (header_next(it, &field)) {
		if (!slice_is(field.name, name))
			continue;
		*ret = field;
		return true;
	}
	return false;
}

bool header_find(struct slice text, const char *name, struct header_field *ret)
{
	struct header_iter it = header_iter_of(text);

	return header_next_named(&it, name, ret);
}

size_t header_count(struct slice text, const char *name)
{
	struct header_iter it = header_iter_of(text);
	struct header_field field;
	size_t n = 0;

	while (header_next_named(&it, name, &field))
		n++;
	return n;
}

size_t header_end(struct slice text)
{
	struct header_scan scan;

	header_scan_init(&scan);
	return header_scan_feed(&scan, text);
}

struct slice header_unfold(struct arena *arena, struct slice value)
{
	uint8_t *copy;
	size_t len = 0;

	value = slice_trim(value);
	if (slice_chr(value, '\n') < 0)
		return value.data ? value : SLICE("");
	copy = arena_alloc(arena, value.len);
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] == '\n')
			continue;
		if (value.data[i] == '\r' && i + 1 < value.len && value.data[i + 1] == '\n')
			continue;
		copy[len++] = value.data[i];
	}
	return slice_of(copy, len);
}

void header_scan_init(struct header_scan *scan)
{
	*scan = (struct header_scan){ .state = SCAN_LINE_START };
}

static size_t scan_until(struct header_scan *scan, struct slice chunk)
{
	const uint8_t *p = chunk.data, *end = chunk.data + chunk.len, *lf;

	while (p < end) {
		if (scan->state == SCAN_IN_LINE) {
			lf = memchr(p, '\n', (size_t)(end - p));
			if (!lf)
				return chunk.len;
			p = lf + 1;
			scan->state = SCAN_LINE_START;
			continue;
		}
		if (*p == '\n') {
			scan->done = true;
			return (size_t)(p + 1 - chunk.data);
		}
		/* one CR may stand before the LF of an empty line; the byte after it is looked at again */
		scan->state =
		    scan->state == SCAN_LINE_START && *p == '\r' ? SCAN_LINE_START_CR : SCAN_IN_LINE;
		p++;
	}
	return chunk.len;
}

size_t header_scan_feed(struct header_scan *scan, struct slice chunk)
{
	size_t used = scan->done || chunk.len == 0 ? 0 : scan_until(scan, chunk);

	scan->len += used;
	return used;
}
