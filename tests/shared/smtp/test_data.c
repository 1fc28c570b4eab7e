/* The DATA stream: dots, and every way that has been used to smuggle an end into it. */
#include "shared/mail/mail_test.h"

#include "smtp/data.h"

static const struct {
	const char *name, *in, *want;
	const char *rest; /* NULL: the data never ends */
	bool cr, lf;
} cases[] = {
	{ "empty", ".\r\n", "", "" },
	{ "one line", "a\r\n.\r\n", "a\r\n", "" },
	{ "pipelined", "a\r\n.\r\nQUIT\r\n", "a\r\n", "QUIT\r\n" },
	{ "stuffed", "..\r\n..a\r\n.b\r\na.b\r\n.\r\n", ".\r\n.a\r\nb\r\na.b\r\n", "" },
	{ "two dots, then the end", "..\r\n.\r\n.\r\n", ".\r\n", ".\r\n" },
	/* each of these has been taken for an end by some server */
	{ "LF . LF", "a\n.\nb", "a\n.\nb", NULL, false, true },
	{ "LF . CRLF", "a\n.\r\nb", "a\n.\r\nb", NULL, false, true },
	{ "CR . CR", "a\r.\rb", "a\r.\rb", NULL, true, false },
	{ "CR . CRLF", "a\r.\r\nb", "a\r.\r\nb", NULL, true, false },
	{ "CRLF . LF", "a\r\n.\nb", "a\r\n\nb", NULL, false, true },
	{ "CRLF . CR", "a\r\n.\rb", "a\r\n\rb", NULL, true, false },
	{ "CRLF . CR CRLF", "a\r\n.\r\r\nb", "a\r\n\r\r\nb", NULL, true, false },
	{ "CR CRLF . CRLF", "a\r\r\n.\r\n", "a\r\r\n", "", true, false },
	{ "LF CRLF . CRLF", "a\n\r\n.\r\n", "a\n\r\n", "", false, true },
	{ "dot at the end", "a\r\n.", "a\r\n", NULL },
	{ "nothing", "", "", NULL },
	{ "CR at the end", "a\r", "a\r", NULL },
	{ "dot CR at the end", "\r\n.\r", "\r\n", NULL },
};

static void receiving(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice in = slice_str(cases[i].in);

		for (size_t size = 1; size <= in.len + 1; size++) {
			struct slice chunk = slice_of(NULL, 0), run;
			struct smtp_data d;
			struct buf got;
			size_t at = 0;

			smtp_data_init(&d);
			buf_init(&got, BUF_NO_LIMIT);
			for (; at < in.len && !d.done; at += chunk.len ? 0 : size) {
				chunk = slice_first(slice_from(in, at), size);
				while (smtp_data_next(&d, &chunk, &run))
					buf_add_slice(&got, run);
				if (d.done) {
					at += slice_first(slice_from(in, at), size).len - chunk.len;
					break;
				}
				assert_int_equal(chunk.len, 0);
			}
			expect_text(cases[i].name, "message", got.len ? buf_slice(&got) : SLICE(""),
			            cases[i].want);
			expect_number(cases[i].name, "done", d.done, cases[i].rest != NULL);
			expect_number(cases[i].name, "bare CR", d.bare_cr, cases[i].cr);
			expect_number(cases[i].name, "bare LF", d.bare_lf, cases[i].lf);
			if (d.done)
				assert_true(slice_eq(slice_from(in, at), slice_str(cases[i].rest)));
			buf_done(&got);
		}
	}
}

static void sending(void **state)
{
	static const struct {
		const char *message, *sent;
		bool bare;
	} rows[] = {
		{ "", ".\r\n", false },
		{ "a\r\n", "a\r\n.\r\n", false },
		{ "a", "a\r\n.\r\n", false },
		{ ".\r\n..\r\na.\r\n.b", "..\r\n...\r\na.\r\n..b\r\n.\r\n", false },
		{ "a\n.b\r\n", "a\n.b\r\n.\r\n", true },
		{ "a\r.b\r\n", "a\r.b\r\n.\r\n", true },
		{ "a\r", "a\r\r\n.\r\n", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice in = slice_str(rows[i].message);

		for (size_t size = 1; size <= in.len + 1; size++) {
			struct smtp_dots d = { 0 };
			struct buf out;

			buf_init(&out, BUF_NO_LIMIT);
			for (size_t at = 0; at < in.len; at += size)
				smtp_dots_add(&d, slice_first(slice_from(in, at), size), &out);
			smtp_dots_end(&d, &out);
			expect_text(rows[i].message, "sent", buf_slice(&out), rows[i].sent);
			expect_number(rows[i].message, "bare", d.bare, rows[i].bare);
			buf_done(&out);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(receiving),
		cmocka_unit_test(sending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
