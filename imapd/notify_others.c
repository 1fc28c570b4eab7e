/*
 * What happened in mailboxes that are not selected (notify.h): two lists compared, and the differences told as the
 * session has asked for them (RFC 5465 5).
 *
 * Mailboxes are known by their ids: another name with the same id is a RENAME, for which the mailboxes below say
 * nothing; an id that is gone or new is a DELETE or a CREATE. Of those the parent is told of as well. In what others share
 * rights that come and go count as that, and those to read are told as \NoAccess.
 */
#include <stdlib.h>

#include "account_ctx.h"
#include "base/map.h"
#include "list_line.h"
#include "notify_annotations.h"
#include "notify_own.h"
#include "status_item.h"
#include "watch.h"

struct comparison {
	struct session *s;
	const struct notify_request *request;
	const struct folders *was, *is;
	bool shared;       /* they are others' */
	struct map *by_id; /* of what was */
	struct map *now_by_id;
	struct map *listed; /* paths that LIST has told */
	struct buf out;
};

/* ---- lines ---- */

static bool is_readable(const struct folder *shared)
{
	return shared_list_rights(shared) & ACL_READ;
}

static void add_list(struct comparison *c, const struct folder *folder, const char *path, const char *old)
{
	struct buf *out = &c->out;

	if ((c->is && notify_own_made(c->s, path, folder)) || map_put(c->listed, slice_str(path), c))
		return;
	buf_adds(out, "* LIST (");
	if (folder && c->shared && !folder->row.meta.no_select && !is_readable(folder))
		buf_adds(out, "\\NoAccess ");
	if (folder)
		list_add_attributes(out, folder,
		                    TELLS_EXTENDED | TELLS_CHILDREN | TELLS_USES | TELLS_SUBSCRIBED);
	else
		buf_adds(out, c->shared ? "\\NonExistent \\NoAccess" : "\\NonExistent");
	buf_printf(out, ") \"%c\" ", FOLDER_SEPARATOR);
	imap_add_mailbox(out, c->s, path);
	if (old) {
		buf_adds(out, " (\"OLDNAME\" (");
		imap_add_mailbox(out, c->s, old);
		buf_adds(out, "))");
	}
	buf_adds(out, "\r\n");
}

/* What a guest has not seen the row does not tell. */
static void add_status(struct buf *out, const struct session *s, const struct folder *folder, unsigned events,
                       bool shared)
{
	const bool flags = events & NOTIFY_FLAGS;
	const struct status_deleted none = { 0 };

	status_add(out, s, folder->path, &folder->row, &none,
	           status_items_of_news(flags && !shared, flags || (s->enabled & ENABLED_CONDSTORE)));
}

static bool is_selected(const struct session *s, const struct id *mailbox)
{
	return s->selected.view && id_eq(&s->selected.view->mailbox, mailbox);
}

static unsigned asked_of(const struct notify_request *request, const struct folder *folder, bool shared)
{
	return shared ? notify_request_events_shared(request, folder->path, &folder->row.meta)
	              : notify_request_events(request, folder->path, &folder->row.meta);
}

static unsigned events_of(const struct session *s, const struct notify_request *request,
                          const struct folder *folder, bool shared)
{
	unsigned events = asked_of(request, folder, shared);

	if (folder->row.meta.no_select || is_selected(s, &folder->row.meta.id) ||
	    (shared && !is_readable(folder)))
		events &= ~(unsigned)NOTIFY_MESSAGES;
	return events;
}

static void tell_status(struct session *s, const struct notify_request *request, const struct folder *folder,
                        bool shared)
{
	const unsigned events = events_of(s, request, folder, shared);
	struct buf out;

	if (!(events & NOTIFY_MESSAGES))
		return;
	buf_init(&out, BUF_NO_LIMIT);
	add_status(&out, s, folder, events, shared);
	conn_write(s->conn, out.data, out.len);
	buf_done(&out);
}

void notify_tell_status(struct session *s, const struct notify_request *request, const struct folder *folder)
{
	tell_status(s, request, folder, false);
}

/* RFC 5465 3.1: what can be listed but not read is told of as such. */
void notify_tell_shared(struct session *s, const struct notify_request *request, const struct folder *folder)
{
	struct comparison c = { .s = s, .request = request, .shared = true };

	if (request->status)
		tell_status(s, request, folder, true);
	if (folder->row.meta.no_select || is_readable(folder) || !asked_of(request, folder, true))
		return;
	buf_init(&c.out, BUF_NO_LIMIT);
	c.listed = map_new();
	add_list(&c, folder, folder->path, NULL);
	conn_write(s->conn, c.out.data, c.out.len);
	map_free(c.listed);
	buf_done(&c.out);
}

/* ---- what is different ---- */

static bool has_news(unsigned events, const struct mailbox_head *was, const struct mailbox_head *is)
{
	if ((events & NOTIFY_FLAGS) && was->modseq != is->modseq)
		return true;
	return (events & NOTIFY_NEW) && (was->uid_next != is->uid_next || was->messages != is->messages);
}

/* The parent of what came or went; it may itself be gone. */
static void add_parent(struct comparison *c, const char *path)
{
	const char *end = strrchr(path, FOLDER_SEPARATOR);
	struct arena *arena;
	const struct folder *parent;
	const char *name;

	if (!end)
		return;
	arena = arena_new();
	name = arena_strz(arena, slice_of(path, (size_t)(end - path)));
	parent = folders_find(c->is, name);
	if (parent && (asked_of(c->request, parent, c->shared) & NOTIFY_NAME))
		add_list(c, parent, parent->path, NULL);
	arena_free(arena);
}

/* By itself: not where the mailbox above it is called something else, which is told. */
static bool is_renamed(const struct folder *was, const struct folder *is)
{
	if (strcmp(was->path, is->path) == 0)
		return false;
	return strcmp(was->name, is->name) != 0 || !was->parent || !is->parent ||
	       !id_eq(&was->parent->row.meta.id, &is->parent->row.meta.id);
}

/* Rights to read that came or went. */
static bool is_opened_or_shut(const struct comparison *c, const struct folder *was, const struct folder *is)
{
	return c->shared && was && is_readable(was) != is_readable(is) && !is->row.meta.no_select;
}

static void compare_names(struct comparison *c, const struct folder *was, const struct folder *is,
                          unsigned events)
{
	const struct folder *before = was ? was : folders_find(c->was, is->path);
	const bool subscribed = before && before->row.meta.subscribed;

	if ((events & NOTIFY_NAME) && was && is_renamed(was, is)) {
		add_list(c, is, is->path, was->path);
	} else if ((events & NOTIFY_NAME) &&
	           (was ? was->row.meta.no_select != is->row.meta.no_select : !is->row.meta.no_select)) {
		add_list(c, is, is->path, NULL);
		add_parent(c, is->path);
	}
	if (((events & NOTIFY_SUBSCRIPTION) && subscribed != is->row.meta.subscribed) ||
	    (is_opened_or_shut(c, was, is) && asked_of(c->request, is, true)))
		add_list(c, is, is->path, NULL);
}

static void compare(struct comparison *c, const struct folder *is)
{
	static const struct mailbox_head nothing = { .uid_next = 1 },
	                                 untouched = { .uid_next = 1, .modseq = 1 };
	const struct folder *was = map_get(c->by_id, id_slice(&is->row.meta.id));
	const struct mailbox_head *head = was                                   ? &was->row.head
	                                  : notify_own_made(c->s, is->path, is) ? &untouched
	                                                                        : &nothing;
	unsigned events = events_of(c->s, c->request, is, c->shared);

	/* who is told of mailboxes that are subscribed hears when one no longer is; who by name, under both names */
	if (was)
		events |= asked_of(c->request, was, c->shared) & (NOTIFY_NAME | NOTIFY_SUBSCRIPTION);
	compare_names(c, was, is, events);
	head = is_opened_or_shut(c, was, is) ? &nothing
	                                     : notify_own_head(c->s, &is->row.meta.id, head, &is->row.head);
	if (has_news(events, head, &is->row.head))
		add_status(&c->out, c->s, is, events, c->shared);
}

/* The id is gone; its name may have another, which is told of by itself when that is a mailbox. */
static void compare_gone(struct comparison *c, const struct folder *was)
{
	const unsigned events = asked_of(c->request, was, c->shared);
	const struct folder *is = folders_find(c->is, was->path);
	const bool subscribed = is && is->row.meta.subscribed;

	if (is && !is->row.meta.no_select)
		return;
	if (((events & NOTIFY_NAME) && !was->row.meta.no_select) ||
	    (c->shared && events && !was->row.meta.no_select) || /* access was lost: RFC 5465 5.9 */
	    ((events & NOTIFY_SUBSCRIPTION) && was->row.meta.subscribed != subscribed))
		add_list(c, is, was->path, NULL);
	if ((events & NOTIFY_NAME) && !was->row.meta.no_select)
		add_parent(c, was->path);
}

static void tell(struct session *s, const struct folders *was, const struct folders *is, bool shared)
{
	struct comparison c = {
		.s = s, .request = &s->notify->request, .was = was, .is = is, .shared = shared
	};

	buf_init(&c.out, BUF_NO_LIMIT); /* at most two lines a mailbox */
	c.by_id = snapshot_map(was);
	c.now_by_id = snapshot_map(is);
	c.listed = map_new();
	for (size_t i = 0; i < was->n; i++)
		if (!map_get(c.now_by_id, id_slice(&was->list[i]->row.meta.id)))
			compare_gone(&c, was->list[i]);
	for (size_t i = 0; i < is->n; i++)
		compare(&c, is->list[i]);
	conn_write(s->conn, c.out.data, c.out.len);
	map_free(c.by_id);
	map_free(c.now_by_id);
	map_free(c.listed);
	buf_done(&c.out);
}

static bool tell_own(struct session *s, struct snapshot *told, const struct snapshot *newest)
{
	struct folder_list *list = newest->own;

	if (!list || list == told->own || list->loaded_at < told->own->loaded_at)
		return true;
	if (conn_congested(s->conn))
		return false;
	tell(s, &told->own->folders, &list->folders, false);
	snapshot_take(s->account, told,
	              &(struct snapshot){ .own = folder_list_hold(s->account->folders, list) });
	return true;
}

static bool tell_shared(struct session *s, struct snapshot *told, const struct snapshot *newest)
{
	struct shared_list *list = newest->shared;

	if (!list || !told->shared || list == told->shared || list->loaded_at < told->shared->loaded_at)
		return true;
	if (conn_congested(s->conn))
		return false;
	tell(s, &told->shared->folders, &list->folders, true);
	snapshot_take(s->account, told, &(struct snapshot){ .shared = shared_list_hold(list) });
	return true;
}

bool notify_tell_others(struct session *s)
{
	struct notify *notify = s->notify;
	const struct snapshot *newest;

	if (!notify || !notify->watch)
		return true;
	newest = watch_newest(notify->watch);
	if (!tell_own(s, &notify->told, newest) || !tell_shared(s, &notify->told, newest))
		return false;
	notify_own_forget(s, notify->told.own->loaded_at,
	                  notify->told.shared ? notify->told.shared->loaded_at : INT64_MAX);
	return notify_tell_annotations(s, newest);
}

bool notify_wants(const struct session *s, const struct id *mailbox)
{
	return !is_selected(s, mailbox);
}

/* ---- life ---- */

unsigned notify_parts(const struct notify_request *request)
{
	return (request->n ? SNAPSHOT_OWN : 0u) | (request->may_share ? SNAPSHOT_SHARED : 0u) |
	       (request->metadata || request->server_metadata ? SNAPSHOT_ANNOTATIONS : 0u);
}

void notify_free(struct session *s)
{
	struct notify *notify = s->notify;

	if (!notify)
		return;
	snapshot_done(s->account, &notify->told);
	notify_own_free(s);
	notify_annotations_free(notify);
	if (notify->watch)
		watch_leave(s);
	s->notify = NULL;
	arena_free(notify->arena);
	free(notify);
}

void notify_set(struct session *s, struct arena *arena, const struct notify_request *request,
                struct snapshot *told)
{
	notify_free(s);
	s->notify = xzalloc(sizeof(*s->notify));
	*s->notify = (struct notify){ .arena = arena, .request = *request, .told = *told, .session = s };
	*told = (struct snapshot){ NULL };
	list_init(&s->notify->node);
	list_init(&s->notify->own);
	list_init(&s->notify->own_annotations);
	if (s->notify->told.own)
		watch_join(s);
}
