#ifndef SHARED_LOOP_TLS_H
#define SHARED_LOOP_TLS_H
/*
 * TLS contexts (OpenSSL). A server context holds a default certificate and any
 * number by name (SNI); tls_reload() reads the files again and new handshakes
 * use the new ones, a failed reload keeps the old. TLS 1.2 at least, no
 * renegotiation, tickets on, released buffers.
 */
#include "base/fault.h"
#include "base/slice.h"
#include "loop/loop.h"

struct tls_ctx;

struct tls_cert {
	const char *name; /* SNI name, or "*.example.org"; NULL: the default */
	const char *cert_file, *key_file;
};

MUST_CHECK enum fault tls_server_new(const struct tls_cert *, size_t n, struct tls_ctx **ret, struct why *);
/* From now on clients are asked for a certificate, and conn_tls_info() says `verified` of those that lead to one of the
 * file's authorities (PEM) and are meant for clients; whoever has none, or another, is let in all the same. With
 * revocation lists in the file each of its authorities needs one. */
MUST_CHECK enum fault tls_ask_clients(struct tls_ctx *, const char *ca_file, struct why *);
MUST_CHECK enum fault tls_reload(struct tls_ctx *, struct why *);
/* Reloads when a file's mtime or inode changes; looks every `ms`. Logs through `on_reload` (fault NONE on success). */
void tls_watch(struct tls_ctx *, struct loop *, int64_t ms,
               void (*on_reload)(void *arg, enum fault, const struct why *), void *arg);

struct tls_client_conf {
	bool verify;         /* chain and name must be right, or the handshake fails */
	const char *ca_file; /* NULL: the system's */
	bool old_peers;      /* SECLEVEL 1: opportunistic TLS only */
};
MUST_CHECK enum fault tls_client_new(const struct tls_client_conf *, struct tls_ctx **ret, struct why *);
/* One TLSA record (RFC 6698), for conn_start_tls_dane(). */
struct tls_tlsa {
	uint8_t usage, selector, matching;
	struct slice data;
};

void tls_free(struct tls_ctx *); /* NULL accepted */

#endif
