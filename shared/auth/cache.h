#ifndef SHARED_AUTH_CACHE_H
#define SHARED_AUTH_CACHE_H
/*
 * Logins verified lately, so that five connections of one client do not cost
 * five Argon2 runs: a keyed hash (process-random key) of account, verifier and
 * password, for `ttl_ms`. Since the verifier is hashed in, a changed password misses by itself;
 * login_cache_forget() drops an account at once. Safe from any thread.
 */
#include "base/rand.h"

struct login_cache;

struct login_cache *login_cache_new(int64_t ttl_ms, size_t entries_max);
void login_cache_free(struct login_cache *);
bool login_cache_knows(struct login_cache *, const struct id *account, const char *argon,
                       struct slice password);
void login_cache_add(struct login_cache *, const struct id *account, const char *argon,
                     struct slice password);
void login_cache_forget(struct login_cache *, const struct id *account);
void login_cache_set_clock(struct login_cache *,
                           int64_t (*now_ms)(void)); /* in place of clock_mono_ms(); for tests */

#endif
