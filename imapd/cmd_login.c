/* LOGIN (RFC 9051 6.2.3). */
#include "base/secret.h"
#include "commands.h"
#include "login.h"

static enum imap_next login_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct login *login = cmd->state;

	/* userid SP password, both astring */
	login_start(cmd, login, "LOGIN command");
	if (!imap_args_space(args) || !imap_args_astring(args, &login->name) || !imap_args_space(args) ||
	    !imap_args_astring(args, &login->password) || !imap_args_end(args))
		return imap_bad(cmd, "Expected a name and a password");
	return login_begin(cmd, login);
}

static enum fault login_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	(void)stack;
	return login_check(cmd, cmd->state, why);
}

static enum imap_next login_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	return login_end(cmd, cmd->state, fault, why);
}

static void login_free(struct imap_cmd *cmd)
{
	struct login *login = cmd->state;

	secret_wipe((void *)login->password.data, login->password.len);
	login_done(login);
}

const struct imap_command imap_login = {
	.state_size = sizeof(struct login),
	.parse = login_parse,
	.run = login_run,
	.reply = login_reply,
	.on_timeout = login_delayed,
	.done = login_free,
};
