/*
 * THREAD and UID THREAD (RFC 5256 3, 4): ORDEREDSUBJECT, REFERENCES and REFS.
 *
 * Messages are found as SEARCH finds them, with the headers of those that no earlier THREAD or SORT has made columns of; a
 * worker makes the tree; then they become the session's numbers. What is expunged meanwhile stays in: its number is still the client's.
 */
#include "columns.h"
#include "commands.h"
#include "search_return.h"
#include "search_walk.h"
#include "thread_tree.h"

struct thread_cmd {
	struct search_walk walk;
	struct thread_list list;
	struct thread_tree tree;
	bool building;
};

static void take(struct imap_cmd *cmd, const struct search_row *row, struct slice header)
{
	struct thread_cmd *thread = cmd->state;

	thread_take(&thread->list, row, header);
}

static bool wants_header(struct imap_cmd *cmd, uint32_t uid)
{
	struct thread_cmd *thread = cmd->state;

	return !thread_knows(&thread->list, uid);
}

static enum imap_next finish(struct imap_cmd *cmd)
{
	struct thread_cmd *thread = cmd->state;

	if (thread->list.full)
		return imap_no_code(cmd, "[LIMIT]", "Too many messages to thread at once");
	thread->building = true;
	return IMAP_RUN;
}

/* ---- columns ---- */

static void borrow_columns(struct imap_cmd *cmd)
{
	const struct columns *columns = cmd->session->selected.view->columns;
	struct thread_cmd *thread = cmd->state;

	thread->list.sent.column = column_ref(columns_get(columns, SORT_DATE));
	thread->list.subjects.column = column_ref(columns_get(columns, SORT_SUBJECT));
	thread_ids_start(&thread->list.ids, thread_ids_ref(columns_ids(columns)));
}

static void keep_columns(struct imap_cmd *cmd)
{
	const struct thread_cmd *thread = cmd->state;
	const struct view *view = cmd->session->selected.view;

	columns_keep(view->columns, SORT_DATE, thread->list.sent.made, view->state->n);
	columns_keep(view->columns, SORT_SUBJECT, thread->list.subjects.made, view->state->n);
	columns_keep_ids(view->columns, thread->list.ids.made, view->state->n);
}

/* ---- the end ---- */

/* Rows and what is there both ascend by UID. */
static uint32_t *number_rows(struct imap_cmd *cmd, const struct thread_list *list)
{
	const struct selected *selected = &cmd->session->selected;
	uint32_t *numbers = arena_array(cmd->arena, uint32_t, list->n);
	struct rows rows;
	bool more;

	rows_start(&rows, selected, NULL);
	more = rows_next(&rows);
	for (uint32_t i = 0; i < list->n; i++) {
		uint32_t uid = list->rows[i].uid;

		while (more && rows.uid < uid)
			more = rows_next(&rows);
		if (cmd->uid_form)
			numbers[i] = uid;
		else
			numbers[i] = more && rows.uid == uid ? rows.seq : selected_seq(selected, uid);
	}
	return numbers;
}

static enum imap_next tell(struct imap_cmd *cmd)
{
	struct thread_cmd *thread = cmd->state;
	struct buf out;

	keep_columns(cmd);
	buf_init(&out, BUF_NO_LIMIT); /* a number and parentheses a message */
	buf_adds(&out, "* THREAD");
	if (thread->list.n)
		buf_addc(&out, ' ');
	thread_print(&thread->tree, number_rows(cmd, &thread->list), &out);
	buf_adds(&out, "\r\n");
	conn_write(cmd->session->conn, out.data, out.len);
	buf_done(&out);
	return search_walk_ok(&thread->walk, cmd, "Threaded");
}

/* ---- the way ---- */

static bool parse_algorithm(struct imap_args *args, enum thread_by *ret)
{
	static const char *const words[] = {
		[THREAD_ORDEREDSUBJECT] = "ORDEREDSUBJECT",
		[THREAD_REFERENCES] = "REFERENCES",
		[THREAD_REFS] = "REFS",
	};

	for (enum thread_by by = 0; by < ARRAY_LEN(words); by++) {
		if (imap_args_word(args, words[by])) {
			*ret = by;
			return true;
		}
	}
	args->error = "Unknown threading algorithm";
	return false;
}

static enum imap_next thread_parse_args(struct imap_cmd *cmd, struct imap_args *args)
{
	struct thread_cmd *thread = cmd->state;

	if (!imap_args_space(args) || !parse_algorithm(args, &thread->list.by) || !imap_args_space(args))
		return imap_bad(cmd, args->error);
	if (!search_parse_charset(args, &thread->walk.search))
		return search_walk_refuse(&thread->walk, cmd, args);
	thread->walk.wants_header = wants_header;
	thread->walk.found = take;
	thread->walk.finish = finish;
	borrow_columns(cmd);
	return search_walk_start(&thread->walk, cmd);
}

static enum fault thread_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct thread_cmd *thread = cmd->state;

	if (!thread->building)
		return search_walk_run(&thread->walk, cmd, stack, why);
	thread_build(&thread->list, &thread->tree);
	return FAULT_NONE;
}

static enum imap_next thread_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct thread_cmd *thread = cmd->state;

	return thread->building && !fault ? tell(cmd) : search_walk_reply(&thread->walk, cmd, fault, why);
}

static void thread_done(struct imap_cmd *cmd)
{
	struct thread_cmd *thread = cmd->state;

	thread_tree_done(&thread->tree);
	thread_list_done(&thread->list);
	search_walk_done(&thread->walk);
}

const struct imap_command imap_thread = {
	.state_size = sizeof(struct thread_cmd),
	.parse = thread_parse_args,
	.run = thread_run,
	.reply = thread_reply,
	.done = thread_done,
};
