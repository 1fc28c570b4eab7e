/*
 * The DATA stream (data.h).
 *
 * LINE_START  behind CRLF, or at the very start      CR      behind a CR (given out already)
 * MIDDLE      anywhere else                          DOT     behind a line's first dot (never given out)
 * DOT_CR      behind that dot and a CR (held back: it may belong to the end)
 */
#include "smtp/data.h"

enum { LINE_START, MIDDLE, CR, DOT, DOT_CR };

void smtp_data_init(struct smtp_data *d)
{
	*d = (struct smtp_data){ .state = LINE_START };
}

/* The next CR or LF at or behind `p`. Bare CRs are rare: looking for the LF first makes both looks short. */
static const uint8_t *next_break(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *lf = memchr(p, '\n', (size_t)(end - p)), *cr;

	if (!lf)
		lf = end;
	cr = memchr(p, '\r', (size_t)(lf - p));
	return cr ? cr : lf;
}

/* One byte that goes out as it is: what it does to the state. */
static void pass(struct smtp_data *d, uint8_t c)
{
	if (c == '\n') {
		d->bare_lf |= d->state != CR;
		d->state = d->state == CR ? LINE_START : MIDDLE;
		return;
	}
	d->bare_cr |= d->state == CR;
	d->state = c == '\r' ? CR : MIDDLE;
}

/* Bytes that give nothing: the dot at a line's start, and what ends the data. False: none of those stands here. */
static bool swallow(struct smtp_data *d, struct slice *chunk)
{
	uint8_t c = chunk->data[0];

	if (d->state == LINE_START && c == '.')
		d->state = DOT;
	else if (d->state == DOT && c == '\r')
		d->state = DOT_CR;
	else if (d->state == DOT_CR && c == '\n')
		d->done = true;
	else
		return false;
	chunk->data++;
	chunk->len--;
	return true;
}

bool smtp_data_next(struct smtp_data *d, struct slice *chunk, struct slice *ret)
{
	const uint8_t *p, *end;

	while (!d->done && chunk->len && swallow(d, chunk))
		;
	if (d->done || chunk->len == 0)
		return false;
	if (d->state == DOT_CR) { /* it was no end: the CR held back comes out first */
		d->state = CR;
		*ret = SLICE("\r");
		return true;
	}
	p = chunk->data;
	end = p + chunk->len;
	while (p < end && !(d->state == LINE_START && *p == '.')) {
		if (d->state == MIDDLE)
			p = next_break(p, end);
		if (p < end)
			pass(d, *p++);
	}
	*ret = slice_of(chunk->data, (size_t)(p - chunk->data));
	*chunk = slice_of(p, (size_t)(end - p));
	return true;
}

bool smtp_dots_add(struct smtp_dots *d, struct slice chunk, struct buf *out)
{
	const uint8_t *p = chunk.data, *end = p + chunk.len, *start = p;

	while (p < end) {
		if (d->state == LINE_START && *p == '.') {
			buf_add(out, start, (size_t)(p - start));
			buf_addc(out, '.');
			start = p;
		}
		if (d->state == MIDDLE) {
			p = next_break(p, end);
			if (p == end)
				break;
		}
		d->bare |= *p == '\n' ? d->state != CR : d->state == CR;
		if (*p == '\n')
			d->state = d->state == CR ? LINE_START : MIDDLE;
		else
			d->state = *p == '\r' ? CR : MIDDLE;
		p++;
	}
	return buf_add(out, start, (size_t)(end - start));
}

bool smtp_dots_end(struct smtp_dots *d, struct buf *out)
{
	d->bare |= d->state == CR;
	if (d->state != LINE_START)
		buf_adds(out, "\r\n");
	d->state = LINE_START;
	return buf_adds(out, ".\r\n");
}
