#ifndef SHARED_BASE_CONF_VALUE_H
#define SHARED_BASE_CONF_VALUE_H
/* One value of one row as text (conf.h): for conf.c only. Nothing here knows of files or of libconfuse. */
#include "base/buf.h"
#include "base/conf.h"

/* Is `text` a value of this row, within its bounds? FAULT_CONFIG with what is wrong. */
MUST_CHECK enum fault conf_value_check(const struct conf_row *, const char *text, struct why *);
/* Stores values that were checked into the row's field. A list takes all texts, the others the only one. */
void conf_value_store(const struct conf_row *, void *target, const char *const *texts, size_t n,
                      struct arena *);
/* "name = value" with its help, as the file would say it; `target` NULL: the default. */
void conf_value_print(const struct conf_row *, const void *target, const char *indent, struct buf *out);

#endif
