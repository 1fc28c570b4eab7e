/* /v1/tokens, /v1/audit */
#include "api.h"
#include "base/clock.h"

#define DAY_MS   (INT64_C(24) * 60 * 60 * 1000)
#define DAYS_MAX 36500

static json_t *principal_json(const struct principal *principal)
{
	json_t *roles = json_array();

	for (size_t i = 0; i < principal->n_roles; i++)
		json_array_append_new(roles,
		                      json_pack("{s:s,s:s?}", "role", role_name(principal->roles[i].role),
		                                "domain", principal->roles[i].domain));
	return json_pack("{s:s,s:o,s:o,s:o}", "name", principal->name, "roles", roles, "created",
	                 api_time(principal->created), "expires", api_time(principal->expires));
}

enum fault api_tokens_list(struct api_request *request, struct api_reply *reply, struct why *why)
{
	struct principal *principals;
	json_t *items;
	struct slice after;
	size_t limit, n;
	enum fault fault = api_page(request, &limit, &after, why);

	if (!fault)
		fault = principal_list(request->stack, after, limit, request->arena, &principals, &n, why);
	if (fault)
		return fault;
	items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, principal_json(&principals[i]));
	reply->json = api_list(items, n == limit ? principals[n - 1].name : NULL);
	return FAULT_NONE;
}

static enum fault read_role(const json_t *one, struct role_binding *ret, struct why *why)
{
	const char *role = json_string_value(json_object_get(one, "role"));
	const json_t *domain = json_object_get(one, "domain");

	if (!role || !role_parse(slice_str(role), &ret->role) || ret->role == ROLE_NONE)
		return fault_set(why, FAULT_INPUT, "a role is owner, domain-admin or read-only");
	if (domain && !json_is_null(domain) && !json_is_string(domain))
		return fault_set(why, FAULT_INPUT, "a role's \"domain\" is a domain, or null for all");
	ret->domain = json_string_value(domain);
	return FAULT_NONE;
}

static enum fault read_roles(struct api_request *request, struct role_binding **ret, size_t *ret_n,
                             struct why *why)
{
	const json_t *list = json_object_get(request->body, "roles");
	size_t n = json_array_size(list);
	enum fault fault = FAULT_NONE;

	if (!json_is_array(list) || n == 0 || n > PRINCIPAL_ROLES_MAX)
		return fault_set(why, FAULT_INPUT, "\"roles\" is a list of 1 to %d roles",
		                 PRINCIPAL_ROLES_MAX);
	*ret = arena_array(request->arena, struct role_binding, n);
	for (size_t i = 0; i < n && !fault; i++)
		fault = read_role(json_array_get(list, i), &(*ret)[i], why);
	*ret_n = n;
	return fault;
}

enum fault api_tokens_create(struct api_request *request, struct api_reply *reply, struct why *why)
{
	static const char *const known[] = { "name", "roles", "days", NULL };
	struct principal principal = { 0 };
	struct token_text token;
	int64_t days = 0;
	enum fault fault = api_only(request, known, why);

	if (!fault)
		fault = api_str(request, "name", true, &principal.name, why);
	if (!fault)
		fault = api_int(request, "days", 1, DAYS_MAX, &days, why);
	if (!fault)
		fault = read_roles(request, &principal.roles, &principal.n_roles, why);
	if (fault)
		return fault;
	principal.created = clock_now();
	principal.expires = days ? principal.created + days * DAY_MS : 0;
	fault = principal_create(request->stack, &request->by, principal.name, principal.roles,
	                         principal.n_roles, principal.expires, &token, why);
	if (fault)
		return fault;
	reply->status = 201;
	reply->json = principal_json(&principal);
	json_object_set_new(reply->json, "token", json_string(token.text));
	return FAULT_NONE;
}

enum fault api_token_delete(struct api_request *request, struct api_reply *reply, struct why *why)
{
	enum fault fault = principal_delete(request->stack, &request->by, slice_str(request->params[0]), why);

	(void)reply;
	return fault == FAULT_NOT_FOUND ? fault_set(why, fault, "no such token") : fault;
}

enum fault api_audit_list(struct api_request *request, struct api_reply *reply, struct why *why)
{
	const char *domain = api_query(request, "domain");
	struct audit_row *rows;
	struct slice after, next;
	json_t *items;
	size_t limit, n;
	enum fault fault = api_page(request, &limit, &after, why);

	if (!fault)
		fault = audit_list(request->stack, slice_str(domain), after, limit, request->arena, &rows, &n,
		                   &next, why);
	if (fault)
		return fault;
	items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, json_pack("{s:o,s:s,s:s,s:s,s:s,s:s}", "at",
		                                       api_time(rows[i].at), "principal", rows[i].principal,
		                                       "ip", rows[i].ip, "action", rows[i].action, "object",
		                                       rows[i].object, "detail", rows[i].detail));
	reply->json = api_list(items, n == limit ? arena_strz(request->arena, next) : NULL);
	return FAULT_NONE;
}
