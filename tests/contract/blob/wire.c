/* Connections that break, and services that go away: TEMP, in time, and nothing lost. */
#include "place.h"

#define SHORT_MS 4000 /* the time of a call here */
#define SLACK_MS 2000 /* of a loaded machine */
#define BACK_MS  60000

/* Cut at many places: the call ends well or as TEMP, in time, and one made again ends well. */
static void connection_cut(void **state)
{
	static const size_t places[] = { 0, 1, 100, 700, 5000, 200000, 1000000, 1500000, 2500000, 3000000 };
	struct backend *backend = *state;
	struct blobs *blobs = open_blobs(backend, SHORT_MS);
	size_t size = 1500000;
	uint8_t *bytes = make_bytes(size, 13);
	unsigned before = fault_proxy_taken(backend->proxy);
	struct why why = { "" };
	struct buf out;

	buf_init(&out, size);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct id id = id_new();
		enum fault fault;

		fault_proxy_set(backend->proxy, PROXY_CUT, places[i]);
		fault = blob_put(blobs, &id, slice_of(bytes, size), &why);
		if (fault && fault != FAULT_TEMP)
			fail_msg("cut at %zu: %s: %s", places[i], fault_name(fault), why.text);
		fault_proxy_set(backend->proxy, PROXY_PASS, 0);
		put_whole(blobs, &id, bytes, size);
		fault_proxy_set(backend->proxy, PROXY_CUT, places[i]);
		buf_clear(&out);
		fault = blob_get(blobs, &id, 0, size, &out, &why);
		if (fault && fault != FAULT_TEMP)
			fail_msg("cut at %zu: %s: %s", places[i], fault_name(fault), why.text);
		fault_proxy_set(backend->proxy, PROXY_PASS, 0);
		check_range(blobs, &id, bytes, 0, size);
	}
	/* the cuts were real: most of the 20 cost a connection */
	assert_true(fault_proxy_taken(backend->proxy) - before >= 12);
	buf_done(&out);
	free(bytes);
	blobs_close(blobs);
}

static void check_all_temp(struct backend *backend, struct blobs *blobs, const struct id *id)
{
	struct arena *arena = arena_new();
	struct blob_info *infos;
	struct why why = { "" };
	struct buf out;
	size_t n;

	buf_init(&out, 100);
	for (int call = 0; call < 5; call++) {
		int64_t start = clock_mono_ms(), took;
		enum fault fault = FAULT_NONE;

		switch (call) {
		case 0:
			fault = blob_put(blobs, id, SLICE("later"), &why);
			break;
		case 1:
			fault = blob_get(blobs, id, 0, 4, &out, &why);
			break;
		case 2:
			fault = blob_del(blobs, id, &why);
			break;
		case 3:
			fault = blob_list(blobs, NULL, 10, arena, &infos, &n, &why);
			break;
		case 4:
			fault = blob_ping(blobs, &why);
			break;
		}
		took = clock_mono_ms() - start;
		if (fault != FAULT_TEMP || took > SHORT_MS + SLACK_MS)
			fail_msg("%s, call %d: %s after %lld ms: %s", backend->name, call, fault_name(fault),
			         (long long)took, why.text);
	}
	assert_int_equal(out.len, 0);
	buf_done(&out);
	arena_free(arena);
}

/*
 * What was being deleted may be gone by now, and what was being put may be there: both are repeated. A service that has
 * just been let go works off what had piled up first.
 */
static void del_at_last(struct blobs *blobs, const struct id *id)
{
	const int64_t until = clock_mono_ms() + BACK_MS;
	struct why why = { "" };
	enum fault fault;

	do
		fault = blob_del(blobs, id, &why);
	while (fault == FAULT_TEMP && clock_mono_ms() < until);
	assert_fault(FAULT_NONE, fault, &why);
}

static void away_and_back(struct backend *backend, enum proxy_mode mode)
{
	struct blobs *blobs = open_blobs(backend, SHORT_MS), *late = NULL;
	struct blob_conf conf = backend->conf;
	struct why why = { "" };
	struct id id = id_new();

	put_whole(blobs, &id, (const uint8_t *)"data", 4);
	fault_proxy_set(backend->proxy, mode, 0);
	check_all_temp(backend, blobs, &id);
	conf.timeout_ms = SHORT_MS;
	assert_fault(FAULT_TEMP, blobs_open(&conf, &late, &why), &why);
	fault_proxy_set(backend->proxy, PROXY_PASS, 0);
	del_at_last(blobs, &id);
	put_whole(blobs, &id, (const uint8_t *)"data", 4);
	check_range(blobs, &id, (const uint8_t *)"data", 0, 4);
	blobs_close(blobs);
}

static void service_away(void **state)
{
	away_and_back(*state, PROXY_AWAY);
}

static void service_hangs(void **state)
{
	away_and_back(*state, PROXY_HANG);
}

/* A call leaves its connection for the next one. */
static void connections_are_kept(void **state)
{
	struct backend *backend = *state;
	struct id id = id_new();
	unsigned before;

	put_whole(backend->blobs, &id, (const uint8_t *)"data", 4);
	before = fault_proxy_taken(backend->proxy);
	for (int i = 0; i < 50; i++)
		check_range(backend->blobs, &id, (const uint8_t *)"data", 0, 4);
	/* a driver's own monitoring may open one meanwhile */
	assert_true(fault_proxy_taken(backend->proxy) - before <= 2);
}

const struct blob_case wire_cases[] = {
	{ "connections are kept", connections_are_kept },
	{ "connection cut in mid-call", connection_cut },
	{ "service away, then back", service_away },
	{ "service hangs, then goes on", service_hangs },
	{ NULL, NULL },
};
