/*
 * TLS on a connection. OpenSSL sits between the socket and the input buffer
 * through a BIO of ours, so that nothing is copied on its account: it reads
 * ciphertext where the socket read put it and writes to the end of `wire`.
 *
 * Promise: not one plaintext byte read before the handshake is seen after it
 * (RFC 3207 section 6, RFC 9051 section 6.2.1).
 */
#include "loop/conn_internal.h"

#include <assert.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "base/arena.h"
#include "loop/tls_internal.h"

#define RECORD_SIZE (16 * 1024)

struct conn_tls {
	SSL *ssl;
	struct slice src; /* ciphertext OpenSSL may read now */
	struct buf raw;   /* ciphertext that waits for room in the input buffer, less than one read */
	bool up, failed;
};

/* -- the BIO -- */

static int bio_read(BIO *bio, char *out, int len)
{
	struct conn_tls *tls = ((struct conn *)BIO_get_data(bio))->tls;
	size_t part = MIN_OF(tls->src.len, (size_t)MAX_OF(len, 0));

	BIO_clear_retry_flags(bio);
	if (!part) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(out, tls->src.data, part);
	tls->src = slice_from(tls->src, part);
	return (int)part;
}

static int bio_write(BIO *bio, const char *data, int len)
{
	struct conn *conn = BIO_get_data(bio);

	BIO_clear_retry_flags(bio);
	if (!conn->broken && len > 0)
		chain_add(&conn->wire, data, (size_t)len);
	return len;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio, (void)number, (void)pointer;
	return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
	bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "conn");
	if (!bio_method)
		abort();
	BIO_meth_set_read(bio_method, bio_read);
	BIO_meth_set_write(bio_method, bio_write);
	BIO_meth_set_ctrl(bio_method, bio_ctrl);
}

static BIO *bio_new(struct conn *conn)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	BIO *bio;

	pthread_once(&once, make_bio_method);
	bio = BIO_new(bio_method);
	if (!bio)
		abort();
	BIO_set_data(bio, conn);
	BIO_set_init(bio, 1);
	return bio;
}

/* -- the handshake -- */

/* `first`: what came of the handshake already. */
static void attach(struct conn *conn, SSL *ssl, struct slice first)
{
	BIO *bio;

	assert(!conn->tls && conn_live(conn));
	if (conn->deflate)
		conn_deflate_flush(conn); /* what answers STARTTLS goes before it */
	conn->tls = xzalloc(sizeof(*conn->tls));
	buf_init(&conn->tls->raw, first.len + 2 * READ_SIZE);
	buf_add_slice(&conn->tls->raw, first);
	conn_input_drop(conn);
	conn->tls->ssl = ssl;
	if (ssl) {
		bio = bio_new(conn);
		SSL_set_bio(ssl, bio, bio);
	}
	conn_ask(conn, ASK_TLS);
}

void conn_start_tls(struct conn *conn, struct tls_ctx *ctx, const char *name)
{
	if (conn_live(conn))
		attach(conn, tls_session(ctx, name), slice_of(NULL, 0));
}

void conn_begin_tls(struct conn *conn, struct tls_ctx *ctx)
{
	if (conn_live(conn))
		attach(conn, tls_session(ctx, NULL), conn_unread(conn));
}

bool conn_start_tls_dane(struct conn *conn, struct tls_ctx *ctx, const char *name,
                         const struct tls_tlsa *records, size_t n)
{
	SSL *ssl = conn_live(conn) ? tls_session_dane(ctx, name, records, n) : NULL;

	if (ssl)
		attach(conn, ssl, slice_of(NULL, 0));
	return ssl;
}

static enum fault handshake_fault(struct conn_tls *tls, struct why *why)
{
	unsigned long error = ERR_peek_error();
	long verify = SSL_get_verify_result(tls->ssl);
	const char *reason = error ? ERR_reason_error_string(error) : NULL;

	if (ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED)
		return fault_set(why, FAULT_DENIED, "TLS certificate refused: %s",
		                 X509_verify_cert_error_string(verify));
	return fault_set(why, FAULT_TEMP, "TLS handshake: %s", reason ? reason : "protocol error");
}

static enum fault handshake(struct conn *conn, struct why *why)
{
	struct conn_tls *tls = conn->tls;
	int done, error;

	ERR_clear_error();
	done = SSL_do_handshake(tls->ssl);
	if (done == 1) {
		tls->up = true;
		return FAULT_NONE;
	}
	error = SSL_get_error(tls->ssl, done);
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return FAULT_NONE;
	tls->failed = conn->ended = true;
	return handshake_fault(tls, why);
}

/* -- reading -- */

static void stopped(struct conn *conn, int error)
{
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return;
	conn->tls->failed = error != SSL_ERROR_ZERO_RETURN;
	conn->ended = true;
	conn->tls->src = slice_of(NULL, 0);
}

/* For what is decrypted: it goes to the owner, or is inflated first. */
static size_t space_for(struct conn *conn)
{
	if (conn->deflate)
		return RECORD_SIZE - MIN_OF(conn_deflate_packed(conn)->len, (size_t)RECORD_SIZE);
	return conn->conf.input_max - conn_unread(conn).len;
}

/* True when there was anything. */
static bool decrypt(struct conn *conn)
{
	struct conn_tls *tls = conn->tls;
	struct buf *into = conn->deflate ? conn_deflate_packed(conn) : &conn->in;
	size_t held, room;
	bool got = false;

	while (!conn->ended && (room = space_for(conn))) {
		uint8_t *out;
		int len;

		held = tls->src.len + (size_t)SSL_pending(tls->ssl);
		if (!held)
			break;
		/* what OpenSSL holds of an unfinished record comes on top of `held`: a next turn asks for it */
		room = MIN_OF(room, MAX_OF((size_t)512, MIN_OF(held, (size_t)RECORD_SIZE)));
		out = conn->deflate ? buf_room(into, room) : conn_input_room(conn, room);
		ERR_clear_error();
		len = SSL_read(tls->ssl, out, (int)room);
		if (len <= 0) {
			stopped(conn, SSL_get_error(tls->ssl, len));
			continue;
		}
		into->len += (size_t)len;
		got = true;
	}
	return got;
}

/* What was not read of `src` is kept: the loop's read buffer is the next connection's. */
static void keep_rest(struct conn_tls *tls)
{
	if (tls->raw.len)
		buf_consume(&tls->raw, tls->raw.len - tls->src.len);
	else
		buf_add_slice(&tls->raw, tls->src);
	if (!tls->raw.len)
		buf_done(&tls->raw);
	tls->src = slice_of(NULL, 0);
}

static void advance(struct conn *conn)
{
	struct conn_tls *tls = conn->tls;
	struct why why = { "" };
	enum fault fault = FAULT_NONE;
	bool was_up = tls->up, got = false;

	if (!tls->up)
		fault = handshake(conn, &why);
	if (tls->up)
		got = decrypt(conn);
	keep_rest(tls);
	if (got && conn->deflate)
		got = conn_pull(conn);
	if (!was_up && (tls->up || fault))
		conn_tell_tls(conn, fault, &why);
	if (tls->up && (got || conn->ended))
		conn_tell(conn, EVENT_READABLE);
	conn_settle(conn);
}

void conn_tls_feed(struct conn *conn, struct slice data)
{
	struct conn_tls *tls = conn->tls;

	if (tls->failed)
		return;
	tls->src = data;
	if (tls->raw.len) {
		buf_add_slice(&tls->raw, data);
		tls->src = buf_slice(&tls->raw);
	}
	advance(conn);
}

void conn_tls_begin(struct conn *conn)
{
	struct conn_tls *tls = conn->tls;
	struct why why;

	if (conn->ended) {
		conn_tls_cut(conn);
	} else if (!tls->ssl) {
		tls->failed = conn->ended = true;
		conn_tell_tls(
		    conn, fault_set(&why, FAULT_INPUT, "TLS handshake: the peer's name is not a host name"),
		    &why);
	} else if (!tls->up) {
		tls->src = buf_slice(&tls->raw);
		advance(conn);
	}
}

void conn_tls_cut(struct conn *conn)
{
	struct why why;

	conn->tls->failed = true;
	conn_tell_tls(conn, fault_set(&why, FAULT_CLOSED, "TLS handshake: the peer closed the connection"),
	              &why);
}

bool conn_tls_holds(const struct conn *conn)
{
	const struct conn_tls *tls = conn->tls;

	return tls && tls->up && !conn->ended && (tls->raw.len || SSL_pending(tls->ssl) > 0);
}

bool conn_tls_starting(const struct conn *conn)
{
	return conn->tls && !conn->tls->up && !conn->tls->failed;
}

bool conn_tls_pull(struct conn *conn)
{
	bool got;

	if (!conn_tls_holds(conn))
		return false;
	conn->tls->src = buf_slice(&conn->tls->raw);
	got = decrypt(conn);
	keep_rest(conn->tls);
	if (conn->ended)
		conn_ask(conn, ASK_READABLE);
	return got;
}

/* -- writing -- */

void conn_tls_encrypt(struct conn *conn)
{
	struct conn_tls *tls = conn->tls;

	while (tls->up && !tls->failed && conn->plain.bytes) {
		struct slice run;
		size_t bytes;
		int len, error;

		chain_runs(&conn->plain, &run, 1, &bytes);
		ERR_clear_error();
		len = SSL_write(tls->ssl, run.data, (int)MIN_OF(run.len, (size_t)INT_MAX));
		if (len > 0) {
			chain_drop(&conn->plain, (size_t)len);
			continue;
		}
		error = SSL_get_error(tls->ssl, len);
		if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
			return;
		stopped(conn, error);
		chain_drop(&conn->plain, conn->plain.bytes);
		conn_ask(conn, ASK_READABLE);
	}
}

void conn_tls_goodbye(struct conn *conn)
{
	struct conn_tls *tls = conn->tls;

	conn_tls_encrypt(conn);
	chain_drop(&conn->plain, conn->plain.bytes);
	if (!tls->up || tls->failed)
		return;
	ERR_clear_error();
	SSL_shutdown(tls->ssl);
}

void conn_tls_free(struct conn *conn)
{
	if (!conn->tls)
		return;
	SSL_free(conn->tls->ssl);
	buf_done(&conn->tls->raw);
	free(conn->tls);
	conn->tls = NULL;
}

/* -- what was agreed -- */

bool conn_is_tls(const struct conn *conn)
{
	return conn->tls && conn->tls->up;
}

bool conn_tls_info(const struct conn *conn, struct conn_tls_info *ret)
{
	const char *sni;
	long verify;
	SSL *ssl;

	if (!conn->tls || !conn->tls->ssl)
		return false;
	ssl = conn->tls->ssl;
	verify = SSL_get_verify_result(ssl);
	sni = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	*ret = (struct conn_tls_info){
		.version = SSL_get_version(ssl),
		.cipher = SSL_get_cipher_name(ssl),
		.sni = sni ? sni : "",
		.resumed = SSL_session_reused(ssl),
		.verified = SSL_get0_peer_certificate(ssl) && verify == X509_V_OK,
		.bits = SSL_get_cipher_bits(ssl, NULL),
	};
	ret->verify_error = ret->verified ? ""
	                    : verify      ? X509_verify_cert_error_string(verify)
	                                  : "no certificate";
	return conn->tls->up;
}

/* IA5String: what holds a NUL or other bytes is nobody's address. */
static bool is_address(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] <= 0x20 || text.data[i] >= 0x7f)
			return false;
	return text.len > 0;
}

static size_t addresses_of(const GENERAL_NAMES *names, struct arena *arena, struct slice *out)
{
	size_t n = 0;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && n < CONN_ADDRESSES_MAX; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		struct slice text;

		if (name->type != GEN_EMAIL)
			continue;
		text = slice_of(ASN1_STRING_get0_data(name->d.rfc822Name),
		                (size_t)ASN1_STRING_length(name->d.rfc822Name));
		if (is_address(text))
			out[n++] = arena_copy(arena, text);
	}
	return n;
}

size_t conn_tls_addresses(const struct conn *conn, struct arena *arena, const struct slice **ret)
{
	struct slice *list;
	struct conn_tls_info info;
	GENERAL_NAMES *names;
	size_t n;

	*ret = NULL;
	if (!conn_tls_info(conn, &info) || !info.verified)
		return 0;
	names = X509_get_ext_d2i(SSL_get0_peer_certificate(conn->tls->ssl), NID_subject_alt_name, NULL, NULL);
	if (!names)
		return 0;
	list = arena_array(arena, struct slice, CONN_ADDRESSES_MAX);
	n = addresses_of(names, arena, list);
	GENERAL_NAMES_free(names);
	*ret = list;
	return n;
}

bool conn_tls_exporter(const struct conn *conn, uint8_t out[32])
{
	static const char label[] = "EXPORTER-Channel-Binding";

	SSL *ssl;

	if (!conn_is_tls(conn))
		return false;
	ssl = conn->tls->ssl;
	/* without the extended master secret TLS 1.2 binds nothing (RFC 9266 section 4.2) */
	return (SSL_version(ssl) >= TLS1_3_VERSION || SSL_get_extms_support(ssl) == 1) &&
	       SSL_export_keying_material(ssl, out, 32, label, sizeof(label) - 1, NULL, 0, 0) == 1;
}
