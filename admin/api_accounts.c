/* /v1/accounts */
#include "api.h"
#include "base/clock.h"
#include "store/mailbox.h"

#define QUOTA_MAX          (INT64_C(1) << 50)
#define QUOTA_MESSAGES_MAX UINT32_MAX

static json_t *account_json(const struct account *account)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:b,s:I,s:I,s:s,s:s,s:o,s:o}", "address", account->login, "domain",
	                 account->domain, "name", account->name, "state",
	                 account->state == ACCOUNT_SUSPENDED ? "suspended" : "active", "public",
	                 account->is_public, "quota", (json_int_t)account->quota, "quota_messages",
	                 (json_int_t)account->quota_messages, "referral", account->referral,
	                 "capabilities_off", account->capabilities_off, "trace_until",
	                 api_time(account->trace_until), "created", api_time(account->created));
}

enum fault api_accounts_list(struct api_request *request, struct api_reply *reply, struct why *why)
{
	const char *domain = api_query(request, "domain");
	struct account *accounts;
	json_t *items;
	struct slice after;
	size_t limit, n;
	enum fault fault = api_page(request, &limit, &after, why);

	if (!fault)
		fault = account_list(request->stack, slice_str(domain), after, limit, request->arena,
		                     &accounts, &n, why);
	if (fault)
		return fault;
	items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, account_json(&accounts[i]));
	reply->json = api_list(items, n == limit ? accounts[n - 1].login : NULL);
	return FAULT_NONE;
}

/* "password", which those that people log in to have, and public ones do not. */
static enum fault read_password(struct api_request *request, struct account_new *new, struct why *why)
{
	const char *password = NULL;
	enum fault fault = api_bool(request, "public", &new->is_public, why);

	if (!fault)
		fault = api_str(request, "password", !new->is_public, &password, why);
	if (!fault && password && new->is_public)
		fault = fault_set(why, FAULT_INPUT, "nobody logs in to a public account: it has no password");
	new->password = slice_str(password);
	return fault;
}

enum fault api_accounts_create(struct api_request *request, struct api_reply *reply, struct why *why)
{
	static const char *const known[] = { "address",        "password", "name", "quota",
		                             "quota_messages", "public",   NULL };
	const char *address = NULL, *name = "";
	struct account_new new = { .is_public = false };
	struct account account;
	int64_t quota = 0, messages = 0;
	enum fault fault = api_only(request, known, why);

	if (!fault)
		fault = api_str(request, "address", true, &address, why);
	if (!fault)
		fault = read_password(request, &new, why);
	if (!fault)
		fault = api_str(request, "name", false, &name, why);
	if (!fault)
		fault = api_int(request, "quota", 0, QUOTA_MAX, &quota, why);
	if (!fault)
		fault = api_int(request, "quota_messages", 0, QUOTA_MESSAGES_MAX, &messages, why);
	if (fault)
		return fault;
	new.address = slice_str(address);
	new.name = slice_str(name);
	new.quota = (uint64_t)quota;
	new.quota_messages = (uint64_t)messages;
	fault = account_create(request->stack, &request->by, &new, request->arena, &account, why);
	if (fault)
		return fault;
	reply->status = 201;
	reply->json = account_json(&account);
	return FAULT_NONE;
}

enum fault api_account(struct api_request *request, struct account *ret, struct why *why)
{
	enum fault fault =
	    account_by_login(request->stack, slice_str(request->params[0]), request->arena, ret, why);

	return fault == FAULT_NOT_FOUND ? fault_set(why, fault, "no such account") : fault;
}

enum fault api_account_get(struct api_request *request, struct api_reply *reply, struct why *why)
{
	struct actor actor = { .kind = ACTOR_ADMIN };
	struct account account;
	struct usage usage;
	enum fault fault = api_account(request, &account, why);

	if (fault)
		return fault;
	actor.account = account.id;
	fault = mailbox_usage(request->stack->store, &actor, &account.id, &usage, why);
	if (fault)
		return fault;
	reply->json = account_json(&account);
	json_object_set_new(reply->json, "used", json_integer((json_int_t)usage.bytes));
	json_object_set_new(reply->json, "messages", json_integer((json_int_t)usage.messages));
	return FAULT_NONE;
}

static enum fault read_state(struct api_request *request, struct account *account, struct why *why)
{
	const char *state = NULL;
	enum fault fault = api_str(request, "state", false, &state, why);

	if (fault || !state)
		return fault;
	if (strcmp(state, "active") && strcmp(state, "suspended"))
		return fault_set(why, FAULT_INPUT, "\"state\" is active or suspended");
	account->state = state[0] == 's' ? ACCOUNT_SUSPENDED : ACCOUNT_ACTIVE;
	return FAULT_NONE;
}

enum fault api_account_change(struct api_request *request, struct api_reply *reply, struct why *why)
{
	static const char *const known[] = {
		"name",          "quota", "quota_messages", "referral", "state", "capabilities_off",
		"trace_minutes", NULL,
	};
	struct account account;
	int64_t quota, messages, minutes = -1;
	enum fault fault = api_only(request, known, why);

	if (!fault)
		fault = api_account(request, &account, why);
	if (fault)
		return fault;
	quota = (int64_t)account.quota;
	messages = (int64_t)account.quota_messages;
	fault = api_str(request, "name", false, &account.name, why);
	if (!fault)
		fault = api_int(request, "quota", 0, QUOTA_MAX, &quota, why);
	if (!fault)
		fault = api_int(request, "quota_messages", 0, QUOTA_MESSAGES_MAX, &messages, why);
	if (!fault)
		fault = api_str(request, "referral", false, &account.referral, why);
	if (!fault)
		fault = read_state(request, &account, why);
	if (!fault)
		fault = api_str(request, "capabilities_off", false, &account.capabilities_off, why);
	if (!fault)
		fault = api_int(request, "trace_minutes", 0, ACCOUNT_TRACE_MINUTES_MAX, &minutes, why);
	if (minutes >= 0)
		account.trace_until = minutes ? clock_now() + minutes * 60000 : 0;
	account.quota = (uint64_t)quota;
	account.quota_messages = (uint64_t)messages;
	if (!fault)
		fault = account_put(request->stack, &request->by, &account, why);
	if (!fault)
		reply->json = account_json(&account);
	return fault;
}

enum fault api_account_delete(struct api_request *request, struct api_reply *reply, struct why *why)
{
	struct account account;
	enum fault fault = api_account(request, &account, why);

	(void)reply;
	return fault ? fault : account_delete(request->stack, &request->by, &account.id, why);
}

enum fault api_account_password(struct api_request *request, struct api_reply *reply, struct why *why)
{
	static const char *const known[] = { "password", NULL };
	const char *password = NULL;
	struct account account;
	enum fault fault = api_only(request, known, why);

	(void)reply;
	if (!fault)
		fault = api_str(request, "password", true, &password, why);
	if (!fault)
		fault = api_account(request, &account, why);
	if (!fault)
		fault =
		    account_set_password(request->stack, &request->by, &account.id, slice_str(password), why);
	return fault;
}
