/* The shim (shim.h). */
#include "shim.h"

#include <time.h>

struct shim shim;

static bool use_up(atomic_int *left)
{
	int n = *left;

	while (n > 0)
		if (atomic_compare_exchange_weak(left, &n, n - 1))
			return true;
	return false;
}

static enum fault shim_commit(struct store *store, const struct actor *actor, const struct commit *commit,
                              struct mailbox_head *ret_head, struct why *why)
{
	struct timespec pause = { 0, shim.delay_ms * 1000000L };
	struct mailbox_head head;
	enum fault fault;

	shim.commits++;
	if (shim.delay_ms)
		nanosleep(&pause, NULL);
	if (use_up(&shim.refuse))
		return fault_set(why, FAULT_TEMP, "refused by the test");
	fault = shim.real->commit(store, actor, commit, &head, why);
	if (!fault && use_up(&shim.lose)) {
		if (shim.after_lost)
			shim.after_lost();
		return fault_set(why, FAULT_TEMP, "answer lost by the test");
	}
	if (!fault)
		*ret_head = head;
	return fault;
}

static enum fault shim_read(struct store *store, const struct actor *actor, const struct id *mailbox,
                            uint64_t since, struct arena *arena, struct mailbox_log *ret, struct why *why)
{
	if (use_up(&shim.away))
		return fault_set(why, FAULT_TEMP, "away by the test");
	return shim.real->read(store, actor, mailbox, since, arena, ret, why);
}

static enum fault shim_pages_read(struct store *store, const struct actor *actor, const struct id *mailbox,
                                  uint64_t since, bool with_keys, struct arena *arena, struct page_row **ret,
                                  size_t *ret_n, struct why *why)
{
	enum fault fault;

	if (shim.before_pages)
		shim.before_pages();
	fault = shim.real->pages_read(store, actor, mailbox, since, with_keys, arena, ret, ret_n, why);
	if (shim.after_pages)
		shim.after_pages();
	return fault;
}

void shim_in(struct store *store)
{
	shim = (struct shim){ .ops = *store->ops, .real = store->ops };
	shim.ops.commit = shim_commit;
	shim.ops.read = shim_read;
	shim.ops.pages_read = shim_pages_read;
	store->ops = &shim.ops;
}

void shim_out(struct store *store)
{
	store->ops = shim.real;
}
