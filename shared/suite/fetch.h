#ifndef SHARED_SUITE_FETCH_H
#define SHARED_SUITE_FETCH_H
/* One small document over HTTPS, on a worker: bounded in time and size. Plain HTTP is for this machine itself. */
#include "base/buf.h"
#include "base/fault.h"

struct fetch {
	const char *url;
	const char *form;                /* sent as application/x-www-form-urlencoded; NULL: GET */
	const char *user_colon_password; /* NULL: none */
	const char *ca_file;             /* "": the system's */
	int64_t timeout_ms;
};

/* Is it an URL that fetch_get() takes? */
bool fetch_is_url(const char *);
/* The body of a 200 added to `out`, whose limit holds; redirections are not followed. TEMP: it could not be had. */
MUST_CHECK enum fault fetch_get(const struct fetch *, struct buf *out, struct why *);
/* Appends a value as a form's field wants it. */
void fetch_add_escaped(struct buf *out, struct slice value);

#endif
