/*
 * IDLE (RFC 2177). News are sent as they come. A client is never sent away for
 * idling: "Still here" finds out whether it is there.
 *
 * Some clients send their next command, or another IDLE, instead of DONE: that
 * ends it as DONE does, and the command is run.
 */
#include "commands.h"

#define STILL_HERE_MS (2 * 60 * 1000)

static enum imap_next idle_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	if (!imap_args_end(args))
		return imap_bad(cmd, args->error);
	imap_continue(cmd->session, "idling");
	cmd->reads_lines = true;
	session_wake_after(cmd->session, STILL_HERE_MS);
	session_tell_news(cmd->session, true);
	return IMAP_WAIT;
}

static enum imap_next idle_line(struct imap_cmd *cmd, struct slice line)
{
	if (line.len == 0)
		return IMAP_WAIT;
	if (slice_is(slice_trim(line), "DONE"))
		return imap_ok(cmd, "Idle completed");
	if (slice_chr(line, ' ') <= 0)
		return imap_bad(cmd, "Expected DONE");
	imap_ok(cmd, "Idle completed");
	return IMAP_AFRESH;
}

static void idle_news(struct imap_cmd *cmd)
{
	session_tell_news(cmd->session, true);
}

static void idle_timeout(struct imap_cmd *cmd)
{
	imap_untagged(cmd->session, "OK Still here");
	session_wake_after(cmd->session, STILL_HERE_MS);
}

const struct imap_command imap_idle = {
	.parse = idle_parse,
	.on_line = idle_line,
	.on_news = idle_news,
	.on_timeout = idle_timeout,
};
