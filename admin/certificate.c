/* The HTTPS certificate (certificate.h). Old versions are kept until the end: a handshake may still use one. */
#include "certificate.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/clock.h"

#define CHAIN_MAX 8
#define LOOK_MS   5000

struct version {
	struct version *older;
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned n;
	gnutls_privkey_t key;
};

struct certificate {
	pthread_mutex_t lock;
	const char *cert_file, *key_file;
	struct version *newest;
	struct timespec seen;
	int64_t looked_at;
};

static void version_free(struct version *version)
{
	for (unsigned i = 0; i < version->n; i++)
		gnutls_pcert_deinit(&version->chain[i]);
	if (version->key)
		gnutls_privkey_deinit(version->key);
	free(version);
}

static bool read_key(const char *file, gnutls_privkey_t *ret)
{
	gnutls_datum_t text;
	bool read;

	if (gnutls_load_file(file, &text) < 0)
		return false;
	read = gnutls_privkey_init(ret) == 0 &&
	       gnutls_privkey_import_x509_raw(*ret, &text, GNUTLS_X509_FMT_PEM, NULL, 0) == 0;
	gnutls_memset(text.data, 0, text.size);
	gnutls_free(text.data);
	return read;
}

static enum fault read_version(struct certificate *certificate, struct why *why)
{
	struct version *fresh = xzalloc(sizeof(*fresh));
	unsigned n = CHAIN_MAX;
	struct stat st;
	int code;

	code = gnutls_pcert_list_import_x509_file(fresh->chain, &n, certificate->cert_file,
	                                          GNUTLS_X509_FMT_PEM, NULL, NULL, 0);
	if (code < 0 || stat(certificate->cert_file, &st)) {
		free(fresh);
		return fault_set(why, FAULT_CONFIG, "the certificate %s does not read: %s",
		                 certificate->cert_file, code < 0 ? gnutls_strerror(code) : "it went away");
	}
	fresh->n = n;
	if (!read_key(certificate->key_file, &fresh->key)) {
		version_free(fresh);
		return fault_set(why, FAULT_CONFIG, "the private key %s does not read",
		                 certificate->key_file);
	}
	fresh->older = certificate->newest;
	certificate->newest = fresh;
	certificate->seen = st.st_mtim;
	return FAULT_NONE;
}

enum fault certificate_new(const char *cert_file, const char *key_file, struct certificate **ret,
                           struct why *why)
{
	struct certificate *certificate = xzalloc(sizeof(*certificate));
	enum fault fault;

	pthread_mutex_init(&certificate->lock, NULL);
	certificate->cert_file = cert_file;
	certificate->key_file = key_file;
	fault = read_version(certificate, why);
	if (fault)
		certificate_free(certificate);
	else
		*ret = certificate;
	return fault;
}

void certificate_free(struct certificate *certificate)
{
	if (!certificate)
		return;
	while (certificate->newest) {
		struct version *version = certificate->newest;

		certificate->newest = version->older;
		version_free(version);
	}
	pthread_mutex_destroy(&certificate->lock);
	free(certificate);
}

static bool has_changed(const struct certificate *certificate)
{
	struct stat st;

	return stat(certificate->cert_file, &st) == 0 && (st.st_mtim.tv_sec != certificate->seen.tv_sec ||
	                                                  st.st_mtim.tv_nsec != certificate->seen.tv_nsec);
}

bool certificate_now(struct certificate *certificate, gnutls_pcert_st **ret_chain, unsigned *ret_n,
                     gnutls_privkey_t *ret_key)
{
	const int64_t now = clock_mono_ms();
	struct why why;

	pthread_mutex_lock(&certificate->lock);
	if (now - certificate->looked_at > LOOK_MS) {
		certificate->looked_at = now;
		if (has_changed(certificate))
			(void)!read_version(certificate, &why);
	}
	*ret_chain = certificate->newest->chain;
	*ret_n = certificate->newest->n;
	*ret_key = certificate->newest->key;
	pthread_mutex_unlock(&certificate->lock);
	return true;
}
