#ifndef ADMIN_HTTP_H
#define ADMIN_HTTP_H
/*
 * HTTPS in front of the route table: libmicrohttpd with GnuTLS, a few threads that may block. Bodies are bounded, answers
 * are JSON; errors are application/problem+json (RFC 9457).
 *
 * The certificate is read again when its file changes; what does not read leaves the old one.
 */
#include "api.h"
#include "suite/daemon.h"

struct http;

MUST_CHECK enum fault http_new(struct daemon *, const char *listen, struct http **ret, uint16_t *ret_port,
                               struct why *);
void http_free(struct http *); /* NULL accepted; waits for the requests in flight */

/* ---- route_match.c ---- */

enum route_found { ROUTE_FOUND, ROUTE_NO_PATH, ROUTE_NO_METHOD };
/* The route of a request. With NO_METHOD, `ret_allowed` lists the methods that the path has. */
enum route_found route_match(const char *method, const char *url, struct arena *,
                             const struct api_route **ret, const char *params[API_PARAMS],
                             const char **ret_allowed);
/* May this principal? The domain comes from the route's scope. INPUT: it cannot be told. DENIED. */
MUST_CHECK enum fault route_allow(const struct api_route *, const struct api_request *, struct why *);

#endif
