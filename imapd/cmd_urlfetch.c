/*
 * URLFETCH (RFC 4467 7): what URLs name that grant access to it, one behind the other; NIL for those that do not, and not
 * why. Text goes out in the pieces that FETCH makes of it (fetch_render.h), so that none is ever whole in memory.
 */
#include "account_ctx.h"
#include "commands.h"
#include "fetch_render.h"
#include "url_grant.h"

#define URLS_MAX 1000 /* of one command, within command_max */

struct url_fetch {
	struct slice *list;
	size_t n, room, at;
	/* The one under way. */
	struct arena *arena; /* NULL: none was begun */
	struct url_grant grant;
	struct fetch_request request;
	struct fetch_item item;
	struct batch batch;
	struct batch_item message;
	struct fetch_line line;
	struct fetch_render render;
	bool opened;
};

/* ---- the arguments ---- */

static void add_url(struct url_fetch *fetch, struct slice text, struct arena *arena)
{
	struct slice *larger;

	if (fetch->n == fetch->room) {
		fetch->room = fetch->room ? 2 * fetch->room : 1;
		larger = arena_array(arena, struct slice, fetch->room);
		if (fetch->n)
			memcpy(larger, fetch->list, fetch->n * sizeof(*larger));
		fetch->list = larger;
	}
	fetch->list[fetch->n++] = text;
}

/* "URLFETCH" 1*(SP url-full) */
static enum imap_next fetch_parse_args(struct imap_cmd *cmd, struct imap_args *args)
{
	struct url_fetch *fetch = cmd->state;
	struct slice text;

	do {
		if (!imap_args_space(args) || !imap_args_astring(args, &text))
			return imap_bad(cmd, args->error);
		if (fetch->n == URLS_MAX)
			return imap_bad(cmd, "Too many URLs at once");
		add_url(fetch, text, cmd->arena);
	} while (!imap_args_is_end(args));
	return IMAP_RUN;
}

/* ---- on a worker ---- */

static struct slice label(struct slice text, struct arena *arena)
{
	struct buf quoted;
	struct slice copy;

	buf_init(&quoted, BUF_NO_LIMIT);
	imap_add_string(&quoted, text);
	copy = arena_copy(arena, buf_slice(&quoted));
	buf_done(&quoted);
	return copy;
}

static void prepare(struct url_fetch *fetch, const struct imap_url *url)
{
	fetch->item = (struct fetch_item){
		.kind = FETCH_SECTION,
		.label = label(fetch->list[fetch->at], fetch->arena),
		.section = url->section,
	};
	fetch->request = (struct fetch_request){
		.needs = NEEDS_HEADER | NEEDS_TREE | NEEDS_BODY,
		.items = &fetch->item,
		.n = 1,
		.style = FETCH_UTF8, /* bytes as they are */
		.bare = true,
	};
	fetch->batch = (struct batch){ .mailbox = fetch->grant.mailbox, .items = &fetch->message, .n = 1 };
	fetch_render_start(&fetch->render, &fetch->request, &fetch->batch, &fetch->line);
	buf_adds(&fetch->render.text, "* URLFETCH");
	fetch->line = (struct fetch_line){ .len = (uint32_t)fetch->render.text.len };
}

static enum fault open_url(struct url_fetch *fetch, struct imap_cmd *cmd, struct stack *stack,
                           struct why *why)
{
	struct imap_url url;
	enum fault fault;

	fetch->arena = arena_new();
	if (!imap_url_parse(fetch->list[fetch->at], fetch->arena, &url))
		return fault_set(why, FAULT_NOT_FOUND, "no URL of a message");
	fault = url_grant_open(&fetch->grant, cmd, stack, &url, fetch->arena, why);
	if (!fault)
		fault = url_message(stack, &fetch->grant.actor, &fetch->grant.mailbox, &url, fetch->arena,
		                    &fetch->message, why);
	if (fault)
		return fault;
	prepare(fetch, &url);
	fetch->opened = true;
	return FAULT_NONE;
}

static enum fault fetch_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct url_fetch *fetch = cmd->state;
	enum fault fault = FAULT_NONE;

	if (!fetch->arena)
		fault = open_url(fetch, cmd, stack, why);
	return fault ? fault
	             : fetch_render_run(&fetch->render, stack, &fetch->grant.actor, fetch->grant.key, why);
}

/* ---- and back ---- */

static void close_url(struct url_fetch *fetch)
{
	fetch_render_done(&fetch->render);
	url_grant_done(&fetch->grant);
	arena_free(fetch->arena);
	fetch->arena = NULL;
	fetch->render = (struct fetch_render){ .at = 0 };
	fetch->grant = (struct url_grant){ .owners = NULL };
	fetch->opened = false;
}

static enum imap_next next_url(struct imap_cmd *cmd)
{
	struct url_fetch *fetch = cmd->state;

	close_url(fetch);
	return ++fetch->at < fetch->n ? IMAP_RUN : imap_ok(cmd, "Fetched");
}

static enum imap_next tell_nothing(struct imap_cmd *cmd)
{
	const struct url_fetch *fetch = cmd->state;
	struct buf line;

	buf_init(&line, BUF_NO_LIMIT);
	buf_adds(&line, "* URLFETCH ");
	imap_add_string(&line, fetch->list[fetch->at]);
	buf_adds(&line, " NIL\r\n");
	conn_write(cmd->session->conn, line.data, line.len);
	buf_done(&line);
	return next_url(cmd);
}

static enum imap_next fetch_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct url_fetch *fetch = cmd->state;
	const struct buf *out = &fetch->render.out;

	if (fault && fetch->render.cut) { /* a literal was promised that cannot be kept */
		log_fault(&cmd->log, fault, why, "a URL's text could not be sent to its end");
		session_close(cmd->session, NULL, NULL);
		return IMAP_DONE;
	}
	if (fault && fault != FAULT_NOT_FOUND)
		return imap_no(cmd, fault, why);
	if (fault || (fetch->render.at && !fetch->line.told))
		return tell_nothing(cmd);
	conn_write(cmd->session->conn, out->data, out->len);
	cmd->within_response = fetch->render.begun;
	return fetch->render.at ? next_url(cmd) : IMAP_RUN;
}

static void fetch_done(struct imap_cmd *cmd)
{
	close_url(cmd->state);
}

const struct imap_command imap_url_fetch = {
	.state_size = sizeof(struct url_fetch),
	.parse = fetch_parse_args,
	.run = fetch_run,
	.reply = fetch_reply,
	.done = fetch_done,
};
