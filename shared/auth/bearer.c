/* Bearer tokens (bearer.h). */
#include "auth/bearer.h"

#include <jansson.h>
#include <math.h>

#include "base/base64.h"

#define LOGIN_MAX 1024

/* ---- claims ---- */

/* NumericDate: seconds, perhaps with a fraction. False when it is there and is none. */
static bool date(const json_t *claims, const char *name, int64_t *ret)
{
	const json_t *value = json_object_get(claims, name);
	double seconds = json_number_value(value);

	*ret = 0;
	if (!value)
		return true;
	if (!json_is_number(value) || !isfinite(seconds) || seconds < 1 || seconds > 1e12)
		return false;
	*ret = (int64_t)seconds;
	return true;
}

static bool is(const json_t *value, const char *text)
{
	return json_is_string(value) && json_string_length(value) == strlen(text) &&
	       strcmp(json_string_value(value), text) == 0;
}

/* A string, or an array of strings with it (RFC 7519 section 4.1.3). */
static bool names(const json_t *value, const char *text)
{
	const json_t *one;
	size_t i;

	json_array_foreach(value, i, one) if (is(one, text)) return true;
	return is(value, text);
}

/* Words of one string (RFC 9068 section 2.2.3), or the array that some issuers write. */
static bool has_scope(const json_t *claims, const char *scope)
{
	const json_t *value = json_object_get(claims, "scope");
	struct slice rest, word;

	if (!value)
		value = json_object_get(claims, "scp");
	if (!json_is_string(value))
		return names(value, scope);
	rest = slice_of(json_string_value(value), json_string_length(value));
	while (slice_cut(&rest, ' ', &word))
		if (slice_eq(word, slice_str(scope)))
			return true;
	return false;
}

static enum fault check_times(const json_t *claims, const struct bearer_expect *expect, int64_t *ret_expires,
                              struct why *why)
{
	int64_t expires, begins, made;

	if (!date(claims, "exp", &expires) || !date(claims, "nbf", &begins) || !date(claims, "iat", &made))
		return fault_set(why, FAULT_AUTH, "a token with a time that is none");
	if (expires && expires + BEARER_LEEWAY <= expect->now)
		return fault_set(why, FAULT_AUTH, "a token that has expired");
	if (MAX_OF(begins, made) > expect->now + BEARER_LEEWAY)
		return fault_set(why, FAULT_AUTH, "a token that does not hold yet");
	*ret_expires = expires;
	return FAULT_NONE;
}

/* `strict`: who has issued it must be said; else that is known from whom was asked. */
static enum fault check_parties(const json_t *claims, const struct bearer_expect *expect, bool strict,
                                struct why *why)
{
	const json_t *issuer = json_object_get(claims, "iss"), *audience = json_object_get(claims, "aud");

	if (*expect->issuer && (issuer || strict) && !is(issuer, expect->issuer))
		return fault_set(why, FAULT_AUTH, "a token by another issuer");
	if (*expect->audience && !names(audience, expect->audience))
		return fault_set(why, FAULT_AUTH, "a token for another audience");
	if (*expect->scope && !has_scope(claims, expect->scope))
		return fault_set(why, FAULT_AUTH, "a token without the scope %s", expect->scope);
	return FAULT_NONE;
}

static enum fault find_login(const json_t *claims, const struct bearer_expect *expect, struct arena *arena,
                             struct slice *ret, struct why *why)
{
	const json_t *value = json_object_get(claims, expect->claim);
	const size_t len = json_string_length(value);

	if (!json_is_string(value) || len == 0 || len > LOGIN_MAX ||
	    memchr(json_string_value(value), '\0', len))
		return fault_set(why, FAULT_AUTH, "a token without the claim %s", expect->claim);
	if (strcmp(expect->claim, "email") == 0 && json_is_false(json_object_get(claims, "email_verified")))
		return fault_set(why, FAULT_AUTH, "a token with an address that its issuer has not verified");
	*ret = arena_copy(arena, slice_of(json_string_value(value), len));
	return FAULT_NONE;
}

static enum fault check_claims(const json_t *claims, const struct bearer_expect *expect, bool strict,
                               struct arena *arena, struct bearer *ret, struct why *why)
{
	struct bearer bearer;
	enum fault fault = check_times(claims, expect, &bearer.expires, why);

	if (!fault && strict && !bearer.expires)
		fault = fault_set(why, FAULT_AUTH, "a token that never expires");
	if (!fault)
		fault = check_parties(claims, expect, strict, why);
	if (!fault)
		fault = find_login(claims, expect, arena, &bearer.login, why);
	if (!fault)
		*ret = bearer;
	return fault;
}

/* ---- JSON Web Tokens ---- */

struct parts {
	struct slice header, claims, signature, text; /* as they stand; text: what is signed */
};

static bool cut(struct slice token, struct parts *ret)
{
	struct slice rest = token;

	if (!slice_cut(&rest, '.', &ret->header) || !slice_cut(&rest, '.', &ret->claims) || !rest.data)
		return false;
	ret->signature = rest;
	ret->text = slice_first(token, ret->header.len + 1 + ret->claims.len);
	return ret->header.len && ret->claims.len && slice_chr(rest, '.') < 0;
}

bool bearer_is_jwt(struct slice token)
{
	struct parts parts;

	return cut(token, &parts);
}

/* An object in base64url; NULL: it is none. */
static json_t *object_of(struct slice text)
{
	json_t *object = NULL;
	struct buf plain;

	buf_init(&plain, BEARER_TOKEN_MAX);
	if (base64url_decode(&plain, text))
		object = json_loadb((const char *)plain.data, plain.len, JSON_REJECT_DUPLICATES, NULL);
	buf_done(&plain);
	if (json_is_object(object))
		return object;
	json_decref(object);
	return NULL;
}

/* "JWT", or an access token by its own name (RFC 9068); none is allowed as well. */
static bool is_type(const json_t *value)
{
	static const char *const types[] = { "JWT", "at+jwt", "application/at+jwt" };

	for (size_t i = 0; json_is_string(value) && i < ARRAY_LEN(types); i++)
		if (slice_is(slice_str(json_string_value(value)), types[i]))
			return true;
	return !value;
}

static enum fault check_signature(const struct jwk_set *keys, const json_t *header, const struct parts *parts,
                                  struct why *why)
{
	const enum jwk_algorithm algorithm =
	    jwk_algorithm_of(json_string_value(json_object_get(header, "alg")));
	const json_t *kid = json_object_get(header, "kid");
	struct buf signature;
	enum fault fault;

	if (algorithm == JWK_NONE)
		return fault_set(why, FAULT_AUTH, "a token of an algorithm that is not allowed");
	if (!is_type(json_object_get(header, "typ")) || json_object_get(header, "crit") ||
	    (kid && !json_is_string(kid)))
		return fault_set(why, FAULT_AUTH, "a token of another kind");
	buf_init(&signature, BEARER_TOKEN_MAX);
	if (base64url_decode(&signature, parts->signature))
		fault = jwk_verify(keys, algorithm, json_string_value(kid), parts->text,
		                   buf_slice(&signature), why);
	else
		fault = fault_set(why, FAULT_AUTH, "a token with a malformed signature");
	buf_done(&signature);
	return fault;
}

enum fault bearer_check_jwt(const struct jwk_set *keys, struct slice token,
                            const struct bearer_expect *expect, struct arena *arena, struct bearer *ret,
                            struct why *why)
{
	struct parts parts;
	json_t *header, *claims = NULL;
	enum fault fault;

	if (token.len > BEARER_TOKEN_MAX || !cut(token, &parts))
		return fault_set(why, FAULT_AUTH, "this is no token");
	header = object_of(parts.header);
	fault = header ? check_signature(keys, header, &parts, why)
	               : fault_set(why, FAULT_AUTH, "a token with a malformed header");
	if (!fault) {
		claims = object_of(parts.claims);
		fault = claims ? check_claims(claims, expect, true, arena, ret, why)
		               : fault_set(why, FAULT_AUTH, "a token with malformed claims");
	}
	json_decref(header);
	json_decref(claims);
	return fault;
}

/* ---- introspection ---- */

enum fault bearer_check_answer(struct slice json, const struct bearer_expect *expect, struct arena *arena,
                               struct bearer *ret, struct why *why)
{
	json_t *answer = json_loadb((const char *)json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
	enum fault fault;

	if (!json_is_boolean(json_object_get(answer, "active")))
		fault = fault_set(why, FAULT_CORRUPT, "an introspection's answer does not say \"active\"");
	else if (json_is_false(json_object_get(answer, "active")))
		fault = fault_set(why, FAULT_AUTH, "a token that its issuer calls inactive");
	else
		fault = check_claims(answer, expect, false, arena, ret, why);
	json_decref(answer);
	return fault;
}
