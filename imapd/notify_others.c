/*
 * What happened in mailboxes that are not selected (notify.h): two lists compared, and the differences told as the
 * session has asked for them (RFC 5465 5).
 *
 * Mailboxes are known by their ids: another name with the same id is a RENAME, for which the mailboxes below say
 * nothing; an id that is gone or new is a DELETE or a CREATE. Of those the parent is told of as well.
 */
#include <stdlib.h>

#include "account_ctx.h"
#include "base/map.h"
#include "list_line.h"
#include "status_item.h"
#include "watch.h"

struct comparison {
	struct session *s;
	const struct notify_request *request;
	const struct folders *was, *is;
	struct map *by_id; /* of what was */
	struct map *now_by_id;
	struct map *listed; /* paths that LIST has told */
	struct buf out;
};

/* ---- lines ---- */

static void add_list(struct comparison *c, const struct folder *folder, const char *path, const char *old)
{
	struct buf *out = &c->out;

	if (map_put(c->listed, slice_str(path), c))
		return;
	buf_adds(out, "* LIST (");
	if (folder)
		list_add_attributes(out, folder, true, true);
	else
		buf_adds(out, "\\NonExistent");
	buf_printf(out, ") \"%c\" ", FOLDER_SEPARATOR);
	imap_add_mailbox(out, c->s, path);
	if (old) {
		buf_adds(out, " (\"OLDNAME\" (");
		imap_add_mailbox(out, c->s, old);
		buf_adds(out, "))");
	}
	buf_adds(out, "\r\n");
}

static void add_status(struct buf *out, const struct session *s, const struct folder *folder, unsigned events)
{
	const bool flags = events & NOTIFY_FLAGS;
	const struct status_deleted none = { 0 };

	status_add(out, s, folder->path, &folder->row, &none,
	           status_items_of_news(flags, flags || (s->enabled & ENABLED_CONDSTORE)));
}

static bool is_selected(const struct session *s, const struct id *mailbox)
{
	return s->selected.view && id_eq(&s->selected.view->mailbox, mailbox);
}

static unsigned events_of(const struct session *s, const struct notify_request *request,
                          const struct folder *folder)
{
	unsigned events = notify_request_events(request, folder->path, &folder->row.meta);

	if (folder->row.meta.no_select || is_selected(s, &folder->row.meta.id))
		events &= ~(unsigned)NOTIFY_MESSAGES;
	return events;
}

void notify_tell_status(struct session *s, const struct notify_request *request, const struct folder *folder)
{
	const unsigned events = events_of(s, request, folder);
	struct buf out;

	if (!(events & NOTIFY_MESSAGES))
		return;
	buf_init(&out, BUF_NO_LIMIT);
	add_status(&out, s, folder, events);
	conn_write(s->conn, out.data, out.len);
	buf_done(&out);
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
	if (parent && (notify_request_events(c->request, name, &parent->row.meta) & NOTIFY_NAME))
		add_list(c, parent, parent->path, NULL);
	arena_free(arena);
}

static bool is_renamed(const struct folder *was, const struct folder *is)
{
	return strcmp(was->name, is->name) != 0 || !id_eq(&was->row.meta.parent, &is->row.meta.parent);
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
	if ((events & NOTIFY_SUBSCRIPTION) && subscribed != is->row.meta.subscribed)
		add_list(c, is, is->path, NULL);
}

static void compare(struct comparison *c, const struct folder *is)
{
	static const struct mailbox_head nothing = { .uid_next = 1 };
	const struct folder *was = map_get(c->by_id, id_slice(&is->row.meta.id));
	unsigned events = events_of(c->s, c->request, is);

	/* who is told of mailboxes that are subscribed hears when one no longer is; who by name, under both names */
	if (was)
		events |= notify_request_events(c->request, was->path, &was->row.meta) &
		          (NOTIFY_NAME | NOTIFY_SUBSCRIPTION);
	compare_names(c, was, is, events);
	if (has_news(events, was ? &was->row.head : &nothing, &is->row.head))
		add_status(&c->out, c->s, is, events);
}

/* The id is gone; its name may have another, which is told of by itself when that is a mailbox. */
static void compare_gone(struct comparison *c, const struct folder *was)
{
	const unsigned events = notify_request_events(c->request, was->path, &was->row.meta);
	const struct folder *is = folders_find(c->is, was->path);
	const bool subscribed = is && is->row.meta.subscribed;

	if (is && !is->row.meta.no_select)
		return;
	if (((events & NOTIFY_NAME) && !was->row.meta.no_select) ||
	    ((events & NOTIFY_SUBSCRIPTION) && was->row.meta.subscribed != subscribed))
		add_list(c, is, was->path, NULL);
	if ((events & NOTIFY_NAME) && !was->row.meta.no_select)
		add_parent(c, was->path);
}

static struct map *map_of(const struct folders *folders)
{
	struct map *map = map_new();

	for (size_t i = 0; i < folders->n; i++)
		map_put(map, id_slice(&folders->list[i]->row.meta.id), folders->list[i]);
	return map;
}

static void tell(struct session *s, const struct folders *was, const struct folders *is)
{
	struct comparison c = { .s = s, .request = &s->notify->request, .was = was, .is = is };

	buf_init(&c.out, BUF_NO_LIMIT); /* at most two lines a mailbox */
	c.by_id = map_of(was);
	c.now_by_id = map_of(is);
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

bool notify_tell_others(struct session *s)
{
	struct notify *notify = s->notify;
	struct folder_list *list = notify && notify->watch ? watch_list(notify->watch) : NULL;

	if (!list || list == notify->told || list->loaded_at < notify->told->loaded_at)
		return true;
	if (conn_congested(s->conn))
		return false;
	tell(s, &notify->told->folders, &list->folders);
	folder_list_put(s->account->folders, notify->told);
	notify->told = folder_list_hold(s->account->folders, list);
	return true;
}

bool notify_wants(const struct session *s, const struct id *mailbox)
{
	return !is_selected(s, mailbox);
}

/* ---- life ---- */

void notify_free(struct session *s)
{
	struct notify *notify = s->notify;

	if (!notify)
		return;
	if (notify->told)
		folder_list_put(s->account->folders, notify->told);
	if (notify->watch)
		watch_leave(s);
	s->notify = NULL;
	arena_free(notify->arena);
	free(notify);
}

void notify_set(struct session *s, struct arena *arena, const struct notify_request *request,
                struct folder_list *told)
{
	notify_free(s);
	s->notify = xzalloc(sizeof(*s->notify));
	*s->notify = (struct notify){ .arena = arena, .request = *request, .told = told, .session = s };
	list_init(&s->notify->node);
	if (told)
		watch_join(s);
}
