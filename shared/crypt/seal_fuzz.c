/*
 * Layouts and pieces. The first byte says how the rest is taken:
 *   0  a layout and sealed bytes, as they may lie in a damaged store
 *   1  what a sealed piece holds, sealed here with the right key: only so does the fuzzer get at unpacking
 *   2  a plaintext: it must come back, whole and in ranges
 */
#include <sodium.h>
#include <stdlib.h>

#include "crypt/seal.h"

#define OPENED_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct content_key key;

static void take_stored(struct slice stored, struct arena *arena, struct buf *out)
{
	struct reader reader = reader_of(stored);
	struct seal_layout layout;
	struct seal_range range;
	struct why why;

	if (seal_layout_unpack(&reader, arena, &layout, &why))
		return;
	if (!seal_layout_pack(&layout, out))
		abort();
	buf_clear(out);
	range = seal_locate(&layout, reader.rest.len ? reader.rest.data[0] * 1000ULL : 0, 100000);
	if (range.sealed_offset + range.sealed_len > seal_layout_total(&layout))
		abort();
	if (range.n == 0 || reader.rest.len < range.sealed_len)
		return;
	if (!seal_open_range(&key, SEAL_BODY, &layout, &range, slice_first(reader.rest, range.sealed_len),
	                     out, &why))
		abort(); /* a forgery */
	if (out->len)
		abort();
}

static void take_inside(struct slice inside, struct arena *arena, struct buf *out)
{
	size_t size = inside.len >= 2 ? (size_t)inside.data[0] << 8 | inside.data[1] : 0;
	uint8_t sub[32], nonce[24] = { [8] = 1 };
	uint8_t *sealed = arena_alloc(arena, inside.len + 16);
	uint32_t sealed_size = (uint32_t)inside.len + 14;
	struct seal_layout layout = { size, 1, &sealed_size };
	struct why why;

	if (inside.len < 3)
		return;
	inside = slice_from(inside, 2);
	crypto_kdf_derive_from_key(sub, sizeof(sub), SEAL_BODY, "phpieces", key.raw);
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, inside.data, inside.len, NULL, 0, NULL,
	                                           nonce, sub);
	if (!seal_open_piece(&key, SEAL_BODY, &layout, 0, slice_of(sealed, sealed_size), out, &why) &&
	    out->len != size)
		abort();

	/* and as a small thing, whose size is the frame's own word */
	buf_clear(out);
	crypto_kdf_derive_from_key(sub, sizeof(sub), SEAL_SUMMARY, "phsmalls", key.raw);
	sealed = arena_alloc(arena, inside.len + 40);
	memcpy(sealed, nonce, sizeof(nonce));
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + 24, NULL, inside.data, inside.len, NULL, 0, NULL,
	                                           nonce, sub);
	if (!seal_open_small(&key, SEAL_SUMMARY, slice_of(sealed, inside.len + 40), size, out, &why) &&
	    out->len > size)
		abort();
}

static void take_plain(struct slice plain, struct arena *arena, struct buf *out)
{
	uint64_t from = plain.len ? plain.data[0] * 997ULL : 0;
	struct slice want = slice_from(plain, from);
	struct seal_layout layout;
	struct seal_range range;
	struct why why;
	struct buf sealed;

	buf_init(&sealed, BUF_NO_LIMIT);
	if (!seal_all(&key, SEAL_BODY, plain, arena, &sealed, &layout))
		abort();
	range = seal_locate(&layout, from, UINT64_MAX);
	if (range.n && (seal_open_range(&key, SEAL_BODY, &layout, &range,
	                                slice_from(buf_slice(&sealed), range.sealed_offset), out, &why) ||
	                !slice_eq(buf_slice(out), want)))
		abort();
	buf_done(&sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const takers[])(struct slice, struct arena *,
	                              struct buf *) = { take_stored, take_inside, take_plain };
	struct arena *arena;
	struct buf out;

	rand_start();
	if (size < 1)
		return 0;
	arena = arena_new();
	buf_init(&out, OPENED_MAX);
	takers[data[0] % ARRAY_LEN(takers)](slice_of(data + 1, size - 1), arena, &out);
	buf_done(&out);
	arena_free(arena);
	return 0;
}
