/* Roles (role.h): who may do what, in one table. */
#include "auth/role.h"

#define OVER_SUITE (BIT(RIGHT_SUITE_READ) | BIT(RIGHT_SUITE_WRITE)) /* never within one domain */

static const struct role_row {
	const char *name;
	unsigned rights;
} rows[] = {
	[ROLE_NONE] = { "none", 0 },
	[ROLE_OWNER] = { "owner", BIT(RIGHT_READ) | BIT(RIGHT_WRITE) | OVER_SUITE },
	[ROLE_DOMAIN_ADMIN] = { "domain-admin", BIT(RIGHT_READ) | BIT(RIGHT_WRITE) },
	[ROLE_READ_ONLY] = { "read-only", BIT(RIGHT_READ) | BIT(RIGHT_SUITE_READ) },
};

const char *role_name(enum role role)
{
	return rows[(size_t)role < ARRAY_LEN(rows) ? role : ROLE_NONE].name;
}

bool role_parse(struct slice text, enum role *ret)
{
	for (size_t i = ROLE_NONE + 1; i < ARRAY_LEN(rows); i++) {
		if (!slice_is(text, rows[i].name))
			continue;
		*ret = (enum role)i;
		return true;
	}
	return false;
}

bool role_allows(const struct role_binding *bindings, size_t n, enum right right, const char *domain)
{
	bool whole = !domain || (BIT(right) & OVER_SUITE);

	for (size_t i = 0; i < n; i++) {
		const struct role_binding *binding = &bindings[i];

		if ((size_t)binding->role >= ARRAY_LEN(rows) || !(rows[binding->role].rights & BIT(right)))
			continue;
		if (!binding->domain || (!whole && slice_is(slice_str(domain), binding->domain)))
			return true;
	}
	return false;
}
