/* SASL (sasl.h): which mechanisms there are, and what holds for each of their steps. */
#include "auth/sasl.h"

#include <assert.h>

#include "auth/sasl_mechanism.h"
#include "base/rand.h"
#include "base/utf8.h"

static const struct sasl_mechanism *const mechanisms[] = {
	&sasl_plain,    &sasl_login_mechanism, &sasl_scram_sha256, &sasl_scram_sha256_plus,
	&sasl_external, &sasl_oauthbearer,     &sasl_xoauth2,
};

static void wipe(void *object)
{
	struct sasl *sasl = object;

	secret_wipe(sasl->state, sasl->mechanism->state_size);
	secret_wipe(&sasl->user, sizeof(sasl->user));
	secret_wipe(sasl->binding, sizeof(sasl->binding));
	if (sasl->password)
		secret_wipe(sasl->password, sasl->password_len);
}

static bool is_offered(const struct sasl_mechanism *mechanism, const struct sasl_offer *offer)
{
	switch (mechanism->needs) {
	case SASL_NEEDS_TLS:
		return offer->tls;
	case SASL_NEEDS_BINDING:
		return offer->binding;
	case SASL_NEEDS_CERTIFICATE:
		return offer->n_proven;
	case SASL_NEEDS_TOKENS:
		return offer->tls && offer->tokens;
	case SASL_NEEDS_NOTHING:
		break;
	}
	return true;
}

static void keep_offer(struct sasl *sasl, const struct sasl_offer *offer)
{
	struct slice *proven = arena_array(sasl->arena, struct slice, offer->n_proven);

	for (size_t i = 0; i < offer->n_proven; i++)
		proven[i] = arena_copy(sasl->arena, offer->proven[i]);
	sasl->offer = *offer;
	sasl->offer.proven = proven;
	sasl->offer.tokens = offer->tokens ? arena_strdup(sasl->arena, offer->tokens) : NULL;
	if (offer->binding)
		sasl->offer.binding = memcpy(sasl->binding, offer->binding, SASL_BINDING);
}

struct sasl *sasl_new(struct arena *arena, struct slice mechanism, const struct sasl_offer *offer)
{
	for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++) {
		struct sasl *sasl;

		if (!slice_is(mechanism, mechanisms[i]->name) || !is_offered(mechanisms[i], offer))
			continue;
		sasl = arena_make(arena, struct sasl);
		sasl->mechanism = mechanisms[i];
		sasl->arena = arena;
		sasl->last = SASL_CHALLENGE;
		keep_offer(sasl, offer);
		sasl->state = arena_zalloc(arena, mechanisms[i]->state_size);
		arena_on_free(arena, wipe, sasl);
		return sasl;
	}
	return NULL;
}

const char *sasl_mechanisms(struct arena *arena, const struct sasl_offer *offer)
{
	const char *text = "";

	assert(offer->tls || (!offer->binding && !offer->n_proven));
	for (size_t i = 0; i < ARRAY_LEN(mechanisms); i++)
		if (is_offered(mechanisms[i], offer))
			text = arena_printf(arena, "%s%s%s", text, *text ? " " : "", mechanisms[i]->name);
	return text;
}

enum sasl_next sasl_fail(struct sasl *sasl, const char *error)
{
	sasl->error = error;
	return SASL_FAILED;
}

enum sasl_next sasl_step(struct sasl *sasl, struct slice response, struct slice *ret_challenge)
{
	*ret_challenge = SLICE("");
	assert(sasl->last != SASL_NEED_USER || sasl->user_came);
	if (sasl->last != SASL_CHALLENGE && sasl->last != SASL_NEED_USER && sasl->last != SASL_TOKEN)
		return sasl->last = sasl_fail(sasl, "a response after the end");
	if (response.len > SASL_RESPONSE_MAX)
		return sasl->last = sasl_fail(sasl, "response too long");
	sasl->last = sasl->mechanism->step(sasl, response, ret_challenge);
	sasl->at++;
	return sasl->last;
}

void sasl_user(struct sasl *sasl, const struct scram_keys *keys)
{
	sasl->user_came = sasl->user_known = true;
	sasl->user = *keys;
}

void sasl_nobody(struct sasl *sasl, const uint8_t salt[SCRAM_SALT])
{
	sasl->user_came = true;
	sasl->user.iterations = SCRAM_ITERATIONS;
	memcpy(sasl->user.salt, salt, SCRAM_SALT);
	rand_bytes(sasl->user.stored_key, sizeof(sasl->user.stored_key));
	rand_bytes(sasl->user.server_key, sizeof(sasl->user.server_key));
}

bool sasl_keep_name(struct sasl *sasl, struct slice name, struct slice *ret)
{
	if (name.len == 0 || name.len > SASL_NAME_MAX || !utf8_valid(name))
		return false;
	*ret = arena_copy(sasl->arena, name);
	return true;
}

bool sasl_keep_saslname(struct sasl *sasl, struct slice text, struct slice *ret)
{
	uint8_t plain[SASL_NAME_MAX];
	size_t len = 0;

	if (text.len > 3 * sizeof(plain))
		return false;
	while (text.len) {
		struct slice escape = slice_first(text, 3);
		bool comma = slice_is(escape, "=2C"), equals = slice_is(escape, "=3D");

		if (len == sizeof(plain) || (text.data[0] == '=' && !comma && !equals))
			return false;
		plain[len++] = comma ? ',' : equals ? '=' : text.data[0];
		text = slice_from(text, comma || equals ? 3 : 1);
	}
	return sasl_keep_name(sasl, slice_of(plain, len), ret);
}

bool sasl_keep_password(struct sasl *sasl, struct slice password)
{
	if (password.len == 0 || slice_chr(password, '\0') >= 0)
		return false;
	sasl->password = arena_alloc(sasl->arena, password.len);
	sasl->password_len = password.len;
	memcpy(sasl->password, password.data, password.len);
	return true;
}

struct slice sasl_login(const struct sasl *sasl)
{
	return sasl->login;
}

struct slice sasl_authzid(const struct sasl *sasl)
{
	return sasl->authzid;
}

struct slice sasl_password(const struct sasl *sasl)
{
	return slice_of(sasl->password, sasl->password_len);
}

const char *sasl_error(const struct sasl *sasl)
{
	return sasl->error ? sasl->error : "";
}
