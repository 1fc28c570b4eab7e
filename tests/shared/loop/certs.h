#ifndef TESTS_LOOP_CERTS_H
#define TESTS_LOOP_CERTS_H
/* Self-signed ECDSA P-256 certificates, made when a test runs. */
#include <assert.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include "base/macros.h"

#define CERT_PATH 128

struct cert_files {
	char cert[CERT_PATH], key[CERT_PATH];
	uint8_t spki_sha256[32]; /* what TLSA 3 1 1 holds */
};

static inline void cert_must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "certs.h: %s failed\n", what);
	abort();
}

static inline void cert_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	cert_must(ext && X509_add_ext(x, ext, -1), "an extension");
	X509_EXTENSION_free(ext);
}

static inline X509 *cert_sign(EVP_PKEY *key, const char *host)
{
	static long serial = 1;
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	char san[128];

	snprintf(san, sizeof(san), "DNS:%s", host);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)host, -1, -1, 0);
	X509_set_issuer_name(x, name);
	X509_set_pubkey(x, key);
	cert_extension(x, NID_subject_alt_name, san);
	cert_extension(x, NID_basic_constraints, "critical,CA:TRUE");
	cert_must(X509_sign(x, key, EVP_sha256()), "signing");
	return x;
}

/* <folder>/<stem>.crt and .key, for `host`. Files that are there are replaced as a renewal does it: by new ones. */
static inline struct cert_files cert_make(const char *folder, const char *stem, const char *host)
{
	struct cert_files files;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = cert_sign(key, host);
	unsigned char *spki = NULL;
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
	FILE *file;

	snprintf(files.cert, sizeof(files.cert), "%s/%s.crt", folder, stem);
	snprintf(files.key, sizeof(files.key), "%s/%s.key", folder, stem);
	remove(files.cert);
	remove(files.key);
	file = fopen(files.cert, "w");
	cert_must(file && PEM_write_X509(file, x), "writing a certificate");
	fclose(file);
	file = fopen(files.key, "w");
	cert_must(file && PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), "writing a key");
	fclose(file);
	cert_must(EVP_Digest(spki, (size_t)len, files.spki_sha256, NULL, EVP_sha256(), NULL), "a digest");
	OPENSSL_free(spki);
	X509_free(x);
	EVP_PKEY_free(key);
	return files;
}

static inline void cert_remove(const struct cert_files *files)
{
	remove(files->cert);
	remove(files->key);
}

#endif
