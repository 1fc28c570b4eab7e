/* Where a recipient leads (route.h). */
#include "route.h"

#include "usage.h"

static struct recipient *add(struct route *route, const char *address)
{
	struct recipient *recipient = arena_make(route->arena, struct recipient);

	recipient->address = address;
	recipient->orcpt = "";
	*route->last = recipient;
	route->last = &recipient->next;
	route->n++;
	return recipient;
}

static bool has_account(const struct route *route, const struct id *account)
{
	for (const struct recipient *r = route->first; r; r = r->next) {
		if (r->local && id_eq(&r->account, account))
			return true;
	}
	return false;
}

static enum fault to_account(struct route *route, const struct address_row *entry, enum route_result *ret,
                             struct why *why)
{
	struct recipient *recipient;
	enum fault fault;

	if (entry->suspended) {
		*ret = ROUTE_SUSPENDED;
		return FAULT_NONE;
	}
	fault = route->usage ? usage_check(route->usage, route->stack, &entry->account, entry->quota, why)
	                     : FAULT_NONE;
	if (fault == FAULT_OVER_QUOTA) {
		*ret = ROUTE_FULL;
		return FAULT_NONE;
	}
	*ret = ROUTE_OK;
	if (fault || has_account(route, &entry->account))
		return fault;
	recipient = add(route, entry->address);
	recipient->local = true;
	recipient->account = entry->account;
	recipient->inbox = entry->inbox;
	recipient->junk = entry->junk;
	recipient->public_key = entry->public_key;
	recipient->generation = entry->generation;
	return FAULT_NONE;
}

static enum fault follow(struct route *route, const struct address *address, int depth, bool from_alias,
                         enum route_result *ret, struct why *why);

/* An alias is good when one of its targets is: the others are the operator's to mend, and are logged nowhere else than
 * in the route that failed. */
static enum fault to_targets(struct route *route, const struct address_row *entry, int depth,
                             enum route_result *ret, struct why *why)
{
	bool any = false;

	*ret = ROUTE_UNKNOWN;
	for (size_t i = 0; i < entry->n_targets; i++) {
		enum route_result one = ROUTE_UNKNOWN;
		struct address target;
		enum fault fault;

		if (address_parse(route->arena, slice_str(entry->targets[i]), &target, why))
			continue;
		fault = follow(route, &target, depth + 1, true, &one, why);
		if (fault)
			return fault;
		any = any || one == ROUTE_OK;
		if (!any)
			*ret = one;
	}
	if (any)
		*ret = ROUTE_OK;
	return FAULT_NONE;
}

static enum fault follow(struct route *route, const struct address *address, int depth, bool from_alias,
                         enum route_result *ret, struct why *why)
{
	struct address_row entry;
	struct slice key, local;
	enum found_as found;
	enum fault fault;

	if (depth > ALIAS_DEPTH || route->n >= route->room) {
		*ret = ROUTE_LOOP;
		return FAULT_NONE;
	}
	if (address_key(route->arena, address, &key, why)) {
		*ret = ROUTE_UNKNOWN;
		return FAULT_NONE;
	}
	local = key;
	while (local.len && local.data[local.len - 1] != '@')
		local.len--;
	fault = address_find(route->stack, slice_first(local, local.len ? local.len - 1 : 0),
	                     slice_from(key, local.len), route->arena, &found, &entry, why);
	if (fault)
		return fault;
	switch (found) {
	case FOUND_NOT_LOCAL:
		*ret = route->may_relay || from_alias ? ROUTE_OK : ROUTE_RELAY;
		if (*ret == ROUTE_OK)
			add(route, arena_strz(route->arena, address_text(route->arena, address)));
		return FAULT_NONE;
	case FOUND_NOBODY:
		*ret = ROUTE_UNKNOWN;
		return FAULT_NONE;
	default:
		break;
	}
	return entry.kind == ADDRESS_ACCOUNT ? to_account(route, &entry, ret, why)
	                                     : to_targets(route, &entry, depth, ret, why);
}

enum fault route_recipient(struct route *route, const struct address *address, enum route_result *ret,
                           struct why *why)
{
	route->first = NULL;
	route->last = &route->first;
	route->n = 0;
	return follow(route, address, 0, false, ret, why);
}

enum fault route_may_send_as(struct stack *stack, const struct id *account, const struct address *address,
                             struct arena *arena, bool *ret, struct why *why)
{
	/* who would get mail to it: no relaying, no quota */
	struct route route = { .stack = stack, .may_relay = false, .room = 1000, .arena = arena };
	enum route_result result;
	enum fault fault = route_recipient(&route, address, &result, why);

	*ret = !fault && has_account(&route, account);
	return fault;
}
