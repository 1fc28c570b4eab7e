/* Where a recipient leads (route.h). */
#include "route.h"

#include "base/map.h"
#include "usage.h"

static bool has_account(const struct recipient *list, const struct id *account)
{
	for (const struct recipient *r = list; r; r = r->next) {
		if (r->local && id_eq(&r->account, account))
			return true;
	}
	return false;
}

static enum route_result add(struct route *route, struct recipient *recipient)
{
	if (route->n >= route->room)
		return ROUTE_TOO_MANY;
	*route->last = recipient;
	route->last = &recipient->next;
	route->n++;
	return ROUTE_OK;
}

static struct recipient *make_recipient(struct route *route, const char *address)
{
	struct recipient *recipient = arena_make(route->arena, struct recipient);

	recipient->address = address;
	recipient->orcpt = "";
	return recipient;
}

static struct recipient *make_local(struct route *route, const struct address_row *row)
{
	struct recipient *recipient = make_recipient(route, row->address);

	recipient->local = true;
	recipient->account = row->account;
	recipient->inbox = row->inbox;
	recipient->junk = row->junk;
	recipient->public_key = row->public_key;
	recipient->generation = row->generation;
	return recipient;
}

static enum fault to_account(struct route *route, const struct address_row *row, enum route_result *ret,
                             struct why *why)
{
	const struct usage quota = { row->quota, row->quota_messages };
	enum fault fault;

	if (row->suspended) {
		*ret = ROUTE_SUSPENDED;
		return FAULT_NONE;
	}
	fault =
	    route->usage ? usage_check(route->usage, route->stack, &row->account, &quota, why) : FAULT_NONE;
	if (fault == FAULT_OVER_QUOTA) {
		*ret = ROUTE_FULL;
		if (!has_account(route->full, &row->account)) {
			*route->last_full = make_local(route, row);
			route->last_full = &(*route->last_full)->next;
		}
		return FAULT_NONE;
	}
	if (!fault)
		*ret =
		    has_account(route->first, &row->account) ? ROUTE_OK : add(route, make_local(route, row));
	return fault;
}

static enum fault follow(struct route *route, const struct address *address, int depth,
                         enum route_result *ret, struct why *why);

static enum fault to_targets(struct route *route, const struct address_row *row, int depth,
                             enum route_result *ret, struct why *why)
{
	bool any = false;

	*ret = ROUTE_UNKNOWN;
	for (size_t i = 0; i < row->n_targets; i++) {
		enum route_result one = ROUTE_UNKNOWN;
		struct address target;
		enum fault fault;

		if (address_parse(route->arena, slice_str(row->targets[i]), &target, why))
			continue; /* written by an older Posthouse: it would not be stored today */
		fault = follow(route, &target, depth + 1, &one, why);
		if (fault)
			return fault;
		*ret = one;
		if (one == ROUTE_TOO_MANY) /* all of them or none: nobody is left out in silence */
			return FAULT_NONE;
		any = any || one == ROUTE_OK;
	}
	if (any)
		*ret = ROUTE_OK;
	return FAULT_NONE;
}

static enum fault to_row(struct route *route, const struct address *address, enum found_as found,
                         const struct address_row *row, int depth, enum route_result *ret, struct why *why)
{
	switch (found) {
	case FOUND_NOT_LOCAL:
		*ret =
		    !route->may_relay && depth == 0
		        ? ROUTE_RELAY
		        : add(route, make_recipient(route, arena_strz(route->arena,
		                                                      address_text(route->arena, address))));
		return FAULT_NONE;
	case FOUND_NOBODY:
		*ret = ROUTE_UNKNOWN;
		return FAULT_NONE;
	default:
		return row->kind == ADDRESS_ACCOUNT ? to_account(route, row, ret, why)
		                                    : to_targets(route, row, depth, ret, why);
	}
}

static enum fault follow(struct route *route, const struct address *address, int depth,
                         enum route_result *ret, struct why *why)
{
	struct address_row row;
	struct slice key;
	size_t at;
	enum found_as found;
	enum fault fault;

	if (address_key(route->arena, address, &key, why)) {
		*ret = ROUTE_UNKNOWN;
		return FAULT_NONE;
	}
	if (depth > ALIAS_DEPTH || map_get(route->seen, key)) {
		*ret = ROUTE_LOOP;
		return FAULT_NONE;
	}
	if (map_count(route->seen) >= ROUTE_LOOKUPS) {
		*ret = ROUTE_TOO_MANY;
		return FAULT_NONE;
	}
	map_put(route->seen, key, route);
	for (at = key.len; key.data[at - 1] != '@'; at--)
		;
	fault = address_find(route->stack, slice_first(key, at - 1), slice_from(key, at), route->arena,
	                     &found, &row, why);
	return fault ? fault : to_row(route, address, found, &row, depth, ret, why);
}

/* The full ones that others of the same alias do not keep from getting it. */
static enum route_result add_full(struct route *route)
{
	struct recipient *next;

	for (struct recipient *r = route->full; r; r = next) {
		next = r->next;
		r->next = NULL;
		r->deferred = true;
		if (add(route, r) != ROUTE_OK)
			return ROUTE_TOO_MANY;
	}
	return ROUTE_OK;
}

enum fault route_recipient(struct route *route, const struct address *address, enum route_result *ret,
                           struct why *why)
{
	enum route_result result;
	enum fault fault;

	route->first = route->full = NULL;
	route->last = &route->first;
	route->last_full = &route->full;
	route->n = 0;
	route->seen = map_new();
	fault = follow(route, address, 0, &result, why);
	map_free(route->seen);
	if (fault)
		return fault;
	if (result == ROUTE_OK)
		result = add_full(route);
	else if (result != ROUTE_TOO_MANY && route->full)
		result = ROUTE_FULL; /* it may take mail later, whatever the others are */
	*ret = result;
	return FAULT_NONE;
}

enum fault route_may_send_as(struct stack *stack, const struct id *account, const struct address *address,
                             struct arena *arena, bool *ret, struct why *why)
{
	/* who would get mail to it: no relaying, no quota */
	struct route route = { .stack = stack, .may_relay = false, .room = ROUTE_LOOKUPS, .arena = arena };
	enum route_result result;
	enum fault fault = route_recipient(&route, address, &result, why);

	if (!fault)
		*ret = has_account(route.first, account);
	return fault;
}
