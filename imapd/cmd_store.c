/*
 * STORE and UID STORE (RFC 3501 6.4.6, 6.4.8; RFC 7162 3.1.3 for UNCHANGEDSINCE).
 *
 * What changes is decided on the view and committed as one edit, however many messages it is; who was faster
 * makes it be decided again. Before "nothing changes" is believed of a view, it is looked whether it is fresh.
 * What was expunged and not yet told is passed over, and OK says so (RFC 2180 4.2): it is no mistake of the client's;
 * but where others had changed some as well it is NO, as in RFC 7162 3.1.3.
 * Keywords that the mailbox has not met are made first.
 */
#include <inttypes.h>

#include "account_ctx.h"
#include "change.h"
#include "commands.h"
#include "fetch_view.h"
#include "guest_sees.h"
#include "limit.h"

#define CHUNK (64 * 1024) /* of responses, between two looks at other sessions */

struct store_cmd {
	struct uid_set uids, modified;
	enum flag_op op;
	bool silent;
	bool conditional;
	uint64_t unchanged_since;
	struct imap_flags flags;
	/* Keywords that are made. */
	bool making;
	struct keywords made;
	/* The change, and what is told of it. */
	struct change change;
	struct guest_sees sees; /* a guest's \Seen */
	bool looked;
	struct rows rows;
	struct fetch_view view;
	struct buf out;
	unsigned items;
};

/* ---- the reply ---- */

/* UIDs, as the client counts. */
static const char *print_set(struct imap_cmd *cmd, const struct uid_set *uids)
{
	struct uid_set seqs;
	const char *text;
	struct buf out;
	uint32_t uid;

	uid_set_init(&seqs);
	buf_init(&out, BUF_NO_LIMIT);
	for (struct uid_iter it = uid_iter_of(uids); !cmd->uid_form && uid_next(&it, &uid);)
		uid_set_add(&seqs, selected_seq(&cmd->session->selected, uid));
	uid_set_print(cmd->uid_form ? uids : &seqs, &out);
	text = arena_strz(cmd->arena, buf_slice(&out));
	uid_set_done(&seqs);
	buf_done(&out);
	return text;
}

static bool some_expunged(const struct imap_cmd *cmd, const struct store_cmd *store)
{
	struct uid_set gone;
	bool some;

	uid_set_init(&gone);
	uid_set_copy(&gone, &cmd->session->selected.ghosts);
	uid_set_intersect(&gone, &store->uids);
	some = !uid_set_is_empty(&gone);
	uid_set_done(&gone);
	return some;
}

static enum imap_next finish(struct imap_cmd *cmd)
{
	const struct store_cmd *store = cmd->state;
	bool gone = !cmd->uid_form && !store->silent && some_expunged(cmd, store);

	if (!uid_set_is_empty(&store->modified)) {
		const char *code =
		    arena_printf(cmd->arena, "[MODIFIED %s]", print_set(cmd, &store->modified));

		return gone ? imap_no_code(cmd, code, "Some were changed by others, some are gone")
		            : imap_ok_code(cmd, code, "Some were changed by others");
	}
	if (gone)
		return imap_ok_code(cmd, "[EXPUNGEISSUED]", "Some of the messages are gone");
	return imap_ok(cmd, "Stored");
}

static enum imap_next next_chunk(struct imap_cmd *cmd)
{
	struct store_cmd *store = cmd->state;
	const struct mailbox_state *state = cmd->session->selected.view->state;
	bool more;

	rows_resume(&store->rows);
	while ((more = rows_next(&store->rows))) {
		const struct rows *rows = &store->rows;

		if (!rows->seq)
			continue;
		fetch_view_add(&store->view, &store->out, rows, store->items,
		               selected_flags(rows->selected, rows->at), state->modseq[rows->at]);
		buf_adds(&store->out, ")\r\n");
		if (store->items & FETCH_FLAGS)
			selected_told(&cmd->session->selected, rows->uid);
		if (store->out.len >= CHUNK)
			break;
	}
	if (store->out.len)
		conn_write(cmd->session->conn, store->out.data, store->out.len);
	buf_clear(&store->out);
	return more ? IMAP_AGAIN : finish(cmd);
}

/* Flags of all that were named, but of those that others had changed; when silent, at most the new mod-sequences. */
static enum imap_next respond(struct imap_cmd *cmd)
{
	struct store_cmd *store = cmd->state;
	struct session *s = cmd->session;
	bool condstore = s->enabled & ENABLED_CONDSTORE, with_uid;

	change_leave(&store->change);
	store->view.by_uid = s->enabled & ENABLED_UIDONLY;
	with_uid = !store->view.by_uid && (cmd->uid_form || condstore); /* RFC 7162 3.2.4 */
	store->items =
	    (with_uid ? FETCH_UID : 0) | (store->silent ? 0 : FETCH_FLAGS) | (condstore ? FETCH_MODSEQ : 0);
	if (store->silent && !condstore)
		return finish(cmd);
	if (!store->silent && s->selected.known_keywords < s->selected.view->keywords.n)
		session_tell_flag_names(s);
	if (!store->silent)
		uid_set_subtract(&store->uids, &store->modified);
	buf_init(&store->out, BUF_NO_LIMIT); /* CHUNK and a line */
	rows_start(&store->rows, &s->selected, store->silent ? &store->change.uids : &store->uids);
	return next_chunk(cmd);
}

/* ---- the change ---- */

static uint64_t keyword_mask(const struct imap_cmd *cmd, const struct imap_flags *flags)
{
	const struct keywords *known = &cmd->session->selected.view->keywords;
	uint64_t mask = 0;

	for (size_t i = 0; i < flags->n; i++) {
		int at = keywords_find(known, flags->keywords[i]);

		if (at >= 0)
			mask |= UINT64_C(1) << at;
	}
	return mask;
}

/* What a guest may not change stays as it is (RFC 4314 4); its \Seen is its own. */
static void decide_one(struct imap_cmd *cmd, uint32_t at, uint64_t keywords)
{
	struct store_cmd *store = cmd->state;
	const struct selected *selected = &cmd->session->selected;
	uint32_t flags = store->flags.flags;

	if (selected->guest) {
		if (selected_may(selected, ACL_SEEN))
			guest_sees_store(&store->sees, selected, at, store->op, flags);
		flags &= selected_settable(selected) & ~(uint32_t)FLAG_SEEN;
		if (!selected_may_write(selected))
			keywords = 0;
	}
	change_flags(&store->change, at, store->op, flags, keywords);
}

/* UNCHANGEDSINCE 0 asks for messages that have none of the keywords; system flags are always there (RFC 7162 3.1.3). */
static bool passes(const struct store_cmd *store, const struct mailbox_state *state, uint32_t at,
                   uint64_t keywords)
{
	if (!store->conditional || state->modseq[at] <= store->unchanged_since)
		return true;
	return !store->unchanged_since && store->op != FLAGS_SET && store->flags.n && !store->flags.flags &&
	       !(state->keywords[at] & keywords);
}

static enum imap_next decide(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct store_cmd *store = cmd->state;
	const struct mailbox_state *state = cmd->session->selected.view->state;
	const uint64_t keywords = keyword_mask(cmd, &store->flags);
	struct rows rows;

	if (fault)
		return change_fail(&store->change, fault, why);
	change_begin(&store->change, cmd);
	guest_sees_begin(&store->sees, &cmd->session->selected);
	uid_set_done(&store->modified);
	uid_set_init(&store->modified);
	rows_start(&rows, &cmd->session->selected, &store->uids);
	while (rows_next(&rows)) {
		if (passes(store, state, rows.at, keywords))
			decide_one(cmd, rows.at, keywords);
		else
			uid_set_add(&store->modified, rows.uid);
	}
	if (!change_is_empty(&store->change) || guest_sees_any(&store->sees))
		return IMAP_RUN;
	if (store->looked)
		return respond(cmd);
	store->looked = true;
	return change_look(&store->change, decide);
}

static enum fault store_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct store_cmd *store = cmd->state;
	enum fault fault = FAULT_NONE;
	struct mailbox_head head;

	if (store->making)
		return keywords_ensure(stack, &cmd->acting, cmd->holder->key, &cmd->selected,
		                       store->flags.keywords, store->flags.n, cmd->arena, &store->made, &head,
		                       why);
	if (!change_is_empty(&store->change))
		fault = change_commit(&store->change, stack, why);
	return fault ? fault : guest_sees_run(&store->sees, cmd, stack, why);
}

static enum imap_next store_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct store_cmd *store = cmd->state;

	if (store->items)
		return next_chunk(cmd);
	if (fault == FAULT_STALE)
		return change_look(&store->change, decide);
	if (fault && !store->making)
		return change_fail(&store->change, fault, why);
	if (fault)
		return imap_no(cmd, fault, why);
	if (store->making) {
		store->making = false;
		view_take_keywords(cmd->session->selected.view, &store->made);
		return change_turn(&store->change, cmd, decide);
	}
	if (!change_is_empty(&store->change))
		change_committed(&store->change, true);
	guest_sees_take(&store->sees, cmd, true);
	return respond(cmd);
}

/* ---- the arguments ---- */

/* store-modifier = "(" "UNCHANGEDSINCE" SP mod-sequence-valzer ")" */
static bool parse_modifier(struct imap_args *args, struct store_cmd *store)
{
	if (!imap_args_open(args))
		return true;
	store->conditional = true;
	return imap_args_word(args, "UNCHANGEDSINCE") && imap_args_space(args) &&
	       imap_args_number(args, INT64_MAX, &store->unchanged_since) && imap_args_close(args) &&
	       imap_args_space(args);
}

/* store-att-flags = ["+" / "-"] "FLAGS" [".SILENT"] SP (flag-list / (flag *(SP flag))) */
static bool parse_flags(struct imap_args *args, struct store_cmd *store)
{
	store->op = imap_args_char(args, '+')   ? FLAGS_ADD
	            : imap_args_char(args, '-') ? FLAGS_REMOVE
	                                        : FLAGS_SET;
	store->silent = imap_args_word(args, "FLAGS.SILENT");
	if (!store->silent && !imap_args_word(args, "FLAGS")) {
		args->error = "Expected FLAGS";
		return false;
	}
	return imap_args_space(args) && imap_args_flags(args, true, &store->flags) && imap_args_end(args);
}

static bool lacks_keywords(const struct imap_cmd *cmd, const struct store_cmd *store)
{
	const struct keywords *known = &cmd->session->selected.view->keywords;

	for (size_t i = 0; i < store->flags.n; i++)
		if (keywords_find(known, store->flags.keywords[i]) < 0)
			return store->op != FLAGS_REMOVE;
	return false;
}

/* One of the flags is enough: clients do not take NO well (RFC 4314 4). */
static bool may_some(const struct imap_cmd *cmd, const struct store_cmd *store)
{
	const struct selected *selected = &cmd->session->selected;
	const uint32_t settable = selected_settable(selected);

	if (store->op == FLAGS_SET || (!store->flags.flags && !store->flags.n))
		return settable;
	return (store->flags.flags & settable) || (store->flags.n && selected_may_write(selected));
}

static enum imap_next store_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct store_cmd *store = cmd->state;

	if (!imap_args_space(args) || !imap_args_messages(args, cmd, &store->uids) ||
	    !imap_args_space(args) || !parse_modifier(args, store) || !parse_flags(args, store))
		return imap_bad(cmd, args->error);
	if (cmd->session->selected.read_only)
		return imap_no_code(cmd, "[READ-ONLY]", "The mailbox is open for reading only");
	if (!may_some(cmd, store))
		return imap_no_code(cmd, "[NOPERM]", "The mailbox's owner does not allow it");
	if (store->conditional)
		session_enable_condstore(cmd->session);
	limit_messages(cmd, &store->uids);
	store->making = selected_may_write(&cmd->session->selected) && lacks_keywords(cmd, store);
	return store->making ? IMAP_RUN : change_turn(&store->change, cmd, decide);
}

static void store_done(struct imap_cmd *cmd)
{
	struct store_cmd *store = cmd->state;

	uid_set_done(&store->modified);
	change_done(&store->change);
	guest_sees_done(&store->sees);
	fetch_view_done(&store->view);
	buf_done(&store->out);
}

const struct imap_command imap_store = {
	.state_size = sizeof(struct store_cmd),
	.parse = store_parse,
	.run = store_run,
	.reply = store_reply,
	.done = store_done,
};
