/*
 * Reading what a LIST asks for (list_request.h).
 *
 *   list       = "LIST" [SP "(" [select-opt *(SP select-opt)] ")"] SP mailbox SP mbox-or-pat
 *                [SP "RETURN" SP "(" [return-opt *(SP return-opt)] ")"]
 *   mbox-or-pat = list-mailbox / "(" list-mailbox *(SP list-mailbox) ")"
 *   select-opt = "SUBSCRIBED" / "REMOTE" / "RECURSIVEMATCH" / "SPECIAL-USE"
 *   return-opt = "SUBSCRIBED" / "CHILDREN" / "SPECIAL-USE" / "STATUS" SP status-att-list / "MYRIGHTS" /
 *                "METADATA" SP entries
 *
 * REMOTE adds nothing: there are no mailboxes elsewhere. CHILDREN and SPECIAL-USE are told always.
 */
#include "list_request.h"

#include "status_item.h"

static bool fail(struct imap_args *args, const char *error)
{
	args->error = error;
	return false;
}

/* ---- options ---- */

static bool select_option(struct imap_args *args, struct list_request *request)
{
	static const struct {
		const char *word;
		unsigned option;
	} words[] = {
		{ "SUBSCRIBED", LIST_SUBSCRIBED },
		{ "REMOTE", 0 },
		{ "RECURSIVEMATCH", LIST_RECURSIVE },
		{ "SPECIAL-USE", LIST_SPECIAL_USE },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (imap_args_word(args, words[i].word)) {
			request->selected |= words[i].option;
			return true;
		}
	}
	return fail(args, "Unknown selection option");
}

static bool return_option(struct imap_args *args, struct list_request *request)
{
	if (imap_args_word(args, "STATUS"))
		return imap_args_space(args) && status_items_parse(args, &request->status);
	if (imap_args_word(args, "METADATA"))
		return metadata_list_parse(args, &request->metadata);
	if (imap_args_word(args, "SUBSCRIBED")) {
		request->tells_subscribed = true;
		return true;
	}
	if (imap_args_word(args, "MYRIGHTS")) {
		request->my_rights = true;
		return true;
	}
	return imap_args_word(args, "CHILDREN") || imap_args_word(args, "SPECIAL-USE") ||
	       fail(args, "Unknown return option");
}

static bool options(struct imap_args *args, struct list_request *request,
                    bool (*option)(struct imap_args *, struct list_request *))
{
	request->extended = true;
	if (!imap_args_open(args))
		return false;
	if (imap_args_close(args))
		return true;
	do {
		if (!option(args, request))
			return false;
	} while (imap_args_more(args));
	return imap_args_close(args);
}

/* What is selected by nothing cannot be below anything (RFC 5258 3.1). */
static bool selection(struct imap_args *args, struct list_request *request)
{
	if (!options(args, request, select_option))
		return false;
	if (request->selected == LIST_RECURSIVE)
		return fail(args, "RECURSIVEMATCH needs another option to match");
	request->tells_subscribed = request->selected & LIST_SUBSCRIBED;
	return true;
}

/* ---- patterns ---- */

static bool pattern(struct imap_args *args, struct list_request *request, const char *reference, size_t *text)
{
	const char *name;

	if (request->n == LIST_PATTERNS_MAX)
		return fail(args, "Too many mailbox patterns");
	if (!imap_args_list_mailbox(args, reference, &name))
		return false;
	*text += strlen(name);
	if (*text > LIST_PATTERN_TEXT)
		return fail(args, "The mailbox patterns are too long");
	if (name[0])
		request->patterns[request->n++] = name;
	else
		request->has_empty = true; /* it matches nothing, whatever the reference is (RFC 5258 3) */
	return true;
}

static bool patterns(struct imap_args *args, struct list_request *request, const char *reference)
{
	size_t text = 0;

	request->patterns = arena_array(args->arena, const char *, LIST_PATTERNS_MAX);
	if (!imap_args_peek(args, '('))
		return pattern(args, request, reference, &text);
	request->extended = true;
	if (!imap_args_open(args))
		return false;
	do {
		if (!pattern(args, request, reference, &text))
			return false;
	} while (imap_args_more(args));
	return imap_args_close(args);
}

bool list_request_parse(struct imap_args *args, struct list_request *ret)
{
	const char *reference;

	*ret = (struct list_request){ .n = 0 };
	if (!imap_args_space(args))
		return false;
	if (imap_args_peek(args, '(') && (!selection(args, ret) || !imap_args_space(args)))
		return false;
	if (!imap_args_mailbox(args, &reference) || !imap_args_space(args) || !patterns(args, ret, reference))
		return false;
	if (imap_args_is_end(args))
		return true;
	if (!imap_args_space(args) || !imap_args_word(args, "RETURN"))
		return fail(args, "Expected RETURN or nothing");
	return imap_args_space(args) && options(args, ret, return_option) && imap_args_end(args);
}

bool list_request_may_match(const struct list_request *request, const char *space)
{
	for (uint32_t i = 0; i < request->n; i++) {
		const char *pattern = request->patterns[i];

		if (strncmp(pattern, space, MIN_OF(strcspn(pattern, "*%"), strlen(space))) == 0)
			return true;
	}
	return false;
}

bool list_request_is_for_separator(const struct list_request *request)
{
	return !request->extended && request->has_empty;
}
