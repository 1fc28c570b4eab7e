#ifndef TESTS_LOOP_TLS_PAIR_H
#define TESTS_LOOP_TLS_PAIR_H
/* Three certificates, a server that has them, clients that do or do not look, and pairs of TLS connections. */
#include <stdlib.h>
#include <unistd.h>
#include "loop/tls.h"
#include "shared/loop/certs.h"
#include "shared/loop/peer.h"

static struct loop *loop;
static char folder[] = "/tmp/tls-XXXXXX";
static struct cert_files mx, alt, wild;
static struct tls_ctx *server, *anybody, *trusts_mx;

static inline struct tls_ctx *client_ctx(bool verify, const char *ca_file)
{
	struct tls_client_conf conf = { .verify = verify, .ca_file = ca_file };
	struct tls_ctx *ctx = NULL;
	struct why why;

	if (tls_client_new(&conf, &ctx, &why))
		fail_msg("%s", why.text);
	return ctx;
}

static inline struct tls_ctx *server_ctx(const struct tls_cert *certs, size_t n)
{
	struct tls_ctx *ctx = NULL;
	struct why why;

	if (tls_server_new(certs, n, &ctx, &why))
		fail_msg("%s", why.text);
	return ctx;
}

static inline int tls_make(void **state)
{
	(void)state;
	loop = loop_new();
	if (!mkdtemp(folder))
		return -1;
	mx = cert_make(folder, "mx", "mx.example.org");
	alt = cert_make(folder, "alt", "mail.example.net");
	wild = cert_make(folder, "wild", "*.example.com");
	server = server_ctx(
	    (struct tls_cert[]){
	        { "mail.example.net", alt.cert, alt.key },
	        { NULL, mx.cert, mx.key },
	        { "*.example.com", wild.cert, wild.key },
	    },
	    3);
	anybody = client_ctx(false, mx.cert);
	trusts_mx = client_ctx(true, mx.cert);
	return 0;
}

static inline int tls_clean(void **state)
{
	(void)state;
	tls_free(server);
	tls_free(anybody);
	tls_free(trusts_mx);
	tls_free(NULL);
	loop_free(loop);
	cert_remove(&mx);
	cert_remove(&alt);
	cert_remove(&wild);
	return rmdir(folder);
}

/* `a` is the client, `b` the server. */
static inline void start_pair(struct peer *a, struct peer *b, const struct conn_conf *conf,
                              struct tls_ctx *client, const char *name)
{
	peer_pair(loop, a, b, conf);
	conn_start_tls(b->conn, server, NULL);
	conn_start_tls(a->conn, client, name);
}

static inline void tls_pair(struct peer *a, struct peer *b, const struct conn_conf *conf)
{
	start_pair(a, b, conf, anybody, "mx.example.org");
	assert_true(WAIT_FOR(loop, a->tls && b->tls));
	assert_int_equal(a->tls_fault, FAULT_NONE);
	assert_int_equal(b->tls_fault, FAULT_NONE);
}

#endif
