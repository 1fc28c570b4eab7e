/* Searches that go on (context.h). */
#include "context.h"

#include <stdlib.h>

#include "search_return.h"
#include "search_walk.h"

#define ASK_AT_ONCE 100000 /* keys asked about messages: more of them are asked aside, in pieces */

struct context {
	struct list node;
	struct arena *arena;
	const char *tag;
	bool uid;
	struct search search;
	struct uid_set matches;
	struct uid_set pending; /* to be asked of the content */
	uint32_t since;         /* messages above this UID are new: they are fetched, once */
	struct uid_set fetched;
	uint32_t known_keywords; /* as they were bound last */
	struct news_fetch *fetch;
	unsigned refs; /* the session's, and that of what is under way aside */
};

struct contexts {
	struct list list;
	unsigned n;
	uint32_t seen; /* messages above this UID were not asked yet */
};

/* ---- life ---- */

bool context_has_tag(const struct session *s, const char *tag)
{
	if (!s->contexts)
		return false;
	list_each (&s->contexts->list, node)
		if (strcmp(list_item(node, struct context, node)->tag, tag) == 0)
			return true;
	return false;
}

static void unref(struct context *context)
{
	if (--context->refs)
		return;
	uid_set_done(&context->matches);
	uid_set_done(&context->pending);
	uid_set_done(&context->fetched);
	news_fetch_unref(context->fetch);
	arena_free(context->arena);
	free(context);
}

struct context *context_begin(struct imap_cmd *cmd, struct imap_args *args, struct news_fetch *fetch)
{
	struct session *s = cmd->session;
	struct context *context;

	if (s->contexts && s->contexts->n >= CONTEXTS_MAX) {
		imap_untagged(s, "NO [NOUPDATE \"%s\"] Too many searches go on already", cmd->tag);
		return NULL;
	}
	context = xzalloc(sizeof(*context));
	context->arena = arena_new();
	context->tag = arena_strdup(context->arena, cmd->tag);
	context->uid = cmd->uid_form;
	context->fetch = news_fetch_ref(fetch);
	context->refs = 1;
	list_init(&context->node);
	uid_set_init(&context->matches);
	uid_set_init(&context->pending);
	uid_set_init(&context->fetched);
	imap_args_move(args, context->arena);
	if (!s->contexts) {
		s->contexts = xzalloc(sizeof(*s->contexts));
		list_init(&s->contexts->list);
	}
	if (!s->contexts->n)
		s->contexts->seen = s->selected.known_max;
	context->since = s->selected.known_max;
	s->selected.watched = true; /* from before the first message is asked */
	return context;
}

void context_start(struct session *s, struct context *context, const struct search *search,
                   const struct uid_set *found)
{
	context->search = *search;
	/* ADDTO has no place for scores: RELEVANCY is of what a search answers itself (RFC 6203 4, RFC 5267 4.3.3) */
	context->search.scored = false;
	context->known_keywords = s->selected.view->keywords.n;
	uid_set_copy(&context->matches, found);
	list_add_tail(&s->contexts->list, &context->node);
	s->contexts->n++;
}

void context_drop(struct context *context)
{
	if (context)
		unref(context);
}

static void leave(struct session *s, struct context *context)
{
	list_del(&context->node);
	s->contexts->n--;
	unref(context);
}

void context_cancel(struct session *s, struct slice tag)
{
	if (!s->contexts)
		return;
	list_each (&s->contexts->list, node) {
		struct context *context = list_item(node, struct context, node);

		if (slice_eq(slice_str(context->tag), tag))
			leave(s, context);
	}
}

void contexts_free(struct session *s)
{
	if (!s->contexts)
		return;
	list_each (&s->contexts->list, node)
		leave(s, list_item(node, struct context, node));
	free(s->contexts);
	s->contexts = NULL;
}

/* ---- telling ---- */

/* A search by number goes on by UID once numbers are off (RFC 9586). */
static bool tells_uids(const struct session *s, const struct context *context)
{
	return context->uid || (s->enabled & ENABLED_UIDONLY);
}

/* Ascending, so that ghosts are passed once, however many. */
static void add_set(struct buf *out, const struct session *s, const struct context *context,
                    const struct uid_set *uids)
{
	const struct uid_set *ghosts = &s->selected.ghosts;
	struct uid_set numbers;
	uint32_t uid, at = 0, passed = 0;

	if (tells_uids(s, context)) {
		uid_set_print(uids, out);
		return;
	}
	uid_set_init(&numbers);
	for (struct uid_iter it = uid_iter_of(uids); uid_next(&it, &uid);) {
		uint32_t within = 0;

		for (; at < ghosts->n && ghosts->ranges[at].last < uid; at++)
			passed += ghosts->ranges[at].last - ghosts->ranges[at].first + 1;
		if (at < ghosts->n && ghosts->ranges[at].first < uid)
			within = uid - ghosts->ranges[at].first;
		uid_set_add(&numbers, mailbox_state_from(s->selected.view->state, uid) + passed + within + 1);
	}
	uid_set_print(&numbers, out);
	uid_set_done(&numbers);
}

static void tell(struct session *s, const struct context *context, const char *what,
                 const struct uid_set *uids)
{
	struct buf out;

	if (uid_set_is_empty(uids))
		return;
	buf_init(&out, BUF_NO_LIMIT); /* at most a number a message */
	buf_printf(&out, "* ESEARCH (TAG \"%s\")%s %s (0 ", context->tag,
	           tells_uids(s, context) ? " UID" : "", what);
	add_set(&out, s, context, uids);
	buf_adds(&out, ")\r\n");
	conn_write(s->conn, out.data, out.len);
	buf_done(&out);
}

/* Not what only its flags have brought in (RFC 5465 7). */
static void fetch_new(struct context *context, const struct uid_set *come)
{
	const uint32_t last = uid_set_max(come);
	struct uid_set new;

	if (!context->fetch || last <= context->since)
		return;
	uid_set_init(&new);
	uid_set_copy(&new, come);
	uid_set_del_range(&new, 1, context->since);
	uid_set_subtract(&new, &context->fetched);
	uid_set_union(&context->fetched, &new);
	uid_set_union(&context->fetch->todo, &new);
	uid_set_done(&new);
}

static void change(struct session *s, struct context *context, const struct uid_set *come,
                   const struct uid_set *gone)
{
	tell(s, context, "REMOVEFROM", gone);
	tell(s, context, "ADDTO", come);
	uid_set_subtract(&context->matches, gone);
	uid_set_union(&context->matches, come);
	fetch_new(context, come);
}

/* Numbers are still as they were: this comes before EXPUNGE, and may come long before it. */
void contexts_tell_gone(struct session *s)
{
	const struct uid_set *ghosts = &s->selected.ghosts;

	if (!s->contexts || uid_set_is_empty(ghosts))
		return;
	list_each (&s->contexts->list, node) {
		struct context *context = list_item(node, struct context, node);
		struct uid_set gone;

		uid_set_init(&gone);
		uid_set_copy(&gone, &context->matches);
		uid_set_intersect(&gone, ghosts);
		tell(s, context, "REMOVEFROM", &gone);
		uid_set_subtract(&context->matches, &gone);
		uid_set_subtract(&context->pending, ghosts);
		uid_set_done(&gone);
	}
}

/* ---- asking again ---- */

static void ask(struct context *context, const struct rows *rows, struct uid_set *come, struct uid_set *gone)
{
	const struct search_row row = search_row_of(rows);
	const struct search_facts facts = { .row = &row };
	const bool matched = uid_set_has(&context->matches, row.uid);

	switch (search_match(context->search.root, &facts)) {
	case MATCH_YES:
		if (!matched)
			uid_set_add(come, row.uid);
		break;
	case MATCH_NO:
		if (matched)
			uid_set_add(gone, row.uid);
		break;
	case MATCH_UNKNOWN:
		uid_set_add(&context->pending, row.uid);
	}
}

static void ask_all(struct session *s, struct context *context, const struct uid_set *uids)
{
	const struct keywords *names = &s->selected.view->keywords;
	struct uid_set come, gone;
	struct rows rows;
	/* a worker reads its keys */
	const bool busy = context->known_keywords < names->n && context->refs > 1;

	if (busy || uid_set_count(uids) * context->search.n_keys > ASK_AT_ONCE) {
		uid_set_union(&context->pending, uids);
		return;
	}
	if (context->known_keywords < names->n)
		search_bind_keywords(&context->search, names);
	context->known_keywords = names->n;
	uid_set_init(&come);
	uid_set_init(&gone);
	rows_start(&rows, &s->selected, uids);
	while (rows_next(&rows))
		ask(context, &rows, &come, &gone);
	change(s, context, &come, &gone);
	uid_set_done(&come);
	uid_set_done(&gone);
}

/* ---- what only the content can tell ---- */

struct asking {
	struct context *context;
	struct search_walk walk;
	struct uid_set asked, found;
	bool begun;
};

static struct context *pending(const struct session *s)
{
	list_each (&s->contexts->list, node) {
		struct context *context = list_item(node, struct context, node);

		if (!uid_set_is_empty(&context->pending))
			return context;
	}
	return NULL;
}

static void found(struct imap_cmd *cmd, const struct search_row *row, struct slice header)
{
	struct asking *asking = cmd->state;

	(void)header;
	uid_set_add(&asking->found, row->uid);
}

/* A context that was cancelled meanwhile is in no list. What was expunged meanwhile is told elsewhere. */
static enum imap_next asked(struct imap_cmd *cmd)
{
	struct asking *asking = cmd->state;
	struct context *context = asking->context;
	struct uid_set gone;

	if (list_empty(&context->node))
		return IMAP_DONE;
	uid_set_init(&gone);
	uid_set_copy(&gone, &asking->asked);
	uid_set_subtract(&gone, &asking->found);
	uid_set_intersect(&gone, &context->matches);
	uid_set_subtract(&asking->found, &context->matches);
	uid_set_subtract(&asking->found, &cmd->session->selected.ghosts);
	change(cmd->session, context, &asking->found, &gone);
	uid_set_done(&gone);
	return IMAP_DONE;
}

static enum imap_next asking_begin(struct imap_cmd *cmd, struct asking *asking)
{
	struct session *s = cmd->session;
	struct context *context = s->contexts ? pending(s) : NULL;

	asking->begun = true;
	if (!context)
		return IMAP_DONE;
	context->refs++;
	asking->context = context;
	uid_set_copy(&asking->asked, &context->pending);
	uid_set_done(&context->pending);
	uid_set_init(&context->pending);
	search_bind_keywords(&context->search, &s->selected.view->keywords);
	context->known_keywords = s->selected.view->keywords.n;
	asking->walk.search = context->search;
	asking->walk.found = found;
	asking->walk.finish = asked;
	return search_walk_among(&asking->walk, cmd, &asking->asked);
}

static enum fault asking_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct asking *asking = cmd->state;

	return search_walk_run(&asking->walk, cmd, stack, why);
}

/* When the store is away the context is not kept up to date any more, which the client has to know. */
static enum imap_next asking_failed(struct imap_cmd *cmd, struct asking *asking)
{
	struct context *context = asking->context;

	if (list_empty(&context->node))
		return IMAP_DONE;
	imap_untagged(cmd->session, "NO [NOUPDATE \"%s\"] The search cannot go on", context->tag);
	leave(cmd->session, context);
	return IMAP_DONE;
}

static enum imap_next asking_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct asking *asking = cmd->state;

	if (!asking->begun)
		return asking_begin(cmd, asking);
	if (!fault)
		return search_walk_reply(&asking->walk, cmd, fault, why);
	log_fault(&cmd->log, fault, why, "a search that goes on");
	return asking_failed(cmd, asking);
}

static void asking_done(struct imap_cmd *cmd)
{
	struct asking *asking = cmd->state;

	uid_set_done(&asking->asked);
	uid_set_done(&asking->found);
	search_walk_done(&asking->walk);
	if (asking->context)
		unref(asking->context);
}

static const struct imap_command asking_command = {
	.state_size = sizeof(struct asking),
	.run = asking_run,
	.reply = asking_reply,
	.done = asking_done,
};

static const struct imap_verb asking_verb = { "(context)", &asking_command, IN_SELECTED, UID_FORM };

void contexts_tell_changed(struct session *s)
{
	struct contexts *contexts = s->contexts;
	struct selected *selected = &s->selected;

	if (!contexts)
		return;
	if (selected->known_max > contexts->seen)
		uid_set_add_range(&selected->touched, contexts->seen + 1, selected->known_max);
	contexts->seen = selected->known_max;
	list_each (&contexts->list, node)
		if (!uid_set_is_empty(&selected->touched))
			ask_all(s, list_item(node, struct context, node), &selected->touched);
	uid_set_done(&selected->touched);
	uid_set_init(&selected->touched);
}

bool contexts_go_on(struct session *s)
{
	if (!s->contexts || !pending(s))
		return false;
	imap_aside(s, &asking_verb);
	return true;
}

bool contexts_ask(const struct session *s)
{
	const struct asking *asking;

	if (!s->contexts)
		return false;
	if (pending(s))
		return true;
	if (!s->aside || s->aside->verb != &asking_verb)
		return false;
	asking = s->aside->state;
	return asking->context && !list_empty(&asking->context->node);
}

struct news_fetch *contexts_next_fetch(const struct session *s)
{
	if (!s->contexts)
		return NULL;
	list_each (&s->contexts->list, node) {
		struct context *context = list_item(node, struct context, node);

		if (context->fetch && !uid_set_is_empty(&context->fetch->todo))
			return context->fetch;
	}
	return NULL;
}
