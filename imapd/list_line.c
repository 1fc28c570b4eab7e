/* LIST responses (list_line.h). */
#include "list_line.h"

#include "base/buf.h"

static void add(struct buf *line, const char *attribute)
{
	const char last = line->len ? ((const char *)line->data)[line->len - 1] : '(';
	const bool is_first = last == '(' || last == ' ';

	buf_printf(line, "%s%s", is_first ? "" : " ", attribute);
}

void list_add_uses(struct buf *line, uint32_t special_use)
{
	static const struct {
		uint32_t use;
		const char *name;
	} uses[] = {
		{ USE_ALL, "\\All" },         { USE_ARCHIVE, "\\Archive" }, { USE_DRAFTS, "\\Drafts" },
		{ USE_FLAGGED, "\\Flagged" }, { USE_JUNK, "\\Junk" },       { USE_SENT, "\\Sent" },
		{ USE_TRASH, "\\Trash" },
	};

	for (size_t i = 0; i < ARRAY_LEN(uses); i++)
		if (special_use & uses[i].use)
			add(line, uses[i].name);
}

/* A name that only has others below it; only who knows RFC 5258 knows \NonExistent, which says \Noselect as well. */
static const char *mere_name(bool extended)
{
	return extended ? "\\NonExistent" : "\\Noselect";
}

void list_add_attributes(struct buf *line, const struct folder *folder, unsigned tells)
{
	const struct mailbox_meta *meta = &folder->row.meta;

	if (meta->no_select)
		add(line, mere_name(tells & TELLS_EXTENDED));
	if ((tells & TELLS_SUBSCRIBED) && meta->subscribed)
		add(line, "\\Subscribed");
	if (tells & TELLS_CHILDREN)
		add(line, folder->has_inferiors ? "\\HasChildren" : "\\HasNoChildren");
	if (tells & TELLS_USES)
		list_add_uses(line, meta->special_use);
}

void list_tell(struct session *s, const char *attributes, const char *path, const char *written)
{
	struct buf line;

	if (!(s->enabled & ENABLED_REV2))
		return;
	buf_init(&line, BUF_NO_LIMIT);
	buf_printf(&line, "* LIST (%s) \"%c\" ", attributes, FOLDER_SEPARATOR);
	imap_add_mailbox(&line, s, path);
	if (written) {
		buf_adds(&line, " (\"OLDNAME\" (");
		imap_add_mailbox(&line, s, written);
		buf_adds(&line, "))");
	}
	buf_adds(&line, "\r\n");
	conn_write(s->conn, line.data, line.len);
	buf_done(&line);
}
