/* Bearer tokens checked by their issuer's keys or word (oauth.h). */
#include "suite/oauth.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/bearer.h"
#include "base/clock.h"
#include "base/map.h"
#include "suite/fetch.h"
#include "suite/json.h"

#define FETCH_MS       5000
#define KEYS_FRESH_MS  (10 * 60000) /* until they are fetched again */
#define KEYS_LAST_MS   86400000     /* that they are good for while they cannot be */
#define KEYS_ASK_MS    10000        /* between two looks for a key that is not among them */
#define BACKOFF_MAX_MS 60000
#define ANSWER_MAX     (64 * 1024)
#define ANSWER_KEEP_S  300
#define ANSWERS_MAX    16384
#define SECRET_MAX     1024

/* A service that does not answer is left alone for longer and longer. Under oauth->lock. */
struct backoff {
	unsigned failures;
	int64_t until; /* clock_mono_ms() */
};

struct answer { /* an introspection's "yes" */
	char *login;
	int64_t until; /* seconds since 1970 */
};

struct oauth {
	const struct suite_conf *conf;
	char *client; /* "id:secret"; NULL: none */
	char *hint;
	pthread_mutex_t fetching; /* held by whoever fetches the keys */
	pthread_rwlock_t keys_lock;
	struct jwk_set *keys; /* under keys_lock */
	int64_t fetched_at;   /* clock_mono_ms(), under keys_lock */
	pthread_mutex_t lock; /* of what follows */
	struct backoff keys_backoff, ask_backoff;
	struct map *answers; /* hash of the token -> struct answer */
	struct id secret;    /* the hashes are made with */
};

/* ---- settings ---- */

static enum fault read_file(const char *path, struct buf *out, struct why *why)
{
	FILE *file = fopen(path, "re");
	uint8_t part[4096];
	bool fits = true;
	size_t n;

	if (!file)
		return fault_errno(why, errno, "cannot read %s", path);
	while (fits && (n = fread(part, 1, sizeof(part), file)) > 0)
		fits = buf_add_slice(out, slice_of(part, n));
	fclose(file);
	return fits ? FAULT_NONE
	            : fault_set(why, FAULT_TOO_BIG, "%s is larger than %zu bytes", path, out->limit);
}

/* The first line of the file, "id:secret". */
static enum fault read_client(struct oauth *oauth, struct why *why)
{
	const char *path = oauth->conf->oauth_client_file;
	struct slice rest, line;
	struct buf text;
	enum fault fault;

	if (!*path)
		return FAULT_NONE;
	buf_init(&text, SECRET_MAX);
	fault = read_file(path, &text, why);
	rest = buf_slice(&text);
	if (!fault && (!slice_cut(&rest, '\n', &line) || slice_chr(line, ':') <= 0))
		fault =
		    fault_set(why, FAULT_CONFIG, "oauth_client_file: %s does not begin with id:secret", path);
	if (!fault) {
		line = slice_trim(line);
		oauth->client = xzalloc(line.len + 1);
		memcpy(oauth->client, line.data, line.len);
	}
	secret_wipe(text.data, text.len);
	buf_done(&text);
	return fault;
}

static enum fault check_settings(const struct suite_conf *conf, struct why *why)
{
	const bool is_url = strstr(conf->oauth_jwks, "://");

	if (*conf->oauth_jwks && (!*conf->oauth_issuer || !*conf->oauth_audience))
		return fault_set(
		    why, FAULT_CONFIG,
		    "oauth_jwks needs oauth_issuer and oauth_audience: tokens for others are not for us");
	if (is_url && !fetch_is_url(conf->oauth_jwks))
		return fault_set(why, FAULT_CONFIG, "oauth_jwks: %s is not https", conf->oauth_jwks);
	if (*conf->oauth_introspection && !fetch_is_url(conf->oauth_introspection))
		return fault_set(why, FAULT_CONFIG, "oauth_introspection: %s is not https",
		                 conf->oauth_introspection);
	if (!*conf->oauth_claim)
		return fault_set(why, FAULT_CONFIG, "oauth_claim is empty");
	return FAULT_NONE;
}

static char *make_hint(const struct suite_conf *conf)
{
	const char *slash = slice_ends(slice_str(conf->oauth_issuer), "/") ? "" : "/";
	struct arena *arena = arena_new();
	json_t *object = json_object();
	struct slice text;
	char *hint;

	if (*conf->oauth_scope)
		json_object_set_new(object, "scope", json_string(conf->oauth_scope));
	if (*conf->oauth_issuer)
		json_object_set_new(
		    object, "openid-configuration",
		    json_sprintf("%s%s.well-known/openid-configuration", conf->oauth_issuer, slash));
	text = json_write(object, arena); /* "{…}": its members, behind a comma */
	hint = xzalloc(text.len + 1);
	if (text.len > 2) {
		hint[0] = ',';
		memcpy(hint + 1, text.data + 1, text.len - 2);
	}
	arena_free(arena);
	return hint;
}

enum fault oauth_new(const struct suite_conf *conf, struct oauth **ret, struct why *why)
{
	struct oauth *oauth;
	enum fault fault;

	*ret = NULL;
	if (!*conf->oauth_jwks && !*conf->oauth_introspection)
		return FAULT_NONE;
	fault = check_settings(conf, why);
	if (fault)
		return fault;
	oauth = xzalloc(sizeof(*oauth));
	oauth->conf = conf;
	oauth->hint = make_hint(conf);
	oauth->answers = map_new();
	pthread_mutex_init(&oauth->fetching, NULL);
	pthread_rwlock_init(&oauth->keys_lock, NULL);
	pthread_mutex_init(&oauth->lock, NULL);
	oauth->secret = id_new();
	fault = read_client(oauth, why);
	if (fault)
		oauth_free(oauth);
	else
		*ret = oauth;
	return fault;
}

static void forget_answers(struct oauth *oauth)
{
	struct slice key;
	size_t at = 0;
	void *value;

	while (map_next(oauth->answers, &at, &key, &value)) {
		free(((struct answer *)value)->login);
		free(value);
	}
	map_free(oauth->answers);
}

void oauth_free(struct oauth *oauth)
{
	if (!oauth)
		return;
	forget_answers(oauth);
	jwk_set_free(oauth->keys);
	pthread_mutex_destroy(&oauth->fetching);
	pthread_rwlock_destroy(&oauth->keys_lock);
	pthread_mutex_destroy(&oauth->lock);
	if (oauth->client)
		secret_wipe(oauth->client, strlen(oauth->client));
	free(oauth->client);
	free(oauth->hint);
	free(oauth);
}

const char *oauth_hint(const struct oauth *oauth)
{
	return oauth ? oauth->hint : NULL;
}

/* ---- services that do not answer ---- */

static bool may_ask(struct oauth *oauth, const struct backoff *backoff)
{
	bool may;

	pthread_mutex_lock(&oauth->lock);
	may = clock_mono_ms() >= backoff->until;
	pthread_mutex_unlock(&oauth->lock);
	return may;
}

static void note_asked(struct oauth *oauth, struct backoff *backoff, enum fault fault)
{
	pthread_mutex_lock(&oauth->lock);
	backoff->failures = fault ? MIN_OF(backoff->failures + 1, 10U) : 0;
	backoff->until =
	    fault ? clock_mono_ms() + MIN_OF(INT64_C(500) << backoff->failures, (int64_t)BACKOFF_MAX_MS) : 0;
	pthread_mutex_unlock(&oauth->lock);
}

/* ---- keys ---- */

static enum fault load_keys(const struct oauth *oauth, struct jwk_set **ret, struct why *why)
{
	const char *from = oauth->conf->oauth_jwks;
	struct buf text;
	enum fault fault;

	buf_init(&text, JWK_TEXT_MAX);
	if (strstr(from, "://"))
		fault = fetch_get(&(struct fetch){ .url = from,
		                                   .ca_file = oauth->conf->oauth_ca_file,
		                                   .timeout_ms = FETCH_MS },
		                  &text, why);
	else
		fault = read_file(from, &text, why);
	if (!fault)
		fault = jwk_set_parse(buf_slice(&text), ret, why);
	buf_done(&text);
	return fault ? fault_add(why, FAULT_TEMP, "the issuer's keys") : FAULT_NONE;
}

/* Alone, under `fetching`: the keys as they are now, unless they are younger than `age_ms` or the issuer is left alone. */
static enum fault renew_keys(struct oauth *oauth, int64_t age_ms, struct why *why)
{
	struct jwk_set *fresh = NULL, *old;
	enum fault fault;
	int64_t age;

	pthread_rwlock_rdlock(&oauth->keys_lock);
	age = oauth->keys ? clock_mono_ms() - oauth->fetched_at : INT64_MAX;
	pthread_rwlock_unlock(&oauth->keys_lock);
	if (age < age_ms)
		return FAULT_NONE;
	if (!may_ask(oauth, &oauth->keys_backoff))
		return fault_set(why, FAULT_TEMP, "the issuer's keys could not be had a moment ago");
	fault = load_keys(oauth, &fresh, why);
	note_asked(oauth, &oauth->keys_backoff, fault);
	if (fault)
		return fault;
	pthread_rwlock_wrlock(&oauth->keys_lock);
	old = oauth->keys;
	oauth->keys = fresh;
	oauth->fetched_at = clock_mono_ms();
	pthread_rwlock_unlock(&oauth->keys_lock);
	jwk_set_free(old);
	return FAULT_NONE;
}

/* Sees to it that keys are there that are younger than `age_ms`, if they can be had. Who finds somebody fetching goes on
 * with those that are there. */
static enum fault want_keys(struct oauth *oauth, int64_t age_ms, struct why *why)
{
	enum fault fault = FAULT_NONE;
	int64_t age;

	pthread_rwlock_rdlock(&oauth->keys_lock);
	age = oauth->keys ? clock_mono_ms() - oauth->fetched_at : INT64_MAX;
	pthread_rwlock_unlock(&oauth->keys_lock);
	if (age < age_ms)
		return FAULT_NONE;
	if (age > KEYS_LAST_MS)
		pthread_mutex_lock(&oauth->fetching);
	else if (pthread_mutex_trylock(&oauth->fetching))
		return FAULT_NONE;
	fault = renew_keys(oauth, age_ms, why);
	pthread_mutex_unlock(&oauth->fetching);
	return age > KEYS_LAST_MS ? fault : FAULT_NONE;
}

static enum fault try_keys(struct oauth *oauth, struct slice token, const struct bearer_expect *expect,
                           struct arena *arena, struct bearer *ret, struct why *why)
{
	enum fault fault;

	pthread_rwlock_rdlock(&oauth->keys_lock);
	fault = oauth->keys ? bearer_check_jwt(oauth->keys, token, expect, arena, ret, why)
	                    : fault_set(why, FAULT_TEMP, "no keys of the issuer");
	pthread_rwlock_unlock(&oauth->keys_lock);
	return fault;
}

static enum fault check_jwt(struct oauth *oauth, struct slice token, const struct bearer_expect *expect,
                            struct arena *arena, struct bearer *ret, struct why *why)
{
	enum fault fault = want_keys(oauth, KEYS_FRESH_MS, why);

	if (!fault)
		fault = try_keys(oauth, token, expect, arena, ret, why);
	if (fault != FAULT_NOT_FOUND)
		return fault;
	fault = want_keys(oauth, KEYS_ASK_MS, why); /* the issuer may have changed its keys */
	if (!fault)
		fault = try_keys(oauth, token, expect, arena, ret, why);
	return fault == FAULT_NOT_FOUND ? FAULT_AUTH : fault;
}

/* ---- introspection ---- */

static void drop_answer(struct oauth *oauth, struct slice key)
{
	struct answer *answer = map_get(oauth->answers, key);

	if (!answer)
		return;
	map_del(oauth->answers, key);
	free(answer->login);
	free(answer);
}

static bool recall(struct oauth *oauth, struct slice key, int64_t now, struct arena *arena, struct slice *ret)
{
	const struct answer *answer;
	bool good;

	pthread_mutex_lock(&oauth->lock);
	answer = map_get(oauth->answers, key);
	good = answer && answer->until > now;
	if (good)
		*ret = slice_str(arena_strdup(arena, answer->login));
	else
		drop_answer(oauth, key);
	pthread_mutex_unlock(&oauth->lock);
	return good;
}

static void remember(struct oauth *oauth, struct slice key, const struct bearer *bearer, int64_t now)
{
	const int64_t keep = now + ANSWER_KEEP_S;
	struct answer *answer = xzalloc(sizeof(*answer));

	answer->login = xzalloc(bearer->login.len + 1);
	memcpy(answer->login, bearer->login.data, bearer->login.len);
	answer->until = bearer->expires ? MIN_OF(bearer->expires, keep) : keep;
	pthread_mutex_lock(&oauth->lock);
	if (map_count(oauth->answers) >= ANSWERS_MAX) { /* all of them: who is asked for again comes back */
		forget_answers(oauth);
		oauth->answers = map_new();
	}
	drop_answer(oauth, key);
	map_put(oauth->answers, key, answer);
	pthread_mutex_unlock(&oauth->lock);
}

static enum fault ask(struct oauth *oauth, struct slice token, struct buf *out, struct why *why)
{
	struct buf form;
	enum fault fault;

	if (!may_ask(oauth, &oauth->ask_backoff))
		return fault_set(why, FAULT_TEMP, "the issuer did not answer a moment ago");
	buf_init(&form, BEARER_TOKEN_MAX * 3 + 64);
	buf_adds(&form, "token_type_hint=access_token&token=");
	fetch_add_escaped(&form, token);
	buf_addc(&form, '\0');
	fault = fetch_get(&(struct fetch){ .url = oauth->conf->oauth_introspection,
	                                   .form = (const char *)form.data,
	                                   .user_colon_password = oauth->client,
	                                   .ca_file = oauth->conf->oauth_ca_file,
	                                   .timeout_ms = FETCH_MS },
	                  out, why);
	note_asked(oauth, &oauth->ask_backoff, fault);
	secret_wipe(form.data, form.len);
	buf_done(&form);
	return fault;
}

static enum fault introspect(struct oauth *oauth, struct slice token, const struct bearer_expect *expect,
                             struct arena *arena, struct bearer *ret, struct why *why)
{
	const struct id hash = id_derive(&oauth->secret, token);
	const struct slice key = id_slice(&hash);
	struct buf answer;
	enum fault fault;

	if (recall(oauth, key, expect->now, arena, &ret->login))
		return FAULT_NONE;
	buf_init(&answer, ANSWER_MAX);
	fault = ask(oauth, token, &answer, why);
	if (!fault)
		fault = bearer_check_answer(buf_slice(&answer), expect, arena, ret, why);
	buf_done(&answer);
	if (!fault)
		remember(oauth, key, ret, expect->now);
	return fault == FAULT_CORRUPT ? FAULT_TEMP : fault;
}

/* ---- both ---- */

enum fault oauth_check(struct oauth *oauth, struct slice token, struct arena *arena, struct slice *ret_login,
                       struct why *why)
{
	const struct suite_conf *conf = oauth->conf;
	const struct bearer_expect expect = {
		.issuer = conf->oauth_issuer,
		.audience = conf->oauth_audience,
		.scope = conf->oauth_scope,
		.claim = conf->oauth_claim,
		.now = clock_now() / 1000,
	};
	struct bearer bearer;
	enum fault fault;

	if (*conf->oauth_jwks && (bearer_is_jwt(token) || !*conf->oauth_introspection))
		fault = check_jwt(oauth, token, &expect, arena, &bearer, why);
	else
		fault = introspect(oauth, token, &expect, arena, &bearer, why);
	if (!fault)
		*ret_login = bearer.login;
	return fault;
}
