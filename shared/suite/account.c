/*
 * Accounts made, changed and deleted (directory.h).
 *
 * An account is there when its address is. Making one writes the record (the unique login decides who makes
 * it), the mailboxes, the record again with the INBOX in it, then the address. Deleting takes the address
 * first, then the keys out of the record, then the mailboxes, and the record last. So whatever is
 * interrupted leaves a record that no address leads to: the next one of that name, or the sweeper, clears it away.
 */
#include "base/clock.h"
#include "base/utf8.h"
#include "mail/address.h"
#include "store/mailbox.h"
#include "store/record.h"
#include "suite/directory_internal.h"
#include "suite/folder.h"
#include "suite/nudge.h"
#include "suite/walk.h"

#define ATTEMPTS               20
#define NAME_MAX_BYTES         255
#define CAPABILITIES_MAX_BYTES 1000
#define MAKING_MS              120000 /* no making of an account takes as long */

/* ---- the address follows the record ---- */

static struct address_row entry_of(const struct account *account, uint64_t version)
{
	return (struct address_row){
		.address = account->login,
		.kind = ADDRESS_ACCOUNT,
		.account = account->id,
		.inbox = account->inbox,
		.junk = account->junk,
		.public_key = account->public_key,
		.generation = account->generation,
		.quota = account->quota,
		.quota_messages = account->quota_messages,
		.suspended = account->state == ACCOUNT_SUSPENDED,
		.version = version,
	};
}

/* The address row of an account; NOT_FOUND also when the address leads elsewhere. */
static enum fault get_address(struct stack *stack, const struct account *account, struct arena *arena,
                              struct address_row *ret, struct why *why)
{
	struct record record;
	enum fault fault = record_get(stack->store, &actor_admin, COLL_ADDRESSES, slice_str(account->login),
	                              false, arena, &record, why);

	if (!fault)
		fault = address_read(&record, arena, ret, why);
	if (!fault && (ret->kind != ADDRESS_ACCOUNT || !id_eq(&ret->account, &account->id)))
		fault = fault_set(why, FAULT_NOT_FOUND, "%s leads elsewhere", account->login);
	return fault;
}

/* The row's version is taken before the record is read: when the record changes behind our back, either our put is
 * STALE or whoever changed it puts after us. */
static enum fault sync_once(struct stack *stack, const struct account *account, struct arena *arena,
                            struct why *why)
{
	struct address_row row;
	struct account now;
	enum fault fault = get_address(stack, account, arena, &row, why);

	if (!fault)
		fault = account_get(stack, &account->id, arena, &now, why);
	if (fault)
		return fault;
	row = entry_of(&now, row.version);
	return address_put(stack, &row, why);
}

static enum fault sync_address(struct stack *stack, const struct account *account, struct why *why)
{
	enum fault fault = FAULT_STALE;

	for (int i = 0; i < ATTEMPTS && fault == FAULT_STALE; i++) {
		struct arena *arena = arena_new();

		fault = sync_once(stack, account, arena, why);
		arena_free(arena);
	}
	return fault;
}

/* ---- changing ---- */

/* Shown to people and kept as JSON. */
static enum fault check_name(struct slice name, struct why *why)
{
	if (name.len > NAME_MAX_BYTES)
		return fault_set(why, FAULT_INPUT, "a name is longer than %d bytes", NAME_MAX_BYTES);
	if (!utf8_valid(name))
		return fault_set(why, FAULT_INPUT, "a name is not UTF-8");
	for (size_t i = 0; i < name.len; i++) {
		if (name.data[i] < 0x20 || name.data[i] == 0x7f)
			return fault_set(why, FAULT_INPUT, "a name has control characters");
	}
	return FAULT_NONE;
}

static bool is_capability_byte(uint8_t c)
{
	return c > 0x20 && c < 0x7f && !strchr("(){%*\"\\]", c);
}

/* Names between single spaces, as CAPABILITY says them. */
static enum fault check_capabilities(struct slice names, struct why *why)
{
	bool between = true;

	if (names.len > CAPABILITIES_MAX_BYTES)
		return fault_set(why, FAULT_INPUT, "the names of capabilities are longer than %d bytes",
		                 CAPABILITIES_MAX_BYTES);
	for (size_t i = 0; i < names.len; i++) {
		if (names.data[i] == ' ' ? between : !is_capability_byte(names.data[i]))
			return fault_set(why, FAULT_INPUT,
			                 "the names of capabilities are words with a space between them");
		between = names.data[i] == ' ';
	}
	return between && names.len ? fault_set(why, FAULT_INPUT, "a space is behind the last capability")
	                            : FAULT_NONE;
}

/* host [":" port], as it can stand in a URL. */
static enum fault check_referral(struct slice text, struct why *why)
{
	struct slice rest = text, host;
	uint64_t port;

	if (!text.len)
		return FAULT_NONE;
	(void)slice_cut(&rest, ':', &host);
	for (size_t i = 0; i < host.len; i++) {
		const uint8_t c = host.data[i];

		if (c != '-' && c != '.' && (c < '0' || c > '9') && ((c | 0x20) < 'a' || (c | 0x20) > 'z'))
			host.len = 0;
	}
	if (host.len == 0 || host.len > ADDRESS_DOMAIN_MAX ||
	    (rest.data && (!slice_u64(rest, UINT16_MAX, &port) || port == 0)))
		return fault_set(why, FAULT_INPUT, "another server is host or host:port");
	return FAULT_NONE;
}

/* For the audit trail: that somebody had sessions written down stays known. */
static const char *detail_of(const struct account *account)
{
	if (account->state == ACCOUNT_SUSPENDED)
		return "suspended";
	return account->trace_until > clock_now() ? "active, sessions are written down" : "active";
}

enum fault account_put(struct stack *stack, const struct change_by *by, const struct account *account,
                       struct why *why)
{
	enum fault fault = check_name(slice_str(account->name), why);

	if (!fault && account->referral)
		fault = check_referral(slice_str(account->referral), why);
	if (!fault)
		fault = check_capabilities(slice_str(account->capabilities_off), why);
	if (!fault)
		fault = account_put_record(stack, account, why);
	if (!fault)
		fault = sync_address(stack, account, why);
	if (!fault)
		fault = audit_add(stack, by, "account.change", account->login, account->domain,
		                  detail_of(account), why);
	if (!fault)
		nudge_account(stack, &account->id);
	return fault;
}

enum fault account_set_password(struct stack *stack, const struct change_by *by, const struct id *id,
                                struct slice password, struct why *why)
{
	struct arena *arena = arena_new();
	struct account account;
	enum fault fault = account_get(stack, id, arena, &account, why);

	if (!fault && account.is_public)
		fault = fault_set(why, FAULT_INPUT, "nobody logs in to a public account");
	if (!fault)
		fault = password_acceptable(password, slice_str(account.login), why);
	if (!fault)
		fault = password_make(password, &account.password, why);
	if (!fault)
		fault = account_put_record(stack, &account, why);
	if (!fault)
		fault = audit_add(stack, by, "account.password", account.login, account.domain, "", why);
	if (!fault)
		nudge_account(stack, id);
	arena_free(arena);
	return fault;
}

/* ---- deleting ---- */

/* A session that is still logged in may make one more mailbox while we delete: until none is left. */
static enum fault delete_mailboxes(struct stack *stack, const struct id *id, struct why *why)
{
	const struct actor actor = { .kind = ACTOR_ADMIN, .account = *id };
	size_t n = 1;
	enum fault fault = FAULT_NONE;

	for (int round = 0; round < ATTEMPTS && n && !fault; round++) {
		struct arena *arena = arena_new();
		struct mailbox_row *rows;

		fault = mailbox_list(stack->store, &actor, id, arena, &rows, &n, why);
		for (size_t i = 0; i < n && !fault; i++) {
			fault = mailbox_delete(stack->store, &actor, &rows[i].meta.id, why);
			if (fault == FAULT_NOT_FOUND)
				fault = FAULT_NONE;
		}
		arena_free(arena);
	}
	return fault;
}

/* Only when it leads to this account: the name may be somebody else's by now. */
static enum fault delete_address(struct stack *stack, const struct account *account, struct why *why)
{
	enum fault fault = FAULT_STALE;

	for (int i = 0; i < ATTEMPTS && fault == FAULT_STALE; i++) {
		struct arena *arena = arena_new();
		struct address_row row;

		fault = get_address(stack, account, arena, &row, why);
		if (!fault)
			fault = record_del(stack->store, &actor_admin, COLL_ADDRESSES,
			                   slice_str(account->login), row.version, why);
		arena_free(arena);
	}
	return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
}

/* Without its private key nobody opens the mail any more, whatever is still stored. */
static enum fault shred(struct stack *stack, const struct account *account, struct why *why)
{
	enum fault fault = FAULT_STALE;

	for (int i = 0; i < ATTEMPTS && fault == FAULT_STALE; i++) {
		struct arena *arena = arena_new();
		struct account now;

		fault = account_get(stack, &account->id, arena, &now, why);
		if (!fault) {
			now.wrapped = slice_of(NULL, 0);
			now.password = (struct password){ .argon = "" };
			now.state = ACCOUNT_SUSPENDED;
			fault = account_put_record(stack, &now, why);
		}
		arena_free(arena);
	}
	return fault;
}

static enum fault remove_account(struct stack *stack, const struct account *account, struct why *why)
{
	static const enum collection beside[] = { COLL_GUESTS, COLL_METADATA, COLL_URL_KEYS };
	enum fault fault = delete_address(stack, account, why);

	if (!fault)
		fault = shred(stack, account, why);
	if (!fault) {
		nudge_account(stack, &account->id); /* its sessions end now */
		fault = delete_mailboxes(stack, &account->id, why);
	}
	if (!fault)
		fault = mailbox_unshare(stack->store, &actor_admin, &account->id, why);
	for (size_t i = 0; i < ARRAY_LEN(beside) && !fault; i++)
		fault = walk_forget(stack, &actor_admin, beside[i], &account->id, why);
	if (!fault)
		fault = record_del(stack->store, &actor_admin, COLL_ACCOUNTS, id_slice(&account->id),
		                   RECORD_ANY, why);
	return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault; /* another one finished it */
}

enum fault account_delete(struct stack *stack, const struct change_by *by, const struct id *id,
                          struct why *why)
{
	struct arena *arena = arena_new();
	struct account account;
	enum fault fault = account_get(stack, id, arena, &account, why);

	if (!fault)
		fault = remove_account(stack, &account, why);
	if (!fault)
		fault = audit_add(stack, by, "account.delete", account.login, account.domain, "", why);
	arena_free(arena);
	return fault;
}

enum fault account_is_leftover(struct stack *stack, const struct account *account, int64_t young_ms,
                               bool *ret, struct why *why)
{
	struct arena *arena = arena_new();
	struct address_row row;
	enum fault fault = get_address(stack, account, arena, &row, why);

	arena_free(arena);
	if (fault && fault != FAULT_NOT_FOUND)
		return fault;
	*ret = fault == FAULT_NOT_FOUND &&
	       (account->wrapped.len == 0 || account->created < clock_now() - young_ms);
	return FAULT_NONE;
}

enum fault account_remove_leftover(struct stack *stack, const struct account *account, struct why *why)
{
	return remove_account(stack, account, why);
}

/* ---- making ---- */

/* Is the address free, and its domain ours? */
static enum fault check_new_address(struct stack *stack, struct slice key, struct arena *arena,
                                    struct why *why)
{
	struct slice domain = directory_domain_of(key);
	struct record record;
	struct domain found;
	enum fault fault = domain_get(stack, domain, arena, &found, why);

	if (fault == FAULT_NOT_FOUND)
		return fault_set(why, fault, "the domain %.*s is not here: add it first", SLICE_FMT(domain));
	if (fault)
		return fault;
	fault = record_get(stack->store, &actor_admin, COLL_ADDRESSES, key, false, arena, &record, why);
	if (!fault)
		return fault_set(why, FAULT_EXISTS, "%.*s is there already", SLICE_FMT(key));
	return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
}

static enum fault clear_leftover(struct stack *stack, struct slice key, struct arena *arena, struct why *why)
{
	const struct record_query query = {
		.collection = COLL_ACCOUNTS, .index = 1, .equal = key, .limit = 1
	};
	struct record *records;
	struct account account;
	bool leftover;
	size_t n;
	enum fault fault = record_find(stack->store, &actor_admin, &query, arena, &records, &n, why);

	if (fault || n == 0)
		return fault;
	fault = account_read(&records[0], arena, &account, why);
	if (!fault)
		fault = account_is_leftover(stack, &account, MAKING_MS, &leftover, why);
	if (fault)
		return fault;
	if (!leftover)
		return fault_set(why, FAULT_EXISTS, "%.*s is there already, or being made", SLICE_FMT(key));
	return account_remove_leftover(stack, &account, why);
}

static enum fault make_key(struct stack *stack, struct account *account, struct arena *arena,
                           struct account_key **ret, struct why *why)
{
	struct account_key *key = account_key_new(1);
	struct buf wrapped;
	uint32_t kek;
	enum fault fault;

	buf_init(&wrapped, 512);
	fault = stack_wrap(stack, STACK_ACCOUNTS_RING, "account", &account->id, account_key_secret(key),
	                   &wrapped, &kek, why);
	if (fault) {
		account_key_unref(key);
	} else {
		account->generation = 1;
		account_key_public(key, &account->public_key);
		account->wrapped = arena_copy(arena, buf_slice(&wrapped));
		*ret = key;
	}
	buf_done(&wrapped);
	return fault;
}

static enum fault build_account(struct stack *stack, const struct account_new *new, struct slice key,
                                struct arena *arena, struct account *account, struct account_key **ret_key,
                                struct why *why)
{
	enum fault fault = check_name(new->name, why);

	*account = (struct account){
		.id = id_new(),
		.login = arena_strz(arena, key),
		.domain = arena_strz(arena, directory_domain_of(key)),
		.name = arena_strz(arena, new->name),
		.quota = new->quota,
		.quota_messages = new->quota_messages,
		.referral = "",
		.is_public = new->is_public,
		.capabilities_off = "",
		.created = clock_now(),
	};
	if (!fault && !new->is_public)
		fault = password_acceptable(new->password, key, why);
	if (!fault && !new->is_public)
		fault = password_make(new->password, &account->password, why);
	return fault ? fault : make_key(stack, account, arena, ret_key, why);
}

/* Everything after the record that holds the name. */
static enum fault fill_account(struct stack *stack, struct account *account, const struct account_key *key,
                               struct why *why)
{
	const struct actor actor = { ACTOR_ADMIN, account->id };
	struct address_row row;
	enum fault fault = folders_make_standard(stack, &actor, key, &account->inbox, &account->junk, why);

	account->version = 1;
	if (!fault)
		fault = account_put_record(stack, account, why);
	if (fault)
		return fault;
	account->version = 2;
	row = entry_of(account, RECORD_NEW);
	return address_put(stack, &row, why);
}

static enum fault make_account(struct stack *stack, struct account *account, const struct account_key *key,
                               struct why *why)
{
	struct why undo_why;
	enum fault fault = account_put_record(stack, account, why);

	if (fault == FAULT_EXISTS)
		fault_set(why, fault, "%s is being made by somebody else", account->login);
	if (fault)
		return fault;
	fault = fill_account(stack, account, key, why);
	if (fault && remove_account(stack, account, &undo_why))
		fault_add(why, fault, "half made (%s)", undo_why.text); /* the sweeper's now */
	return fault;
}

enum fault account_create(struct stack *stack, const struct change_by *by, const struct account_new *new,
                          struct arena *arena, struct account *ret, struct why *why)
{
	struct account_key *secret = NULL;
	struct account account;
	struct slice key;
	enum fault fault = directory_key(arena, new->address, &key, why);

	if (!fault)
		fault = check_new_address(stack, key, arena, why);
	if (!fault)
		fault = clear_leftover(stack, key, arena, why);
	if (!fault)
		fault = build_account(stack, new, key, arena, &account, &secret, why);
	if (!fault)
		fault = make_account(stack, &account, secret, why);
	account_key_unref(secret);
	if (!fault)
		fault = audit_add(stack, by, "account.create", account.login, account.domain, "", why);
	if (!fault)
		*ret = account;
	return fault;
}
