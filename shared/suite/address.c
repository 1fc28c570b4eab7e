/* Addresses and aliases (directory.h): what a recipient is, in one look. */
#include "mail/address.h"

#include "store/record.h"
#include "suite/directory_internal.h"
#include "suite/json.h"

#define WALK_BATCH 256

static const char *const kind_names[] = {
	[ADDRESS_ACCOUNT] = "account",
	[ADDRESS_ALIAS] = "alias",
	[ADDRESS_DOMAIN] = "domain",
};

static bool parse_kind(const char *name, enum address_row_kind *ret)
{
	for (size_t i = 0; i < ARRAY_LEN(kind_names); i++) {
		if (strcmp(name, kind_names[i]) == 0) {
			*ret = (enum address_row_kind)i;
			return true;
		}
	}
	return false;
}

static void read_targets(const json_t *json, struct arena *arena, struct address_row *entry)
{
	const json_t *list = json_object_get(json, "targets");

	entry->n_targets = json_array_size(list);
	entry->targets = arena_array(arena, const char *, entry->n_targets);
	for (size_t i = 0; i < entry->n_targets; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		entry->targets[i] = arena_strdup(arena, text ? text : "");
	}
}

enum fault address_read(const struct record *record, struct arena *arena, struct address_row *ret,
                        struct why *why)
{
	struct address_row entry = { .version = record->version };
	json_t *json;
	enum fault fault = json_read(record->value, "an address", &json, why);
	bool whole;

	if (fault)
		return fault;
	entry.address = arena_strz(arena, record->key);
	whole = parse_kind(json_get_str(json, "kind", arena), &entry.kind);
	if (whole && entry.kind == ADDRESS_ACCOUNT) {
		whole = json_get_id(json, "account", &entry.account) &&
		        json_get_id(json, "inbox", &entry.inbox) &&
		        json_get_raw(json, "public_key", entry.public_key.raw, sizeof(entry.public_key.raw));
		(void)json_get_id(json, "junk", &entry.junk);
		entry.generation = (uint8_t)json_get_int(json, "generation");
		entry.quota = (uint64_t)json_get_int(json, "quota");
		entry.quota_messages = (uint64_t)json_get_int(json, "quota_messages");
		entry.suspended = json_get_bool(json, "suspended");
	} else if (whole) {
		read_targets(json, arena, &entry);
	}
	json_decref(json);
	if (!whole)
		return fault_set(why, FAULT_CORRUPT, "the record of address %s lacks a field", entry.address);
	*ret = entry;
	return FAULT_NONE;
}

static json_t *entry_json(const struct address_row *entry)
{
	json_t *targets, *json;

	if (entry->kind == ADDRESS_ACCOUNT) {
		json = json_pack("{s:s,s:o,s:o,s:o,s:o,s:i,s:I,s:b}", "kind", kind_names[entry->kind],
		                 "account", json_id(&entry->account), "inbox", json_id(&entry->inbox), "junk",
		                 json_id(&entry->junk), "public_key",
		                 json_bytes(slice_of(entry->public_key.raw, sizeof(entry->public_key.raw))),
		                 "generation", (int)entry->generation, "quota", (json_int_t)entry->quota,
		                 "suspended", (int)entry->suspended);
		if (entry->quota_messages)
			json_object_set_new(json, "quota_messages",
			                    json_integer((json_int_t)entry->quota_messages));
		return json;
	}
	targets = json_array();
	for (size_t i = 0; i < entry->n_targets; i++)
		json_array_append_new(targets, json_string(entry->targets[i]));
	return json_pack("{s:s,s:o}", "kind", kind_names[entry->kind], "targets", targets);
}

enum fault address_put(struct stack *stack, const struct address_row *entry, struct why *why)
{
	struct arena *arena = arena_new();
	struct slice key = slice_str(entry->address);
	struct record record = {
		.key = key,
		.version = entry->version,
		.index = { directory_domain_of(key) },
		.value = json_write(entry_json(entry), arena),
	};
	enum fault fault;

	if (entry->kind == ADDRESS_ACCOUNT) {
		record.accounts = id_slice(&entry->account);
		record.index[1] = id_slice(&entry->account);
	}
	fault = record_put(stack->store, &actor_admin, COLL_ADDRESSES, &record, why);
	arena_free(arena);
	return fault;
}

/* ---- one look at RCPT ---- */

enum { LOOK_EXACT, LOOK_BASE, LOOK_DOMAIN, LOOKS };

enum fault address_find(struct stack *stack, struct slice local, struct slice domain, struct arena *arena,
                        enum found_as *ret_found, struct address_row *ret, struct why *why)
{
	static const enum found_as found_as[LOOKS] = { FOUND_EXACT, FOUND_TAGGED, FOUND_CATCH_ALL };
	struct record records[LOOKS];
	struct slice keys[LOOKS], base, tag;
	enum fault fault;
	int hit;

	address_split_tag(local, '+', &base, &tag);
	keys[LOOK_EXACT] = slice_str(arena_printf(arena, "%.*s@%.*s", SLICE_FMT(local), SLICE_FMT(domain)));
	keys[LOOK_BASE] = slice_str(arena_printf(arena, "%.*s@%.*s", SLICE_FMT(base), SLICE_FMT(domain)));
	keys[LOOK_DOMAIN] = slice_str(arena_printf(arena, "@%.*s", SLICE_FMT(domain)));
	fault = record_get_many(stack->store, &actor_admin, COLL_ADDRESSES, keys, LOOKS, false, arena,
	                        records, why);
	if (fault)
		return fault;
	if (!records[LOOK_DOMAIN].key.data) {
		*ret_found = FOUND_NOT_LOCAL;
		return FAULT_NONE;
	}
	/* without a local part (<""@domain>) all three are the domain's own row */
	for (hit = local.len ? LOOK_EXACT : LOOK_DOMAIN; hit < LOOK_DOMAIN && !records[hit].key.data; hit++)
		;
	fault = address_read(&records[hit], arena, ret, why);
	if (!fault)
		*ret_found = hit == LOOK_DOMAIN && ret->n_targets == 0 ? FOUND_NOBODY : found_as[hit];
	return fault;
}

/* ---- lists and aliases ---- */

enum fault address_walk(struct stack *stack, enum address_row_kind kind, struct slice domain,
                        struct slice after, size_t limit, struct arena *arena, struct address_row **ret,
                        size_t *ret_n, struct why *why)
{
	struct record_query query = {
		.collection = COLL_ADDRESSES, .index = 0, .equal = domain, .limit = WALK_BATCH
	};
	struct address_row *found = arena_array(arena, struct address_row, limit);
	size_t kept = 0, n = WALK_BATCH;

	while (kept < limit && n == WALK_BATCH) {
		struct record *records;
		enum fault fault;

		query.after_key = after;
		query.after_index = after.data ? directory_domain_of(after) : after;
		fault = record_find(stack->store, &actor_admin, &query, arena, &records, &n, why);
		for (size_t i = 0; i < n && !fault && kept < limit; i++) {
			fault = address_read(&records[i], arena, &found[kept], why);
			kept += !fault && found[kept].kind == kind;
		}
		if (fault)
			return fault;
		if (n)
			after = records[n - 1].key;
	}
	*ret = found;
	*ret_n = kept;
	return FAULT_NONE;
}

enum fault alias_get(struct stack *stack, struct slice address, struct arena *arena, struct address_row *ret,
                     struct why *why)
{
	struct slice key;
	struct record record;
	enum fault fault = directory_key(arena, address, &key, why);

	if (!fault)
		fault =
		    record_get(stack->store, &actor_admin, COLL_ADDRESSES, key, false, arena, &record, why);
	if (!fault)
		fault = address_read(&record, arena, ret, why);
	if (!fault && ret->kind != ADDRESS_ALIAS)
		return fault_set(why, FAULT_NOT_FOUND, "%.*s is no alias", SLICE_FMT(key));
	return fault;
}

static enum fault check_targets(struct arena *arena, const char *const *targets, size_t n, struct why *why)
{
	struct address parsed;
	enum fault fault = FAULT_NONE;

	if (n == 0 || n > ALIAS_TARGETS_MAX)
		return fault_set(why, FAULT_INPUT, "an alias has 1 to %d targets", ALIAS_TARGETS_MAX);
	for (size_t i = 0; i < n && !fault; i++) {
		fault = address_parse(arena, slice_str(targets[i]), &parsed, why);
		if (fault)
			fault_add(why, fault, "target \"%.80s\"", targets[i]);
	}
	return fault;
}

enum fault alias_put(struct stack *stack, const struct change_by *by, struct slice address,
                     const char *const *targets, size_t n, uint64_t version, struct why *why)
{
	struct arena *arena = arena_new();
	struct address_row entry = { .kind = ADDRESS_ALIAS, .n_targets = n, .version = version }, there;
	struct domain domain;
	struct slice key;
	enum fault fault = directory_key(arena, address, &key, why);

	if (!fault)
		fault = check_targets(arena, targets, n, why);
	if (!fault)
		fault = domain_get(stack, directory_domain_of(key), arena, &domain, why);
	if (!fault && version != RECORD_NEW) /* never write over an account's address */
		fault = alias_get(stack, key, arena, &there, why);
	if (!fault) {
		entry.address = arena_strz(arena, key);
		entry.targets = (const char **)arena_alloc(arena, n * sizeof(*targets));
		memcpy(entry.targets, targets, n * sizeof(*targets));
		fault = address_put(stack, &entry, why);
	}
	if (!fault)
		fault = audit_add(stack, by, version == RECORD_NEW ? "alias.create" : "alias.change",
		                  entry.address, domain.name, "", why);
	arena_free(arena);
	return fault;
}

enum fault alias_delete(struct stack *stack, const struct change_by *by, struct slice address,
                        struct why *why)
{
	struct arena *arena = arena_new();
	struct address_row entry;
	enum fault fault = alias_get(stack, address, arena, &entry, why);
	struct slice key;

	if (!fault) {
		key = slice_str(entry.address);
		fault = record_del(stack->store, &actor_admin, COLL_ADDRESSES, key, entry.version, why);
		if (!fault)
			fault = audit_add(stack, by, "alias.delete", entry.address,
			                  arena_strz(arena, directory_domain_of(key)), "", why);
	}
	arena_free(arena);
	return fault;
}

enum fault alias_list(struct stack *stack, struct slice domain, struct slice after, size_t limit,
                      struct arena *arena, struct address_row **ret, size_t *ret_n, struct why *why)
{
	return address_walk(stack, ADDRESS_ALIAS, domain, after, limit, arena, ret, ret_n, why);
}
