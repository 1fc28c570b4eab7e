#ifndef IMAPD_LIST_PATTERN_H
#define IMAPD_LIST_PATTERN_H
/* Patterns of LIST and LSUB (RFC 9051 6.3.9): "*" matches anything, "%" anything within one level. */
#include <stdbool.h>

/* INBOX matches in any case. Linear in both, times the number of wildcards. */
bool list_pattern_matches(const char *pattern, const char *path);

#endif
