/*
 * STARTTLS (RFC 9051 6.2.1). What a client, or somebody on the way, sent behind
 * the command is dropped unread by conn_start_tls(): it was not protected.
 */
#include "commands.h"
#include "imapd.h"

static void start(struct session *s)
{
	session_enter(s, ST_TLS);
	conn_start_tls(s->conn, s->imapd->daemon->tls, NULL);
}

static enum imap_next starttls_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	if (!imap_args_end(args))
		return imap_bad(cmd, args->error);
	if (conn_is_tls(cmd->session->conn))
		return imap_bad(cmd, "TLS is on already");
	if (!cmd->session->imapd->daemon->tls)
		return imap_no_code(cmd, "[UNAVAILABLE]", "There is no certificate");
	cmd->then = start;
	return imap_ok(cmd, "Begin TLS negotiation now");
}

const struct imap_command imap_starttls = { .parse = starttls_parse };
