/* Settings: notations, bounds, faults with file and line, the environment, other daemons' sections, print and read back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/conf.h"

struct all {
	const char *data_dir, *key;
	struct conf_list relays;
};

struct smtpd {
	const char *banner;
	int64_t workers, message_max, timeout;
	bool proxy;
	struct conf_list listen;
};

static const struct conf_row all_rows[] = {
	CONF(struct all, CONF_STR, data_dir, "/var/lib/posthouse", 0, 0, 0, "where data lives"),
	CONF(struct all, CONF_STR, key, "", CONF_SECRET, 0, 0, "the key"),
	CONF(struct all, CONF_LIST, relays, "", 0, 0, 0, "networks that may relay"),
	CONF_END,
};

static const struct conf_row smtpd_rows[] = {
	CONF(struct smtpd, CONF_STR, banner, NULL, CONF_RELOAD, 0, 0, "greeting"),
	CONF(struct smtpd, CONF_INT, workers, "4", 0, 1, 64, "worker threads"),
	CONF(struct smtpd, CONF_SIZE, message_max, "50M", CONF_RELOAD, 1 << 10, 1 << 30, "largest message"),
	CONF(struct smtpd, CONF_DURATION, timeout, "5m", CONF_RELOAD, 0, 0, "idle time"),
	CONF(struct smtpd, CONF_BOOL, proxy, "no", 0, 0, 0, "PROXY protocol"),
	CONF(struct smtpd, CONF_LIST, listen, "0.0.0.0:25, [::]:25", 0, 0, 0, "addresses"),
	CONF_END,
};

static const char *const known[] = { "smtpd", "imapd", "mta", NULL };

static struct all all;
static struct smtpd smtpd;
static struct arena *arena;
static struct why why;
static char path[] = "/tmp/posthouse_test_conf_XXXXXX";

static const struct conf_section sections[] = {
	{ NULL, all_rows, &all },
	{ "smtpd", smtpd_rows, &smtpd },
};

static int start(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	arena = arena_new();
	return fd < 0 ? -1 : close(fd);
}

static int finish(void **state)
{
	(void)state;
	arena_free(arena);
	return unlink(path);
}

static enum fault load_bytes(struct slice text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(text.data, 1, text.len, file), text.len);
	assert_int_equal(fclose(file), 0);
	memset(&why, 0, sizeof(why));
	return conf_load(path, sections, ARRAY_LEN(sections), known, arena, &why);
}

static enum fault load(const char *text)
{
	return load_bytes(slice_str(text));
}

static void defaults_without_a_file(void **state)
{
	(void)state;
	assert_int_equal(conf_load(NULL, sections, ARRAY_LEN(sections), NULL, arena, &why), FAULT_NONE);
	assert_string_equal(all.data_dir, "/var/lib/posthouse");
	assert_string_equal(all.key, "");
	assert_int_equal(all.relays.n, 0);
	assert_string_equal(smtpd.banner, "");
	assert_int_equal(smtpd.workers, 4);
	assert_int_equal(smtpd.message_max, 50 << 20);
	assert_int_equal(smtpd.timeout, 300000);
	assert_false(smtpd.proxy);
	assert_int_equal(smtpd.listen.n, 2);
	assert_string_equal(smtpd.listen.items[1], "[::]:25");
	assert_int_equal(load(""), FAULT_NONE);
	assert_int_equal(smtpd.workers, 4);
}

static void a_file_sets_what_it_names(void **state)
{
	(void)state;
	assert_int_equal(load("# a comment\n"
	                      "data_dir = \"/srv/mail\" // another\n"
	                      "relays = \"10.0.0.0/8, 192.168.0.0/16,\"\n"
	                      "/* and\n one more */\n"
	                      "smtpd {\n"
	                      "\tworkers = 8\n"
	                      "\tmessage_max = 10M\n"
	                      "\ttimeout = '90s'\n"
	                      "\tproxy = yes\n"
	                      "\tbanner = \"say \\\"hi\\\" \\$ \\\\\"\n"
	                      "\tlisten = {\"a:25\", b:26}\n"
	                      "}\n"),
	                 FAULT_NONE);
	assert_string_equal(all.data_dir, "/srv/mail");
	assert_int_equal(all.relays.n, 2);
	assert_string_equal(all.relays.items[1], "192.168.0.0/16");
	assert_int_equal(smtpd.workers, 8);
	assert_int_equal(smtpd.message_max, 10 << 20);
	assert_int_equal(smtpd.timeout, 90000);
	assert_true(smtpd.proxy);
	assert_string_equal(smtpd.banner, "say \"hi\" $ \\");
	assert_int_equal(smtpd.listen.n, 2);
	assert_string_equal(smtpd.listen.items[0], "a:25");
	assert_string_equal(smtpd.listen.items[1], "b:26");
	/* and the next load begins from the defaults again */
	assert_int_equal(load("smtpd { listen = {} }\n smtpd { workers = 2 }\n"), FAULT_NONE);
	assert_int_equal(smtpd.listen.n, 0);
	assert_int_equal(smtpd.workers, 2);
	assert_string_equal(all.data_dir, "/var/lib/posthouse");
}

static void notations(void **state)
{
	static const struct {
		const char *text;
		int64_t message_max, timeout;
	} cases[] = {
		{ "message_max = 2048", 2048, 300000 },
		{ "message_max = \"64K\"", 64 << 10, 300000 },
		{ "message_max = 64k", 64 << 10, 300000 },
		{ "message_max = 1G", 1 << 30, 300000 },
		{ "timeout = 250ms", 50 << 20, 250 },
		{ "timeout = 5m", 50 << 20, 300000 },
		{ "timeout = 1h", 50 << 20, 3600000 },
		{ "timeout = 2d", 50 << 20, 172800000 },
		{ "timeout = 0", 50 << 20, 0 },
		{ "timeout = \"-1s\"", 50 << 20, -1000 },
	};
	char text[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(text, sizeof(text), "smtpd { %s }\n", cases[i].text);
		if (load(text) || smtpd.message_max != cases[i].message_max ||
		    smtpd.timeout != cases[i].timeout)
			fail_msg("%s: %s", cases[i].text, why.text);
	}
}

static void faults_name_file_and_line(void **state)
{
	static const struct {
		const char *text, *where, *what;
	} cases[] = {
		{ "\n\nnothing = 1\n", ":3: ", "no such option 'nothing'" },
		{ "smtpd {\n\tnothing = 1\n}\n", ":2: ", "no such option 'nothing'" },
		{ "nosuch {\n}\n", ":1: ", "no such option 'nosuch'" },
		{ "smtpd {\n\n\tworkers = many\n}\n", ":3: ", "workers = many is not a whole number" },
		{ "smtpd {\n\tworkers = \"\"\n}\n", ":2: ", "workers =  is not a whole number" },
		{ "smtpd {\n\tworkers = 65\n}\n", ":2: ", "workers = 65 is above the most, 64" },
		{ "smtpd {\n\tworkers = 0\n}\n", ":2: ", "workers = 0 is below the least, 1" },
		{ "smtpd {\n\tworkers = 4.5\n}\n", ":2: ", "is not a whole number" },
		{ "smtpd {\n\tworkers = 99999999999999999999\n}\n", ":2: ", "is not a whole number" },
		{ "smtpd {\n\tmessage_max = 2G\n}\n", ":2: ", "above the most, 1G" },
		{ "smtpd {\n\tmessage_max = 9000000T\n}\n", ":2: ", "is not a size" },
		{ "smtpd {\n\tmessage_max = 5m5\n}\n", ":2: ", "is not a size" },
		{ "smtpd {\n\ttimeout = 5\n}\n", ":2: ", "is not a time" },
		{ "smtpd {\n\ttimeout = 5 m\n}\n", ":2: ", "is not a time" },
		{ "smtpd {\n\tproxy = maybe\n}\n", ":2: ", "proxy = maybe is not yes or no" },
		{ "smtpd {\n\tworkers = {1, 2}\n}\n", ":2: ", "unexpected token" },
		{ "\"smtpd|workers\" = 99\n", ":1: ", "no such option" },
		{ "smtpd {\n\tworkers 4\n}\n", ":2: ", "missing equal sign" },
		{ "smtpd {\n\tworkers = 4\n", ":3: ", "premature end of file" },
		{ "smtpd {\n}}\n", ":2: ", "unexpected closing brace" },
		{ "workers = 4\n", ":1: ", "no such option 'workers'" },
		{ "imapd = 4\n", ":1: ", "missing opening brace" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum fault fault = load(cases[i].text);

		if (fault != FAULT_CONFIG || strncmp(why.text, path, strlen(path)) != 0 ||
		    strncmp(why.text + strlen(path), cases[i].where, strlen(cases[i].where)) != 0 ||
		    !strstr(why.text, cases[i].what))
			fail_msg("%s gave %s \"%s\"", cases[i].text, fault_name(fault), why.text);
	}
}

static void a_fault_changes_nothing(void **state)
{
	(void)state;
	assert_int_equal(load("data_dir = \"/one\"\n smtpd { workers = 7 }\n"), FAULT_NONE);
	assert_int_equal(load("data_dir = \"/two\"\n smtpd { workers = 700 }\n"), FAULT_CONFIG);
	assert_string_equal(all.data_dir, "/one");
	assert_int_equal(smtpd.workers, 7);
}

static void the_scanner_survives_a_cut_file(void **state)
{
	static const char *const cases[] = { "data_dir = \"/srv", "data_dir = '/srv", "/* no end", "smtpd {",
		                             "imapd {",           "imapd { \"}",      "data_dir =" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		if (load(cases[i]) != FAULT_CONFIG)
			fail_msg("%s was taken", cases[i]);
		if (load("data_dir = \"/good\"\n") != FAULT_NONE || strcmp(all.data_dir, "/good") != 0)
			fail_msg("after %s: %s", cases[i], why.text);
	}
}

static void unreadable_files_are_faults(void **state)
{
	(void)state;
	assert_int_equal(conf_load("/nonexistent/x.conf", sections, 2, known, arena, &why), FAULT_CONFIG);
	assert_non_null(strstr(why.text, "/nonexistent/x.conf: No such file"));
	assert_int_equal(conf_load("/tmp", sections, 2, known, arena, &why), FAULT_CONFIG);
	assert_int_equal(load_bytes(SLICE("data_dir = \"a\0b\"\n")), FAULT_CONFIG);
}

static void sections_of_others_are_skipped(void **state)
{
	(void)state;
	assert_int_equal(load("imapd {\n"
	                      "\tworkers = 900\n"
	                      "\tnames = {\"a\", b, 'c'}\n"
	                      "\tempty = {}\n"
	                      "\tidle = 29m # comment } {\n"
	                      "\tnested { x = 1\n y = {1, 2} }\n"
	                      "\ttext = \"with } brace\"\n"
	                      "\tlast += {x}\n"
	                      "}\n"
	                      "mta { }\n"
	                      "smtpd { workers = 9 }\n"),
	                 FAULT_NONE);
	assert_string_equal(why.text, "");
	assert_int_equal(smtpd.workers, 9);
	/* what looks like one of theirs and is none */
	assert_int_equal(
	    load("relays = {imapd, \"mta {\"}\n# imapd {\nsmtpd { banner = \"imapd { x\"\n workers = 3 }\n"
	         "data_dir = ${NO_SUCH_VARIABLE:-/x}\nimapd { /* } { */ x = ${Y} }\n"),
	    FAULT_NONE);
	assert_int_equal(smtpd.workers, 3);
	assert_string_equal(smtpd.banner, "imapd { x");
	assert_string_equal(all.data_dir, "/x");
	/* lines are still counted, and the root is as strict as before */
	assert_int_equal(load("imapd {\n\tx = 1\n\ty = {\n1}\n}\nnothing = 1\n"), FAULT_CONFIG);
	assert_non_null(strstr(why.text, ":6: no such option 'nothing'"));
	assert_int_equal(load("smtpd {\n\tx = 1\n}\n"), FAULT_CONFIG);
}

static void the_environment_wins(void **state)
{
	(void)state;
	setenv("POSTHOUSE_DATA_DIR", "/env", 1);
	setenv("POSTHOUSE_SMTPD_MESSAGE_MAX", "2M", 1);
	setenv("POSTHOUSE_SMTPD_LISTEN", "x:1,y:2,z:3", 1);
	assert_int_equal(load("data_dir = \"/file\"\n smtpd { message_max = 3M\n workers = 3 }\n"),
	                 FAULT_NONE);
	assert_string_equal(all.data_dir, "/env");
	assert_int_equal(smtpd.message_max, 2 << 20);
	assert_int_equal(smtpd.workers, 3);
	assert_int_equal(smtpd.listen.n, 3);
	assert_string_equal(smtpd.listen.items[2], "z:3");
	setenv("POSTHOUSE_SMTPD_MESSAGE_MAX", "2X", 1);
	assert_int_equal(load(""), FAULT_CONFIG);
	assert_non_null(strstr(why.text, "POSTHOUSE_SMTPD_MESSAGE_MAX: message_max = 2X is not a size"));
	unsetenv("POSTHOUSE_DATA_DIR");
	unsetenv("POSTHOUSE_SMTPD_MESSAGE_MAX");
	unsetenv("POSTHOUSE_SMTPD_LISTEN");
}

static void what_is_printed_reads_back(void **state)
{
	struct smtpd was;
	struct buf first, second;

	(void)state;
	buf_init(&first, 10000);
	buf_init(&second, 10000);
	assert_int_equal(load("key = hunter2\n"
	                      "relays = {\"a\", \"b\"}\n"
	                      "smtpd {\n"
	                      "\tbanner = \"a \\\"b\\\" \\\\ \\${HOME} \\n'x' é\"\n"
	                      "\tmessage_max = 1536K\n\ttimeout = 61s\n\tproxy = true\n\tlisten = {}\n"
	                      "}\n"),
	                 FAULT_NONE);
	conf_print(sections, ARRAY_LEN(sections), &first);
	was = smtpd;
	assert_true(slice_find(buf_slice(&first), SLICE("hunter2")) < 0);
	assert_true(slice_find(buf_slice(&first), SLICE("\n# key = <set>\n")) > 0);
	assert_true(slice_find(buf_slice(&first), SLICE("\t# largest message; 1K to 1G; taken on reload\n"
	                                                "\tmessage_max = 1536K\n")) > 0);
	assert_int_equal(load_bytes(buf_slice(&first)), FAULT_NONE);
	assert_string_equal(smtpd.banner, "a \"b\" \\ ${HOME} \n'x' é");
	assert_string_equal(smtpd.banner, was.banner);
	assert_int_equal(smtpd.message_max, was.message_max);
	assert_int_equal(smtpd.timeout, 61000);
	assert_true(smtpd.proxy);
	assert_int_equal(smtpd.listen.n, 0);
	assert_int_equal(all.relays.n, 2);
	all.key = "again";
	conf_print(sections, ARRAY_LEN(sections), &second);
	assert_true(slice_eq(buf_slice(&first), buf_slice(&second)));
	buf_done(&first);
	buf_done(&second);
}

static void without_a_target_defaults_are_printed_and_files_checked(void **state)
{
	static const struct conf_section check[] = { { NULL, all_rows, NULL },
		                                     { "smtpd", smtpd_rows, NULL } };
	struct buf buf;

	(void)state;
	buf_init(&buf, 10000);
	conf_print(check, ARRAY_LEN(check), &buf);
	assert_int_equal(load_bytes(buf_slice(&buf)), FAULT_NONE);
	assert_int_equal(smtpd.message_max, 50 << 20);
	assert_int_equal(smtpd.listen.n, 2);
	assert_int_equal(conf_load(path, check, ARRAY_LEN(check), NULL, arena, &why), FAULT_NONE);
	buf_done(&buf);
	(void)load("smtpd { workers = 99 }\n");
	assert_int_equal(conf_load(path, check, ARRAY_LEN(check), NULL, arena, &why), FAULT_CONFIG);
}

static void two_tables_may_share_a_section(void **state)
{
	static const struct conf_row more[] = {
		CONF(struct all, CONF_STR, data_dir, "x", 0, 0, 0, "x"),
		CONF_END,
	};
	struct all extra = { 0 };
	const struct conf_section shared[] = {
		{ "smtpd", smtpd_rows, &smtpd },
		{ NULL, all_rows, &all },
		{ "smtpd", more, &extra },
	};

	(void)state;
	(void)load("smtpd { workers = 5\n data_dir = y }\n");
	assert_int_equal(conf_load(path, shared, ARRAY_LEN(shared), known, arena, &why), FAULT_NONE);
	assert_string_equal(extra.data_dir, "y");
	assert_string_equal(all.data_dir, "/var/lib/posthouse");
	assert_int_equal(smtpd.workers, 5);
}

static void a_wrong_default_is_found(void **state)
{
	static const struct conf_row rows[] = {
		CONF(struct smtpd, CONF_INT, workers, "400", 0, 1, 64, "worker threads"),
		CONF_END,
	};
	const struct conf_section section = { "smtpd", rows, &smtpd };

	(void)state;
	assert_int_equal(conf_load(NULL, &section, 1, NULL, arena, &why), FAULT_CONFIG);
	assert_string_equal(why.text, "a default: workers = 400 is above the most, 64");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_without_a_file),
		cmocka_unit_test(a_file_sets_what_it_names),
		cmocka_unit_test(notations),
		cmocka_unit_test(faults_name_file_and_line),
		cmocka_unit_test(a_fault_changes_nothing),
		cmocka_unit_test(the_scanner_survives_a_cut_file),
		cmocka_unit_test(unreadable_files_are_faults),
		cmocka_unit_test(sections_of_others_are_skipped),
		cmocka_unit_test(the_environment_wins),
		cmocka_unit_test(what_is_printed_reads_back),
		cmocka_unit_test(without_a_target_defaults_are_printed_and_files_checked),
		cmocka_unit_test(two_tables_may_share_a_section),
		cmocka_unit_test(a_wrong_default_is_found),
	};

	return cmocka_run_group_tests(tests, start, finish);
}
