#ifndef SHARED_STORE_MONGO_DOC_H
#define SHARED_STORE_MONGO_DOC_H
/*
 * Documents, written and read. A document that was read is checked field by
 * field: what is missing, of another type or out of range makes the whole
 * document CORRUPT, whoever wrote it.
 */
#include <mongoc/mongoc.h>

#include "base/arena.h"
#include "base/fault.h"
#include "base/rand.h"

/* ---- writing ------------------------------------------------------------------------------------------------- */

void doc_add_id(bson_t *, const char *field, const struct id *); /* as a UUID */
void doc_add_num(bson_t *, const char *field, uint64_t); /* always 64 bits, so that $inc keeps the type */
void doc_add_inc(bson_t *update, const char *field);     /* { $inc: { field: 1 } } */
void doc_add_time(bson_t *, const char *field, int64_t ms);
void doc_add_bytes(bson_t *, const char *field, struct slice);
void doc_add_text(bson_t *, const char *field, struct slice); /* UTF-8, else it goes in as bytes */

/* The names of array elements: "0", "1", … */
struct doc_index {
	char room[16];
	const char *name;
};
const char *doc_index(struct doc_index *, size_t n);

/* ---- reading ------------------------------------------------------------------------------------------------- */

struct doc {
	bson_t bson;
	const char *bad; /* the first field that is not as it must be */
};

void doc_open(struct doc *, struct slice raw); /* borrows `raw`; so do the slices below */
bool doc_has(const struct doc *, const char *field);
uint64_t doc_num(struct doc *, const char *field, uint64_t max);
uint64_t doc_num_or(struct doc *, const char *field, uint64_t max, uint64_t missing);
int64_t doc_time(struct doc *, const char *field);
int64_t doc_time_or(struct doc *, const char *field, int64_t missing);
bool doc_bool(struct doc *, const char *field);
struct id doc_id(struct doc *, const char *field);
struct id doc_id_or_zero(struct doc *, const char *field);
struct slice doc_bytes(struct doc *, const char *field); /* or the bytes of a text */
struct slice doc_bytes_or_none(struct doc *, const char *field);
/* An embedded document or array, to be walked by a bson_iter_t; false when bad. */
bool doc_list(struct doc *, const char *field, bson_iter_t *ret);
bool doc_sub(struct doc *, const char *field, struct doc *ret);
/* The value at an iterator. */
bool doc_at_num(const bson_iter_t *, uint64_t max, uint64_t *ret);
bool doc_at_bytes(const bson_iter_t *, struct slice *ret);
bool doc_at_id(const bson_iter_t *, struct id *ret);

/* NONE, or CORRUPT with the collection and the field in `why`. */
MUST_CHECK enum fault doc_check(const struct doc *, const char *collection, struct why *);

#endif
