/* Address lists as mail has them: by the grammar, by the old one, and by none. */
#include "shared/mail/mail_test.h"

#include "mail/address_list.h"

/* Each entry as "name|route|local|domain" (- for none), "{name" and "}" for a group; "!" first when broken. */
static void show(struct buf *out, const struct address_list *list)
{
	if (list->broken)
		buf_adds(out, "!");
	for (uint32_t i = 0; i < list->n; i++) {
		const struct address_entry *e = &list->entries[i];

		if (i)
			buf_adds(out, " ; ");
		if (e->kind == ADDRESS_ENTRY_END) {
			buf_adds(out, "}");
			continue;
		}
		if (e->kind == ADDRESS_ENTRY_GROUP) {
			buf_printf(out, "{%.*s", SLICE_FMT(e->name));
			continue;
		}
		buf_add_slice(out, e->name.data ? e->name : SLICE("-"));
		buf_addc(out, '|');
		buf_add_slice(out, e->route.data ? e->route : SLICE("-"));
		buf_printf(out, "|%.*s|%.*s", SLICE_FMT(e->local), SLICE_FMT(e->domain));
	}
}

static const struct {
	const char *name, *value, *want;
} cases[] = {
	{ "bare", "joe@example.org", "-|-|joe|example.org" },
	{ "angle", "Joe Q. Public <joe@example.org>", "Joe Q. Public|-|joe|example.org" },
	{ "quoted name", "\"Joe, \\\"Q\\\" <x>\" <joe@example.org>", "Joe, \"Q\" <x>|-|joe|example.org" },
	{ "two", "a@b, c@d", "-|-|a|b ; -|-|c|d" },
	{ "no blanks", "a@b,C<c@d>", "-|-|a|b ; C|-|c|d" },
	{ "empty elements", ",a@b,, ,c@d,", "-|-|a|b ; -|-|c|d" },
	{ "comment as the name", "joe@example.org (Joe \\(the\\) man)", "Joe (the) man|-|joe|example.org" },
	{ "comment behind a named one", "J <joe@x> (c)", "J|-|joe|x" },
	{ "comments everywhere", "(a)joe(b)@(c)x(d).(e)y(f)", "f|-|joe|x.y" },
	{ "nested comment", "joe@x (a (b (c) d) e)", "a (b (c) d) e|-|joe|x" },
	{ "folded", "Joe\r\n Public\r\n\t<joe@x>,\r\n b@c", "Joe Public|-|joe|x ; -|-|b|c" },
	{ "encoded words stay", "=?utf-8?q?J=C3=B6rg?= <j@x>", "=?utf-8?q?J=C3=B6rg?=|-|j|x" },
	{ "raw UTF-8", "J\xc3\xb6rg <j@b\xc3\xbc.de>", "J\xc3\xb6rg|-|j|b\xc3\xbc.de" },
	{ "quoted local part", "\"a b\"@x, \"c.d\".e@x", "-|-|a b|x ; -|-|c.d.e|x" },
	{ "blanks around dots", "a . b . c @ x . y", "-|-|a.b.c|x.y" },
	{ "blanks in quotes beside dots", "\"a . b\" . c@x", "-|-|a . b.c|x" },
	{ "literal", "a@[192.0.2.1], b@[IPv6: ::1]", "-|-|a|[192.0.2.1] ; -|-|b|[IPv6:::1]" },
	{ "route", "X <@a,@b.c:joe@d>", "X|@a,@b.c|joe|d" },
	{ "null", "<>", "-|-||" },
	{ "group", "Team: a@b, C <c@d>;, e@f", "{Team ; -|-|a|b ; C|-|c|d ; } ; -|-|e|f" },
	{ "empty group", "undisclosed-recipients:;", "{undisclosed-recipients ; }" },
	{ "group left open", "Team: a@b", "!{Team ; -|-|a|b ; }" },
	{ "group in a group", "A: B: c@d;;", "!{A ; } ; {B ; -|-|c|d ; }" },
	{ "semicolons for commas", "a@b; c@d", "!-|-|a|b ; -|-|c|d" },
	{ "no domain", "root", "!-|-|root|" },
	{ "words only", "Joe Public, a@b", "!-|-|Joe Public| ; -|-|a|b" },
	{ "angle without domain", "Joe <joe>", "!Joe|-|joe|" },
	{ "name before a bare address", "Joe Public joe@x", "!Joe Public|-|joe|x" },
	{ "address as its own name", "joe@x <joe@y>", "!joe@x|-|joe|y" },
	{ "address in quotes as the name", "\"joe@x\" <joe@y>", "joe@x|-|joe|y" },
	{ "no comma", "a@b c@d", "!-|-|a|b ; -|-|c|d" },
	{ "two angles", "X <a@b> <c@d>", "!X|-|a|b ; -|-|c|d" },
	{ "no closing bracket", "X <a@b", "!X|-|a|b" },
	{ "no closing bracket, more", "X <a@b, c@d", "!X|-|a|b ; -|-|c|d" },
	{ "junk in brackets", "X <a@b junk (c) \">>, c@d", "!X|-|a|b ; -|-|c|d" },
	{ "blank in brackets", "X <a b@c>", "!X|-|a b|c" },
	{ "no closing quote", "\"Joe <a@b>", "!-|-|Joe <a@b>|" },
	{ "no closing comment", "a@b (Joe", "Joe|-|a|b" },
	{ "no local part", "@b.c, <@b.c>", "!-|-||b.c ; -|@b.c||" },
	{ "two ats", "a@b@c", "!-|-|a|b ; -|-||c" },
	{ "empty quotes", "\"\" <a@b>, \"\"@c", "!-|-|a|b ; -|-||c" },
	{ "empty quotes, then more", "\"\".\"\".a@c", "-|-|..a|c" },
	{ "specials", "> ) ] \\ a@b", "!) ] \\|-|a|b" },
	{ "brackets in a name", "Joe [work] <a@b>, c@d", "!Joe [work]|-|a|b ; -|-|c|d" },
	{ "backslash in a name", "CORP\\joe <a@b>", "!CORP\\joe|-|a|b" },
	{ "nothing", "", "" },
	{ "blanks", " \t\r\n ", "" },
};

static void lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new();
		struct address_list list;
		struct buf got;

		buf_init(&got, BUF_NO_LIMIT);
		address_list_parse(arena, slice_str(cases[i].value), 100, &list);
		show(&got, &list);
		expect_text(cases[i].name, "list", got.len ? buf_slice(&got) : SLICE(""), cases[i].want);
		buf_done(&got);
		arena_free(arena);
	}
}

static void bounded(void **state)
{
	struct arena *arena = arena_new();
	struct address_list list;
	struct buf text;

	(void)state;
	buf_init(&text, BUF_NO_LIMIT);
	for (int i = 0; i < 1000; i++)
		buf_adds(&text, "a@b,");
	address_list_parse(arena, buf_slice(&text), 10, &list);
	assert_int_equal(list.n, 10);
	assert_true(list.cut);
	address_list_parse(arena, buf_slice(&text), 1000, &list);
	assert_int_equal(list.n, 1000);
	assert_false(list.cut);
	address_list_append(arena, SLICE("x@y, z@w"), 1, &list);
	assert_int_equal(list.n, 1001);
	assert_true(list.cut);
	/* a group is always closed, limit or not */
	address_list_parse(arena, SLICE("g: a@b, c@d;"), 2, &list);
	assert_int_equal(list.n, 3);
	assert_int_equal(list.entries[2].kind, ADDRESS_ENTRY_END);
	buf_done(&text);
	arena_free(arena);
}

static void only_mailboxes(void **state)
{
	struct arena *arena = arena_new();
	struct address_list list;

	(void)state;
	address_list_parse(arena, SLICE("g: a@b, c@d;, e@f"), 100, &list);
	expect_text("0", "local", address_list_mailbox(&list, 0)->local, "a");
	expect_text("2", "local", address_list_mailbox(&list, 2)->local, "e");
	assert_null(address_list_mailbox(&list, 3));
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),
		cmocka_unit_test(bounded),
		cmocka_unit_test(only_mailboxes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
