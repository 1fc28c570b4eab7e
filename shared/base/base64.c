/* Base64, base64url and hex (RFC 4648 4, 5, 8), by libsodium: strict, and in constant time, since keys pass here. */
#include "base/base64.h"

#include <sodium.h>

/* libsodium ends what it writes with a NUL, which the limit does not count. */
static char *room_and_nul(struct buf *out, size_t len)
{
	uint8_t *room;

	buf_room(out, len);
	if (out->overflow)
		return NULL;
	out->limit += out->limit != SIZE_MAX;
	room = buf_room(out, len + 1);
	out->limit -= out->limit != SIZE_MAX;
	return (char *)room;
}

static bool encode(struct buf *out, struct slice in, int variant)
{
	char *room;
	size_t len;

	if (in.len > SIZE_MAX / 2)
		return false;
	len = sodium_base64_encoded_len(in.len, variant) - 1;
	room = room_and_nul(out, len);
	if (!room)
		return false;
	sodium_bin2base64(room, len + 1, in.data, in.len, variant);
	out->len += len;
	return true;
}

static bool decode(struct buf *out, struct slice in, size_t max, int variant)
{
	uint8_t *room;
	size_t len;

	if (in.len == 0)
		return !out->overflow;
	room = buf_room(out, max);
	if (!room)
		return false;
	if (sodium_base642bin(room, max, (const char *)in.data, in.len, NULL, &len, NULL, variant) != 0)
		return false;
	out->len += len;
	return true;
}

bool base64_encode(struct buf *out, struct slice in)
{
	return encode(out, in, sodium_base64_VARIANT_ORIGINAL);
}

bool base64url_encode(struct buf *out, struct slice in)
{
	return encode(out, in, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool base64_decode(struct buf *out, struct slice in)
{
	size_t padding;

	if (in.len % 4)
		return false;
	padding = in.len ? (in.data[in.len - 1] == '=') + (in.data[in.len - 2] == '=') : 0;
	return decode(out, in, in.len / 4 * 3 - padding, sodium_base64_VARIANT_ORIGINAL);
}

bool base64url_decode(struct buf *out, struct slice in)
{
	return decode(out, in, in.len / 4 * 3 + in.len % 4 * 3 / 4, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

bool hex_encode(struct buf *out, struct slice in)
{
	char *room;

	if (in.len > SIZE_MAX / 4)
		return false;
	room = room_and_nul(out, 2 * in.len);
	if (!room)
		return false;
	sodium_bin2hex(room, 2 * in.len + 1, in.data, in.len);
	out->len += 2 * in.len;
	return true;
}

bool hex_decode(struct buf *out, struct slice in)
{
	uint8_t *room;
	size_t len;

	if (in.len == 0)
		return !out->overflow;
	room = in.len % 2 ? NULL : buf_room(out, in.len / 2);
	if (!room)
		return false;
	if (sodium_hex2bin(room, in.len / 2, (const char *)in.data, in.len, NULL, &len, NULL) != 0)
		return false;
	out->len += len;
	return true;
}
