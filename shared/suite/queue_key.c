/*
 * The queue's key pair (directory.h): one for the suite, in the settings. The public half is in clear, the
 * private half wrapped by the queue ring; so smtpd seals to it and only mta (and admin) opens.
 */
#include "store/record.h"
#include "suite/directory_internal.h"
#include "suite/json.h"

#define QUEUE_KEY SLICE("queue-key")

/* The owner that the queue's private key is bound to: there is one queue. */
static const struct id queue_owner = { "queue" };

static struct slice queue_key_json(const struct account_key *key, struct slice wrapped, struct arena *arena)
{
	struct account_public public;

	account_key_public(key, &public);
	return json_write(json_pack("{s:i,s:o,s:o}", "generation", (int)account_key_generation(key),
	                            "public_key", json_bytes(slice_of(public.raw, sizeof(public.raw))),
	                            "wrapped_key", json_bytes(wrapped)),
	                  arena);
}

static enum fault put_queue_key(struct stack *stack, const struct account_key *key, uint64_t version,
                                struct why *why)
{
	struct arena *arena = arena_new();
	struct record record = { .key = QUEUE_KEY, .version = version };
	struct buf wrapped;
	uint32_t kek;
	enum fault fault;

	buf_init(&wrapped, 512);
	fault = stack_wrap(stack, STACK_QUEUE_RING, "queue", &queue_owner, account_key_secret(key), &wrapped,
	                   &kek, why);
	if (!fault) {
		record.value = queue_key_json(key, buf_slice(&wrapped), arena);
		fault = record_put(stack->store, &actor_admin, COLL_SETTINGS, &record, why);
	}
	buf_done(&wrapped);
	arena_free(arena);
	return fault;
}

static enum fault make_queue_key(struct stack *stack, struct why *why)
{
	struct account_key *key = account_key_new(1);
	enum fault fault = put_queue_key(stack, key, RECORD_NEW, why);

	account_key_unref(key);
	return fault == FAULT_EXISTS ? FAULT_NONE : fault; /* another process was first: its key is the one */
}

static enum fault get_record(struct stack *stack, struct arena *arena, struct record *ret, struct why *why)
{
	return record_get(stack->store, &actor_admin, COLL_SETTINGS, QUEUE_KEY, false, arena, ret, why);
}

static enum fault read_queue_key(struct stack *stack, struct arena *arena, uint64_t *ret_version,
                                 json_t **ret, struct why *why)
{
	struct record record;
	enum fault fault = get_record(stack, arena, &record, why);

	if (fault == FAULT_NOT_FOUND && stack_active_kek(stack, STACK_QUEUE_RING)) {
		fault = make_queue_key(stack, why);
		if (!fault)
			fault = get_record(stack, arena, &record, why);
	}
	if (fault)
		return fault;
	*ret_version = record.version;
	return json_read(record.value, "the queue's key", ret, why);
}

static enum fault read_public(struct stack *stack, struct account_public *ret, uint8_t *ret_generation,
                              struct why *why)
{
	struct arena *arena = arena_new();
	uint64_t version;
	json_t *json;
	enum fault fault = read_queue_key(stack, arena, &version, &json, why);

	if (!fault) {
		*ret_generation = (uint8_t)json_get_int(json, "generation");
		if (!json_get_raw(json, "public_key", ret->raw, sizeof(ret->raw)) || !*ret_generation)
			fault = fault_set(why, FAULT_CORRUPT, "the queue's public key does not read");
		json_decref(json);
	}
	arena_free(arena);
	return fault;
}

static bool recall_public(struct stack *stack, struct account_public *ret, uint8_t *ret_generation)
{
	bool known;

	pthread_mutex_lock(&stack->lock);
	known = stack->queue_generation != 0;
	if (known) {
		*ret = stack->queue_public;
		*ret_generation = stack->queue_generation;
	}
	pthread_mutex_unlock(&stack->lock);
	return known;
}

/* The pair never changes, only its wrapping: read once. The lock is not held while the store is asked; whoever asks
 * at the same time gets the same answer. */
enum fault queue_public_key(struct stack *stack, struct account_public *ret, uint8_t *ret_generation,
                            struct why *why)
{
	struct account_public public;
	uint8_t generation;
	enum fault fault;

	if (recall_public(stack, ret, ret_generation))
		return FAULT_NONE;
	fault = read_public(stack, &public, &generation, why);
	if (fault)
		return fault;
	pthread_mutex_lock(&stack->lock);
	stack->queue_public = public;
	stack->queue_generation = generation;
	pthread_mutex_unlock(&stack->lock);
	*ret = public;
	*ret_generation = generation;
	return FAULT_NONE;
}

static enum fault unwrap(struct stack *stack, const json_t *json, struct slice wrapped,
                         struct account_key **ret, struct why *why)
{
	struct secret *secret;
	enum fault fault =
	    stack_unwrap(stack, STACK_QUEUE_RING, "queue", &queue_owner, wrapped, &secret, why);

	if (!fault) {
		fault = account_key_from(secret_slice(secret), (uint8_t)json_get_int(json, "generation"), ret,
		                         why);
		secret_unref(secret);
	}
	return fault;
}

static enum fault open_queue_key(struct stack *stack, struct account_key **ret, uint32_t *ret_kek,
                                 uint64_t *ret_version, struct why *why)
{
	struct arena *arena = arena_new();
	struct slice wrapped;
	json_t *json;
	enum fault fault = read_queue_key(stack, arena, ret_version, &json, why);

	if (!fault) {
		wrapped = json_get_bytes(json, "wrapped_key", arena);
		*ret_kek = keyring_wrapped_by(wrapped);
		fault = unwrap(stack, json, wrapped, ret, why);
		json_decref(json);
	}
	arena_free(arena);
	return fault;
}

enum fault queue_private_key(struct stack *stack, struct account_key **ret, struct why *why)
{
	uint64_t version;
	uint32_t kek;

	return open_queue_key(stack, ret, &kek, &version, why);
}

enum fault queue_key_rewrap(struct stack *stack, bool *ret_done, struct why *why)
{
	struct account_key *key;
	uint64_t version;
	uint32_t kek;
	enum fault fault = open_queue_key(stack, &key, &kek, &version, why);

	if (fault)
		return fault;
	if (kek == stack_active_kek(stack, STACK_QUEUE_RING)) {
		*ret_done = false;
	} else {
		fault = put_queue_key(stack, key, version, why);
		if (!fault)
			*ret_done = true;
	}
	account_key_unref(key);
	return fault;
}
