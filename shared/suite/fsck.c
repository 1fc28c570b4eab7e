/*
 * fsck (check.h): every cross-reference of the store, and every seal.
 *
 * It runs beside the daemons: a mailbox is looked at in one consistent read; an address without its account
 * is looked at once more; what is being made or deleted right now is no problem. fsck_beside.c looks at ACLs and at
 * what is kept beside mailboxes.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/clock.h"
#include "store/record.h"
#include "suite/directory_internal.h"
#include "suite/folder.h"
#include "suite/fsck_internal.h"
#include "suite/keyword.h"
#include "suite/message.h"
#include "suite/outgoing.h"
#include "suite/signature.h"
#include "suite/walk.h"

#define BODY_STEP      (1024 * 1024)
#define QUEUE_YOUNG_MS (60 * 60 * 1000)
#define HALF_MADE_MS   (60 * 60 * 1000)
#define MOVE_OLD_MS    (60 * 60 * 1000) /* imapd finishes them within minutes */
#define CONTENT_BATCH  128

struct box { /* the mailbox being looked at */
	const struct account *account;
	struct account_key *key;
	const struct mailbox_row *row;
	struct mailbox_state *state;
};

void fsck_problem(struct fsck *fsck, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	fsck->result->problems++;
	if (fsck->on_problem)
		fsck->on_problem(fsck->arg, line);
}

void fsck_step(struct fsck *fsck, const char *doing)
{
	fsck->progress.doing = doing;
	fsck->progress.done++;
	if (fsck->on_progress)
		fsck->on_progress(fsck->arg, &fsck->progress);
}

/* ---- one message ---- */

/* Opens the body piece by piece; a blob that is missing or short shows here. */
static enum fault open_body(struct fsck *fsck, struct message *message, struct why *why)
{
	struct buf plain;
	enum fault fault = FAULT_NONE;

	buf_init(&plain, BODY_STEP + SEAL_PIECE);
	for (uint64_t at = 0; at < message->size && !fault; at += BODY_STEP) {
		struct arena *arena = arena_new();

		buf_clear(&plain);
		fault = message_read(fsck->stack, &actor_system, message, at, BODY_STEP, arena, &plain, why);
		arena_free(arena);
	}
	secret_wipe(plain.data, plain.cap);
	buf_done(&plain);
	return fault;
}

static bool lists_account(struct slice accounts, const struct id *account)
{
	for (size_t at = 0; at + sizeof(*account) <= accounts.len; at += sizeof(*account)) {
		if (memcmp(accounts.data + at, account, sizeof(*account)) == 0)
			return true;
	}
	return false;
}

static void check_message(struct fsck *fsck, const struct box *box, uint32_t i, const struct record *record)
{
	const struct mailbox_state *state = box->state;
	struct arena *arena = arena_new();
	struct message_summary summary;
	struct message message;
	struct why why = { "" };
	enum fault fault;

	if (!record->key.data) {
		fsck_problem(fsck, "%s: message %u of mailbox %s has no content %s", box->account->login,
		             state->uid[i], id_print(&state->mailbox).text,
		             id_print(&state->content[i]).text);
		goto out;
	}
	if (!lists_account(record->accounts, &box->account->id))
		fsck_problem(fsck, "%s: content %s does not list the account that shows it",
		             box->account->login, id_print(&state->content[i]).text);
	if (!box->key)
		goto out;
	fault = message_open(box->key, record, &state->key[i], arena, &message, &why);
	if (!fault)
		fault = message_summary(&message, arena, &summary, &why);
	if (!fault && message.size != state->size[i])
		fault = fault_set(&why, FAULT_CORRUPT, "is %llu bytes, the mailbox says %u",
		                  (unsigned long long)message.size, state->size[i]);
	if (!fault && (fsck->how & FSCK_SEALS))
		fault = open_body(fsck, &message, &why);
	if (fault)
		fsck_problem(fsck, "%s: message %u of mailbox %s: %s", box->account->login, state->uid[i],
		             id_print(&state->mailbox).text, why.text);
	else
		fsck->result->seals_opened++;
out:
	arena_free(arena);
}

/* What is missing costs time, no more: only what is damaged is told. */
static enum fault check_signatures(struct fsck *fsck, const struct box *box, uint32_t from, uint32_t n,
                                   struct arena *arena, struct why *why)
{
	const struct mailbox_state *state = box->state;
	struct signature_wanted *wanted = arena_array(arena, struct signature_wanted, n);
	enum fault fault;

	for (uint32_t i = 0; i < n; i++)
		wanted[i] = (struct signature_wanted){ .content = state->content[from + i],
			                               .key = state->key[from + i] };
	fault = signatures_load(fsck->stack, &actor_system, box->key, wanted, n, arena, why);
	for (uint32_t i = 0; i < n && !fault; i++)
		if (wanted[i].damaged)
			fsck_problem(
			    fsck,
			    "%s: message %u of mailbox %s: its search signature is damaged; search index "
			    "makes a new one",
			    box->account->login, state->uid[from + i], id_print(&state->mailbox).text);
	return fault;
}

static enum fault check_contents(struct fsck *fsck, const struct box *box, struct why *why)
{
	const struct mailbox_state *state = box->state;
	struct slice keys[CONTENT_BATCH];
	struct record records[CONTENT_BATCH];
	enum fault fault = FAULT_NONE;

	for (uint32_t from = 0; from < state->n && !fault; from += CONTENT_BATCH) {
		uint32_t n = MIN_OF(state->n - from, (uint32_t)CONTENT_BATCH);
		struct arena *arena = arena_new();

		for (uint32_t i = 0; i < n; i++)
			keys[i] = id_slice(&state->content[from + i]);
		fault = record_get_many(fsck->stack->store, &actor_system, COLL_CONTENTS, keys, n,
		                        fsck->how & FSCK_SEALS, arena, records, why);
		for (uint32_t i = 0; i < n && !fault; i++) {
			fsck_step(fsck, "looking at messages");
			fsck->result->messages++;
			check_message(fsck, box, from + i, &records[i]);
		}
		if (!fault && (fsck->how & FSCK_SEALS) && box->key)
			fault = check_signatures(fsck, box, from, n, arena, why);
		arena_free(arena);
	}
	return fault;
}

/* ---- one mailbox ---- */

static void check_counts(struct fsck *fsck, const struct box *box)
{
	const struct mailbox_state *state = box->state;
	const struct mailbox_head *head = &state->head;
	const struct id_text name = id_print(&state->mailbox);
	uint32_t unseen = 0, last_uid = 0;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < state->n; i++) {
		unseen += !(state->flags[i] & FLAG_SEEN);
		bytes += state->size[i];
		if (state->uid[i] <= last_uid || state->uid[i] >= head->uid_next)
			fsck_problem(fsck, "mailbox %s: UID %u is out of order", name.text, state->uid[i]);
		if (state->modseq[i] > head->modseq)
			fsck_problem(fsck, "mailbox %s: UID %u has a mod-sequence from the future", name.text,
			             state->uid[i]);
		last_uid = state->uid[i];
	}
	if (head->messages != state->n || head->unseen != unseen || head->bytes != bytes)
		fsck_problem(
		    fsck,
		    "mailbox %s: its header counts %u messages, %u unseen, %llu bytes; there are %u, %u, "
		    "%llu",
		    name.text, head->messages, head->unseen, (unsigned long long)head->bytes, state->n,
		    unseen, (unsigned long long)bytes);
}

static void check_names(struct fsck *fsck, const struct box *box)
{
	struct arena *arena = arena_new();
	struct mailbox_log log;
	struct keywords keywords;
	struct why why = { "" };
	enum fault fault =
	    mailbox_look(fsck->stack->store, &actor_system, &box->row->meta.id, arena, &log, &why);

	if (!fault && box->key)
		fault = keywords_open(box->key, log.keywords, log.head.keywords, arena, &keywords, &why);
	if (fault && fault != FAULT_NOT_FOUND)
		fsck_problem(fsck, "mailbox %s: its keywords: %s", id_print(&box->row->meta.id).text,
		             why.text);
	arena_free(arena);
}

static enum fault check_mailbox(struct fsck *fsck, struct box *box, struct why *why)
{
	enum fault fault = walk_mailbox(fsck->stack, &box->row->meta.id, &box->state, why);

	fsck_step(fsck, "looking at mailboxes");
	if (fault == FAULT_NOT_FOUND)
		return FAULT_NONE;
	fsck->result->mailboxes++;
	if (fault == FAULT_CORRUPT) {
		fsck_problem(fsck, "mailbox %s: %s", id_print(&box->row->meta.id).text, why->text);
		return FAULT_NONE;
	}
	if (fault)
		return fault;
	check_counts(fsck, box);
	check_names(fsck, box);
	fault = check_contents(fsck, box, why);
	mailbox_state_free(box->state);
	return fault;
}

/* ---- one account ---- */

/* What RCPT learns from the address is what the account's record says. */
static void check_row(struct fsck *fsck, const struct account *account, const struct address_row *row)
{
	if (memcmp(&row->public_key, &account->public_key, sizeof(row->public_key)) != 0 ||
	    row->generation != account->generation)
		fsck_problem(fsck, "%s: its address carries another public key", account->login);
	if (!id_eq(&row->inbox, &account->inbox) || !id_eq(&row->junk, &account->junk))
		fsck_problem(fsck, "%s: its address leads to other mailboxes", account->login);
	if (row->quota != account->quota || row->quota_messages != account->quota_messages ||
	    row->suspended != (account->state == ACCOUNT_SUSPENDED))
		fsck_problem(fsck,
		             "%s: its address says other things than the account; change the account once",
		             account->login);
	if (strcmp(row->address, account->login) != 0)
		fsck_problem(fsck, "%s: the address %s leads to it", account->login, row->address);
}

static bool has_mailbox(const struct mailbox_row *rows, size_t n, const struct id *id)
{
	for (size_t i = 0; i < n; i++) {
		if (id_eq(&rows[i].meta.id, id))
			return true;
	}
	return false;
}

static enum fault check_mailboxes(struct fsck *fsck, struct box *box, struct why *why)
{
	const struct account *account = box->account;
	struct arena *arena = arena_new();
	struct mailbox_row *rows;
	size_t n = 0;
	enum fault fault =
	    mailbox_list(fsck->stack->store, &actor_system, &account->id, arena, &rows, &n, why);

	if (!fault && !has_mailbox(rows, n, &account->inbox))
		fsck_problem(fsck, "%s: its INBOX is not there", account->login);
	for (size_t i = 0; i < n && !fault; i++) {
		box->row = &rows[i];
		fault = check_mailbox(fsck, box, why);
	}
	if (!fault)
		fault = fsck_acls(fsck, account, rows, n, why);
	arena_free(arena);
	return fault;
}

static enum fault check_account(struct fsck *fsck, const struct account *account, struct why *why)
{
	struct arena *arena = arena_new();
	struct box box = { .account = account };
	struct folders folders;
	const struct actor owner = { ACTOR_OWNER, account->id };
	enum fault fault;

	fsck->result->accounts++;
	if (stack_active_kek(fsck->stack, STACK_ACCOUNTS_RING) &&
	    account_unlock(fsck->stack, account, &box.key, why))
		fsck_problem(fsck, "%s: %s", account->login, why->text);
	if (box.key && folders_load(fsck->stack, &owner, box.key, arena, &folders, why))
		fsck_problem(fsck, "%s: its folders: %s", account->login, why->text);
	fault = check_mailboxes(fsck, &box, why);
	if (fault == FAULT_CORRUPT) {
		fsck_problem(fsck, "%s: its mailboxes: %s", account->login, why->text);
		fault = FAULT_NONE;
	}
	account_key_unref(box.key);
	arena_free(arena);
	return fault;
}

/* ---- addresses, domains ---- */

static enum fault is_there(struct fsck *fsck, enum collection collection, struct slice key, bool *ret,
                           struct why *why)
{
	struct arena *arena = arena_new();
	struct record record;
	enum fault fault =
	    record_get(fsck->stack->store, &actor_system, collection, key, false, arena, &record, why);

	arena_free(arena);
	if (fault && fault != FAULT_NOT_FOUND)
		return fault;
	*ret = !fault;
	return FAULT_NONE;
}

static enum fault check_account_of(struct fsck *fsck, const struct address_row *row, struct arena *arena,
                                   struct why *why)
{
	struct account account;
	bool still = false;
	enum fault fault = account_get(fsck->stack, &row->account, arena, &account, why);

	if (!fault) {
		check_row(fsck, &account, row);
		return check_account(fsck, &account, why);
	}
	if (fault == FAULT_NOT_FOUND) {
		fault = is_there(fsck, COLL_ADDRESSES, slice_str(row->address), &still, why);
		if (!fault && still)
			fsck_problem(fsck, "%s: there is no account behind the address", row->address);
	}
	return fault == FAULT_CORRUPT ? FAULT_NONE : fault; /* told when the accounts are walked */
}

static enum fault on_address(void *arg, const struct record *record, struct why *why)
{
	struct fsck *fsck = arg;
	struct arena *arena = arena_new();
	struct address_row row;
	bool local = true;
	enum fault fault = address_read(record, arena, &row, why);

	if (fault == FAULT_CORRUPT) {
		fsck_problem(fsck, "address %.*s: %s", SLICE_FMT(record->key), why->text);
		fault = FAULT_NONE;
		goto out;
	}
	if (!fault)
		fault = is_there(fsck, COLL_DOMAINS, directory_domain_of(record->key), &local, why);
	if (!fault && !local)
		fsck_problem(fsck, "%s: its domain is not here", row.address);
	if (!fault && row.kind == ADDRESS_ACCOUNT)
		fault = check_account_of(fsck, &row, arena, why);
out:
	arena_free(arena);
	return fault;
}

static enum fault on_domain(void *arg, const struct record *record, struct why *why)
{
	struct fsck *fsck = arg;
	struct arena *arena = arena_new();
	struct domain domain;
	bool local = true;
	enum fault fault = domain_get(fsck->stack, record->key, arena, &domain, why);

	fsck_step(fsck, "looking at domains");
	if (fault == FAULT_CORRUPT) {
		fsck_problem(fsck, "domain %.*s: %s", SLICE_FMT(record->key), why->text);
		fault = FAULT_NONE;
	} else if (!fault) {
		fault = is_there(fsck, COLL_ADDRESSES, slice_str(arena_printf(arena, "@%s", domain.name)),
		                 &local, why);
	}
	if (!fault && !local)
		fsck_problem(fsck, "domain %s takes no mail: add it again", domain.name);
	arena_free(arena);
	return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
}

static enum fault on_account(void *arg, const struct record *record, struct why *why)
{
	struct fsck *fsck = arg;
	struct arena *arena = arena_new();
	struct account account;
	bool leftover = false;
	struct id id = { { 0 } };
	enum fault fault = account_read(record, arena, &account, why);

	(void)id_from(record->key, &id);
	if (fault == FAULT_CORRUPT) {
		fsck_problem(fsck, "account %s: %s", id_print(&id).text, why->text);
		fault = FAULT_NONE;
	} else if (!fault) {
		fault = account_is_leftover(fsck->stack, &account, HALF_MADE_MS, &leftover, why);
	}
	if (!fault && leftover)
		fsck_problem(fsck,
		             "%s: half made or half deleted, no address leads to it; sweep clears it away",
		             account.login);
	arena_free(arena);
	return fault;
}

/* ---- the queue ---- */

static enum fault on_entry(void *arg, const struct queue_entry *entry, struct why *why)
{
	struct fsck *fsck = arg;
	struct arena *arena = arena_new();
	struct envelope_out envelope;
	struct record record;
	struct message message;
	enum fault fault =
	    record_get(fsck->stack->store, &actor_system, COLL_CONTENTS, id_slice(&entry->content),
	               (fsck->how & FSCK_SEALS), arena, &record, why);

	fsck_step(fsck, "looking at the queue");
	fsck->result->queue_entries++;
	if (fault == FAULT_NOT_FOUND && entry->created > clock_now() - QUEUE_YOUNG_MS)
		goto out; /* its content may be on its way */
	if (!fault && fsck->queue_key) {
		fault = envelope_open(fsck->queue_key, entry->state, arena, &envelope, why);
		if (!fault)
			fault = message_open_with(&envelope.key, &record, arena, &message, why);
		if (!fault && (fsck->how & FSCK_SEALS))
			fault = open_body(fsck, &message, why);
		if (!fault)
			fsck->result->seals_opened++;
	}
	if (fault && fault != FAULT_TEMP)
		fsck_problem(fsck, "queue entry %s: %s", id_print(&entry->id).text, why->text);
out:
	arena_free(arena);
	return fault == FAULT_TEMP ? fault : FAULT_NONE;
}

/* ---- moves that are half done ---- */

static enum fault check_moves(struct fsck *fsck, struct why *why)
{
	struct arena *arena = arena_new();
	struct mailbox_moving *moving;
	size_t n = 0;
	const enum fault fault = mailbox_moves(fsck->stack->store, &actor_system, arena, &moving, &n, why);

	fsck_step(fsck, "looking at moves");
	fsck->result->moves = n;
	for (size_t i = 0; i < n; i++) {
		if (moving[i].unknown)
			fsck_problem(fsck, "mailbox %s: a move into it has a marker that does not read",
			             id_print(&moving[i].target).text);
		else if (moving[i].move.begun < clock_now() - MOVE_OLD_MS)
			fsck_problem(
			    fsck,
			    "mailbox %s: a move of %llu messages into it is not finished: sweep does that",
			    id_print(&moving[i].target).text,
			    (unsigned long long)uid_set_count(&moving[i].move.uids));
	}
	arena_free(arena);
	return fault;
}

enum fault fsck_run(struct stack *stack, unsigned how, void (*on_problem)(void *, const char *),
                    void (*on_progress)(void *, const struct walk_progress *), void *arg,
                    struct fsck_result *ret, struct why *why)
{
	struct fsck_result result = { 0 };
	struct fsck fsck = {
		.stack = stack,
		.how = how,
		.on_problem = on_problem,
		.on_progress = on_progress,
		.arg = arg,
		.result = &result,
	};
	enum fault fault = FAULT_NONE;

	if (stack_active_kek(stack, STACK_QUEUE_RING))
		fault = queue_private_key(stack, &fsck.queue_key, why);
	if (fault && fault != FAULT_TEMP) {
		fsck_problem(&fsck, "the queue's key: %s", why->text);
		fault = FAULT_NONE;
	}
	if (!fault)
		fault = walk_records(stack, COLL_DOMAINS, on_domain, &fsck, why);
	if (!fault)
		fault = walk_records(stack, COLL_ACCOUNTS, on_account, &fsck, why);
	if (!fault)
		fault = walk_records(stack, COLL_ADDRESSES, on_address, &fsck, why);
	if (!fault)
		fault = fsck_beside(&fsck, why);
	if (!fault)
		fault = walk_queue(stack, on_entry, &fsck, why);
	if (!fault)
		fault = check_moves(&fsck, why);
	account_key_unref(fsck.queue_key);
	if (!fault)
		*ret = result;
	return fault;
}
