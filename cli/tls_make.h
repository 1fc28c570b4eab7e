#ifndef CLI_TLS_MAKE_H
#define CLI_TLS_MAKE_H
/* A certificate for a first start: a CA of the installation's own and a server certificate by it, ECDSA P-256. */
#include "base/fault.h"

/* Writes ca.crt, ca.key, tls.crt (with the CA's behind it) and tls.key into `dir`, 0600 for keys. What is there stays. */
MUST_CHECK enum fault tls_make(const char *dir, const char *hostname, struct why *);

#endif
