/* What a person would read of a part: HTML, charsets, and limits. */
#include "shared/mail/mail_test.h"

#include "mail/text.h"

static void html(void **state)
{
	static const struct {
		const char *html, *want;
	} rows[] = {
		{ "plain  text\r\n here", "plain text here" },
		{ "<p>one</p><p>two</p>", "one\ntwo" },
		{ "a<b>b</b>c", "abc" },
		{ "<td>a</td><td>b</td>", "a b" },
		{ "a<br/>b", "a\nb" },
		{ "<style>p { x: \"<\" }</style>a<script>if (a<b) '</p>'</script>b", "ab" },
		{ "<SCRIPT>x</SCRIPT >y", "y" },
		{ "<!-- a -- <b> -->c<!DOCTYPE html>d<?x ?>e", "cde" },
		{ "<a title=\"a>b\" href='x>y'>link</a>", "link" },
		{ "&lt;b&gt; &amp; &auml;&#228;&#xE4;&euro;", "<b> & \xc3\xa4\xc3\xa4\xc3\xa4\xe2\x82\xac" },
		{ "&nope; &amp &; & &#; &#0; &#x110000;", "&nope; & &; & &#; &#0; &#x110000;" },
		{ "1 < 2 <3 a<", "1 < 2 <3 a<" },
		{ "a<b", "a" },
		{ "a<!-- b", "a" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out;

		buf_init(&out, BUF_NO_LIMIT);
		assert_true(text_of_html(&out, slice_str(rows[i].html)));
		expect_text(rows[i].html, "text", out.len ? buf_slice(&out) : SLICE(""), rows[i].want);
		buf_done(&out);
	}
}

static const struct {
	const char *name, *message, *want;
	size_t limit;
	bool whole;
} parts[] = {
	{ "plain", "\n\nhi", "\nhi", 100, true },
	{ "qp and charset",
	  "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: "
	  "quoted-printable\n\n=E4=\n=F6",
	  "\xc3\xa4\xc3\xb6", 100, true },
	{ "base64 html",
	  "Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\nPHA+w6Q8L3A+PHA+Yg==",
	  "\xc3\xa4\nb", 100, true },
	{ "unlabelled 8-bit", "Content-Type: text/plain\n\n\xe4", "\xc3\xa4", 100, true },
	{ "no text", "Content-Type: image/png\n\nx", "", 100, true },
	{ "limit", "\nhello", "hel", 3, false },
	{ "limit inside a character", "\n\xc3\xa4\xc3\xa4", "\xc3\xa4", 3, false },
	{ "limit in html", "Content-Type: text/html\n\n<p>one<p>two", "one\nt", 5, false },
	{ "limit just met", "Content-Type: text/html\n\n<p>one</p>", "one", 3, true },
};

static void text_parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		struct slice message = slice_str(parts[i].message);
		struct arena *arena = arena_new();
		struct mime mime;
		struct buf out;

		buf_init(&out, parts[i].limit);
		mime_parse(arena, message, &MIME_LIMITS_DEFAULT, &mime);
		expect_number(parts[i].name, "whole", text_of_part(&out, mime.root, message), parts[i].whole);
		expect_text(parts[i].name, "text", out.len ? buf_slice(&out) : SLICE(""), parts[i].want);
		buf_done(&out);
		arena_free(arena);
	}
}

/* A small limit must not make a large part cost what it weighs. */
static void reading_is_bounded(void **state)
{
	struct arena *arena = arena_new();
	struct buf message, out;
	struct mime mime;

	(void)state;
	buf_init(&message, BUF_NO_LIMIT);
	buf_init(&out, 100);
	buf_adds(&message, "Content-Type: text/html\r\n\r\n");
	while (message.len < 4000000)
		buf_adds(&message, "<b></b>");
	buf_adds(&message, "end");
	mime_parse(arena, buf_slice(&message), &MIME_LIMITS_DEFAULT, &mime);
	assert_false(text_of_part(&out, mime.root, buf_slice(&message)));
	assert_int_equal(out.len, 0);
	buf_done(&out);
	buf_init(&out, BUF_NO_LIMIT);
	assert_true(text_of_part(&out, mime.root, buf_slice(&message)));
	expect_text("unbounded", "text", buf_slice(&out), "end");
	buf_done(&out);
	buf_done(&message);
	arena_free(arena);
}

static void entities(void **state)
{
	(void)state;
	assert_int_equal(text_entity(SLICE("AElig")), 0xc6);
	assert_int_equal(text_entity(SLICE("zwnj")), 0x200c);
	assert_int_equal(text_entity(SLICE("thetasym")), 0x3d1);
	assert_int_equal(text_entity(SLICE("aelig")), 0xe6);
	assert_int_equal(text_entity(SLICE("#x1F600")), 0x1f600);
	assert_int_equal(text_entity(SLICE("")), 0);
	assert_int_equal(text_entity(SLICE("thetasymx")), 0);
	assert_int_equal(text_entity(SLICE("#x")), 0);
	assert_int_equal(text_entity(SLICE("#99999999")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(html),
		cmocka_unit_test(text_parts),
		cmocka_unit_test(reading_is_bounded),
		cmocka_unit_test(entities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
