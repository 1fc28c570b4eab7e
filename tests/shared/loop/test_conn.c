/* Plain connections: back-pressure both ways, deadlines, and every way to close. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
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

/* -- back-pressure -- */

/* Nothing is taken: the reader stops at its limit, the writer keeps what the socket does not hold. */
static void an_unread_connection_stops_reading(void **state)
{
	struct conn_conf conf = { .input_max = 10000, .output_high = 20000 };
	static char block[1 << 20];
	struct peer a, b;
	size_t sent = 0;

	(void)state;
	memset(block, 'y', sizeof(block));
	peer_pair(loop, &a, &b, &conf);
	b.hold = true;
	conn_write(a.conn, block, sizeof(block));
	assert_true(conn_congested(a.conn));
	for (int i = 0; i < 100; i++)
		loop_step(loop, 1);
	assert_int_equal(conn_buffered(b.conn), 10000);
	assert_true(conn_unsent(a.conn) > 100000);
	assert_int_equal(a.drained, 0);
	b.hold = false;
	peer_readable(&b);
	assert_true(WAIT_FOR(loop, b.got.len == sizeof(block)));
	for (; sent < b.got.len && b.got.data[sent] == 'y'; sent++)
		;
	assert_int_equal(sent, sizeof(block));
	assert_int_equal(conn_unsent(a.conn), 0);
	assert_int_equal(a.drained, 1);
	peer_end(loop, &a, &b);
}

struct transfer {
	size_t sent, total, most;
};

static void send_more(struct peer *peer)
{
	struct transfer *transfer = peer->arg;
	char block[3000];

	while (transfer->sent < transfer->total && !conn_congested(peer->conn)) {
		size_t len = MIN_OF(sizeof(block), transfer->total - transfer->sent);

		for (size_t i = 0; i < len; i++)
			block[i] = (char)((transfer->sent + i) * 31 >> 3);
		conn_write(peer->conn, block, len);
		transfer->sent += len;
	}
}

static void sender_drained(void *owner)
{
	send_more(owner);
}

static const struct conn_handler sender = {
	peer_connected, peer_readable, sender_drained, peer_tls, peer_timeout, peer_closed,
};

/* 10 MB to one who takes 2,000 bytes a turn: neither side ever holds more than its limits. */
static void a_slow_reader_costs_bounded_memory(void **state)
{
	struct transfer transfer = { .total = 10 * 1000 * 1000 };
	struct conn_conf conf = { .input_max = 32 * 1024, .output_high = 64 * 1024 };
	struct peer a, b;
	size_t taken = 0, heap, most = 0;

	(void)state;
	peer_pair(loop, &a, &b, &conf);
	conn_own(a.conn, &conf, &sender, &a);
	a.arg = &transfer;
	b.hold = true;
	heap = mallinfo2().uordblks;
	send_more(&a);
	while (taken < transfer.total) {
		struct slice some = conn_peek(b.conn, 2000);

		for (size_t i = 0; i < some.len; i++)
			assert_int_equal(some.data[i], (uint8_t)((taken + i) * 31 >> 3));
		taken += some.len;
		conn_take(b.conn, some.len);
		assert_true(conn_buffered(b.conn) <= conf.input_max);
		assert_true(conn_unsent(a.conn) <= conf.output_high + 3000);
		most = MAX_OF(most, mallinfo2().uordblks - heap);
		loop_step(loop, some.len ? 0 : 10);
	}
	assert_int_equal(transfer.sent, transfer.total);
	assert_true(most < 250 * 1024); /* 0 under a sanitizer's allocator */
	peer_end(loop, &a, &b);
}

static void a_paused_connection_reads_nothing(void **state)
{
	struct peer a, b;

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	conn_pause(b.conn, true);
	conn_puts(a.conn, "hello");
	for (int i = 0; i < 10; i++)
		loop_step(loop, 2);
	assert_int_equal(b.readable, 0);
	conn_pause(b.conn, false);
	assert_true(WAIT_FOR(loop, peer_got(&b, "hello")));
	peer_end(loop, &a, &b);
}

static void an_idle_connection_holds_no_buffer(void **state)
{
	struct peer a, b;
	size_t before, after;

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	loop_step(loop, 0);
	before = mallinfo2().uordblks;
	for (int i = 0; i < 20; i++) {
		conn_printf(a.conn, "%0*d", 30000, i);
		assert_true(WAIT_FOR(loop, b.got.len == 30000));
		buf_done(&b.got);
	}
	after = mallinfo2().uordblks;
	assert_true(after < before + 200);
	peer_end(loop, &a, &b);
}

/* -- writing -- */

static void writes_of_one_turn_leave_together(void **state)
{
	struct peer a, b;

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	conn_puts(a.conn, "one ");
	conn_printf(a.conn, "%s %d", "two", 3);
	assert_int_equal(conn_unsent(a.conn), 9);
	assert_true(WAIT_FOR(loop, b.got.len));
	assert_true(peer_got(&b, "one two 3"));
	assert_int_equal(b.readable, 1);
	peer_end(loop, &a, &b);
}

static void writing_to_the_dead_is_harmless(void **state)
{
	struct peer a, b;

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	conn_abort(b.conn);
	assert_true(WAIT_FOR(loop, b.closed));
	for (int i = 0; i < 10; i++) {
		conn_puts(a.conn, "anybody?");
		conn_flush(a.conn);
	}
	assert_int_equal(conn_unsent(a.conn), 0);
	assert_true(WAIT_FOR(loop, conn_ended(a.conn)));
	assert_int_equal(a.readable, 1);
	peer_end(loop, &a, &b);
}

/* The answer that explains why we hang up is read before the hang-up. */
static void what_came_before_the_end_is_read(void **state)
{
	struct peer a, b;

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	conn_puts(b.conn, "421 go away\r\n");
	conn_close(b.conn);
	conn_puts(a.conn, "MAIL FROM:<>\r\n");
	assert_true(WAIT_FOR(loop, conn_ended(a.conn)));
	assert_true(peer_got(&a, "421 go away\r\n"));
	assert_int_equal(b.readable, 0);
	assert_int_equal(b.closed, 0); /* lingers for the other end */
	conn_close(a.conn);
	assert_true(WAIT_FOR(loop, a.closed && b.closed));
	peer_end(loop, &a, &b);
}

/* -- closing -- */

static void closing_sends_what_is_collected(void **state)
{
	static char block[1 << 20];
	struct peer a, b;

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	conn_write(a.conn, block, sizeof(block));
	conn_close(a.conn);
	conn_puts(a.conn, "too late");
	conn_close(a.conn);
	assert_true(WAIT_FOR(loop, conn_ended(b.conn)));
	assert_int_equal(b.got.len, sizeof(block));
	conn_close(b.conn);
	assert_true(WAIT_FOR(loop, a.closed && b.closed));
	assert_int_equal(a.closed + b.closed, 2);
	peer_end(loop, &a, &b);
}

static void aborting_does_not(void **state)
{
	static char block[1 << 20];
	struct peer a, b;

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	conn_write(a.conn, block, sizeof(block));
	conn_abort(a.conn);
	assert_int_equal(a.closed, 0); /* never from inside the call */
	conn_abort(a.conn);
	assert_true(WAIT_FOR(loop, conn_ended(b.conn)));
	assert_int_equal(b.got.len, 0);
	assert_int_equal(a.closed, 1);
	peer_end(loop, &a, &b);
}

static void a_peer_that_never_ends_is_left_after_a_second(void **state)
{
	int64_t start = clock_mono_ms();
	struct peer a, b;

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	b.hold = true;
	conn_close(a.conn);
	assert_true(WAIT_FOR(loop, a.closed));
	assert_true(clock_mono_ms() - start >= 900);
	assert_true(clock_mono_ms() - start < 5000);
	peer_end(loop, &a, &b);
}

enum where { IN_READABLE, IN_TIMEOUT, IN_DRAINED, IN_WHERE_COUNT };
static enum where close_where;
static bool close_hard;

static void close_here(struct peer *peer, enum where where)
{
	struct slice line;

	if (close_where != where)
		return;
	conn_puts(peer->conn, "bye");
	if (close_hard)
		conn_abort(peer->conn);
	else
		conn_close(peer->conn);
	/* everything is still callable and does nothing */
	assert_int_equal(conn_line(peer->conn, 10, &line), CONN_NONE);
	assert_null(conn_peek(peer->conn, 10).data);
	conn_puts(peer->conn, "more");
	conn_pause(peer->conn, true);
	conn_deadline(peer->conn, 1);
	conn_flush(peer->conn);
	assert_int_equal(peer->closed, 0);
}

static void closing_readable(void *owner)
{
	close_here(owner, IN_READABLE);
}

static void closing_timeout(void *owner)
{
	close_here(owner, IN_TIMEOUT);
}

static void closing_drained(void *owner)
{
	close_here(owner, IN_DRAINED);
}

static const struct conn_handler closer = {
	peer_connected, closing_readable, closing_drained, peer_tls, closing_timeout, peer_closed,
};

static void closing_inside_callbacks_is_safe(void **state)
{
	static char block[200000];

	(void)state;
	for (int hard = 0; hard < 2; hard++) {
		for (close_where = 0; close_where < IN_WHERE_COUNT; close_where++) {
			struct peer a, b;

			close_hard = hard;
			peer_pair(loop, &a, &b, NULL);
			b.close_on_read = true;
			conn_own(a.conn, NULL, &closer, &a);
			if (close_where == IN_READABLE)
				conn_puts(b.conn, "hello\r\nhello\r\n");
			if (close_where == IN_TIMEOUT)
				conn_deadline(a.conn, 1);
			if (close_where == IN_DRAINED) {
				b.close_on_read = false;
				conn_write(a.conn, block, sizeof(block));
			}
			assert_true(WAIT_FOR(loop, a.closed));
			assert_int_equal(a.closed, 1);
			if (!hard && close_where == IN_TIMEOUT)
				assert_true(peer_got(&b, "bye"));
			peer_end(loop, &a, &b);
		}
	}
}

static void an_end_is_told_and_closes_nothing(void **state)
{
	struct peer a, b;

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	conn_puts(b.conn, "last words");
	conn_close(b.conn);
	assert_true(WAIT_FOR(loop, conn_ended(a.conn)));
	assert_true(peer_got(&a, "last words"));
	for (int i = 0; i < 5; i++)
		loop_step(loop, 1);
	assert_int_equal(a.closed, 0);
	conn_close(a.conn);
	assert_true(WAIT_FOR(loop, a.closed && b.closed));
	peer_end(loop, &a, &b);
}

/* -- deadlines -- */

static void a_deadline_passes_once_and_can_be_moved(void **state)
{
	int64_t start = clock_mono_ms();
	struct peer a, b;

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	conn_deadline(a.conn, 20);
	conn_deadline(a.conn, 60);
	conn_deadline(b.conn, 10);
	conn_deadline(b.conn, 0);
	assert_true(WAIT_FOR(loop, a.timeouts));
	assert_true(clock_mono_ms() - start >= 55);
	for (int i = 0; i < 5; i++)
		loop_step(loop, 5);
	assert_int_equal(a.timeouts, 1);
	assert_int_equal(b.timeouts, 0);
	conn_deadline(a.conn, 100000);
	conn_deadline(a.conn, 5);
	assert_true(WAIT_FOR(loop, a.timeouts == 2));
	peer_end(loop, &a, &b);
}

/* -- names, connecting -- */

static void names_are_told(void **state)
{
	struct peer a, b;

	(void)state;
	peer_pair(loop, &a, &b, NULL);
	assert_string_equal(conn_peer_ip(a.conn), "local");
	assert_string_equal(conn_local_ip(a.conn), "local");
	assert_int_equal(conn_peer_port(a.conn), 0);
	conn_set_peer(a.conn, "2001:db8::1", 2525);
	assert_string_equal(conn_peer_ip(a.conn), "2001:db8::1");
	assert_int_equal(conn_peer_port(a.conn), 2525);
	peer_end(loop, &a, &b);
}

static void connect_to(uint32_t ip, uint16_t port, uint32_t from, struct peer *peer)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		                  .sin_port = htons(port),
		                  .sin_addr.s_addr = htonl(ip) };
	struct sockaddr_in local = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(from) };

	*peer = (struct peer){ .got.limit = BUF_NO_LIMIT };
	peer->conn = conn_connect(loop, (struct sockaddr *)&to, from ? (struct sockaddr *)&local : NULL, NULL,
	                          &peer_handler, peer);
	assert_int_equal(peer->connected, 0);
}

static void failing_to_connect_is_told_later(void **state)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(any);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct peer a, b = { .conn = NULL };

	(void)state;
	/* bound and not listening: refused, and nobody else can take the port meanwhile */
	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &len), 0);
	connect_to(INADDR_LOOPBACK, ntohs(any.sin_port), 0, &a);
	conn_puts(a.conn, "early");
	assert_true(WAIT_FOR(loop, a.connected));
	assert_int_equal(a.connect_fault, FAULT_TEMP);
	assert_non_null(strstr(a.why.text, "connection refused"));
	assert_true(conn_ended(a.conn));
	peer_end(loop, &a, &b);

	/* an address that is not ours: known at once, told later all the same */
	connect_to(INADDR_LOOPBACK, ntohs(any.sin_port), 0xc0000201, &a);
	assert_true(WAIT_FOR(loop, a.connected));
	assert_int_equal(a.connect_fault, FAULT_TEMP);
	assert_true(WAIT_FOR(loop, !a.closed));
	peer_end(loop, &a, &b);

	/* closed before it is known */
	connect_to(INADDR_LOOPBACK, ntohs(any.sin_port), 0, &a);
	conn_close(a.conn);
	assert_true(WAIT_FOR(loop, a.closed));
	assert_int_equal(a.connected, 0);
	peer_end(loop, &a, &b);
	close(fd);
}

/* What is still open when the loop goes is aborted, and its owner told. */
static void the_loop_ends_what_is_left(void **state)
{
	struct loop *kept = loop, *own = loop_new();
	struct peer a, b;

	(void)state;
	loop = own;
	peer_pair(own, &a, &b, NULL);
	loop_free(own);
	assert_int_equal(a.closed, 1);
	assert_int_equal(b.closed, 1);
	loop = kept;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_unread_connection_stops_reading),
		cmocka_unit_test(a_slow_reader_costs_bounded_memory),
		cmocka_unit_test(a_paused_connection_reads_nothing),
		cmocka_unit_test(an_idle_connection_holds_no_buffer),
		cmocka_unit_test(writes_of_one_turn_leave_together),
		cmocka_unit_test(writing_to_the_dead_is_harmless),
		cmocka_unit_test(what_came_before_the_end_is_read),
		cmocka_unit_test(closing_sends_what_is_collected),
		cmocka_unit_test(aborting_does_not),
		cmocka_unit_test(a_peer_that_never_ends_is_left_after_a_second),
		cmocka_unit_test(closing_inside_callbacks_is_safe),
		cmocka_unit_test(an_end_is_told_and_closes_nothing),
		cmocka_unit_test(a_deadline_passes_once_and_can_be_moved),
		cmocka_unit_test(names_are_told),
		cmocka_unit_test(failing_to_connect_is_told_later),
		cmocka_unit_test(the_loop_ends_what_is_left),
	};

	return cmocka_run_group_tests(tests, make_loop, free_loop);
}
