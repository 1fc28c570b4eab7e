/*
 * The key ring (keyring.h): its text, and wrapping under its keys.
 *
 * AAD of a wrapped key: version(1) | kek id(4, LE) | length of purpose(1) | purpose | owner(16). So neither
 * its header nor its place can be changed without its refusing to open.
 */
#include "crypt/keyring.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/arena.h"

#define VERSION      1
#define HEADER       (1 + 4)
#define KEY          crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define NONCE        crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG          crypto_aead_xchacha20poly1305_ietf_ABYTES
#define BASE64       sodium_base64_VARIANT_ORIGINAL
#define KEYS_MAX     256
#define NEW_LINE_MAX 80 /* "4294967295 active  " and 44 characters of base64 fit */

_Static_assert(HEADER + NONCE + TAG == KEYRING_WRAP_OVERHEAD, "keyring.h tells the overhead");

struct keyring {
	struct secret *raw; /* the keys, one after another, in the order of ids */
	size_t n;
	uint32_t active;
	uint32_t ids[KEYS_MAX];
};

enum line_kind { LINE_BLANK, LINE_KEY, LINE_BAD };

struct line {
	uint32_t id;
	bool active;
	struct slice key; /* base64 */
};

static struct slice next_word(struct slice *rest)
{
	size_t end = 0, next;
	struct slice word;

	while (end < rest->len && rest->data[end] != ' ' && rest->data[end] != '\t')
		end++;
	next = end;
	while (next < rest->len && (rest->data[next] == ' ' || rest->data[next] == '\t'))
		next++;
	word = slice_first(*rest, end);
	*rest = slice_from(*rest, next);
	return word;
}

static enum line_kind line_read(struct slice text, struct line *ret)
{
	struct slice id, state;
	uint64_t number;

	text = slice_trim(text);
	if (text.len == 0 || text.data[0] == '#')
		return LINE_BLANK;
	id = next_word(&text);
	state = next_word(&text);
	ret->key = next_word(&text);
	if (text.len > 0 || !slice_u64(id, UINT32_MAX, &number) || number == 0)
		return LINE_BAD;
	ret->id = (uint32_t)number;
	ret->active = slice_is(state, "active");
	return ret->active || slice_is(state, "decrypt") ? LINE_KEY : LINE_BAD;
}

static const uint8_t *key_of(const struct keyring *ring, uint32_t kek)
{
	for (size_t i = 0; i < ring->n; i++)
		if (ring->ids[i] == kek)
			return secret_slice(ring->raw).data + i * KEY;
	return NULL;
}

/* What is wrong with one line more, or NULL. The line itself is never told: it may hold a key. */
static const char *take_line(struct keyring *ring, struct slice text)
{
	struct line line;
	size_t len;

	switch (line_read(text, &line)) {
	case LINE_BLANK:
		return NULL;
	case LINE_BAD:
		return "is not \"<number> active|decrypt <base64>\"";
	case LINE_KEY:
		break;
	}
	if (ring->n == KEYS_MAX)
		return "is one key too many";
	if (key_of(ring, line.id))
		return "repeats a key number";
	if (line.active && ring->active)
		return "has a second active key";
	if (sodium_base642bin(secret_data(ring->raw) + ring->n * KEY, KEY, (const char *)line.key.data,
	                      line.key.len, NULL, &len, NULL, BASE64) != 0 ||
	    len != KEY)
		return "has a key that is not base64 of 32 bytes";
	ring->ids[ring->n++] = line.id;
	if (line.active)
		ring->active = line.id;
	return NULL;
}

enum fault keyring_parse(struct slice text, struct keyring **ret, struct why *why)
{
	struct keyring *ring;
	struct slice line;
	const char *wrong = NULL;

	if (text.len > KEYRING_TEXT_MAX)
		return fault_set(why, FAULT_TOO_BIG, "key ring is longer than %d bytes", KEYRING_TEXT_MAX);
	ring = xzalloc(sizeof(*ring));
	ring->raw = secret_new(KEYS_MAX * KEY);
	for (unsigned number = 1; !wrong && slice_cut(&text, '\n', &line); number++) {
		wrong = take_line(ring, line);
		if (wrong)
			fault_set(why, FAULT_CONFIG, "key ring: line %u %s", number, wrong);
	}
	if (!wrong && !ring->active) {
		wrong = "has no active key";
		fault_set(why, FAULT_CONFIG, "key ring %s", wrong);
	}
	if (wrong) {
		keyring_free(ring);
		return FAULT_CONFIG;
	}
	*ret = ring;
	return FAULT_NONE;
}

void keyring_free(struct keyring *ring)
{
	if (!ring)
		return;
	secret_unref(ring->raw);
	free(ring);
}

uint32_t keyring_active(const struct keyring *ring)
{
	return ring->active;
}

size_t keyring_count(const struct keyring *ring)
{
	return ring->n;
}

bool keyring_has(const struct keyring *ring, uint32_t kek)
{
	return key_of(ring, kek) != NULL;
}

static void put_le32(uint8_t *out, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(value >> (8 * i));
}

struct aad {
	uint8_t raw[HEADER + 1 + 64 + sizeof(struct id)];
	size_t len;
};

static struct aad aad_of(uint32_t kek, const char *purpose, const struct id *owner)
{
	struct aad aad = { .raw = { VERSION } };
	size_t len = strlen(purpose);

	assert(len > 0 && len <= 64);
	put_le32(aad.raw + 1, kek);
	aad.raw[HEADER] = (uint8_t)len;
	memcpy(aad.raw + HEADER + 1, purpose, len);
	memcpy(aad.raw + HEADER + 1 + len, owner->raw, sizeof(owner->raw));
	aad.len = HEADER + 1 + len + sizeof(owner->raw);
	return aad;
}

bool keyring_wrap(const struct keyring *ring, const char *purpose, const struct id *owner,
                  struct slice secret, struct buf *out)
{
	struct aad aad = aad_of(ring->active, purpose, owner);
	uint8_t *room = buf_room(out, secret.len + KEYRING_WRAP_OVERHEAD);
	uint8_t *nonce;

	if (!room)
		return false;
	memcpy(room, aad.raw, HEADER);
	nonce = room + HEADER;
	rand_bytes(nonce, NONCE);
	crypto_aead_xchacha20poly1305_ietf_encrypt(nonce + NONCE, NULL, secret.data, secret.len, aad.raw,
	                                           aad.len, NULL, nonce, key_of(ring, ring->active));
	out->len += secret.len + KEYRING_WRAP_OVERHEAD;
	return true;
}

uint32_t keyring_wrapped_by(struct slice wrapped)
{
	struct reader reader = reader_of(wrapped);

	if (wrapped.len < KEYRING_WRAP_OVERHEAD || read_u8(&reader) != VERSION)
		return 0;
	return read_u32(&reader);
}

enum fault keyring_unwrap(const struct keyring *ring, const char *purpose, const struct id *owner,
                          struct slice wrapped, struct secret **ret, struct why *why)
{
	uint32_t kek = keyring_wrapped_by(wrapped);
	const uint8_t *key, *nonce = wrapped.data + HEADER;
	struct secret *secret;
	struct aad aad;

	if (kek == 0)
		return fault_set(why, FAULT_CORRUPT, "this is not a wrapped key");
	key = key_of(ring, kek);
	if (!key)
		return fault_set(why, FAULT_NOT_FOUND, "wrapped by key %u, which the ring lacks", kek);
	aad = aad_of(kek, purpose, owner);
	secret = secret_new(wrapped.len - KEYRING_WRAP_OVERHEAD);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(secret_data(secret), NULL, NULL, nonce + NONCE,
	                                               wrapped.len - HEADER - NONCE, aad.raw, aad.len, nonce,
	                                               key) != 0) {
		secret_unref(secret);
		return fault_set(why, FAULT_CORRUPT, "a %s key wrapped by key %u does not open", purpose,
		                 kek);
	}
	*ret = secret;
	return FAULT_NONE;
}

static void add_line(struct buf *out, uint32_t id, bool active, struct slice key)
{
	buf_printf(out, "%u %-7s %.*s\n", id, active ? "active" : "decrypt", SLICE_FMT(key));
}

static void add_new_key(struct buf *out, uint32_t id)
{
	uint8_t raw[KEY];
	char text[sodium_base64_ENCODED_LEN(KEY, BASE64)];

	rand_bytes(raw, sizeof(raw));
	sodium_bin2base64(text, sizeof(text), raw, sizeof(raw), BASE64);
	add_line(out, id, true, slice_str(text));
	secret_wipe(raw, sizeof(raw));
	secret_wipe(text, sizeof(text));
}

void keyring_make(struct buf *out)
{
	buf_adds(out, "# posthouse key ring\n");
	add_new_key(out, 1);
}

/*
 * `old` line by line, comments kept: without key `drop`; with a new key `grow` first and active. 0: neither.
 * Room for all of it is taken at once, so that no half of a ring stays behind where the buffer grew.
 */
static enum fault rewrite(struct slice old, uint32_t grow, uint32_t drop, struct buf *out, struct why *why)
{
	bool added = false;
	struct slice text;
	struct line line;

	if (!buf_room(out, old.len * 2 + NEW_LINE_MAX))
		return fault_set(why, FAULT_TOO_BIG, "the new key ring does not fit");
	if (slice_ends(old, "\n"))
		old.len--;
	while (slice_cut(&old, '\n', &text)) {
		if (line_read(text, &line) != LINE_KEY) {
			buf_add_slice(out, slice_trim(text));
			buf_addc(out, '\n');
			continue;
		}
		if (grow && !added) {
			add_new_key(out, grow);
			added = true;
		}
		if (line.id != drop)
			add_line(out, line.id, line.active && !grow, line.key);
	}
	return FAULT_NONE;
}

static uint32_t highest_id(const struct keyring *ring)
{
	uint32_t highest = 0;

	for (size_t i = 0; i < ring->n; i++)
		highest = MAX_OF(highest, ring->ids[i]);
	return highest;
}

enum fault keyring_grow(struct slice old, struct buf *out, struct why *why)
{
	struct keyring *ring;
	enum fault fault = keyring_parse(old, &ring, why);
	uint32_t highest;

	if (fault)
		return fault;
	highest = highest_id(ring);
	if (ring->n == KEYS_MAX || highest == UINT32_MAX ||
	    old.len > KEYRING_TEXT_MAX - NEW_LINE_MAX - KEYS_MAX)
		fault =
		    fault_set(why, FAULT_LIMIT, "the key ring is full: drop keys that wrap nothing any more");
	else
		fault = rewrite(old, highest + 1, 0, out, why);
	keyring_free(ring);
	return fault;
}

enum fault keyring_drop(struct slice old, uint32_t kek, struct buf *out, struct why *why)
{
	struct keyring *ring;
	enum fault fault = keyring_parse(old, &ring, why);

	if (fault)
		return fault;
	if (!key_of(ring, kek))
		fault = fault_set(why, FAULT_NOT_FOUND, "the ring has no key %u", kek);
	else if (ring->active == kek)
		fault = fault_set(why, FAULT_DENIED, "key %u is the active one", kek);
	else
		fault = rewrite(old, 0, kek, out, why);
	keyring_free(ring);
	return fault;
}
