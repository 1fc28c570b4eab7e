/*
 * DKIM: the first line of the input is the key record, the rest the message. What passes the guard goes through
 * libopendkim's parsing, canonicalising and verifying.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/rand.h"
#include "check_dkim.h"
#include "dns/answer.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dkim_verifier *verifier;

static const struct dns_answer *known(void *arg, const char *name, enum dns_type type)
{
	const struct slice *key = arg;
	uint8_t bytes[2100];
	size_t len = 0;
	struct slice rdata;

	(void)name;
	for (size_t at = 0; at < key->len && at < 2000; at += 255) {
		size_t part = MIN_OF(key->len - at, (size_t)255);

		bytes[len++] = (uint8_t)part;
		memcpy(bytes + len, key->data + at, part);
		len += part;
	}
	rdata = slice_of(bytes, len);
	return dns_answer_new(&(struct dns_raw){
	    .type = type, .status = key->len ? DNS_OK : DNS_NXDOMAIN, .rdata = &rdata, .n = 1 });
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	rand_start();
	verifier = dkim_verifier_new();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct slice message = slice_of(data, size), key;
	struct answers answers;
	struct dkim_check check;

	slice_cut(&message, '\n', &key);
	key = slice_trim(key);
	answers_init(&answers, arena, known, &key);
	dkim_check_read(&check, message, arena);
	if (!dkim_check_keys(&check, &answers))
		abort(); /* everything is known */
	dkim_check_verify(&check, verifier);
	if (dkim_check_is_open(&check))
		abort();
	for (size_t i = 0; i < check.n; i++) {
		if (check.signatures[i].result == AUTHRES_NONE || !check.signatures[i].why)
			abort();
	}
	arena_free(arena);
	return 0;
}
