#ifndef SHARED_MAIL_DSN_H
#define SHARED_MAIL_DSN_H
/*
 * Delivery status notifications: a whole message, multipart/report (RFC 6522) of
 * a text for people, a message/delivery-status (RFC 3464) and the original or
 * its header. In their UTF-8 forms (RFC 6533) when `utf8`: only for senders who
 * used SMTPUTF8. It is sent with the null return path.
 *
 * Whatever values hold, a field stays one field and the report well-formed.
 */
#include "base/buf.h"

enum dsn_action { DSN_FAILED, DSN_DELAYED, DSN_DELIVERED, DSN_RELAYED, DSN_EXPANDED };

struct dsn_recipient {
	struct slice original;      /* ORCPT decoded, "user@example.org"; no data: not given */
	struct slice original_type; /* its address type; no data: rfc822 (or utf-8) */
	struct slice final;         /* the address that was tried */
	enum dsn_action action;
	struct slice status;     /* "5.1.1" */
	struct slice remote_mta; /* host name; no data: none was talked to */
	struct slice reply;      /* the remote's, "550 5.1.1 no such user", lines divided by LF */
	int64_t last_attempt_ms; /* 0: none */
	int64_t retry_until_ms;  /* of a delay; 0: not shown */
	struct slice log_id;     /* final-log-id; no data: none */
};

enum dsn_return { DSN_RETURN_HEADERS, DSN_RETURN_FULL };

struct dsn {
	struct slice from;        /* "postmaster@example.org" */
	struct slice to;          /* the sender it goes to */
	struct slice message_id;  /* of the report, with its brackets */
	struct slice subject;     /* UTF-8; empty: one that fits the first recipient's action */
	struct slice in_reply_to; /* message id of the original, with its brackets; no data: unknown */
	int64_t date_ms;
	int16_t zone;
	struct slice text;          /* UTF-8 for people; lines in LF or CRLF */
	struct slice reporting_mta; /* our host */
	struct slice received_from; /* the host the mail came from; no data: not shown */
	struct slice envelope_id;   /* ENVID decoded; no data: none */
	int64_t arrival_ms;         /* 0: not shown */
	const struct dsn_recipient *recipients;
	size_t n_recipients;
	struct slice original; /* the whole message, or its header alone; no data: not returned */
	enum dsn_return returned;
	bool utf8;
};

/* False: past `out`'s limit. */
bool dsn_add(struct buf *out, const struct dsn *);
const char *dsn_action_name(enum dsn_action); /* "failed" */

#endif
