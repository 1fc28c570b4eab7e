/* Pages of a result (partial.h). */
#include "partial.h"

bool partial_parse(struct imap_args *args, struct partial *ret)
{
	bool backwards = imap_args_char(args, '-');
	uint64_t a, b;

	if (!imap_args_nz_number(args, UINT32_MAX, &a) || !imap_args_char(args, ':') ||
	    (backwards && !imap_args_char(args, '-')) || !imap_args_nz_number(args, UINT32_MAX, &b)) {
		args->error = "Expected a range";
		return false;
	}
	*ret = (struct partial){ (uint32_t)MIN_OF(a, b), (uint32_t)MAX_OF(a, b), backwards };
	return true;
}

void partial_of(const struct partial *partial, size_t n, size_t *ret_from, size_t *ret_to)
{
	const size_t first = MIN_OF((size_t)partial->first - 1, n), last = MIN_OF((size_t)partial->last, n);

	*ret_from = partial->backwards ? n - last : first;
	*ret_to = partial->backwards ? n - first : last;
}
