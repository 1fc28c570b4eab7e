/*
 * ESEARCH (RFC 7377, MULTISEARCH): a search in several mailboxes, one after the other.
 *
 *   esearch = "ESEARCH" [SP "IN" SP "(" filter *(SP filter) ")"] [SP "RETURN" SP "(" … ")"] SP search-program
 *
 * Each mailbox's view is made fresh and walked as SEARCH does it (search_walk.h); the arguments are read anew for each,
 * since numbers and keywords mean something else there. Mailboxes that are empty are not opened. Nothing is selected by it: what
 * is held of a mailbox that is not is let go before the next.
 */
#include "account_ctx.h"
#include "commands.h"
#include "context.h"
#include "imapd.h"
#include "mailbox_filter.h"
#include "search_return.h"
#include "search_walk.h"
#include "suite/share.h"

#define FILTERS_MAX 64

struct place { /* a mailbox to search */
	struct id id;
	const char *path;
};

struct esearch {
	struct mailbox_filter filters[FILTERS_MAX];
	uint32_t n_filters;
	bool in_selected, in_others, listed;
	struct search_return asked;
	struct imap_args program; /* where the keys begin */
	struct place *places;
	size_t n, at; /* at: the next one */
	/* The present one. */
	struct arena *arena;
	struct view_wait *wait;
	struct selected own; /* unless it is the session's */
	struct search_walk walk;
	struct uid_set found;
	struct context *context;
	bool goes_on; /* there was one */
	uint32_t broken;
	struct why why;
};

static enum imap_next next_place(struct imap_cmd *cmd);

/* ---- arguments ---- */

static bool parse_filters(struct imap_args *args, struct esearch *esearch)
{
	if (!imap_args_space(args) || !imap_args_open(args))
		return false;
	do {
		struct mailbox_filter *filter = &esearch->filters[esearch->n_filters];

		if (esearch->n_filters++ == FILTERS_MAX - 1 || !mailbox_filter_parse(args, filter) ||
		    filter->kind == FILTER_SELECTED_DELAYED)
			return false;
		if (filter->kind == FILTER_SELECTED)
			esearch->in_selected = true;
		else
			esearch->in_others = true;
		if (imap_args_close(args))
			return true;
	} while (imap_args_space(args));
	return false;
}

static const char *objection(const struct imap_cmd *cmd, const struct esearch *esearch)
{
	const bool selected = cmd->session->selected.view;

	if (esearch->in_selected && !selected)
		return "Select a mailbox first";
	if (esearch->asked.update && !selected)
		return "UPDATE is for the mailbox that is selected";
	if ((esearch->asked.wanted & RETURN_SAVE) && esearch->in_others)
		return "SAVE is for the mailbox that is selected alone";
	if (esearch->asked.update && context_has_tag(cmd->session, cmd->tag))
		return "A search that goes on has this tag";
	return NULL;
}

static enum imap_next refuse(struct imap_cmd *cmd, const struct imap_args *args, const struct search *search)
{
	struct esearch *esearch = cmd->state;

	search_return_failed(cmd, &esearch->asked);
	if (search->bad_charset)
		return imap_no_code(cmd, "[BADCHARSET (US-ASCII UTF-8)]", args->error);
	return imap_bad(cmd, args->error);
}

static enum imap_next esearch_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct esearch *esearch = cmd->state;
	struct search search;

	cmd->uid_form = true; /* it tells UIDs alone */
	if (!imap_args_space(args))
		return imap_bad(cmd, args->error);
	if (!imap_args_word(args, "IN"))
		esearch->in_selected = true;
	else if (!parse_filters(args, esearch) || !imap_args_space(args))
		return imap_bad(cmd, "Expected mailboxes to search");
	if (!search_return_parse(args, &esearch->asked))
		return imap_bad(cmd, args->error);
	if (!esearch->asked.extended)
		esearch->asked.wanted = RETURN_ALL;
	esearch->asked.extended = true;
	if (objection(cmd, esearch))
		return imap_bad(cmd, objection(cmd, esearch));
	esearch->program = *args;
	if (!search_parse(args, &search))
		return refuse(cmd, args, &search);
	if (search.by_number && (cmd->session->enabled & ENABLED_UIDONLY))
		return imap_bad(cmd, "[UIDREQUIRED] Message numbers are off since ENABLE UIDONLY");
	if (search.modseq)
		session_enable_condstore(cmd->session);
	return IMAP_RUN;
}

/* ---- which mailboxes, on a worker ---- */

static bool is_asked_for(const struct imap_cmd *cmd, const struct esearch *esearch,
                         const struct folder *folder)
{
	const struct mailbox_meta *meta = &folder->row.meta;

	if (meta->no_select)
		return false;
	if (esearch->in_selected && id_eq(&meta->id, &cmd->selected))
		return true;
	if (!folder->row.head.messages)
		return false;
	for (uint32_t i = 0; i < esearch->n_filters; i++)
		if (esearch->filters[i].kind != FILTER_SELECTED &&
		    mailbox_filter_has(&esearch->filters[i], folder->path, meta))
			return true;
	return false;
}

/* What is selected is another account's: it is searched as well, under the name that it has here. */
static enum fault add_shared(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct esearch *esearch = cmd->state;
	struct shares shares;
	enum fault fault = share_load(stack, &cmd->account->guest, NULL, cmd->arena, &shares, why);

	if (fault)
		return fault;
	for (size_t i = 0; i < shares.n; i++)
		if (id_eq(&shares.list[i].folder.row.meta.id, &cmd->selected))
			esearch->places[esearch->n++] =
			    (struct place){ cmd->selected, shares.list[i].folder.path };
	shares_done(&shares);
	return FAULT_NONE;
}

static enum fault list_places(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct esearch *esearch = cmd->state;
	struct folder_list *list;
	enum fault fault = folder_list_load(cmd->account, stack, &list, why);

	if (fault)
		return fault;
	esearch->places = arena_array(cmd->arena, struct place, list->folders.n + 1);
	for (size_t i = 0; i < list->folders.n; i++) {
		const struct folder *folder = list->folders.list[i];

		if (is_asked_for(cmd, esearch, folder))
			esearch->places[esearch->n++] =
			    (struct place){ folder->row.meta.id, arena_strdup(cmd->arena, folder->path) };
	}
	folder_list_put(cmd->account->folders, list);
	return esearch->in_selected && cmd->acting.kind == ACTOR_GUEST ? add_shared(cmd, stack, why)
	                                                               : FAULT_NONE;
}

static enum fault esearch_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct esearch *esearch = cmd->state;

	return esearch->listed ? search_walk_run(&esearch->walk, cmd, stack, why)
	                       : list_places(cmd, stack, why);
}

/* ---- one mailbox ---- */

static void leave_place(struct esearch *esearch)
{
	esearch->broken += esearch->walk.broken;
	if (esearch->walk.broken)
		esearch->why = esearch->walk.why;
	context_drop(esearch->context);
	esearch->context = NULL;
	search_walk_done(&esearch->walk);
	esearch->walk = (struct search_walk){ .part = true };
	uid_set_done(&esearch->found);
	uid_set_init(&esearch->found);
	selected_close(&esearch->own);
	arena_reset(esearch->arena);
}

static void take(struct imap_cmd *cmd, const struct search_row *row, struct slice header)
{
	struct esearch *esearch = cmd->state;

	(void)header;
	uid_set_add(&esearch->found, row->uid);
}

static enum imap_next place_done(struct imap_cmd *cmd)
{
	struct esearch *esearch = cmd->state;
	const struct selected *selected = esearch->walk.selected;
	struct search_found found;

	search_found_among(selected, true, &esearch->found, esearch->arena, &found);
	if (esearch->context)
		context_start(cmd->session, esearch->context, &esearch->walk.search, &esearch->found);
	esearch->context = NULL;
	esearch->asked.mailbox = esearch->places[esearch->at - 1].path;
	esearch->asked.uid_validity = selected->view->state->head.uid_validity;
	if (found.n || (esearch->asked.wanted & RETURN_SAVE))
		search_return_tell(cmd, &esearch->asked, "SEARCH", esearch->walk.search.modseq, &found);
	leave_place(esearch);
	return next_place(cmd);
}

static void nothing(void *arg)
{
	(void)arg;
}

/* The session's own mailbox is searched as far as the session knows it. */
static enum imap_next search_place(struct imap_cmd *cmd, struct view *view)
{
	struct esearch *esearch = cmd->state;
	struct session *s = cmd->session;
	const bool is_selected = s->selected.view == view;
	struct imap_args args = esearch->program;

	if (is_selected) {
		view_put(view);
		if (esearch->asked.update && !esearch->goes_on)
			esearch->context = context_begin(cmd, &args, esearch->asked.fetch);
		esearch->goes_on = true;
	} else {
		esearch->own.on_news = nothing;
		selected_open(&esearch->own, view, true);
	}
	if (!esearch->context)
		args.arena = esearch->arena;
	if (!search_parse(&args, &esearch->walk.search))
		return refuse(cmd, &args, &esearch->walk.search); /* it was read before */
	esearch->walk.selected = is_selected ? &s->selected : &esearch->own;
	esearch->walk.found = take;
	esearch->walk.finish = place_done;
	return search_walk_start(&esearch->walk, cmd);
}

static void on_view(void *arg, enum fault fault, const struct why *why, struct view *view)
{
	struct imap_cmd *cmd = arg;
	struct esearch *esearch = cmd->state;

	esearch->wait = NULL;
	if (fault == FAULT_NOT_FOUND)
		imap_resume(cmd, next_place(cmd)); /* it was deleted meanwhile */
	else
		imap_resume(cmd, fault ? imap_no(cmd, fault, why) : search_place(cmd, view));
}

static enum imap_next next_place(struct imap_cmd *cmd)
{
	struct esearch *esearch = cmd->state;
	const struct place *place = &esearch->places[esearch->at];

	cmd->progress = esearch->at;
	if (esearch->at < esearch->n) {
		esearch->at++;
		esearch->wait = view_get(cmd->session->imapd->views,
		                         id_eq(&place->id, &cmd->selected) ? cmd->holder : cmd->account,
		                         &place->id, on_view, cmd);
		return IMAP_WAIT;
	}
	if (esearch->asked.update && !esearch->goes_on)
		imap_untagged(cmd->session, "NO [NOUPDATE \"%s\"] The selected mailbox was not searched",
		              cmd->tag);
	if (!esearch->broken)
		return imap_ok(cmd, "Searched");
	log_fault(&cmd->log, FAULT_CORRUPT, &esearch->why, "messages could not be searched");
	return imap_ok(cmd, "Searched, but for %u messages that could not be opened", esearch->broken);
}

static enum imap_next esearch_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct esearch *esearch = cmd->state;

	if (fault) {
		search_return_failed(cmd, &esearch->asked);
		return imap_no(cmd, fault, why);
	}
	if (esearch->listed)
		return search_walk_reply(&esearch->walk, cmd, fault, why);
	esearch->listed = true;
	esearch->arena = arena_new();
	esearch->walk.part = true;
	cmd->goal = esearch->n;
	return next_place(cmd);
}

static void esearch_done(struct imap_cmd *cmd)
{
	struct esearch *esearch = cmd->state;

	if (esearch->wait)
		view_cancel(esearch->wait);
	if (esearch->arena)
		leave_place(esearch);
	arena_free(esearch->arena);
}

const struct imap_command imap_esearch = {
	.state_size = sizeof(struct esearch),
	.parse = esearch_parse,
	.run = esearch_run,
	.reply = esearch_reply,
	.done = esearch_done,
};
