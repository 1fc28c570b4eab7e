/* dns.c and dns_unbound.c on a loop, against a server in a thread of this program. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/rand.h"
#include "loop/timer.h"
#include "shared/dns/responder.h"

static const struct zone_line zone[] = {
	{ "example.test", DNS_A, "192.0.2.1" },
	{ "example.test", DNS_TXT, "v=spf1 -all" },
	{ "example.test", DNS_MX, "20 mx2.example.test" },
	{ "example.test", DNS_MX, "10 mx1.example.test" },
	{ "v6.example.test", DNS_AAAA, "2001:db8::1" },
	{ "alias.example.test", DNS_CNAME, "example.test" },
	{ "5.2.0.192.in-addr.arpa", DNS_PTR, "host.example.test" },
	{ "4.3.2.10.in-addr.arpa", DNS_PTR, "lan.example.test" },
	{ "_25._tcp.mx1.example.test", DNS_TLSA, "030101aabbccdd" },
	{ "broken.test", ZONE_SERVFAIL, "" },
	{ "silent.test", ZONE_SILENT, "" },
	{ "slow.test", ZONE_DELAY, "60" },
	{ "slow.test", DNS_A, "192.0.2.9" },
	{ "name.invalid", DNS_A, "192.0.2.77" },
	{ NULL },
};

struct fixture {
	struct responder *server;
	struct loop *loop;
	struct dns *dns;
	struct timer *patience;
	unsigned waiting;
	bool gave_up;
};

struct asked {
	struct fixture *fixture;
	const struct dns_answer *answer;
	unsigned calls;
	struct dns_query *cancel; /* cancelled by this one's callback */
};

static void on_patience_over(void *arg)
{
	struct fixture *f = arg;

	f->gave_up = true;
	loop_stop(f->loop);
}

static struct fixture *set_up(int64_t timeout_ms)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct dns_conf conf = { .trust_anchor = "", .timeout_ms = timeout_ms };
	struct why why;

	f->server = responder_start(zone);
	f->loop = loop_new();
	conf.servers = f->server->servers;
	if (dns_new(f->loop, &conf, &f->dns, &why))
		fail_msg("%s", why.text);
	f->patience = timer_new(f->loop, on_patience_over, f);
	return f;
}

static void tear_down(struct fixture *f)
{
	dns_free(f->dns);
	timer_free(f->patience);
	loop_free(f->loop);
	responder_stop(f->server);
	free(f);
}

static void on_answer(void *arg, const struct dns_answer *answer)
{
	struct asked *asked = arg;

	asked->calls++;
	dns_answer_unref(asked->answer);
	asked->answer = dns_answer_ref(answer);
	if (asked->cancel) {
		dns_cancel(asked->cancel);
		asked->cancel = NULL;
		asked->fixture->waiting--;
	}
	if (--asked->fixture->waiting == 0)
		loop_stop(asked->fixture->loop);
}

static struct dns_query *ask(struct fixture *f, struct asked *asked, const char *name, enum dns_type type)
{
	asked->fixture = f;
	f->waiting++;
	return dns_resolve(f->dns, name, type, on_answer, asked);
}

static void wait_all(struct fixture *f)
{
	timer_start(f->patience, 20000);
	loop_run(f->loop, 0);
	timer_stop(f->patience);
	assert_false(f->gave_up);
}

static void done(struct asked *asked)
{
	dns_answer_unref(asked->answer);
	asked->answer = NULL;
	asked->calls = 0;
}

static void kinds_of_answers(void **state)
{
	static const struct {
		const char *what, *name;
		enum dns_type type;
		enum dns_status status;
		struct slice first;
		size_t n;
	} cases[] = {
		{ "A", "example.test", DNS_A, DNS_OK, SLICE("\300\0\2\1"), 1 },
		{ "case, final dot", "EXAMPLE.test.", DNS_A, DNS_OK, SLICE("\300\0\2\1"), 1 },
		{ "TXT", "example.test", DNS_TXT, DNS_OK, SLICE("v=spf1 -all"), 1 },
		{ "MX sorted", "example.test", DNS_MX, DNS_OK, SLICE("mx1.example.test"), 2 },
		{ "AAAA", "v6.example.test", DNS_AAAA, DNS_OK, SLICE("\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
		  1 },
		{ "through a CNAME", "alias.example.test", DNS_A, DNS_OK, SLICE("\300\0\2\1"), 1 },
		{ "PTR", "5.2.0.192.in-addr.arpa", DNS_PTR, DNS_OK, SLICE("host.example.test"), 1 },
		{ "PTR of a private address", "4.3.2.10.in-addr.arpa", DNS_PTR, DNS_OK,
		  SLICE("lan.example.test"), 1 },
		{ "TLSA", "_25._tcp.mx1.example.test", DNS_TLSA, DNS_OK, SLICE("\3\1\1\xaa\xbb\xcc\xdd"), 1 },
		{ "a name of invalid.", "name.invalid", DNS_A, DNS_OK, SLICE("\300\0\2\115"), 1 },
		{ "no data", "example.test", DNS_AAAA, DNS_NODATA, { NULL, 0 }, 0 },
		{ "no such name", "nobody.example.test", DNS_A, DNS_NXDOMAIN, { NULL, 0 }, 0 },
		{ "server failure", "broken.test", DNS_A, DNS_TEMPFAIL, { NULL, 0 }, 0 },
		{ "no legal name", "a..b", DNS_A, DNS_NXDOMAIN, { NULL, 0 }, 0 },
	};
	struct fixture *f = set_up(0);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct asked asked = { 0 };

		ask(f, &asked, cases[i].name, cases[i].type);
		assert_int_equal(asked.calls, 0);
		wait_all(f);
		if (asked.answer->status != cases[i].status || asked.answer->n != cases[i].n)
			fail_msg("%s: status %d, %zu records, %s", cases[i].what, (int)asked.answer->status,
			         asked.answer->n, asked.answer->why);
		if (cases[i].n && !slice_eq(asked.answer->records[0].data, cases[i].first))
			fail_msg("%s: %.*s", cases[i].what, SLICE_FMT(asked.answer->records[0].data));
		done(&asked);
	}
	tear_down(f);
}

static void asked_once(void **state)
{
	struct fixture *f = set_up(0);
	struct asked asked[20] = { { 0 } };
	const struct dns_answer *known;

	(void)state;
	assert_null(dns_known(f->dns, "slow.test", DNS_A));
	for (size_t i = 0; i < ARRAY_LEN(asked); i++)
		ask(f, &asked[i], i % 2 ? "slow.test" : "Slow.Test.", DNS_A);
	wait_all(f);
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		assert_int_equal(asked[i].calls, 1);
		assert_int_equal(asked[i].answer->n, 1);
		done(&asked[i]);
	}
	known = dns_known(f->dns, "slow.test", DNS_A);
	assert_non_null(known);
	dns_answer_unref(known);
	ask(f, &asked[0], "slow.test", DNS_A);
	assert_int_equal(asked[0].calls, 0); /* from the map, yet never from inside the call */
	wait_all(f);
	assert_int_equal(asked[0].answer->status, DNS_OK);
	done(&asked[0]);
	assert_int_equal(responder_count(f->server, DNS_A, "slow.test"), 1);
	tear_down(f);
}

static void illegal_names_are_known(void **state)
{
	struct fixture *f = set_up(0);
	const struct dns_answer *known = dns_known(f->dns, "a b.test", DNS_A);

	(void)state;
	assert_int_equal(known->status, DNS_NXDOMAIN);
	dns_answer_unref(known);
	tear_down(f);
}

static void silence_ends(void **state)
{
	struct fixture *f = set_up(150);
	struct asked asked[2] = { { 0 } };

	(void)state;
	ask(f, &asked[0], "silent.test", DNS_A);
	ask(f, &asked[1], "silent.test", DNS_A);
	wait_all(f);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(asked[i].answer->status, DNS_TEMPFAIL);
		assert_string_equal(asked[i].answer->why, "no answer in time");
		done(&asked[i]);
	}
	ask(f, &asked[0], "example.test", DNS_A); /* and others are answered as before */
	wait_all(f);
	assert_int_equal(asked[0].answer->status, DNS_OK);
	done(&asked[0]);
	tear_down(f);
}

static void cancelled(void **state)
{
	struct fixture *f = set_up(0);
	struct asked asked[4] = { { 0 } };
	struct dns_query *query;

	(void)state;
	/* while it waits */
	query = ask(f, &asked[0], "slow.test", DNS_A);
	dns_cancel(query);
	f->waiting--;
	/* by the callback of another that got the same answer */
	ask(f, &asked[1], "slow.test", DNS_A);
	asked[1].cancel = ask(f, &asked[2], "slow.test", DNS_A);
	wait_all(f);
	assert_int_equal(asked[0].calls, 0);
	assert_int_equal(asked[1].calls, 1);
	assert_int_equal(asked[2].calls, 0);
	done(&asked[1]);
	/* when its answer is known and its callback on the way */
	query = ask(f, &asked[3], "slow.test", DNS_A);
	dns_cancel(query);
	f->waiting--;
	ask(f, &asked[1], "example.test", DNS_A);
	wait_all(f);
	assert_int_equal(asked[3].calls, 0);
	done(&asked[1]);
	tear_down(f);
}

static void freed_with_questions_open(void **state)
{
	struct fixture *f = set_up(0);
	struct asked asked[3] = { { 0 } };

	(void)state;
	ask(f, &asked[0], "silent.test", DNS_A);
	ask(f, &asked[1], "a..b", DNS_A);
	tear_down(f);
	assert_int_equal(asked[0].calls + asked[1].calls, 0);
}

/* An anchor that the zone's keys do not answer to: what comes from there is proven wrong. */
static void bogus(void **state)
{
	static const char ds[] =
	    "test. IN DS 12345 13 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
	char path[] = "/tmp/posthouse-anchor-XXXXXX";
	int fd = mkstemp(path);
	struct fixture *f = calloc(1, sizeof(*f));
	struct dns_conf conf = { .trust_anchor = path };
	struct asked asked = { 0 };
	struct why why;

	(void)state;
	assert_int_equal(write(fd, ds, sizeof(ds) - 1), sizeof(ds) - 1);
	close(fd);
	f->server = responder_start(zone);
	f->loop = loop_new();
	conf.servers = f->server->servers;
	assert_int_equal(dns_new(f->loop, &conf, &f->dns, &why), FAULT_NONE);
	unlink(path);
	f->patience = timer_new(f->loop, on_patience_over, f);
	ask(f, &asked, "example.test", DNS_A);
	wait_all(f);
	assert_int_equal(asked.answer->status, DNS_TEMPFAIL);
	assert_true(asked.answer->bogus);
	assert_int_equal(asked.answer->n, 0);
	assert_true(*asked.answer->why != '\0');
	done(&asked);
	tear_down(f);
}

static void bad_settings(void **state)
{
	static const struct {
		const char *what;
		struct dns_conf conf;
	} cases[] = {
		{ "a name as server", { .servers = "ns.example.org", .trust_anchor = "" } },
		{ "no file", { .servers = "127.0.0.1@5399", .trust_anchor = "/nonexistent/anchor" } },
		{ "no anchor in it", { .servers = "127.0.0.1@5399", .trust_anchor = "/proc/self/stat" } },
	};
	struct loop *loop = loop_new();
	struct dns *dns;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct why why = { "" };

		if (dns_new(loop, &cases[i].conf, &dns, &why) != FAULT_CONFIG || !*why.text)
			fail_msg("%s: taken", cases[i].what);
	}
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_of_answers),
		cmocka_unit_test(asked_once),
		cmocka_unit_test(illegal_names_are_known),
		cmocka_unit_test(silence_ends),
		cmocka_unit_test(cancelled),
		cmocka_unit_test(freed_with_questions_open),
		cmocka_unit_test(bogus),
		cmocka_unit_test(bad_settings),
	};

	rand_start();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
