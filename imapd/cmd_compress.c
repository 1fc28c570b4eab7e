/*
 * COMPRESS DEFLATE (RFC 4978). The reply still goes as it is; from there on both directions are compressed. After login
 * only: what a compressed connection costs in memory is for those who have an account.
 */
#include "commands.h"

static void start(struct session *s)
{
	conn_start_deflate(s->conn);
}

static enum imap_next compress_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct slice algorithm;

	/* compress = "COMPRESS" SP algorithm */
	if (!imap_args_space(args) || !imap_args_atom(args, &algorithm) || !imap_args_end(args))
		return imap_bad(cmd, args->error);
	if (!slice_is(algorithm, "DEFLATE"))
		return imap_bad(cmd, "The only algorithm is DEFLATE");
	if (conn_is_deflated(cmd->session->conn))
		return imap_no_code(cmd, "[COMPRESSIONACTIVE]", "Compression is on already");
	log_line(&cmd->log, LOG_DEBUG, "compression starts", NULL);
	cmd->then = start;
	return imap_ok(cmd, "Compression starts now");
}

const struct imap_command imap_compress = { .parse = compress_parse };
