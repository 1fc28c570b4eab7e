#ifndef IMAPD_SESSION_H
#define IMAPD_SESSION_H
/*
 * An IMAP session: one connection, one command at a time. session.c assembles
 * commands (lines and literals), starts them by verbs.c and carries them through parse, run and reply (command.h).
 *
 * States: see session.c. The server's greeting is sent in ST_GREET; LOGIN and AUTHENTICATE lead to ST_AUTH;
 * SELECT and EXAMINE to ST_SELECTED; LOGOUT, errors and time-outs to ST_CLOSE, from which nothing leads.
 */
#include "base/list.h"
#include "base/log.h"
#include "loop/conn.h"
#include "view.h"

struct imapd;
struct imap_cmd;

enum imap_state { ST_GREET, ST_TLS, ST_PLAIN /* not authenticated */, ST_AUTH, ST_SELECTED, ST_CLOSE };

enum imap_enabled { ENABLED_CONDSTORE = 1 };

struct session {
	struct imapd *imapd;
	struct conn *conn;
	enum imap_state state;
	struct log_ctx log;
	char id[20];
	struct account_ctx *account; /* NULL before login */
	struct selected selected;    /* selected.view NULL: none */
	unsigned enabled;
	const char *client_id; /* from ID, for the log; "" */
	struct imap_cmd *cmd;  /* the one under way, NULL */
	/* session.c's own */
	struct list node;
	struct arena *arena; /* as long as the session */
	struct assembly *assembly;
	unsigned bad_commands;
	bool tls_from_start, closing;
};

struct session *session_new(struct imapd *, struct conn *, bool tls_from_start);
/* Ends the session: BYE with text when given, then closes. The memory goes when the last job is back. */
void session_close(struct session *, const char *bye_code, const char *bye_text);
void session_enter(struct session *, enum imap_state);
/* Untagged news that the protocol allows now (RFC 9051 7.1: no EXPUNGE during FETCH, STORE, SEARCH by number). */
void session_tell_news(struct session *, bool may_expunge);
/* The process-wide budget for messages being received; false: past it. */
bool session_reserve(struct session *, uint64_t bytes);
void session_release(struct session *, uint64_t bytes);

#endif
