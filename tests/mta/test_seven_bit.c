/* 8-bit bodies for hosts that take 7-bit only: what comes out decodes to what went in. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "mail/transfer.h"
#include "seven_bit.h"

#define UE "\xc3\xbc"

static const struct {
	const char *name, *in, *out; /* out NULL: cannot be converted */
} cases[] = {
	{ "nothing to do", "Subject: x\r\n\r\nhello\r\n", "Subject: x\r\n\r\nhello\r\n" },
	{ "no MIME at all", "Subject: x\r\n\r\nh" UE "\r\n",
	  "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n"
	  "Content-Transfer-Encoding: quoted-printable\r\n\r\nh=C3=BC\r\n" },
	{ "text",
	  "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
	  "8bit\r\nSubject: x\r\n\r\nh" UE "\r\n",
	  "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nSubject: x\r\n"
	  "Content-Transfer-Encoding: quoted-printable\r\n\r\nh=C3=BC\r\n" },
	{ "not text",
	  "MIME-Version: 1.0\r\nContent-Type: image/x\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" UE "\r\n",
	  "MIME-Version: 1.0\r\nContent-Type: image/x\r\nContent-Transfer-Encoding: "
	  "base64\r\n\r\nw7wNCg==\r\n" },
	{ "one part of two",
	  "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: "
	  "8bit\r\n\r\npre\r\n--b\r\n"
	  "Content-Type: text/plain\r\n\r\nascii\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n"
	  "Content-Transfer-Encoding: 8bit\r\n\r\n" UE "\r\n--b--\r\npost\r\n",
	  "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: "
	  "7bit\r\n\r\npre\r\n--b\r\n"
	  "Content-Type: text/plain\r\n\r\nascii\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n"
	  "Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=BC\r\n--b--\r\npost\r\n" },
	{ "a part without a header",
	  "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" UE
	  "\r\n--b--\r\n",
	  "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
	  "Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=BC\r\n--b--\r\n" },
	{ "a message inside",
	  "MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: "
	  "8bit\r\n\r\nSubject: inner\r\n"
	  "MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" UE
	  "\r\n",
	  "MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: "
	  "7bit\r\n\r\nSubject: inner\r\n"
	  "MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: "
	  "quoted-printable\r\n\r\n=C3=BC\r\n" },
	{ "a header in 8-bit stays", "Subject: " UE "\r\n\r\nhello\r\n", "Subject: " UE "\r\n\r\nhello\r\n" },
	{ "8-bit before the first part",
	  "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" UE
	  "\r\n--b\r\n\r\nx\r\n--b--\r\n",
	  NULL },
	{ "8-bit behind the last part",
	  "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n" UE
	  "\r\n",
	  NULL },
	{ "8-bit in what says it is base64",
	  "MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n" UE
	  "\r\n",
	  NULL },
	{ "8-bit in an encoding that nobody knows",
	  "MIME-Version: 1.0\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: x-new\r\n\r\n" UE
	  "\r\n",
	  NULL },
	{ "nothing", "", "" },
};

static void table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new();
		struct buf out;
		bool done;

		buf_init(&out, 100000);
		done = seven_bit_convert(slice_str(cases[i].in), arena, &out);
		if (done != (cases[i].out != NULL))
			fail_msg("%s: %d", cases[i].name, done);
		if (done && !slice_eq(buf_slice(&out), slice_str(cases[i].out)))
			fail_msg("%s:\n%.*s", cases[i].name, SLICE_FMT(buf_slice(&out)));
		buf_done(&out);
		arena_free(arena);
	}
}

/* Long lines, blanks at line ends, dots, many parts: decoded, each is what it was. */
static void decodes(void **state)
{
	struct arena *arena = arena_new();
	struct mime_limits limits = MIME_LIMITS_DEFAULT;
	const struct mime_part *a, *b;
	struct mime before, after;
	struct buf in, out;

	(void)state;
	buf_init(&in, BUF_NO_LIMIT);
	buf_init(&out, BUF_NO_LIMIT);
	buf_adds(&in, "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=zz\r\n\r\n");
	for (int i = 0; i < 50; i++) {
		buf_printf(&in, "--zz\r\nContent-Type: %s\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
		           i % 2 ? "text/html; charset=utf-8" : "application/x-y");
		for (int line = 0; line < i; line++)
			buf_printf(&in, ".%*s" UE " = \t \r\n", line * 9 % 300, "x");
		buf_adds(&in, "\r\n");
	}
	buf_adds(&in, "--zz--\r\n");
	assert_true(seven_bit_convert(buf_slice(&in), arena, &out));
	for (size_t i = 0; i < out.len; i++)
		assert_true(out.data[i] < 0x80);
	mime_parse(arena, buf_slice(&in), &limits, &before);
	mime_parse(arena, buf_slice(&out), &limits, &after);
	assert_int_equal(before.n_parts, after.n_parts);
	for (a = before.root, b = after.root; a; a = mime_next(a), b = mime_next(b)) {
		struct buf decoded;

		assert_int_equal(a->kind, b->kind);
		if (a->kind != MIME_LEAF)
			continue;
		buf_init(&decoded, BUF_NO_LIMIT);
		transfer_decode(&decoded, b->encoding, mime_body(b, buf_slice(&out)));
		assert_true(slice_eq(buf_slice(&decoded), mime_body(a, buf_slice(&in))));
		buf_done(&decoded);
	}
	buf_done(&in);
	buf_done(&out);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(table), cmocka_unit_test(decodes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
