/* Changes of annotations (notify_annotations.h). */
#include "notify_annotations.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/map.h"
#include "command.h"

#define LINE_ENOUGH 4000 /* bytes of a line to which no name is added any more */

/* ---- what the session has done ---- */

struct own {
	struct list node;
	int64_t at; /* clock_mono_ms() */
	bool of_others;
	struct annotation set;
	uint8_t name[];
};

static void drop(struct notify *notify, struct own *own)
{
	list_del(&own->node);
	notify->n_own_annotations--;
	free(own);
}

void notify_own_annotation(struct session *s, const struct id *mailbox, bool of_others, struct slice name,
                           struct slice value)
{
	struct notify *notify = s->notify;
	struct own *own;

	if (!notify || !notify->told.annotations)
		return;
	if (notify->n_own_annotations == NOTIFY_ANNOTATIONS_OWN)
		drop(notify, list_item(notify->own_annotations.next, struct own, node));
	own = xzalloc(sizeof(*own) + name.len);
	memcpy(own->name, name.data, name.len);
	own->at = clock_mono_ms();
	own->of_others = of_others;
	own->set = (struct annotation){ *mailbox, slice_of(own->name, name.len), { { 0 } } };
	if (value.data)
		own->set.value = annotation_value(value);
	list_add_tail(&notify->own_annotations, &own->node);
	notify->n_own_annotations++;
}

static void forget(struct notify *notify, bool of_others, int64_t before)
{
	list_each (&notify->own_annotations, node) {
		struct own *own = list_item(node, struct own, node);

		if (own->of_others == of_others && own->at < before)
			drop(notify, own);
	}
}

void notify_annotations_free(struct notify *notify)
{
	forget(notify, false, INT64_MAX);
	forget(notify, true, INT64_MAX);
}

/* ---- what is different ---- */

struct comparison {
	struct session *s;
	bool of_others;
	const struct annotations *was, *is;
	struct buf changed; /* struct annotation, borrowed names */
};

/* What the look has surely seen of the session's own doing is what was known; of later doing it may have seen any. */
static bool is_news(const struct comparison *c, const struct annotation *one)
{
	const struct id is = annotations_find(c->is, one);
	struct id known = annotations_find(c->was, one);

	list_each (&c->s->notify->own_annotations, node) {
		const struct own *own = list_item(node, struct own, node);

		if (own->of_others != c->of_others || annotation_compare(&own->set, one) != 0)
			continue;
		if (own->at < c->is->loaded_at)
			known = own->set.value;
		else if (id_eq(&own->set.value, &is))
			return false;
	}
	return !id_eq(&known, &is) && !annotations_are_damaged(c->was, one) &&
	       !annotations_are_damaged(c->is, one);
}

static void add_if_news(struct comparison *c, const struct annotation *one)
{
	if (is_news(c, one))
		buf_add(&c->changed, one, sizeof(*one));
}

static void compare_lists(struct comparison *c)
{
	const struct annotations *was = c->was, *is = c->is;
	size_t i = 0, j = 0;

	while (i < was->n || j < is->n) {
		const int way = i == was->n  ? 1
		                : j == is->n ? -1
		                             : annotation_compare(&was->list[i], &is->list[j]);

		if (way < 0)
			add_if_news(c, &was->list[i]);
		else if (way > 0 || !id_eq(&was->list[i].value, &is->list[j].value))
			add_if_news(c, &is->list[j]);
		i += way <= 0;
		j += way >= 0;
	}
}

/* Also where somebody else has taken back what the session did: nothing is different then. */
static void compare(struct comparison *c)
{
	compare_lists(c);
	list_each (&c->s->notify->own_annotations, node) {
		const struct own *own = list_item(node, struct own, node);

		if (own->of_others == c->of_others)
			add_if_news(c, &own->set);
	}
	if (c->changed.len)
		qsort(c->changed.data, c->changed.len / sizeof(struct annotation), sizeof(struct annotation),
		      annotation_compare);
}

/* ---- telling ---- */

struct telling {
	const struct notify *notify;
	struct map *own, *shared;
};

static bool is_wanted(unsigned events, const struct folder *folder)
{
	return (events & NOTIFY_METADATA) && !folder->row.meta.no_select;
}

/* What the client calls it; NULL: it is not told of it. */
static const char *path_of(const struct telling *t, const struct id *mailbox)
{
	const struct notify_request *request = &t->notify->request;
	const struct folder *folder = map_get(t->own, id_slice(mailbox));

	if (id_is_zero(mailbox))
		return request->server_metadata ? "" : NULL;
	if (folder)
		return is_wanted(notify_request_events(request, folder->path, &folder->row.meta), folder)
		           ? folder->path
		           : NULL;
	folder = t->shared ? map_get(t->shared, id_slice(mailbox)) : NULL;
	if (!folder || !(shared_list_rights(folder) & ACL_READ))
		return NULL;
	return is_wanted(notify_request_events_shared(request, folder->path, &folder->row.meta), folder)
	           ? folder->path
	           : NULL;
}

/* Of one mailbox; sorted, so what is there twice is there in a row. */
static void add_names(struct buf *out, const struct session *s, const char *path,
                      const struct annotation *list, size_t n)
{
	size_t line = out->len;

	for (size_t i = 0; i < n; i++) {
		if (i && annotation_compare(&list[i - 1], &list[i]) == 0)
			continue;
		if (!i || out->len - line > LINE_ENOUGH) {
			buf_adds(out, i ? "\r\n* METADATA " : "* METADATA ");
			line = out->len;
			imap_add_mailbox(out, s, path);
		}
		buf_addc(out, ' ');
		imap_add_astring(out, list[i].name);
	}
	buf_adds(out, "\r\n");
}

static void tell_changed(struct session *s, const struct buf *changed)
{
	const struct snapshot *told = &s->notify->told;
	const struct telling t = { s->notify, snapshot_map(&told->own->folders),
		                   told->shared ? snapshot_map(&told->shared->folders) : NULL };
	const struct annotation *list = (const void *)changed->data;
	const size_t n = changed->len / sizeof(*list);
	struct buf out;

	buf_init(&out, BUF_NO_LIMIT); /* the names are of lists that are bounded */
	for (size_t i = 0, end; i < n; i = end) {
		const char *path = path_of(&t, &list[i].mailbox);

		for (end = i + 1; end < n && id_eq(&list[end].mailbox, &list[i].mailbox); end++)
			;
		if (path)
			add_names(&out, s, path, &list[i], end - i);
	}
	conn_write(s->conn, out.data, out.len);
	map_free(t.own);
	map_free(t.shared);
	buf_done(&out);
}

static void tell(struct session *s, bool of_others, const struct annotations *was,
                 const struct annotations *is)
{
	struct comparison c = { .s = s, .of_others = of_others, .was = was, .is = is };

	buf_init(&c.changed, BUF_NO_LIMIT);
	compare(&c);
	if (c.changed.len)
		tell_changed(s, &c.changed);
	buf_done(&c.changed);
	forget(s->notify, of_others, is->loaded_at);
}

static bool is_newer(const struct annotations *is, const struct annotations *was)
{
	return is && was && is != was && is->loaded_at >= was->loaded_at;
}

/* As after NOTIFY NONE (RFC 5465 5.8). */
static void give_up(struct session *s)
{
	static const struct notify_request none = { 0 };

	imap_untagged(s, "OK [NOTIFICATIONOVERFLOW] There are too many annotations to watch");
	notify_set(s, arena_new(), &none, &(struct snapshot){ NULL });
}

bool notify_tell_annotations(struct session *s, const struct snapshot *newest)
{
	struct snapshot *told = &s->notify->told, fresh = { NULL };

	if (is_newer(newest->annotations, told->annotations))
		fresh.annotations = newest->annotations;
	if (is_newer(newest->shared_annotations, told->shared_annotations))
		fresh.shared_annotations = newest->shared_annotations;
	if (!fresh.annotations && !fresh.shared_annotations)
		return true;
	if (conn_congested(s->conn))
		return false;
	if (snapshot_has_too_many(&fresh)) {
		give_up(s);
		return true;
	}
	if (fresh.annotations)
		tell(s, false, told->annotations, fresh.annotations);
	if (fresh.shared_annotations)
		tell(s, true, told->shared_annotations, fresh.shared_annotations);
	annotations_hold(fresh.annotations);
	annotations_hold(fresh.shared_annotations);
	snapshot_take(s->account, told, &fresh);
	return true;
}
