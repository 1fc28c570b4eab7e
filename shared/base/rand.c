/* Random bytes and ids (rand.h), on libsodium. */
#include "base/rand.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

void rand_start(void)
{
	if (sodium_init() < 0) {
		fputs("posthouse: libsodium does not start\n", stderr);
		abort();
	}
}

void rand_bytes(void *out, size_t len)
{
	randombytes_buf(out, len);
}

uint32_t rand_below(uint32_t limit)
{
	return randombytes_uniform(limit);
}

int64_t rand_jitter(int64_t ms)
{
	int64_t spread = ms / 2;

	if (spread <= 0)
		return ms;
	return ms - spread / 2 + (int64_t)rand_below((uint32_t)MIN_OF(spread, (int64_t)UINT32_MAX - 1) + 1);
}

struct id id_new(void)
{
	struct id id;

	rand_bytes(id.raw, sizeof(id.raw));
	return id;
}

bool id_is_zero(const struct id *id)
{
	return sodium_is_zero(id->raw, sizeof(id->raw)) == 1;
}

bool id_eq(const struct id *a, const struct id *b)
{
	return memcmp(a->raw, b->raw, sizeof(a->raw)) == 0;
}

struct id_text id_print(const struct id *id)
{
	struct id_text text;

	sodium_bin2hex(text.text, sizeof(text.text), id->raw, sizeof(id->raw));
	return text;
}

bool id_parse(struct slice text, struct id *ret)
{
	struct id id;
	size_t len;

	if (text.len != 2 * sizeof(id.raw) ||
	    sodium_hex2bin(id.raw, sizeof(id.raw), (const char *)text.data, text.len, NULL, &len, NULL) != 0)
		return false;
	*ret = id;
	return true;
}

bool id_from(struct slice raw, struct id *ret)
{
	if (raw.len != sizeof(ret->raw))
		return false;
	memcpy(ret->raw, raw.data, raw.len);
	return true;
}

struct id id_derive(const struct id *from, struct slice with)
{
	crypto_generichash_state state;
	uint8_t hash[crypto_generichash_BYTES];
	struct id id;

	crypto_generichash_init(&state, NULL, 0, sizeof(hash));
	crypto_generichash_update(&state, from->raw, sizeof(from->raw));
	crypto_generichash_update(&state, with.data, with.len);
	crypto_generichash_final(&state, hash, sizeof(hash));
	memcpy(id.raw, hash, sizeof(id.raw));
	return id;
}
