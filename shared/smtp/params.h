#ifndef SHARED_SMTP_PARAMS_H
#define SHARED_SMTP_PARAMS_H
/*
 * The parameters of MAIL and RCPT: SIZE (RFC 1870), BODY (RFC 6152, 3030),
 * SMTPUTF8 (RFC 6531), AUTH (RFC 4954 5), RET, ENVID, NOTIFY, ORCPT (RFC 3461,
 * 6533), REQUIRETLS (RFC 8689); read, and written for the next host.
 *
 * Texts are decoded and live in the arena.
 */
#include "smtp/command.h"

enum smtp_ext { /* bits: what a server offers */
	        SMTP_EXT_SIZE = 1 << 0,
	        SMTP_EXT_8BITMIME = 1 << 1,
	        SMTP_EXT_BINARYMIME = 1 << 2,
	        SMTP_EXT_SMTPUTF8 = 1 << 3,
	        SMTP_EXT_AUTH = 1 << 4,
	        SMTP_EXT_DSN = 1 << 5,
	        SMTP_EXT_REQUIRETLS = 1 << 6,
};

enum smtp_body { SMTP_BODY_7BIT, SMTP_BODY_8BITMIME, SMTP_BODY_BINARYMIME };
enum smtp_ret { SMTP_RET_UNSET, SMTP_RET_FULL, SMTP_RET_HDRS };
enum smtp_notify { /* bits; none: not given */
	           SMTP_NOTIFY_NEVER = 1 << 0,
	           SMTP_NOTIFY_SUCCESS = 1 << 1,
	           SMTP_NOTIFY_FAILURE = 1 << 2,
	           SMTP_NOTIFY_DELAY = 1 << 3,
};

struct smtp_mail_params {
	bool has_size;
	uint64_t size;
	enum smtp_body body;
	bool smtputf8, requiretls;
	struct slice auth; /* the submitter's address; empty: <>; no data: not given */
	enum smtp_ret ret;
	struct slice envid; /* no data: not given */
};

struct smtp_rcpt_params {
	unsigned notify;         /* enum smtp_notify */
	struct slice orcpt_type; /* "rfc822", "utf-8"; no data: not given */
	struct slice orcpt;
};

/* `offered`: enum smtp_ext bits. UNSUPPORTED (555): a parameter not known or not offered. INPUT: a malformed value,
 * or an address in UTF-8 without SMTPUTF8 being asked for. */
MUST_CHECK enum fault smtp_mail_params(struct arena *, const struct smtp_path_args *, unsigned offered,
                                       struct smtp_mail_params *ret, struct why *);
/* `smtputf8`: MAIL asked for it. */
MUST_CHECK enum fault smtp_rcpt_params(struct arena *, const struct smtp_path_args *, unsigned offered,
                                       bool smtputf8, struct smtp_rcpt_params *ret, struct why *);

/* Writes " SIZE=..." and so on behind the path, as far as the next host offers it. */
bool smtp_mail_params_add(struct buf *, const struct smtp_mail_params *, unsigned offered);
bool smtp_rcpt_params_add(struct buf *, const struct smtp_rcpt_params *, unsigned offered);

/* xtext = *( xchar / "+" 2HEXDIG ) (RFC 3461 4). Decoding is strict: INPUT when it is not. */
MUST_CHECK enum fault xtext_decode(struct arena *, struct slice text, struct slice *ret, struct why *);
bool xtext_add(struct buf *, struct slice);

#endif
