/* Rotation of the key rings (check.h): every wrapped private key again under the active KEK. */
#include "store/record.h"
#include "suite/walk.h"

#define ATTEMPTS 10

struct rewrap {
	struct stack *stack;
	void (*on_progress)(void *, const struct walk_progress *);
	void *arg;
	struct walk_progress progress;
	uint64_t rewrapped;
};

/* Once more under the active KEK. STALE: somebody changed the account meanwhile. */
static enum fault rewrap_once(struct rewrap *rewrap, struct account *account, struct arena *arena,
                              struct why *why)
{
	struct keyring *ring = rewrap->stack->accounts;
	struct secret *secret;
	struct buf wrapped;
	enum fault fault;

	if (keyring_wrapped_by(account->wrapped) == keyring_active(ring))
		return FAULT_NONE;
	fault = stack_unwrap(rewrap->stack, STACK_ACCOUNTS_RING, "account", &account->id, account->wrapped,
	                     &secret, why);
	if (fault)
		return fault_add(why, fault, "the key of %s", account->login);
	buf_init(&wrapped, 512);
	keyring_wrap(ring, "account", &account->id, secret_slice(secret), &wrapped);
	account->wrapped = arena_copy(arena, buf_slice(&wrapped));
	buf_done(&wrapped);
	secret_unref(secret);
	fault = account_put(rewrap->stack, NULL, account, why);
	if (!fault)
		rewrap->rewrapped++;
	return fault;
}

static enum fault on_account(void *arg, const struct account *listed, struct why *why)
{
	struct rewrap *rewrap = arg;
	struct account account = *listed;
	struct arena *arena = arena_new();
	enum fault fault = rewrap_once(rewrap, &account, arena, why);

	for (int i = 0; i < ATTEMPTS && fault == FAULT_STALE; i++) {
		fault = account_get(rewrap->stack, &listed->id, arena, &account, why);
		if (!fault)
			fault = rewrap_once(rewrap, &account, arena, why);
	}
	rewrap->progress.done++;
	if (rewrap->on_progress)
		rewrap->on_progress(rewrap->arg, &rewrap->progress);
	arena_free(arena);
	return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault; /* deleted meanwhile */
}

enum fault rewrap_run(struct stack *stack, void (*on_progress)(void *, const struct walk_progress *),
                      void *arg, uint64_t *ret_rewrapped, struct why *why)
{
	struct rewrap rewrap = { .stack = stack,
		                 .on_progress = on_progress,
		                 .arg = arg,
		                 .progress.doing = "re-wrapping account keys" };
	bool queue_done = false;
	enum fault fault = walk_accounts(stack, on_account, &rewrap, why);

	if (!fault)
		fault = queue_key_rewrap(stack, &queue_done, why);
	if (!fault)
		*ret_rewrapped = rewrap.rewrapped + queue_done;
	return fault;
}
