/* CANCELUPDATE (RFC 5267 4.3.5): searches that go on no longer do. What does not go on is no mistake. */
#include "commands.h"
#include "context.h"

static enum imap_next cancel_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct slice tag;

	do {
		if (!imap_args_space(args) || !imap_args_string(args, &tag))
			return imap_bad(cmd, args->error);
		context_cancel(cmd->session, tag);
	} while (!imap_args_is_end(args));
	return imap_ok(cmd, "No further updates");
}

const struct imap_command imap_cancel_update = { .parse = cancel_parse };
