#ifndef SHARED_MAIL_TRANSFER_H
#define SHARED_MAIL_TRANSFER_H
/*
 * Content transfer encodings (RFC 2045 6). Decoding is tolerant: what is no
 * base64 letter is passed over, a broken quoted-printable escape stays as it is
 * written. It streams, and how the input is cut never changes the output.
 */
#include "base/buf.h"

enum transfer {
	TRANSFER_7BIT,
	TRANSFER_8BIT,
	TRANSFER_BINARY,
	TRANSFER_QUOTED_PRINTABLE,
	TRANSFER_BASE64,
	TRANSFER_UNKNOWN, /* some other word: not to be decoded (IMAP: UNKNOWN-CTE) */
	TRANSFER_COUNT,
};

/* An empty name is 7bit. */
enum transfer transfer_of(struct slice name);
const char *transfer_name(enum transfer); /* as it stands in a header; "x-unknown" for UNKNOWN */

enum { TRANSFER_BLANKS = 128 };

struct transfer_decoder {
	enum transfer kind;
	uint8_t state;
	uint32_t bits;                   /* base64: letters gathered; quoted-printable: the first hex digit */
	uint8_t n;                       /* base64: how many; quoted-printable: blanks held back */
	uint8_t blanks[TRANSFER_BLANKS]; /* blanks that go if a line end follows */
};

void transfer_init(struct transfer_decoder *, enum transfer);
/* Decodes a chunk to the end of `out`. False: past its limit. 7bit, 8bit, binary and unknown pass as they are. */
bool transfer_feed(struct transfer_decoder *, struct slice chunk, struct buf *out);
/* What was held back at the end of the input. */
bool transfer_finish(struct transfer_decoder *, struct buf *out);

/* All at once. */
bool transfer_decode(struct buf *out, enum transfer, struct slice in);
/* How long the decoded form is. */
uint64_t transfer_decoded_len(enum transfer, struct slice in);

/* Lines of 76 characters, each ended by CRLF; nothing for nothing. */
bool transfer_encode_base64(struct buf *out, struct slice in);
/* Text with CRLF or LF line ends, which come out as CRLF; lines of at most 76, no trailing blanks, and nothing that
 * starts a line with "From " or is a lone dot. Other control characters are escaped. */
bool transfer_encode_qp(struct buf *out, struct slice text);

#endif
