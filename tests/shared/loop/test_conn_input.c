/* Lines out of a connection: their ends, their limits, whole and in pieces. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "shared/loop/peer.h"

static struct loop *loop;

static int make_loop(void **state)
{
	(void)state;
	loop = loop_new();
	return 0;
}

static int free_loop(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

struct line_case {
	const char *name, *input;
	size_t max;
	bool bare_lf;
	const char *want; /* lines joined by "|", "LONG" for one that was too long */
};

static const struct line_case line_cases[] = {
	{ "two lines", "EHLO a\r\nQUIT\r\n", 100, false, "EHLO a|QUIT|" },
	{ "an empty line", "\r\n\r\n", 100, false, "||" },
	{ "no end yet", "EHLO", 100, false, "" },
	{ "bare LF is data", "a\nb\r\n", 100, false, "a\nb|" },
	{ "bare CR is data", "a\rb\r\n", 100, false, "a\rb|" },
	{ "CR CR LF keeps one CR", "a\r\r\n", 100, false, "a\r|" },
	{ "LF first", "\na\r\n", 100, false, "\na|" },
	{ "bare LF allowed", "a\nb\r\nc\n", 100, true, "a|b|c|" },
	{ "bare CR is data there too", "a\rb\n", 100, true, "a\rb|" },
	{ "exactly the limit", "12345\r\nok\r\n", 5, false, "12345|ok|" },
	{ "one more", "123456\r\nok\r\n", 5, false, "LONG|ok|" },
	{ "much more", "123456789012345678901234567890\r\nok\r\n", 5, false, "LONG|ok|" },
	{ "long with CRs in it", "1234\r\r\r\r567890\r\r\r\nok\r\n", 5, false, "LONG|ok|" },
	{ "long with LFs in it", "1234\n5678\n90\r\nok\r\n", 5, false, "LONG|ok|" },
	{ "long, bare LF allowed", "1234567\nok\n", 5, true, "LONG|ok|" },
	{ "two long ones", "1234567\r\n7654321\r\nok\r\n", 5, false, "LONG|LONG|ok|" },
	{ "limit and a CR that ends nothing", "12345\rx\r\nok\r\n", 5, false, "LONG|ok|" },
	{ "NUL is data", "a\0b\r\n", 100, false, "a" },
};

static const struct line_case *line_case;

static void take_lines(struct peer *peer)
{
	struct slice line;
	enum conn_got got;

	while ((got = conn_line(peer->conn, line_case->max, &line)) != CONN_NONE) {
		if (got == CONN_LONG)
			buf_adds(&peer->got, "LONG");
		else
			buf_add_slice(&peer->got, line);
		buf_addc(&peer->got, '|');
	}
}

static void check_lines(const struct line_case *c, size_t piece)
{
	struct peer a, b;
	size_t len = strlen(c->input);

	line_case = c;
	if (strcmp(c->name, "NUL is data") == 0)
		len = 5;
	peer_pair(loop, &a, &b, NULL);
	b.on_data = take_lines;
	conn_bare_lf(b.conn, c->bare_lf);
	for (size_t at = 0; at < len; at += piece) {
		int readable = b.readable;

		conn_write(a.conn, c->input + at, MIN_OF(piece, len - at));
		conn_flush(a.conn);
		assert_true(WAIT_FOR(loop, b.readable > readable));
	}
	if (strcmp(c->name, "NUL is data") == 0)
		assert_memory_equal(b.got.data, "a\0b|", 4);
	else if (!peer_got(&b, c->want))
		fail_msg("%s, %zu bytes at a time: got '%.*s'", c->name, piece, (int)b.got.len, b.got.data);
	peer_end(loop, &a, &b);
}

static void lines_come_whole_and_byte_by_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(line_cases); i++) {
		check_lines(&line_cases[i], 1);
		check_lines(&line_cases[i], 2);
		check_lines(&line_cases[i], 1000);
	}
}

static void a_long_line_does_not_fill_memory(void **state)
{
	static const struct line_case c = { "", "", 512, false, "" };
	struct peer a, b;
	char block[1000];

	(void)state;
	line_case = &c;
	memset(block, 'x', sizeof(block));
	peer_pair(loop, &a, &b, NULL);
	b.on_data = take_lines;
	for (int i = 0; i < 1000; i++) {
		conn_write(a.conn, block, sizeof(block));
		conn_flush(a.conn);
		loop_step(loop, 0);
		assert_true(conn_buffered(b.conn) <= 1);
	}
	conn_puts(a.conn, "\r\nnext\r\n");
	assert_true(WAIT_FOR(loop, peer_got(&b, "LONG|next|")));
	peer_end(loop, &a, &b);
}

/* The longest line is said to be long even where the buffer is what it does not fit in. */
static void a_line_longer_than_the_buffer_is_long(void **state)
{
	static const struct line_case c = { "", "", 1000000, false, "" };
	struct conn_conf conf = { .input_max = 100 };
	struct peer a, b;
	char line[300];

	(void)state;
	line_case = &c;
	memset(line, 'x', sizeof(line));
	peer_pair(loop, &a, &b, &conf);
	b.on_data = take_lines;
	conn_write(a.conn, line, sizeof(line));
	conn_puts(a.conn, "\r\nnext\r\n");
	assert_true(WAIT_FOR(loop, peer_got(&b, "LONG|next|")));
	peer_end(loop, &a, &b);
}

static void lines_and_bytes_mix(void **state)
{
	struct peer a, b;
	struct slice got;

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	b.hold = true;
	conn_puts(a.conn, "A {5}\r\nhello)\r\nB\r\n");
	assert_true(WAIT_FOR(loop, conn_buffered(b.conn) == 18));
	assert_int_equal(conn_line(b.conn, 100, &got), CONN_LINE);
	assert_true(slice_is(got, "A {5}"));
	got = conn_peek(b.conn, 5);
	assert_true(slice_is(got, "hello"));
	conn_take(b.conn, got.len);
	assert_int_equal(conn_line(b.conn, 100, &got), CONN_LINE);
	assert_true(slice_is(got, ")"));
	assert_int_equal(conn_line(b.conn, 100, &got), CONN_LINE);
	assert_true(slice_is(got, "B"));
	assert_int_equal(conn_line(b.conn, 100, &got), CONN_NONE);
	assert_null(conn_peek(b.conn, 5).data);
	assert_int_equal(conn_buffered(b.conn), 0);
	peer_end(loop, &a, &b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_whole_and_byte_by_byte),
		cmocka_unit_test(a_long_line_does_not_fill_memory),
		cmocka_unit_test(a_line_longer_than_the_buffer_is_long),
		cmocka_unit_test(lines_and_bytes_mix),
	};

	return cmocka_run_group_tests(tests, make_loop, free_loop);
}
