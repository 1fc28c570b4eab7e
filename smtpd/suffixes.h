#ifndef SMTPD_SUFFIXES_H
#define SMTPD_SUFFIXES_H
/* The public suffix list (libpsl): names under which strangers register. */
#include <stdbool.h>

struct suffixes;

struct suffixes *
suffixes_new(void); /* the system's list, or the library's own when that is newer. Reads a file */
void suffixes_free(struct suffixes *); /* NULL accepted */
/* `domain`: A-labels, lower case. Every single label is one. Any thread. */
bool suffixes_has(const struct suffixes *, const char *domain);

#endif
