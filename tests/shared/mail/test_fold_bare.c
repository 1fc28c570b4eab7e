/* Text as it is looked for loosely (fold.h): what is the same then, what is not, and where words begin. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/utf8.h"
#include "mail/fold.h"

static void bare(struct buf *out, const char *text)
{
	struct buf folded;

	buf_init(out, BUF_NO_LIMIT);
	buf_init(&folded, BUF_NO_LIMIT);
	assert_true(fold_search(&folded, slice_str(text)));
	assert_true(fold_bare(out, buf_slice(&folded)));
	assert_true(out->len <= folded.len);
	buf_done(&folded);
}

static const struct row {
	const char *name, *text, *wanted;
} rows[] = {
	{ "nothing", "", "" },
	{ "ASCII stays", "Any-where 42!", "ANY-WHERE 42!" },
	{ "an umlaut", "M\xc3\xbcller", "MULLER" },
	{ "the same, decomposed", "Mu\xcc\x88ller", "MULLER" },
	{ "sharp s", "Stra\xc3\x9f\x65, STRA\xe1\xba\x9e\x45", "STRASSE, STRASSE" },
	{ "a ligature", "\xef\xac\x81nal", "FINAL" },
	{ "letters with strokes", "\xc3\x86sir \xc3\xb8l \xc5\x81\xc3\xb3\x64\xc5\xba", "AESIR OL LODZ" },
	{ "eth and thorn", "\xc3\xbe\xc3\xb3r\xc3\xb0ur", "THORDUR" },
	{ "dotted and dotless i", "\xc4\xb0stanbul \xc4\xb1", "ISTANBUL I" },
	{ "Greek accents and final sigma", "\xce\x9f\xce\xb4\xcf\x8c\xcf\x82",
	  "\xce\x9f\xce\x94\xce\x9f\xce\xa3" },
	{ "Cyrillic short i and io", "\xd0\xb9 \xd1\x91", "\xd0\x98 \xd0\x95" },
	{ "another letter is another", "\xd1\x8a", "\xd0\xaa" },
	{ "quotes and dashes",
	  "\xe2\x80\x9cO\xe2\x80\x99"
	  "Brien\xe2\x80\x9d \xe2\x80\x94",
	  "\"O'BRIEN\" -" },
	{ "what cannot be seen",
	  "co\xc2\xadop\xe2\x80\x8b"
	  "er",
	  "COOPER" },
	{ "a space that does not break",
	  "a\xc2\xa0"
	  "b",
	  "A B" },
	{ "Hebrew points", "\xd7\xa9\xd7\x81\xd6\xb8\xd7\x9c", "\xd7\xa9\xd7\x9c" },
	{ "vowel signs stay", "\xe0\xa4\x95\xe0\xa4\xbf\xe0\xa4\x95\xe0\xa5\x8d",
	  "\xe0\xa4\x95\xe0\xa4\xbf\xe0\xa4\x95\xe0\xa5\x8d" },
	{ "no UTF-8",
	  "a\xff"
	  "b",
	  "A\xef\xbf\xbd"
	  "B" },
};

static void what_is_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out;

		bare(&out, rows[i].text);
		if (!slice_eq(buf_slice(&out), slice_str(rows[i].wanted)))
			fail_msg("%s: %.*s", rows[i].name, SLICE_FMT(buf_slice(&out)));
		buf_done(&out);
	}
}

/* Every character alone: never longer, bare already when it is done again, and a part of any text that it is a part of. */
static void every_character(void **state)
{
	(void)state;
	for (uint32_t code = 1; code < 0x30000; code++) {
		struct buf one, folded, once, twice;

		if (code >= 0xd800 && code < 0xe000)
			continue;
		buf_init(&one, BUF_NO_LIMIT);
		buf_init(&folded, BUF_NO_LIMIT);
		buf_init(&once, BUF_NO_LIMIT);
		buf_init(&twice, BUF_NO_LIMIT);
		utf8_encode(&one, code);
		fold_search(&folded, buf_slice(&one));
		assert_true(fold_bare(&once, buf_slice(&folded)));
		assert_true(fold_bare(&twice, buf_slice(&once)));
		if (once.len > folded.len || !slice_eq(buf_slice(&once), buf_slice(&twice)))
			fail_msg("U+%04X", code);
		buf_done(&one);
		buf_done(&folded);
		buf_done(&once);
		buf_done(&twice);
	}
}

static void cut_in_a_character(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, BUF_NO_LIMIT);
	assert_true(fold_bare(&out, SLICE("AB\xce")));
	assert_true(slice_eq(buf_slice(&out), SLICE("AB")));
	buf_done(&out);
	buf_init(&out, 3);
	assert_false(fold_bare(&out, SLICE("ABCD")));
	buf_done(&out);
}

static void words(void **state)
{
	static const char marked[] = "MU\xcc\x88";

	(void)state;
	assert_true(fold_starts_word(SLICE("A-")));
	assert_false(fold_starts_word(SLICE("-A")));
	assert_false(fold_starts_word(SLICE("")));
	assert_true(fold_ends_word(SLICE("-9")));
	assert_false(fold_ends_word(SLICE("9-")));
	assert_false(fold_ends_word(SLICE("")));
	assert_true(fold_ends_word(SLICE(marked)));
	assert_true(fold_ends_word(SLICE("\xe4\xbd\xa0")));
	assert_false(fold_ends_word(SLICE("A\xe2\x80\x94")));
	assert_false(fold_ends_word(SLICE("\x80\x80\x80\x80\x80")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left),
		cmocka_unit_test(every_character),
		cmocka_unit_test(cut_in_a_character),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
