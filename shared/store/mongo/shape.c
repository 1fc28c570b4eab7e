/* Records as documents (shape.h). */
#include "store/mongo/shape.h"

#include "base/utf8.h"

static const struct {
	enum shape key, index[RECORD_INDEXES];
} shapes[COLL_COUNT] = {
	/* clang-format off */
	[COLL_SETTINGS]	 = { SHAPE_TEXT },
	[COLL_DOMAINS]	 = { SHAPE_TEXT },
	[COLL_ACCOUNTS]	 = { SHAPE_ID,	 { SHAPE_TEXT, SHAPE_TEXT } },
	[COLL_ADDRESSES] = { SHAPE_TEXT, { SHAPE_TEXT, SHAPE_ID } },
	[COLL_TOKENS]	 = { SHAPE_HEX,	 { SHAPE_TEXT } },
	[COLL_AUDIT]	 = { SHAPE_HEX,	 { SHAPE_TEXT } },
	[COLL_CONTENTS]	 = { SHAPE_ID },
	[COLL_TIMELINE]	 = { SHAPE_TEXT },
	[COLL_GUESTS]	 = { SHAPE_HEX,	 { SHAPE_ID, SHAPE_ID } },
	[COLL_METADATA]	 = { SHAPE_HEX,	 { SHAPE_ID, SHAPE_ID } },
	[COLL_URL_KEYS]	 = { SHAPE_HEX,	 { SHAPE_ID, SHAPE_ID } },
	/* clang-format on */
};

enum shape shape_key(enum collection collection)
{
	return shapes[collection].key;
}

enum shape shape_index(enum collection collection, int index)
{
	return shapes[collection].index[index];
}

static const char *index_name(enum collection collection, int index)
{
	return schema_collections[collection].index[index].name;
}

static void add_hex(bson_t *doc, const char *field, struct slice value)
{
	static const char digits[] = "0123456789abcdef";
	char *text = xmalloc(value.len * 2 + 1);

	for (size_t i = 0; i < value.len; i++) {
		text[2 * i] = digits[value.data[i] >> 4];
		text[2 * i + 1] = digits[value.data[i] & 15];
	}
	bson_append_utf8(doc, field, -1, text, (int)value.len * 2);
	free(text);
}

void shape_add(bson_t *doc, const char *field, enum shape shape, struct slice value)
{
	struct id id;

	if (shape == SHAPE_TEXT)
		doc_add_text(doc, field, value);
	else if (shape == SHAPE_HEX)
		add_hex(doc, field, value);
	else if (id_from(value, &id))
		doc_add_id(doc, field, &id);
	else
		doc_add_bytes(doc, field, value);
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

enum fault shape_check(enum collection collection, const struct record *record, struct why *why)
{
	const char *name = schema_collections[collection].name;

	if (shape_key(collection) == SHAPE_TEXT && !utf8_valid(record->key))
		return fault_set(why, FAULT_INPUT, "mongo: a key of %s is not UTF-8", name);
	for (int i = 0; i < RECORD_INDEXES; i++)
		if (record->index[i].data && shape_index(collection, i) == SHAPE_TEXT &&
		    !utf8_valid(record->index[i]))
			return fault_set(why, FAULT_INPUT, "mongo: a %s of %s is not UTF-8",
			                 index_name(collection, i), name);
	return FAULT_NONE;
}

static void add_accounts(bson_t *doc, struct slice accounts)
{
	struct doc_index index;
	struct id id;
	bson_t list;

	bson_append_array_begin(doc, "accounts", -1, &list);
	for (size_t i = 0;
	     id_from(slice_first(slice_from(accounts, i * sizeof(id.raw)), sizeof(id.raw)), &id); i++)
		doc_add_id(&list, doc_index(&index, i), &id);
	bson_append_array_end(doc, &list);
}

/* Fields that are there go to `set`; the names of those that are not to `unset`, if that is not NULL. */
static void add_fields(bson_t *set, bson_t *unset, enum collection collection, const struct record *record)
{
	if (record->accounts.len)
		add_accounts(set, record->accounts);
	else if (unset)
		BSON_APPEND_BOOL(unset, "accounts", true);
	for (int i = 0; i < RECORD_INDEXES && index_name(collection, i); i++) {
		if (record->index[i].data)
			shape_add(set, index_name(collection, i), shape_index(collection, i),
			          record->index[i]);
		else if (unset)
			BSON_APPEND_BOOL(unset, index_name(collection, i), true);
	}
	if (record->expires)
		doc_add_time(set, "expires", record->expires);
	else if (unset)
		BSON_APPEND_BOOL(unset, "expires", true);
	doc_add_text(set, "value", record->value);
	if (record->body.data)
		doc_add_bytes(set, "body", record->body);
	else if (unset && schema_collections[collection].has_body)
		BSON_APPEND_BOOL(unset, "body", true);
	if (record->signature.data)
		doc_add_bytes(set, "signature", record->signature);
}

void shape_record(bson_t *doc, enum collection collection, const struct record *record, uint64_t version)
{
	shape_add(doc, "_id", shape_key(collection), record->key);
	doc_add_num(doc, "version", version);
	add_fields(doc, NULL, collection, record);
}

void shape_update(bson_t *update, enum collection collection, const struct record *record)
{
	bson_t set = BSON_INITIALIZER, unset = BSON_INITIALIZER;

	add_fields(&set, &unset, collection, record);
	BSON_APPEND_DOCUMENT(update, "$set", &set);
	if (!bson_empty(&unset)) /* an empty one is an error */
		BSON_APPEND_DOCUMENT(update, "$unset", &unset);
	doc_add_inc(update, "version");
	bson_destroy(&set);
	bson_destroy(&unset);
}

/* ---- filters ------------------------------------------------------------------------------------------------- */

void shape_not_expired(bson_t *filter, int64_t now)
{
	bson_t not, limit;

	/* { expires: { $not: { $lte: now } } } holds where there is no such field */
	bson_append_document_begin(filter, "expires", -1, &not );
	bson_append_document_begin(&not, "$not", -1, &limit);
	doc_add_time(&limit, "$lte", now);
	bson_append_document_end(&not, &limit);
	bson_append_document_end(filter, &not );
}

void shape_walled(bson_t *filter, const struct id *wall)
{
	if (wall)
		doc_add_id(filter, "accounts", wall); /* an array holds what equals one of its elements */
}

/* ---- reading ------------------------------------------------------------------------------------------------- */

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct slice parse_hex(struct doc *doc, const char *field, struct slice text, struct arena *arena)
{
	uint8_t *raw = arena_alloc(arena, text.len / 2 + 1);

	for (size_t i = 0; i + 1 < text.len; i += 2) {
		int high = hex_digit(text.data[i]), low = hex_digit(text.data[i + 1]);

		if (high < 0 || low < 0)
			doc->bad = field;
		raw[i / 2] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
	}
	if (text.len % 2)
		doc->bad = field;
	return slice_of(raw, text.len / 2);
}

static struct slice parse_shaped(struct doc *doc, const char *field, enum shape shape, struct arena *arena)
{
	struct slice value = doc_bytes(doc, field);

	return shape == SHAPE_HEX && !doc->bad ? parse_hex(doc, field, value, arena) : value;
}

static struct slice parse_accounts(struct doc *doc, struct arena *arena)
{
	struct buf ids;
	struct slice all;
	bson_iter_t at;
	struct id id;

	if (!doc_has(doc, "accounts") || !doc_list(doc, "accounts", &at))
		return (struct slice){ NULL, 0 };
	buf_init(&ids, BUF_NO_LIMIT);
	while (bson_iter_next(&at)) {
		if (doc_at_id(&at, &id))
			buf_add(&ids, id.raw, sizeof(id.raw));
		else
			doc->bad = "accounts";
	}
	all = arena_copy(arena, buf_slice(&ids));
	buf_done(&ids);
	return all;
}

enum fault shape_parse(enum collection collection, struct slice raw, struct arena *arena, struct record *ret,
                       struct why *why)
{
	struct record record = { .version = 0 };
	enum fault fault;
	struct doc doc;

	doc_open(&doc, raw);
	record.key = parse_shaped(&doc, "_id", shape_key(collection), arena);
	record.version = doc_num(&doc, "version", INT64_MAX);
	record.accounts = parse_accounts(&doc, arena);
	for (int i = 0; i < RECORD_INDEXES && index_name(collection, i); i++)
		if (doc_has(&doc, index_name(collection, i)))
			record.index[i] =
			    parse_shaped(&doc, index_name(collection, i), shape_index(collection, i), arena);
	record.expires = doc_time_or(&doc, "expires", 0);
	record.value = doc_bytes(&doc, "value");
	record.body = doc_bytes_or_none(&doc, "body");
	fault = doc_check(&doc, schema_collections[collection].name, why);
	if (!fault)
		*ret = record;
	return fault;
}

bool shape_same(const struct record *a, const struct record *b)
{
	for (int i = 0; i < RECORD_INDEXES; i++)
		if (!slice_eq(a->index[i], b->index[i]))
			return false;
	return slice_eq(a->accounts, b->accounts) && a->expires == b->expires &&
	       slice_eq(a->value, b->value) && slice_eq(a->body, b->body);
}
