/* The SMTP client against scripted hosts: what it says, byte by byte, and what comes out for each recipient. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "mta_world.h"
#include "../shared/loop/certs.h"
#include "client.h"
#include "fake_smtp.h"
#include "smtp/params.h"

#define SHORT_MAIL "Subject: x\r\n\r\nhello\r\n"

static struct world *world;
static struct cert_files cert;

/* ---- one run ---- */

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

static void forget_outcome(struct run *run)
{
	for (size_t i = 0; i < run->sending.n; i++) {
		run->sending.to[i].verdict = VERDICT_NONE;
		run->sending.to[i].status[0] = '\0';
	}
}

static void on_ready(void *owner)
{
	struct run *run = owner;

	run->ready = true;
	snprintf(run->tls, sizeof(run->tls), "%s", client_tls(run->client, &run->verified));
	client_send(run->client, &run->sending);
}

static void on_sent(void *owner, bool reusable)
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

static void on_failed(void *owner, const struct client_failure *failure)
{
	struct run *run = owner;

	run->failed = run->over = true;
	run->failure = *failure;
	snprintf(run->status, sizeof(run->status), "%s", failure->status);
	snprintf(run->reply, sizeof(run->reply), "%s", failure->reply);
}

static const struct client_handler handler = { on_ready, on_sent, on_failed };

static struct letter *make_letter(struct arena *arena, struct slice text)
{
	struct letter *letter = arena_make(arena, struct letter);

	letter->refs = 1000; /* the arena's */
	letter->text = text;
	letter->size = letter->message.size = text.len;
	return letter;
}

static void run_init(struct run *run, struct fake_smtp *fake, struct tls_ctx *tls)
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
		.connect_timeout = 2000,
		.command_timeout = 2000,
		.data_timeout = 2000,
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

static void run_go(struct run *run)
{
	run->client = client_new(&run->conf, &handler, run);
	assert_true(WORLD_WAIT(world, run->over));
	/* until the host has seen all of it: QUIT, and the end */
	for (int i = 0; i < 10; i++)
		loop_step(world->daemon.loop, 5);
}

/* ---- the table ---- */

enum end { SENT, SENT_AND_GONE, FAILED };

struct expected {
	enum verdict verdict;
	const char *status;
};

static const struct dialogue {
	const char *name;
	const char *script[40];
	enum end end;
	struct expected to[4];
	const char *status; /* of the failure */
	bool permanent;
	const char *message; /* as it came */
	size_t recipients_max;
	unsigned rounds;
} dialogues[] = {
	/* clang-format off */
	{ "pipelined", {
		"S:220 mx ESMTP", "C:EHLO mx.example.org", "S:250-mx", "S:250-PIPELINING", "S:250 SIZE 1000",
		"C:MAIL FROM:<alice@example.org> SIZE=21", "C:RCPT TO:<bob@example.net>", "C:RCPT TO:<carol@example.net>", "C:DATA",
		"S:250 ok", "S:250 ok", "S:250 ok", "S:354 go", "D", "S:250 2.6.0 queued as 1", "C:QUIT", "S:221 bye", "E" },
	  SENT, { { VERDICT_DELIVERED, "2.6.0" }, { VERDICT_DELIVERED, "2.6.0" } }, .message = SHORT_MAIL ".\r\n" },
	{ "one command at a time", {
		"S:220 mx", "C:EHLO *", "S:250 mx", "C:MAIL FROM:<alice@example.org>", "Q", "S:250 ok", "C:RCPT TO:<bob@example.net>", "Q",
		"S:250 ok", "C:RCPT TO:<carol@example.net>", "Q", "S:250 ok", "C:DATA", "Q", "S:354 go", "D", "S:250 ok", "C:QUIT", "S:221 bye", "E" },
	  SENT, { { VERDICT_DELIVERED, "2.0.0" }, { VERDICT_DELIVERED, "2.0.0" } } },
	{ "EHLO is unknown", {
		"S:220 mx", "C:EHLO *", "S:502 what", "C:HELO mx.example.org", "S:250 mx", "C:MAIL FROM:<alice@example.org>", "S:250 ok",
		"C:RCPT *", "S:250 ok", "C:RCPT *", "S:250 ok", "C:DATA", "S:354 go", "D", "S:250 ok", "C:QUIT", "S:221 bye", "E" },
	  SENT, { { VERDICT_DELIVERED, "2.0.0" }, { VERDICT_DELIVERED, "2.0.0" } } },
	{ "many lines in fragments", {
		"F:220-mx says", "F:220-a lot", "F:220 ESMTP", "C:EHLO *", "F:250-mx", "F:250 PIPELINING", "C:MAIL *", "C:RCPT *", "C:RCPT *", "C:DATA",
		"F:250-2.1.0 yes", "F:250 2.1.0 indeed", "S:250 ok", "F:550-5.1.1 no", "F:550 5.1.1 such user", "F:354 go", "D", "F:250 2.0.0 ok", "C:QUIT", "X" },
	  SENT, { { VERDICT_DELIVERED, "2.0.0" }, { VERDICT_FAILED, "5.1.1" } } },
	{ "greets late", {
		"Z:500", "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING", "C:MAIL *", "C:RCPT *", "C:RCPT *", "C:DATA", "S:250 ok", "S:250 ok", "S:250 ok", "S:354 go", "D", "S:250 ok", "C:QUIT", "X" },
	  SENT, { { VERDICT_DELIVERED, "2.0.0" }, { VERDICT_DELIVERED, "2.0.0" } } },
	{ "250 to DATA is no delivery", {
		"S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING", "C:MAIL *", "C:RCPT *", "C:RCPT *", "C:DATA", "S:250 ok", "S:250 ok", "S:250 ok", "S:250 ok", "C:QUIT", "X" },
	  FAILED, { { VERDICT_NONE, "2.1.5" }, { VERDICT_NONE, "2.1.5" } }, .status = "4.5.0" },
	{ "never greets", { "Z:2500", "X" }, FAILED, { { VERDICT_NONE, "" } }, .status = "4.4.2" },
	{ "greets with 421", { "S:421 4.3.2 busy", "C:QUIT", "X" }, FAILED, { { VERDICT_NONE, "" } }, .status = "4.3.2" },
	{ "greets with 554: today not", { "S:554 5.7.1 blocked", "C:QUIT", "X" }, FAILED, { { VERDICT_NONE, "" } }, .status = "4.0.0" },
	{ "greets with 521: never", { "S:521 no mail here", "C:QUIT", "X" }, FAILED, { { VERDICT_NONE, "" } }, .status = "5.0.0", .permanent = true },
	{ "talks something else", { "S:SSH-2.0-OpenSSH", "X" }, FAILED, { { VERDICT_NONE, "" } }, .status = "4.5.0" },
	{ "closes at once", { "X" }, FAILED, { { VERDICT_NONE, "" } }, .status = "4.4.2" },
	{ "EHLO and HELO refused", { "S:220 mx", "C:EHLO *", "S:550 5.7.1 go away", "C:HELO *", "S:550 5.7.1 go away", "C:QUIT", "X" },
	  FAILED, { { VERDICT_NONE, "" } }, .status = "5.7.1", .permanent = true },
	{ "421 to EHLO", { "S:220 mx", "C:EHLO *", "S:421 4.7.0 later", "C:QUIT", "X" }, FAILED, { { VERDICT_NONE, "" } }, .status = "4.7.0" },
	{ "MAIL refused, pipelined", {
		"S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING", "C:MAIL *", "C:RCPT *", "C:RCPT *", "C:DATA", "S:550 5.7.1 not you", "S:503 order", "S:503 order",
		"S:503 order", "C:RSET", "S:250 ok", "C:QUIT", "X" },
	  SENT, { { VERDICT_FAILED, "5.7.1" }, { VERDICT_FAILED, "5.7.1" } } },
	{ "MAIL refused, one at a time", { "S:220 mx", "C:EHLO *", "S:250 mx", "C:MAIL *", "S:552 5.3.4 big", "C:RSET", "S:250 ok", "C:QUIT", "X" },
	  SENT, { { VERDICT_FAILED, "5.3.4" }, { VERDICT_FAILED, "5.3.4" } } },
	{ "MAIL put off: another host may take it", { "S:220 mx", "C:EHLO *", "S:250 mx", "C:MAIL *", "S:451 4.7.1 later", "C:QUIT", "X" },
	  FAILED, { { VERDICT_NONE, "" } }, .status = "4.7.1" },
	{ "mixed RCPT", {
		"S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING", "C:MAIL *", "C:RCPT *", "C:RCPT *", "C:RCPT *", "C:RCPT *", "C:DATA", "S:250 ok",
		"S:250 ok", "S:450 4.2.0 greylisted", "S:550 no", "S:251 elsewhere", "S:354 go", "D", "S:250 2.0.0 ok", "C:QUIT", "X" },
	  SENT, { { VERDICT_DELIVERED, "2.0.0" }, { VERDICT_DEFERRED, "4.2.0" }, { VERDICT_FAILED, "5.0.0" }, { VERDICT_DELIVERED, "2.0.0" } } },
	{ "nobody accepted, and 354 all the same", {
		"S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING", "C:MAIL *", "C:RCPT *", "C:RCPT *", "C:DATA", "S:250 ok", "S:550 no", "S:450 not now", "S:354 go",
		"C:.", "S:554 no recipients", "C:QUIT", "X" },
	  SENT, { { VERDICT_FAILED, "5.0.0" }, { VERDICT_DEFERRED, "4.0.0" } } },
	{ "nobody accepted, one at a time", { "S:220 mx", "C:EHLO *", "S:250 mx", "C:MAIL *", "S:250 ok", "C:RCPT *", "S:550 no", "C:RCPT *", "S:550 no",
		"C:RSET", "S:250 ok", "C:QUIT", "X" },
	  SENT, { { VERDICT_FAILED, "5.0.0" }, { VERDICT_FAILED, "5.0.0" } } },
	{ "too many recipients at once", {
		"S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING", "C:MAIL *", "C:RCPT TO:<bob@example.net>", "C:RCPT TO:<carol@example.net>", "C:RCPT TO:<dave@example.net>", "C:DATA",
		"S:250 ok", "S:250 ok", "S:452 4.5.3 too many", "S:452 4.5.3 too many", "S:354 go", "D", "S:250 ok",
		"C:MAIL *", "C:RCPT TO:<carol@example.net>", "C:RCPT TO:<dave@example.net>", "C:DATA", "S:250 ok", "S:250 ok", "S:250 ok", "S:354 go", "D", "S:250 ok", "C:QUIT", "X" },
	  SENT, { { VERDICT_DELIVERED, "2.0.0" }, { VERDICT_DELIVERED, "2.0.0" }, { VERDICT_DELIVERED, "2.0.0" } }, .message = SHORT_MAIL ".\r\n" SHORT_MAIL ".\r\n" },
	{ "452 of a full mailbox", { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING", "C:MAIL *", "C:RCPT *", "C:RCPT *", "C:DATA", "S:250 ok", "S:250 ok",
		"S:452 4.2.2 full", "S:354 go", "D", "S:250 ok", "C:QUIT", "X" },
	  SENT, { { VERDICT_DELIVERED, "2.0.0" }, { VERDICT_DEFERRED, "4.2.2" } } },
	{ "our own limit of recipients", {
		"S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING", "C:MAIL *", "C:RCPT TO:<bob@example.net>", "C:DATA", "S:250 ok", "S:250 ok", "S:354 go", "D", "S:250 ok",
		"C:MAIL *", "C:RCPT TO:<carol@example.net>", "C:DATA", "S:250 ok", "S:250 ok", "S:354 go", "D", "S:451 4.3.0 oops", "C:QUIT", "X" },
	  SENT, { { VERDICT_DELIVERED, "2.0.0" }, { VERDICT_DEFERRED, "4.3.0" } }, .recipients_max = 1 },
	{ "421 to RCPT", { "S:220 mx", "C:EHLO *", "S:250 mx", "C:MAIL *", "S:250 ok", "C:RCPT *", "S:550 no", "C:RCPT *", "S:421 bye", "C:QUIT", "X" },
	  FAILED, { { VERDICT_FAILED, "5.0.0" }, { VERDICT_NONE, "" } }, .status = "4.0.0" },
	{ "DATA refused", { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING", "C:MAIL *", "C:RCPT *", "C:RCPT *", "C:DATA", "S:250 ok", "S:250 ok", "S:550 no",
		"S:451 4.3.0 no disk", "C:RSET", "S:250 ok", "C:QUIT", "X" },
	  SENT, { { VERDICT_DEFERRED, "4.3.0" }, { VERDICT_FAILED, "5.0.0" } } },
	{ "closes at DATA: another host may take it", { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING", "C:MAIL *", "C:RCPT *", "C:RCPT *", "C:DATA",
		"S:250 ok", "S:250 ok", "S:250 ok", "X" },
	  FAILED, { { VERDICT_NONE, "2.1.5" }, { VERDICT_NONE, "2.1.5" } }, .status = "4.4.2" },
	{ "closes after the dot: may have arrived", { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING", "C:MAIL *", "C:RCPT *", "C:RCPT *", "C:DATA",
		"S:250 ok", "S:250 ok", "S:550 5.1.1 no", "S:354 go", "D", "X" },
	  SENT_AND_GONE, { { VERDICT_DEFERRED, "4.4.2" }, { VERDICT_FAILED, "5.1.1" } } },
	{ "no answer to the dot", { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING", "C:MAIL *", "C:RCPT *", "C:RCPT *", "C:DATA",
		"S:250 ok", "S:250 ok", "S:250 ok", "S:354 go", "D", "Z:2600", "X" },
	  SENT_AND_GONE, { { VERDICT_DEFERRED, "4.4.2" }, { VERDICT_DEFERRED, "4.4.2" } } },
	{ "the message is refused", { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING", "C:MAIL *", "C:RCPT *", "C:RCPT *", "C:DATA",
		"S:250 ok", "S:250 ok", "S:250 ok", "S:354 go", "D", "S:554 5.6.0 spam", "C:QUIT", "X" },
	  SENT, { { VERDICT_FAILED, "5.6.0" }, { VERDICT_FAILED, "5.6.0" } } },
	{ "421 to the dot", { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING", "C:MAIL *", "C:RCPT *", "C:RCPT *", "C:DATA",
		"S:250 ok", "S:250 ok", "S:250 ok", "S:354 go", "D", "S:421 4.3.2 going down", "X" },
	  SENT_AND_GONE, { { VERDICT_DEFERRED, "4.3.2" }, { VERDICT_DEFERRED, "4.3.2" } } },
	{ "status and code do not agree", { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING", "C:MAIL *", "C:RCPT *", "C:RCPT *", "C:DATA",
		"S:250 ok", "S:550 4.1.1 no", "S:450 5.1.1 no", "S:554 none", "C:RSET", "S:250 ok", "C:QUIT", "X" },
	  SENT, { { VERDICT_FAILED, "5.0.0" }, { VERDICT_DEFERRED, "4.0.0" } } },
	{ "larger than the host takes", { "S:220 mx", "C:EHLO *", "S:250-mx", "S:250 SIZE 20", "C:QUIT", "X" },
	  SENT, { { VERDICT_FAILED, "5.3.4" }, { VERDICT_FAILED, "5.3.4" } } },
	{ "a second message on the connection", { "S:220 mx", "C:EHLO *", "S:250 mx",
		"C:MAIL *", "S:250 ok", "C:RCPT *", "S:250 ok", "C:RCPT *", "S:250 ok", "C:DATA", "S:354 go", "D", "S:250 ok",
		"C:MAIL *", "S:250 ok", "C:RCPT *", "S:250 ok", "C:RCPT *", "S:250 ok", "C:DATA", "S:354 go", "D", "S:250 ok", "C:QUIT", "X" },
	  SENT, { { VERDICT_DELIVERED, "2.0.0" }, { VERDICT_DELIVERED, "2.0.0" } }, .rounds = 2 },
	{ "a reply without end", { "S:220 mx", "C:EHLO *", "S:250-mx", "S:250-a", "S:251 other code", "C:QUIT", "X" }, FAILED, { { VERDICT_NONE, "" } }, .status = "4.5.0" },
	/* clang-format on */
};

static void set_recipients(struct run *run, const struct dialogue *d)
{
	static const char *const names[] = { "bob@example.net", "carol@example.net", "dave@example.net",
		                             "erin@example.net" };
	size_t n = 0;

	/* as many as the table names, two where it names fewer */
	while (n < 4 && d->to[n].status)
		n++;
	run->sending.n = MAX_OF(n, 2);
	run->sending.to = arena_array(world->arena, struct sent_to, 4);
	for (size_t i = 0; i < run->sending.n; i++)
		run->sending.to[i] = (struct sent_to){ .address = names[i], .orcpt = "" };
}

static void check_outcome(const struct run *run, const struct dialogue *d, const struct fake_smtp *fake)
{
	enum end end = run->failed ? FAILED : run->reusable ? SENT : SENT_AND_GONE;

	if (fake->wrong[0])
		fail_msg("%s: %s", d->name, fake->wrong);
	if (end != d->end)
		fail_msg("%s: ended as %d: %s", d->name, end, run->reply);
	for (size_t i = 0; i < 4 && d->to[i].status; i++) {
		const struct sent_to *to = &run->sending.to[i];

		if (to->verdict != d->to[i].verdict || strcmp(to->status, d->to[i].status))
			fail_msg("%s: recipient %zu: %d %s", d->name, i, to->verdict, to->status);
	}
	if (d->status && (strcmp(run->status, d->status) || run->failure.permanent != d->permanent))
		fail_msg("%s: failed with %s, permanent %d", d->name, run->status, run->failure.permanent);
	if (d->message && !slice_eq(buf_slice(&fake->message), slice_str(d->message)))
		fail_msg("%s: came \"%.*s\"", d->name, SLICE_FMT(buf_slice(&fake->message)));
}

static void run_dialogue(const struct dialogue *d)
{
	const char *const *const scripts[] = { d->script, NULL };
	struct fake_smtp fake = { .scripts = scripts };
	struct run run = { .rounds = d->rounds };

	fake_start(&fake);
	run_init(&run, &fake, NULL);
	set_recipients(&run, d);
	if (d->recipients_max)
		run.conf.recipients_max = d->recipients_max;
	run_go(&run);
	fake_stop(&fake);
	check_outcome(&run, d, &fake);
	buf_done(&fake.message);
}

static void dialogue_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(dialogues); i++)
		run_dialogue(&dialogues[i]);
}

/* ---- parameters, UTF-8, addresses ---- */

static void one_recipient(struct run *run, const char *address, uint8_t notify, const char *orcpt)
{
	run->sending.n = 1;
	run->sending.to = arena_array(world->arena, struct sent_to, 1);
	run->sending.to[0] = (struct sent_to){ .address = address, .notify = notify, .orcpt = orcpt };
}

static const struct {
	const char *name, *ehlo, *from, *to, *envid, *orcpt;
	uint8_t notify;
	bool ret_headers, smtputf8, header_8bit, body_8bit, bare;
	const char *mail, *rcpt; /* NULL: not said */
	enum verdict verdict;
	const char *status;
	bool relayed;
} commands[] = {
	/* clang-format off */
	{ "DSN", "S:250 DSN", "a@example.org", "b@example.net", "id+1", "rfc822;B@example.net", SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_SUCCESS, .ret_headers = true,
	  .mail = "C:MAIL FROM:<a@example.org> RET=HDRS ENVID=id+2B1", .rcpt = "C:RCPT TO:<b@example.net> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;B@example.net", .verdict = VERDICT_DELIVERED, .status = "2.0.0" },
	{ "DSN with an ORCPT that is an address alone", "S:250 DSN", "a@example.org", "b@example.net", "", "x;y@example.net", 0,
	  .mail = "C:MAIL FROM:<a@example.org>", .rcpt = "C:RCPT TO:<b@example.net> ORCPT=x;y@example.net", .verdict = VERDICT_DELIVERED, .status = "2.0.0" },
	{ "no DSN: what was asked for is ours to say", "S:250 8BITMIME", "a@example.org", "b@example.net", "id", "", SMTP_NOTIFY_SUCCESS,
	  .mail = "C:MAIL FROM:<a@example.org>", .rcpt = "C:RCPT TO:<b@example.net>", .verdict = VERDICT_DELIVERED, .status = "2.0.0", .relayed = true },
	{ "null sender", "S:250 mx", "", "b@example.net", "", "", 0,
	  .mail = "C:MAIL FROM:<>", .rcpt = "C:RCPT TO:<b@example.net>", .verdict = VERDICT_DELIVERED, .status = "2.0.0" },
	{ "8-bit", "S:250 8BITMIME", "a@example.org", "b@example.net", "", "", 0, .body_8bit = true,
	  .mail = "C:MAIL FROM:<a@example.org> BODY=8BITMIME", .rcpt = "C:RCPT TO:<b@example.net>", .verdict = VERDICT_DELIVERED, .status = "2.0.0" },
	{ "UTF-8 in the header", "S:250 SMTPUTF8", "a@example.org", "b@example.net", "", "", 0, .smtputf8 = true, .header_8bit = true,
	  .mail = "C:MAIL FROM:<a@example.org> SMTPUTF8", .rcpt = "C:RCPT TO:<b@example.net>", .verdict = VERDICT_DELIVERED, .status = "2.0.0" },
	{ "UTF-8 in the header, the host knows none", "S:250 mx", "a@example.org", "b@example.net", "", "", 0, .smtputf8 = true, .header_8bit = true,
	  .verdict = VERDICT_FAILED, .status = "5.6.7" },
	{ "UTF-8 allowed and not used", "S:250 mx", "a@example.org", "b@example.net", "", "", 0, .smtputf8 = true,
	  .mail = "C:MAIL FROM:<a@example.org>", .rcpt = "C:RCPT TO:<b@example.net>", .verdict = VERDICT_DELIVERED, .status = "2.0.0" },
	{ "UTF-8 sender", "S:250 mx", "\xc3\xa4@example.org", "b@example.net", "", "", 0, .smtputf8 = true, .verdict = VERDICT_FAILED, .status = "5.6.7" },
	{ "UTF-8 recipient", "S:250 mx", "a@example.org", "\xc3\xa4@example.net", "", "", 0, .smtputf8 = true, .verdict = VERDICT_FAILED, .status = "5.6.7" },
	{ "UTF-8 recipient, the host knows", "S:250 SMTPUTF8", "a@example.org", "\xc3\xa4@example.net", "", "", 0, .smtputf8 = true,
	  .mail = "C:MAIL FROM:<a@example.org> SMTPUTF8", .rcpt = "C:RCPT TO:<\xc3\xa4@example.net>", .verdict = VERDICT_DELIVERED, .status = "2.0.0" },
	{ "a UTF-8 domain has another spelling", "S:250 mx", "a@b\xc3\xbc" "cher.example", "c@b\xc3\xbc" "cher.example", "", "", 0, .smtputf8 = true,
	  .mail = "C:MAIL FROM:<a@xn--bcher-kva.example>", .rcpt = "C:RCPT TO:<c@xn--bcher-kva.example>", .verdict = VERDICT_DELIVERED, .status = "2.0.0" },
	{ "quoted local part", "S:250 mx", "\"a b\"@example.org", "\"c@d\"@example.net", "", "", 0,
	  .mail = "C:MAIL FROM:<\"a b\"@example.org>", .rcpt = "C:RCPT TO:<\"c@d\"@example.net>", .verdict = VERDICT_DELIVERED, .status = "2.0.0" },
	{ "a line end in an address", "S:250 mx", "a@example.org", "b@example.net>\r\nDATA", "", "", 0, .verdict = VERDICT_FAILED, .status = "5.1.3" },
	{ "a line end in the sender", "S:250 mx", "a@example.org>\r\nDATA", "b@example.net", "", "", 0, .verdict = VERDICT_FAILED, .status = "5.1.7" },
	{ "a bare line end in the message", "S:250 mx", "a@example.org", "b@example.net", "", "", 0, .bare = true, .verdict = VERDICT_FAILED, .status = "5.6.11" },
	/* clang-format on */
};

static void command_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		const bool said = commands[i].mail != NULL;
		const char *const script[] = { "S:220 mx",
			                       "C:EHLO *",
			                       "S:250-mx",
			                       commands[i].ehlo,
			                       said ? commands[i].mail : "C:QUIT",
			                       said ? "S:250 ok" : "E",
			                       commands[i].rcpt,
			                       "S:250 ok",
			                       "C:DATA",
			                       "S:354 go",
			                       "D",
			                       "S:250 ok",
			                       "C:QUIT",
			                       "X",
			                       NULL };
		const char *const *const scripts[] = { script, NULL };
		struct fake_smtp fake = { .scripts = scripts };
		struct run run = { 0 };

		fake_start(&fake);
		run.sending.from = commands[i].from;
		run.sending.envid = commands[i].envid;
		run.sending.ret_headers = commands[i].ret_headers;
		run.sending.smtputf8 = commands[i].smtputf8;
		run_init(&run, &fake, NULL);
		run.sending.letter->header_8bit = commands[i].header_8bit;
		run.sending.letter->body_8bit = commands[i].body_8bit;
		run.sending.letter->bare = commands[i].bare;
		one_recipient(&run, commands[i].to, commands[i].notify, commands[i].orcpt);
		run_go(&run);
		fake_stop(&fake);
		if (fake.wrong[0])
			fail_msg("%s: %s", commands[i].name, fake.wrong);
		if (run.failed || run.sending.to[0].verdict != commands[i].verdict ||
		    strcmp(run.sending.to[0].status, commands[i].status) ||
		    run.sending.to[0].relayed != commands[i].relayed)
			fail_msg("%s: %d %s %s", commands[i].name, run.sending.to[0].verdict,
			         run.sending.to[0].status, run.reply);
		buf_done(&fake.message);
	}
}

/* ---- messages ---- */

static void messages(void **state)
{
	static const struct {
		const char *name, *text, *sent;
	} cases[] = {
		{ "dots", "A: b\r\n\r\n.\r\n..\r\n.x\r\nx.\r\n",
		  "A: b\r\n\r\n..\r\n...\r\n..x\r\nx.\r\n.\r\n" },
		{ "no line end", "A: b\r\n\r\nlast", "A: b\r\n\r\nlast\r\n.\r\n" },
		{ "a dot and no line end", "A: b\r\n\r\n.", "A: b\r\n\r\n..\r\n.\r\n" },
		{ "nothing", "", ".\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		static const char *const script[] = { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING",
			                              "C:MAIL *", "C:RCPT *", "C:DATA",
			                              "S:250 ok", "S:250 ok", "S:354 go",
			                              "D",        "S:250 ok", "C:QUIT",
			                              "X",        NULL };
		const char *const *const scripts[] = { script, NULL };
		struct fake_smtp fake = { .scripts = scripts };
		struct run run = { 0 };

		fake_start(&fake);
		run.sending.letter = make_letter(world->arena, slice_str(cases[i].text));
		run_init(&run, &fake, NULL);
		one_recipient(&run, "b@example.net", 0, "");
		run_go(&run);
		fake_stop(&fake);
		if (fake.wrong[0] || !slice_eq(buf_slice(&fake.message), slice_str(cases[i].sent)))
			fail_msg("%s: %s came \"%.*s\"", cases[i].name, fake.wrong,
			         SLICE_FMT(buf_slice(&fake.message)));
		buf_done(&fake.message);
	}
}

/* A large one, read from the store piece by piece, to a host that reads slowly. */
static struct letter *large_letter(size_t size, struct slice *ret_text)
{
	struct world_mail mail = { .from = "a@example.org", .to = { "b@example.net" } };
	struct content_key key;
	struct queue_entry entry;
	struct envelope_out envelope;
	struct letter *letter;
	struct why why;
	struct id id;
	struct buf text;

	buf_init(&text, BUF_NO_LIMIT);
	buf_adds(&text, "Subject: large\r\n\r\n");
	while (text.len < size)
		buf_printf(&text, ".%u lines of this and that\r\n", (unsigned)text.len);
	mail.body = *ret_text = arena_copy(world->arena, buf_slice(&text));
	world_put(world, &mail);
	id = world_entry(&mail, "example.net");
	assert_true(world_look(world, &id, &entry, &envelope));
	key = envelope.key;
	assert_int_equal(letter_load(world->stack, &entry.content, &key, NULL, &letter, &why), FAULT_NONE);
	assert_int_equal(queue_remove(world->stack->store, &world_queue_actor, &id, entry.fence, &why),
	                 FAULT_NONE);
	buf_done(&text);
	return letter;
}

static void check_stuffed(struct slice came, struct slice text)
{
	struct slice line;
	size_t at = 0;

	while (text.len) {
		ptrdiff_t end = slice_find(text, SLICE("\r\n"));

		assert_true(end >= 0);
		line = slice_first(text, (size_t)end + 2);
		text = slice_from(text, line.len);
		if (line.data[0] == '.')
			assert_int_equal(came.data[at++], '.');
		assert_true(came.len - at >= line.len && memcmp(came.data + at, line.data, line.len) == 0);
		at += line.len;
	}
	assert_true(slice_eq(slice_from(came, at), SLICE(".\r\n")));
}

static void large(void **state)
{
	static const char *const script[] = { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING",
		                              "C:MAIL *", "C:RCPT *", "C:DATA",
		                              "S:250 ok", "S:250 ok", "S:354 go",
		                              "W:30000",  "S:250 ok", "C:QUIT",
		                              "X",        NULL };
	const char *const *const scripts[] = { script, NULL };
	struct fake_smtp fake = { .scripts = scripts };
	struct run run = { 0 };
	struct slice text;

	(void)state;
	fake_start(&fake);
	run.sending.letter = large_letter(3000000, &text);
	assert_null(run.sending.letter->text.data);
	run_init(&run, &fake, NULL);
	one_recipient(&run, "b@example.net", 0, "");
	run_go(&run);
	fake_stop(&fake);
	assert_string_equal(fake.wrong, "");
	assert_int_equal(run.sending.to[0].verdict, VERDICT_DELIVERED);
	check_stuffed(buf_slice(&fake.message), text);
	letter_unref(run.sending.letter);
	buf_done(&fake.message);
}

/* What the host says before the message is whole is its last word. */
static void early_reply(void **state)
{
	static const char *const script[] = { "S:220 mx", "C:EHLO *",           "S:250-mx\r\n250 PIPELINING",
		                              "C:MAIL *", "C:RCPT *",           "C:DATA",
		                              "S:250 ok", "S:250 ok",           "S:354 go",
		                              "B:20000",  "S:552 5.3.4 enough", "Z:300",
		                              NULL };
	const char *const *const scripts[] = { script, NULL };
	struct fake_smtp fake = { .scripts = scripts };
	struct run run = { 0 };
	struct slice text;

	(void)state;
	fake_start(&fake);
	run.sending.letter = large_letter(8000000, &text);
	run_init(&run, &fake, NULL);
	one_recipient(&run, "b@example.net", 0, "");
	run_go(&run);
	fake_stop(&fake);
	assert_string_equal(fake.wrong, "");
	assert_true(run.sent && !run.reusable);
	assert_int_equal(run.sending.to[0].verdict, VERDICT_FAILED);
	assert_string_equal(run.sending.to[0].status, "5.3.4");
	letter_unref(run.sending.letter);
	buf_done(&fake.message);
}

/* The store loses the message half-way: the host must not see an end. */
static void lost_body(void **state)
{
	static const char *const script[] = { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING",
		                              "C:MAIL *", "C:RCPT *", "C:DATA",
		                              "S:250 ok", "S:250 ok", "S:354 go",
		                              "E",        NULL };
	const char *const *const scripts[] = { script, NULL };
	struct fake_smtp fake = { .scripts = scripts };
	struct run run = { 0 };
	struct slice text;
	struct why why;

	(void)state;
	fake_start(&fake);
	run.sending.letter = large_letter(3000000, &text);
	assert_int_equal(blob_del(world->stack->blobs, &run.sending.letter->message.content, &why),
	                 FAULT_NONE);
	run_init(&run, &fake, NULL);
	one_recipient(&run, "b@example.net", 0, "");
	run_go(&run);
	fake_stop(&fake);
	assert_string_equal(fake.wrong, "");
	assert_true(run.sent && !run.reusable);
	assert_int_equal(run.sending.to[0].verdict, VERDICT_DEFERRED);
	assert_string_equal(run.sending.to[0].status, "4.3.0");
	letter_unref(run.sending.letter);
	buf_done(&fake.message);
}

/* ---- TLS ---- */

static void tls(void **state)
{
	static const struct {
		const char *name;
		const char *script[24];
		enum end end;
		enum client_stage stage;
		const char *version;
	} cases[] = {
		{ "done",
		  { "S:220 mx",
		    "C:EHLO *",
		    "S:250-mx\r\n250-STARTTLS",
		    "S:250 PIPELINING",
		    "C:STARTTLS",
		    "S:220 go",
		    "T",
		    "C:EHLO *",
		    "S:250 mx",
		    "C:MAIL *",
		    "S:250 ok",
		    "C:RCPT *",
		    "S:250 ok",
		    "C:DATA",
		    "S:354 go",
		    "D",
		    "S:250 ok",
		    "C:QUIT",
		    "S:221 bye",
		    "E" },
		  SENT,
		  CLIENT_TALKING,
		  "TLSv1.3" },
		{ "offered and then refused",
		  { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 STARTTLS", "C:STARTTLS", "S:454 4.7.0 no",
		    "C:MAIL *", "S:250 ok", "C:RCPT *", "S:250 ok", "C:DATA", "S:354 go", "D", "S:250 ok",
		    "C:QUIT", "X" },
		  SENT,
		  CLIENT_TALKING,
		  "" },
		{ "nonsense instead of a handshake",
		  { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 STARTTLS", "C:STARTTLS", "S:220 go",
		    "S:ha ha ha ha ha", "Z:200", "X" },
		  FAILED,
		  CLIENT_SECURING,
		  "" },
		{ "closed instead of a handshake",
		  { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 STARTTLS", "C:STARTTLS", "S:220 go", "X" },
		  FAILED,
		  CLIENT_SECURING,
		  "" },
		{ "silence instead of a handshake",
		  { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 STARTTLS", "C:STARTTLS", "S:220 go", "Z:2600",
		    "X" },
		  FAILED,
		  CLIENT_SECURING,
		  "" },
		{ "what is said before the handshake does not count",
		  { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 STARTTLS", "C:STARTTLS",
		    "S:220 go\r\n250 PIPELINING\r\n250 ok", "T", "C:EHLO *", "Q", "S:250 mx", "C:MAIL *",
		    "S:250 ok", "C:RCPT *", "S:250 ok", "C:DATA", "S:354 go", "D", "S:250 ok", "C:QUIT",
		    "X" },
		  SENT,
		  CLIENT_TALKING,
		  "TLSv1.3" },
	};
	struct tls_ctx *ctx;
	struct why why;

	(void)state;
	assert_int_equal(tls_client_new(&(struct tls_client_conf){ .old_peers = true }, &ctx, &why),
	                 FAULT_NONE);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *const *const scripts[] = { cases[i].script, NULL };
		struct fake_smtp fake = { .scripts = scripts, .cert = cert.cert, .key = cert.key };
		struct run run = { 0 };

		fake_start(&fake);
		run_init(&run, &fake, ctx);
		one_recipient(&run, "b@example.net", 0, "");
		run_go(&run);
		fake_stop(&fake);
		if (fake.wrong[0])
			fail_msg("%s: %s", cases[i].name, fake.wrong);
		if (run.failed != (cases[i].end == FAILED) ||
		    (run.failed && run.failure.stage != cases[i].stage))
			fail_msg("%s: failed %d at stage %d: %s", cases[i].name, run.failed,
			         run.failure.stage, run.reply);
		assert_string_equal(run.tls, cases[i].version);
		assert_false(run.verified); /* nobody vouches for the test's certificate */
		buf_done(&fake.message);
	}
	tls_free(ctx);
}

/* ---- ends ---- */

static void nobody_listens(void **state)
{
	struct fake_smtp fake = { .scripts = (const char *const *const[]){ NULL } };
	struct run run = { 0 };

	(void)state;
	fake_start(&fake);
	fake_stop(&fake);
	run_init(&run, &fake, NULL);
	one_recipient(&run, "b@example.net", 0, "");
	run_go(&run);
	assert_true(run.failed);
	assert_int_equal(run.failure.stage, CLIENT_CONNECTING);
	assert_string_equal(run.status, "4.4.1");
	buf_done(&fake.message);
}

/* At any moment, also while a piece is being read: nothing is called back and nothing leaks. */
static void aborted(void **state)
{
	static const char *const script[] = { "S:220 mx", "C:EHLO *", "S:250-mx\r\n250 PIPELINING",
		                              "C:MAIL *", "C:RCPT *", "C:DATA",
		                              "S:250 ok", "S:250 ok", "S:354 go",
		                              "Z:1000",   NULL };
	const char *const *const scripts[] = { script, script, script, script, script, script, NULL };
	struct fake_smtp fake = { .scripts = scripts };
	struct slice text;
	struct letter *letter = large_letter(3000000, &text);

	(void)state;
	fake_start(&fake);
	for (int steps = 0; steps < 30; steps += 5) {
		struct run run = { .sending.letter = letter };

		run_init(&run, &fake, NULL);
		one_recipient(&run, "b@example.net", 0, "");
		run.client = client_new(&run.conf, &handler, &run);
		for (int i = 0; i < steps; i++)
			loop_step(world->daemon.loop, 2);
		client_abort(run.client);
		for (int i = 0; i < 20; i++)
			loop_step(world->daemon.loop, 2);
		if (run.over)
			fail_msg("after %d steps: %s", steps, run.reply);
	}
	fake.stop = true;
	fake_stop(&fake);
	letter_unref(letter);
	buf_done(&fake.message);
}

static int setup(void **state)
{
	(void)state;
	world = world_new();
	cert = cert_make(world->dir, "tls", "localhost");
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
		cmocka_unit_test(dialogue_table),
		cmocka_unit_test(command_table),
		cmocka_unit_test(messages),
		cmocka_unit_test(large),
		cmocka_unit_test(early_reply),
		cmocka_unit_test(lost_body),
		cmocka_unit_test(tls),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(aborted),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
