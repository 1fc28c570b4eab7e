/* Tokens of the REST API (principal.h). */
#include "suite/principal.h"

#include <ctype.h>

#include "base/clock.h"
#include "store/record.h"
#include "suite/directory_internal.h"
#include "suite/json.h"

#define NAME_MAX_LEN 64

static json_t *role_json(const struct role_binding *binding)
{
	return json_pack("{s:s,s:s?}", "role", role_name(binding->role), "domain", binding->domain);
}

static bool name_is_good(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)name[i]) && !strchr("-_.@", name[i]))
			return false;
	}
	return len > 0 && len <= NAME_MAX_LEN;
}

enum fault principal_create(struct stack *stack, const struct change_by *by, const char *name,
                            const struct role_binding *roles, size_t n, int64_t expires,
                            struct token_text *ret, struct why *why)
{
	struct arena *arena = arena_new();
	struct record record = { .version = RECORD_NEW, .index = { slice_str(name) }, .expires = expires };
	json_t *list = json_array();
	struct token_hash hash;
	struct token_text token;
	bool whole = true;
	enum fault fault;

	token_make(&token, &hash);
	for (size_t i = 0; i < n; i++)
		whole = json_array_append_new(list, role_json(&roles[i])) == 0 && whole;
	record.key = slice_of(hash.raw, sizeof(hash.raw));
	if (!name_is_good(name) || n == 0 || n > PRINCIPAL_ROLES_MAX) {
		fault = fault_set(why, FAULT_INPUT,
		                  "a token has a name of letters, digits and -_.@, and 1 to %d roles",
		                  PRINCIPAL_ROLES_MAX);
		json_decref(list);
	} else if (!whole) {
		fault = fault_set(why, FAULT_INPUT, "the domain of a role is not UTF-8");
		json_decref(list);
	} else {
		record.value =
		    json_write(json_pack("{s:s,s:o,s:I,s:I}", "name", name, "roles", list, "created",
		                         (json_int_t)clock_now(), "expires", (json_int_t)expires),
		               arena);
		fault = record_put(stack->store, &actor_admin, COLL_TOKENS, &record, why);
	}
	if (fault == FAULT_EXISTS)
		fault_set(why, fault, "a token named %s is there already", name);
	if (!fault)
		fault = audit_add(stack, by, "token.create", name, NULL, "", why);
	if (!fault)
		*ret = token;
	arena_free(arena);
	return fault;
}

static enum fault principal_read(const struct record *record, struct arena *arena, struct principal *ret,
                                 struct why *why)
{
	struct principal principal = { 0 };
	const json_t *list;
	json_t *json;
	enum fault fault = json_read(record->value, "a token", &json, why);

	if (fault)
		return fault;
	principal.name = json_get_str(json, "name", arena);
	principal.created = json_get_int(json, "created");
	principal.expires = json_get_int(json, "expires");
	list = json_object_get(json, "roles");
	principal.roles = arena_array(arena, struct role_binding, json_array_size(list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);
		const char *domain = json_get_str(one, "domain", arena);
		struct role_binding *binding = &principal.roles[principal.n_roles];

		if (!role_parse(slice_str(json_get_str(one, "role", arena)), &binding->role))
			continue; /* a role of a newer Posthouse gives nothing here */
		binding->domain = domain[0] ? domain : NULL;
		principal.n_roles++;
	}
	json_decref(json);
	if (record->key.len == sizeof(principal.hash.raw))
		memcpy(principal.hash.raw, record->key.data, record->key.len);
	*ret = principal;
	return FAULT_NONE;
}

enum fault principal_find(struct stack *stack, struct slice token, struct arena *arena, struct principal *ret,
                          struct why *why)
{
	struct record record;
	struct token_hash hash;
	enum fault fault;

	if (!token_hash(token, &hash))
		return fault_set(why, FAULT_AUTH, "not a token");
	fault = record_get(stack->store, &actor_admin, COLL_TOKENS, slice_of(hash.raw, sizeof(hash.raw)),
	                   false, arena, &record, why);
	if (fault)
		return fault == FAULT_NOT_FOUND ? fault_set(why, FAULT_AUTH, "no such token") : fault;
	fault = principal_read(&record, arena, ret, why);
	if (!fault && ret->expires && ret->expires <= clock_now())
		return fault_set(why, FAULT_AUTH, "the token %s has expired", ret->name);
	return fault;
}

enum fault principal_list(struct stack *stack, struct slice after, size_t limit, struct arena *arena,
                          struct principal **ret, size_t *ret_n, struct why *why)
{
	/* behind every key that a name could have: there is one, as names are unique */
	static const uint8_t last_key[sizeof(struct token_hash)] = { [0 ... sizeof(struct token_hash) - 1] =
		                                                         0xff };
	const struct record_query query = {
		.collection = COLL_TOKENS,
		.index = 0,
		.after_index = after,
		.after_key = after.data ? slice_of(last_key, sizeof(last_key)) : after,
		.limit = limit,
	};
	struct principal *principals;
	struct record *records;
	size_t n;
	enum fault fault = record_find(stack->store, &actor_admin, &query, arena, &records, &n, why);

	if (fault)
		return fault;
	principals = arena_array(arena, struct principal, n);
	for (size_t i = 0; i < n && !fault; i++)
		fault = principal_read(&records[i], arena, &principals[i], why);
	*ret = principals;
	*ret_n = n;
	return fault;
}

enum fault principal_delete(struct stack *stack, const struct change_by *by, struct slice name,
                            struct why *why)
{
	struct arena *arena = arena_new();
	const struct record_query query = {
		.collection = COLL_TOKENS, .index = 0, .equal = name, .limit = 1
	};
	struct record *records;
	size_t n = 0;
	enum fault fault = record_find(stack->store, &actor_admin, &query, arena, &records, &n, why);

	if (!fault && n == 0)
		fault = fault_set(why, FAULT_NOT_FOUND, "no token named %.*s", SLICE_FMT(name));
	if (!fault)
		fault = record_del(stack->store, &actor_admin, COLL_TOKENS, records[0].key, RECORD_ANY, why);
	if (!fault)
		fault = audit_add(stack, by, "token.delete", arena_strz(arena, name), NULL, "", why);
	arena_free(arena);
	return fault;
}
