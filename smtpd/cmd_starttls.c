/* STARTTLS (RFC 3207). Everything that came in plain text before is forgotten; conn_start_tls() drops what is buffered. */
#include "verbs.h"

void cmd_starttls(struct session *s, struct slice args)
{
	if (args.len) {
		reply(s, 501, "5.5.4", "STARTTLS has no arguments");
		return;
	}
	if (conn_is_tls(s->conn)) {
		reply(s, 503, "5.5.1", "TLS is on already");
		return;
	}
	reply(s, 220, "2.0.0", "Go ahead");
	if (s->closing)
		return;
	s->helo[0] = '\0';
	s->login = NULL; /* RFC 3207 4.2: what was learned before is forgotten */
	session_enter(s, ST_TLS);
	conn_start_tls(s->conn, s->smtpd->daemon->tls, NULL);
}
