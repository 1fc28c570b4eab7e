#ifndef SHARED_BASE_CONF_SKIP_H
#define SHARED_BASE_CONF_SKIP_H
/* For conf.c only: takes the sections of other daemons out of a file before libconfuse sees it. */
#include <stdbool.h>
#include "base/slice.h"

/* Blanks what stands between the braces of each section named, newlines excepted: lines keep their numbers. A
 * section that never closes is left as it is, for the parser to complain of. `names` ends with NULL. */
void conf_skip_sections(uint8_t *text, size_t len, const char *const *names);

#endif
