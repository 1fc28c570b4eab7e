/* UNAUTHENTICATE (RFC 8437): the connection is as it was before LOGIN, for whoever comes next. TLS stays as it is; behind
 * the reply nothing is compressed any more. */
#include "commands.h"

static void stop_compression(struct session *s)
{
	conn_stop_deflate(s->conn);
}

static enum imap_next unauthenticate_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	if (!imap_args_end(args))
		return imap_bad(cmd, args->error);
	log_line(&cmd->log, LOG_INFO, "logout", NULL);
	session_log_out(cmd->session);
	cmd->then = stop_compression;
	return imap_ok_code(
	    cmd, arena_printf(cmd->arena, "[CAPABILITY %s]", imap_capabilities(cmd->session, cmd->arena)),
	    "Log in again");
}

const struct imap_command imap_unauthenticate = { .parse = unauthenticate_parse };
