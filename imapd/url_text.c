/* Texts that URLs name (url_text.h). */
#include "url_text.h"

#include "mail/mime.h"
#include "target.h"
#include "url_grant.h"

#define HEADER_MAX (4 * 1024 * 1024) /* of which fields are taken; what is behind is not seen */

struct url_text {
	struct imap_cmd *cmd;
	struct stack *stack;
	const struct imap_url *url;
	struct arena *arena;
	struct target target;   /* the session's own mailbox, or one that it sees */
	struct url_grant grant; /* of whoever says that it may */
	struct actor actor;
	const struct account_key *key;
	struct message message;
	struct why *why;
};

/* A URL with a server in it names ours, and nobody else's mail (RFC 5092 3.2) unless that is granted. */
static bool is_ours(const struct url_text *t)
{
	const struct slice login = url_login(t->stack, t->url, t->arena);

	return login.data && (!login.len || slice_is(login, t->cmd->account->login));
}

static enum fault find_granted(struct url_text *t, struct id *ret)
{
	const enum fault fault = url_grant_open(&t->grant, t->cmd, t->stack, t->url, t->arena, t->why);

	if (fault)
		return fault;
	t->actor = t->grant.actor;
	t->key = t->grant.key;
	*ret = t->grant.mailbox;
	return FAULT_NONE;
}

static enum fault find_mailbox(struct url_text *t, struct id *ret)
{
	enum fault fault;

	if (t->url->auth.access)
		return find_granted(t, ret);
	if (!is_ours(t))
		return fault_set(t->why, FAULT_NOT_FOUND, "a URL of another server or account");
	if (!t->url->mailbox) {
		t->actor = t->cmd->acting;
		t->key = t->cmd->holder->key;
		*ret = t->cmd->selected;
		return id_is_zero(ret) ? fault_set(t->why, FAULT_NOT_FOUND, "no mailbox is open")
		                       : FAULT_NONE;
	}
	t->target.path = t->url->mailbox;
	t->target.opens = true;
	t->target.needs = ACL_READ;
	fault = target_find(t->cmd, t->stack, &t->target, ret, t->why);
	t->actor = t->target.actor;
	t->key = t->target.key;
	return fault == FAULT_NO_TARGET ? FAULT_NOT_FOUND : fault;
}

static enum fault open_message(struct url_text *t)
{
	struct batch_item item;
	struct id mailbox;
	enum fault fault = find_mailbox(t, &mailbox);

	if (!fault)
		fault = url_message(t->stack, &t->actor, &mailbox, t->url, t->arena, &item, t->why);
	return fault ? fault : batch_open(&item, t->key, t->arena, &t->message, t->why);
}

static enum fault find_place(struct url_text *t, struct fetch_place *ret)
{
	struct message_summary summary;
	struct mime mime;
	enum fault fault = message_summary(&t->message, t->arena, &summary, t->why);

	if (!fault)
		fault = mime_unpack(summary.structure, t->arena, &mime, t->why);
	if (!fault && mime.root->header_len > t->message.size)
		fault = fault_set(t->why, FAULT_CORRUPT, "a header is longer than its message");
	if (fault)
		return fault;
	*ret = section_place(&t->url->section, &mime, mime.root->header_len, t->message.size);
	return ret->missing ? fault_set(t->why, FAULT_NOT_FOUND, "there is no such part") : FAULT_NONE;
}

static enum fault add(struct url_text *t, uint64_t offset, uint64_t len, struct buf *out)
{
	if (len > out->limit - out->len)
		return fault_set(t->why, FAULT_TOO_BIG, "more text than a message may have");
	return message_read(t->stack, &t->actor, &t->message, offset, len, t->arena, out, t->why);
}

/* HEADER.FIELDS: the header, what is wanted of it, and of that the part asked for. */
static enum fault add_filtered(struct url_text *t, const struct fetch_place *place, struct buf *out)
{
	struct buf header, wanted;
	uint64_t offset = 0, len;
	enum fault fault;

	buf_init(&header, HEADER_MAX);
	buf_init(&wanted, HEADER_MAX);
	fault = add(t, place->offset, MIN_OF(place->len, (uint64_t)HEADER_MAX), &header);
	section_filter(&t->url->section, buf_slice(&header), &wanted);
	len = wanted.len;
	section_clip(&t->url->section, &offset, &len);
	if (!fault && len > out->limit - out->len)
		fault = fault_set(t->why, FAULT_TOO_BIG, "more text than a message may have");
	if (!fault && len)
		buf_add(out, wanted.data + offset, (size_t)len);
	buf_done(&header);
	buf_done(&wanted);
	return fault;
}

enum fault url_text_read(struct imap_cmd *cmd, struct stack *stack, const struct imap_url *url,
                         struct buf *out, struct why *why)
{
	struct url_text text = { .cmd = cmd, .stack = stack, .url = url, .arena = arena_new(), .why = why };
	struct fetch_place place;
	enum fault fault = open_message(&text);

	if (!fault)
		fault = find_place(&text, &place);
	if (!fault && place.filtered) {
		fault = add_filtered(&text, &place, out);
	} else if (!fault) {
		section_clip(&url->section, &place.offset, &place.len);
		fault = add(&text, place.offset, place.len, out);
	}
	secret_wipe(&text.message.key, sizeof(text.message.key));
	target_done(&text.target);
	url_grant_done(&text.grant);
	arena_free(text.arena);
	return fault;
}
