#ifndef IMAPD_FETCH_BINARY_H
#define IMAPD_FETCH_BINARY_H
/*
 * A part without its content transfer encoding (RFC 3516), a piece at a time: how long it is, then what is
 * wanted of it. No I/O here.
 */
#include "mail/mime.h"

#define BINARY_PIECE (512 * 1024) /* most to be fed at once */

struct fetch_binary {
	struct transfer_decoder decoder;
	uint64_t at, end;    /* encoded, in the message: what is still to be read */
	uint64_t skip, left; /* decoded: to be passed over, then to be given */
	uint64_t total;      /* decoded so far */
	uint64_t from, to;   /* decoded: where lines are counted */
	uint32_t lines;      /* LFs there */
	bool has_nul;
};

/* The encoded bytes at [offset, offset + len) of the message. Nothing of them is wanted yet. */
void fetch_binary_start(struct fetch_binary *, enum transfer, uint64_t offset, uint64_t len);
/* What stands at `at`; adds what is wanted of it to `out`. False: past the limit of `out`. */
bool fetch_binary_feed(struct fetch_binary *, struct slice chunk, struct buf *out);
/* Whether all that is wanted was given, or there is no more. */
bool fetch_binary_is_over(const struct fetch_binary *);

#endif
