#ifndef SHARED_STORE_SCHEMA_H
#define SHARED_STORE_SCHEMA_H
/*
 * What the store is made of, shared by the backends: collections, their
 * indexes, limits, and the version that store_open() checks. A backend makes
 * its tables or collections from this and invents none of its own names.
 */
#include "store/store.h"

/* Raised whenever an older Posthouse could misread what a newer one wrote. Kept as decimal text under SCHEMA_KEY in
 * COLL_SETTINGS, and checked once above the backends (store.c). */
#define SCHEMA_VERSION 1
#define SCHEMA_KEY     "schema-version"

/* A commit that would take a mailbox's log past one of these is LIMIT: fold first. */
#define LOG_BYTES_MAX   (4 * 1024 * 1024)
#define LOG_ENTRIES_MAX 8192
/* No UID above this is given, so that a page's last UID is always a number; a commit that would is LIMIT too. */
#define UID_MAX         (UINT32_MAX - 1024)

struct schema_index {
	const char *name; /* NULL: there is no such index */
	bool unique;
};

struct schema_collection {
	const char *name;
	struct schema_index index[RECORD_INDEXES];
	bool has_body; /* only these records may have one, and a signature; both lie apart from the rest */
	bool has_accounts; /* records belong to accounts */
};

extern const struct schema_collection schema_collections[COLL_COUNT];

#endif
