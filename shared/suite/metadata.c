/*
 * Annotations (metadata.h).
 *
 * Key     mailbox(16) | account(16), zero where they are shared
 * Value   sealed under "metadata", bound to the key: version(1) | n(varint) | n times name, value (blocks)
 */
#include "suite/metadata.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "store/record.h"

#define PURPOSE     "metadata"
#define VERSION     1
#define ENTRIES_MAX 10000
#define ATTEMPTS    20
#define EACH        16 /* records that are held together: they may be large */

struct key {
	struct id mailbox, account;
};

static struct key key_of(const struct metadata_place *place)
{
	return (struct key){ place->mailbox,
		             place->part == METADATA_PRIVATE ? place->account : (struct id){ { 0 } } };
}

static int by_name(const void *a, const void *b)
{
	const struct slice x = ((const struct metadata_entry *)a)->name,
	                   y = ((const struct metadata_entry *)b)->name;
	const int way = strncasecmp((const char *)x.data, (const char *)y.data, MIN_OF(x.len, y.len));

	return way ? way : (x.len > y.len) - (x.len < y.len);
}

/* ---- the record ---- */

static enum fault unpack(struct slice plain, struct arena *arena, struct metadata *ret, struct why *why)
{
	struct reader in = reader_of(arena_copy(arena, plain));
	const uint8_t version = read_u8(&in);
	const uint64_t n = read_varint(&in);

	if (version != VERSION || n > ENTRIES_MAX)
		return fault_set(why, FAULT_CORRUPT, "metadata of version %u", version);
	ret->list = arena_array(arena, struct metadata_entry, (size_t)n + 1);
	for (ret->n = 0; ret->n < n && !in.bad; ret->n++) {
		ret->list[ret->n].name = read_block(&in);
		ret->list[ret->n].value = read_block(&in);
	}
	return read_finished(&in) ? FAULT_NONE : fault_set(why, FAULT_CORRUPT, "metadata do not parse");
}

enum fault metadata_read(const struct account_key *key, const struct record *record, struct arena *arena,
                         struct metadata *ret, struct why *why)
{
	struct buf plain;
	enum fault fault;

	buf_init(&plain, RECORD_VALUE_MAX);
	fault = account_open(key, PURPOSE, record->key, record->value, &plain, why);
	if (!fault)
		fault = unpack(buf_slice(&plain), arena, ret, why);
	buf_done(&plain);
	ret->version = record->version;
	return fault;
}

enum fault metadata_load(struct stack *stack, const struct metadata_place *place, struct arena *arena,
                         struct metadata *ret, struct why *why)
{
	const struct key key = key_of(place);
	struct record record;
	enum fault fault = record_get(stack->store, place->actor, COLL_METADATA, slice_of(&key, sizeof(key)),
	                              false, arena, &record, why);

	*ret = (struct metadata){ .version = RECORD_NEW };
	if (fault == FAULT_NOT_FOUND)
		return FAULT_NONE;
	return fault ? fault : metadata_read(place->key, &record, arena, ret, why);
}

struct load {
	const struct metadata_place *places;
	size_t n;
	struct metadata *ret;
	bool *done;
};

/* Those of one actor: the one of places[first]. */
static enum fault load_of_one(struct stack *stack, const struct load *load, size_t first, struct arena *arena,
                              struct why *why)
{
	const struct actor *actor = load->places[first].actor;
	struct key *keys = arena_array(arena, struct key, load->n);
	struct slice *names = arena_array(arena, struct slice, load->n);
	struct record *records = arena_array(arena, struct record, load->n);
	size_t *at = arena_array(arena, size_t, load->n), n = 0;
	enum fault fault;

	for (size_t i = first; i < load->n; i++) {
		if (load->done[i] || !id_eq(&load->places[i].actor->account, &actor->account))
			continue;
		load->done[i] = true;
		keys[n] = key_of(&load->places[i]);
		names[n] = slice_of(&keys[n], sizeof(keys[n]));
		at[n++] = i;
	}
	fault = record_get_many(stack->store, actor, COLL_METADATA, names, n, false, arena, records, why);
	for (size_t i = 0; i < n && !fault; i++) {
		struct metadata *ret = &load->ret[at[i]];

		if (records[i].key.data)
			fault = metadata_read(load->places[at[i]].key, &records[i], arena, ret, why);
		if (fault == FAULT_CORRUPT) {
			*ret = (struct metadata){ .damaged = true };
			fault = FAULT_NONE;
		}
	}
	return fault;
}

enum fault metadata_load_many(struct stack *stack, const struct metadata_place *places, size_t n,
                              struct arena *arena, struct metadata *ret, struct why *why)
{
	const struct load load = { places, n, ret, arena_array(arena, bool, n + 1) };
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < n; i++) {
		ret[i] = (struct metadata){ .version = RECORD_NEW };
		load.done[i] = false;
	}
	for (size_t i = 0; i < n && !fault; i++)
		if (!load.done[i])
			fault = load_of_one(stack, &load, i, arena, why);
	return fault;
}

struct each {
	const struct actor *owner;
	const struct account_key *key;
	bool (*on_one)(void *arg, const struct metadata_place *, const struct metadata *);
	void *arg;
	bool enough;
};

static enum fault give_one(struct each *each, const struct record *record, struct arena *arena,
                           struct why *why)
{
	struct metadata_place place = { each->owner, each->key, each->owner->account,
		                        .part = METADATA_SHARED };
	struct metadata metadata = { .n = 0 };
	struct key key;
	enum fault fault;

	if (record->key.len != sizeof(key))
		return FAULT_NONE;
	memcpy(&key, record->key.data, sizeof(key));
	place.mailbox = key.mailbox;
	if (!id_is_zero(&key.account))
		place.part = METADATA_PRIVATE;
	fault = metadata_read(each->key, record, arena, &metadata, why);
	if (fault == FAULT_CORRUPT) {
		metadata = (struct metadata){ .damaged = true };
		fault = FAULT_NONE;
	}
	if (!fault)
		each->enough = !each->on_one(each->arg, &place, &metadata);
	return fault;
}

static enum fault give_some(struct stack *stack, struct each *each, struct record_query *query,
                            struct key *last, struct why *why)
{
	struct arena *arena = arena_new();
	struct record *records;
	size_t n;
	enum fault fault = record_find(stack->store, each->owner, query, arena, &records, &n, why);

	for (size_t i = 0; i < n && !fault && !each->enough; i++)
		fault = give_one(each, &records[i], arena, why);
	if (!fault && n == EACH && records[n - 1].key.len == sizeof(*last)) {
		memcpy(last, records[n - 1].key.data, sizeof(*last));
		query->after_key = slice_of(last, sizeof(*last));
	} else {
		each->enough = true;
	}
	arena_free(arena);
	return fault;
}

enum fault metadata_each(struct stack *stack, const struct actor *owner, const struct account_key *key,
                         bool (*on_one)(void *arg, const struct metadata_place *, const struct metadata *),
                         void *arg, struct why *why)
{
	struct each each = { owner, key, on_one, arg, false };
	struct record_query query = {
		.collection = COLL_METADATA, .index = 0, .equal = id_slice(&owner->account), .limit = EACH
	};
	struct key last;
	enum fault fault = FAULT_NONE;

	while (!each.enough && !fault)
		fault = give_some(stack, &each, &query, &last, why);
	return fault;
}

static enum fault pack(const struct metadata *metadata, struct buf *plain, struct why *why)
{
	buf_init(plain, METADATA_MAX);
	buf_add_u8(plain, VERSION);
	buf_add_varint(plain, metadata->n);
	for (size_t i = 0; i < metadata->n; i++)
		if (!buf_add_block(plain, metadata->list[i].name) ||
		    !buf_add_block(plain, metadata->list[i].value))
			return fault_set(why, FAULT_LIMIT, "more than %d bytes of metadata", METADATA_MAX);
	return FAULT_NONE;
}

static enum fault put(struct stack *stack, const struct metadata_place *place,
                      const struct metadata *metadata, struct why *why)
{
	const struct key key = key_of(place);
	struct record record = {
		.key = slice_of(&key, sizeof(key)),
		.version = metadata->version,
		.accounts = id_slice(&place->account),
		.index = { id_slice(&place->account), id_slice(&place->mailbox) },
	};
	struct buf plain, sealed;
	enum fault fault = pack(metadata, &plain, why);

	buf_init(&sealed, RECORD_VALUE_MAX);
	if (!fault) {
		account_seal(place->key, PURPOSE, record.key, buf_slice(&plain), &sealed);
		record.value = buf_slice(&sealed);
		fault = record_put(stack->store, place->actor, COLL_METADATA, &record, why);
	}
	buf_done(&plain);
	buf_done(&sealed);
	return fault == FAULT_EXISTS ? FAULT_STALE : fault;
}

static enum fault del(struct stack *stack, const struct metadata_place *place, uint64_t version,
                      struct why *why)
{
	const struct key key = key_of(place);
	enum fault fault =
	    record_del(stack->store, place->actor, COLL_METADATA, slice_of(&key, sizeof(key)), version, why);

	return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
}

/* ---- changing ---- */

static void apply(struct metadata *metadata, const struct metadata_entry *change)
{
	size_t i = 0;

	while (i < metadata->n && by_name(&metadata->list[i], change) != 0)
		i++;
	if (!change->value.data) {
		if (i < metadata->n)
			metadata->list[i] = metadata->list[--metadata->n];
	} else if (i < metadata->n) {
		metadata->list[i].value = change->value;
	} else {
		metadata->list[metadata->n++] = *change;
	}
}

/* What there will be; its version is that of what there is. */
static enum fault edited(struct stack *stack, const struct metadata_place *place,
                         const struct metadata_edit *edit, struct arena *arena, struct metadata *ret,
                         struct why *why)
{
	struct metadata now, then;
	enum fault fault = metadata_load(stack, place, arena, &now, why);

	if (fault)
		return fault;
	then = (struct metadata){ arena_array(arena, struct metadata_entry, now.n + edit->n + 1), now.n,
		                  now.version };
	for (size_t i = 0; i < now.n; i++)
		then.list[i] = now.list[i];
	for (size_t i = 0; i < edit->n; i++)
		apply(&then, &edit->changes[i]);
	if (then.n > now.n && then.n > edit->entries_max)
		return fault_set(why, FAULT_LIMIT, "more than %zu entries", edit->entries_max);
	qsort(then.list, then.n, sizeof(then.list[0]), by_name);
	*ret = then;
	return FAULT_NONE;
}

enum fault metadata_check(struct stack *stack, const struct metadata_place *place,
                          const struct metadata_edit *edit, struct why *why)
{
	struct arena *arena = arena_new();
	struct metadata then;
	enum fault fault = edited(stack, place, edit, arena, &then, why);
	struct buf plain;

	if (!fault) {
		fault = pack(&then, &plain, why);
		buf_done(&plain);
	}
	arena_free(arena);
	return fault;
}

static enum fault change_once(struct stack *stack, const struct metadata_place *place,
                              const struct metadata_edit *edit, struct arena *arena, struct why *why)
{
	struct metadata then;
	enum fault fault = edited(stack, place, edit, arena, &then, why);

	if (fault)
		return fault;
	if (then.n)
		return put(stack, place, &then, why);
	return then.version == RECORD_NEW ? FAULT_NONE : del(stack, place, then.version, why);
}

enum fault metadata_change(struct stack *stack, const struct metadata_place *place,
                           const struct metadata_edit *edit, struct why *why)
{
	enum fault fault = FAULT_STALE;

	for (int i = 0; i < ATTEMPTS && fault == FAULT_STALE; i++) {
		struct arena *arena = arena_new();

		fault = change_once(stack, place, edit, arena, why);
		arena_free(arena);
	}
	return fault == FAULT_STALE ? fault_set(why, FAULT_TEMP, "others kept changing the metadata") : fault;
}

enum fault metadata_forget(struct stack *stack, const struct actor *actor, const struct id *mailbox,
                           struct why *why)
{
	const struct actor owner = { ACTOR_OWNER, actor->account };
	struct metadata_place place = { .actor = &owner, .account = actor->account, .mailbox = *mailbox };
	enum fault fault = del(stack, &place, RECORD_ANY, why);

	place.part = METADATA_SHARED;
	return fault ? fault : del(stack, &place, RECORD_ANY, why);
}
