/*
 * GENURLAUTH and RESETKEY (RFC 4467 7): URLs that carry who may use them are granted, and revoked.
 *
 * There is one mechanism, INTERNAL: what the server alone makes and checks. It is told where nobody listens (8,
 * URLMECH).
 */
#include "account_ctx.h"
#include "base/buf.h"
#include "commands.h"
#include "imapd.h"
#include "suite/nudge.h"
#include "suite/url_key.h"
#include "target.h"
#include "url_grant.h"
#include "url_mechanisms.h"

#define URLS_MAX 1000 /* of one command, within command_max */

struct url_asked {
	struct imap_url url;
	const char *granted;
};

struct gen_url_auth {
	struct url_asked *list;
	size_t n, room;
};

/* ---- GENURLAUTH ---- */

static bool take_mechanism(struct imap_args *args, bool *ret_known)
{
	struct slice name;

	if (!imap_args_space(args) || !imap_args_atom(args, &name))
		return false;
	*ret_known = *ret_known && slice_is(name, URL_MECHANISM);
	return true;
}

static struct url_asked *add_url(struct gen_url_auth *gen, struct arena *arena)
{
	gen->list = arena_more(arena, gen->list, gen->n, &gen->room, sizeof(*gen->list));
	return &gen->list[gen->n++];
}

/* SP url-rump SP mechanism */
static bool take_url(struct imap_args *args, struct gen_url_auth *gen, bool *ret_known)
{
	struct url_asked *asked = add_url(gen, args->arena);
	struct slice text;

	if (!imap_args_space(args) || !imap_args_astring(args, &text))
		return false;
	if (!imap_url_parse(text, args->arena, &asked->url) || !asked->url.auth.access)
		args->error = "Expected the URL of a user's message, with who may use it";
	else if (asked->url.auth.token.data)
		args->error = "A URL is granted already";
	else if (gen->n > URLS_MAX)
		args->error = "Too many URLs at once";
	else
		return take_mechanism(args, ret_known);
	return false;
}

static enum imap_next gen_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct gen_url_auth *gen = cmd->state;
	bool known = true;

	do {
		if (!take_url(args, gen, &known))
			return imap_bad(cmd, args->error);
	} while (!imap_args_is_end(args));
	return known ? IMAP_RUN : imap_no_code(cmd, "[CANNOT]", "The mechanism is " URL_MECHANISM);
}

static enum fault gen_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct gen_url_auth *gen = cmd->state;
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < gen->n && !fault; i++)
		fault = url_grant_make(cmd, stack, &gen->list[i].url, cmd->arena, &gen->list[i].granted, why);
	return fault;
}

static enum imap_next gen_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	const struct gen_url_auth *gen = cmd->state;
	struct buf line;

	if (fault == FAULT_NOT_FOUND) /* RFC 4467 7: BAD, not NO */
		return imap_bad(cmd, "Expected the URL of a message in a mailbox of yours");
	if (fault)
		return imap_no(cmd, fault, why);
	buf_init(&line, BUF_NO_LIMIT);
	buf_adds(&line, "* GENURLAUTH");
	for (size_t i = 0; i < gen->n; i++) {
		buf_addc(&line, ' ');
		imap_add_string(&line, slice_str(gen->list[i].granted));
	}
	buf_adds(&line, "\r\n");
	conn_write(cmd->session->conn, line.data, line.len);
	buf_done(&line);
	return imap_ok(cmd, "Granted");
}

const struct imap_command imap_gen_url_auth = {
	.state_size = sizeof(struct gen_url_auth),
	.parse = gen_parse,
	.run = gen_run,
	.reply = gen_reply,
};

/* ---- RESETKEY ---- */

struct reset_key {
	struct target target; /* path NULL: all mailboxes */
	struct id mailbox;
};

/* "RESETKEY" [SP mailbox *(SP mechanism)] */
static enum imap_next reset_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct reset_key *reset = cmd->state;
	bool known = true;

	if (imap_args_is_end(args))
		return IMAP_RUN;
	if (!imap_args_space(args) || !imap_args_mailbox(args, &reset->target.path))
		return imap_bad(cmd, args->error);
	while (!imap_args_is_end(args))
		if (!take_mechanism(args, &known))
			return imap_bad(cmd, args->error);
	return known ? IMAP_RUN : imap_no_code(cmd, "[CANNOT]", "The mechanism is " URL_MECHANISM);
}

static enum fault reset_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct reset_key *reset = cmd->state;
	struct url_key_place place = { .key = cmd->account->key, .account = cmd->account->id };
	enum fault fault;

	if (!reset->target.path)
		return url_key_reset_all(stack, &place.account, why);
	reset->target.opens = true;
	reset->target.needs = ACL_READ;
	fault = target_find(cmd, stack, &reset->target, &reset->mailbox, why);
	if (fault)
		return fault == FAULT_NO_TARGET ? FAULT_NOT_FOUND : fault;
	place.mailbox = reset->mailbox;
	return url_key_reset(stack, &place, why);
}

static enum imap_next reset_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	const struct reset_key *reset = cmd->state;
	struct imapd *imapd = cmd->session->imapd;

	if (fault)
		return imap_no(cmd, fault, why);
	if (!reset->target.path)
		return imap_ok(cmd, "All keys are gone");
	url_mechanisms_tell(cmd->session);
	url_mechanisms_tell_others(imapd, &cmd->account->id, &reset->mailbox, cmd->session);
	nudge_url_key(imapd->daemon->stack, &cmd->account->id, &reset->mailbox, imapd->number);
	return imap_ok(cmd, "There is another key");
}

static void reset_done(struct imap_cmd *cmd)
{
	struct reset_key *reset = cmd->state;

	target_done(&reset->target);
}

const struct imap_command imap_reset_key = {
	.state_size = sizeof(struct reset_key),
	.parse = reset_parse,
	.run = reset_run,
	.reply = reset_reply,
	.done = reset_done,
};

/* ---- URLMECH ---- */

void url_mechanisms_tell(struct session *s)
{
	if (conn_is_tls(s->conn) && imap_capability_on(s, SLICE("URLAUTH")))
		imap_untagged(s, "OK [URLMECH " URL_MECHANISM "] What URLs are granted by");
}

/* RFC 4467 7: any session of the user that has the mailbox selected. */
void url_mechanisms_tell_others(struct imapd *imapd, const struct id *account, const struct id *mailbox,
                                const struct session *by)
{
	list_each (&imapd->sessions, node) {
		struct session *s = list_item(node, struct session, node);

		if (s == by || s->state != ST_SELECTED || !s->account || !s->selected.view ||
		    !id_eq(&s->account->id, account) || !id_eq(&s->selected.view->mailbox, mailbox))
			continue;
		s->selected.url_key_changed = true;
		session_news(s);
	}
}
