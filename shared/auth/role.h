#ifndef SHARED_AUTH_ROLE_H
#define SHARED_AUTH_ROLE_H
/*
 * Roles of the REST API and the CLI. A principal holds roles, each over every
 * domain or over one; a route asks for a right over a domain (or over the
 * whole suite), and role_allows() is the only place that decides.
 */
#include "base/slice.h"

enum role { ROLE_NONE, ROLE_OWNER, ROLE_DOMAIN_ADMIN, ROLE_READ_ONLY };

enum right {
	RIGHT_READ,        /* see objects */
	RIGHT_WRITE,       /* change objects of a domain */
	RIGHT_SUITE_READ,  /* see what belongs to no domain: health, all domains, the whole queue */
	RIGHT_SUITE_WRITE, /* change what belongs to no domain: domains themselves, tokens, keys */
};

struct role_binding {
	enum role role;
	const char *domain; /* NULL: all */
};

const char *role_name(enum role); /* "owner", "domain-admin", "read-only" */
bool role_parse(struct slice, enum role *ret);
/* `domain` NULL: the right must hold over the whole suite. The two rights over the suite always must. */
bool role_allows(const struct role_binding *, size_t n, enum right, const char *domain);

#endif
