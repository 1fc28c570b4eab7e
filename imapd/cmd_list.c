/*
 * LIST and LSUB (RFC 3501 6.3.8, 6.3.9; LIST-EXTENDED: RFC 5258, LIST-STATUS: RFC 5819, SPECIAL-USE: RFC 6154,
 * CHILDREN: RFC 3348, LIST-METADATA: RFC 9590).
 *
 * A worker loads the mailboxes and finds which are to be told, so much at a time that nobody waits long for it;
 * the loop tells them.
 */
#include <assert.h>

#include "account_ctx.h"
#include "base/buf.h"
#include "base/map.h"
#include "acl_reply.h"
#include "commands.h"
#include "list_line.h"
#include "list_pattern.h"
#include "list_request.h"
#include "metadata_reply.h"
#include "outbox_hold.h"
#include "status_item.h"
#include "suite/share.h"

#define ENOUGH           (8 * 1024 * 1024) /* bytes of patterns times bytes of names, that one run compares */
#define LOOK_COST        (ENOUGH / 16)     /* of a look at a mailbox's messages */
#define METADATA_AT_ONCE 32                /* mailboxes whose annotations are held together */

struct told {
	const struct folder *folder; /* NULL: nothing is told */
	const struct share *share;   /* of what another account shares */
	bool by_itself;              /* else for the sake of what is below it */
	bool below;                  /* something below it meets the criteria, and is not told itself */
	bool matches;                /* RECURSIVEMATCH: a pattern, as was found out with the parents */
	struct status_deleted deleted;
	struct metadata *metadata; /* by enum metadata_part; NULL: not told */
};

struct list_cmd {
	struct list_request request;
	struct folder_list *kept;
	struct shares shares;
	const struct folder **all; /* the account's, then what others share */
	size_t n;
	struct told *told;   /* of each folder, those before `found` */
	struct map *parents; /* RECURSIVEMATCH: those with `below`, by id */
	size_t noted, found, at;
	struct arena *annotations; /* what is told now */
	uint64_t longest;          /* annotation that was not told, for its length */
	const char *last;          /* LSUB: the last name that was told for the sake of what is below it */
};

static enum imap_next list_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct list_cmd *list = cmd->state;

	if (!list_request_parse(args, &list->request))
		return imap_bad(cmd, args->error);
	if ((cmd->verb->flags & VERB_LSUB) && list->request.extended)
		return imap_bad(cmd, "LSUB has no options");
	if (list_request_is_for_separator(&list->request)) {
		imap_untagged(cmd->session, "%s (\\Noselect) \"%c\" \"\"", cmd->verb->name, FOLDER_SEPARATOR);
		return imap_ok(cmd, "%s completed", cmd->verb->name);
	}
	status_items_settle(cmd->session, list->request.status);
	return IMAP_RUN;
}

/* ---- what is to be told, on a worker ---- */

static bool meets(const struct list_request *request, const struct folder *folder)
{
	const struct mailbox_meta *meta = &folder->row.meta;

	if ((request->selected & LIST_SUBSCRIBED) && !meta->subscribed)
		return false;
	return !(request->selected & LIST_SPECIAL_USE) || (meta->special_use & ~(uint32_t)USE_INBOX);
}

static bool matches(const struct list_request *request, const struct folder *folder)
{
	for (uint32_t i = 0; i < request->n; i++)
		if (list_pattern_matches(request->patterns[i], folder->path))
			return true;
	return false;
}

/* CHILDINFO is for what the client would not hear of otherwise (RFC 5258): children that no pattern matches. Who
 * is in already has its parents in as well; so a ring of parents, which a damaged store may have, ends too. */
static void note_parents(struct list_cmd *list, const struct folder *folder, struct told *told)
{
	told->matches = matches(&list->request, folder);
	if (told->matches || !meets(&list->request, folder))
		return;
	for (folder = folder->parent; folder; folder = folder->parent)
		if (map_put(list->parents, id_slice(&folder->row.meta.id), list))
			break;
}

static void find_list(const struct list_cmd *list, const struct folder *folder, struct told *told)
{
	/* a name without a mailbox here or below is seen only for its subscription */
	if (folder->row.meta.no_select && !folder->has_inferiors &&
	    !(list->request.selected & LIST_SUBSCRIBED))
		return;
	told->by_itself = meets(&list->request, folder);
	told->below = list->parents && map_get(list->parents, id_slice(&folder->row.meta.id));
	if ((told->by_itself || told->below) &&
	    (list->parents ? told->matches : matches(&list->request, folder)))
		told->folder = folder;
}

/* With "%" at the end of the pattern, a name that is not subscribed is told, once, when something below it is. The
 * folders come sorted, so the same name comes in a row, but for "a", "a-b", "a/c"; telling it twice is harmless. */
static void find_lsub_parent(struct list_cmd *list, const struct folder *folder, struct told *told)
{
	const char *pattern = list->request.patterns[0];
	size_t len = strlen(pattern);

	if (!len || pattern[len - 1] != '%')
		return;
	for (unsigned depth = 0; (folder = folder->parent) && depth < FOLDER_DEPTH_MAX; depth++) {
		if (folder->row.meta.subscribed || list->last == folder->path ||
		    !matches(&list->request, folder))
			continue;
		told->folder = folder;
		list->last = folder->path;
		return;
	}
}

static void find_lsub(struct list_cmd *list, const struct folder *folder, struct told *told)
{
	if (!folder->row.meta.subscribed)
		return;
	told->by_itself = matches(&list->request, folder);
	if (told->by_itself)
		told->folder = folder;
	else
		find_lsub_parent(list, folder, told);
}

static const struct share *share_of(const struct list_cmd *list, const struct folder *folder)
{
	const struct shares *shares = &list->shares;
	const struct share *share = container_of(folder, const struct share, folder);

	if (!folder || !shares->n || share < shares->list || share >= shares->list + shares->n)
		return NULL;
	return share;
}

static size_t cost(const struct list_request *request, const struct folder *folder)
{
	size_t cost = 0;

	for (uint32_t i = 0; i < request->n; i++)
		cost += strlen(request->patterns[i]) + 1;
	return cost * (strlen(folder->path) + 1);
}

static bool has_metadata(const struct list_request *request, const struct told *told)
{
	return request->metadata.n && told->folder && !told->folder->row.meta.no_select &&
	       (!told->share || (told->share->rights & METADATA_RIGHTS));
}

static bool has_status(const struct list_request *request, const struct told *told)
{
	return request->status && told->folder && told->by_itself && !told->folder->row.meta.no_select &&
	       (!told->share || (told->share->rights & ACL_READ));
}

/* A mailbox that is gone since the list was loaded has nothing in it. */
static enum fault look(struct stack *stack, const struct actor *actor, const struct list_request *request,
                       struct told *told, struct why *why)
{
	enum fault fault = status_count_deleted(stack, actor, &told->folder->row.meta.id, request->status,
	                                        &told->deleted, why);

	return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
}

/* As GETMETADATA gives them: what is private is the account's own in others' mailboxes too, what is shared the owner's. */
static void add_places(const struct imap_cmd *cmd, const struct told *told, struct actor *owner,
                       struct metadata_place ret[2])
{
	const struct share_owner *other = told->share ? told->share->owner : NULL;
	const struct id mailbox = told->folder->row.meta.id;

	*owner = (struct actor){ ACTOR_OWNER, other ? other->account.id : cmd->account->id };
	ret[METADATA_PRIVATE] = (struct metadata_place){ &cmd->account->actor, cmd->account->key,
		                                         cmd->account->id, mailbox, METADATA_PRIVATE };
	ret[METADATA_SHARED] = (struct metadata_place){ owner, other ? other->key : cmd->account->key,
		                                        owner->account, mailbox, METADATA_SHARED };
}

/* Of those that were found since `from`. */
static enum fault load_metadata(struct imap_cmd *cmd, struct list_cmd *list, size_t from, struct stack *stack,
                                struct why *why)
{
	struct metadata_place places[2 * METADATA_AT_ONCE];
	struct actor owners[METADATA_AT_ONCE];
	struct metadata *found;
	size_t n = 0;

	arena_free(list->annotations);
	list->annotations = arena_new();
	found = arena_array(list->annotations, struct metadata, ARRAY_LEN(places));
	for (size_t i = from; i < list->found; i++) {
		if (!has_metadata(&list->request, &list->told[i]))
			continue;
		assert(n < ARRAY_LEN(places));
		add_places(cmd, &list->told[i], &owners[n / 2], &places[n]);
		list->told[i].metadata = &found[n];
		n += 2;
	}
	return metadata_load_many(stack, places, n, list->annotations, found, why);
}

static enum fault find(struct imap_cmd *cmd, struct list_cmd *list, struct stack *stack, struct why *why)
{
	const struct list_request *request = &list->request;
	const size_t from = list->found;
	enum fault fault = FAULT_NONE;
	size_t spent = 0, annotated = 0;

	for (; list->parents && list->noted < list->n && spent < ENOUGH; list->noted++) {
		note_parents(list, list->all[list->noted], &list->told[list->noted]);
		spent += cost(request, list->all[list->noted]);
	}
	for (; !fault && list->found < list->n && spent < ENOUGH && annotated < METADATA_AT_ONCE;
	     list->found++) {
		const struct folder *folder = list->all[list->found];
		struct told *told = &list->told[list->found];
		struct actor actor = cmd->actor;

		if (cmd->verb->flags & VERB_LSUB)
			find_lsub(list, folder, told);
		else
			find_list(list, folder, told);
		spent += cost(request, folder);
		told->share = share_of(list, told->folder);
		if (told->share && told->share->owner)
			actor = share_actor(&cmd->account->guest, told->share);
		annotated += has_metadata(request, told);
		if (!has_status(request, told) || !status_items_want_deleted(request->status, &actor))
			continue;
		fault = look(stack, &actor, request, told, why);
		spent += LOOK_COST;
	}
	return fault || !annotated ? fault : load_metadata(cmd, list, from, stack, why);
}

/* What others share comes behind the account's own: what it may look up. */
static enum fault load_all(struct imap_cmd *cmd, struct list_cmd *list, struct stack *stack, struct why *why)
{
	const struct folders *own = &list->kept->folders;
	const struct list_request *request = &list->request;
	enum fault fault = FAULT_NONE;

	if (list_request_may_match(request, SHARE_USERS) || list_request_may_match(request, SHARE_PUBLIC))
		fault = share_load(stack, &cmd->account->guest, NULL, cmd->arena, &list->shares, why);
	if (fault)
		return fault;
	list->all = arena_array(cmd->arena, const struct folder *, own->n + list->shares.n + 1);
	for (size_t i = 0; i < own->n; i++)
		list->all[list->n++] = own->list[i];
	for (size_t i = 0; i < list->shares.n; i++) {
		struct share *share = &list->shares.list[i];

		if (!(share->rights & ACL_LOOKUP)) { /* it leads to others, at best */
			share->folder.row.meta.no_select = true;
			share->folder.row.meta.subscribed = false;
		}
		if ((share->rights & ACL_LOOKUP) || share->folder.has_inferiors)
			list->all[list->n++] = &share->folder;
	}
	return FAULT_NONE;
}

static enum fault list_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct list_cmd *list = cmd->state;
	struct mailbox_head head;
	enum fault fault = FAULT_NONE;

	if (!list->kept && list->request.status && cmd->account->has_outbox)
		fault = outbox_sync(stack, &cmd->actor, cmd->account->key, &head, why);
	if (fault && fault != FAULT_NOT_FOUND) /* there is none yet */
		return fault;
	if (!list->kept)
		fault = folder_list_load(cmd->account, stack, &list->kept, why);
	if (!fault && !list->all)
		fault = load_all(cmd, list, stack, why);
	if (fault)
		return fault;
	if (!list->told) {
		list->told = arena_array(cmd->arena, struct told, list->n + 1);
		if (list->request.selected & LIST_RECURSIVE)
			list->parents = map_new();
	}
	return find(cmd, list, stack, why);
}

/* ---- replies ---- */

static void add_child_info(struct buf *line, unsigned selected)
{
	buf_printf(line, " (\"CHILDINFO\" (%s%s%s))", selected & LIST_SUBSCRIBED ? "\"SUBSCRIBED\"" : "",
	           (selected & LIST_CRITERIA) == LIST_CRITERIA ? " " : "",
	           selected & LIST_SPECIAL_USE ? "\"SPECIAL-USE\"" : "");
}

/* What cannot be read is left out (RFC 9590 2). */
static void add_metadata(struct buf *line, const struct session *s, const struct list_request *request,
                         const struct told *told, uint64_t *longest)
{
	const struct metadata *parts = told->metadata;
	uint64_t len;

	if (!parts || parts[METADATA_PRIVATE].damaged || parts[METADATA_SHARED].damaged)
		return;
	len = metadata_add(line, s, told->folder->path, &request->metadata, parts,
	                   told->folder->row.meta.special_use);
	*longest = MAX_OF(*longest, len);
}

/* Whoever asks in the extended way gets all. */
static unsigned attributes(const struct session *s, const struct list_request *request)
{
	const unsigned subscribed = request->tells_subscribed ? TELLS_SUBSCRIBED : 0;

	if (request->extended || (s->enabled & ENABLED_REV2))
		return subscribed | TELLS_EXTENDED | TELLS_CHILDREN | TELLS_USES;
	return subscribed | (imap_capability_on(s, SLICE("CHILDREN")) ? TELLS_CHILDREN : 0) |
	       (imap_capability_on(s, SLICE("SPECIAL-USE")) ? TELLS_USES : 0);
}

static void add_list(struct buf *line, const struct session *s, const struct list_request *request,
                     const struct told *told, uint64_t *longest)
{
	const struct folder *folder = told->folder;

	buf_adds(line, "* LIST (");
	list_add_attributes(line, folder, attributes(s, request));
	buf_printf(line, ") \"%c\" ", FOLDER_SEPARATOR);
	imap_add_mailbox(line, s, folder->path);
	if (told->below)
		add_child_info(line, request->selected);
	buf_adds(line, "\r\n");
	if (request->my_rights && !folder->row.meta.no_select)
		acl_add_my_rights(line, s, folder->path, told->share ? told->share->rights : ACL_ALL);
	if (has_status(request, told))
		status_add(line, s, folder->path, &folder->row, &told->deleted, request->status);
	add_metadata(line, s, request, told, longest);
}

static void add_lsub(struct buf *line, const struct session *s, const struct told *told)
{
	const bool mere = !told->by_itself || told->folder->row.meta.no_select;

	buf_printf(line, "* LSUB (%s) \"%c\" ", mere ? "\\Noselect" : "", FOLDER_SEPARATOR);
	imap_add_mailbox(line, s, told->folder->path);
	buf_adds(line, "\r\n");
}

static void tell(struct imap_cmd *cmd, struct list_cmd *list, const struct told *told)
{
	struct buf line;

	if (!told->folder)
		return;
	buf_init(&line, BUF_NO_LIMIT);
	if (cmd->verb->flags & VERB_LSUB)
		add_lsub(&line, cmd->session, told);
	else
		add_list(&line, cmd->session, &list->request, told, &list->longest);
	conn_write(cmd->session->conn, line.data, line.len);
	buf_done(&line);
}

static enum imap_next list_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct list_cmd *list = cmd->state;

	if (fault)
		return imap_no(cmd, fault, why);
	for (; list->at < list->found; list->at++) {
		if (conn_congested(cmd->session->conn))
			return IMAP_AGAIN;
		tell(cmd, list, &list->told[list->at]);
	}
	return list->found < list->n ? IMAP_RUN : metadata_completed(cmd, list->longest);
}

static void list_done(struct imap_cmd *cmd)
{
	struct list_cmd *list = cmd->state;

	map_free(list->parents);
	arena_free(list->annotations);
	shares_done(&list->shares);
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
