/*
 * SEARCH and UID SEARCH (RFC 3501 6.4.4, 6.4.8; MODSEQ: RFC 7162 3.1.5; RETURN:
 * RFC 4731; SAVE and "$": RFC 5182; PARTIAL: RFC 9394; UPDATE: RFC 5267; FUZZY and RELEVANCY: RFC 6203).
 *
 * Found are UIDs (search_walk.h); they become the session's numbers at the end (search_return.h).
 */
#include "commands.h"
#include "context.h"
#include "search_return.h"
#include "search_scores.h"
#include "search_walk.h"

struct search_cmd {
	struct search_walk walk;
	struct search_return asked;
	struct uid_set found;
	struct search_scores scores;
	struct context *context; /* UPDATE: until the session has it */
};

static void take(struct imap_cmd *cmd, const struct search_row *row, struct slice header)
{
	struct search_cmd *search = cmd->state;

	(void)header;
	uid_set_add(&search->found, row->uid);
	if (search->walk.search.scored)
		search_scores_add(&search->scores, row);
}

static enum imap_next finish(struct imap_cmd *cmd)
{
	struct search_cmd *search = cmd->state;
	struct search_found found;

	search_found_take(cmd, &search->found, &found);
	search_scores_give(&search->scores, &found);
	if (search->context)
		context_start(cmd->session, search->context, &search->walk.search, &search->found);
	search->context = NULL;
	search_return_tell(cmd, &search->asked, "SEARCH", search->walk.search.modseq, &found);
	return search_walk_ok(&search->walk, cmd, "Searched");
}

static enum imap_next search_parse_args(struct imap_cmd *cmd, struct imap_args *args)
{
	struct search_cmd *search = cmd->state;

	if (!imap_args_space(args) || !search_return_parse(args, &search->asked))
		return imap_bad(cmd, args->error);
	if ((cmd->session->enabled & ENABLED_UTF8) && imap_args_word(args, "CHARSET"))
		return imap_bad(cmd, "With UTF8=ACCEPT a search has no charset"); /* RFC 6855 3 */
	if (!search->asked.extended && (cmd->session->enabled & ENABLED_REV2))
		search->asked = (struct search_return){ .extended = true, .wanted = RETURN_ALL };
	if (search->asked.update && context_has_tag(cmd->session, cmd->tag))
		return imap_bad(cmd, "A search that goes on has this tag");
	if (search->asked.update)
		search->context = context_begin(cmd, args, search->asked.fetch);
	if (!search_parse(args, &search->walk.search)) {
		if (search->walk.search.bad_charset)
			search_return_failed(cmd, &search->asked);
		return search_walk_refuse(&search->walk, cmd, args);
	}
	search->walk.search.scored = search->asked.wanted & RETURN_RELEVANCY;
	search->walk.found = take;
	search->walk.finish = finish;
	return search_walk_start(&search->walk, cmd);
}

static enum fault search_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct search_cmd *search = cmd->state;

	return search_walk_run(&search->walk, cmd, stack, why);
}

static enum imap_next search_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct search_cmd *search = cmd->state;

	if (fault)
		search_return_failed(cmd, &search->asked);
	return search_walk_reply(&search->walk, cmd, fault, why);
}

static void search_done(struct imap_cmd *cmd)
{
	struct search_cmd *search = cmd->state;

	context_drop(search->context);
	uid_set_done(&search->found);
	search_scores_done(&search->scores);
	search_walk_done(&search->walk);
}

const struct imap_command imap_search = {
	.state_size = sizeof(struct search_cmd),
	.parse = search_parse_args,
	.run = search_run,
	.reply = search_reply,
	.done = search_done,
};
