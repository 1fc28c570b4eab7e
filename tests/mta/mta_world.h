#ifndef TESTS_MTA_MTA_WORLD_H
#define TESTS_MTA_MTA_WORLD_H
/*
 * What mta stands on, in this process: embedded store in a temporary folder, key
 * rings, a loop and workers, the domain example.org with DKIM keys and the account
 * alice@example.org. Whatever fails to come within ten seconds fails the test.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "mta.h"
#include "store/queue.h"
#include "store/record.h"
#include "suite/directory.h"
#include "suite/outgoing.h"

#define WORLD_LOGIN "alice@example.org"

struct world {
	char dir[64];
	struct arena *arena;
	struct suite_conf suite;
	struct daemon daemon;
	struct stack *stack;
	struct mta *mta; /* NULL until world_start() */
	struct account account;
	struct account_key *account_key, *queue_key;
};

static const struct actor world_queue_actor = { .kind = ACTOR_QUEUE };

static inline void world_must(enum fault fault, const struct why *why, const char *what)
{
	if (!fault)
		return;
	fprintf(stderr, "mta_world: %s: %s: %s\n", what, fault_name(fault), why->text);
	abort();
}

/* Runs the loop until `condition`, at most ten seconds; says whether it came true. */
#define WORLD_WAIT(world, condition)                                                                         \
	({                                                                                                   \
		int64_t end_ = clock_mono_ms() + 10000;                                                      \
		while (!(condition) && clock_mono_ms() < end_)                                               \
			loop_step((world)->daemon.loop, 20);                                                 \
		(condition);                                                                                 \
	})

/* ---- making ---- */

static inline void world_ring(const struct world *world, const char *name)
{
	struct buf text;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/keys", world->dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/keys/%s.ring", world->dir, name);
	buf_init(&text, 4096);
	keyring_make(&text);
	umask(077);
	file = fopen(path, "w");
	if (!file || fwrite(text.data, 1, text.len, file) != text.len || fclose(file))
		abort();
	buf_done(&text);
}

static inline void world_settings(struct world *world)
{
	static const char *waits[] = { "1s" };
	const struct conf_section sections[] = {
		{ NULL, suite_conf_rows, &world->suite },
		{ "mta", mta_conf_rows, &mta_conf },
	};
	struct why why = { "" };

	world_must(conf_load(NULL, sections, 2, suite_sections, world->arena, &why), &why, "settings");
	world->suite.data_dir = world->dir;
	world->suite.hostname = "mx.example.org";
	suite_conf_finish(&world->suite, world->arena);
	mta_conf.poll = 200;
	mta_conf.retry = (struct conf_list){ waits, 1 };
}

static inline void world_open(struct world *world)
{
	const struct pool_conf pool = { .name = "mta", .threads = 4, .queue_max = 1000 };
	struct daemon *daemon = &world->daemon;
	struct why why = { "" };

	daemon->suite = &world->suite;
	daemon->loop = loop_new();
	daemon->arena = world->arena;
	daemon->node = "mta-test";
	daemon->pool = pool_new(daemon->loop, &pool);
	world_must(stack_open(&world->suite, STACK_ACCOUNTS_RING | STACK_QUEUE_RING | STACK_BUS, daemon->loop,
	                      daemon->node, &daemon->stack, &why),
	           &why, "stack");
	world->stack = daemon->stack;
	world_must(queue_private_key(world->stack, &world->queue_key, &why), &why, "queue key");
}

static inline void world_people(struct world *world)
{
	const struct change_by by = { "test", "local" };
	const struct account_new new = { slice_str(WORLD_LOGIN), SLICE("correct horse"), SLICE("Alice"), 0 };
	struct why why = { "" };
	struct domain domain;

	world_must(domain_create(world->stack, &by, SLICE("example.org"), world->arena, &domain, &why), &why,
	           "domain");
	world_must(account_create(world->stack, &by, &new, world->arena, &world->account, &why), &why,
	           "account");
	world_must(account_unlock(world->stack, &world->account, &world->account_key, &why), &why,
	           "account key");
}

static inline struct world *world_begin(void)
{
	struct world *world = xzalloc(sizeof(*world));

	rand_start();
	log_start("test", getenv("MTA_TEST_LOG") ? LOG_DEBUG : LOG_ERROR, false);
	world->arena = arena_new();
	return world;
}

static inline struct world *world_new(void)
{
	const char *tmp = getenv("TMPDIR");
	struct world *world = world_begin();

	snprintf(world->dir, sizeof(world->dir), "%.40s/mta.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(world->dir))
		abort();
	world_settings(world);
	world_ring(world, "accounts");
	world_ring(world, "queue");
	world_open(world);
	world_people(world);
	return world;
}

/* One that another process has made, and may have died over. */
static inline struct world *world_again(const char *dir)
{
	struct world *world = world_begin();
	struct why why = { "" };

	snprintf(world->dir, sizeof(world->dir), "%s", dir);
	world_settings(world);
	world_open(world);
	world_must(
	    account_by_login(world->stack, slice_str(WORLD_LOGIN), world->arena, &world->account, &why), &why,
	    "account");
	world_must(account_unlock(world->stack, &world->account, &world->account_key, &why), &why,
	           "account key");
	return world;
}

/* With whatever the test has set in mta_conf. */
static inline void world_start(struct world *world)
{
	struct why why = { "" };

	world_must(mta_new(&world->daemon, &world->mta, &why), &why, "mta");
	mta_start(world->mta);
}

/* ---- ending ---- */

static inline int world_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void world_stop(struct world *world)
{
	if (!world->mta)
		return;
	mta_drain(world->mta);
	if (!WORLD_WAIT(world, world->mta->n_deliveries == 0))
		abort();
	loop_stop(world->daemon.loop);
	loop_run(world->daemon.loop, 2000);
}

static inline void world_free(struct world *world)
{
	world_stop(world);
	pool_free(world->daemon.pool);
	mta_free(world->mta);
	account_key_unref(world->queue_key);
	account_key_unref(world->account_key);
	stack_close(world->stack);
	for (int i = 0; i < 20; i++)
		loop_step(world->daemon.loop, 1);
	loop_free(world->daemon.loop);
	arena_free(world->arena);
	nftw(world->dir, world_remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(world);
}

/* ---- mail ---- */

struct world_mail {
	const char *from, *text;
	const char *to[8]; /* NULL-terminated */
	uint8_t notify[8];
	const char *orcpt[8];
	const char *envid;
	bool ret_headers, smtputf8, is_dsn, foreign; /* foreign: no account of ours sent it */
	const struct id *local;                      /* a local delivery to this account */
	int64_t age, lifetime;                       /* ms; lifetime 0: five days */
	struct slice body;                           /* instead of text */
	/* filled */
	struct id content;
};

static inline void world_put(struct world *world, struct world_mail *mail)
{
	struct outgoing_recipient *to = arena_array(world->arena, struct outgoing_recipient, 8);
	struct envelope_out envelope = {
		.from = mail->from,
		.trace = "0123456789abcdef",
		.envid = mail->envid ? mail->envid : "",
		.ret_headers = mail->ret_headers,
		.smtputf8 = mail->smtputf8,
		.is_dsn = mail->is_dsn,
		.accepted = clock_now() - mail->age,
		.recipients = to,
	};
	struct slice text = mail->body.data ? mail->body : slice_str(mail->text);
	const struct outgoing_sender sender = { world->account.id, world->account.public_key,
		                                world->account.generation };
	struct sealed_message sealed;
	struct why why = { "" };

	envelope.expires = envelope.accepted + (mail->lifetime ? mail->lifetime : INT64_C(5) * 86400000);
	for (; mail->to[envelope.n]; envelope.n++)
		to[envelope.n] = (struct outgoing_recipient){
			.address = mail->to[envelope.n],
			.notify = mail->notify[envelope.n],
			.orcpt = mail->orcpt[envelope.n] ? mail->orcpt[envelope.n] : "",
			.reply = "",
			.status = "",
			.host = "",
			.local_account = mail->local ? *mail->local : (struct id){ { 0 } },
		};
	world_must(message_seal(&world->suite, text, world->arena, &sealed, &why), &why, "sealing");
	world_must(outgoing_put(world->stack, &sealed, &envelope, mail->foreign ? NULL : &sender, mail->local,
	                        mail->local ? 1 : 0, world->arena, &why),
	           &why, "queueing");
	mail->content = sealed.content;
	sealed_message_done(&sealed);
}

static inline struct id world_entry(const struct world_mail *mail, const char *domain)
{
	return id_derive(&mail->content, slice_str(domain));
}

/* The entry and its envelope as they are now; false when it is gone. */
static inline bool world_look(struct world *world, const struct id *id, struct queue_entry *ret,
                              struct envelope_out *ret_envelope)
{
	struct why why = { "" };
	enum fault fault = queue_get(world->stack->store, &world_queue_actor, id, world->arena, ret, &why);

	if (fault == FAULT_NOT_FOUND)
		return false;
	world_must(fault, &why, "reading an entry");
	world_must(envelope_open(world->queue_key, ret->state, world->arena, ret_envelope, &why), &why,
	           "an envelope");
	return true;
}

static inline size_t world_entries(struct world *world, struct queue_entry **ret)
{
	const struct queue_query query = { .limit = 1000 };
	struct why why = { "" };
	size_t n;

	world_must(queue_list(world->stack->store, &world_queue_actor, &query, world->arena, ret, &n, &why),
	           &why, "listing");
	return n;
}

/* The plaintext of a content. */
static inline struct slice world_content(struct world *world, const struct id *content,
                                         const struct content_key *key)
{
	struct message message;
	struct record record;
	struct why why = { "" };
	struct buf text;
	struct slice kept;

	buf_init(&text, BUF_NO_LIMIT);
	world_must(record_get(world->stack->store, &world_queue_actor, COLL_CONTENTS, id_slice(content), true,
	                      world->arena, &record, &why),
	           &why, "a content");
	world_must(message_open_with(key, &record, world->arena, &message, &why), &why, "opening");
	world_must(message_read(world->stack, &world_queue_actor, &message, 0, message.size, world->arena,
	                        &text, &why),
	           &why, "reading");
	kept = arena_copy(world->arena, buf_slice(&text));
	buf_done(&text);
	return kept;
}

/* How many messages the account's INBOX has; the newest one's text in `ret`. */
static inline size_t world_inbox(struct world *world, const struct id *mailbox, struct slice *ret)
{
	const struct actor owner = { ACTOR_OWNER, world->account.id };
	struct mailbox_state *state = mailbox_state_new(mailbox);
	struct mailbox_news news;
	struct mailbox_delta delta;
	struct content_key key;
	struct why why = { "" };
	size_t n;

	mailbox_delta_init(&delta);
	world_must(mailbox_fetch_news(world->stack->store, &owner, mailbox, 0, world->arena, &news, &why),
	           &why, "INBOX");
	world_must(mailbox_state_apply(state, &news, &delta, &why), &why, "INBOX");
	n = state->n;
	if (n && ret) {
		world_must(content_key_open(world->account_key, &state->content[n - 1], &state->key[n - 1],
		                            &key, &why),
		           &why, "a wrapped key");
		*ret = world_content(world, &state->content[n - 1], &key);
	}
	mailbox_delta_done(&delta);
	mailbox_state_free(state);
	return n;
}

#endif
