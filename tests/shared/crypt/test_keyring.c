/* Key rings: their text, wrapping, growing and dropping. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypt/keyring.h"
#include "shared/crypt/crypt_test.h"
#include "shared/crypt/vectors.h"

#define K1 "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define K2 "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
#define K3 "QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8="

static struct keyring *ring_of(struct slice text)
{
	struct keyring *ring = NULL;
	struct why why = { "" };

	if (keyring_parse(text, &ring, &why))
		fail_msg("%s", why.text);
	return ring;
}

static void text_is_read(void **state)
{
	static const struct {
		const char *name, *text, *wrong; /* wrong: part of the why, NULL when it is right */
		uint32_t active;
		size_t count;
	} cases[] = {
		{ "one key", "1 active " K1 "\n", NULL, 1, 1 },
		{ "no newline at the end", "1 active " K1, NULL, 1, 1 },
		{ "comments, blanks, tabs, CRLF",
		  "# mine\r\n\r\n  2\tdecrypt \t" K2 " \r\n3 ACTIVE " K1 "\r\n", NULL, 3, 2 },
		{ "the highest number", "4294967295 active " K1, NULL, UINT32_MAX, 1 },
		{ "nothing", "", "no active", 0, 0 },
		{ "no active key", "1 decrypt " K1, "no active", 0, 0 },
		{ "two active keys", "1 active " K1 "\n2 active " K2, "line 2", 0, 0 },
		{ "a number twice", "1 active " K1 "\n1 decrypt " K2, "line 2", 0, 0 },
		{ "number 0", "0 active " K1, "line 1", 0, 0 },
		{ "number too large", "4294967296 active " K1, "line 1", 0, 0 },
		{ "negative number", "-1 active " K1, "line 1", 0, 0 },
		{ "unknown state", "1 retired " K1, "line 1", 0, 0 },
		{ "no key", "1 active", "line 1", 0, 0 },
		{ "key too short", "1 active AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", "line 1", 0, 0 },
		{ "key too long", "1 active AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g", "line 1", 0, 0 },
		{ "padding missing", "1 active AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "line 1", 0, 0 },
		{ "not base64", "1 active AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd!h8=", "line 1", 0, 0 },
		{ "a word more", "1 active " K1 " x", "line 1", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct keyring *ring = NULL;
		struct why why = { "" };
		enum fault fault = keyring_parse(slice_str(cases[i].text), &ring, &why);

		if (cases[i].wrong) {
			if (fault != FAULT_CONFIG || ring || !strstr(why.text, cases[i].wrong))
				fail_msg("%s: %s %s", cases[i].name, fault_name(fault), why.text);
			assert_null(strstr(why.text, "AAEC")); /* no key in a log */
			continue;
		}
		if (fault || keyring_active(ring) != cases[i].active || keyring_count(ring) != cases[i].count)
			fail_msg("%s: %s", cases[i].name, why.text);
		keyring_free(ring);
	}
}

static void too_much_text_and_too_many_keys_are_refused(void **state)
{
	struct keyring *ring = NULL;
	struct why why;
	struct buf buf;

	(void)state;
	buf_init(&buf, BUF_NO_LIMIT);
	buf_adds(&buf, "1 active " K1 "\n");
	for (int i = 2; i <= 256; i++)
		buf_printf(&buf, "%d decrypt " K2 "\n", i);
	keyring_free(ring_of(buf_slice(&buf)));
	buf_adds(&buf, "257 decrypt " K2 "\n");
	assert_int_equal(keyring_parse(buf_slice(&buf), &ring, &why), FAULT_CONFIG);
	buf_clear(&buf);
	buf_adds(&buf, "1 active " K1 "\n#");
	while (buf.len <= KEYRING_TEXT_MAX)
		buf_addc(&buf, 'x');
	assert_int_equal(keyring_parse(buf_slice(&buf), &ring, &why), FAULT_TOO_BIG);
	buf_done(&buf);
}

static void a_stored_key_opens(void **state)
{
	struct arena *arena = arena_new();
	struct keyring *ring = ring_of(SLICE(VECTOR_RING));
	struct slice wrapped = unhex(arena, VECTOR_WRAPPED);
	struct id owner = id_run(0xa0);
	struct secret *secret;
	uint8_t want[32];
	struct why why;

	(void)state;
	run_of(want, 0x20, sizeof(want));
	assert_int_equal(keyring_wrapped_by(wrapped), 7);
	assert_int_equal(keyring_unwrap(ring, "account", &owner, wrapped, &secret, &why), FAULT_NONE);
	assert_slice(secret_slice(secret), slice_of(want, sizeof(want)));
	secret_unref(secret);
	keyring_free(ring);
	arena_free(arena);
}

static void it_opens_in_its_own_place_only(void **state)
{
	struct keyring *ring = ring_of(SLICE("3 active " K1 "\n2 decrypt " K2));
	struct keyring *later = ring_of(SLICE("3 decrypt " K1 "\n4 active " K3));
	struct keyring *without = ring_of(SLICE("4 active " K3));
	struct keyring *false_friend = ring_of(SLICE("3 active " K3));
	struct id owner = id_new(), other = id_new();
	struct secret *secret = NULL;
	struct why why;
	struct buf buf;

	(void)state;
	buf_init(&buf, 1000);
	assert_true(keyring_wrap(ring, "account", &owner, SLICE("the secret"), &buf));
	assert_int_equal(buf.len, 10 + KEYRING_WRAP_OVERHEAD);
	assert_int_equal(keyring_wrapped_by(buf_slice(&buf)), 3);
	assert_int_equal(keyring_unwrap(ring, "account", &other, buf_slice(&buf), &secret, &why),
	                 FAULT_CORRUPT);
	assert_int_equal(keyring_unwrap(ring, "queue", &owner, buf_slice(&buf), &secret, &why),
	                 FAULT_CORRUPT);
	assert_int_equal(keyring_unwrap(false_friend, "account", &owner, buf_slice(&buf), &secret, &why),
	                 FAULT_CORRUPT);
	assert_int_equal(keyring_unwrap(without, "account", &owner, buf_slice(&buf), &secret, &why),
	                 FAULT_NOT_FOUND);
	assert_non_null(strstr(why.text, "key 3"));
	assert_null(secret);
	assert_int_equal(keyring_unwrap(later, "account", &owner, buf_slice(&buf), &secret, &why),
	                 FAULT_NONE);
	assert_slice(secret_slice(secret), SLICE("the secret"));
	secret_unref(secret);
	buf_done(&buf);
	keyring_free(ring);
	keyring_free(later);
	keyring_free(without);
	keyring_free(false_friend);
}

static void every_changed_byte_is_seen(void **state)
{
	/* kek id 3 with its lowest bits flipped names keys that the ring has */
	struct keyring *ring = ring_of(SLICE("3 active " K1 "\n2 decrypt " K2 "\n1 decrypt " K3));
	struct id owner = id_new();
	struct secret *secret = NULL;
	struct why why;
	struct buf buf;

	(void)state;
	buf_init(&buf, 1000);
	assert_true(keyring_wrap(ring, "account", &owner, SLICE("the secret"), &buf));
	for (size_t i = 0; i < buf.len; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			enum fault fault;

			buf.data[i] ^= (uint8_t)BIT(bit);
			fault = keyring_unwrap(ring, "account", &owner, buf_slice(&buf), &secret, &why);
			if (fault != FAULT_CORRUPT && !(fault == FAULT_NOT_FOUND && i >= 1 && i <= 4))
				fail_msg("byte %zu bit %u: %s", i, bit, fault_name(fault));
			buf.data[i] ^= (uint8_t)BIT(bit);
		}
	for (size_t len = 0; len < buf.len; len++)
		assert_int_equal(
		    keyring_unwrap(ring, "account", &owner, slice_of(buf.data, len), &secret, &why),
		    FAULT_CORRUPT);
	assert_null(secret);
	buf_done(&buf);
	keyring_free(ring);
}

static void a_small_limit_wraps_nothing(void **state)
{
	struct keyring *ring = ring_of(SLICE("1 active " K1));
	struct id owner = id_new();
	struct buf buf;

	(void)state;
	buf_init(&buf, 10 + KEYRING_WRAP_OVERHEAD - 1);
	assert_false(keyring_wrap(ring, "account", &owner, SLICE("the secret"), &buf));
	assert_int_equal(buf.len, 0);
	buf_done(&buf);
	keyring_free(ring);
}

static void rings_grow_and_shrink(void **state)
{
	struct buf one, two, three;
	struct keyring *ring, *grown;
	struct id owner = id_new();
	struct secret *secret;
	struct buf wrapped;
	struct why why;

	(void)state;
	buf_init(&one, 4096);
	buf_init(&two, 4096);
	buf_init(&three, 4096);
	buf_init(&wrapped, 4096);
	keyring_make(&one);
	ring = ring_of(buf_slice(&one));
	assert_int_equal(keyring_active(ring), 1);
	assert_true(keyring_wrap(ring, "queue", &owner, SLICE("q"), &wrapped));

	assert_int_equal(keyring_grow(buf_slice(&one), &two, &why), FAULT_NONE);
	grown = ring_of(buf_slice(&two));
	assert_int_equal(keyring_active(grown), 2);
	assert_true(keyring_has(grown, 1));
	assert_int_equal(keyring_unwrap(grown, "queue", &owner, buf_slice(&wrapped), &secret, &why),
	                 FAULT_NONE);
	secret_unref(secret);

	assert_int_equal(keyring_drop(buf_slice(&two), 2, &three, &why), FAULT_DENIED);
	assert_int_equal(keyring_drop(buf_slice(&two), 9, &three, &why), FAULT_NOT_FOUND);
	assert_int_equal(three.len, 0);
	assert_int_equal(keyring_drop(buf_slice(&two), 1, &three, &why), FAULT_NONE);
	keyring_free(grown);
	grown = ring_of(buf_slice(&three));
	assert_int_equal(keyring_count(grown), 1);
	assert_int_equal(keyring_unwrap(grown, "queue", &owner, buf_slice(&wrapped), &secret, &why),
	                 FAULT_NOT_FOUND);
	keyring_free(grown);
	keyring_free(ring);
	buf_done(&one);
	buf_done(&two);
	buf_done(&three);
	buf_done(&wrapped);
}

static void growing_keeps_comments_and_order(void **state)
{
	struct buf buf;
	struct why why;

	(void)state;
	buf_init(&buf, 4096);
	assert_int_equal(
	    keyring_grow(SLICE("# mine\n2 decrypt " K2 "\n# made in May\n5 active " K1 "\n"), &buf, &why),
	    FAULT_NONE);
	assert_true(slice_starts(buf_slice(&buf), "# mine\n6 active  "));
	assert_true(slice_ends(buf_slice(&buf), "\n2 decrypt " K2 "\n# made in May\n5 decrypt " K1 "\n"));
	buf_clear(&buf);
	assert_int_equal(
	    keyring_drop(SLICE("# mine\n2 decrypt " K2 "\n# made in May\n5 active " K1), 2, &buf, &why),
	    FAULT_NONE);
	assert_slice(buf_slice(&buf), SLICE("# mine\n# made in May\n5 active  " K1 "\n"));
	buf_done(&buf);
}

static void what_cannot_grow_says_so(void **state)
{
	struct buf buf, text;
	struct why why;

	(void)state;
	buf_init(&buf, 1 << 20);
	buf_init(&text, 1 << 20);
	assert_int_equal(keyring_grow(SLICE("nonsense"), &buf, &why), FAULT_CONFIG);
	assert_int_equal(keyring_drop(SLICE("nonsense"), 1, &buf, &why), FAULT_CONFIG);
	assert_int_equal(keyring_grow(SLICE("4294967295 active " K1), &buf, &why), FAULT_LIMIT);
	buf_adds(&text, "1 active " K1 "\n");
	for (int i = 2; i <= 256; i++)
		buf_printf(&text, "%d decrypt " K2 "\n", i);
	assert_int_equal(keyring_grow(buf_slice(&text), &buf, &why), FAULT_LIMIT);
	assert_int_equal(buf.len, 0);
	buf_done(&buf);
	buf_init(&buf, 20);
	assert_int_equal(keyring_grow(SLICE("1 active " K1), &buf, &why), FAULT_TOO_BIG);
	buf_done(&buf);
	buf_done(&text);
}

static void not_every_text_is_a_wrapped_key(void **state)
{
	uint8_t text[64] = { 2, 1 };

	(void)state;
	assert_int_equal(keyring_wrapped_by(SLICE("")), 0);
	assert_int_equal(keyring_wrapped_by(slice_of(text, sizeof(text))), 0);
	text[0] = 1;
	assert_int_equal(keyring_wrapped_by(slice_of(text, sizeof(text))), 1);
	assert_int_equal(keyring_wrapped_by(slice_of(text, KEYRING_WRAP_OVERHEAD - 1)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_read),
		cmocka_unit_test(too_much_text_and_too_many_keys_are_refused),
		cmocka_unit_test(a_stored_key_opens),
		cmocka_unit_test(it_opens_in_its_own_place_only),
		cmocka_unit_test(every_changed_byte_is_seen),
		cmocka_unit_test(a_small_limit_wraps_nothing),
		cmocka_unit_test(rings_grow_and_shrink),
		cmocka_unit_test(growing_keeps_comments_and_order),
		cmocka_unit_test(what_cannot_grow_says_so),
		cmocka_unit_test(not_every_text_is_a_wrapped_key),
	};

	return cmocka_run_group_tests(tests, crypt_test_start, NULL);
}
