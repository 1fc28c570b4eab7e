/*
 * EXTERNAL (RFC 4422 appendix A): who the client is was proven beneath, by its TLS certificate; here it says as whom it
 * comes. extern-initial-resp = [authzid]: one of the certificate's names, or nothing: its first.
 */
#include "auth/sasl_mechanism.h"

static enum sasl_next choose(struct sasl *sasl, struct slice wanted)
{
	if (wanted.len && !sasl_keep_name(sasl, wanted, &sasl->authzid))
		return sasl_fail(sasl, "EXTERNAL: malformed authorization identity");
	for (size_t i = 0; i < sasl->offer.n_proven; i++) {
		const struct slice name = sasl->offer.proven[i];

		if (wanted.len && !slice_ieq(wanted, name))
			continue;
		if (!sasl_keep_name(sasl, name, &sasl->login))
			break;
		return SASL_NEED_USER;
	}
	return sasl_fail(sasl, "EXTERNAL: the certificate is not that name's");
}

static enum sasl_next external_step(struct sasl *sasl, struct slice response, struct slice *ret_challenge)
{
	(void)ret_challenge;
	if (sasl->user_came)
		return sasl->user_known ? SASL_OK : sasl_fail(sasl, "EXTERNAL: no such user");
	if (!response.data && sasl->at == 0)
		return SASL_CHALLENGE;
	return choose(sasl, response);
}

const struct sasl_mechanism sasl_external = {
	.name = "EXTERNAL",
	.needs = SASL_NEEDS_CERTIFICATE,
	.state_size = 1,
	.step = external_step,
};
