/* Documents, written and read (doc.h). */
#include "store/mongo/doc.h"

#include "base/utf8.h"

/* ---- writing ------------------------------------------------------------------------------------------------- */

void doc_add_id(bson_t *doc, const char *field, const struct id *id)
{
	bson_append_binary(doc, field, -1, BSON_SUBTYPE_UUID, id->raw, sizeof(id->raw));
}

void doc_add_num(bson_t *doc, const char *field, uint64_t value)
{
	bson_append_int64(doc, field, -1, (int64_t)value);
}

void doc_add_inc(bson_t *update, const char *field)
{
	bson_t inc;

	bson_append_document_begin(update, "$inc", -1, &inc);
	doc_add_num(&inc, field, 1);
	bson_append_document_end(update, &inc);
}

void doc_add_time(bson_t *doc, const char *field, int64_t ms)
{
	bson_append_date_time(doc, field, -1, ms);
}

void doc_add_bytes(bson_t *doc, const char *field, struct slice bytes)
{
	bson_append_binary(doc, field, -1, BSON_SUBTYPE_BINARY, bytes.len ? bytes.data : (const uint8_t *)"",
	                   (uint32_t)bytes.len);
}

void doc_add_text(bson_t *doc, const char *field, struct slice text)
{
	if (utf8_valid(text))
		bson_append_utf8(doc, field, -1, text.len ? (const char *)text.data : "", (int)text.len);
	else
		doc_add_bytes(doc, field, text);
}

const char *doc_index(struct doc_index *index, size_t n)
{
	bson_uint32_to_string((uint32_t)n, &index->name, index->room, sizeof(index->room));
	return index->name;
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

void doc_open(struct doc *doc, struct slice raw)
{
	doc->bad = NULL;
	if (!raw.data || !bson_init_static(&doc->bson, raw.data, raw.len)) {
		bson_init(&doc->bson); /* inline: nothing to free */
		doc->bad = "(all of it)";
	}
}

static void spoil(struct doc *doc, const char *field)
{
	if (!doc->bad)
		doc->bad = field;
}

static bool look(const struct doc *doc, const char *field, bson_iter_t *ret)
{
	return bson_iter_init_find(ret, &doc->bson, field);
}

/* As look(), and a missing field spoils the document. */
static bool need(struct doc *doc, const char *field, bson_iter_t *ret)
{
	if (look(doc, field, ret))
		return true;
	spoil(doc, field);
	return false;
}

bool doc_has(const struct doc *doc, const char *field)
{
	bson_iter_t at;

	return look(doc, field, &at);
}

bool doc_at_num(const bson_iter_t *at, uint64_t max, uint64_t *ret)
{
	int64_t value;

	if (!BSON_ITER_HOLDS_INT(at))
		return false;
	value = bson_iter_as_int64(at);
	if (value < 0 || (uint64_t)value > max)
		return false;
	*ret = (uint64_t)value;
	return true;
}

bool doc_at_bytes(const bson_iter_t *at, struct slice *ret)
{
	const uint8_t *data;
	uint32_t len;

	if (BSON_ITER_HOLDS_BINARY(at)) {
		bson_iter_binary(at, NULL, &len, &data);
	} else if (BSON_ITER_HOLDS_UTF8(at)) {
		data = (const uint8_t *)bson_iter_utf8(at, &len);
	} else {
		return false;
	}
	if (!data)
		return false;
	*ret = slice_of(data, len);
	return true;
}

bool doc_at_id(const bson_iter_t *at, struct id *ret)
{
	struct slice raw;

	return BSON_ITER_HOLDS_BINARY(at) && doc_at_bytes(at, &raw) && id_from(raw, ret);
}

uint64_t doc_num(struct doc *doc, const char *field, uint64_t max)
{
	bson_iter_t at;
	uint64_t value = 0;

	if (need(doc, field, &at) && !doc_at_num(&at, max, &value))
		spoil(doc, field);
	return value;
}

uint64_t doc_num_or(struct doc *doc, const char *field, uint64_t max, uint64_t missing)
{
	return doc_has(doc, field) ? doc_num(doc, field, max) : missing;
}

int64_t doc_time(struct doc *doc, const char *field)
{
	bson_iter_t at;

	if (!need(doc, field, &at))
		return 0;
	if (!BSON_ITER_HOLDS_DATE_TIME(&at)) {
		spoil(doc, field);
		return 0;
	}
	return bson_iter_date_time(&at);
}

int64_t doc_time_or(struct doc *doc, const char *field, int64_t missing)
{
	return doc_has(doc, field) ? doc_time(doc, field) : missing;
}

bool doc_bool(struct doc *doc, const char *field)
{
	bson_iter_t at;

	if (!need(doc, field, &at))
		return false;
	if (!BSON_ITER_HOLDS_BOOL(&at))
		spoil(doc, field);
	return BSON_ITER_HOLDS_BOOL(&at) && bson_iter_bool(&at);
}

struct id doc_id(struct doc *doc, const char *field)
{
	struct id id = { { 0 } };
	bson_iter_t at;

	if (need(doc, field, &at) && !doc_at_id(&at, &id))
		spoil(doc, field);
	return id;
}

struct id doc_id_or_zero(struct doc *doc, const char *field)
{
	return doc_has(doc, field) ? doc_id(doc, field) : (struct id){ { 0 } };
}

struct slice doc_bytes(struct doc *doc, const char *field)
{
	struct slice bytes = { NULL, 0 };
	bson_iter_t at;

	if (need(doc, field, &at) && !doc_at_bytes(&at, &bytes))
		spoil(doc, field);
	return bytes;
}

struct slice doc_bytes_or_none(struct doc *doc, const char *field)
{
	return doc_has(doc, field) ? doc_bytes(doc, field) : (struct slice){ NULL, 0 };
}

bool doc_list(struct doc *doc, const char *field, bson_iter_t *ret)
{
	bson_iter_t at;

	if (need(doc, field, &at) && BSON_ITER_HOLDS_ARRAY(&at) && bson_iter_recurse(&at, ret))
		return true;
	spoil(doc, field);
	return false;
}

bool doc_sub(struct doc *doc, const char *field, struct doc *ret)
{
	const uint8_t *data = NULL;
	bson_iter_t at;
	uint32_t len = 0;

	if (need(doc, field, &at) && BSON_ITER_HOLDS_DOCUMENT(&at))
		bson_iter_document(&at, &len, &data);
	doc_open(ret, slice_of(data, len));
	if (ret->bad)
		spoil(doc, field);
	return !ret->bad;
}

enum fault doc_check(const struct doc *doc, const char *collection, struct why *why)
{
	if (!doc->bad)
		return FAULT_NONE;
	return fault_set(why, FAULT_CORRUPT, "mongo: a document of %s is damaged: %s", collection, doc->bad);
}
