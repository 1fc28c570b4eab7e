#ifndef TESTS_MTA_MTA_RUN_H
#define TESTS_MTA_MTA_RUN_H
/* A whole mta in this process, and one scripted host that all mail goes to. */
#include "fake_smtp.h"
#include "mta_world.h"

#define MAIL "From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: x\r\n\r\nhello\r\n"

#define GREET    "S:220 mx", "C:EHLO mx.example.org", "S:250-mx\r\n250 PIPELINING"
#define TAKE_ONE "C:MAIL *", "C:RCPT *", "C:DATA", "S:250 ok", "S:250 ok", "S:354 go", "D", "S:250 2.0.0 ok"
#define BYE      "C:QUIT", "S:221 bye", "E"

static struct world *world;
static struct fake_smtp fake;

/* ---- the frame ---- */

static inline void begin(const char *const *const *scripts)
{
	memset(&fake, 0, sizeof(fake));
	fake.scripts = scripts;
	fake_start(&fake);
	world = world_new();
	mta_conf.smart_host = arena_printf(world->arena, "127.0.0.1:%u", fake.port);
	mta_conf.command_timeout = mta_conf.data_timeout = mta_conf.connect_timeout = 3000;
}

static inline void end(void)
{
	world_stop(world);
	fake_stop(&fake);
	world_free(world);
	if (fake.wrong[0])
		fail_msg("%s", fake.wrong);
	buf_done(&fake.message);
}

static inline bool is_gone(const struct world_mail *mail, const char *domain)
{
	struct id id = world_entry(mail, domain);
	struct queue_entry entry;
	struct envelope_out envelope;

	return !world_look(world, &id, &entry, &envelope);
}

static inline size_t queued(void)
{
	struct queue_entry *entries;

	return world_entries(world, &entries);
}

static inline struct outgoing_recipient recipient(const struct world_mail *mail, const char *domain,
                                                  struct queue_entry *ret)
{
	struct id id = world_entry(mail, domain);
	struct envelope_out envelope;

	assert_true(world_look(world, &id, ret, &envelope));
	return envelope.recipients[0];
}

static inline struct slice came(void)
{
	return buf_slice(&fake.message);
}

#endif
