/* What handlers share (api.h). */
#include "api.h"

#include <microhttpd.h>

#include "base/clock.h"

#define LIMIT_DEFAULT 50
#define LIMIT_MAX     200
#define CURSOR_MAX    512

const char *api_query(const struct api_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

enum fault api_page(const struct api_request *request, size_t *ret_limit, struct slice *ret_after,
                    struct why *why)
{
	const char *limit = api_query(request, "limit"), *after = api_query(request, "after");
	uint64_t number = LIMIT_DEFAULT;

	if (limit && (!slice_u64(slice_str(limit), LIMIT_MAX, &number) || number == 0))
		return fault_set(why, FAULT_INPUT, "limit is a number from 1 to %d", LIMIT_MAX);
	if (after && strlen(after) > CURSOR_MAX)
		return fault_set(why, FAULT_INPUT, "after is longer than %d bytes", CURSOR_MAX);
	*ret_limit = (size_t)number;
	*ret_after = after && after[0] ? slice_str(after) : slice_of(NULL, 0);
	return FAULT_NONE;
}

json_t *api_list(json_t *items, const char *next)
{
	return json_pack("{s:o,s:s?}", "items", items, "next", next);
}

enum fault api_str(const struct api_request *request, const char *name, bool required, const char **ret,
                   struct why *why)
{
	const json_t *field = json_object_get(request->body, name);

	if (!field && required)
		return fault_set(why, FAULT_INPUT, "\"%s\" is missing", name);
	if (!field)
		return FAULT_NONE;
	if (!json_is_string(field))
		return fault_set(why, FAULT_INPUT, "\"%s\" is a string", name);
	*ret = json_string_value(field);
	return FAULT_NONE;
}

enum fault api_int(const struct api_request *request, const char *name, int64_t min, int64_t max,
                   int64_t *ret, struct why *why)
{
	const json_t *field = json_object_get(request->body, name);

	if (!field)
		return FAULT_NONE;
	if (!json_is_integer(field) || json_integer_value(field) < min || json_integer_value(field) > max)
		return fault_set(why, FAULT_INPUT, "\"%s\" is a whole number from %lld to %lld", name,
		                 (long long)min, (long long)max);
	*ret = json_integer_value(field);
	return FAULT_NONE;
}

enum fault api_bool(const struct api_request *request, const char *name, bool *ret, struct why *why)
{
	const json_t *field = json_object_get(request->body, name);

	if (!field)
		return FAULT_NONE;
	if (!json_is_boolean(field))
		return fault_set(why, FAULT_INPUT, "\"%s\" is true or false", name);
	*ret = json_is_true(field);
	return FAULT_NONE;
}

enum fault api_only(const struct api_request *request, const char *const *known, struct why *why)
{
	const char *key;
	json_t *value;

	json_object_foreach(request->body, key, value)
	{
		size_t i;

		for (i = 0; known[i] && strcmp(known[i], key); i++)
			;
		if (!known[i])
			return fault_set(why, FAULT_INPUT, "there is no field \"%.60s\"", key);
	}
	return FAULT_NONE;
}

json_t *api_time(int64_t ms)
{
	char text[32];

	if (!ms)
		return json_null();
	clock_rfc3339(ms, text);
	return json_string(text);
}
