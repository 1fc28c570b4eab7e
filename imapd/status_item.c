/* What a STATUS tells (status_item.h): RFC 9051 6.3.11, RFC 7162 3.1.7, SIZE: RFC 8438, MAILBOXID: RFC 8474 4.3,
 * APPENDLIMIT: RFC 7889 3, DELETED-STORAGE: RFC 9208 4.1.4. */
#include "status_item.h"

#include <inttypes.h>

#include "base/buf.h"
#include "imapd.h"
#include "object_id.h"
#include "suite/guest.h"

enum item {
	MESSAGES,
	RECENT,
	UIDNEXT,
	UIDVALIDITY,
	UNSEEN,
	HIGHESTMODSEQ,
	SIZE,
	APPENDLIMIT,
	DELETED,
	DELETED_STORAGE,
	MAILBOXID,
	ITEMS
};

static const char *const names[ITEMS] = {
	"MESSAGES", "RECENT",      "UIDNEXT", "UIDVALIDITY",     "UNSEEN",    "HIGHESTMODSEQ",
	"SIZE",     "APPENDLIMIT", "DELETED", "DELETED-STORAGE", "MAILBOXID",
};

static bool item(struct imap_args *args, unsigned *items)
{
	for (unsigned i = 0; i < ITEMS; i++) {
		if (imap_args_word(args, names[i])) {
			*items |= BIT(i);
			return true;
		}
	}
	args->error = "Unknown status item";
	return false;
}

bool status_items_parse(struct imap_args *args, unsigned *ret_items)
{
	*ret_items = 0;
	if (!imap_args_open(args))
		return false;
	do {
		if (!item(args, ret_items))
			return false;
	} while (imap_args_more(args));
	return imap_args_close(args);
}

unsigned status_items_of_news(bool flags, bool modseq)
{
	return BIT(MESSAGES) | BIT(UIDNEXT) | BIT(UIDVALIDITY) | (flags ? BIT(UNSEEN) : 0) |
	       (modseq ? BIT(HIGHESTMODSEQ) : 0);
}

void status_items_settle(struct session *s, unsigned items)
{
	if (items & BIT(HIGHESTMODSEQ))
		session_enable_condstore(s);
}

/* Those that no session has met: what no process has taken, and what this one has not told; less what was expunged of the
 * former, which the row does not tell. */
static uint64_t recent(const struct session *s, const struct mailbox_row *row)
{
	const uint32_t taken = views_recent(s->imapd->views, &row->meta.id);

	return MIN_OF(row->head.messages, taken + (row->head.uid_next - row->head.recent_uid));
}

static uint64_t value(const struct mailbox_head *head, enum item item)
{
	switch (item) {
	case MESSAGES:
		return head->messages;
	case UIDNEXT:
		return head->uid_next;
	case UIDVALIDITY:
		return head->uid_validity;
	case UNSEEN:
		return head->unseen;
	case SIZE:
		return head->bytes;
	default:
		return head->modseq;
	}
}

bool status_items_want_deleted(unsigned items, const struct actor *actor)
{
	if (actor->kind == ACTOR_GUEST && (items & BIT(UNSEEN)))
		return true;
	return items & (BIT(DELETED) | BIT(DELETED_STORAGE));
}

static void count_deleted(const struct mailbox_state *state, struct status_deleted *ret)
{
	*ret = (struct status_deleted){ 0 };
	for (uint32_t i = 0; i < state->n; i++) {
		if (!(state->flags[i] & FLAG_DELETED))
			continue;
		ret->messages++;
		ret->bytes += state->size[i];
	}
}

/* What a guest has not seen itself. */
static enum fault count_unseen(struct stack *stack, const struct actor *guest,
                               const struct mailbox_state *state, struct status_deleted *ret, struct why *why)
{
	struct guest_mark mark;
	enum fault fault = guest_mark_get(stack, &guest->guest, &state->mailbox, &mark, why);

	if (fault)
		return fault;
	ret->has_unseen = true;
	for (uint32_t i = 0; i < state->n; i++)
		ret->unseen +=
		    mark.uid_validity != state->head.uid_validity || !uid_set_has(&mark.seen, state->uid[i]);
	guest_mark_done(&mark);
	return FAULT_NONE;
}

enum fault status_count_deleted(struct stack *stack, const struct actor *actor, const struct id *mailbox,
                                unsigned items, struct status_deleted *ret, struct why *why)
{
	struct mailbox_state *state = mailbox_state_new(mailbox);
	struct arena *arena = arena_new();
	struct mailbox_delta delta;
	struct mailbox_news news;
	enum fault fault;

	mailbox_delta_init(&delta);
	fault = mailbox_fetch_news(stack->store, actor, mailbox, 0, arena, &news, why);
	if (!fault)
		fault = mailbox_state_apply(state, &news, &delta, why);
	if (!fault)
		count_deleted(state, ret);
	if (!fault && actor->kind == ACTOR_GUEST && (items & BIT(UNSEEN)))
		fault = count_unseen(stack, actor, state, ret, why);
	mailbox_delta_done(&delta);
	mailbox_state_free(state);
	arena_free(arena);
	return fault;
}

static void add_value(struct buf *out, const struct session *s, const struct mailbox_row *row,
                      const struct status_deleted *deleted, enum item item)
{
	if (item == MAILBOXID)
		buf_printf(out, "(%s)", object_id_of_mailbox(&row->meta.id).text);
	else if (item == APPENDLIMIT)
		buf_printf(out, "%lld", (long long)s->imapd->daemon->suite->message_max);
	else if (item == RECENT)
		buf_printf(out, "%" PRIu64, recent(s, row));
	else if (item == UNSEEN && deleted->has_unseen)
		buf_printf(out, "%" PRIu64, deleted->unseen);
	else if (item == DELETED || item == DELETED_STORAGE)
		buf_printf(out, "%" PRIu64, item == DELETED ? deleted->messages : deleted->bytes);
	else
		buf_printf(out, "%" PRIu64, value(&row->head, item));
}

void status_add(struct buf *out, const struct session *s, const char *path, const struct mailbox_row *row,
                const struct status_deleted *deleted, unsigned items)
{
	const char *between = "";

	buf_adds(out, "* STATUS ");
	imap_add_mailbox(out, s, path);
	buf_adds(out, " (");
	for (unsigned i = 0; i < ITEMS; i++) {
		if (!(items & BIT(i)))
			continue;
		buf_printf(out, "%s%s ", between, names[i]);
		add_value(out, s, row, deleted, i);
		between = " ";
	}
	buf_adds(out, ")\r\n");
}
