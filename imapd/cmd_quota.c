/*
 * GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208 4.1), resource STORAGE. An account has one quota root, "", for all of
 * its mailboxes, also those that are yet to be made; without a limit it has none. Only operators set it.
 */
#include <inttypes.h>

#include "account_ctx.h"
#include "base/buf.h"
#include "commands.h"
#include "suite/share.h"

#define UNIT 1024 /* octets, of STORAGE (RFC 9208 5.1) */

struct quota {
	const char *path; /* GETQUOTAROOT */
	uint64_t limit, used;
};

static enum fault quota_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct quota *quota = cmd->state;
	struct folder_list *list;
	enum fault fault = folder_list_load(cmd->account, stack, &list, why);

	if (fault)
		return fault;
	quota->used = folder_list_used(cmd->account->folders, list);
	folder_list_put(cmd->account->folders, list);
	return FAULT_NONE;
}

static void tell_quota(struct session *s, const struct quota *quota)
{
	imap_untagged(s, "QUOTA \"\" (STORAGE %" PRIu64 " %" PRIu64 ")", (quota->used + UNIT - 1) / UNIT,
	              quota->limit / UNIT);
}

/* ---- GETQUOTA ---- */

static enum imap_next get_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct quota *quota = cmd->state;
	struct slice root;

	if (!imap_args_space(args) || !imap_args_astring(args, &root) || !imap_args_end(args))
		return imap_bad(cmd, args->error);
	quota->limit = cmd->account->quota;
	return root.len || !quota->limit ? imap_no_code(cmd, "[NONEXISTENT]", "No such quota root")
	                                 : IMAP_RUN;
}

static enum imap_next get_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	if (fault)
		return imap_no(cmd, fault, why);
	tell_quota(cmd->session, cmd->state);
	return imap_ok(cmd, "Quota completed");
}

const struct imap_command imap_get_quota = {
	.state_size = sizeof(struct quota),
	.parse = get_parse,
	.run = quota_run,
	.reply = get_reply,
};

/* ---- GETQUOTAROOT ---- */

static void tell_root(struct session *s, const struct quota *quota)
{
	struct buf name;

	buf_init(&name, BUF_NO_LIMIT);
	imap_add_mailbox(&name, s, quota->path);
	imap_untagged(s, "QUOTAROOT %.*s%s", SLICE_FMT(buf_slice(&name)), quota->limit ? " \"\"" : "");
	buf_done(&name);
}

static enum imap_next root_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct quota *quota = cmd->state;

	if (!imap_args_space(args) || !imap_args_mailbox(args, &quota->path) || !imap_args_end(args))
		return imap_bad(cmd, args->error);
	quota->limit =
	    share_is_shared_name(quota->path) ? 0 : cmd->account->quota; /* there it is the owner's */
	tell_root(cmd->session, quota);
	return quota->limit ? IMAP_RUN : imap_ok(cmd, "There is no limit");
}

const struct imap_command imap_get_quota_root = {
	.state_size = sizeof(struct quota),
	.parse = root_parse,
	.run = quota_run,
	.reply = get_reply,
};

/* ---- SETQUOTA ---- */

/* astring SP "(" [atom SP number *(SP atom SP number)] ")" */
static bool limits(struct imap_args *args)
{
	struct slice root, resource;
	uint64_t limit;

	if (!imap_args_space(args) || !imap_args_astring(args, &root) || !imap_args_space(args) ||
	    !imap_args_open(args))
		return false;
	if (imap_args_close(args))
		return imap_args_end(args);
	do {
		if (!imap_args_atom(args, &resource) || !imap_args_space(args) ||
		    !imap_args_number(args, INT64_MAX, &limit))
			return false;
		if (imap_args_close(args))
			return imap_args_end(args);
	} while (imap_args_space(args));
	return false;
}

static enum imap_next set_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	return limits(args) ? imap_no_code(cmd, "[NOPERM]", "Quotas are set by the operators")
	                    : imap_bad(cmd, args->error);
}

const struct imap_command imap_set_quota = { .parse = set_parse };
