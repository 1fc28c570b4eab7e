/* Record values as JSON (json.h). */
#include "suite/json.h"

#include <assert.h>

#include "base/base64.h"

#define JSON_BYTES_MAX (1024 * 1024)

enum fault json_read(struct slice value, const char *what, json_t **ret, struct why *why)
{
	json_error_t error;
	json_t *json = json_loadb((const char *)value.data, value.len, JSON_REJECT_DUPLICATES, &error);

	if (json && json_is_object(json)) {
		*ret = json;
		return FAULT_NONE;
	}
	json_decref(json);
	return fault_set(why, FAULT_CORRUPT, "%s in the store is not a JSON object: %s", what, error.text);
}

struct slice json_write(json_t *json, struct arena *arena)
{
	size_t size = json_dumpb(json, NULL, 0, JSON_COMPACT);
	char *text = arena_alloc(arena, size + 1);

	assert(json &&
	       size > 0); /* json_pack() gives NULL for what is not UTF-8: that was to be checked before */
	json_dumpb(json, text, size, JSON_COMPACT);
	text[size] = '\0';
	json_decref(json);
	return slice_of(text, size);
}

const char *json_get_str(const json_t *json, const char *key, struct arena *arena)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text ? arena_strdup(arena, text) : "";
}

int64_t json_get_int(const json_t *json, const char *key)
{
	return json_integer_value(json_object_get(json, key));
}

bool json_get_bool(const json_t *json, const char *key)
{
	return json_is_true(json_object_get(json, key));
}

struct slice json_get_bytes(const json_t *json, const char *key, struct arena *arena)
{
	const json_t *field = json_object_get(json, key);
	struct slice found = { NULL, 0 };
	struct buf raw;

	if (!json_is_string(field))
		return found;
	buf_init(&raw, JSON_BYTES_MAX);
	if (base64_decode(&raw, slice_of(json_string_value(field), json_string_length(field))))
		found = arena_copy(arena, buf_slice(&raw));
	buf_done(&raw);
	return found;
}

bool json_get_raw(const json_t *json, const char *key, void *out, size_t len)
{
	struct arena *scratch = arena_new();
	struct slice raw = json_get_bytes(json, key, scratch);
	bool right = raw.data && raw.len == len;

	if (right)
		memcpy(out, raw.data, len);
	arena_free(scratch);
	return right;
}

bool json_get_id(const json_t *json, const char *key, struct id *ret)
{
	const char *text = json_string_value(json_object_get(json, key));

	*ret = (struct id){ { 0 } };
	return text && id_parse(slice_str(text), ret);
}

json_t *json_bytes(struct slice raw)
{
	struct buf text;
	json_t *json;

	buf_init(&text, BUF_NO_LIMIT);
	base64_encode(&text, raw);
	json = json_stringn(text.len ? (const char *)text.data : "", text.len);
	buf_done(&text);
	return json;
}

json_t *json_id(const struct id *id)
{
	return json_string(id_print(id).text);
}
