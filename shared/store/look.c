/* One look at a mailbox, and messages' keys out of a page's row (mailbox.h). */
#include "store/access.h"
#include "store/acl.h"
#include "store/front.h"
#include "store/page.h"

enum fault mailbox_look(struct store *store, const struct actor *actor, const struct id *mailbox,
                        struct arena *arena, struct mailbox_log *ret, struct why *why)
{
	const struct actor with = access_with(actor, RIGHT_READ);
	enum fault fault = access_check_act(actor, ACT_MAILBOX_READ, why);

	return fault ? fault : store->ops->read(store, &with, mailbox, arena, ret, why);
}

/* Both run upwards: one walk over the page. */
static bool pick(const struct page *page, uint32_t uid, uint32_t *at)
{
	while (*at < page->n && page->uid[*at] < uid)
		(*at)++;
	return *at < page->n && page->uid[*at] == uid;
}

enum fault page_keys(const struct page_row *row, const uint32_t *uids, size_t n, struct id *ret_contents,
                     struct wrapped_key *ret_keys, struct why *why)
{
	struct arena *arena = arena_new();
	struct page *page = page_new(arena);
	uint32_t at = 0;
	enum fault fault = page_unpack(page, row, why);

	if (!fault && !page->with_keys)
		fault = fault_set(why, FAULT_CORRUPT, "page %u was read without its keys", row->number);
	for (size_t i = 0; i < n && !fault; i++) {
		if (!pick(page, uids[i], &at)) {
			fault = fault_set(why, FAULT_NOT_FOUND, "message %u is not in its page any more",
			                  uids[i]);
			break;
		}
		ret_contents[i] = page->content[at];
		ret_keys[i] = page->key[at];
	}
	arena_free(arena);
	return fault;
}
