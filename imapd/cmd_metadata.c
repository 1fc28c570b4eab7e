/*
 * GETMETADATA and SETMETADATA (RFC 5464). What is private in a mailbox is the session's own account's, whoever owns the
 * mailbox; what is shared lies with the owner, sealed with its key. A guest takes part with the right l and one of
 * rswip (RFC 5464 3.3); to set what others see it needs w. The server's shared entries are the settings'.
 *
 * Private and shared entries of one SETMETADATA are two records: what can be refused is refused before the first
 * is written, and if the store fails between them the answer says which ones are set.
 */
#include <inttypes.h>

#include "account_ctx.h"
#include "base/buf.h"
#include "commands.h"
#include "conf.h"
#include "metadata_reply.h"
#include "notify_annotations.h"
#include "suite/nudge.h"
#include "target.h"

struct metadata_cmd {
	struct metadata_request request;
	struct target target;
	struct actor owner; /* of the mailbox */
	bool half;          /* the shared ones are set, the private ones not */
	struct id mailbox;  /* zero: the server */
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
	if (!fault && !(meta->target.rights & METADATA_RIGHTS))
		fault = fault_set(why, FAULT_DENIED, "a guest who only sees the name");
	meta->owner = (struct actor){ ACTOR_OWNER, meta->target.actor.account };
	return fault == FAULT_NO_TARGET ? FAULT_NOT_FOUND : fault;
}

static struct metadata_place place_of(const struct imap_cmd *cmd, const struct metadata_cmd *meta,
                                      enum metadata_part part)
{
	if (part == METADATA_SHARED)
		return (struct metadata_place){ &meta->owner, meta->target.key, meta->owner.account,
			                        meta->mailbox, part };
	return (struct metadata_place){ &cmd->account->actor, cmd->account->key, cmd->account->id,
		                        meta->mailbox, part };
}

/* The server's shared ones are in no record. */
static bool is_kept(const struct metadata_cmd *meta, enum metadata_part part)
{
	return part == METADATA_PRIVATE || !is_server(meta);
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
	longest = metadata_add(&line, cmd->session, meta->request.path, &meta->request, meta->parts,
	                       meta->target.special_use);
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
		if (metadata_is_use(meta->request.entries[i].name))
			return imap_no_code(cmd, "[CANNOT]", "Special uses are given by CREATE");
	for (size_t i = 0; i < meta->request.n; i++)
		if (meta->request.entries[i].value.len > (size_t)imapd_conf.metadata_value_max)
			return imap_no_code(cmd,
			                    arena_printf(cmd->arena, "[METADATA MAXSIZE %" PRId64 "]",
			                                 imapd_conf.metadata_value_max),
			                    "A value is too long");
	return IMAP_RUN;
}

static enum fault set_part(struct imap_cmd *cmd, const struct metadata_cmd *meta, enum metadata_part part,
                           enum fault (*set)(struct stack *, const struct metadata_place *,
                                             const struct metadata_edit *, struct why *),
                           struct stack *stack, struct why *why)
{
	const struct metadata_place place = place_of(cmd, meta, part);
	struct metadata_entry *changes = arena_array(cmd->arena, struct metadata_entry, meta->request.n);
	struct metadata_edit edit = { changes, 0, (size_t)imapd_conf.metadata_entries_max };

	for (size_t i = 0; i < meta->request.n; i++)
		if (metadata_is_private(meta->request.entries[i].name) == (part == METADATA_PRIVATE))
			changes[edit.n++] = meta->request.entries[i];
	return set(stack, &place, &edit, why);
}

static enum fault change_part(struct imap_cmd *cmd, const struct metadata_cmd *meta, enum metadata_part part,
                              struct stack *stack, struct why *why)
{
	const struct metadata_place place = place_of(cmd, meta, part);
	enum fault fault = set_part(cmd, meta, part, metadata_change, stack, why);

	if (!fault)
		nudge_metadata(stack, &place.account, &place.mailbox);
	return fault;
}

static bool may_share(const struct metadata_cmd *meta)
{
	return !is_server(meta) && meta->target.rights & ACL_WRITE;
}

/* Who follows the mailbox's mod-sequence comes to look (RFC 7162 3.2). */
static enum fault touch(const struct metadata_cmd *meta, struct stack *stack, struct why *why)
{
	struct mailbox_head head;
	enum fault fault = mailbox_touch(stack->store, &meta->owner, &meta->mailbox, &head, why);

	if (!fault)
		nudge_mailbox(stack, &meta->owner, &meta->mailbox, head.modseq);
	return fault;
}

static enum fault set_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct metadata_cmd *meta = cmd->state;
	const bool shared = asks_for(&meta->request, METADATA_SHARED),
	           private = asks_for(&meta->request, METADATA_PRIVATE);
	enum fault fault = find_mailbox(cmd, meta, stack, why);

	if (!fault && shared && !may_share(meta))
		fault = fault_set(why, FAULT_DENIED, "these entries are not the account's to set");
	if (!fault && shared && private)
		fault = set_part(cmd, meta, METADATA_PRIVATE, metadata_check, stack, why);
	if (!fault && shared)
		fault = change_part(cmd, meta, METADATA_SHARED, stack, why);
	if (!fault && private) {
		fault = change_part(cmd, meta, METADATA_PRIVATE, stack, why);
		meta->half = fault && shared;
	}
	return fault || is_server(meta) ? fault : touch(meta, stack, why);
}

/* NOTIFY does not tell of them. */
static void note_own(const struct imap_cmd *cmd, const struct metadata_cmd *meta, enum metadata_part part)
{
	const bool of_others = part == METADATA_SHARED && meta->target.share;

	for (size_t i = 0; i < meta->request.n; i++) {
		const struct metadata_entry *entry = &meta->request.entries[i];

		if (metadata_is_private(entry->name) == (part == METADATA_PRIVATE))
			notify_own_annotation(cmd->session, &meta->mailbox, of_others, entry->name,
			                      entry->value);
	}
}

static enum imap_next set_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	const struct metadata_cmd *meta = cmd->state;

	if (!fault || meta->half)
		note_own(cmd, meta, METADATA_SHARED);
	if (!fault)
		note_own(cmd, meta, METADATA_PRIVATE);
	if (meta->half) {
		log_fault(&cmd->log, fault, why, "the shared entries are set, the private ones are not");
		return imap_no_code(cmd, fault == FAULT_LIMIT ? "[METADATA TOOMANY]" : "[UNAVAILABLE]",
		                    "The shared entries are set, the private ones are not");
	}
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
