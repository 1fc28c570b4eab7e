/*
 * AUTHENTICATE (RFC 9051 6.2.2, with the initial response of RFC 4959): the
 * mechanisms of auth/sasl.h over lines of base64.
 *
 * What a run on the worker is for is in `errand`; between runs the client's lines step the mechanism on the loop.
 */
#include "auth/sasl.h"
#include "base/base64.h"
#include "commands.h"
#include "login.h"

struct authenticate {
	struct login login;
	struct sasl *sasl;
	enum { FIND, CHECK, PROVE, TOKEN } errand;
	const char *refused; /* why a token was, and the client is being told; NULL */
	bool proven;         /* SCRAM: its last word is said, the client's empty line is missing */
};

static enum imap_next step(struct imap_cmd *cmd, struct slice response);

static enum imap_next send_challenge(struct imap_cmd *cmd, struct slice challenge)
{
	struct buf text;

	buf_init(&text, BUF_NO_LIMIT);
	base64_encode(&text, challenge);
	buf_addc(&text, '\0');
	imap_continue(cmd->session, (const char *)text.data);
	buf_done(&text);
	cmd->reads_lines = true;
	return IMAP_WAIT;
}

/* An identity to act as must be one's own. */
static bool acts_for_other(const struct sasl *sasl)
{
	struct slice authzid = sasl_authzid(sasl);

	return authzid.len && !slice_ieq(authzid, sasl_login(sasl));
}

static enum imap_next errand(struct imap_cmd *cmd, int what)
{
	struct authenticate *auth = cmd->state;

	if (acts_for_other(auth->sasl))
		return imap_no_code(cmd, "[AUTHORIZATIONFAILED]", "Acting as somebody else is not possible");
	auth->errand = what;
	auth->login.name = sasl_login(auth->sasl);
	auth->login.password = sasl_password(auth->sasl);
	return what == PROVE ? IMAP_RUN : login_begin(cmd, &auth->login);
}

static enum imap_next failed(struct imap_cmd *cmd)
{
	struct authenticate *auth = cmd->state;
	struct why why = { "" };

	auth->login.name = sasl_login(auth->sasl);
	if (!auth->refused)
		login_failed(&auth->login.check, auth->login.name);
	fault_set(&why, FAULT_AUTH, "%s", auth->refused ? auth->refused : sasl_error(auth->sasl));
	return login_end(cmd, &auth->login, FAULT_AUTH, &why);
}

static enum imap_next step(struct imap_cmd *cmd, struct slice response)
{
	struct authenticate *auth = cmd->state;
	struct slice challenge;

	switch (sasl_step(auth->sasl, response, &challenge)) {
	case SASL_CHALLENGE:
		return send_challenge(cmd, challenge);
	case SASL_NEED_USER:
		return errand(cmd, FIND);
	case SASL_CHECK:
		return errand(cmd, CHECK);
	case SASL_TOKEN:
		return errand(cmd, TOKEN);
	case SASL_OK: /* IMAP has no place for the last message but one more challenge */
		auth->proven = true;
		return challenge.len ? send_challenge(cmd, challenge) : errand(cmd, PROVE);
	case SASL_FAILED:
		break;
	}
	return failed(cmd);
}

/* base64, or "=" for an empty initial response */
static bool decode(struct imap_cmd *cmd, struct slice text, struct slice *ret)
{
	struct buf plain;
	bool good;

	buf_init(&plain, SASL_RESPONSE_MAX);
	good = base64_decode(&plain, text);
	if (good)
		*ret = arena_copy(cmd->arena, buf_slice(&plain));
	secret_wipe(plain.data, plain.len);
	buf_done(&plain);
	return good;
}

/* Why there is no such mechanism now: PLAIN and LOGIN not without TLS. */
static enum imap_next not_offered(struct imap_cmd *cmd, struct slice mechanism, struct sasl_offer offer)
{
	bool private = offer.tls;

	offer.tls = true;
	if (!private && sasl_new(cmd->arena, mechanism, &offer))
		return imap_no_code(cmd, "[PRIVACYREQUIRED]",
		                    "Passwords are taken over TLS only: STARTTLS first");
	return imap_no_code(cmd, "[CANNOT]", "No such mechanism");
}

static enum imap_next authenticate_parse(struct imap_cmd *cmd, struct imap_args *args)
{
	struct authenticate *auth = cmd->state;
	struct slice mechanism, text = { NULL, 0 }, response = { NULL, 0 };
	const struct sasl_offer offer = session_sasl_offer(cmd->session, cmd->arena);

	/* SP auth-type [SP initial-resp] */
	if (!imap_args_space(args) || !imap_args_atom(args, &mechanism))
		return imap_bad(cmd, "Expected the name of a mechanism");
	if (!imap_args_is_end(args) && imap_args_space(args)) {
		text = slice_trim(args->rest);
		if (!slice_eq(text, SLICE("=")) && !decode(cmd, text, &response))
			return imap_bad(cmd, "The initial response is not base64");
		if (!response.data)
			response = SLICE("");
	}
	if (imap_capability_on(cmd->session,
	                       slice_str(arena_printf(cmd->arena, "AUTH=%.*s", SLICE_FMT(mechanism)))))
		auth->sasl = sasl_new(cmd->arena, mechanism, &offer);
	if (!auth->sasl)
		return not_offered(cmd, mechanism, offer);
	login_start(cmd, &auth->login, arena_strz(cmd->arena, mechanism));
	return step(cmd, response);
}

static enum imap_next authenticate_line(struct imap_cmd *cmd, struct slice line)
{
	struct authenticate *auth = cmd->state;
	struct slice response;

	cmd->reads_lines = false;
	if (slice_eq(line, SLICE("*")))
		return imap_bad(cmd, "Authentication cancelled");
	if (!decode(cmd, line, &response))
		return imap_bad(cmd, "The response is not base64");
	return auth->proven ? errand(cmd, PROVE) : step(cmd, response);
}

static enum fault authenticate_run(struct imap_cmd *cmd, struct stack *stack, struct why *why)
{
	struct authenticate *auth = cmd->state;

	(void)stack;
	switch (auth->errand) {
	case FIND:
		return login_find(cmd, &auth->login, why);
	case CHECK:
		return login_check(cmd, &auth->login, why);
	case TOKEN:
		return login_by_token(cmd, &auth->login, why);
	default:
		return login_prove(&auth->login, why);
	}
}

static enum imap_next authenticate_reply(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	struct authenticate *auth = cmd->state;

	if (auth->errand == TOKEN && fault == FAULT_AUTH) {
		auth->refused = arena_strdup(cmd->arena, why->text);
		return step(cmd, SLICE(""));
	}
	if (auth->errand != FIND || fault)
		return login_end(cmd, &auth->login, fault, why);
	if (auth->login.found)
		sasl_user(auth->sasl, &auth->login.account.password.scram);
	else
		sasl_nobody(auth->sasl, auth->login.nobody_salt);
	return step(cmd, SLICE(""));
}

static void authenticate_done(struct imap_cmd *cmd)
{
	struct authenticate *auth = cmd->state;

	login_done(&auth->login);
}

const struct imap_command imap_authenticate = {
	.state_size = sizeof(struct authenticate),
	.parse = authenticate_parse,
	.run = authenticate_run,
	.reply = authenticate_reply,
	.on_line = authenticate_line,
	.on_timeout = login_delayed,
	.done = authenticate_done,
};
