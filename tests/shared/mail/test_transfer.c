/* Transfer encodings, however the input is cut and whatever room there is. */
#include "shared/mail/mail_test.h"

#include "mail/transfer.h"

static const struct {
	const char *name;
	enum transfer kind;
	const char *in, *want;
} cases[] = {
	{ "as it is", TRANSFER_8BIT, "a =\r\n", "a =\r\n" },
	{ "unknown", TRANSFER_UNKNOWN, "=41", "=41" },
	{ "base64", TRANSFER_BASE64, "SGVsbG8gd29ybGQ=", "Hello world" },
	{ "base64 in lines", TRANSFER_BASE64, "SGVs\r\nbG8g\r\n d29ybGQ=\r\n", "Hello world" },
	{ "base64 with noise", TRANSFER_BASE64, "S!G-V_s.bG8\x80", "Hello" },
	{ "base64 without padding", TRANSFER_BASE64, "SGVsbG8gd29ybGQ", "Hello world" },
	{ "two base64 texts", TRANSFER_BASE64, "SGVsbG8=\r\nSGVsbG8=\r\n", "HelloHello" },
	{ "one letter left", TRANSFER_BASE64, "SGVsS", "Hel" },
	{ "qp", TRANSFER_QUOTED_PRINTABLE, "J=C3=B6rg=20=\r\nX", "J\xc3\xb6rg X" },
	{ "qp small digits", TRANSFER_QUOTED_PRINTABLE, "=c3=b6", "\xc3\xb6" },
	{ "qp LF alone", TRANSFER_QUOTED_PRINTABLE, "a=\nb\nc", "ab\nc" },
	{ "qp blanks at line ends go", TRANSFER_QUOTED_PRINTABLE, "a \t\r\nb  \nc ", "a\r\nb\nc" },
	{ "qp blanks elsewhere stay", TRANSFER_QUOTED_PRINTABLE, " a \t b", " a \t b" },
	{ "qp blanks behind a soft end", TRANSFER_QUOTED_PRINTABLE, "a=  \t\r\nb", "ab" },
	{ "qp broken escapes stay", TRANSFER_QUOTED_PRINTABLE, "a=Zb=4x==41=\rx= y", "a=Zb=4x=A=\rx= y" },
	{ "qp escape at the end", TRANSFER_QUOTED_PRINTABLE, "a=4", "a=4" },
	{ "qp soft end at the end", TRANSFER_QUOTED_PRINTABLE, "a=", "a" },
	{ "qp CR alone", TRANSFER_QUOTED_PRINTABLE, "a\rb \r c", "a\rb \r c" },
	{ "qp 8-bit", TRANSFER_QUOTED_PRINTABLE, "\xe4", "\xe4" },
};

/* However it is cut, and whatever room there is: the same bytes, and never past the limit. */
static void decoding_in_chunks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice in = slice_str(cases[i].in), want = slice_str(cases[i].want);

		for (size_t size = 1; size <= in.len; size++) {
			for (size_t room = want.len ? want.len - 1 : 0; room <= want.len + 1; room++) {
				struct transfer_decoder d;
				struct buf got;
				bool fits = true;

				buf_init(&got, room);
				transfer_init(&d, cases[i].kind);
				for (size_t at = 0; at < in.len; at += size)
					fits =
					    transfer_feed(&d, slice_first(slice_from(in, at), size), &got) &&
					    fits;
				fits = transfer_finish(&d, &got) && fits;
				expect_number(cases[i].name, "fits", fits, room >= want.len);
				if (fits)
					expect_text(cases[i].name, "decoded", buf_slice(&got), cases[i].want);
				assert_true(got.len <= room);
				buf_done(&got);
			}
		}
		expect_number(cases[i].name, "length", (long long)transfer_decoded_len(cases[i].kind, in),
		              (long long)want.len);
	}
}

static void names(void **state)
{
	(void)state;
	assert_int_equal(transfer_of(SLICE("Base64")), TRANSFER_BASE64);
	assert_int_equal(transfer_of(SLICE("QUOTED-PRINTABLE")), TRANSFER_QUOTED_PRINTABLE);
	assert_int_equal(transfer_of(SLICE("")), TRANSFER_7BIT);
	assert_int_equal(transfer_of(SLICE("uuencode")), TRANSFER_UNKNOWN);
	assert_string_equal(transfer_name(TRANSFER_8BIT), "8bit");
}

static void base64_lines(void **state)
{
	uint8_t bytes[58] = { 0 };
	struct buf out;

	(void)state;
	buf_init(&out, BUF_NO_LIMIT);
	transfer_encode_base64(&out, slice_of(bytes, 57));
	assert_int_equal(out.len, 78);
	buf_clear(&out);
	transfer_encode_base64(&out, slice_of(bytes, 58));
	assert_true(slice_ends(buf_slice(&out), "\r\nAA==\r\n"));
	buf_done(&out);
}

static void quoted_printable_lines(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "a\nb\r\nc", "a\r\nb\r\nc" },
		{ "a \r\n\tb ", "a=20\r\n\tb=20" },
		{ "\xc3\xa4=", "=C3=A4=3D" },
		{ "From me\n.\nx. From", "=46rom me\r\n=2E\r\nx. From" },
		{ "a\rb\x01", "a=0Db=01" },
		{ "0123456789012345678901234567890123456789012345678901234567890123456789012345",
		  "0123456789012345678901234567890123456789012345678901234567890123456789012345" },
		{ "01234567890123456789012345678901234567890123456789012345678901234567890123456",
		  "012345678901234567890123456789012345678901234567890123456789012345678901234=\r\n56" },
		{ "012345678901234567890123456789012345678901234567890123456789012345678901234.",
		  "012345678901234567890123456789012345678901234567890123456789012345678901234." },
		{ "012345678901234567890123456789012345678901234567890123456789012345678901234.x",
		  "012345678901234567890123456789012345678901234567890123456789012345678901234=\r\n=2Ex" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out;

		buf_init(&out, BUF_NO_LIMIT);
		transfer_encode_qp(&out, slice_str(rows[i].text));
		expect_text(rows[i].text, "encoded", buf_slice(&out), rows[i].want);
		buf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decoding_in_chunks),
		cmocka_unit_test(names),
		cmocka_unit_test(base64_lines),
		cmocka_unit_test(quoted_printable_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
