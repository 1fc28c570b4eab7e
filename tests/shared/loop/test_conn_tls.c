/* TLS on connections: handshakes and their failures, STARTTLS injection, flow control, other clients, idle memory. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>
#include <openssl/ssl.h>
#include <sys/resource.h>

#include "shared/loop/tls_pair.h"

static void a_handshake_leads_to_a_conversation(void **state)
{
	struct conn_tls_info ia, ib;
	uint8_t xa[32], xb[32], none[32] = { 0 };
	struct peer a, b;

	(void)state;
	start_pair(&a, &b, NULL, trusts_mx, "mx.example.org");
	assert_false(conn_is_tls(a.conn));
	assert_false(conn_tls_exporter(a.conn, xa));
	conn_puts(a.conn, "waits for the handshake");
	assert_true(WAIT_FOR(loop, a.tls && b.tls));
	assert_true(conn_is_tls(a.conn) && conn_is_tls(b.conn));
	assert_true(WAIT_FOR(loop, peer_got(&b, "waits for the handshake")));
	conn_puts(b.conn, "answer");
	assert_true(WAIT_FOR(loop, peer_got(&a, "answer")));

	assert_true(conn_tls_info(a.conn, &ia));
	assert_true(conn_tls_info(b.conn, &ib));
	assert_string_equal(ia.version, "TLSv1.3");
	assert_string_equal(ia.cipher, ib.cipher);
	assert_true(ia.bits >= 128);
	assert_string_equal(ib.sni, "mx.example.org");
	assert_true(ia.verified);
	assert_string_equal(ia.verify_error, "");
	assert_false(ib.verified);
	assert_false(ia.resumed);

	assert_true(conn_tls_exporter(a.conn, xa));
	assert_true(conn_tls_exporter(b.conn, xb));
	assert_memory_equal(xa, xb, 32);
	assert_memory_not_equal(xa, none, 32);

	conn_close(b.conn);
	assert_true(WAIT_FOR(loop, conn_ended(a.conn)));
	conn_close(a.conn);
	assert_true(WAIT_FOR(loop, a.closed && b.closed));
	assert_int_equal(a.tls, 1);
	peer_end(loop, &a, &b);
}

/* -- STARTTLS -- */

static void take_command(struct peer *peer)
{
	struct slice line;

	while (conn_line(peer->conn, 512, &line) == CONN_LINE) {
		buf_add_slice(&peer->got, line);
		buf_addc(&peer->got, conn_is_tls(peer->conn) ? '+' : '-');
		if (!slice_is(line, "STARTTLS"))
			continue;
		conn_puts(peer->conn, "220 go\r\n");
		conn_start_tls(peer->conn, server, NULL);
	}
}

static void take_reply(struct peer *peer)
{
	struct slice line;

	while (conn_line(peer->conn, 512, &line) == CONN_LINE) {
		buf_add_slice(&peer->got, line);
		if (!conn_is_tls(peer->conn) && slice_starts(line, "220"))
			conn_start_tls(peer->conn, anybody, "mx.example.org");
	}
}

static void starttls_drops_what_was_injected(void **state)
{
	struct peer a, b;

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	a.on_data = take_reply;
	b.on_data = take_command;
	conn_puts(a.conn, "STARTTLS\r\nMAIL FROM:<evil@example.org>\r\nRCPT TO");
	assert_true(WAIT_FOR(loop, a.tls && b.tls));
	assert_int_equal(a.tls_fault, FAULT_NONE);
	assert_int_equal(conn_buffered(b.conn), 0);
	conn_puts(a.conn, "EHLO good\r\n");
	assert_true(WAIT_FOR(loop, peer_got(&b, "STARTTLS-EHLO good+")));
	assert_true(peer_got(&a, "220 go"));
	peer_end(loop, &a, &b);
}

/* The same from a server, to a client (RFC 3207 section 6 the other way round). */
static void replies_injected_before_tls_are_dropped(void **state)
{
	struct peer a, b;

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	a.on_data = take_reply;
	conn_puts(b.conn, "220 go\r\n250 AUTH PLAIN\r\n");
	conn_flush(b.conn);
	conn_start_tls(b.conn, server, NULL);
	assert_true(WAIT_FOR(loop, a.tls && b.tls));
	conn_puts(b.conn, "250 real\r\n");
	assert_true(WAIT_FOR(loop, peer_got(&a, "220 go250 real")));
	peer_end(loop, &a, &b);
}

/* Sent after the reply to STARTTLS: it reaches the handshake, which it breaks. */
static void plaintext_in_a_handshake_fails_it(void **state)
{
	struct peer a, b;

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	conn_start_tls(b.conn, server, NULL);
	conn_puts(a.conn, "MAIL FROM:<evil@example.org>\r\n");
	assert_true(WAIT_FOR(loop, b.tls));
	assert_int_equal(b.tls_fault, FAULT_TEMP);
	assert_non_null(strstr(b.why.text, "TLS handshake: "));
	assert_true(conn_ended(b.conn));
	assert_false(conn_is_tls(b.conn));
	assert_int_equal(b.readable, 0);
	conn_close(b.conn);
	assert_true(WAIT_FOR(loop, conn_ended(a.conn)));
	peer_end(loop, &a, &b);
}

static void a_peer_that_leaves_fails_it_too(void **state)
{
	struct peer a, b;

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	conn_start_tls(b.conn, server, NULL);
	conn_abort(a.conn);
	assert_true(WAIT_FOR(loop, b.tls));
	assert_int_equal(b.tls_fault, FAULT_CLOSED);
	peer_end(loop, &a, &b);

	/* and one that had left before */
	peer_pair(loop, &a, &b, NULL);
	conn_abort(a.conn);
	assert_true(WAIT_FOR(loop, conn_ended(b.conn)));
	conn_start_tls(b.conn, server, NULL);
	assert_true(WAIT_FOR(loop, b.tls));
	assert_int_equal(b.tls_fault, FAULT_CLOSED);
	peer_end(loop, &a, &b);
}

/* -- flow -- */

/* Bytes between two ends pass through our hands, a few at a time: every record is met in pieces. */
static void pieces_of_records_are_enough(void **state)
{
	static const size_t pieces[] = { 1, 7, 1000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		struct peer a = { .got.limit = BUF_NO_LIMIT }, b = { .got.limit = BUF_NO_LIMIT };
		int left[2], right[2];
		uint8_t bytes[1000];

		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, left), 0);
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, right),
		                 0);
		a.conn = conn_from_fd(loop, left[0], NULL, &peer_handler, &a);
		b.conn = conn_from_fd(loop, right[0], NULL, &peer_handler, &b);
		conn_start_tls(a.conn, trusts_mx, "mx.example.org");
		conn_start_tls(b.conn, server, NULL);
		conn_puts(a.conn, "question");
		conn_puts(b.conn, "answer");
		for (int idle = 0; idle < 10;) {
			ssize_t x = read(left[1], bytes, pieces[i]), y;

			if (x > 0)
				assert_int_equal(write(right[1], bytes, (size_t)x), x);
			y = read(right[1], bytes, pieces[i]);
			if (y > 0)
				assert_int_equal(write(left[1], bytes, (size_t)y), y);
			idle = x > 0 || y > 0 ? 0 : idle + 1;
			loop_step(loop, 0);
		}
		assert_int_equal(a.tls_fault, FAULT_NONE);
		assert_true(peer_got(&a, "answer"));
		assert_true(peer_got(&b, "question"));
		close(left[1]);
		close(right[1]);
		assert_true(WAIT_FOR(loop, conn_ended(a.conn) && conn_ended(b.conn)));
		peer_end(loop, &a, &b);
	}
}

static uint8_t byte_at(size_t at)
{
	return (uint8_t)(at * 31 >> 3);
}

static size_t sent, to_send;

static void send_more(void *owner)
{
	struct peer *peer = owner;
	uint8_t block[3000];

	while (sent < to_send && !conn_congested(peer->conn)) {
		size_t len = MIN_OF(sizeof(block), to_send - sent);

		for (size_t i = 0; i < len; i++)
			block[i] = byte_at(sent + i);
		conn_write(peer->conn, block, len);
		sent += len;
	}
}

static const struct conn_handler sender = {
	peer_connected, peer_readable, send_more, peer_tls, peer_timeout, peer_closed,
};

/* The reader takes 2,000 bytes a turn, its buffer is smaller than a record: all arrives, nothing grows. */
static void a_slow_reader_costs_bounded_memory(void **state)
{
	struct conn_conf conf = { .input_max = 5000, .output_high = 64 * 1024 };
	size_t taken = 0, heap, most = 0;
	struct peer a, b;

	(void)state;
	sent = 0;
	to_send = 10 * 1000 * 1000;
	tls_pair(&a, &b, &conf);
	conn_own(a.conn, &conf, &sender, &a);
	b.hold = true;
	heap = mallinfo2().uordblks;
	send_more(&a);
	while (taken < to_send) {
		struct slice some = conn_peek(b.conn, 2000);

		for (size_t i = 0; i < some.len; i++)
			assert_int_equal(some.data[i], byte_at(taken + i));
		taken += some.len;
		conn_take(b.conn, some.len);
		assert_true(conn_buffered(b.conn) <= conf.input_max);
		most = MAX_OF(most, mallinfo2().uordblks - heap);
		loop_step(loop, some.len ? 0 : 10);
	}
	assert_true(most < 400 * 1024);
	peer_end(loop, &a, &b);
}

/* Whoever takes a little and waits for more is told of it, though the socket has nothing new to say. */
static void what_tls_still_holds_is_told(void **state)
{
	struct conn_conf conf = { .input_max = 1000 };
	struct peer a, b;
	size_t taken = 0;
	char block[3500];

	(void)state;
	memset(block, 'z', sizeof(block));
	tls_pair(&a, &b, &conf);
	b.hold = true;
	conn_write(a.conn, block, sizeof(block));
	while (taken < sizeof(block)) {
		int readable;

		assert_true(
		    WAIT_FOR(loop, conn_buffered(b.conn) == MIN_OF((size_t)1000, sizeof(block) - taken)));
		readable = b.readable;
		conn_take(b.conn, 400);
		taken += MIN_OF((size_t)400, sizeof(block) - taken);
		if (sizeof(block) - taken > 600)
			assert_true(WAIT_FOR(loop, b.readable > readable));
	}
	peer_end(loop, &a, &b);
}

static bool end_told;

static void note_end(struct peer *peer)
{
	end_told |= conn_ended(peer->conn);
}

/* The end, too, may be found by the owner's own call, behind bytes that had no room: it is told like any other. */
static void an_end_behind_held_bytes_is_told(void **state)
{
	struct conn_conf conf = { .input_max = 1000 };
	struct peer a, b;
	char block[3500];
	size_t taken = 0;

	(void)state;
	memset(block, 'z', sizeof(block));
	tls_pair(&a, &b, &conf);
	b.on_data = note_end;
	end_told = false;
	conn_write(a.conn, block, sizeof(block));
	conn_close(a.conn);
	assert_true(WAIT_FOR(loop, conn_buffered(b.conn) == 1000));
	for (struct slice some; (some = conn_peek(b.conn, 1000)).len; taken += some.len)
		conn_take(b.conn, some.len);
	assert_int_equal(taken, sizeof(block));
	assert_false(end_told);
	assert_true(WAIT_FOR(loop, end_told));
	peer_end(loop, &a, &b);
}

static void pausing_holds_tls_back_too(void **state)
{
	struct peer a, b;

	(void)state;
	start_pair(&a, &b, NULL, anybody, NULL);
	conn_pause(b.conn, true); /* the handshake goes on all the same */
	conn_puts(a.conn, "hello");
	assert_true(WAIT_FOR(loop, a.tls && b.tls));
	conn_pause(b.conn, false);
	assert_true(WAIT_FOR(loop, peer_got(&b, "hello")));
	conn_pause(b.conn, true);
	conn_puts(a.conn, " again");
	for (int i = 0; i < 10; i++)
		loop_step(loop, 2);
	assert_true(peer_got(&b, "hello"));
	conn_pause(b.conn, false);
	assert_true(WAIT_FOR(loop, peer_got(&b, "hello again")));
	peer_end(loop, &a, &b);
}

static void closing_sends_what_is_collected(void **state)
{
	static uint8_t block[1 << 20];
	struct peer a, b;

	(void)state;
	tls_pair(&a, &b, NULL);
	conn_write(a.conn, block, sizeof(block));
	conn_close(a.conn);
	assert_true(WAIT_FOR(loop, conn_ended(b.conn)));
	assert_int_equal(b.got.len, sizeof(block));
	peer_end(loop, &a, &b);
}

static bool close_hard;

static void close_in_tls(void *owner, enum fault fault, const struct why *why)
{
	struct peer *peer = owner;

	peer_tls(owner, fault, why);
	if (close_hard)
		conn_abort(peer->conn);
	else
		conn_close(peer->conn);
}

static const struct conn_handler closer = {
	peer_connected, peer_readable, peer_drained, close_in_tls, peer_timeout, peer_closed,
};

static void closing_inside_on_tls_is_safe(void **state)
{
	(void)state;
	for (int hard = 0; hard < 2; hard++) {
		for (int fails = 0; fails < 2; fails++) {
			struct peer a, b;

			close_hard = hard;
			peer_pair(loop, &a, &b, NULL);
			conn_own(b.conn, NULL, &closer, &b);
			conn_start_tls(b.conn, server, NULL);
			if (fails)
				conn_puts(a.conn, "this is not a ClientHello at all\r\n");
			else
				conn_start_tls(a.conn, anybody, NULL);
			conn_puts(a.conn, "early words");
			assert_true(WAIT_FOR(loop, b.tls));
			assert_int_equal(b.tls_fault != FAULT_NONE, fails);
			assert_true(WAIT_FOR(loop, conn_ended(a.conn)));
			conn_close(a.conn);
			assert_true(WAIT_FOR(loop, a.closed && b.closed));
			assert_int_equal(b.readable, 0);
			assert_int_equal(b.tls + b.closed, 2);
			peer_end(loop, &a, &b);
		}
	}
}

/* -- other people's clients -- */

struct stranger {
	SSL_CTX *ctx;
	SSL *ssl;
	struct peer b; /* the server's end */
};

static void stranger_start(struct stranger *s, int max_version, SSL_SESSION *session)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
	*s = (struct stranger){ .b.got.limit = BUF_NO_LIMIT };
	s->b.conn = conn_from_fd(loop, fds[1], NULL, &peer_handler, &s->b);
	conn_start_tls(s->b.conn, server, NULL);
	s->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_security_level(s->ctx, 0);
	SSL_CTX_set_max_proto_version(s->ctx, max_version);
	s->ssl = SSL_new(s->ctx);
	SSL_set_fd(s->ssl, fds[0]);
	SSL_set_connect_state(s->ssl);
	if (session)
		SSL_set_session(s->ssl, session);
	for (int i = 0; i < 200 && !s->b.tls; i++) {
		SSL_do_handshake(s->ssl);
		loop_step(loop, 5);
	}
	assert_int_equal(s->b.tls, 1);
}

/* Reads until the server's `text`, which is where TLS 1.3 meets its ticket. */
static void stranger_hears(struct stranger *s, const char *text)
{
	char got[100];
	int len = 0;

	conn_puts(s->b.conn, text);
	for (int i = 0; i < 200 && len <= 0; i++) {
		loop_step(loop, 5);
		len = SSL_read(s->ssl, got, sizeof(got));
	}
	assert_int_equal(len, strlen(text));
	assert_memory_equal(got, text, (size_t)len);
}

static void stranger_end(struct stranger *s)
{
	struct peer none = { .conn = NULL };
	int fd = SSL_get_fd(s->ssl);

	SSL_set_shutdown(s->ssl, SSL_SENT_SHUTDOWN); /* or OpenSSL takes the session for a broken one */
	SSL_free(s->ssl);
	SSL_CTX_free(s->ctx);
	close(fd);
	peer_end(loop, &s->b, &none);
}

static void strangers_resume_by_ticket(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(versions); i++) {
		struct conn_tls_info info;
		uint8_t ours[32], theirs[32];
		struct stranger s;
		SSL_SESSION *session;

		stranger_start(&s, versions[i], NULL);
		assert_int_equal(s.b.tls_fault, FAULT_NONE);
		assert_true(conn_tls_info(s.b.conn, &info));
		assert_string_equal(info.version, i ? "TLSv1.3" : "TLSv1.2");
		assert_string_equal(info.sni, "");
		assert_false(info.resumed);
		assert_true(conn_tls_exporter(s.b.conn, ours));
		stranger_hears(&s, "hello");
		assert_int_equal(
		    SSL_export_keying_material(s.ssl, theirs, 32, "EXPORTER-Channel-Binding", 24, NULL, 0, 0),
		    1);
		assert_memory_equal(ours, theirs, 32);
		session = SSL_get1_session(s.ssl);
		stranger_end(&s);

		stranger_start(&s, versions[i], session);
		assert_true(conn_tls_info(s.b.conn, &info));
		assert_true(info.resumed);
		SSL_SESSION_free(session);
		stranger_end(&s);
	}
}

/* Whoever cuts the connection cannot make it look as if we had ended it. */
static void closing_says_goodbye(void **state)
{
	struct stranger s;
	char got[10];
	int len = -1;

	(void)state;
	stranger_start(&s, TLS1_3_VERSION, NULL);
	stranger_hears(&s, "hello");
	conn_close(s.b.conn);
	for (int i = 0; i < 50 && len < 0; i++) {
		loop_step(loop, 5);
		len = SSL_read(s.ssl, got, sizeof(got));
	}
	assert_int_equal(SSL_get_error(s.ssl, len), SSL_ERROR_ZERO_RETURN);
	stranger_end(&s);
}

static void old_versions_and_renegotiation_are_refused(void **state)
{
	struct stranger s;

	(void)state;
	stranger_start(&s, TLS1_1_VERSION, NULL);
	assert_int_equal(s.b.tls_fault, FAULT_TEMP);
	assert_non_null(strstr(s.b.why.text, "unsupported protocol"));
	stranger_end(&s);

	stranger_start(&s, TLS1_2_VERSION, NULL);
	stranger_hears(&s, "hello");
	assert_int_equal(SSL_renegotiate(s.ssl), 1);
	for (int i = 0; i < 20; i++) {
		SSL_do_handshake(s.ssl);
		loop_step(loop, 2);
	}
	assert_true(SSL_renegotiate_pending(s.ssl) || conn_ended(s.b.conn));
	assert_int_equal(s.b.tls, 1);
	stranger_end(&s);
}

/* -- memory -- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ALLOCATOR_IS_ITS_OWN 1
#else
#define ALLOCATOR_IS_ITS_OWN 0
#endif

static void an_idle_server_connection_is_small(void **state)
{
	enum { COUNT = 400 };
	struct rlimit files = { 4096, 4096 };
	static struct peer ends[2 * COUNT];
	size_t heap, each;

	(void)state;
	if (ALLOCATOR_IS_ITS_OWN)
		skip();
	setrlimit(RLIMIT_NOFILE, &files);
	tls_pair(&ends[0], &ends[1], NULL); /* what is made once is made here */
	heap = mallinfo2().uordblks;
	for (int i = 1; i < COUNT; i++) {
		tls_pair(&ends[2 * i], &ends[2 * i + 1], NULL);
		conn_puts(ends[2 * i].conn, "a NOOP\r\n");
		assert_true(WAIT_FOR(loop, ends[2 * i + 1].got.len == 8));
		conn_puts(ends[2 * i + 1].conn, "a OK done\r\n");
		assert_true(WAIT_FOR(loop, ends[2 * i].got.len == 11));
		buf_done(&ends[2 * i].got);
		buf_done(&ends[2 * i + 1].got);
	}
	/* the servers' share: what goes when the servers go */
	for (int i = 1; i < COUNT; i++)
		conn_abort(ends[2 * i].conn);
	for (int i = 1; i < COUNT; i++)
		assert_true(WAIT_FOR(loop, ends[2 * i].closed && conn_ended(ends[2 * i + 1].conn)));
	each = (mallinfo2().uordblks - heap) / (COUNT - 1);
	print_message("             %zu bytes of heap an idle TLS connection\n", each);
	assert_in_range(each, 1000, 24 * 1024);
	for (int i = 0; i < COUNT; i++)
		peer_end(loop, &ends[2 * i], &ends[2 * i + 1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handshake_leads_to_a_conversation),
		cmocka_unit_test(starttls_drops_what_was_injected),
		cmocka_unit_test(replies_injected_before_tls_are_dropped),
		cmocka_unit_test(plaintext_in_a_handshake_fails_it),
		cmocka_unit_test(a_peer_that_leaves_fails_it_too),
		cmocka_unit_test(pieces_of_records_are_enough),
		cmocka_unit_test(a_slow_reader_costs_bounded_memory),
		cmocka_unit_test(what_tls_still_holds_is_told),
		cmocka_unit_test(an_end_behind_held_bytes_is_told),
		cmocka_unit_test(pausing_holds_tls_back_too),
		cmocka_unit_test(closing_sends_what_is_collected),
		cmocka_unit_test(closing_inside_on_tls_is_safe),
		cmocka_unit_test(strangers_resume_by_ticket),
		cmocka_unit_test(closing_says_goodbye),
		cmocka_unit_test(old_versions_and_renegotiation_are_refused),
		cmocka_unit_test(an_idle_server_connection_is_small),
	};

	return cmocka_run_group_tests(tests, tls_make, tls_clean);
}
