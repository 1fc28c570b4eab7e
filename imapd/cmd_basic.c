/* The commands that say or do next to nothing: CAPABILITY, NOOP and CHECK, LOGOUT, ENABLE, NAMESPACE. */
#include "commands.h"
#include "notify.h"
#include "suite/share.h"

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
	notify_free(cmd->session);
	imap_untagged(cmd->session, "BYE Logging out");
	cmd->then = hang_up;
	return imap_ok(cmd, "Logged out");
}

const struct imap_command imap_logout = { .parse = logout_parse };

/* ---- ENABLE (RFC 9051 6.3.1) ---- */

/* \Recent is no more: what this session had of it is forgotten, and further mail stays for others to meet as such. */
static void enable_rev2(struct session *s)
{
	if (!s->selected.view)
		return;
	uid_set_done(&s->selected.recent);
	uid_set_init(&s->selected.recent);
	s->selected.known_recent = 0;
	s->selected.takes_recent = false;
}

static const struct {
	const char *name;
	unsigned bit;
	void (*enable)(struct session *); /* before the bit is set; NULL: that is all */
} can_be_enabled[] = {
	{ "CONDSTORE", ENABLED_CONDSTORE, session_enable_condstore },
	{ "QRESYNC", ENABLED_QRESYNC, session_enable_condstore },
	{ "UIDONLY", ENABLED_UIDONLY, NULL },
	{ "IMAP4rev2", ENABLED_REV2, enable_rev2 },
	{ "UTF8=ACCEPT", ENABLED_UTF8, NULL },
};

static enum imap_next enable_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	const char *enabled = "";
	struct slice name;

	do {
		if (!imap_args_space(args) || !imap_args_atom(args, &name))
			return imap_bad(cmd, "Expected names of capabilities");
		/* others are ignored, as the RFC wants it */
		if (!imap_capability_on(cmd->session, name))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(can_be_enabled); i++) {
			if (!slice_is(name, can_be_enabled[i].name) ||
			    (cmd->session->enabled & can_be_enabled[i].bit))
				continue;
			if (can_be_enabled[i].enable)
				can_be_enabled[i].enable(cmd->session);
			cmd->session->enabled |= can_be_enabled[i].bit;
			enabled = arena_printf(cmd->arena, "%s %s", enabled, can_be_enabled[i].name);
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
	imap_untagged(cmd->session,
	              "NAMESPACE ((\"\" \"%1$c\")) ((\"" SHARE_USERS "%1$c\" \"%1$c\")) ((\"" SHARE_PUBLIC
	              "%1$c\" \"%1$c\"))",
	              FOLDER_SEPARATOR);
	return imap_ok(cmd, "Namespace completed");
}

const struct imap_command imap_namespace = { .parse = namespace_parse };
