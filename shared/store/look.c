/* One look at a mailbox, and messages' keys out of a page's row (mailbox.h). */
#include <assert.h>

#include "store/access.h"
#include "store/acl.h"
#include "store/front.h"
#include "store/log.h"
#include "store/page.h"

static enum fault look(struct store *store, const struct actor *actor, const struct id *mailbox,
                       uint64_t since, struct arena *arena, struct mailbox_log *ret, struct why *why)
{
	const struct actor with = access_with(actor, ACL_READ);
	enum fault fault = access_check_act(actor, ACT_MAILBOX_READ, why);

	return fault ? fault : store->ops->read(store, &with, mailbox, since, arena, ret, why);
}

enum fault mailbox_look(struct store *store, const struct actor *actor, const struct id *mailbox,
                        struct arena *arena, struct mailbox_log *ret, struct why *why)
{
	return look(store, actor, mailbox, 0, arena, ret, why);
}

enum fault mailbox_look_head(struct store *store, const struct actor *actor, const struct id *mailbox,
                             struct arena *arena, struct mailbox_log *ret, struct why *why)
{
	return look(store, actor, mailbox, UINT64_MAX, arena, ret, why);
}

bool mailbox_history(const struct mailbox_log *log, uint64_t modseq, struct id *ret)
{
	struct id history = log->head.history;

	assert(!log->skipped && "the whole log was asked for");
	if (modseq < log->head.log_base || modseq - log->head.log_base > log->n)
		return false;
	for (uint64_t i = 0; i < modseq - log->head.log_base; i++) {
		history = id_derive(&history, id_slice(&log->changes[i].tag));
		history = id_derive(&history, log->changes[i].entry);
	}
	*ret = history;
	return true;
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

/* ---- one message ---- */

enum where { NOWHERE, IN_LOG, IN_PAGE };

/* The log has the last word: what it appends is there, what it expunges is not, and of the rest the page knows. */
static enum where find_in_log(const struct mailbox_log *log, const struct entry *entries,
                              const uint32_t *first_uid, uint32_t uid, struct mailbox_append *ret)
{
	enum where where = uid < log->head.log_base_uid ? IN_PAGE : NOWHERE;

	for (uint32_t i = 0; i < log->n; i++) {
		const struct entry *entry = &entries[i];

		if (entry->kind == ENTRY_EXPUNGE && uid_set_has(&entry->uids, uid))
			return NOWHERE;
		if (entry->kind != ENTRY_APPEND || uid < first_uid[i] ||
		    uid - first_uid[i] >= entry->n_appends)
			continue;
		ret->content = entry->appends[uid - first_uid[i]].content;
		ret->key = entry->appends[uid - first_uid[i]].key;
		where = IN_LOG;
	}
	return where;
}

static enum fault find_in_page(struct store *store, const struct actor *actor, const struct id *mailbox,
                               uint32_t uid, struct arena *arena, struct mailbox_append *ret, struct why *why)
{
	struct page_row row;
	enum fault fault = mailbox_page_keys(store, actor, mailbox, page_of(uid), arena, &row, why);

	return fault ? fault : page_keys(&row, &uid, 1, &ret->content, &ret->key, why);
}

enum fault mailbox_find_message(struct store *store, const struct actor *actor, const struct id *mailbox,
                                uint32_t uid, struct arena *arena, struct mailbox_append *ret,
                                struct mailbox_head *ret_head, struct why *why)
{
	struct mailbox_append found = { .size = 0 };
	struct mailbox_log log;
	struct entry *entries;
	uint32_t *first_uid;
	enum where where = NOWHERE;
	enum fault fault = mailbox_look(store, actor, mailbox, arena, &log, why);

	if (!fault)
		fault = entry_decode_log(&log, arena, &entries, &first_uid, why);
	if (!fault)
		where = find_in_log(&log, entries, first_uid, uid, &found);
	if (!fault && where == NOWHERE)
		fault = fault_set(why, FAULT_NOT_FOUND, "there is no message %u", uid);
	if (!fault && where == IN_PAGE)
		fault = find_in_page(store, actor, mailbox, uid, arena, &found, why);
	if (fault)
		return fault;
	*ret = found;
	*ret_head = log.head;
	return FAULT_NONE;
}
