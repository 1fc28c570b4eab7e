#ifndef IMAPD_BASE_SUBJECT_H
#define IMAPD_BASE_SUBJECT_H
/*
 * What a subject is about, without the marks of replies and forwards (RFC 5256
 * 2.1): SORT and THREAD compare that. Time goes with the length, whatever stands there.
 */
#include "base/buf.h"

#define SUBJECT_MAX 4096 /* bytes of a field's value that are looked at */

/* Step 1: a field's value as UTF-8, with single blanks. */
void subject_plain(struct buf *out, struct slice value);
/* The others. A part of `plain`; `ret_reply`: something was taken away that marks a reply or a forward. */
struct slice base_subject(struct slice plain, bool *ret_reply);

#endif
