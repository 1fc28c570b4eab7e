#ifndef SHARED_CRYPT_SEAL_H
#define SHARED_CRYPT_SEAL_H
/*
 * Sealed pieces: how a message body lies in the store.
 *
 * The plaintext is cut into pieces of 64 KiB (the last is shorter; an empty
 * body is one empty piece). Each piece is compressed with zstd where that saves
 * an eighth or more, then sealed with XChaCha20-Poly1305 under the subkey of its
 * part; the nonce is the piece's index and whether it is the last, so pieces cannot be moved, dropped
 * or cut off. Piece plaintext: one byte 0 (as is) or 1 (zstd), then the data.
 *
 * The layout (sizes of the sealed pieces) is kept beside the body, in clear; a wrong
 * layout makes pieces fail to open, nothing worse.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/fault.h"
#include "crypt/account_key.h"

#define SEAL_PIECE       (64 * 1024)
#define SEAL_PIECE_EXTRA 17 /* most that sealing adds to a piece: mark and tag */

#define SEAL_SMALL_EXTRA 41 /* most that seal_small() adds: nonce, mark and tag */

enum seal_part { SEAL_BODY = 1, SEAL_SUMMARY = 2, SEAL_SIGNATURE = 3, SEAL_ENVELOPE = 4, SEAL_TIMELINE = 5 };

struct seal_layout {
	uint64_t size;          /* of the plaintext */
	uint32_t n;             /* pieces */
	const uint32_t *sealed; /* size of each sealed piece */
};

bool seal_layout_pack(const struct seal_layout *, struct buf *out);
/* Checks that n fits size and that no piece is larger than it can be. */
MUST_CHECK enum fault seal_layout_unpack(struct reader *, struct arena *, struct seal_layout *ret,
                                         struct why *);
uint64_t seal_layout_total(const struct seal_layout *); /* bytes of all sealed pieces */

/* Seals `plain` whole, appended to `out`; the layout's array is in the arena. False when `out` overflows:
 * each piece needs room as if it were not compressed. */
bool seal_all(const struct content_key *, enum seal_part, struct slice plain, struct arena *, struct buf *out,
              struct seal_layout *ret);

/* Which sealed bytes hold plaintext [offset, offset+len), clipped to the size. */
struct seal_range {
	uint32_t first, n; /* pieces; n 0: nothing there */
	uint64_t sealed_offset, sealed_len;
	uint32_t skip; /* plaintext bytes to skip in the first piece */
	uint64_t len;  /* plaintext bytes wanted */
};
struct seal_range seal_locate(const struct seal_layout *, uint64_t offset, uint64_t len);

/* Opens one piece, appended to `out`. CORRUPT: wrong key, altered, moved, or cut. TOO_BIG: `out` overflows. */
MUST_CHECK enum fault seal_open_piece(const struct content_key *, enum seal_part, const struct seal_layout *,
                                      uint32_t index, struct slice sealed, struct buf *out, struct why *);
/* Opens the pieces of a range; `sealed` is exactly sealed_len bytes from sealed_offset. */
MUST_CHECK enum fault seal_open_range(const struct content_key *, enum seal_part, const struct seal_layout *,
                                      const struct seal_range *, struct slice sealed, struct buf *out,
                                      struct why *);

/* One small thing in one piece, without a layout (summaries); it may be sealed again when it changes. */
bool seal_small(const struct content_key *, enum seal_part, struct slice plain, struct buf *out);
/* `max`: plaintext larger than this is refused (TOO_BIG). CORRUPT. */
MUST_CHECK enum fault seal_open_small(const struct content_key *, enum seal_part, struct slice sealed,
                                      size_t max, struct buf *out, struct why *);

#endif
