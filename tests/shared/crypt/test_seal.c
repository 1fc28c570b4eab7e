/* Sealed pieces: the frozen format, ranges, everything that may be changed, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <zstd.h>

#include "shared/crypt/seal_test.h"
#include "shared/crypt/vectors.h"

static void the_format_is_frozen(void **state)
{
	uint8_t hash[32];
	struct sealed *sealed;

	(void)state;
	sealed = seal(SLICE(VECTOR_BODY_TEXT));
	assert_slice(buf_slice(&sealed->bytes), unhex(arena, VECTOR_BODY));
	buf_done(&sealed->bytes);
	sealed = seal(slice_of(NULL, 0));
	assert_slice(buf_slice(&sealed->bytes), unhex(arena, VECTOR_EMPTY_BODY));
	buf_done(&sealed->bytes);
	sealed = seal(noise(SEAL_PIECE + 5));
	assert_int_equal(sealed->layout.n, 2);
	crypto_hash_sha256(hash, sealed->bytes.data, sealed->bytes.len);
	assert_slice(slice_of(hash, 32), unhex(arena, VECTOR_NOISE_SEALED_SHA256));
	buf_done(&sealed->bytes);
}

static void stored_bytes_open(void **state)
{
	struct slice squeezed = unhex(arena, VECTOR_SQUEEZED_BODY);
	uint32_t size = (uint32_t)squeezed.len;
	struct seal_layout layout = { 200, 1, &size };
	struct why why;
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(seal_open_piece(&key, SEAL_BODY, &layout, 0, squeezed, &out, &why), FAULT_NONE);
	assert_int_equal(out.len, 200);
	for (size_t i = 0; i < 200; i++)
		assert_int_equal(out.data[i], 'a');
	buf_clear(&out);
	assert_int_equal(seal_open_small(&key, SEAL_SUMMARY, unhex(arena, VECTOR_SMALL), 100, &out, &why),
	                 FAULT_NONE);
	assert_slice(buf_slice(&out), SLICE(VECTOR_BODY_TEXT));
	buf_done(&out);
}

static void bodies_come_back_whole(void **state)
{
	static const size_t sizes[] = { 0,
		                        1,
		                        127,
		                        128,
		                        129,
		                        SEAL_PIECE - 1,
		                        SEAL_PIECE,
		                        SEAL_PIECE + 1,
		                        2 * SEAL_PIECE,
		                        200000,
		                        5 * 1024 * 1024 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		for (int compresses = 0; compresses < 2; compresses++) {
			struct slice plain = compresses ? text(sizes[i]) : noise(sizes[i]);
			struct sealed *sealed = seal(plain);
			struct buf out;

			buf_init(&out, plain.len); /* not a byte more than there is */
			assert_int_equal(open_all(sealed, &out), FAULT_NONE);
			assert_slice(buf_slice(&out), plain);
			assert_int_equal(sealed->layout.n,
			                 MAX_OF((plain.len + SEAL_PIECE - 1) / SEAL_PIECE, (size_t)1));
			if (compresses && plain.len >= 1000)
				assert_true(sealed->bytes.len < plain.len / 2);
			else
				assert_true(sealed->bytes.len <=
				            plain.len + sealed->layout.n * SEAL_PIECE_EXTRA);
			buf_done(&out);
			buf_done(&sealed->bytes);
		}
	}
}

static void check_range(const struct sealed *sealed, struct slice plain, uint64_t offset, uint64_t len)
{
	struct seal_range range = seal_locate(&sealed->layout, offset, len);
	struct slice want = slice_first(slice_from(plain, offset), len);
	struct slice bytes =
	    slice_first(slice_from(buf_slice(&sealed->bytes), range.sealed_offset), range.sealed_len);
	struct why why = { "" };
	struct buf out;

	buf_init(&out, want.len);
	if (range.len != want.len || bytes.len != range.sealed_len ||
	    seal_open_range(&key, SEAL_BODY, &sealed->layout, &range, bytes, &out, &why) ||
	    !slice_eq(buf_slice(&out), want))
		fail_msg("%llu+%llu: %s", (unsigned long long)offset, (unsigned long long)len, why.text);
	if (want.len == 0)
		assert_int_equal(range.n, 0);
	buf_done(&out);
}

static void ranges_open_at_every_boundary(void **state)
{
	struct slice plain = text(3 * SEAL_PIECE + 100);
	struct sealed *sealed = seal(plain), *empty = seal(slice_of(NULL, 0)),
	              *exact = seal(text(2 * SEAL_PIECE));
	uint64_t edges[32];
	size_t n = 0;

	(void)state;
	for (uint64_t piece = 0; piece <= 3; piece++)
		for (int around = -1; around <= 1; around++)
			if (piece > 0 || around >= 0)
				edges[n++] = piece * SEAL_PIECE + (uint64_t)(int64_t)around;
	edges[n++] = plain.len - 1;
	edges[n++] = plain.len;
	edges[n++] = plain.len + 1;
	edges[n++] = UINT64_MAX;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < n; k++) {
			check_range(sealed, plain, edges[i], edges[k]); /* as an offset and a length */
			if (edges[k] >= edges[i])
				check_range(sealed, plain, edges[i], edges[k] - edges[i]); /* as two ends */
			check_range(empty, slice_of(NULL, 0), edges[i], edges[k]);
			check_range(exact, text(2 * SEAL_PIECE), edges[i], edges[k]);
		}
	}
	buf_done(&sealed->bytes);
	buf_done(&empty->bytes);
	buf_done(&exact->bytes);
}

/* A body whose pieces are all of one sealed size, so that only the nonce tells them apart. */
static void pieces_cannot_be_moved_dropped_or_cut_off(void **state)
{
	struct slice plain = noise(3 * SEAL_PIECE);
	struct sealed *sealed = seal(plain);
	const uint32_t size = SEAL_PIECE + SEAL_PIECE_EXTRA;
	uint32_t sizes[4] = { size, size, size, size };
	struct slice piece[3];
	struct why why;
	struct buf out;

	(void)state;
	buf_init(&out, BUF_NO_LIMIT);
	for (size_t i = 0; i < 3; i++)
		piece[i] = slice_of(sealed->bytes.data + i * size, size);
	for (uint32_t at = 0; at < 3; at++) /* moved */
		for (uint32_t from = 0; from < 3; from++)
			if (seal_open_piece(&key, SEAL_BODY, &sealed->layout, at, piece[from], &out, &why) !=
			    (at == from ? FAULT_NONE : FAULT_CORRUPT))
				fail_msg("piece %u at %u", from, at);
	buf_clear(&out);
	for (uint32_t n = 1; n <= 4;
	     n++) { /* the end cut off, or made up: the last piece is no longer last */
		struct seal_layout layout = { (uint64_t)n * SEAL_PIECE, n, sizes };

		assert_int_equal(seal_open_piece(&key, SEAL_BODY, &layout, MIN_OF(n, 3U) - 1,
		                                 piece[MIN_OF(n, 3U) - 1], &out, &why),
		                 n == 3 ? FAULT_NONE : FAULT_CORRUPT);
	}
	buf_clear(&out);
	for (size_t cut = 0; cut < 20; cut++) /* a piece cut short, at both ends */
		assert_int_equal(seal_open_piece(&key, SEAL_BODY, &sealed->layout, 0,
		                                 cut < 10 ? slice_first(piece[0], size - 1 - cut)
		                                          : slice_from(piece[0], cut - 9),
		                                 &out, &why),
		                 FAULT_CORRUPT);
	assert_int_equal(seal_open_piece(&key, SEAL_BODY, &sealed->layout, 3, piece[2], &out, &why),
	                 FAULT_CORRUPT);
	assert_int_equal(out.len, 0);
	buf_done(&out);
	buf_done(&sealed->bytes);
}

static void every_changed_byte_is_seen(void **state)
{
	static const size_t sizes[] = { 0, 30, 600, SEAL_PIECE + 40 };

	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
		struct sealed *sealed = seal(text(sizes[s]));
		struct buf out;

		buf_init(&out, BUF_NO_LIMIT);
		buf_adds(&out, "kept");
		for (size_t i = 0; i < sealed->bytes.len; i++) {
			enum fault fault;

			sealed->bytes.data[i] ^= (uint8_t)BIT(i % 8);
			if (sizes[s] == 0) { /* a range of nothing opens nothing: ask for the piece */
				struct why why;

				fault = seal_open_piece(&key, SEAL_BODY, &sealed->layout, 0,
				                        buf_slice(&sealed->bytes), &out, &why);
			} else {
				fault = open_all(sealed, &out);
			}
			if (fault != FAULT_CORRUPT || out.len != 4)
				fail_msg("size %zu byte %zu: %s", sizes[s], i, fault_name(fault));
			sealed->bytes.data[i] ^= (uint8_t)BIT(i % 8);
		}
		buf_done(&out);
		buf_done(&sealed->bytes);
	}
}

static void another_key_or_part_does_not_open(void **state)
{
	struct sealed *sealed = seal(text(500));
	struct content_key other = key;
	struct why why;
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	other.raw[31] ^= 1;
	assert_int_equal(
	    seal_open_piece(&other, SEAL_BODY, &sealed->layout, 0, buf_slice(&sealed->bytes), &out, &why),
	    FAULT_CORRUPT);
	assert_int_equal(
	    seal_open_piece(&key, SEAL_SIGNATURE, &sealed->layout, 0, buf_slice(&sealed->bytes), &out, &why),
	    FAULT_CORRUPT);
	assert_int_equal(seal_open_small(&key, SEAL_BODY, buf_slice(&sealed->bytes), 1000, &out, &why),
	                 FAULT_CORRUPT);
	buf_done(&out);
	buf_done(&sealed->bytes);
}

/* A piece of ours with anything at all inside, as only a holder of the key could make it. */
static struct slice forge(struct slice inside)
{
	uint8_t sub[32], nonce[24] = { [8] = 1 };
	uint8_t *sealed = arena_alloc(arena, inside.len + 16);

	crypto_kdf_derive_from_key(sub, sizeof(sub), SEAL_BODY, "phpieces", key.raw);
	crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, inside.data, inside.len, NULL, 0, NULL,
	                                           nonce, sub);
	return slice_of(sealed, inside.len + 16);
}

static struct slice bomb(size_t size)
{
	uint8_t *zeros = calloc(1, size), *packed = arena_alloc(arena, ZSTD_compressBound(size) + 1);
	size_t len = ZSTD_compress(packed + 1, ZSTD_compressBound(size), zeros, size, 19);

	assert_false(ZSTD_isError(len));
	packed[0] = 1;
	free(zeros);
	return slice_of(packed, len + 1);
}

static void nothing_unpacks_past_its_piece(void **state)
{
	struct {
		const char *name;
		uint64_t size; /* as the layout says */
		struct slice inside;
		enum fault fault;
	} cases[] = {
		{ "as it should be", 300, bomb(300), FAULT_NONE },
		{ "one byte more than the piece", 300, bomb(301), FAULT_CORRUPT },
		{ "one byte less", 300, bomb(299), FAULT_CORRUPT },
		{ "a bomb", SEAL_PIECE, bomb(100 * 1024 * 1024), FAULT_CORRUPT },
		{ "plain and too long", 3, SLICE("\0abcd"), FAULT_CORRUPT },
		{ "plain and too short", 3, SLICE("\0ab"), FAULT_CORRUPT },
		{ "no zstd at all", 3, SLICE("\1abc"), FAULT_CORRUPT },
		{ "an unknown mark", 3, SLICE("\2abc"), FAULT_CORRUPT },
		{ "a mark and nothing", 0, SLICE("\0"), FAULT_NONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice sealed = forge(cases[i].inside);
		uint32_t size = (uint32_t)sealed.len;
		struct seal_layout layout = { cases[i].size, 1, &size };
		struct why why = { "" };
		enum fault fault;
		struct buf out;

		buf_init(&out, BUF_NO_LIMIT);
		fault = seal_open_piece(&key, SEAL_BODY, &layout, 0, sealed, &out, &why);
		if (fault != cases[i].fault || out.len != (fault ? 0 : cases[i].size) ||
		    out.cap > 2 * SEAL_PIECE)
			fail_msg("%s: %s %s", cases[i].name, fault_name(fault), why.text);
		buf_done(&out);
	}
}

static void small_things_come_back(void **state)
{
	static const size_t sizes[] = { 0, 1, 127, 128, 1000, 70000, 300000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		for (int compresses = 0; compresses < 2; compresses++) {
			struct slice plain = compresses ? text(sizes[i]) : noise(sizes[i]);
			struct buf sealed, again, out;
			struct why why;

			buf_init(&sealed, BUF_NO_LIMIT);
			buf_init(&again, BUF_NO_LIMIT);
			buf_init(&out, plain.len);
			assert_true(seal_small(&key, SEAL_SUMMARY, plain, &sealed));
			assert_true(seal_small(&key, SEAL_SUMMARY, plain, &again));
			assert_false(slice_eq(buf_slice(&sealed), buf_slice(&again))); /* nonces differ */
			assert_true(sealed.len <= plain.len + SEAL_SMALL_EXTRA);
			if (plain.len)
				assert_int_equal(seal_open_small(&key, SEAL_SUMMARY, buf_slice(&sealed),
				                                 plain.len - 1, &out, &why),
				                 FAULT_TOO_BIG);
			assert_int_equal(out.len, 0);
			assert_int_equal(
			    seal_open_small(&key, SEAL_SUMMARY, buf_slice(&sealed), plain.len, &out, &why),
			    FAULT_NONE);
			assert_slice(buf_slice(&out), plain);
			buf_done(&sealed);
			buf_done(&again);
			buf_done(&out);
		}
	}
}

static void every_changed_byte_of_a_small_thing_is_seen(void **state)
{
	struct buf sealed, out;
	struct why why;

	(void)state;
	buf_init(&sealed, 1000);
	buf_init(&out, 1000);
	assert_true(seal_small(&key, SEAL_ENVELOPE, text(300), &sealed));
	for (size_t i = 0; i < sealed.len; i++) {
		sealed.data[i] ^= 0x10;
		assert_int_equal(seal_open_small(&key, SEAL_ENVELOPE, buf_slice(&sealed), 1000, &out, &why),
		                 FAULT_CORRUPT);
		sealed.data[i] ^= 0x10;
		assert_int_equal(
		    seal_open_small(&key, SEAL_ENVELOPE, slice_of(sealed.data, i), 1000, &out, &why),
		    FAULT_CORRUPT);
	}
	assert_int_equal(out.len, 0);
	buf_done(&sealed);
	buf_done(&out);
}

static void limits_of_the_reader_are_kept(void **state)
{
	struct slice plain = text(SEAL_PIECE + 1000);
	struct sealed *sealed = seal(plain);
	struct seal_layout layout = { 0 };
	struct buf out;

	(void)state;
	buf_init(&out, plain.len - 1);
	assert_int_equal(open_all(sealed, &out), FAULT_TOO_BIG);
	assert_int_equal(out.len, 0);
	buf_done(&out);
	buf_init(&out, SEAL_PIECE + 100);
	buf_adds(&out, "kept");
	assert_false(seal_all(&key, SEAL_BODY, noise(SEAL_PIECE + 1000), arena, &out, &layout));
	assert_slice(buf_slice(&out), SLICE("kept"));
	assert_int_equal(layout.n, 0);
	buf_done(&out);
	buf_done(&sealed->bytes);
}

static void *work(void *unused)
{
	struct slice plain = unused ? slice_of(unused, 100000) : slice_of(NULL, 0);
	struct arena *own = arena_new();
	struct seal_layout layout;
	struct seal_range range;
	struct buf sealed, out;
	struct why why;
	bool same;

	buf_init(&sealed, BUF_NO_LIMIT);
	buf_init(&out, BUF_NO_LIMIT);
	for (int i = 0; i < 20; i++) {
		buf_clear(&sealed);
		buf_clear(&out);
		same = seal_all(&key, SEAL_BODY, plain, own, &sealed, &layout);
		range = seal_locate(&layout, 10, 90000);
		same = same &&
		       !seal_open_range(&key, SEAL_BODY, &layout, &range, buf_slice(&sealed), &out, &why) &&
		       slice_eq(buf_slice(&out), slice_of(plain.data + 10, 90000));
		if (!same)
			break;
	}
	buf_done(&sealed);
	buf_done(&out);
	arena_free(own);
	return same ? NULL : own;
}

/* What a thread keeps is its own, and goes with it: the sanitizers would tell. */
static void threads_do_not_meet(void **state)
{
	struct slice plain = text(100000);
	pthread_t threads[4];
	void *failed;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)plain.data), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_format_is_frozen),
		cmocka_unit_test(stored_bytes_open),
		cmocka_unit_test(bodies_come_back_whole),
		cmocka_unit_test(ranges_open_at_every_boundary),
		cmocka_unit_test(pieces_cannot_be_moved_dropped_or_cut_off),
		cmocka_unit_test(every_changed_byte_is_seen),
		cmocka_unit_test(another_key_or_part_does_not_open),
		cmocka_unit_test(nothing_unpacks_past_its_piece),
		cmocka_unit_test(small_things_come_back),
		cmocka_unit_test(every_changed_byte_of_a_small_thing_is_seen),
		cmocka_unit_test(limits_of_the_reader_are_kept),
		cmocka_unit_test(threads_do_not_meet),
	};

	return cmocka_run_group_tests(tests, start, end);
}
