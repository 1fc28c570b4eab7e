/* A ring's text and a wrapped key are bytes from outside: parse, grow, drop, unwrap. What was grown parses again. */
#include <stdlib.h>

#include "crypt/keyring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct keyring *must_parse(const struct buf *text)
{
	struct keyring *ring;

	if (keyring_parse(buf_slice(text), &ring, NULL))
		abort();
	return ring;
}

static void grow_and_drop(struct slice text, uint32_t active)
{
	struct buf grown, dropped;
	struct keyring *ring;

	buf_init(&grown, 4 * KEYRING_TEXT_MAX);
	buf_init(&dropped, 4 * KEYRING_TEXT_MAX);
	if (!keyring_grow(text, &grown, NULL)) {
		ring = must_parse(&grown);
		if (keyring_active(ring) <= active || !keyring_has(ring, active))
			abort();
		keyring_free(ring);
		if (keyring_drop(buf_slice(&grown), active, &dropped, NULL))
			abort();
		ring = must_parse(&dropped);
		if (keyring_has(ring, active))
			abort();
		keyring_free(ring);
	}
	buf_done(&grown);
	buf_done(&dropped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size);
	struct secret *secret = NULL;
	struct keyring *ring = NULL;
	struct id owner = { { 0 } };
	struct why why;

	rand_start();
	if (keyring_parse(text, &ring, &why)) {
		if (ring)
			abort();
		return 0;
	}
	if (keyring_count(ring) == 0 || !keyring_has(ring, keyring_active(ring)))
		abort();
	if (keyring_unwrap(ring, "account", &owner, text, &secret, &why) == FAULT_NONE)
		abort(); /* a ring that parses does not begin with a wrapped key's version */
	grow_and_drop(text, keyring_active(ring));
	keyring_free(ring);
	return 0;
}
