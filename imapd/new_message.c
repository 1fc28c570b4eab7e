/* Messages that a command brings (new_message.h). Bytes are kept as they come, bare LFs as well. */
#include "new_message.h"

#include "account_ctx.h"
#include "base/clock.h"
#include "suite/nudge.h"
#include "url_text.h"

/* ---- the arguments ---- */

static void *grow(struct arena *arena, const void *old, size_t n, size_t size)
{
	void *array = arena_zalloc_n(arena, n ? 2 * n : 1, size);

	return n ? memcpy(array, old, n * size) : array;
}

/* utf8-literal = "UTF8" SP "(" literal8 ")" (RFC 6855 4), for who has enabled that: bytes are kept as they come, so it
 * is all the same. */
static bool utf8_follows(struct imap_args *args)
{
	return args->utf8 && imap_args_word(args, "UTF8");
}

static bool take_utf8(struct imap_args *args, struct imap_literal *ret)
{
	return imap_args_space(args) && imap_args_open(args) && imap_args_literal(args, ret) &&
	       imap_args_close(args);
}

/* cat-part = "TEXT" SP literal / "URL" SP astring / utf8-literal */
static bool take_part(struct new_messages *messages, struct imap_args *args, struct new_part *part)
{
	if (imap_args_word(args, "TEXT"))
		return imap_args_space(args) && imap_args_literal(args, &part->text);
	if (utf8_follows(args))
		return take_utf8(args, &part->text);
	if (!imap_args_word(args, "URL")) {
		args->error = "Expected TEXT or URL";
		return false;
	}
	if (!imap_args_space(args) || !imap_args_astring(args, &part->url))
		return false;
	if (!imap_url_parse(part->url, args->arena, &part->parsed) && !messages->bad_url.data)
		messages->bad_url = part->url;
	return true;
}

static bool take_parts(struct new_messages *messages, struct imap_args *args, struct new_message *message)
{
	messages->catenates = true;
	if (!imap_args_space(args) || !imap_args_open(args))
		return false;
	do {
		if (!(message->n_parts & (message->n_parts - 1))) /* a power of two: it is full */
			message->parts =
			    grow(args->arena, message->parts, message->n_parts, sizeof(message->parts[0]));
		if (!take_part(messages, args, &message->parts[message->n_parts++]))
			return false;
	} while (imap_args_more(args));
	return imap_args_close(args);
}

/* append-data = literal / literal8 / utf8-literal */
static bool take_text(struct imap_args *args, struct imap_literal *ret)
{
	return utf8_follows(args) ? take_utf8(args, ret) : imap_args_literal(args, ret);
}

static void make_room(struct new_messages *messages, struct arena *arena)
{
	messages->list = grow(arena, messages->list, messages->n, sizeof(messages->list[0]));
	messages->room = messages->n ? 2 * messages->n : 1;
	messages->entries = arena_array(arena, struct mailbox_append, messages->room);
}

bool new_messages_take(struct new_messages *messages, struct imap_args *args)
{
	struct new_message *message;

	if (!imap_args_space(args))
		return false;
	if (messages->n == messages->room)
		make_room(messages, args->arena);
	message = &messages->list[messages->n++];
	if (imap_args_peek(args, '(') &&
	    (!imap_args_flags(args, false, &message->flags) || !imap_args_space(args)))
		return false;
	message->dated = imap_args_peek(args, '"');
	if (message->dated && (!imap_args_date_time(args, &message->date) || !imap_args_space(args)))
		return false;
	if (imap_args_word(args, "CATENATE"))
		return take_parts(messages, args, message);
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

static void ask_for(struct new_messages *messages, const struct imap_cmd *cmd, uint64_t bytes)
{
	struct target *target = &messages->target;

	target->added = (struct usage){ bytes, messages->n };
	target->quota = cmd->account->quota;
}

/* One message at a time is put together, and none is larger than message_max. */
static bool reserve(struct imap_cmd *cmd)
{
	const uint64_t bytes = (uint64_t)cmd->stack->conf->message_max;

	if (!session_reserve(cmd->session, bytes))
		return false;
	cmd->reserved += bytes;
	return true;
}

static enum imap_next bad_url(const struct new_messages *messages, struct imap_cmd *cmd)
{
	char *text = arena_strz(cmd->arena, slice_first(messages->bad_url, IMAP_URL_MAX));

	for (char *c = text; *c; c++)
		if (*c <= 0x20 || *c >= 0x7f || strchr("\"\\]", *c))
			*c = '?';
	return imap_no_code(cmd, arena_printf(cmd->arena, "[BADURL \"%s\"]", text),
	                    "This names nothing here");
}

enum imap_next new_messages_check(struct new_messages *messages, struct imap_cmd *cmd)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < messages->n; i++) {
		const struct new_message *message = &messages->list[i];

		if (!message->text.data.len && !message->n_parts)
			return imap_no_code(cmd, "[CANNOT]", "A message cannot be empty");
		bytes += message->text.data.len;
		for (size_t k = 0; k < message->flags.n; k++)
			note_keyword(messages, message->flags.keywords[k]);
	}
	if (messages->bad_url.data)
		return bad_url(messages, cmd);
	if (messages->catenates && !reserve(cmd))
		return imap_no_code(cmd, "[UNAVAILABLE]",
		                    "Too many messages are being received, try again later");
	ask_for(messages, cmd, bytes);
	return IMAP_RUN;
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
	messages->target.needs = ACL_INSERT;
	fault = target_find(cmd, stack, &messages->target, &messages->mailbox, why);
	messages->found = !fault;
	return fault;
}

/* The parts one behind the other. */
static enum fault put_together(struct new_messages *messages, const struct new_message *message,
                               struct imap_cmd *cmd, struct stack *stack, struct buf *out, struct why *why)
{
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < message->n_parts && !fault; i++) {
		const struct new_part *part = &message->parts[i];

		if (part->url.data) {
			fault = url_text_read(cmd, stack, &part->parsed, out, why);
			if (fault == FAULT_NOT_FOUND)
				messages->bad_url = part->url;
		} else if (!buf_add_slice(out, part->text.data)) {
			fault = fault_set(why, FAULT_TOO_BIG, "more text than a message may have");
		}
	}
	if (fault)
		return fault;
	messages->is_empty = !out->len;
	messages->has_nul = slice_chr(buf_slice(out), '\0') >= 0;
	return messages->is_empty || messages->has_nul ? fault_set(why, FAULT_INPUT, "no message")
	                                               : FAULT_NONE;
}

static enum fault seal_parts(struct new_messages *messages, const struct new_message *message,
                             struct imap_cmd *cmd, struct stack *stack, struct arena *arena,
                             struct sealed_message *ret, struct why *why)
{
	struct buf text;
	enum fault fault;

	buf_init(&text, (size_t)stack->conf->message_max);
	fault = put_together(messages, message, cmd, stack, &text, why);
	if (!fault)
		fault = message_seal(stack->conf, buf_slice(&text), arena, ret, why);
	buf_done(&text);
	return fault;
}

enum fault new_message_seal(struct new_messages *messages, size_t i, struct imap_cmd *cmd,
                            struct stack *stack, struct arena *arena, struct sealed_message *ret,
                            struct why *why)
{
	const struct new_message *message = &messages->list[i];
	struct mailbox_append *entry = &messages->entries[i];
	const int64_t now = clock_now();
	enum fault fault;

	fault = message->parts ? seal_parts(messages, message, cmd, stack, arena, ret, why)
	                       : message_seal(stack->conf, message->text.data, arena, ret, why);
	if (fault)
		return fault;
	*entry = (struct mailbox_append){
		.content = ret->content,
		.size = (uint32_t)ret->size,
		.internal_date = message->dated ? message->date : now,
		.save_date = now,
		.flags = message->flags.flags & target_flags(&messages->target),
	};
	content_key_wrap(messages->target.key, &ret->content, &ret->key, &entry->key);
	return FAULT_NONE;
}

enum fault new_messages_weigh(struct new_messages *messages, struct imap_cmd *cmd, struct stack *stack,
                              struct why *why)
{
	uint64_t bytes = 0;

	if (!messages->catenates)
		return FAULT_NONE; /* it was known from the start */
	for (size_t i = 0; i < messages->n; i++)
		bytes += messages->entries[i].size;
	ask_for(messages, cmd, bytes);
	return target_find(cmd, stack, &messages->target, &messages->mailbox, why);
}

enum fault new_messages_name(struct new_messages *messages, struct imap_cmd *cmd, struct stack *stack,
                             struct why *why)
{
	struct mailbox_head head;
	enum fault fault;

	if (!messages->n_keywords || !target_takes_keywords(&messages->target))
		return FAULT_NONE;
	fault = keywords_ensure(stack, &messages->target.actor, messages->target.key, &messages->mailbox,
	                        messages->keywords, messages->n_keywords, cmd->arena, &messages->names, &head,
	                        why);
	for (size_t i = 0; i < messages->n && !fault; i++) {
		const struct imap_flags *flags = &messages->list[i].flags;

		messages->entries[i].keywords = 0;
		for (size_t k = 0; k < flags->n; k++)
			messages->entries[i].keywords |=
			    UINT64_C(1) << keywords_find(&messages->names, flags->keywords[k]);
	}
	return fault;
}

void new_messages_note_seen(const struct new_messages *messages, const struct imap_cmd *cmd,
                            struct stack *stack)
{
	struct uid_set seen;

	uid_set_init(&seen);
	for (size_t i = 0; i < messages->n; i++)
		if (messages->list[i].flags.flags & FLAG_SEEN)
			uid_set_add(&seen, messages->made.first_uid + (uint32_t)i);
	target_note_seen(cmd, stack, &messages->target, messages->made.uid_validity, &seen);
	uid_set_done(&seen);
}

static enum fault commit(struct new_messages *messages, struct imap_cmd *cmd, struct stack *stack,
                         struct why *why)
{
	enum fault fault = new_messages_name(messages, cmd, stack, why);

	messages->tried = !fault;
	if (!fault)
		fault = mailbox_append(stack->store, &messages->target.actor, &messages->mailbox,
		                       messages->entries, messages->n, &messages->made, why);
	if (fault)
		return fault;
	folder_cache_note(cmd->account->folders, &messages->mailbox, &messages->made.head);
	nudge_mailbox(stack, &messages->target.actor, &messages->mailbox, messages->made.head.modseq);
	messages->filed = true;
	new_messages_note_seen(messages, cmd, stack);
	return FAULT_NONE;
}

/* A mailbox that was found in a list that was kept may be gone: its name may lead to another one now. */
enum fault new_messages_file(struct new_messages *messages, struct imap_cmd *cmd, struct stack *stack,
                             struct why *why)
{
	enum fault fault = new_messages_weigh(messages, cmd, stack, why);

	if (!fault)
		fault = commit(messages, cmd, stack, why);
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
	if (messages->is_empty)
		return imap_no_code(cmd, "[CANNOT]", "A message cannot be empty");
	if (messages->bad_url.data)
		return bad_url(messages, cmd);
	return imap_no(cmd, fault, why);
}

const char *new_messages_code(const struct new_messages *messages, struct imap_cmd *cmd)
{
	const struct mailbox_appended *made = &messages->made;
	const char *uids = arena_printf(cmd->arena, "%u", made->first_uid);

	if (!imap_tells(cmd->session, "UIDPLUS"))
		return "";
	if (messages->n > 1)
		uids = arena_printf(cmd->arena, "%s:%u", uids, made->first_uid + (uint32_t)messages->n - 1);
	return arena_printf(cmd->arena, "[APPENDUID %u %s]", made->uid_validity, uids);
}
