#ifndef SHARED_STORE_SQLITE_SQLITE_H
#define SHARED_STORE_SQLITE_SQLITE_H
/* The embedded backend: one database file, shared by any number of processes of one machine (README.md). */
#include "store/store.h"

MUST_CHECK enum fault store_sqlite_open(const struct store_conf *, struct store **ret, struct why *);

#endif
