/* Content-Type and Content-Disposition values, RFC 2231 and what is broken about them. */
#include "shared/mail/mail_test.h"

#include "mail/content.h"

/* "type/subtype name=raw>value *name=..." ; the star: extended */
static void show(struct buf *out, const struct content *c)
{
	buf_printf(out, "%.*s/%.*s", SLICE_FMT(c->word), SLICE_FMT(c->subtype));
	for (uint32_t i = 0; i < c->params.n; i++) {
		const struct content_param *p = &c->params.params[i];

		buf_printf(out, " %s%.*s=[%.*s]", p->extended ? "*" : "", SLICE_FMT(p->name),
		           SLICE_FMT(p->raw));
		if (!slice_eq(p->raw, p->value))
			buf_printf(out, "[%.*s]", SLICE_FMT(p->value));
	}
}

static const struct {
	const char *name, *value, *want;
} types[] = {
	{ "plain", " text/plain; charset=utf-8", "text/plain charset=[utf-8]" },
	{ "as written", "Text/HTML;Charset=\"UTF-8\"", "Text/HTML Charset=[UTF-8]" },
	{ "no parameters", "text/plain", "text/plain" },
	{ "semicolon only", "text/plain;", "text/plain" },
	{ "comments", "(a) text (b) / (c) plain (d) ; (e) charset (f) = (g) us-ascii (h)",
	  "text/plain charset=[us-ascii]" },
	{ "folded", "multipart/mixed;\r\n\tboundary=\"a b\"", "multipart/mixed boundary=[a b]" },
	{ "quoted with escapes and a fold", "a/b; n=\"x\\\"y\r\n z\\\\\"", "a/b n=[x\"y z\\]" },
	{ "no semicolon before", "text/html charset=utf-8", "text/html charset=[utf-8]" },
	{ "no semicolon between", "a/b; c=d e=f; g=\"h\" i=j", "a/b c=[d] e=[f] g=[h] i=[j]" },
	{ "rest of a word", "text/plain garbage; charset=x", "text/plain charset=[x]" },
	{ "blanks in an unquoted value", "a/b; name=my file (1).pdf; x=y",
	  "a/b name=[my file (1).pdf] x=[y]" },
	{ "specials in an unquoted value", "multipart/mixed; boundary=----=_Part_1/2:3",
	  "multipart/mixed boundary=[----=_Part_1/2:3]" },
	{ "no closing quote", "a/b; name=\"foo.pdf; x=y", "a/b name=[foo.pdf] x=[y]" },
	{ "empty values", "a/b; c=; d=\"\"; e=f", "a/b c=[] d=[] e=[f]" },
	{ "stray semicolons and junk", "a/b;; ;=x; y; =; c=d", "a/b c=[d]" },
	{ "semicolon in quotes", "a/b; c=\"d;e\"; f=g", "a/b c=[d;e] f=[g]" },
	{ "raw 8-bit", "a/b; name=\"\xe4.txt\"", "a/b name=[\xe4.txt]" },
	{ "encoded word", "a/b; name=\"=?utf-8?q?=C3=A4.txt?=\"",
	  "a/b name=[=?utf-8?q?=C3=A4.txt?=][\xc3\xa4.txt]" },
	{ "encoded word unquoted", "a/b; name==?utf-8?q?a?=", "a/b name=[=?utf-8?q?a?=][a]" },
	{ "extended", "a/b; name*=utf-8'de'%C3%A4", "a/b *name=[utf-8'de'%C3%A4][\xc3\xa4]" },
	{ "continued", "a/b; name*0=foo; name*1=\"bar baz\"", "a/b name=[foobar baz]" },
	{ "continued, out of order", "a/b; name*2=c; name*1=b; x=y; name*0=a", "a/b name=[abc] x=[y]" },
	{ "continued and extended", "a/b; n*0*=iso-8859-1''%E4; n*1*=%F6; n*2=\"%'x\"",
	  "a/b *n=[iso-8859-1''%E4%F6%25%27x][\xc3\xa4\xc3\xb6%'x]" },
	{ "extended later only", "a/b; n*0=a; n*1*=%C3%A4", "a/b *n=[''a%C3%A4][a\xc3\xa4]" },
	{ "continuation with a gap", "a/b; n*0=a; n*2=c", "a/b n=[a]" },
	{ "continuation without a start", "a/b; n*1=b; x=y", "a/b x=[y]" },
	{ "character cut by the continuation", "a/b; n*0*=utf-8''%C3; n*1*=%A4",
	  "a/b *n=[utf-8''%C3%A4][\xc3\xa4]" },
	{ "plain and extended", "a/b; n=plain; n*=utf-8''ext", "a/b n=[plain] *n=[utf-8''ext][ext]" },
	{ "stars that say nothing", "a/b; *=x; n*x=y; n**=z", "a/b *=[x] n*x=[y] n**=[z]" },
	{ "type alone", "text", "/" },
	{ "no subtype", "text/; charset=x", "/ charset=[x]" },
	{ "nothing", "", "/" },
	{ "junk", ";;;", "/" },
};

static void content_types(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		struct arena *arena = arena_new();
		struct content content;
		struct buf got;

		buf_init(&got, BUF_NO_LIMIT);
		content_type_parse(arena, slice_str(types[i].value), &content);
		show(&got, &content);
		expect_text(types[i].name, "content", buf_slice(&got), types[i].want);
		buf_done(&got);
		arena_free(arena);
	}
}

static void dispositions(void **state)
{
	struct arena *arena = arena_new();
	struct content c;

	(void)state;
	content_disposition_parse(
	    arena, SLICE(" attachment; filename=\"a b.txt\"; filename*=utf-8''%C3%A4.txt"), &c);
	expect_text("attachment", "word", c.word, "attachment");
	expect_text("extended first", "filename", content_value(&c.params, "FileName"), "\xc3\xa4.txt");
	expect_text("missing", "size", content_value(&c.params, "size"), NULL);
	content_disposition_parse(arena, SLICE("; filename=x"), &c);
	expect_text("no word", "word", c.word, "");
	expect_text("token", "word", content_word(SLICE(" (c) base64 (d) ")), "base64");
	expect_text("no token", "word", content_word(SLICE("(c)")), "");
	arena_free(arena);
}

static void parameters_are_bounded(void **state)
{
	struct arena *arena = arena_new();
	struct content c;
	struct buf text;

	(void)state;
	buf_init(&text, BUF_NO_LIMIT);
	buf_adds(&text, "a/b");
	for (int i = 0; i < 5000; i++)
		buf_printf(&text, "; p%d=x", i);
	content_type_parse(arena, buf_slice(&text), &c);
	assert_int_equal(c.params.n, CONTENT_PARAMS_MAX);
	buf_done(&text);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(content_types),
		cmocka_unit_test(dispositions),
		cmocka_unit_test(parameters_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
