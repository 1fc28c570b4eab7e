/* The outbound queue: claims with leases and fences, an operator's hand, the wall. */
#include "place.h"

#include <stdatomic.h>

#define NOW   INT64_C(1700000000000)
#define LEASE 60000

static struct queue_entry entry_of(const char *domain, uint8_t priority, int64_t due)
{
	return (struct queue_entry){
		.id = id_new(),
		.account = id_new(),
		.content = id_new(),
		.domain = slice_str(domain),
		.priority = priority,
		.created = NOW - 5000,
		.due = due,
		.size = 1234,
		.state = slice_of("\0sealed", 7),
	};
}

static size_t claim(struct store *store, struct arena *arena, int64_t now, size_t max,
                    struct queue_entry **ret)
{
	size_t n = 0;

	assert_good(queue_claim(store, &as_queue, now, LEASE, max, arena, ret, &n, why));
	assert_true(n <= max);
	return n;
}

static void test_put_and_get(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct queue_entry entries[2] = { entry_of("a.org", 3, NOW), entry_of("b.org", 1, NOW + 1) }, got;

	entries[1].status = QUEUE_HELD;
	entries[1].account = (struct id){ { 0 } }; /* nobody's */
	assert_good(queue_put(store, &as_queue, entries, 2, why));
	assert_good(queue_get(store, &as_queue, &entries[0].id, place->arena, &got, why));
	assert_true(id_eq(&got.id, &entries[0].id) && id_eq(&got.account, &entries[0].account) &&
	            id_eq(&got.content, &entries[0].content));
	assert_true(slice_eq(got.domain, SLICE("a.org")) && slice_eq(got.state, entries[0].state));
	assert_int_equal(got.status, QUEUE_WAITING);
	assert_int_equal(got.priority, 3);
	assert_true(got.created == NOW - 5000 && got.due == NOW && got.size == 1234);
	assert_int_equal(got.attempts + got.fence, 0);
	assert_int_equal(got.lease_until, 0);
	assert_good(queue_get(store, &as_queue, &entries[1].id, place->arena, &got, why));
	assert_int_equal(got.status, QUEUE_HELD);
	assert_true(id_is_zero(&got.account));
	/* a retry puts what was missing and leaves the rest */
	entries[0].state = SLICE("other");
	assert_good(queue_put(store, &as_queue, entries, 2, why));
	assert_good(queue_get(store, &as_queue, &entries[0].id, place->arena, &got, why));
	assert_int_equal(got.state.len, 7);
	entries[0].id = id_new();
	assert_fault(FAULT_NOT_FOUND, queue_get(store, &as_queue, &entries[0].id, place->arena, &got, why));
}

static void test_claim_order(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct queue_entry entries[] = {
		entry_of("low-late", 1, NOW - 1),  entry_of("low-early", 1, NOW - 9),
		entry_of("high-late", 9, NOW - 2), entry_of("high-early", 9, NOW - 8),
		entry_of("not-due", 9, NOW + 10),  entry_of("held", 200, NOW - 99),
	};
	static const char *const order[] = { "high-early", "high-late", "low-early", "low-late" };
	struct queue_entry *got;
	int64_t due;

	entries[5].status = QUEUE_HELD;
	assert_good(queue_next_due(store, &as_queue, &due, why));
	assert_true(due == 0);
	assert_good(queue_put(store, &as_queue, entries, ARRAY_LEN(entries), why));
	assert_good(queue_next_due(store, &as_queue, &due, why));
	assert_true(due == NOW - 9);
	for (size_t at = 0; at < ARRAY_LEN(order);) {
		size_t n = claim(store, place->arena, NOW, 3, &got);

		assert_true(n > 0);
		for (size_t i = 0; i < n; i++, at++) {
			assert_true(slice_eq(got[i].domain, slice_str(order[at])));
			assert_int_equal(got[i].fence, 1);
			assert_true(got[i].lease_until == NOW + LEASE);
		}
	}
	assert_int_equal(claim(store, place->arena, NOW, 3, &got), 0);
	assert_good(queue_next_due(store, &as_queue, &due, why));
	assert_true(due == NOW + 10);
	assert_int_equal(claim(store, place->arena, NOW + 10, 3, &got), 1);
	assert_good(queue_next_due(store, &as_queue, &due, why));
	assert_true(due == NOW + LEASE); /* leases may fall back from then on */
}

static void test_lease_expires(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct queue_entry entry = entry_of("a.org", 0, NOW), *first, *second;
	struct queue_outcome outcome = { .due = NOW + 1000, .attempts = 1, .state = SLICE("late") };

	assert_good(queue_put(store, &as_queue, &entry, 1, why));
	assert_int_equal(claim(store, place->arena, NOW, 1, &first), 1);
	assert_int_equal(claim(store, place->arena, NOW + LEASE - 1, 1, &second), 0);
	assert_int_equal(claim(store, place->arena, NOW + LEASE, 1, &second), 1);
	assert_true(id_eq(&first->id, &second->id));
	assert_int_equal(second->fence, 2);
	/* who was thought dead has nothing to say any more */
	outcome.id = entry.id;
	outcome.fence = first->fence;
	assert_fault(FAULT_STALE, queue_finish(store, &as_queue, &outcome, why));
	outcome.remove = true;
	assert_fault(FAULT_STALE, queue_finish(store, &as_queue, &outcome, why));
	assert_fault(FAULT_STALE,
	             queue_renew(store, &as_queue, &entry.id, first->fence, NOW + 9 * LEASE, why));
	assert_good(queue_renew(store, &as_queue, &entry.id, second->fence, NOW + 3 * LEASE, why));
	assert_int_equal(claim(store, place->arena, NOW + 2 * LEASE, 1, &first), 0);
	assert_int_equal(claim(store, place->arena, NOW + 3 * LEASE, 1, &first), 1);
	assert_int_equal(first->fence, 3);
}

static void test_finish(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct queue_entry entry = entry_of("a.org", 0, NOW), *got, look;
	struct queue_outcome outcome = { .id = entry.id, .fence = 1, .due = NOW + 500, .attempts = 4 };

	outcome.state = SLICE("deferred");
	assert_good(queue_put(store, &as_queue, &entry, 1, why));
	assert_int_equal(claim(store, place->arena, NOW, 1, &got), 1);
	assert_good(queue_finish(store, &as_queue, &outcome, why));
	assert_good(queue_get(store, &as_queue, &entry.id, place->arena, &look, why));
	assert_int_equal(look.lease_until, 0);
	assert_int_equal(look.attempts, 4);
	assert_true(look.due == NOW + 500 && slice_eq(look.state, SLICE("deferred")));
	assert_int_equal(claim(store, place->arena, NOW + 499, 1, &got), 0);
	assert_int_equal(claim(store, place->arena, NOW + 500, 1, &got), 1);
	assert_int_equal(got->fence, 2);
	assert_int_equal(got->attempts, 4);
	outcome.fence = 2;
	outcome.status = QUEUE_HELD;
	assert_good(queue_finish(store, &as_queue, &outcome, why));
	assert_int_equal(claim(store, place->arena, NOW + LEASE, 1, &got), 0);
	assert_good(queue_set(store, &as_queue, &entry.id, 2, QUEUE_WAITING, NOW, why));
	assert_int_equal(claim(store, place->arena, NOW, 1, &got), 1);
	outcome = (struct queue_outcome){ .id = entry.id, .fence = 3, .remove = true };
	assert_good(queue_finish(store, &as_queue, &outcome, why));
	assert_fault(FAULT_NOT_FOUND, queue_get(store, &as_queue, &entry.id, place->arena, &look, why));
}

/* The lease of an operator's word is judged by the real time. */
static void test_operate(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct queue_entry entry = entry_of("a.org", 0, 1), *got, look;
	struct queue_outcome outcome = { .id = entry.id, .fence = 1, .state = SLICE("s") };
	int64_t now = clock_now();

	assert_good(queue_put(store, &as_queue, &entry, 1, why));
	assert_good(queue_set(store, &as_admin, &entry.id, 0, QUEUE_HELD, now + 7, why));
	assert_good(queue_get(store, &as_admin, &entry.id, place->arena, &look, why));
	assert_true(look.status == QUEUE_HELD && look.due == now + 7 && look.fence == 0);
	assert_good(queue_set(store, &as_admin, &entry.id, 0, QUEUE_WAITING, 1, why));
	assert_int_equal(claim(store, place->arena, now, 1, &got), 1);
	assert_fault(FAULT_STALE, queue_set(store, &as_admin, &entry.id, 1, QUEUE_HELD, 1, why));
	assert_fault(FAULT_STALE, queue_set(store, &as_admin, &entry.id, 0, QUEUE_HELD, 1, why));
	assert_fault(FAULT_STALE, queue_remove(store, &as_admin, &entry.id, 1, why));
	assert_good(queue_finish(store, &as_queue, &outcome, why));
	assert_fault(FAULT_STALE, queue_remove(store, &as_admin, &entry.id, 0, why));
	assert_good(queue_remove(store, &as_admin, &entry.id, 1, why));
	assert_fault(FAULT_NOT_FOUND, queue_get(store, &as_admin, &entry.id, place->arena, &look, why));
}

static size_t walk(struct store *store, struct arena *arena, const struct actor *actor,
                   struct queue_query query)
{
	struct queue_entry *got;
	size_t n, total = 0;

	do {
		assert_good(queue_list(store, actor, &query, arena, &got, &n, why));
		for (size_t i = 0; i < n; i++) {
			assert_true(slice_cmp(id_slice(&query.after), id_slice(&got[i].id)) < 0);
			query.after = got[i].id;
		}
		total += n;
	} while (n);
	return total;
}

static void test_list(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct id ann = id_new();
	struct actor as_ann = owner_of(&ann), admin_of_ann = { ACTOR_ADMIN, ann };
	struct queue_query all = { .limit = 4 }, of_ann = { .limit = 4, .account = &ann };
	struct queue_query to_b = { .limit = 4, .domain = SLICE("b.org") };
	struct queue_query both = { .limit = 4, .account = &ann, .domain = SLICE("b.org") };

	for (int i = 0; i < 24; i++) {
		struct queue_entry entry = entry_of(i % 2 ? "a.org" : "b.org", 0, NOW);

		if (i % 3 == 0)
			entry.account = ann;
		assert_good(queue_put(store, &as_queue, &entry, 1, why));
	}
	assert_int_equal(walk(store, place->arena, &as_admin, all), 24);
	assert_int_equal(walk(store, place->arena, &as_admin, of_ann), 8);
	assert_int_equal(walk(store, place->arena, &as_admin, to_b), 12);
	assert_int_equal(walk(store, place->arena, &as_admin, both), 4);
	assert_int_equal(walk(store, place->arena, &as_ann, all), 8);
	assert_int_equal(walk(store, place->arena, &admin_of_ann, to_b), 4);
}

static void test_wall(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct id ann = id_new(), bob = id_new();
	struct actor as_ann = owner_of(&ann), as_bob = owner_of(&bob), to_ann = delivery_to(&ann);
	struct queue_entry entry = entry_of("a.org", 0, NOW), got, *many;
	size_t n;

	entry.account = ann;
	assert_fault(FAULT_DENIED, queue_put(store, &as_bob, &entry, 1, why));
	assert_fault(FAULT_DENIED, queue_put(store, &as_admin, &entry, 1, why));
	assert_good(queue_put(store, &to_ann, &entry, 1, why));
	assert_fault(FAULT_NOT_FOUND, queue_get(store, &as_bob, &entry.id, place->arena, &got, why));
	assert_true(queue_remove(store, &as_bob, &entry.id, 0, NULL) != FAULT_NONE);
	assert_true(queue_set(store, &as_bob, &entry.id, 0, QUEUE_HELD, 0, NULL) != FAULT_NONE);
	assert_fault(FAULT_DENIED, queue_claim(store, &as_ann, NOW, LEASE, 1, place->arena, &many, &n, why));
	assert_fault(FAULT_DENIED, queue_get(store, &to_ann, &entry.id, place->arena, &got, why));
	assert_good(queue_get(store, &as_ann, &entry.id, place->arena, &got, why));
	assert_int_equal(got.status, QUEUE_WAITING);
	assert_good(queue_remove(store, &as_ann, &entry.id, 0, why));
}

/* ---- several at once ---- */

#define ENTRIES 120

struct claiming {
	struct store *stores[2];
	struct id ids[ENTRIES];
	atomic_int claimed[ENTRIES];
	atomic_int left;
};

static void *claim_all(void *object)
{
	const struct thread_arg *arg = object;
	struct claiming *c = arg->shared;

	while (c->left > 0) {
		struct arena *arena = arena_new();
		struct queue_entry *got;
		size_t n;

		must_good(queue_claim(c->stores[arg->number % 2], &as_queue, NOW, LEASE, 1 + arg->number % 5,
		                      arena, &got, &n, why));
		for (size_t i = 0; i < n; i++)
			for (int k = 0; k < ENTRIES; k++)
				if (id_eq(&got[i].id, &c->ids[k]))
					must(c->claimed[k]++ == 0);
		c->left -= (int)n;
		arena_free(arena);
	}
	return NULL;
}

static void test_claimers(void **state)
{
	struct place *place = *state;
	struct claiming *c = xzalloc(sizeof(*c));

	c->stores[0] = open_store(place);
	c->stores[1] = open_beside(place);
	c->left = ENTRIES;
	for (int i = 0; i < ENTRIES; i++) {
		struct queue_entry entry = entry_of("a.org", (uint8_t)(i % 4), NOW - i);

		c->ids[i] = entry.id;
		assert_good(queue_put(c->stores[0], &as_queue, &entry, 1, why));
	}
	run_threads(8, claim_all, c);
	assert_int_equal(c->left, 0);
	store_close(c->stores[1]);
	free(c);
}

const struct CMUnitTest queue_cases[] = {
	CASE(test_put_and_get), CASE(test_claim_order), CASE(test_lease_expires), CASE(test_finish),
	CASE(test_operate),     CASE(test_list),        CASE(test_wall),          CASE(test_claimers),
};
const size_t n_queue_cases = ARRAY_LEN(queue_cases);
