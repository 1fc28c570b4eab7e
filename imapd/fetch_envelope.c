/*
 * ENVELOPE (RFC 3501 7.4.2, RFC 9051 7.5.2) as a response has it.
 *
 *   envelope = "(" date SP subject SP from SP sender SP reply-to SP to SP cc SP bcc SP in-reply-to SP message-id ")"
 *   address  = "(" name SP route SP mailbox SP host ")"
 *
 * A group is its name where the mailbox would be and NIL for the host; its end
 * is all NIL. So the host of an address that has none is "", never NIL.
 */
#include "base/buf.h"
#include "command.h"
#include "fetch_item.h"
#include "mail/downgrade.h"

static struct slice present(struct slice text)
{
	return text.data ? text : SLICE("");
}

void fetch_add_text(struct buf *out, struct slice text, unsigned style)
{
	struct buf ascii;

	if (style & FETCH_UTF8) {
		imap_add_string_utf8(out, text);
		return;
	}
	if (!downgrade_is_due(text)) {
		imap_add_string(out, text);
		return;
	}
	buf_init(&ascii, BUF_NO_LIMIT);
	downgrade_add_text(&ascii, text);
	imap_add_string(out, buf_slice(&ascii));
	buf_done(&ascii);
}

static void add_mailbox(struct buf *out, const struct address_entry *entry, unsigned style)
{
	buf_addc(out, '(');
	fetch_add_text(out, entry->name, style);
	buf_addc(out, ' ');
	fetch_add_text(out, entry->route, style);
	buf_addc(out, ' ');
	fetch_add_text(out, present(entry->local), style);
	buf_addc(out, ' ');
	fetch_add_text(out, present(entry->domain), style);
	buf_addc(out, ')');
}

static bool address_is_due(const struct address_entry *entry)
{
	return downgrade_is_due(entry->local) || downgrade_is_due(entry->domain) ||
	       downgrade_is_due(entry->name) || downgrade_is_due(entry->route);
}

static void add_downgraded(struct buf *out, const struct address_entry *entry)
{
	struct arena *arena = arena_new();
	const struct address_entry ascii = downgrade_address(arena, entry);

	add_mailbox(out, &ascii, 0);
	arena_free(arena);
}

static void add_address(struct buf *out, const struct address_entry *entry, unsigned style)
{
	if (entry->kind == ADDRESS_ENTRY_END) {
		buf_adds(out, "(NIL NIL NIL NIL)");
	} else if (entry->kind == ADDRESS_ENTRY_GROUP) {
		buf_adds(out, "(NIL NIL ");
		fetch_add_text(out, present(entry->name), style);
		buf_adds(out, " NIL)");
	} else if (!(style & FETCH_UTF8) && address_is_due(entry)) {
		add_downgraded(out, entry);
	} else {
		add_mailbox(out, entry, style);
	}
}

static void add_list(struct buf *out, const struct address_list *list, unsigned style)
{
	if (!list->n) {
		buf_adds(out, "NIL ");
		return;
	}
	buf_addc(out, '(');
	for (uint32_t i = 0; i < list->n; i++)
		add_address(out, &list->entries[i], style);
	buf_adds(out, ") ");
}

void fetch_add_envelope(struct buf *out, const struct envelope *envelope, unsigned style)
{
	buf_addc(out, '(');
	fetch_add_text(out, envelope->texts[ENVELOPE_DATE], style);
	buf_addc(out, ' ');
	fetch_add_text(out, envelope->texts[ENVELOPE_SUBJECT], style);
	buf_addc(out, ' ');
	for (enum envelope_list i = ENVELOPE_FROM; i < ENVELOPE_LISTS; i++)
		add_list(out, &envelope->lists[i], style);
	fetch_add_text(out, envelope->texts[ENVELOPE_IN_REPLY_TO], style);
	buf_addc(out, ' ');
	fetch_add_text(out, envelope->texts[ENVELOPE_MESSAGE_ID], style);
	buf_addc(out, ')');
}
