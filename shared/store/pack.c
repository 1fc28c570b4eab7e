/* Numbers and keys as log entries and pages write them (pack.h). */
#include "store/pack.h"

void pack_signed(struct buf *out, int64_t value)
{
	buf_add_varint(out, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

int64_t unpack_signed(struct reader *in)
{
	uint64_t raw = read_varint(in);

	return (int64_t)((raw >> 1) ^ (~(raw & 1) + 1));
}

void pack_after(struct buf *out, int64_t value, int64_t before)
{
	pack_signed(out, (int64_t)((uint64_t)value - (uint64_t)before));
}

int64_t unpack_after(struct reader *in, int64_t before)
{
	return (int64_t)((uint64_t)unpack_signed(in) + (uint64_t)before);
}

void pack_id(struct buf *out, const struct id *id)
{
	buf_add(out, id->raw, sizeof(id->raw));
}

void unpack_id(struct reader *in, struct id *ret)
{
	struct slice raw = read_bytes(in, sizeof(ret->raw));

	if (!in->bad)
		memcpy(ret->raw, raw.data, raw.len);
}

void pack_key(struct buf *out, const struct wrapped_key *key)
{
	buf_add_u8(out, key->kind);
	buf_add_u8(out, key->generation);
	buf_add(out, key->raw, wrapped_size(key));
}

void unpack_key(struct reader *in, struct wrapped_key *ret)
{
	struct slice raw;

	*ret = (struct wrapped_key){ .kind = read_u8(in) };
	ret->generation = read_u8(in);
	if (ret->kind > WRAPPED_SYMMETRIC)
		in->bad = true;
	raw = read_bytes(in, wrapped_size(ret));
	if (!in->bad && raw.len)
		memcpy(ret->raw, raw.data, raw.len);
}
