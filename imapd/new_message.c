/* Messages that a command brings (new_message.h). Bytes are kept as they come, bare LFs as well. */
#include "new_message.h"

#include "account_ctx.h"
#include "base/clock.h"
#include "suite/nudge.h"

/* ---- the arguments ---- */

void new_messages_make(struct new_messages *messages, struct arena *arena, size_t max)
{
	messages->list = arena_array(arena, struct new_message, max);
	messages->entries = arena_array(arena, struct mailbox_append, max);
	messages->max = max;
}

/* append-data = literal / literal8 / "UTF8" SP "(" literal8 ")" (RFC 6855 4): bytes are kept as they come, so it is all
 * the same. */
static bool take_text(struct imap_args *args, struct imap_literal *ret)
{
	if (!args->utf8 || !imap_args_word(args, "UTF8"))
		return imap_args_literal(args, ret);
	return imap_args_space(args) && imap_args_open(args) && imap_args_literal(args, ret) &&
	       imap_args_close(args);
}

bool new_messages_take(struct new_messages *messages, struct imap_args *args)
{
	struct new_message *message = &messages->list[messages->n];

	if (!imap_args_space(args))
		return false;
	if (messages->n == messages->max) {
		args->error = "Expected a literal";
		return false;
	}
	if (imap_args_peek(args, '(') &&
	    (!imap_args_flags(args, false, &message->flags) || !imap_args_space(args)))
		return false;
	message->dated = imap_args_peek(args, '"');
	if (message->dated && (!imap_args_date_time(args, &message->date) || !imap_args_space(args)))
		return false;
	messages->n++;
	return take_text(args, &message->text);
}

/* More than a mailbox can have are noted as one too many: keywords_ensure() says what is to be said. */
static void note_keyword(struct new_messages *messages, const char *name)
{
	for (size_t i = 0; i < messages->n_keywords; i++)
		if (slice_is(slice_str(name), messages->keywords[i]))
			return;
	if (messages->n_keywords < ARRAY_LEN(messages->keywords))
		messages->keywords[messages->n_keywords++] = name;
}

bool new_messages_sum_up(struct new_messages *messages)
{
	for (size_t i = 0; i < messages->n; i++) {
		const struct new_message *message = &messages->list[i];

		if (!message->text.data.len)
			return false;
		messages->target.bytes += message->text.data.len;
		for (size_t k = 0; k < message->flags.n; k++)
			note_keyword(messages, message->flags.keywords[k]);
	}
	return true;
}

/* ---- on a worker ---- */

enum fault new_messages_find(struct new_messages *messages, struct imap_cmd *cmd, struct stack *stack,
                             struct why *why)
{
	enum fault fault;

	for (size_t i = 0; i < messages->n && !messages->has_nul; i++) {
		messages->has_nul = slice_chr(messages->list[i].text.data, '\0') >= 0;
		messages->is_binary = messages->list[i].text.binary;
	}
	if (messages->has_nul)
		return fault_set(why, FAULT_INPUT, "a message with NUL");
	fault = target_find(cmd, stack, &messages->target, &messages->mailbox, why);
	messages->found = !fault;
	return fault;
}

enum fault new_message_seal(struct new_messages *messages, size_t i, struct imap_cmd *cmd,
                            struct stack *stack, struct arena *arena, struct sealed_message *ret,
                            struct why *why)
{
	const struct new_message *message = &messages->list[i];
	struct mailbox_append *entry = &messages->entries[i];
	const int64_t now = clock_now();
	enum fault fault = message_seal(stack->conf, message->text.data, arena, ret, why);

	if (fault)
		return fault;
	*entry = (struct mailbox_append){
		.content = ret->content,
		.size = (uint32_t)ret->size,
		.internal_date = message->dated ? message->date : now,
		.save_date = now,
		.flags = message->flags.flags,
	};
	content_key_wrap(cmd->account->key, &ret->content, &ret->key, &entry->key);
	return FAULT_NONE;
}

enum fault new_messages_name(struct new_messages *messages, struct imap_cmd *cmd, struct stack *stack,
                             struct why *why)
{
	struct mailbox_head head;
	enum fault fault;

	if (!messages->n_keywords)
		return FAULT_NONE;
	fault = keywords_ensure(stack, &cmd->actor, cmd->account->key, &messages->mailbox, messages->keywords,
	                        messages->n_keywords, cmd->arena, &messages->names, &head, why);
	for (size_t i = 0; i < messages->n && !fault; i++) {
		const struct imap_flags *flags = &messages->list[i].flags;

		messages->entries[i].keywords = 0;
		for (size_t k = 0; k < flags->n; k++)
			messages->entries[i].keywords |=
			    UINT64_C(1) << keywords_find(&messages->names, flags->keywords[k]);
	}
	return fault;
}

static enum fault commit(struct new_messages *messages, struct imap_cmd *cmd, struct stack *stack,
                         struct why *why)
{
	enum fault fault = new_messages_name(messages, cmd, stack, why);

	if (!fault)
		fault = mailbox_append(stack->store, &cmd->actor, &messages->mailbox, messages->entries,
		                       messages->n, &messages->made, why);
	if (fault)
		return fault;
	folder_cache_note(cmd->account->folders, &messages->mailbox, &messages->made.head);
	nudge_mailbox(stack, &cmd->actor, &messages->mailbox, messages->made.head.modseq);
	messages->filed = true;
	return FAULT_NONE;
}

/* A mailbox that was found in a list that was kept may be gone: its name may lead to another one now. */
enum fault new_messages_file(struct new_messages *messages, struct imap_cmd *cmd, struct stack *stack,
                             struct why *why)
{
	enum fault fault = commit(messages, cmd, stack, why);

	if (fault != FAULT_NOT_FOUND || !target_is_behind(cmd, &messages->target))
		return fault;
	fault = target_find(cmd, stack, &messages->target, &messages->mailbox, why);
	return fault ? fault : commit(messages, cmd, stack, why);
}

/* ---- and back ---- */

enum imap_next new_messages_fail(const struct new_messages *messages, struct imap_cmd *cmd, enum fault fault,
                                 const struct why *why)
{
	if (messages->has_nul)
		return imap_no_code(cmd, messages->is_binary ? "[UNKNOWN-CTE]" : "[CANNOT]",
		                    "A message cannot hold NUL bytes");
	return imap_no(cmd, fault, why);
}

const char *new_messages_code(const struct new_messages *messages, struct imap_cmd *cmd)
{
	const struct mailbox_appended *made = &messages->made;
	const char *uids = arena_printf(cmd->arena, "%u", made->first_uid);

	if (messages->n > 1)
		uids = arena_printf(cmd->arena, "%s:%u", uids, made->first_uid + (uint32_t)messages->n - 1);
	return arena_printf(cmd->arena, "[APPENDUID %u %s]", made->uid_validity, uids);
}
