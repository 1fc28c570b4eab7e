/* Accounts in use (account_ctx.h). */
#include "account_ctx.h"

#include <assert.h>
#include <stdlib.h>

#include "imapd.h"
#include "open_keys.h"
#include "suite/share.h"

static struct account_ctx *account_ctx_new(struct imapd *imapd, const struct account *account,
                                           struct account_key *key)
{
	struct account_ctx *ctx = xzalloc(sizeof(*ctx));

	ctx->id = account->id;
	ctx->login = xstrdup(account->login);
	ctx->key = key;
	ctx->actor = (struct actor){ ACTOR_OWNER, account->id };
	ctx->domain = xstrdup(account->domain);
	ctx->guest = share_guest(&account->id, account->domain);
	ctx->folders = folder_cache_get(imapd->folders, &account->id);
	ctx->imapd = imapd;
	ctx->has_outbox = imapd->daemon->suite->outbox;
	ctx->refs = 1;
	list_init(&ctx->waiting);
	account_ctx_update(ctx, account);
	ctx->checked_at = loop_now(imapd->daemon->loop);
	map_put(imapd->accounts, id_slice(&ctx->id), ctx);
	return ctx;
}

/* One whose key is of another generation goes on for the sessions that have it; new ones get the new key. */
struct account_ctx *account_ctx_get(struct imapd *imapd, const struct account *account,
                                    struct account_key *key)
{
	struct account_ctx *ctx = map_get(imapd->accounts, id_slice(&account->id));

	if (!ctx || account_key_generation(ctx->key) != account_key_generation(key))
		return account_ctx_new(imapd, account, key);
	account_key_unref(key);
	account_ctx_update(ctx, account);
	return account_ctx_ref(ctx);
}

void account_ctx_update(struct account_ctx *ctx, const struct account *account)
{
	ctx->quota = (struct usage){ account->quota, account->quota_messages };
	ctx->trace_until = account->trace_until;
	free(ctx->capabilities_off);
	ctx->capabilities_off = xstrdup(account->capabilities_off);
	open_keys_put(ctx->imapd->open_keys, account, ctx->key);
}

struct account_ctx *account_ctx_ref(struct account_ctx *ctx)
{
	ctx->refs++;
	return ctx;
}

void account_ctx_unref(struct account_ctx *ctx)
{
	if (!ctx || --ctx->refs)
		return;
	assert(!ctx->sessions && !ctx->at_work && list_empty(&ctx->waiting));
	if (map_get(ctx->imapd->accounts, id_slice(&ctx->id)) == ctx)
		map_del(ctx->imapd->accounts, id_slice(&ctx->id));
	folder_cache_put(ctx->folders);
	open_keys_drop(ctx->imapd->open_keys, &ctx->id, ctx->key);
	account_key_unref(ctx->key);
	free((char *)ctx->login);
	free(ctx->capabilities_off);
	free((char *)ctx->domain);
	free(ctx);
}
