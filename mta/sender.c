/* Who a report goes to (sender.h). */
#include "sender.h"

#include "mail/address.h"
#include "smtp/params.h"
#include "suite/directory.h"

#define DEPTH_MAX 8 /* of aliases leading to aliases */

struct resolving {
	struct stack *stack;
	struct arena *arena;
	struct outgoing_recipient *found;
	size_t n;
};

static bool is_found(const struct resolving *r, const char *address, const struct id *account)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct outgoing_recipient *one = &r->found[i];

		if (account ? id_eq(account, &one->local_account) : strcmp(address, one->address) == 0)
			return true;
	}
	return false;
}

/* NEVER: a report makes no reports (RFC 3461 6.1). */
static void add(struct resolving *r, const char *address, const struct id *account)
{
	struct outgoing_recipient *one = &r->found[r->n];

	if (r->n == SENDER_TARGETS_MAX || is_found(r, address, account))
		return;
	*one = (struct outgoing_recipient){
		.address = arena_strdup(r->arena, address),
		.orcpt = "",
		.notify = SMTP_NOTIFY_NEVER,
		.reply = "",
		.status = "",
		.host = "",
	};
	if (account)
		one->local_account = *account;
	r->n++;
}

static enum fault resolve(struct resolving *r, const char *text, unsigned depth, struct why *why)
{
	struct slice key, local, domain;
	struct address_row entry;
	struct address address;
	enum found_as found;
	enum fault fault;
	size_t at;

	if (depth > DEPTH_MAX || address_parse(r->arena, slice_str(text), &address, why))
		return FAULT_NONE; /* nobody can be told there */
	if (address.literal) {
		add(r, text, NULL);
		return FAULT_NONE;
	}
	if (address_key(r->arena, &address, &key, why))
		return FAULT_NONE;
	for (at = key.len; at > 0 && key.data[at - 1] != '@';)
		at--;
	local = slice_first(key, at ? at - 1 : 0);
	domain = slice_from(key, at);
	fault = address_find(r->stack, local, domain, r->arena, &found, &entry, why);
	if (fault)
		return fault;
	if (found == FOUND_NOT_LOCAL)
		add(r, text, NULL);
	if (found == FOUND_NOT_LOCAL || found == FOUND_NOBODY)
		return FAULT_NONE;
	if (entry.kind == ADDRESS_ACCOUNT) {
		add(r, text, &entry.account);
		return FAULT_NONE;
	}
	for (size_t i = 0; i < entry.n_targets && !fault; i++)
		fault = resolve(r, entry.targets[i], depth + 1, why);
	return fault;
}

enum fault sender_resolve(struct stack *stack, const char *address, struct arena *arena,
                          struct outgoing_recipient **ret, size_t *ret_n, struct why *why)
{
	struct resolving r = { .stack = stack, .arena = arena };
	enum fault fault;

	r.found = arena_array(arena, struct outgoing_recipient, SENDER_TARGETS_MAX);
	fault = resolve(&r, address, 0, why);
	if (!fault) {
		*ret = r.found;
		*ret_n = r.n;
	}
	return fault;
}
