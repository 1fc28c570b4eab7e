/* What SELECT tells of a mailbox (mailbox.h), followed through its log without the rows; and what has changed since a head,
 * for who knew no more than that. */
#include "store/log.h"

static uint32_t first_of(const struct entry *entry)
{
	return entry->uids.n ? entry->uids.ranges[0].first : UINT32_MAX;
}

static bool may_change_seen(const struct entry *entry)
{
	return entry->kind == ENTRY_FLAGS && (entry->op == FLAGS_SET || (entry->flags & FLAG_SEEN));
}

static void append(struct mailbox_summary *summary, const struct entry *entry, uint32_t first_uid)
{
	for (uint32_t i = 0; i < entry->n_appends && !summary->unseen; i++) {
		if (entry->appends[i].flags & FLAG_SEEN)
			continue;
		summary->unseen = summary->head.messages + i + 1;
		summary->unseen_uid = first_uid + i;
	}
	summary->head.messages += entry->n_appends;
}

/* What happens behind the first unseen message does not change it; where all are seen, only an \Seen taken away does. */
static bool follow(struct mailbox_summary *summary, const struct entry *entry, uint32_t first_uid)
{
	if (entry->kind == ENTRY_APPEND) {
		append(summary, entry, first_uid);
		return true;
	}
	if (entry->kind == ENTRY_EXPUNGE) {
		summary->head.messages -= (uint32_t)uid_set_count(&entry->uids);
		return !summary->unseen || first_of(entry) > summary->unseen_uid;
	}
	if (!may_change_seen(entry))
		return true;
	if (!summary->unseen)
		return entry->op == FLAGS_ADD;
	return first_of(entry) > summary->unseen_uid;
}

bool mailbox_summary_follow(struct mailbox_summary *summary, const struct mailbox_news *news)
{
	struct mailbox_summary at = *summary;
	const uint64_t before = mailbox_log_from(&news->log);
	struct arena *arena;
	struct entry *entries;
	uint32_t *first_uid;
	bool good;

	if (news->with_pages || news->log.head.modseq < at.head.modseq || before > at.head.modseq)
		return false;
	arena = arena_new();
	good = !entry_decode_log(&news->log, arena, &entries, &first_uid, NULL);
	for (uint32_t i = 0; good && i < news->log.n; i++)
		if (before + 1 + i > summary->head.modseq)
			good = follow(&at, &entries[i], first_uid[i]);
	arena_free(arena);
	if (!good || at.head.messages != news->log.head.messages)
		return false;
	at.head = news->log.head;
	at.head.recent_uid = MAX_OF(summary->head.recent_uid, news->log.head.recent_uid);
	*summary = at;
	return true;
}

bool mailbox_state_delta(const struct mailbox_head *was, const struct mailbox_state *now,
                         struct mailbox_delta *delta)
{
	const uint32_t first_new = mailbox_state_from(now, was->uid_next);
	struct uid_set expunged;
	uint64_t known;

	if (now->head.uid_validity != was->uid_validity || now->head.modseq < was->modseq ||
	    now->head.vanished_floor > was->modseq)
		return false;
	uid_set_init(&expunged);
	for (uint32_t i = 0; i < now->n_vanished; i++)
		if (now->vanished[i].modseq > was->modseq)
			uid_set_add_range(&expunged, now->vanished[i].uids.first, now->vanished[i].uids.last);
	uid_set_del_range(&expunged, was->uid_next, UINT32_MAX);
	known = first_new + uid_set_count(&expunged);
	if (known == was->messages)
		uid_set_union(&delta->expunged, &expunged);
	uid_set_done(&expunged);
	for (uint32_t i = 0; i < first_new; i++)
		if (now->modseq[i] > was->modseq)
			uid_set_add(&delta->changed, now->uid[i]);
	if (first_new < now->n)
		delta->first_new = now->uid[first_new];
	return known == was->messages;
}
