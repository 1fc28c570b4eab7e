/*
 * PLAIN (RFC 4616): message = [authzid] NUL authcid NUL passwd
 *
 * Names must be UTF-8. The password is taken as it comes: clients that still
 * send another charset are told apart by the verifier.
 */
#include "auth/sasl_mechanism.h"

static enum sasl_next plain_step(struct sasl *sasl, struct slice response, struct slice *ret_challenge)
{
	struct slice authzid, authcid;

	if (!response.data && sasl->at == 0) {
		*ret_challenge = SLICE(""); /* an empty one: the client speaks first */
		return SASL_CHALLENGE;
	}
	if (!slice_cut(&response, '\0', &authzid) || !slice_cut(&response, '\0', &authcid) || !response.data)
		return sasl_fail(sasl, "PLAIN: not three parts");
	if (authzid.len && !sasl_keep_name(sasl, authzid, &sasl->authzid))
		return sasl_fail(sasl, "PLAIN: malformed authorization identity");
	if (!sasl_keep_name(sasl, authcid, &sasl->login))
		return sasl_fail(sasl, "PLAIN: malformed name");
	if (!sasl_keep_password(sasl, response))
		return sasl_fail(sasl, "PLAIN: malformed password");
	return SASL_CHECK;
}

const struct sasl_mechanism sasl_plain = {
	.name = "PLAIN",
	.needs = SASL_NEEDS_TLS,
	.state_size = 1,
	.step = plain_step,
};
