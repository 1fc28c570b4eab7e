#ifndef SMTPD_AUTH_RESULTS_H
#define SMTPD_AUTH_RESULTS_H
/*
 * The Authentication-Results header field (RFC 8601): writing ours, and finding
 * those that claim to be ours and are not. Everything that came from outside is
 * written as a token or as a quoted string; lines fold at 78.
 */
#include "base/buf.h"

struct arena;

/* The results of all methods, RFC 8601 2.7. */
enum authres {
	AUTHRES_NONE,
	AUTHRES_PASS,
	AUTHRES_FAIL,
	AUTHRES_SOFTFAIL,
	AUTHRES_NEUTRAL,
	AUTHRES_POLICY,
	AUTHRES_TEMPERROR,
	AUTHRES_PERMERROR,
};
const char *authres_name(enum authres); /* "pass" */

/* A structured header field under way: pieces are separated by a blank or a fold. */
struct field_writer {
	struct buf *out;
	size_t column;
};
void field_start(struct field_writer *, struct buf *out, const char *name); /* "Name:" */
void field_piece(struct field_writer *, struct slice text); /* as it stands: one token or more */
void field_fold(struct field_writer *);                     /* a new line now */
void field_end(struct field_writer *);                      /* CRLF */

/* `text` as a token or, where that cannot be, a quoted string. Bytes that may stand in neither become '?';
 * at most 300 bytes of it. */
struct slice field_value(struct arena *, struct slice text);
struct slice field_quoted(struct arena *, struct slice text); /* a quoted string in any case */
/* The same as a comment: "(text)". */
struct slice field_comment(struct arena *, struct slice text);

struct auth_prop {
	const char *name;   /* "header.d" */
	struct slice value; /* data NULL: left out */
};

/* Authentication-Results: field_start(), auth_results_id(), any number of methods, auth_results_end(). */
void auth_results_id(struct field_writer *, struct arena *, const char *authserv_id);
void auth_results_method(struct field_writer *, struct arena *, const char *method, enum authres,
                         const char *reason, const struct auth_prop *, size_t n_props);
void auth_results_end(struct field_writer *, size_t n_methods); /* "none" when there was no method */

/* The byte ranges of the header fields of `message` to be dropped: Authentication-Results that carry our
 * authserv-id, or none that can be read (RFC 8601 5), and X-Posthouse-Junk. In order, whole fields with their line
 * ends. */
struct byte_range {
	size_t start, end;
};
size_t auth_results_forged(struct slice message, const char *authserv_id, struct arena *,
                           struct byte_range **ret);

#endif
