/* Nudges as they travel (topics.h). What is printed here is described in schemas/bus/nudge.json. */
#include "bus/topics.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>

#define NUDGE_BYTES 512 /* longer than any that we print */

static const char *const names[] = {
	[TOPIC_MAILBOX] = "mailbox.changed",   [TOPIC_FOLDERS] = "folders.changed",
	[TOPIC_QUEUE] = "queue.due",           [TOPIC_ACCOUNT] = "account.changed",
	[TOPIC_SETTINGS] = "settings.changed", [TOPIC_URL_KEY] = "urlkey.changed",
	[TOPIC_METADATA] = "metadata.changed",
};

const char *topic_name(enum topic topic)
{
	assert(topic < TOPIC_COUNT);
	return names[topic];
}

bool nudge_print(const struct nudge *nudge, struct buf *out)
{
	if (nudge->number > INT64_MAX)
		return false;
	return buf_printf(out,
	                  "{\"topic\":\"%s\",\"account\":\"%s\",\"subject\":\"%s\",\"number\":%" PRIu64 "}",
	                  topic_name(nudge->topic), id_print(&nudge->account).text,
	                  id_print(&nudge->subject).text, nudge->number);
}

static struct slice string_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return slice_of(json_string_value(value), json_string_length(value));
}

static bool parse_topic(struct slice name, enum topic *ret)
{
	for (enum topic topic = 0; topic < TOPIC_COUNT; topic++) {
		if (slice_eq(name, slice_str(names[topic]))) {
			*ret = topic;
			return true;
		}
	}
	return false;
}

/* Lower case only: one id has one spelling. */
static bool parse_id(struct slice text, struct id *ret)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] >= 'A' && text.data[i] <= 'F')
			return false;
	}
	return id_parse(text, ret);
}

static bool read_nudge(const json_t *object, struct nudge *ret)
{
	const json_t *number = json_object_get(object, "number");

	if (json_object_size(object) != 4 || !json_is_integer(number) || json_integer_value(number) < 0)
		return false;
	ret->number = (uint64_t)json_integer_value(number);
	return parse_topic(string_of(object, "topic"), &ret->topic) &&
	       parse_id(string_of(object, "account"), &ret->account) &&
	       parse_id(string_of(object, "subject"), &ret->subject);
}

bool nudge_parse(struct slice text, struct nudge *ret)
{
	struct nudge nudge;
	json_t *object;
	bool good;

	if (text.len == 0 || text.len > NUDGE_BYTES)
		return false;
	object = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	good = object && read_nudge(object, &nudge);
	json_decref(object);
	if (good)
		*ret = nudge;
	return good;
}
