/*
 * SEARCH and UID SEARCH (RFC 3501 6.4.4, 6.4.8; MODSEQ: RFC 7162 3.1.5).
 *
 * The loop asks the view of every message; those that it cannot decide about go to a worker in batches, which looks at
 * headers first, all of a batch with one read, and opens bodies only of what is open still.
 * Found are UIDs; they become the session's numbers at the end.
 */
#include <inttypes.h>

#include "account_ctx.h"
#include "batch.h"
#include "commands.h"
#include "rows.h"
#include "search_read.h"

#define CHUNK       100000        /* keys asked about messages between two looks at other sessions */
#define BATCH       500           /* as many as one look at the contents takes */
#define BATCH_BYTES (1024 * 1024) /* of messages whose bodies are read together, but one at least */
#define ARENA_LARGE (512 * 1024)

struct search_cmd {
	struct search search;
	struct rows rows;
	struct uid_set found;
	uint64_t modseq; /* highest of what was found */
	/* The batch. */
	struct arena *arena;
	struct batch batch;
	struct search_row *open;
	uint8_t *answers; /* enum match, as the worker gives them */
	bool running;
	struct search_reader reader;
	uint32_t broken;
	struct why why; /* of the first broken one */
};

/* ---- the end ---- */

static void print_number(struct buf *out, uint32_t number)
{
	char text[12];
	size_t at = sizeof(text);

	do
		text[--at] = (char)('0' + number % 10);
	while (number /= 10);
	text[--at] = ' ';
	buf_add(out, text + at, sizeof(text) - at);
}

static enum imap_next finish(struct imap_cmd *cmd)
{
	struct search_cmd *search = cmd->state;
	struct rows rows;
	struct buf out;
	bool any = false;

	buf_init(&out, BUF_NO_LIMIT); /* a number a message */
	buf_adds(&out, "* SEARCH");
	rows_start(&rows, &cmd->session->selected, &search->found);
	while (rows_next(&rows)) {
		print_number(&out, cmd->uid_form ? rows.uid : rows.seq);
		any = true;
	}
	if (any && search->search.modseq)
		buf_printf(&out, " (MODSEQ %" PRIu64 ")", search->modseq);
	buf_adds(&out, "\r\n");
	conn_write(cmd->session->conn, out.data, out.len);
	buf_done(&out);
	if (!search->broken)
		return imap_ok(cmd, "Searched");
	log_fault(&cmd->log, FAULT_CORRUPT, &search->why, "messages could not be searched");
	return imap_ok(cmd, "Searched, but for %u messages that could not be opened", search->broken);
}

/* ---- on the loop ---- */

static void note_found(struct search_cmd *search, const struct search_row *row)
{
	uid_set_add(&search->found, row->uid);
	search->modseq = MAX_OF(search->modseq, row->modseq);
}

static struct search_row row_of(const struct rows *rows)
{
	const struct mailbox_state *state = rows->selected->view->state;

	return (struct search_row){
		.uid = rows->uid,
		.flags = state->flags[rows->at],
		.size = state->size[rows->at],
		.recent = uid_set_has(&rows->selected->recent, rows->uid),
		.keywords = state->keywords[rows->at],
		.modseq = state->modseq[rows->at],
		.internal_date = state->internal_date[rows->at],
	};
}

static void ask_view(struct search_cmd *search)
{
	const struct search_row row = row_of(&search->rows);
	const struct search_facts facts = { .row = &row };
	enum match match = search_match(search->search.root, &facts);
	struct batch *batch = &search->batch;

	if (match == MATCH_YES)
		note_found(search, &row);
	if (match != MATCH_UNKNOWN)
		return;
	search->open[batch->n] = row;
	batch_take(&batch->items[batch->n++], search->rows.selected->view->state, search->rows.at);
}

static void new_batch(struct imap_cmd *cmd, struct search_cmd *search)
{
	arena_reset(search->arena);
	search->batch = (struct batch){ .mailbox = cmd->selected };
	search->batch.items = arena_array(search->arena, struct batch_item, BATCH);
	search->open = arena_array(search->arena, struct search_row, BATCH);
	search->answers = arena_array(search->arena, uint8_t, BATCH);
}

static enum imap_next go_on(struct imap_cmd *cmd)
{
	struct search_cmd *search = cmd->state;
	uint32_t left = CHUNK / search->search.n_keys + 1;
	bool more = true;

	rows_resume(&search->rows);
	while (left-- && search->batch.n < BATCH && (more = rows_next(&search->rows)))
		ask_view(search);
	search->running = search->batch.n == BATCH || (search->batch.n && !more);
	if (search->running)
		return IMAP_RUN;
	return more ? IMAP_AGAIN : finish(cmd);
}

/* ---- on a worker ---- */

static void note_broken(struct search_cmd *search, size_t i, const struct why *why)
{
	search->answers[i] = MATCH_NO;
	if (!search->batch.items[i].gone && !search->broken++)
		search->why = *why;
}

/* What is wrong with one message leaves the others as they are. */
static enum fault answer(struct imap_cmd *cmd, size_t i, const struct batch_item *item, bool bodies,
                         struct why *why)
{
	struct search_cmd *search = cmd->state;
	struct search_reader *reader = &search->reader;
	struct message message = { .size = 0 };
	enum match match = MATCH_UNKNOWN;
	enum fault fault;

	if (arena_used(reader->arena) > ARENA_LARGE)
		arena_reset(reader->arena);
	fault = batch_open(item, cmd->account->key, reader->arena, &message, why);
	if (!fault)
		fault = search_read(reader, &search->search, &search->open[i], &message, bodies, &match, why);
	secret_wipe(&message.key, sizeof(message.key));
	search->answers[i] = match;
	if (fault == FAULT_NOT_FOUND || fault == FAULT_CORRUPT || fault == FAULT_TOO_BIG) {
		note_broken(search, i, why);
		fault = FAULT_NONE;
	}
	return fault;
}

static enum fault ask_headers(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct search_cmd *search = cmd->state;
	struct batch *batch = &search->batch;
	enum fault fault = batch_load_records(batch, stack, &cmd->actor, false, search->arena, why);

	for (size_t i = 0; i < batch->n && !fault; i++)
		fault = answer(cmd, i, &batch->items[i], false, why);
	return fault;
}

/* Some of those that are open still, from `*at` on, and their bodies. */
static enum fault ask_some_bodies(struct imap_cmd *cmd, struct stack *stack, size_t *at, struct why *why)
{
	struct search_cmd *search = cmd->state;
	struct arena *arena = arena_new();
	struct batch some = { .mailbox = search->batch.mailbox };
	size_t which[BATCH];
	uint64_t bytes = 0;
	enum fault fault;

	some.items = arena_array(arena, struct batch_item, BATCH);
	for (; *at < search->batch.n && bytes < BATCH_BYTES; ++*at) {
		if (search->answers[*at] != MATCH_UNKNOWN)
			continue;
		which[some.n] = *at;
		some.items[some.n++] = search->batch.items[*at];
		bytes += search->open[*at].size;
	}
	fault = batch_load_records(&some, stack, &cmd->actor, true, arena, why);
	for (size_t i = 0; i < some.n && !fault; i++)
		fault = answer(cmd, which[i], &some.items[i], true, why);
	arena_free(arena);
	return fault;
}

static enum fault search_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct search_cmd *search = cmd->state;
	size_t at = 0;
	enum fault fault = batch_load_keys(&search->batch, stack, &cmd->actor, search->arena, why);

	search->reader.stack = stack;
	search->reader.actor = &cmd->actor;
	if (!fault && search->search.by_header)
		fault = ask_headers(cmd, stack, why);
	while (!fault && at < search->batch.n)
		fault = ask_some_bodies(cmd, stack, &at, why);
	return fault;
}

/* ---- and back ---- */

static enum imap_next search_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct search_cmd *search = cmd->state;

	if (!search->running)
		return go_on(cmd);
	if (fault)
		return imap_no(cmd, fault, why);
	batch_give_keys(&search->batch, cmd->session->selected.view->state);
	for (size_t i = 0; i < search->batch.n; i++)
		if (search->answers[i] == MATCH_YES)
			note_found(search, &search->open[i]);
	new_batch(cmd, search);
	return go_on(cmd);
}

/* ---- the beginning ---- */

static enum imap_next refuse(struct imap_cmd *cmd, const struct imap_args *args)
{
	const struct search_cmd *search = cmd->state;

	if (search->search.bad_charset)
		return imap_no_code(cmd, "[BADCHARSET (US-ASCII UTF-8)]", args->error);
	return imap_bad(cmd, args->error);
}

static enum imap_next search_parse_args(struct imap_cmd *cmd, struct imap_args *args)
{
	struct search_cmd *search = cmd->state;

	if (!imap_args_space(args) || !search_parse(args, &search->search))
		return refuse(cmd, args);
	if (!search_bind(&search->search, &cmd->session->selected))
		return imap_bad(cmd, "No such message number");
	if (search->search.modseq)
		session_enable_condstore(cmd->session);
	search->arena = arena_new();
	search->reader.arena = arena_new();
	new_batch(cmd, search);
	rows_start(&search->rows, &cmd->session->selected, NULL);
	return go_on(cmd);
}

static void search_done(struct imap_cmd *cmd)
{
	struct search_cmd *search = cmd->state;

	uid_set_done(&search->found);
	search_reader_done(&search->reader);
	arena_free(search->arena);
	arena_free(search->reader.arena);
}

const struct imap_command imap_search = {
	.state_size = sizeof(struct search_cmd),
	.parse = search_parse_args,
	.run = search_run,
	.reply = search_reply,
	.done = search_done,
};
