/*
 * APPEND (RFC 3501 6.3.11, APPENDUID: RFC 4315 3, literal8: RFC 3516 4.4, several messages: RFC 3502), sealed and filed
 * on a worker, on stable storage before OK. Bytes are kept as they come, bare LFs as well.
 *
 * All messages of a command or none, in one commit of the mailbox. One message goes with its content in that commit;
 * of several the contents are stored first, some in each run, so that the client is heard in between.
 */
#include "account_ctx.h"
#include "base/clock.h"
#include "change.h"
#include "commands.h"
#include "suite/message.h"
#include "suite/nudge.h"
#include "target.h"

#define MESSAGES_MAX 1000
#define RUN_MESSAGES 16            /* stored in one run */
#define RUN_BYTES    (1024 * 1024) /* but one at least */

struct append_message {
	struct imap_flags flags;
	int64_t date; /* when `dated` */
	bool dated;
	struct imap_literal text;
};

struct append {
	struct target target;
	struct append_message *messages;
	struct mailbox_append *entries; /* what becomes of each */
	size_t n, stored;
	const char
	    *keywords[MAILBOX_KEYWORDS_MAX + 1]; /* of all messages; one more than a mailbox can have */
	size_t n_keywords;
	/* What came of it. */
	bool found, filed, has_nul, is_binary;
	struct id mailbox;
	struct mailbox_appended made;
	struct change look; /* waits until the view shows it */
};

/* ---- on a worker ---- */

static void find_nul(struct append *append)
{
	for (size_t i = 0; i < append->n && !append->has_nul; i++) {
		append->has_nul = slice_chr(append->messages[i].text.data, '\0') >= 0;
		append->is_binary = append->messages[i].text.binary;
	}
}

static enum fault make_keywords(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct append *append = cmd->state;
	struct keywords names;
	struct mailbox_head head;
	enum fault fault;

	if (!append->n_keywords)
		return FAULT_NONE;
	fault = keywords_ensure(stack, &cmd->actor, cmd->account->key, &append->mailbox, append->keywords,
	                        append->n_keywords, cmd->arena, &names, &head, why);
	for (size_t i = 0; i < append->n && !fault; i++) {
		const struct imap_flags *flags = &append->messages[i].flags;

		append->entries[i].keywords = 0;
		for (size_t k = 0; k < flags->n; k++)
			append->entries[i].keywords |= UINT64_C(1)
			                               << keywords_find(&names, flags->keywords[k]);
	}
	return fault;
}

static void make_entry(struct imap_cmd *cmd, const struct append_message *message,
                       const struct sealed_message *sealed, struct mailbox_append *entry)
{
	const int64_t now = clock_now();

	*entry = (struct mailbox_append){
		.content = sealed->content,
		.size = (uint32_t)sealed->size,
		.internal_date = message->dated ? message->date : now,
		.save_date = now,
		.flags = message->flags.flags,
	};
	content_key_wrap(cmd->account->key, &sealed->content, &sealed->key, &entry->key);
}

static enum fault commit(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct append *append = cmd->state;
	enum fault fault = make_keywords(cmd, stack, why);

	if (!fault)
		fault = mailbox_append(stack->store, &cmd->actor, &append->mailbox, append->entries,
		                       append->n, &append->made, why);
	if (fault)
		return fault;
	folder_cache_note(cmd->account->folders, &append->mailbox, &append->made.head);
	nudge_mailbox(stack, &cmd->actor, &append->mailbox, append->made.head.modseq);
	append->filed = true;
	return FAULT_NONE;
}

/* A mailbox that was found in a list that was kept may be gone: its name may lead to another one now. */
static enum fault file(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct append *append = cmd->state;
	enum fault fault = commit(cmd, stack, why);

	if (fault != FAULT_NOT_FOUND || !target_is_behind(cmd, &append->target))
		return fault;
	fault = target_find(cmd, stack, &append->target, &append->mailbox, why);
	return fault ? fault : commit(cmd, stack, why);
}

static enum fault file_one(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct append *append = cmd->state;
	struct sealed_message sealed;
	struct record content;
	enum fault fault = message_seal(stack->conf, append->messages[0].text.data, cmd->arena, &sealed, why);

	if (fault)
		return fault;
	make_entry(cmd, &append->messages[0], &sealed, &append->entries[0]);
	append->entries[0].record = &content;
	fault = message_prepare(stack, &sealed, &cmd->actor.account, 1, cmd->arena, &content, why);
	if (!fault)
		fault = file(cmd, stack, why);
	sealed_message_done(&sealed);
	return fault;
}

static enum fault store_one(struct imap_cmd *cmd, struct stack *stack, size_t i, struct why *why)
{
	struct append *append = cmd->state;
	struct arena *arena = arena_new();
	struct sealed_message sealed;
	enum fault fault = message_seal(stack->conf, append->messages[i].text.data, arena, &sealed, why);

	if (!fault) {
		make_entry(cmd, &append->messages[i], &sealed, &append->entries[i]);
		fault = message_store(stack, &cmd->actor, &sealed, &cmd->actor.account, 1, arena, why);
		sealed_message_done(&sealed);
	}
	arena_free(arena);
	return fault;
}

static enum fault file_several(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct append *append = cmd->state;
	const size_t end = MIN_OF(append->n, append->stored + RUN_MESSAGES);
	uint64_t bytes = 0;
	enum fault fault = FAULT_NONE;

	while (!fault && append->stored < end && bytes < RUN_BYTES) {
		bytes += append->messages[append->stored].text.data.len;
		fault = store_one(cmd, stack, append->stored, why);
		append->stored += !fault;
	}
	return fault || append->stored < append->n ? fault : file(cmd, stack, why);
}

static enum fault append_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct append *append = cmd->state;
	enum fault fault = FAULT_NONE;

	if (!append->found) {
		find_nul(append);
		if (append->has_nul)
			return fault_set(why, FAULT_INPUT, "a message with NUL");
		fault = target_find(cmd, stack, &append->target, &append->mailbox, why);
		append->found = !fault;
	}
	if (!fault)
		fault = append->n == 1 ? file_one(cmd, stack, why) : file_several(cmd, stack, why);
	return fault == FAULT_NOT_FOUND ? FAULT_NO_TARGET : fault;
}

/* ---- and back ---- */

static enum imap_next appended(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	const struct append *append = cmd->state;
	const struct mailbox_appended *made = &append->made;
	const char *uids = arena_printf(cmd->arena, "%u", made->first_uid);

	(void)fault; /* it is there, whatever the look has met */
	(void)why;
	if (append->n > 1)
		uids = arena_printf(cmd->arena, "%s:%u", uids, made->first_uid + (uint32_t)append->n - 1);
	return imap_ok_code(cmd, arena_printf(cmd->arena, "[APPENDUID %u %s]", made->uid_validity, uids),
	                    "Appended");
}

static enum imap_next append_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct append *append = cmd->state;

	if (append->has_nul)
		return imap_no_code(cmd, append->is_binary ? "[UNKNOWN-CTE]" : "[CANNOT]",
		                    "A message cannot hold NUL bytes");
	if (fault)
		return imap_no(cmd, fault, why);
	if (!append->filed)
		return IMAP_RUN;
	if (!cmd->session->selected.view || !id_eq(&append->mailbox, &cmd->selected))
		return appended(cmd, FAULT_NONE, NULL);
	change_begin(&append->look, cmd);
	return change_look(&append->look, appended); /* its EXISTS comes before the OK */
}

/* ---- the arguments ---- */

/* [flag-list SP] [date-time SP] literal */
static bool parse_message(struct imap_args *args, struct append_message *message)
{
	if (imap_args_peek(args, '(') &&
	    (!imap_args_flags(args, false, &message->flags) || !imap_args_space(args)))
		return false;
	message->dated = imap_args_peek(args, '"');
	if (message->dated && (!imap_args_date_time(args, &message->date) || !imap_args_space(args)))
		return false;
	return imap_args_literal(args, &message->text);
}

static size_t count_literals(const struct imap_args *args)
{
	size_t n = 0;

	for (const struct imap_segment *at = args->segment; at->next && n <= MESSAGES_MAX; at = at->next)
		n++;
	return n;
}

/* mailbox 1*(SP message) */
static bool parse_rest(struct imap_args *args, struct append *append)
{
	size_t max;

	if (!imap_args_space(args) || !imap_args_mailbox(args, &append->target.path))
		return false;
	max = count_literals(args);
	append->messages = arena_array(args->arena, struct append_message, max);
	do {
		if (!imap_args_space(args))
			return false;
		if (append->n == MIN_OF(max, (size_t)MESSAGES_MAX)) {
			args->error = max > MESSAGES_MAX ? "Too many messages at once" : "Expected a literal";
			return false;
		}
		if (!parse_message(args, &append->messages[append->n++]))
			return false;
	} while (!imap_args_is_end(args));
	return true;
}

/* More than a mailbox can have are noted as one too many: keywords_ensure() says what is to be said. */
static void note_keyword(struct append *append, const char *name)
{
	for (size_t i = 0; i < append->n_keywords; i++)
		if (slice_is(slice_str(name), append->keywords[i]))
			return;
	if (append->n_keywords < ARRAY_LEN(append->keywords))
		append->keywords[append->n_keywords++] = name;
}

/* False: one of them is empty, which is also how a client takes all of them back (RFC 3502 6.3.11). */
static bool sum_up(struct append *append)
{
	for (size_t i = 0; i < append->n; i++) {
		const struct append_message *message = &append->messages[i];

		if (!message->text.data.len)
			return false;
		append->target.bytes += message->text.data.len;
		for (size_t k = 0; k < message->flags.n; k++)
			note_keyword(append, message->flags.keywords[k]);
	}
	return true;
}

static enum imap_next append_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct append *append = cmd->state;

	if (!parse_rest(args, append))
		return imap_bad(cmd, args->error);
	if (!sum_up(append))
		return imap_no_code(cmd, "[CANNOT]", "A message cannot be empty");
	append->entries = arena_array(cmd->arena, struct mailbox_append, append->n);
	append->target.quota = cmd->account->quota;
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
