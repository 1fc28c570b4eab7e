/* Copying messages between mailboxes (copy.h). */
#include "suite/copy.h"

#include "base/clock.h"
#include "suite/nudge.h"

#define PATIENCE_MS 20000 /* of races lost to others */

void copy_items(const struct mailbox_state *state, const struct uid_set *uids, struct arena *arena,
                struct copy_item **ret, size_t *ret_n)
{
	size_t n = 0, max = (size_t)MIN_OF(uid_set_count(uids), (uint64_t)state->n);
	struct copy_item *items = arena_array(arena, struct copy_item, max);

	for (uint32_t r = 0; r < uids->n; r++) {
		uint32_t at = mailbox_state_from(state, uids->ranges[r].first);

		for (; at < state->n && state->uid[at] <= uids->ranges[r].last; at++) {
			items[n++] = (struct copy_item){
				.uid = state->uid[at],
				.loaded = state->loaded[at],
				.message = {
					.content = state->content[at],
					.key = state->key[at],
					.size = state->size[at],
					.internal_date = state->internal_date[at],
					.flags = state->flags[at],
					.keywords = state->keywords[at],
				},
			};
		}
	}
	*ret = items;
	*ret_n = n;
}

/* Content ids and keys of the items [from, end) of one page, when they are not known yet. */
static enum fault load_page(struct stack *stack, const struct actor *actor, struct copy_request *request,
                            size_t from, size_t end, struct arena *arena, struct why *why)
{
	const uint32_t page = (request->items[from].uid - 1) / PAGE_UIDS;
	uint32_t *uids = arena_array(arena, uint32_t, end - from);
	struct id *contents = arena_array(arena, struct id, end - from);
	struct wrapped_key *keys = arena_array(arena, struct wrapped_key, end - from);
	struct page_row row;
	size_t n = 0;
	enum fault fault;

	for (size_t i = from; i < end; i++) {
		if (!request->items[i].loaded)
			uids[n++] = request->items[i].uid;
	}
	if (n == 0)
		return FAULT_NONE;
	fault = mailbox_page_keys(stack->store, actor, &request->from, page, arena, &row, why);
	if (!fault)
		fault = page_keys(&row, uids, n, contents, keys, why);
	if (fault)
		return fault;
	n = 0;
	for (size_t i = from; i < end; i++) {
		struct copy_item *item = &request->items[i];

		if (item->loaded)
			continue;
		item->message.content = contents[n];
		item->message.key = keys[n++];
		item->loaded = true;
	}
	return FAULT_NONE;
}

enum fault copy_load(struct stack *stack, const struct actor *actor, struct copy_request *request,
                     struct arena *arena, struct why *why)
{
	enum fault fault = FAULT_NONE;

	for (size_t from = 0, end; from < request->n && !fault; from = end) {
		const uint32_t page = (request->items[from].uid - 1) / PAGE_UIDS;

		for (end = from + 1; end < request->n && (request->items[end].uid - 1) / PAGE_UIDS == page;
		     end++)
			;
		fault = load_page(stack, actor, request, from, end, arena, why);
	}
	return fault;
}

/* The keywords of the target, with all that the copied messages use. Where there is no room for more of them, what the
 * target has must do: a copy that loses a keyword is better than none. */
static enum fault target_keywords(struct stack *stack, const struct actor *actor,
                                  const struct account_key *key, const struct copy_request *request,
                                  struct arena *arena, struct keywords *ret, struct why *why)
{
	const char *names[MAILBOX_KEYWORDS_MAX];
	struct mailbox_head head;
	uint64_t used = 0;
	size_t n = 0;
	enum fault fault;

	for (size_t i = 0; i < request->n; i++)
		used |= request->items[i].message.keywords;
	ret->n = 0;
	if (!used)
		return FAULT_NONE;
	for (uint32_t i = 0; i < request->keywords->n; i++) {
		if (used & (UINT64_C(1) << i))
			names[n++] = request->keywords->names[i];
	}
	fault = keywords_ensure(stack, actor, key, &request->to, names, n, arena, ret, &head, why);
	if (fault == FAULT_LIMIT)
		fault = keywords_ensure(stack, actor, key, &request->to, NULL, 0, arena, ret, &head, why);
	return fault;
}

/* The append is half of a move. */
static void mark(const struct copy_request *request, const struct actor *actor,
                 struct mailbox_append *appends, struct mailbox_move *move)
{
	move->tag = *request->move;
	move->account = actor->account;
	move->source = request->from;
	for (size_t i = 0; i < request->n; i++)
		uid_set_add(&move->uids, request->items[i].uid);
	appends[0].tag = move->tag;
	appends[0].move = move;
}

static enum fault no_target(enum fault fault)
{
	return fault == FAULT_NOT_FOUND ? FAULT_NO_TARGET : fault;
}

/* The messages become another account's as well: in the contents first, so that nobody is shown what he cannot read. */
static enum fault hand_over(struct stack *stack, const struct actor *actor, const struct account_key *key,
                            const struct copy_into *into, struct mailbox_append *appends, size_t n,
                            struct arena *arena, struct why *why)
{
	struct id *contents = arena_array(arena, struct id, n);
	enum fault fault;

	for (size_t i = 0; i < n; i++) {
		struct mailbox_append *message = &appends[i];
		struct content_key opened;

		contents[i] = message->content;
		fault = content_key_open(key, &message->content, &message->key, &opened, why);
		if (fault)
			return fault;
		content_key_wrap(into->key, &message->content, &opened, &message->key);
		secret_wipe(&opened, sizeof(opened));
	}
	return contents_add_account(stack->store, actor, contents, n, &into->actor->account, arena, why);
}

enum fault copy_run(struct stack *stack, const struct actor *actor, const struct account_key *key,
                    struct copy_request *request, struct arena *arena, struct mailbox_appended *ret,
                    struct why *why)
{
	const struct copy_into same = { actor, key, FLAG_ALL, true };
	const struct copy_into *into = request->into ? request->into : &same;
	struct mailbox_append *appends = arena_array(arena, struct mailbox_append, request->n);
	const int64_t now = clock_now();
	struct keywords target = { .n = 0 };
	struct mailbox_move move = { .begun = now };
	enum fault fault = copy_load(stack, actor, request, arena, why);

	if (!fault && into->keywords)
		fault =
		    no_target(target_keywords(stack, into->actor, into->key, request, arena, &target, why));
	if (fault)
		return fault;
	for (size_t i = 0; i < request->n; i++) {
		appends[i] = request->items[i].message;
		appends[i].tag = id_new();
		appends[i].save_date = now;
		appends[i].flags &= into->flags;
		if (appends[i].keywords)
			appends[i].keywords = keywords_map(request->keywords, appends[i].keywords, &target);
	}
	if (!id_eq(&actor->account, &into->actor->account))
		fault = hand_over(stack, actor, key, into, appends, request->n, arena, why);
	if (fault)
		return fault;
	if (request->move)
		mark(request, actor, appends, &move);
	fault =
	    no_target(mailbox_append(stack->store, into->actor, &request->to, appends, request->n, ret, why));
	uid_set_done(&move.uids);
	if (!fault)
		nudge_mailbox(stack, into->actor, &request->to, ret->head.modseq);
	return fault;
}

/* What expunging does to the counts, seen from a state. */
static void count_expunge(const struct mailbox_state *state, const struct uid_set *wanted,
                          struct uid_set *there, struct mailbox_edit *edit)
{
	for (uint32_t r = 0; r < wanted->n; r++) {
		uint32_t at = mailbox_state_from(state, wanted->ranges[r].first);

		for (; at < state->n && state->uid[at] <= wanted->ranges[r].last; at++) {
			uid_set_add(there, state->uid[at]);
			edit->messages--;
			edit->unseen -= !(state->flags[at] & FLAG_SEEN);
			edit->bytes -= state->size[at];
		}
	}
}

static enum fault expunge_once(struct stack *stack, const struct actor *actor, struct mailbox_state *state,
                               const struct uid_set *uids, struct why *why)
{
	struct mailbox_edit edit = { .expunge = true };
	struct mailbox_commit commit = { .mailbox = state->mailbox,
		                         .if_modseq = state->head.modseq,
		                         .edits = &edit,
		                         .n_edits = 1,
		                         .durable = true };
	struct uid_set there;
	struct mailbox_head head;
	enum fault fault = FAULT_NONE;

	uid_set_init(&there);
	count_expunge(state, uids, &there, &edit);
	edit.uids = &there;
	if (!uid_set_is_empty(&there)) {
		fault = mailbox_commit(stack->store, actor, &commit, &head, why);
		if (!fault)
			nudge_mailbox(stack, actor, &state->mailbox, head.modseq);
	}
	uid_set_done(&there);
	return fault;
}

enum fault copy_expunge(struct stack *stack, const struct actor *actor, const struct id *mailbox,
                        const struct uid_set *uids, struct why *why)
{
	struct mailbox_state *state = mailbox_state_new(mailbox);
	struct mailbox_delta delta;
	enum fault fault = FAULT_STALE;
	const int64_t until = clock_mono_ms() + PATIENCE_MS;

	mailbox_delta_init(&delta);
	for (int64_t lost = 0; fault == FAULT_STALE && clock_mono_ms() < until; lost++) {
		struct arena *arena = arena_new();
		struct mailbox_news news;

		if (lost)
			clock_sleep(
			    rand_jitter(MIN_OF(lost, (int64_t)20))); /* who races us may need the core */
		fault =
		    mailbox_fetch_news(stack->store, actor, mailbox, state->head.modseq, arena, &news, why);
		if (!fault)
			fault = mailbox_state_apply(state, &news, &delta, why);
		if (!fault)
			fault = expunge_once(stack, actor, state, uids, why);
		arena_free(arena);
	}
	mailbox_delta_done(&delta);
	mailbox_state_free(state);
	return fault == FAULT_STALE ? fault_set(why, FAULT_TEMP, "others kept changing the mailbox") : fault;
}
