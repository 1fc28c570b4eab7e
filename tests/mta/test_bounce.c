/* Reports: their text, parsed again as mail is, and where they go. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "mta_world.h"
#include "bounce.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "smtp/params.h"

#define MAIL                                                                                                 \
	"From: alice@example.org\r\nTo: bob@example.net\r\nSubject: secret plans\r\n"                        \
	"Message-ID: <one@example.org>\r\n\r\nthe body\r\n"

static struct world *world;

/* ---- making one ---- */

struct made {
	struct world_mail mail;
	struct queue_entry entry;
	struct envelope_out envelope;
	const struct outgoing_recipient *told[8];
	bool by_host[8];
	struct bounce bounce;
};

static void make(struct made *m, enum bounce_kind kind)
{
	struct id id;

	if (!m->mail.text)
		m->mail.text = MAIL;
	if (!m->mail.from)
		m->mail.from = WORLD_LOGIN;
	world_put(world, &m->mail);
	id = world_entry(&m->mail, "example.net");
	assert_true(world_look(world, &id, &m->entry, &m->envelope));
	for (size_t i = 0; i < m->envelope.n; i++) {
		struct outgoing_recipient *rcpt = &m->envelope.recipients[i];

		rcpt->status = "5.1.1";
		rcpt->reply = "550-5.1.1 No such user\n550 5.1.1 here";
		rcpt->host = "mx.example.net";
		rcpt->at = clock_now();
		m->told[i] = rcpt;
		m->by_host[i] = true;
	}
	m->bounce = (struct bounce){
		.kind = kind,
		.stack = world->stack,
		.entry = &m->entry,
		.envelope = &m->envelope,
		.recipients = m->told,
		.by_host = m->by_host,
		.n = m->envelope.n,
		.postmaster = "postmaster@mx.example.org",
		.return_max = 65536,
		.now = clock_now(),
	};
}

static void clear_queue(void)
{
	struct queue_entry *entries;
	size_t n = world_entries(world, &entries);
	struct why why;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(queue_remove(world->stack->store, &world_queue_actor, &entries[i].id,
		                              entries[i].fence, &why),
		                 FAULT_NONE);
}

/* Puts it, and gives the entry and text that came of it. */
static struct slice put(struct made *m, struct queue_entry *ret, struct envelope_out *ret_envelope)
{
	struct queue_entry *entries;
	struct why why = { "" };
	size_t n;

	if (bounce_put(&m->bounce, &why))
		fail_msg("%s", why.text);
	n = world_entries(world, &entries);
	for (size_t i = 0; i < n; i++) {
		if (id_eq(&entries[i].id, &m->entry.id))
			continue;
		assert_true(world_look(world, &entries[i].id, ret, ret_envelope));
		return world_content(world, &ret->content, &ret_envelope->key);
	}
	fail_msg("no report in the queue");
	return SLICE("");
}

/* ---- looking at one ---- */

static const struct mime_part *part(const struct mime *mime, uint32_t number)
{
	const struct mime_part *found = mime_section(mime, &number, 1);

	assert_non_null(found);
	return found;
}

static void has(struct slice text, const char *wanted)
{
	if (slice_find(text, slice_str(wanted)) < 0)
		fail_msg("no \"%s\" in\n%.*s", wanted, SLICE_FMT(text));
}

static void has_not(struct slice text, const char *unwanted)
{
	if (slice_find(text, slice_str(unwanted)) >= 0)
		fail_msg("\"%s\" in\n%.*s", unwanted, SLICE_FMT(text));
}

static const char *field(struct slice text, const char *name)
{
	struct header_field found;

	if (!header_find(text, name, &found))
		return "";
	return arena_strz(world->arena, slice_trim(found.value));
}

static void check_frame(struct slice text, const struct mime *mime)
{
	assert_true(mime_is(mime->root, "multipart", "report"));
	assert_true(slice_is(content_value(&mime->root->params, "report-type"), "delivery-status"));
	assert_int_equal(mime->root->n_children, 3);
	assert_true(mime_is(part(mime, 1), "text", "plain"));
	assert_true(mime_is(part(mime, 2), "message", "delivery-status"));
	assert_string_equal(field(text, "Auto-Submitted"), "auto-replied");
	assert_string_equal(field(text, "To"), "<" WORLD_LOGIN ">");
	assert_string_equal(field(text, "In-Reply-To"), "<one@example.org>");
	has(slice_str(field(text, "From")), "<postmaster@mx.example.org>");
	assert_true(field(text, "Message-ID")[0] == '<' && field(text, "Date")[0]);
}

static struct mime parse(struct slice text)
{
	struct mime_limits limits = MIME_LIMITS_DEFAULT;
	struct mime mime;

	mime_parse(world->arena, text, &limits, &mime);
	return mime;
}

/* ---- texts ---- */

static void failed(void **state)
{
	struct made m = { .mail = { .to = { "bob@example.net", "carol@example.net" },
		                    .orcpt = { "rfc822;Bob@Example.net", "carol@example.net" },
		                    .envid = "envelope 7" } };
	struct queue_entry entry;
	struct envelope_out envelope;
	struct slice text, status;
	struct mime mime;

	(void)state;
	make(&m, BOUNCE_FAILED);
	m.envelope.recipients[1].reply = "the DNS said no";
	m.envelope.recipients[1].host = "";
	m.by_host[1] = false;
	text = put(&m, &entry, &envelope);
	mime = parse(text);
	check_frame(text, &mime);
	has(mime_body(part(&mime, 1), text), "<bob@example.net>");
	has(mime_body(part(&mime, 1), text), "The host mx.example.net said");
	status = mime_body(part(&mime, 2), text);
	has(status, "Reporting-MTA: dns; mx.example.org\r\n");
	has(status, "Original-Envelope-Id: envelope 7\r\n");
	has(status, "Original-Recipient: rfc822;Bob@Example.net\r\nFinal-Recipient: "
	            "rfc822;bob@example.net\r\nAction: failed\r\n"
	            "Status: 5.1.1\r\nRemote-MTA: dns; mx.example.net\r\nDiagnostic-Code: smtp; 550-5.1.1 No "
	            "such user\r\n 550 5.1.1 here\r\n");
	has(status, "Final-Recipient: rfc822;carol@example.net\r\nAction: failed\r\n");
	has_not(status, "the DNS said no"); /* nobody's SMTP reply */
	has(mime_body(part(&mime, 1), text), "the DNS said no");
	assert_true(mime_is(part(&mime, 3), "message", "rfc822"));
	assert_true(slice_starts(mime_body(part(&mime, 3), text), MAIL));
	clear_queue();
}

static void returned(void **state)
{
	static const struct {
		const char *name;
		enum bounce_kind kind;
		bool ret_headers;
		size_t return_max;
		bool whole;
	} cases[] = {
		{ "small", BOUNCE_FAILED, false, 65536, true },
		{ "RET=HDRS", BOUNCE_FAILED, true, 65536, false },
		{ "larger than the limit", BOUNCE_FAILED, false, 20, false },
		{ "delay", BOUNCE_DELAYED, false, 65536, false },
		{ "success", BOUNCE_RELAYED, false, 65536, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct made m = { .mail = { .to = { "bob@example.net" },
			                    .ret_headers = cases[i].ret_headers } };
		struct queue_entry entry;
		struct envelope_out envelope;
		struct slice text;
		struct mime mime;

		make(&m, cases[i].kind);
		m.bounce.return_max = cases[i].return_max;
		text = put(&m, &entry, &envelope);
		mime = parse(text);
		check_frame(text, &mime);
		if (mime_is(part(&mime, 3), "message", "rfc822") != cases[i].whole)
			fail_msg("%s: %.*s", cases[i].name, SLICE_FMT(text));
		has(mime_body(part(&mime, 3), text), "Subject: secret plans");
		if (!cases[i].whole)
			has_not(text, "the body");
		clear_queue();
	}
}

static void actions(void **state)
{
	static const struct {
		enum bounce_kind kind;
		const char *action, *more;
	} cases[] = {
		{ BOUNCE_FAILED, "Action: failed\r\n", "Status: 5.1.1\r\n" },
		{ BOUNCE_DELAYED, "Action: delayed\r\n", "Will-Retry-Until: " },
		{ BOUNCE_DELIVERED, "Action: delivered\r\n", "" },
		{ BOUNCE_RELAYED, "Action: relayed\r\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct made m = { .mail = { .to = { "bob@example.net" } } };
		struct queue_entry entry;
		struct envelope_out envelope;
		struct slice text;
		struct mime mime;

		make(&m, cases[i].kind);
		text = put(&m, &entry, &envelope);
		mime = parse(text);
		has(mime_body(part(&mime, 2), text), cases[i].action);
		has(mime_body(part(&mime, 2), text), cases[i].more);
		clear_queue();
	}
}

/* What another host says must not get to be a field or a part of the report. */
static void hostile_reply(void **state)
{
	struct made m = { .mail = { .to = { "bob@example.net" } } };
	struct queue_entry entry;
	struct envelope_out envelope;
	struct slice text;
	struct mime mime;

	(void)state;
	make(&m, BOUNCE_FAILED);
	m.envelope.recipients[0].reply =
	    "550 no\nAction: delivered\n\n--boundary\r\nContent-Type: text/html\r\n\r\n<b>";
	m.envelope.recipients[0].host = "evil\r\nAction: delivered";
	text = put(&m, &entry, &envelope);
	mime = parse(text);
	check_frame(text, &mime);
	has_not(mime_body(part(&mime, 2), text), "\nAction: delivered");
	clear_queue();
}

/* The original is gone or does not open: the sender is told all the same. */
static void without_original(void **state)
{
	struct made m = { .mail = { .to = { "bob@example.net" } } };
	struct queue_entry entry;
	struct envelope_out envelope;
	struct slice text;
	struct mime mime;
	struct why why;

	(void)state;
	make(&m, BOUNCE_FAILED);
	assert_int_equal(record_del(world->stack->store, &world_queue_actor, COLL_CONTENTS,
	                            id_slice(&m.entry.content), RECORD_ANY, &why),
	                 FAULT_NONE);
	text = put(&m, &entry, &envelope);
	mime = parse(text);
	assert_int_equal(mime.root->n_children, 2);
	has(mime_body(part(&mime, 2), text), "Action: failed\r\n");
	clear_queue();
}

/* ---- envelopes ---- */

static void to_an_account(void **state)
{
	struct made m = { .mail = { .to = { "bob@example.net" } } };
	struct queue_entry entry;
	struct envelope_out envelope;
	struct slice text;

	(void)state;
	make(&m, BOUNCE_FAILED);
	text = put(&m, &entry, &envelope);
	assert_true(slice_starts(text, "Return-Path: <>\r\n"));
	assert_int_equal(entry.domain.len, 0);
	assert_string_equal(envelope.from, "");
	assert_true(envelope.is_dsn);
	assert_int_equal(envelope.n, 1);
	assert_true(id_eq(&envelope.recipients[0].local_account, &world->account.id));
	assert_string_equal(envelope.trace, "0123456789abcdef");
	assert_true(envelope.expires > clock_now());
	clear_queue();
}

static void to_elsewhere(void **state)
{
	struct made m = { .mail = {
		              .from = "Someone@Example.com", .to = { "bob@example.net" }, .foreign = true } };
	struct queue_entry entry;
	struct envelope_out envelope;
	struct slice text;

	(void)state;
	make(&m, BOUNCE_FAILED);
	text = put(&m, &entry, &envelope);
	assert_true(slice_starts(text, "From: "));
	assert_true(slice_eq(entry.domain, SLICE("Example.com")));
	assert_string_equal(envelope.recipients[0].address, "Someone@Example.com");
	assert_true(id_is_zero(&envelope.recipients[0].local_account));
	assert_int_equal(envelope.recipients[0].notify, SMTP_NOTIFY_NEVER);
	assert_true(id_is_zero(&entry.account));
	clear_queue();
}

static void to_an_alias(void **state)
{
	static const struct {
		const char *alias, *targets[4];
		size_t n, found;
	} cases[] = {
		{ "team@example.org", { WORLD_LOGIN, "x@example.com", WORLD_LOGIN }, 3, 2 },
		{ "outer@example.org", { "team@example.org" }, 1, 2 },
		{ "circle@example.org", { "circle@example.org" }, 1, 0 },
	};
	const struct change_by by = { "test", "local" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct made m = { .mail = { .from = cases[i].alias, .to = { "bob@example.net" } } };
		struct queue_entry *entries;
		struct why why = { "" };

		if (alias_put(world->stack, &by, slice_str(cases[i].alias), cases[i].targets, cases[i].n,
		              RECORD_NEW, &why))
			fail_msg("%s", why.text);
		make(&m, BOUNCE_FAILED);
		assert_int_equal(bounce_put(&m.bounce, &why), FAULT_NONE);
		if (world_entries(world, &entries) - 1 != cases[i].found)
			fail_msg("%s: %zu entries", cases[i].alias, world_entries(world, &entries));
		clear_queue();
	}
}

static void once(void **state)
{
	struct made m = { .mail = { .to = { "bob@example.net" } } };
	struct queue_entry *entries;
	struct why why;

	(void)state;
	make(&m, BOUNCE_FAILED);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(bounce_put(&m.bounce, &why), FAULT_NONE);
		m.bounce.now += 1000;
	}
	assert_int_equal(world_entries(world, &entries), 2);
	m.bounce.kind = BOUNCE_DELAYED;
	assert_int_equal(bounce_put(&m.bounce, &why), FAULT_NONE);
	assert_int_equal(world_entries(world, &entries), 3);
	clear_queue();
}

static int setup(void **state)
{
	(void)state;
	world = world_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_free(world);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failed),
		cmocka_unit_test(returned),
		cmocka_unit_test(actions),
		cmocka_unit_test(hostile_reply),
		cmocka_unit_test(without_original),
		cmocka_unit_test(to_an_account),
		cmocka_unit_test(to_elsewhere),
		cmocka_unit_test(to_an_alias),
		cmocka_unit_test(once),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
