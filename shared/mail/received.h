#ifndef SHARED_MAIL_RECEIVED_H
#define SHARED_MAIL_RECEIVED_H
/*
 * The Received field that a server puts before a message (RFC 5321 4.4), folded,
 * its protocol named by RFC 3848 and RFC 6531. What a peer chose (its HELO name)
 * is cut down to characters that can do no harm there.
 */
#include "base/buf.h"

struct received {
	struct slice helo;        /* what the client called itself; no data: unknown */
	struct slice client_ip;   /* "192.0.2.1", "2001:db8::1"; no data: local, no from clause */
	struct slice client_name; /* its confirmed reverse name; no data: unknown */
	struct slice by;          /* this host */
	bool esmtp, lmtp, tls, auth, utf8;
	struct slice tls_info;  /* "TLSv1.3 TLS_AES_256_GCM_SHA384", shown as a comment; no data: none */
	struct slice id;        /* ours, for tracing */
	struct slice recipient; /* a single recipient, printed (address.h); no data: not shown */
	int64_t time_ms;
	int16_t zone;
};

/* The whole field, "Received: " to CRLF. */
bool received_add(struct buf *out, const struct received *);
/* "ESMTPSA" and the like, as received_add() writes them. */
const char *received_protocol(const struct received *);

#endif
