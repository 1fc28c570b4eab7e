/*
 * A server that is away, hangs, breaks off in mid-commit, or is not one that
 * will do: what the caller hears, and how soon.
 */
#include "mongo_fixture.h"

#include "base/clock.h"
#include "fault_proxy.h"

/* ---- a server that is away ----------------------------------------------------------------------------------- */

static struct store *open_through(struct fault_proxy *proxy, int64_t timeout_ms)
{
	char uri[80];
	struct store_conf conf = { .mongo_uri = uri, .mongo_db = test_db(), .timeout_ms = timeout_ms };
	struct store *through;

	snprintf(uri, sizeof(uri), "mongodb://127.0.0.1:%u/?directConnection=true", fault_proxy_port(proxy));
	assert_good(store_mongo_open(&conf, &through, why));
	return through;
}

static int64_t time_ping(struct store *through, enum fault want)
{
	int64_t start = clock_mono_ms();

	assert_fault(want, store_ping(through, why));
	return clock_mono_ms() - start;
}

static void a_server_away_is_heard_at_once(void **state)
{
	struct fault_proxy *proxy = fault_proxy_for(mongo_uri);
	struct store *through;

	(void)state;
	if (!proxy)
		skip();
	through = open_through(proxy, 1000);
	time_ping(through, FAULT_NONE);
	fault_proxy_set(proxy, PROXY_AWAY, 0);
	assert_in_range(time_ping(through, FAULT_TEMP), 0, 2500);
	assert_in_range(time_ping(through, FAULT_TEMP), 0, 2500);
	assert_in_range(time_ping(through, FAULT_TEMP), 0, 50); /* the breaker is open */
	fault_proxy_set(proxy, PROXY_PASS, 0);
	for (int tries = 0; store_ping(through, NULL); tries++) {
		assert_in_range(tries, 0, 60);
		nap(100);
	}
	assert_in_range(time_ping(through, FAULT_NONE), 0, 500);
	through->ops->close(through);
	fault_proxy_free(proxy);
}

static void a_server_that_hangs_costs_its_time(void **state)
{
	struct fault_proxy *proxy = fault_proxy_for(mongo_uri);
	struct store *through;

	(void)state;
	if (!proxy)
		skip();
	through = open_through(proxy, 1000);
	fault_proxy_set(proxy, PROXY_HANG, 0);
	assert_in_range(time_ping(through, FAULT_TEMP), 500, 3500);
	assert_in_range(time_ping(through, FAULT_TEMP), 0, 3500);
	assert_in_range(time_ping(through, FAULT_TEMP), 0, 50);
	fault_proxy_set(proxy, PROXY_PASS, 0);
	for (int tries = 0; store_ping(through, NULL); tries++) {
		assert_in_range(tries, 0, 60);
		nap(100);
	}
	through->ops->close(through);
	fault_proxy_free(proxy);
}

/* The connection breaks at every few bytes of a commit and of its answer: whatever came of it, the next try tells. */
static void a_cut_commit_happens_once(void **state)
{
	struct fault_proxy *proxy = fault_proxy_for(mongo_uri);
	struct id account = id_new(), mailbox = new_mailbox(&account);
	struct mailbox_log log;
	struct store *through;
	uint32_t n = 0;

	(void)state;
	if (!proxy)
		skip();
	through = open_through(proxy, 2000);
	for (size_t after = 1; after < 2400; after += 120, n++) {
		struct id tag = id_new();
		struct mailbox_change change = new_change(1, &tag);
		struct commit commit = {
			.mailbox = mailbox, .changes = &change, .n_changes = 1, .durable = true
		};
		struct mailbox_head head;
		enum fault fault;
		int tries = 0;

		fault_proxy_set(proxy, PROXY_CUT, after);
		while ((fault = through->ops->commit(through, &system_actor, &commit, &head, NULL)) ==
		       FAULT_TEMP) {
			assert_in_range(tries++, 0, 100);
			nap(50);
		}
		assert_true(fault == FAULT_NONE || fault == FAULT_EXISTS);
	}
	assert_good(store->ops->read(store, &system_actor, &mailbox, 0, arena, &log, why));
	assert_int_equal(log.n, n);
	assert_int_equal(log.head.messages, n);
	through->ops->close(through);
	fault_proxy_free(proxy);
}

/* ---- opening ------------------------------------------------------------------------------------------------- */

static const struct open_row {
	const char *name, *uri, *says;
	enum fault fault;
} openings[] = {
	{ "no URI", "", "mongo_uri", FAULT_CONFIG },
	{ "another scheme", "http://127.0.0.1/", "mongo_uri", FAULT_CONFIG },
	{ "nobody listens", "mongodb://127.0.0.1:1/?directConnection=true", "mongo", FAULT_TEMP },
	{ "another replica set", NULL, "mongo", FAULT_TEMP },
};

static void opening_says_what_is_wrong(void **state)
{
	struct fault_proxy *proxy = fault_proxy_for(mongo_uri);
	char uri[96];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(openings); i++) {
		struct store_conf conf = { .mongo_uri = openings[i].uri, .timeout_ms = 500 };
		struct store *none = NULL;
		struct why why = { "" };

		if (!conf.mongo_uri && !proxy)
			continue;
		if (!conf.mongo_uri) {
			snprintf(uri, sizeof(uri), "mongodb://127.0.0.1:%u/?replicaSet=another",
			         fault_proxy_port(proxy));
			conf.mongo_uri = uri;
		}
		if (store_mongo_open(&conf, &none, &why) != openings[i].fault || none ||
		    !strstr(why.text, openings[i].says))
			fail_msg("%s: %s", openings[i].name, why.text);
	}
	if (proxy)
		fault_proxy_free(proxy);
}

static void a_server_that_stands_alone_is_refused(void **state)
{
	struct store_conf conf = { .timeout_ms = 5000 };
	struct store *none = NULL;
	struct mongo_server server;
	struct why why = { "" };

	(void)state;
	if (!server_start(&server, true))
		skip();
	conf.mongo_uri = server.uri;
	assert_int_equal(store_mongo_open(&conf, &none, &why), FAULT_CONFIG);
	assert_non_null(strstr(why.text, "rs.initiate()"));
	assert_non_null(strstr(why.text, "replicaSet=rs0"));
	assert_null(none);
	server_stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_away_is_heard_at_once),
		cmocka_unit_test(a_server_that_hangs_costs_its_time),
		cmocka_unit_test(a_cut_commit_happens_once),
		cmocka_unit_test(opening_says_what_is_wrong),
		cmocka_unit_test(a_server_that_stands_alone_is_refused),
	};

	return run_on_mongo("test_mongo_away", tests, ARRAY_LEN(tests), open_fixture);
}
