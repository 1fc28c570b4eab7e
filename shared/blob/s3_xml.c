/*
 * S3's answers (s3_xml.h), read with expat. A document type is refused, and
 * with it every entity but the five of XML itself. What is not known is skipped.
 */
#include "blob/s3_xml.h"

#include <expat.h>
#include <time.h>

#define DEPTH_MAX 8
#define TEXT_MAX  2048

struct reading {
	XML_Parser parser;
	bool bad;
	unsigned depth;
	char stack[DEPTH_MAX][32]; /* names of the open elements, cut */
	struct buf text;           /* of the innermost element */
	/* a list */
	struct arena *arena;
	struct s3_page *page;
	size_t max, cap;
	/* an error */
	struct s3_error *error;
};

static void stop(struct reading *reading)
{
	reading->bad = true;
	XML_StopParser(reading->parser, XML_FALSE);
}

static bool is_at(const struct reading *reading, const char *outer, const char *inner, const char *leaf)
{
	const char *want[3] = { outer, inner, leaf };
	unsigned depth = 0;

	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		if (!want[i])
			continue;
		if (depth >= reading->depth || strcmp(reading->stack[depth], want[i]) != 0)
			return false;
		depth++;
	}
	return depth == reading->depth;
}

/* The name without the prefix of its namespace. */
static const char *local_name(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon ? colon + 1 : name;
}

static void add_object(struct reading *reading)
{
	struct s3_page *page = reading->page;
	struct s3_object *more;

	if (page->n == reading->max) {
		stop(reading);
		return;
	}
	if (page->n == reading->cap) {
		reading->cap = MIN_OF(MAX_OF(reading->cap * 2, (size_t)32), reading->max);
		more = arena_array(reading->arena, struct s3_object, reading->cap);
		if (page->n)
			memcpy(more, page->objects, page->n * sizeof(*more));
		page->objects = more;
	}
	page->objects[page->n++] = (struct s3_object){ 0 };
}

static void XMLCALL on_open(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *reading = arg;
	size_t len;

	(void)attributes;
	if (reading->depth == DEPTH_MAX) {
		stop(reading);
		return;
	}
	name = local_name(name);
	len = MIN_OF(strlen(name), sizeof(reading->stack[0]) - 1);
	memcpy(reading->stack[reading->depth], name, len);
	reading->stack[reading->depth++][len] = '\0';
	buf_clear(&reading->text);
	if (reading->page && is_at(reading, "ListBucketResult", "Contents", NULL))
		add_object(reading);
}

/* "2009-10-12T17:50:30.000Z" */
static int64_t parse_time(struct slice text)
{
	char copy[40];
	struct tm tm = { 0 };
	int64_t ms = 0, unit = 100;
	const char *rest;

	if (text.len >= sizeof(copy))
		return 0;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	rest = strptime(copy, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest || tm.tm_year < 70)
		return 0;
	if (*rest == '.')
		for (rest++; *rest >= '0' && *rest <= '9'; rest++, unit /= 10)
			ms += (*rest - '0') * unit;
	return (int64_t)timegm(&tm) * 1000 + ms;
}

static void take_list(struct reading *reading, struct slice text)
{
	struct s3_page *page = reading->page;
	struct s3_object *object = page->n ? &page->objects[page->n - 1] : NULL;

	if (is_at(reading, "ListBucketResult", "IsTruncated", NULL))
		page->truncated = slice_is(slice_trim(text), "true");
	else if (is_at(reading, "ListBucketResult", "NextContinuationToken", NULL))
		page->next = arena_copy(reading->arena, text);
	else if (!object)
		return;
	else if (is_at(reading, "ListBucketResult", "Contents", "Key"))
		object->key = arena_copy(reading->arena, text);
	else if (is_at(reading, "ListBucketResult", "Contents", "LastModified"))
		object->modified = parse_time(slice_trim(text));
	else if (is_at(reading, "ListBucketResult", "Contents", "Size") &&
	         !slice_u64(slice_trim(text), INT64_MAX, &object->size))
		stop(reading);
}

static void copy_text(char *ret, size_t size, struct slice text)
{
	size_t len = MIN_OF(text.len, size - 1);

	for (size_t i = 0; i < len; i++)
		ret[i] = text.data[i] < ' ' || text.data[i] == 0x7f ? ' ' : (char)text.data[i];
	ret[len] = '\0';
}

static void XMLCALL on_close(void *arg, const XML_Char *name)
{
	struct reading *reading = arg;
	struct slice text = buf_slice(&reading->text);

	(void)name;
	if (reading->bad)
		return;
	if (reading->page)
		take_list(reading, text);
	else if (is_at(reading, "Error", "Code", NULL))
		copy_text(reading->error->code, sizeof(reading->error->code), text);
	else if (is_at(reading, "Error", "Message", NULL))
		copy_text(reading->error->message, sizeof(reading->error->message), text);
	reading->depth--;
	buf_clear(&reading->text);
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int len)
{
	struct reading *reading = arg;

	if (!buf_add(&reading->text, text, (size_t)len))
		stop(reading);
}

static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
                               const XML_Char *public, int has_subset)
{
	(void)name, (void)system, (void)public, (void)has_subset;
	stop(arg);
}

static bool parse(struct reading *reading, struct slice xml)
{
	bool good;

	reading->parser = XML_ParserCreate(NULL);
	if (!reading->parser)
		return false;
	buf_init(&reading->text, TEXT_MAX);
	XML_SetUserData(reading->parser, reading);
	XML_SetElementHandler(reading->parser, on_open, on_close);
	XML_SetCharacterDataHandler(reading->parser, on_text);
	XML_SetStartDoctypeDeclHandler(reading->parser, on_doctype);
	good = xml.len <= INT32_MAX &&
	       XML_Parse(reading->parser, (const char *)xml.data, (int)xml.len, XML_TRUE) == XML_STATUS_OK;
	XML_ParserFree(reading->parser);
	buf_done(&reading->text);
	return good && !reading->bad;
}

bool s3_xml_list(struct slice xml, size_t max, struct arena *arena, struct s3_page *ret)
{
	struct s3_page page = { 0 };
	struct reading reading = { .arena = arena, .page = &page, .max = max };

	if (!parse(&reading, xml))
		return false;
	if (page.truncated && page.next.len == 0)
		return false; /* there is more, and no way to it */
	*ret = page;
	return true;
}

void s3_xml_error(struct slice xml, struct s3_error *ret)
{
	struct reading reading = { .error = ret };

	*ret = (struct s3_error){ 0 };
	parse(&reading, xml); /* what was read before it broke is good enough for a log line */
}
