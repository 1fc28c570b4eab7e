/*
 * NOTIFY (RFC 5465 3.1): what the client wants to hear of from now on. With SET STATUS it hears at once how the
 * mailboxes are that it is to be told of; what came to the selected one meanwhile it hears in any case.
 */
#include "account_ctx.h"
#include "commands.h"
#include "notify.h"

struct notify_cmd {
	struct arena *arena; /* of the request, until the session has it */
	struct notify_request request;
	struct snapshot snapshot;
	size_t at, shared_at; /* of the mailboxes that were told of */
};

static enum imap_next settle(struct imap_cmd *cmd)
{
	struct notify_cmd *notify = cmd->state;

	notify_set(cmd->session, notify->arena, &notify->request, &notify->snapshot);
	notify->arena = NULL;
	return imap_ok(cmd, "So be it");
}

static enum imap_next notify_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct notify_cmd *notify = cmd->state;

	notify->arena = arena_new();
	imap_args_move(args, notify->arena);
	if (!imap_args_space(args) || !notify_request_parse(args, &notify->request))
		return imap_bad(cmd, arena_strdup(cmd->arena, args->error));
	if (notify->request.unknown_event)
		return imap_no_code(cmd, "[BADEVENT (" NOTIFY_EVENTS ")]", "There are other events only");
	if (notify->request.too_expensive)
		return imap_no_code(cmd, "[NOTIFICATIONOVERFLOW]", "Too many names of mailboxes");
	if (notify->request.fetch && (notify->request.fetch->request.view & FETCH_MODSEQ))
		session_enable_condstore(cmd->session);
	return notify_parts(&notify->request) ? IMAP_RUN : settle(cmd);
}

static enum fault notify_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct notify_cmd *notify = cmd->state;

	return snapshot_load(cmd->account, stack, notify_parts(&notify->request), &notify->snapshot, why);
}

static enum imap_next notify_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct notify_cmd *notify = cmd->state;
	const struct shared_list *shared = notify->snapshot.shared;
	const struct folders *own;

	if (fault)
		return imap_no(cmd, fault, why);
	if (snapshot_has_too_many(&notify->snapshot))
		return imap_no_code(cmd, "[NOTIFICATIONOVERFLOW]", "There are too many annotations to watch");
	own = &notify->snapshot.own->folders;
	for (; notify->request.status && notify->at < own->n; notify->at++) {
		if (conn_congested(cmd->session->conn))
			return IMAP_AGAIN;
		notify_tell_status(cmd->session, &notify->request, own->list[notify->at]);
	}
	for (; shared && notify->shared_at < shared->folders.n; notify->shared_at++) {
		if (conn_congested(cmd->session->conn))
			return IMAP_AGAIN;
		notify_tell_shared(cmd->session, &notify->request, shared->folders.list[notify->shared_at]);
	}
	return settle(cmd);
}

static void notify_done(struct imap_cmd *cmd)
{
	struct notify_cmd *notify = cmd->state;

	arena_free(notify->arena);
	snapshot_done(cmd->account, &notify->snapshot);
}

const struct imap_command imap_notify = {
	.state_size = sizeof(struct notify_cmd),
	.parse = notify_parse,
	.run = notify_run,
	.reply = notify_reply,
	.done = notify_done,
};
