/*
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, the server's side (RFC 5802, RFC 7677). PLUS binds the login to the TLS
 * connection by tls-exporter (RFC 9266): the client proves which one it is on, so that nobody sits between.
 *
 * Steps   at 0  client-first: the name is known, ask for its keys
 *         at 1  the keys came: server-first
 *         at 2  client-final: proven or not, server-final
 *         (one more at the beginning when there was no initial response)
 *
 * A name that nobody has gets the salt that was made up for it, the usual number of
 * iterations, and fails at the proof like a wrong password, after the same work.
 *
 * A client that says "y" knows of channel binding and was not offered any. Where we did offer it, somebody took it out
 * of the list on the way: refused (RFC 5802 section 6). What is refused ends the exchange with the failure of the
 * protocol around it; SCRAM's own error attribute is optional (section 5.1) and would cost a round trip.
 */
#include "auth/sasl_mechanism.h"

#include <assert.h>
#include <sodium.h>

#include "base/base64.h"
#include "base/rand.h"
#include "base/secret.h"

#define HASH        crypto_hash_sha256_BYTES
#define NONCE_BYTES 18   /* random, 24 characters */
#define NONCE_MAX   1024 /* of the client's */

struct scram {
	struct slice gs2_header, first_bare, client_nonce;
	struct slice nonce, server_first;
	const char *server_nonce;
};

struct client_final {
	struct slice without_proof;
	uint8_t proof[HASH];
};

/* Cuts "<letter>=value" up to the next comma from *rest; false when it is not there. */
static bool attribute(struct slice *rest, char letter, struct slice *ret)
{
	struct slice part;

	if (!slice_cut(rest, ',', &part) || part.len < 2 || part.data[0] != (uint8_t)letter ||
	    part.data[1] != '=')
		return false;
	*ret = slice_of(part.data + 2, part.len - 2);
	return true;
}

/* printable = %x21-2B / %x2D-7E */
static bool is_nonce(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] < 0x21 || s.data[i] > 0x7e || s.data[i] == ',')
			return false;
	return s.len > 0 && s.len <= NONCE_MAX;
}

/* extensions = attr-val *("," attr-val), attr-val = ALPHA "=" value; we know none, so all of them are optional. */
static bool extensions(struct slice rest)
{
	struct slice part;

	while (slice_cut(&rest, ',', &part))
		if (part.len < 3 || part.data[1] != '=' || (part.data[0] | 0x20) < 'a' ||
		    (part.data[0] | 0x20) > 'z' || part.data[0] == 'm')
			return false;
	return true;
}

static bool binds(const struct sasl *sasl)
{
	return sasl->mechanism->needs == SASL_NEEDS_BINDING;
}

/* gs2-cbind-flag = "p=" cb-name / "n" / "y". What is wrong, or NULL. */
static const char *binding_flag(const struct sasl *sasl, struct slice flag)
{
	if (slice_starts(flag, "p=")) {
		if (!binds(sasl))
			return "SCRAM: channel binding is for SCRAM-SHA-256-PLUS";
		return slice_eq(flag, SLICE("p=tls-exporter")) ? NULL
		                                               : "SCRAM: unsupported channel binding type";
	}
	if (flag.len != 1 || (flag.data[0] != 'n' && flag.data[0] != 'y'))
		return "SCRAM: malformed channel binding flag";
	if (binds(sasl))
		return "SCRAM: SCRAM-SHA-256-PLUS without channel binding";
	if (flag.data[0] == 'y' && sasl->offer.binding)
		return "SCRAM: channel binding was offered, and somebody hid that from the client";
	return NULL;
}

/* gs2-header = gs2-cbind-flag "," [authzid] ",". What is wrong, or NULL and *rest behind it. */
static const char *gs2_header(struct sasl *sasl, struct slice *rest)
{
	struct slice flag, authzid;
	const char *wrong;

	if (!slice_cut(rest, ',', &flag) || !slice_cut(rest, ',', &authzid) || !rest->data)
		return "SCRAM: malformed start";
	wrong = binding_flag(sasl, flag);
	if (wrong)
		return wrong;
	if (authzid.len && (!slice_starts(authzid, "a=") ||
	                    !sasl_keep_saslname(sasl, slice_from(authzid, 2), &sasl->authzid)))
		return "SCRAM: malformed authorization identity";
	return NULL;
}

/* client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions] */
static enum sasl_next client_first(struct sasl *sasl, struct slice response)
{
	struct scram *scram = sasl->state;
	struct slice message = arena_copy(sasl->arena, response), rest = message, name;
	const char *wrong = gs2_header(sasl, &rest);

	if (wrong)
		return sasl_fail(sasl, wrong);
	scram->gs2_header = slice_first(message, (size_t)(rest.data - message.data));
	scram->first_bare = rest;
	if (slice_starts(rest, "m="))
		return sasl_fail(sasl, "SCRAM: unknown mandatory extension");
	if (!attribute(&rest, 'n', &name) || !sasl_keep_saslname(sasl, name, &sasl->login))
		return sasl_fail(sasl, "SCRAM: malformed name");
	if (!attribute(&rest, 'r', &scram->client_nonce) || !is_nonce(scram->client_nonce))
		return sasl_fail(sasl, "SCRAM: malformed nonce");
	if (!extensions(rest))
		return sasl_fail(sasl, "SCRAM: malformed or mandatory extension");
	return SASL_NEED_USER;
}

static const char *encoded(struct sasl *sasl, const void *data, size_t len)
{
	size_t size = sodium_base64_encoded_len(len, sodium_base64_VARIANT_ORIGINAL);

	return sodium_bin2base64(arena_alloc(sasl->arena, size), size, data, len,
	                         sodium_base64_VARIANT_ORIGINAL);
}

/* server-first-message = nonce "," salt "," iteration-count */
static enum sasl_next server_first(struct sasl *sasl, struct slice *ret_challenge)
{
	struct scram *scram = sasl->state;
	uint8_t random[NONCE_BYTES];

	if (!scram->server_nonce) {
		rand_bytes(random, sizeof(random));
		scram->server_nonce = encoded(sasl, random, sizeof(random));
	}
	scram->nonce = slice_str(
	    arena_printf(sasl->arena, "%.*s%s", SLICE_FMT(scram->client_nonce), scram->server_nonce));
	scram->server_first =
	    slice_str(arena_printf(sasl->arena, "r=%.*s,s=%s,i=%u", SLICE_FMT(scram->nonce),
	                           encoded(sasl, sasl->user.salt, SCRAM_SALT), sasl->user.iterations));
	*ret_challenge = scram->server_first;
	return SASL_CHALLENGE;
}

static bool decodes_to(struct slice text, uint8_t *out, size_t size)
{
	size_t len;

	return sodium_base642bin(out, size, (const char *)text.data, text.len, NULL, &len, NULL,
	                         sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       len == size;
}

/* cbind-input = gs2-header [cbind-data]: the header again, as nobody on the way has changed it, and the connection's. */
static bool is_binding(const struct sasl *sasl, struct slice text)
{
	const struct slice header = ((const struct scram *)sasl->state)->gs2_header;
	size_t bound = binds(sasl) ? SASL_BINDING : 0, len = header.len + bound;
	uint8_t *said = arena_alloc(sasl->arena, len);

	return decodes_to(text, said, len) && slice_eq(slice_of(said, header.len), header) &&
	       sodium_memcmp(said + header.len, sasl->binding, bound) == 0;
}

/* client-final-message = channel-binding "," nonce ["," extensions] "," proof. What is wrong, or NULL. */
static const char *parse_final(const struct sasl *sasl, struct slice message, struct client_final *ret)
{
	const struct scram *scram = sasl->state;
	struct slice rest, binding, nonce, proof = slice_of(NULL, 0);
	ptrdiff_t at = -1;

	for (size_t i = 0; i < message.len; i++) /* the last attribute */
		if (message.data[i] == ',')
			at = (ptrdiff_t)i;
	if (at < 0)
		return "SCRAM: malformed end";
	ret->without_proof = rest = slice_first(message, (size_t)at);
	proof = slice_from(message, (size_t)at + 1);
	if (!attribute(&rest, 'c', &binding) || !is_binding(sasl, binding))
		return "SCRAM: the channel binding is another than this connection's";
	if (!attribute(&rest, 'r', &nonce) || !slice_eq(nonce, scram->nonce))
		return "SCRAM: wrong nonce";
	if (!extensions(rest))
		return "SCRAM: malformed or mandatory extension";
	if (!slice_starts(proof, "p=") || !decodes_to(slice_from(proof, 2), ret->proof, sizeof(ret->proof)))
		return "SCRAM: malformed proof";
	return NULL;
}

/* HMAC(key, AuthMessage) */
static void sign(const struct scram *scram, const uint8_t key[HASH], struct slice without_proof,
                 uint8_t out[HASH])
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, key, HASH);
	crypto_auth_hmacsha256_update(&state, scram->first_bare.data, scram->first_bare.len);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)",", 1);
	crypto_auth_hmacsha256_update(&state, scram->server_first.data, scram->server_first.len);
	crypto_auth_hmacsha256_update(&state, (const uint8_t *)",", 1);
	crypto_auth_hmacsha256_update(&state, without_proof.data, without_proof.len);
	crypto_auth_hmacsha256_final(&state, out);
}

static enum sasl_next client_final(struct sasl *sasl, struct slice response, struct slice *ret_challenge)
{
	const struct scram *scram = sasl->state;
	uint8_t client_key[HASH], stored_key[HASH], signature[HASH];
	struct client_final final;
	const char *wrong = parse_final(sasl, response, &final);
	bool proven;

	if (wrong)
		return sasl_fail(sasl, wrong);
	sign(scram, sasl->user.stored_key, final.without_proof, signature);
	for (size_t i = 0; i < HASH; i++)
		client_key[i] = final.proof[i] ^ signature[i];
	crypto_hash_sha256(stored_key, client_key, sizeof(client_key));
	proven = sodium_memcmp(stored_key, sasl->user.stored_key, HASH) == 0 && sasl->user_known;
	secret_wipe(client_key, sizeof(client_key));
	if (!proven)
		return sasl_fail(sasl, sasl->user_known ? "SCRAM: wrong password" : "SCRAM: no such user");
	sign(scram, sasl->user.server_key, final.without_proof, signature);
	*ret_challenge =
	    slice_str(arena_printf(sasl->arena, "v=%s", encoded(sasl, signature, sizeof(signature))));
	return SASL_OK;
}

static enum sasl_next scram_step(struct sasl *sasl, struct slice response, struct slice *ret_challenge)
{
	const struct scram *scram = sasl->state;

	if (scram->server_first.data)
		return client_final(sasl, response, ret_challenge);
	if (sasl->user_came)
		return server_first(sasl, ret_challenge);
	if (!response.data && sasl->at == 0)
		return SASL_CHALLENGE; /* the client speaks first */
	return client_first(sasl, response);
}

void sasl_scram_set_nonce(struct sasl *sasl, const char *nonce)
{
	struct scram *scram = sasl->state;

	assert(sasl->mechanism == &sasl_scram_sha256 || sasl->mechanism == &sasl_scram_sha256_plus);
	scram->server_nonce = nonce;
}

const struct sasl_mechanism sasl_scram_sha256 = {
	.name = "SCRAM-SHA-256",
	.state_size = sizeof(struct scram),
	.step = scram_step,
};

const struct sasl_mechanism sasl_scram_sha256_plus = {
	.name = "SCRAM-SHA-256-PLUS",
	.state_size = sizeof(struct scram),
	.needs = SASL_NEEDS_BINDING,
	.step = scram_step,
};
