#ifndef SMTPD_VERBS_H
#define SMTPD_VERBS_H
/* The protocol on one page: verbs.c has a row for each command, with where it is legal. */
#include "session.h"

enum verb_flags {
	NEEDS_HELO = 1,   /* 503 before EHLO or HELO */
	NEEDS_MAIL = 2,   /* 503 outside a transaction */
	NEEDS_RCPT = 4,   /* 503, or 554 when all were refused */
	NEEDS_LOGIN = 8,  /* on submission: 530 before AUTH */
	NOT_IN_MAIL = 16, /* 503 inside a transaction */
};

struct verb {
	const char *name;
	void (*run)(struct session *, struct slice args);
	unsigned flags;
};

void verb_dispatch(struct session *, struct slice line);

/* one a file */
void cmd_helo(struct session *, struct slice args);
void cmd_ehlo(struct session *, struct slice args);
void cmd_starttls(struct session *, struct slice args);
void cmd_auth(struct session *, struct slice args);
void cmd_mail(struct session *, struct slice args);
void cmd_rcpt(struct session *, struct slice args);
void cmd_data(struct session *, struct slice args);
void cmd_rset(struct session *, struct slice args);
void cmd_noop(struct session *, struct slice args);
void cmd_vrfy(struct session *, struct slice args);
void cmd_help(struct session *, struct slice args);
void cmd_quit(struct session *, struct slice args);
void cmd_xclient(struct session *, struct slice args);

bool xclient_allowed(const struct session *);
void auth_line(struct session *, struct slice line); /* ST_AUTH: a response */
void auth_drop(struct session *);                    /* the session ends */
void auth_stop_waiting(struct session *);            /* an answer that is held back is needed no more */
void data_read(struct session *);                    /* ST_DATA: bytes of the message */
unsigned smtp_extensions(const struct session *);    /* enum smtp_ext bits offered */

#endif
