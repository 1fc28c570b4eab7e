/* Nudges, and that schemas/bus/nudge.json says of every text what nudge_parse() says of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/topics.h"

/* Enough of JSON Schema for the one schema; a keyword that is not known here fails the test. */

static bool matches(const char *pattern, const json_t *value)
{
	regex_t regex;
	bool match;

	if (!json_is_string(value) || json_string_length(value) != strlen(json_string_value(value)))
		return false;
	assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	match = regexec(&regex, json_string_value(value), 0, NULL, 0) == 0;
	regfree(&regex);
	return match;
}

static bool is_one_of(const json_t *list, const json_t *value)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_equal(json_array_get(list, i), value))
			return true;
	return false;
}

static bool is_type(const char *type, const json_t *value)
{
	if (strcmp(type, "string") == 0)
		return json_is_string(value);
	if (strcmp(type, "integer") == 0)
		return json_is_integer(value);
	assert_string_equal(type, "object");
	return json_is_object(value);
}

static bool conforms(json_t *schema, json_t *value);

static bool conforms_object(json_t *schema, json_t *value)
{
	json_t *properties = json_object_get(schema, "properties"),
	       *required = json_object_get(schema, "required");
	const char *key;
	json_t *part;

	json_object_foreach(value, key, part)
	{
		if (!json_object_get(properties, key) || !conforms(json_object_get(properties, key), part))
			return false;
	}
	for (size_t i = 0; i < json_array_size(required); i++)
		if (!json_object_get(value, json_string_value(json_array_get(required, i))))
			return false;
	return true;
}

static bool conforms(json_t *schema, json_t *value)
{
	const char *key;
	json_t *rule;

	json_object_foreach(schema, key, rule)
	{
		bool good = true;

		if (strcmp(key, "type") == 0)
			good = is_type(json_string_value(rule), value);
		else if (strcmp(key, "enum") == 0)
			good = is_one_of(rule, value);
		else if (strcmp(key, "pattern") == 0)
			good = matches(json_string_value(rule), value);
		else if (strcmp(key, "minimum") == 0)
			good = json_integer_value(value) >= json_integer_value(rule);
		else if (strcmp(key, "maximum") == 0)
			good = json_integer_value(value) <= json_integer_value(rule);
		else if (strcmp(key, "properties") == 0)
			good = conforms_object(schema, value);
		else if (strcmp(key, "additionalProperties") == 0)
			assert_true(json_is_false(rule)); /* as conforms_object() has it */
		else if (strcmp(key, "required") != 0 && strcmp(key, "description") != 0 &&
		         strcmp(key, "title") != 0 && key[0] != '$')
			fail_msg("schema keyword %s", key);
		if (!good)
			return false;
	}
	return true;
}

static json_t *schema;

static int load_schema(void **state)
{
	/* tests/shared/bus/test_topics.c -> schemas/bus/nudge.json */
	char path[1024];
	const char *tests = strstr(__FILE__, "tests/shared/bus/");
	json_error_t error;

	(void)state;
	snprintf(path, sizeof(path), "%.*sschemas/bus/nudge.json", (int)(tests - __FILE__), __FILE__);
	schema = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	return schema ? 0 : -1;
}

static int free_schema(void **state)
{
	(void)state;
	json_decref(schema);
	return 0;
}

static bool schema_takes(struct slice text)
{
	json_t *value = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	bool good = value && conforms(schema, value);

	json_decref(value);
	return good;
}

static void printed_and_parsed(void **state)
{
	static const uint64_t numbers[] = { 0, 1, 5, UINT32_MAX, INT64_MAX };

	(void)state;
	for (enum topic topic = 0; topic < TOPIC_COUNT; topic++) {
		for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
			struct nudge nudge = { .topic = topic, .subject = id_new(), .number = numbers[i] },
			             got;
			struct buf out;

			if (i % 2)
				nudge.account = id_new();
			buf_init(&out, 200);
			assert_true(nudge_print(&nudge, &out));
			assert_true(schema_takes(buf_slice(&out)));
			assert_true(nudge_parse(buf_slice(&out), &got));
			assert_int_equal(got.topic, topic);
			assert_int_equal(got.number, numbers[i]);
			assert_true(id_eq(&got.account, &nudge.account));
			assert_true(id_eq(&got.subject, &nudge.subject));
			buf_done(&out);
		}
	}
}

static void schema_names_all_topics(void **state)
{
	json_t *list =
	    json_object_get(json_object_get(json_object_get(schema, "properties"), "topic"), "enum");

	(void)state;
	assert_int_equal(json_array_size(list), TOPIC_COUNT);
	for (enum topic topic = 0; topic < TOPIC_COUNT; topic++)
		assert_string_equal(json_string_value(json_array_get(list, topic)), topic_name(topic));
}

static void not_printed(void **state)
{
	struct nudge big = { .topic = TOPIC_QUEUE, .number = (uint64_t)INT64_MAX + 1 };
	struct nudge fine = { .topic = TOPIC_QUEUE };
	struct buf out;

	(void)state;
	buf_init(&out, 200);
	assert_false(nudge_print(&big, &out));
	assert_int_equal(out.len, 0);
	buf_done(&out);
	buf_init(&out, 50);
	assert_false(nudge_print(&fine, &out));
	buf_done(&out);
}

#define A "0123456789abcdef0123456789abcdef"
#define Z "00000000000000000000000000000000"

static const struct {
	const char *name, *text;
	bool good;
} rows[] = {
	{ "plain", "{\"topic\":\"mailbox.changed\",\"account\":\"" A "\",\"subject\":\"" Z "\",\"number\":5}",
	  true },
	{ "another order, spaces",
	  " { \"number\" : 5, \"subject\":\"" A "\", \"topic\":\"queue.due\", \"account\":\"" Z "\" } ",
	  true },
	{ "nothing", "", false },
	{ "not an object", "[1]", false },
	{ "an empty object", "{}", false },
	{ "unknown topic",
	  "{\"topic\":\"mailbox.gone\",\"account\":\"" A "\",\"subject\":\"" Z "\",\"number\":5}", false },
	{ "topic in capitals",
	  "{\"topic\":\"Mailbox.changed\",\"account\":\"" A "\",\"subject\":\"" Z "\",\"number\":5}", false },
	{ "no topic", "{\"account\":\"" A "\",\"subject\":\"" Z "\",\"number\":5}", false },
	{ "no account", "{\"topic\":\"queue.due\",\"subject\":\"" Z "\",\"number\":5}", false },
	{ "no subject", "{\"topic\":\"queue.due\",\"account\":\"" Z "\",\"number\":5}", false },
	{ "no number", "{\"topic\":\"queue.due\",\"account\":\"" Z "\",\"subject\":\"" Z "\"}", false },
	{ "one more",
	  "{\"topic\":\"queue.due\",\"account\":\"" A "\",\"subject\":\"" Z "\",\"number\":5,\"x\":1}",
	  false },
	{ "one more instead", "{\"topic\":\"queue.due\",\"account\":\"" A "\",\"subject\":\"" Z "\",\"x\":1}",
	  false },
	{ "twice",
	  "{\"topic\":\"queue.due\",\"account\":\"" A "\",\"subject\":\"" Z "\",\"number\":5,\"number\":5}",
	  false },
	{ "a short id", "{\"topic\":\"queue.due\",\"account\":\"0123\",\"subject\":\"" Z "\",\"number\":5}",
	  false },
	{ "a long id", "{\"topic\":\"queue.due\",\"account\":\"" A "00\",\"subject\":\"" Z "\",\"number\":5}",
	  false },
	{ "an id in capitals",
	  "{\"topic\":\"queue.due\",\"account\":\"0123456789ABCDEF0123456789ABCDEF\",\"subject\":\"" Z
	  "\",\"number\":5}",
	  false },
	{ "an id that is not hex",
	  "{\"topic\":\"queue.due\",\"account\":\"g123456789abcdef0123456789abcdef\",\"subject\":\"" Z
	  "\",\"number\":5}",
	  false },
	{ "an id with a NUL",
	  "{\"topic\":\"queue.due\",\"account\":\"" A "\\u0000\",\"subject\":\"" Z "\",\"number\":5}",
	  false },
	{ "an id that is a number",
	  "{\"topic\":\"queue.due\",\"account\":5,\"subject\":\"" Z "\",\"number\":5}", false },
	{ "a negative number",
	  "{\"topic\":\"queue.due\",\"account\":\"" A "\",\"subject\":\"" Z "\",\"number\":-1}", false },
	{ "a real number",
	  "{\"topic\":\"queue.due\",\"account\":\"" A "\",\"subject\":\"" Z "\",\"number\":5.0}", false },
	{ "a number too large",
	  "{\"topic\":\"queue.due\",\"account\":\"" A "\",\"subject\":\"" Z
	  "\",\"number\":9223372036854775808}",
	  false },
	{ "a number in quotes",
	  "{\"topic\":\"queue.due\",\"account\":\"" A "\",\"subject\":\"" Z "\",\"number\":\"5\"}", false },
	{ "more after it",
	  "{\"topic\":\"queue.due\",\"account\":\"" A "\",\"subject\":\"" Z "\",\"number\":5}x", false },
	{ "cut off", "{\"topic\":\"queue.due\",\"account\":\"" A "\",\"subject\":\"" Z "\",\"number\":5",
	  false },
	{ "not UTF-8",
	  "{\"topic\":\"queue.due\",\"account\":\"" A "\",\"subject\":\"" Z "\",\"number\":5,\"\xff\":1}",
	  false },
};

static void parsed(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct nudge nudge = { .number = 99 };

		print_message("%s\n", rows[i].name);
		assert_int_equal(nudge_parse(slice_str(rows[i].text), &nudge), rows[i].good);
		assert_int_equal(schema_takes(slice_str(rows[i].text)), rows[i].good);
		assert_int_equal(nudge.number, rows[i].good ? 5 : 99);
	}
}

static void too_long(void **state)
{
	char text[1024];
	struct nudge nudge;
	int n = snprintf(text, sizeof(text), "%s", rows[0].text);

	(void)state;
	memset(text + n, ' ', sizeof(text) - (size_t)n);
	assert_true(nudge_parse(slice_of(text, 512), &nudge));
	assert_false(nudge_parse(slice_of(text, 513), &nudge));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printed_and_parsed), cmocka_unit_test(schema_names_all_topics),
		cmocka_unit_test(not_printed),        cmocka_unit_test(parsed),
		cmocka_unit_test(too_long),
	};

	rand_start();
	return cmocka_run_group_tests(tests, load_schema, free_schema);
}
