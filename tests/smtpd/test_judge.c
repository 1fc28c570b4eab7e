/* judge.c on a loop, against a DNS server in a thread: verdicts, headers, time, cancelling. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/rand.h"
#include "judge.h"
#include "loop/job.h"
#include "loop/timer.h"
#include "shared/dns/responder.h"
#include "smtpd/dkim_maker.h"

static struct maker_key key;
static struct zone_line zone[] = {
	{ "good.test", DNS_TXT, "v=spf1 ip4:192.0.2.1 include:more.test -all" },
	{ "more.test", DNS_TXT, "v=spf1 mx:good.test ip4:198.51.100.7 -all" },
	{ "good.test", DNS_MX, "10 mx.good.test" },
	{ "mx.good.test", DNS_A, "198.51.100.1" },
	{ "helo.good.test", DNS_TXT, "v=spf1 ip4:192.0.2.1 -all" },
	{ "sel._domainkey.good.test", DNS_TXT, key.record },
	{ "_dmarc.good.test", DNS_TXT, "v=DMARC1; p=reject" },
	{ "_dmarc.soft.test", DNS_TXT, "v=DMARC1; p=quarantine" },
	{ "_dmarc.watch.test", DNS_TXT, "v=DMARC1; p=none" },
	{ "nodmarc.test", DNS_TXT, "v=spf1 -all" },
	{ "sel._domainkey.nodmarc.test", DNS_TXT, key.record },
	{ "_dmarc.broken.test", ZONE_SERVFAIL, "" },
	{ "silent.test", ZONE_SILENT, "" },
	{ "_dmarc.silent.test", ZONE_SILENT, "" },
	{ NULL },
};

struct fixture {
	struct responder *server;
	struct loop *loop;
	struct dns *dns;
	struct judge *judge;
	struct arena *arena;
	struct timer *poke;
	const struct judgement *judgement;
	unsigned judged, dropped;
};

static struct fixture *set_up(const struct judge_conf *conf)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct dns_conf dns = { .trust_anchor = "" };
	struct why why;

	f->server = responder_start(zone);
	f->loop = loop_new();
	f->arena = arena_new();
	dns.servers = f->server->servers;
	if (dns_new(f->loop, &dns, &f->dns, &why))
		fail_msg("%s", why.text);
	f->judge = judge_new(f->loop, f->dns, conf);
	return f;
}

static void tear_down(struct fixture *f)
{
	judge_free(f->judge);
	arena_free(f->arena);
	dns_free(f->dns);
	loop_free(f->loop);
	responder_stop(f->server);
	free(f);
}

static void on_judged(void *arg, const struct judgement *judgement)
{
	struct fixture *f = arg;

	f->judgement = judgement;
	f->judged++;
	loop_stop(f->loop);
}

static void on_dropped(void *arg)
{
	struct fixture *f = arg;

	f->dropped++;
	loop_stop(f->loop);
}

static const struct judge_handler handler = { on_judged, on_dropped };

static const struct judgement *judge(struct fixture *f, const struct judge_request *request)
{
	unsigned before = f->judged;

	judge_start(f->judge, request, &handler, f);
	assert_int_equal(f->judged, before); /* never from inside the call */
	loop_run(f->loop, 0);
	assert_int_equal(f->judged, before + 1);
	return f->judgement;
}

static struct slice signed_message(struct fixture *f, const char *author, const char *signer, size_t body)
{
	char *text = arena_alloc(f->arena, body + 400);
	int len = snprintf(text, 400, "From: %s\r\nTo: a@b.test\r\nSubject: s\r\n\r\n", author);
	struct maker_sign how = { &key, signer, "sel", DKIM_SIGN_RSASHA256, -1 };
	struct slice message;
	struct buf out;

	for (size_t i = 0; i < body; i++)
		text[(size_t)len + i] = (i % 70 == 68) ? '\r' : (i % 70 == 69) ? '\n' : 'x';
	memcpy(text + len + body - 2, "\r\n", 2);
	message = slice_of(text, (size_t)len + body);
	if (!signer)
		return message;
	maker_sign(message, &how, &out);
	message = arena_copy(f->arena, buf_slice(&out));
	buf_done(&out);
	return message;
}

static void verdicts(void **state)
{
	static const struct {
		const char *what, *ip, *mail_from, *author, *signer;
		bool enforce, defer;
		enum judge_verdict want;
		enum authres spf, dmarc;
	} cases[] = {
		/* clang-format off */
		{ "all is well", "192.0.2.1", "u@good.test", "u@good.test", "good.test", true, true, JUDGE_ACCEPT, AUTHRES_PASS, AUTHRES_PASS },
		{ "through an include", "198.51.100.7", "u@good.test", "u@good.test", NULL, true, true, JUDGE_ACCEPT, AUTHRES_PASS, AUTHRES_PASS },
		{ "forwarded, signed", "203.0.113.1", "u@good.test", "u@good.test", "good.test", true, true, JUDGE_ACCEPT, AUTHRES_FAIL, AUTHRES_PASS },
		{ "forged, enforced", "203.0.113.1", "u@good.test", "u@good.test", NULL, true, true, JUDGE_REJECT, AUTHRES_FAIL, AUTHRES_FAIL },
		{ "forged, not enforced", "203.0.113.1", "u@good.test", "u@good.test", NULL, false, true, JUDGE_JUNK, AUTHRES_FAIL, AUTHRES_FAIL },
		{ "quarantine", "203.0.113.1", "u@none.test", "u@soft.test", NULL, true, true, JUDGE_JUNK, AUTHRES_NONE, AUTHRES_FAIL },
		{ "only watching", "203.0.113.1", "u@none.test", "u@watch.test", NULL, true, true, JUDGE_ACCEPT, AUTHRES_NONE, AUTHRES_FAIL },
		{ "no DMARC, SPF fails", "203.0.113.1", "u@nodmarc.test", "u@nodmarc.test", NULL, true, true, JUDGE_JUNK, AUTHRES_FAIL, AUTHRES_NONE },
		{ "no DMARC, SPF fails, signed", "203.0.113.1", "u@nodmarc.test", "u@nodmarc.test", "nodmarc.test", true, true, JUDGE_ACCEPT, AUTHRES_FAIL, AUTHRES_NONE },
		{ "nothing published", "203.0.113.1", "u@none.test", "u@none.test", NULL, true, true, JUDGE_ACCEPT, AUTHRES_NONE, AUTHRES_NONE },
		{ "a temporary error, deferring", "203.0.113.1", "u@none.test", "u@broken.test", NULL, true, true, JUDGE_TEMP, AUTHRES_NONE, AUTHRES_TEMPERROR },
		{ "a temporary error, not deferring", "203.0.113.1", "u@none.test", "u@broken.test", NULL, true, false, JUDGE_ACCEPT, AUTHRES_NONE, AUTHRES_TEMPERROR },
		{ "two From fields", "192.0.2.1", "u@good.test", "u@good.test\r\nFrom: ceo@soft.test", NULL, true, true, JUDGE_REJECT, AUTHRES_PASS, AUTHRES_PERMERROR },
		{ "two From fields, not enforced", "192.0.2.1", "u@good.test", "u@good.test\r\nFrom: ceo@soft.test", NULL, false, true, JUDGE_JUNK, AUTHRES_PASS, AUTHRES_PERMERROR },
		{ "an empty From", "192.0.2.1", "u@good.test", "", NULL, true, true, JUDGE_JUNK, AUTHRES_PASS, AUTHRES_PERMERROR },
		{ "null sender, HELO vouches", "192.0.2.1", "", "postmaster@good.test", NULL, true, true, JUDGE_ACCEPT, AUTHRES_PASS, AUTHRES_PASS },
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct judge_conf conf = { .authserv_id = "mx.example.net",
			                   .enforce = cases[i].enforce,
			                   .defer = cases[i].defer };
		struct fixture *f = set_up(&conf);
		struct judge_request request = {
			.client_ip = cases[i].ip,
			.helo = "helo.good.test",
			.mail_from = slice_str(cases[i].mail_from),
			.message = signed_message(f, cases[i].author, cases[i].signer, 500),
			.arena = f->arena,
		};
		const struct judgement *got = judge(f, &request);

		if (got->verdict != cases[i].want || got->mail_from.result != cases[i].spf ||
		    got->dmarc.result != cases[i].dmarc || !*got->why)
			fail_msg("%s: %s (%s), spf=%s, dmarc=%s", cases[i].what,
			         judge_verdict_name(got->verdict), got->why,
			         authres_name(got->mail_from.result), authres_name(got->dmarc.result));
		tear_down(f);
	}
}

static void headers(void **state)
{
	struct judge_conf conf = { .authserv_id = "mx.example.net" };
	struct fixture *f = set_up(&conf);
	struct judge_request request = {
		.client_ip = "192.0.2.1",
		.helo = "helo.good.test",
		.mail_from = SLICE("u@good.test"),
		.message = signed_message(f, "u@good.test", "good.test", 100),
		.arena = f->arena,
	};
	const struct judgement *got = judge(f, &request);
	char *want =
	    arena_printf(f->arena,
	                 "Authentication-Results: mx.example.net;\r\n"
	                 "\tspf=pass smtp.mailfrom=u@good.test;\r\n"
	                 "\tspf=pass smtp.helo=helo.good.test;\r\n"
	                 "\tdkim=pass header.d=good.test header.s=sel header.a=rsa-sha256\r\n"
	                 "\theader.b=%.*s;\r\n"
	                 "\tdmarc=pass policy.dmarc=reject header.from=good.test\r\n"
	                 "Received-SPF: pass (mx.example.net: 192.0.2.1 may send for good.test)\r\n"
	                 "\tclient-ip=192.0.2.1; envelope-from=\"u@good.test\";\r\n"
	                 "\thelo=\"helo.good.test\"; receiver=mx.example.net; identity=mailfrom\r\n",
	                 SLICE_FMT(field_value(f->arena, slice_str(got->dkim->signatures[0].tags.b))));

	(void)state;
	assert_string_equal((const char *)got->headers.data, want);
	tear_down(f);
}

/* From the map the second time: the server is asked nothing more. */
static void second_time(void **state)
{
	struct judge_conf conf = { .authserv_id = "mx.example.net" };
	struct fixture *f = set_up(&conf);
	struct judge_request request = {
		.client_ip = "203.0.113.1",
		.helo = "helo.good.test",
		.mail_from = SLICE("u@good.test"),
		.message = signed_message(f, "u@good.test", "good.test", 100),
		.arena = f->arena,
	};
	unsigned asked;

	(void)state;
	assert_int_equal(judge(f, &request)->dmarc.result, AUTHRES_PASS);
	asked = f->server->asked;
	assert_int_equal(judge(f, &request)->dmarc.result, AUTHRES_PASS);
	assert_int_equal(f->server->asked, asked);
	tear_down(f);
}

static void deadline(void **state)
{
	struct judge_conf conf = { .authserv_id = "mx.example.net", .deadline_ms = 200, .defer = true };
	struct fixture *f = set_up(&conf);
	struct judge_request request = {
		.client_ip = "192.0.2.1",
		.helo = "helo.good.test",
		.mail_from = SLICE("u@silent.test"),
		.message = signed_message(f, "u@silent.test", NULL, 100),
		.arena = f->arena,
	};
	int64_t start = clock_mono_ms();
	const struct judgement *got = judge(f, &request);

	(void)state;
	assert_in_range(clock_mono_ms() - start, 150, 3000);
	assert_int_equal(got->mail_from.result, AUTHRES_TEMPERROR);
	assert_int_equal(got->dmarc.result, AUTHRES_TEMPERROR);
	assert_int_equal(got->helo.result, AUTHRES_PASS); /* what was answered counts */
	assert_int_equal(got->verdict, JUDGE_TEMP);
	tear_down(f);
}

static void large_body(void **state)
{
	struct judge_conf conf = { .authserv_id = "mx.example.net" };
	struct fixture *f = set_up(&conf);
	struct pool_conf pool = { .name = "test", .threads = 1, .queue_max = 4 };
	struct judge_request request = {
		.client_ip = "203.0.113.1",
		.helo = "helo.good.test",
		.mail_from = SLICE("u@good.test"),
		.message = signed_message(f, "u@good.test", "good.test", 2000000),
		.pool = pool_new(f->loop, &pool),
		.arena = f->arena,
	};
	const struct judgement *got = judge(f, &request);

	(void)state;
	assert_int_equal(got->dkim->signatures[0].result, AUTHRES_PASS);
	assert_int_equal(got->verdict, JUDGE_ACCEPT);
	pool_free(request.pool);
	tear_down(f);
}

struct blocker {
	struct job job;
	_Atomic bool *go;
};

static void blocker_run(struct job *job, void *worker)
{
	(void)worker;
	while (!*container_of(job, struct blocker, job)->go)
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
}

static void blocker_done(struct job *job)
{
	(void)job;
}

static void pool_full(void **state)
{
	struct judge_conf conf = { .authserv_id = "mx.example.net" };
	struct fixture *f = set_up(&conf);
	struct pool_conf pool = { .name = "test", .threads = 1, .queue_max = 1 };
	static _Atomic bool go;
	struct blocker blockers[2] = {
		{ { .run = blocker_run, .done = blocker_done, .drop = blocker_done }, &go },
		{ { .run = blocker_run, .done = blocker_done, .drop = blocker_done }, &go }
	};
	struct judge_request request = {
		.client_ip = "203.0.113.1",
		.helo = "helo.good.test",
		.mail_from = SLICE("u@good.test"),
		.message = signed_message(f, "u@good.test", "good.test", 200000),
		.pool = pool_new(f->loop, &pool),
		.arena = f->arena,
	};
	const struct judgement *got;

	(void)state;
	go = false;
	assert_true(job_start(request.pool, &blockers[0].job));
	while (pool_waiting(request.pool) > 0)
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	assert_true(job_start(request.pool, &blockers[1].job));
	got = judge(f, &request);
	assert_int_equal(got->verdict, JUDGE_TEMP);
	assert_int_equal(got->dkim->signatures[0].result, AUTHRES_TEMPERROR);
	go = true;
	pool_free(request.pool);
	tear_down(f);
}

struct cancel {
	struct fixture *fixture;
	struct judging *judging;
};

static void on_cancel_timer(void *arg)
{
	struct cancel *cancel = arg;

	judge_cancel(cancel->judging);
	assert_int_equal(cancel->fixture->dropped, 0);
}

static void cancelled(void **state)
{
	static const struct {
		const char *what, *mail_from;
		size_t body;
		int64_t after_ms; /* -1: at once */
	} cases[] = {
		{ "before it began", "u@good.test", 100, -1 },
		{ "while it asks", "u@silent.test", 100, 50 },
		{ "while a worker has the body", "u@good.test", 30000000, 60 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct judge_conf conf = { .authserv_id = "mx.example.net" };
		struct fixture *f = set_up(&conf);
		struct pool_conf pool = { .name = "test", .threads = 1, .queue_max = 4 };
		struct judge_request request = {
			.client_ip = "203.0.113.1",
			.helo = "helo.good.test",
			.mail_from = slice_str(cases[i].mail_from),
			.message = signed_message(f, "u@good.test", "good.test", cases[i].body),
			.pool = pool_new(f->loop, &pool),
			.arena = f->arena,
		};
		struct cancel cancel = { f, judge_start(f->judge, &request, &handler, f) };
		struct timer *timer = timer_new(f->loop, on_cancel_timer, &cancel);

		if (cases[i].after_ms < 0)
			judge_cancel(cancel.judging);
		else
			timer_start(timer, cases[i].after_ms);
		loop_run(f->loop, 0);
		if (f->judged != 0 || f->dropped != 1)
			fail_msg("%s: judged %u, dropped %u", cases[i].what, f->judged, f->dropped);
		timer_free(timer);
		pool_free(request.pool);
		tear_down(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),  cmocka_unit_test(headers),    cmocka_unit_test(second_time),
		cmocka_unit_test(deadline),  cmocka_unit_test(large_body), cmocka_unit_test(pool_full),
		cmocka_unit_test(cancelled),
	};

	rand_start();
	maker_rsa(2048, &key);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
