#ifndef ADMIN_CERTIFICATE_H
#define ADMIN_CERTIFICATE_H
/* The HTTPS certificate for GnuTLS, read again when its files change. Any thread. */
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "base/fault.h"

struct certificate;

MUST_CHECK enum fault certificate_new(const char *cert_file, const char *key_file, struct certificate **ret,
                                      struct why *);
void certificate_free(struct certificate *); /* NULL accepted */
/* What a handshake uses now; good until certificate_free(). False: nothing usable. */
bool certificate_now(struct certificate *, gnutls_pcert_st **ret_chain, unsigned *ret_n,
                     gnutls_privkey_t *ret_key);

#endif
