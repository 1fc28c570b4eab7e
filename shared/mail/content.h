#ifndef SHARED_MAIL_CONTENT_H
#define SHARED_MAIL_CONTENT_H
/*
 * Values of Content-Type and Content-Disposition (RFC 2045 5.1, RFC 2183 2) and
 * their parameters (RFC 2231 put together), read tolerantly: blanks in unquoted
 * values, missing semicolons' rests, raw 8-bit and encoded-words where none
 * should be, all come through.
 *
 * Slices point into the value handed in, or into the arena.
 */
#include "base/slice.h"

struct arena;

enum { CONTENT_PARAMS_MAX = 128 }; /* of one field; what is beyond is dropped */

struct content_param {
	struct slice name;  /* as written, without its stars and numbers */
	struct slice raw;   /* unquoted, continuations joined; when extended: charset'language'%C3%A4 */
	struct slice value; /* UTF-8 as far as it could be told (raw 8-bit stays) */
	bool extended;      /* IMAP shows such a one as name* with `raw` */
};

struct content_params {
	const struct content_param *params;
	uint32_t n;
};

struct content {
	struct slice word;    /* the type, or the disposition; empty: the value has no valid one */
	struct slice subtype; /* empty but for types */
	struct content_params params;
};

void content_type_parse(struct arena *, struct slice value, struct content *ret);
void content_disposition_parse(struct arena *, struct slice value, struct content *ret);
/* One token, comments around it dropped (Content-Transfer-Encoding). Empty when there is none. */
struct slice content_word(struct slice value);

/* The parameter of that name, case-insensitively, the extended spelling before the plain one; NULL without. */
const struct content_param *content_param(const struct content_params *, const char *name);
/* Its value, with no data when it is missing. */
struct slice content_value(const struct content_params *, const char *name);

#endif
