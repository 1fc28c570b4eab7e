/*
 * The suite's own key pairs (directory.h), one of each, in the settings. The public half is in clear: anybody seals to
 * it. The private half is wrapped: the queue's by the queue ring, so that smtpd seals and mta (and admin) opens; the
 * timeline's by that ring and then by the accounts ring, so that smtpd and mta seal, and only who holds both rings
 * (admin and the command line) opens.
 */
#include "store/record.h"
#include "suite/directory_internal.h"
#include "suite/json.h"

struct pair {
	const char *setting, *purpose, *called;
	struct id owner;              /* that the private half is bound to */
	enum stack_needs ring, outer; /* what wraps it; outer 0: `ring` alone */
};

static const struct pair pairs[KEY_PAIRS] = {
	[PAIR_QUEUE] = { "queue-key", "queue", "the queue's key", { "queue" }, STACK_QUEUE_RING, 0 },
	[PAIR_TIMELINE] = { "timeline-key",
	                    "timeline",
	                    "the timeline's key",
	                    { "timeline" },
	                    STACK_QUEUE_RING,
	                    STACK_ACCOUNTS_RING },
};

/* ---- wrapping ---- */

static bool may_wrap(struct stack *stack, const struct pair *pair)
{
	return stack_active_kek(stack, pair->ring) && (!pair->outer || stack_active_kek(stack, pair->outer));
}

static enum fault wrap(struct stack *stack, const struct pair *pair, struct slice secret, struct buf *out,
                       struct why *why)
{
	struct buf once;
	uint32_t kek;
	enum fault fault;

	buf_init(&once, 512);
	fault = stack_wrap(stack, pair->ring, pair->purpose, &pair->owner, secret, pair->outer ? &once : out,
	                   &kek, why);
	if (!fault && pair->outer)
		fault = stack_wrap(stack, pair->outer, pair->purpose, &pair->owner, buf_slice(&once), out,
		                   &kek, why);
	buf_done(&once);
	return fault;
}

static enum fault unwrap_one(struct stack *stack, const struct pair *pair, enum stack_needs ring,
                             struct slice wrapped, struct secret **ret, bool *old, struct why *why)
{
	enum fault fault = stack_unwrap(stack, ring, pair->purpose, &pair->owner, wrapped, ret, why);

	*old |= !fault && keyring_wrapped_by(wrapped) != stack_active_kek(stack, ring);
	return fault;
}

/* `ret_old`: another key than a ring's active one has wrapped it. */
static enum fault unwrap(struct stack *stack, const struct pair *pair, struct slice wrapped,
                         struct secret **ret, bool *ret_old, struct why *why)
{
	struct secret *once = NULL;
	enum fault fault = FAULT_NONE;

	*ret_old = false;
	if (pair->outer) {
		fault = unwrap_one(stack, pair, pair->outer, wrapped, &once, ret_old, why);
		if (!fault)
			wrapped = secret_slice(once);
	}
	if (!fault)
		fault = unwrap_one(stack, pair, pair->ring, wrapped, ret, ret_old, why);
	secret_unref(once);
	return fault;
}

/* ---- the record ---- */

static struct slice pair_json(const struct account_key *key, struct slice wrapped, struct arena *arena)
{
	struct account_public public;

	account_key_public(key, &public);
	return json_write(json_pack("{s:i,s:o,s:o}", "generation", (int)account_key_generation(key),
	                            "public_key", json_bytes(slice_of(public.raw, sizeof(public.raw))),
	                            "wrapped_key", json_bytes(wrapped)),
	                  arena);
}

static enum fault put(struct stack *stack, const struct pair *pair, const struct account_key *key,
                      uint64_t version, struct why *why)
{
	struct arena *arena = arena_new();
	struct record record = { .key = slice_str(pair->setting), .version = version };
	struct buf wrapped;
	enum fault fault;

	buf_init(&wrapped, 512);
	fault = wrap(stack, pair, account_key_secret(key), &wrapped, why);
	if (!fault) {
		record.value = pair_json(key, buf_slice(&wrapped), arena);
		fault = record_put(stack->store, &actor_admin, COLL_SETTINGS, &record, why);
	}
	buf_done(&wrapped);
	arena_free(arena);
	return fault;
}

static enum fault make(struct stack *stack, const struct pair *pair, struct why *why)
{
	struct account_key *key = account_key_new(1);
	enum fault fault = put(stack, pair, key, RECORD_NEW, why);

	account_key_unref(key);
	return fault == FAULT_EXISTS ? FAULT_NONE : fault; /* another process was first: its key is the one */
}

static enum fault get(struct stack *stack, const struct pair *pair, struct arena *arena, struct record *ret,
                      struct why *why)
{
	return record_get(stack->store, &actor_admin, COLL_SETTINGS, slice_str(pair->setting), false, arena,
	                  ret, why);
}

static enum fault read_pair(struct stack *stack, const struct pair *pair, struct arena *arena,
                            uint64_t *ret_version, json_t **ret, struct why *why)
{
	struct record record;
	enum fault fault = get(stack, pair, arena, &record, why);

	if (fault == FAULT_NOT_FOUND && may_wrap(stack, pair)) {
		fault = make(stack, pair, why);
		if (!fault)
			fault = get(stack, pair, arena, &record, why);
	}
	if (fault)
		return fault;
	*ret_version = record.version;
	return json_read(record.value, pair->called, ret, why);
}

/* ---- the public half ---- */

static enum fault read_public(struct stack *stack, const struct pair *pair, struct known_public *ret,
                              struct why *why)
{
	struct arena *arena = arena_new();
	uint64_t version;
	json_t *json;
	enum fault fault = read_pair(stack, pair, arena, &version, &json, why);

	if (!fault) {
		ret->generation = (uint8_t)json_get_int(json, "generation");
		if (!json_get_raw(json, "public_key", ret->key.raw, sizeof(ret->key.raw)) || !ret->generation)
			fault = fault_set(why, FAULT_CORRUPT, "the public half of %s does not read",
			                  pair->called);
		json_decref(json);
	}
	arena_free(arena);
	return fault;
}

/* A pair never changes, only its wrapping: read once. The lock is not held while the store is asked; whoever asks
 * at the same time gets the same answer. */
static enum fault public_half(struct stack *stack, enum key_pair which, struct account_public *ret,
                              uint8_t *ret_generation, struct why *why)
{
	struct known_public known;
	enum fault fault;

	pthread_mutex_lock(&stack->lock);
	known = stack->publics[which];
	pthread_mutex_unlock(&stack->lock);
	if (!known.generation) {
		fault = read_public(stack, &pairs[which], &known, why);
		if (fault)
			return fault;
		pthread_mutex_lock(&stack->lock);
		stack->publics[which] = known;
		pthread_mutex_unlock(&stack->lock);
	}
	*ret = known.key;
	*ret_generation = known.generation;
	return FAULT_NONE;
}

enum fault queue_public_key(struct stack *stack, struct account_public *ret, uint8_t *ret_generation,
                            struct why *why)
{
	return public_half(stack, PAIR_QUEUE, ret, ret_generation, why);
}

enum fault timeline_public_key(struct stack *stack, struct account_public *ret, uint8_t *ret_generation,
                               struct why *why)
{
	return public_half(stack, PAIR_TIMELINE, ret, ret_generation, why);
}

/* ---- the private half ---- */

static enum fault private_half(struct stack *stack, const struct pair *pair, struct account_key **ret,
                               bool *ret_old, uint64_t *ret_version, struct why *why)
{
	struct arena *arena = arena_new();
	struct secret *secret;
	json_t *json;
	enum fault fault = read_pair(stack, pair, arena, ret_version, &json, why);

	if (!fault) {
		fault =
		    unwrap(stack, pair, json_get_bytes(json, "wrapped_key", arena), &secret, ret_old, why);
		if (!fault) {
			fault = account_key_from(secret_slice(secret),
			                         (uint8_t)json_get_int(json, "generation"), ret, why);
			secret_unref(secret);
		}
		json_decref(json);
	}
	arena_free(arena);
	return fault;
}

enum fault queue_private_key(struct stack *stack, struct account_key **ret, struct why *why)
{
	uint64_t version;
	bool old;

	return private_half(stack, &pairs[PAIR_QUEUE], ret, &old, &version, why);
}

enum fault timeline_private_key(struct stack *stack, struct account_key **ret, struct why *why)
{
	uint64_t version;
	bool old;

	return private_half(stack, &pairs[PAIR_TIMELINE], ret, &old, &version, why);
}

enum fault key_pair_rewrap(struct stack *stack, enum key_pair which, bool *ret_done, struct why *why)
{
	struct account_key *key;
	uint64_t version;
	bool old;
	enum fault fault = private_half(stack, &pairs[which], &key, &old, &version, why);

	if (fault)
		return fault;
	if (old)
		fault = put(stack, &pairs[which], key, version, why);
	if (!fault)
		*ret_done = old;
	account_key_unref(key);
	return fault;
}
