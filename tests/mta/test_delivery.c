/* A whole mta in this process: from the queue to a scripted host, a mailbox, or a report, over its real parts. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "mta_run.h"
#include "suite/nudge.h"

/* ---- going out ---- */

static void delivered_and_signed(void **state)
{
	static const char *const script[] = { GREET, TAKE_ONE, BYE, NULL };
	struct world_mail mail = { .from = WORLD_LOGIN, .to = { "bob@example.net" }, .text = MAIL };

	(void)state;
	begin((const char *const *const[]){ script, NULL });
	world_put(world, &mail);
	world_start(world);
	assert_true(WORLD_WAIT(world, is_gone(&mail, "example.net")));
	assert_true(slice_starts(came(), "DKIM-Signature: v=1; a=rsa-sha256;"));
	assert_true(slice_find(came(), SLICE("DKIM-Signature: v=1; a=ed25519-sha256;")) > 0);
	assert_true(slice_find(came(), SLICE("d=example.org;")) > 0);
	assert_true(slice_ends(came(), MAIL ".\r\n"));
	assert_int_equal(queued(), 0);
	end();
}

/* From: says ours, and yet nobody of ours sent it: a signature would say otherwise. */
static void passed_on_unsigned(void **state)
{
	static const char *const script[] = { GREET, TAKE_ONE, BYE, NULL };
	struct world_mail mail = {
		.from = "x@example.com", .to = { "bob@example.net" }, .text = MAIL, .foreign = true
	};

	(void)state;
	begin((const char *const *const[]){ script, NULL });
	world_put(world, &mail);
	world_start(world);
	assert_true(WORLD_WAIT(world, is_gone(&mail, "example.net")));
	assert_true(slice_eq(came(), SLICE(MAIL ".\r\n")));
	end();
}

/* The domain is ours no more, or its keys are not: mail goes out all the same. */
static void other_domain_unsigned(void **state)
{
	static const char *const script[] = { GREET, TAKE_ONE, BYE, NULL };
	struct world_mail mail = { .from = WORLD_LOGIN,
		                   .to = { "bob@example.net" },
		                   .text = "From: a@elsewhere.example\r\n\r\nhello\r\n" };

	(void)state;
	begin((const char *const *const[]){ script, NULL });
	world_put(world, &mail);
	world_start(world);
	assert_true(WORLD_WAIT(world, is_gone(&mail, "example.net")));
	assert_true(slice_starts(came(), "From: a@elsewhere.example"));
	end();
}

/* A key taken out of use signs no more, as soon as the bus says that settings changed. */
static void settings_changed(void **state)
{
	static const char *const script[] = { GREET, TAKE_ONE, BYE, NULL };
	struct world_mail first = { .from = WORLD_LOGIN, .to = { "bob@example.net" }, .text = MAIL },
	                  second = first;
	const struct change_by by = { "test", "local" };
	struct dkim_selector *selectors;
	struct domain domain;
	struct why why;
	size_t seen;

	(void)state;
	begin((const char *const *const[]){ script, script, NULL });
	world_put(world, &first);
	world_start(world);
	assert_true(WORLD_WAIT(world, is_gone(&first, "example.net")));
	assert_int_equal(domain_get(world->stack, SLICE("example.org"), world->arena, &domain, &why),
	                 FAULT_NONE);
	assert_int_equal(domain.n_selectors, 2);
	selectors = arena_array(world->arena, struct dkim_selector, 2);
	memcpy(selectors, domain.selectors, 2 * sizeof(*selectors));
	selectors[0].active = false;
	domain.selectors = selectors;
	assert_int_equal(domain_put(world->stack, &by, &domain, &why), FAULT_NONE);
	nudge_settings(world->stack);
	for (int i = 0; i < 10; i++)
		loop_step(world->daemon.loop, 10);
	seen = fake.message.len;
	world_put(world, &second);
	assert_true(WORLD_WAIT(world, is_gone(&second, "example.net")));
	assert_true(slice_find(slice_from(came(), seen), SLICE("a=ed25519-sha256")) > 0);
	assert_true(slice_find(slice_from(came(), seen), SLICE("a=rsa-sha256")) < 0);
	end();
}

/* A larger one than is kept in memory. */
static void large(void **state)
{
	static const char *const script[] = { GREET, TAKE_ONE, BYE, NULL };
	struct world_mail mail = { .from = WORLD_LOGIN, .to = { "bob@example.net" } };
	struct buf text;

	(void)state;
	begin((const char *const *const[]){ script, NULL });
	buf_init(&text, BUF_NO_LIMIT);
	buf_adds(&text, MAIL);
	while (text.len < 1500000)
		buf_printf(&text, "%zu bytes so far\r\n", text.len);
	mail.body = buf_slice(&text);
	world_put(world, &mail);
	world_start(world);
	assert_true(WORLD_WAIT(world, is_gone(&mail, "example.net")));
	assert_true(slice_starts(came(), "DKIM-Signature: "));
	assert_true(came().len > text.len + 3);
	assert_memory_equal(came().data + came().len - text.len - 3, text.data, text.len);
	buf_done(&text);
	end();
}

/* A host without 8BITMIME gets it encoded, and signed as it goes. */
static void eight_bit_encoded(void **state)
{
	static const char *const script[] = { GREET, TAKE_ONE, BYE, NULL };
	struct world_mail mail = { .from = WORLD_LOGIN,
		                   .to = { "bob@example.net" },
		                   .text = "From: alice@example.org\r\nSubject: x\r\n\r\n\xc3\xbc\r\n" };

	(void)state;
	begin((const char *const *const[]){ script, NULL });
	world_put(world, &mail);
	world_start(world);
	assert_true(WORLD_WAIT(world, is_gone(&mail, "example.net")));
	assert_true(slice_starts(came(), "DKIM-Signature: v=1; a=rsa-sha256;"));
	assert_true(
	    slice_find(came(), SLICE("Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=BC\r\n.\r\n")) >
	    0);
	end();
}

/* Three for one place, one connection at a time: the connection goes on from one to the next. */
static void connection_reused(void **state)
{
	static const char *const script[] = { GREET, TAKE_ONE, TAKE_ONE, TAKE_ONE, BYE, NULL };
	struct world_mail mails[3];

	(void)state;
	begin((const char *const *const[]){ script, NULL });
	mta_conf.connections_per_domain = 1;
	for (int i = 0; i < 3; i++) {
		mails[i] =
		    (struct world_mail){ .from = WORLD_LOGIN, .to = { "bob@example.net" }, .text = MAIL };
		world_put(world, &mails[i]);
	}
	world_start(world);
	assert_true(WORLD_WAIT(world, queued() == 0));
	assert_int_equal(fake.connections, 1);
	end();
}

/* The host closes after one message: the next gets a connection of its own, and nothing is held against the host. */
static void reuse_refused(void **state)
{
	static const char *const first[] = { GREET, TAKE_ONE, "X", NULL };
	static const char *const second[] = { GREET, TAKE_ONE, BYE, NULL };
	struct world_mail a = { .from = WORLD_LOGIN, .to = { "bob@example.net" }, .text = MAIL }, b = a;

	(void)state;
	begin((const char *const *const[]){ first, second, NULL });
	mta_conf.connections_per_domain = 1;
	world_put(world, &a);
	world_put(world, &b);
	world_start(world);
	assert_true(WORLD_WAIT(world, queued() == 0));
	assert_int_equal(fake.connections, 2);
	end();
}

/* ---- what goes wrong ---- */

static void deferred_then_delivered(void **state)
{
	static const char *const first[] = { GREET,      "C:MAIL *", "C:RCPT *",
		                             "C:DATA",   "S:250 ok", "S:450 4.2.0 later",
		                             "S:554 no", "C:RSET",   "S:250 ok",
		                             BYE,        NULL };
	static const char *const second[] = { GREET, TAKE_ONE, BYE, NULL };
	struct world_mail mail = { .from = WORLD_LOGIN, .to = { "bob@example.net" }, .text = MAIL };
	struct queue_entry entry;

	(void)state;
	begin((const char *const *const[]){ first, second, NULL });
	world_put(world, &mail);
	world_start(world);
	assert_true(WORLD_WAIT(world, recipient(&mail, "example.net", &entry).status[0] != '\0'));
	assert_string_equal(recipient(&mail, "example.net", &entry).status, "4.2.0");
	assert_string_equal(recipient(&mail, "example.net", &entry).reply, "450 4.2.0 later");
	assert_string_equal(recipient(&mail, "example.net", &entry).host, "127.0.0.1");
	assert_int_equal(entry.attempts, 1);
	assert_true(WORLD_WAIT(world, is_gone(&mail, "example.net")));
	assert_int_equal(fake.connections, 2);
	end();
}

/* Nobody there: deferred, and those behind it are not made to wait for the same. */
static void host_down(void **state)
{
	struct world_mail mails[4];
	struct queue_entry entry;

	(void)state;
	begin((const char *const *const[]){ NULL });
	fake_stop(&fake);
	mta_conf.connections_per_domain = 1;
	mta_conf.retry = (struct conf_list){ (const char *[]){ "1h" }, 1 };
	for (int i = 0; i < 4; i++) {
		mails[i] =
		    (struct world_mail){ .from = WORLD_LOGIN, .to = { "bob@example.net" }, .text = MAIL };
		world_put(world, &mails[i]);
	}
	world_start(world);
	for (int i = 0; i < 4; i++) {
		assert_true(WORLD_WAIT(world, recipient(&mails[i], "example.net", &entry).status[0] != '\0'));
		assert_string_equal(recipient(&mails[i], "example.net", &entry).status, "4.4.1");
		assert_int_equal(entry.attempts, 1);
		assert_int_equal(entry.lease_until, 0);
	}
	world_free(world);
	buf_done(&fake.message);
}

/* STARTTLS that fails once is done without, on another connection. */
static void broken_tls(void **state)
{
	static const char *const first[] = { "S:220 mx",   "C:EHLO *",    "S:250-mx\r\n250 STARTTLS",
		                             "C:STARTTLS", "S:220 go on", "S:but not with TLS",
		                             "X",          NULL };
	static const char *const second[] = {
		"S:220 mx", "C:EHLO *", "S:250-mx\r\n250-STARTTLS\r\n250 PIPELINING", TAKE_ONE, BYE, NULL
	};
	struct world_mail mail = { .from = WORLD_LOGIN, .to = { "bob@example.net" }, .text = MAIL };

	(void)state;
	begin((const char *const *const[]){ first, second, NULL });
	world_put(world, &mail);
	world_start(world);
	assert_true(WORLD_WAIT(world, is_gone(&mail, "example.net")));
	end();
}

static void bounced_to_the_inbox(void **state)
{
	static const char *const script[] = { GREET,      "C:MAIL *", "C:RCPT *",
		                              "C:DATA",   "S:250 ok", "S:550 5.1.1 nobody",
		                              "S:554 no", "C:RSET",   "S:250 ok",
		                              BYE,        NULL };
	struct world_mail mail = { .from = WORLD_LOGIN, .to = { "bob@example.net" }, .text = MAIL };
	struct slice text = SLICE("");

	(void)state;
	begin((const char *const *const[]){ script, NULL });
	world_put(world, &mail);
	world_start(world);
	assert_true(WORLD_WAIT(world, queued() == 0));
	assert_int_equal(world_inbox(world, &world->account.inbox, &text), 1);
	assert_true(slice_starts(text, "Return-Path: <>\r\n"));
	assert_true(slice_find(text, SLICE("550 5.1.1 nobody")) > 0);
	end();
}

/* ---- content and envelope that are not as they should be ---- */

static void set_created(const struct id *id, int64_t created)
{
	struct queue_entry entry, old;
	struct envelope_out envelope;
	struct why why;

	assert_true(world_look(world, id, &entry, &envelope));
	old = entry;
	old.created = created;
	old.lease_until = 0;
	assert_int_equal(queue_remove(world->stack->store, &world_queue_actor, id, entry.fence, &why),
	                 FAULT_NONE);
	assert_int_equal(queue_put(world->stack->store, &world_queue_actor, &old, 1, &why), FAULT_NONE);
}

static void missing_content(void **state)
{
	static const struct {
		const char *name;
		int64_t age;
		bool gone;
	} cases[] = { { "young", 1000, false }, { "old", 2 * 3600000, true } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct world_mail mail = { .from = WORLD_LOGIN, .to = { "bob@example.net" }, .text = MAIL };
		struct queue_entry entry;
		struct envelope_out envelope;
		struct why why;
		struct id id;

		begin((const char *const *const[]){ NULL });
		world_put(world, &mail);
		id = world_entry(&mail, "example.net");
		set_created(&id, clock_now() - cases[i].age);
		assert_int_equal(record_del(world->stack->store, &world_queue_actor, COLL_CONTENTS,
		                            id_slice(&mail.content), RECORD_ANY, &why),
		                 FAULT_NONE);
		world_start(world);
		if (cases[i].gone) {
			assert_true(WORLD_WAIT(world, is_gone(&mail, "example.net")));
		} else {
			assert_true(WORLD_WAIT(world, world_look(world, &id, &entry, &envelope) &&
			                                  entry.fence == 1 && entry.lease_until == 0));
			assert_int_equal(entry.attempts, 0);
			assert_true(entry.due > clock_now() + 2000 && entry.due < clock_now() + 8000);
		}
		end();
	}
}

static void damaged_envelope(void **state)
{
	struct world_mail mail = { .from = WORLD_LOGIN, .to = { "bob@example.net" }, .text = MAIL };
	struct queue_entry entry, now;
	struct envelope_out envelope;
	struct why why;
	struct id id;

	(void)state;
	begin((const char *const *const[]){ NULL });
	world_put(world, &mail);
	id = world_entry(&mail, "example.net");
	assert_true(world_look(world, &id, &entry, &envelope));
	entry.state = SLICE("this is no envelope at all, whatever key one has");
	assert_int_equal(queue_remove(world->stack->store, &world_queue_actor, &id, entry.fence, &why),
	                 FAULT_NONE);
	assert_int_equal(queue_put(world->stack->store, &world_queue_actor, &entry, 1, &why), FAULT_NONE);
	log_set_level(LOG_ERROR + 1);
	world_start(world);
	assert_true(WORLD_WAIT(
	    world, !queue_get(world->stack->store, &world_queue_actor, &id, world->arena, &now, &why) &&
	               now.status == QUEUE_HELD && now.lease_until == 0));
	assert_true(slice_eq(now.state, entry.state));
	end();
}

/* ---- leases ---- */

/* A slow host, and a lease that is shorter than it takes: renewed, so that nobody else begins. */
static void lease_renewed(void **state)
{
	static const char *const script[] = { "Z:2500", GREET, TAKE_ONE, BYE, NULL };
	struct world_mail mail = { .from = WORLD_LOGIN, .to = { "bob@example.net" }, .text = MAIL };
	struct queue_entry *others;
	struct why why;
	size_t n = 0;

	(void)state;
	begin((const char *const *const[]){ script, NULL });
	mta_conf.lease = 1000;
	world_put(world, &mail);
	world_start(world);
	assert_true(WORLD_WAIT(world, fake.connections == 1));
	while (!is_gone(&mail, "example.net")) {
		loop_step(world->daemon.loop, 20);
		assert_int_equal(queue_claim(world->stack->store, &world_queue_actor, clock_now(), 1000, 1,
		                             world->arena, &others, &n, &why),
		                 FAULT_NONE);
		assert_int_equal(n, 0);
	}
	end();
}

/* Another process has taken the entry over: ours lets go, and does not touch it. */
static void lease_lost(void **state)
{
	static const char *const script[] = { "Z:1500", "X", NULL };
	struct world_mail mail = { .from = WORLD_LOGIN, .to = { "bob@example.net" }, .text = MAIL };
	struct queue_entry *others, entry;
	struct envelope_out envelope;
	struct why why;
	struct id id;
	size_t n;

	(void)state;
	begin((const char *const *const[]){ script, NULL });
	mta_conf.lease = 1000;
	world_put(world, &mail);
	id = world_entry(&mail, "example.net");
	world_start(world);
	assert_true(WORLD_WAIT(world, fake.connections == 1));
	assert_int_equal(queue_claim(world->stack->store, &world_queue_actor, clock_now() + 60000, 3600000, 1,
	                             world->arena, &others, &n, &why),
	                 FAULT_NONE);
	assert_int_equal(n, 1);
	log_set_level(LOG_ERROR + 1);
	assert_true(WORLD_WAIT(world, world->mta->n_deliveries == 0));
	assert_true(world_look(world, &id, &entry, &envelope));
	assert_int_equal(entry.fence, others[0].fence);
	assert_int_equal(entry.lease_until, others[0].lease_until);
	assert_int_equal(entry.attempts, 0);
	end();
}

/* Told to stop while a host is being connected to: the entry is free for others at once. */
static void drained(void **state)
{
	static const char *const script[] = { "Z:3000", "X", NULL };
	struct world_mail mail = { .from = WORLD_LOGIN, .to = { "bob@example.net" }, .text = MAIL };
	struct queue_entry entry;
	struct envelope_out envelope;
	struct id id;

	(void)state;
	begin((const char *const *const[]){ script, NULL });
	world_put(world, &mail);
	id = world_entry(&mail, "example.net");
	world_start(world);
	assert_true(WORLD_WAIT(world, fake.connections == 1));
	world_stop(world);
	assert_true(world_look(world, &id, &entry, &envelope));
	assert_int_equal(entry.lease_until, 0);
	assert_int_equal(entry.attempts, 0);
	assert_true(entry.due <= clock_now());
	end();
}

/* With the bus away, mail goes by looking: the message is put while nothing tells mta of it. */
static void without_a_nudge(void **state)
{
	static const char *const script[] = { GREET, TAKE_ONE, BYE, NULL };
	struct world_mail mail = { .from = WORLD_LOGIN, .to = { "bob@example.net" }, .text = MAIL };
	struct bus *bus;

	(void)state;
	begin((const char *const *const[]){ script, NULL });
	world_start(world);
	for (int i = 0; i < 10; i++)
		loop_step(world->daemon.loop, 10);
	bus = world->stack->bus;
	world->stack->bus = NULL;
	world_put(world, &mail);
	world->stack->bus = bus;
	assert_true(WORLD_WAIT(world, is_gone(&mail, "example.net")));
	end();
}

/* More than there is room for at once, to many domains: all arrive. */
static void many(void **state)
{
	static const char *const script[] = { GREET, TAKE_ONE, BYE, NULL };
	static const char *const *scripts[41];
	struct world_mail mail;

	(void)state;
	for (int i = 0; i < 40; i++)
		scripts[i] = script;
	begin(scripts);
	mta_conf.connections_max = 3;
	mta_conf.messages_per_connection = 1;
	for (int i = 0; i < 40; i++) {
		mail = (struct world_mail){ .from = WORLD_LOGIN, .to = { "bob@example.net" }, .text = MAIL };
		world_put(world, &mail);
	}
	world_start(world);
	assert_true(WORLD_WAIT(world, queued() == 0));
	assert_int_equal(fake.connections, 40);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delivered_and_signed),
		cmocka_unit_test(passed_on_unsigned),
		cmocka_unit_test(other_domain_unsigned),
		cmocka_unit_test(settings_changed),
		cmocka_unit_test(large),
		cmocka_unit_test(eight_bit_encoded),
		cmocka_unit_test(connection_reused),
		cmocka_unit_test(reuse_refused),
		cmocka_unit_test(deferred_then_delivered),
		cmocka_unit_test(host_down),
		cmocka_unit_test(broken_tls),
		cmocka_unit_test(bounced_to_the_inbox),
		cmocka_unit_test(missing_content),
		cmocka_unit_test(damaged_envelope),
		cmocka_unit_test(lease_renewed),
		cmocka_unit_test(lease_lost),
		cmocka_unit_test(drained),
		cmocka_unit_test(without_a_nudge),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
