/* Finding a request's route, and deciding whether it may be taken (http.h). */
#include "http.h"

/* One path against one pattern, segment by segment; "{…}" takes a segment that is not empty. */
static bool match(struct slice path, struct slice pattern, struct slice params[API_PARAMS])
{
	struct slice segment, want;
	size_t n = 0;

	while (slice_cut(&pattern, '/', &want)) {
		if (!slice_cut(&path, '/', &segment))
			return false;
		if (slice_starts(want, "{")) {
			if (!segment.len || n == API_PARAMS)
				return false;
			params[n++] = segment;
		} else if (!slice_eq(segment, want)) {
			return false;
		}
	}
	return !path.data;
}

enum route_found route_match(const char *method, const char *url, struct arena *arena,
                             const struct api_route **ret, const char *params[API_PARAMS],
                             const char **ret_allowed)
{
	const char *allowed = "";

	for (const struct api_route *route = api_routes; route->method; route++) {
		struct slice found[API_PARAMS] = { { 0 } };

		if (!match(slice_str(url), slice_str(route->path), found))
			continue;
		if (strcmp(method, route->method) == 0) {
			for (size_t i = 0; i < API_PARAMS; i++)
				params[i] = found[i].data ? arena_strz(arena, found[i]) : NULL;
			*ret = route;
			return ROUTE_FOUND;
		}
		allowed = arena_printf(arena, "%s%s%s", allowed, allowed[0] ? ", " : "", route->method);
	}
	*ret_allowed = allowed;
	return allowed[0] ? ROUTE_NO_METHOD : ROUTE_NO_PATH;
}

static const char *domain_of_address(const char *address)
{
	const char *at = address ? strrchr(address, '@') : NULL;

	return at && at[1] ? at + 1 : NULL;
}

/* The domain that the right must hold over; NULL: the whole suite. */
static enum fault scope_domain(const struct api_route *route, const struct api_request *request,
                               const char **ret, struct why *why)
{
	*ret = NULL;
	switch (route->scope) {
	case SCOPE_DOMAIN_PARAM:
		*ret = request->params[0];
		return FAULT_NONE;
	case SCOPE_ADDRESS_PARAM:
		*ret = domain_of_address(request->params[0]);
		return *ret ? FAULT_NONE
		            : fault_set(why, FAULT_NOT_FOUND, "\"%.80s\" is no address", request->params[0]);
	case SCOPE_ADDRESS_BODY:
		*ret = domain_of_address(json_string_value(json_object_get(request->body, "address")));
		return *ret
		           ? FAULT_NONE
		           : fault_set(why, FAULT_INPUT, "\"address\" must be an address like a@example.org");
	case SCOPE_DOMAIN_QUERY:
		*ret = api_query(request, "domain");
		return FAULT_NONE;
	default:
		return FAULT_NONE;
	}
}

enum fault route_allow(const struct api_route *route, const struct api_request *request, struct why *why)
{
	const struct principal *principal = request->principal;
	const char *domain;
	enum fault fault;

	if (route->scope == SCOPE_OPEN)
		return FAULT_NONE;
	fault = scope_domain(route, request, &domain, why);
	if (fault)
		return fault;
	if (role_allows(principal->roles, principal->n_roles, route->right, domain))
		return FAULT_NONE;
	return fault_set(why, FAULT_DENIED, "the token %s has no role that allows this%s%s", principal->name,
	                 domain ? " for " : "", domain ? domain : "");
}
