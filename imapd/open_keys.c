/* Keys of accounts in use (open_keys.h). */
#include "open_keys.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/map.h"

struct open_key {
	struct account_key *key;
	struct buf wrapped;
};

struct open_keys {
	pthread_mutex_t lock;
	struct map *keys; /* struct open_key, by account */
};

struct open_keys *open_keys_new(void)
{
	struct open_keys *keys = xzalloc(sizeof(*keys));

	pthread_mutex_init(&keys->lock, NULL);
	keys->keys = map_new();
	return keys;
}

void open_keys_free(struct open_keys *keys)
{
	if (!keys)
		return;
	map_free(keys->keys);
	pthread_mutex_destroy(&keys->lock);
	free(keys);
}

static bool is_same(const struct open_key *open, const struct account *account)
{
	return slice_eq(buf_slice(&open->wrapped), account->wrapped) &&
	       account_key_generation(open->key) == account->generation;
}

static void put(struct open_keys *keys, const struct account *account, struct account_key *key)
{
	struct open_key *open = map_get(keys->keys, id_slice(&account->id));

	if (open && open->key == key && is_same(open, account))
		return;
	if (!open) {
		open = xzalloc(sizeof(*open));
		buf_init(&open->wrapped, BUF_NO_LIMIT);
		map_put(keys->keys, id_slice(&account->id), open);
	}
	account_key_ref(key);
	account_key_unref(open->key);
	open->key = key;
	buf_clear(&open->wrapped);
	buf_add_slice(&open->wrapped, account->wrapped);
}

void open_keys_put(struct open_keys *keys, const struct account *account, struct account_key *key)
{
	if (account_key_generation(key) != account->generation)
		return;
	pthread_mutex_lock(&keys->lock);
	put(keys, account, key);
	pthread_mutex_unlock(&keys->lock);
}

void open_keys_drop(struct open_keys *keys, const struct id *account, const struct account_key *key)
{
	struct open_key *open;

	pthread_mutex_lock(&keys->lock);
	open = map_get(keys->keys, id_slice(account));
	if (open && open->key == key) {
		map_del(keys->keys, id_slice(account));
		account_key_unref(open->key);
		buf_done(&open->wrapped);
		free(open);
	}
	pthread_mutex_unlock(&keys->lock);
}

enum fault open_keys_unlock(struct open_keys *keys, struct stack *stack, const struct account *account,
                            struct account_key **ret, struct why *why)
{
	const struct open_key *open;
	struct account_key *key = NULL;

	pthread_mutex_lock(&keys->lock);
	open = map_get(keys->keys, id_slice(&account->id));
	if (open && is_same(open, account))
		key = account_key_ref(open->key);
	pthread_mutex_unlock(&keys->lock);
	if (!key)
		return account_unlock(stack, account, ret, why);
	*ret = key;
	return FAULT_NONE;
}
