/*
 * A login's responses. The first byte: mechanism, whether the account exists, whether there is an initial
 * response. Then responses, each after its length in two bytes. Nobody gets in by SCRAM, and by EXTERNAL who the
 * certificate names. There is a binding: 32 "B".
 */
#include <stdlib.h>

#include "auth/sasl.h"
#include "auth/sasl_mechanism.h"
#include "base/rand.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const mechanisms[] = { "PLAIN", "LOGIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS",
	                                  "EXTERNAL" };

static struct slice next_response(struct reader *reader)
{
	uint16_t len = read_u16(reader);

	return read_bytes(reader, MIN_OF((size_t)len, reader->rest.len));
}

static void check_parts(const struct sasl *sasl)
{
	if (sasl_login(sasl).len == 0 || sasl_login(sasl).len > SASL_NAME_MAX ||
	    sasl_password(sasl).len == 0 || slice_chr(sasl_login(sasl), '\0') >= 0)
		abort();
}

static void run(struct sasl *sasl, struct reader *reader, uint8_t how, bool external)
{
	static const struct scram_keys keys = { .iterations = 4096 };
	struct slice response = slice_of(NULL, 0), challenge;
	enum sasl_next next = SASL_CHALLENGE;

	if (how & 0x40)
		response = next_response(reader);
	for (int i = 0; i < 6; i++) {
		next = sasl_step(sasl, response, &challenge);
		if (next == SASL_NEED_USER) {
			if (how & 0x80)
				sasl_user(sasl, &keys);
			else
				sasl_nobody(sasl, keys.salt);
			next = sasl_step(sasl, slice_of(NULL, 0), &challenge);
			if (next != (external ? how & 0x80 ? SASL_OK : SASL_FAILED : SASL_CHALLENGE))
				abort();
		} else if (next == SASL_TOKEN) {
			if (sasl_password(sasl).len == 0)
				abort();
			next = sasl_step(sasl, slice_of(NULL, 0), &challenge);
			if (next != SASL_CHALLENGE || challenge.len == 0)
				abort();
		} else if (next == SASL_OK) {
			abort();
		}
		if (next == SASL_CHECK)
			check_parts(sasl);
		if (next == SASL_FAILED && !*sasl_error(sasl))
			abort();
		response = next_response(reader);
	}
	if (next != SASL_FAILED && next != SASL_CHECK && next != SASL_CHALLENGE)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader reader = reader_of(slice_of(data, size));
	uint8_t how = read_u8(&reader), binding[SASL_BINDING];
	size_t which = (how & 0x3f) % ARRAY_LEN(mechanisms);
	const struct slice proven[] = { SLICE("alice@example.org"), SLICE("bob@example.org") };
	const struct sasl_offer offer = {
		.tls = true, .binding = binding, .proven = proven, .n_proven = ARRAY_LEN(proven), .tokens = ""
	};
	struct arena *arena;
	struct sasl *sasl;

	rand_start();
	arena = arena_new();
	memset(binding, 'B', sizeof(binding));
	sasl = sasl_new(arena, slice_str(mechanisms[which]), &offer);
	if (which == 2 || which == 3)
		sasl_scram_set_nonce(sasl, "SRV"); /* so that the fuzzer can learn the nonce */
	run(sasl, &reader, how, which == 4);
	arena_free(arena);
	return 0;
}
