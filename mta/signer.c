/* The cache of signing keys (signer.h). */
#include "signer.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "suite/directory.h"

#define KEEP_MS     600000
#define DOMAINS_MAX 20000
#define KEYS_MAX    8 /* signatures on one message */
#define PEM_MAX     16384
#define FIELDS_MAX  (64 * 1024)

struct keys { /* of one domain; n 0: not ours, or nothing active */
	struct sign_key *list[KEYS_MAX];
	size_t n;
	int64_t made;
};

struct signer {
	struct stack *stack;
	const struct account_key *queue_key;
	pthread_mutex_t lock;
	struct map *domains; /* name -> struct keys */
	uint64_t forgotten;  /* how often: what was read before is not kept after */
};

static void keys_drop(struct keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		sign_key_unref(keys->list[i]);
}

struct signer *signer_new(struct stack *stack, const struct account_key *queue_key)
{
	struct signer *signer = xzalloc(sizeof(*signer));

	signer->stack = stack;
	signer->queue_key = queue_key;
	pthread_mutex_init(&signer->lock, NULL);
	signer->domains = map_new();
	return signer;
}

/* Under the lock. */
static void forget_all(struct signer *signer)
{
	struct slice name;
	void *keys;

	for (size_t at = 0; map_next(signer->domains, &at, &name, &keys);) {
		map_del(signer->domains, name);
		keys_drop(keys);
		free(keys);
	}
}

void signer_forget(struct signer *signer)
{
	pthread_mutex_lock(&signer->lock);
	signer->forgotten++;
	forget_all(signer);
	pthread_mutex_unlock(&signer->lock);
}

void signer_free(struct signer *signer)
{
	if (!signer)
		return;
	forget_all(signer);
	map_free(signer->domains);
	pthread_mutex_destroy(&signer->lock);
	free(signer);
}

/* ---- reading ---- */

static enum fault open_key(const struct signer *signer, const struct domain *domain,
                           const struct dkim_selector *selector, struct sign_key **ret, struct why *why)
{
	const bool ed25519 = selector->algorithm == DKIM_ED25519_SHA256;
	struct buf pem;
	enum fault fault;

	buf_init(&pem, PEM_MAX);
	fault = public_open(signer->queue_key, selector->sealed, &pem, why);
	if (!fault)
		fault =
		    sign_key_new(domain->name, selector->selector,
		                 ed25519 ? SIGN_ED25519_SHA256 : SIGN_RSA_SHA256, buf_slice(&pem), ret, why);
	secret_wipe(pem.data, pem.cap);
	buf_done(&pem);
	return fault;
}

static void read_selectors(const struct signer *signer, const struct domain *domain, struct keys *keys)
{
	for (size_t i = 0; i < domain->n_selectors && keys->n < KEYS_MAX; i++) {
		struct why why = { "" };
		enum fault fault;

		if (!domain->selectors[i].active)
			continue;
		fault = open_key(signer, domain, &domain->selectors[i], &keys->list[keys->n], &why);
		if (fault)
			log_fault(NULL, fault, &why,
			          "a DKIM key cannot be used, mail goes without its signature");
		else
			keys->n++;
	}
}

static enum fault read_keys(const struct signer *signer, struct slice name, struct keys *ret, struct why *why)
{
	struct arena *arena = arena_new();
	struct keys keys = { .made = clock_mono_ms() };
	struct domain domain;
	enum fault fault = domain_get(signer->stack, name, arena, &domain, why);

	if (!fault)
		read_selectors(signer, &domain, &keys);
	arena_free(arena);
	if (fault && fault != FAULT_NOT_FOUND)
		return fault;
	*ret = keys;
	return FAULT_NONE;
}

/* ---- the cache ---- */

static void take_refs(const struct keys *keys, struct keys *ret)
{
	*ret = *keys;
	for (size_t i = 0; i < keys->n; i++)
		sign_key_ref(keys->list[i]);
}

static bool recall(struct signer *signer, struct slice name, struct keys *ret, uint64_t *ret_forgotten)
{
	const struct keys *keys;
	bool fresh;

	pthread_mutex_lock(&signer->lock);
	*ret_forgotten = signer->forgotten;
	keys = map_get(signer->domains, name);
	fresh = keys && clock_mono_ms() - keys->made < KEEP_MS;
	if (fresh)
		take_refs(keys, ret);
	pthread_mutex_unlock(&signer->lock);
	return fresh;
}

static void remember(struct signer *signer, struct slice name, const struct keys *keys, uint64_t forgotten)
{
	struct keys *kept = xzalloc(sizeof(*kept)), *before = NULL;

	take_refs(keys, kept);
	pthread_mutex_lock(&signer->lock);
	if (signer->forgotten == forgotten) {
		if (map_count(signer->domains) >= DOMAINS_MAX)
			forget_all(signer);
		before = map_put(signer->domains, name, kept);
	} else {
		before = kept;
	}
	pthread_mutex_unlock(&signer->lock);
	if (before)
		keys_drop(before);
	free(before);
}

static enum fault get_keys(struct signer *signer, struct slice name, struct keys *ret, struct why *why)
{
	uint64_t forgotten;
	enum fault fault;

	if (recall(signer, name, ret, &forgotten))
		return FAULT_NONE;
	fault = read_keys(signer, name, ret, why);
	if (!fault)
		remember(signer, name, ret, forgotten);
	return fault;
}

enum fault signer_sign(struct signer *signer, struct slice header, const uint8_t body_hash[SIGN_HASH],
                       int64_t now_ms, struct buf *out, struct why *why)
{
	struct arena *arena = arena_new();
	struct slice name = sign_from_domain(header, arena);
	struct keys keys = { .n = 0 };
	enum fault fault = FAULT_NONE;

	if (name.data)
		fault = get_keys(signer, name, &keys, why);
	for (size_t i = 0; i < keys.n && !fault; i++)
		fault = sign_message(keys.list[i], header, body_hash, now_ms, out, why);
	keys_drop(&keys);
	arena_free(arena);
	return fault;
}
