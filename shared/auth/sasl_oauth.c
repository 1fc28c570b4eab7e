/*
 * OAUTHBEARER (RFC 7628) and XOAUTH2, as it was before the RFC and as many clients still speak it: a bearer token in
 * place of a password. Whose it is the caller finds out; when it is nobody's, the client is told why in JSON, answers
 * with nothing of interest, and only then has failed (RFC 7628 section 3.2.3).
 */
#include "auth/bearer.h"
#include "auth/sasl_mechanism.h"

#define SEPARATOR '\001'

/* b64token of RFC 6750 section 2.1: the characters of any token there is. */
static bool is_token(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] <= 0x20 || text.data[i] >= 0x7f)
			return false;
	return text.len > 0 && text.len <= BEARER_TOKEN_MAX;
}

/* "Bearer <token>", the scheme in any case. */
static bool keep_token(struct sasl *sasl, struct slice value)
{
	struct slice token = slice_trim(slice_from(value, 7));

	return slice_istarts(value, "Bearer ") && is_token(token) && sasl_keep_password(sasl, token);
}

/* *kvpair kvsep: kvpair = key "=" value kvsep, up to the empty one that ends it. What is wrong, or NULL. */
static const char *pairs(struct sasl *sasl, struct slice rest, bool *ret_user)
{
	struct slice pair;
	bool ended = false;

	while (slice_cut(&rest, SEPARATOR, &pair)) {
		if (pair.len == 0) {
			ended = rest.data && rest.len == 0;
			break;
		}
		if (slice_istarts(pair, "auth=") &&
		    (sasl->password || !keep_token(sasl, slice_from(pair, 5))))
			return "OAuth: malformed authorization";
		if (ret_user && slice_istarts(pair, "user=")) {
			if (*ret_user || !sasl_keep_name(sasl, slice_from(pair, 5), &sasl->authzid))
				return "OAuth: malformed name";
			*ret_user = true;
		}
	}
	return !ended ? "OAuth: cut off" : !sasl->password ? "OAuth: no authorization" : NULL;
}

/* client-resp = gs2-header kvsep *kvpair kvsep; there is no channel binding: gs2-header = ("n" / "y") "," [authzid] "," */
static const char *parse_bearer(struct sasl *sasl, struct slice response)
{
	struct slice rest = response, flag, authzid, nothing;

	if (!slice_cut(&rest, ',', &flag) || !slice_cut(&rest, ',', &authzid) || !rest.data)
		return "OAUTHBEARER: malformed start";
	if (flag.len != 1 || (flag.data[0] != 'n' && flag.data[0] != 'y'))
		return "OAUTHBEARER: malformed channel binding flag";
	if (authzid.len && (!slice_starts(authzid, "a=") ||
	                    !sasl_keep_saslname(sasl, slice_from(authzid, 2), &sasl->authzid)))
		return "OAUTHBEARER: malformed authorization identity";
	if (!slice_cut(&rest, SEPARATOR, &nothing) || nothing.len || !rest.data)
		return "OAUTHBEARER: malformed start";
	return pairs(sasl, rest, NULL);
}

/* "user=" name ^A "auth=Bearer " token ^A ^A */
static const char *parse_xoauth2(struct sasl *sasl, struct slice response)
{
	bool user = false;
	const char *wrong = pairs(sasl, response, &user);

	return wrong || user ? wrong : "XOAUTH2: no name";
}

static enum sasl_next refuse(struct sasl *sasl, const char *status, struct slice *ret_challenge)
{
	*ret_challenge = slice_str(arena_printf(sasl->arena, "{%s%s}", status, sasl->offer.tokens));
	return SASL_CHALLENGE;
}

static enum sasl_next step(struct sasl *sasl, struct slice response, struct slice *ret_challenge,
                           const char *(*parse)(struct sasl *, struct slice), const char *status)
{
	const char *wrong;

	if (sasl->last == SASL_TOKEN)
		return refuse(sasl, status, ret_challenge);
	if (sasl->password)
		return sasl_fail(sasl, "OAuth: the token was refused");
	if (!response.data && sasl->at == 0)
		return SASL_CHALLENGE;
	wrong = parse(sasl, response);
	if (wrong)
		return sasl_fail(sasl, wrong);
	sasl->login = sasl->authzid;
	return SASL_TOKEN;
}

static enum sasl_next bearer_step(struct sasl *sasl, struct slice response, struct slice *ret_challenge)
{
	return step(sasl, response, ret_challenge, parse_bearer, "\"status\":\"invalid_token\"");
}

static enum sasl_next xoauth2_step(struct sasl *sasl, struct slice response, struct slice *ret_challenge)
{
	return step(sasl, response, ret_challenge, parse_xoauth2,
	            "\"status\":\"401\",\"schemes\":\"bearer\"");
}

const struct sasl_mechanism sasl_oauthbearer = {
	.name = "OAUTHBEARER",
	.needs = SASL_NEEDS_TOKENS,
	.state_size = 1,
	.step = bearer_step,
};

const struct sasl_mechanism sasl_xoauth2 = {
	.name = "XOAUTH2",
	.needs = SASL_NEEDS_TOKENS,
	.state_size = 1,
	.step = xoauth2_step,
};
