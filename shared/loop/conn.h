#ifndef SHARED_LOOP_CONN_H
#define SHARED_LOOP_CONN_H
/*
 * One stream connection, plain or TLS, as both servers and clients use it.
 *
 * Reading    Pulled: on_readable says that there is more (or the end); the
 *            owner takes lines and bytes until it gets false. What was not taken
 *            stays; past `input_max` unread bytes the socket is not read further
 *            (back-pressure), and a line longer than its limit is an event of its own.
 * Writing    Collected and sent when the callback that writes returns, or by
 *            conn_flush(). Above `output_high` unsent bytes conn_congested() is true; on_drained comes
 *            when they are below a quarter of it. Nothing is ever dropped.
 * TLS        conn_start_tls() drops every plaintext byte that was read and not
 *            taken (STARTTLS injection, RFC 3207 section 6). Buffers of an idle
 *            connection are given back (16 KiB of OpenSSL's and all of ours).
 * Deflate    conn_start_deflate() compresses both directions from there on, below or without TLS (RFC 4978). input_max
 *            holds for what is inflated; input that is not deflate, or its end, is the end of the stream.
 * Closing    conn_close() at any time, also inside callbacks: sends what is
 *            collected (conn_abort() does not), then on_closed, once, last; after it the conn is gone. A peer that
 *            does not end as well is given a second after our last byte, so that a reset does not destroy it.
 *            A conn is always closed by its owner, never by itself: the end of the stream and errors come as
 *            on_readable with conn_ended() true.
 * Deadlines  One: conn_deadline(ms) from now; on_timeout when it passes; 0 takes it away.
 * Threads    The loop's only.
 */
#include "base/fault.h"
#include "base/slice.h"
#include "loop/loop.h"

struct conn;
struct tls_ctx;
struct tls_tlsa;
struct sockaddr;
struct arena;

struct conn_handler {
	void (*on_connected)(void *owner, enum fault, const struct why *); /* clients: connected, or not */
	void (*on_readable)(void *owner);
	void (*on_drained)(void *owner); /* may be NULL */
	/* handshake finished, or failed: close then. CLOSED: the peer went away; DENIED: its certificate is not right */
	void (*on_tls)(void *owner, enum fault, const struct why *);
	void (*on_timeout)(void *owner);
	void (*on_closed)(void *owner);
};

struct conn_conf {
	size_t input_max;   /* unread bytes kept, at least the longest line and its CRLF; 0: 64 KiB */
	size_t output_high; /* 0: 64 KiB */
};

/* Clients. on_connected follows, never from inside the call. `bind_addr` may be NULL. */
struct conn *conn_connect(struct loop *, const struct sockaddr *, const struct sockaddr *bind_addr,
                          const struct conn_conf *, const struct conn_handler *, void *owner);
/* A connected socket from elsewhere (socketpair in tests). Takes the descriptor over. */
struct conn *conn_from_fd(struct loop *, int fd, const struct conn_conf *, const struct conn_handler *,
                          void *owner);
/* Listeners hand out connections without an owner; this gives them one. */
void conn_own(struct conn *, const struct conn_conf *, const struct conn_handler *, void *owner);

/* A line without its CRLF. Valid until the next conn_ call on this conn, or until control is back in the loop. A bare
 * LF ends a line only where conn_bare_lf(true) allowed it; else it and a bare CR are bytes of the line. CONN_LONG: the
 * line has passed `max`; said once, as soon as it is known. Its bytes are swallowed up to its end and the next line
 * follows. */
enum conn_got { CONN_NONE, CONN_LINE, CONN_LONG };
enum conn_got conn_line(struct conn *, size_t max, struct slice *ret);
void conn_bare_lf(struct conn *, bool allowed);
/* Whatever is there, at most `max`; {NULL, 0} when nothing. conn_take() says how much of it was used. */
struct slice conn_peek(struct conn *, size_t max);
void conn_take(struct conn *, size_t len);
size_t conn_buffered(const struct conn *);   /* unread bytes held */
bool conn_ended(const struct conn *);        /* no more will come: peer closed, reset, or TLS failed */
void conn_pause(struct conn *, bool paused); /* stop or resume reading from the socket */

void conn_write(struct conn *, const void *data, size_t len);
void conn_puts(struct conn *, const char *text);
void conn_printf(struct conn *, const char *format, ...) PRINTF_LIKE(2, 3);
void conn_flush(struct conn *);
size_t conn_unsent(const struct conn *);
bool conn_congested(const struct conn *);

/* Server: `name` NULL. Client: `name` is the SNI name and, when the ctx verifies, the name to match. */
void conn_start_tls(struct conn *, struct tls_ctx *, const char *name);
/* Server, where TLS comes first: what is unread is the beginning of the handshake, behind a PROXY header. */
void conn_begin_tls(struct conn *, struct tls_ctx *);
/* Client: as above, but the TLSA records decide instead of authorities (DANE, RFC 7672): without a match on_tls says
 * DENIED, whatever the context says. False when no record is usable; nothing was started then. */
bool conn_start_tls_dane(struct conn *, struct tls_ctx *, const char *name, const struct tls_tlsa *,
                         size_t n);
bool conn_is_tls(const struct conn *); /* handshake finished */

struct conn_tls_info {
	const char *version; /* "TLSv1.3" */
	const char *cipher;
	const char *sni; /* "" when none */
	bool resumed, verified;
	const char *verify_error; /* "" when verified */
	int bits;
};
/* False before the handshake is finished. After a failed one verify_error is there all the same. */
bool conn_tls_info(const struct conn *, struct conn_tls_info *ret);
/* The addresses (rfc822Name in subjectAltName, RFC 5280) of the peer's certificate, when that is verified: at most
 * CONN_ADDRESSES_MAX, in its order. None otherwise. */
#define CONN_ADDRESSES_MAX 8
size_t conn_tls_addresses(const struct conn *, struct arena *, const struct slice **ret);
/* tls-exporter channel binding, RFC 9266. */
bool conn_tls_exporter(const struct conn *, uint8_t out[32]);

/* What was written before goes as it is; bytes unread are taken for compressed ones. Once. */
void conn_start_deflate(struct conn *);
/* What was written before goes compressed, what comes from now on is taken as it is: also what came behind the peer's
 * compressed stream, if it has ended that. */
void conn_stop_deflate(struct conn *);
bool conn_is_deflated(const struct conn *);

/* From now on `see` is told of all that is taken and written, before it is. NULL: no more. */
void conn_tap(struct conn *, void (*see)(void *arg, bool written, struct slice), void *arg);

void conn_deadline(struct conn *, int64_t ms);
void conn_close(struct conn *);
void conn_abort(struct conn *);

/* "192.0.2.1" or "2001:db8::1" (v4-mapped shown as v4), port; "local" for socketpairs and Unix sockets. */
const char *conn_peer_ip(const struct conn *);
uint16_t conn_peer_port(const struct conn *);
const char *conn_local_ip(const struct conn *);
void conn_set_peer(struct conn *, const char *ip, uint16_t port); /* PROXY protocol, XCLIENT */

#endif
