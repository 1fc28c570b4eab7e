/*
 * ENVELOPE (RFC 3501 7.4.2) as a response has it.
 *
 *   envelope = "(" date SP subject SP from SP sender SP reply-to SP to SP cc SP bcc SP in-reply-to SP message-id ")"
 *   address  = "(" name SP route SP mailbox SP host ")"
 *
 * A group is its name where the mailbox would be and NIL for the host; its end
 * is all NIL. So the host of an address that has none is "", never NIL.
 */
#include "command.h"
#include "fetch_item.h"

static struct slice present(struct slice text)
{
	return text.data ? text : SLICE("");
}

static void add_address(struct buf *out, const struct address_entry *entry)
{
	if (entry->kind == ADDRESS_ENTRY_END) {
		buf_adds(out, "(NIL NIL NIL NIL)");
		return;
	}
	if (entry->kind == ADDRESS_ENTRY_GROUP) {
		buf_adds(out, "(NIL NIL ");
		imap_add_string(out, present(entry->name));
		buf_adds(out, " NIL)");
		return;
	}
	buf_addc(out, '(');
	imap_add_string(out, entry->name);
	buf_addc(out, ' ');
	imap_add_string(out, entry->route);
	buf_addc(out, ' ');
	imap_add_string(out, present(entry->local));
	buf_addc(out, ' ');
	imap_add_string(out, present(entry->domain));
	buf_addc(out, ')');
}

static void add_list(struct buf *out, const struct address_list *list)
{
	if (!list->n) {
		buf_adds(out, "NIL ");
		return;
	}
	buf_addc(out, '(');
	for (uint32_t i = 0; i < list->n; i++)
		add_address(out, &list->entries[i]);
	buf_adds(out, ") ");
}

void fetch_add_envelope(struct buf *out, const struct envelope *envelope)
{
	buf_addc(out, '(');
	imap_add_string(out, envelope->texts[ENVELOPE_DATE]);
	buf_addc(out, ' ');
	imap_add_string(out, envelope->texts[ENVELOPE_SUBJECT]);
	buf_addc(out, ' ');
	for (enum envelope_list i = ENVELOPE_FROM; i < ENVELOPE_LISTS; i++)
		add_list(out, &envelope->lists[i]);
	imap_add_string(out, envelope->texts[ENVELOPE_IN_REPLY_TO]);
	buf_addc(out, ' ');
	imap_add_string(out, envelope->texts[ENVELOPE_MESSAGE_ID]);
	buf_addc(out, ')');
}
