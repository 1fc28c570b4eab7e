/*
 * Reading what a NOTIFY asks for (notify_request.h).
 *
 *   notify      = "NONE" / "SET" [SP "STATUS"] SP event-group *(SP event-group)
 *   event-group = "(" filter SP ("(" event *(SP event) ")" / "NONE") ")"
 *   event       = "MessageNew" [SP "(" fetch-att *(SP fetch-att) ")"] / "MessageExpunge" / "FlagChange" / "MailboxName" /
 *                 "SubscriptionChange" / "MailboxMetadataChange" / "ServerMetadataChange" / atom
 */
#include "notify_request.h"

#include <string.h>

static bool fail(struct imap_args *args, const char *error)
{
	args->error = error;
	return false;
}

static void unref(void *news)
{
	news_fetch_unref(news);
}

/* Behind "MessageNew"; a space and no parenthesis is the next event's. */
static bool parse_fetch(struct imap_args *args, struct notify_request *request)
{
	struct imap_args ahead = *args;

	if (!imap_args_space(&ahead) || !imap_args_peek(&ahead, '('))
		return true;
	*args = ahead;
	if (request->fetch)
		return fail(args, "MessageNew stands there twice");
	request->fetch = news_fetch_parse(args);
	if (request->fetch)
		arena_on_free(args->arena, unref, request->fetch);
	return request->fetch;
}

static bool parse_event(struct imap_args *args, struct notify_request *request, unsigned *events)
{
	static const struct {
		const char *word;
		unsigned event;
	} words[] = {
		{ "MessageNew", NOTIFY_NEW },
		{ "MessageExpunge", NOTIFY_EXPUNGE },
		{ "FlagChange", NOTIFY_FLAGS },
		{ "MailboxName", NOTIFY_NAME },
		{ "SubscriptionChange", NOTIFY_SUBSCRIPTION },
		{ "MailboxMetadataChange", NOTIFY_METADATA },
		{ "ServerMetadataChange", NOTIFY_SERVER },
	};
	struct slice other;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (imap_args_word(args, words[i].word)) {
			*events |= words[i].event;
			return words[i].event != NOTIFY_NEW || parse_fetch(args, request);
		}
	}
	*events |= NOTIFY_UNKNOWN;
	return imap_args_atom(args, &other);
}

static bool parse_events(struct imap_args *args, struct notify_request *request, unsigned *events)
{
	*events = 0;
	if (imap_args_word(args, "NONE"))
		return true;
	if (!imap_args_open(args))
		return fail(args, "Expected events");
	do {
		if (!parse_event(args, request, events))
			return false;
	} while (imap_args_more(args));
	return imap_args_close(args);
}

/* MessageNew and MessageExpunge go together, and FlagChange only with them (RFC 5465 5). */
static bool is_possible(unsigned events)
{
	const unsigned both = NOTIFY_NEW | NOTIFY_EXPUNGE;

	return (events & both) == both || !(events & NOTIFY_MESSAGES);
}

static bool add_selected(struct imap_args *args, struct notify_request *request,
                         const struct notify_group *group)
{
	if (request->has_selected)
		return fail(args, "The selected mailbox stands there twice");
	if (group->events & NOTIFY_NO_MESSAGES)
		return fail(args, "Of the selected mailbox there are events of messages only");
	request->has_selected = true;
	request->delayed = group->filter.kind == FILTER_SELECTED_DELAYED;
	request->selected = group->events;
	return true;
}

static bool parse_group(struct imap_args *args, struct notify_request *request, struct notify_group *groups)
{
	struct notify_group group;
	uint32_t paths = 0;
	const struct news_fetch *before = request->fetch;

	if (!imap_args_open(args) || !mailbox_filter_parse(args, &group.filter) || !imap_args_space(args) ||
	    !parse_events(args, request, &group.events) || !imap_args_close(args))
		return false;
	if (group.filter.kind == FILTER_SUBTREE_ONE)
		return fail(args, "Unknown kind of mailboxes");
	if (!is_possible(group.events))
		return fail(args, "MessageNew and MessageExpunge go together, FlagChange only with them");
	request->unknown_event |= group.events & NOTIFY_UNKNOWN;
	if (group.filter.kind == FILTER_SELECTED || group.filter.kind == FILTER_SELECTED_DELAYED)
		return add_selected(args, request, &group);
	if (request->fetch != before)
		return fail(args, "Only of the selected mailbox messages can be fetched");
	if (request->n == NOTIFY_GROUPS_MAX)
		return fail(args, "Too many groups of events");
	request->metadata |= group.events & NOTIFY_METADATA;
	request->server_metadata |= group.events & NOTIFY_SERVER;
	group.events &= ~(unsigned)NOTIFY_SERVER;
	groups[request->n++] = group;
	for (uint32_t i = 0; i < request->n; i++)
		paths += request->groups[i].filter.n;
	request->may_share |= group.events && mailbox_filter_may_share(&group.filter);
	request->too_expensive |= paths > NOTIFY_PATHS_MAX;
	return true;
}

bool notify_request_parse(struct imap_args *args, struct notify_request *ret)
{
	struct notify_group *groups = arena_array(args->arena, struct notify_group, NOTIFY_GROUPS_MAX);

	*ret = (struct notify_request){ .groups = groups };
	if (imap_args_word(args, "NONE"))
		return imap_args_end(args);
	if (!imap_args_word(args, "SET") || !imap_args_space(args))
		return fail(args, "Expected SET or NONE");
	ret->status = imap_args_word(args, "STATUS");
	if (ret->status && !imap_args_space(args))
		return false;
	do {
		if (!parse_group(args, ret, groups))
			return false;
		if (imap_args_is_end(args))
			return true;
	} while (imap_args_space(args));
	return false;
}

unsigned notify_request_events(const struct notify_request *request, const char *path,
                               const struct mailbox_meta *meta)
{
	unsigned events = 0;

	for (uint32_t i = 0; i < request->n; i++)
		if (mailbox_filter_has(&request->groups[i].filter, path, meta))
			events |= request->groups[i].events;
	return events;
}

unsigned notify_request_events_shared(const struct notify_request *request, const char *path,
                                      const struct mailbox_meta *meta)
{
	unsigned events = 0;

	for (uint32_t i = 0; i < request->n; i++)
		if (mailbox_filter_has_shared(&request->groups[i].filter, path, meta))
			events |= request->groups[i].events;
	return events;
}
