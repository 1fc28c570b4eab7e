/*
 * How a command begins (command.h): made of what was assembled, it asks the store whether a guest may still be here,
 * has the view look when it needs the newest, finds out which mailbox names are old spellings, and is parsed.
 */
#include "command_internal.h"

#include "account_ctx.h"
#include "base/clock.h"
#include "imapd.h"

/* ---- the arguments ---- */

static void parse(struct imap_cmd *cmd)
{
	struct imap_args args;
	enum imap_next next;

	imap_args_start(&args, cmd->segments, cmd->arena);
	args.utf8 = cmd->session->enabled & ENABLED_UTF8_TEXT;
	args.folders = cmd->names ? &cmd->names->folders : NULL;
	cmd->busy++;
	next = cmd->verb->command->parse(cmd, &args);
	cmd->busy--;
	command_proceed(cmd, next);
}

static void load_names(struct job *job, void *worker)
{
	struct imap_cmd *cmd = container_of(job, struct imap_cmd, job);

	(void)worker;
	cmd->fault = folder_list_load(cmd->account, cmd->stack, &cmd->names, &cmd->why);
}

/* A store that is away says so to whatever needs it. */
static void on_names(struct imap_cmd *cmd)
{
	cmd->where = HERE;
	if (session_is_closing(cmd->session))
		command_end(cmd);
	else
		parse(cmd);
}

/* Those that may be names; messages are longer, and if not, it does no harm. */
static bool has_ampersand(const struct imap_segment *at)
{
	for (; at; at = at->next)
		if (slice_chr(at->text, '&') >= 0 ||
		    (at->next && at->literal.data.len <= 4096 && slice_chr(at->literal.data, '&') >= 0))
			return true;
	return false;
}

/* A name in UTF-8 may have been written in modified UTF-7 all the same: the mailboxes tell which (args.h). */
static void read_arguments(struct imap_cmd *cmd)
{
	if (!(cmd->session->enabled & ENABLED_UTF8_TEXT) || !has_ampersand(cmd->segments)) {
		parse(cmd);
		return;
	}
	command_go_to_worker(cmd, load_names, on_names);
}

/* ---- the view ---- */

/* A UID that the view does not have yet may have been given out all the same: to an APPEND on another connection, or
 * on another node. */
static bool names_what_is_new(struct imap_cmd *cmd)
{
	struct uid_set *uids = arena_make(cmd->arena, struct uid_set);
	struct imap_args args;

	imap_args_start(&args, cmd->segments, cmd->arena);
	if (!imap_args_space(&args) || !imap_args_set(&args, uids))
		return false; /* SEARCH; or parse() says what is wrong */
	for (uint32_t i = 0; i < uids->n; i++) {
		const struct uid_range *range = &uids->ranges[i];
		uint32_t last = range->last < UINT32_MAX ? range->last : range->first;

		if (last < UINT32_MAX && last >= cmd->session->selected.view->state->head.uid_next)
			return true;
	}
	return false;
}

/* The view is bare, and the command is about messages. */
static bool lacks_rows(const struct imap_cmd *cmd)
{
	return view_is_bare(cmd->session->selected.view) && cmd->verb->states == IN_SELECTED &&
	       !(cmd->verb->flags & VERB_UNSELECTS);
}

static bool looks_first(struct imap_cmd *cmd)
{
	if (!cmd->session->selected.view)
		return false;
	return (cmd->verb->flags & LOOKS_FIRST) || lacks_rows(cmd) ||
	       (cmd->uid_form && names_what_is_new(cmd));
}

/* The store being away is no reason to say NO to a NOOP: the view is as fresh as it can be. */
static void on_looked(void *arg, enum fault fault, const struct why *why, struct view *view)
{
	struct imap_cmd *cmd = arg;

	(void)view;
	cmd->look = NULL;
	if (fault && fault != FAULT_NOT_FOUND)
		log_fault(&cmd->log, fault, why, "the mailbox could not be looked at");
	if (!fault || !lacks_rows(cmd)) {
		read_arguments(cmd);
		return;
	}
	imap_no(cmd, fault, why);
	command_finish(cmd);
}

static void begin(struct imap_cmd *cmd)
{
	if (looks_first(cmd)) {
		cmd->where = LOOKING;
		cmd->look =
		    view_look(cmd->session->selected.view, lacks_rows(cmd) ? VIEW_ROWS : 0, on_looked, cmd);
	} else {
		read_arguments(cmd);
	}
}

/* ---- guests ---- */

/* The view is everybody's: what a guest is told out of it, it is told because the store has just said that it may be. */
static void run_rights(struct job *job, void *worker)
{
	struct imap_cmd *cmd = container_of(job, struct imap_cmd, job);
	struct mailbox_row row;

	(void)worker;
	cmd->why.text[0] = '\0';
	cmd->fault = mailbox_shared_one(cmd->stack->store, &cmd->acting, &cmd->selected, ACL_READ, cmd->arena,
	                                &row, &cmd->why);
	if (!cmd->fault)
		cmd->rights = acl_rights(&row.meta, &cmd->acting.guest, &cmd->acting.everyone);
}

static void on_rights(struct imap_cmd *cmd)
{
	struct session *s = cmd->session;

	cmd->where = HERE;
	cmd->busy++; /* the command is ended here, not by the session */
	if (cmd->fault == FAULT_NOT_FOUND)
		session_end_visit(s);
	cmd->busy--;
	if (session_is_closing(s)) {
		command_end(cmd);
	} else if (cmd->fault) {
		imap_no(cmd, cmd->fault, &cmd->why);
		command_finish(cmd);
	} else {
		s->selected.rights = cmd->rights;
		s->selected.checked = true;
		begin(cmd);
	}
}

/* ---- what was assembled ---- */

static struct imap_cmd *command_new(struct session *s, const struct assembled *made)
{
	struct imap_cmd *cmd = arena_make(made->arena, struct imap_cmd);

	*cmd = (struct imap_cmd){
		.session = s,
		.verb = made->verb,
		.tag = made->tag,
		.uid_form = made->uid,
		.arena = made->arena,
		.selection = s->selected.opened,
		.state = arena_zalloc(made->arena, made->verb->command->state_size),
		.stack = s->imapd->daemon->stack,
		.segments = made->segments,
		.reserved = made->reserved,
		.started = clock_mono_ms(),
	};
	cmd->heard = cmd->started;
	if (s->account) {
		cmd->account = account_ctx_ref(s->account);
		cmd->actor = s->account->actor;
		cmd->holder = account_ctx_ref(s->selected.guest ? s->selected.view->account : s->account);
		cmd->acting = s->selected.guest ? s->selected.actor : cmd->actor;
	}
	if (s->selected.view)
		cmd->selected = s->selected.view->mailbox;
	return cmd;
}

bool imap_aside(struct session *s, const struct imap_verb *verb)
{
	struct assembled made = { .tag = "", .verb = verb, .uid = verb->flags & UID_FORM };

	if (s->aside)
		return false;
	made.arena = arena_new();
	made.segments = arena_make(made.arena, struct imap_segment);
	made.segments->text = SLICE("");
	s->aside = command_new(s, &made);
	s->aside->aside = true;
	s->aside->log.parent = &s->log;
	command_post_reply(s->aside); /* never from inside the call */
	return true;
}

static void log_command(struct imap_cmd *cmd)
{
	cmd->log.parent = &cmd->session->log;
	log_set(&cmd->log, "command", cmd->verb->name);
	/* never the arguments: folder names, search terms and addresses are in them */
	log_line(&cmd->log, LOG_DEBUG, "command", "tag", cmd->tag, NULL);
}

void command_start(struct session *s, const struct assembled *made)
{
	struct imap_cmd *cmd = command_new(s, made);

	s->cmd = cmd;
	log_command(cmd);
	if (s->selected.guest &&
	    (cmd->verb->states == IN_SELECTED || (cmd->verb->flags & (LOOKS_FIRST | MESSAGE_LITERAL))))
		command_go_to_worker(cmd, run_rights,
		                     on_rights); /* APPEND as well, for the EXISTS that it makes */
	else
		begin(cmd);
}

void command_refuse(struct session *s, const struct assembled *made)
{
	conn_printf(s->conn, "%s %s\r\n", made->tag, made->refusal);
	log_line(&s->log, LOG_DEBUG, "command refused", "tag", made->tag, "reply", made->refusal, NULL);
	if (slice_starts(slice_str(made->refusal), "BAD"))
		session_count_bad(s);
	session_release(s, made->reserved);
	arena_free(made->arena);
}
