/*
 * LIST and LSUB (RFC 9051 6.3.9, RFC 3501 6.3.9), with the selection and the
 * return option of SPECIAL-USE (RFC 6154) and the attributes of CHILDREN (RFC 3348).
 */
#include "account_ctx.h"
#include "commands.h"
#include "list_pattern.h"

struct list_cmd {
	const char *pattern;
	bool only_special;
	struct folder_list *kept;
	size_t at;
	const char *told; /* LSUB: the last name that was told for the sake of what is below it */
};

/* "(" [SPECIAL-USE] ")" */
static bool options(struct imap_args *args, bool *ret_special)
{
	if (!imap_args_open(args))
		return false;
	if (imap_args_close(args))
		return true;
	*ret_special = imap_args_word(args, "SPECIAL-USE");
	return *ret_special && imap_args_close(args);
}

/* [SP "(" options ")"] SP mailbox SP list-mailbox [SP RETURN SP "(" options ")"] */
static bool arguments(struct imap_cmd *cmd, struct imap_args *args)
{
	struct list_cmd *list = cmd->state;
	const char *reference, *pattern;
	bool returned;

	if (!imap_args_space(args))
		return false;
	if (imap_args_peek(args, '(') && (!options(args, &list->only_special) || !imap_args_space(args)))
		return false;
	if (!imap_args_mailbox(args, &reference) || !imap_args_space(args) ||
	    !imap_args_list_mailbox(args, &pattern))
		return false;
	list->pattern = arena_printf(cmd->arena, "%s%s", reference, pattern);
	if (imap_args_is_end(args))
		return true;
	return imap_args_space(args) && imap_args_word(args, "RETURN") && imap_args_space(args) &&
	       options(args, &returned) && imap_args_end(args);
}

static enum imap_next list_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct list_cmd *list = cmd->state;

	if (!arguments(cmd, args))
		return imap_bad(cmd, args->error);
	if (list->pattern[0])
		return IMAP_RUN;
	/* an empty pattern asks for the separator */
	imap_untagged(cmd->session, "%s (\\Noselect) \"%c\" \"\"", cmd->verb->name, FOLDER_SEPARATOR);
	return imap_ok(cmd, "%s completed", cmd->verb->name);
}

static enum fault list_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct list_cmd *list = cmd->state;

	return folder_list_load(cmd->account, stack, &list->kept, why);
}

/* ---- replies ---- */

static void tell(struct imap_cmd *cmd, const char *attributes, const char *path)
{
	struct buf line;

	buf_init(&line, BUF_NO_LIMIT);
	buf_printf(&line, "* %s (%s) \"%c\" ", cmd->verb->name, attributes, FOLDER_SEPARATOR);
	imap_add_mailbox(&line, path);
	buf_adds(&line, "\r\n");
	conn_write(cmd->session->conn, line.data, line.len);
	buf_done(&line);
}

static const char *attributes(const struct folder *folder, struct arena *arena)
{
	static const struct {
		uint32_t use;
		const char *name;
	} uses[] = {
		{ USE_ALL, "\\All" },         { USE_ARCHIVE, "\\Archive" }, { USE_DRAFTS, "\\Drafts" },
		{ USE_FLAGGED, "\\Flagged" }, { USE_JUNK, "\\Junk" },       { USE_SENT, "\\Sent" },
		{ USE_TRASH, "\\Trash" },
	};
	const char *text = arena_printf(arena, "%s%s", folder->row.meta.no_select ? "\\Noselect " : "",
	                                folder->has_children ? "\\HasChildren" : "\\HasNoChildren");

	for (size_t i = 0; i < ARRAY_LEN(uses); i++)
		if (folder->row.meta.special_use & uses[i].use)
			text = arena_printf(arena, "%s %s", text, uses[i].name);
	return text;
}

static void list_one(struct imap_cmd *cmd, const struct list_cmd *list, const struct folder *folder)
{
	if (list->only_special && !(folder->row.meta.special_use & ~(uint32_t)USE_INBOX))
		return;
	if (list_pattern_matches(list->pattern, folder->path))
		tell(cmd, attributes(folder, cmd->arena), folder->path);
}

/* With "%" at the end of the pattern, a name that is not subscribed is told, once, when something below it is. The
 * folders come sorted, so the same name comes in a row, but for "a", "a-b", "a/c"; telling it twice is harmless. */
static void lsub_parents(struct imap_cmd *cmd, struct list_cmd *list, const struct folder *folder)
{
	size_t len = strlen(list->pattern);

	if (list->pattern[len - 1] != '%')
		return;
	for (folder = folder->parent; folder; folder = folder->parent) {
		if (folder->row.meta.subscribed || list->told == folder->path ||
		    !list_pattern_matches(list->pattern, folder->path))
			continue;
		tell(cmd, "\\Noselect", folder->path);
		list->told = folder->path;
		return;
	}
}

static void lsub_one(struct imap_cmd *cmd, struct list_cmd *list, const struct folder *folder)
{
	if (!folder->row.meta.subscribed)
		return;
	if (list_pattern_matches(list->pattern, folder->path))
		tell(cmd, folder->row.meta.no_select ? "\\Noselect" : "", folder->path);
	else
		lsub_parents(cmd, list, folder);
}

static enum imap_next list_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct list_cmd *list = cmd->state;
	const struct folders *folders;

	if (fault)
		return imap_no(cmd, fault, why);
	for (folders = &list->kept->folders; list->at < folders->n; list->at++) {
		if (conn_congested(cmd->session->conn))
			return IMAP_AGAIN;
		if (cmd->verb->flags & VERB_LSUB)
			lsub_one(cmd, list, folders->list[list->at]);
		else
			list_one(cmd, list, folders->list[list->at]);
	}
	return imap_ok(cmd, "%s completed", cmd->verb->name);
}

static void list_done(struct imap_cmd *cmd)
{
	struct list_cmd *list = cmd->state;

	if (list->kept)
		folder_list_put(cmd->account->folders, list->kept);
}

const struct imap_command imap_list = {
	.state_size = sizeof(struct list_cmd),
	.parse = list_parse,
	.run = list_run,
	.reply = list_reply,
	.done = list_done,
};
