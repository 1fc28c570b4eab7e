/*
 * The engine of commands (command.h): parse, run, reply, until the tagged reply
 * is written; and giving everything back, whatever happens.
 *
 * Invariants
 *  1. A command is in one place (cmd->where). Only in AT_WORKER and POSTED does somebody else hold it: it is freed when
 *     it is back.
 *  2. Callbacks of commands run with cmd->busy raised: a session that closes meanwhile leaves the command to the
 *     call that is on the stack, which sees it when the callback returns.
 *  3. The tagged reply is written behind all news that are allowed, in batches that the client takes.
 */
#include "engine.h"

#include <assert.h>
#include <inttypes.h>

#include "account_ctx.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "commands.h"
#include "context.h"
#include "imapd.h"

enum where { HERE, AT_WORKER /* or it waits for one */, POSTED, DRAINING, WAITING, LOOKING, HELD };

static struct metric command_seconds = {
	.kind = METRIC_HISTOGRAM,
	.name = "posthouse_imapd_command_seconds",
	.help = "time from a command's last byte to its tagged reply, IDLE left out",
};

static void proceed(struct imap_cmd *cmd, enum imap_next next);

/* ---- the end ---- */

static void end(struct imap_cmd *cmd)
{
	struct session *s = cmd->session;

	const bool aside = cmd->aside;

	assert(aside ? s->aside == cmd : s->cmd == cmd);
	if (cmd->look)
		view_cancel(cmd->look);
	if (cmd->names)
		folder_list_put(cmd->account->folders, cmd->names);
	if (cmd->verb->command->done)
		cmd->verb->command->done(cmd);
	session_release(s, cmd->reserved);
	account_ctx_unref(cmd->account);
	account_ctx_unref(cmd->holder);
	if (aside)
		s->aside = NULL;
	else
		s->cmd = NULL;
	arena_free(cmd->arena);
	if (aside)
		session_aside_over(s);
	else
		session_command_over(s);
}

static bool may_expunge(const struct imap_cmd *cmd)
{
	return cmd->uid_form || !(cmd->verb->flags & USES_SEQ) || (cmd->verb->flags & VERB_MOVES);
}

static void call_reply(struct imap_cmd *cmd);

static void on_posted(void *arg)
{
	call_reply(arg);
}

static void post_reply(struct imap_cmd *cmd)
{
	cmd->where = POSTED;
	loop_post(cmd->session->imapd->daemon->loop, on_posted, cmd);
}

/* Its tagged reply waits a moment for what is done aside. */
static bool hold(struct imap_cmd *cmd)
{
	const int64_t now = clock_mono_ms();

	if (!cmd->held_until)
		cmd->held_until = now + cmd->session->imapd->update_wait;
	return now < cmd->held_until;
}

/* EXPUNGE has to wait for what is done aside, and the tagged reply behind it as well: of what others have expunged it can
 * be told later. */
static bool waits_for_aside(struct imap_cmd *cmd)
{
	const struct session *s = cmd->session;
	const bool expunges = (cmd->verb->flags & VERB_MOVES) || cmd->verb->command == &imap_expunge;

	if (!s->aside || !s->selected.view || !may_expunge(cmd) || uid_set_is_empty(&s->selected.ghosts))
		return false;
	return hold(cmd) || (expunges && !cmd->told);
}

/* What the news mean for searches that go on is told in front of the tagged reply as well, unless the messages have to be
 * read for it and that takes long: then it comes when it comes. */
static bool waits_for_contexts(struct imap_cmd *cmd)
{
	return !cmd->then && contexts_ask(cmd->session) && hold(cmd);
}

static void drain(struct imap_cmd *cmd, enum imap_next next)
{
	cmd->where = DRAINING;
	cmd->next = next;
	if (cmd->aside)
		return;
	session_wake_after(cmd->session,
	                   cmd->held_until ? MAX_OF(cmd->held_until - clock_mono_ms(), (int64_t)0) : 0);
}

static void finish(struct imap_cmd *cmd)
{
	struct session *s = cmd->session;
	bool waits;

	if (cmd->aside) {
		end(cmd);
		return;
	}
	if (s->aside && s->aside->where == HELD)
		post_reply(s->aside);
	assert(cmd->tagged && "a command is done without a tagged reply");
	if (waits_for_aside(cmd)) {
		drain(cmd, IMAP_DONE);
		return;
	}
	cmd->busy++;
	cmd->told = session_tell_news(s, may_expunge(cmd));
	waits = !cmd->told || waits_for_contexts(cmd);
	if (!waits && !session_is_closing(s)) {
		conn_printf(s->conn, "%s %s\r\n", cmd->tag, cmd->tagged);
		if (cmd->then)
			cmd->then(s);
	}
	cmd->busy--;
	if (waits && !session_is_closing(s)) {
		drain(cmd, IMAP_DONE);
		return;
	}
	if (cmd->held_until)
		session_wake_after(s, 0);
	if (!cmd->verb->command->on_line)
		metric_observe(&command_seconds, (double)(clock_mono_ms() - cmd->started) / 1000);
	end(cmd);
}

void command_abandon(struct imap_cmd *cmd)
{
	if (cmd->where == AT_WORKER && !turn_leave(&cmd->turn))
		job_drop(&cmd->job);
	else if (cmd->where != POSTED)
		end(cmd);
}

/* ---- one step ---- */

/* Its mailbox was closed meanwhile. */
static bool is_out_of_place(const struct imap_cmd *cmd)
{
	const struct selected *selected = &cmd->session->selected;

	return cmd->aside && (!selected->view || selected->opened != cmd->selection);
}

static void call_reply(struct imap_cmd *cmd)
{
	struct session *s = cmd->session;
	enum imap_next next;

	cmd->where = HERE;
	if (session_is_closing(s) || is_out_of_place(cmd)) {
		end(cmd);
		return;
	}
	if (cmd->aside && s->cmd && s->cmd->within_response) {
		cmd->where = HELD; /* until that is sent: finish() */
		return;
	}
	if (!cmd->aside)
		session_wake_after(s, 0);
	cmd->kept_up = !conn_unsent(s->conn);
	cmd->busy++;
	next = cmd->verb->command->reply(cmd, cmd->fault, &cmd->why);
	cmd->busy--;
	proceed(cmd, next);
}

static void run_job(struct job *job, void *worker)
{
	struct imap_cmd *cmd = container_of(job, struct imap_cmd, job);

	const int64_t began = clock_mono_ms();

	(void)worker;
	cmd->why.text[0] = '\0';
	cmd->fault = cmd->verb->command->run(cmd, cmd->stack, &cmd->why);
	cmd->worked += clock_mono_ms() - began;
	if (cmd->verb->flags & CHANGES_FOLDERS) /* a fault is no proof that nothing has changed */
		folder_cache_drop(cmd->account->folders);
}

/* One command shall not have a worker for ever: it ends between two batches, where what was done is whole. True: it is
 * answered. */
static bool is_too_much(struct imap_cmd *cmd)
{
	if (cmd->aside || !cmd->account || cmd->within_response || !cmd->ran ||
	    cmd->worked <= imapd_conf.command_time)
		return false;
	log_line(&cmd->log, LOG_WARN, "a command took too long", NULL);
	imap_no_code(cmd, "[LIMIT]", "It takes too long: ask for less at once");
	return true;
}

static void on_job_dropped(struct job *job)
{
	struct imap_cmd *cmd = container_of(job, struct imap_cmd, job);

	turn_over(&cmd->turn);
	cmd->where = HERE;
	end(cmd);
}

static void on_job_back(struct job *job)
{
	struct imap_cmd *cmd = container_of(job, struct imap_cmd, job);

	turn_over(&cmd->turn);
	cmd->back(cmd);
}

static void on_no_worker(void *arg)
{
	struct imap_cmd *cmd = arg;

	cmd->back(cmd);
}

static void on_refused(struct turn *turn)
{
	struct imap_cmd *cmd = container_of(turn, struct imap_cmd, turn);

	cmd->fault = fault_set(&cmd->why, FAULT_TEMP, "too many jobs wait for a worker");
	cmd->where = POSTED;
	loop_post(cmd->session->imapd->daemon->loop, on_no_worker, cmd);
}

/* In its account's turn, then back(): cmd->fault is what `run` put there, or that there was no worker. */
static void go_to_worker(struct imap_cmd *cmd, void (*run)(struct job *, void *),
                         void (*back)(struct imap_cmd *))
{
	struct imapd *imapd = cmd->session->imapd;
	struct pool *pool = cmd->verb->flags & CHECKS_PASSWORD ? imapd->password_pool : imapd->daemon->pool;

	cmd->job = (struct job){ .run = run, .done = on_job_back, .drop = on_job_dropped };
	cmd->turn =
	    (struct turn){ .account = cmd->account, .pool = pool, .job = &cmd->job, .refused = on_refused };
	cmd->back = back;
	cmd->where = AT_WORKER;
	if (cmd->account ? !turn_start(&cmd->turn) : !job_start(pool, &cmd->job))
		on_refused(&cmd->turn);
}

static void start_job(struct imap_cmd *cmd)
{
	cmd->ran = true;
	if (!cmd->aside)
		session_wake_after(cmd->session, cmd->session->imapd->progress_every);
	go_to_worker(cmd, run_job, call_reply);
}

/* A client that hung up half-way gets no further batch. */
static bool is_orphan(const struct imap_cmd *cmd, enum imap_next next)
{
	return cmd->ran && (next == IMAP_RUN || next == IMAP_AGAIN) && conn_ended(cmd->session->conn);
}

static void proceed(struct imap_cmd *cmd, enum imap_next next)
{
	struct session *s = cmd->session;

	cmd->where = HERE;
	if (session_is_closing(s) || is_orphan(cmd, next)) {
		if (!session_is_closing(s)) {
			cmd->busy++; /* the command is ended here, not by the session */
			session_close(s, NULL, NULL);
			cmd->busy--;
		}
		end(cmd);
		return;
	}
	if (next == IMAP_DONE || next == IMAP_AFRESH) {
		finish(cmd);
	} else if (next == IMAP_WAIT) {
		cmd->where = WAITING;
		if (cmd->reads_lines)
			session_take_input(s); /* they may be here already */
	} else if (conn_congested(s->conn) && !(next == IMAP_RUN && cmd->kept_up)) {
		drain(cmd, next);
	} else if (next == IMAP_RUN && is_too_much(cmd)) {
		finish(cmd);
	} else if (next == IMAP_RUN) {
		imap_tell_progress(cmd);
		start_job(cmd);
	} else {
		imap_tell_progress(cmd);
		cmd->fault = FAULT_NONE;
		cmd->ran = true;
		post_reply(cmd);
	}
}

void imap_resume(struct imap_cmd *cmd, enum imap_next next)
{
	assert(cmd->where == WAITING);
	session_wake_after(cmd->session, 0);
	proceed(cmd, next);
}

/* ---- what happens while it waits ---- */

void command_drained(struct imap_cmd *cmd)
{
	if (cmd->where == DRAINING)
		proceed(cmd, cmd->next);
	else
		command_news(cmd);
}

void command_news(struct imap_cmd *cmd)
{
	struct session *s = cmd->session;

	if (cmd->where != WAITING || !cmd->verb->command->on_news)
		return;
	cmd->busy++;
	cmd->verb->command->on_news(cmd);
	cmd->busy--;
	if (session_is_closing(s))
		end(cmd); /* on_news() resumes nothing: it is still there */
}

bool command_timeout(struct imap_cmd *cmd)
{
	struct session *s = cmd->session;

	if (cmd->where == AT_WORKER || cmd->where == POSTED || cmd->where == LOOKING) {
		if (cmd->where == AT_WORKER)
			imap_tell_progress(cmd);
		session_wake_after(s, s->imapd->progress_every); /* it is us who are slow */
		return true;
	}
	if (cmd->where == DRAINING && s->waking) {
		proceed(cmd, cmd->next);
		return true;
	}
	if (cmd->where != WAITING || !s->waking || !cmd->verb->command->on_timeout)
		return false;
	cmd->verb->command->on_timeout(cmd);
	return true;
}

bool command_wants_line(const struct imap_cmd *cmd)
{
	return cmd->where == WAITING && cmd->reads_lines;
}

bool command_line(struct imap_cmd *cmd, struct slice line)
{
	enum imap_next next;

	cmd->busy++;
	next = cmd->verb->command->on_line(cmd, line);
	cmd->busy--;
	proceed(cmd, next);
	return next == IMAP_AFRESH;
}

/* ---- the beginning ---- */

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
	proceed(cmd, next);
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
		end(cmd);
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
	go_to_worker(cmd, load_names, on_names);
}

static void log_command(struct imap_cmd *cmd)
{
	cmd->log.parent = &cmd->session->log;
	log_set(&cmd->log, "command", cmd->verb->name);
	/* never the arguments: folder names, search terms and addresses are in them */
	log_line(&cmd->log, LOG_DEBUG, "command", "tag", cmd->tag, NULL);
}

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
	finish(cmd);
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
		end(cmd);
	} else if (cmd->fault) {
		imap_no(cmd, cmd->fault, &cmd->why);
		finish(cmd);
	} else {
		s->selected.rights = cmd->rights;
		s->selected.checked = true;
		begin(cmd);
	}
}

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
	post_reply(s->aside); /* never from inside the call */
	return true;
}

void command_start(struct session *s, const struct assembled *made)
{
	struct imap_cmd *cmd = command_new(s, made);

	s->cmd = cmd;
	log_command(cmd);
	if (s->selected.guest &&
	    (cmd->verb->states == IN_SELECTED || (cmd->verb->flags & (LOOKS_FIRST | MESSAGE_LITERAL))))
		go_to_worker(cmd, run_rights, on_rights); /* APPEND as well, for the EXISTS that it makes */
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
