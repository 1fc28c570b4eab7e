/* Transfer encodings: how the input is cut does not matter, and what is encoded decodes. */
#include <stdlib.h>

#include "mail/transfer.h"

#define HOLDS(what)                                                                                          \
	do {                                                                                                 \
		if (!(what))                                                                                 \
			abort();                                                                             \
	} while (0)

static void decode_in_chunks(struct buf *out, enum transfer kind, struct slice in, size_t chunk)
{
	struct transfer_decoder d;

	transfer_init(&d, kind);
	while (in.len) {
		transfer_feed(&d, slice_first(in, chunk), out);
		in = slice_from(in, chunk);
	}
	transfer_finish(&d, out);
}

static void check_decoding(enum transfer kind, struct slice in)
{
	static const size_t chunks[] = { 1, 2, 7, 100 };
	struct buf whole, cut;

	buf_init(&whole, BUF_NO_LIMIT);
	buf_init(&cut, BUF_NO_LIMIT);
	HOLDS(transfer_decode(&whole, kind, in) && whole.len <= in.len);
	HOLDS(transfer_decoded_len(kind, in) == whole.len);
	for (size_t i = 0; i < ARRAY_LEN(chunks); i++) {
		buf_clear(&cut);
		decode_in_chunks(&cut, kind, in, chunks[i]);
		HOLDS(slice_eq(buf_slice(&whole), buf_slice(&cut)));
	}
	buf_done(&cut);
	buf_init(&cut, whole.len / 2);
	HOLDS(transfer_decode(&cut, kind, in) == (whole.len == 0) && cut.len <= whole.len / 2);
	buf_done(&whole);
	buf_done(&cut);
}

static void check_lines(struct slice encoded)
{
	struct slice line;

	while (slice_cut(&encoded, '\n', &line)) {
		if (slice_ends(line, "\r"))
			line.len--;
		HOLDS(line.len <= 76 && !slice_starts(line, "From ") && !slice_eq(line, SLICE(".")));
		HOLDS(!slice_ends(line, " ") && !slice_ends(line, "\t"));
	}
}

/* What came in, with each line end as CRLF. */
static void to_crlf(struct buf *out, struct slice in)
{
	for (size_t i = 0; i < in.len; i++) {
		if (in.data[i] == '\n' && !(i > 0 && in.data[i - 1] == '\r'))
			buf_addc(out, '\r');
		buf_addc(out, in.data[i]);
	}
}

static void check_encoding(struct slice in)
{
	struct buf encoded, decoded, want;

	buf_init(&encoded, BUF_NO_LIMIT);
	buf_init(&decoded, BUF_NO_LIMIT);
	buf_init(&want, BUF_NO_LIMIT);
	HOLDS(transfer_encode_base64(&encoded, in));
	check_lines(buf_slice(&encoded));
	HOLDS(transfer_decode(&decoded, TRANSFER_BASE64, buf_slice(&encoded)) &&
	      slice_eq(buf_slice(&decoded), in));
	buf_clear(&encoded);
	buf_clear(&decoded);
	HOLDS(transfer_encode_qp(&encoded, in));
	check_lines(buf_slice(&encoded));
	to_crlf(&want, in);
	HOLDS(transfer_decode(&decoded, TRANSFER_QUOTED_PRINTABLE, buf_slice(&encoded)));
	HOLDS(slice_eq(buf_slice(&decoded), buf_slice(&want)));
	buf_done(&encoded);
	buf_done(&decoded);
	buf_done(&want);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (enum transfer kind = 0; kind < TRANSFER_COUNT; kind++)
		check_decoding(kind, slice_of(data, size));
	check_encoding(slice_of(data, size));
	return 0;
}
