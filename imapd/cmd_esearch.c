/*
 * ESEARCH (RFC 7377, MULTISEARCH): a search in several mailboxes, one after the other.
 *
 *   esearch = "ESEARCH" [SP "IN" SP "(" filter *(SP filter) ")"] [SP "RETURN" SP "(" … ")"] SP search-program
 *
 * Each mailbox's view is made fresh and walked as SEARCH does it (search_walk.h); the arguments are read anew for each,
 * since numbers and keywords mean something else there. Mailboxes that are empty are not opened. Nothing is selected by it: what
 * is held of a mailbox that is not is let go before the next. What was found in another account's mailbox is told when
 * the store has just said that it is shared still.
 */
#include "account_ctx.h"
#include "commands.h"
#include "context.h"
#include "esearch_place.h"
#include "imapd.h"
#include "search_return.h"
#include "search_scores.h"
#include "search_walk.h"

struct esearch {
	struct esearch_places places;
	size_t at; /* the next one */
	bool listed;
	struct search_return asked;
	struct imap_args program; /* where the keys begin */
	/* The present one. */
	struct arena *arena;
	struct view_wait *wait;
	struct view *view;        /* from its look until it is open */
	struct view_guest *guest; /* of one that is shared, until it is open */
	struct selected own;      /* unless it is the session's */
	struct search_walk walk;
	struct uid_set found;
	struct search_scores scores;
	struct context *context;
	bool checking; /* whether it may be told of */
	bool goes_on;  /* there was one */
	uint32_t broken;
	struct why why;
};

static enum imap_next next_place(struct imap_cmd *cmd);

/* ---- arguments ---- */

static const char *objection(const struct imap_cmd *cmd, const struct esearch *esearch)
{
	const bool selected = cmd->session->selected.view;

	if (esearch->places.in_selected && !selected)
		return "Select a mailbox first";
	if (esearch->asked.update && !selected)
		return "UPDATE is for the mailbox that is selected";
	if ((esearch->asked.wanted & RETURN_SAVE) && esearch->places.in_others)
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
		esearch->places.in_selected = true;
	else if (!esearch_places_parse(args, &esearch->places) || !imap_args_space(args))
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
	if ((esearch->asked.wanted & RETURN_RELEVANCY) && !search.fuzzy)
		return imap_bad(cmd, "RELEVANCY is for searches with FUZZY");
	if (search.modseq)
		session_enable_condstore(cmd->session);
	return IMAP_RUN;
}

/* ---- on a worker ---- */

static const struct esearch_place *present(const struct esearch *esearch)
{
	return &esearch->places.list[esearch->at - 1];
}

static enum fault esearch_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct esearch *esearch = cmd->state;

	if (!esearch->listed)
		return esearch_places_load(&esearch->places, cmd, stack, why);
	return esearch->checking ? esearch_place_check(present(esearch), stack, why)
	                         : search_walk_run(&esearch->walk, cmd, stack, why);
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
	search_scores_done(&esearch->scores);
	selected_close(&esearch->own);
	view_guest_put(esearch->guest);
	esearch->guest = NULL;
	if (esearch->view)
		view_put(esearch->view);
	esearch->view = NULL;
	arena_reset(esearch->arena);
}

static void take(struct imap_cmd *cmd, const struct search_row *row, struct slice header)
{
	struct esearch *esearch = cmd->state;

	(void)header;
	uid_set_add(&esearch->found, row->uid);
	if (esearch->walk.search.scored)
		search_scores_add(&esearch->scores, row);
}

static enum imap_next tell(struct imap_cmd *cmd)
{
	struct esearch *esearch = cmd->state;
	const struct selected *selected = esearch->walk.selected;
	struct search_found found;

	search_found_among(selected, true, &esearch->found, esearch->arena, &found);
	search_scores_give(&esearch->scores, &found);
	if (esearch->context)
		context_start(cmd->session, esearch->context, &esearch->walk.search, &esearch->found);
	esearch->context = NULL;
	esearch->asked.mailbox = present(esearch)->path;
	esearch->asked.uid_validity = selected->view->state->head.uid_validity;
	if (found.n || (esearch->asked.wanted & RETURN_SAVE))
		search_return_tell(cmd, &esearch->asked, "SEARCH", esearch->walk.search.modseq, &found);
	leave_place(esearch);
	return next_place(cmd);
}

static enum imap_next place_done(struct imap_cmd *cmd)
{
	struct esearch *esearch = cmd->state;

	esearch->checking = present(esearch)->share;
	return esearch->checking ? IMAP_RUN : tell(cmd);
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
		if (esearch->guest)
			selected_be_guest(&esearch->own, esearch->guest, &present(esearch)->actor, ACL_READ);
		esearch->guest = NULL;
	}
	if (!esearch->context)
		args.arena = esearch->arena;
	if (!search_parse(&args, &esearch->walk.search))
		return refuse(cmd, &args, &esearch->walk.search); /* it was read before */
	esearch->walk.search.scored = esearch->asked.wanted & RETURN_RELEVANCY;
	esearch->walk.selected = is_selected ? &s->selected : &esearch->own;
	esearch->walk.found = take;
	esearch->walk.finish = place_done;
	return search_walk_start(&esearch->walk, cmd);
}

static void on_view(void *arg, enum fault fault, const struct why *why, struct view *view);

/* What a guest has seen comes with a look; false: with one that is yet to be made. */
static bool be_guest(struct imap_cmd *cmd, struct view *view)
{
	struct esearch *esearch = cmd->state;

	if (!present(esearch)->share || esearch->guest || cmd->session->selected.view == view)
		return true;
	esearch->guest = view_guest_get(view, &cmd->account->id);
	if (esearch->guest->known)
		return true;
	esearch->view = view;
	esearch->wait = view_look(view, VIEW_ROWS, on_view, cmd);
	return false;
}

static void on_view(void *arg, enum fault fault, const struct why *why, struct view *view)
{
	struct imap_cmd *cmd = arg;
	struct esearch *esearch = cmd->state;

	esearch->wait = NULL;
	if (!fault && !be_guest(cmd, view))
		return;
	if (fault == FAULT_NOT_FOUND) {
		leave_place(esearch);
		imap_resume(cmd, next_place(cmd)); /* it was deleted meanwhile */
		return;
	}
	esearch->view = fault ? esearch->view : NULL;
	imap_resume(cmd, fault ? imap_no(cmd, fault, why) : search_place(cmd, view));
}

static struct account_ctx *holder_of(const struct imap_cmd *cmd, const struct esearch_place *place)
{
	struct share_owner *owner = place->share ? place->share->owner : NULL;

	return owner ? account_ctx_get(cmd->session->imapd, &owner->account, account_key_ref(owner->key))
	             : account_ctx_ref(cmd->account);
}

static enum imap_next next_place(struct imap_cmd *cmd)
{
	struct esearch *esearch = cmd->state;

	cmd->progress = esearch->at;
	if (esearch->at < esearch->places.n) {
		const struct esearch_place *place = &esearch->places.list[esearch->at++];
		struct account_ctx *holder = holder_of(cmd, place);

		esearch->wait =
		    view_get(cmd->session->imapd->views, holder, &place->id, VIEW_ROWS, on_view, cmd);
		account_ctx_unref(holder);
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

static enum imap_next begin(struct imap_cmd *cmd)
{
	struct esearch *esearch = cmd->state;

	esearch->listed = true;
	esearch->arena = arena_new();
	esearch->walk.part = true;
	cmd->goal = esearch->places.n;
	return next_place(cmd);
}

static enum imap_next esearch_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct esearch *esearch = cmd->state;
	const bool checked = esearch->checking;

	esearch->checking = false;
	if (fault == FAULT_NOT_FOUND && esearch->listed && present(esearch)->share) {
		leave_place(esearch); /* it is shared no more */
		return next_place(cmd);
	}
	if (fault) {
		search_return_failed(cmd, &esearch->asked);
		return imap_no(cmd, fault, why);
	}
	if (!esearch->listed)
		return begin(cmd);
	return checked ? tell(cmd) : search_walk_reply(&esearch->walk, cmd, fault, why);
}

static void esearch_done(struct imap_cmd *cmd)
{
	struct esearch *esearch = cmd->state;

	if (esearch->wait)
		view_cancel(esearch->wait);
	if (esearch->arena)
		leave_place(esearch);
	arena_free(esearch->arena);
	shares_done(&esearch->places.shares);
}

const struct imap_command imap_esearch = {
	.state_size = sizeof(struct esearch),
	.parse = esearch_parse,
	.run = esearch_run,
	.reply = esearch_reply,
	.done = esearch_done,
};
