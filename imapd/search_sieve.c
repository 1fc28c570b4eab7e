/* What signatures say of a search (search_sieve.h). */
#include "search_sieve.h"

#include <stdlib.h>

#include "base/log.h"
#include "mail/fold.h"
#include "search_walk.h"
#include "signatures.h"
#include "suite/signature.h"
#include "view.h"

#define MESSAGES_MIN 64     /* fewer are opened as fast */
#define LOAD_MIN     16     /* the same, of those whose signatures are not in memory */
#define CHUNK        100000 /* keys asked about messages between two looks at other sessions */

/* ---- on the loop ---- */

/* That a field is there at all stands in the signature as "NAME: ". */
static struct segment_query *query_of_name(const struct search_key *key)
{
	struct segment_query *query = NULL;
	struct buf name;

	buf_init(&name, 4096);
	if (fold_search(&name, key->name) && buf_adds(&name, ": "))
		query = segment_query_new(buf_slice(&name));
	buf_done(&name);
	return query;
}

/* A text of two letters says nothing. Whether there is anything to ask. */
static bool make_queries(const struct search_key *key, struct segment_query *ret[FUZZY_PARTS])
{
	struct slice parts[FUZZY_PARTS];
	const size_t n = key->word ? fuzzy_parts(key->word, parts) : 0;

	for (size_t i = 0; i < n; i++)
		ret[i] = segment_query_bare(parts[i]);
	if (!n)
		ret[0] = segment_query_new(key->text);
	if (!ret[0] && key->op == SEARCH_HEADER)
		ret[0] = query_of_name(key);
	return ret[0];
}

bool search_sieve_start(struct search_sieve *sieve, const struct search *search,
                        const struct selected *selected, const struct uid_set *uids)
{
	struct view *view = selected->view;
	const char *dir = view_cache_dir(view);
	bool any = false;

	if (view->state->n < MESSAGES_MIN || (uids && uid_set_count(uids) < MESSAGES_MIN))
		return false;
	for (uint32_t i = 0; i < search->n_texts; i++)
		any |= make_queries(search->texts[i], sieve->asked[i]);
	if (search->fuzzy)
		signatures_renew(view->signatures, loop_now(view_loop(view)));
	if (!any || !signatures_make_room(view->signatures, view_search_memory(view)))
		return false;
	sieve->search = search;
	sieve->arena = arena_new();
	sieve->file.file = signature_file_of(dir, view->account, &view->mailbox);
	sieve->file.uid_validity = view->state->head.uid_validity;
	sieve->file.modseq = view->state->head.modseq;
	sieve->batch.mailbox = view->mailbox;
	sieve->state = dir && signatures_first(view->signatures) ? SIEVE_FILE : SIEVE_LOAD;
	rows_start(&sieve->rows, selected, uids);
	return true;
}

static void unref_all(struct segment **segments, size_t n)
{
	for (size_t i = 0; i < n; i++)
		segment_unref(segments[i]);
}

/* The file's, unless it turns out to be of another past than the mailbox. */
static void check_fresh(struct search_sieve *sieve, const struct view *view)
{
	if (signature_file_is_of(&sieve->file, view->state, sieve->fresh, sieve->n_fresh))
		return;
	unref_all(sieve->fresh, sieve->n_fresh);
	sieve->n_fresh = 0;
}

static void take_fresh(struct search_sieve *sieve, struct view *view, int64_t now)
{
	for (size_t i = 0; i < sieve->n_fresh; i++)
		signatures_add(view->signatures, sieve->fresh[i], sieve->small, sieve->n_small, now);
	unref_all(sieve->small, sieve->n_small);
	sieve->n_fresh = sieve->n_small = 0;
}

/* A job has come back. */
static void take_back(struct search_sieve *sieve, struct view *view)
{
	const int64_t now = loop_now(view_loop(view));

	sieve->running = false;
	if (sieve->state == SIEVE_FILE)
		check_fresh(sieve, view);
	take_fresh(sieve, view, now);
	if (sieve->state == SIEVE_FILE) {
		signatures_saved(view->signatures);
		sieve->state = SIEVE_LOAD;
	} else if (sieve->state == SIEVE_LOAD) {
		batch_give_keys(&sieve->batch, view->state);
		view_sign_consider(view);
		sieve->batch = (struct batch){ .mailbox = sieve->batch.mailbox };
		arena_reset(sieve->arena);
	} else {
		sieve->state = SIEVE_READY;
	}
}

static void want(struct search_sieve *sieve, struct view *view, int64_t now)
{
	const struct search_row row = search_row_of(&sieve->rows);
	const struct search_facts facts = { .row = &row };
	struct batch *batch = &sieve->batch;

	if (search_answer(sieve->search, &facts) != MATCH_UNKNOWN ||
	    !signatures_want(view->signatures, row.uid, now))
		return;
	if (!batch->items)
		batch->items = arena_array(sieve->arena, struct batch_item,
		                           MIN_OF(view->state->n, (uint32_t)SIGNATURES_SEGMENT));
	batch_take(&batch->items[batch->n++], view->state, sieve->rows.at);
}

/* Goes through the view until there is enough to load. */
static bool collect(struct search_sieve *sieve, struct view *view, enum imap_next *ret)
{
	const int64_t now = loop_now(view_loop(view));
	const size_t room = MIN_OF(view->state->n, (uint32_t)SIGNATURES_SEGMENT);
	uint32_t left = CHUNK / sieve->search->n_keys + 1;
	bool more = true;

	rows_resume(&sieve->rows);
	while (left-- && sieve->batch.n < room && (more = rows_next(&sieve->rows)))
		want(sieve, view, now);
	if (more && sieve->batch.n < room) {
		*ret = IMAP_AGAIN;
		return true;
	}
	if (sieve->batch.n < LOAD_MIN || !signatures_make_room(view->signatures, view_search_memory(view)))
		return false;
	sieve->small = signatures_hold(view->signatures, true, sieve->arena, &sieve->n_small);
	*ret = IMAP_RUN;
	return true;
}

bool search_sieve_next(struct search_sieve *sieve, enum imap_next *ret)
{
	struct view *view = sieve->rows.selected->view;

	if (sieve->running)
		take_back(sieve, view);
	if (sieve->state == SIEVE_READY)
		return false;
	if (sieve->state == SIEVE_LOAD && collect(sieve, view, ret)) {
		sieve->running = *ret == IMAP_RUN;
		return true;
	}
	if (sieve->state == SIEVE_LOAD) {
		sieve->state = SIEVE_ASK;
		arena_reset(sieve->arena);
		sieve->held = signatures_hold(view->signatures, false, sieve->arena, &sieve->n_held);
		sieve->save = sieve->file.file.dir && signatures_unsaved(view->signatures);
		if (sieve->save) {
			signature_file_mark(&sieve->file, view->state, sieve->arena);
			signatures_saved(view->signatures);
		}
		if (!sieve->n_held)
			return false;
	}
	sieve->running = true;
	*ret = IMAP_RUN;
	return true;
}

/* ---- on a worker ---- */

static enum fault load(struct search_sieve *sieve, struct stack *stack, struct why *why)
{
	struct arena *arena = arena_new();
	struct signature_wanted *wanted = arena_array(arena, struct signature_wanted, sieve->batch.n);
	struct batch *batch = &sieve->batch;
	struct buf rows;
	size_t n = 0;
	enum fault fault = batch_load_keys(batch, stack, sieve->actor, sieve->arena, why);

	for (size_t i = 0; i < batch->n && !fault; i++)
		if (!batch->items[i].gone)
			wanted[n++] = (struct signature_wanted){ .content = batch->items[i].content,
				                                 .key = batch->items[i].key };
	if (!fault)
		fault = signatures_load(stack, sieve->actor, sieve->key, wanted, n, arena, why);
	buf_init(&rows, BUF_NO_LIMIT);
	for (size_t i = 0; i < sieve->n_small && !fault; i++)
		segment_rows(sieve->small[i], arena, &rows);
	n = 0;
	for (size_t i = 0; i < batch->n && !fault; i++)
		if (!batch->items[i].gone) {
			struct segment_row row = { batch->items[i].uid, wanted[n++].ret };

			buf_add(&rows, &row, sizeof(row));
		}
	if (!fault) {
		sieve->fresh = arena_array(sieve->arena, struct segment *, 1);
		sieve->fresh[0] =
		    segment_new((struct segment_row *)rows.data, rows.len / sizeof(struct segment_row));
		sieve->n_fresh = 1;
	}
	buf_done(&rows);
	arena_free(arena);
	return fault;
}

/* A bit where one of the queries may be. */
static void ask_any(const struct segment *segment, struct segment_query *const *queries, uint64_t *ret,
                    uint64_t *room)
{
	segment_ask(segment, queries[0], ret);
	for (int i = 1; i < FUZZY_PARTS && queries[i]; i++) {
		segment_ask(segment, queries[i], room);
		for (size_t word = 0; word < segment_words(segment); word++)
			ret[word] |= room[word];
	}
}

static void ask(struct search_sieve *sieve)
{
	sieve->may = arena_array(sieve->arena, uint64_t *, sieve->n_held);
	for (size_t i = 0; i < sieve->n_held; i++) {
		const size_t words = segment_words(sieve->held[i]);

		sieve->may[i] = arena_array(sieve->arena, uint64_t, words * (sieve->search->n_texts + 1));
		for (uint32_t k = 0; k < sieve->search->n_texts; k++)
			if (sieve->asked[k][0])
				ask_any(sieve->held[i], sieve->asked[k], sieve->may[i] + k * words,
				        sieve->may[i] + sieve->search->n_texts * words);
	}
}

enum fault search_sieve_run(struct search_sieve *sieve, struct stack *stack, struct why *why)
{
	switch (sieve->state) {
	case SIEVE_FILE:
		sieve->fresh = signature_file_read(&sieve->file, sieve->arena, &sieve->n_fresh);
		return FAULT_NONE;
	case SIEVE_LOAD:
		return load(sieve, stack, why);
	default:
		ask(sieve);
		if (sieve->save)
			signature_file_write(&sieve->file, sieve->held, sieve->n_held);
		return FAULT_NONE;
	}
}

/* ---- what it says ---- */

uint64_t search_sieve_lacks(const struct search_sieve *sieve, uint32_t uid)
{
	uint64_t lacks = 0;

	if (sieve->state != SIEVE_READY)
		return 0;
	for (size_t i = 0; i < sieve->n_held; i++) {
		const ptrdiff_t at = segment_find(sieve->held[i], uid);
		const size_t words = segment_words(sieve->held[i]);

		for (uint32_t k = 0; at >= 0 && k < sieve->search->n_texts; k++)
			if (sieve->asked[k][0] &&
			    !(sieve->may[i][k * words + (size_t)at / 64] >> (at % 64) & 1))
				lacks |= (uint64_t)1 << k;
	}
	return lacks;
}

void search_sieve_done(struct search_sieve *sieve)
{
	for (uint32_t k = 0; k < SEARCH_TEXTS_MAX; k++)
		for (int i = 0; i < FUZZY_PARTS; i++)
			segment_query_free(sieve->asked[k][i]);
	unref_all(sieve->fresh, sieve->n_fresh);
	unref_all(sieve->small, sieve->n_small);
	unref_all(sieve->held, sieve->n_held);
	arena_free(sieve->arena);
}
