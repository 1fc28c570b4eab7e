/*
 * What tells nobody whether there is an account (login.h), by a random key in the settings: so every process of the
 * suite gives the same, today and tomorrow. The key is in clear: who reads the settings reads the list of accounts as
 * well.
 *
 * The salt that SCRAM asks with when nobody has the name is made from the name, in the form that addresses are kept in.
 * Tags of other texts are made by a key of their own, derived from that one.
 */
#include "base/rand.h"
#include "store/record.h"
#include "suite/directory_internal.h"
#include "suite/json.h"
#include "suite/login.h"

static const struct slice setting = SLICE("nobody-key");

static enum fault make(struct stack *stack, struct arena *arena, struct why *why)
{
	struct record record = { .key = setting, .version = RECORD_NEW };
	uint8_t raw[SCRAM_NOBODY_KEY];
	enum fault fault;

	rand_bytes(raw, sizeof(raw));
	record.value = json_write(json_pack("{s:o}", "key", json_bytes(slice_of(raw, sizeof(raw)))), arena);
	fault = record_put(stack->store, &actor_admin, COLL_SETTINGS, &record, why);
	return fault == FAULT_EXISTS ? FAULT_NONE : fault; /* another process was first: its key is the one */
}

static enum fault get(struct stack *stack, struct arena *arena, struct record *ret, struct why *why)
{
	return record_get(stack->store, &actor_admin, COLL_SETTINGS, setting, false, arena, ret, why);
}

static enum fault read_key(struct stack *stack, struct arena *arena, struct nobody_key *ret, struct why *why)
{
	struct record record;
	json_t *json;
	enum fault fault = get(stack, arena, &record, why);

	if (fault == FAULT_NOT_FOUND) {
		fault = make(stack, arena, why);
		if (!fault)
			fault = get(stack, arena, &record, why);
	}
	if (!fault)
		fault = json_read(record.value, "the key of salts for nobody", &json, why);
	if (fault)
		return fault;
	ret->known = json_get_raw(json, "key", ret->raw, sizeof(ret->raw));
	json_decref(json);
	return ret->known ? FAULT_NONE
	                  : fault_set(why, FAULT_CORRUPT, "the key of salts for nobody does not read");
}

/* It never changes: read once. The lock is not held while the store is asked. */
static enum fault find_key(struct stack *stack, struct arena *arena, struct nobody_key *ret, struct why *why)
{
	enum fault fault;

	pthread_mutex_lock(&stack->lock);
	*ret = stack->nobody;
	pthread_mutex_unlock(&stack->lock);
	if (ret->known)
		return FAULT_NONE;
	fault = read_key(stack, arena, ret, why);
	if (fault)
		return fault;
	pthread_mutex_lock(&stack->lock);
	stack->nobody = *ret;
	pthread_mutex_unlock(&stack->lock);
	return FAULT_NONE;
}

enum fault login_nobody(const struct login_check *check, struct slice login, struct arena *arena,
                        uint8_t ret_salt[SCRAM_SALT], struct why *why)
{
	const struct id nobody = { { 0 } };
	struct account account;
	struct nobody_key key;
	struct slice name;
	enum fault fault = find_key(check->stack, arena, &key, why);

	if (fault)
		return fault;
	/* an account's record would be fetched now: the answer shall not come sooner */
	fault = account_get(check->stack, &nobody, arena, &account, why);
	if (fault && fault != FAULT_NOT_FOUND)
		return fault;
	if (directory_key(arena, login, &name, NULL))
		name = login; /* no address: no spelling of it can be an account's */
	scram_nobody_salt(key.raw, name, ret_salt);
	return FAULT_NONE;
}

enum fault login_suite_tag(struct stack *stack, struct slice text, uint8_t ret[TAG_SIZE], struct why *why)
{
	_Static_assert(SCRAM_NOBODY_KEY == TAG_KEY && TAG_SIZE == TAG_KEY, "a tag is a key as well");
	struct arena *arena = arena_new();
	struct nobody_key key;
	uint8_t own[TAG_KEY];
	enum fault fault = find_key(stack, arena, &key, why);

	arena_free(arena);
	if (fault)
		return fault;
	tag_make(key.raw, SLICE("tag"), own);
	tag_make(own, text, ret);
	return FAULT_NONE;
}
