/*
 * The engine of commands (command.h): from what parse() wants next, through run and reply, until the tagged reply
 * is written; and giving everything back, whatever happens. command_begin.c is what comes before.
 *
 * Invariants
 *  1. A command is in one place (cmd->where). Only in AT_WORKER and POSTED does somebody else hold it: it is freed when
 *     it is back.
 *  2. Callbacks of commands run with cmd->busy raised: a session that closes meanwhile leaves the command to the
 *     call that is on the stack, which sees it when the callback returns.
 *  3. The tagged reply is written behind all news that are allowed, in batches that the client takes.
 */
#include "command_internal.h"

#include <assert.h>

#include "account_ctx.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "commands.h"
#include "context.h"
#include "imapd.h"

static struct metric command_seconds = {
	.kind = METRIC_HISTOGRAM,
	.name = "posthouse_imapd_command_seconds",
	.help = "time from a command's last byte to its tagged reply, IDLE left out",
};

/* ---- the end ---- */

void command_end(struct imap_cmd *cmd)
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

void command_post_reply(struct imap_cmd *cmd)
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

void command_finish(struct imap_cmd *cmd)
{
	struct session *s = cmd->session;
	bool waits;

	if (cmd->aside) {
		command_end(cmd);
		return;
	}
	if (s->aside && s->aside->where == HELD)
		command_post_reply(s->aside);
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
	command_end(cmd);
}

void command_abandon(struct imap_cmd *cmd)
{
	if (cmd->where == AT_WORKER && !turn_leave(&cmd->turn))
		job_drop(&cmd->job);
	else if (cmd->where != POSTED)
		command_end(cmd);
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
		command_end(cmd);
		return;
	}
	if (cmd->aside && s->cmd && s->cmd->within_response) {
		cmd->where = HELD; /* until that is sent: command_finish() */
		return;
	}
	if (!cmd->aside)
		session_wake_after(s, 0);
	cmd->kept_up = !conn_unsent(s->conn);
	cmd->busy++;
	next = cmd->verb->command->reply(cmd, cmd->fault, &cmd->why);
	cmd->busy--;
	command_proceed(cmd, next);
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
	command_end(cmd);
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

void command_go_to_worker(struct imap_cmd *cmd, void (*run)(struct job *, void *),
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
	command_go_to_worker(cmd, run_job, call_reply);
}

/* A client that hung up half-way gets no further batch. */
static bool is_orphan(const struct imap_cmd *cmd, enum imap_next next)
{
	return cmd->ran && (next == IMAP_RUN || next == IMAP_AGAIN) && conn_ended(cmd->session->conn);
}

void command_proceed(struct imap_cmd *cmd, enum imap_next next)
{
	struct session *s = cmd->session;

	cmd->where = HERE;
	if (session_is_closing(s) || is_orphan(cmd, next)) {
		if (!session_is_closing(s)) {
			cmd->busy++; /* the command is ended here, not by the session */
			session_close(s, NULL, NULL);
			cmd->busy--;
		}
		command_end(cmd);
		return;
	}
	if (next == IMAP_DONE || next == IMAP_AFRESH) {
		command_finish(cmd);
	} else if (next == IMAP_WAIT) {
		cmd->where = WAITING;
		if (cmd->reads_lines && s->imapd->draining)
			session_drain(s); /* its line may never come */
		else if (cmd->reads_lines)
			session_take_input(s); /* they may be here already */
	} else if (conn_congested(s->conn) && !(next == IMAP_RUN && cmd->kept_up)) {
		drain(cmd, next);
	} else if (next == IMAP_RUN && is_too_much(cmd)) {
		command_finish(cmd);
	} else if (next == IMAP_RUN) {
		imap_tell_progress(cmd);
		start_job(cmd);
	} else {
		imap_tell_progress(cmd);
		cmd->fault = FAULT_NONE;
		cmd->ran = true;
		command_post_reply(cmd);
	}
}

void imap_resume(struct imap_cmd *cmd, enum imap_next next)
{
	assert(cmd->where == WAITING);
	session_wake_after(cmd->session, 0);
	command_proceed(cmd, next);
}

/* ---- what happens while it waits ---- */

void command_drained(struct imap_cmd *cmd)
{
	if (cmd->where == DRAINING)
		command_proceed(cmd, cmd->next);
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
		command_end(cmd); /* on_news() resumes nothing: it is still there */
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
		command_proceed(cmd, cmd->next);
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
	command_proceed(cmd, next);
	return next == IMAP_AFRESH;
}
