/*
 * GETQUOTA, GETQUOTAROOT and SETQUOTA (RFC 9208 4.1), resources STORAGE and MESSAGE. An account has one quota root, "",
 * for all of its mailboxes, also those that are yet to be made; without a limit it has none. Who has a role over an
 * account (auth/role.h) sees and sets its limits, by its address as the root's name; nobody raises his own without one.
 */
#include <inttypes.h>

#include "account_ctx.h"
#include "base/buf.h"
#include "commands.h"
#include "suite/share.h"

#define UNIT         1024                /* octets, of STORAGE (RFC 9208 5.1) */
#define STORAGE_MAX  (UINT64_C(1) << 40) /* of these */
#define MESSAGES_MAX UINT32_MAX

struct quota {
	const char *path; /* GETQUOTAROOT */
	struct slice root;
	struct usage limits, used;
	const char *by_ip; /* SETQUOTA */
};

static bool is_limited(const struct usage *limits)
{
	return limits->bytes || limits->messages;
}

static void tell_quota(struct session *s, const struct quota *quota)
{
	struct buf line;

	buf_init(&line, BUF_NO_LIMIT);
	if (quota->root.len)
		imap_add_astring(&line, quota->root);
	else
		buf_adds(&line, "\"\"");
	buf_adds(&line, " (");
	if (quota->limits.bytes)
		buf_printf(&line, "STORAGE %" PRIu64 " %" PRIu64 "%s", (quota->used.bytes + UNIT - 1) / UNIT,
		           quota->limits.bytes / UNIT, quota->limits.messages ? " " : "");
	if (quota->limits.messages)
		buf_printf(&line, "MESSAGE %" PRIu64 " %" PRIu64, quota->used.messages,
		           quota->limits.messages);
	imap_untagged(s, "QUOTA %.*s)", SLICE_FMT(buf_slice(&line)));
	buf_done(&line);
}

/* ---- on a worker ---- */

static enum fault own_usage(struct imap_cmd *cmd, struct stack *stack, struct usage *ret, struct why *why)
{
	struct folder_list *list;
	enum fault fault = folder_list_load(cmd->account, stack, &list, why);

	if (fault)
		return fault;
	*ret = folder_list_used(cmd->account->folders, list);
	folder_list_put(cmd->account->folders, list);
	return FAULT_NONE;
}

/* Whose limits the root's are, if the one who asks has a role over it: NO_PERMISSION looks the same whether it is there. */
static enum fault find_other(struct imap_cmd *cmd, const struct quota *quota, struct stack *stack, bool write,
                             struct account *ret, struct why *why)
{
	const bool own = quota->root.len == 0;
	struct account asks;
	enum fault fault = account_get(stack, &cmd->account->id, cmd->arena, &asks, why);

	if (!fault)
		fault = own ? account_get(stack, &cmd->account->id, cmd->arena, ret, why)
		            : account_by_login(stack, quota->root, cmd->arena, ret, why);
	if (fault && fault != FAULT_NOT_FOUND)
		return fault;
	if (fault || !account_may(&asks, write, ret))
		return fault_set(why, FAULT_DENIED, "no role over that account");
	return FAULT_NONE;
}

static enum fault look(struct imap_cmd *cmd, struct quota *quota, const struct account *account,
                       struct stack *stack, struct why *why)
{
	const struct actor actor = { .kind = ACTOR_ADMIN, .account = account->id };

	quota->limits = (struct usage){ account->quota, account->quota_messages };
	if (id_eq(&account->id, &cmd->account->id))
		return own_usage(cmd, stack, &quota->used, why);
	return mailbox_usage(stack->store, &actor, &account->id, &quota->used, why);
}

static enum fault get_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct quota *quota = cmd->state;
	struct account account;
	enum fault fault;

	if (quota->root.len == 0)
		return own_usage(cmd, stack, &quota->used, why);
	fault = find_other(cmd, quota, stack, false, &account, why);
	return fault ? fault : look(cmd, quota, &account, stack, why);
}

/* ---- GETQUOTA ---- */

static enum imap_next get_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct quota *quota = cmd->state;

	if (!imap_args_space(args) || !imap_args_astring(args, &quota->root) || !imap_args_end(args))
		return imap_bad(cmd, args->error);
	quota->limits = cmd->account->quota;
	return quota->root.len || is_limited(&quota->limits)
	           ? IMAP_RUN
	           : imap_no_code(cmd, "[NONEXISTENT]", "No such quota root");
}

static enum imap_next get_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	const struct quota *quota = cmd->state;

	if (fault == FAULT_DENIED || (!fault && !is_limited(&quota->limits)))
		return imap_no_code(cmd, "[NONEXISTENT]", "No such quota root");
	if (fault)
		return imap_no(cmd, fault, why);
	tell_quota(cmd->session, quota);
	return imap_ok(cmd, "Quota completed");
}

const struct imap_command imap_get_quota = {
	.state_size = sizeof(struct quota),
	.parse = get_parse,
	.run = get_run,
	.reply = get_reply,
};

/* ---- GETQUOTAROOT ---- */

static void tell_root(struct session *s, const struct quota *quota)
{
	struct buf name;

	buf_init(&name, BUF_NO_LIMIT);
	imap_add_mailbox(&name, s, quota->path);
	imap_untagged(s, "QUOTAROOT %.*s%s", SLICE_FMT(buf_slice(&name)),
	              is_limited(&quota->limits) ? " \"\"" : "");
	buf_done(&name);
}

static enum imap_next root_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct quota *quota = cmd->state;

	if (!imap_args_space(args) || !imap_args_mailbox(args, &quota->path) || !imap_args_end(args))
		return imap_bad(cmd, args->error);
	if (!share_is_shared_name(quota->path)) /* there it is the owner's */
		quota->limits = cmd->account->quota;
	tell_root(cmd->session, quota);
	return is_limited(&quota->limits) ? IMAP_RUN : imap_ok(cmd, "There is no limit");
}

const struct imap_command imap_get_quota_root = {
	.state_size = sizeof(struct quota),
	.parse = root_parse,
	.run = get_run,
	.reply = get_reply,
};

/* ---- SETQUOTA ---- */

/* A limit of 0 would be none at all: whoever wants none leaves it out. */
static bool limit(struct imap_args *args, struct usage *limits)
{
	uint64_t *which, max, number;
	unsigned unit = 1;

	if (imap_args_word(args, "STORAGE")) {
		which = &limits->bytes;
		max = STORAGE_MAX;
		unit = UNIT;
	} else if (imap_args_word(args, "MESSAGE")) {
		which = &limits->messages;
		max = MESSAGES_MAX;
	} else {
		args->error = "Resources are STORAGE and MESSAGE";
		return false;
	}
	if (*which || !imap_args_space(args) || !imap_args_nz_number(args, max, &number))
		return false;
	*which = number * unit;
	return true;
}

/* astring SP "(" [atom SP number *(SP atom SP number)] ")" */
static bool limits(struct imap_args *args, struct quota *quota)
{
	if (!imap_args_space(args) || !imap_args_astring(args, &quota->root) || !imap_args_space(args) ||
	    !imap_args_open(args))
		return false;
	if (imap_args_close(args))
		return imap_args_end(args);
	do {
		if (!limit(args, &quota->limits))
			return false;
	} while (imap_args_more(args));
	return imap_args_close(args) && imap_args_end(args);
}

static enum imap_next set_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct quota *quota = cmd->state;

	quota->by_ip = arena_strdup(cmd->arena, conn_peer_ip(cmd->session->conn));
	return limits(args, quota) ? IMAP_RUN : imap_bad(cmd, args->error);
}

static enum fault set_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct quota *quota = cmd->state;
	const struct change_by by = { cmd->account->login, quota->by_ip };
	struct account account;
	enum fault fault = find_other(cmd, quota, stack, true, &account, why);

	if (fault)
		return fault;
	account.quota = quota->limits.bytes;
	account.quota_messages = quota->limits.messages;
	fault = account_put(stack, &by, &account, why);
	return fault ? fault : look(cmd, quota, &account, stack, why);
}

static enum imap_next set_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	const struct quota *quota = cmd->state;

	if (fault == FAULT_DENIED)
		return imap_no_code(cmd, "[NOPERM]", "Quotas are set by the operators");
	if (fault)
		return imap_no(cmd, fault, why);
	if (quota->root.len == 0)
		cmd->session->account->quota = quota->limits;
	tell_quota(cmd->session, quota);
	return imap_ok(cmd, "Quota set");
}

const struct imap_command imap_set_quota = {
	.state_size = sizeof(struct quota),
	.parse = set_parse,
	.run = set_run,
	.reply = set_reply,
};
