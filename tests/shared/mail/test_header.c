/* Header fields with their exact offsets, and the end of a header in chunks. */
#include "shared/mail/mail_test.h"

#include "mail/header.h"

/* "name|value|start|end|lines;" for each field */
static const struct {
	const char *name, *text, *fields;
	size_t end;
} cases[] = {
	{ "plain", "A: b\r\nCc: d\r\n\r\nbody", "A| b|0|6|1;Cc| d|6|13|1;", 15 },
	{ "LF alone", "A: b\nC:d\n\nbody", "A| b|0|5|1;C|d|5|9|1;", 10 },
	{ "folded", "A: b\r\n c\r\n\td\r\nE: f\r\n\r\n", "A| b\r\n c\r\n\td|0|14|3;E| f|14|20|1;", 22 },
	{ "blank line inside a fold", "A: b\r\n \r\nC: d\r\n\r\n", "A| b\r\n |0|9|2;C| d|9|15|1;", 17 },
	{ "blanks before the colon", "A \t: b\r\n\r\n", "A| b|0|8|1;", 10 },
	{ "no colon", "A: b\r\nwhat is this\r\nC: d\r\n\r\n", "A| b|0|6|1;|what is this|6|20|1;C| d|20|26|1;",
	  28 },
	{ "blank in the name", "From me: b\r\n\r\n", "|From me: b|0|12|1;", 14 },
	{ "first line folded", " x\r\nA: b\r\n\r\n", "| x|0|4|1;A| b|4|10|1;", 12 },
	{ "empty name", ": b\r\n\r\n", "|: b|0|5|1;", 7 },
	{ "empty value", "A:\r\nB:\n\n", "A||0|4|1;B||4|7|1;", 8 },
	{ "no body", "A: b\r\n", "A| b|0|6|1;", 6 },
	{ "no last line end", "A: b", "A| b|0|4|0;", 4 },
	{ "8-bit", "\xc3\x84: \xff\r\n\r\n", "\xc3\x84| \xff|0|7|1;", 9 },
	{ "a bare CR ends nothing", "A: b\r\r\n\r\r\nC: d\r\n\r\n", "A| b\r|0|7|1;|\r|7|10|1;C| d|10|16|1;",
	  18 },
	{ "empty at once", "\r\nbody", "", 2 },
	{ "nothing", "", "", 0 },
	{ "CR alone", "\r", "|\r|0|1|0;", 1 },
};

static void fields_and_offsets(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct header_iter it = header_iter_of(slice_str(cases[i].text));
		struct header_field field;
		size_t at = 0;
		struct buf got;

		buf_init(&got, BUF_NO_LIMIT);
		while (header_next(&it, &field)) {
			expect_number(cases[i].name, "start", (long long)field.start, (long long)at);
			at = field.end;
			buf_add_slice(&got, field.name);
			buf_addc(&got, '|');
			buf_add_slice(&got, field.value);
			buf_printf(&got, "|%zu|%zu|%u;", field.start, field.end, field.lines);
		}
		buf_adds(&got, "");
		expect_text(cases[i].name, "fields", got.len ? buf_slice(&got) : SLICE(""), cases[i].fields);
		expect_number(cases[i].name, "end", (long long)it.at, (long long)cases[i].end);
		expect_number(cases[i].name, "header_end", (long long)header_end(slice_str(cases[i].text)),
		              (long long)cases[i].end);
		buf_done(&got);
	}
}

/* However the stream is cut, the end is found at the same byte. */
static void end_in_chunks(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice text = slice_str(cases[i].text);

		for (size_t size = 1; size <= text.len; size++) {
			struct header_scan scan;

			header_scan_init(&scan);
			for (size_t at = 0; at < text.len; at += size)
				header_scan_feed(&scan, slice_first(slice_from(text, at), size));
			expect_number(cases[i].name, "streamed end", (long long)scan.len,
			              (long long)cases[i].end);
			expect_number(cases[i].name, "done", scan.done,
			              slice_ends(slice_first(text, cases[i].end), "\n\r\n") ||
			                  slice_ends(slice_first(text, cases[i].end), "\n\n") ||
			                  cases[i].end == 2);
		}
	}
}

static void finding(void **state)
{
	struct slice text = slice_str("Received: 1\r\nSUBJECT: x\r\nreceived: 2\r\n\r\nSubject: body\r\n");
	struct header_iter it = header_iter_of(text);
	struct header_field field;

	(void)state;
	assert_true(header_find(text, "Subject", &field));
	expect_text("find", "value", field.value, " x");
	assert_false(header_find(text, "To", &field));
	assert_int_equal(header_count(text, "Received"), 2);
	assert_int_equal(header_count(text, "Subject"), 1);
	assert_true(header_next_named(&it, "received", &field));
	assert_true(header_next_named(&it, "received", &field));
	expect_text("second", "value", field.value, " 2");
	assert_false(header_next_named(&it, "received", &field));
}

static void unfolding(void **state)
{
	static const struct {
		const char *value, *want;
	} values[] = {
		{ " a", "a" },
		{ " a\r\n b\r\n\tc ", "a b\tc" },
		{ " a\n b", "a b" },
		{ "\r\n a\r\n ", "a" },
		{ "", "" },
		{ "  \r\n  ", "" },
		{ " a\rb\r\n c", "a\rb c" },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++)
		expect_text(values[i].value, "unfolded", header_unfold(arena, slice_str(values[i].value)),
		            values[i].want);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_and_offsets),
		cmocka_unit_test(end_in_chunks),
		cmocka_unit_test(finding),
		cmocka_unit_test(unfolding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
