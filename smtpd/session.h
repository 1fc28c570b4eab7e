#ifndef SMTPD_SESSION_H
#define SMTPD_SESSION_H
/*
 * An SMTP session: one connection, one command at a time.
 *
 * Invariants
 *  1. While a job or a judgement is out (busy), no line is taken: pipelined commands wait in the conn.
 *  2. The transaction exists from MAIL to RSET, the end of data, or the end of the session.
 *  3. The session's memory goes when the conn is closed and nothing is out any more.
 *
 * States: session.c's table says who may follow whom, and each one's deadline.
 */
#include "auth/sasl.h"
#include "base/log.h"
#include "loop/conn.h"
#include "smtpd.h"
#include "suite/outgoing.h"
#include "transaction.h"

enum session_state { ST_GREET, ST_READY, ST_AUTH, ST_TLS, ST_DATA, ST_ACCEPT, ST_CLOSE };

struct session {
	struct smtpd *smtpd;
	struct conn *conn; /* NULL once closed */
	struct list node;
	enum service service;
	enum session_state state;
	struct log_ctx log;
	char id[20];
	char helo[256];          /* "" before EHLO */
	const char *client_name; /* confirmed reverse name or "" */
	bool esmtp, tls_wanted;
	struct auth *auth;              /* the exchange under way (cmd_auth.c), NULL */
	const char *login;              /* who logged in; NULL */
	struct outgoing_sender account; /* whose account that is */
	struct transaction *tx;         /* NULL outside a transaction */
	struct arena *arena;            /* the session's */
	unsigned errors, busy;          /* busy: jobs and judgements out */
	bool closing;
};

struct session *session_new(struct smtpd *, struct conn *, enum service);
void session_enter(struct session *, enum session_state);
/* Says goodbye when `code` is not 0, then closes. May be called at any time, any number of times. */
void session_close(struct session *, int code, const char *status, const char *text);

void reply(struct session *, int code, const char *status, const char *format, ...) PRINTF_LIKE(4, 5);
/* From the faults table, with its text; `why` is logged. 5xx count as errors. */
void reply_fault(struct session *, enum fault, const struct why *, const char *doing);

/* Something is out: no lines until session_resume(), which goes on with what is buffered. False in resume: the session
 * has ended meanwhile, and may be gone after the call. */
void session_wait(struct session *);
bool session_resume(struct session *);
void session_read(struct session *);

bool session_is_submission(const struct session *);
bool session_may_login(const struct session *); /* TLS, or this machine itself where that is allowed */
/* What the connection allows of SASL; what it points to is in the arena. */
struct sasl_offer session_sasl_offer(const struct session *, struct arena *);

#endif
