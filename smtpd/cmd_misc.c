/* RSET, NOOP, VRFY, HELP, QUIT (RFC 5321 4.1.1), and XCLIENT for peers that are trusted with it. */
#include <arpa/inet.h>

#include "base/base64.h"
#include "smtp/command.h"
#include "verbs.h"

void cmd_rset(struct session *s, struct slice args)
{
	(void)args;
	transaction_free(s->smtpd, s->tx);
	s->tx = NULL;
	reply(s, 250, "2.0.0", "Forgotten");
}

void cmd_noop(struct session *s, struct slice args)
{
	(void)args;
	reply(s, 250, "2.0.0", "Nothing done");
}

/* RFC 5321 3.5.3: neither yes nor no, so that nobody can harvest addresses. */
void cmd_vrfy(struct session *s, struct slice args)
{
	(void)args;
	reply(s, 252, "2.5.2", "Send mail and see");
}

void cmd_help(struct session *s, struct slice args)
{
	(void)args;
	reply(s, 214, "2.0.0", "Posthouse: EHLO STARTTLS AUTH MAIL RCPT DATA RSET NOOP VRFY QUIT (RFC 5321)");
}

void cmd_quit(struct session *s, struct slice args)
{
	(void)args;
	session_close(s, 221, "2.0.0", "Bye");
}

/* ---- XCLIENT: a proxy in front, or a test, says for whom it speaks ---- */

bool xclient_allowed(const struct session *s)
{
	const struct conf_list *from = &smtpd_conf.xclient_from;

	for (size_t i = 0; s->conn && i < from->n; i++) {
		if (strcmp(from->items[i], s->log.fields[1].value) ==
		    0) /* the address it came from, whatever it said since */
			return true;
	}
	return false;
}

static bool is_ip(const char *text)
{
	uint8_t raw[16];

	return inet_pton(AF_INET, text, raw) == 1 || inet_pton(AF_INET6, text, raw) == 1;
}

static bool xclient_attribute(struct session *s, struct slice name, struct slice raw)
{
	struct slice value;
	const char *text;
	struct why why;

	if (xtext_decode(s->arena, raw, &value, &why) || value.len > 255)
		return false;
	text = arena_strz(s->arena, value);
	if (slice_is(name, "ADDR")) {
		if (slice_istarts(value, "IPV6:"))
			text += 5;
		if (!is_ip(text))
			return false;
		conn_set_peer(s->conn, text, conn_peer_port(s->conn));
	} else if (slice_is(name, "NAME")) {
		s->client_name =
		    slice_is(value, "[UNAVAILABLE]") || slice_is(value, "[TEMPUNAVAIL]") ? "" : text;
	} else if (!slice_is(name, "HELO")) {
		return false;
	}
	return true;
}

void cmd_xclient(struct session *s, struct slice args)
{
	struct slice word, name;

	while (smtp_word(&args, &word)) {
		struct slice value = word;

		if (!slice_cut(&value, '=', &name) || !value.data || !xclient_attribute(s, name, value)) {
			reply(s, 501, "5.5.4", "Not an attribute of XCLIENT: %.*s",
			      SLICE_FMT(slice_first(word, 100)));
			return;
		}
	}
	s->helo[0] = '\0';
	s->state = ST_GREET;
	session_enter(s, ST_GREET);
	reply(s, 220, NULL, "%s ESMTP Posthouse", s->smtpd->daemon->suite->hostname);
}
