/*
 * SORT and UID SORT (RFC 5256, DISPLAYFROM and DISPLAYTO: RFC 5957; MODSEQ: RFC 7162
 * 3.1.6; RETURN: RFC 5267 3; RELEVANCY: RFC 6203 6).
 *
 * Messages are found as SEARCH finds them, their headers at hand unless the view knows all that is sorted by, or an
 * earlier SORT has made columns of it; a worker puts them in order; then they become the session's numbers.
 */
#include "columns.h"
#include "commands.h"
#include "context.h"
#include "search_return.h"
#include "search_scores.h"
#include "search_walk.h"
#include "sort_key.h"

struct sort_cmd {
	struct search_walk walk;
	struct search_return asked;
	struct sort_list list;
	struct uid_set uids;
	struct search_scores scores;
	bool ordering;
};

static void take(struct imap_cmd *cmd, const struct search_row *row, struct slice header)
{
	struct sort_cmd *sort = cmd->state;

	sort_take(&sort->list, row, header);
	if (sort->asked.wanted & RETURN_RELEVANCY)
		search_scores_add(&sort->scores, row);
}

static bool wants_header(struct imap_cmd *cmd, uint32_t uid)
{
	struct sort_cmd *sort = cmd->state;

	return !sort_knows(&sort->list, uid);
}

static enum imap_next finish(struct imap_cmd *cmd)
{
	struct sort_cmd *sort = cmd->state;

	sort->ordering = true;
	return IMAP_RUN;
}

/* ---- columns ---- */

static void borrow_columns(struct imap_cmd *cmd)
{
	struct sort_cmd *sort = cmd->state;
	const struct sort_criteria *criteria = &sort->list.criteria;

	for (uint32_t i = 0; i < criteria->n; i++)
		sort->list.uses[i].column =
		    column_ref(columns_get(cmd->session->selected.view->columns, criteria->list[i].by));
}

static void keep_columns(struct imap_cmd *cmd)
{
	const struct sort_cmd *sort = cmd->state;
	const struct sort_criteria *criteria = &sort->list.criteria;
	struct view *view = cmd->session->selected.view;

	for (uint32_t i = 0; i < criteria->n; i++)
		columns_keep(view->columns, criteria->list[i].by, sort->list.uses[i].made, view->state->n);
}

/* ---- the end ---- */

/* What is still there, in the order of the list. Both it and `there` ascend by UID. */
static void arrange(struct imap_cmd *cmd, struct sort_list *list, const struct search_found *there,
                    struct search_found *ret)
{
	size_t at = 0;

	for (uint32_t i = 0; i < list->n; i++) {
		while (at < there->n && there->rows[at].uid < list->rows[i].uid)
			at++;
		list->rows[i].found =
		    at < there->n && there->rows[at].uid == list->rows[i].uid ? (uint32_t)at : UINT32_MAX;
	}
	ret->rows = arena_array(cmd->arena, struct search_row_found, there->n);
	ret->n = 0;
	for (uint32_t i = 0; i < list->n; i++) {
		uint32_t found = list->rows[list->order[i]].found;

		if (found != UINT32_MAX)
			ret->rows[ret->n++] = there->rows[found];
	}
}

static enum imap_next tell(struct imap_cmd *cmd)
{
	struct sort_cmd *sort = cmd->state;
	struct search_found there, sorted;

	if (sort->list.full) {
		search_return_failed(cmd, &sort->asked);
		return imap_no_code(cmd, "[LIMIT]", "Too many messages to sort at once");
	}
	keep_columns(cmd);
	search_found_take(cmd, &sort->uids, &there);
	search_scores_give(&sort->scores, &there);
	arrange(cmd, &sort->list, &there, &sorted);
	search_return_tell(cmd, &sort->asked, "SORT", sort->walk.search.modseq, &sorted);
	return search_walk_ok(&sort->walk, cmd, "Sorted");
}

/* ---- the way ---- */

static enum imap_next sort_parse_args(struct imap_cmd *cmd, struct imap_args *args)
{
	struct sort_cmd *sort = cmd->state;

	if (!imap_args_space(args) || !search_return_parse(args, &sort->asked) ||
	    !sort_parse(args, &sort->list.criteria) || !imap_args_space(args))
		return imap_bad(cmd, args->error);
	if (!search_parse_charset(args, &sort->walk.search)) {
		if (sort->walk.search.bad_charset)
			search_return_failed(cmd, &sort->asked);
		return search_walk_refuse(&sort->walk, cmd, args);
	}
	if (sort->asked.update && context_has_tag(cmd->session, cmd->tag))
		return imap_bad(cmd, "A search that goes on has this tag");
	if (sort->asked.update)
		imap_untagged(cmd->session, "NO [NOUPDATE \"%s\"] Only a SEARCH goes on", cmd->tag);
	sort->walk.search.scored =
	    (sort->asked.wanted & RETURN_RELEVANCY) || sort->list.criteria.by_relevancy;
	sort->walk.wants_header = sort->list.criteria.by_header ? wants_header : NULL;
	sort->walk.found = take;
	sort->walk.finish = finish;
	borrow_columns(cmd);
	return search_walk_start(&sort->walk, cmd);
}

static enum fault sort_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct sort_cmd *sort = cmd->state;

	if (!sort->ordering)
		return search_walk_run(&sort->walk, cmd, stack, why);
	sort_put_in_order(&sort->list);
	for (uint32_t i = 0; i < sort->list.n; i++)
		uid_set_add(&sort->uids, sort->list.rows[i].uid);
	return FAULT_NONE;
}

static enum imap_next sort_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct sort_cmd *sort = cmd->state;

	if (fault)
		search_return_failed(cmd, &sort->asked);
	return sort->ordering && !fault ? tell(cmd) : search_walk_reply(&sort->walk, cmd, fault, why);
}

static void sort_done(struct imap_cmd *cmd)
{
	struct sort_cmd *sort = cmd->state;

	uid_set_done(&sort->uids);
	search_scores_done(&sort->scores);
	sort_list_done(&sort->list);
	search_walk_done(&sort->walk);
}

const struct imap_command imap_sort = {
	.state_size = sizeof(struct sort_cmd),
	.parse = sort_parse_args,
	.run = sort_run,
	.reply = sort_reply,
	.done = sort_done,
};
