/* Which mailboxes a command is about (mailbox_filter.h). */
#include "mailbox_filter.h"

#include <string.h>

#include "folder_args.h"
#include "store/mailbox.h"
#include "suite/folder.h"
#include "suite/share.h"

static bool fail(struct imap_args *args, const char *error)
{
	args->error = error;
	return false;
}

static bool parse_path(struct imap_args *args, const char **paths, uint32_t *n)
{
	const char *path;

	if (*n == FILTER_PATHS_MAX)
		return fail(args, "Too many mailboxes");
	if (!imap_args_mailbox(args, &path))
		return false;
	paths[(*n)++] = folder_without_end(args->arena, path);
	return true;
}

static bool parse_paths(struct imap_args *args, struct mailbox_filter *filter)
{
	const char *paths[FILTER_PATHS_MAX];
	const char **kept;
	bool many;

	if (!imap_args_space(args))
		return false;
	many = imap_args_peek(args, '(');
	if (many && !imap_args_open(args))
		return false;
	do {
		if (!parse_path(args, paths, &filter->n))
			return false;
		if (!many || imap_args_close(args))
			break;
		if (!imap_args_space(args))
			return fail(args, "A list of mailboxes has no end");
	} while (true);
	kept = arena_array(args->arena, const char *, filter->n);
	memcpy(kept, paths, filter->n * sizeof(*kept));
	filter->paths = kept;
	return true;
}

bool mailbox_filter_parse(struct imap_args *args, struct mailbox_filter *ret)
{
	static const struct {
		const char *word;
		enum mailbox_filter_kind kind;
	} words[] = {
		{ "selected", FILTER_SELECTED },       { "selected-delayed", FILTER_SELECTED_DELAYED },
		{ "inboxes", FILTER_INBOXES },         { "personal", FILTER_PERSONAL },
		{ "subscribed", FILTER_SUBSCRIBED },   { "subtree", FILTER_SUBTREE },
		{ "subtree-one", FILTER_SUBTREE_ONE }, { "mailboxes", FILTER_MAILBOXES },
	};

	*ret = (struct mailbox_filter){ .n = 0 };
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!imap_args_word(args, words[i].word))
			continue;
		ret->kind = words[i].kind;
		return ret->kind < FILTER_SUBTREE || parse_paths(args, ret);
	}
	return fail(args, "Unknown kind of mailboxes");
}

/* `path` is `below` or lies below it, but not deeper than so many levels. */
static bool lies_in(const char *path, const char *top, unsigned levels)
{
	const size_t len = strlen(top);
	const char *rest = path + len;
	unsigned deep = 0;

	if (strncmp(path, top, len) != 0 || (*rest && *rest != FOLDER_SEPARATOR))
		return false;
	for (; *rest; rest++)
		deep += *rest == FOLDER_SEPARATOR;
	return deep <= levels;
}

bool mailbox_filter_has(const struct mailbox_filter *filter, const char *path,
                        const struct mailbox_meta *meta)
{
	const unsigned levels = filter->kind == FILTER_SUBTREE       ? FOLDER_DEPTH_MAX
	                        : filter->kind == FILTER_SUBTREE_ONE ? 1
	                                                             : 0;

	if (filter->kind == FILTER_PERSONAL)
		return true;
	if (filter->kind == FILTER_SUBSCRIBED)
		return meta->subscribed;
	if (filter->kind == FILTER_INBOXES)
		return meta->special_use & (USE_INBOX | USE_JUNK);
	for (uint32_t i = 0; i < filter->n; i++)
		if (lies_in(path, filter->paths[i], levels))
			return true;
	return false;
}

bool mailbox_filter_has_shared(const struct mailbox_filter *filter, const char *path,
                               const struct mailbox_meta *meta)
{
	return filter->kind != FILTER_PERSONAL && filter->kind != FILTER_INBOXES &&
	       mailbox_filter_has(filter, path, meta);
}

bool mailbox_filter_may_share(const struct mailbox_filter *filter)
{
	for (uint32_t i = 0; i < filter->n; i++)
		if (share_is_shared_name(filter->paths[i]))
			return true;
	return filter->kind == FILTER_SUBSCRIBED;
}
