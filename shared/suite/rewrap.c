/* Rotation of the key rings (check.h): every wrapped private key again under the active KEK. */
#include "store/record.h"
#include "suite/directory_internal.h"
#include "suite/walk.h"

#define ATTEMPTS 10

struct rewrap {
	struct stack *stack;
	void (*on_progress)(void *, const struct walk_progress *);
	void *arg;
	struct walk_progress progress;
	uint64_t rewrapped, failed;
	enum fault first_fault; /* of those that failed: told at the end, the others are done first */
	struct why first_why;
};

/* Once more under the active KEK. STALE: somebody changed the account meanwhile. */
static enum fault rewrap_once(struct rewrap *rewrap, struct account *account, struct arena *arena,
                              struct why *why)
{
	struct stack *stack = rewrap->stack;
	struct secret *secret;
	struct buf wrapped;
	uint32_t kek;
	enum fault fault;

	if (keyring_wrapped_by(account->wrapped) == stack_active_kek(stack, STACK_ACCOUNTS_RING))
		return FAULT_NONE;
	fault =
	    stack_unwrap(stack, STACK_ACCOUNTS_RING, "account", &account->id, account->wrapped, &secret, why);
	if (fault)
		return fault == FAULT_NOT_FOUND ? FAULT_CONFIG : fault; /* a key that no ring has */
	buf_init(&wrapped, 512);
	fault = stack_wrap(stack, STACK_ACCOUNTS_RING, "account", &account->id, secret_slice(secret),
	                   &wrapped, &kek, why);
	account->wrapped = arena_copy(arena, buf_slice(&wrapped));
	buf_done(&wrapped);
	secret_unref(secret);
	if (!fault)
		fault = account_put_record(stack, account, why);
	if (!fault)
		rewrap->rewrapped++;
	return fault;
}

/* A store that is away ends the walk; one account that does not open must not keep the others from being done. */
static enum fault note_failure(struct rewrap *rewrap, const char *login, enum fault fault, struct why *why)
{
	fault_add(why, fault, "%s", login);
	if (fault == FAULT_TEMP)
		return fault;
	if (!rewrap->failed++) {
		rewrap->first_fault = fault;
		rewrap->first_why = *why;
	}
	return FAULT_NONE;
}

static enum fault rewrap_account(struct rewrap *rewrap, const struct id *id, struct arena *arena,
                                 struct why *why)
{
	enum fault fault = FAULT_STALE;

	for (int i = 0; i < ATTEMPTS && fault == FAULT_STALE; i++) {
		struct account account;

		fault = account_get(rewrap->stack, id, arena, &account, why);
		if (fault == FAULT_NOT_FOUND)
			return FAULT_NONE; /* deleted meanwhile */
		if (!fault)
			fault = rewrap_once(rewrap, &account, arena, why);
	}
	return fault;
}

static enum fault on_address(void *arg, const struct record *record, struct why *why)
{
	struct rewrap *rewrap = arg;
	struct arena *arena = arena_new();
	struct address_row row;
	enum fault fault = address_read(record, arena, &row, why);

	if (!fault && row.kind == ADDRESS_ACCOUNT) {
		fault = rewrap_account(rewrap, &row.account, arena, why);
		rewrap->progress.done++;
		if (rewrap->on_progress)
			rewrap->on_progress(rewrap->arg, &rewrap->progress);
	}
	if (fault)
		fault = note_failure(rewrap, arena_strz(arena, record->key), fault, why);
	arena_free(arena);
	return fault;
}

enum fault rewrap_run(struct stack *stack, void (*on_progress)(void *, const struct walk_progress *),
                      void *arg, uint64_t *ret_rewrapped, struct why *why)
{
	struct rewrap rewrap = { .stack = stack,
		                 .on_progress = on_progress,
		                 .arg = arg,
		                 .progress.doing = "re-wrapping account keys" };
	bool queue_done = false, timeline_done = false;
	enum fault fault;

	if (!stack_active_kek(stack, STACK_ACCOUNTS_RING) || !stack_active_kek(stack, STACK_QUEUE_RING))
		return fault_set(why, FAULT_DENIED, "this process does not hold both rings");
	fault = walk_records(stack, COLL_ADDRESSES, on_address, &rewrap, why);
	if (!fault)
		fault = key_pair_rewrap(stack, PAIR_QUEUE, &queue_done, why);
	if (!fault)
		fault = key_pair_rewrap(stack, PAIR_TIMELINE, &timeline_done, why);
	if (!fault && rewrap.failed) {
		*why = rewrap.first_why;
		return fault_add(why, rewrap.first_fault, "%llu accounts were not re-wrapped, the first",
		                 (unsigned long long)rewrap.failed);
	}
	if (!fault)
		*ret_rewrapped = rewrap.rewrapped + queue_done + timeline_done;
	return fault;
}
