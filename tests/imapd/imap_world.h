#ifndef TESTS_IMAPD_IMAP_WORLD_H
#define TESTS_IMAPD_IMAP_WORLD_H
/*
 * An imapd in this process for tests: embedded store in a temporary folder, local
 * bus, the account alice@example.org, and clients on socketpairs, all on one loop. Whatever
 * fails to come within five seconds fails the test.
 */
#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account_ctx.h"
#include "../shared/loop/certs.h"
#include "base/clock.h"
#include "base/log.h"
#include "imapd.h"
#include "session.h"
#include "suite/directory.h"
#include "suite/folder.h"
#include "suite/keyword.h"
#include "suite/message.h"
#include "suite/nudge.h"

#define WORLD_CLIENTS  4
#define WORLD_PATIENCE 20000
#define WORLD_LOGIN    "alice@example.org"
#define WORLD_PASSWORD "correct horse"

struct world;

struct client {
	struct world *world;
	struct conn *conn;
	bool ended, tls_done;
};

struct world {
	char dir[64];
	struct arena *arena;
	struct suite_conf suite;
	struct daemon daemon;
	struct imapd *imapd;
	struct tls_ctx *client_tls;
	struct account account;
	struct account_key *key;
	struct actor owner;
	struct client clients[WORLD_CLIENTS];
	struct bus *deaf; /* the bus, while nudges get lost */
};

/* From now on nothing that is committed is told on the bus; or it is again. */
static inline void world_lose_nudges(struct world *world, bool lose)
{
	struct stack *stack = world->daemon.stack;

	if (lose)
		world->deaf = stack->bus;
	stack->bus = lose ? NULL : world->deaf;
}

static inline void world_must(enum fault fault, const struct why *why, const char *what)
{
	if (!fault)
		return;
	fprintf(stderr, "imap_world: %s: %s: %s\n", what, fault_name(fault), why->text);
	abort();
}

/* ---- making ---- */

static inline void world_write_ring(const struct world *world, const char *name)
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
	assert(file);
	fwrite(text.data, 1, text.len, file);
	fclose(file);
	buf_done(&text);
}

static inline void world_settings(struct world *world)
{
	const struct conf_section sections[] = {
		{ NULL, suite_conf_rows, &world->suite },
		{ "imapd", imapd_conf_rows, &imapd_conf },
	};
	const char **names = arena_array(world->arena, const char *, 1);
	struct why why = { "" };

	names[0] = "imap.example.org=none:none";
	world_must(conf_load(NULL, sections, 2, suite_sections, world->arena, &why), &why, "settings");
	world->suite.data_dir = world->dir;
	suite_conf_finish(&world->suite, world->arena);
	world->suite.hostname = "mail.example.org"; /* in URLs */
	world->suite.tls_names = (struct conf_list){ names, 1 };
	imapd_conf.plaintext_login = true;
	imapd_conf.metadata_admin = "mailto:postmaster@example.org";
	world->suite.outbox = false; /* one mailbox less in every list */
}

static inline void world_open_daemon(struct world *world)
{
	struct why why = { "" };
	struct daemon *daemon = &world->daemon;
	const struct pool_conf pool = { .name = "imapd", .threads = 4, .queue_max = 1000 };
	struct cert_files files = cert_make(world->dir, "tls", "localhost");
	const struct tls_cert cert = { NULL, files.cert, files.key };

	daemon->suite = &world->suite;
	daemon->loop = loop_new();
	daemon->arena = world->arena;
	daemon->node = "imapd-test";
	daemon->pool = pool_new(daemon->loop, &pool);
	world_must(tls_server_new(&cert, 1, &daemon->tls, &why), &why, "certificate");
	world_must(tls_client_new(&(struct tls_client_conf){ 0 }, &world->client_tls, &why), &why,
	           "client TLS");
	world_must(stack_open(&world->suite, STACK_ACCOUNTS_RING | STACK_QUEUE_RING | STACK_BUS, daemon->loop,
	                      daemon->node, &daemon->stack, &why),
	           &why, "stack");
}

static inline void world_make_account(struct world *world)
{
	const struct change_by by = { "test", "local" };
	const struct account_new new = { slice_str(WORLD_LOGIN), slice_str(WORLD_PASSWORD), SLICE("Alice"),
		                         0 };
	struct stack *stack = world->daemon.stack;
	struct domain domain = { .name = "example.org", .created = 1 };
	struct why why = { "" };

	world_must(domain_put(stack, &by, &domain, &why), &why, "domain");
	world_must(account_create(stack, &by, &new, world->arena, &world->account, &why), &why, "account");
	world_must(account_unlock(stack, &world->account, &world->key, &why), &why, "key");
	world->owner = (struct actor){ ACTOR_OWNER, world->account.id };
}

static inline struct world *world_new(void)
{
	struct world *world = xzalloc(sizeof(*world));

	rand_start();
	log_start("test", getenv("IMAP_TEST_LOG") ? LOG_DEBUG : LOG_ERROR, false);
	snprintf(world->dir, sizeof(world->dir), "/tmp/posthouse-imap-XXXXXX");
	assert(mkdtemp(world->dir));
	world->arena = arena_new();
	world_settings(world);
	world_write_ring(world, "accounts");
	world_write_ring(world, "queue");
	world_open_daemon(world);
	world_make_account(world);
	world->imapd = imapd_new(&world->daemon);
	return world;
}

/* ---- clients ---- */

static inline void client_nothing(void *owner)
{
	(void)owner;
}

static inline void client_on_tls(void *owner, enum fault fault, const struct why *why)
{
	struct client *client = owner;

	world_must(fault, why, "client TLS");
	client->tls_done = true;
}

static inline void client_on_closed(void *owner)
{
	struct client *client = owner;

	client->conn = NULL;
	client->ended = true;
}

static const struct conn_handler client_handler = {
	.on_readable = client_nothing,
	.on_tls = client_on_tls,
	.on_timeout = client_nothing,
	.on_closed = client_on_closed,
};

static inline struct client *world_client(struct world *world, unsigned number)
{
	const struct conn_conf conf = { .input_max = 1 << 20, .output_high = 1 << 20 };
	struct client *client = &world->clients[number];
	int fds[2];

	if (client->conn || client->ended)
		return client;
	assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds));
	client->world = world;
	client->conn = conn_from_fd(world->daemon.loop, fds[0], &conf, &client_handler, client);
	session_new(world->imapd, conn_from_fd(world->daemon.loop, fds[1], NULL, NULL, NULL), false);
	return client;
}

static inline void client_send(struct client *client, struct slice bytes)
{
	conn_write(client->conn, bytes.data, bytes.len);
	conn_flush(client->conn);
}

/* The next line, in the arena; NULL when none comes. */
static inline const char *client_line(struct client *client, struct arena *arena, int64_t patience)
{
	struct loop *loop = client->world->daemon.loop;
	int64_t until = clock_mono_ms() + patience;
	struct slice line;

	while (client->conn) {
		if (conn_line(client->conn, 100000, &line) == CONN_LINE)
			return arena_strz(arena, line);
		if (conn_ended(client->conn) || clock_mono_ms() >= until)
			break;
		loop_step(loop, 20);
	}
	return NULL;
}

static inline bool client_is_closed(struct client *client)
{
	struct loop *loop = client->world->daemon.loop;
	int64_t until = clock_mono_ms() + WORLD_PATIENCE;

	while (client->conn && !conn_ended(client->conn) && clock_mono_ms() < until)
		loop_step(loop, 20);
	return !client->conn || conn_ended(client->conn);
}

static inline void client_start_tls(struct client *client)
{
	int64_t until = clock_mono_ms() + WORLD_PATIENCE;

	conn_start_tls(client->conn, client->world->client_tls, "localhost");
	while (!client->tls_done && clock_mono_ms() < until)
		loop_step(client->world->daemon.loop, 20);
	assert(client->tls_done);
}

/* ---- what others do to the account ---- */

static inline struct id world_mailbox(struct world *world, const char *path)
{
	struct folders folders;
	struct folder *folder;
	struct why why = { "" };

	world_must(folders_load(world->daemon.stack, &world->owner, world->key, world->arena, &folders, &why),
	           &why, "folders");
	folder = folders_find(&folders, path);
	if (!folder) {
		fprintf(stderr, "imap_world: no mailbox %s\n", path);
		abort();
	}
	return folder->row.meta.id;
}

/* A message comes in, as smtpd would file it. */
static inline void world_deliver(struct world *world, const char *path, struct slice text, uint32_t flags)
{
	struct stack *stack = world->daemon.stack;
	const struct actor delivery = { ACTOR_DELIVERY, world->account.id };
	const struct filing filing = {
		.account = world->account.id,
		.mailbox = world_mailbox(world, path),
		.public_key = &world->account.public_key,
		.generation = world->account.generation,
		.flags = flags,
		.internal_date = INT64_C(1700000000000),
	};
	struct sealed_message message;
	struct mailbox_appended appended;
	struct why why = { "" };

	world_must(message_seal(&world->suite, text, world->arena, &message, &why), &why, "sealing");
	world_must(message_store(stack, &delivery, &message, &world->account.id, 1, world->arena, &why), &why,
	           "storing");
	world_must(message_file(stack, &message, &filing, &appended, &why), &why, "filing");
	sealed_message_done(&message);
}

/* ---- the end ---- */

static inline int world_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void world_free(struct world *world)
{
	for (size_t i = 0; i < WORLD_CLIENTS; i++)
		if (world->clients[i].conn)
			conn_abort(world->clients[i].conn);
	imapd_drain(world->imapd);
	loop_stop(world->daemon.loop);
	loop_run(world->daemon.loop, WORLD_PATIENCE);
	pool_free(world->daemon.pool);
	imapd_free(world->imapd);
	account_key_unref(world->key);
	stack_close(world->daemon.stack);
	tls_free(world->daemon.tls);
	tls_free(world->client_tls);
	loop_free(world->daemon.loop);
	arena_free(world->arena);
	nftw(world->dir, world_unlink, 16, FTW_DEPTH | FTW_PHYS);
	free(world);
}

#endif
