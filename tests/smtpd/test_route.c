/* route.h: where a recipient leads, through aliases, tags and catch-alls. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "route.h"
#include "shared/suite/fixture.h"
#include "usage.h"

struct town { /* who is here */
	struct fixture *f;
	struct usage_cache *usage;
	struct account alice, bob, full, gone;
};

static void alias(struct fixture *f, const char *address, const char *const *targets, size_t n)
{
	good(alias_put(f->stack, NULL, slice_str(address), targets, n, RECORD_NEW, WHY));
}

#define ALIAS(f, address, ...)                                                                               \
	do {                                                                                                 \
		static const char *const targets_[] = { __VA_ARGS__ };                                       \
		alias((f), (address), targets_, ARRAY_LEN(targets_));                                        \
	} while (0)

static struct town build(struct fixture *f)
{
	struct town t = { .f = f, .usage = usage_cache_new(100) };
	struct domain all = { .name = "all.example", .catch_all = "alice@example.org" };
	struct person full;

	fixture_domain(f, "example.org");
	good(domain_put(f->stack, NULL, &all, WHY));
	t.alice = fixture_account(f, "alice@example.org");
	t.bob = fixture_account(f, "bob@example.org");
	full = fixture_person(f, "full@example.org");
	(void)fixture_deliver(f, &full, &full.account.inbox, SLICE(MESSAGE), 0);
	t.full = fixture_get(f, &full.account.id);
	t.full.quota = 10;
	good(account_put(f->stack, NULL, &t.full, WHY));
	t.gone = fixture_account(f, "gone@example.org");
	t.gone.state = ACCOUNT_SUSPENDED;
	good(account_put(f->stack, NULL, &t.gone, WHY));
	ALIAS(f, "team@example.org", "alice@example.org", "bob@example.org", "out@example.net");
	ALIAS(f, "twice@example.org", "alice@example.org", "Alice@example.org", "alice+tag@example.org",
	      "team@example.org");
	ALIAS(f, "out@example.org", "x@example.net");
	ALIAS(f, "nobody@example.org", "nope@example.org");
	ALIAS(f, "some@example.org", "nope@example.org", "gone@example.org", "alice@example.org");
	ALIAS(f, "closed@example.org", "gone@example.org");
	ALIAS(f, "stuffed@example.org", "full@example.org");
	ALIAS(f, "mixed@example.org", "full@example.org", "alice@example.org", "full@example.org");
	ALIAS(f, "unlucky@example.org", "gone@example.org", "full@example.org", "nope@example.org");
	ALIAS(f, "self@example.org", "self@example.org");
	ALIAS(f, "copy@example.org", "copy@example.org", "alice@example.org");
	ALIAS(f, "ping@example.org", "pong@example.org");
	ALIAS(f, "pong@example.org", "PING@example.org");
	ALIAS(f, "wide@example.org", "team@example.org", "a@example.net", "b@example.net", "c@example.net");
	return t;
}

static enum route_result route_in(const struct town *t, struct arena *arena, const char *text, bool may_relay,
                                  size_t room, struct route *ret)
{
	enum route_result result;
	struct address address;

	*ret = (struct route){
		.stack = t->f->stack, .usage = t->usage, .may_relay = may_relay, .room = room, .arena = arena
	};
	good(address_parse(arena, slice_str(text), &address, WHY));
	good(route_recipient(ret, &address, &result, WHY));
	return result;
}

/* "alice@example.org bob@example.org(later)" */
static const char *found(struct arena *arena, const struct route *route)
{
	const char *text = "";
	size_t n = 0;

	for (const struct recipient *r = route->first; r; r = r->next, n++) {
		text = arena_printf(arena, "%s%s%s%s", text, n ? " " : "", r->address,
		                    r->deferred ? "(later)" : "");
		assert_true(r->local == (strstr(r->address, "example.org") != NULL));
		assert_true(r->local || id_is_zero(&r->account));
	}
	assert_int_equal(n, route->n);
	return text;
}

static void recipients(void **state)
{
	static const struct {
		const char *name, *address;
		enum route_result result;
		const char *found;
		bool may_relay;
		size_t room; /* 0: 100 */
	} cases[] = {
		{ "an account", "alice@example.org", ROUTE_OK, "alice@example.org" },
		{ "other case", "ALICE@Example.ORG", ROUTE_OK, "alice@example.org" },
		{ "quoted", "\"alice\"@example.org", ROUTE_OK, "alice@example.org" },
		{ "with a tag", "alice+news@example.org", ROUTE_OK, "alice@example.org" },
		{ "nobody", "nope@example.org", ROUTE_UNKNOWN, "" },
		{ "suspended", "gone@example.org", ROUTE_SUSPENDED, "" },
		{ "full", "full@example.org", ROUTE_FULL, "" },
		{ "elsewhere", "x@example.net", ROUTE_RELAY, "" },
		{ "elsewhere, logged in", "X@example.net", ROUTE_OK, "X@example.net", true },
		{ "a literal", "x@[192.0.2.1]", ROUTE_RELAY, "" },
		{ "catch-all", "whoever@all.example", ROUTE_OK, "alice@example.org" },
		{ "an alias", "team@example.org", ROUTE_OK,
		  "alice@example.org bob@example.org out@example.net" },
		{ "a tagged alias", "team+x@example.org", ROUTE_OK,
		  "alice@example.org bob@example.org out@example.net" },
		{ "an alias that goes out", "out@example.org", ROUTE_OK, "x@example.net" },
		{ "each account once", "twice@example.org", ROUTE_OK,
		  "alice@example.org bob@example.org out@example.net" },
		{ "an alias to nobody", "nobody@example.org", ROUTE_UNKNOWN, "" },
		{ "an alias, partly to nobody", "some@example.org", ROUTE_OK, "alice@example.org" },
		{ "an alias to a suspended one", "closed@example.org", ROUTE_SUSPENDED, "" },
		{ "an alias to a full one", "stuffed@example.org", ROUTE_FULL, "" },
		{ "an alias to a full one and others", "mixed@example.org", ROUTE_OK,
		  "alice@example.org full@example.org(later)" },
		{ "an alias to a full one and nobody", "unlucky@example.org", ROUTE_FULL, "" },
		{ "an alias to itself", "self@example.org", ROUTE_LOOP, "" },
		{ "an alias to itself and one more", "copy@example.org", ROUTE_OK, "alice@example.org" },
		{ "a circle", "ping@example.org", ROUTE_LOOP, "" },
		{ "just room", "wide@example.org", ROUTE_OK,
		  "alice@example.org bob@example.org out@example.net a@example.net b@example.net "
		  "c@example.net",
		  false, 6 },
		{ "no room for the last", "wide@example.org", ROUTE_TOO_MANY, NULL, false, 5 },
		{ "no room for a full one", "mixed@example.org", ROUTE_TOO_MANY, NULL, false, 1 },
	};
	struct town t = build(*state);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena *arena = arena_new();
		struct route route;

		print_message("%s\n", cases[i].name);
		assert_int_equal(route_in(&t, arena, cases[i].address, cases[i].may_relay,
		                          cases[i].room ? cases[i].room : 100, &route),
		                 cases[i].result);
		if (cases[i].found)
			assert_string_equal(found(arena, &route), cases[i].found);
		arena_free(arena);
	}
	usage_cache_free(t.usage);
}

static void what_is_known_of_an_account(void **state)
{
	struct town t = build(*state);
	struct route route;

	assert_int_equal(route_in(&t, t.f->arena, "bob@example.org", false, 1, &route), ROUTE_OK);
	assert_true(id_eq(&route.first->account, &t.bob.id));
	assert_true(id_eq(&route.first->inbox, &t.bob.inbox));
	assert_true(id_eq(&route.first->junk, &t.bob.junk));
	assert_memory_equal(route.first->public_key.raw, t.bob.public_key.raw, 32);
	assert_int_equal(route.first->generation, 1);
	usage_cache_free(t.usage);
}

/* A chain as long as is allowed, and one longer. */
static void depth(void **state)
{
	struct town t = build(*state);
	struct route route;

	for (int i = 1; i <= ALIAS_DEPTH + 1; i++) {
		const char *target =
		    i == 1 ? "alice@example.org" : arena_printf(t.f->arena, "chain%d@example.org", i - 1);

		alias(t.f, arena_printf(t.f->arena, "chain%d@example.org", i), &target, 1);
	}
	assert_int_equal(route_in(&t, t.f->arena,
	                          arena_printf(t.f->arena, "chain%d@example.org", ALIAS_DEPTH), false, 100,
	                          &route),
	                 ROUTE_OK);
	assert_int_equal(route_in(&t, t.f->arena,
	                          arena_printf(t.f->arena, "chain%d@example.org", ALIAS_DEPTH + 1), false,
	                          100, &route),
	                 ROUTE_LOOP);
	usage_cache_free(t.usage);
}

static size_t looks;

static enum fault count_looks(struct store *store, const struct actor *actor, enum collection collection,
                              const struct slice *keys, size_t n, bool with_body, struct arena *arena,
                              struct record *ret, struct why *reason)
{
	looks++;
	return wire.store->get(store, actor, collection, keys, n, with_body, arena, ret, reason);
}

/* Eight levels of a hundred targets each, all in one: the work is bounded, not by the tree but by its addresses. */
static void a_bomb(void **state)
{
	struct town t = build(*state);
	const char *targets[ALIAS_TARGETS_MAX];
	struct route route;

	for (int level = 1; level <= ALIAS_DEPTH; level++) {
		for (size_t i = 0; i < ARRAY_LEN(targets); i++)
			targets[i] = level == ALIAS_DEPTH
			                 ? arena_printf(t.f->arena, "nobody%zu@example.org", i)
			                 : arena_printf(t.f->arena, "bomb%d+%zu@example.org", level + 1, i);
		alias(t.f, arena_printf(t.f->arena, "bomb%d@example.org", level), targets,
		      ARRAY_LEN(targets));
	}
	wire_on(t.f);
	wire.store_ops.get = count_looks;
	looks = 0;
	assert_int_equal(route_in(&t, t.f->arena, "bomb1@example.org", false, 1000, &route), ROUTE_LOOP);
	assert_true(looks <= ROUTE_LOOKUPS);
	wire_off(t.f);
	usage_cache_free(t.usage);
}

static void the_store_is_away(void **state)
{
	struct town t = build(*state);
	struct route route = { .stack = t.f->stack, .usage = t.usage, .room = 10, .arena = t.f->arena };
	const struct record row = { .key = SLICE("broken@example.org"),
		                    .version = RECORD_ANY,
		                    .value = SLICE("{}") };
	const struct actor admin = { .kind = ACTOR_ADMIN };
	enum route_result result = ROUTE_FULL;
	struct address address;
	bool own = true;

	good(record_put(t.f->stack->store, &admin, COLL_ADDRESSES, &row, WHY));
	good(address_parse(t.f->arena, SLICE("broken@example.org"), &address, WHY));
	bad(FAULT_CORRUPT, route_recipient(&route, &address, &result, WHY));
	assert_int_equal(result, ROUTE_FULL);
	bad(FAULT_CORRUPT, route_may_send_as(t.f->stack, &t.alice.id, &address, t.f->arena, &own, WHY));
	assert_true(own);
	usage_cache_free(t.usage);
}

static void senders(void **state)
{
	static const struct {
		const char *name, *address;
		bool alice, full;
	} cases[] = {
		{ "her own", "alice@example.org", true, false },
		{ "with a tag", "Alice+x@EXAMPLE.org", true, false },
		{ "an alias with her in it", "team@example.org", true, false },
		{ "an alias without her", "out@example.org", false, false },
		{ "somebody else's", "bob@example.org", false, false },
		{ "a catch-all that is hers", "any@all.example", true, false },
		{ "nobody's", "nope@example.org", false, false },
		{ "elsewhere", "alice@example.net", false, false },
		{ "who is full sends all the same", "full@example.org", false, true },
		{ "a circle", "ping@example.org", false, false },
	};
	struct town t = build(*state);

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct address address;
		bool own;

		print_message("%s\n", cases[i].name);
		good(address_parse(t.f->arena, slice_str(cases[i].address), &address, WHY));
		good(route_may_send_as(t.f->stack, &t.alice.id, &address, t.f->arena, &own, WHY));
		assert_int_equal(own, cases[i].alice);
		good(route_may_send_as(t.f->stack, &t.full.id, &address, t.f->arena, &own, WHY));
		assert_int_equal(own, cases[i].full);
	}
	usage_cache_free(t.usage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(recipients), case_of(what_is_known_of_an_account), case_of(depth),
		case_of(a_bomb),     case_of(the_store_is_away),           case_of(senders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
