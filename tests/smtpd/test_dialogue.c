/*
 * Runs the files of tests/dialogue/smtp against an smtpd in this process (dialogue/dialogue.h says how). Its own
 * words:
 *
 *   AS: submission 127.0.0.1     who the client is, before its first word: mx, submission or submissions, and where
 *                                from; mx 192.0.2.1 without it. AS2: and so on
 *   SET: NAME VALUE              one of the settings below
 *   FAIL: N FAULT WRITE          the next N writes that begin so fail (fixture.h); N 0: they work again
 *   MAIL: alice@example.org INBOX 2     so many messages are in that mailbox
 *   TEXT: alice@example.org INBOX text  its last message has a line like that; NOTEXT: none like that
 *   QUEUED: example.net 2        so many recipients wait for that domain ("-": local ones)
 *   STEP: 300                    milliseconds pass
 *   DRAIN:                       smtpd is told to stop
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dialogue/dialogue.h"
#include "smtpd/smtp_world.h"
#include "suite/outgoing.h"

static const struct actor queue_actor = { .kind = ACTOR_QUEUE };

/* ---- words ---- */

static void as(struct dialogue *d, unsigned number, const char *text)
{
	struct world *world = d->world;
	struct client *client = &world->clients[number];
	char service[32], ip[64];

	if (sscanf(text, "%31s %63s", service, ip) != 2 || client->made)
		dialogue_wrong(d, "AS: service address, before anything else");
	client->service = strcmp(service, "mx") == 0           ? SERVICE_MX
	                  : strcmp(service, "submission") == 0 ? SERVICE_SUBMISSION
	                                                       : SERVICE_SUBMISSIONS;
	client->ip = arena_strdup(d->arena, ip);
}

static void set(struct dialogue *d, const char *text)
{
	struct world *world = d->world;
	const struct {
		const char *name;
		int64_t *field;
	} numbers[] = {
		{ "recipients_max", &smtpd_conf.recipients_max },
		{ "sessions_max", &smtpd_conf.sessions_max },
		{ "sessions_per_ip", &smtpd_conf.sessions_per_ip },
		{ "errors_max", &smtpd_conf.errors_max },
		{ "hops_max", &smtpd_conf.hops_max },
		{ "command_timeout", &smtpd_conf.command_timeout },
		{ "data_timeout", &smtpd_conf.data_timeout },
		{ "receive_memory", &smtpd_conf.receive_memory },
		{ "message_max", &world->f->conf.message_max },
	};
	static const char *trusted[1];
	char name[64], value[64];
	struct account account;

	if (sscanf(text, "%63s %63s", name, value) != 2)
		dialogue_wrong(d, "SET: name value");
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		if (strcmp(name, numbers[i].name) == 0) {
			*numbers[i].field = strtoll(value, NULL, 10);
			return;
		}
	}
	if (strcmp(name, "plaintext_login") == 0) {
		smtpd_conf.plaintext_login = strcmp(value, "yes") == 0;
	} else if (strcmp(name, "channel_binding") == 0) {
		smtpd_conf.channel_binding = strcmp(value, "yes") == 0;
	} else if (strcmp(name, "xclient_from") == 0) {
		trusted[0] = arena_strdup(world->f->arena, value);
		smtpd_conf.xclient_from = (struct conf_list){ .items = trusted, .n = 1 };
	} else if (strcmp(name, "quota_of_bob") == 0) {
		account = fixture_get(world->f, &world->bob.account.id);
		account.quota = strtoull(value, NULL, 10);
		good(account_put(world->f->stack, NULL, &account, WHY));
	} else {
		dialogue_wrong(d, "unknown setting %s", name);
	}
}

static void fail_writes(struct dialogue *d, const char *text)
{
	static const struct {
		const char *name;
		enum fault fault;
	} names[] = { { "TEMP", FAULT_TEMP }, { "FULL", FAULT_FULL }, { "CORRUPT", FAULT_CORRUPT } };
	unsigned times;
	char fault[32], what[64] = "";

	if (sscanf(text, "%u %31s %63[^\n]", &times, fault, what) < 2)
		dialogue_wrong(d, "FAIL: times fault write");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(fault, names[i].name) == 0)
			wire_fail(arena_strdup(d->arena, what), 0, times, names[i].fault);
	}
}

static const struct person *person(struct dialogue *d, const char *login)
{
	struct world *world = d->world;

	if (strcmp(login, "alice@example.org") == 0)
		return &world->alice;
	if (strcmp(login, "bob@example.org") == 0)
		return &world->bob;
	dialogue_wrong(d, "who is %s", login);
}

static void count_mail(struct dialogue *d, const char *text)
{
	struct world *world = d->world;
	char login[64], path[64];
	unsigned wanted, got;

	if (sscanf(text, "%63s %63s %u", login, path, &wanted) != 3)
		dialogue_wrong(d, "MAIL: login mailbox number");
	got = fixture_count(world->f, person(d, login), path);
	if (got != wanted)
		dialogue_wrong(d, "expected %u messages, there are %u", wanted, got);
}

/* The last message of a mailbox, opened. */
static struct slice last_text(struct dialogue *d, const struct person *who, const char *path)
{
	struct world *world = d->world;
	struct stack *stack = world->f->stack;
	struct folder *folder = fixture_folder(world->f, who, path);
	struct mailbox_state *state = fixture_state(world->f, &who->owner, &folder->row.meta.id);
	struct record record;
	struct message message;
	struct buf out;
	struct slice text;

	if (!state->n)
		dialogue_wrong(d, "no message is there");
	good(record_get(stack->store, &who->owner, COLL_CONTENTS, id_slice(&state->content[state->n - 1]),
	                true, d->arena, &record, WHY));
	good(message_open(who->key, &record, &state->key[state->n - 1], d->arena, &message, WHY));
	buf_init(&out, BUF_NO_LIMIT);
	good(message_read(stack, &who->owner, &message, 0, UINT64_MAX, d->arena, &out, WHY));
	text = arena_copy(d->arena, buf_slice(&out));
	buf_done(&out);
	mailbox_state_free(state);
	return text;
}

static void look_into(struct dialogue *d, const char *text, bool wanted)
{
	char login[64], path[64];
	struct slice rest, line;
	bool found = false;
	int used;

	if (sscanf(text, "%63s %63s %n", login, path, &used) != 2)
		dialogue_wrong(d, "TEXT: login mailbox line");
	rest = last_text(d, person(d, login), path);
	while (!found && slice_cut(&rest, '\n', &line)) {
		if (line.len && line.data[line.len - 1] == '\r')
			line.len--;
		found = dialogue_matches(d, text + used, arena_strz(d->arena, line));
	}
	if (found != wanted)
		dialogue_wrong(d, "the message has %s line like that:\n%.*s", found ? "a" : "no",
		               SLICE_FMT(last_text(d, person(d, login), path)));
}

static void count_queued(struct dialogue *d, const char *text)
{
	struct world *world = d->world;
	const struct queue_query query = { .limit = 1000 };
	struct queue_entry *entries;
	struct account_key *key;
	char domain[64];
	unsigned wanted;
	size_t n, got = 0;

	if (sscanf(text, "%63s %u", domain, &wanted) != 2)
		dialogue_wrong(d, "QUEUED: domain number");
	good(queue_private_key(world->f->stack, &key, WHY));
	good(queue_list(world->f->stack->store, &queue_actor, &query, d->arena, &entries, &n, WHY));
	for (size_t i = 0; i < n; i++) {
		struct envelope_out envelope;

		if (!slice_is(entries[i].domain, strcmp(domain, "-") ? domain : ""))
			continue;
		good(envelope_open(key, entries[i].state, d->arena, &envelope, WHY));
		got += envelope.n;
	}
	account_key_unref(key);
	if (got != wanted)
		dialogue_wrong(d, "expected %u queued, there are %zu", wanted, got);
}

static void pass(struct dialogue *d, const char *text)
{
	int64_t until = clock_mono_ms() + strtoll(text, NULL, 10);
	struct world *world = d->world;

	do
		loop_step(world->daemon.loop, 10);
	while (clock_mono_ms() < until);
}

static void drain(struct dialogue *d)
{
	struct world *world = d->world;

	world->smtpd.draining = true;
	list_each (&world->smtpd.sessions, node) {
		struct session *s = list_item(node, struct session, node);

		if (s->state != ST_ACCEPT)
			session_close(s, 421, "4.3.2", "Shutting down, try again");
	}
}

static bool word(struct dialogue *d, struct slice word, const char *text)
{
	unsigned number;

	if (dialogue_word_is(word, "AS", &number))
		as(d, number, text);
	else if (slice_eq(word, SLICE("SET")))
		set(d, text);
	else if (slice_eq(word, SLICE("FAIL")))
		fail_writes(d, text);
	else if (slice_eq(word, SLICE("MAIL")))
		count_mail(d, text);
	else if (slice_eq(word, SLICE("TEXT")))
		look_into(d, text, true);
	else if (slice_eq(word, SLICE("NOTEXT")))
		look_into(d, text, false);
	else if (slice_eq(word, SLICE("QUEUED")))
		count_queued(d, text);
	else if (slice_eq(word, SLICE("STEP")))
		pass(d, text);
	else if (slice_eq(word, SLICE("DRAIN")))
		drain(d);
	else
		return false;
	return true;
}

/* ---- the daemon's side ---- */

static void *open_world(void)
{
	return world_new();
}

static void close_world(void *world)
{
	world_free(world);
}

static struct loop *loop_of(void *world)
{
	return ((struct world *)world)->daemon.loop;
}

static struct conn *client_of(void *world, unsigned number)
{
	return world_client(world, number);
}

static void start_tls(void *world, unsigned number)
{
	world_start_tls(world, number);
}

int main(int argc, char **argv)
{
	static const struct dialogue_side side = {
		.folder = "smtp",
		.open = open_world,
		.close = close_world,
		.loop = loop_of,
		.client = client_of,
		.start_tls = start_tls,
		.word = word,
	};

	return dialogue_main(&side, argc, argv);
}
