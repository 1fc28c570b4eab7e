/* Decoding in pieces: however the input is cut, what is passed over and what is given are the same; previews. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/arena.h"
#include "fetch_binary.h"
#include "fetch_preview.h"

static const struct binary_case {
	const char *name;
	enum transfer encoding;
	const char *encoded;
	uint64_t skip, left;
	const char *wanted;
	uint64_t total;
} binary_cases[] = {
	/* clang-format off */
	{ "all of base64", TRANSFER_BASE64, "aGVs\r\nbG8s\r\nIHdvcmxk\r\n", 0, 12, "hello, world", 12 },
	{ "from its middle", TRANSFER_BASE64, "aGVsbG8sIHdvcmxk", 7, 3, "wor", 12 },
	{ "beyond its end", TRANSFER_BASE64, "aGVsbG8sIHdvcmxk", 20, 3, "", 12 },
	{ "nothing of it", TRANSFER_BASE64, "aGVsbG8sIHdvcmxk", 0, 0, "", 12 },
	{ "an unfinished group", TRANSFER_BASE64, "aGVsbG8", 0, 9, "hello", 5 },
	{ "quoted-printable", TRANSFER_QUOTED_PRINTABLE, "a=3Db=\r\nc  \r\nd", 0, 99, "a=bc\r\nd", 7 },
	{ "the end held back", TRANSFER_QUOTED_PRINTABLE, "ab  ", 1, 99, "b", 2 },
	{ "as it is", TRANSFER_8BIT, "a=3D", 1, 2, "=3", 4 },
	/* clang-format on */
};

static void test_binary(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(binary_cases); i++) {
		const struct binary_case *c = &binary_cases[i];
		const size_t len = strlen(c->encoded);

		for (size_t piece = 1; piece <= len; piece++) {
			struct fetch_binary binary;
			struct buf out;

			buf_init(&out, 1000);
			fetch_binary_start(&binary, c->encoding, 100, len);
			binary.skip = c->skip;
			binary.left = c->left;
			while (binary.at < binary.end) {
				const uint64_t at = binary.at - 100;

				assert_true(fetch_binary_feed(
				    &binary, slice_of(c->encoded + at, MIN_OF(piece, len - at)), &out));
			}
			assert_true(fetch_binary_is_over(&binary));
			if (!slice_eq(buf_slice(&out), slice_str(c->wanted)) || binary.total != c->total)
				fail_msg("%s, in pieces of %zu: \"%.*s\", %llu", c->name, piece,
				         SLICE_FMT(buf_slice(&out)), (unsigned long long)binary.total);
			buf_done(&out);
		}
	}
}

#define TEN    "abcdefghi "
#define FIFTY  TEN TEN TEN TEN TEN
#define UMLAUT "\303\244"

static const struct preview_case {
	const char *name, *message, *wanted;
} preview_cases[] = {
	/* clang-format off */
	{ "text", "Subject: x\r\n\r\nHello,\r\n\r\n  how \t are you?\r\n", "Hello, how are you?" },
	{ "nothing", "Subject: x\r\n\r\n", "" },
	{ "blanks", "Subject: x\r\n\r\n \r\n\t\r\n", "" },
	{ "controls", "Subject: x\r\n\r\na\001b\177c", "a b c" },
	{ "cut", "Subject: x\r\n\r\n" FIFTY FIFTY FIFTY FIFTY "more", FIFTY FIFTY FIFTY TEN TEN TEN TEN "abcdefghi" },
	{ "cut within a word", "Subject: x\r\n\r\n1" FIFTY FIFTY FIFTY FIFTY, "1" FIFTY FIFTY FIFTY TEN TEN TEN TEN "abcdefghi" },
	{ "latin-1", "Content-Type: text/plain; charset=iso-8859-1\r\n\r\n\344\r\n", UMLAUT },
	{ "HTML", "Content-Type: text/html\r\n\r\n<title>t</title><b>a</b>&lt;<!-- no -->\r\n", "t a<" },
	{ "base64", "Content-Transfer-Encoding: base64\r\n\r\nYSAgYg==\r\n", "a b" },
	{ "an image", "Content-Type: image/png\r\n\r\nPNG\r\n", "" },
	{ "an unknown encoding", "Content-Transfer-Encoding: x-frob\r\n\r\nxx\r\n", "" },
	{ "an attachment first", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: attachment\r\n\r\n"
	  "no\r\n--b\r\n\r\nyes\r\n--b--\r\n", "yes" },
	{ "what is forwarded", "Content-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\ninner\r\n", "inner" },
	/* clang-format on */
};

static void test_preview(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(preview_cases); i++) {
		const struct preview_case *c = &preview_cases[i];
		struct slice message = slice_str(c->message);
		struct arena *arena = arena_new();
		const struct mime_part *part;
		struct mime mime;
		struct buf out;

		mime_parse(arena, message, &MIME_LIMITS_DEFAULT, &mime);
		buf_init(&out, 1000);
		part = preview_part(&mime);
		if (part)
			preview_add(&out, part, mime_body(part, message));
		if (!slice_eq(buf_slice(&out), slice_str(c->wanted)))
			fail_msg("%s: \"%.*s\"", c->name, SLICE_FMT(buf_slice(&out)));
		buf_done(&out);
		arena_free(arena);
	}
}

/* Letters of two bytes count as one, and none is cut in two. */
static void test_characters(void **state)
{
	struct arena *arena = arena_new();
	struct slice message;
	struct mime mime;
	struct buf text, out;

	(void)state;
	buf_init(&text, 10000);
	buf_init(&out, 10000);
	buf_adds(&text, "Content-Type: text/plain; charset=utf-8\r\n\r\n");
	for (int i = 0; i < 3000; i++)
		buf_adds(&text, UMLAUT);
	message = buf_slice(&text);
	mime_parse(arena, message, &MIME_LIMITS_DEFAULT, &mime);
	preview_add(&out, mime.root, mime_body(mime.root, message));
	assert_int_equal(out.len, 400);
	buf_done(&text);
	buf_done(&out);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_preview),
		cmocka_unit_test(test_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
