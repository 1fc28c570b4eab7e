/*
 * LOGIN (draft-murchison-sasl-login): the server asks "Username:", then
 * "Password:". A client may bring the name as its initial response.
 */
#include "auth/sasl_mechanism.h"

static enum sasl_next login_step(struct sasl *sasl, struct slice response, struct slice *ret_challenge)
{
	if (sasl->login.len) {
		if (!sasl_keep_password(sasl, response))
			return sasl_fail(sasl, "LOGIN: malformed password");
		return SASL_CHECK;
	}
	if (!response.data && sasl->at == 0) {
		*ret_challenge = SLICE("Username:");
		return SASL_CHALLENGE;
	}
	if (!sasl_keep_name(sasl, response, &sasl->login))
		return sasl_fail(sasl, "LOGIN: malformed name");
	*ret_challenge = SLICE("Password:");
	return SASL_CHALLENGE;
}

const struct sasl_mechanism sasl_login_mechanism = {
	.name = "LOGIN",
	.needs = SASL_NEEDS_TLS,
	.state_size = 1,
	.step = login_step,
};
