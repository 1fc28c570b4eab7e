#ifndef SHARED_LOOP_TLS_INTERNAL_H
#define SHARED_LOOP_TLS_INTERNAL_H
/* What conn_tls.c needs of a context; nobody else includes this. */
#include <openssl/ssl.h>
#include "loop/tls.h"

/* A new session, ready for its handshake. NULL: `name` is not a host name. It outlives the context's reloads and end. */
SSL *tls_session(struct tls_ctx *, const char *name);
/* The same, authenticated by TLSA records. NULL also when none is usable. */
SSL *tls_session_dane(struct tls_ctx *, const char *name, const struct tls_tlsa *, size_t n);

#endif
