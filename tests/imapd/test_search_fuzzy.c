/* Looking loosely (search_fuzzy.h): which words there are, how well they are found, and that a signature never denies what is. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/utf8.h"
#include "mail/searchable.h"
#include "search/segment.h"
#include "search_fuzzy.h"

static struct slice folded_of(struct arena *arena, const char *text)
{
	struct searchable scratch = { .plain = { .limit = 0 } };
	struct slice folded = arena_copy(arena, searchable_text(&scratch, slice_str(text)));

	searchable_done(&scratch);
	return folded;
}

/* ---- words ---- */

static const struct {
	const char *text, *words[4];
	bool typos;
} word_cases[] = {
	/* clang-format off */
	{ "", { NULL }, false },
	{ " \t ", { NULL }, false },
	{ "one  two\r\nthree", { "ONE", "TWO", "THREE" }, false },
	{ "(Hello), \"world\"!", { "HELLO", "WORLD" }, false },
	{ "zoe@example.org", { "ZOE@EXAMPLE.ORG" }, false },
	{ "...", { "..." }, false },
	{ "M\xc3\xbcller\xe2\x80\x99s", { "MULLER'S" }, false },
	{ "\xcc\x81 x", { "X" }, false }, /* a mark alone is nothing */
	{ "a\xc2\xa0" "b", { "A", "B" }, false },
	{ "sevenxx", { "SEVENXX" }, false },
	{ "eighteen", { "EIGHTEEN" }, true },
	{ "20261123", { "20261123" }, false },
	{ "invoice-42", { "INVOICE-42" }, false },
	{ "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82\xd1\x8b\xd0\xb9", { "\xd0\x9f\xd0\xa0\xd0\x98\xd0\x92\xd0\x95\xd0\xa2\xd0\xab\xd0\x98" }, true },
	/* clang-format on */
};

static void words(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(word_cases); i++) {
		struct arena *arena = arena_new();
		struct fuzzy_word *got;
		size_t n = fuzzy_words(arena, folded_of(arena, word_cases[i].text), 4, &got), k = 0;

		for (; word_cases[i].words[k]; k++)
			if (k >= n || !slice_eq(got[k].bare, slice_str(word_cases[i].words[k])))
				fail_msg("%s: word %zu is %.*s", word_cases[i].text, k,
				         SLICE_FMT(got[k].bare));
		if (n != k || (n && (got[0].typos != NULL) != word_cases[i].typos))
			fail_msg("%s: %zu words", word_cases[i].text, n);
		for (k = 0; k < n; k++) {
			assert_ptr_equal(got[k].next, k + 1 < n ? &got[k + 1] : NULL);
			assert_int_equal(got[k].leads, k == 0 && n > 1);
		}
		arena_free(arena);
	}
}

static void no_more_than_asked_for(void **state)
{
	struct arena *arena = arena_new();
	struct fuzzy_word *got;

	(void)state;
	assert_int_equal(fuzzy_words(arena, SLICE("A B C D E"), 3, &got), 3);
	assert_null(got[2].next);
	arena_free(arena);
}

/* ---- how well ---- */

static const struct {
	const char *word, *text;
	unsigned points;
} look_cases[] = {
	/* clang-format off */
	{ "muller", "Muller", FUZZY_SAME },
	{ "m\xc3\xbcller", "Herr M\xc3\xbcller.", FUZZY_SAME },
	{ "muller", "Herr M\xc3\xbcller.", FUZZY_WORD },
	{ "m\xc3\xbcller", "Herr Muller.", FUZZY_WORD },
	{ "muller", "M\xc3\xbcllerin", FUZZY_START },
	{ "muller", "xm\xc3\xbcller", FUZZY_WITHIN },
	{ "muller", "xmuller mullers muller", FUZZY_SAME },
	{ "muller", "M\xc3\xbcller mullers", FUZZY_WORD },
	{ "muller", "Moller", FUZZY_NOT },
	{ "strasse", "Stra\xc3\x9f" "e", FUZZY_WORD },
	{ "stra\xc3\x9f" "e", "STRASSE", FUZZY_WORD },
	{ "istanbul", "\xc4\xb0stanbul", FUZZY_WORD },
	{ "aesir", "\xc3\x86sir", FUZZY_WORD },
	{ "final", "\xef\xac\x81nal", FUZZY_SAME }, /* a ligature is no other letter to any search */
	{ "\xce\xbf\xce\xb4\xce\xbf\xcf\x83", "\xce\xbf\xce\xb4\xcf\x8c\xcf\x82", FUZZY_WORD },
	{ "\xd0\xb8\xd0\xbe\xd0\xb4", "\xd0\xb9\xd0\xbe\xd0\xb4", FUZZY_WORD },
	{ "\xd0\xb9\xd0\xbe\xd0\xb4", "\xd0\xb8\xd0\xbe\xd0\xb4", FUZZY_WORD },
	/* one mistake */
	{ "quarterly", "the quaterly report", FUZZY_TYPO },
	{ "quarterly", "the quartterly report", FUZZY_TYPO },
	{ "quarterly", "the querterly report", FUZZY_TYPO },
	{ "quarterly", "the qaurterly report", FUZZY_TYPO },
	{ "quarterly", "the quaretrly report", FUZZY_TYPO }, /* in the middle of the word */
	{ "quarterly", "quarterl", FUZZY_TYPO },
	{ "quarterly", "uarterly", FUZZY_TYPO },
	{ "quarterly", "the qaurtetly report", FUZZY_NOT },
	{ "quarterly", "the quartrely quarterly", FUZZY_SAME },
	{ "gr\xc3\xbc\xc3\x9f" "ende", "grusseden", FUZZY_TYPO },
	{ "gr\xc3\xbc\xc3\x9f" "ende", "grussend", FUZZY_TYPO },
	{ "20261123", "20261124", FUZZY_NOT },
	/* clang-format on */
};

static void how_well(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(look_cases); i++) {
		struct arena *arena = arena_new();
		struct searchable scratch = { .plain = { .limit = 0 } };
		struct slice folded = folded_of(arena, look_cases[i].text);
		struct slice bare = searchable_bare(&scratch, folded);
		struct fuzzy_word *word;
		unsigned scored, plain;

		assert_int_equal(fuzzy_words(arena, folded_of(arena, look_cases[i].word), 2, &word), 1);
		scored = fuzzy_look(word, folded, bare, true);
		plain = fuzzy_look(word, folded, bare, false);
		if (scored != look_cases[i].points || !plain != !scored)
			fail_msg("%s in %s: %u, %u", look_cases[i].word, look_cases[i].text, scored, plain);
		searchable_done(&scratch);
		arena_free(arena);
	}
}

static void phrases(void **state)
{
	static const struct {
		const char *words, *text;
		bool wanted;
	} cases[] = {
		{ "one two three", "zero one two three four", true },
		{ "one two three", "one,  two\r\n\"three\"", true },
		{ "one two three", "one two four three", false },
		{ "one two", "two one", false },
		{ "one two", "one one two", true },
		{ "one two", "onetwo", true },
		{ "one ... two", "one ... two", true },
		{ "one two", "one ................. two", false },
		{ "one two", "one", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new();
		struct fuzzy_word *word;

		fuzzy_words(arena, folded_of(arena, cases[i].words), 4, &word);
		if (fuzzy_is_phrase(word, folded_of(arena, cases[i].text)) != cases[i].wanted)
			fail_msg("%s in %s", cases[i].words, cases[i].text);
		arena_free(arena);
	}
}

/* ---- against the slow way ---- */

static uint64_t dice = 3;

static uint32_t roll(uint32_t below)
{
	dice = dice * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((dice >> 33) % below);
}

static const char *const letters[] = { "A",        "A",        "B",        "C",           "N",
	                               "\xc3\xa4", "\xd0\xb9", "\xc3\x9f", "\xe4\xbd\xa0" };

static void random_text(struct buf *out, uint32_t n, uint32_t blanks)
{
	while (n--)
		buf_adds(out, blanks && !roll(blanks) ? " " : letters[roll(ARRAY_LEN(letters))]);
}

static size_t codes_of(struct slice text, uint32_t *ret)
{
	size_t n = 0, len;

	for (; (len = utf8_decode(text, &ret[n])) > 0; n++)
		text = slice_from(text, len);
	return n;
}

/* The fewest mistakes with which the word is a part of the text: letters added, left out, replaced, and neighbours exchanged. */
static unsigned mistakes(struct slice text, struct slice word)
{
	uint32_t a[256], b[256];
	unsigned rows[64][256];
	const size_t n = codes_of(text, a), m = codes_of(word, b);
	unsigned best;

	for (size_t i = 0; i <= m; i++)
		for (size_t k = 0; k <= n; k++) {
			unsigned *at = &rows[i][k];

			*at = i ? rows[i - 1][k] + 1 : 0;
			if (i && k)
				*at = MIN_OF(*at, rows[i - 1][k - 1] + (a[k - 1] != b[i - 1]));
			if (i && k)
				*at = MIN_OF(*at, rows[i][k - 1] + 1);
			if (i > 1 && k > 1 && a[k - 1] == b[i - 2] && a[k - 2] == b[i - 1])
				*at = MIN_OF(*at, rows[i - 2][k - 2] + 1);
		}
	best = rows[m][0];
	for (size_t k = 0; k <= n; k++)
		best = MIN_OF(best, rows[m][k]);
	return best;
}

/* As suite/signature.c makes it. */
static bool signature_may(struct slice folded, struct slice bare, struct slice part)
{
	struct segment_query *query = segment_query_bare(part);
	struct segment_row row = { .uid = 1 };
	struct segment *segment;
	struct trigrams set;
	struct buf packed;
	uint64_t bits = 1;

	trigrams_init(&set);
	trigrams_add(&set, folded);
	trigrams_add(&set, bare);
	buf_init(&packed, SIGNATURE_MAX);
	assert_true(signature_make(&set, &packed));
	assert_int_equal(signature_unpack(buf_slice(&packed), &row.signature, NULL), FAULT_NONE);
	segment = segment_new(&row, 1);
	if (query)
		segment_ask(segment, query, &bits);
	segment_query_free(query);
	segment_unref(segment);
	buf_done(&packed);
	trigrams_done(&set);
	return bits & 1;
}

static void change(struct buf *word)
{
	struct slice before = buf_slice(word);
	struct buf after;
	uint32_t codes[256];
	const size_t n = codes_of(before, codes);

	buf_init(&after, BUF_NO_LIMIT);
	for (size_t i = 0; i < n; i++) {
		const uint32_t kind = roll(12);

		if (kind == 0)
			continue;
		if (kind == 1)
			utf8_encode(&after, codes[roll((uint32_t)n)]);
		if (kind == 2 && i + 1 < n) {
			utf8_encode(&after, codes[i + 1]);
			utf8_encode(&after, codes[i++]);
			continue;
		}
		utf8_encode(&after, kind == 3 ? 'X' : codes[i]);
	}
	buf_clear(word);
	buf_add_slice(word, buf_slice(&after));
	buf_done(&after);
}

static void as_the_slow_way(void **state)
{
	unsigned found = 0, mistaken = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct arena *arena = arena_new();
		struct searchable scratch = { .plain = { .limit = 0 } };
		struct slice folded, bare, parts[FUZZY_PARTS];
		struct buf text, wanted;
		struct fuzzy_word *word;
		bool is_there, may = false;

		buf_init(&text, BUF_NO_LIMIT);
		buf_init(&wanted, BUF_NO_LIMIT);
		random_text(&wanted, 1 + roll(14), 0);
		random_text(&text, roll(20), 5);
		buf_adds(&text, roll(2) ? " " : "");
		folded = folded_of(arena, (const char *)(buf_addc(&wanted, 0), wanted.data));
		if (!fuzzy_words(arena, folded, 1, &word))
			fail_msg("no word");
		wanted.len--;
		if (roll(3))
			change(&wanted);
		if (roll(8))
			buf_add_slice(&text, buf_slice(&wanted));
		random_text(&text, roll(20), 5);
		buf_addc(&text, 0);
		folded = folded_of(arena, (const char *)text.data);
		bare = searchable_bare(&scratch, folded);
		is_there = mistakes(bare, word->bare) <= (word->typos ? 1 : 0);
		for (size_t i = fuzzy_parts(word, parts); i-- > 0;)
			may |= signature_may(folded, bare, parts[i]);
		if (!fuzzy_look(word, folded, bare, false) == is_there || (is_there && !may))
			fail_msg("%.*s in %.*s: %d %d", SLICE_FMT(word->bare), SLICE_FMT(bare), is_there,
			         may);
		found += is_there;
		mistaken += is_there && slice_find(bare, word->bare) < 0;
		buf_done(&text);
		buf_done(&wanted);
		searchable_done(&scratch);
		arena_free(arena);
	}
	assert_true(found > 5000 && mistaken > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),           cmocka_unit_test(no_more_than_asked_for),
		cmocka_unit_test(how_well),        cmocka_unit_test(phrases),
		cmocka_unit_test(as_the_slow_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
