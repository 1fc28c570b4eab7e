/*
 * Runs the files of tests/dialogue/imap against an imapd in this process: what is common to all dialogues says
 * dialogue.h, and these words are imapd's:
 *
 *   D: INBOX \Seen  a message is delivered there, with these flags
 *   Q: …            what is done to queued mail: queue_words.h
 *   SET: outbox | no-plaintext | password TEXT | suspend | referral HOST | role NAME | metadata SIZE N | submit LOGIN | quota N | messages N |
 *         command_max N | message_limit N | save_limit N
 *        | sessions N | sessions_per_ip N | progress MS
 *   NUDGES: lost | heard  whether the bus is told what is committed
 *   ACCOUNT: LOGIN  another account, with alice's password; "public LOGIN": one that nobody logs in to, whose INBOX
 *                   all accounts of its domain may look up, read and write to
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "../dialogue/dialogue.h"
#include "imap_world.h"
#include "queue_words.h"
#include "suite/share.h"

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

static struct conn *conn_of(void *world, unsigned number)
{
	return world_client(world, number)->conn;
}

static void start_tls(void *world, unsigned number)
{
	client_start_tls(world_client(world, number));
}

/* ---- imapd's words ---- */

static uint32_t flag_bits(const char *names)
{
	return (strstr(names, "\\Seen") ? FLAG_SEEN : 0u) | (strstr(names, "\\Deleted") ? FLAG_DELETED : 0u) |
	       (strstr(names, "\\Flagged") ? FLAG_FLAGGED : 0u);
}

static void deliver(struct dialogue *d, const char *text)
{
	const char *flags = strchr(text, ' ');
	const char *path =
	    arena_strz(d->arena, slice_of(text, flags ? (size_t)(flags - text) : strlen(text)));

	world_deliver(
	    d->world, path,
	    SLICE("From: Bob <bob@example.net>\r\nTo: alice@example.org\r\nSubject: test\r\n\r\nHello\r\n"),
	    flags ? flag_bits(flags) : 0);
}

static void set(struct dialogue *d, const char *what)
{
	struct world *world = d->world;
	struct stack *stack = world->daemon.stack;
	const struct change_by by = { "test", "local" };
	struct account account;
	struct why why = { "" };
	unsigned number, second;

	if (strcmp(what, "outbox") == 0) {
		world->suite.outbox = true;
	} else if (strcmp(what, "no-plaintext") == 0) {
		imapd_conf.plaintext_login = false;
	} else if (strcmp(what, "no-binding") == 0) {
		imapd_conf.channel_binding = false;
	} else if (sscanf(what, "command_max %u", &number) == 1) {
		imapd_conf.command_max = number;
	} else if (sscanf(what, "message_limit %u", &number) == 1) {
		imapd_conf.message_limit = number;
	} else if (sscanf(what, "save_limit %u", &number) == 1) {
		imapd_conf.save_limit = number;
	} else if (sscanf(what, "sessions %u", &number) == 1) {
		imapd_conf.sessions_per_account = number;
	} else if (sscanf(what, "progress %u", &number) == 1) {
		world->imapd->progress_every = number;
	} else if (sscanf(what, "sessions_per_ip %u", &number) == 1) {
		imapd_conf.sessions_per_ip = number;
	} else if (strncmp(what, "password ", 9) == 0) {
		world_must(account_set_password(stack, &by, &world->account.id, slice_str(what + 9), &why),
		           &why, "password");
	} else if (strcmp(what, "suspend") == 0) {
		world_must(account_get(stack, &world->account.id, d->arena, &account, &why), &why, "get");
		account.state = ACCOUNT_SUSPENDED;
		world_must(account_put(stack, &by, &account, &why), &why, "suspend");
		nudge_account(stack, &account.id);
	} else if (strncmp(what, "referral ", 9) == 0) {
		world_must(account_get(stack, &world->account.id, d->arena, &account, &why), &why, "get");
		account.referral = what + 9;
		world_must(account_put(stack, &by, &account, &why), &why, "referral");
	} else if (sscanf(what, "metadata %u %u", &number, &second) == 2) {
		imapd_conf.metadata_value_max = number;
		imapd_conf.metadata_entries_max = second;
	} else if (strncmp(what, "submit ", 7) == 0) {
		imapd_conf.submit_accounts.items = arena_array(d->arena, const char *, 1);
		imapd_conf.submit_accounts.items[0] = arena_strdup(d->arena, what + 7);
		imapd_conf.submit_accounts.n = 1;
	} else if (strncmp(what, "role ", 5) == 0) {
		world_must(account_get(stack, &world->account.id, d->arena, &account, &why), &why, "get");
		account.role = strcmp(what + 5, "domain-admin") == 0 ? 2 : 3; /* ROLE_READ_ONLY */
		world_must(account_put(stack, &by, &account, &why), &why, "role");
	} else if (sscanf(what, "messages %u", &number) == 1) {
		world_must(account_get(stack, &world->account.id, d->arena, &account, &why), &why, "get");
		account.quota_messages = number;
		world_must(account_put(stack, &by, &account, &why), &why, "messages");
	} else if (sscanf(what, "quota %u", &number) == 1) {
		world_must(account_get(stack, &world->account.id, d->arena, &account, &why), &why, "get");
		account.quota = number;
		world_must(account_put(stack, &by, &account, &why), &why, "quota");
		nudge_account(stack, &account.id);
	} else {
		dialogue_wrong(d, "unknown setting");
	}
}

static void make_domain(struct world *world, const char *login)
{
	const struct change_by by = { "test", "local" };
	struct domain domain = { .name = strchr(login, '@') + 1, .created = 1 };
	struct why why = { "" };
	enum fault fault = domain_put(world->daemon.stack, &by, &domain, &why);

	if (fault != FAULT_STALE)
		world_must(fault, &why, "domain");
}

static void share_inbox(struct world *world, const struct account *account)
{
	const struct actor owner = { ACTOR_OWNER, account->id };
	const struct id everyone = acl_everyone(slice_str(account->domain));
	struct why why = { "" };

	world_must(share_set(world->daemon.stack, &owner, &account->inbox, &everyone, ACL_SET,
	                     ACL_LOOKUP | ACL_READ | ACL_SEEN | ACL_INSERT | ACL_WRITE, &why),
	           &why, "sharing");
}

static void make_account(struct dialogue *d, const char *login)
{
	const struct change_by by = { "test", "local" };
	const bool is_public = strncmp(login, "public ", 7) == 0;
	const struct account_new new = { .address = slice_str(is_public ? login + 7 : login),
		                         .password = slice_str(WORLD_PASSWORD),
		                         .is_public = is_public };
	struct world *world = d->world;
	struct account account;
	struct why why = { "" };

	make_domain(world, login);
	world_must(account_create(world->daemon.stack, &by, &new, d->arena, &account, &why), &why, "account");
	if (is_public)
		share_inbox(world, &account);
}

static bool word(struct dialogue *d, struct slice name, const char *text)
{
	if (slice_is(name, "D"))
		deliver(d, text);
	else if (slice_is(name, "Q"))
		queue_words(d->world, text);
	else if (slice_is(name, "SET"))
		set(d, text);
	else if (slice_is(name, "NUDGES"))
		world_lose_nudges(d->world, strcmp(text, "lost") == 0);
	else if (slice_is(name, "ACCOUNT"))
		make_account(d, text);
	else
		return false;
	return true;
}

int main(int argc, char **argv)
{
	static const struct dialogue_side side = {
		.folder = "imap",
		.open = open_world,
		.close = close_world,
		.loop = loop_of,
		.client = conn_of,
		.start_tls = start_tls,
		.word = word,
	};

	return dialogue_main(&side, argc, argv);
}
