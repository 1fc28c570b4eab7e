/* What a session has done itself (notify_own.h). */
#include "notify_own.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "notify.h"

struct own {
	struct list node;
	int64_t at; /* clock_mono_ms() */
	/* A name; NULL: a mailbox's messages. */
	char *path;
	bool there, of_subscription, subscribed;
	struct id mailbox;
	struct mailbox_head head;
};

static void drop(struct notify *notify, struct own *own)
{
	list_del(&own->node);
	notify->n_own--;
	free(own->path);
	free(own);
}

static struct own *add(struct notify *notify, const char *path)
{
	struct own *own = xzalloc(sizeof(*own));

	if (notify->n_own == OWN_MAX)
		drop(notify, list_item(notify->own.next, struct own, node));
	own->at = clock_mono_ms();
	own->path = path ? xstrdup(path) : NULL;
	list_add_tail(&notify->own, &own->node);
	notify->n_own++;
	return own;
}

static bool is_watching(const struct session *s)
{
	return s->notify && s->notify->watch;
}

void notify_own_name(struct session *s, const char *path, bool there)
{
	if (is_watching(s))
		add(s->notify, path)->there = there;
}

void notify_own_subscription(struct session *s, const char *path, bool subscribed)
{
	struct own *own = is_watching(s) ? add(s->notify, path) : NULL;

	if (!own)
		return;
	own->of_subscription = true;
	own->subscribed = subscribed;
}

/* ---- messages ---- */

static struct own *find_head(const struct notify *notify, const struct id *mailbox)
{
	list_each (&notify->own, node) {
		struct own *own = list_item(node, struct own, node);

		if (!own->path && id_eq(&own->mailbox, mailbox))
			return own;
	}
	return NULL;
}

static void set_head(struct notify *notify, const struct id *mailbox, const struct mailbox_head *head)
{
	struct own *own = find_head(notify, mailbox);

	if (own)
		drop(notify, own);
	own = add(notify, NULL);
	own->mailbox = *mailbox;
	own->head = *head;
}

static const struct mailbox_head *known_head(const struct notify *notify, const struct id *mailbox)
{
	const struct folder *folder = folders_by_id(&notify->told.own->folders, mailbox);
	const struct own *own = find_head(notify, mailbox);

	if (!folder && notify->told.shared)
		folder = folders_by_id(&notify->told.shared->folders, mailbox);
	if (own && (!folder || own->head.modseq > folder->row.head.modseq))
		return &own->head;
	return folder ? &folder->row.head : NULL;
}

/* Unless somebody else has done something in between. */
void notify_own_append(struct session *s, const struct id *mailbox, uint32_t first_uid, uint32_t n,
                       const struct mailbox_head *head)
{
	const struct mailbox_head *was = is_watching(s) ? known_head(s->notify, mailbox) : NULL;

	if (was && was->uid_next == first_uid && was->messages + n == head->messages &&
	    head->uid_next == first_uid + n && head->modseq - was->modseq <= n)
		set_head(s->notify, mailbox, head);
}

void notify_own_visit(struct session *s, const struct id *mailbox, const struct mailbox_head *head)
{
	if (is_watching(s))
		set_head(s->notify, mailbox, head);
}

const struct mailbox_head *notify_own_head(const struct session *s, const struct id *mailbox,
                                           const struct mailbox_head *was, const struct mailbox_head *is)
{
	const struct own *own = find_head(s->notify, mailbox);

	return own && own->head.modseq > was->modseq && own->head.modseq <= is->modseq ? &own->head : was;
}

/* ---- names ---- */

/* CREATE and DELETE are about the names above as well, which are there still. */
static bool is_above(const char *path, const char *below)
{
	const size_t len = strlen(path);

	return strncmp(path, below, len) == 0 && below[len] == FOLDER_SEPARATOR;
}

static bool has_made(const struct own *own, const char *path, const struct folder *is)
{
	const bool there = is && !is->row.meta.no_select;

	if (!own->path)
		return false;
	if (strcmp(own->path, path) != 0)
		return !own->of_subscription && is_above(path, own->path) && there;
	return own->of_subscription ? is && is->row.meta.subscribed == own->subscribed : own->there == there;
}

bool notify_own_made(const struct session *s, const char *path, const struct folder *is)
{
	list_each (&s->notify->own, node)
		if (has_made(list_item(node, struct own, node), path, is))
			return true;
	return false;
}

/* ---- the end ---- */

void notify_own_forget(struct session *s, int64_t own_at, int64_t shared_at)
{
	list_each (&s->notify->own, node) {
		struct own *own = list_item(node, struct own, node);

		if (own->at < (!own->path                        ? MIN_OF(own_at, shared_at)
		               : share_is_shared_name(own->path) ? shared_at
		                                                 : own_at))
			drop(s->notify, own);
	}
}

void notify_own_free(struct session *s)
{
	notify_own_forget(s, INT64_MAX, INT64_MAX);
}
