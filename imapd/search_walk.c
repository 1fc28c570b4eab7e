/* A search's way through the mailbox (search_walk.h). */
#include "search_walk.h"

#include "account_ctx.h"
#include "base/metrics.h"
#include "header_cache.h"
#include "imapd.h"
#include "limit.h"
#include "object_id.h"

#define CHUNK       100000        /* keys asked about messages between two looks at other sessions */
#define BATCH       500           /* as many as one look at the contents takes */
#define BATCH_KNOWN 4096          /* with those whose headers are remembered, which cost little */
#define BATCH_BYTES (1024 * 1024) /* of messages whose bodies are read together, but one at least */
#define ARENA_LARGE (512 * 1024)

static struct metric opened = { .name = "posthouse_imapd_search_opened_total",
	                        .help = "messages that searches opened" };
static struct metric passed = { .name = "posthouse_imapd_search_passed_total",
	                        .help = "messages that searches need not open, by their signatures" };

struct search_open { /* a message of the batch, until it is decided about */
	struct search_row row;
	struct slice digest; /* from the cache, or for it; no data: none */
	bool known;          /* from the cache */
	bool decided;
};

/* ---- on the loop ---- */

struct search_row search_row_of(const struct rows *rows)
{
	const struct mailbox_state *state = rows->selected->view->state;

	return (struct search_row){
		.uid = rows->uid,
		.flags = selected_flags(rows->selected, rows->at),
		.size = state->size[rows->at],
		.recent = uid_set_has(&rows->selected->recent, rows->uid),
		.keywords = state->keywords[rows->at],
		.modseq = state->modseq[rows->at],
		.internal_date = state->internal_date[rows->at],
		.save_date = state->save_date[rows->at],
	};
}

static void new_batch(struct search_walk *walk)
{
	arena_reset(walk->arena);
	walk->batch = (struct batch){ .mailbox = walk->selected->view->mailbox };
	walk->room = BATCH_KNOWN;
	walk->costly = 0;
}

/* With the first message of a batch; most searches have none. */
static void make_room(struct search_walk *walk)
{
	walk->room = MIN_OF(walk->rows.selected->view->state->n, (uint32_t)BATCH_KNOWN);
	/* not cleared, which would cost as much as all else here: each is filled before it is looked at */
	walk->batch.items = arena_alloc(walk->arena, walk->room * sizeof(*walk->batch.items));
	walk->open = arena_alloc(walk->arena, walk->room * sizeof(*walk->open));
}

static void ask_view(struct search_walk *walk, struct imap_cmd *cmd)
{
	const struct view *view = walk->rows.selected->view;
	struct search_row row = search_row_of(&walk->rows);
	const struct search_facts facts = { .row = &row };
	enum match match = search_answer(&walk->search, &facts);
	struct batch *batch = &walk->batch;
	struct slice digest;

	if (match == MATCH_UNKNOWN) {
		row.lacks = search_sieve_lacks(&walk->sieve, row.uid);
		match = search_answer(&walk->search, &facts);
		if (match != MATCH_UNKNOWN)
			metric_inc(&passed);
	}
	if (match == MATCH_NO)
		return;
	if (match == MATCH_YES && walk->search.scored)
		row.score = search_score(&walk->search, &facts);
	if (match == MATCH_YES && !(walk->wants_header && walk->wants_header(cmd, row.uid))) {
		walk->found(cmd, &row, slice_of(NULL, 0));
		return;
	}
	if (!batch->items)
		make_room(walk);
	digest = header_cache_get(view->headers, row.uid);
	if (digest.data)
		digest = arena_copy(walk->arena, digest);
	walk->costly += !digest.data || walk->search.by_body;
	walk->open[batch->n] = (struct search_open){ .row = row, .digest = digest, .known = digest.data };
	batch_take(&batch->items[batch->n++], view->state, walk->rows.at);
}

static bool is_full(const struct search_walk *walk)
{
	return walk->batch.n == walk->room || walk->costly == BATCH;
}

static enum imap_next go_on(struct search_walk *walk, struct imap_cmd *cmd)
{
	uint32_t left = CHUNK / walk->search.n_keys + 1;
	bool more = true;

	rows_resume(&walk->rows);
	while (left-- && !is_full(walk) && (more = rows_next(&walk->rows)))
		ask_view(walk, cmd);
	if (!walk->part) {
		cmd->progress = MAX_OF(cmd->progress, (uint64_t)walk->rows.up);
		cmd->goal = MAX_OF(cmd->goal, (uint64_t)walk->rows.selected->view->state->n);
	}
	walk->running = walk->batch.n && (is_full(walk) || !more);
	if (walk->running)
		return IMAP_RUN;
	return more ? IMAP_AGAIN : walk->finish(cmd);
}

/* ---- on a worker ---- */

/* What the view has found is found, whatever its content says of it. */
static void note_broken(struct search_walk *walk, struct imap_cmd *cmd, size_t i, const struct why *why)
{
	struct search_open *open = &walk->open[i];
	const struct search_facts facts = { .row = &open->row };

	open->decided = true;
	if (walk->batch.items[i].gone)
		return;
	if (!walk->broken++)
		walk->why = *why;
	if (walk->wants_header && search_match(walk->search.root, &facts) == MATCH_YES)
		walk->found(cmd, &open->row, slice_of(NULL, 0));
}

static void note(struct search_walk *walk, struct imap_cmd *cmd, size_t i, enum match match,
                 struct slice header)
{
	walk->open[i].decided = match != MATCH_UNKNOWN;
	if (match == MATCH_YES)
		walk->found(cmd, &walk->open[i].row, header);
}

/* By what is at hand: a digest, the content's id. */
static void ask_known(struct search_walk *walk, struct imap_cmd *cmd, size_t i)
{
	const struct batch_item *item = &walk->batch.items[i];
	struct search_open *open = &walk->open[i];
	struct search_facts facts = { .row = &open->row };
	struct search_merits merits;
	enum match match;
	struct id email_id;

	if (open->decided || (!open->known && !walk->search.by_id))
		return;
	if (walk->search.by_id && item->loaded) {
		email_id = object_id_raw(walk->reader.key, &item->content);
		facts.email_id = &email_id;
	}
	search_count_merits(&walk->search, &merits, &facts);
	if (open->known)
		search_digest(&walk->search, open->digest, &walk->reader.scratch, &facts);
	match = item->gone ? MATCH_NO : search_answer(&walk->search, &facts);
	if (match == MATCH_YES && walk->search.scored)
		open->row.score = search_score(&walk->search, &facts);
	if (match == MATCH_NO || open->known || !walk->wants_header)
		note(walk, cmd, i, match, open->digest);
}

/* What is wrong with one message leaves the others as they are. */
static enum fault ask_message(struct search_walk *walk, struct imap_cmd *cmd, size_t i,
                              const struct batch_item *item, bool bodies, struct why *why)
{
	struct search_reader *reader = &walk->reader;
	struct search_open *open = &walk->open[i];
	struct message message = { .size = 0 };
	enum match match = MATCH_UNKNOWN;
	enum fault fault;

	metric_inc(&opened);
	if (arena_used(reader->arena) > ARENA_LARGE)
		arena_reset(reader->arena);
	fault = batch_open(item, reader->key, reader->arena, &message, why);
	if (!fault)
		fault = search_read(reader, &walk->search, &open->row, &message, bodies, &match, why);
	secret_wipe(&message.key, sizeof(message.key));
	if (fault == FAULT_NOT_FOUND || fault == FAULT_CORRUPT || fault == FAULT_TOO_BIG) {
		note_broken(walk, cmd, i, why);
		return FAULT_NONE;
	}
	if (fault)
		return fault;
	open->row.score = reader->score;
	if (!open->known && !open->digest.data && !reader->header_cut)
		open->digest = header_digest(walk->arena, reader->header);
	note(walk, cmd, i, match, reader->header);
	return FAULT_NONE;
}

/* Some of those that are open still, from `*at` on, read together. */
static enum fault ask_some(struct search_walk *walk, struct imap_cmd *cmd, struct stack *stack, bool bodies,
                           size_t *at, struct why *why)
{
	struct arena *arena = arena_new();
	struct batch some = { .mailbox = walk->batch.mailbox };
	size_t which[BATCH];
	uint64_t bytes = 0;
	enum fault fault;

	some.items = arena_array(arena, struct batch_item, BATCH);
	for (; *at < walk->batch.n && some.n < BATCH && bytes < BATCH_BYTES; ++*at) {
		if (walk->open[*at].decided)
			continue;
		which[some.n] = *at;
		some.items[some.n++] = walk->batch.items[*at];
		bytes += bodies ? walk->open[*at].row.size : 0;
	}
	fault = batch_load_records(&some, stack, walk->reader.actor, bodies, arena, why);
	for (size_t i = 0; i < some.n && !fault; i++)
		fault = ask_message(walk, cmd, which[i], &some.items[i], bodies, why);
	arena_free(arena);
	return fault;
}

static bool some_open(const struct search_walk *walk)
{
	for (size_t i = 0; i < walk->batch.n; i++)
		if (!walk->open[i].decided)
			return true;
	return false;
}

enum fault search_walk_run(struct search_walk *walk, struct imap_cmd *cmd, struct stack *stack,
                           struct why *why)
{
	size_t from = 0, at = 0;
	enum fault fault = FAULT_NONE;

	if (walk->sifting)
		return search_sieve_run(&walk->sieve, stack, why);
	walk->reader.stack = stack;
	for (size_t i = 0; i < walk->batch.n; i++)
		ask_known(walk, cmd, i);
	if (!some_open(walk))
		return FAULT_NONE;
	fault = batch_load_keys(&walk->batch, stack, walk->reader.actor, walk->arena, why);
	for (size_t i = 0; i < walk->batch.n && !fault && walk->search.by_id; i++)
		ask_known(walk, cmd, i);
	while (!fault && (walk->search.by_header || walk->wants_header) && from < walk->batch.n)
		fault = ask_some(walk, cmd, stack, false, &from, why);
	while (!fault && at < walk->batch.n)
		fault = ask_some(walk, cmd, stack, true, &at, why);
	return fault;
}

/* ---- and back ---- */

/* Before the way through the mailbox: what signatures say. */
static enum imap_next sift(struct search_walk *walk, struct imap_cmd *cmd)
{
	enum imap_next next;

	if (!walk->part)
		cmd->goal = MAX_OF(cmd->goal, (uint64_t)walk->rows.selected->view->state->n);
	if (search_sieve_next(&walk->sieve, &next))
		return next;
	walk->sifting = false;
	return go_on(walk, cmd);
}

static void remember(const struct search_walk *walk, struct view *view)
{
	batch_give_keys(&walk->batch, view->state);
	for (size_t i = 0; i < walk->batch.n; i++)
		if (!walk->open[i].known && walk->open[i].digest.data)
			header_cache_put(view->headers, walk->open[i].row.uid, walk->open[i].digest);
}

enum imap_next search_walk_reply(struct search_walk *walk, struct imap_cmd *cmd, enum fault fault,
                                 const struct why *why)
{
	if (fault)
		return imap_no(cmd, fault, why);
	if (walk->sifting)
		return sift(walk, cmd);
	if (!walk->running)
		return go_on(walk, cmd);
	remember(walk, walk->selected->view);
	new_batch(walk);
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

/* What is walked may be another account's. The selected mailbox may be closed while a worker is at it. */
static void take_sides(struct search_walk *walk, const struct imap_cmd *cmd)
{
	const struct selected *walked = walk->selected;
	const bool selected = walked == &cmd->session->selected;

	walk->reader.actor = selected ? &cmd->acting : walked->guest ? &walked->actor : &cmd->actor;
	walk->reader.key = selected ? cmd->holder->key : walked->view->account->key;
	walk->sieve.actor = walk->reader.actor;
	walk->sieve.key = walk->reader.key;
}

enum imap_next search_walk_among(struct search_walk *walk, struct imap_cmd *cmd, const struct uid_set *uids)
{
	if (!walk->selected)
		walk->selected = &cmd->session->selected;
	walk->arena = arena_new();
	walk->reader.arena = arena_new();
	take_sides(walk, cmd);
	new_batch(walk);
	rows_start(&walk->rows, walk->selected, uids);
	walk->sifting = search_sieve_start(&walk->sieve, &walk->search, walk->selected, uids);
	return walk->sifting ? sift(walk, cmd) : go_on(walk, cmd);
}

/* A message counts when it is looked at: what the keys' UIDs leave out does not (RFC 9738 3.1). */
static void limit_search(struct search_walk *walk, struct imap_cmd *cmd)
{
	uid_set_init(&walk->within);
	uid_set_add_range(&walk->within, 1, MAX_OF(cmd->session->selected.known_max, 1u));
	for (const struct search_key *key = walk->search.root->kids; key; key = key->next)
		if ((key->op == SEARCH_UIDS || key->op == SEARCH_NUMBERS) && !key->negated)
			uid_set_intersect(&walk->within, &key->set);
	limit_messages(cmd, &walk->within);
}

enum imap_next search_walk_start(struct search_walk *walk, struct imap_cmd *cmd)
{
	struct session *s = cmd->session;

	if (walk->search.by_number && (s->enabled & ENABLED_UIDONLY))
		return imap_bad(cmd, "[UIDREQUIRED] Message numbers are off since ENABLE UIDONLY");
	if (walk->search.scored && !walk->search.fuzzy)
		return imap_bad(cmd, "RELEVANCY is for searches with FUZZY");
	search_bind(&walk->search, walk->selected ? walk->selected : &s->selected);
	if (walk->search.modseq)
		session_enable_condstore(s);
	if (!imapd_conf.message_limit || walk->selected) /* of several mailboxes there is no oldest message */
		return search_walk_among(walk, cmd, NULL);
	limit_search(walk, cmd);
	return search_walk_among(walk, cmd, &walk->within);
}

void search_walk_done(struct search_walk *walk)
{
	search_sieve_done(&walk->sieve);
	search_reader_done(&walk->reader);
	uid_set_done(&walk->within);
	arena_free(walk->arena);
	arena_free(walk->reader.arena);
}
