/* The commands that say or do next to nothing: CAPABILITY, NOOP and CHECK, LOGOUT, ENABLE, NAMESPACE. */
#include "commands.h"

/* ---- CAPABILITY (RFC 9051 6.1.1) ---- */

static enum imap_next capability_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	if (!imap_args_end(args))
		return imap_bad(cmd, args->error);
	imap_untagged(cmd->session, "CAPABILITY %s", imap_capabilities(cmd->session, cmd->arena));
	return imap_ok(cmd, "Capability completed");
}

const struct imap_command imap_capability = { .parse = capability_parse };

/* ---- NOOP, CHECK: the news come with every tagged reply, these two have looked for them first ---- */

static enum imap_next noop_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	return imap_args_end(args) ? imap_ok(cmd, "%s completed", cmd->verb->name)
	                           : imap_bad(cmd, args->error);
}

const struct imap_command imap_noop = { .parse = noop_parse };

/* ---- LOGOUT ---- */

static void hang_up(struct session *s)
{
	session_close(s, NULL, NULL);
}

static enum imap_next logout_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	if (!imap_args_end(args))
		return imap_bad(cmd, args->error);
	selected_close(&cmd->session->selected); /* no news between BYE and OK */
	imap_untagged(cmd->session, "BYE Logging out");
	cmd->then = hang_up;
	return imap_ok(cmd, "Logged out");
}

const struct imap_command imap_logout = { .parse = logout_parse };

/* ---- ENABLE (RFC 9051 6.3.1) ---- */

static enum imap_next enable_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	const char *enabled = "";
	struct slice name;

	do {
		if (!imap_args_space(args) || !imap_args_atom(args, &name))
			return imap_bad(cmd, "Expected names of capabilities");
		/* others are ignored, as the RFC wants it */
		if (slice_is(name, "CONDSTORE") && !(cmd->session->enabled & ENABLED_CONDSTORE)) {
			session_enable_condstore(cmd->session);
			enabled = arena_printf(cmd->arena, "%s CONDSTORE", enabled);
		}
		if (slice_is(name, "QRESYNC") && !(cmd->session->enabled & ENABLED_QRESYNC)) {
			session_enable_condstore(cmd->session);
			cmd->session->enabled |= ENABLED_QRESYNC;
			enabled = arena_printf(cmd->arena, "%s QRESYNC", enabled);
		}
		if (slice_is(name, "UIDONLY") && !(cmd->session->enabled & ENABLED_UIDONLY)) {
			cmd->session->enabled |= ENABLED_UIDONLY;
			enabled = arena_printf(cmd->arena, "%s UIDONLY", enabled);
		}
	} while (!imap_args_is_end(args));
	imap_untagged(cmd->session, "ENABLED%s", enabled);
	return imap_ok(cmd, "Enabled");
}

const struct imap_command imap_enable = { .parse = enable_parse };

/* ---- NAMESPACE (RFC 2342) ---- */

static enum imap_next namespace_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	if (!imap_args_end(args))
		return imap_bad(cmd, args->error);
	imap_untagged(cmd->session, "NAMESPACE ((\"\" \"%c\")) NIL NIL", FOLDER_SEPARATOR);
	return imap_ok(cmd, "Namespace completed");
}

const struct imap_command imap_namespace = { .parse = namespace_parse };
