#ifndef SHARED_LOOP_CONN_INTERNAL_H
#define SHARED_LOOP_CONN_INTERNAL_H
/*
 * A connection's inside, shared by conn.c (its life), conn_input.c,
 * conn_output.c, conn_deflate.c and conn_tls.c; nobody else includes this.
 *
 * Invariants
 *   1. Callbacks of one connection never nest: they are made from libuv's
 *      callbacks and from conn->later, never from inside a conn_ call.
 *   2. After every callback, and after every conn_ call made elsewhere, comes
 *      conn_settle(): it sends, frees empty buffers, and starts or stops reading.
 *   3. Without unread or unsent bytes a connection holds no buffer.
 *
 * States, and who leaves them
 *   CONNECTING  on_connect(), conn_close()
 *   OPEN        conn_close(), conn_abort()
 *   SENDING     closed by its owner, bytes unsent: until they are sent, or SEND_MS
 *   LINGERING   all sent and shut down: until the peer ends too, or LINGER_MS. Closing
 *               earlier would let the kernel answer late input with a reset, which
 *               can destroy our last reply before the peer has read it.
 *   CLOSED      libuv's handles are closing; on_closed is the last thing to happen
 */
#include <netinet/in.h>
#include <uv.h>
#include "base/buf.h"
#include "loop/chain.h"
#include "loop/conn.h"
#include "loop/loop_internal.h"

#define IP_TEXT 46

enum conn_state { CONN_CONNECTING, CONN_OPEN, CONN_SENDING, CONN_LINGERING, CONN_CLOSED };

/* Reasons for conn->later, beyond settling. */
enum {
	ASK_CONNECTED = BIT(0), /* connecting failed at once, see connect_error */
	ASK_READABLE = BIT(1),
	ASK_DRAINED = BIT(2),
	ASK_TLS = BIT(3),  /* start the handshake */
	ASK_PULL = BIT(4), /* there is room again for what TLS or the inflater still hold */
};

struct conn_tls;
struct conn_deflate;

struct conn {
	struct loop *loop;
	struct list node; /* in loop->conns */
	const struct conn_handler *handler;
	void *owner;
	struct conn_conf conf;
	enum conn_state state;
	int open_handles;
	union {
		uv_handle_t handle;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} uv;
	uv_timer_t timer;
	int64_t deadline; /* loop_now() when it passes, 0: none */
	struct later later;
	unsigned asked;
	int connect_error;

	/* input */
	struct buf in;
	size_t in_at;   /* what is before was taken */
	size_t scanned; /* unread bytes that hold no end of line */
	bool bare_lf, skipping, paused, reading, ended;

	/* output */
	struct chain plain; /* waits for TLS to encrypt it */
	struct chain wire;
	uv_write_t *writing; /* holds the first `in_flight` bytes of wire */
	size_t in_flight;
	bool was_congested, broken;

	bool in_callback;
	struct conn_tls *tls;
	struct conn_deflate *deflate;
	void (*tap)(void *arg, bool written, struct slice);
	void *tap_arg;
	char peer_ip[IP_TEXT], local_ip[IP_TEXT];
	uint16_t peer_port;
};

/* conn.c */
enum conn_event { EVENT_READABLE, EVENT_DRAINED, EVENT_TIMEOUT };
void conn_tell(struct conn *, enum conn_event);
void conn_tell_tls(struct conn *, enum fault, const struct why *);
void conn_ask(struct conn *, unsigned what);
void conn_touch(struct conn *); /* something changed: settle, unless a callback's end does */
void conn_settle(struct conn *);
void conn_sent(struct conn *); /* `wire` is empty */
void conn_finish(struct conn *);
static inline bool conn_live(const struct conn *conn)
{
	return conn->state <= CONN_OPEN;
}

/* conn_input.c */
static inline struct slice conn_unread(const struct conn *conn)
{
	if (!conn->in.data)
		return slice_of(NULL, 0);
	return slice_of(conn->in.data + conn->in_at, conn->in.len - conn->in_at);
}
uint8_t *conn_input_room(struct conn *, size_t len);
void conn_input_drop(struct conn *); /* everything unread */
void conn_input_trim(struct conn *);
void conn_input_end(struct conn *);
void conn_regulate(struct conn *); /* read from the socket, or not */

/* conn_output.c */
void conn_send(struct conn *);
void conn_output_drop(struct conn *);

/* conn_deflate.c */
bool conn_pull(struct conn *); /* input from what is held below: true when that was anything */
bool conn_holds(const struct conn *);
void conn_deflate_feed(struct conn *, struct slice raw); /* from the socket */
struct buf *conn_deflate_packed(struct conn *);          /* TLS decrypts to here */
void conn_deflate_drop(struct conn *);                   /* everything not yet inflated */
void conn_deflate_add(struct conn *, struct slice);
void conn_deflate_flush(struct conn *); /* to plain or wire */
void conn_deflate_free(struct conn *);

/* conn_tls.c */
void conn_tls_feed(struct conn *, struct slice raw); /* from the socket */
void conn_tls_begin(struct conn *);
bool conn_tls_pull(struct conn *); /* decrypts as much as there is room for: true when that was anything */
bool conn_tls_holds(const struct conn *); /* received, not yet decrypted */
bool conn_tls_starting(const struct conn *);
void conn_tls_cut(struct conn *);     /* the peer ended before the handshake did */
void conn_tls_encrypt(struct conn *); /* plain to wire */
void conn_tls_goodbye(struct conn *);
void conn_tls_free(struct conn *);

#endif
