#ifndef SHARED_SUITE_PRINCIPAL_H
#define SHARED_SUITE_PRINCIPAL_H
/*
 * Who may use the REST API: named tokens with role bindings, in the `tokens`
 * collection under the hash of the token (auth/token.h); the token itself is shown once and kept nowhere.
 */
#include "auth/role.h"
#include "auth/token.h"
#include "suite/directory.h"

#define PRINCIPAL_ROLES_MAX 64

struct principal {
	const char *name;
	struct role_binding *roles;
	size_t n_roles;
	int64_t created, expires; /* expires 0: never */
	struct token_hash hash;
};

MUST_CHECK enum fault principal_create(struct stack *, const struct change_by *, const char *name,
                                       const struct role_binding *, size_t n, int64_t expires,
                                       struct token_text *ret, struct why *); /* EXISTS: the name; INPUT */
/* AUTH: no such token, or expired. One command. */
MUST_CHECK enum fault principal_find(struct stack *, struct slice token, struct arena *,
                                     struct principal *ret, struct why *);
MUST_CHECK enum fault principal_list(struct stack *, struct slice after, size_t limit, struct arena *,
                                     struct principal **ret, size_t *ret_n, struct why *); /* by name */
MUST_CHECK enum fault principal_delete(struct stack *, const struct change_by *, struct slice name,
                                       struct why *);

#endif
