/* A search's way through the mailbox (search_walk.h). */
#include "search_walk.h"

#include "account_ctx.h"
#include "object_id.h"

#define CHUNK       100000        /* keys asked about messages between two looks at other sessions */
#define BATCH       500           /* as many as one look at the contents takes */
#define BATCH_BYTES (1024 * 1024) /* of messages whose bodies are read together, but one at least */
#define ARENA_LARGE (512 * 1024)

/* ---- on the loop ---- */

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
		.save_date = state->save_date[rows->at],
	};
}

static void ask_view(struct search_walk *walk, struct imap_cmd *cmd)
{
	const struct search_row row = row_of(&walk->rows);
	const struct search_facts facts = { .row = &row };
	enum match match = search_match(walk->search.root, &facts);
	struct batch *batch = &walk->batch;

	if (match == MATCH_YES && !walk->wants_header)
		walk->found(cmd, &row, SLICE(""));
	if (match == MATCH_NO || (match == MATCH_YES && !walk->wants_header))
		return;
	walk->open[batch->n] = row;
	batch_take(&batch->items[batch->n++], walk->rows.selected->view->state, walk->rows.at);
}

static void new_batch(struct search_walk *walk, const struct imap_cmd *cmd)
{
	arena_reset(walk->arena);
	walk->batch = (struct batch){ .mailbox = cmd->selected };
	walk->batch.items = arena_array(walk->arena, struct batch_item, BATCH);
	walk->open = arena_array(walk->arena, struct search_row, BATCH);
	walk->answers = arena_array(walk->arena, uint8_t, BATCH);
}

static enum imap_next go_on(struct search_walk *walk, struct imap_cmd *cmd)
{
	uint32_t left = CHUNK / walk->search.n_keys + 1;
	bool more = true;

	rows_resume(&walk->rows);
	while (left-- && walk->batch.n < BATCH && (more = rows_next(&walk->rows)))
		ask_view(walk, cmd);
	walk->running = walk->batch.n == BATCH || (walk->batch.n && !more);
	if (walk->running)
		return IMAP_RUN;
	return more ? IMAP_AGAIN : walk->finish(cmd);
}

/* ---- on a worker ---- */

/* What the view has found is found, whatever its content says of it. */
static void note_broken(struct search_walk *walk, struct imap_cmd *cmd, size_t i, const struct why *why)
{
	const struct search_facts facts = { .row = &walk->open[i] };

	walk->answers[i] = MATCH_NO;
	if (walk->batch.items[i].gone)
		return;
	if (!walk->broken++)
		walk->why = *why;
	if (walk->wants_header && search_match(walk->search.root, &facts) == MATCH_YES)
		walk->found(cmd, &walk->open[i], SLICE(""));
}

/* What is wrong with one message leaves the others as they are. */
static enum fault answer(struct search_walk *walk, struct imap_cmd *cmd, size_t i,
                         const struct batch_item *item, bool bodies, struct why *why)
{
	struct search_reader *reader = &walk->reader;
	struct message message = { .size = 0 };
	enum match match = MATCH_UNKNOWN;
	enum fault fault;

	if (arena_used(reader->arena) > ARENA_LARGE)
		arena_reset(reader->arena);
	fault = batch_open(item, cmd->account->key, reader->arena, &message, why);
	if (!fault)
		fault = search_read(reader, &walk->search, &walk->open[i], &message, bodies, &match, why);
	secret_wipe(&message.key, sizeof(message.key));
	walk->answers[i] = match;
	if (match == MATCH_YES && walk->wants_header)
		walk->found(cmd, &walk->open[i], reader->header);
	if (fault == FAULT_NOT_FOUND || fault == FAULT_CORRUPT || fault == FAULT_TOO_BIG) {
		note_broken(walk, cmd, i, why);
		fault = FAULT_NONE;
	}
	return fault;
}

/* No message is opened for its id alone. */
static void ask_ids(struct search_walk *walk, const struct imap_cmd *cmd)
{
	for (size_t i = 0; i < walk->batch.n; i++) {
		const struct batch_item *item = &walk->batch.items[i];
		const struct id email_id = object_id_raw(cmd->account->key, &item->content);
		const struct search_facts facts = { .row = &walk->open[i], .email_id = &email_id };
		enum match match = item->gone ? MATCH_NO : search_match(walk->search.root, &facts);

		if (match == MATCH_NO || !walk->wants_header)
			walk->answers[i] = match;
	}
}

static enum fault ask_headers(struct search_walk *walk, struct imap_cmd *cmd, struct stack *stack,
                              struct why *why)
{
	struct batch *batch = &walk->batch;
	enum fault fault = batch_load_records(batch, stack, &cmd->actor, false, walk->arena, why);

	for (size_t i = 0; i < batch->n && !fault; i++)
		if (walk->answers[i] == MATCH_UNKNOWN)
			fault = answer(walk, cmd, i, &batch->items[i], false, why);
	return fault;
}

/* Some of those that are open still, from `*at` on, and their bodies. */
static enum fault ask_some_bodies(struct search_walk *walk, struct imap_cmd *cmd, struct stack *stack,
                                  size_t *at, struct why *why)
{
	struct arena *arena = arena_new();
	struct batch some = { .mailbox = walk->batch.mailbox };
	size_t which[BATCH];
	uint64_t bytes = 0;
	enum fault fault;

	some.items = arena_array(arena, struct batch_item, BATCH);
	for (; *at < walk->batch.n && bytes < BATCH_BYTES; ++*at) {
		if (walk->answers[*at] != MATCH_UNKNOWN)
			continue;
		which[some.n] = *at;
		some.items[some.n++] = walk->batch.items[*at];
		bytes += walk->open[*at].size;
	}
	fault = batch_load_records(&some, stack, &cmd->actor, true, arena, why);
	for (size_t i = 0; i < some.n && !fault; i++)
		fault = answer(walk, cmd, which[i], &some.items[i], true, why);
	arena_free(arena);
	return fault;
}

enum fault search_walk_run(struct search_walk *walk, struct imap_cmd *cmd, struct stack *stack,
                           struct why *why)
{
	size_t at = 0;
	enum fault fault = batch_load_keys(&walk->batch, stack, &cmd->actor, walk->arena, why);

	walk->reader.stack = stack;
	walk->reader.actor = &cmd->actor;
	walk->reader.key = cmd->account->key;
	if (!fault && walk->search.by_id)
		ask_ids(walk, cmd);
	if (!fault && (walk->search.by_header || walk->wants_header))
		fault = ask_headers(walk, cmd, stack, why);
	while (!fault && at < walk->batch.n)
		fault = ask_some_bodies(walk, cmd, stack, &at, why);
	return fault;
}

/* ---- and back ---- */

enum imap_next search_walk_reply(struct search_walk *walk, struct imap_cmd *cmd, enum fault fault,
                                 const struct why *why)
{
	if (!walk->running)
		return go_on(walk, cmd);
	if (fault)
		return imap_no(cmd, fault, why);
	batch_give_keys(&walk->batch, cmd->session->selected.view->state);
	for (size_t i = 0; i < walk->batch.n && !walk->wants_header; i++)
		if (walk->answers[i] == MATCH_YES)
			walk->found(cmd, &walk->open[i], SLICE(""));
	new_batch(walk, cmd);
	return go_on(walk, cmd);
}

enum imap_next search_walk_ok(struct search_walk *walk, struct imap_cmd *cmd, const char *text)
{
	if (!walk->broken)
		return imap_ok(cmd, "%s", text);
	log_fault(&cmd->log, FAULT_CORRUPT, &walk->why, "messages could not be searched");
	return imap_ok(cmd, "%s, but for %u messages that could not be opened", text, walk->broken);
}

/* ---- the beginning ---- */

enum imap_next search_walk_refuse(const struct search_walk *walk, struct imap_cmd *cmd,
                                  const struct imap_args *args)
{
	if (walk->search.bad_charset)
		return imap_no_code(cmd, "[BADCHARSET (US-ASCII UTF-8)]", args->error);
	return imap_bad(cmd, args->error);
}

enum imap_next search_walk_start(struct search_walk *walk, struct imap_cmd *cmd)
{
	struct session *s = cmd->session;

	if (!search_bind(&walk->search, &s->selected))
		return imap_bad(cmd, "No such message number");
	if (walk->search.modseq)
		session_enable_condstore(s);
	walk->arena = arena_new();
	walk->reader.arena = arena_new();
	new_batch(walk, cmd);
	rows_start(&walk->rows, &s->selected, NULL);
	return go_on(walk, cmd);
}

void search_walk_done(struct search_walk *walk)
{
	search_reader_done(&walk->reader);
	arena_free(walk->arena);
	arena_free(walk->reader.arena);
}
