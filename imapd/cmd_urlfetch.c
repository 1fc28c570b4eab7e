/*
 * URLFETCH (RFC 4467 7; RFC 5524: without transfer encoding, and with what kind of part it is): what URLs name that
 * grant access to it, one behind the other; NIL for those that do not, and not why. Text goes out in the pieces that
 * FETCH makes of it (fetch_render.h), so that none is ever whole in memory.
 */
#include "account_ctx.h"
#include "commands.h"
#include "fetch_render.h"
#include "url_grant.h"

#define URLS_MAX 1000 /* of one command, within command_max */

enum url_param { PARAM_BODY = 1, PARAM_BINARY = 2, PARAM_PART = 4 }; /* bits */
#define PARAMS 3

struct url_wanted {
	struct slice text;
	uint8_t params[PARAMS], n; /* enum url_param, in the order asked; none: the text alone */
};

struct url_fetch {
	struct url_wanted *list;
	size_t n, room, at;
	unsigned style; /* enum fetch_style */
	/* The one under way. */
	struct arena *arena; /* NULL: none was begun */
	struct url_grant grant;
	struct fetch_request request;
	struct fetch_item items[PARAMS];
	struct batch batch;
	struct batch_item message;
	struct fetch_line line;
	struct fetch_render render;
};

/* ---- the arguments ---- */

static struct url_wanted *add_url(struct url_fetch *fetch, struct arena *arena)
{
	fetch->list = arena_more(arena, fetch->list, fetch->n, &fetch->room, sizeof(*fetch->list));
	return &fetch->list[fetch->n++];
}

/* "BODY" / "BINARY" / "BODYPARTSTRUCTURE", each once; not both of the first two */
static bool take_param(struct imap_args *args, struct url_wanted *wanted)
{
	uint8_t param, taken = 0;

	for (size_t i = 0; i < wanted->n; i++)
		taken |= wanted->params[i];
	param = imap_args_word(args, "BODYPARTSTRUCTURE") ? PARAM_PART
	        : imap_args_word(args, "BINARY")          ? PARAM_BINARY
	        : imap_args_word(args, "BODY")            ? PARAM_BODY
	                                                  : 0;
	if (!param || (taken & param) ||
	    ((taken | param) & (PARAM_BODY | PARAM_BINARY)) == (PARAM_BODY | PARAM_BINARY)) {
		args->error = "Expected one of BODY and BINARY, and BODYPARTSTRUCTURE";
		return false;
	}
	wanted->params[wanted->n++] = param;
	return true;
}

/* url-full / "(" url-full *(SP url-fetch-param) ")" */
static bool take_url(struct imap_args *args, struct url_wanted *wanted)
{
	if (!imap_args_peek(args, '('))
		return imap_args_astring(args, &wanted->text);
	if (!imap_args_open(args) || !imap_args_astring(args, &wanted->text))
		return false;
	while (!imap_args_close(args))
		if (!imap_args_space(args) || !take_param(args, wanted))
			return false;
	return true;
}

static enum imap_next fetch_parse_args(struct imap_cmd *cmd, struct imap_args *args)
{
	struct url_fetch *fetch = cmd->state;

	do {
		if (fetch->n == URLS_MAX)
			return imap_bad(cmd, "Too many URLs at once");
		if (!imap_args_space(args) || !take_url(args, add_url(fetch, cmd->arena)))
			return imap_bad(cmd, args->error);
	} while (!imap_args_is_end(args));
	fetch->style = (cmd->session->enabled & ENABLED_UTF8_TEXT ? FETCH_UTF8 : 0) |
	               (cmd->session->enabled & ENABLED_REV2 ? FETCH_REV2 : 0);
	return IMAP_RUN;
}

/* ---- on a worker ---- */

/* The text alone: its name is the URL. */
static struct fetch_item simple_item(const struct url_wanted *wanted, const struct imap_url *url,
                                     struct arena *arena)
{
	struct fetch_item item = { .kind = FETCH_SECTION, .section = url->section };
	struct buf quoted;

	buf_init(&quoted, BUF_NO_LIMIT);
	imap_add_string(&quoted, wanted->text);
	item.label = arena_copy(arena, buf_slice(&quoted));
	buf_done(&quoted);
	return item;
}

static struct fetch_item extended_item(const struct url_wanted *wanted, size_t i, const struct imap_url *url)
{
	struct fetch_item item = { .section = url->section, .end = ")" };

	switch ((enum url_param)wanted->params[i]) {
	case PARAM_BODY:
		item.kind = FETCH_SECTION;
		item.label = SLICE("(BODY");
		break;
	case PARAM_BINARY:
		item.kind = FETCH_BINARY;
		item.label = SLICE("(BINARY");
		break;
	case PARAM_PART:
		item.kind = FETCH_PART;
		item.label = SLICE("(BODYPARTSTRUCTURE");
		for (size_t k = 0; k < wanted->n; k++)
			item.decoded |= wanted->params[k] == PARAM_BINARY;
		break;
	}
	return item;
}

static void prepare(struct url_fetch *fetch, const struct imap_url *url)
{
	const struct url_wanted *wanted = &fetch->list[fetch->at];
	struct buf *line = &fetch->render.text;

	fetch->items[0] = simple_item(wanted, url, fetch->arena);
	for (size_t i = 0; i < wanted->n; i++)
		fetch->items[i] = extended_item(wanted, i, url);
	fetch->request = (struct fetch_request){
		.needs = NEEDS_HEADER | NEEDS_TREE | NEEDS_BODY,
		.items = fetch->items,
		.n = MAX_OF(wanted->n, 1),
		.style = fetch->style,
		.bare = true,
	};
	fetch->batch = (struct batch){ .mailbox = fetch->grant.mailbox, .items = &fetch->message, .n = 1 };
	fetch_render_start(&fetch->render, &fetch->request, &fetch->batch, &fetch->line);
	buf_adds(line, "* URLFETCH");
	if (wanted->n) {
		buf_addc(line, ' ');
		imap_add_string(line, wanted->text);
	}
	fetch->line = (struct fetch_line){ .len = (uint32_t)line->len };
}

static enum fault open_url(struct url_fetch *fetch, struct imap_cmd *cmd, struct stack *stack,
                           struct why *why)
{
	struct imap_url url;
	enum fault fault;

	fetch->arena = arena_new();
	if (!imap_url_parse(fetch->list[fetch->at].text, fetch->arena, &url))
		return fault_set(why, FAULT_NOT_FOUND, "no URL of a message");
	fault = url_grant_open(&fetch->grant, cmd, stack, &url, fetch->arena, why);
	if (!fault)
		fault = url_message(stack, &fetch->grant.actor, &fetch->grant.mailbox, &url, fetch->arena,
		                    &fetch->message, why);
	if (fault)
		return fault;
	prepare(fetch, &url);
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
}

static enum imap_next next_url(struct imap_cmd *cmd)
{
	struct url_fetch *fetch = cmd->state;

	close_url(fetch);
	return ++fetch->at < fetch->n ? IMAP_RUN : imap_ok(cmd, "Fetched");
}

/* Why, is for the log alone. */
static enum imap_next tell_nothing(struct imap_cmd *cmd, const struct why *why)
{
	const struct url_fetch *fetch = cmd->state;
	struct buf line;

	log_line(&cmd->log, LOG_DEBUG, "a URL gives nothing", "why", why->text, NULL);

	buf_init(&line, BUF_NO_LIMIT);
	buf_adds(&line, "* URLFETCH ");
	imap_add_string(&line, fetch->list[fetch->at].text);
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
		return tell_nothing(cmd, fault ? why : &fetch->render.why);
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
