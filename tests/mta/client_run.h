#ifndef TESTS_MTA_CLIENT_RUN_H
#define TESTS_MTA_CLIENT_RUN_H
/* One message sent to a scripted host by a client of its own, and what came of it. */
#include "mta_world.h"
#include "../shared/loop/certs.h"
#include "client.h"
#include "fake_smtp.h"

#define SHORT_MAIL "Subject: x\r\n\r\nhello\r\n"

static struct world *world;

/* ---- one run ---- */

enum end { SENT, SENT_AND_GONE, FAILED };

struct run {
	struct client_conf conf;
	struct sockaddr_in address;
	struct client *client;
	struct sending sending;
	bool ready, sent, reusable, failed, over, keep;
	unsigned rounds; /* how often the message is sent */
	struct client_failure failure;
	char status[16], reply[400], tls[16];
	bool verified;
};

static inline void forget_outcome(struct run *run)
{
	for (size_t i = 0; i < run->sending.n; i++) {
		run->sending.to[i].verdict = VERDICT_NONE;
		run->sending.to[i].status[0] = '\0';
	}
}

static inline void on_ready(void *owner)
{
	struct run *run = owner;

	run->ready = true;
	snprintf(run->tls, sizeof(run->tls), "%s", client_tls(run->client, &run->verified));
	client_send(run->client, &run->sending);
}

static inline void on_sent(void *owner, bool reusable)
{
	struct run *run = owner;

	run->sent = true;
	run->reusable = reusable;
	if (reusable && run->rounds > 1) {
		run->rounds--;
		forget_outcome(run);
		client_send(run->client, &run->sending);
		return;
	}
	if (reusable)
		client_quit(run->client);
	run->over = true;
}

static inline void on_failed(void *owner, const struct client_failure *failure)
{
	struct run *run = owner;

	run->failed = run->over = true;
	run->failure = *failure;
	snprintf(run->status, sizeof(run->status), "%s", failure->status);
	snprintf(run->reply, sizeof(run->reply), "%s", failure->reply);
}

static const struct client_handler handler = { on_ready, on_sent, on_failed };

static inline struct letter *make_letter(struct arena *arena, struct slice text)
{
	struct letter *letter = arena_make(arena, struct letter);

	letter->refs = 1000; /* the arena's */
	letter->text = text;
	letter->size = letter->message.size = text.len;
	return letter;
}

static inline void run_init(struct run *run, struct fake_smtp *fake, struct tls_ctx *tls)
{
	run->address = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(fake->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	run->conf = (struct client_conf){
		.loop = world->daemon.loop,
		.pool = world->daemon.pool,
		.stack = world->stack,
		.tls = tls,
		.helo = "mx.example.org",
		.host = "localhost",
		.address = (const struct sockaddr *)&run->address,
		.connect_timeout = 6000,
		.command_timeout = 6000,
		.data_timeout = 6000,
		.recipients_max = 100,
	};
	if (!run->sending.from)
		run->sending.from = "alice@example.org";
	if (!run->sending.envid)
		run->sending.envid = "";
	run->sending.arena = world->arena;
	if (!run->sending.letter)
		run->sending.letter = make_letter(world->arena, SLICE(SHORT_MAIL));
}

static inline void set_timeout(struct run *run, int64_t ms)
{
	if (ms)
		run->conf.connect_timeout = run->conf.command_timeout = run->conf.data_timeout = ms;
}

static inline void run_go(struct run *run)
{
	loop_step(world->daemon.loop, 0); /* its clock stood still while the test made things */
	run->client = client_new(&run->conf, &handler, run);
	assert_true(WORLD_WAIT(world, run->over));
	/* until the host has seen all of it: QUIT, and the end */
	for (int i = 0; i < 10; i++)
		loop_step(world->daemon.loop, 5);
}

static inline void one_recipient(struct run *run, const char *address, uint8_t notify, const char *orcpt)
{
	run->sending.n = 1;
	run->sending.to = arena_array(world->arena, struct sent_to, 1);
	run->sending.to[0] = (struct sent_to){ .address = address, .notify = notify, .orcpt = orcpt };
}

#endif
