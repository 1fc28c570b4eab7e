/* Finishing local deliveries (local.h). */
#include "local.h"

#include "mail/header.h"
#include "store/record.h"
#include "suite/directory.h"

static const struct actor queue_actor = { .kind = ACTOR_QUEUE };

struct content { /* the message, as it lies in the store */
	struct record record;
	bool junk; /* smtpd judged it so and said it in the header, which nobody else can */
};

static void judge(struct result *result, enum verdict verdict, const char *status, const char *reply)
{
	*result = (struct result){ .verdict = verdict, .local = true, .status = status, .reply = reply };
}

/* ---- the content ---- */

static enum fault read_content(const struct local *l, struct arena *arena, struct content *ret,
                               struct why *why)
{
	struct message_summary summary;
	struct message message;
	struct header_field field;
	enum fault fault = record_get(l->stack->store, &queue_actor, COLL_CONTENTS,
	                              id_slice(&l->entry->content), true, arena, &ret->record, why);

	if (!fault)
		fault = message_open_with(&l->envelope->key, &ret->record, arena, &message, why);
	if (!fault)
		fault = message_summary(&message, arena, &summary, why);
	if (!fault)
		ret->junk = header_find(summary.header, "X-Posthouse-Junk", &field);
	return fault;
}

/* An account can read a content only when the content names it. */
static enum fault name_account(const struct local *l, struct content *content, const struct id *account,
                               struct arena *arena, struct why *why)
{
	struct record *record = &content->record;
	struct buf accounts;
	enum fault fault;

	for (size_t at = 0; at + sizeof(account->raw) <= record->accounts.len; at += sizeof(account->raw)) {
		if (memcmp(record->accounts.data + at, account->raw, sizeof(account->raw)) == 0)
			return FAULT_NONE;
	}
	buf_init(&accounts, BUF_NO_LIMIT);
	buf_add_slice(&accounts, record->accounts);
	buf_add_slice(&accounts, id_slice(account));
	record->accounts = arena_copy(arena, buf_slice(&accounts));
	buf_done(&accounts);
	fault = record_put(l->stack->store, &queue_actor, COLL_CONTENTS, record, why);
	if (!fault)
		record->version++;
	return fault;
}

/* ---- one mailbox ---- */

static enum fault has_arrived(const struct local *l, const struct account *account, const struct id *tag,
                              struct why *why)
{
	const struct actor actor = { ACTOR_DELIVERY, account->id };
	struct mailbox_appended appended;
	enum fault fault = mailbox_find_append(l->stack->store, &actor, &account->inbox, tag, &appended, why);

	if (fault == FAULT_NOT_FOUND && !id_is_zero(&account->junk))
		fault = mailbox_find_append(l->stack->store, &actor, &account->junk, tag, &appended, why);
	return fault;
}

static bool goes_to_junk(const struct content *content, const struct account *account)
{
	return content->junk && !id_is_zero(&account->junk);
}

static enum fault file(const struct local *l, const struct content *content, const struct account *account,
                       struct why *why)
{
	const struct sealed_message sealed = {
		.content = l->entry->content,
		.key = l->envelope->key,
		.size = l->entry->size,
	};
	const bool junk = goes_to_junk(content, account);
	const struct filing filing = {
		.account = account->id,
		.mailbox = junk ? account->junk : account->inbox,
		.fallback = junk ? account->inbox : (struct id){ { 0 } },
		.public_key = &account->public_key,
		.generation = account->generation,
		.internal_date = l->envelope->accepted,
		.tag = id_derive(&l->entry->content, id_slice(&account->id)),
	};
	struct mailbox_appended appended;
	enum fault fault = has_arrived(l, account, &filing.tag, why);

	return fault == FAULT_NOT_FOUND ? message_file(l->stack, &sealed, &filing, &appended, why) : fault;
}

static enum fault check_quota(const struct local *l, const struct account *account, struct why *why)
{
	const struct actor actor = { ACTOR_DELIVERY, account->id };
	const struct usage quota = { account->quota, account->quota_messages };
	struct usage usage;
	enum fault fault;

	if (!quota.bytes && !quota.messages)
		return FAULT_NONE;
	fault = mailbox_usage(l->stack->store, &actor, &account->id, &usage, why);
	if (!fault && usage_is_full(&usage, &quota))
		fault = fault_set(why, FAULT_OVER_QUOTA, "the mailbox is full");
	return fault;
}

static void deliver_one(const struct local *l, struct content *content, size_t i, struct arena *arena)
{
	const struct id *id = &l->envelope->recipients[i].local_account;
	struct result *result = &l->results[i];
	struct account account;
	struct why why = { "" };
	enum fault fault = account_get(l->stack, id, arena, &account, &why);

	if (fault == FAULT_NOT_FOUND || id_is_zero(id)) {
		judge(result, VERDICT_FAILED, "5.1.1", "the account is no more");
		return;
	}
	if (!fault && account.state == ACCOUNT_SUSPENDED) {
		judge(result, VERDICT_DEFERRED, "4.2.1", "the account takes no mail now");
		return;
	}
	if (!fault)
		fault = check_quota(l, &account, &why);
	if (!fault)
		fault = name_account(l, content, id, arena, &why);
	if (!fault)
		fault = file(l, content, &account, &why);
	if (!fault) {
		judge(result, VERDICT_DELIVERED, "2.1.5", "delivered to the mailbox");
		result->mailbox = goes_to_junk(content, &account) ? "Junk" : "INBOX";
	} else if (fault == FAULT_OVER_QUOTA)
		judge(result, VERDICT_DEFERRED, "4.2.2", "the mailbox is full");
	else
		judge(result, VERDICT_DEFERRED, "4.3.0", arena_strdup(l->arena, why.text));
}

enum fault local_deliver(const struct local *l, struct why *why)
{
	struct arena *arena = arena_new();
	struct content content = { .junk = false };
	enum fault fault = read_content(l, arena, &content, why);

	for (size_t i = 0; i < l->envelope->n && !fault; i++) {
		if (l->envelope->recipients[i].state == RCPT_WAITING)
			deliver_one(l, &content, i, arena);
	}
	arena_free(arena);
	return fault;
}
