/* Command lines, their paths and parameters. */
#include "shared/mail/mail_test.h"

#include "smtp/command.h"
#include "smtp/params.h"

static void lines(void **state)
{
	static const struct {
		const char *line, *verb, *args;
	} rows[] = {
		{ "NOOP", "NOOP", "" },          { "mail FROM:<a@b>", "mail", "FROM:<a@b>" },
		{ "QUIT  ", "QUIT", "" },        { "HELO\tx ", "HELO", "x" },
		{ "XFOO1 a b", "XFOO1", "a b" }, { "", NULL, NULL },
		{ " NOOP", NULL, NULL },         { "MAIL:x", NULL, NULL },
		{ "NOOP a\rb", NULL, NULL },     { "\xc3\xa4", NULL, NULL },
		{ "NOOP \x7f", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct smtp_line got;
		enum fault fault = smtp_line_parse(slice_str(rows[i].line), &got, NULL);

		expect_number(rows[i].line, "fault", fault, rows[i].verb ? FAULT_NONE : FAULT_INPUT);
		if (fault)
			continue;
		expect_text(rows[i].line, "verb", got.verb, rows[i].verb);
		assert_true(slice_eq(got.args, slice_str(rows[i].args)));
	}
	assert_int_equal(smtp_line_parse(slice_of("NOOP\0x", 6), &(struct smtp_line){ 0 }, NULL),
	                 FAULT_INPUT);
}

/* want: the address, "<>" or "postmaster", and the parameters; NULL: refused */
static const struct {
	const char *args, *want;
	bool rcpt;
} paths[] = {
	{ "FROM:<a@b.c>", "a@b.c" },
	{ "from: <a@b.c>", "a@b.c" },
	{ "FROM:   <a@b.c>   SIZE=1  BODY=7BIT ", "a@b.c SIZE=1 BODY=7BIT" },
	{ "FROM:<>", "<>" },
	{ "FROM:<> SMTPUTF8", "<> SMTPUTF8" },
	{ "FROM:<@x.y,@z:a@b.c>", "a@b.c" },
	{ "FROM:<\"a b>\"@b.c> X-Y=z", "\"a b>\"@b.c X-Y=z" },
	{ "FROM:<a@[192.0.2.1]>", "a@[192.0.2.1]" },
	{ "TO:<Postmaster>", "postmaster", true },
	{ "TO:<postmaster@b.c>", "postmaster@b.c", true },
	{ "TO:<a@b.c> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y", "a@b.c NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y",
	  true },
	{ "TO:<>", NULL, true },
	{ "FROM:<Postmaster>", NULL },
	{ "FROM:a@b.c", NULL },
	{ "FROM <a@b.c>", NULL },
	{ "TO:<a@b.c>", NULL },
	{ "FROM:<a@b.c", NULL },
	{ "FROM:<a@b.c>SIZE=1", NULL },
	{ "FROM:<a@b.c>>", NULL },
	{ "FROM:< a@b.c>", NULL },
	{ "FROM:<@x.y a@b.c>", NULL },
	{ "FROM:<@x.y,a@b.c>", NULL },
	{ "FROM:<@:a@b.c>", NULL },
	{ "FROM:<a@b.c> =1", NULL },
	{ "FROM:<a@b.c> SIZE=", NULL },
	{ "FROM:<a@b.c> SIZE=1 size=2", NULL },
	{ "FROM:<a@b.c> -X=1", NULL },
	{ "FROM:<a@b.c> X=1=2", NULL },
	{ "FROM:<a@b.c> X,Y", NULL },
	{ "", NULL },
};

static void show(struct buf *out, const struct smtp_path_args *a)
{
	if (a->path.null)
		buf_adds(out, "<>");
	else if (a->path.postmaster)
		buf_adds(out, "postmaster");
	else
		address_print(out, &a->path.address);
	for (uint32_t i = 0; i < a->n_params; i++) {
		buf_printf(out, " %.*s", SLICE_FMT(a->params[i].keyword));
		if (a->params[i].value.data)
			buf_printf(out, "=%.*s", SLICE_FMT(a->params[i].value));
	}
}

static void path_arguments(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct arena *arena = arena_new();
		struct smtp_path_args args;
		struct why why;
		enum fault fault = (paths[i].rcpt ? smtp_rcpt_args : smtp_mail_args)(
		    arena, slice_str(paths[i].args), &args, &why);
		struct buf got;

		expect_number(paths[i].args, "fault", fault, paths[i].want ? FAULT_NONE : FAULT_INPUT);
		if (!fault) {
			buf_init(&got, BUF_NO_LIMIT);
			show(&got, &args);
			expect_text(paths[i].args, "arguments", buf_slice(&got), paths[i].want);
			buf_done(&got);
		}
		arena_free(arena);
	}
}

static void argument_limits(void **state)
{
	struct arena *arena = arena_new();
	struct smtp_path_args args;
	struct buf text;

	(void)state;
	buf_init(&text, BUF_NO_LIMIT);
	buf_adds(&text, "FROM:<a@b>");
	for (int i = 0; i < SMTP_PARAMS_MAX; i++)
		buf_printf(&text, " P%d", i);
	assert_int_equal(smtp_mail_args(arena, buf_slice(&text), &args, NULL), FAULT_NONE);
	buf_adds(&text, " Q");
	assert_int_equal(smtp_mail_args(arena, buf_slice(&text), &args, NULL), FAULT_LIMIT);
	buf_clear(&text);
	buf_printf(&text, "FROM:<a@b> X=%0*d", SMTP_VALUE_MAX, 0);
	assert_int_equal(smtp_mail_args(arena, buf_slice(&text), &args, NULL), FAULT_NONE);
	buf_addc(&text, '0');
	assert_int_equal(smtp_mail_args(arena, buf_slice(&text), &args, NULL), FAULT_INPUT);
	buf_done(&text);
	arena_free(arena);
}

static void other_arguments(void **state)
{
	struct slice name;
	uint64_t size = 0;
	bool flag = false;

	(void)state;
	assert_true(smtp_helo_args(SLICE("mx.example.org"), &name, &flag, NULL) == FAULT_NONE && flag);
	assert_true(smtp_helo_args(SLICE("[IPv6:::1]"), &name, &flag, NULL) == FAULT_NONE && flag);
	assert_true(smtp_helo_args(SLICE("my_pc!"), &name, &flag, NULL) == FAULT_NONE && !flag);
	assert_int_equal(smtp_helo_args(SLICE(""), &name, &flag, NULL), FAULT_INPUT);
	assert_int_equal(smtp_helo_args(SLICE("a b"), &name, &flag, NULL), FAULT_INPUT);
	assert_true(smtp_bdat_args(SLICE("86 LAST"), &size, &flag, NULL) == FAULT_NONE && size == 86 && flag);
	assert_true(smtp_bdat_args(SLICE("0"), &size, &flag, NULL) == FAULT_NONE && size == 0 && !flag);
	assert_int_equal(smtp_bdat_args(SLICE("LAST"), &size, &flag, NULL), FAULT_INPUT);
	assert_int_equal(smtp_bdat_args(SLICE("1 FIRST"), &size, &flag, NULL), FAULT_INPUT);
	assert_int_equal(smtp_bdat_args(SLICE("1 LAST x"), &size, &flag, NULL), FAULT_INPUT);
	assert_int_equal(smtp_bdat_args(SLICE("-1"), &size, &flag, NULL), FAULT_INPUT);
	assert_int_equal(smtp_bdat_args(SLICE("99999999999999999999"), &size, &flag, NULL), FAULT_INPUT);
}

enum { ALL = 0x7f };

/* What the parameters mean, shown as they would be written for the next host. */
static const struct {
	const char *args;
	unsigned offered;
	enum fault fault;
	const char *written;
} mail_rows[] = {
	{ "SIZE=0", ALL, FAULT_NONE, " SIZE=0" },
	{ "size=18446744073709551615", ALL, FAULT_NONE, " SIZE=18446744073709551615" },
	{ "SIZE=18446744073709551616", ALL, FAULT_INPUT, NULL },
	{ "SIZE", ALL, FAULT_INPUT, NULL },
	{ "SIZE=-1", ALL, FAULT_INPUT, NULL },
	{ "SIZE=1", ALL & ~SMTP_EXT_SIZE, FAULT_UNSUPPORTED, NULL },
	{ "BODY=8bitmime", ALL, FAULT_NONE, " BODY=8BITMIME" },
	{ "BODY=7BIT", ALL, FAULT_NONE, "" },
	{ "BODY=BINARYMIME", ALL, FAULT_NONE, " BODY=BINARYMIME" },
	{ "BODY=BINARYMIME", SMTP_EXT_8BITMIME, FAULT_UNSUPPORTED, NULL },
	{ "BODY=9BIT", ALL, FAULT_INPUT, NULL },
	{ "SMTPUTF8 REQUIRETLS", ALL, FAULT_NONE, " SMTPUTF8 REQUIRETLS" },
	{ "SMTPUTF8=1", ALL, FAULT_INPUT, NULL },
	{ "AUTH=<>", ALL, FAULT_NONE, " AUTH=<>" },
	{ "AUTH=e+3Dmc2@example.com", ALL, FAULT_NONE, " AUTH=e+3Dmc2@example.com" },
	{ "AUTH=nobody", ALL, FAULT_INPUT, NULL },
	{ "RET=hdrs ENVID=QQ+2Bx", ALL, FAULT_NONE, " RET=HDRS ENVID=QQ+2Bx" },
	{ "RET=x", ALL, FAULT_INPUT, NULL },
	{ "ENVID=a+0Db", ALL, FAULT_INPUT, NULL },
	{ "ENVID=a+4", ALL, FAULT_INPUT, NULL },
	{ "FOO=bar", ALL, FAULT_UNSUPPORTED, NULL },
}, rcpt_rows[] = {
	{ "NOTIFY=never", ALL, FAULT_NONE, " NOTIFY=NEVER" },
	{ "NOTIFY=DELAY,SUCCESS,failure", ALL, FAULT_NONE, " NOTIFY=SUCCESS,FAILURE,DELAY" },
	{ "NOTIFY=NEVER,DELAY", ALL, FAULT_INPUT, NULL },
	{ "NOTIFY=DELAY,", ALL, FAULT_INPUT, NULL },
	{ "NOTIFY=x", ALL, FAULT_INPUT, NULL },
	{ "NOTIFY=DELAY", 0, FAULT_UNSUPPORTED, NULL },
	{ "ORCPT=rfc822;a+2Bb@c.d", ALL, FAULT_NONE, " ORCPT=rfc822;a+2Bb@c.d" },
	{ "ORCPT=utf-8;j\\x{F6}rg@c.d", ALL, FAULT_NONE, " ORCPT=utf-8;j\\x{F6}rg@c.d" },
	{ "ORCPT=rfc822", ALL, FAULT_INPUT, NULL },
	{ "ORCPT=;a@b", ALL, FAULT_INPUT, NULL },
	{ "ORCPT=rfc822;", ALL, FAULT_INPUT, NULL },
	{ "ORCPT=rfc822;a+0Ab", ALL, FAULT_INPUT, NULL },
	{ "ORCPT=rfc822;a+FFb", ALL, FAULT_INPUT, NULL },
	{ "ORCPT=utf-8;j\xc3\xb6@c.d", ALL, FAULT_INPUT, NULL },
	{ "SIZE=1", ALL, FAULT_UNSUPPORTED, NULL },
};

static void check_params(bool rcpt, const char *text, unsigned offered, enum fault want, const char *written)
{
	struct arena *arena = arena_new();
	struct smtp_path_args args;
	struct smtp_mail_params mail;
	struct smtp_rcpt_params to;
	enum fault fault;
	struct buf out;

	buf_init(&out, BUF_NO_LIMIT);
	if (rcpt) {
		fault =
		    smtp_rcpt_args(arena, slice_str(arena_printf(arena, "TO:<a@b> %s", text)), &args, NULL);
		assert_int_equal(fault, FAULT_NONE);
		fault = smtp_rcpt_params(arena, &args, offered, false, &to, NULL);
	} else {
		fault =
		    smtp_mail_args(arena, slice_str(arena_printf(arena, "FROM:<a@b> %s", text)), &args, NULL);
		assert_int_equal(fault, FAULT_NONE);
		fault = smtp_mail_params(arena, &args, offered, &mail, NULL);
	}
	expect_number(text, "fault", fault, want);
	if (!fault) {
		if (rcpt)
			smtp_rcpt_params_add(&out, &to, offered);
		else
			smtp_mail_params_add(&out, &mail, offered);
		expect_text(text, "written", out.len ? buf_slice(&out) : SLICE(""), written);
	}
	buf_done(&out);
	arena_free(arena);
}

static void parameters(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(mail_rows); i++)
		check_params(false, mail_rows[i].args, mail_rows[i].offered, mail_rows[i].fault,
		             mail_rows[i].written);
	for (size_t i = 0; i < ARRAY_LEN(rcpt_rows); i++)
		check_params(true, rcpt_rows[i].args, rcpt_rows[i].offered, rcpt_rows[i].fault,
		             rcpt_rows[i].written);
}

static void international(void **state)
{
	struct arena *arena = arena_new();
	struct smtp_path_args args;
	struct smtp_mail_params mail;
	struct smtp_rcpt_params to;

	(void)state;
	assert_int_equal(smtp_mail_args(arena, SLICE("FROM:<j\xc3\xb6rg@b.c>"), &args, NULL), FAULT_NONE);
	assert_int_equal(smtp_mail_params(arena, &args, ALL, &mail, NULL), FAULT_INPUT);
	assert_int_equal(smtp_mail_args(arena, SLICE("FROM:<j\xc3\xb6rg@b.c> SMTPUTF8"), &args, NULL),
	                 FAULT_NONE);
	assert_int_equal(smtp_mail_params(arena, &args, ALL, &mail, NULL), FAULT_NONE);
	assert_int_equal(
	    smtp_rcpt_args(arena, SLICE("TO:<a@\xc3\xb6.c> ORCPT=utf-8;j\xc3\xb6@c"), &args, NULL),
	    FAULT_NONE);
	assert_int_equal(smtp_rcpt_params(arena, &args, ALL, false, &to, NULL), FAULT_INPUT);
	assert_int_equal(smtp_rcpt_params(arena, &args, ALL, true, &to, NULL), FAULT_NONE);
	expect_text("orcpt", "address", to.orcpt, "j\xc3\xb6@c");
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),           cmocka_unit_test(path_arguments),
		cmocka_unit_test(argument_limits), cmocka_unit_test(other_arguments),
		cmocka_unit_test(parameters),      cmocka_unit_test(international),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
