#ifndef SHARED_SUITE_JSON_H
#define SHARED_SUITE_JSON_H
/* Reading and writing record values with jansson: absent fields read as empty, bytes travel as base64. */
#include <jansson.h>

#include "base/arena.h"
#include "base/fault.h"
#include "base/rand.h"

/* Parses `value`; CORRUPT names `what`. json_decref() what you get. */
MUST_CHECK enum fault json_read(struct slice value, const char *what, json_t **ret, struct why *);
/* Compact text, in the arena; takes the reference over. */
struct slice json_write(json_t *, struct arena *);

const char *json_get_str(const json_t *, const char *key, struct arena *); /* "" when absent */
int64_t json_get_int(const json_t *, const char *key);
bool json_get_bool(const json_t *, const char *key);
struct slice json_get_bytes(const json_t *, const char *key,
                            struct arena *); /* {NULL, 0} when absent or not base64 */
bool json_get_raw(const json_t *, const char *key, void *out, size_t len); /* exactly `len` bytes */
bool json_get_id(const json_t *, const char *key, struct id *ret);         /* zero and false when absent */
json_t *json_bytes(struct slice);
json_t *json_id(const struct id *);

#endif
