/* S3's answers: lists of every shape, and what is refused. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "blob/s3_xml.h"

#define LIST(inner)                                                                                          \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult "                                     \
	"xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" inner "</ListBucketResult>"

static void whole_list(void **state)
{
	static const char xml[] = LIST(
	    "<Name>b</Name><Prefix></Prefix><KeyCount>2</KeyCount><MaxKeys>2</MaxKeys>"
	    "<IsTruncated>true</IsTruncated>"
	    "<Contents><Key>a&amp;b&#x2F;c</Key><LastModified>2009-10-12T17:50:30.123Z</LastModified>"
	    "<ETag>&quot;x&quot;</ETag><Size>434234</Size><Owner><ID>7</ID><Size>9</Size></Owner></"
	    "Contents>\n"
	    "<Contents><Size>0</Size><Key>two</Key><LastModified>nonsense</LastModified></Contents>"
	    "<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>"
	    "<NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=</NextContinuationToken>");
	struct arena *arena = arena_new();
	struct s3_page page;

	(void)state;
	assert_true(s3_xml_list(SLICE(xml), 2, arena, &page));
	assert_true(page.truncated);
	assert_true(slice_eq(page.next, SLICE("1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=")));
	assert_int_equal(page.n, 2);
	assert_true(slice_eq(page.objects[0].key, SLICE("a&b/c")));
	assert_int_equal(page.objects[0].size, 434234);
	assert_int_equal(page.objects[0].modified, 1255369830123);
	assert_true(slice_eq(page.objects[1].key, SLICE("two")));
	assert_int_equal(page.objects[1].size, 0);
	assert_int_equal(page.objects[1].modified, 0);
	arena_free(arena);
}

static const struct {
	const char *name, *xml;
	bool good;
	size_t n;
} rows[] = {
	{ "empty list", LIST(""), true, 0 },
	{ "last page", LIST("<IsTruncated>false</IsTruncated><Contents><Key>k</Key></Contents>"), true, 1 },
	{ "a prefixed namespace",
	  "<s:ListBucketResult xmlns:s=\"x\"><s:Contents><s:Key>k</s:Key></s:Contents>"
	  "</s:ListBucketResult>",
	  true, 1 },
	{ "another document", "<Other><Contents><Key>k</Key></Contents></Other>", true, 0 },
	{ "objects in another place", LIST("<Inner><Contents><Key>k</Key></Contents></Inner>"), true, 0 },
	{ "more than asked for", LIST("<Contents/><Contents/><Contents/><Contents/>"), false, 0 },
	{ "truncated without a token", LIST("<IsTruncated>true</IsTruncated>"), false, 0 },
	{ "size is not a number", LIST("<Contents><Size>-1</Size></Contents>"), false, 0 },
	{ "size is too large", LIST("<Contents><Size>99999999999999999999</Size></Contents>"), false, 0 },
	{ "cut off", "<ListBucketResult><Contents><Key>k</Key></Contents>", false, 0 },
	{ "nothing", "", false, 0 },
	{ "not XML", "Internal Server Error", false, 0 },
	{ "a document type", "<!DOCTYPE a [<!ENTITY b \"c\">]><ListBucketResult/>", false, 0 },
	{ "an unknown entity", LIST("<Name>&b;</Name>"), false, 0 },
	{ "too deep", LIST("<a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a>"), false, 0 },
	{ "not UTF-8", LIST("<Name>\xff</Name>"), false, 0 },
};

static void lists(void **state)
{
	struct arena *arena = arena_new();
	struct s3_page page;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		print_message("%s\n", rows[i].name);
		page = (struct s3_page){ .n = 77 };
		assert_int_equal(s3_xml_list(slice_str(rows[i].xml), 3, arena, &page), rows[i].good);
		assert_int_equal(page.n, rows[i].good ? rows[i].n : 77);
	}
	arena_free(arena);
}

static void long_text(void **state)
{
	struct arena *arena = arena_new();
	struct s3_page page;
	struct buf xml;

	(void)state;
	buf_init(&xml, 1 << 20);
	buf_adds(&xml, "<ListBucketResult><Contents><Key>");
	for (int i = 0; i < 100000; i++)
		buf_addc(&xml, 'k');
	buf_adds(&xml, "</Key></Contents></ListBucketResult>");
	assert_false(s3_xml_list(buf_slice(&xml), 10, arena, &page));
	buf_done(&xml);
	arena_free(arena);
}

static void errors(void **state)
{
	static const struct {
		const char *xml, *code, *message;
	} cases[] = {
		{ "<Error><Code>NoSuchKey</Code><Message>The key\ndoes not exist</Message></Error>",
		  "NoSuchKey", "The key does not exist" },
		{ "<Error><Code>SlowDown</Code><Mess", "SlowDown", "" },
		{ "<html><body>Code</body></html>", "", "" },
		{ "", "", "" },
		{ "<Error><Code>0123456789012345678901234567890123456789012345678901234567890123456789</"
		  "Code></Error>",
		  "012345678901234567890123456789012345678901234567890123456789012", "" },
	};
	struct s3_error error;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		s3_xml_error(slice_str(cases[i].xml), &error);
		assert_string_equal(error.code, cases[i].code);
		assert_string_equal(error.message, cases[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_list),
		cmocka_unit_test(lists),
		cmocka_unit_test(long_text),
		cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
