/* Plain records: put, get, find, delete, expire, and the wall. */
#include "place.h"

#include "store/schema.h"

static struct record content_of(const struct id *account, const char *value)
{
	static struct id keys[64];
	static unsigned at;
	struct id *key = &keys[at++ % ARRAY_LEN(keys)];

	*key = id_new();
	return (
	    struct record){ .key = id_slice(key), .accounts = id_slice(account), .value = slice_str(value) };
}

static void assert_same(struct slice got, struct slice want)
{
	assert_int_equal(got.len, want.len);
	if (want.len)
		assert_memory_equal(got.data, want.data, want.len);
}

static void test_put_and_get(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct id account = id_new();
	struct record record = {
		.key = slice_of("a\0b", 3), /* keys are bytes */
		.accounts = id_slice(&account),
		.index = { SLICE("example.org"), SLICE("ann@example.org") },
		.value = slice_of("\0\1\2{}", 5),
	};
	struct record got;

	assert_good(record_put(store, &as_system, COLL_ACCOUNTS, &record, why));
	assert_good(record_get(store, &as_system, COLL_ACCOUNTS, record.key, false, place->arena, &got, why));
	assert_int_equal(got.version, 1);
	assert_same(got.key, record.key);
	assert_same(got.accounts, record.accounts);
	assert_same(got.index[0], record.index[0]);
	assert_same(got.index[1], record.index[1]);
	assert_same(got.value, record.value);
	assert_int_equal(got.expires, 0);
	assert_fault(FAULT_NOT_FOUND, record_get(store, &as_system, COLL_ACCOUNTS, SLICE("a"), false,
	                                         place->arena, &got, why));
	/* an index that is not given is not there */
	record = (struct record){ .key = SLICE("bare"), .value = SLICE("{}") };
	assert_good(record_put(store, &as_system, COLL_ACCOUNTS, &record, why));
	assert_good(record_get(store, &as_system, COLL_ACCOUNTS, record.key, false, place->arena, &got, why));
	assert_null(got.index[0].data);
	assert_int_equal(got.accounts.len, 0);
}

static void test_insert_twice(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct record record = { .key = SLICE("example.org"), .value = SLICE("{\"a\":1}") };

	assert_good(record_put(store, &as_system, COLL_DOMAINS, &record, why));
	assert_good(record_put(store, &as_system, COLL_DOMAINS, &record, why)); /* a retry */
	record.value = SLICE("{\"a\":2}");
	assert_fault(FAULT_EXISTS, record_put(store, &as_system, COLL_DOMAINS, &record, why));
	assert_good(
	    record_get(store, &as_system, COLL_DOMAINS, record.key, false, place->arena, &record, why));
	assert_same(record.value, SLICE("{\"a\":1}"));
	assert_int_equal(record.version, 1);
}

static void test_put_many(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct record_query query = { .collection = COLL_TIMELINE, .index = -1, .limit = 5000 };
	struct record records[1200], *all, other = { .key = SLICE("0700"), .value = SLICE("other") };
	const struct record *many[1200];
	size_t n;

	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		records[i] = (struct record){ .key = slice_str(arena_printf(place->arena, "%04zu", i)),
			                      .value = SLICE("\xff packed"),
			                      .expires = clock_now() + 1000000 };
		many[i] = &records[i];
	}
	assert_good(record_put_many(store, &as_system, COLL_TIMELINE, many, 0, why));
	assert_good(record_put_many(store, &as_system, COLL_TIMELINE, many, 600, why));
	/* a retry finds its own again, and adds what was missing */
	assert_good(record_put_many(store, &as_system, COLL_TIMELINE, many, 1200, why));
	assert_good(record_find(store, &as_system, &query, place->arena, &all, &n, why));
	assert_int_equal(n, 1200);
	for (size_t i = 0; i < n; i++) {
		assert_same(all[i].key, records[i].key);
		assert_int_equal(all[i].version, 1);
		assert_int_equal(all[i].expires, records[i].expires);
	}
	many[3] = &other;
	assert_fault(FAULT_EXISTS, record_put_many(store, &as_system, COLL_TIMELINE, many, 5, why));
	assert_fault(FAULT_DENIED, record_put_many(store, &as_queue, COLL_TIMELINE, many, 2, why));
}

static void test_versions(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct record record = { .key = SLICE("k"), .version = 1, .value = SLICE("1") }, got;

	assert_fault(FAULT_STALE,
	             record_put(store, &as_system, COLL_SETTINGS, &record, why)); /* nothing there */
	record.version = RECORD_NEW;
	assert_good(record_put(store, &as_system, COLL_SETTINGS, &record, why));
	record.version = 1;
	record.value = SLICE("2");
	assert_good(record_put(store, &as_system, COLL_SETTINGS, &record, why));
	record.value = SLICE("3");
	assert_fault(FAULT_STALE, record_put(store, &as_system, COLL_SETTINGS, &record, why));
	record.version = RECORD_ANY;
	assert_good(record_put(store, &as_system, COLL_SETTINGS, &record, why));
	assert_good(record_get(store, &as_system, COLL_SETTINGS, record.key, false, place->arena, &got, why));
	assert_same(got.value, SLICE("3"));
	assert_int_equal(got.version, 3);
	record.key = SLICE("fresh");
	assert_good(record_put(store, &as_system, COLL_SETTINGS, &record, why)); /* ANY inserts too */
	assert_good(record_get(store, &as_system, COLL_SETTINGS, record.key, false, place->arena, &got, why));
	assert_int_equal(got.version, 1);
}

static void test_delete(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct record record = { .key = SLICE("k"), .value = SLICE("1") };

	assert_fault(FAULT_NOT_FOUND,
	             record_del(store, &as_system, COLL_SETTINGS, record.key, RECORD_ANY, why));
	assert_good(record_put(store, &as_system, COLL_SETTINGS, &record, why));
	assert_fault(FAULT_STALE, record_del(store, &as_system, COLL_SETTINGS, record.key, 2, why));
	assert_good(record_del(store, &as_system, COLL_SETTINGS, record.key, 1, why));
	assert_fault(FAULT_NOT_FOUND, record_get(store, &as_system, COLL_SETTINGS, record.key, false,
	                                         place->arena, &record, why));
	record = (struct record){ .key = SLICE("k"), .value = SLICE("1") };
	assert_good(record_put(store, &as_system, COLL_SETTINGS, &record, why));
	assert_good(record_del(store, &as_system, COLL_SETTINGS, record.key, RECORD_ANY, why));
}

static void test_unique(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct record ann = { .key = SLICE("1"), .index = { SLICE("d"), SLICE("ann") }, .value = SLICE("a") };
	struct record bob = { .key = SLICE("2"), .index = { SLICE("d"), SLICE("bob") }, .value = SLICE("b") };
	struct record token = { .key = SLICE("h1"), .index = { SLICE("ci") }, .value = SLICE("t") };

	assert_good(record_put(store, &as_system, COLL_ACCOUNTS, &ann, why));
	assert_good(record_put(store, &as_system, COLL_ACCOUNTS, &bob, why)); /* the domain is not unique */
	bob.index[1] = SLICE("ann");
	bob.version = 1;
	assert_fault(FAULT_EXISTS, record_put(store, &as_system, COLL_ACCOUNTS, &bob, why));
	bob.key = SLICE("3");
	bob.version = RECORD_NEW;
	assert_fault(FAULT_EXISTS, record_put(store, &as_system, COLL_ACCOUNTS, &bob, why));
	ann.version = 1;
	ann.index[1] = SLICE("anna"); /* frees the name */
	assert_good(record_put(store, &as_system, COLL_ACCOUNTS, &ann, why));
	assert_good(record_put(store, &as_system, COLL_ACCOUNTS, &bob, why));
	assert_good(record_put(store, &as_system, COLL_TOKENS, &token, why));
	token.key = SLICE("h2");
	assert_fault(FAULT_EXISTS, record_put(store, &as_system, COLL_TOKENS, &token, why));
	assert_good(record_del(store, &as_system, COLL_TOKENS, SLICE("h1"), RECORD_ANY, why));
	assert_good(record_put(store, &as_system, COLL_TOKENS, &token, why));
}

static void test_expiry(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct record gone = { .key = SLICE("gone"), .value = SLICE("1"), .expires = clock_now() - 1000 };
	struct record stays = { .key = SLICE("stays"),
		                .value = SLICE("1"),
		                .expires = clock_now() + 3600000 };
	struct record_query query = { .collection = COLL_TOKENS, .index = -1, .limit = 10 };
	struct record got, *all;
	size_t n;

	assert_good(record_put(store, &as_system, COLL_TOKENS, &gone, why));
	assert_good(record_put(store, &as_system, COLL_TOKENS, &stays, why));
	assert_fault(FAULT_NOT_FOUND,
	             record_get(store, &as_system, COLL_TOKENS, gone.key, false, place->arena, &got, why));
	assert_good(record_get(store, &as_system, COLL_TOKENS, stays.key, false, place->arena, &got, why));
	assert_int_equal(got.expires, stays.expires);
	assert_good(record_find(store, &as_system, &query, place->arena, &all, &n, why));
	assert_int_equal(n, 1);
	assert_fault(FAULT_NOT_FOUND, record_del(store, &as_system, COLL_TOKENS, gone.key, RECORD_ANY, why));
	gone.value = SLICE("2"); /* what has expired is in nobody's way */
	gone.expires = 0;
	assert_good(record_put(store, &as_system, COLL_TOKENS, &gone, why));
	assert_good(record_get(store, &as_system, COLL_TOKENS, gone.key, false, place->arena, &got, why));
	assert_same(got.value, SLICE("2"));
}

static void test_expire(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	int64_t now = clock_now();
	struct id account = id_new();
	size_t n, total = 0;

	for (int i = 0; i < 7; i++) {
		struct record record = content_of(&account, "x");

		record.body = SLICE("body");
		record.expires = i < 5 ? now + 60000 : 0;
		assert_good(record_put(store, &as_system, COLL_CONTENTS, &record, why));
	}
	assert_good(store_expire(store, now, 100, &n, why));
	assert_int_equal(n, 0);
	do {
		assert_good(store_expire(store, now + 60001, 2, &n, why));
		assert_true(n <= 2);
		total += n;
	} while (n);
	assert_int_equal(total, 5);
}

static void test_bodies(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct id account = id_new();
	struct record record = content_of(&account, "summary"), got, *all;
	struct record_query query = {
		.collection = COLL_CONTENTS, .index = -1, .limit = 10, .with_body = true
	};
	uint8_t *body = arena_alloc(place->arena, RECORD_BODY_MAX);
	size_t n;

	rand_bytes(body, RECORD_BODY_MAX);
	record.body = slice_of(body, RECORD_BODY_MAX);
	assert_good(record_put(store, &as_system, COLL_CONTENTS, &record, why));
	assert_good(record_get(store, &as_system, COLL_CONTENTS, record.key, false, place->arena, &got, why));
	assert_null(got.body.data);
	assert_good(record_get(store, &as_system, COLL_CONTENTS, record.key, true, place->arena, &got, why));
	assert_same(got.body, record.body);
	assert_good(record_find(store, &as_system, &query, place->arena, &all, &n, why));
	assert_int_equal(n, 1);
	assert_same(all[0].body, record.body);
	query.with_body = false;
	assert_good(record_find(store, &as_system, &query, place->arena, &all, &n, why));
	assert_null(all[0].body.data);
	assert_good(record_put(store, &as_system, COLL_CONTENTS, &record, why)); /* a retry, body and all */
	record.body = slice_of(body, 10);
	assert_fault(FAULT_EXISTS, record_put(store, &as_system, COLL_CONTENTS, &record, why));
	record.version = 1;
	assert_good(record_put(store, &as_system, COLL_CONTENTS, &record, why));
	assert_good(record_get(store, &as_system, COLL_CONTENTS, record.key, true, place->arena, &got, why));
	assert_same(got.body, record.body);
	record.version = 2;
	record.body = (struct slice){ NULL, 0 };
	assert_good(record_put(store, &as_system, COLL_CONTENTS, &record, why));
	assert_good(record_get(store, &as_system, COLL_CONTENTS, record.key, true, place->arena, &got, why));
	assert_null(got.body.data);
}

static void test_sizes(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	uint8_t *bytes = arena_zalloc(place->arena, RECORD_VALUE_MAX + 1);
	struct record record = { .key = SLICE("k"), .value = slice_of(bytes, RECORD_VALUE_MAX) };

	assert_good(record_put(store, &as_system, COLL_SETTINGS, &record, why));
	record.version = RECORD_ANY;
	record.value.len++;
	assert_fault(FAULT_TOO_BIG, record_put(store, &as_system, COLL_SETTINGS, &record, why));
	record.value = SLICE("");
	memset(bytes, 'k', RECORD_KEY_MAX + 1);
	record.key = slice_of(bytes, RECORD_KEY_MAX);
	assert_good(record_put(store, &as_system, COLL_SETTINGS, &record, why));
	record.key.len++;
	assert_fault(FAULT_TOO_BIG, record_put(store, &as_system, COLL_SETTINGS, &record, why));
}

static void test_get_many(void **state)
{
	enum { N = 1100 };
	struct place *place = *state;
	struct store *store = open_store(place);
	struct slice *keys = arena_array(place->arena, struct slice, N);
	struct record *got = arena_array(place->arena, struct record, N);

	for (int i = 0; i < N; i++) {
		struct record record = { .value = SLICE("v") };

		keys[i] = slice_str(arena_printf(place->arena, "key %04d", i));
		record.key = keys[i];
		if (i % 100 == 0)
			assert_good(record_put(store, &as_system, COLL_DOMAINS, &record, why));
	}
	assert_good(record_get_many(store, &as_system, COLL_DOMAINS, keys, N, false, place->arena, got, why));
	for (int i = 0; i < N; i++) {
		assert_int_equal(got[i].key.data != NULL, i % 100 == 0);
		if (got[i].key.data)
			assert_same(got[i].key, keys[i]);
	}
}

/* Addresses a0 … of two domains and three accounts, so that index values repeat. */
static void put_addresses(struct store *store, struct arena *arena, int n)
{
	static const char *const domains[] = { "a.org", "b.org" }, *const accounts[] = { "x", "y", "z" };

	for (int i = 0; i < n; i++) {
		struct record record = {
			.key = slice_str(arena_printf(arena, "a%03d", i)),
			.index = { slice_str(domains[i % 2]), slice_str(accounts[i % 3]) },
			.value = SLICE("{}"),
		};

		if (i % 7 == 6)
			record.index[1] = (struct slice){ NULL, 0 };
		assert_good(record_put(store, &as_system, COLL_ADDRESSES, &record, why));
	}
}

static size_t walk(struct store *store, struct arena *arena, struct record_query query, size_t page)
{
	struct slice last_index = { NULL, 0 }, last_key = { NULL, 0 };
	struct record *found;
	size_t n, total = 0;

	query.limit = page;
	do {
		assert_good(record_find(store, &as_system, &query, arena, &found, &n, why));
		assert_true(n <= page);
		for (size_t i = 0; i < n; i++) {
			struct slice index = query.index >= 0 ? found[i].index[query.index] : SLICE("");
			int order = slice_cmp(last_index, index);

			assert_true(order < 0 || (order == 0 && slice_cmp(last_key, found[i].key) < 0));
			if (query.equal.data)
				assert_same(index, query.equal);
			last_index = index;
			last_key = found[i].key;
		}
		total += n;
		query.after_index = last_index;
		query.after_key = last_key;
	} while (n);
	return total;
}

static void test_find(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct record_query by_key = { .collection = COLL_ADDRESSES, .index = -1 };
	struct record_query by_domain = { .collection = COLL_ADDRESSES, .index = 0 };
	struct record_query by_account = { .collection = COLL_ADDRESSES, .index = 1 };
	struct record_query equal = by_domain;

	put_addresses(store, place->arena, 42);
	equal.equal = SLICE("b.org");
	for (size_t page = 1; page <= 43; page += 6) {
		assert_int_equal(walk(store, place->arena, by_key, page), 42);
		assert_int_equal(walk(store, place->arena, by_domain, page), 42);
		assert_int_equal(walk(store, place->arena, by_account, page),
		                 36); /* who is not in it is left out */
		assert_int_equal(walk(store, place->arena, equal, page), 21);
	}
	equal.equal = SLICE("c.org");
	assert_int_equal(walk(store, place->arena, equal, 5), 0);
}

/* ---- the wall ---- */

static void test_wall_contents(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct id ann = id_new(), bob = id_new(), both[2] = { ann, bob };
	struct actor as_ann = owner_of(&ann), as_bob = owner_of(&bob), to_ann = delivery_to(&ann);
	struct record anns = content_of(&ann, "ann's"), shared = content_of(&ann, "both's"), got;
	struct record_query query = { .collection = COLL_CONTENTS, .index = -1, .limit = 10 };
	struct record *all;
	enum fault fault;
	size_t n;

	shared.accounts = slice_of(both, sizeof(both));
	assert_good(record_put(store, &to_ann, COLL_CONTENTS, &anns, why));
	assert_good(record_put(store, &to_ann, COLL_CONTENTS, &shared, why));
	assert_good(record_get(store, &as_ann, COLL_CONTENTS, anns.key, false, place->arena, &got, why));
	assert_good(record_get(store, &as_bob, COLL_CONTENTS, shared.key, false, place->arena, &got, why));
	assert_fault(FAULT_NOT_FOUND,
	             record_get(store, &as_bob, COLL_CONTENTS, anns.key, false, place->arena, &got, why));
	assert_good(record_find(store, &as_bob, &query, place->arena, &all, &n, why));
	assert_int_equal(n, 1);
	assert_good(record_find(store, &as_ann, &query, place->arena, &all, &n, why));
	assert_int_equal(n, 2);
	assert_fault(FAULT_NOT_FOUND, record_del(store, &as_bob, COLL_CONTENTS, anns.key, RECORD_ANY, why));

	/* bob neither takes over ann's record, nor puts one that is not his */
	anns.version = RECORD_ANY;
	assert_fault(FAULT_DENIED, record_put(store, &as_bob, COLL_CONTENTS, &anns, why));
	anns.accounts = id_slice(&bob);
	fault = record_put(store, &as_bob, COLL_CONTENTS, &anns, NULL);
	assert_true(fault == FAULT_DENIED || fault == FAULT_EXISTS);
	assert_good(record_get(store, &as_ann, COLL_CONTENTS, anns.key, false, place->arena, &got, why));
	assert_same(got.accounts, id_slice(&ann));
}

static void test_wall_kinds(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct id ann = id_new();
	struct actor to_ann = delivery_to(&ann), nobody = { .kind = ACTOR_OWNER }, as_ann = owner_of(&ann);
	struct record content = content_of(&ann, "c"), setting = { .key = SLICE("s"), .value = SLICE("1") },
	              got;

	assert_good(record_put(store, &as_queue, COLL_CONTENTS, &content, why));
	assert_good(record_get(store, &as_queue, COLL_CONTENTS, content.key, false, place->arena, &got, why));
	assert_fault(FAULT_DENIED, record_get(store, &as_admin, COLL_CONTENTS, content.key, false,
	                                      place->arena, &got, why));
	assert_fault(FAULT_DENIED, record_put(store, &as_admin, COLL_CONTENTS, &content, why));
	assert_fault(FAULT_DENIED,
	             record_get(store, &to_ann, COLL_CONTENTS, content.key, false, place->arena, &got, why));
	assert_fault(FAULT_DENIED,
	             record_get(store, &nobody, COLL_CONTENTS, content.key, false, place->arena, &got, why));
	assert_good(record_put(store, &as_admin, COLL_SETTINGS, &setting, why));
	assert_good(record_get(store, &as_ann, COLL_SETTINGS, setting.key, false, place->arena, &got, why));
	setting.version = RECORD_ANY;
	assert_fault(FAULT_DENIED, record_put(store, &as_ann, COLL_SETTINGS, &setting, why));
	assert_fault(FAULT_DENIED, record_del(store, &to_ann, COLL_SETTINGS, setting.key, RECORD_ANY, why));
}

/* ---- many at once ---- */

struct counting {
	struct store *store;
	unsigned each;
};

/* Signatures: put with the content or later, read apart, gone with it, and behind the same wall. */
static void test_signatures(void **state)
{
	struct place *place = *state;
	struct store *store = open_store(place);
	struct id ann = id_new(), bob = id_new();
	struct actor to_ann = delivery_to(&ann), as_ann = owner_of(&ann), as_bob = owner_of(&bob);
	struct record signed_one = content_of(&ann, "1"), bare = content_of(&ann, "2"), got;
	struct slice keys[] = { signed_one.key, SLICE("no such content "), bare.key }, found[3];
	struct slice late[] = { SLICE("late 1"), SLICE("late x"), SLICE("late 2") };

	signed_one.signature = SLICE("with \0 the content");
	bare.body = SLICE("body");
	assert_good(record_put(store, &to_ann, COLL_CONTENTS, &signed_one, why));
	assert_good(record_put(store, &to_ann, COLL_CONTENTS, &signed_one, why)); /* a retry */
	assert_good(record_put(store, &to_ann, COLL_CONTENTS, &bare, why));
	assert_good(record_signatures(store, &as_ann, keys, 3, place->arena, found, why));
	assert_same(found[0], signed_one.signature);
	assert_null(found[1].data);
	assert_null(found[2].data);
	assert_good(record_get(store, &as_ann, COLL_CONTENTS, keys[0], true, place->arena, &got, why));
	assert_null(got.signature.data);
	/* whose content it is not sees nothing and signs nothing */
	assert_good(record_signatures(store, &as_bob, keys, 3, place->arena, found, why));
	assert_null(found[0].data);
	assert_good(record_sign(store, &as_bob, keys, late, 3, why));
	assert_fault(FAULT_DENIED, record_signatures(store, &to_ann, keys, 3, place->arena, found, why));
	assert_fault(FAULT_DENIED, record_sign(store, &as_admin, keys, late, 3, why));
	assert_good(record_sign(store, &as_ann, keys + 2, late + 2, 1, why));
	assert_good(record_signatures(store, &as_ann, keys, 3, place->arena, found, why));
	assert_same(found[0], signed_one.signature);
	assert_same(found[2], late[2]);
	/* a put without one leaves it; with one, it is replaced; the body is as it was */
	bare.version = RECORD_ANY;
	assert_good(record_put(store, &as_ann, COLL_CONTENTS, &bare, why));
	assert_good(record_sign(store, &as_ann, keys, late, 2, why));
	assert_good(record_signatures(store, &as_ann, keys, 3, place->arena, found, why));
	assert_same(found[0], late[0]);
	assert_same(found[2], late[2]);
	assert_good(record_get(store, &as_ann, COLL_CONTENTS, keys[2], true, place->arena, &got, why));
	assert_same(got.body, bare.body);
	assert_null(got.signature.data);
	assert_fault(FAULT_NOT_FOUND,
	             record_get(store, &as_ann, COLL_CONTENTS, keys[1], false, place->arena, &got, why));
	/* gone with the content */
	assert_good(record_del(store, &as_ann, COLL_CONTENTS, keys[0], RECORD_ANY, why));
	signed_one.signature = (struct slice){ NULL, 0 };
	assert_good(record_put(store, &to_ann, COLL_CONTENTS, &signed_one, why));
	assert_good(record_signatures(store, &as_ann, keys, 1, place->arena, found, why));
	assert_null(found[0].data);
}

/* Everybody adds to one number, by version: nothing may get lost. */
static void *add_one(void *object)
{
	const struct thread_arg *arg = object;
	const struct counting *counting = arg->shared;

	for (unsigned i = 0; i < counting->each;) {
		struct arena *arena = arena_new();
		struct record record;
		uint64_t number;
		enum fault fault;

		must_good(record_get(counting->store, &as_system, COLL_SETTINGS, SLICE("n"), false, arena,
		                     &record, why));
		must(slice_u64(record.value, UINT32_MAX, &number));
		record.value = slice_str(arena_printf(arena, "%llu", (unsigned long long)number + 1));
		fault = record_put(counting->store, &as_system, COLL_SETTINGS, &record, NULL);
		must(fault == FAULT_NONE || fault == FAULT_STALE);
		i += fault == FAULT_NONE;
		arena_free(arena);
	}
	return NULL;
}

static void test_concurrent_versions(void **state)
{
	struct place *place = *state;
	struct counting counting = { open_store(place), 20 };
	struct record record = { .key = SLICE("n"), .value = SLICE("0") };

	assert_good(record_put(counting.store, &as_system, COLL_SETTINGS, &record, why));
	run_threads(8, add_one, &counting);
	assert_good(record_get(counting.store, &as_system, COLL_SETTINGS, record.key, false, place->arena,
	                       &record, why));
	assert_same(record.value, SLICE("160"));
}

const struct CMUnitTest record_cases[] = {
	CASE(test_put_and_get), CASE(test_insert_twice),
	CASE(test_put_many),    CASE(test_signatures),
	CASE(test_versions),    CASE(test_delete),
	CASE(test_unique),      CASE(test_expiry),
	CASE(test_expire),      CASE(test_bodies),
	CASE(test_sizes),       CASE(test_get_many),
	CASE(test_find),        CASE(test_wall_contents),
	CASE(test_wall_kinds),  CASE(test_concurrent_versions),
};
const size_t n_record_cases = ARRAY_LEN(record_cases);
