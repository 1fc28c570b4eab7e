/*
 * Accounts: their records, and looking them up (directory.h). account.c makes, changes and deletes them; domains are
 * domain.c, addresses and aliases address.c, the suite's key pairs key_pair.c, the audit trail audit.c.
 */
#include "auth/role.h"
#include "mail/address.h"
#include "store/record.h"
#include "suite/directory_internal.h"
#include "suite/json.h"

const struct actor actor_admin = { .kind = ACTOR_ADMIN };

enum fault directory_key(struct arena *arena, struct slice text, struct slice *ret, struct why *why)
{
	struct address address;
	enum fault fault = address_parse(arena, text, &address, why);

	return fault ? fault : address_key(arena, &address, ret, why);
}

struct slice directory_domain_of(struct slice key)
{
	size_t at = key.len;

	while (at > 0 && key.data[at - 1] != '@')
		at--;
	return slice_from(key, at);
}

/* ---- the record ---- */

static json_t *scram_json(const struct scram_keys *scram)
{
	return json_pack("{s:o,s:i,s:o,s:o}", "salt", json_bytes(slice_of(scram->salt, sizeof(scram->salt))),
	                 "iterations", (int)scram->iterations, "stored_key",
	                 json_bytes(slice_of(scram->stored_key, sizeof(scram->stored_key))), "server_key",
	                 json_bytes(slice_of(scram->server_key, sizeof(scram->server_key))));
}

static struct record account_record(const struct account *account, struct arena *arena)
{
	json_t *json = json_pack(
	    "{s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:i,s:o,s:o,s:o,s:I,s:s,s:I,s:I}", "login", account->login,
	    "domain", account->domain, "name", account->name, "state",
	    account->state == ACCOUNT_SUSPENDED ? "suspended" : "active", "argon", account->password.argon,
	    "scram", scram_json(&account->password.scram), "public_key",
	    json_bytes(slice_of(account->public_key.raw, sizeof(account->public_key.raw))), "generation",
	    (int)account->generation, "wrapped_key", json_bytes(account->wrapped), "inbox",
	    json_id(&account->inbox), "junk", json_id(&account->junk), "quota", (json_int_t)account->quota,
	    "capabilities_off", account->capabilities_off ? account->capabilities_off : "", "trace_until",
	    (json_int_t)account->trace_until, "created", (json_int_t)account->created);
	struct slice id = arena_copy(arena, id_slice(&account->id));

	if (account->is_public)
		json_object_set_new(json, "public", json_true());
	if (account->quota_messages)
		json_object_set_new(json, "quota_messages",
		                    json_integer((json_int_t)account->quota_messages));
	if (account->role)
		json_object_set_new(json, "role", json_string(role_name((enum role)account->role)));
	if (account->referral && *account->referral)
		json_object_set_new(json, "referral", json_string(account->referral));

	return (struct record){
		.key = id,
		.accounts = id,
		.version = account->version,
		.index = { slice_str(account->domain), slice_str(account->login) },
		.value = json_write(json, arena),
	};
}

static bool read_scram(const json_t *json, struct scram_keys *ret)
{
	ret->iterations = (uint32_t)json_get_int(json, "iterations");
	return json_get_raw(json, "salt", ret->salt, sizeof(ret->salt)) &&
	       json_get_raw(json, "stored_key", ret->stored_key, sizeof(ret->stored_key)) &&
	       json_get_raw(json, "server_key", ret->server_key, sizeof(ret->server_key));
}

enum fault account_put_record(struct stack *stack, const struct account *account, struct why *why)
{
	struct arena *arena = arena_new();
	struct record record = account_record(account, arena);
	enum fault fault = record_put(stack->store, &actor_admin, COLL_ACCOUNTS, &record, why);

	arena_free(arena);
	return fault;
}

enum fault account_read(const struct record *record, struct arena *arena, struct account *ret,
                        struct why *why)
{
	json_t *json;
	enum fault fault = json_read(record->value, "an account", &json, why);
	struct account account = { .version = record->version };
	enum role role;
	bool whole;

	if (fault)
		return fault;
	account.login = json_get_str(json, "login", arena);
	account.domain = json_get_str(json, "domain", arena);
	account.name = json_get_str(json, "name", arena);
	account.state =
	    strcmp(json_get_str(json, "state", arena), "active") ? ACCOUNT_SUSPENDED : ACCOUNT_ACTIVE;
	snprintf(account.password.argon, sizeof(account.password.argon), "%s",
	         json_get_str(json, "argon", arena));
	account.is_public = json_get_bool(json, "public");
	account.generation = (uint8_t)json_get_int(json, "generation");
	account.wrapped = json_get_bytes(json, "wrapped_key", arena);
	account.quota = (uint64_t)json_get_int(json, "quota");
	account.capabilities_off = json_get_str(json, "capabilities_off", arena);
	account.trace_until = json_get_int(json, "trace_until");
	account.quota_messages = (uint64_t)json_get_int(json, "quota_messages");
	if (role_parse(slice_str(json_get_str(json, "role", arena)), &role))
		account.role = role;
	account.referral = json_get_str(json, "referral", arena);
	account.created = json_get_int(json, "created");
	(void)json_get_id(json, "junk", &account.junk);
	whole = id_from(record->key, &account.id) && json_get_id(json, "inbox", &account.inbox) &&
	        json_get_raw(json, "public_key", account.public_key.raw, sizeof(account.public_key.raw)) &&
	        read_scram(json_object_get(json, "scram"), &account.password.scram);
	json_decref(json);
	if (!whole)
		return fault_set(why, FAULT_CORRUPT, "the record of account %s lacks a field", account.login);
	*ret = account;
	return FAULT_NONE;
}

bool account_may(const struct account *account, bool write, const struct account *other)
{
	const struct role_binding role = { (enum role)account->role,
		                           account->role == ROLE_OWNER ? NULL : account->domain };

	return role_allows(&role, 1, write ? RIGHT_WRITE : RIGHT_READ, other->domain);
}

/* ---- looking up ---- */

enum fault account_get(struct stack *stack, const struct id *id, struct arena *arena, struct account *ret,
                       struct why *why)
{
	struct record record;
	enum fault fault =
	    record_get(stack->store, &actor_admin, COLL_ACCOUNTS, id_slice(id), false, arena, &record, why);

	return fault ? fault : account_read(&record, arena, ret, why);
}

enum fault account_by_login(struct stack *stack, struct slice login, struct arena *arena, struct account *ret,
                            struct why *why)
{
	struct address_row entry;
	struct slice key;
	struct record record;
	enum fault fault = directory_key(arena, login, &key, why);

	if (fault)
		return fault_add(why, FAULT_NOT_FOUND, "login name");
	fault = record_get(stack->store, &actor_admin, COLL_ADDRESSES, key, false, arena, &record, why);
	if (!fault)
		fault = address_read(&record, arena, &entry, why);
	if (fault)
		return fault;
	if (entry.kind != ADDRESS_ACCOUNT)
		return fault_set(why, FAULT_NOT_FOUND, "%s is no account", entry.address);
	return account_get(stack, &entry.account, arena, ret, why);
}

/* The accounts that `entries` name, in one round trip, in their order; those deleted in between are left out. */
static enum fault accounts_of(struct stack *stack, const struct address_row *entries, size_t n,
                              struct arena *arena, struct account *ret, size_t *ret_n, struct why *why)
{
	struct slice *keys = arena_array(arena, struct slice, n);
	struct record *records = arena_array(arena, struct record, n);
	size_t found = 0;
	enum fault fault;

	for (size_t i = 0; i < n; i++)
		keys[i] = id_slice(&entries[i].account);
	fault =
	    record_get_many(stack->store, &actor_admin, COLL_ACCOUNTS, keys, n, false, arena, records, why);
	for (size_t i = 0; i < n && !fault; i++) {
		if (records[i].key.data)
			fault = account_read(&records[i], arena, &ret[found++], why);
	}
	if (!fault)
		*ret_n = found;
	return fault;
}

/* Fewer than `limit` only at the end of the list: callers go on behind the last one until then. */
enum fault account_list(struct stack *stack, struct slice domain, struct slice after, size_t limit,
                        struct arena *arena, struct account **ret, size_t *ret_n, struct why *why)
{
	struct account *accounts = arena_array(arena, struct account, limit);
	size_t kept = 0, wanted, n;

	do {
		struct address_row *entries;
		size_t found;
		enum fault fault;

		wanted = limit - kept;
		fault = address_walk(stack, ADDRESS_ACCOUNT, domain, after, wanted, arena, &entries, &n, why);
		if (!fault)
			fault = accounts_of(stack, entries, n, arena, accounts + kept, &found, why);
		if (fault)
			return fault;
		kept += found;
		if (n)
			after = slice_str(entries[n - 1].address);
	} while (kept < limit && n == wanted);
	*ret = accounts;
	*ret_n = kept;
	return FAULT_NONE;
}

enum fault account_unlock(struct stack *stack, const struct account *account, struct account_key **ret,
                          struct why *why)
{
	struct secret *secret;
	enum fault fault;

	fault =
	    stack_unwrap(stack, STACK_ACCOUNTS_RING, "account", &account->id, account->wrapped, &secret, why);
	if (fault)
		return fault_add(why, fault, "the key of %s", account->login);
	fault = account_key_from(secret_slice(secret), account->generation, ret, why);
	secret_unref(secret);
	return fault;
}
