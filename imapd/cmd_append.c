/*
 * APPEND (RFC 3501 6.3.11, APPENDUID: RFC 4315 3, literal8: RFC 3516 4.4): one message, sealed and filed on a worker, on stable
 * storage before OK. Bytes are kept as they come, bare LFs as well.
 */
#include "account_ctx.h"
#include "base/clock.h"
#include "change.h"
#include "commands.h"
#include "suite/message.h"
#include "suite/nudge.h"
#include "target.h"

struct append {
	struct target target;
	struct imap_flags flags;
	int64_t date; /* when `dated` */
	bool dated;
	struct imap_literal message;
	/* What came of it. */
	bool has_nul;
	struct id mailbox;
	struct mailbox_appended made;
	struct change look; /* waits until the view shows it */
};

/* ---- on a worker ---- */

static enum fault make_keywords(struct imap_cmd *cmd, struct stack *stack, uint64_t *ret, struct why *why)
{
	const struct append *append = cmd->state;
	struct keywords names;
	struct mailbox_head head;
	uint64_t mask = 0;
	enum fault fault;

	*ret = 0;
	if (!append->flags.n)
		return FAULT_NONE;
	fault = keywords_ensure(stack, &cmd->actor, cmd->account->key, &append->mailbox,
	                        append->flags.keywords, append->flags.n, cmd->arena, &names, &head, why);
	for (size_t i = 0; i < append->flags.n && !fault; i++)
		mask |= UINT64_C(1) << keywords_find(&names, append->flags.keywords[i]);
	*ret = mask;
	return fault;
}

static enum fault file(struct imap_cmd *cmd, struct stack *stack, const struct sealed_message *sealed,
                       struct why *why)
{
	struct append *append = cmd->state;
	struct record content;
	struct mailbox_append entry = {
		.content = sealed->content,
		.size = (uint32_t)sealed->size,
		.save_date = clock_now(),
		.flags = append->flags.flags,
		.record = &content,
	};
	enum fault fault = make_keywords(cmd, stack, &entry.keywords, why);

	if (fault)
		return fault;
	entry.internal_date = append->dated ? append->date : entry.save_date;
	content_key_wrap(cmd->account->key, &sealed->content, &sealed->key, &entry.key);
	fault = message_prepare(stack, sealed, &cmd->actor.account, 1, cmd->arena, &content, why);
	if (!fault)
		fault = mailbox_append(stack->store, &cmd->actor, &append->mailbox, &entry, 1, &append->made,
		                       why);
	if (fault)
		return fault;
	folder_cache_note(cmd->account->folders, &append->mailbox, &append->made.head);
	nudge_mailbox(stack, &cmd->actor, &append->mailbox, append->made.head.modseq);
	return FAULT_NONE;
}

static enum fault append_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct append *append = cmd->state;
	struct sealed_message sealed;
	enum fault fault;

	append->has_nul = slice_chr(append->message.data, '\0') >= 0;
	if (append->has_nul)
		return fault_set(why, FAULT_INPUT, "a message with NUL");
	fault = target_find(cmd, stack, &append->target, &append->mailbox, why);
	if (fault)
		return fault;
	fault = message_seal(stack->conf, append->message.data, cmd->arena, &sealed, why);
	if (fault)
		return fault;
	fault = file(cmd, stack, &sealed, why);
	if (fault == FAULT_NOT_FOUND && target_is_behind(cmd, &append->target)) {
		fault = target_find(cmd, stack, &append->target, &append->mailbox, why);
		if (!fault)
			fault = file(cmd, stack, &sealed, why);
	}
	sealed_message_done(&sealed);
	return fault == FAULT_NOT_FOUND ? FAULT_NO_TARGET : fault;
}

/* ---- and back ---- */

static enum imap_next appended(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	const struct append *append = cmd->state;

	(void)fault; /* it is there, whatever the look has met */
	(void)why;
	return imap_ok_code(
	    cmd,
	    arena_printf(cmd->arena, "[APPENDUID %u %u]", append->made.uid_validity, append->made.first_uid),
	    "Appended");
}

static enum imap_next append_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct append *append = cmd->state;

	if (append->has_nul)
		return imap_no_code(cmd, append->message.binary ? "[UNKNOWN-CTE]" : "[CANNOT]",
		                    "A message cannot hold NUL bytes");
	if (fault)
		return imap_no(cmd, fault, why);
	if (!cmd->session->selected.view || !id_eq(&append->mailbox, &cmd->selected))
		return appended(cmd, FAULT_NONE, NULL);
	change_begin(&append->look, cmd);
	return change_look(&append->look, appended); /* its EXISTS comes before the OK */
}

/* ---- the arguments ---- */

/* mailbox [SP flag-list] [SP date-time] SP literal */
static bool parse_rest(struct imap_args *args, struct append *append)
{
	if (!imap_args_space(args) || !imap_args_mailbox(args, &append->target.path) ||
	    !imap_args_space(args))
		return false;
	if (imap_args_peek(args, '(') &&
	    (!imap_args_flags(args, false, &append->flags) || !imap_args_space(args)))
		return false;
	append->dated = imap_args_peek(args, '"');
	if (append->dated && (!imap_args_date_time(args, &append->date) || !imap_args_space(args)))
		return false;
	return imap_args_literal(args, &append->message) && imap_args_end(args);
}

static enum imap_next append_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct append *append = cmd->state;

	if (!parse_rest(args, append))
		return imap_bad(cmd, args->error);
	if (!append->message.data.len)
		return imap_no_code(cmd, "[CANNOT]", "A message cannot be empty");
	append->target.quota = cmd->account->quota;
	append->target.bytes = append->message.data.len;
	return IMAP_RUN;
}

static void append_done(struct imap_cmd *cmd)
{
	struct append *append = cmd->state;

	change_done(&append->look);
}

const struct imap_command imap_append = {
	.state_size = sizeof(struct append),
	.parse = append_parse,
	.run = append_run,
	.reply = append_reply,
	.done = append_done,
};
