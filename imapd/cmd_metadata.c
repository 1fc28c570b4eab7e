/*
 * GETMETADATA and SETMETADATA (RFC 5464). What is private in a mailbox is the session's own account's, whoever owns the
 * mailbox; what is shared is the owner's, and only it sees and sets that so far. The server's shared entries are the
 * settings'.
 */
#include <inttypes.h>

#include "account_ctx.h"
#include "base/buf.h"
#include "commands.h"
#include "conf.h"
#include "metadata_reply.h"
#include "target.h"

struct metadata_cmd {
	struct metadata_request request;
	struct target target;
	struct id mailbox; /* zero: the server */
	struct metadata parts[2];
};

static bool is_server(const struct metadata_cmd *meta)
{
	return !meta->request.path[0];
}

/* ---- on a worker ---- */

static enum fault find_mailbox(struct imap_cmd *cmd, struct metadata_cmd *meta, struct stack *stack,
                               struct why *why)
{
	enum fault fault;

	if (is_server(meta))
		return FAULT_NONE;
	meta->target.path = meta->request.path;
	meta->target.opens = true;
	meta->target.needs = ACL_LOOKUP;
	fault = target_find(cmd, stack, &meta->target, &meta->mailbox, why);
	return fault == FAULT_NO_TARGET ? FAULT_NOT_FOUND : fault;
}

static struct metadata_place place_of(const struct imap_cmd *cmd, const struct metadata_cmd *meta,
                                      enum metadata_part part)
{
	return (struct metadata_place){ &cmd->account->actor, cmd->account->key, cmd->account->id,
		                        meta->mailbox, part };
}

/* Is that part of it kept in a record that the session may see? */
static bool is_kept(const struct metadata_cmd *meta, enum metadata_part part)
{
	return part == METADATA_PRIVATE || (!is_server(meta) && !meta->target.share);
}

static bool asks_for(const struct metadata_request *request, enum metadata_part part)
{
	for (size_t i = 0; i < request->n; i++)
		if (metadata_is_private(request->entries[i].name) == (part == METADATA_PRIVATE))
			return true;
	return false;
}

static void add_setting(struct metadata *metadata, struct slice name, const char *value)
{
	if (*value)
		metadata->list[metadata->n++] = (struct metadata_entry){ name, slice_str(value) };
}

static enum fault get_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct metadata_cmd *meta = cmd->state;
	struct metadata *shared = &meta->parts[METADATA_SHARED];
	enum fault fault = find_mailbox(cmd, meta, stack, why);

	for (int part = METADATA_PRIVATE; part <= METADATA_SHARED && !fault; part++) {
		const struct metadata_place place = place_of(cmd, meta, (enum metadata_part)part);

		if (is_kept(meta, place.part) && asks_for(&meta->request, place.part))
			fault = metadata_load(stack, &place, cmd->arena, &meta->parts[part], why);
	}
	if (!fault && is_server(meta)) {
		shared->list = arena_array(cmd->arena, struct metadata_entry, 2);
		add_setting(shared, SLICE("/shared/admin"), imapd_conf.metadata_admin);
		add_setting(shared, SLICE("/shared/comment"), imapd_conf.metadata_comment);
	}
	return fault;
}

/* ---- GETMETADATA ---- */

static enum imap_next get_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct metadata_cmd *meta = cmd->state;

	return metadata_get_parse(args, &meta->request) ? IMAP_RUN : imap_bad(cmd, args->error);
}

static enum imap_next get_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	const struct metadata_cmd *meta = cmd->state;
	struct buf line;
	uint64_t longest;

	if (fault)
		return imap_no(cmd, fault, why);
	buf_init(&line, BUF_NO_LIMIT);
	longest = metadata_add(&line, cmd->session, meta->request.path, &meta->request, meta->parts);
	conn_write(cmd->session->conn, line.data, line.len);
	buf_done(&line);
	return metadata_completed(cmd, longest);
}

static void metadata_done(struct imap_cmd *cmd)
{
	struct metadata_cmd *meta = cmd->state;

	target_done(&meta->target);
}

const struct imap_command imap_get_metadata = {
	.state_size = sizeof(struct metadata_cmd),
	.parse = get_parse,
	.run = get_run,
	.reply = get_reply,
	.done = metadata_done,
};

/* ---- SETMETADATA ---- */

static enum imap_next set_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct metadata_cmd *meta = cmd->state;

	if (!metadata_set_parse(args, &meta->request))
		return imap_bad(cmd, args->error);
	for (size_t i = 0; i < meta->request.n; i++)
		if (meta->request.entries[i].value.len > (size_t)imapd_conf.metadata_value_max)
			return imap_no_code(cmd,
			                    arena_printf(cmd->arena, "[METADATA MAXSIZE %" PRId64 "]",
			                                 imapd_conf.metadata_value_max),
			                    "A value is too long");
	return IMAP_RUN;
}

static enum fault set_part(struct imap_cmd *cmd, const struct metadata_cmd *meta, enum metadata_part part,
                           struct stack *stack, struct why *why)
{
	const struct metadata_place place = place_of(cmd, meta, part);
	struct metadata_entry *changes = arena_array(cmd->arena, struct metadata_entry, meta->request.n);
	size_t n = 0;

	for (size_t i = 0; i < meta->request.n; i++)
		if (metadata_is_private(meta->request.entries[i].name) == (part == METADATA_PRIVATE))
			changes[n++] = meta->request.entries[i];
	if (n == 0)
		return FAULT_NONE;
	return metadata_change(stack, &place, changes, n, (size_t)imapd_conf.metadata_entries_max, why);
}

static enum fault set_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct metadata_cmd *meta = cmd->state;
	enum fault fault = find_mailbox(cmd, meta, stack, why);

	if (!fault && asks_for(&meta->request, METADATA_SHARED) && !is_kept(meta, METADATA_SHARED))
		return fault_set(why, FAULT_DENIED, "these entries are not the account's to set");
	if (!fault) /* the shared ones first: others see them, and their limit is met before anything is set */
		fault = set_part(cmd, meta, METADATA_SHARED, stack, why);
	return fault ? fault : set_part(cmd, meta, METADATA_PRIVATE, stack, why);
}

static enum imap_next set_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	if (fault == FAULT_LIMIT)
		return imap_no_code(cmd, "[METADATA TOOMANY]", "There are too many entries");
	if (fault == FAULT_DENIED)
		return imap_no_code(cmd, "[NOPERM]", "These entries are others' to set");
	return fault ? imap_no(cmd, fault, why) : imap_ok(cmd, "Setmetadata completed");
}

const struct imap_command imap_set_metadata = {
	.state_size = sizeof(struct metadata_cmd),
	.parse = set_parse,
	.run = set_run,
	.reply = set_reply,
	.done = metadata_done,
};
