/* Log lines in both formats, read back from stderr. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <unistd.h>

#include "base/log.h"

static int real_stderr, ends[2];

/* What was logged since capture(), as text. */
static char got[100000];

static void capture(void)
{
	fflush(stderr);
	real_stderr = dup(STDERR_FILENO);
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
}

static const char *captured(void)
{
	size_t len = 0;
	ssize_t n;

	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	while ((n = read(ends[0], got + len, sizeof(got) - 1 - len)) > 0)
		len += (size_t)n;
	got[len] = '\0';
	close(ends[0]);
	return got;
}

static const char *field(json_t *line, const char *key)
{
	return json_string_value(json_object_get(line, key));
}

static json_t *one_line(void)
{
	const char *text = captured();
	json_t *line;

	assert_non_null(strchr(text, '\n'));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	line = json_loads(text, 0, NULL);
	assert_non_null(line);
	return line;
}

static void json_carries_the_contexts(void **state)
{
	struct log_ctx listener = { 0 }, session = { .parent = &listener }, command = { .parent = &session };
	json_t *line;

	(void)state;
	log_start("smtpd", LOG_INFO, true);
	log_set(&listener, "port", "25");
	log_set(&session, "user", "a@example.org");
	log_set(&session, "doing", "reading DATA");
	log_set(&session, "doing", "storing");
	log_set(&session, "gone", "x");
	log_set(&session, "gone", NULL);
	log_set(&command, "verb", "DATA");
	capture();
	log_line(&command, LOG_WARN, "message accepted", "size", log_num(-5), "none", NULL, "id", "7", NULL);
	line = one_line();
	assert_string_equal(field(line, "daemon"), "smtpd");
	assert_string_equal(field(line, "level"), "warn");
	assert_string_equal(field(line, "msg"), "message accepted");
	assert_string_equal(field(line, "port"), "25");
	assert_string_equal(field(line, "user"), "a@example.org");
	assert_string_equal(field(line, "doing"), "storing");
	assert_string_equal(field(line, "verb"), "DATA");
	assert_string_equal(field(line, "size"), "-5");
	assert_string_equal(field(line, "id"), "7");
	assert_null(json_object_get(line, "gone"));
	assert_null(json_object_get(line, "none"));
	assert_int_equal(strlen(field(line, "time")), 24);
	json_decref(line);
}

static void a_removed_field_makes_room(void **state)
{
	static const char *const keys[] = { "a", "b", "c", "d", "e", "f" };
	struct log_ctx ctx = { 0 };
	json_t *line;

	(void)state;
	log_start("smtpd", LOG_INFO, true);
	for (size_t i = 0; i < LOG_FIELDS; i++)
		log_set(&ctx, keys[i], "x");
	log_set(&ctx, "c", NULL);
	log_set(&ctx, "g", "y");
	capture();
	log_line(&ctx, LOG_INFO, "x", NULL);
	line = one_line();
	assert_string_equal(field(line, "g"), "y");
	assert_string_equal(field(line, "f"), "x");
	assert_null(json_object_get(line, "c"));
	json_decref(line);
}

static void hostile_values_break_no_line(void **state)
{
	static const struct {
		const char *value, *json, *text;
	} cases[] = {
		{ "plain", "plain", " v=plain\n" },
		{ "", "", " v=\"\"\n" },
		{ "two words", "two words", " v=\"two words\"\n" },
		{ "a=b", "a=b", " v=\"a=b\"\n" },
		{ "\"\\", "\"\\", " v=\"\\\"\\\\\"\n" },
		{ "x\r\n{\"level\":\"error\"}", "x\r\n{\"level\":\"error\"}",
		  " v=\"x\\u000d\\u000a{\\\"level\\\":\\\"error\\\"}\"\n" },
		{ "\x1b[31m", "\x1b[31m", " v=\"\\u001b[31m\"\n" },
		{ "\xc2\x9b", "\xc2\x9b", " v=\"\\u009b\"\n" },
		{ "caf\xe9", "caf\xef\xbf\xbd", " v=\"caf\xef\xbf\xbd\"\n" },
		{ "\xf0\x9f\x93\xa8", "\xf0\x9f\x93\xa8", " v=\"\xf0\x9f\x93\xa8\"\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *text;
		json_t *line;

		log_start("smtpd", LOG_INFO, true);
		capture();
		log_line(NULL, LOG_INFO, "x", "v", cases[i].value, NULL);
		line = one_line();
		assert_string_equal(field(line, "v"), cases[i].json);
		json_decref(line);
		log_start("smtpd", LOG_INFO, false);
		capture();
		log_line(NULL, LOG_INFO, "x", "v", cases[i].value, NULL);
		text = captured();
		assert_non_null(strstr(text, " info  smtpd: x v="));
		assert_string_equal(strstr(text, " v="), cases[i].text);
	}
}

static void long_values_are_cut(void **state)
{
	static char value[20000];
	json_t *line;

	(void)state;
	memset(value, 1, sizeof(value) - 1);
	log_start("smtpd", LOG_INFO, true);
	capture();
	log_line(NULL, LOG_INFO, "x", "v", value, "w", value, "last", "y", NULL);
	line = one_line();
	assert_int_equal(strlen(field(line, "v")), 1024);
	assert_string_equal(field(line, "last"), "y");
	json_decref(line);
	memset(value, 0xff, sizeof(value) - 1);
	capture();
	log_line(NULL, LOG_INFO, "x", "v", value, NULL);
	line = one_line();
	assert_int_equal(strlen(field(line, "v")), 3 * 1024);
	json_decref(line);
}

static void levels_filter(void **state)
{
	enum log_level level = LOG_INFO;

	(void)state;
	log_start("smtpd", LOG_WARN, true);
	assert_false(log_wants(LOG_INFO));
	assert_true(log_wants(LOG_WARN));
	capture();
	log_line(NULL, LOG_INFO, "quiet", NULL);
	assert_string_equal(captured(), "");
	log_set_level(LOG_DEBUG);
	assert_true(log_wants(LOG_DEBUG));
	assert_true(log_level_parse(SLICE("Error"), &level));
	assert_int_equal(level, LOG_ERROR);
	assert_false(log_level_parse(SLICE("loud"), &level));
	assert_int_equal(level, LOG_ERROR);
}

static void a_fault_is_one_line(void **state)
{
	struct why why, none = { "" };
	json_t *line;

	(void)state;
	log_start("smtpd", LOG_INFO, true);
	(void)fault_set(&why, FAULT_CORRUPT, "page 7 does not open");
	capture();
	errno = 77;
	log_fault(NULL, FAULT_CORRUPT, &why, "message not stored");
	assert_int_equal(errno, 77);
	line = one_line();
	assert_string_equal(field(line, "level"), "error");
	assert_string_equal(field(line, "fault"), "CORRUPT");
	assert_string_equal(field(line, "why"), "page 7 does not open");
	json_decref(line);
	capture();
	log_fault(NULL, FAULT_TEMP, NULL, "x");
	line = one_line();
	assert_string_equal(field(line, "level"), "warn");
	assert_null(json_object_get(line, "why"));
	json_decref(line);
	capture();
	log_fault(NULL, FAULT_INPUT, &none, "x");
	line = one_line();
	assert_string_equal(field(line, "level"), "info");
	json_decref(line);
}

static void the_ring_holds_eight(void **state)
{
	const char *texts[8];

	(void)state;
	for (int i = 0; i < 8; i++)
		texts[i] = i % 2 ? log_num(i) : log_fmt("%d", i);
	for (int i = 0; i < 8; i++)
		assert_int_equal(texts[i][0], '0' + i);
	assert_string_equal(log_num(INT64_MIN), "-9223372036854775808");
	assert_int_equal(strlen(log_fmt("%0200d", 1)), 127);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_carries_the_contexts),
		cmocka_unit_test(a_removed_field_makes_room),
		cmocka_unit_test(hostile_values_break_no_line),
		cmocka_unit_test(long_values_are_cut),
		cmocka_unit_test(levels_filter),
		cmocka_unit_test(a_fault_is_one_line),
		cmocka_unit_test(the_ring_holds_eight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
