/*
 * COPY and MOVE, with and without UID (RFC 3501 6.4.7, 6.4.8; RFC 6851; COPYUID: RFC 4315 3).
 *
 * COPY is all or nothing: one expunged source fails it and the target stays as it was. With UID, what
 * is gone is no error: clients that hear NO try for ever.
 *
 * MOVE goes batch by batch: copied, told (COPYUID), expunged from the source. So a
 * client that hangs up half-way has every message in one place or, for a moment, in both; never in none. What a crash
 * cuts short is finished by a marker in the target (suite/move.h).
 * Out of the Outbox: all is put off on the queue first, then each batch is cancelled between its copy and its expunge.
 */
#include "account_ctx.h"
#include "change.h"
#include "commands.h"
#include "limit.h"
#include "notify_own.h"
#include "outbox_hold.h"
#include "rows.h"
#include "suite/copy.h"
#include "suite/move.h"
#include "target.h"
#include "vanished.h"

#define MOVE_BATCH 500  /* messages moved between two looks at the client */
#define COPY_BATCH 8192 /* messages in one log entry */

struct copy {
	struct target target;
	struct uid_set todo; /* UIDs, since sequence numbers may shift */
	struct rows rows;
	/* The batch: of a COPY, everything. */
	uint32_t start; /* UID it begins at */
	struct arena *arena;
	struct copy_request request;
	struct keywords keywords;
	struct change change; /* of a MOVE: the expunge */
	bool found, copied, told, pausing;
	struct id move;            /* the batch's marker; zero: none */
	struct outbox_hold hold;   /* of a MOVE out of the Outbox: everything, put off */
	struct outbox_hold cancel; /* the batch, cancelled */
	/* What was copied. */
	struct uid_set from, to;
	uint32_t uid_validity;
	struct mailbox_head head; /* of the mailbox they went to */
};

static bool is_move(const struct imap_cmd *cmd)
{
	return cmd->verb->flags & VERB_MOVES;
}

/* ---- replies ---- */

static const char *copyuid(struct imap_cmd *cmd, const struct copy *copy)
{
	const char *text;
	struct buf out;

	if (!imap_tells(cmd->session, "UIDPLUS"))
		return "";

	buf_init(&out, BUF_NO_LIMIT);
	buf_printf(&out, "[COPYUID %u ", copy->uid_validity);
	uid_set_print(&copy->from, &out);
	buf_addc(&out, ' ');
	uid_set_print(&copy->to, &out);
	buf_addc(&out, ']');
	text = arena_strz(is_move(cmd) ? copy->arena : cmd->arena, buf_slice(&out));
	buf_done(&out);
	return text;
}

/* A message copied into the mailbox that is open is told at once. */
static enum imap_next copied(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	(void)fault; /* it is copied, whatever the look has met */
	(void)why;
	return imap_ok_code(cmd, copyuid(cmd, cmd->state), "Copied");
}

/* ---- the next batch, on the loop ---- */

static void copy_names(struct copy *copy, const struct keywords *names)
{
	copy->keywords.n = names->n;
	for (uint32_t i = 0; i < names->n; i++)
		copy->keywords.names[i] = arena_strdup(copy->arena, names->names[i]);
}

static void take_items(struct imap_cmd *cmd, struct copy *copy, const struct uid_set *uids)
{
	const struct view *view = cmd->session->selected.view;
	const uint64_t states = outbox_is_selected(cmd) ? outbox_states(&view->keywords) : 0;

	copy_names(copy, &view->keywords);
	copy->request.from = cmd->selected;
	copy->request.keywords = &copy->keywords;
	copy_items(view->state, uids, copy->arena, &copy->request.items, &copy->request.n);
	copy->target.added = (struct usage){ .messages = copy->request.n };
	for (size_t i = 0; i < copy->request.n; i++) {
		struct copy_item *item = &copy->request.items[i];

		copy->target.added.bytes += item->message.size;
		if (cmd->session->selected.guest) /* what it has seen itself */
			item->message.flags = selected_flags(
			    &cmd->session->selected, (uint32_t)mailbox_state_find(view->state, item->uid));
		item->message.keywords &= ~states;
	}
	if (is_move(cmd))
		copy->target.freed = copy->target.added;
}

/* What cannot be cancelled is left where it is. */
static enum imap_next moved(struct imap_cmd *cmd, const struct copy *copy)
{
	const char *refused = outbox_hold_refused(&copy->hold);

	if (refused)
		return imap_no_code(cmd, "[INUSE]", refused);
	return copy->uid_validity ? vanished_ok(cmd, "Moved") : imap_ok(cmd, "Moved");
}

static enum imap_next take_batch(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct copy *copy = cmd->state;
	const size_t max = is_move(cmd) ? MOVE_BATCH : SIZE_MAX;
	struct uid_set uids;
	size_t n = 0;

	if (fault)
		return change_fail(&copy->change, fault, why);
	arena_reset(copy->arena);
	uid_set_init(&uids);
	change_begin(&copy->change, cmd);
	copy->change.cancelled = copy->hold.settled;
	copy->copied = copy->told = false;
	copy->rows.next = copy->start;
	rows_resume(&copy->rows);
	for (; n < max && rows_next(&copy->rows); n++) {
		uid_set_add(&uids, copy->rows.uid);
		if (is_move(cmd))
			change_expunge(&copy->change, copy->rows.at);
	}
	take_items(cmd, copy, &uids);
	if (copy->hold.settled)
		outbox_hold_take(&copy->cancel, cmd, &uids, copy->arena);
	uid_set_done(&uids);
	if (n)
		return IMAP_RUN;
	change_leave(&copy->change);
	return is_move(cmd) ? moved(cmd, copy) : imap_ok(cmd, "No messages matched");
}

static enum imap_next next_batch(struct imap_cmd *cmd)
{
	struct copy *copy = cmd->state;

	if (!copy->pausing)
		cmd->progress += copy->request.n; /* of the batch that is over */
	copy->start = copy->rows.next;
	copy->pausing = conn_congested(cmd->session->conn); /* no turn is kept while the client reads */
	if (copy->pausing)
		return IMAP_AGAIN;
	return is_move(cmd) ? change_turn(&copy->change, cmd, take_batch) : take_batch(cmd, FAULT_NONE, NULL);
}

/* Copied, but the source has changed: what is still there of the batch is to go. */
static enum imap_next expunge_again(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct copy *copy = cmd->state;
	struct rows rows;

	if (fault)
		return change_fail(&copy->change, fault, why);
	change_begin(&copy->change, cmd);
	copy->change.cancelled = copy->hold.settled;
	rows_start(&rows, &cmd->session->selected, &copy->from);
	while (rows_next(&rows))
		change_expunge(&copy->change, rows.at);
	if (!change_is_empty(&copy->change))
		return IMAP_RUN;
	change_leave(&copy->change);
	return next_batch(cmd);
}

/* ---- on a worker ---- */

static void note_seen(const struct imap_cmd *cmd, struct stack *stack, const struct copy_request *request,
                      const struct mailbox_appended *made)
{
	const struct copy *copy = cmd->state;
	struct uid_set seen;

	uid_set_init(&seen);
	for (size_t i = 0; i < request->n; i++)
		if (request->items[i].message.flags & FLAG_SEEN)
			uid_set_add(&seen, made->first_uid + (uint32_t)i);
	target_note_seen(cmd, stack, &copy->target, made->uid_validity, &seen);
	uid_set_done(&seen);
}

static enum fault copy_some(struct imap_cmd *cmd, struct stack *stack, size_t start, size_t n,
                            struct why *why)
{
	struct copy *copy = cmd->state;
	struct copy_request some = copy->request;
	const struct copy_into into = { &copy->target.actor, copy->target.key, target_flags(&copy->target),
		                        target_takes_keywords(&copy->target) };
	struct mailbox_appended made;
	enum fault fault;

	some.items += start;
	some.n = n;
	some.into = &into;
	/* what leaves the Outbox goes by the queue, which may have the last word */
	copy->move = is_move(cmd) && !copy->hold.settled ? id_new() : (struct id){ { 0 } };
	some.move = id_is_zero(&copy->move) ? NULL : &copy->move;
	fault = copy_run(stack, &cmd->acting, cmd->holder->key, &some, copy->arena, &made, why);
	if (fault)
		return fault;
	for (size_t i = 0; i < n; i++)
		uid_set_add(&copy->from, some.items[i].uid);
	note_seen(cmd, stack, &some, &made);
	uid_set_add_range(&copy->to, made.first_uid, made.first_uid + (uint32_t)n - 1);
	copy->uid_validity = made.uid_validity;
	copy->head = made.head;
	folder_cache_note(cmd->account->folders, &some.to, &made.head);
	return FAULT_NONE;
}

/* What does not fit one log entry takes several; when one fails the others are taken back. */
static enum fault copy_all(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct copy *copy = cmd->state;
	enum fault fault = FAULT_NONE;
	struct why later;

	uid_set_done(&copy->from);
	uid_set_done(&copy->to);
	for (size_t at = 0; at < copy->request.n && !fault; at += COPY_BATCH)
		fault = copy_some(cmd, stack, at, MIN_OF(copy->request.n - at, (size_t)COPY_BATCH), why);
	if (fault && !uid_set_is_empty(&copy->to) &&
	    copy_expunge(stack, &copy->target.actor, &copy->request.to, &copy->to, &later))
		return fault_add(why, fault, "what was copied could not be taken back (%s)", later.text);
	return fault;
}

static enum fault find_and_copy(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct copy *copy = cmd->state;
	enum fault fault = FAULT_NONE;

	if (!copy->found)
		fault = target_find(cmd, stack, &copy->target, &copy->request.to, why);
	copy->found = !fault;
	return fault ? fault : copy_all(cmd, stack, why);
}

static enum fault copy_run_batch(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct copy *copy = cmd->state;
	enum fault fault = FAULT_NONE;

	if (copy->hold.due)
		return outbox_hold_pause(&copy->hold, cmd, stack, why);
	if (!copy->copied)
		fault = find_and_copy(cmd, stack, why);
	if (fault == FAULT_NO_TARGET && copy->found && target_is_behind(cmd, &copy->target)) {
		copy->found = false;
		fault = find_and_copy(cmd, stack, why);
	}
	if (fault)
		return fault;
	copy->copied = true;
	if (copy->cancel.due)
		fault = outbox_hold_cancel(&copy->cancel, cmd, stack, why);
	if (fault || outbox_hold_refused(&copy->cancel))
		return fault;
	if (is_move(cmd))
		fault = change_commit(&copy->change, stack, why);
	if (!fault && !id_is_zero(&copy->move))
		move_done(stack, &copy->target.actor, &copy->request.to, &copy->move);
	return fault;
}

/* ---- and back ---- */

/* Nobody begins to send what is to leave the Outbox; the others are left out. */
static enum imap_next put_off(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct copy *copy = cmd->state;

	copy->hold.back = false;
	if (fault)
		return imap_no(cmd, fault, why);
	for (size_t i = 0; i < copy->hold.n; i++)
		if (copy->hold.messages[i].fate != OUTBOX_FREE)
			uid_set_del_range(&copy->todo, copy->hold.items[i].uid, copy->hold.items[i].uid);
	rows_start(&copy->rows, &cmd->session->selected, &copy->todo);
	return next_batch(cmd);
}

static enum imap_next start_move(struct imap_cmd *cmd)
{
	struct copy *copy = cmd->state;

	if (!outbox_is_selected(cmd))
		return next_batch(cmd);
	outbox_hold_note_left(&copy->hold, cmd, &copy->todo);
	outbox_hold_take(&copy->hold, cmd, &copy->todo, cmd->arena);
	return copy->hold.due ? IMAP_RUN : next_batch(cmd);
}

/* The client knows what it has copied. */
static void note_own(const struct imap_cmd *cmd, const struct copy *copy)
{
	if (!copy->told && !uid_set_is_empty(&copy->to))
		notify_own_append(cmd->session, &copy->request.to, copy->to.ranges[0].first,
		                  (uint32_t)uid_set_count(&copy->to), &copy->head);
}

static enum imap_next copy_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct copy *copy = cmd->state;

	if (copy->pausing)
		return next_batch(cmd);
	if (copy->hold.back)
		return put_off(cmd, fault, why);
	if (fault == FAULT_NOT_FOUND && !copy->copied && cmd->uid_form)
		return change_look(&copy->change, take_batch);
	if (fault && fault != FAULT_STALE)
		change_leave(&copy->change);
	if (fault == FAULT_NOT_FOUND && !copy->copied)
		return imap_no_code(cmd, "[EXPUNGEISSUED]", "Some of the messages are gone");
	if (fault && !copy->copied)
		return imap_no(cmd, fault, why);
	note_own(cmd, copy);
	if (!is_move(cmd))
		return id_eq(&copy->request.to, &cmd->selected) ? change_look(&copy->change, copied)
		                                                : copied(cmd, FAULT_NONE, NULL);
	if (!copy->told && imap_tells(cmd->session, "UIDPLUS")) /* the EXPUNGEs come behind it */
		imap_untagged(cmd->session, "OK %s Moved", copyuid(cmd, copy));
	copy->told = true;
	if (fault == FAULT_STALE)
		return change_look(&copy->change, expunge_again);
	if (fault)
		return imap_no(cmd, fault, why);
	if (outbox_hold_refused(&copy->cancel)) { /* an operator had it sent meanwhile */
		change_leave(&copy->change);
		return imap_no_code(cmd, "[INUSE]", outbox_hold_refused(&copy->cancel));
	}
	change_committed(&copy->change, false);
	session_tell_news(cmd->session, true);
	return next_batch(cmd);
}

/* ---- the beginning ---- */

static bool names_ghosts(const struct imap_cmd *cmd, const struct uid_set *uids)
{
	struct uid_set gone;
	bool any;

	uid_set_init(&gone);
	uid_set_copy(&gone, &cmd->session->selected.ghosts);
	uid_set_intersect(&gone, uids);
	any = !uid_set_is_empty(&gone);
	uid_set_done(&gone);
	return any;
}

static enum imap_next copy_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct copy *copy = cmd->state;

	/* sequence-set SP mailbox */
	if (!imap_args_space(args) || !imap_args_messages(args, cmd, &copy->todo) || !imap_args_space(args) ||
	    !imap_args_mailbox(args, &copy->target.path) || !imap_args_end(args))
		return imap_bad(cmd, args->error);
	if (is_move(cmd) && cmd->session->selected.read_only)
		return imap_no_code(cmd, "[READ-ONLY]", "The mailbox is open for reading only");
	if (is_move(cmd) && !imap_may(cmd, ACL_DELETE | ACL_EXPUNGE))
		return IMAP_DONE;
	if (!is_move(cmd) && !cmd->uid_form && names_ghosts(cmd, &copy->todo))
		return imap_no_code(cmd, "[EXPUNGEISSUED]", "Some of the messages are gone");
	if (is_move(cmd))
		limit_messages(cmd, &copy->todo);
	else if (limit_count(cmd, &copy->todo) > limit_saving())
		return limit_refuse(cmd, limit_saving());
	copy->target.quota = cmd->account->quota;
	copy->target.freed_of = cmd->acting.account;
	copy->target.needs = ACL_INSERT;
	copy->arena = arena_new();
	cmd->goal = uid_set_count(&copy->todo); /* as many, or less: some may not exist */
	rows_start(&copy->rows, &cmd->session->selected, &copy->todo);
	return is_move(cmd) ? start_move(cmd) : next_batch(cmd);
}

static void copy_done(struct imap_cmd *cmd)
{
	struct copy *copy = cmd->state;

	uid_set_done(&copy->from);
	uid_set_done(&copy->to);
	change_done(&copy->change);
	arena_free(copy->arena);
	target_done(&copy->target);
}

const struct imap_command imap_copy = {
	.state_size = sizeof(struct copy),
	.parse = copy_parse,
	.run = copy_run_batch,
	.reply = copy_reply,
	.done = copy_done,
};
