/* Account keys, content keys, and what is sealed under them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypt/account_key.h"
#include "shared/crypt/crypt_test.h"
#include "shared/crypt/vectors.h"

static struct arena *arena;

static int start(void **state)
{
	(void)state;
	rand_start();
	arena = arena_new();
	return 0;
}

static int end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

/* The account key and the content key of vectors.py. */
static struct account_key *vector_key(struct content_key *ret_content)
{
	struct account_key *key = NULL;
	uint8_t raw[32];
	struct why why;

	run_of(ret_content->raw, 0x60, sizeof(ret_content->raw));
	run_of(raw, 0x20, sizeof(raw));
	assert_int_equal(account_key_from(slice_of(raw, sizeof(raw)), 3, &key, &why), FAULT_NONE);
	return key;
}

static void stored_bytes_open(void **state)
{
	struct content_key content_key, opened;
	struct account_key *key = vector_key(&content_key), *unwrapped;
	struct wrapped_key box = { WRAPPED_BOX, 3, { 0 } }, symmetric;
	struct id id = id_run(0xa0), hash;
	struct account_public public;
	struct why why;
	struct buf buf;

	(void)state;
	account_key_public(key, &public);
	assert_slice(slice_of(public.raw, 32), unhex(arena, VECTOR_PUBLIC));
	memcpy(box.raw, unhex(arena, VECTOR_BOX).data, WRAPPED_BOX_SIZE);
	assert_int_equal(content_key_open(key, &id, &box, &opened, &why), FAULT_NONE);
	assert_memory_equal(&opened, &content_key, sizeof(opened));
	content_key_wrap(key, &id, &content_key, &symmetric);
	assert_slice(slice_of(symmetric.raw, WRAPPED_SYMMETRIC_SIZE), unhex(arena, VECTOR_SYMMETRIC));
	hash = account_name_hash(key, &id, SLICE("Entw\xc3\xbcrfe"));
	assert_slice(id_slice(&hash), unhex(arena, VECTOR_NAME_HASH));

	buf_init(&buf, 100);
	assert_int_equal(
	    account_open(key, "mailbox-name", id_slice(&id), unhex(arena, VECTOR_SEALED_NAME), &buf, &why),
	    FAULT_NONE);
	assert_slice(buf_slice(&buf), SLICE("Entw\xc3\xbcrfe"));
	buf_done(&buf);
	assert_int_equal(account_key_unwrap_password(unhex(arena, VECTOR_PASSWORD), &id,
	                                             SLICE("correct horse"), &unwrapped, &why),
	                 FAULT_NONE);
	assert_slice(account_key_secret(unwrapped), account_key_secret(key));
	assert_int_equal(account_key_generation(unwrapped), 3);
	account_key_unref(unwrapped);
	account_key_unref(key);
}

static void content_keys_go_to_their_account_only(void **state)
{
	struct account_key *key = account_key_new(1), *other = account_key_new(1);
	struct id content = id_new(), elsewhere = id_new();
	struct content_key content_key, opened, untouched;
	struct wrapped_key box, symmetric, again;
	struct account_public public;
	struct why why;

	(void)state;
	content_key_new(&content_key);
	content_key_new(&opened);
	untouched = opened;
	account_key_public(key, &public);
	assert_true(content_key_box(&public, 1, &content_key, &box));
	content_key_wrap(key, &content, &content_key, &symmetric);
	content_key_wrap(key, &content, &content_key, &again);
	assert_memory_equal(&again, &symmetric, sizeof(again));
	assert_int_equal(wrapped_size(&box), 80);
	assert_int_equal(wrapped_size(&symmetric), 48);

	assert_int_equal(content_key_open(other, &content, &box, &opened, &why), FAULT_CORRUPT);
	assert_int_equal(content_key_open(other, &content, &symmetric, &opened, &why), FAULT_CORRUPT);
	assert_int_equal(content_key_open(key, &elsewhere, &symmetric, &opened, &why), FAULT_CORRUPT);
	assert_memory_equal(&opened, &untouched, sizeof(opened));
	assert_int_equal(content_key_open(key, &content, &symmetric, &opened, &why), FAULT_NONE);
	assert_memory_equal(&opened, &content_key, sizeof(opened));
	assert_int_equal(content_key_open(key, &content, &box, &opened, &why), FAULT_NONE);
	assert_memory_equal(&opened, &content_key, sizeof(opened));
	account_key_unref(key);
	account_key_unref(other);
}

static void every_changed_byte_of_a_wrapped_key_is_seen(void **state)
{
	struct account_key *key = account_key_new(2);
	struct content_key content_key, opened;
	struct account_public public;
	struct wrapped_key wrapped[2];
	struct id content = id_new();
	struct why why;

	(void)state;
	content_key_new(&content_key);
	account_key_public(key, &public);
	assert_true(content_key_box(&public, 2, &content_key, &wrapped[0]));
	content_key_wrap(key, &content, &content_key, &wrapped[1]);
	for (size_t which = 0; which < 2; which++) {
		uint8_t *bytes = (uint8_t *)&wrapped[which];

		for (size_t i = 0; i < 2 + wrapped_size(&wrapped[which]); i++) { /* kind and generation too */
			for (unsigned bit = 0; bit < 8; bit++) {
				bytes[i] ^= (uint8_t)BIT(bit);
				/* X25519 ignores the highest bit of a public key, but the box's nonce hashes it */
				if (content_key_open(key, &content, &wrapped[which], &opened, &why) !=
				    FAULT_CORRUPT)
					fail_msg("kind %zu byte %zu bit %u", which, i, bit);
				bytes[i] ^= (uint8_t)BIT(bit);
			}
		}
	}
	account_key_unref(key);
}

static void no_key_is_no_key(void **state)
{
	struct account_public zero = { { 0 } };
	struct account_key *key = NULL;
	struct content_key content_key;
	struct wrapped_key wrapped;
	uint8_t raw[33] = { 1 };
	struct why why;
	struct buf buf;

	(void)state;
	content_key_new(&content_key);
	assert_false(content_key_box(&zero, 1, &content_key, &wrapped));
	assert_int_equal(wrapped.kind, WRAPPED_NONE);
	assert_int_equal(wrapped_size(&wrapped), 0);
	buf_init(&buf, 100);
	assert_false(public_seal(&zero, SLICE("x"), &buf));
	assert_int_equal(buf.len, 0);
	buf_done(&buf);
	assert_int_equal(account_key_from(slice_of(raw, 31), 1, &key, &why), FAULT_CORRUPT);
	assert_int_equal(account_key_from(slice_of(raw, 33), 1, &key, &why), FAULT_CORRUPT);
	assert_int_equal(account_key_from(slice_of(raw, 32), 0, &key, &why), FAULT_CORRUPT);
	assert_null(key);
}

static void metadata_opens_in_its_place_only(void **state)
{
	struct account_key *key = account_key_new(1), *other = account_key_new(1), *same;
	struct slice sealed, plain = SLICE("Archive/2026");
	struct id mailbox = id_new(), elsewhere = id_new();
	struct slice bound = id_slice(&mailbox);
	struct why why;
	struct buf buf, out;

	(void)state;
	buf_init(&buf, 1000);
	buf_init(&out, 1000);
	assert_true(account_seal(key, "mailbox-name", bound, plain, &buf));
	assert_int_equal(buf.len, plain.len + ACCOUNT_SEAL_OVERHEAD);
	sealed = arena_copy(arena, buf_slice(&buf));
	buf_adds(&out, "kept");
	assert_int_equal(account_open(other, "mailbox-name", bound, sealed, &out, &why), FAULT_CORRUPT);
	assert_int_equal(account_open(key, "keyword", bound, sealed, &out, &why), FAULT_CORRUPT);
	assert_int_equal(account_open(key, "mailbox-name", id_slice(&elsewhere), sealed, &out, &why),
	                 FAULT_CORRUPT);
	assert_int_equal(account_open(key, "mailbox-name", slice_of(NULL, 0), sealed, &out, &why),
	                 FAULT_CORRUPT);
	for (size_t i = 0; i < buf.len; i++) {
		buf.data[i] ^= 1;
		assert_int_equal(account_open(key, "mailbox-name", bound, buf_slice(&buf), &out, &why),
		                 FAULT_CORRUPT);
		buf.data[i] ^= 1;
		assert_int_equal(account_open(key, "mailbox-name", bound, slice_first(sealed, i), &out, &why),
		                 FAULT_CORRUPT);
	}
	assert_slice(buf_slice(&out), SLICE("kept"));
	assert_int_equal(account_key_from(account_key_secret(key), 1, &same, &why), FAULT_NONE);
	assert_int_equal(account_open(same, "mailbox-name", bound, sealed, &out, &why), FAULT_NONE);
	assert_slice(buf_slice(&out), SLICE("keptArchive/2026"));
	buf_clear(&buf);
	buf_clear(&out);
	assert_true(account_seal(key, "empty", slice_of(NULL, 0), slice_of(NULL, 0), &buf));
	assert_int_equal(account_open(key, "empty", slice_of(NULL, 0), buf_slice(&buf), &out, &why),
	                 FAULT_NONE);
	assert_int_equal(out.len, 0);
	buf_done(&buf);
	buf_done(&out);
	account_key_unref(key);
	account_key_unref(other);
	account_key_unref(same);
}

static void limits_are_kept(void **state)
{
	struct account_key *key = account_key_new(1);
	struct account_public public;
	struct buf buf, small;
	struct why why;

	(void)state;
	account_key_public(key, &public);
	buf_init(&buf, 1000);
	buf_init(&small, 9);
	assert_false(account_seal(key, "x", slice_of(NULL, 0), SLICE("0123456789"), &small));
	buf_clear(&small);
	assert_false(public_seal(&public, SLICE("0123456789"), &small));
	buf_clear(&small);
	assert_true(account_seal(key, "x", slice_of(NULL, 0), SLICE("0123456789"), &buf));
	assert_int_equal(account_open(key, "x", slice_of(NULL, 0), buf_slice(&buf), &small, &why),
	                 FAULT_TOO_BIG);
	buf_clear(&small);
	buf_clear(&buf);
	assert_true(public_seal(&public, SLICE("0123456789"), &buf));
	assert_int_equal(public_open(key, buf_slice(&buf), &small, &why), FAULT_TOO_BIG);
	buf_done(&small);
	buf_done(&buf);
	account_key_unref(key);
}

static void name_hashes_tell_parents_and_accounts_apart(void **state)
{
	struct account_key *key = account_key_new(1), *other = account_key_new(1);
	struct id a = id_new(), b = id_new();
	struct id hash = account_name_hash(key, &a, SLICE("INBOX"));
	struct id again = account_name_hash(key, &a, SLICE("INBOX"));
	struct id sibling = account_name_hash(key, &a, SLICE("INBOY"));
	struct id elsewhere = account_name_hash(key, &b, SLICE("INBOX"));
	struct id foreign = account_name_hash(other, &a, SLICE("INBOX"));

	(void)state;
	assert_true(id_eq(&hash, &again));
	assert_false(id_eq(&hash, &sibling));
	assert_false(id_eq(&hash, &elsewhere));
	assert_false(id_eq(&hash, &foreign));
	account_key_unref(key);
	account_key_unref(other);
}

static void boxes_open_for_their_key_only(void **state)
{
	struct account_key *key = account_key_new(1), *other = account_key_new(1);
	struct account_public public;
	struct buf buf, out;
	struct why why;

	(void)state;
	buf_init(&buf, 1000);
	buf_init(&out, 1000);
	account_key_public(key, &public);
	assert_true(public_seal(&public, SLICE("a DKIM key"), &buf));
	assert_int_equal(buf.len, 10 + PUBLIC_SEAL_OVERHEAD);
	assert_int_equal(public_open(other, buf_slice(&buf), &out, &why), FAULT_CORRUPT);
	for (size_t i = 0; i < buf.len; i++) {
		buf.data[i] ^= 0x80;
		assert_int_equal(public_open(key, buf_slice(&buf), &out, &why), FAULT_CORRUPT);
		buf.data[i] ^= 0x80;
		assert_int_equal(public_open(key, slice_of(buf.data, i), &out, &why), FAULT_CORRUPT);
	}
	assert_int_equal(public_open(key, buf_slice(&buf), &out, &why), FAULT_NONE);
	assert_slice(buf_slice(&out), SLICE("a DKIM key"));
	buf_done(&buf);
	buf_done(&out);
	account_key_unref(key);
	account_key_unref(other);
}

static void a_password_opens_its_own_account_only(void **state)
{
	struct account_key *key = account_key_new(7), *opened = NULL;
	struct id account = id_new(), other = id_new();
	struct why why;
	struct buf buf;

	(void)state;
	buf_init(&buf, ACCOUNT_PASSWORD_WRAPPED);
	assert_true(account_key_wrap_password(key, &account, SLICE("right"), &buf));
	assert_int_equal(buf.len, ACCOUNT_PASSWORD_WRAPPED);
	assert_int_equal(
	    account_key_unwrap_password(buf_slice(&buf), &account, SLICE("wrong"), &opened, &why),
	    FAULT_AUTH);
	assert_int_equal(account_key_unwrap_password(buf_slice(&buf), &other, SLICE("right"), &opened, &why),
	                 FAULT_AUTH);
	assert_null(opened);
	assert_int_equal(
	    account_key_unwrap_password(buf_slice(&buf), &account, SLICE("right"), &opened, &why),
	    FAULT_NONE);
	assert_slice(account_key_secret(opened), account_key_secret(key));
	assert_int_equal(account_key_generation(opened), 7);
	assert_false(account_key_wrap_password(key, &account, SLICE("right"), &buf));
	account_key_unref(opened);
	account_key_unref(key);
	buf_done(&buf);
}

static void every_changed_byte_of_a_password_wrapping_is_seen(void **state)
{
	struct slice stored = unhex(arena, VECTOR_PASSWORD);
	struct account_key *opened = NULL;
	struct id account = id_run(0xa0);
	struct why why;

	(void)state;
	for (size_t i = 0; i < stored.len; i++) {
		struct slice changed = arena_copy(arena, stored);
		enum fault fault;

		((uint8_t *)changed.data)[i] ^=
		    i == 2 ? 1 : 0x80; /* one pass more at most: it would take its time */
		fault = account_key_unwrap_password(changed, &account, SLICE("correct horse"), &opened, &why);
		if (fault != FAULT_AUTH && fault != FAULT_CORRUPT)
			fail_msg("byte %zu: %s", i, fault_name(fault));
		assert_int_equal(account_key_unwrap_password(slice_first(stored, i), &account,
		                                             SLICE("correct horse"), &opened, &why),
		                 FAULT_CORRUPT);
	}
	assert_null(opened);
}

static void a_wrapping_cannot_ask_for_everything(void **state)
{
	static const struct {
		const char *name;
		uint8_t passes, mib[4];
	} cases[] = {
		{ "no passes", 0, { 8 } },
		{ "255 passes", 255, { 8 } },
		{ "no memory", 2, { 0 } },
		{ "1025 MiB", 2, { 1, 4 } },
		{ "4 PiB", 2, { 255, 255, 255, 255 } },
	};
	struct account_key *opened = NULL;
	struct id account = id_run(0xa0);
	struct why why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice stored = arena_copy(arena, unhex(arena, VECTOR_PASSWORD));

		((uint8_t *)stored.data)[2] = cases[i].passes;
		memcpy((uint8_t *)stored.data + 3, cases[i].mib, 4);
		if (account_key_unwrap_password(stored, &account, SLICE("correct horse"), &opened, &why) !=
		    FAULT_CORRUPT)
			fail_msg("%s", cases[i].name);
	}
}

static void keys_are_shared_by_reference(void **state)
{
	struct account_key *key = account_key_new(1), *same = account_key_ref(key);

	(void)state;
	account_key_unref(key);
	assert_int_equal(account_key_secret(same).len, 32);
	account_key_unref(same);
	account_key_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stored_bytes_open),
		cmocka_unit_test(content_keys_go_to_their_account_only),
		cmocka_unit_test(every_changed_byte_of_a_wrapped_key_is_seen),
		cmocka_unit_test(no_key_is_no_key),
		cmocka_unit_test(metadata_opens_in_its_place_only),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(name_hashes_tell_parents_and_accounts_apart),
		cmocka_unit_test(boxes_open_for_their_key_only),
		cmocka_unit_test(a_password_opens_its_own_account_only),
		cmocka_unit_test(every_changed_byte_of_a_password_wrapping_is_seen),
		cmocka_unit_test(a_wrapping_cannot_ask_for_everything),
		cmocka_unit_test(keys_are_shared_by_reference),
	};

	return cmocka_run_group_tests(tests, start, end);
}
