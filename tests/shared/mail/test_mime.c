/* MIME trees to the byte: nested, broken, cut and far too deep messages; packing; section numbers. */
#include "shared/mail/mail_test.h"

#include "mail/mime.h"

/*
 * A part as "type/subtype h<offset>+<length> b<offset>+<length>/<lines>", children in brackets behind it.
 */
static void show(struct buf *out, const struct mime_part *part)
{
	buf_printf(out, "%.*s/%.*s h%llu+%llu b%llu+%llu/%u", SLICE_FMT(part->type), SLICE_FMT(part->subtype),
	           (unsigned long long)part->header, (unsigned long long)part->header_len,
	           (unsigned long long)part->body, (unsigned long long)part->body_len, part->lines);
	if (!part->children)
		return;
	buf_adds(out, " [");
	for (const struct mime_part *child = part->children; child; child = child->next) {
		show(out, child);
		buf_adds(out, child->next ? ", " : "]");
	}
}

static const struct {
	const char *name, *message, *want;
} cases[] = {
	{ "nothing", "", "text/plain h0+0 b0+0/0" },
	{ "body only", "\r\nhello\r\n", "text/plain h0+2 b2+7/1" },
	{ "header only", "A: b\r\n", "text/plain h0+6 b6+0/0" },
	{ "no last line end", "A: b\r\n\r\nhello", "text/plain h0+8 b8+5/0" },
	{ "LF alone", "A: b\n\nhello\nyou\n", "text/plain h0+6 b6+10/2" },
	{ "type", "Content-Type: image/png\r\n\r\nx", "image/png h0+27 b27+1/0" },
	{ "type that does not read", "Content-Type: foo\r\n\r\nx", "text/plain h0+21 b21+1/0" },
	{ "the first type counts", "Content-Type: a/b\nContent-Type: c/d\n\n", "a/b h0+37 b37+0/0" },
	{ "multipart",
	  "Content-Type: multipart/mixed; boundary=b\n\npre\n--b\n\none\n--b\nContent-Type: "
	  "a/b\n\ntwo\n\n--b--\npost\n",
	  "multipart/mixed h0+43 b43+52/11 [text/plain h51+1 b52+3/0, a/b h60+19 b79+4/1]" },
	{ "CRLF belongs to the delimiter",
	  "Content-Type: multipart/x; boundary=b\r\n\r\n--b\r\n\r\none\r\n\r\n--b--\r\n",
	  "multipart/x h0+41 b41+21/5 [text/plain h46+2 b48+5/1]" },
	{ "empty part", "Content-Type: multipart/x; boundary=b\n\n--b\n\n--b--\n",
	  "multipart/x h0+39 b39+11/3 [text/plain h43+1 b44+0/0]" },
	{ "delimiters in a row", "Content-Type: multipart/x; boundary=b\n\n--b\n--b\n--b--",
	  "multipart/x h0+39 b39+13/2 [text/plain h43+0 b43+0/0, text/plain h47+0 b47+0/0]" },
	{ "header cut by the delimiter", "Content-Type: multipart/x; boundary=b\n\n--b\nA: b\n--b--\n",
	  "multipart/x h0+39 b39+15/3 [text/plain h43+5 b48+0/0]" },
	{ "delimiter inside a folded field",
	  "Content-Type: multipart/x; boundary=b\n\n--b\nA: b\n--b--\n c\n",
	  "multipart/x h0+39 b39+18/4 [text/plain h43+5 b48+0/0]" },
	{ "no close delimiter", "Content-Type: multipart/x; boundary=b\n\n--b\n\none\n",
	  "multipart/x h0+39 b39+9/3 [text/plain h43+1 b44+4/1]" },
	{ "cut inside the delimiter", "Content-Type: multipart/x; boundary=bb\n\n--bb\n\none\n--b",
	  "multipart/x h0+40 b40+13/3 [text/plain h45+1 b46+7/1]" },
	{ "blanks behind the delimiter", "Content-Type: multipart/x; boundary=b\n\n--b \t\n\none\n--b-- \n",
	  "multipart/x h0+39 b39+18/4 [text/plain h45+1 b46+3/0]" },
	{ "longer lines are no delimiters",
	  "Content-Type: multipart/x; boundary=b\n\n--b\n\n--bb\n--b-\n -- b\n--b--x\n--b--\n",
	  "multipart/x h0+39 b39+34/7 [text/plain h43+1 b44+22/3]" },
	{ "parts behind the close delimiter are none",
	  "Content-Type: multipart/x; boundary=b\n\n--b\n\n1\n--b--\n--b\n\n2\n--b--\n",
	  "multipart/x h0+39 b39+26/8 [text/plain h43+1 b44+1/0]" },
	{ "no boundary", "Content-Type: multipart/x\n\nhello\n",
	  "multipart/x h0+27 b27+6/1 [text/plain h27+0 b27+6/1]" },
	{ "empty boundary", "Content-Type: multipart/x; boundary=\"\"\n\n--\n\nx\n",
	  "multipart/x h0+40 b40+6/3 [text/plain h40+0 b40+6/3]" },
	{ "boundary that never comes", "Content-Type: multipart/x; boundary=b\n\nhello\n",
	  "multipart/x h0+39 b39+6/1 [text/plain h39+0 b39+6/1]" },
	{ "close delimiter only", "Content-Type: multipart/x; boundary=b\n\nhi\n--b--\n",
	  "multipart/x h0+39 b39+9/2 [text/plain h39+0 b39+9/2]" },
	{ "boundary with a blank at its end",
	  "Content-Type: multipart/x; boundary=\"b \"\n\n--b\n\nx\n--b--\n",
	  "multipart/x h0+42 b42+13/4 [text/plain h46+1 b47+1/0]" },
	{ "nested",
	  "Content-Type: multipart/x; boundary=o\n\n--o\nContent-Type: multipart/y; "
	  "boundary=i\n\n--i\n\n1\n--i--\nepi\n--o\n\n2\n--o--\n",
	  "multipart/x h0+39 b39+73/12 [multipart/y h43+39 b82+16/4 [text/plain h86+1 b87+1/0], text/plain "
	  "h103+1 b104+1/0]" },
	{ "inner one not closed",
	  "Content-Type: multipart/x; boundary=o\n\n--o\nContent-Type: multipart/y; "
	  "boundary=i\n\n--i\n\n1\n--o\n\n2\n--o--\n",
	  "multipart/x h0+39 b39+63/10 [multipart/y h43+39 b82+6/2 [text/plain h86+1 b87+1/0], text/plain "
	  "h93+1 b94+1/0]" },
	{ "inner boundary begins with the outer one",
	  "Content-Type: multipart/x; boundary=o\n\n--o\nContent-Type: multipart/y; "
	  "boundary=oo\n\n--oo\n\n1\n--oo--\n--o--\n",
	  "multipart/x h0+39 b39+65/8 [multipart/y h43+40 b83+14/3 [text/plain h88+1 b89+1/0]]" },
	{ "the same boundary inside",
	  "Content-Type: multipart/x; boundary=o\n\n--o\nContent-Type: multipart/y; "
	  "boundary=o\n\n--o\n\n1\n--o--\n\n--o--\n",
	  "multipart/x h0+39 b39+63/9 [multipart/y h43+39 b82+13/4 [text/plain h86+1 b87+1/0]]" },
	{ "message in a message", "Content-Type: message/rfc822\n\nSubject: x\nContent-Type: a/b\n\nhi\n",
	  "message/rfc822 h0+30 b30+33/4 [a/b h30+30 b60+3/1]" },
	{ "message in a multipart",
	  "Content-Type: multipart/x; boundary=b\n\n--b\nContent-Type: MESSAGE/RFC822\n\nA: "
	  "b\n\nhi\n\n--b--\n",
	  "multipart/x h0+39 b39+50/8 [MESSAGE/RFC822 h43+30 b73+9/3 [text/plain h73+6 b79+3/1]]" },
	{ "empty message",
	  "Content-Type: multipart/x; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n--b--\n",
	  "multipart/x h0+39 b39+40/4 [message/rfc822 h43+30 b73+0/0 [text/plain h73+0 b73+0/0]]" },
	{ "message with its header cut",
	  "Content-Type: multipart/x; boundary=b\n\n--b\nContent-Type: message/rfc822\n--b--\n",
	  "multipart/x h0+39 b39+39/3 [message/rfc822 h43+29 b72+0/0 [text/plain h72+0 b72+0/0]]" },
	{ "message of an empty line",
	  "Content-Type: multipart/x; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n\n--b--\n",
	  "multipart/x h0+39 b39+41/5 [message/rfc822 h43+30 b73+1/1 [text/plain h73+1 b74+0/0]]" },
	{ "digest",
	  "Content-Type: multipart/digest; boundary=b\n\n--b\n\nA: b\n\nx\n--b\nContent-Type: "
	  "a/b\n\ny\n--b--\n",
	  "multipart/digest h0+44 b44+44/10 [message/rfc822 h48+1 b49+7/2 [text/plain h49+6 b55+1/0], a/b "
	  "h61+19 b80+1/0]" },
	{ "global message", "Content-Type: message/global\n\nA: b\n\n",
	  "message/global h0+30 b30+6/2 [text/plain h30+6 b36+0/0]" },
	{ "partial message is a leaf", "Content-Type: message/partial; id=1\n\nA: b\n\n",
	  "message/partial h0+37 b37+6/2" },
};

static uint32_t count_lines(struct slice s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += s.data[i] == '\n';
	return n;
}

/* `message` without data: only the numbers are there to be checked. */
static void check_tree(const char *name, const struct mime *mime, struct slice message)
{
	uint32_t n = 0;

	for (const struct mime_part *part = mime->root; part; part = mime_next(part)) {
		uint64_t from = part->parent ? part->parent->body : 0;
		uint64_t end = part->parent ? from + part->parent->body_len : message.len;

		n++;
		assert_true(part->header >= from && part->body == part->header + part->header_len);
		if (part->body + part->body_len > end)
			fail_msg("%s: a part reaches out of its parent", name);
		if (message.data)
			expect_number(name, "lines", part->lines, count_lines(mime_body(part, message)));
	}
	expect_number(name, "parts", mime->n_parts, n);
}

static void trees(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice message = slice_str(cases[i].message);
		struct arena *arena = arena_new();
		struct mime mime, again;
		struct buf got, packed, repacked;
		struct why why;

		buf_init(&got, BUF_NO_LIMIT);
		buf_init(&packed, BUF_NO_LIMIT);
		buf_init(&repacked, BUF_NO_LIMIT);
		mime_parse(arena, message, &MIME_LIMITS_DEFAULT, &mime);
		show(&got, mime.root);
		expect_text(cases[i].name, "tree", buf_slice(&got), cases[i].want);
		check_tree(cases[i].name, &mime, message);
		assert_true(mime_pack(&packed, &mime));
		expect_number(cases[i].name, "unpacked", mime_unpack(buf_slice(&packed), arena, &again, &why),
		              FAULT_NONE);
		buf_clear(&got);
		show(&got, again.root);
		expect_text(cases[i].name, "unpacked tree", buf_slice(&got), cases[i].want);
		mime_pack(&repacked, &again);
		assert_true(slice_eq(buf_slice(&packed), buf_slice(&repacked)));
		buf_done(&got);
		buf_done(&packed);
		buf_done(&repacked);
		arena_free(arena);
	}
}

static const char fields[] = "From: A <a@b>\r\n"
                             "Date: Wed, 17 Jul 1996 02:44:25 -0700\r\n"
                             "Subject: =?utf-8?q?x?=\r\n =?utf-8?q?y?=\r\n"
                             "Subject: second\r\n"
                             "To: c@d\r\nTo: e@f\r\nSender:\r\n"
                             "Message-ID: <1@b>\r\nReferences: <2@b>\r\n <3@b>\r\n"
                             "Content-Type: text/plain; charset=koi8-r; name=n.txt\r\n"
                             "Content-Disposition: attachment; filename*=utf-8''%C3%A4\r\n"
                             "Content-Transfer-Encoding: BASE64 (x)\r\n"
                             "Content-ID: <i@d>\r\nContent-Description: what\r\n it is\r\n"
                             "Content-Language: de, en\r\nContent-Location: http://x\r\nContent-MD5: Q2hl\r\n"
                             "\r\nSGk=\r\n";

static void check_fields(const struct mime *mime)
{
	const struct mime_part *p = mime->root;
	const struct envelope *e = &mime->envelope;

	expect_text("fields", "charset", content_value(&p->params, "charset"), "koi8-r");
	expect_text("fields", "disposition", p->disposition, "attachment");
	expect_text("fields", "filename", mime_filename(p), "\xc3\xa4");
	expect_text("fields", "encoding", p->encoding_name, "BASE64");
	assert_int_equal(p->encoding, TRANSFER_BASE64);
	expect_text("fields", "id", p->id, "<i@d>");
	expect_text("fields", "description", p->description, "what it is");
	expect_text("fields", "language", p->language, "de, en");
	expect_text("fields", "location", p->location, "http://x");
	expect_text("fields", "md5", p->md5, "Q2hl");
	expect_text("envelope", "date", e->texts[ENVELOPE_DATE], "Wed, 17 Jul 1996 02:44:25 -0700");
	expect_text("envelope", "subject", e->texts[ENVELOPE_SUBJECT], "=?utf-8?q?x?= =?utf-8?q?y?=");
	expect_text("envelope", "message id", e->texts[ENVELOPE_MESSAGE_ID], "<1@b>");
	expect_text("envelope", "references", e->texts[ENVELOPE_REFERENCES], "<2@b> <3@b>");
	expect_text("envelope", "in-reply-to", e->texts[ENVELOPE_IN_REPLY_TO], NULL);
	assert_int_equal(e->lists[ENVELOPE_FROM].n, 1);
	expect_text("envelope", "from", e->lists[ENVELOPE_FROM].entries[0].name, "A");
	expect_text("envelope", "empty sender is from", e->lists[ENVELOPE_SENDER].entries[0].local, "a");
	expect_text("envelope", "no reply-to is from", e->lists[ENVELOPE_REPLY_TO].entries[0].domain, "b");
	assert_int_equal(e->lists[ENVELOPE_TO].n, 2);
	expect_text("envelope", "second To", e->lists[ENVELOPE_TO].entries[1].local, "e");
	assert_int_equal(e->lists[ENVELOPE_CC].n, 0);
}

static void fields_and_envelope(void **state)
{
	struct arena *arena = arena_new();
	struct mime mime, again;
	struct buf packed;

	(void)state;
	mime_parse(arena, SLICE(fields), &MIME_LIMITS_DEFAULT, &mime);
	check_fields(&mime);
	buf_init(&packed, BUF_NO_LIMIT);
	assert_true(mime_pack(&packed, &mime));
	assert_int_equal(mime_unpack(buf_slice(&packed), arena, &again, NULL), FAULT_NONE);
	check_fields(&again);
	buf_done(&packed);
	arena_free(arena);
}

/* Every cut and every changed byte of a packed tree is refused, or reads within bounds. */
static void damaged_pack(void **state)
{
	struct arena *arena = arena_new();
	struct mime mime, again;
	struct buf packed;

	(void)state;
	buf_init(&packed, BUF_NO_LIMIT);
	mime_parse(arena,
	           SLICE("Content-Type: multipart/x; boundary=b\n\n--b\nContent-Type: "
	                 "message/rfc822\n\nFrom: a@b\n\n--b--\n"),
	           &MIME_LIMITS_DEFAULT, &mime);
	mime_pack(&packed, &mime);
	for (size_t len = 0; len < packed.len; len++)
		assert_int_equal(mime_unpack(slice_of(packed.data, len), arena, &again, NULL), FAULT_CORRUPT);
	for (size_t i = 0; i < packed.len; i++) {
		uint8_t was = packed.data[i];

		for (int v = 0; v < 256; v++) {
			packed.data[i] = (uint8_t)v;
			if (!mime_unpack(buf_slice(&packed), arena, &again, NULL))
				check_tree("damaged", &again, slice_of(NULL, again.size));
		}
		packed.data[i] = was;
		arena_reset(arena);
	}
	buf_done(&packed);
	arena_free(arena);
}

static void nested_deep(struct buf *text, int levels)
{
	for (int i = 0; i < levels; i++)
		buf_printf(text, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
	buf_adds(text, "\r\ncore\r\n");
	for (int i = levels - 1; i >= 0; i--)
		buf_printf(text, "--b%d--\r\n", i);
}

static void limits(void **state)
{
	struct mime_limits few = { .depth = 100, .parts = 5, .addresses = 3 };
	struct arena *arena = arena_new();
	const struct mime_part *part;
	struct mime mime;
	struct buf text;

	(void)state;
	buf_init(&text, BUF_NO_LIMIT);
	nested_deep(&text, 100);
	mime_parse(arena, buf_slice(&text), &MIME_LIMITS_DEFAULT, &mime);
	assert_false(mime.limited);
	assert_int_equal(mime.n_parts, 101);
	for (part = mime.root; part->children; part = part->children)
		;
	expect_text("deepest", "body", mime_body(part, buf_slice(&text)), "core");

	buf_clear(&text);
	nested_deep(&text, 20000);
	mime_parse(arena, buf_slice(&text), &MIME_LIMITS_DEFAULT, &mime);
	assert_true(mime.limited);
	assert_int_equal(mime.n_parts, 101);
	for (part = mime.root; part->children; part = part->children)
		;
	assert_true(mime_is(part, "application", "octet-stream"));

	buf_clear(&text);
	buf_adds(&text, "To: a@b, c@d\nCc: e@f, g@h\nContent-Type: multipart/mixed; boundary=b\n\n");
	for (int i = 0; i < 20; i++)
		buf_adds(&text, "--b\nContent-Type: multipart/mixed\n\nx\n");
	mime_parse(arena, buf_slice(&text), &few, &mime);
	assert_true(mime.limited);
	assert_true(mime.n_parts <= 2 * few.parts);
	assert_int_equal(mime.envelope.lists[ENVELOPE_TO].n + mime.envelope.lists[ENVELOPE_CC].n, 3);
	assert_true(mime.envelope.lists[ENVELOPE_CC].cut);
	buf_done(&text);
	arena_free(arena);
}

static void sections(void **state)
{
	static const char message[] = "Content-Type: multipart/mixed; boundary=o\n\n"
	                              "--o\n\n1\n"
	                              "--o\nContent-Type: message/rfc822\n\nContent-Type: multipart/x; "
	                              "boundary=i\n\n--i\n\n2.1\n--i\nContent-Type: a/b\n\n2.2\n--i--\n"
	                              "--o\nContent-Type: message/rfc822\n\nSubject: x\n\n3.1\n"
	                              "--o\nContent-Type: multipart/y; boundary=j\n\n--j\n\n4.1\n--j--\n"
	                              "--o--\n";
	static const struct {
		uint32_t numbers[3], n;
		const char *body;
	} rows[] = {
		{ { 1 }, 1, "1" },      { { 2, 1 }, 2, "2.1" }, { { 2, 2 }, 2, "2.2" },
		{ { 3, 1 }, 2, "3.1" }, { { 4, 1 }, 2, "4.1" }, { { 5 }, 1, NULL },
		{ { 0 }, 1, NULL },     { { 1, 1 }, 2, NULL },  { { 2, 3 }, 2, NULL },
		{ { 3, 2 }, 2, NULL },  { { 3, 0 }, 2, NULL },  { { 4, 1, 1 }, 3, NULL },
	};
	static const char single[] = "Subject: x\n\n1";
	static const char inner[] = "Content-Type: message/rfc822\n\nSubject: x\n\n1.1";
	struct arena *arena = arena_new();
	const struct mime_part *part;
	struct mime mime;

	(void)state;
	mime_parse(arena, SLICE(message), &MIME_LIMITS_DEFAULT, &mime);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		part = mime_section(&mime, rows[i].numbers, rows[i].n);
		expect_text(rows[i].body ? rows[i].body : "none", "body",
		            part ? mime_body(part, SLICE(message)) : slice_of(NULL, 0), rows[i].body);
	}
	assert_ptr_equal(mime_section(&mime, NULL, 0), mime.root);
	assert_true(mime_is(mime_section(&mime, (uint32_t[]){ 2 }, 1), "message", "rfc822"));
	mime_parse(arena, SLICE(single), &MIME_LIMITS_DEFAULT, &mime);
	assert_ptr_equal(mime_section(&mime, (uint32_t[]){ 1 }, 1), mime.root);
	assert_null(mime_section(&mime, (uint32_t[]){ 2 }, 1));
	assert_null(mime_section(&mime, (uint32_t[]){ 1, 1 }, 2));
	mime_parse(arena, SLICE(inner), &MIME_LIMITS_DEFAULT, &mime);
	assert_ptr_equal(mime_section(&mime, (uint32_t[]){ 1 }, 1), mime.root);
	part = mime_section(&mime, (uint32_t[]){ 1, 1 }, 2);
	expect_text("1.1", "body", mime_body(part, SLICE(inner)), "1.1");
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trees),        cmocka_unit_test(fields_and_envelope),
		cmocka_unit_test(damaged_pack), cmocka_unit_test(limits),
		cmocka_unit_test(sections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
