/* The SMTP client against scripted hosts: what it says, byte by byte, and what comes out for each recipient. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "client_run.h"
#include "smtp/params.h"

/* ---- the table ---- */

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
	int64_t timeout;
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
	{ "never greets", { "Z:1500", "X" }, FAILED, { { VERDICT_NONE, "" } }, .status = "4.4.2", .timeout = 500 },
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
		"S:250 ok", "S:250 ok", "S:250 ok", "S:354 go", "D", "Z:2500", "X" },
	  SENT_AND_GONE, { { VERDICT_DEFERRED, "4.4.2" }, { VERDICT_DEFERRED, "4.4.2" } }, .timeout = 1500 },
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
	set_timeout(&run, d->timeout);
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
	{ "8-bit, the host takes none and it could not be encoded", "S:250 mx", "a@example.org", "b@example.net", "", "", 0, .body_8bit = true,
	  .verdict = VERDICT_FAILED, .status = "5.6.3" },
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
		cmocka_unit_test(dialogue_table),
		cmocka_unit_test(command_table),
		cmocka_unit_test(messages),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
