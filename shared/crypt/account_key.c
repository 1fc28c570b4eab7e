/*
 * Account keys and content keys (account_key.h).
 *
 * Everything that is sealed under an account's private key is sealed under one of three subkeys of it
 * (crypto_kdf, contexts below), made once when the key is loaded:
 *   wrap  content keys; the nonce is the content id. One content id has one content key for ever, so a
 *         nonce comes back only with the same plaintext.
 *   seal  metadata; each purpose has a key of its own under this one, the nonce is random.
 *   name  keyed hashes of names.
 */
#include "crypt/account_key.h"

#include <assert.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"

#define KEY   crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG   crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(WRAPPED_BOX_SIZE == crypto_box_SEALBYTES + sizeof(struct content_key), "a sealed box");
_Static_assert(WRAPPED_SYMMETRIC_SIZE == TAG + sizeof(struct content_key), "a ciphertext and its tag");
_Static_assert(ACCOUNT_SEAL_OVERHEAD == NONCE + TAG, "a nonce and a tag");
_Static_assert(PUBLIC_SEAL_OVERHEAD == crypto_box_SEALBYTES, "a sealed box");

struct material { /* bytes only: it lies in guarded memory, which is aligned for nothing else */
	uint8_t private[crypto_box_SECRETKEYBYTES];
	uint8_t public[crypto_box_PUBLICKEYBYTES];
	uint8_t wrap[KEY], seal[KEY], name[KEY];
};

struct account_key {
	atomic_uint refs;
	uint8_t generation;
	struct secret *memory;
	const struct material *is; /* in `memory` */
};

static void subkey(uint8_t out[KEY], const char context[crypto_kdf_CONTEXTBYTES + 1], const uint8_t *private)
{
	crypto_kdf_derive_from_key(out, KEY, 1, context, private);
}

/* Takes the memory, whose private part is filled. */
static struct account_key *from_memory(struct secret *memory, uint8_t generation)
{
	struct material *material = (struct material *)(void *)secret_data(memory);
	struct account_key *key = xzalloc(sizeof(*key));

	assert(generation > 0);
	crypto_scalarmult_base(material->public, material->private);
	subkey(material->wrap, "phakwrap", material->private);
	subkey(material->seal, "phakseal", material->private);
	subkey(material->name, "phakname", material->private);
	sodium_mprotect_readonly(secret_data(memory));
	atomic_init(&key->refs, 1);
	key->generation = generation;
	key->memory = memory;
	key->is = material;
	return key;
}

struct account_key *account_key_new(uint8_t generation)
{
	struct secret *memory = secret_new(sizeof(struct material));

	rand_bytes(secret_data(memory), crypto_box_SECRETKEYBYTES);
	return from_memory(memory, generation);
}

enum fault account_key_from(struct slice secret, uint8_t generation, struct account_key **ret,
                            struct why *why)
{
	struct secret *memory;

	if (secret.len != crypto_box_SECRETKEYBYTES || generation == 0)
		return fault_set(why, FAULT_CORRUPT, "no account key: %zu bytes, generation %u", secret.len,
		                 generation);
	memory = secret_new(sizeof(struct material));
	memcpy(secret_data(memory), secret.data, secret.len);
	*ret = from_memory(memory, generation);
	return FAULT_NONE;
}

struct account_key *account_key_ref(struct account_key *key)
{
	atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
	return key;
}

void account_key_unref(struct account_key *key)
{
	if (!key || atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) != 1)
		return;
	secret_unref(key->memory);
	free(key);
}

void account_key_public(const struct account_key *key, struct account_public *ret)
{
	memcpy(ret->raw, key->is->public, sizeof(ret->raw));
}

uint8_t account_key_generation(const struct account_key *key)
{
	return key->generation;
}

struct slice account_key_secret(const struct account_key *key)
{
	return slice_of(key->is->private, sizeof(key->is->private));
}

void content_key_new(struct content_key *ret)
{
	rand_bytes(ret->raw, sizeof(ret->raw));
}

bool content_key_box(const struct account_public *public, uint8_t generation,
                     const struct content_key *content_key, struct wrapped_key *ret)
{
	*ret = (struct wrapped_key){ .kind = WRAPPED_BOX, .generation = generation };
	if (crypto_box_seal(ret->raw, content_key->raw, sizeof(content_key->raw), public->raw) == 0)
		return true;
	*ret = (struct wrapped_key){ .kind = WRAPPED_NONE };
	return false;
}

static void content_nonce(uint8_t nonce[NONCE], const struct id *content)
{
	memset(nonce, 0, NONCE);
	memcpy(nonce, content->raw, sizeof(content->raw));
}

void content_key_wrap(const struct account_key *key, const struct id *content,
                      const struct content_key *content_key, struct wrapped_key *ret)
{
	uint8_t nonce[NONCE];

	*ret = (struct wrapped_key){ .kind = WRAPPED_SYMMETRIC, .generation = key->generation };
	content_nonce(nonce, content);
	crypto_aead_xchacha20poly1305_ietf_encrypt(ret->raw, NULL, content_key->raw, sizeof(content_key->raw),
	                                           NULL, 0, NULL, nonce, key->is->wrap);
}

enum fault content_key_open(const struct account_key *key, const struct id *content,
                            const struct wrapped_key *wrapped, struct content_key *ret, struct why *why)
{
	struct content_key opened;
	uint8_t nonce[NONCE];
	int failed = -1;

	if (wrapped->generation != key->generation)
		return fault_set(why, FAULT_CORRUPT,
		                 "a content key is wrapped for generation %u, the account key is %u",
		                 wrapped->generation, key->generation);
	if (wrapped->kind == WRAPPED_BOX) {
		failed = crypto_box_seal_open(opened.raw, wrapped->raw, WRAPPED_BOX_SIZE, key->is->public,
		                              key->is->private);
	} else if (wrapped->kind == WRAPPED_SYMMETRIC) {
		content_nonce(nonce, content);
		failed = crypto_aead_xchacha20poly1305_ietf_decrypt(opened.raw, NULL, NULL, wrapped->raw,
		                                                    WRAPPED_SYMMETRIC_SIZE, NULL, 0, nonce,
		                                                    key->is->wrap);
	}
	if (failed)
		return fault_set(why, FAULT_CORRUPT, "content key of %s does not open (kind %u)",
		                 id_print(content).text, wrapped->kind);
	*ret = opened;
	secret_wipe(&opened, sizeof(opened));
	return FAULT_NONE;
}

static void purpose_key(const struct account_key *key, const char *purpose, uint8_t out[KEY])
{
	crypto_generichash(out, KEY, (const uint8_t *)purpose, strlen(purpose), key->is->seal, KEY);
}

bool account_seal(const struct account_key *key, const char *purpose, struct slice bound, struct slice plain,
                  struct buf *out)
{
	uint8_t *nonce = buf_room(out, plain.len + ACCOUNT_SEAL_OVERHEAD);
	uint8_t own[KEY];

	if (!nonce)
		return false;
	purpose_key(key, purpose, own);
	rand_bytes(nonce, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE, NULL, plain.data, plain.len, bound.data,
	                                           bound.len, NULL, nonce, own);
	secret_wipe(own, sizeof(own));
	out->len += plain.len + ACCOUNT_SEAL_OVERHEAD;
	return true;
}

enum fault account_open(const struct account_key *key, const char *purpose, struct slice bound,
                        struct slice sealed, struct buf *out, struct why *why)
{
	uint8_t *room, own[KEY];
	size_t len;
	int failed;

	if (sealed.len < ACCOUNT_SEAL_OVERHEAD)
		return fault_set(why, FAULT_CORRUPT, "a sealed %s of %zu bytes", purpose, sealed.len);
	len = sealed.len - ACCOUNT_SEAL_OVERHEAD;
	room = buf_room(out, len);
	if (!room)
		return fault_set(why, FAULT_TOO_BIG, "a sealed %s of %zu bytes does not fit", purpose,
		                 sealed.len);
	purpose_key(key, purpose, own);
	failed = crypto_aead_xchacha20poly1305_ietf_decrypt(room, NULL, NULL, sealed.data + NONCE,
	                                                    sealed.len - NONCE, bound.data, bound.len,
	                                                    sealed.data, own);
	secret_wipe(own, sizeof(own));
	if (failed)
		return fault_set(why, FAULT_CORRUPT, "a sealed %s of %zu bytes does not open", purpose,
		                 sealed.len);
	out->len += len;
	return FAULT_NONE;
}

struct id account_name_hash(const struct account_key *key, const struct id *parent, struct slice name)
{
	crypto_generichash_state state;
	struct id hash;

	crypto_generichash_init(&state, key->is->name, KEY, sizeof(hash.raw));
	crypto_generichash_update(&state, parent->raw, sizeof(parent->raw));
	crypto_generichash_update(&state, name.data, name.len);
	crypto_generichash_final(&state, hash.raw, sizeof(hash.raw));
	secret_wipe(&state, sizeof(state));
	return hash;
}

bool public_seal(const struct account_public *public, struct slice plain, struct buf *out)
{
	uint8_t *room = buf_room(out, plain.len + PUBLIC_SEAL_OVERHEAD);

	if (!room || crypto_box_seal(room, plain.data, plain.len, public->raw) != 0)
		return false;
	out->len += plain.len + PUBLIC_SEAL_OVERHEAD;
	return true;
}

enum fault public_open(const struct account_key *key, struct slice sealed, struct buf *out, struct why *why)
{
	uint8_t *room;
	size_t len;

	if (sealed.len < PUBLIC_SEAL_OVERHEAD)
		return fault_set(why, FAULT_CORRUPT, "a sealed box of %zu bytes", sealed.len);
	len = sealed.len - PUBLIC_SEAL_OVERHEAD;
	room = buf_room(out, len);
	if (!room)
		return fault_set(why, FAULT_TOO_BIG, "a sealed box of %zu bytes does not fit", sealed.len);
	if (crypto_box_seal_open(room, sealed.data, sealed.len, key->is->public, key->is->private) != 0)
		return fault_set(why, FAULT_CORRUPT, "a sealed box of %zu bytes does not open", sealed.len);
	out->len += len;
	return FAULT_NONE;
}
