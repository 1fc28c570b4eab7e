/* msgid.h, received.h, utf7.h, idna.h, fold.h: small enough to share a program. */
#include "shared/mail/mail_test.h"

#include "base/rand.h"
#include "mail/address.h"
#include "mail/fold.h"
#include "mail/idna.h"
#include "mail/msgid.h"
#include "mail/received.h"
#include "mail/utf7.h"

static void message_ids(void **state)
{
	static const struct {
		const char *value, *want;
	} rows[] = {
		{ "<1@b>", "1@b;" },
		{ " <1@b> <2@b>\r\n\t<3@b>", "1@b;2@b;3@b;" },
		{ "<1@b>,<2@b>", "1@b;2@b;" },
		{ "<1@b><2@b>", "1@b;2@b;" },
		{ "Your mail of \"Mon, <x@y>\" (<c@d>) <1@b>", "1@b;" },
		{ "< 1 @ b . c >", "1@b.c;" },
		{ "<\"1.x\"@b>", "1.x@b;" },
		{ "<\"1 x\"@b>", "\"1 x\"@b;" },
		{ "<1@[127.0.0.1]>", "1@[127.0.0.1];" },
		{ "<1@b", "1@b;" },
		{ "<1@b <2@b>", "1@b;2@b;" },
		{ "1@b", "1@b;" },
		{ "1 at b", "" },
		{ "<>", "" },
		{ "", "" },
		{ "\"<1@b>", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct arena *arena = arena_new();
		struct slice *ids, first;
		uint32_t n = msgid_list(arena, slice_str(rows[i].value), 10, &ids);
		struct buf got;

		buf_init(&got, BUF_NO_LIMIT);
		for (uint32_t j = 0; j < n; j++)
			buf_printf(&got, "%.*s;", SLICE_FMT(ids[j]));
		expect_text(rows[i].value, "ids", n ? buf_slice(&got) : SLICE(""), rows[i].want);
		assert_int_equal(msgid_first(arena, slice_str(rows[i].value), &first), n > 0);
		assert_int_equal(msgid_list(arena, slice_str(rows[i].value), 1, &ids), n > 0);
		buf_done(&got);
		arena_free(arena);
	}
}

static void new_message_ids(void **state)
{
	struct arena *arena = arena_new();
	struct buf a, b;
	struct slice id;

	(void)state;
	buf_init(&a, 100);
	buf_init(&b, 100);
	assert_true(msgid_new(&a, SLICE("mx.example.org")) && msgid_new(&b, SLICE("mx.example.org")));
	assert_false(slice_eq(buf_slice(&a), buf_slice(&b)));
	assert_true(msgid_first(arena, buf_slice(&a), &id) && slice_ends(id, "@mx.example.org"));
	buf_done(&a);
	buf_done(&b);
	arena_free(arena);
}

static void received_fields(void **state)
{
	struct received r = {
		.helo = SLICE("evil (x)\r\nSubject: y"),
		.client_ip = SLICE("2001:db8::1"),
		.client_name = SLICE("host.example.net"),
		.by = SLICE("mx.example.org"),
		.esmtp = true,
		.tls = true,
		.auth = true,
		.tls_info = SLICE("TLSv1.3 TLS_AES_256_GCM_SHA384"),
		.id = SLICE("abc"),
		.recipient = SLICE("\"a b\"@example.org"),
	};
	struct received local = { .by = SLICE("mx.example.org") };
	struct buf out;

	(void)state;
	buf_init(&out, BUF_NO_LIMIT);
	assert_true(received_add(&out, &r));
	expect_text("full", "field", buf_slice(&out),
	            "Received: from evil??x???Subject:?y (host.example.net [IPv6:2001:db8::1])\r\n"
	            "\tby mx.example.org with ESMTPSA (TLSv1.3 TLS_AES_256_GCM_SHA384) id abc\r\n"
	            "\tfor <\"a b\"@example.org>;\r\n"
	            "\tThu, 1 Jan 1970 00:00:00 +0000\r\n");
	buf_clear(&out);
	assert_true(received_add(&out, &local));
	expect_text("local", "field", buf_slice(&out),
	            "Received: by mx.example.org with SMTP;\r\n\tThu, 1 Jan 1970 00:00:00 +0000\r\n");
	r.lmtp = r.utf8 = true;
	r.auth = false;
	assert_string_equal(received_protocol(&r), "UTF8LMTPS");
	buf_done(&out);
}

static void modified_utf7(void **state)
{
	static const struct {
		const char *utf8, *utf7;
	} rows[] = {
		{ "INBOX", "INBOX" },
		{ "", "" },
		{ "a&b", "a&-b" },
		{ "Entw\xc3\xbcrfe", "Entw&APw-rfe" },
		{ "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
		  "~peter/mail/&U,BTFw-/&ZeVnLIqe-" },
		{ "\xf0\x9f\x98\x80", "&2D3eAA-" },
		{ "\xc3\xa4&", "&AOQ-&-" },
		{ "&\xc3\xa4", "&-&AOQ-" },
		{ "\t\x7f", "&AAkAfw-" },
	};
	static const char *const malformed[] = {
		"&",        "&AOQ",  "&AO-",  "&A-",    "&AAAA-", "&AGE-",    "&AOQ-&APw-", "&2D0-", "&3gA-",
		"&2D0AYQ-", "&AOR-", "&AO/-", "&AOQ=-", "a\tb",   "\xc3\xa4", "&AOQ x-",    "&AAA-",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf out;

		buf_init(&out, BUF_NO_LIMIT);
		assert_true(utf7_encode(&out, slice_str(rows[i].utf8)));
		expect_text(rows[i].utf8, "encoded", out.len ? buf_slice(&out) : SLICE(""), rows[i].utf7);
		buf_clear(&out);
		assert_true(utf7_decode(&out, slice_str(rows[i].utf7)));
		expect_text(rows[i].utf7, "decoded", out.len ? buf_slice(&out) : SLICE(""), rows[i].utf8);
		buf_done(&out);
	}
	for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
		struct buf out;

		buf_init(&out, BUF_NO_LIMIT);
		if (utf7_decode(&out, slice_str(malformed[i])))
			fail_msg("\"%s\" decoded", malformed[i]);
		buf_done(&out);
	}
	assert_false(utf7_encode(&(struct buf){ .limit = 10 }, SLICE("\xff")));
}

static void domains(void **state)
{
	static const struct {
		const char *domain, *ascii, *unicode;
	} rows[] = {
		{ "Example.ORG", "example.org", "example.org" },
		{ "example.org.", "example.org", "example.org" },
		{ "B\xc3\xbc"
		  "cher.example",
		  "xn--bcher-kva.example",
		  "b\xc3\xbc"
		  "cher.example" },
		{ "XN--Bcher-KVA.example", "xn--bcher-kva.example",
		  "b\xc3\xbc"
		  "cher.example" },
		{ "stra\xc3\x9f"
		  "e.de",
		  "xn--strae-oqa.de",
		  "stra\xc3\x9f"
		  "e.de" },
		{ "\xe4\xbe\x8b\xe3\x81\x88\xe3\x80\x82jp", "xn--r8jz45g.jp", "\xe4\xbe\x8b\xe3\x81\x88.jp" },
		{ "_dmarc.example.org", "_dmarc.example.org", "_dmarc.example.org" },
		{ "a..b", NULL, NULL },
		{ "", NULL, NULL },
		{ "\xff.org", NULL, NULL },
		{ "\xe2\x80\xae.org", NULL, NULL },
		{ "0123456789012345678901234567890123456789012345678901234567890123.org", NULL, NULL },
	};
	struct arena *arena = arena_new();
	struct slice got;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool good = idna_to_ascii(arena, slice_str(rows[i].domain), &got);

		expect_number(rows[i].domain, "good", good, rows[i].ascii != NULL);
		if (!good)
			continue;
		expect_text(rows[i].domain, "ascii", got, rows[i].ascii);
		expect_text(rows[i].domain, "unicode", idna_to_unicode(arena, got), rows[i].unicode);
	}
	expect_text("broken", "stays", idna_to_unicode(arena, SLICE("xn--\x80.org")), "xn--\x80.org");
	arena_free(arena);
}

static void folding(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
		{ "Hello", "hELLO", true },
		{ "stra\xc3\x9f"
		  "e",
		  "STRA\xc3\x9f"
		  "E",
		  true },
		{ "stra\xc3\x9f"
		  "e",
		  "STRASSE", false },                         /* SpecialCasing.txt has no say (RFC 5051 2) */
		{ "\xc7\x86", "DZ\xcc\x8c", true },           /* a digraph with a caron */
		{ "\xe1\xbe\xb3", "\xce\x91\xce\x99", true }, /* alpha with iota below */
		{ "\xea\xb0\x80", "\xe1\x84\x80\xe1\x85\xa1", false }, /* Hangul stays whole */
		{ "\xef\xb7\xba", "\xef\xb7\xba", true },
		{ "\xe2\x84\xab", "\xc3\xa5", true }, /* Angstrom */
		{ "\xc4\xb1", "I", true },
		{ "\xc3\x84", "a\xcc\x88", true },
		{ "x\xc3\x84", "XA\xcc\x88", true },
		{ "\xef\xac\x81n", "FIN", true },
		{ "soft\xc2\xadly", "softly", false },
		{ "\xce\xa3", "\xcf\x82", true },
		{ "\xff", "\xef\xbf\xbd", true },
		{ "\xc3\xa4", "a", false },
		{ "a", "", false },
	};
	struct buf big, out;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		expect_number(rows[i].a, "equal", fold_equal(slice_str(rows[i].a), slice_str(rows[i].b)),
		              rows[i].equal);
	buf_init(&out, BUF_NO_LIMIT);
	fold_lower_nfc(&out, SLICE("A\xcc\x8a\xc3\x84 X"));
	expect_text("lower", "text", buf_slice(&out), "\xc3\xa5\xc3\xa4 x");
	buf_clear(&out);
	fold_nfc(&out, SLICE("A\xcc\x8a\xc3\x84 X"));
	expect_text("nfc", "text", buf_slice(&out), "\xc3\x85\xc3\x84 X");
	buf_clear(&out);
	/* long texts go in pieces, which must not show */
	buf_init(&big, BUF_NO_LIMIT);
	for (int i = 0; i < 20000; i++)
		buf_adds(&big, "A\xcc\x88 \xc3\x84x");
	fold_search(&out, buf_slice(&big));
	assert_int_equal(out.len, 20000 * strlen("A\xcc\x88 A\xcc\x88X"));
	for (size_t i = 0; i < out.len; i += 8)
		assert_memory_equal(out.data + i, "A\xcc\x88 A\xcc\x88X", 8);
	buf_done(&out);
	buf_init(&out, 3);
	assert_false(fold_search(&out, SLICE("abcd")));
	buf_done(&out);
	buf_done(&big);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_ids),     cmocka_unit_test(new_message_ids),
		cmocka_unit_test(received_fields), cmocka_unit_test(modified_utf7),
		cmocka_unit_test(domains),         cmocka_unit_test(folding),
	};

	rand_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
