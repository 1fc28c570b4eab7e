/*
 * Keys that URLs are signed with (url_key.h).
 *
 * Key     mailbox(16) | account(16)
 * Value   the key, sealed under "url-key", bound to the record's key
 */
#include "suite/url_key.h"

#include "store/record.h"
#include "suite/login.h"
#include "suite/walk.h"

#define PURPOSE "url-key"

struct url_key_id {
	struct id mailbox, account;
};

static struct url_key_id id_of(const struct url_key_place *place)
{
	return (struct url_key_id){ place->mailbox, place->account };
}

/* ---- the record ---- */

enum fault url_key_read(const struct account_key *key, const struct record *record, uint8_t ret[TAG_KEY],
                        struct why *why)
{
	struct buf plain;
	enum fault fault;

	buf_init(&plain, TAG_KEY);
	fault = account_open(key, PURPOSE, record->key, record->value, &plain, why);
	if (fault == FAULT_TOO_BIG || (!fault && plain.len != TAG_KEY))
		fault = fault_set(why, FAULT_CORRUPT, "a sealed key of %zu bytes", record->value.len);
	if (!fault)
		memcpy(ret, plain.data, TAG_KEY);
	if (plain.len)
		secret_wipe(plain.data, plain.len);
	buf_done(&plain);
	return fault;
}

static enum fault get(struct stack *stack, const struct url_key_place *place, uint8_t ret[TAG_KEY],
                      struct why *why)
{
	const struct actor actor = { ACTOR_OWNER, place->account };
	const struct url_key_id id = id_of(place);
	struct arena *arena = arena_new();
	struct record record;
	enum fault fault = record_get(stack->store, &actor, COLL_URL_KEYS, slice_of(&id, sizeof(id)), false,
	                              arena, &record, why);

	if (!fault)
		fault = url_key_read(place->key, &record, ret, why);
	arena_free(arena);
	return fault;
}

/* A random one. `version`: RECORD_NEW or RECORD_ANY. */
static enum fault put(struct stack *stack, const struct url_key_place *place, uint64_t version,
                      struct why *why)
{
	const struct actor actor = { ACTOR_OWNER, place->account };
	const struct url_key_id id = id_of(place);
	struct record record = {
		.key = slice_of(&id, sizeof(id)),
		.version = version,
		.accounts = id_slice(&place->account),
		.index = { id_slice(&place->account), id_slice(&place->mailbox) },
	};
	uint8_t key[TAG_KEY];
	struct buf sealed;
	enum fault fault;

	rand_bytes(key, sizeof(key));
	buf_init(&sealed, TAG_KEY + ACCOUNT_SEAL_OVERHEAD);
	account_seal(place->key, PURPOSE, record.key, slice_of(key, sizeof(key)), &sealed);
	secret_wipe(key, sizeof(key));
	record.value = buf_slice(&sealed);
	fault = record_put(stack->store, &actor, COLL_URL_KEYS, &record, why);
	buf_done(&sealed);
	return fault;
}

static enum fault get_or_make(struct stack *stack, const struct url_key_place *place, uint8_t ret[TAG_KEY],
                              struct why *why)
{
	enum fault fault = get(stack, place, ret, why);

	if (fault != FAULT_NOT_FOUND)
		return fault;
	fault = put(stack, place, RECORD_NEW, why);
	return fault && fault != FAULT_EXISTS ? fault : get(stack, place, ret, why); /* whoever was first */
}

/* ---- tags ---- */

enum fault url_key_sign(struct stack *stack, const struct url_key_place *place, struct slice text,
                        uint8_t ret[URL_TAG_SIZE], struct why *why)
{
	uint8_t made[TAG_SIZE], key[TAG_KEY];
	enum fault fault = login_suite_tag(stack, text, made, why);

	if (!fault)
		fault = get_or_make(stack, place, key, why);
	if (fault)
		return fault;
	memcpy(ret, made, TAG_SIZE);
	tag_make(key, text, ret + TAG_SIZE);
	secret_wipe(key, sizeof(key));
	return FAULT_NONE;
}

enum fault url_key_check_made(struct stack *stack, struct slice text, struct slice tag, struct why *why)
{
	uint8_t made[TAG_SIZE];
	enum fault fault = login_suite_tag(stack, text, made, why);

	if (fault)
		return fault;
	if (tag.len != URL_TAG_SIZE || !secret_eq(slice_of(made, TAG_SIZE), slice_first(tag, TAG_SIZE)))
		return fault_set(why, FAULT_AUTH, "nobody here has signed this URL");
	return FAULT_NONE;
}

enum fault url_key_check(struct stack *stack, const struct url_key_place *place, struct slice text,
                         struct slice tag, struct why *why)
{
	uint8_t key[TAG_KEY], wanted[TAG_SIZE];
	enum fault fault = get(stack, place, key, why);

	if (fault == FAULT_NOT_FOUND)
		return fault_set(why, FAULT_AUTH, "the key that has signed this URL is gone");
	if (fault)
		return fault;
	tag_make(key, text, wanted);
	secret_wipe(key, sizeof(key));
	if (tag.len != URL_TAG_SIZE || !secret_eq(slice_of(wanted, TAG_SIZE), slice_from(tag, TAG_SIZE)))
		return fault_set(why, FAULT_AUTH, "another key has signed this URL");
	return FAULT_NONE;
}

/* ---- revoking ---- */

enum fault url_key_reset(struct stack *stack, const struct url_key_place *place, struct why *why)
{
	return put(stack, place, RECORD_ANY, why);
}

static enum fault del(struct stack *stack, const struct actor *actor, struct slice name, struct why *why)
{
	const enum fault fault = record_del(stack->store, actor, COLL_URL_KEYS, name, RECORD_ANY, why);

	return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
}

enum fault url_key_reset_all(struct stack *stack, const struct id *account, struct why *why)
{
	const struct actor actor = { ACTOR_OWNER, *account };

	return walk_forget(stack, &actor, COLL_URL_KEYS, account, why);
}

enum fault url_key_forget(struct stack *stack, const struct actor *actor, const struct id *mailbox,
                          struct why *why)
{
	const struct actor owner = { ACTOR_OWNER, actor->account };
	const struct url_key_id id = { *mailbox, actor->account };

	return del(stack, &owner, slice_of(&id, sizeof(id)), why);
}
