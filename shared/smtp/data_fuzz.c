/*
 * The DATA stream: fed whole equals fed byte by byte; it ends at the first CRLF "." CRLF and nowhere else; what is
 * stuffed unstuffs to itself.
 */
#include <stdlib.h>

#include "smtp/data.h"

#define HOLDS(what)                                                                                          \
	do {                                                                                                 \
		if (!(what))                                                                                 \
			abort();                                                                             \
	} while (0)

/* Gives how much of the input was used. */
static size_t unstuff(struct smtp_data *d, struct slice in, size_t size, struct buf *out)
{
	size_t used = 0;

	smtp_data_init(d);
	while (used < in.len && !d->done) {
		struct slice chunk = slice_first(slice_from(in, used), size), run;
		size_t given = chunk.len;

		while (smtp_data_next(d, &chunk, &run))
			buf_add_slice(out, run);
		HOLDS(d->done || chunk.len == 0);
		used += given - chunk.len;
	}
	return used;
}

/* Where the data ends by the letter of RFC 5321 4.1.1.4; the whole length when it does not. */
static size_t end_of(struct slice in)
{
	ptrdiff_t at;

	if (slice_starts(in, ".\r\n"))
		return 3;
	at = slice_find(in, SLICE("\r\n.\r\n"));
	return at < 0 ? in.len : (size_t)at + 5;
}

static void check_sending(struct slice in)
{
	struct buf sent, back;
	struct smtp_dots dots = { 0 }, bytes = { 0 };
	struct smtp_data d;
	size_t used;

	buf_init(&sent, BUF_NO_LIMIT);
	buf_init(&back, BUF_NO_LIMIT);
	for (size_t i = 0; i < in.len; i++)
		smtp_dots_add(&bytes, slice_of(in.data + i, 1), &back);
	smtp_dots_end(&bytes, &back);
	smtp_dots_add(&dots, in, &sent);
	smtp_dots_end(&dots, &sent);
	HOLDS(slice_eq(buf_slice(&sent), buf_slice(&back)) && dots.bare == bytes.bare);
	buf_clear(&back);
	used = unstuff(&d, buf_slice(&sent), SIZE_MAX, &back);
	HOLDS(d.done && used == sent.len);
	HOLDS((d.bare_cr || d.bare_lf) == dots.bare);
	HOLDS(back.len >= in.len && back.len <= in.len + 2 &&
	      slice_eq(slice_first(buf_slice(&back), in.len), in));
	buf_done(&sent);
	buf_done(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct smtp_data whole, bytes;
	struct buf a, b;
	size_t used;

	buf_init(&a, BUF_NO_LIMIT);
	buf_init(&b, BUF_NO_LIMIT);
	used = unstuff(&whole, in, SIZE_MAX, &a);
	HOLDS(unstuff(&bytes, in, 1, &b) == used && slice_eq(buf_slice(&a), buf_slice(&b)));
	HOLDS(whole.done == bytes.done && whole.bare_cr == bytes.bare_cr && whole.bare_lf == bytes.bare_lf);
	HOLDS(used == end_of(in) && a.len <= used);
	buf_done(&a);
	buf_done(&b);
	check_sending(in);
	return 0;
}
