/* All of libpsl (suffixes.h). */
#include "suffixes.h"

#include <libpsl.h>

#include "base/arena.h"

#include <stdlib.h>

struct suffixes {
	psl_ctx_t *psl;
};

struct suffixes *suffixes_new(void)
{
	struct suffixes *suffixes = xzalloc(sizeof(*suffixes));

	suffixes->psl = psl_latest(NULL);
	return suffixes;
}

void suffixes_free(struct suffixes *suffixes)
{
	if (!suffixes)
		return;
	psl_free(suffixes->psl);
	free(suffixes);
}

bool suffixes_has(const struct suffixes *suffixes, const char *domain)
{
	return !strchr(domain, '.') || (suffixes->psl && psl_is_public_suffix(suffixes->psl, domain));
}
