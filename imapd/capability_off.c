/*
 * Capabilities that an operator took away: from one account (its capabilities_off), from everybody or from clients by
 * what they say in ID (the setting). What is off is not in CAPABILITY, cannot be ENABLEd, and its commands and mechanisms
 * are unknown. What it says unasked in the answers to others is left out: HIGHESTMODSEQ (CONDSTORE, QRESYNC), MAILBOXID
 * (OBJECTID), APPENDUID and COPYUID (UIDPLUS), CLOSED (QRESYNC), INPROGRESS, and LIST's attributes of CHILDREN and
 * SPECIAL-USE; but for what is part of IMAP4rev2, once that is enabled. What it adds to the arguments of other commands is
 * still understood: clients use what they are told of.
 */
#include <fnmatch.h>

#include "account_ctx.h"
#include "command.h"
#include "imapd.h"

#define FOR " for "

/* A name means all that it begins, up to "=": SORT is SORT=DISPLAY too. */
static bool names_it(struct slice names, struct slice capability)
{
	struct slice name;

	while (slice_cut(&names, ' ', &name)) {
		if (name.len && slice_ieq(slice_first(capability, name.len), name) &&
		    (capability.len == name.len || capability.data[name.len] == '='))
			return true;
	}
	return false;
}

/* "UTF8=ACCEPT MOVE for thunderbird*", or without a client: for all. */
static bool row_takes(const struct session *s, const char *row, struct slice capability)
{
	const char *client = strstr(row, FOR);

	if (client && fnmatch(client + strlen(FOR), s->client_id, FNM_CASEFOLD) != 0)
		return false;
	return names_it(client ? slice_of(row, (size_t)(client - row)) : slice_str(row), capability);
}

bool imap_capability_on(const struct session *s, struct slice capability)
{
	const struct conf_list *rows = &imapd_conf.capabilities_off;

	if (slice_is(capability, "IMAP4rev1"))
		return true; /* nothing would be left */
	if (s->account && names_it(slice_str(s->account->capabilities_off), capability))
		return false;
	for (size_t i = 0; i < rows->n; i++) {
		if (row_takes(s, rows->items[i], capability))
			return false;
	}
	return true;
}

bool imap_tells(const struct session *s, const char *capability)
{
	return (s->enabled & ENABLED_REV2) || imap_capability_on(s, slice_str(capability));
}

const char *imap_capabilities_left(const struct session *s, struct arena *arena, const char *all)
{
	struct slice rest = slice_str(all), word;
	const char *left = "";

	if (!imapd_conf.capabilities_off.n && !(s->account && s->account->capabilities_off[0]))
		return all;
	while (slice_cut(&rest, ' ', &word)) {
		if (imap_capability_on(s, word))
			left = arena_printf(arena, "%s%s%.*s", left, left[0] ? " " : "", SLICE_FMT(word));
	}
	return left;
}
