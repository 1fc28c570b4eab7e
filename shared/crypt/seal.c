/*
 * Sealed pieces (seal.h).
 *
 * Key    of a piece: crypto_kdf of the content key, context "phpieces", subkey number = part;
 *        of a small thing: the same with "phsmalls".
 * Nonce  of a piece: index(8, LE) | last(1) | 15 zeros, so a content key seals a part once;
 *        of a small thing: 24 random bytes before the ciphertext, since a summary may be made again.
 */
#include "crypt/seal.h"

#include <assert.h>
#include <sodium.h>

#include "crypt/squeeze.h"

#define KEY   crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG   crypto_aead_xchacha20poly1305_ietf_ABYTES

#define MARK_PLAIN  0
#define MARK_ZSTD   1
#define SQUEEZE_MIN 128 /* below this compressing cannot pay */

_Static_assert(SEAL_PIECE_EXTRA == 1 + TAG && SEAL_SMALL_EXTRA == NONCE + SEAL_PIECE_EXTRA,
               "seal.h tells them");

static void part_key(const struct content_key *key, enum seal_part part, const char *context,
                     uint8_t out[KEY])
{
	crypto_kdf_derive_from_key(out, KEY, (uint64_t)part, context, key->raw);
}

static uint64_t pieces_of(uint64_t size)
{
	return size == 0 ? 1 : size / SEAL_PIECE + (size % SEAL_PIECE != 0);
}

/* Plaintext bytes of one piece. */
static size_t piece_size(const struct seal_layout *layout, uint32_t index)
{
	uint64_t before = (uint64_t)index * SEAL_PIECE;

	return (size_t)MIN_OF(layout->size - before, (uint64_t)SEAL_PIECE);
}

static void piece_nonce(uint8_t nonce[NONCE], uint64_t index, bool last)
{
	memset(nonce, 0, NONCE);
	for (int i = 0; i < 8; i++)
		nonce[i] = (uint8_t)(index >> (8 * i));
	nonce[8] = last;
}

bool seal_layout_pack(const struct seal_layout *layout, struct buf *out)
{
	buf_add_varint(out, layout->size);
	buf_add_varint(out, layout->n);
	for (uint32_t i = 0; i < layout->n; i++)
		buf_add_varint(out, layout->sealed[i]);
	return !out->overflow;
}

enum fault seal_layout_unpack(struct reader *reader, struct arena *arena, struct seal_layout *ret,
                              struct why *why)
{
	struct seal_layout layout = { .size = read_varint(reader) };
	uint64_t n = read_varint(reader), sealed;
	uint32_t *sizes;

	/* a size takes a byte at least, so n is bounded by what is there */
	if (reader->bad || n != pieces_of(layout.size) || n > reader->rest.len || n > UINT32_MAX)
		return fault_set(why, FAULT_CORRUPT, "a layout's pieces do not fit its size");
	layout.n = (uint32_t)n;
	layout.sealed = sizes = arena_array(arena, uint32_t, layout.n);
	for (uint32_t i = 0; i < layout.n; i++) {
		sealed = read_varint(reader);
		if (reader->bad || sealed < SEAL_PIECE_EXTRA ||
		    sealed > piece_size(&layout, i) + SEAL_PIECE_EXTRA)
			return fault_set(why, FAULT_CORRUPT, "piece %u of a layout has an impossible size",
			                 i);
		sizes[i] = (uint32_t)sealed;
	}
	*ret = layout;
	return FAULT_NONE;
}

uint64_t seal_layout_total(const struct seal_layout *layout)
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < layout->n; i++)
		total += layout->sealed[i];
	return total;
}

/* Mark and data, compressed where that saves an eighth, into `room` (1 + plain.len bytes). Gives their length. */
static size_t pack(struct slice plain, uint8_t *room)
{
	size_t packed = 0;

	if (plain.len >= SQUEEZE_MIN)
		packed = squeeze(plain, room + 1, plain.len - plain.len / 8);
	room[0] = packed ? MARK_ZSTD : MARK_PLAIN;
	if (packed)
		return 1 + packed;
	if (plain.len)
		memcpy(room + 1, plain.data, plain.len);
	return 1 + plain.len;
}

/* Packs into `room` and seals it there. Gives the sealed size, at most plain.len + SEAL_PIECE_EXTRA. */
static size_t seal_into(uint8_t *room, struct slice plain, const uint8_t nonce[NONCE], const uint8_t key[KEY])
{
	size_t len = pack(plain, room);

	crypto_aead_xchacha20poly1305_ietf_encrypt(room, NULL, room, len, NULL, 0, NULL, nonce, key);
	return len + TAG;
}

bool seal_all(const struct content_key *key, enum seal_part part, struct slice plain, struct arena *arena,
              struct buf *out, struct seal_layout *ret)
{
	struct seal_layout layout = { .size = plain.len, .n = (uint32_t)pieces_of(plain.len) };
	uint32_t *sizes = arena_array(arena, uint32_t, layout.n);
	uint8_t sub[KEY], nonce[NONCE], *room = NULL;
	size_t start = out->len;

	assert(pieces_of(plain.len) <= UINT32_MAX);
	part_key(key, part, "phpieces", sub);
	for (uint32_t i = 0; i < layout.n; i++) {
		struct slice piece =
		    slice_of(plain.data ? plain.data + (size_t)i * SEAL_PIECE : NULL, piece_size(&layout, i));

		room = buf_room(out, piece.len + SEAL_PIECE_EXTRA);
		if (!room)
			break;
		piece_nonce(nonce, i, i + 1 == layout.n);
		sizes[i] = (uint32_t)seal_into(room, piece, nonce, sub);
		out->len += sizes[i];
	}
	secret_wipe(sub, sizeof(sub));
	if (!room) {
		out->len = start;
		return false;
	}
	layout.sealed = sizes;
	*ret = layout;
	return true;
}

struct seal_range seal_locate(const struct seal_layout *layout, uint64_t offset, uint64_t len)
{
	struct seal_range range = { 0 };
	uint32_t last;

	if (offset >= layout->size || len == 0)
		return range;
	range.len = MIN_OF(len, layout->size - offset);
	range.first = (uint32_t)(offset / SEAL_PIECE);
	range.skip = (uint32_t)(offset % SEAL_PIECE);
	last = (uint32_t)((offset + range.len - 1) / SEAL_PIECE);
	range.n = last - range.first + 1;
	for (uint32_t i = 0; i <= last; i++)
		*(i < range.first ? &range.sealed_offset : &range.sealed_len) += layout->sealed[i];
	return range;
}

/* Opens to mark and data in this thread's scratch; a slice of NULL when it does not open. */
static struct slice open_packed(struct slice sealed, const uint8_t nonce[NONCE], const uint8_t key[KEY])
{
	uint8_t *packed;

	if (sealed.len < SEAL_PIECE_EXTRA)
		return slice_of(NULL, 0);
	packed = scratch_room(SCRATCH_OPENED, sealed.len);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(packed, NULL, NULL, sealed.data, sealed.len, NULL, 0,
	                                               nonce, key) != 0)
		return slice_of(NULL, 0);
	return slice_of(packed, sealed.len - TAG);
}

/* Exactly `size` bytes into `dst`, or false. */
static bool unpack(struct slice packed, uint8_t *dst, size_t size)
{
	struct slice data = slice_of(packed.data + 1, packed.len - 1);

	if (packed.data[0] == MARK_ZSTD)
		return unsqueeze(data, dst, size);
	if (packed.data[0] != MARK_PLAIN || data.len != size)
		return false;
	if (size)
		memcpy(dst, data.data, size);
	return true;
}

static enum fault open_into(const uint8_t key[KEY], const struct seal_layout *layout, uint32_t index,
                            struct slice sealed, uint8_t *dst, struct why *why)
{
	uint8_t nonce[NONCE];
	struct slice packed;

	if (index >= layout->n || sealed.len != layout->sealed[index])
		return fault_set(why, FAULT_CORRUPT, "piece %u is %zu bytes and the layout says otherwise",
		                 index, sealed.len);
	piece_nonce(nonce, index, index + 1 == layout->n);
	packed = open_packed(sealed, nonce, key);
	if (!packed.data)
		return fault_set(why, FAULT_CORRUPT, "piece %u of %u does not open", index, layout->n);
	if (!unpack(packed, dst, piece_size(layout, index)))
		return fault_set(why, FAULT_CORRUPT, "piece %u of %u is not the size it should be", index,
		                 layout->n);
	return FAULT_NONE;
}

/* Opens piece `index` and appends `len` bytes of it from `skip`: straight into `out` when that is all of it. */
static enum fault open_part(const uint8_t key[KEY], const struct seal_layout *layout, uint32_t index,
                            struct slice sealed, size_t skip, size_t len, struct buf *out, struct why *why)
{
	size_t size = piece_size(layout, index);
	bool whole = len == size;
	uint8_t *room = buf_room(out, len), *dst;
	enum fault fault;

	if (!room)
		return fault_set(why, FAULT_TOO_BIG, "piece %u does not fit where it is opened to", index);
	dst = whole ? room : scratch_room(SCRATCH_PLAIN, SEAL_PIECE);
	fault = open_into(key, layout, index, sealed, dst, why);
	if (fault)
		return fault;
	if (!whole)
		memcpy(room, dst + skip, len);
	out->len += len;
	return FAULT_NONE;
}

enum fault seal_open_piece(const struct content_key *key, enum seal_part part,
                           const struct seal_layout *layout, uint32_t index, struct slice sealed,
                           struct buf *out, struct why *why)
{
	uint8_t sub[KEY];
	enum fault fault;

	if (index >= layout->n)
		return fault_set(why, FAULT_CORRUPT, "there is no piece %u of %u", index, layout->n);
	part_key(key, part, "phpieces", sub);
	fault = open_part(sub, layout, index, sealed, 0, piece_size(layout, index), out, why);
	secret_wipe(sub, sizeof(sub));
	return fault;
}

enum fault seal_open_range(const struct content_key *key, enum seal_part part,
                           const struct seal_layout *layout, const struct seal_range *range,
                           struct slice sealed, struct buf *out, struct why *why)
{
	uint64_t left = range->len;
	size_t skip = range->skip, start = out->len, len;
	enum fault fault = FAULT_NONE;
	uint8_t sub[KEY];

	assert((uint64_t)range->first + range->n <= layout->n);
	if (sealed.len != range->sealed_len)
		return fault_set(why, FAULT_CORRUPT, "%zu sealed bytes came where %llu are due", sealed.len,
		                 (unsigned long long)range->sealed_len);
	part_key(key, part, "phpieces", sub);
	for (uint32_t i = range->first; !fault && i < range->first + range->n; i++) {
		len = (size_t)MIN_OF(left, (uint64_t)(piece_size(layout, i) - skip));
		fault =
		    open_part(sub, layout, i, slice_first(sealed, layout->sealed[i]), skip, len, out, why);
		sealed = slice_from(sealed, layout->sealed[i]);
		left -= len;
		skip = 0;
	}
	secret_wipe(sub, sizeof(sub));
	if (fault)
		out->len = start;
	return fault;
}

bool seal_small(const struct content_key *key, enum seal_part part, struct slice plain, struct buf *out)
{
	uint8_t *nonce = buf_room(out, plain.len + SEAL_SMALL_EXTRA);
	uint8_t sub[KEY];

	if (!nonce)
		return false;
	part_key(key, part, "phsmalls", sub);
	rand_bytes(nonce, NONCE);
	out->len += NONCE + seal_into(nonce + NONCE, plain, nonce, sub);
	secret_wipe(sub, sizeof(sub));
	return true;
}

enum fault seal_open_small(const struct content_key *key, enum seal_part part, struct slice sealed,
                           size_t max, struct buf *out, struct why *why)
{
	struct slice packed;
	uint8_t sub[KEY], *room;
	size_t size;

	if (sealed.len < SEAL_SMALL_EXTRA)
		return fault_set(why, FAULT_CORRUPT, "a small sealed thing of %zu bytes", sealed.len);
	if (sealed.len - SEAL_SMALL_EXTRA >
	    max) /* before it takes scratch memory: packing never makes it larger */
		return fault_set(why, FAULT_TOO_BIG, "%zu sealed bytes, %zu are allowed", sealed.len, max);
	part_key(key, part, "phsmalls", sub);
	packed = open_packed(slice_from(sealed, NONCE), sealed.data, sub);
	secret_wipe(sub, sizeof(sub));
	if (!packed.data)
		return fault_set(why, FAULT_CORRUPT, "%zu sealed bytes do not open", sealed.len);
	size = packed.data[0] == MARK_ZSTD ? unsqueezed_size(slice_from(packed, 1)) : packed.len - 1;
	if (size > max)
		return fault_set(why, FAULT_TOO_BIG, "%zu bytes were sealed, %zu are allowed", size, max);
	room = buf_room(out, size);
	if (!room)
		return fault_set(why, FAULT_TOO_BIG, "%zu bytes do not fit where they are opened to", size);
	if (!unpack(packed, room, size))
		return fault_set(why, FAULT_CORRUPT, "%zu sealed bytes do not unpack", sealed.len);
	out->len += size;
	return FAULT_NONE;
}
