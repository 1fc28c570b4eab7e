/*
 * BODY and BODYSTRUCTURE, and where sections lie, of messages as they come: nested, broken, unlabelled, and as deep as
 * anybody cares to make them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "arg_text.h"
#include "fetch_item.h"

#define ASCII   "(\"charset\" \"us-ascii\")"
#define PLAIN   "\"text\" \"plain\" " ASCII " NIL NIL \"7bit\""
#define NO_TAIL "NIL NIL NIL NIL"
#define NO_ENV  "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"

static const struct structure_case {
	const char *name, *message, *wanted;
} cases[] = {
	/* clang-format off */
	{ "nothing", "", "(" PLAIN " 0 0 " NO_TAIL ")" },
	{ "no header", "\r\ntext\r\n", "(" PLAIN " 6 1 " NO_TAIL ")" },
	{ "unlabelled", "Subject: x\r\n\r\none\r\ntwo", "(" PLAIN " 8 1 " NO_TAIL ")" },
	{ "as it is written", "Content-Type: TEXT/HTML; Charset=\"UTF-8\"\r\nContent-Transfer-Encoding: Quoted-Printable\r\n\r\nx\r\n",
	  "(\"TEXT\" \"HTML\" (\"Charset\" \"UTF-8\") NIL NIL \"Quoted-Printable\" 3 1 " NO_TAIL ")" },
	{ "no lines but of text", "Content-Type: image/png\r\n\r\nxx\r\n", "(\"image\" \"png\" NIL NIL NIL \"7bit\" 4 " NO_TAIL ")" },
	{ "a type that does not read", "Content-Type: foo\r\n\r\nx", "(" PLAIN " 1 0 " NO_TAIL ")" },
	{ "all there is", "Content-Type: a/b\r\nContent-ID: <i>\r\nContent-Description: some\r\n thing\r\nContent-MD5: m==\r\n"
	  "Content-Disposition: attachment; filename=f.txt; size=3\r\nContent-Language: de, en\r\nContent-Location: l\r\n\r\nx",
	  "(\"a\" \"b\" NIL \"<i>\" \"some thing\" \"7bit\" 1 \"m==\" (\"attachment\" (\"filename\" \"f.txt\" \"size\" \"3\")) (\"de\" \"en\") \"l\")" },
	{ "a disposition without parameters", "Content-Type: a/b\r\nContent-Disposition: inline\r\nContent-Language: de\r\n\r\n",
	  "(\"a\" \"b\" NIL NIL NIL \"7bit\" 0 NIL (\"inline\" NIL) (\"de\") NIL)" },
	{ "no language in the field", "Content-Type: a/b\r\nContent-Language: ,,\r\n\r\n", "(\"a\" \"b\" NIL NIL NIL \"7bit\" 0 " NO_TAIL ")" },
	{ "an extended parameter", "Content-Type: a/b; name*=utf-8''%c3%a4\r\n\r\n", "(\"a\" \"b\" (\"name*\" \"utf-8''%c3%a4\") NIL NIL \"7bit\" 0 " NO_TAIL ")" },
	{ "a continued parameter", "Content-Type: a/b; name*0=one; name*1=\" two\"\r\n\r\n", "(\"a\" \"b\" (\"name\" \"one two\") NIL NIL \"7bit\" 0 " NO_TAIL ")" },
	{ "raw 8-bit in a parameter", "Content-Type: a/b; name=\"\xe4\"\r\n\r\n", "(\"a\" \"b\" (\"name\" {1}\r\n\xe4) NIL NIL \"7bit\" 0 " NO_TAIL ")" },
	{ "two parts", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\nContent-Type: a/b\r\n\r\ntwo\r\n--b--\r\n",
	  "((" PLAIN " 3 0 " NO_TAIL ")(\"a\" \"b\" NIL NIL NIL \"7bit\" 3 " NO_TAIL ") \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)" },
	{ "no boundary", "Content-Type: multipart/mixed\r\n\r\none\r\n", "((" PLAIN " 5 1 " NO_TAIL ") \"mixed\" NIL NIL NIL NIL)" },
	{ "a boundary that never comes", "Content-Type: multipart/mixed; boundary=b\r\n\r\none\r\n",
	  "((" PLAIN " 5 1 " NO_TAIL ") \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)" },
	{ "no closing delimiter", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n",
	  "((" PLAIN " 5 1 " NO_TAIL ") \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)" },
	{ "an inner one left open", "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n--i\r\n\r\nx\r\n--o\r\n\r\ny\r\n--o--\r\n",
	  "(((" PLAIN " 1 0 " NO_TAIL ") \"alternative\" (\"boundary\" \"i\") NIL NIL NIL)(" PLAIN " 1 0 " NO_TAIL ") \"mixed\" (\"boundary\" \"o\") NIL NIL NIL)" },
	{ "an empty part", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b--\r\n",
	  "((" PLAIN " 0 0 " NO_TAIL ") \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)" },
	{ "a digest", "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: s\r\n\r\nx\r\n--b--\r\n",
	  "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 15 (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) (" PLAIN " 1 0 " NO_TAIL ") 2 " NO_TAIL ") \"digest\" (\"boundary\" \"b\") NIL NIL NIL)" },
	{ "a message", "Content-Type: message/rfc822\r\n\r\nFrom: a@x\r\n\r\nx\r\n",
	  "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 16 (NIL NIL ((NIL NIL \"a\" \"x\")) ((NIL NIL \"a\" \"x\")) ((NIL NIL \"a\" \"x\")) NIL NIL NIL NIL NIL) (" PLAIN " 3 1 " NO_TAIL ") 3 " NO_TAIL ")" },
	{ "a message of nothing", "Content-Type: message/rfc822\r\n\r\n", "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 0 " NO_ENV " (" PLAIN " 0 0 " NO_TAIL ") 0 " NO_TAIL ")" },
	{ "a global message is a leaf to RFC 3501", "Content-Type: message/global\r\n\r\nFrom: a@x\r\n\r\nx\r\n",
	  "(\"message\" \"global\" NIL NIL NIL \"7bit\" 16 " NO_TAIL ")" },
	{ "a boundary that another begins with", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\nx\r\n--bb--\r\n--b\r\n\r\ny\r\n--b--\r\n",
	  "(((" PLAIN " 1 0 " NO_TAIL ") \"mixed\" (\"boundary\" \"bb\") NIL NIL NIL)(" PLAIN " 1 0 " NO_TAIL ") \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)" },
	{ "blanks behind a delimiter", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b \t\r\n\r\nx\r\n--b-- \r\nepilogue\r\n",
	  "((" PLAIN " 1 0 " NO_TAIL ") \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)" },
	{ "text behind a delimiter is none", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--bx\r\ny\r\n--b--\r\n",
	  "((" PLAIN " 10 2 " NO_TAIL ") \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)" },
	{ "an empty boundary", "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n\r\nx\r\n----\r\n",
	  "((" PLAIN " 15 4 " NO_TAIL ") \"mixed\" (\"boundary\" \"\") NIL NIL NIL)" },
	{ "a boundary of blanks at its end", "Content-Type: multipart/mixed; boundary=\"b  \"\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
	  "((" PLAIN " 1 0 " NO_TAIL ") \"mixed\" (\"boundary\" \"b  \") NIL NIL NIL)" },
	{ "a boundary in RFC 2231", "Content-Type: multipart/mixed; boundary*=us-ascii''b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
	  "((" PLAIN " 1 0 " NO_TAIL ") \"mixed\" (\"boundary*\" \"us-ascii''b\") NIL NIL NIL)" },
	{ "a boundary longer than RFC 2046 has it", "Content-Type: multipart/mixed; boundary=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n\r\n--bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n\r\nx\r\n--bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb--\r\n",
	  "((" PLAIN " 1 0 " NO_TAIL ") \"mixed\" (\"boundary\" \"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\") NIL NIL NIL)" },
	{ "a delimiter ends a header", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n--b\r\n\r\ny\r\n--b--\r\n",
	  "((\"text\" \"html\" NIL NIL NIL \"7bit\" 0 0 " NO_TAIL ")(" PLAIN " 1 0 " NO_TAIL ") \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)" },
	{ "a part without a header", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nno header\r\n\r\nx\r\n--b--\r\n",
	  "((" PLAIN " 1 0 " NO_TAIL ") \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)" },
	{ "two types: the first", "Content-Type: text/html\r\nContent-Type: text/plain\r\n\r\nx\r\n",
	  "(\"text\" \"html\" NIL NIL NIL \"7bit\" 3 1 " NO_TAIL ")" },
	{ "comments in a type", "Content-Type: text (a) / (b) html (c); charset (d) = (e) utf-8 (f)\r\n\r\nx\r\n",
	  "(\"text\" \"html\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 3 1 " NO_TAIL ")" },
	{ "a type without a subtype", "Content-Type: text\r\n\r\nx\r\n",
	  "(" PLAIN " 3 1 " NO_TAIL ")" },
	{ "a type with a slash too many", "Content-Type: a/b/c\r\n\r\nx\r\n",
	  "(\"a\" \"b\" NIL NIL NIL \"7bit\" 3 " NO_TAIL ")" },
	{ "semicolons and nothing between", "Content-Type: a/b;; ;name=x;\r\n\r\nx",
	  "(\"a\" \"b\" (\"name\" \"x\") NIL NIL \"7bit\" 1 " NO_TAIL ")" },
	{ "an encoded-word for a name", "Content-Type: a/b; name=\"=?utf-8?q?=C3=A4?=\"\r\n\r\nx",
	  "(\"a\" \"b\" (\"name\" \"=?utf-8?q?=C3=A4?=\") NIL NIL \"7bit\" 1 " NO_TAIL ")" },
	{ "pieces out of order, one missing", "Content-Type: a/b; n*1=two; n*0=one; m*0=a; m*2=c\r\n\r\nx",
	  "(\"a\" \"b\" (\"n\" \"onetwo\" \"m\" \"a\") NIL NIL \"7bit\" 1 " NO_TAIL ")" },
	{ "both spellings of one", "Content-Disposition: attachment; filename=plain; filename*=utf-8''%c3%a4\r\nContent-Type: a/b\r\n\r\nx",
	  "(\"a\" \"b\" NIL NIL NIL \"7bit\" 1 NIL (\"attachment\" (\"filename\" \"plain\" \"filename*\" \"utf-8''%c3%a4\")) NIL NIL)" },
	{ "a quote without end", "Content-Type: a/b; name=\"open\r\n\r\nx",
	  "(\"a\" \"b\" (\"name\" \"open\") NIL NIL \"7bit\" 1 " NO_TAIL ")" },
	{ "a folded parameter", "Content-Type: a/b;\r\n\tname=\"one\r\n two\"\r\n\r\nx",
	  "(\"a\" \"b\" (\"name\" \"one two\") NIL NIL \"7bit\" 1 " NO_TAIL ")" },
	{ "a message that is encoded", "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA0KDQp5DQo=\r\n",
	  "(\"message\" \"rfc822\" NIL NIL NIL \"base64\" 26 " NO_ENV " (" PLAIN " 0 0 " NO_TAIL ") 1 " NO_TAIL ")" },
	{ "a message in a message", "Content-Type: message/rfc822\r\n\r\nSubject: a\r\nContent-Type: message/rfc822\r\n\r\nSubject: b\r\n\r\nx\r\n",
	  "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 61 (NIL \"a\" NIL NIL NIL NIL NIL NIL NIL NIL) (\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 17 (NIL \"b\" NIL NIL NIL NIL NIL NIL NIL NIL) (" PLAIN " 3 1 " NO_TAIL ") 3 " NO_TAIL ") 6 " NO_TAIL ")" },
	{ "a message cut in its header", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: s\r\n--b--\r\n",
	  "((\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 12 (NIL \"s\" NIL NIL NIL NIL NIL NIL NIL NIL) (" PLAIN " 0 0 " NO_TAIL ") 1 " NO_TAIL ") \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)" },
	{ "a fragment is no message", "Content-Type: message/partial; id=i; number=1\r\n\r\nSubject: s\r\n\r\nx\r\n",
	  "(\"message\" \"partial\" (\"id\" \"i\" \"number\" \"1\") NIL NIL \"7bit\" 17 " NO_TAIL ")" },
	{ "an encoding that nobody knows", "Content-Transfer-Encoding: x-unknown\r\n\r\nx\r\n",
	  "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"x-unknown\" 3 1 " NO_TAIL ")" },
	{ "no encoding in the field", "Content-Transfer-Encoding:\r\n\r\nx\r\n",
	  "(" PLAIN " 3 1 " NO_TAIL ")" },
	{ "a multipart of one empty line", "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n\r\n--b--\r\n",
	  "((" PLAIN " 0 0 " NO_TAIL ") \"alternative\" (\"boundary\" \"b\") NIL NIL NIL)" },
	{ "only delimiters", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\n--b--\r\n",
	  "((" PLAIN " 0 0 " NO_TAIL ")(" PLAIN " 0 0 " NO_TAIL ") \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)" },
	{ "8-bit in a type", "Content-Type: text/h\xc3\xa4\r\n\r\nx\r\n",
	  "(\"text\" \"=?UTF-8?B?aMOk?=\" NIL NIL NIL \"7bit\" 3 1 " NO_TAIL ")" },
	{ "bare LFs", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n",
	  "((" PLAIN " 3 0 " NO_TAIL ") \"mixed\" (\"boundary\" \"b\") NIL NIL NIL)" },
	/* clang-format on */
};

static void check(const char *name, const struct mime_part *part, unsigned style, const char *wanted)
{
	struct buf out;

	buf_init(&out, 1 << 20);
	fetch_add_structure(&out, part, style);
	if (!slice_eq(buf_slice(&out), slice_str(wanted)))
		fail_msg("%s: %.*s", name, SLICE_FMT(buf_slice(&out)));
	buf_done(&out);
}

static void test_structures(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new();
		struct mime mime;

		mime_parse(arena, slice_str(cases[i].message), &MIME_LIMITS_DEFAULT, &mime);
		check(cases[i].name, mime.root, FETCH_EXTENDED, cases[i].wanted);
		arena_free(arena);
	}
}

/* What differs by what the client has enabled. */
static const struct style_case {
	const char *name, *message;
	unsigned style;
	const char *wanted;
} style_cases[] = {
	/* clang-format off */
	{ "RFC 2231 undone", "Content-Type: a/b; name*0*=utf-8''%c3%a4; name*1=\" two\"; x*=iso-8859-1''%e4\r\n\r\n", FETCH_UTF8 | FETCH_REV2,
	  "(\"a\" \"b\" (\"name\" \"ä two\" \"x\" \"ä\") NIL NIL \"7bit\" 0 " NO_TAIL ")" },
	{ "both spellings of one: the better", "Content-Type: a/b; x=1; name=plain; name*=utf-8''%c3%a4\r\n\r\n", FETCH_UTF8 | FETCH_REV2,
	  "(\"a\" \"b\" (\"x\" \"1\" \"name\" \"ä\") NIL NIL \"7bit\" 0 " NO_TAIL ")" },
	{ "but not without IMAP4rev2", "Content-Type: a/b; name*=utf-8''%c3%a4\r\n\r\n", FETCH_UTF8,
	  "(\"a\" \"b\" (\"name*\" \"utf-8''%c3%a4\") NIL NIL \"7bit\" 0 " NO_TAIL ")" },
	{ "raw UTF-8", "Content-Type: a/b; name=\"ä\"\r\nContent-Description: ö\r\n\r\n", FETCH_UTF8,
	  "(\"a\" \"b\" (\"name\" \"ä\") NIL \"ö\" \"7bit\" 0 " NO_TAIL ")" },
	{ "raw UTF-8 for ASCII", "Content-Type: a/b; name=\"ä b\"\r\nContent-Description: ö\r\n\r\n", 0,
	  "(\"a\" \"b\" (\"name*\" \"utf-8''%C3%A4%20b\") NIL \"=?UTF-8?B?w7Y=?=\" \"7bit\" 0 " NO_TAIL ")" },
	{ "a global message is one", "Content-Type: message/global\r\n\r\nSubject: ä\r\n\r\nx\r\n", FETCH_UTF8 | FETCH_REV2,
	  "(\"message\" \"global\" NIL NIL NIL \"7bit\" 18 (NIL \"ä\" NIL NIL NIL NIL NIL NIL NIL NIL) (" PLAIN " 3 1 " NO_TAIL ") 3 " NO_TAIL ")" },
	/* clang-format on */
};

static void test_styles(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(style_cases); i++) {
		struct arena *arena = arena_new();
		struct mime mime;

		mime_parse(arena, slice_str(style_cases[i].message), &MIME_LIMITS_DEFAULT, &mime);
		check(style_cases[i].name, mime.root, style_cases[i].style | FETCH_EXTENDED,
		      style_cases[i].wanted);
		arena_free(arena);
	}
}

/* BODY leaves the extension data out, at every level. */
static void test_without_extensions(void **state)
{
	static const char message[] =
	    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Disposition: "
	    "inline\r\n\r\nx\r\n--b\r\n"
	    "Content-Type: message/rfc822\r\n\r\n\r\ny\r\n--b--\r\n";
	struct arena *arena = arena_new();
	struct mime mime;

	(void)state;
	mime_parse(arena, SLICE(message), &MIME_LIMITS_DEFAULT, &mime);
	check("BODY", mime.root, 0,
	      "((" PLAIN " 1 0)(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 3 " NO_ENV " (" PLAIN
	      " 1 0) 1) \"mixed\")");
	arena_free(arena);
}

static void count(struct slice text, int *ret_open, int *ret_deepest)
{
	int open = 0;

	*ret_deepest = 0;
	for (size_t i = 0; i < text.len; i++) {
		open += text.data[i] == '(';
		open -= text.data[i] == ')';
		*ret_deepest = MAX_OF(*ret_deepest, open);
		assert_true(open >= 0);
	}
	*ret_open = open;
}

/* Far deeper than the parser goes: what comes out is balanced, and no deeper than its limit. */
static void check_deep(const char *one, const char *sub)
{
	struct arena *arena = arena_new();
	struct mime mime;
	struct buf message, out;
	int open, deepest;

	buf_init(&message, 1 << 20);
	buf_init(&out, 1 << 20);
	for (unsigned i = 0; i < 1000; i++)
		arg_text_numbered(&message, one, i);
	mime_parse(arena, buf_slice(&message), &MIME_LIMITS_DEFAULT, &mime);
	assert_true(mime.limited);
	fetch_add_structure(&out, mime.root, FETCH_EXTENDED);
	assert_false(out.overflow);
	count(buf_slice(&out), &open, &deepest);
	assert_int_equal(open, 0);
	assert_true(deepest > 90 && deepest < 210);
	assert_true(slice_find(buf_slice(&out), slice_str(sub)) >= 0);
	buf_done(&message);
	buf_done(&out);
	arena_free(arena);
}

static void test_deep(void **state)
{
	(void)state;
	check_deep("Content-Type: multipart/mixed; boundary=b#\r\n\r\n--b#\r\n", "octet-stream");
	check_deep("Content-Type: message/rfc822\r\n\r\n", "octet-stream");
}

/* ---- sections ---- */

static const char sections_message[] = "Subject: outer\r\n" /* 0 */
                                       "Content-Type: multipart/mixed; boundary=b\r\n"
                                       "\r\n"
                                       "--b\r\n"
                                       "X: one\r\n"
                                       "\r\n"
                                       "first\r\n"
                                       "--b\r\n"
                                       "Content-Type: message/rfc822\r\n"
                                       "\r\n"
                                       "Subject: inner\r\n"
                                       "\r\n"
                                       "second\r\n"
                                       "--b--\r\n"
                                       "after\r\n";

static const struct section_case {
	const char *section, *wanted; /* NULL: missing */
} section_cases[] = {
	{ "BODY[]", sections_message },
	{ "BODY[HEADER]", "Subject: outer\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" },
	{ "BODY[HEADER.FIELDS (subject)]", "Subject: outer\r\n\r\n" },
	{ "BODY[HEADER.FIELDS (nothing)]", "\r\n" },
	{ "BODY[HEADER.FIELDS.NOT (content-TYPE)]", "Subject: outer\r\n\r\n" },
	{ "BODY[1]", "first" },
	{ "BODY[1.MIME]", "X: one\r\n\r\n" },
	{ "BODY[1.HEADER]", NULL },
	{ "BODY[1.TEXT]", NULL },
	{ "BODY[1.1]", NULL },
	{ "BODY[2]", "Subject: inner\r\n\r\nsecond" },
	{ "BODY[2.MIME]", "Content-Type: message/rfc822\r\n\r\n" },
	{ "BODY[2.HEADER]", "Subject: inner\r\n\r\n" },
	{ "BODY[2.HEADER.FIELDS (X)]", "\r\n" },
	{ "BODY[2.TEXT]", "second" },
	{ "BODY[2.1]", "second" },
	{ "BODY[2.1.MIME]", "Subject: inner\r\n\r\n" },
	{ "BODY[2.2]", NULL },
	{ "BODY[3]", NULL },
	{ "BODY[1]<1.3>", "irs" },
	{ "BODY[1]<0.100>", "first" },
	{ "BODY[1]<5.1>", "" },
	{ "BODY[1]<9223372036854775807.9223372036854775807>", "" },
	{ "BODY[HEADER.FIELDS (subject)]<9.5>", "outer" },
};

static void read_section(const struct fetch_item *item, const struct mime *mime, struct slice message,
                         struct buf *out)
{
	struct fetch_place place = section_place(&item->section, mime, mime->root->header_len, message.len);
	uint64_t offset = 0, len;

	assert_false(place.missing);
	assert_true(place.offset + place.len <= message.len);
	if (!place.filtered) {
		section_clip(&item->section, &place.offset, &place.len);
		buf_add(out, message.data + place.offset, place.len);
		return;
	}
	section_filter(&item->section, slice_of(message.data + place.offset, place.len), out);
	len = out->len;
	section_clip(&item->section, &offset, &len);
	buf_consume(out, offset);
	out->len = len;
}

static void test_sections(void **state)
{
	const struct slice message = SLICE(sections_message);
	struct arena *arena = arena_new();
	struct mime mime;

	(void)state;
	mime_parse(arena, message, &MIME_LIMITS_DEFAULT, &mime);
	for (size_t i = 0; i < ARRAY_LEN(section_cases); i++) {
		const struct section_case *c = &section_cases[i];
		struct fetch_request request;
		struct arg_text text;
		struct buf out;

		buf_init(&out, 10000);
		assert_true(fetch_parse(arg_text_start(&text, c->section), &request));
		if (!c->wanted) {
			if (!section_place(&request.items[0].section, &mime, 0, message.len).missing)
				fail_msg("%s is there", c->section);
		} else {
			read_section(&request.items[0], &mime, message, &out);
			if (!slice_eq(buf_slice(&out), slice_str(c->wanted)))
				fail_msg("%s: \"%.*s\"", c->section, SLICE_FMT(buf_slice(&out)));
		}
		buf_done(&out);
		arg_text_done(&text);
	}
	arena_free(arena);
}

static const struct filter_case {
	const char *name, *header, *wanted;
} filter_cases[] = {
	{ "folded", "A: 1\r\n 2\r\nB: 3\r\n\r\n", "A: 1\r\n 2\r\n\r\n" },
	{ "every one of a name", "a: 1\r\nB: 2\r\nA: 3\r\n\r\n", "a: 1\r\nA: 3\r\n\r\n" },
	{ "no empty line", "A: 1\r\nB: 2\r\n", "A: 1\r\n" },
	{ "no line end", "A: 1", "A: 1" },
	{ "bare LFs", "A: 1\nB: 2\n\n", "A: 1\n\n" },
	{ "a line that is no field", "junk\r\nA: 1\r\n\r\n", "A: 1\r\n\r\n" },
	{ "blanks before the colon", "A : 1\r\n\r\n", "A : 1\r\n\r\n" },
	{ "nothing", "", "" },
	{ "only the empty line", "\r\n", "\r\n" },
};

static void test_filter(void **state)
{
	const struct slice name = SLICE("A");
	const struct fetch_section section = { .what = SECTION_FIELDS, .fields = &name, .n_fields = 1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(filter_cases); i++) {
		struct buf out;

		buf_init(&out, 1000);
		section_filter(&section, slice_str(filter_cases[i].header), &out);
		if (!slice_eq(buf_slice(&out), slice_str(filter_cases[i].wanted)))
			fail_msg("%s: \"%.*s\"", filter_cases[i].name, SLICE_FMT(buf_slice(&out)));
		buf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_structures),         cmocka_unit_test(test_styles),
		cmocka_unit_test(test_without_extensions), cmocka_unit_test(test_deep),
		cmocka_unit_test(test_sections),           cmocka_unit_test(test_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
