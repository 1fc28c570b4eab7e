/* Lists of mailboxes that are kept (folder_cache.h). */
#include "folder_cache.h"

#include <pthread.h>
#include <stdlib.h>

#include "account_ctx.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "suite/outbox.h"

struct folder_cache {
	pthread_mutex_t lock;
	struct folder_list *list; /* with a reference; NULL: none */
	uint64_t drops;           /* so far: a list that began to load before the last one is not kept */
	/* The loop's only. */
	struct map *all;
	struct id account;
	unsigned refs;
};

/* ---- life of a cache ---- */

struct folder_cache *folder_cache_get(struct map *all, const struct id *account)
{
	struct folder_cache *cache = map_get(all, id_slice(account));

	if (!cache) {
		cache = xzalloc(sizeof(*cache));
		cache->all = all;
		cache->account = *account;
		pthread_mutex_init(&cache->lock, NULL);
		map_put(all, id_slice(account), cache);
	}
	cache->refs++;
	return cache;
}

void folder_cache_put(struct folder_cache *cache)
{
	if (--cache->refs)
		return;
	folder_cache_drop(cache);
	map_del(cache->all, id_slice(&cache->account));
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

/* ---- keeping and dropping, under the lock ---- */

static void put(struct folder_list *list)
{
	if (!list || --list->refs)
		return;
	arena_free(list->arena);
	free(list);
}

static void replace(struct folder_cache *cache, struct folder_list *list)
{
	put(cache->list);
	cache->list = list;
}

static bool is_old(const struct folder_list *list)
{
	return clock_mono_ms() - list->loaded_at >= FOLDER_CACHE_MS;
}

static void keep(struct folder_cache *cache, struct folder_list *list, uint64_t drops)
{
	if (cache->drops != drops || (cache->list && cache->list->loaded_at > list->loaded_at))
		return;
	list->refs++;
	replace(cache, list);
}

/* ---- the calls ---- */

void folder_cache_drop(struct folder_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	cache->drops++;
	replace(cache, NULL);
	pthread_mutex_unlock(&cache->lock);
}

void folder_cache_drop_old(struct folder_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	if (cache->list && is_old(cache->list))
		replace(cache, NULL);
	pthread_mutex_unlock(&cache->lock);
}

struct folder_list *folder_list_kept(struct folder_cache *cache)
{
	struct folder_list *list;

	pthread_mutex_lock(&cache->lock);
	list = cache->list && !is_old(cache->list) ? cache->list : NULL;
	if (list)
		list->refs++;
	pthread_mutex_unlock(&cache->lock);
	return list;
}

struct folder_list *folder_list_hold(struct folder_cache *cache, struct folder_list *list)
{
	pthread_mutex_lock(&cache->lock);
	list->refs++;
	pthread_mutex_unlock(&cache->lock);
	return list;
}

void folder_list_put(struct folder_cache *cache, struct folder_list *list)
{
	pthread_mutex_lock(&cache->lock);
	put(list);
	pthread_mutex_unlock(&cache->lock);
}

static uint64_t drops_so_far(struct folder_cache *cache)
{
	uint64_t drops;

	pthread_mutex_lock(&cache->lock);
	drops = cache->drops;
	pthread_mutex_unlock(&cache->lock);
	return drops;
}

static struct folder_list *list_new(void)
{
	struct folder_list *list = xzalloc(sizeof(*list));

	list->arena = arena_new();
	list->loaded_at = clock_mono_ms();
	list->refs = 1;
	return list;
}

/* The Outbox is made when somebody first looks at the account's mailboxes. Without one they are shown all the same. */
static bool make_outbox(const struct account_ctx *account, struct stack *stack, const struct folders *folders)
{
	struct why why = { "" };
	bool made = false;
	enum fault fault;

	if (!account->has_outbox)
		return false;
	fault = outbox_make(stack, &account->actor, account->key, folders, &made, &why);
	if (fault && fault != FAULT_EXISTS)
		log_fault(NULL, fault, &why, "an Outbox cannot be made");
	return made || fault == FAULT_EXISTS;
}

enum fault folder_list_load(const struct account_ctx *account, struct stack *stack, struct folder_list **ret,
                            struct why *why)
{
	struct folder_cache *cache = account->folders;
	uint64_t drops = drops_so_far(cache);
	struct folder_list *list = list_new();
	enum fault fault =
	    folders_load(stack, &account->actor, account->key, list->arena, &list->folders, why);

	if (!fault && make_outbox(account, stack, &list->folders))
		fault = folders_load(stack, &account->actor, account->key, list->arena, &list->folders, why);
	if (fault) {
		put(list);
		return fault;
	}
	list->heads = arena_array(list->arena, struct mailbox_head, list->folders.n);
	for (size_t i = 0; i < list->folders.n; i++)
		list->heads[i] = list->folders.list[i]->row.head;
	pthread_mutex_lock(&cache->lock);
	keep(cache, list, drops);
	pthread_mutex_unlock(&cache->lock);
	*ret = list;
	return FAULT_NONE;
}

/* ---- usage ---- */

static void note(struct folder_list *list, const struct id *mailbox, const struct mailbox_head *head)
{
	for (size_t i = 0; i < list->folders.n; i++)
		if (id_eq(&list->folders.list[i]->row.meta.id, mailbox) &&
		    list->heads[i].modseq < head->modseq)
			list->heads[i] = *head;
}

void folder_cache_note(struct folder_cache *cache, const struct id *mailbox, const struct mailbox_head *head)
{
	pthread_mutex_lock(&cache->lock);
	if (cache->list)
		note(cache->list, mailbox, head);
	pthread_mutex_unlock(&cache->lock);
}

struct usage folder_list_used(struct folder_cache *cache, const struct folder_list *list)
{
	struct usage used = { 0 };

	pthread_mutex_lock(&cache->lock);
	for (size_t i = 0; i < list->folders.n; i++) {
		used.bytes += list->heads[i].bytes;
		used.messages += list->heads[i].messages;
	}
	pthread_mutex_unlock(&cache->lock);
	return used;
}
