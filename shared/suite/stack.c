/* The suite's settings, and opening what they name (stack.h). */
#include "suite/stack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define REREAD_MS 1000

const char *const suite_sections[] = { "smtpd", "imapd", "mta", "admin", "run", NULL };

#define ROW(type, field, fallback, flags, min, max, help)                                                    \
	CONF(struct suite_conf, type, field, fallback, flags, min, max, help)

const struct conf_row suite_conf_rows[] = {
	/* clang-format off */
	ROW(CONF_STR, hostname, "", 0, 0, 0, "name of this host in greetings, Received and ids; empty: the system's"),
	ROW(CONF_STR, data_dir, "/var/lib/posthouse", 0, 0, 0, "where everything lies that has no place of its own below"),
	ROW(CONF_STR, run_dir, "", 0, 0, 0, "sockets and port notes; empty: data_dir/run"),
	ROW(CONF_STR, log_level, "info", CONF_RELOAD, 0, 0, "debug, info, warn or error"),
	ROW(CONF_STR, log_format, "json", 0, 0, 0, "json, or text for people"),

	ROW(CONF_STR, store, "sqlite", 0, 0, 0, "sqlite or mongo"),
	ROW(CONF_STR, store_path, "", 0, 0, 0, "sqlite: the database; empty: data_dir/store.sqlite"),
	ROW(CONF_STR, mongo_uri, "mongodb://127.0.0.1:27017/?replicaSet=rs0", CONF_SECRET, 0, 0, "mongo: where it is"),
	ROW(CONF_STR, mongo_db, "posthouse", 0, 0, 0, "mongo: the database's name"),
	ROW(CONF_DURATION, store_timeout, "5s", 0, 100, 60000, "mongo: longest wait for one command"),

	ROW(CONF_STR, blobs, "fs", 0, 0, 0, "where large bodies go: fs, mongo or s3"),
	ROW(CONF_STR, blob_path, "", 0, 0, 0, "fs: the folder; empty: data_dir/blobs"),
	ROW(CONF_STR, s3_endpoint, "", 0, 0, 0, "s3: https://host:port"),
	ROW(CONF_STR, s3_region, "us-east-1", 0, 0, 0, "s3: region that requests are signed for"),
	ROW(CONF_STR, s3_bucket, "posthouse", 0, 0, 0, "s3: bucket; made when missing"),
	ROW(CONF_STR, s3_access_key, "", 0, 0, 0, "s3: access key id"),
	ROW(CONF_STR, s3_secret_key, "", CONF_SECRET, 0, 0, "s3: secret key"),
	ROW(CONF_STR, s3_ca_file, "", 0, 0, 0, "s3: CA certificates; empty: the system's"),
	ROW(CONF_SIZE, inline_max, "64K", CONF_RELOAD, 0, 512 << 10, "sealed bodies up to this size lie in the store itself"),
	ROW(CONF_SIZE, message_max, "50M", CONF_RELOAD, 64 << 10, 1 << 30, "largest message accepted anywhere"),

	ROW(CONF_DURATION, timeline_keep, "14d", CONF_RELOAD, 0, INT64_C(3650) * 86400000, "how long it is kept what happened to a message; 0: it is not noted"),

	ROW(CONF_BOOL, outbox, "yes", 0, 0, 0, "accounts have a mailbox Outbox that shows their queued mail; deleting a message there cancels it"),

	ROW(CONF_STR, bus, "local", 0, 0, 0, "local (Unix sockets) or amqp (RabbitMQ)"),
	ROW(CONF_STR, amqp_uri, "amqp://guest:guest@127.0.0.1:5672/", CONF_SECRET, 0, 0, "amqp: where the broker is"),
	ROW(CONF_STR, amqp_ca_file, "", 0, 0, 0, "amqps: CA certificates; empty: the system's"),

	ROW(CONF_STR, accounts_ring, "", 0, 0, 0, "key ring of the accounts, file:… env:… credential:… command:…; empty: file:data_dir/keys/accounts.ring"),
	ROW(CONF_STR, queue_ring, "", 0, 0, 0, "key ring of the queue; empty: file:data_dir/keys/queue.ring"),
	ROW(CONF_STR, tls_cert, "", 0, 0, 0, "certificate chain, PEM; empty: data_dir/keys/tls.crt"),
	ROW(CONF_STR, tls_key, "", 0, 0, 0, "its private key, PEM; empty: data_dir/keys/tls.key"),
	ROW(CONF_LIST, tls_names, "", 0, 0, 0, "more certificates by name: host=cert.pem:key.pem"),
	ROW(CONF_STR, tls_client_ca, "", 0, 0, 0, "authorities (PEM, with or without revocation lists) whose certificates log in the account they name (SASL EXTERNAL); empty: nobody is asked for one"),

	ROW(CONF_STR, oauth_jwks, "", 0, 0, 0, "keys of who issues bearer tokens (JSON Web Tokens), https://… or a file; empty, with no oauth_introspection either: no OAUTHBEARER and no XOAUTH2"),
	ROW(CONF_STR, oauth_introspection, "", 0, 0, 0, "where to ask about tokens (RFC 7662), https://…; empty: nowhere"),
	ROW(CONF_STR, oauth_client_file, "", 0, 0, 0, "file with id:secret to ask there with; empty: ask without"),
	ROW(CONF_STR, oauth_ca_file, "", 0, 0, 0, "CA certificates of both; empty: the system's"),
	ROW(CONF_STR, oauth_issuer, "", 0, 0, 0, "who must have issued a token (its claim iss)"),
	ROW(CONF_STR, oauth_audience, "", 0, 0, 0, "for whom it must be (its claim aud)"),
	ROW(CONF_STR, oauth_scope, "", 0, 0, 0, "what it must allow, a word of its claim scope; empty: whatever it allows"),
	ROW(CONF_STR, oauth_claim, "email", 0, 0, 0, "which of its claims is the login"),

	ROW(CONF_INT, login_failures, "10", 0, 3, 1000000, "failed logins that ban a login name; those from a network that it has logged in from lately count apart, and for it alone"),
	ROW(CONF_INT, login_failures_network, "10", 0, 3, 1000000, "failed logins that ban an address (IPv6: its /64), whatever names were tried; more for an office behind one address"),
	ROW(CONF_DURATION, login_failures_window, "10m", 0, 1000, INT64_C(30) * 86400000, "after so long a failed login weighs half, after twice as long a quarter, and so on"),
	ROW(CONF_DURATION, login_ban, "10m", 0, 1000, INT64_C(365) * 86400000, "how long such a ban lasts"),

	ROW(CONF_STR, dns_servers, "", 0, 0, 0, "resolvers, 192.0.2.1 or 192.0.2.1@5353; empty: /etc/resolv.conf"),
	ROW(CONF_STR, dns_trust_anchor, "", 0, 0, 0, "file of DNSSEC trust anchors; empty: no validation"),
	ROW(CONF_INT, workers, "32", 0, 1, 512, "threads of a daemon that wait for the store"),
	CONF_END
	/* clang-format on */
};

static void path_default(const char **field, struct arena *arena, const char *format, const char *dir)
{
	char *path;
	size_t dir_at;

	if ((*field)[0])
		return;
	dir_at = strcspn(format, "%");
	path = arena_printf(arena, "%.*s%s%s", (int)dir_at, format, dir, format + dir_at + 1);
	*field = path;
}

void suite_conf_finish(struct suite_conf *conf, struct arena *arena)
{
	char host[256] = "localhost";

	if (!conf->hostname[0]) {
		if (gethostname(host, sizeof(host) - 1))
			snprintf(host, sizeof(host), "localhost");
		conf->hostname = arena_strdup(arena, host);
	}
	path_default(&conf->run_dir, arena, "%/run", conf->data_dir);
	path_default(&conf->store_path, arena, "%/store.sqlite", conf->data_dir);
	path_default(&conf->blob_path, arena, "%/blobs", conf->data_dir);
	path_default(&conf->accounts_ring, arena, "file:%/keys/accounts.ring", conf->data_dir);
	path_default(&conf->queue_ring, arena, "file:%/keys/queue.ring", conf->data_dir);
	path_default(&conf->tls_cert, arena, "%/keys/tls.crt", conf->data_dir);
	path_default(&conf->tls_key, arena, "%/keys/tls.key", conf->data_dir);
}

struct store_conf suite_store_conf(const struct suite_conf *conf)
{
	return (struct store_conf){
		.backend = conf->store,
		.path = conf->store_path,
		.mongo_uri = conf->mongo_uri,
		.mongo_db = conf->mongo_db,
		.timeout_ms = conf->store_timeout,
		.connections = (unsigned)conf->workers,
	};
}

struct blob_conf suite_blob_conf(const struct suite_conf *conf)
{
	return (struct blob_conf){
		.backend = conf->blobs,
		.path = conf->blob_path,
		.mongo_uri = conf->mongo_uri,
		.mongo_db = conf->mongo_db,
		.s3_endpoint = conf->s3_endpoint,
		.s3_region = conf->s3_region,
		.s3_bucket = conf->s3_bucket,
		.s3_access_key = conf->s3_access_key,
		.s3_secret_key = conf->s3_secret_key,
		.s3_ca_file = conf->s3_ca_file,
	};
}

static enum fault make_dir(const char *path, struct why *why)
{
	if (mkdir(path, 0700) && errno != EEXIST)
		return fault_errno(why, errno, "cannot make the folder %s", path);
	return FAULT_NONE;
}

static enum fault open_bus(struct stack *stack, struct loop *loop, const char *node, struct why *why)
{
	const struct suite_conf *conf = stack->conf;
	struct bus_conf bus = {
		.backend = conf->bus,
		.run_dir = conf->run_dir,
		.amqp_uri = conf->amqp_uri,
		.amqp_ca_file = conf->amqp_ca_file,
		.node = node,
	};

	return bus_new(loop, &bus, &stack->bus, why);
}

static enum fault open_parts(struct stack *stack, unsigned needs, struct loop *loop, const char *node,
                             struct why *why)
{
	const struct suite_conf *conf = stack->conf;
	struct store_conf store = suite_store_conf(conf);
	struct blob_conf blobs = suite_blob_conf(conf);
	enum fault fault;

	fault = make_dir(conf->data_dir, why);
	if (!fault)
		fault = make_dir(conf->run_dir, why);
	if (!fault && (needs & STACK_ACCOUNTS_RING))
		fault = keyring_load(conf->accounts_ring, &stack->accounts, why);
	if (!fault && (needs & STACK_QUEUE_RING))
		fault = keyring_load(conf->queue_ring, &stack->queue, why);
	if (!fault)
		fault = store_open(&store, &stack->store, why);
	if (!fault)
		fault = blobs_open(&blobs, &stack->blobs, why);
	if (!fault && (needs & STACK_BUS))
		fault = open_bus(stack, loop, node, why);
	return fault;
}

enum fault stack_open(const struct suite_conf *conf, unsigned needs, struct loop *loop, const char *node,
                      struct stack **ret, struct why *why)
{
	struct stack *stack = xzalloc(sizeof(*stack));
	enum fault fault;

	stack->conf = conf;
	pthread_mutex_init(&stack->lock, NULL);
	fault = open_parts(stack, needs, loop, node, why);
	if (fault)
		stack_close(stack);
	else
		*ret = stack;
	return fault;
}

void stack_close(struct stack *stack)
{
	if (!stack)
		return;
	bus_free(stack->bus);
	blobs_close(stack->blobs);
	store_close(stack->store);
	keyring_free(stack->accounts);
	keyring_free(stack->queue);
	pthread_mutex_destroy(&stack->lock);
	free(stack);
}

/* ---- the rings, under the lock ---- */

static struct keyring **ring_of(struct stack *stack, enum stack_needs which)
{
	return which == STACK_ACCOUNTS_RING ? &stack->accounts : &stack->queue;
}

static enum fault must_hold(struct stack *stack, enum stack_needs which, struct why *why)
{
	if (*ring_of(stack, which))
		return FAULT_NONE;
	return fault_set(why, FAULT_DENIED, "this process does not hold the %s ring",
	                 which == STACK_ACCOUNTS_RING ? "accounts" : "queue");
}

/* The key that wrapped something may be newer than our ring. Not again and again: the source may be slow, and
 * what was damaged names a key that never was. False: nothing was read. */
static bool reread_ring(struct stack *stack, enum stack_needs which)
{
	const char *source =
	    which == STACK_ACCOUNTS_RING ? stack->conf->accounts_ring : stack->conf->queue_ring;
	struct keyring **ring = ring_of(stack, which), *fresh;
	int64_t now = clock_mono_ms();
	enum fault fault;

	if (stack->reread_at && now - stack->reread_at < REREAD_MS)
		return false;
	fault = keyring_load(source, &fresh, NULL);
	stack->reread_at = clock_mono_ms();
	if (fault) /* the fault that matters is the missing key's */
		return false;
	keyring_free(*ring);
	*ring = fresh;
	return true;
}

enum fault stack_unwrap(struct stack *stack, enum stack_needs which, const char *purpose,
                        const struct id *owner, struct slice wrapped, struct secret **ret, struct why *why)
{
	struct keyring **ring = ring_of(stack, which);
	enum fault fault;

	pthread_mutex_lock(&stack->lock);
	fault = must_hold(stack, which, why);
	if (!fault)
		fault = keyring_unwrap(*ring, purpose, owner, wrapped, ret, why);
	if (fault == FAULT_NOT_FOUND && reread_ring(stack, which))
		fault = keyring_unwrap(*ring, purpose, owner, wrapped, ret, why);
	pthread_mutex_unlock(&stack->lock);
	return fault;
}

enum fault stack_wrap(struct stack *stack, enum stack_needs which, const char *purpose,
                      const struct id *owner, struct slice secret, struct buf *out, uint32_t *ret_kek,
                      struct why *why)
{
	enum fault fault;

	pthread_mutex_lock(&stack->lock);
	fault = must_hold(stack, which, why);
	if (!fault && !keyring_wrap(*ring_of(stack, which), purpose, owner, secret, out))
		fault = fault_set(why, FAULT_TOO_BIG, "a wrapped key does not fit");
	if (!fault)
		*ret_kek = keyring_active(*ring_of(stack, which));
	pthread_mutex_unlock(&stack->lock);
	return fault;
}

uint32_t stack_active_kek(struct stack *stack, enum stack_needs which)
{
	uint32_t kek;

	pthread_mutex_lock(&stack->lock);
	kek = *ring_of(stack, which) ? keyring_active(*ring_of(stack, which)) : 0;
	pthread_mutex_unlock(&stack->lock);
	return kek;
}

enum fault stack_ping(struct stack *stack, struct why *why)
{
	enum fault fault = store_ping(stack->store, why);

	return fault ? fault : stack->blobs->ops->ping(stack->blobs, why);
}
