/* API tokens. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "auth/token.h"
#include "base/rand.h"

#define GOOD "ph_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

static int start(void **state)
{
	(void)state;
	rand_start();
	return 0;
}

static void tokens_are_known_by_their_hash(void **state)
{
	struct token_text one, two;
	struct token_hash of_one, of_two, again;

	(void)state;
	token_make(&one, &of_one);
	token_make(&two, &of_two);
	assert_int_equal(strlen(one.text), 46);
	assert_true(slice_starts(slice_str(one.text), "ph_"));
	assert_string_not_equal(one.text, two.text);
	assert_memory_not_equal(&of_one, &of_two, sizeof(of_one));
	assert_true(token_hash(slice_str(one.text), &again));
	assert_memory_equal(&again, &of_one, sizeof(again));
}

static void hashes_never_change(void **state)
{
	/* b2sum -l 256 */
	static const uint8_t want[32] = { 0x5a, 0x3a, 0x0f, 0x64, 0x3a, 0x98, 0xac, 0x9a, 0xb1, 0x4b, 0xf9,
		                          0xbe, 0x2e, 0x22, 0x89, 0x78, 0x29, 0x1c, 0x84, 0x19, 0xe5, 0x18,
		                          0x57, 0xee, 0x91, 0x89, 0xe8, 0xa7, 0x0a, 0x24, 0xdb, 0xaf };
	struct token_hash hash;

	(void)state;
	assert_true(token_hash(SLICE(GOOD), &hash));
	assert_memory_equal(hash.raw, want, sizeof(want));
}

static void other_text_is_no_token(void **state)
{
	static const struct {
		const char *name;
		struct slice text;
	} cases[] = {
		{ "empty", SLICE("") },
		{ "only the start", SLICE("ph_") },
		{ "one short", SLICE("ph_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh") },
		{ "one long", SLICE(GOOD "8") },
		{ "padding", SLICE("ph_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh=") },
		{ "another start", SLICE("pH_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8") },
		{ "base64, not base64url", SLICE("ph_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh/") },
		{ "a space", SLICE("ph_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh ") },
		{ "bits behind the last byte", SLICE("ph_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9") },
		{ "a NUL", SLICE("ph_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh\0") },
	};
	struct token_hash hash;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (token_hash(cases[i].text, &hash))
			fail_msg("%s", cases[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_known_by_their_hash),
		cmocka_unit_test(hashes_never_change),
		cmocka_unit_test(other_text_is_no_token),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
