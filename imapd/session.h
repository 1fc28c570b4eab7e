#ifndef IMAPD_SESSION_H
#define IMAPD_SESSION_H
/*
 * An IMAP session: one connection, one command at a time. session.c takes what
 * the client sends, assembly.c makes commands of lines and literals, command.c carries them through
 * parse, run and reply (command.h).
 *
 * Memory  An idle session holds this struct and its arena (name of the client), nothing else: assemblies and
 *         commands have arenas of their own, and go when they are over.
 * States  session.c has the table; only session_enter() changes them.
 */
#include "auth/sasl.h"
#include "base/list.h"
#include "base/log.h"
#include "loop/conn.h"
#include "view.h"

struct imapd;
struct imap_cmd;

enum imap_state { ST_GREET, ST_TLS, ST_PLAIN /* not authenticated */, ST_AUTH, ST_SELECTED, ST_CLOSE };

/* clang-format off */
enum imap_enabled { /* by ENABLE, bits */
	ENABLED_CONDSTORE = 1,
	ENABLED_QRESYNC = 2,
	ENABLED_UIDONLY = 4,
	ENABLED_REV2 = 8,  /* IMAP4rev2 (RFC 9051) */
	ENABLED_UTF8 = 16, /* UTF8=ACCEPT (RFC 6855) */
	ENABLED_UTF8_TEXT = ENABLED_REV2 | ENABLED_UTF8, /* either: names and headers are told in UTF-8 */
};
/* clang-format on */

struct session {
	struct imapd *imapd;
	struct conn *conn; /* NULL once it is closed */
	enum imap_state state;
	struct log_ctx log;
	char id[20];
	struct account_ctx *account; /* NULL before login */
	struct id verifier;          /* of the password it was logged in with, hashed */
	struct selected selected;    /* selected.view NULL: none */
	unsigned enabled;
	const char *client_id;     /* from ID, for the log; "" */
	struct imap_cmd *cmd;      /* the one under way, NULL */
	struct imap_cmd *aside;    /* work that no command waits for (command.h), NULL */
	struct contexts *contexts; /* context.h; NULL: none */
	struct trace *trace;       /* trace.h; NULL: none */
	struct notify *notify;     /* notify.h; NULL: before the first NOTIFY */
	/* session.c's and command.c's own */
	struct list node;
	struct arena *arena;       /* as long as the session */
	struct assembly *assembly; /* a command that is coming in, NULL */
	int64_t login_until;       /* loop_now() */
	unsigned bad_commands;
	bool tls_from_start, pumping, waking, has_held;
	int held; /* has_held: what the assembly wants, as soon as the command under way is over */
};

struct session *session_new(struct imapd *, struct conn *, bool tls_from_start);
/* Ends the session: BYE with text when given ("[UNAVAILABLE]" or NULL as code), then closes. The memory goes when the
 * last job is back. From anywhere on the loop, more than once. */
void session_close(struct session *, const char *bye_code, const char *bye_text);
bool session_is_closing(const struct session *);
/* The process ends: at once when no command is at work, else behind it. */
void session_drain(struct session *);
void session_enter(struct session *, enum imap_state);
/* Back to how it was before login; TLS stays. */
void session_log_out(struct session *);
/* For the command that waits: its on_timeout() after so long. 0: the session's own deadline again. */
void session_wake_after(struct session *, int64_t ms);
/* TLS, or a peer on this machine when the settings allow that: passwords may be said. */
bool session_may_login(const struct session *);
/* What the connection allows of SASL; what it points to is in the arena. */
struct sasl_offer session_sasl_offer(const struct session *, struct arena *);

/* Untagged news that the protocol allows now (RFC 9051 7.1: no EXPUNGE during FETCH, STORE, SEARCH by number): EXPUNGE,
 * EXISTS, RECENT, FLAGS, FETCH. False: the output is congested and some are left. */
bool session_tell_news(struct session *, bool may_expunge);
/* The selected mailbox is not for this session any more. */
void session_end_visit(struct session *);
/* There may be something to tell: now, or to the command under way. */
void session_news(struct session *);
/* FLAGS and PERMANENTFLAGS of the selected mailbox. */
void session_tell_flag_names(struct session *);
/* At the first command that asks for mod-sequences (RFC 7162 3.1): tells HIGHESTMODSEQ when a mailbox is open. */
void session_enable_condstore(struct session *);
/* The process-wide budget for messages being received; false: past it. */
bool session_reserve(struct session *, uint64_t bytes);
void session_release(struct session *, uint64_t bytes);

#endif
