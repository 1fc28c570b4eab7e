/* A CA and a server certificate of our own (tls_make.h). */
#include "tls_make.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

#define CA_DAYS     3650
#define SERVER_DAYS 825 /* what clients accept at most */
#define SERIAL_BITS 127

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;
	bool added;

	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	added = extension && X509_add_ext(cert, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return added;
}

static bool set_serial(X509 *cert)
{
	BIGNUM *number = BN_new();
	bool set = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
	           BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;

	BN_free(number);
	return set;
}

/* Everything but extensions and signature. */
static X509 *begin(EVP_PKEY *key, const char *common_name, int days)
{
	X509 *cert = X509_new();
	X509_NAME *name;

	if (!cert)
		return NULL;
	name = X509_get_subject_name(cert);
	if (X509_set_version(cert, X509_VERSION_3) == 1 && set_serial(cert) &&
	    X509_gmtime_adj(X509_getm_notBefore(cert), -3600) &&
	    X509_gmtime_adj(X509_getm_notAfter(cert), (long)days * 24 * 3600) &&
	    X509_set_pubkey(cert, key) == 1 &&
	    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1,
	                               0) == 1)
		return cert;
	X509_free(cert);
	return NULL;
}

static X509 *make_ca(EVP_PKEY *key, const char *hostname)
{
	char name[300];
	X509 *cert;

	snprintf(name, sizeof(name), "Posthouse CA of %.64s", hostname);
	name[64] = '\0'; /* a common name holds 64 characters */
	cert = begin(key, name, CA_DAYS);
	if (cert && X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1 &&
	    add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
	    add_extension(cert, cert, NID_key_usage, "critical,keyCertSign,cRLSign") &&
	    add_extension(cert, cert, NID_subject_key_identifier, "hash") &&
	    X509_sign(cert, key, EVP_sha256()))
		return cert;
	X509_free(cert);
	return NULL;
}

static X509 *make_server(EVP_PKEY *key, const char *hostname, X509 *ca, EVP_PKEY *ca_key)
{
	char names[600], common[65];
	X509 *cert;

	snprintf(names, sizeof(names), "DNS:%.250s,DNS:localhost,IP:127.0.0.1,IP:::1", hostname);
	snprintf(common, sizeof(common), "%s", hostname);
	cert = begin(key, common, SERVER_DAYS);
	if (cert && X509_set_issuer_name(cert, X509_get_subject_name(ca)) == 1 &&
	    add_extension(cert, ca, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_extension(cert, ca, NID_key_usage, "critical,digitalSignature") &&
	    add_extension(cert, ca, NID_ext_key_usage, "serverAuth,clientAuth") &&
	    add_extension(cert, ca, NID_subject_alt_name, names) && X509_sign(cert, ca_key, EVP_sha256()))
		return cert;
	X509_free(cert);
	return NULL;
}

static FILE *create(const char *dir, const char *name, mode_t mode, struct why *why, enum fault *ret_fault)
{
	char path[4096];
	FILE *file;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	file = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!file)
		*ret_fault = fault_errno(why, errno, "cannot make %s", path);
	return file;
}

static enum fault write_key(const char *dir, const char *name, EVP_PKEY *key, struct why *why)
{
	enum fault fault = FAULT_NONE;
	FILE *file = create(dir, name, 0600, why, &fault);
	int wrote;

	if (!file)
		return fault;
	wrote = PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	if (fclose(file) || wrote != 1)
		return fault_set(why, FAULT_TEMP, "cannot write %s/%s", dir, name);
	return FAULT_NONE;
}

static enum fault write_certs(const char *dir, const char *name, X509 *first, X509 *second, struct why *why)
{
	enum fault fault = FAULT_NONE;
	FILE *file = create(dir, name, 0644, why, &fault);
	int wrote;

	if (!file)
		return fault;
	wrote = PEM_write_X509(file, first) == 1 && (!second || PEM_write_X509(file, second) == 1);
	if (fclose(file) || !wrote)
		return fault_set(why, FAULT_TEMP, "cannot write %s/%s", dir, name);
	return FAULT_NONE;
}

static bool exists(const char *dir, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return access(path, F_OK) == 0;
}

enum fault tls_make(const char *dir, const char *hostname, struct why *why)
{
	EVP_PKEY *ca_key, *key;
	X509 *ca = NULL, *cert = NULL;
	enum fault fault = FAULT_NONE;

	if (exists(dir, "tls.crt") && exists(dir, "tls.key"))
		return FAULT_NONE;
	ca_key = EVP_EC_gen("P-256");
	key = EVP_EC_gen("P-256");
	if (ca_key && key)
		ca = make_ca(ca_key, hostname);
	if (ca)
		cert = make_server(key, hostname, ca, ca_key);
	if (!cert)
		fault = fault_set(why, FAULT_TEMP, "OpenSSL made no certificate for %s", hostname);
	if (!fault)
		fault = write_key(dir, "ca.key", ca_key, why);
	if (!fault)
		fault = write_certs(dir, "ca.crt", ca, NULL, why);
	if (!fault)
		fault = write_key(dir, "tls.key", key, why);
	if (!fault)
		fault = write_certs(dir, "tls.crt", cert, ca, why);
	X509_free(cert);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
	return fault;
}
