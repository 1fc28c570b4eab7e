/*
 * News of a mailbox: fetching what a state lacks, and applying it (mailbox.h).
 *
 * A page and the log overlap, and a fold may be half-way: some pages written,
 * others not, the log not yet trimmed. So news are applied page by page, in
 * ascending order: first the page's own row if it is newer than the state, then
 * those log entries of its UIDs that are newer than both. What is new has UIDs above all
 * that was there, and rows stay sorted without a look back.
 */
#include <assert.h>

#include "store/access.h"
#include "store/acl.h"
#include "store/schema.h"
#include "store/state.h"

#define FETCH_ROUNDS 16 /* folds that may overtake one fetch */

/* ---- fetching ---- */

static uint64_t newest(const struct page_row *pages, size_t n)
{
	uint64_t modseq = 0;

	for (size_t i = 0; i < n; i++)
		modseq = MAX_OF(modseq, pages[i].modseq);
	return modseq;
}

/* Pages hold at least what the log read before them has dropped. When one holds more than that log's head, the log is
 * read again, and must not have been trimmed in between: that would leave a gap before its first entry. */
static enum fault fetch_pages(struct store *store, const struct actor *actor, const struct id *mailbox,
                              struct arena *arena, struct mailbox_news *news, struct why *why)
{
	struct mailbox_log log;
	enum fault fault;

	for (int round = 0; round < FETCH_ROUNDS; round++) {
		fault = store->ops->pages_read(store, actor, mailbox, news->since, false, arena, &news->pages,
		                               &news->n_pages, why);
		if (fault || newest(news->pages, news->n_pages) <= news->log.head.modseq)
			return fault;
		fault = store->ops->read(store, actor, mailbox, news->since, arena, &log, why);
		if (fault)
			return fault;
		if (log.head.log_base == news->log.head.log_base) {
			news->log = log;
			return FAULT_NONE;
		}
		news->log = log;
	}
	return fault_set(why, FAULT_TEMP, "mailbox is folded faster than it can be read");
}

static enum fault fetch(struct store *store, const struct actor *actor, const struct id *mailbox,
                        bool whole_log, struct arena *arena, struct mailbox_news *news, struct why *why)
{
	const struct actor with = access_with(actor, ACL_READ);
	enum fault fault = access_check_act(actor, ACT_MAILBOX_READ, why);

	if (!fault)
		fault = store->ops->read(store, &with, mailbox, whole_log ? 0 : news->since, arena,
		                         &news->log, why);
	if (fault || news->since >= news->log.head.log_base)
		return fault;
	news->with_pages = true;
	return fetch_pages(store, &with, mailbox, arena, news, why);
}

enum fault mailbox_fetch_news(struct store *store, const struct actor *actor, const struct id *mailbox,
                              uint64_t since, struct arena *arena, struct mailbox_news *ret, struct why *why)
{
	struct mailbox_news news = { .since = since };
	enum fault fault = fetch(store, actor, mailbox, false, arena, &news, why);

	if (!fault)
		*ret = news;
	return fault;
}

enum fault mailbox_fetch_news_and_log(struct store *store, const struct actor *actor,
                                      const struct id *mailbox, uint64_t since, struct arena *arena,
                                      struct mailbox_news *ret, struct why *why)
{
	struct mailbox_news news = { .since = since };
	enum fault fault = fetch(store, actor, mailbox, true, arena, &news, why);

	if (!fault)
		*ret = news;
	return fault;
}

enum fault mailbox_page_keys(struct store *store, const struct actor *actor, const struct id *mailbox,
                             uint32_t page, struct arena *arena, struct page_row *ret, struct why *why)
{
	const struct actor with = access_with(actor, ACL_READ);
	enum fault fault = access_check_act(actor, ACT_MAILBOX_READ, why);

	return fault ? fault : store->ops->page_get(store, &with, mailbox, page, arena, ret, why);
}

/* ---- applying ---- */

struct applying {
	struct mailbox_state *state;
	struct mailbox_delta *delta;
	uint64_t since;               /* what the state holds already */
	uint32_t uid_next;            /* as the state has it; rows from here on are new */
	const struct page_row *pages; /* newer than the state; ascending */
	size_t n_pages;
	struct page *page; /* scratch */
	const struct entry *entries;
	const uint32_t *first_uid;
	uint32_t n_entries;
	uint64_t before; /* entries[i] took mod-sequence before + 1 + i */
	bool dead;
};

static void kill_row(struct applying *a, uint32_t at)
{
	a->state->loaded[at] = ROW_DEAD;
	a->dead = true;
	if (a->state->uid[at] < a->uid_next)
		uid_set_add(&a->delta->expunged, a->state->uid[at]);
}

static void touch_row(struct applying *a, uint32_t at, uint64_t modseq)
{
	a->state->modseq[at] = modseq;
	if (a->state->uid[at] < a->uid_next)
		uid_set_add(&a->delta->changed, a->state->uid[at]);
}

/* Rows from `at` become what the page says. */
static void apply_page(struct applying *a, const struct page *page, uint32_t at)
{
	struct mailbox_state *state = a->state;
	uint32_t last = page_last_uid(page->number), end = state->n;

	for (uint32_t i = 0; i < page->n; i++) {
		for (; at < end && state->uid[at] < page->uid[i]; at++)
			kill_row(a, at);
		if (at == end || state->uid[at] != page->uid[i]) {
			state_push_page(state, page, i);
			continue;
		}
		state->flags[at] = page->flags[i];
		state->keywords[at] = page->keywords[i];
		if (state->modseq[at] != page->message_modseq[i])
			touch_row(a, at, page->message_modseq[i]);
		at++;
	}
	for (; at < end && state->uid[at] <= last; at++)
		kill_row(a, at);
	for (uint32_t i = 0; i < page->n_vanished; i++)
		if (page->vanished[i].modseq > a->since)
			state_add_vanished(state, page->vanished[i].modseq, page->vanished[i].uids);
}

static void apply_append(struct applying *a, const struct entry *entry, uint64_t modseq, uint32_t first_uid,
                         uint32_t number)
{
	uint32_t from = MAX_OF(first_uid, page_first_uid(number));
	uint32_t to = MIN_OF(first_uid + (entry->n_appends - 1), page_last_uid(number));

	for (uint32_t uid = from; uid <= to; uid++)
		if (!a->state->n || a->state->uid[a->state->n - 1] < uid)
			state_push_append(a->state, uid, modseq, &entry->appends[uid - first_uid]);
}

/* Flags or expunge: the rows of one page, from `at` on, that the set names. */
static void apply_set(struct applying *a, const struct entry *entry, uint64_t modseq, uint32_t number,
                      uint32_t at)
{
	struct mailbox_state *state = a->state;
	uint32_t last = page_last_uid(number);

	for (; at < state->n && state->uid[at] <= last; at++) {
		uint32_t uid = state->uid[at];

		if (state->loaded[at] == ROW_DEAD || !uid_set_has(&entry->uids, uid))
			continue;
		if (entry->kind == ENTRY_EXPUNGE) {
			kill_row(a, at);
			state_add_vanished(state, modseq, (struct uid_range){ uid, uid });
			continue;
		}
		state->flags[at] = (uint32_t)flag_result(entry->op, state->flags[at], entry->flags);
		state->keywords[at] = flag_result(entry->op, state->keywords[at], entry->keywords);
		touch_row(a, at, modseq);
	}
}

/* The row of page `number`, or NULL; pages are walked in ascending order, `*at` remembers where. */
static const struct page_row *take_page(const struct applying *a, uint32_t number, size_t *at)
{
	while (*at < a->n_pages && a->pages[*at].number < number)
		++*at;
	return *at < a->n_pages && a->pages[*at].number == number ? &a->pages[*at] : NULL;
}

static void apply_one(struct applying *a, uint32_t number, const struct page_row *row)
{
	uint32_t at = mailbox_state_from(a->state, page_first_uid(number));
	uint64_t known = a->since;

	if (row) {
		/* checked before anything was changed */
		enum fault fault = page_unpack(a->page, row, NULL);

		assert(!fault);
		apply_page(a, a->page, at);
		known = row->modseq;
	}
	for (uint32_t i = 0; i < a->n_entries; i++) {
		const struct entry *entry = &a->entries[i];
		uint64_t modseq = a->before + 1 + i;

		if (modseq <= known || !page_concerns(number, entry, a->first_uid[i]))
			continue;
		if (entry->kind == ENTRY_APPEND)
			apply_append(a, entry, modseq, a->first_uid[i], number);
		else
			apply_set(a, entry, modseq, number, at);
	}
}

/* Pages (their numbers + 1) that anything new touches. */
static void collect(const struct applying *a, uint32_t uid_next, struct uid_set *ret)
{
	for (size_t i = 0; i < a->n_pages; i++)
		uid_set_add(ret, a->pages[i].number + 1);
	for (uint32_t i = 0; i < a->n_entries; i++) {
		const struct entry *entry = &a->entries[i];

		if (a->before + 1 + i <= a->since)
			continue;
		if (entry->kind == ENTRY_APPEND)
			uid_set_add_range(ret, page_of(a->first_uid[i]) + 1,
			                  page_of(a->first_uid[i] + (entry->n_appends - 1)) + 1);
		for (uint32_t k = 0; k < entry->uids.n && entry->uids.ranges[k].first < uid_next; k++)
			uid_set_add_range(ret, page_of(entry->uids.ranges[k].first) + 1,
			                  page_of(MIN_OF(entry->uids.ranges[k].last, uid_next - 1)) + 1);
	}
}

static void apply_all(struct applying *a, const struct mailbox_head *head)
{
	struct mailbox_state *state = a->state;
	uint32_t recent = state->head.recent_uid, vanished = state->n_vanished, number, first_new;
	struct uid_set pages;
	size_t at = 0;

	uid_set_init(&pages);
	collect(a, head->uid_next, &pages);
	for (struct uid_iter it = uid_iter_of(&pages); uid_next(&it, &number);)
		apply_one(a, number - 1, take_page(a, number - 1, &at));
	uid_set_done(&pages);
	if (a->dead) {
		state_compact(state);
		uid_set_subtract(&a->delta->changed, &a->delta->expunged);
	}
	state->head = *head;
	state->head.recent_uid = MAX_OF(recent, head->recent_uid);
	state_settle_vanished(state, vanished);
	first_new = mailbox_state_from(state, a->uid_next);
	if (first_new < state->n && (!a->delta->first_new || a->delta->first_new > state->uid[first_new]))
		a->delta->first_new = state->uid[first_new];
}

/* A message that the state does not have must have a UID that the state has not reached. */
static enum fault check_new(const struct applying *a, uint32_t uid_next, struct why *why)
{
	const struct page *page = a->page;

	if (page->n && page->uid[page->n - 1] >= uid_next)
		return fault_set(why, FAULT_CORRUPT, "UID %u of page %u is not given out yet",
		                 page->uid[page->n - 1], page->number);
	for (uint32_t i = 0; i < page->n && page->uid[i] < a->uid_next; i++)
		if (mailbox_state_find(a->state, page->uid[i]) < 0)
			return fault_set(why, FAULT_CORRUPT, "UID %u of page %u appeared late", page->uid[i],
			                 page->number);
	return FAULT_NONE;
}

/* Parses every page that will be applied, so that nothing half-done is left when one is damaged. */
static enum fault check_pages(struct applying *a, const struct mailbox_news *news, struct arena *arena,
                              struct why *why)
{
	struct page_row *rows = arena_array(arena, struct page_row, news->n_pages);
	enum fault fault;

	a->page = page_new(arena);
	for (size_t i = 0; i < news->n_pages; i++) {
		if (news->pages[i].modseq <= a->since)
			continue;
		rows[a->n_pages] = news->pages[i];
		rows[a->n_pages].keys = (struct slice){ NULL, 0 };
		fault = page_unpack(a->page, &rows[a->n_pages], why);
		if (fault)
			return fault;
		if (a->n_pages && rows[a->n_pages - 1].number >= rows[a->n_pages].number)
			return fault_set(why, FAULT_CORRUPT, "pages are out of order");
		fault = check_new(a, news->log.head.uid_next, why);
		if (fault)
			return fault;
		a->n_pages++;
	}
	a->pages = rows;
	return FAULT_NONE;
}

/* News that hold no change may still tell of \Recent, of keywords and of a fold. */
static void take_header(struct mailbox_state *state, const struct mailbox_head *head)
{
	uint32_t recent = MAX_OF(state->head.recent_uid, head->recent_uid);
	uint32_t keywords = MAX_OF(state->head.keywords, head->keywords);

	if (head->log_base >= state->head.log_base)
		state->head = *head;
	state->head.recent_uid = recent;
	state->head.keywords = keywords;
	state_settle_vanished(state, state->n_vanished);
}

enum fault mailbox_state_apply(struct mailbox_state *state, const struct mailbox_news *news,
                               struct mailbox_delta *delta, struct why *why)
{
	struct applying a = {
		.state = state,
		.delta = delta,
		.since = state->head.modseq,
		.uid_next = state->head.uid_next,
		.n_entries = news->log.n,
		.before = mailbox_log_from(&news->log),
	};
	struct arena *arena;
	struct entry *entries;
	uint32_t *first_uid;
	enum fault fault;

	assert(state->head.modseq >= news->since && (!news->log.skipped || a.before <= news->since));
	if (news->log.head.modseq <= state->head.modseq) {
		if (news->log.head.modseq == state->head.modseq)
			take_header(state, &news->log.head);
		return FAULT_NONE;
	}
	arena = arena_new();
	fault = entry_decode_log(&news->log, arena, &entries, &first_uid, why);
	if (!fault)
		fault = check_pages(&a, news, arena, why);
	if (!fault) {
		a.entries = entries;
		a.first_uid = first_uid;
		apply_all(&a, &news->log.head);
	}
	arena_free(arena);
	return fault;
}

/* What the commit has written, as it would be read back. */
static uint32_t entries_of(const struct mailbox_commit *commit, struct entry *entries)
{
	uint32_t n = 0;

	if (commit->n_appends)
		entries[n++] = (struct entry){
			.kind = ENTRY_APPEND,
			.appends = commit->appends,
			.n_appends = commit->n_appends,
		};
	for (uint32_t i = 0; i < commit->n_edits; i++) {
		const struct mailbox_edit *edit = &commit->edits[i];

		entries[n++] = (struct entry){
			.kind = edit->expunge ? ENTRY_EXPUNGE : ENTRY_FLAGS,
			.op = edit->op,
			.flags = edit->flags,
			.keywords = edit->keywords,
			.uids = *edit->uids, /* borrowed */
		};
	}
	return n;
}

void mailbox_state_committed(struct mailbox_state *state, const struct mailbox_commit *commit,
                             const struct mailbox_head *head, struct mailbox_delta *delta)
{
	struct arena *arena = arena_new();
	struct entry *entries = arena_array(arena, struct entry, commit->n_edits + 1);
	uint32_t *first_uid = arena_array(arena, uint32_t, commit->n_edits + 1);
	struct applying a = {
		.state = state,
		.delta = delta,
		.since = commit->if_modseq,
		.uid_next = state->head.uid_next,
		.entries = entries,
		.first_uid = first_uid,
		.n_entries = entries_of(commit, entries),
		.before = commit->if_modseq,
	};

	assert(state->head.modseq == commit->if_modseq && head->modseq == commit->if_modseq + a.n_entries);
	first_uid[0] = head->uid_next - commit->n_appends;
	apply_all(&a, head);
	arena_free(arena);
}
