/* Which command is legal where (RFC 5321 4.1.4), and who runs it. */
#include "verbs.h"

#include "smtp/command.h"

static const struct verb verbs[] = {
	{ "EHLO", cmd_ehlo, 0 },
	{ "HELO", cmd_helo, 0 },
	{ "STARTTLS", cmd_starttls, NEEDS_HELO | NOT_IN_MAIL },
	{ "AUTH", cmd_auth, NEEDS_HELO | NOT_IN_MAIL },
	{ "MAIL", cmd_mail, NEEDS_HELO | NOT_IN_MAIL | NEEDS_LOGIN },
	{ "RCPT", cmd_rcpt, NEEDS_MAIL },
	{ "DATA", cmd_data, NEEDS_MAIL | NEEDS_RCPT },
	{ "RSET", cmd_rset, 0 },
	{ "NOOP", cmd_noop, 0 },
	{ "VRFY", cmd_vrfy, 0 },
	{ "HELP", cmd_help, 0 },
	{ "QUIT", cmd_quit, 0 },
	{ "XCLIENT", cmd_xclient, NOT_IN_MAIL },
};

static const struct verb *find(struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (slice_is(name, verbs[i].name))
			return &verbs[i];
	}
	return NULL;
}

/* NULL when legal; else what to say with 503 (530 for NEEDS_LOGIN). */
static const char *illegal(const struct session *s, const struct verb *verb)
{
	if ((verb->flags & NEEDS_HELO) && !s->helo[0])
		return "Send EHLO first";
	if ((verb->flags & NOT_IN_MAIL) && s->tx)
		return "Not inside a transaction; RSET ends it";
	if ((verb->flags & NEEDS_MAIL) && !s->tx)
		return "Send MAIL first";
	return NULL;
}

void verb_dispatch(struct session *s, struct slice line)
{
	struct smtp_line parsed;
	const struct verb *verb;
	const char *problem;
	struct why why;

	if (smtp_line_parse(line, &parsed, &why)) {
		reply(s, 500, "5.5.2", "Not a command: %s", why.text);
		return;
	}
	verb = find(parsed.verb);
	if (!verb || (verb->run == cmd_xclient && !xclient_allowed(s))) {
		reply(s, 500, "5.5.1", "Unknown command");
		return;
	}
	problem = illegal(s, verb);
	if (problem)
		reply(s, 503, "5.5.1", "%s", problem);
	else if ((verb->flags & NEEDS_LOGIN) && session_is_submission(s) && !s->login)
		reply(s, 530, "5.7.0", "Log in first (AUTH)");
	else if ((verb->flags & NEEDS_RCPT) && s->tx->n_rcpt == 0)
		reply(s, 554, "5.5.1", "No valid recipients");
	else
		verb->run(s, parsed.args);
}
