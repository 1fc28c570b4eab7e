/* /v1/aliases */
#include "api.h"

static json_t *alias_json(const struct address_row *alias)
{
	json_t *targets = json_array();

	for (size_t i = 0; i < alias->n_targets; i++)
		json_array_append_new(targets, json_string(alias->targets[i]));
	return json_pack("{s:s,s:o}", "address", alias->address, "targets", targets);
}

enum fault api_aliases_list(struct api_request *request, struct api_reply *reply, struct why *why)
{
	const char *domain = api_query(request, "domain");
	struct address_row *aliases;
	json_t *items;
	struct slice after;
	size_t limit, n;
	enum fault fault = api_page(request, &limit, &after, why);

	if (!fault)
		fault = alias_list(request->stack, slice_str(domain), after, limit, request->arena, &aliases,
		                   &n, why);
	if (fault)
		return fault;
	items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, alias_json(&aliases[i]));
	reply->json = api_list(items, n == limit ? aliases[n - 1].address : NULL);
	return FAULT_NONE;
}

static enum fault get(struct api_request *request, struct address_row *ret, struct why *why)
{
	enum fault fault = alias_get(request->stack, slice_str(request->params[0]), request->arena, ret, why);

	return fault == FAULT_NOT_FOUND || fault == FAULT_INPUT
	           ? fault_set(why, FAULT_NOT_FOUND, "no such alias")
	           : fault;
}

enum fault api_alias_get(struct api_request *request, struct api_reply *reply, struct why *why)
{
	struct address_row alias;
	enum fault fault = get(request, &alias, why);

	if (!fault)
		reply->json = alias_json(&alias);
	return fault;
}

static enum fault read_targets(struct api_request *request, const char ***ret, size_t *ret_n, struct why *why)
{
	const json_t *list = json_object_get(request->body, "targets");
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n == 0 || n > ALIAS_TARGETS_MAX)
		return fault_set(why, FAULT_INPUT, "\"targets\" is a list of 1 to %d addresses",
		                 ALIAS_TARGETS_MAX);
	*ret = (const char **)arena_array(request->arena, char *, n);
	for (size_t i = 0; i < n; i++) {
		(*ret)[i] = json_string_value(json_array_get(list, i));
		if (!(*ret)[i])
			return fault_set(why, FAULT_INPUT, "\"targets\" is a list of addresses");
	}
	*ret_n = n;
	return FAULT_NONE;
}

enum fault api_alias_put(struct api_request *request, struct api_reply *reply, struct why *why)
{
	static const char *const known[] = { "targets", NULL };
	const struct slice address = slice_str(request->params[0]);
	struct address_row alias;
	const char **targets = NULL;
	size_t n = 0;
	bool fresh;
	enum fault fault = api_only(request, known, why);

	if (!fault)
		fault = read_targets(request, &targets, &n, why);
	if (fault)
		return fault;
	fault = get(request, &alias, why);
	if (fault && fault != FAULT_NOT_FOUND)
		return fault;
	fresh = fault == FAULT_NOT_FOUND;
	fault = alias_put(request->stack, &request->by, address, targets, n, fresh ? 0 : alias.version, why);
	if (fault == FAULT_NOT_FOUND)
		return fault_set(why, fault, "the alias's domain is not here");
	if (!fault)
		fault = get(request, &alias, why);
	if (fault)
		return fault;
	reply->status = fresh ? 201 : 200;
	reply->json = alias_json(&alias);
	return FAULT_NONE;
}

enum fault api_alias_delete(struct api_request *request, struct api_reply *reply, struct why *why)
{
	struct address_row alias;
	enum fault fault = get(request, &alias, why);

	(void)reply;
	return fault ? fault : alias_delete(request->stack, &request->by, slice_str(alias.address), why);
}
