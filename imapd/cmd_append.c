/*
 * APPEND (RFC 3501 6.3.11, APPENDUID: RFC 4315 3, literal8: RFC 3516 4.4, several messages: RFC 3502, CATENATE: RFC 4469), sealed and filed
 * on a worker, on stable storage before OK.
 *
 * All messages of a command or none, in one commit of the mailbox. One message goes with its content in that commit;
 * of several the contents are stored first, some in each run, so that the client is heard in between.
 */
#include "account_ctx.h"
#include "change.h"
#include "commands.h"
#include "limit.h"
#include "new_message.h"
#include "notify_own.h"

#define MESSAGES_MAX 16000         /* and save_limit, which is what clients are told */
#define RUN_MESSAGES 16            /* stored in one run */
#define RUN_BYTES    (1024 * 1024) /* but one at least */

struct append {
	struct new_messages messages;
	size_t stored;
	struct change look; /* waits until the view shows it */
};

/* ---- on a worker ---- */

static enum fault file_one(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct append *append = cmd->state;
	struct sealed_message sealed;
	struct record content;
	enum fault fault = new_message_seal(&append->messages, 0, cmd, stack, cmd->arena, &sealed, why);

	if (fault)
		return fault;
	append->messages.entries[0].record = &content;
	fault = message_prepare(stack, &sealed, &append->messages.target.actor.account, 1, cmd->arena,
	                        &content, why);
	if (!fault)
		fault = new_messages_file(&append->messages, cmd, stack, why);
	sealed_message_done(&sealed);
	return fault;
}

static enum fault store_one(struct imap_cmd *cmd, struct stack *stack, size_t i, struct why *why)
{
	struct append *append = cmd->state;
	struct arena *arena = arena_new();
	struct sealed_message sealed;
	enum fault fault = new_message_seal(&append->messages, i, cmd, stack, arena, &sealed, why);

	if (!fault) {
		fault = message_store(stack, &append->messages.target.actor, &sealed,
		                      &append->messages.target.actor.account, 1, arena, why);
		sealed_message_done(&sealed);
	}
	arena_free(arena);
	return fault;
}

/* As long as no commit was tried nobody can know of what is stored. Otherwise, and when the client has hung up between two
 * runs, it is the sweeper's, which looks whether a mailbox names it. */
static void take_back(const struct append *append, struct stack *stack)
{
	const struct new_messages *messages = &append->messages;

	for (size_t i = 0; i < append->stored; i++)
		message_take_back(stack, &messages->target.actor, &messages->entries[i].content,
		                  messages->entries[i].size);
}

static enum fault file_several(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct append *append = cmd->state;
	struct new_messages *messages = &append->messages;
	const size_t end = MIN_OF(messages->n, append->stored + RUN_MESSAGES);
	uint64_t bytes = 0;
	enum fault fault = FAULT_NONE;

	while (!fault && append->stored < end && bytes < RUN_BYTES) {
		fault = store_one(cmd, stack, append->stored, why);
		bytes += messages->entries[append->stored].size;
		append->stored += !fault;
	}
	if (!fault && append->stored == messages->n)
		fault = new_messages_file(messages, cmd, stack, why);
	if (fault && !messages->tried)
		take_back(append, stack);
	return fault;
}

static enum fault append_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct append *append = cmd->state;
	enum fault fault = FAULT_NONE;

	if (!append->messages.found)
		fault = new_messages_find(&append->messages, cmd, stack, why);
	if (!fault)
		fault = append->messages.n == 1 ? file_one(cmd, stack, why) : file_several(cmd, stack, why);
	return fault == FAULT_NOT_FOUND ? FAULT_NO_TARGET : fault;
}

/* ---- and back ---- */

static enum imap_next appended(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	const struct append *append = cmd->state;

	(void)fault; /* it is there, whatever the look has met */
	(void)why;
	return imap_ok_code(cmd, new_messages_code(&append->messages, cmd), "Appended");
}

static enum imap_next append_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct append *append = cmd->state;

	if (fault)
		return new_messages_fail(&append->messages, cmd, fault, why);
	if (!append->messages.filed)
		return IMAP_RUN;
	notify_own_append(cmd->session, &append->messages.mailbox, append->messages.made.first_uid,
	                  (uint32_t)append->messages.n, &append->messages.made.head);
	if (!cmd->session->selected.view || !id_eq(&append->messages.mailbox, &cmd->selected))
		return appended(cmd, FAULT_NONE, NULL);
	change_begin(&append->look, cmd);
	return change_look(&append->look, appended); /* its EXISTS comes before the OK */
}

/* ---- the arguments ---- */

/* mailbox 1*append-message */
static bool parse_rest(struct imap_args *args, struct append *append)
{
	if (!imap_args_space(args) || !imap_args_mailbox(args, &append->messages.target.path))
		return false;
	do {
		if (append->messages.n == MESSAGES_MAX) {
			args->error = "Too many messages at once";
			return false;
		}
		if (!new_messages_take(&append->messages, args))
			return false;
	} while (!imap_args_is_end(args));
	return true;
}

static enum imap_next append_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct append *append = cmd->state;

	if (!parse_rest(args, append))
		return imap_bad(cmd, args->error);
	if (append->messages.n > limit_saving())
		return limit_refuse(cmd, limit_saving());
	return new_messages_check(&append->messages, cmd);
}

static void append_done(struct imap_cmd *cmd)
{
	struct append *append = cmd->state;

	change_done(&append->look);
	target_done(&append->messages.target);
}

const struct imap_command imap_append = {
	.state_size = sizeof(struct append),
	.parse = append_parse,
	.run = append_run,
	.reply = append_reply,
	.done = append_done,
};
