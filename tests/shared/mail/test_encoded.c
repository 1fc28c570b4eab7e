/* Encoded-words and extended parameters, both ways, and charsets. */
#include "shared/mail/mail_test.h"

#include "base/utf8.h"
#include "mail/charset.h"
#include "mail/encoded.h"

static void words(void **state)
{
	static const struct {
		const char *name, *text, *want;
	} rows[] = {
		{ "plain", "Hello world", "Hello world" },
		{ "q", "=?utf-8?q?J=C3=B6rg_M?=", "J\xc3\xb6rg M" },
		{ "b", "=?UTF-8?B?SsO2cmc=?=", "J\xc3\xb6rg" },
		{ "latin 1", "=?iso-8859-1?Q?J=F6rg?=", "J\xc3\xb6rg" },
		{ "latin 1 is windows-1252", "=?iso-8859-1?Q?=80?=", "\xe2\x82\xac" },
		{ "koi8", "=?koi8-r?B?8NLJ18XU?=", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82" },
		{ "iso-2022-jp",
		  "=?ISO-2022-JP?B?GyRCJUYlOSVIGyhC?=", "\xe3\x83\x86\xe3\x82\xb9\xe3\x83\x88" },
		{ "gb2312 holds gbk", "=?gb2312?B?6EY=?=", "\xe9\x90\xb5" },
		{ "among words", "Re: =?utf-8?q?=C3=A4?= and b", "Re: \xc3\xa4 and b" },
		{ "blanks between words go", "=?utf-8?q?a?= \r\n =?utf-8?q?b?=", "ab" },
		{ "blanks around others stay", "=?utf-8?q?a?= x =?utf-8?q?b?=", "a x b" },
		{ "without a blank between", "=?utf-8?q?a?==?utf-8?q?b?=x", "abx" },
		{ "character cut in two words", "=?utf-8?b?w?= =?utf-8?q?=C3?= =?utf-8?q?=B6?=", "\xc3\xb6" },
		{ "language", "=?utf-8*de?q?=C3=A4?=", "\xc3\xa4" },
		{ "blank inside", "=?utf-8?q?a b?=", "a b" },
		{ "unknown charset, UTF-8", "=?x-none?q?=C3=A4?=", "\xc3\xa4" },
		{ "unknown charset, 8-bit", "=?x-none?q?=E4?=", "\xc3\xa4" },
		{ "broken escape", "=?utf-8?q?a=Zb=?=", "a=Zb=" },
		{ "malformed UTF-8", "=?utf-8?q?a=FFb?=",
		  "a\xef\xbf\xbd"
		  "b" },
		{ "unknown encoding", "=?utf-8?x?abc?=", "=?utf-8?x?abc?=" },
		{ "no end", "=?utf-8?q?abc", "=?utf-8?q?abc" },
		{ "no charset",
		  "=?"
		  "?q?abc?=",
		  "=?"
		  "?q?abc?=" },
		{ "only the start", "a =?", "a =?" },
		{ "ICU's options are no charset", "=?utf-16,version=1?q?ab?=", "ab" },
		{ "raw UTF-8", "\xc3\xa4\r\n b", "\xc3\xa4 b" },
		{ "raw 8-bit", "\xe4", "\xc3\xa4" },
		{ "empty word",
		  "a =?utf-8?q?"
		  "?= b",
		  "a  b" },
		{ "nothing", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf got;

		buf_init(&got, BUF_NO_LIMIT);
		buf_addc(&got, '>');
		assert_true(encoded_decode(&got, slice_str(rows[i].text)));
		expect_text(rows[i].name, "decoded",
		            slice_from(buf_slice(&got), 1).data ? slice_from(buf_slice(&got), 1) : SLICE(""),
		            rows[i].want);
		buf_done(&got);
	}
}

static void parameters(void **state)
{
	static const struct {
		const char *raw, *want;
	} rows[] = {
		{ "utf-8''%C3%A4.txt", "\xc3\xa4.txt" },
		{ "iso-8859-1'de'%E4", "\xc3\xa4" },
		{ "''%C3%A4", "\xc3\xa4" },
		{ "%C3%A4", "\xc3\xa4" },
		{ "it's", "it's" },
		{ "utf-8''%zz%4", "%zz%4" },
		{ "utf-8''a'b", "a'b" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf got;

		buf_init(&got, BUF_NO_LIMIT);
		assert_true(encoded_decode_param(&got, slice_str(rows[i].raw)));
		expect_text(rows[i].raw, "decoded", buf_slice(&got), rows[i].want);
		buf_done(&got);
	}
}

static const char long_german[] =
    "Gr\xc3\xbc\xc3\x9f"
    "e aus M\xc3\xbcnchen, wo die S\xc3\xbc\xc3\x9figkeiten s\xc3\xbc\xc3\x9f und die "
    "B\xc3\xbc"
    "cher sch\xc3\xb6n sind, und alles andere auch sehr, sehr lang ist";
static const char long_japanese[] =
    "\xe3\x81\x93\xe3\x82\x93\xe3\x81\xab\xe3\x81\xa1\xe3\x81\xaf\xe4\xb8\x96\xe7\x95\x8c"
    "\xe3\x81\x93\xe3\x82\x93\xe3\x81\xab\xe3\x81\xa1\xe3\x81\xaf\xe4\xb8\x96\xe7\x95\x8c"
    "\xe3\x81\x93\xe3\x82\x93\xe3\x81\xab\xe3\x81\xa1\xe3\x81\xaf\xe4\xb8\x96\xe7\x95\x8c";

/* What is written reads back the same, keeps its lines short, and never starts one without a blank. */
static void written_text_reads_back(void **state)
{
	static const char *const texts[] = {
		"",
		"a",
		"Hello world",
		"a  b",
		"=?utf-8?q?not a word?=",
		"\xc3\xa4",
		long_german,
		long_japanese,
		"a very long line of plain words that is to be folded where there are blanks in it, and "
		"nowhere else at all",
		"averyveryveryveryveryveryveryveryveryveryveryveryveryveryveryveryverylongwordthatnofoldfits "
		"x",
		"\xf0\x9f\x98\x80 \xf0\x9f\x98\x80\xf0\x9f\x98\x80",
	};
	bool (*const writers[])(struct buf *, struct slice, size_t) = { encoded_add_text,
		                                                        encoded_add_phrase };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts) * 2; i++) {
		const char *text = texts[i / 2];
		struct buf written, got;
		struct slice rest, line;
		size_t column = 9;

		if (i % 2 && (!*text || strstr(text, "  ")))
			continue; /* blanks in phrases are not kept to the letter */
		buf_init(&written, BUF_NO_LIMIT);
		buf_init(&got, BUF_NO_LIMIT);
		assert_true(writers[i % 2](&written, slice_str(text), column));
		rest = buf_slice(&written);
		while (slice_cut(&rest, '\n', &line)) {
			if (column == 0 && line.data[0] != ' ')
				fail_msg("%s: line starts without a blank", text);
			if (slice_ends(line, "\r"))
				line.len--;
			if (column + line.len > 78 && !strstr(text, "veryvery"))
				fail_msg("%s: line of %zu: %.*s", text, column + line.len, SLICE_FMT(line));
			column = 0;
		}
		assert_true(utf8_is_ascii(buf_slice(&written)));
		encoded_decode(&got, buf_slice(&written));
		expect_text("written text", "read back", got.len ? buf_slice(&got) : SLICE(""), text);
		buf_done(&written);
		buf_done(&got);
	}
}

static void written_forms(void **state)
{
	static const struct {
		const char *text, *phrase, *param;
	} rows[] = {
		{ "Joe", "Joe", ";\r\n name=Joe" },
		{ "Joe Public", "Joe Public", ";\r\n name=\"Joe Public\"" },
		{ "Joe Q. Public", "\"Joe Q. Public\"", ";\r\n name=\"Joe Q. Public\"" },
		{ "a\"b\\", "\"a\\\"b\\\\\"", ";\r\n name=\"a\\\"b\\\\\"" },
		{ "J\xc3\xb6rg X", "=?UTF-8?Q?J=C3=B6rg_X?=", ";\r\n name*=utf-8''J%C3%B6rg%20X" },
		{ "a\r\nBcc: x@y",
		  "=?UTF-8?Q?a__Bcc=3A_x=40y?=", ";\r\n name*=utf-8''a%20%20Bcc%3A%20x%40y" },
		{ "0123456789012345678901234567890123456789012345678901234567890123456789", NULL,
		  ";\r\n name*0*=utf-8''012345678901234567890123456789012345678901234567890123456789;\r\n "
		  "name*1*=0123456789" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf got;

		buf_init(&got, BUF_NO_LIMIT);
		if (rows[i].phrase) {
			assert_true(encoded_add_phrase(&got, slice_str(rows[i].text), 0));
			expect_text(rows[i].text, "phrase", buf_slice(&got), rows[i].phrase);
			buf_clear(&got);
		}
		assert_true(encoded_add_param(&got, "name", slice_str(rows[i].text)));
		expect_text(rows[i].text, "parameter", buf_slice(&got), rows[i].param);
		buf_done(&got);
	}
}

static void charsets(void **state)
{
	struct buf out;

	(void)state;
	assert_true(charset_known(SLICE("UTF-8")) && charset_known(SLICE("us-ascii")) &&
	            charset_known(SLICE("KOI8-R")));
	assert_false(charset_known(SLICE("")) || charset_known(SLICE("x-none")) ||
	             charset_known(SLICE("a b")));
	assert_false(charset_known(SLICE("utf-16,version=1")));
	buf_init(&out, 5);
	assert_false(charset_to_utf8(&out, SLICE("koi8-r"), SLICE("\xf0\xd2\xc9\xd7\xc5\xd4")));
	expect_text("bounded", "what fits", buf_slice(&out), "\xd0\x9f\xd1\x80");
	buf_done(&out);
	buf_init(&out, BUF_NO_LIMIT);
	assert_true(charset_to_utf8(&out, SLICE("utf-16"), slice_of("\xfe\xff\xd8\x3d\xde\x00\0a", 8)));
	expect_text("utf-16", "text", buf_slice(&out),
	            "\xf0\x9f\x98\x80"
	            "a");
	buf_clear(&out);
	assert_true(charset_guess(&out, slice_of("\xc3\xa4\0b", 4)));
	assert_true(slice_eq(buf_slice(&out), slice_of("\xc3\xa4\0b", 4)));
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words),
		cmocka_unit_test(parameters),
		cmocka_unit_test(written_text_reads_back),
		cmocka_unit_test(written_forms),
		cmocka_unit_test(charsets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
