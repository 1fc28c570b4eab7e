/* Object identifiers (object_id.h). A letter comes first, as RFC 8474 7 would have it. */
#include "object_id.h"

#include <stdio.h>

static struct object_id printed(char kind, const struct id *id)
{
	struct object_id printed;

	snprintf(printed.text, sizeof(printed.text), "%c%s", kind, id_print(id).text);
	return printed;
}

struct object_id object_id_of_mailbox(const struct id *mailbox)
{
	return printed('F', mailbox);
}

struct id object_id_raw(const struct account_key *key, const struct id *content)
{
	return account_name_hash(key, content, SLICE("EMAILID"));
}

struct object_id object_id_of_content(const struct account_key *key, const struct id *content)
{
	const struct id keyed = object_id_raw(key, content);

	return printed('M', &keyed);
}

bool object_id_parse(char kind, struct slice text, struct id *ret)
{
	struct id id;

	if (!text.len || !id_parse(slice_from(text, 1), &id) ||
	    !slice_eq(text, slice_str(printed(kind, &id).text)))
		return false; /* one in capitals is another */
	*ret = id;
	return true;
}
