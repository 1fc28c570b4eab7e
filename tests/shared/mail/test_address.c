/* One address, strictly: what is taken, what is refused, and the key of each. */
#include "shared/mail/mail_test.h"

#include "mail/address.h"

/* want NULL: refused. key "": no key can be made of it */
static const struct {
	const char *text, *local, *domain, *printed, *key;
	bool literal, utf8;
} cases[] = {
	{ "joe@example.org", "joe", "example.org", "joe@example.org", "joe@example.org" },
	{ "Joe.B+x@Example.ORG", "Joe.B+x", "Example.ORG", "Joe.B+x@Example.ORG", "joe.b+x@example.org" },
	{ "\"joe\"@example.org", "joe", "example.org", "joe@example.org", "joe@example.org" },
	{ "\"a b\"@x.y", "a b", "x.y", "\"a b\"@x.y", "a b@x.y" },
	{ "\"a\\\"\\\\\\b\"@x.y", "a\"\\b", "x.y", "\"a\\\"\\\\b\"@x.y", "a\"\\b@x.y" },
	{ "\"a@b\"@x.y", "a@b", "x.y", "\"a@b\"@x.y", "a@b@x.y" },
	{ "\"a..b\"@x.y", "a..b", "x.y", "\"a..b\"@x.y", "a..b@x.y" },
	{ "!#$%&'*+-/=?^_`{|}~@x.y", "!#$%&'*+-/=?^_`{|}~", "x.y", "!#$%&'*+-/=?^_`{|}~@x.y",
	  "!#$%&'*+-/=?^_`{|}~@x.y" },
	{ "a@localhost", "a", "localhost", "a@localhost", "a@localhost" },
	{ "a@b_c.org", "a", "b_c.org", "a@b_c.org", "a@b_c.org" },
	{ "a@[192.0.2.1]", "a", "[192.0.2.1]", "a@[192.0.2.1]", "a@[192.0.2.1]", true },
	{ "a@[IPv6:2001:DB8::1]", "a", "[IPv6:2001:DB8::1]", "a@[IPv6:2001:DB8::1]", "a@[ipv6:2001:db8::1]",
	  true },
	{ "a@b\xc3\xbc"
	  "cher.example",
	  "a",
	  "b\xc3\xbc"
	  "cher.example",
	  "a@b\xc3\xbc"
	  "cher.example",
	  "a@xn--bcher-kva.example", false, true },
	{ "J\xc3\x96rg@x.y", "J\xc3\x96rg", "x.y", "J\xc3\x96rg@x.y", "j\xc3\xb6rg@x.y", false, true },
	/* o and a combining diaeresis are the one letter */
	{ "jo\xcc\x88rg@x.y", "jo\xcc\x88rg", "x.y", "jo\xcc\x88rg@x.y", "j\xc3\xb6rg@x.y", false, true },
	{ "", NULL },
	{ "@", NULL },
	{ "a", NULL },
	{ "a@", NULL },
	{ "@b", NULL },
	{ "a@b.", NULL },
	{ "a@.b", NULL },
	{ ".a@b", NULL },
	{ "a.@b", NULL },
	{ "a..b@c", NULL },
	{ "a b@c", NULL },
	{ "a@b c", NULL },
	{ "a@b@c", NULL },
	{ "a@-b.c", NULL },
	{ "a@b-.c", NULL },
	{ "\"a@b", NULL },
	{ "\"\"@b", NULL },
	{ "\"a\"b@c", NULL },
	{ "a\t@b", NULL },
	{ "\"a\r\"@b", NULL },
	{ "a@[1.2.3]", NULL },
	{ "a@[192.0.2.1", NULL },
	{ "a@[]", NULL },
	{ "a@[IPv6:1.2.3.4]", NULL },
	{ "a@[x:y]", NULL },
	{ "a\xff@b", NULL },
	{ "a@\xc3\x28.c", NULL },
	{ "a<b@c", NULL },
	{ "a,b@c", NULL },
	{ "(x)a@b", NULL },
	{ "a@0123456789012345678901234567890123456789012345678901234567890123.org", NULL },
	/* a label no IDN may have */
	{ "a@\xe2\x80\x8b\xe2\x80\xae.org", "a", "\xe2\x80\x8b\xe2\x80\xae.org",
	  "a@\xe2\x80\x8b\xe2\x80\xae.org", "", false, true },
};

static void mailboxes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new();
		struct address got = { .literal = true }, again;
		struct slice key;
		struct why why;
		enum fault fault = address_parse(arena, slice_str(cases[i].text), &got, &why);

		expect_number(cases[i].text, "fault", fault, cases[i].local ? FAULT_NONE : FAULT_INPUT);
		if (!fault) {
			expect_text(cases[i].text, "local", got.local, cases[i].local);
			expect_text(cases[i].text, "domain", got.domain, cases[i].domain);
			expect_number(cases[i].text, "literal", got.literal, cases[i].literal);
			expect_number(cases[i].text, "utf8", got.utf8, cases[i].utf8);
			expect_text(cases[i].text, "printed", address_text(arena, &got), cases[i].printed);
			assert_int_equal(address_parse(arena, address_text(arena, &got), &again, &why),
			                 FAULT_NONE);
			assert_true(slice_eq(again.local, got.local));
			fault = address_key(arena, &got, &key, &why);
			expect_number(cases[i].text, "key fault", fault,
			              *cases[i].key ? FAULT_NONE : FAULT_INPUT);
			if (!fault)
				expect_text(cases[i].text, "key", key, cases[i].key);
		}
		arena_free(arena);
	}
}

static void limits(void **state)
{
	struct arena *arena = arena_new();
	struct address got;
	char text[ADDRESS_MAX + 10];

	(void)state;
	for (size_t len = ADDRESS_LOCAL_MAX - 1; len <= ADDRESS_LOCAL_MAX + 1; len++) {
		snprintf(text, sizeof(text), "%0*d@b.c", (int)len, 0);
		assert_int_equal(address_parse(arena, slice_str(text), &got, NULL),
		                 len > ADDRESS_LOCAL_MAX ? FAULT_INPUT : FAULT_NONE);
		snprintf(text, sizeof(text), "\"%0*d\"@b.c", (int)len, 0);
		assert_int_equal(address_parse(arena, slice_str(text), &got, NULL),
		                 len > ADDRESS_LOCAL_MAX ? FAULT_INPUT : FAULT_NONE);
	}
	arena_free(arena);
}

static void taking_leaves_the_rest(void **state)
{
	struct slice text = SLICE("a@b.c> SIZE=1"), local = SLICE("Postmaster>"), bad = SLICE("a..b@c");
	struct arena *arena = arena_new();
	struct address got;

	(void)state;
	assert_int_equal(address_take(arena, &text, &got, NULL), FAULT_NONE);
	expect_text("take", "rest", text, "> SIZE=1");
	assert_int_equal(address_take_local(arena, &local, &got, NULL), FAULT_NONE);
	expect_text("local", "rest", local, ">");
	assert_int_equal(address_take(arena, &bad, &got, NULL), FAULT_INPUT);
	expect_text("refused", "rest", bad, "a..b@c");
	arena_free(arena);
}

static void tags(void **state)
{
	static const struct {
		const char *local, *base, *tag;
		bool split;
	} rows[] = {
		{ "joe+list", "joe", "list", true }, { "joe", "joe", NULL, false },
		{ "joe+", "joe", "", true },         { "+joe", "+joe", NULL, false },
		{ "a+b+c", "a", "b+c", true },       { "", "", NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice base, tag;

		expect_number(rows[i].local, "split",
		              address_split_tag(slice_str(rows[i].local), '+', &base, &tag), rows[i].split);
		expect_text(rows[i].local, "base", base, rows[i].base);
		assert_true(slice_eq(tag, slice_str(rows[i].tag)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mailboxes),
		cmocka_unit_test(limits),
		cmocka_unit_test(taking_leaves_the_rest),
		cmocka_unit_test(tags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
