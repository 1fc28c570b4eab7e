/* The PROXY protocol: what a header says, where it ends, and the gate that reads it before a session and before TLS. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "base/network.h"
#include "loop/proxy.h"
#include "shared/loop/tls_pair.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define TCP4      "\xc0\x00\x02\x07\xc6\x33\x64\x01\xdc\x04\x00\x8f" /* 192.0.2.7:56324 to 198.51.100.1:143 */
#define TCP6                                                                                                 \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\xdc\x04\x00"   \
	"\x8f"
#define V2(command, family, len, rest) SLICE(SIGNATURE command family len rest)

static const struct {
	const char *name;
	struct slice in;
	enum proxy_got got;
	const char *ip;
	uint16_t port;
} cases[] = {
	/* clang-format off */
	{ "v1 IPv4", SLICE("PROXY TCP4 192.0.2.7 198.51.100.1 56324 143\r\n"), PROXY_DONE, "192.0.2.7", 56324 },
	{ "v1 IPv6", SLICE("PROXY TCP6 2001:db8::7 2001:db8::1 56324 143\r\n"), PROXY_DONE, "2001:db8::7", 56324 },
	{ "v1 unknown", SLICE("PROXY UNKNOWN\r\n"), PROXY_DONE, "", 0 },
	{ "v1 unknown with more", SLICE("PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), PROXY_DONE, "", 0 },
	{ "v1 of a mapped address", SLICE("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n"), PROXY_DONE, "192.0.2.7", 1 },
	{ "v1 family wrong", SLICE("PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n"), PROXY_BAD, "", 0 },
	{ "v1 family wrong the other way", SLICE("PROXY TCP6 192.0.2.7 192.0.2.1 1 2\r\n"), PROXY_BAD, "", 0 },
	{ "v1 port too large", SLICE("PROXY TCP4 192.0.2.7 192.0.2.1 65536 2\r\n"), PROXY_BAD, "", 0 },
	{ "v1 a word short", SLICE("PROXY TCP4 192.0.2.7 192.0.2.1 1\r\n"), PROXY_BAD, "", 0 },
	{ "v1 a word long", SLICE("PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n"), PROXY_BAD, "", 0 },
	{ "v1 two spaces", SLICE("PROXY TCP4  192.0.2.7 192.0.2.1 1 2\r\n"), PROXY_BAD, "", 0 },
	{ "v1 nothing", SLICE("PROXY \r\n"), PROXY_BAD, "", 0 },
	{ "v1 other protocol", SLICE("PROXY UDP4 192.0.2.7 192.0.2.1 1 2\r\n"), PROXY_BAD, "", 0 },
	{ "v2 IPv4", V2("\x21", "\x11", "\x00\x0c", TCP4), PROXY_DONE, "192.0.2.7", 56324 },
	{ "v2 IPv4 with TLVs", V2("\x21", "\x11", "\x00\x11", TCP4 "\x04\x00\x02XX"), PROXY_DONE, "192.0.2.7", 56324 },
	{ "v2 IPv6", V2("\x21", "\x21", "\x00\x24", TCP6), PROXY_DONE, "2001:db8::7", 56324 },
	{ "v2 local", V2("\x20", "\x00", "\x00\x00", ""), PROXY_DONE, "", 0 },
	{ "v2 local with an address", V2("\x20", "\x11", "\x00\x0c", TCP4), PROXY_DONE, "", 0 },
	{ "v2 unspecified", V2("\x21", "\x00", "\x00\x03", "abc"), PROXY_DONE, "", 0 },
	{ "v2 of a Unix socket", V2("\x21", "\x31", "\x00\x03", "abc"), PROXY_DONE, "", 0 },
	{ "v2 address cut", V2("\x21", "\x11", "\x00\x0b", TCP4), PROXY_BAD, "", 0 },
	{ "v2 IPv6 address cut", V2("\x21", "\x21", "\x00\x23", TCP6), PROXY_BAD, "", 0 },
	{ "v2 of UDP", V2("\x21", "\x12", "\x00\x0c", TCP4), PROXY_BAD, "", 0 },
	{ "v2 other version", V2("\x11", "\x11", "\x00\x0c", TCP4), PROXY_BAD, "", 0 },
	{ "v2 other command", V2("\x22", "\x11", "\x00\x0c", TCP4), PROXY_BAD, "", 0 },
	{ "v2 too long", V2("\x21", "\x11", "\x10\x00", TCP4), PROXY_BAD, "", 0 },
	{ "v2 under way", V2("\x21", "\x11", "\x00\x0d", TCP4), PROXY_MORE, "", 0 },
	{ "a command", SLICE("a LOGIN x y\r\n"), PROXY_BAD, "", 0 },
	{ "a handshake", SLICE("\x16\x03\x01\x02\x00"), PROXY_BAD, "", 0 },
	{ "nearly v2", SLICE("\r\n\r\n\1"), PROXY_BAD, "", 0 },
	{ "nothing yet", SLICE(""), PROXY_MORE, "", 0 },
	/* clang-format on */
};

/* The same in pieces; and what follows is not its own. */
static void check_end(struct slice header)
{
	uint8_t longer[300];
	struct proxy_header got;

	for (size_t len = 0; len < header.len; len++)
		assert_int_equal(proxy_parse(slice_first(header, len), &got), PROXY_MORE);
	memcpy(longer, header.data, header.len);
	memcpy(longer + header.len, "\r\n", 2);
	assert_int_equal(proxy_parse(slice_of(longer, header.len + 2), &got), PROXY_DONE);
	assert_int_equal(got.len, header.len);
}

static void headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct proxy_header header;
		enum proxy_got got = proxy_parse(cases[i].in, &header);

		if (got != cases[i].got || strcmp(header.ip, cases[i].ip) != 0 ||
		    header.port != cases[i].port)
			fail_msg("%s: %d %s %u", cases[i].name, got, header.ip, header.port);
		if (got == PROXY_DONE)
			check_end(cases[i].in);
	}
}

static void a_line_without_end_is_refused(void **state)
{
	char text[200] = "PROXY UNKNOWN ";
	struct proxy_header header;

	(void)state;
	memset(text + 14, 'x', sizeof(text) - 14);
	assert_int_equal(proxy_parse(slice_of(text, 106), &header), PROXY_MORE);
	assert_int_equal(proxy_parse(slice_of(text, 107), &header), PROXY_BAD);
	assert_int_equal(proxy_parse(slice_of(text, 200), &header), PROXY_BAD);
}

/* ---- the gate ---- */

struct door {
	struct peer in; /* the session's end */
	bool tls;
	int ready, refused;
};

static void on_ready(void *arg, struct conn *conn)
{
	struct door *door = arg;

	door->ready++;
	door->in.conn = conn;
	conn_own(conn, NULL, &peer_handler, &door->in);
	if (door->tls)
		conn_begin_tls(conn, server);
}

static void on_refused(void *arg, const char *ip, const char *why)
{
	struct door *door = arg;

	assert_string_equal(ip, "127.0.0.1");
	assert_non_null(why);
	door->refused++;
}

/* A connection over TCP on this machine; `out` is the proxy's end. */
static void knock(struct door *door, struct peer *out, bool trusted)
{
	static const struct proxy_handler handler = { on_ready, on_refused };
	struct network loopback;
	const struct networks networks = { &loopback, trusted };
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr *any = (struct sockaddr *)&address;
	socklen_t len = sizeof(address);
	int listening = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(network_parse(SLICE("127.0.0.0/8"), &loopback));
	assert_int_equal(bind(listening, any, len) | listen(listening, 1) | getsockname(listening, any, &len),
	                 0);
	*out = (struct peer){ .got.limit = BUF_NO_LIMIT };
	door->in = *out;
	out->conn = conn_connect(loop, any, NULL, NULL, &peer_handler, out);
	proxy_accept(&networks,
	             conn_from_fd(loop, accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), NULL,
	                          NULL, NULL),
	             &handler, door);
	close(listening);
}

static void the_peer_is_the_one_that_was_told(void **state)
{
	struct door door = { .tls = false };
	struct peer out;

	(void)state;
	knock(&door, &out, true);
	conn_puts(out.conn, "PROXY TCP4 192.0.2.7 198.51.100.1 56324 143\r\na NOOP\r\n");
	assert_true(WAIT_FOR(loop, peer_got(&door.in, "a NOOP\r\n")));
	assert_string_equal(conn_peer_ip(door.in.conn), "192.0.2.7");
	assert_int_equal(conn_peer_port(door.in.conn), 56324);
	peer_end(loop, &door.in, &out);
}

/* The handshake follows in the same packet. */
static void tls_begins_behind_it(void **state)
{
	(void)state;
	for (int split = 0; split < 2; split++) {
		struct door door = { .tls = true };
		struct peer out;

		knock(&door, &out, true);
		conn_puts(out.conn, "PROXY TCP6 2001:db8::7 2001:db8::1 1 993\r\n");
		if (split) {
			conn_flush(out.conn);
			assert_true(WAIT_FOR(loop, door.ready));
		}
		conn_start_tls(out.conn, anybody, NULL);
		assert_true(WAIT_FOR(loop, out.tls && door.in.tls));
		assert_int_equal(out.tls_fault, FAULT_NONE);
		conn_puts(out.conn, "a NOOP\r\n");
		assert_true(WAIT_FOR(loop, peer_got(&door.in, "a NOOP\r\n")));
		assert_string_equal(conn_peer_ip(door.in.conn), "2001:db8::7");
		peer_end(loop, &door.in, &out);
	}
}

static void from_others_it_is_input_like_any(void **state)
{
	struct door door = { .tls = false };
	struct peer out;

	(void)state;
	knock(&door, &out, false);
	assert_int_equal(door.ready, 1);
	conn_puts(out.conn, "PROXY UNKNOWN\r\n");
	assert_true(WAIT_FOR(loop, peer_got(&door.in, "PROXY UNKNOWN\r\n")));
	assert_string_equal(conn_peer_ip(door.in.conn), "127.0.0.1");
	peer_end(loop, &door.in, &out);
}

static void without_one_a_proxy_is_refused(void **state)
{
	static const char *const said[] = { "a NOOP\r\n", "PROXY TC", "" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		struct door door = { .tls = false };
		struct peer out;
		int64_t begun = clock_mono_ms();

		knock(&door, &out, true);
		conn_puts(out.conn, said[i]);
		if (i == 1) { /* half of one, and away */
			assert_true(WAIT_FOR(loop, out.connected));
			conn_close(out.conn);
		}
		assert_true(WAIT_FOR(loop, door.refused));
		assert_true(i < 2 ? clock_mono_ms() < begun + 3000 : clock_mono_ms() >= begun + 4900);
		assert_int_equal(door.ready, 0);
		peer_end(loop, &door.in, &out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers),
		cmocka_unit_test(a_line_without_end_is_refused),
		cmocka_unit_test(the_peer_is_the_one_that_was_told),
		cmocka_unit_test(tls_begins_behind_it),
		cmocka_unit_test(from_others_it_is_input_like_any),
		cmocka_unit_test(without_one_a_proxy_is_refused),
	};

	return cmocka_run_group_tests(tests, tls_make, tls_clean);
}
