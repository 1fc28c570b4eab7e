/* The outbound queue behind the wall (queue.h). */
#include "store/queue.h"

#include <assert.h>

#include "store/access.h"

enum fault queue_put(struct store *store, const struct actor *actor, const struct queue_entry *entries,
                     size_t n, struct why *why)
{
	enum fault fault = access_check_act(actor, ACT_QUEUE_PUT, why);
	const struct id *wall;

	if (fault)
		return fault;
	wall = wall_queue(actor);
	for (size_t i = 0; i < n; i++) {
		assert(!id_is_zero(&entries[i].id) && entries[i].lease_until == 0);
		if (wall && !id_eq(wall, &entries[i].account))
			return fault_set(why, FAULT_DENIED, "queue entry of another account");
		if (entries[i].domain.len > RECORD_KEY_MAX || entries[i].state.len > RECORD_VALUE_MAX)
			return fault_set(why, FAULT_TOO_BIG, "queue entry with %zu bytes of state",
			                 entries[i].state.len);
	}
	return n ? store->ops->queue_put(store, actor, entries, n, why) : FAULT_NONE;
}

enum fault queue_claim(struct store *store, const struct actor *actor, int64_t now, int64_t lease_ms,
                       size_t max, struct arena *arena, struct queue_entry **ret, size_t *ret_n,
                       struct why *why)
{
	enum fault fault = access_check_act(actor, ACT_QUEUE_WORK, why);

	return fault ? fault
	             : store->ops->queue_claim(store, actor, now, lease_ms, max, arena, ret, ret_n, why);
}

enum fault queue_renew(struct store *store, const struct actor *actor, const struct id *id, uint64_t fence,
                       int64_t lease_until, struct why *why)
{
	enum fault fault = access_check_act(actor, ACT_QUEUE_WORK, why);

	return fault ? fault : store->ops->queue_renew(store, actor, id, fence, lease_until, why);
}

enum fault queue_finish(struct store *store, const struct actor *actor, const struct queue_outcome *outcome,
                        struct why *why)
{
	enum fault fault = access_check_act(actor, ACT_QUEUE_WORK, why);

	if (!fault && outcome->state.len > RECORD_VALUE_MAX)
		fault =
		    fault_set(why, FAULT_TOO_BIG, "queue entry with %zu bytes of state", outcome->state.len);
	return fault ? fault : store->ops->queue_finish(store, actor, outcome, why);
}

enum fault queue_set(struct store *store, const struct actor *actor, const struct id *id, uint64_t fence,
                     enum queue_status status, int64_t due, struct why *why)
{
	enum fault fault = access_check_act(actor, ACT_QUEUE_OPERATE, why);

	return fault ? fault : store->ops->queue_set(store, actor, id, fence, status, due, why);
}

enum fault queue_remove(struct store *store, const struct actor *actor, const struct id *id, uint64_t fence,
                        struct why *why)
{
	enum fault fault = access_check_act(actor, ACT_QUEUE_OPERATE, why);

	return fault ? fault : store->ops->queue_remove(store, actor, id, fence, why);
}

enum fault queue_get(struct store *store, const struct actor *actor, const struct id *id, struct arena *arena,
                     struct queue_entry *ret, struct why *why)
{
	enum fault fault = access_check_act(actor, ACT_QUEUE_SEE, why);

	return fault ? fault : store->ops->queue_get(store, actor, id, arena, ret, why);
}

enum fault queue_list(struct store *store, const struct actor *actor, const struct queue_query *query,
                      struct arena *arena, struct queue_entry **ret, size_t *ret_n, struct why *why)
{
	enum fault fault = access_check_act(actor, ACT_QUEUE_SEE, why);

	return fault ? fault : store->ops->queue_list(store, actor, query, arena, ret, ret_n, why);
}

enum fault queue_next_due(struct store *store, const struct actor *actor, int64_t *ret, struct why *why)
{
	enum fault fault = access_check_act(actor, ACT_QUEUE_SEE, why);

	return fault ? fault : store->ops->queue_next_due(store, actor, ret, why);
}
