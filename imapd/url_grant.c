/* URLs that grant access (url_grant.h). */
#include "url_grant.h"

#include "account_ctx.h"
#include "base/base64.h"
#include "base/clock.h"
#include "conf.h"
#include "store/acl.h"
#include "suite/url_key.h"

/* By the server's name, or by one that it has a certificate for. */
static bool is_here(const struct stack *stack, const struct imap_url *url)
{
	const struct conf_list *certs = &stack->conf->tls_names;
	bool here = !url->host.data || slice_is(url->host, stack->conf->hostname);

	for (size_t i = 0; i < certs->n && !here; i++) {
		struct slice rest = slice_str(certs->items[i]), name;

		here = slice_cut(&rest, '=', &name) && slice_ieq(name, url->host);
	}
	return here;
}

struct slice url_login(const struct stack *stack, const struct imap_url *url, struct arena *arena)
{
	if (is_here(stack, url))
		return url->user.data ? url->user : SLICE("");
	if (!url->user.len || slice_chr(url->user, '@') >= 0)
		return slice_of(NULL, 0);
	return slice_str(arena_printf(arena, "%.*s@%.*s", SLICE_FMT(url->user), SLICE_FMT(url->host)));
}

void url_grant_done(struct url_grant *grant)
{
	shares_done(&grant->shares);
	account_key_unref(grant->owners);
	grant->owners = NULL;
}

/* ---- what the owner sees ---- */

static enum fault find_own(struct url_grant *grant, struct stack *stack, const char *path,
                           struct arena *arena, struct why *why)
{
	const struct actor actor = { ACTOR_OWNER, grant->owner.id };
	const struct folder *folder;
	struct folders folders;
	enum fault fault = folders_load(stack, &actor, grant->owners, arena, &folders, why);

	if (fault)
		return fault;
	folder = folders_find(&folders, path);
	if (!folder || folder->row.meta.no_select)
		return fault_set(why, FAULT_NOT_FOUND, "no such mailbox");
	grant->actor = actor;
	grant->key = grant->owners;
	grant->mailbox = folder->row.meta.id;
	return FAULT_NONE;
}

static enum fault find_shared(struct url_grant *grant, struct stack *stack, const char *path,
                              struct arena *arena, struct why *why)
{
	const struct actor guest = share_guest(&grant->owner.id, grant->owner.domain);
	const struct share *share;
	enum fault fault = share_load(stack, &guest, path, arena, &grant->shares, why);

	if (fault)
		return fault;
	share = shares_find(&grant->shares, path);
	if (!share || !share->owner || !(share->rights & ACL_READ))
		return fault_set(why, FAULT_NOT_FOUND, "no such mailbox, or the URL's owner may not read it");
	grant->actor = share_actor(&guest, share);
	grant->key = share->owner->key;
	grant->mailbox = share->folder.row.meta.id;
	return FAULT_NONE;
}

static enum fault find_mailbox(struct url_grant *grant, struct stack *stack, const struct imap_url *url,
                               struct arena *arena, struct why *why)
{
	const struct slice login = url_login(stack, url, arena);
	enum fault fault = login.data ? account_by_login(stack, login, arena, &grant->owner, why)
	                              : fault_set(why, FAULT_NOT_FOUND, "a URL of another server");

	if (!fault && grant->owner.state != ACCOUNT_ACTIVE)
		fault = fault_set(why, FAULT_NOT_FOUND, "the URL's owner is suspended");
	if (!fault)
		fault = account_unlock(stack, &grant->owner, &grant->owners, why);
	if (fault)
		return fault;
	fault = find_own(grant, stack, url->mailbox, arena, why);
	return fault == FAULT_NOT_FOUND && share_is_shared_name(url->mailbox)
	           ? find_shared(grant, stack, url->mailbox, arena, why)
	           : fault;
}

static struct url_key_place place_of(const struct url_grant *grant)
{
	return (struct url_key_place){ grant->owners, grant->owner.id, grant->mailbox };
}

/* ---- granting ---- */

static const char *with_tag(const struct imap_url *url, const uint8_t tag[URL_TAG_SIZE], struct arena *arena)
{
	struct buf text;
	const char *full;

	buf_init(&text, BUF_NO_LIMIT);
	buf_add_slice(&text, url->auth.rump);
	buf_adds(&text, ":internal:");
	hex_encode(&text, slice_of(tag, URL_TAG_SIZE));
	full = arena_strz(arena, buf_slice(&text));
	buf_done(&text);
	return full;
}

enum fault url_grant_make(const struct imap_cmd *cmd, struct stack *stack, const struct imap_url *url,
                          struct arena *arena, const char **ret, struct why *why)
{
	struct url_grant grant = { .owners = NULL };
	struct url_key_place place;
	uint8_t tag[URL_TAG_SIZE];
	enum fault fault = FAULT_NONE;

	if (!slice_is(url_login(stack, url, arena), cmd->account->login))
		fault = fault_set(why, FAULT_NOT_FOUND, "a URL of another server or account");
	if (!fault)
		fault = find_mailbox(&grant, stack, url, arena, why);
	if (!fault) {
		place = place_of(&grant);
		fault = url_key_sign(stack, &place, url->auth.rump, tag, why);
	}
	if (!fault)
		*ret = with_tag(url, tag, arena);
	url_grant_done(&grant);
	return fault;
}

/* ---- using ---- */

static bool is_submitter(const char *login)
{
	for (size_t i = 0; i < imapd_conf.submit_accounts.n; i++)
		if (slice_is(slice_str(login), imapd_conf.submit_accounts.items[i]))
			return true;
	return false;
}

/* For whom a submission server fetches is its own to check (RFC 4467 3). */
static bool is_granted_to(const struct url_auth *auth, const char *login)
{
	switch (auth->access) {
	case URL_SUBMIT:
		return is_submitter(login);
	case URL_USER:
		return slice_is(auth->user, login);
	case URL_AUTHUSER: /* nobody is anonymous here */
	case URL_ANONYMOUS:
		return true;
	case URL_PLAIN:
		break;
	}
	return false;
}

static enum fault check_tag(struct url_grant *grant, struct stack *stack, const struct imap_url *url,
                            struct slice tag, struct arena *arena, struct why *why)
{
	struct url_key_place place;
	enum fault fault = url_key_check_made(stack, url->auth.rump, tag, why);

	if (!fault)
		fault = find_mailbox(grant, stack, url, arena, why);
	if (fault)
		return fault;
	place = place_of(grant);
	return url_key_check(stack, &place, url->auth.rump, tag, why);
}

static enum fault check(struct url_grant *grant, const struct imap_cmd *cmd, struct stack *stack,
                        const struct imap_url *url, struct arena *arena, struct why *why)
{
	const struct url_auth *auth = &url->auth;
	struct buf tag;
	enum fault fault;

	if (!auth->token.data || !slice_is(auth->mechanism, URL_MECHANISM))
		return fault_set(why, FAULT_NOT_FOUND, "no URL that this server has granted");
	if (!is_granted_to(auth, cmd->account->login))
		return fault_set(why, FAULT_NOT_FOUND, "a URL for others");
	if (auth->expires && auth->until <= clock_now())
		return fault_set(why, FAULT_NOT_FOUND, "a URL that has expired");
	buf_init(&tag, URL_TAG_SIZE);
	fault = hex_decode(&tag, auth->token) ? check_tag(grant, stack, url, buf_slice(&tag), arena, why)
	                                      : fault_set(why, FAULT_AUTH, "this is no tag");
	buf_done(&tag);
	return fault;
}

/* Nobody is told what is wrong. */
static enum fault unless_it_may_pass(enum fault fault)
{
	return fault == FAULT_AUTH || fault == FAULT_DENIED || fault == FAULT_CORRUPT || fault == FAULT_INPUT
	           ? FAULT_NOT_FOUND
	           : fault;
}

enum fault url_grant_open(struct url_grant *ret, const struct imap_cmd *cmd, struct stack *stack,
                          const struct imap_url *url, struct arena *arena, struct why *why)
{
	return unless_it_may_pass(check(ret, cmd, stack, url, arena, why));
}

enum fault url_message(struct stack *stack, const struct actor *actor, const struct id *mailbox,
                       const struct imap_url *url, struct arena *arena, struct batch_item *ret,
                       struct why *why)
{
	struct batch_item item = { .uid = url->uid, .loaded = true };
	struct batch batch = { .mailbox = *mailbox, .items = &item, .n = 1 };
	struct mailbox_append found;
	struct mailbox_head head;
	enum fault fault =
	    mailbox_find_message(stack->store, actor, mailbox, url->uid, arena, &found, &head, why);

	if (!fault && url->uid_validity && url->uid_validity != head.uid_validity)
		fault = fault_set(why, FAULT_NOT_FOUND, "the UIDs are others now");
	if (fault)
		return fault;
	item.content = found.content;
	item.key = found.key;
	fault = batch_load_records(&batch, stack, actor, true, arena, why);
	if (!fault)
		*ret = item;
	return fault;
}
