/*
 * GETACL, SETACL, DELETEACL, LISTRIGHTS and MYRIGHTS (RFC 4314 3).
 *
 * An owner has all rights in his mailboxes, always; what others may do is the mailbox's list, which the store holds
 * everybody to. Identifiers are logins, and "anyone" for all accounts of the owner's domain. There are no negative
 * rights: identifiers with a "-" name nobody.
 *
 * Who may not administer the mailbox hears NOPERM; who may not even look it up, that it is not there.
 */
#include "account_ctx.h"
#include "acl_reply.h"
#include "base/buf.h"
#include "commands.h"
#include "outbox_hold.h"
#include "suite/share.h"
#include "target.h"

struct acl {
	struct target target;
	struct slice who, letters;
	enum acl_change change;
	uint32_t rights;
	/* What the worker has found. */
	struct id mailbox;
	const char *owner, *domain;
	bool is_owner; /* `who` is the owner */
	bool unknown;  /* nobody is called so */
	const char **names;
	const struct mailbox_meta *meta;
};

void acl_add_my_rights(struct buf *out, const struct session *s, const char *path, uint32_t rights)
{
	char room[ACL_LETTERS];

	buf_adds(out, "* MYRIGHTS ");
	imap_add_mailbox(out, s, path);
	buf_printf(out, " %s\r\n", acl_print(rights, room));
}

/* ---- the mailbox, on a worker ---- */

static enum fault find_mailbox(struct imap_cmd *cmd, struct stack *stack, uint32_t needs, struct why *why)
{
	struct acl *acl = cmd->state;
	enum fault fault;

	acl->target.needs = needs;
	acl->target.opens = true;
	fault = target_find(cmd, stack, &acl->target, &acl->mailbox, why);
	if (fault)
		return fault == FAULT_NO_TARGET ? FAULT_NOT_FOUND : fault;
	acl->owner = acl->target.share ? acl->target.share->owner->account.login : cmd->account->login;
	acl->domain = acl->target.share ? acl->target.share->owner->account.domain : cmd->account->domain;
	return FAULT_NONE;
}

static enum fault find_who(struct imap_cmd *cmd, struct stack *stack, struct id *ret, struct why *why)
{
	struct acl *acl = cmd->state;
	enum fault fault = share_who(stack, acl->who, acl->domain, cmd->arena, ret, why);

	acl->unknown = fault == FAULT_NOT_FOUND;
	acl->is_owner = !fault && id_eq(ret, &acl->target.actor.account);
	return fault;
}

static enum imap_next fail(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	const struct acl *acl = cmd->state;

	if (acl->unknown)
		return imap_no_code(cmd, "[CANNOT]", "Nobody here has that name");
	if (acl->is_owner)
		return imap_no_code(cmd, "[CANNOT]", "The owner's rights cannot be changed");
	return imap_no(cmd, fault, why);
}

static void acl_done(struct imap_cmd *cmd)
{
	struct acl *acl = cmd->state;

	target_done(&acl->target);
}

/* SP mailbox */
static bool parse_mailbox(struct imap_args *args, struct acl *acl)
{
	return imap_args_space(args) && imap_args_mailbox(args, &acl->target.path);
}

/* SP mailbox SP identifier */
static bool parse_who(struct imap_args *args, struct acl *acl)
{
	return parse_mailbox(args, acl) && imap_args_space(args) && imap_args_astring(args, &acl->who);
}

/* ---- SETACL, DELETEACL ---- */

/* mod-rights = astring, with "+" or "-" in front of it to add or remove */
static enum imap_next set_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct acl *acl = cmd->state;
	bool good = parse_who(args, acl);

	if (good && !(cmd->verb->flags & VERB_DELETES))
		good = imap_args_space(args) && imap_args_astring(args, &acl->letters);
	if (!good || !imap_args_end(args))
		return imap_bad(cmd, args->error);
	if (acl->letters.len && (acl->letters.data[0] == '+' || acl->letters.data[0] == '-')) {
		acl->change = acl->letters.data[0] == '+' ? ACL_ADD : ACL_REMOVE;
		acl->letters = slice_from(acl->letters, 1);
	}
	return acl_parse(acl->letters, &acl->rights) ? IMAP_RUN : imap_bad(cmd, "Unknown right");
}

static enum fault set_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct acl *acl = cmd->state;
	struct id who;
	enum fault fault = find_mailbox(cmd, stack, ACL_ADMINISTER, why);

	if (!fault)
		fault = find_who(cmd, stack, &who, why);
	if (!fault && outbox_is(cmd, &acl->mailbox))
		return fault_set(why, FAULT_UNSUPPORTED, "the Outbox is its owner's alone");
	if (!fault && acl->is_owner)
		fault = fault_set(why, FAULT_DENIED, "the owner's rights");
	return fault
	           ? fault
	           : share_set(stack, &acl->target.actor, &acl->mailbox, &who, acl->change, acl->rights, why);
}

static enum imap_next set_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	return fault ? fail(cmd, fault, why) : imap_ok(cmd, "%s completed", cmd->verb->name);
}

const struct imap_command imap_set_acl = {
	.state_size = sizeof(struct acl),
	.parse = set_parse,
	.run = set_run,
	.reply = set_reply,
	.done = acl_done,
};

/* ---- GETACL ---- */

static enum imap_next get_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct acl *acl = cmd->state;

	return parse_mailbox(args, acl) && imap_args_end(args) ? IMAP_RUN : imap_bad(cmd, args->error);
}

static enum fault find_meta(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct acl *acl = cmd->state;
	struct mailbox_row *rows;
	size_t n;
	enum fault fault;

	if (acl->target.share) {
		struct mailbox_row *row = arena_make(cmd->arena, struct mailbox_row);

		acl->meta = &row->meta;
		return mailbox_shared_one(stack->store, &acl->target.actor, &acl->mailbox, ACL_ADMINISTER,
		                          cmd->arena, row, why);
	}
	fault = mailbox_list(stack->store, &cmd->actor, &cmd->account->id, cmd->arena, &rows, &n, why);
	for (size_t i = 0; i < n && !fault; i++)
		if (id_eq(&rows[i].meta.id, &acl->mailbox)) {
			acl->meta = &rows[i].meta;
			return FAULT_NONE;
		}
	return fault ? fault : fault_set(why, FAULT_NOT_FOUND, "no such mailbox");
}

static enum fault get_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct acl *acl = cmd->state;
	enum fault fault = find_mailbox(cmd, stack, ACL_ADMINISTER, why);

	if (!fault)
		fault = find_meta(cmd, stack, why);
	if (fault)
		return fault;
	acl->names = arena_array(cmd->arena, const char *, acl->meta->n_acl + 1);
	for (size_t i = 0; i < acl->meta->n_acl && !fault; i++)
		fault =
		    share_name(stack, &acl->meta->acl[i].who, acl->domain, cmd->arena, &acl->names[i], why);
	return fault;
}

static void add_entry(struct buf *out, const char *name, uint32_t rights)
{
	char room[ACL_LETTERS];

	buf_addc(out, ' ');
	imap_add_astring(out, slice_str(name));
	buf_printf(out, " %s", acl_print(rights, room));
}

static enum imap_next get_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	const struct acl *acl = cmd->state;
	struct buf line;

	if (fault)
		return imap_no(cmd, fault, why);
	buf_init(&line, BUF_NO_LIMIT);
	buf_adds(&line, "* ACL ");
	imap_add_mailbox(&line, cmd->session, acl->target.path);
	add_entry(&line, acl->owner, ACL_ALL);
	for (size_t i = 0; i < acl->meta->n_acl; i++)
		if (acl->names[i])
			add_entry(&line, acl->names[i], acl->meta->acl[i].rights);
	buf_adds(&line, "\r\n");
	conn_write(cmd->session->conn, line.data, line.len);
	buf_done(&line);
	return imap_ok(cmd, "GETACL completed");
}

const struct imap_command imap_get_acl = {
	.state_size = sizeof(struct acl),
	.parse = get_parse,
	.run = get_run,
	.reply = get_reply,
	.done = acl_done,
};

/* ---- MYRIGHTS ---- */

static enum fault my_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct acl *acl = cmd->state;
	enum fault fault = find_mailbox(cmd, stack, 0, why);

	/* RFC 4314 4: l, r, i, k, x or a; with the others alone it is not there */
	if (!fault && !(acl->target.rights &
	                (ACL_LOOKUP | ACL_READ | ACL_INSERT | ACL_CREATE | ACL_DELETE_BOX | ACL_ADMINISTER)))
		fault = fault_set(why, FAULT_NOT_FOUND, "no such mailbox");
	return fault;
}

static enum imap_next my_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	const struct acl *acl = cmd->state;
	struct buf line;

	if (fault)
		return imap_no(cmd, fault, why);
	buf_init(&line, BUF_NO_LIMIT);
	acl_add_my_rights(&line, cmd->session, acl->target.path, acl->target.rights);
	conn_write(cmd->session->conn, line.data, line.len);
	buf_done(&line);
	return imap_ok(cmd, "MYRIGHTS completed");
}

const struct imap_command imap_my_rights = {
	.state_size = sizeof(struct acl),
	.parse = get_parse,
	.run = my_run,
	.reply = my_reply,
	.done = acl_done,
};

/* ---- LISTRIGHTS ---- */

static enum imap_next list_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct acl *acl = cmd->state;

	return parse_who(args, acl) && imap_args_end(args) ? IMAP_RUN : imap_bad(cmd, args->error);
}

static enum fault list_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct id who;
	enum fault fault = find_mailbox(cmd, stack, ACL_ADMINISTER, why);

	return fault ? fault : find_who(cmd, stack, &who, why);
}

/* The owner has all and keeps them; to others each can be granted by itself. */
static enum imap_next list_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	const struct acl *acl = cmd->state;
	char room[ACL_LETTERS];
	struct buf line;

	if (fault)
		return acl->unknown ? fail(cmd, fault, why) : imap_no(cmd, fault, why);
	buf_init(&line, BUF_NO_LIMIT);
	buf_adds(&line, "* LISTRIGHTS ");
	imap_add_mailbox(&line, cmd->session, acl->target.path);
	buf_addc(&line, ' ');
	imap_add_astring(&line, acl->who);
	if (acl->is_owner)
		buf_printf(&line, " %s\r\n", acl_print(ACL_ALL, room));
	else
		buf_adds(&line, " \"\" l r s w i p k x t e a c d\r\n");
	conn_write(cmd->session->conn, line.data, line.len);
	buf_done(&line);
	return imap_ok(cmd, "LISTRIGHTS completed");
}

const struct imap_command imap_list_rights = {
	.state_size = sizeof(struct acl),
	.parse = list_parse,
	.run = list_run,
	.reply = list_reply,
	.done = acl_done,
};
