#ifndef TESTS_SMTPD_DKIM_MAKER_H
#define TESTS_SMTPD_DKIM_MAKER_H
/* Keys and signed messages for tests: OpenSSL makes the keys, libopendkim signs. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <opendkim/dkim.h>

#include "base/base64.h"
#include "base/buf.h"
#include "mail/header.h"

struct maker_key {
	char pem[4000];
	char record[1100]; /* the TXT to publish */
};

static inline void maker_key_from(EVP_PKEY *pkey, const char *type, struct maker_key *ret)
{
	BIO *bio = BIO_new(BIO_s_mem());
	unsigned char *der = NULL;
	char *data;
	long len;
	struct buf out;

	PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
	len = BIO_get_mem_data(bio, &data);
	snprintf(ret->pem, sizeof(ret->pem), "%.*s", (int)len, data);
	BIO_free(bio);
	buf_init(&out, 2000);
	if (strcmp(type, "rsa") == 0) {
		len = i2d_PUBKEY(pkey, &der);
		base64_encode(&out, slice_of(der, (size_t)len));
		OPENSSL_free(der);
	} else {
		unsigned char raw[32];
		size_t size = sizeof(raw);

		EVP_PKEY_get_raw_public_key(pkey, raw, &size);
		base64_encode(&out, slice_of(raw, size));
	}
	snprintf(ret->record, sizeof(ret->record), "v=DKIM1; k=%s; p=%.*s", type, (int)out.len,
	         (char *)out.data);
	buf_done(&out);
	EVP_PKEY_free(pkey);
}

static inline void maker_rsa(unsigned bits, struct maker_key *ret)
{
	maker_key_from(EVP_RSA_gen(bits), "rsa", ret);
}

static inline void maker_ed25519(struct maker_key *ret)
{
	maker_key_from(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), "ed25519", ret);
}

struct maker_sign {
	const struct maker_key *key;
	const char *domain, *selector;
	dkim_alg_t algorithm;
	ssize_t length;     /* l=; -1: none */
	bool simple;        /* canonicalisation */
	uint64_t time, ttl; /* t=, and x= that much later; 0: now, none */
};

/* The library leaks what it signs with when that is Ed25519. */
__attribute__((weak)) void __lsan_disable(void);
__attribute__((weak)) void __lsan_enable(void);

/* The message with a DKIM-Signature in front, in a buffer of the caller's to buf_done(). */
static inline void maker_sign_leaking(struct slice message, const struct maker_sign *how, struct buf *out)
{
	DKIM_LIB *lib = dkim_init(NULL, NULL);
	unsigned flags = how->length >= 0 ? DKIM_LIBFLAGS_SIGNLEN : 0, bits = 256;
	dkim_canon_t canon = how->simple ? DKIM_CANON_SIMPLE : DKIM_CANON_RELAXED;
	struct header_iter iter = header_iter_of(message);
	struct header_field field;
	u_char signature[4096];
	DKIM_STAT status;
	DKIM *dkim;

	dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof(flags));
	dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_MINKEYBITS, &bits, sizeof(bits));
	if (how->time)
		dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_FIXEDTIME, (void *)(uintptr_t)&how->time,
		             sizeof(how->time));
	if (how->ttl)
		dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_SIGNATURETTL, (void *)(uintptr_t)&how->ttl,
		             sizeof(how->ttl));
	dkim = dkim_sign(lib, (const u_char *)"test", NULL, (const dkim_sigkey_t)(uintptr_t)how->key->pem,
	                 (const u_char *)how->selector, (const u_char *)how->domain, canon, canon,
	                 how->algorithm, how->length, &status);
	if (!dkim)
		abort();
	while (header_next(&iter, &field)) {
		size_t len = field.end - field.start - 2;

		if (dkim_header(dkim, (u_char *)(uintptr_t)(message.data + field.start), len) != DKIM_STAT_OK)
			abort();
	}
	if (dkim_eoh(dkim) != DKIM_STAT_OK)
		abort();
	if (message.len > iter.at)
		dkim_body(dkim, (u_char *)(uintptr_t)(message.data + iter.at), message.len - iter.at);
	if ((status = dkim_eom(dkim, NULL)) != DKIM_STAT_OK ||
	    dkim_getsighdr(dkim, signature, sizeof(signature), sizeof(DKIM_SIGNHEADER ": ")) !=
	        DKIM_STAT_OK) {
		fprintf(stderr, "dkim_sign: %s, %s\n", dkim_getresultstr(status), dkim_geterror(dkim));
		abort();
	}
	buf_init(out, BUF_NO_LIMIT);
	buf_adds(out, DKIM_SIGNHEADER ": ");
	for (const u_char *at = signature; *at; at++) {
		if (*at == '\n' && (at == signature || at[-1] != '\r'))
			buf_addc(out, '\r');
		buf_addc(out, *at);
	}
	buf_adds(out, "\r\n");
	buf_add_slice(out, message);
	dkim_free(dkim);
	dkim_close(lib);
}

static inline void maker_sign(struct slice message, const struct maker_sign *how, struct buf *out)
{
	if (__lsan_disable)
		__lsan_disable();
	maker_sign_leaking(message, how, out);
	if (__lsan_enable)
		__lsan_enable();
}

#endif
