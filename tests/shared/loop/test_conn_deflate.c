/* Compressed connections, with and without TLS: what comes out, in what memory, and what hostile input does. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <malloc.h>
#include <zlib.h>

#include "base/rand.h"
#include "loop/deflate.h"
#include "shared/loop/tls_pair.h"

#define MOST 4000 /* one piece of a test's text, compressed */

/* -- a peer that compresses by itself -- */

static void deflate_start(z_stream *z)
{
	*z = (z_stream){ 0 };
	assert_int_equal(deflateInit2(z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
}

static size_t deflate_text(z_stream *z, const char *text, int flush, uint8_t out[MOST])
{
	z->next_in = (Bytef *)text;
	z->avail_in = (uInt)strlen(text);
	z->next_out = out;
	z->avail_out = MOST;
	deflate(z, flush);
	assert_true(z->avail_in == 0 && z->avail_out > 0);
	return MOST - z->avail_out;
}

/* `b` inflates; `a` says what it likes. */
static void half_pair(struct peer *a, struct peer *b, const struct conn_conf *conf)
{
	peer_pair(loop, a, b, conf);
	assert_false(conn_is_deflated(b->conn));
	conn_start_deflate(b->conn);
	assert_true(conn_is_deflated(b->conn));
}

static void every_flush_is_heard_at_once(void **state)
{
	static const int flushes[] = { Z_SYNC_FLUSH, Z_PARTIAL_FLUSH, Z_FULL_FLUSH };
	uint8_t out[MOST];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(flushes); i++) {
		struct peer a, b;
		z_stream z;
		size_t len;

		deflate_start(&z);
		half_pair(&a, &b, NULL);
		len = deflate_text(&z, "a NOOP\r\n", flushes[i], out);
		conn_write(a.conn, out, len);
		assert_true(WAIT_FOR(loop, peer_got(&b, "a NOOP\r\n")));
		len = deflate_text(&z, "b NOOP\r\n", flushes[i], out);
		for (size_t at = 0; at < len; at++) {
			conn_write(a.conn, out + at, 1);
			conn_flush(a.conn);
			loop_step(loop, 0);
		}
		assert_true(WAIT_FOR(loop, peer_got(&b, "a NOOP\r\nb NOOP\r\n")));
		deflateEnd(&z);
		peer_end(loop, &a, &b);
	}
}

static void what_came_before_is_taken_for_compressed(void **state)
{
	uint8_t out[MOST];
	struct peer a, b;
	z_stream z;

	(void)state;
	deflate_start(&z);
	peer_pair(loop, &a, &b, NULL);
	b.hold = true;
	conn_write(a.conn, out, deflate_text(&z, "b NOOP\r\n", Z_SYNC_FLUSH, out));
	assert_true(WAIT_FOR(loop, conn_buffered(b.conn)));
	b.hold = false;
	conn_start_deflate(b.conn);
	assert_true(WAIT_FOR(loop, peer_got(&b, "b NOOP\r\n")));
	deflateEnd(&z);
	peer_end(loop, &a, &b);
}

static void nonsense_ends_the_stream(void **state)
{
	static const char *const cases[] = { "a NOOP\r\n", "\377\377\377\377", "\006\007" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct peer a, b;

		half_pair(&a, &b, NULL);
		conn_puts(a.conn, cases[i]);
		assert_true(WAIT_FOR(loop, conn_ended(b.conn)));
		assert_true(b.readable > 0);
		conn_puts(a.conn, "more of it");
		conn_flush(a.conn);
		loop_step(loop, 10);
		assert_int_equal(conn_buffered(b.conn), 0);
		conn_close(b.conn);
		assert_true(WAIT_FOR(loop, b.closed));
		peer_end(loop, &a, &b);
	}
}

static void the_end_comes_behind_the_rest(void **state)
{
	struct conn_conf conf = { .input_max = 100 };
	uint8_t out[MOST];
	char text[3000];
	struct peer a, b;
	size_t taken = 0;
	z_stream z;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	deflate_start(&z);
	half_pair(&a, &b, &conf);
	b.hold = true;
	conn_write(a.conn, out, deflate_text(&z, text, Z_FINISH, out));
	conn_close(a.conn);
	while (taken < sizeof(text) - 1) {
		struct slice some = conn_peek(b.conn, 70);

		taken += some.len;
		conn_take(b.conn, some.len);
		assert_true(conn_buffered(b.conn) <= conf.input_max);
		loop_step(loop, some.len ? 0 : 10);
	}
	assert_true(WAIT_FOR(loop, conn_ended(b.conn)));
	assert_int_equal(conn_buffered(b.conn), 0);
	deflateEnd(&z);
	peer_end(loop, &a, &b);
}

/* 200 MB in 200 KB: they cost input_max, however slowly they are taken. */
/* Behind the stream's end, or where both sides wait for each other; whether the peer says where it ends, or not. */
static void it_can_be_stopped(void **state)
{
	static const struct {
		int flush;
		bool at_once; /* what is not compressed comes with what is */
	} cases[] = { { Z_FINISH, true }, { Z_FINISH, false }, { Z_SYNC_FLUSH, false } };
	uint8_t out[MOST];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct peer a, b;
		z_stream z;

		deflate_start(&z);
		half_pair(&a, &b, NULL);
		conn_write(a.conn, out, deflate_text(&z, "a STOP\r\n", cases[i].flush, out));
		if (cases[i].at_once)
			conn_write(a.conn, "b NOOP\r\n", 8);
		assert_true(WAIT_FOR(loop, peer_got(&b, "a STOP\r\n")));
		conn_stop_deflate(b.conn);
		conn_stop_deflate(b.conn); /* it is off */
		assert_false(conn_is_deflated(b.conn));
		if (!cases[i].at_once)
			conn_write(a.conn, "b NOOP\r\n", 8);
		assert_true(WAIT_FOR(loop, peer_got(&b, "a STOP\r\nb NOOP\r\n")));
		conn_write(b.conn, "c", 1);
		assert_true(WAIT_FOR(loop, peer_got(&a, "c")));
		deflateEnd(&z);
		peer_end(loop, &a, &b);
	}
}

static void a_bomb_is_inflated_as_it_is_taken(void **state)
{
	enum { BLOCK = 1 << 20, BLOCKS = 200 };
	static uint8_t zeros[BLOCK], bomb[2 * BLOCK];
	struct conn_conf conf = { .input_max = 1 << 16 };
	size_t heap, most = 0, taken = 0;
	struct peer a, b;
	z_stream z;

	(void)state;
	deflate_start(&z);
	z.next_out = bomb;
	z.avail_out = sizeof(bomb);
	for (int i = 0; i < BLOCKS; i++) {
		z.next_in = zeros;
		z.avail_in = BLOCK;
		deflate(&z, Z_SYNC_FLUSH);
	}
	half_pair(&a, &b, &conf);
	b.hold = true;
	conn_write(a.conn, bomb, sizeof(bomb) - z.avail_out);
	deflateEnd(&z);
	heap = mallinfo2().uordblks;
	while (taken < (size_t)BLOCK * BLOCKS) {
		struct slice some = conn_peek(b.conn, SIZE_MAX);

		taken += some.len;
		assert_true(conn_buffered(b.conn) <= conf.input_max);
		conn_take(b.conn, some.len);
		most = MAX_OF(most, mallinfo2().uordblks);
		loop_step(loop, some.len ? 0 : 10);
	}
	assert_true(most < heap + 400 * 1024);
	peer_end(loop, &a, &b);
}

/* -- both ends ours -- */

static void deflated_pair(struct peer *a, struct peer *b, const struct conn_conf *conf, bool tls)
{
	if (tls)
		tls_pair(a, b, conf);
	else
		peer_pair(loop, a, b, conf);
	conn_start_deflate(a->conn);
	conn_start_deflate(b->conn);
}

static void both_directions_carry_everything(void **state)
{
	(void)state;
	for (int tls = 0; tls < 2; tls++) {
		struct conn_conf conf = { .input_max = 5000 };
		struct peer a, b;
		struct buf said;

		buf_init(&said, BUF_NO_LIMIT);
		deflated_pair(&a, &b, &conf, tls);
		for (unsigned i = 0; i < 30000; i++)
			buf_printf(&said, "* %u FETCH (FLAGS (\\Seen) X %u)\r\n", i, i * 2654435761U);
		conn_write(a.conn, said.data, said.len);
		conn_write(b.conn, said.data, said.len);
		assert_true(conn_unsent(a.conn) < said.len);
		assert_true(WAIT_FOR(loop, a.got.len >= said.len && b.got.len >= said.len));
		assert_true(slice_eq(buf_slice(&a.got), buf_slice(&said)));
		assert_true(slice_eq(buf_slice(&b.got), buf_slice(&said)));
		conn_puts(a.conn, "the last word");
		conn_close(a.conn);
		assert_true(WAIT_FOR(loop, conn_ended(b.conn)));
		assert_int_equal(b.got.len, said.len + strlen("the last word"));
		buf_done(&said);
		peer_end(loop, &a, &b);
	}
}

/* STARTTLS goes below: its answer leaves before the handshake, and what follows is both. */
static void tls_may_start_below(void **state)
{
	struct peer a, b;

	(void)state;
	deflated_pair(&a, &b, NULL, false);
	conn_puts(b.conn, "a OK begin\r\n");
	conn_start_tls(b.conn, server, NULL);
	assert_true(WAIT_FOR(loop, peer_got(&a, "a OK begin\r\n")));
	conn_start_tls(a.conn, anybody, "mx.example.org");
	assert_true(WAIT_FOR(loop, a.tls && b.tls));
	conn_puts(a.conn, "b NOOP\r\n");
	assert_true(WAIT_FOR(loop, peer_got(&b, "b NOOP\r\n")));
	conn_puts(b.conn, "b OK\r\n");
	assert_true(WAIT_FOR(loop, peer_got(&a, "a OK begin\r\nb OK\r\n")));
	peer_end(loop, &a, &b);
}

#ifdef __SANITIZE_ADDRESS__
#define ALLOCATOR_IS_ITS_OWN true
#else
#define ALLOCATOR_IS_ITS_OWN false
#endif

/* What the peer refers to is there behind a rest, far back too; where the stream allows no rest it goes on as well. */
static void history_outlives_a_rest(void **state)
{
	static const int flushes[] = { Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_PARTIAL_FLUSH, Z_BLOCK };
	enum { PIECES = 40, PIECE = 3000 };
	static char pieces[PIECES][PIECE + 1];
	static uint8_t got[2 * PIECES * PIECE + 1];

	(void)state;
	rand_start();
	for (size_t i = 0; i < PIECES; i++) /* each says again half of one that was eight pieces ago */
		for (size_t c = 0; c < PIECE; c++)
			pieces[i][c] = i >= 8 && c < PIECE / 2 ? pieces[i - 8][PIECE - 1 - c % 900]
			                                       : (char)('a' + rand_below(26));
	for (size_t f = 0; f < ARRAY_LEN(flushes); f++) {
		struct inflater *inflater = inflater_new();
		uint8_t packed[MOST];
		size_t n = 0;
		z_stream z;

		deflate_start(&z);
		inflater_rest(inflater);
		for (size_t i = 0; i < 2 * PIECES; i++) {
			struct slice rest = { packed, 0 };

			rest.len = deflate_text(&z, pieces[i % PIECES], flushes[f], packed);
			while (rest.len || inflater_holds(inflater))
				n += inflater_run(inflater, &rest, got + n, MIN_OF(sizeof(got) - n, 1000));
			inflater_rest(inflater);
			inflater_rest(inflater);
			assert_false(inflater_over(inflater));
			if (flushes[f] == Z_SYNC_FLUSH || flushes[f] == Z_FULL_FLUSH)
				assert_int_equal(n, (i + 1) * PIECE);
		}
		for (size_t i = 0; i < n; i += PIECE)
			assert_memory_equal(got + i, pieces[i / PIECE % PIECES],
			                    MIN_OF(n - i, (size_t)PIECE));
		deflateEnd(&z);
		inflater_free(inflater);
	}
}

static void an_idle_connection_is_small_and_goes_on(void **state)
{
	enum { COUNT = 50 };
	static struct peer ends[2 * COUNT];
	size_t heap, busy, idle;
	int64_t until;

	(void)state;
	if (ALLOCATOR_IS_ITS_OWN)
		skip();
	for (int i = 0; i < COUNT; i++)
		peer_pair(loop, &ends[2 * i], &ends[2 * i + 1], NULL);
	loop_step(loop, 0);
	heap = mallinfo2().uordblks;
	for (int i = 0; i < 2 * COUNT; i++) {
		conn_start_deflate(ends[i].conn);
		conn_puts(ends[i].conn, "* OK Still here\r\n");
	}
	for (int i = 0; i < 2 * COUNT; i++)
		assert_true(WAIT_FOR(loop, peer_got(&ends[i], "* OK Still here\r\n")));
	busy = (mallinfo2().uordblks - heap) / (2 * COUNT);
	for (until = clock_mono_ms() + 6000; clock_mono_ms() < until;)
		loop_step(loop, 100);
	idle = (mallinfo2().uordblks - heap) / (2 * COUNT);
	print_message("             %zu bytes of heap for compression, %zu when idle\n", busy, idle);
	assert_in_range(busy, 100 * 1024, 160 * 1024);
	assert_in_range(idle, 200, 4 * 1024);
	for (int i = 0; i < COUNT; i++) {
		conn_puts(ends[2 * i].conn, "a NOOP\r\n");
		assert_true(WAIT_FOR(loop, peer_got(&ends[2 * i + 1], "* OK Still here\r\na NOOP\r\n")));
		peer_end(loop, &ends[2 * i], &ends[2 * i + 1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_flush_is_heard_at_once),
		cmocka_unit_test(what_came_before_is_taken_for_compressed),
		cmocka_unit_test(nonsense_ends_the_stream),
		cmocka_unit_test(the_end_comes_behind_the_rest),
		cmocka_unit_test(it_can_be_stopped),
		cmocka_unit_test(a_bomb_is_inflated_as_it_is_taken),
		cmocka_unit_test(both_directions_carry_everything),
		cmocka_unit_test(tls_may_start_below),
		cmocka_unit_test(history_outlives_a_rest),
		cmocka_unit_test(an_idle_connection_is_small_and_goes_on),
	};

	return cmocka_run_group_tests(tests, tls_make, tls_clean);
}
