/* What annotations are told as (metadata_reply.h). */
#include "metadata_reply.h"

#include <inttypes.h>

#include "base/buf.h"
#include "list_line.h"

static bool is_asked_for(const struct metadata_request *request, struct slice name)
{
	for (size_t i = 0; i < request->n; i++)
		if (metadata_matches(request->entries[i].name, request->depth, name))
			return true;
	return false;
}

static void add_value(struct buf *line, struct slice value)
{
	if (value.data && slice_chr(value, '\0') >= 0) {
		buf_printf(line, "~{%zu}\r\n", value.len);
		buf_add_slice(line, value);
	} else {
		imap_add_string(line, value);
	}
}

static void add_entry(struct buf *line, size_t *n, struct slice name, struct slice value)
{
	buf_adds(line, (*n)++ ? " " : "(");
	imap_add_astring(line, name);
	buf_addc(line, ' ');
	add_value(line, value);
}

/* Where the special uses are is told by the mailbox, whatever may have been stored by that name. */
static uint64_t add_uses(struct buf *line, const struct metadata_request *request, uint32_t special_use,
                         size_t *n)
{
	struct buf uses;
	uint64_t too_long = 0;

	if (!(special_use & ~(uint32_t)USE_INBOX) || !is_asked_for(request, SLICE(METADATA_USE)))
		return 0;
	buf_init(&uses, BUF_NO_LIMIT);
	list_add_uses(&uses, special_use);
	if (uses.len > request->max_size)
		too_long = uses.len;
	else
		add_entry(line, n, SLICE(METADATA_USE), buf_slice(&uses));
	buf_done(&uses);
	return too_long;
}

static bool is_set(const struct metadata parts[2], uint32_t special_use, struct slice name)
{
	if (metadata_is_use(name))
		return special_use & ~(uint32_t)USE_INBOX;
	for (size_t part = 0; part < 2; part++)
		for (size_t i = 0; i < parts[part].n; i++)
			if (slice_ieq(parts[part].list[i].name, name))
				return true;
	return false;
}

/* What is there; of what was asked for by its whole name, also that it is not. */
static uint64_t add_entries(struct buf *line, const struct metadata_request *request,
                            const struct metadata parts[2], uint32_t special_use, size_t *n)
{
	uint64_t longest = add_uses(line, request, special_use, n);

	for (size_t part = 0; part < 2; part++) {
		for (size_t i = 0; i < parts[part].n; i++) {
			const struct metadata_entry *entry = &parts[part].list[i];

			if (!is_asked_for(request, entry->name) || metadata_is_use(entry->name))
				continue;
			if (entry->value.len > request->max_size)
				longest = MAX_OF(longest, (uint64_t)entry->value.len);
			else
				add_entry(line, n, entry->name, entry->value.data ? entry->value : SLICE(""));
		}
	}
	for (size_t i = 0; i < request->n && request->depth == 0; i++)
		if (!is_set(parts, special_use, request->entries[i].name))
			add_entry(line, n, request->entries[i].name, (struct slice){ NULL, 0 });
	return longest;
}

uint64_t metadata_add(struct buf *line, const struct session *s, const char *path,
                      const struct metadata_request *request, const struct metadata parts[2],
                      uint32_t special_use)
{
	const size_t before = line->len;
	uint64_t longest;
	size_t n = 0;

	buf_adds(line, "* METADATA ");
	imap_add_mailbox(line, s, path);
	buf_addc(line, ' ');
	longest = add_entries(line, request, parts, special_use, &n);
	if (n)
		buf_adds(line, ")\r\n");
	else
		line->len = before;
	return longest;
}

enum imap_next metadata_completed(struct imap_cmd *cmd, uint64_t longest)
{
	const char *verb = cmd->verb->name;

	if (!longest)
		return imap_ok(cmd, "%s completed", verb);
	return imap_ok_code(cmd, arena_printf(cmd->arena, "[METADATA LONGENTRIES %" PRIu64 "]", longest),
	                    arena_printf(cmd->arena, "%s completed, but for what is too long", verb));
}
