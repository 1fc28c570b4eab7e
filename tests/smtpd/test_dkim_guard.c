/* The guard in front of libopendkim: what is fed and what is not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/arena.h"
#include "dkim_guard.h"

#define GOOD       "v=1; a=rsa-sha256; d=example.org; s=sel; h=from:to; bh=AAAA; b=BBBBCCCCDDDD"
#define BUT(d)     "DKIM-Signature: v=1; a=rsa-sha256; s=sel; h=from; bh=AAAA; b=BBBB; " d "\r\n"
#define WITH(more) "DKIM-Signature: " GOOD "; " more "\r\n"

static void signatures(void **state)
{
	static const struct {
		const char *what;
		struct slice field;
		enum authres want; /* NONE: fed */
	} cases[] = {
		{ "plain", SLICE("DKIM-Signature: " GOOD "\r\n"), AUTHRES_NONE },
		{ "a semicolon at the end", SLICE("DKIM-Signature: " GOOD ";\r\n"), AUTHRES_NONE },
		{ "folded",
		  SLICE(
		      "DKIM-Signature: v=1; a=rsa-sha256;\r\n\td=example.org;\r\n s=sel; h=from:\r\n\tto;\r\n"
		      " bh=AA\r\n AA; b=BBBB\r\n\tCCCC;\r\n"),
		  AUTHRES_NONE },
		{ "blanks around =",
		  SLICE("DKIM-Signature: v = 1; a = rsa-sha256; d = example.org ; s = sel ; h = from ; "
		        "bh = AAAA ; b = BBBB"),
		  AUTHRES_NONE },
		{ "ed25519",
		  SLICE(
		      "DKIM-Signature: v=1; a=ed25519-sha256; d=example.org; s=sel; h=from; bh=AAAA; b=BBBB"),
		  AUTHRES_NONE },
		{ "i=", SLICE(WITH("i=user@example.org")), AUTHRES_NONE },
		{ "i= with an escape", SLICE(WITH("i=us=40er@example.org")), AUTHRES_NONE },
		{ "i= without local part", SLICE(WITH("i=@example.org")), AUTHRES_NONE },
		{ "l=", SLICE(WITH("l=1234")), AUTHRES_NONE },
		{ "unknown tag", SLICE(WITH("r=y")), AUTHRES_NONE },
		{ "t= and x=", SLICE(WITH("t=1700000000; x=1700000001")), AUTHRES_NONE },
		{ "q=", SLICE(WITH("q=dns/txt")), AUTHRES_NONE },
		{ "q= of several", SLICE(WITH("q=x/y : dns/txt")), AUTHRES_NONE },
		{ "q= without the DNS", SLICE(WITH("q=http/get")), AUTHRES_NEUTRAL },

		{ "rsa-sha1",
		  SLICE("DKIM-Signature: v=1; a=rsa-sha1; d=example.org; s=sel; h=from; bh=AAAA; b=BBBB"),
		  AUTHRES_POLICY },
		{ "unknown algorithm",
		  SLICE("DKIM-Signature: v=1; a=dsa-sha256; d=example.org; s=sel; h=from; bh=AAAA; b=BBBB"),
		  AUTHRES_NEUTRAL },
		/* where the library reads past its buffers */
		{ "i= ends in =", SLICE(WITH("i=@example.org=")), AUTHRES_NEUTRAL },
		{ "i= ends in =4", SLICE(WITH("i=@example.org=4")), AUTHRES_NEUTRAL },
		{ "i= with a fold in an escape", SLICE(WITH("i=a=\r\n 40b@example.org")), AUTHRES_NEUTRAL },
		{ "i= with a lower-case escape", SLICE(WITH("i=a=4a@example.org")), AUTHRES_NEUTRAL },
		{ "i= without @", SLICE(WITH("i=example.org")), AUTHRES_NEUTRAL },
		{ "i= twice", SLICE(WITH("i=@example.org; i=@example.org")), AUTHRES_NEUTRAL },
		{ "i= empty", SLICE(WITH("i=")), AUTHRES_NEUTRAL },
		{ "z=", SLICE(WITH("z=From:a@b=20|To:c")), AUTHRES_NEUTRAL },
		{ "z= empty", SLICE(WITH("z=")), AUTHRES_NEUTRAL },
		{ "l= is no number", SLICE(WITH("l=12x")), AUTHRES_NEUTRAL },
		{ "l= negative", SLICE(WITH("l=-1")), AUTHRES_NEUTRAL },
		{ "l= too long", SLICE(WITH("l=1234567890123456")), AUTHRES_NEUTRAL },
		/* the tag list itself */
		{ "a NUL", SLICE("DKIM-Signature: " GOOD "; x=\0\r\n"), AUTHRES_NEUTRAL },
		{ "8-bit", SLICE(WITH("x=\xc3\xa9")), AUTHRES_NEUTRAL },
		{ "a control character", SLICE(WITH("x=\001")), AUTHRES_NEUTRAL },
		{ "no value", SLICE(WITH("x")), AUTHRES_NEUTRAL },
		{ "no name", SLICE(WITH("=x")), AUTHRES_NEUTRAL },
		{ "a long name", SLICE(WITH("abcdefghi=x")), AUTHRES_NEUTRAL },
		{ "an empty tag in between", SLICE("DKIM-Signature: v=1;; a=rsa-sha256"), AUTHRES_NEUTRAL },
		{ "a tag twice", SLICE(WITH("s=sel2")), AUTHRES_NEUTRAL },
		{ "another version",
		  SLICE("DKIM-Signature: v=2; a=rsa-sha256; d=example.org; s=sel; h=from; bh=AAAA; b=BBBB"),
		  AUTHRES_NEUTRAL },
		{ "no d=", SLICE(BUT("x=1")), AUTHRES_NEUTRAL },
		{ "d= empty", SLICE(BUT("d=")), AUTHRES_NEUTRAL },
		{ "d= of one label", SLICE(BUT("d=org")), AUTHRES_NEUTRAL },
		{ "d= with a blank", SLICE(BUT("d=exam ple.org")), AUTHRES_NEUTRAL },
		{ "d= with an empty label", SLICE(BUT("d=example..org")), AUTHRES_NEUTRAL },
		{ "nothing", SLICE("DKIM-Signature:"), AUTHRES_NEUTRAL },
		{ "no colon", SLICE("DKIM-Signature"), AUTHRES_NEUTRAL },
		{ "empty", { NULL, 0 }, AUTHRES_NEUTRAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new();
		struct dkim_tags tags;
		const char *why;
		enum authres got = dkim_guard_signature(cases[i].field, arena, &tags, &why);

		if (got != cases[i].want)
			fail_msg("%s: %s (%s)", cases[i].what, authres_name(got), why ? why : "");
		assert_true((got == AUTHRES_NONE) == (why == NULL));
		arena_free(arena);
	}
}

static void tags_read(void **state)
{
	struct arena *arena = arena_new();
	struct dkim_tags tags;
	const char *why;

	(void)state;
	assert_int_equal(
	    dkim_guard_signature(SLICE("DKIM-Signature: v=1; a=RSA-SHA256; d=Example.ORG; s=Sel.One;\r\n"
	                               " h=from; bh=AAAA; b=ab\r\n cd ef/h+ij="),
	                         arena, &tags, &why),
	    AUTHRES_NONE);
	assert_string_equal(tags.domain, "example.org");
	assert_string_equal(tags.selector, "sel.one");
	assert_string_equal(tags.algorithm, "rsa-sha256");
	assert_string_equal(tags.key_name, "sel.one._domainkey.example.org");
	assert_string_equal(tags.b, "abcdef/h");
	/* what could be read is there even if the signature is not fed */
	assert_int_equal(
	    dkim_guard_signature(SLICE("DKIM-Signature: d=example.org; i=x="), arena, &tags, &why),
	    AUTHRES_NEUTRAL);
	assert_string_equal(tags.domain, "example.org");
	assert_string_equal(tags.selector, "");
	arena_free(arena);
}

static void sizes(void **state)
{
	static char names[4000], field[9000];
	static const struct {
		const char *what;
		size_t names, pad;
		enum authres want;
	} cases[] = {
		{ "200 names", 200, 0, AUTHRES_NONE },
		{ "201 names", 201, 0, AUTHRES_NEUTRAL },
		{ "8,192 bytes", 1, 8192, AUTHRES_NONE },
		{ "8,193 bytes", 1, 8193, AUTHRES_NEUTRAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new();
		struct dkim_tags tags;
		const char *why;
		size_t at = 0, len;

		for (size_t n = 0; n < cases[i].names; n++)
			at += (size_t)snprintf(names + at, sizeof(names) - at, "%sfrom", n ? ":" : "");
		len = (size_t)snprintf(
		    field, sizeof(field),
		    "DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=sel; bh=AAAA; b=BBBB; h=%s", names);
		if (cases[i].pad) {
			memset(field + len, ' ', cases[i].pad - len);
			len = cases[i].pad;
		}
		if (dkim_guard_signature(slice_of(field, len), arena, &tags, &why) != cases[i].want)
			fail_msg("%s: %s", cases[i].what, why ? why : "fed");
		arena_free(arena);
	}
}

static void keys(void **state)
{
	static uint8_t text[1100];

	(void)state;
	memset(text, 'k', sizeof(text));
	assert_true(dkim_guard_key(slice_of(text, 1024)));
	assert_false(dkim_guard_key(slice_of(text, 1025)));
	assert_false(dkim_guard_key(SLICE("")));
	assert_false(dkim_guard_key(SLICE("v=DKIM1; p=\0")));
	assert_false(dkim_guard_key(SLICE("v=DKIM1; p=\xff")));
	assert_true(dkim_guard_key(SLICE("v=DKIM1;\tp=")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signatures),
		cmocka_unit_test(tags_read),
		cmocka_unit_test(sizes),
		cmocka_unit_test(keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
