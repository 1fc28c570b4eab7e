/* What a trace has of a session: lines, but no literals and no passwords, in whatever pieces they come. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "trace_mask.h"

static const struct {
	const char *name;
	bool from_client;
	const char *bytes, *text;
} cases[] = {
	{ "lines", true, "a NOOP\r\nb SELECT \"x y\"\r\n", "> a NOOP\n> b SELECT \"x y\"\n" },
	{ "a bare LF", true, "a NOOP\n", "> a NOOP\n" },
	{ "no end yet", true, "a NOOP\r", "" },
	{ "a message", true, "a APPEND x (\\Seen) {5}\r\nhello\r\nb NOOP\r\n",
	  "> a APPEND x (\\Seen) {5} (5 bytes)\n> \n> b NOOP\n" },
	{ "two messages", true, "a APPEND x {5+}\r\na b\r\n ~{3+}\r\nc d)\r\nb NOOP\r\n",
	  "> a APPEND x {5+} (5 bytes)\n> ~{3+} (3 bytes)\n> )\n> b NOOP\n" },
	{ "LOGIN", true, "a LOGIN alice secret\r\nb NOOP\r\n", "> a LOGIN (hidden)\n> b NOOP\n" },
	{ "LOGIN with literals", true, "a login {5+}\r\nalice {6+}\r\nsecret\r\nb NOOP\r\n",
	  "> a login (hidden) (5 bytes)\n> (hidden) (6 bytes)\n> (hidden)\n> b NOOP\n" },
	{ "LOGIN, half literal", true, "a LOGIN alice {6+}\r\nsecret more secret\r\nb NOOP\r\n",
	  "> a LOGIN (hidden) (6 bytes)\n> (hidden)\n> b NOOP\n" },
	{ "AUTHENTICATE", true, "a AUTHENTICATE PLAIN AGEAYg==\r\nb NOOP\r\n",
	  "> a AUTHENTICATE (hidden)\n> b NOOP\n" },
	{ "and a response", true, "a AUTHENTICATE PLAIN\r\nAGEAYg==\r\nDONE\r\n",
	  "> a AUTHENTICATE (hidden)\n>  (hidden)\n> DONE\n" },
	{ "responses that were not waited for", true,
	  "a AUTHENTICATE LOGIN\r\nYQ==\r\nYg==\r\nb NOOP\r\nYQ==\r\n",
	  "> a AUTHENTICATE (hidden)\n>  (hidden)\n>  (hidden)\n> b NOOP\n> YQ==\n" },
	{ "LOGIN behind two spaces", true, "a  LOGIN alice secret\r\n", "> a  LOGIN (hidden)\n" },
	{ "LOGIN behind a space", true, "  a LOGIN alice secret\r\n", "> a LOGIN (hidden)\n" },
	{ "LOGIN without a tag", true, "LOGIN alice secret\r\n", "> LOGIN (hidden)\n" },
	{ "LOGIN behind a tab", true, "a\tLOGIN alice secret\r\n", "> a?LOGIN (hidden)\n" },
	{ "LOGIN by UID", true, "a UID LOGIN alice secret\r\n", "> a UID (hidden)\n" },
	{ "a mailbox of that name", true, "a RENAME login x\r\n", "> a RENAME login x\n" },
	{ "control characters", true, "a \033[2J\tx\r\n", "> a ?[2J?x\n" },
	{ "no literal", true, "a SEARCH {}\r\nb {x}\r\nc {5}x\r\n", "> a SEARCH {}\n> b {x}\n> c {5}x\n" },
	{ "too large a number", true, "a {99999999999999999999}\r\nb NOOP\r\n",
	  "> a {99999999999999999999}\n> b NOOP\n" },
	{ "a body", false, "* 1 FETCH (BODY[] {7}\r\nx: y\r\n\n FLAGS ())\r\na OK\r\n",
	  "> * 1 FETCH (BODY[] {7} (7 bytes)\n> FLAGS ())\n> a OK\n" },
	{ "a URL that grants", true, "a URLFETCH i:x:INTERNAL:0aF \"y:internal:1\" z:internal:\r\nb NOOP\r\n",
	  "> a URLFETCH i:x:internal:(hidden) \"y:internal:(hidden)\" z:internal:(hidden)\n> b NOOP\n" },
	{ "and in a reply", false, "* GENURLAUTH \"i:x:internal:0123456789\"\r\n",
	  "> * GENURLAUTH \"i:x:internal:(hidden)\"\n" },
	{ "LOGIN said by the server", false, "* LOGIN x y\r\n", "> * LOGIN x y\n" },
};

static void feed(bool from_client, struct slice bytes, size_t piece, struct buf *out)
{
	struct trace_mask mask;

	trace_mask_init(&mask, from_client);
	while (bytes.len) {
		struct slice part = slice_first(bytes, piece);

		trace_mask_feed(&mask, "> ", part, out);
		bytes = slice_from(bytes, part.len);
	}
	trace_mask_done(&mask);
}

static void lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (size_t piece = 1; piece < 60; piece += 1 + piece / 2) {
			struct buf out;

			buf_init(&out, 10000);
			feed(cases[i].from_client, slice_str(cases[i].bytes), piece, &out);
			buf_addc(&out, '\0');
			if (strcmp((char *)out.data, cases[i].text) != 0)
				fail_msg("%s, by %zu: %s", cases[i].name, piece, (char *)out.data);
			buf_done(&out);
		}
	}
}

/* The client of a refused literal goes on without it. */
static void a_refused_literal(void **state)
{
	struct trace_mask client, server;
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	trace_mask_init(&client, true);
	trace_mask_init(&server, false);
	trace_mask_feed(&client, "C ", SLICE("a APPEND x {100}\r\n"), &out);
	trace_mask_feed(&server, "S ", SLICE("* OK Wait\r\n"), &out);
	assert_false(server.replied);
	trace_mask_feed(&server, "S ", SLICE("a NO [TOOBIG] No\r\n"), &out);
	assert_true(server.replied);
	trace_mask_refused(&client, &server);
	trace_mask_feed(&client, "C ", SLICE("b APPEND x {9}\r\n"), &out);
	trace_mask_refused(&client, &server); /* that was another one */
	trace_mask_feed(&client, "C ", SLICE("half"), &out);
	trace_mask_feed(&server, "S ", SLICE("b NO No\r\n"), &out);
	trace_mask_refused(&client, &server); /* it has begun */
	trace_mask_feed(&client, "C ", SLICE(" more\r\nc NOOP\r\n"), &out);
	buf_addc(&out, '\0');
	assert_string_equal((char *)out.data,
	                    "C a APPEND x {100} (100 bytes)\nS * OK Wait\nS a NO [TOOBIG] No\n"
	                    "C b APPEND x {9} (9 bytes)\nS b NO No\nC \nC c NOOP\n");
	trace_mask_done(&client);
	trace_mask_done(&server);
	buf_done(&out);
}

static void long_lines(void **state)
{
	char text[5000];
	struct buf out;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "a SEARCH ", 9);
	memcpy(text + 4000, " {900+}\r\n", 9);
	memset(text + 4009, 's', 900);
	memcpy(text + 4909, "\r\nb NOOP\r\n", 10);
	for (size_t piece = 1; piece < 5000; piece *= 3) {
		buf_init(&out, 10000);
		feed(true, slice_of(text, 4919), piece, &out);
		assert_true(out.len < TRACE_LINE_MAX + 200);
		assert_null(memmem(out.data, out.len, "ss", 2));
		assert_non_null(memmem(out.data, out.len, "(900 bytes)\n> \n> b NOOP\n", 24));
		buf_done(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(a_refused_literal),
		cmocka_unit_test(long_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
