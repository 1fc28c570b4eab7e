/* EHLO, HELO (RFC 5321 4.1.1.1). What is offered here is what the suite keeps. */
#include <assert.h>
#include <stdio.h>

#include "auth/sasl.h"
#include "base/buf.h"
#include "smtp/command.h"
#include "verbs.h"

#define HELLO_MAX 2048

unsigned smtp_extensions(const struct session *s)
{
	return SMTP_EXT_SIZE | SMTP_EXT_8BITMIME | SMTP_EXT_SMTPUTF8 |
	       (session_is_submission(s) ? SMTP_EXT_AUTH : 0);
}

static bool greet(struct session *s, struct slice args, bool esmtp)
{
	struct slice name;
	struct why why;
	bool valid;

	if (smtp_helo_args(args, &name, &valid, &why)) {
		reply(s, 501, "5.5.4", "%s", why.text);
		return false;
	}
	transaction_free(s->smtpd, s->tx);
	s->tx = NULL;
	static_assert(sizeof(s->helo) > ADDRESS_DOMAIN_MAX, "the longest name there is");
	snprintf(s->helo, sizeof(s->helo), "%.*s", SLICE_FMT(name));
	s->esmtp = esmtp;
	session_enter(s, ST_READY);
	return true;
}

void cmd_helo(struct session *s, struct slice args)
{
	if (greet(s, args, false))
		reply(s, 250, NULL, "%s", s->smtpd->daemon->suite->hostname);
}

void cmd_ehlo(struct session *s, struct slice args)
{
	const struct suite_conf *suite = s->smtpd->daemon->suite;
	struct arena *arena = arena_new();
	const struct sasl_offer offer = session_sasl_offer(s, arena);
	struct buf text;

	if (!greet(s, args, true))
		goto out;
	buf_init(&text, HELLO_MAX);
	buf_printf(&text, "%s\nPIPELINING\nSIZE %lld\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES",
	           suite->hostname, (long long)suite->message_max);
	if (!conn_is_tls(s->conn))
		buf_adds(&text, "\nSTARTTLS");
	if (session_may_login(s))
		buf_printf(&text, "\nAUTH %s", sasl_mechanisms(arena, &offer));
	if (xclient_allowed(s))
		buf_adds(&text, "\nXCLIENT NAME ADDR HELO");
	buf_addc(&text, '\0');
	reply(s, 250, NULL, "%s", (const char *)text.data);
	buf_done(&text);
out:
	arena_free(arena);
}
