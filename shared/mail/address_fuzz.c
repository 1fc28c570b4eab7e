/* Addresses and lists: what is printed parses to the same, keys are stable, list texts lie inside their block. */
#include <stdlib.h>

#include "base/arena.h"
#include "mail/address.h"
#include "mail/address_list.h"

#define HOLDS(what)                                                                                          \
	do {                                                                                                 \
		if (!(what))                                                                                 \
			abort();                                                                             \
	} while (0)

static void one_address(struct arena *arena, struct slice text)
{
	struct address a, b, plain;
	struct slice key, again, base, tag;

	if (address_parse(arena, text, &a, NULL))
		return;
	HOLDS(a.local.len > 0 && a.local.len <= ADDRESS_LOCAL_MAX && a.domain.len <= ADDRESS_DOMAIN_MAX);
	HOLDS(address_parse(arena, address_text(arena, &a), &b, NULL) == FAULT_NONE);
	HOLDS(slice_eq(a.local, b.local) && slice_eq(a.domain, b.domain) && a.utf8 == b.utf8);
	address_split_tag(a.local, '+', &base, &tag);
	HOLDS(base.len > 0 && base.len + tag.len <= a.local.len);
	if (address_normalise(arena, &a, &plain, NULL) || address_key(arena, &a, &key, NULL))
		return;
	HOLDS(address_key(arena, &plain, &again, NULL) == FAULT_NONE && slice_eq(key, again));
}

static size_t text_len(const struct address_list *list)
{
	size_t len = 0;

	for (uint32_t i = 0; i < list->n; i++)
		len += list->entries[i].local.len + list->entries[i].domain.len + list->entries[i].route.len;
	return len;
}

static void one_list(struct arena *arena, struct slice text)
{
	struct address_list list;
	int open = 0;

	address_list_parse(arena, text, 1000, &list);
	HOLDS(list.n <= 1001 && text_len(&list) <= text.len);
	for (uint32_t i = 0; i < list.n; i++) {
		const struct address_entry *e = &list.entries[i];

		HOLDS(e->name.len <= text.len && (!e->name.data || e->kind != ADDRESS_ENTRY_END));
		open += e->kind == ADDRESS_ENTRY_GROUP;
		open -= e->kind == ADDRESS_ENTRY_END;
		HOLDS(open == 0 || open == 1);
	}
	HOLDS(open == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();

	one_address(arena, slice_of(data, size));
	one_list(arena, slice_of(data, size));
	arena_free(arena);
	return 0;
}
