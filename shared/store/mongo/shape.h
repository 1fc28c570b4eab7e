#ifndef SHARED_STORE_MONGO_SHAPE_H
#define SHARED_STORE_MONGO_SHAPE_H
/*
 * Records as documents:
 *
 *   { _id, version, accounts: [UUID …], <index name> …, expires: Date, value, body }
 *
 * Keys and index values sort in MongoDB as their bytes do, since find() promises
 * that order: text as text, hashes and times as hex, and ids, all of one length, as UUIDs.
 */
#include "store/mongo/doc.h"
#include "store/schema.h"

enum shape { SHAPE_TEXT, SHAPE_ID, SHAPE_HEX };

enum shape shape_key(enum collection);
enum shape shape_index(enum collection, int index);
void shape_add(bson_t *, const char *field, enum shape, struct slice value);

/* The record as a document at `version`. INPUT: a key or an index value that is no UTF-8 where it must be. */
MUST_CHECK enum fault shape_check(enum collection, const struct record *, struct why *);
void shape_record(bson_t *, enum collection, const struct record *, uint64_t version);
/* The same as an update: { $set, $unset, $inc: { version: 1 } }. */
void shape_update(bson_t *, enum collection, const struct record *);
MUST_CHECK enum fault shape_parse(enum collection, struct slice doc, struct arena *, struct record *ret,
                                  struct why *);
/* For filters: what has not expired, and what belongs to an account (NULL: no wall). */
void shape_not_expired(bson_t *filter, int64_t now);
void shape_walled(bson_t *filter, const struct id *wall);
bool shape_same(const struct record *, const struct record *); /* but for version and expiry */

#endif
