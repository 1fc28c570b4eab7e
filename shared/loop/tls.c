/*
 * TLS contexts. A server's certificates are one SSL_CTX each; the default's
 * carries the options, the ticket keys, and the list of the others, which its
 * servername callback reads. Reloading builds all of them anew and swaps one
 * pointer: connections hold references to what they were made with, and the
 * list lives and dies with the default SSL_CTX it hangs on.
 *
 * Promise: a context that was once good never becomes bad by a reload.
 */
#include "loop/tls_internal.h"

#include <arpa/inet.h>
#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/slice.h"
#include "loop/timer.h"

/* What tells one version of a file from the next. */
struct stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
};

struct source {
	char *name; /* NULL: the default */
	char *cert_file, *key_file;
	struct stamp stamps[2];
};

struct tls_ctx {
	SSL_CTX *ssl;
	bool server;
	struct source *sources; /* the server's */
	size_t n;
	char *client_ca; /* NULL: nobody is asked */
	struct stamp ca_stamp;
	struct timer *watch;
	void (*on_reload)(void *arg, enum fault, const struct why *);
	void *arg;
};

/* -- the certificates by name, owned by the default SSL_CTX -- */

struct named {
	char *name;
	SSL_CTX *ssl;
};

struct names {
	size_t n;
	struct named of[];
};

static int names_index;

static void free_names(void *parent, void *object, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
	struct names *names = object;

	(void)parent, (void)data, (void)index, (void)argl, (void)argp;
	for (size_t i = 0; names && i < names->n; i++) {
		SSL_CTX_free(names->of[i].ssl);
		free(names->of[i].name);
	}
	free(names);
}

static void make_index(void)
{
	names_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_names);
	if (names_index < 0)
		abort();
}

/* "*.example.org" stands for exactly one label before the rest (RFC 6125 section 6.4.3). */
static bool name_matches(const char *pattern, struct slice host)
{
	ptrdiff_t dot;

	if (pattern[0] != '*')
		return slice_is(host, pattern);
	dot = slice_chr(host, '.');
	return dot > 0 && slice_is(slice_from(host, (size_t)dot), pattern + 1);
}

static SSL_CTX *find_name(const struct names *names, const char *text)
{
	struct slice host = slice_str(text);
	SSL_CTX *wild = NULL;

	if (host.len && host.data[host.len - 1] == '.')
		host.len--;
	for (size_t i = 0; i < names->n; i++) {
		if (!name_matches(names->of[i].name, host))
			continue;
		if (names->of[i].name[0] != '*')
			return names->of[i].ssl;
		wild = names->of[i].ssl;
	}
	return wild;
}

static int on_servername(SSL *ssl, int *alert, void *arg)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	SSL_CTX *found = name ? find_name(arg, name) : NULL;

	(void)alert;
	if (found)
		SSL_set_SSL_CTX(ssl, found);
	return SSL_TLSEXT_ERR_OK; /* a name we do not know gets the default: mail clients check for themselves */
}

/* -- building -- */

static SSL_CTX *new_ctx(const SSL_METHOD *method)
{
	SSL_CTX *ssl = SSL_CTX_new(method);

	if (!ssl)
		abort();
	SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
	SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
	                          SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* tickets keep a session at the client; a cache would keep it here */
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	return ssl;
}

/* The passphrase of an encrypted key is nobody's to type: without this OpenSSL would ask the terminal. */
static int no_passphrase(char *out, int size, int writing, void *arg)
{
	(void)out, (void)size, (void)writing, (void)arg;
	return -1;
}

static const char *last_error(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return reason ? reason : "unreadable";
}

static enum fault load_cert(const struct source *source, SSL_CTX **ret, struct why *why)
{
	SSL_CTX *ssl = new_ctx(TLS_server_method());
	const char *bad = NULL;

	ERR_clear_error();
	SSL_CTX_set_default_passwd_cb(ssl, no_passphrase);
	SSL_CTX_set_num_tickets(ssl, 1);
	SSL_CTX_set_session_id_context(ssl, (const unsigned char *)"posthouse", 9);
	if (SSL_CTX_use_certificate_chain_file(ssl, source->cert_file) != 1)
		bad = source->cert_file;
	else if (SSL_CTX_use_PrivateKey_file(ssl, source->key_file, SSL_FILETYPE_PEM) != 1 ||
	         SSL_CTX_check_private_key(ssl) != 1)
		bad = source->key_file;
	if (!bad) {
		*ret = ssl;
		return FAULT_NONE;
	}
	fault_set(why, FAULT_CONFIG, "TLS certificate for %s: %s: %s",
	          source->name ? source->name : "any name", bad, last_error());
	SSL_CTX_free(ssl);
	return FAULT_CONFIG;
}

/* Whoever shows a certificate that is not right is somebody without one: the handshake goes on, its result tells. */
static int accept_any(int good, X509_STORE_CTX *store)
{
	(void)good, (void)store;
	return 1;
}

static bool holds_revocations(X509_STORE *store)
{
	STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);

	for (int i = 0; i < sk_X509_OBJECT_num(objects); i++)
		if (X509_OBJECT_get_type(sk_X509_OBJECT_value(objects, i)) == X509_LU_CRL)
			return true;
	return false;
}

static enum fault load_client_ca(SSL_CTX *ssl, const char *file, struct why *why)
{
	STACK_OF(X509_NAME) * names;

	ERR_clear_error();
	names = SSL_load_client_CA_file(file);
	if (!names || SSL_CTX_load_verify_file(ssl, file) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return fault_set(why, FAULT_CONFIG, "TLS client authorities: %s: %s", file, last_error());
	}
	SSL_CTX_set_client_CA_list(ssl, names);
	SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER, accept_any);
	if (holds_revocations(SSL_CTX_get_cert_store(ssl)))
		X509_STORE_set_flags(SSL_CTX_get_cert_store(ssl), X509_V_FLAG_CRL_CHECK);
	return FAULT_NONE;
}

static enum fault load_source(const struct tls_ctx *ctx, const struct source *source, SSL_CTX **ret,
                              struct why *why)
{
	SSL_CTX *ssl;
	enum fault fault = load_cert(source, &ssl, why);

	if (!fault && ctx->client_ca) {
		fault = load_client_ca(ssl, ctx->client_ca, why);
		if (fault)
			SSL_CTX_free(ssl);
	}
	if (!fault)
		*ret = ssl;
	return fault;
}

static enum fault load_all(const struct tls_ctx *ctx, SSL_CTX **ret, struct why *why)
{
	const struct source *sources = ctx->sources;
	const size_t n = ctx->n;
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct names *names = xzalloc(sizeof(*names) + n * sizeof(names->of[0]));
	SSL_CTX *base = NULL, *ssl;
	enum fault fault = FAULT_NONE;

	pthread_once(&once, make_index);
	for (size_t i = 0; i < n && !fault; i++) {
		fault = load_source(ctx, &sources[i], &ssl, why);
		if (fault)
			break;
		if (sources[i].name)
			names->of[names->n++] = (struct named){ xstrdup(sources[i].name), ssl };
		else if (!base)
			base = ssl;
		else
			SSL_CTX_free(ssl); /* the first default stays */
	}
	if (!fault && !base)
		fault = fault_set(why, FAULT_CONFIG,
		                  "TLS: no default certificate among %zu; name one without a host", n);
	if (fault) {
		free_names(NULL, names, NULL, 0, 0, NULL);
		SSL_CTX_free(base);
		return fault;
	}
	SSL_CTX_set_ex_data(base, names_index, names);
	SSL_CTX_set_tlsext_servername_callback(base, on_servername);
	SSL_CTX_set_tlsext_servername_arg(base, names);
	*ret = base;
	return FAULT_NONE;
}

static struct stamp stamp_of(const char *file)
{
	struct stamp stamp;
	struct stat st;

	memset(&stamp, 0, sizeof(stamp)); /* padding too: stamps are compared as bytes */
	if (stat(file, &st))
		return stamp;
	stamp.dev = st.st_dev;
	stamp.ino = st.st_ino;
	stamp.size = st.st_size;
	stamp.mtime = st.st_mtim;
	return stamp;
}

/* Takes new stamps; true when any differs from the last. */
static bool restamp(struct tls_ctx *ctx)
{
	struct stamp ca = ctx->client_ca ? stamp_of(ctx->client_ca) : ctx->ca_stamp;
	bool changed = memcmp(&ca, &ctx->ca_stamp, sizeof(ca)) != 0;

	memcpy(&ctx->ca_stamp, &ca, sizeof(ca));

	for (size_t i = 0; i < ctx->n; i++) {
		struct source *source = &ctx->sources[i];
		struct stamp now[2] = { stamp_of(source->cert_file), stamp_of(source->key_file) };

		changed |= memcmp(now, source->stamps, sizeof(now)) != 0;
		memcpy(source->stamps, now, sizeof(now));
	}
	return changed;
}

enum fault tls_server_new(const struct tls_cert *certs, size_t n, struct tls_ctx **ret, struct why *why)
{
	struct tls_ctx *ctx = xzalloc(sizeof(*ctx));
	enum fault fault;

	ctx->server = true;
	ctx->sources = xzalloc(n * sizeof(ctx->sources[0]));
	ctx->n = n;
	for (size_t i = 0; i < n; i++) {
		ctx->sources[i].name = certs[i].name ? xstrdup(certs[i].name) : NULL;
		ctx->sources[i].cert_file = xstrdup(certs[i].cert_file);
		ctx->sources[i].key_file = xstrdup(certs[i].key_file);
	}
	fault = tls_reload(ctx, why);
	if (fault)
		tls_free(ctx);
	else
		*ret = ctx;
	return fault;
}

enum fault tls_ask_clients(struct tls_ctx *ctx, const char *ca_file, struct why *why)
{
	assert(ctx->server && !ctx->client_ca);
	ctx->client_ca = xstrdup(ca_file);
	return tls_reload(ctx, why);
}

enum fault tls_reload(struct tls_ctx *ctx, struct why *why)
{
	SSL_CTX *fresh;
	enum fault fault;

	assert(ctx->server);
	restamp(ctx); /* before reading: what changes meanwhile is seen as a change next time */
	fault = load_all(ctx, &fresh, why);
	if (fault)
		return fault;
	SSL_CTX_free(ctx->ssl);
	ctx->ssl = fresh;
	return FAULT_NONE;
}

static void on_watch(void *arg)
{
	struct tls_ctx *ctx = arg;
	struct why why = { "" };
	enum fault fault;

	if (!restamp(ctx))
		return;
	fault = tls_reload(ctx, &why);
	if (ctx->on_reload)
		ctx->on_reload(ctx->arg, fault, &why);
}

void tls_watch(struct tls_ctx *ctx, struct loop *loop, int64_t ms,
               void (*on_reload)(void *arg, enum fault, const struct why *), void *arg)
{
	assert(ctx->server && !ctx->watch);
	ctx->on_reload = on_reload;
	ctx->arg = arg;
	ctx->watch = timer_new(loop, on_watch, ctx);
	timer_every(ctx->watch, ms);
}

enum fault tls_client_new(const struct tls_client_conf *conf, struct tls_ctx **ret, struct why *why)
{
	SSL_CTX *ssl = new_ctx(TLS_client_method());
	struct tls_ctx *ctx;
	bool loaded;

	ERR_clear_error();
	if (conf->old_peers)
		SSL_CTX_set_cipher_list(ssl, "DEFAULT@SECLEVEL=1");
	SSL_CTX_set_verify(ssl, conf->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	SSL_CTX_dane_enable(ssl);
	loaded = conf->ca_file ? SSL_CTX_load_verify_file(ssl, conf->ca_file) == 1
	                       : SSL_CTX_set_default_verify_paths(ssl) == 1;
	if (!loaded) {
		fault_set(why, FAULT_CONFIG, "TLS certificate authorities: %s: %s",
		          conf->ca_file ? conf->ca_file : "the system's", last_error());
		SSL_CTX_free(ssl);
		return FAULT_CONFIG;
	}
	ctx = xzalloc(sizeof(*ctx));
	ctx->ssl = ssl;
	*ret = ctx;
	return FAULT_NONE;
}

void tls_free(struct tls_ctx *ctx)
{
	if (!ctx)
		return;
	timer_free(ctx->watch);
	SSL_CTX_free(ctx->ssl);
	for (size_t i = 0; i < ctx->n; i++) {
		free(ctx->sources[i].name);
		free(ctx->sources[i].cert_file);
		free(ctx->sources[i].key_file);
	}
	free(ctx->sources);
	free(ctx->client_ca);
	free(ctx);
}

/* -- sessions -- */

/* Set also where the context does not insist: the handshake then says whether the peer would have passed. */
static bool expect_name(SSL *ssl, const char *text)
{
	unsigned char raw[sizeof(struct in6_addr)];
	char name[TLSEXT_MAXLEN_host_name + 1];
	size_t len = strlen(text);

	len -= len > 1 && text[len - 1] == '.'; /* DNS writes it, certificates and SNI do not */
	if (len >= sizeof(name))
		return false;
	memcpy(name, text, len);
	name[len] = '\0';
	if (inet_pton(AF_INET, name, raw) == 1 || inet_pton(AF_INET6, name, raw) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

SSL *tls_session(struct tls_ctx *ctx, const char *name)
{
	SSL *ssl = SSL_new(ctx->ssl);

	if (!ssl)
		abort();
	if (ctx->server) {
		SSL_set_accept_state(ssl);
		return ssl;
	}
	SSL_set_connect_state(ssl);
	ERR_clear_error();
	if (name && !expect_name(ssl, name)) {
		SSL_free(ssl);
		return NULL;
	}
	return ssl;
}

/*
 * Only usages 2 and 3 are for mail (RFC 7672 section 3.1.3), and with 3 the key
 * is the whole proof: no name, no dates (section 3.1.1).
 */
static bool add_tlsa(SSL *ssl, const struct tls_tlsa *tlsa)
{
	return (tlsa->usage == 2 || tlsa->usage == 3) &&
	       SSL_dane_tlsa_add(ssl, tlsa->usage, tlsa->selector, tlsa->matching, tlsa->data.data,
	                         tlsa->data.len) == 1;
}

SSL *tls_session_dane(struct tls_ctx *ctx, const char *name, const struct tls_tlsa *records, size_t n)
{
	SSL *ssl = tls_session(ctx, name);
	bool usable = false;

	if (!ssl)
		return NULL;
	if (SSL_dane_enable(ssl, name) == 1) {
		SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
		for (size_t i = 0; i < n; i++)
			usable |= add_tlsa(ssl, &records[i]);
	}
	if (!usable) {
		SSL_free(ssl);
		return NULL;
	}
	SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
	return ssl;
}
