/* CREATE (RFC 9051 6.3.4): with the parents that are missing; what for, when it is said (RFC 6154 3); which id it got
 * (RFC 8474 4.1). */
#include "commands.h"
#include "folder_args.h"
#include "list_line.h"
#include "notify_own.h"
#include "object_id.h"
#include "shared_name.h"

struct create {
	const char *path, *written; /* args.h */
	uint32_t special_use;
	bool use_unknown;
	struct id made;
};

/* \All and \Flagged would have to show messages of other mailboxes, which none here does. */
static void take_use(struct create *create, struct slice name)
{
	static const struct {
		const char *name;
		uint32_t use;
	} uses[] = {
		{ "Archive", USE_ARCHIVE }, { "Drafts", USE_DRAFTS }, { "Junk", USE_JUNK },
		{ "Sent", USE_SENT },       { "Trash", USE_TRASH },
	};

	for (size_t i = 0; i < ARRAY_LEN(uses); i++) {
		if (slice_is(name, uses[i].name)) {
			create->special_use |= uses[i].use;
			return;
		}
	}
	create->use_unknown = true;
}

/* "(" [use-attr *(SP use-attr)] ")", each "\" atom */
static bool uses(struct imap_args *args, struct create *create)
{
	struct slice name;

	if (!imap_args_open(args))
		return false;
	if (imap_args_close(args))
		return true;
	do {
		if (!imap_args_char(args, '\\') || !imap_args_atom(args, &name))
			return false;
		take_use(create, name);
	} while (imap_args_more(args));
	return imap_args_close(args);
}

/* SP "(" create-param *(SP create-param) ")"; create-param = "USE" SP uses */
static bool parameters(struct imap_args *args, struct create *create)
{
	if (imap_args_is_end(args))
		return true;
	if (!imap_args_space(args) || !imap_args_open(args))
		return false;
	do {
		if (!imap_args_word(args, "USE") || !imap_args_space(args) || !uses(args, create))
			return false;
	} while (imap_args_more(args));
	return imap_args_close(args) && imap_args_end(args);
}

static enum imap_next create_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct create *create = cmd->state;

	if (!imap_args_space(args) || !imap_args_mailbox(args, &create->path) || !parameters(args, create))
		return imap_bad(cmd, args->error);
	create->written = args->written;
	if (create->use_unknown)
		return imap_no_code(cmd, "[USEATTR]", "No mailbox can be made for that use");
	create->path = folder_without_end(cmd->arena, create->path);
	return folder_name_is_good(cmd, &create->path) ? IMAP_RUN : IMAP_DONE;
}

/* Below a mailbox of another account: special uses are its owner's affair. */
static enum fault create_shared(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct create *create = cmd->state;
	struct shared_name name = { .share = NULL };
	enum fault fault = shared_name_above(&name, cmd, stack, create->path, ACL_CREATE, why);

	if (!fault)
		fault = folder_create(stack, &name.actor, name.share->owner->key, name.own, 0, false,
		                      &create->made, why);
	shared_name_done(&name);
	return fault == FAULT_NOT_FOUND ? fault_set(why, FAULT_DENIED, "nothing can be made there") : fault;
}

static enum fault create_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct create *create = cmd->state;

	if (share_is_shared_name(create->path))
		return create_shared(cmd, stack, why);
	return folder_create(stack, &cmd->actor, cmd->account->key, create->path, create->special_use, false,
	                     &create->made, why);
}

static enum imap_next create_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	const struct create *create = cmd->state;

	if (fault)
		return imap_no(cmd, fault, why);
	notify_own_name(cmd->session, create->path, true);
	if (create->written)
		list_tell(cmd->session, "", create->path, folder_without_end(cmd->arena, create->written));
	return imap_ok_code(
	    cmd,
	    imap_capability_on(cmd->session, SLICE("OBJECTID"))
	        ? arena_printf(cmd->arena, "[MAILBOXID (%s)]", object_id_of_mailbox(&create->made).text)
	        : "",
	    "Created");
}

const struct imap_command imap_create = {
	.state_size = sizeof(struct create),
	.parse = create_parse,
	.run = create_run,
	.reply = create_reply,
};
