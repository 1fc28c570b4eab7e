/* Buffers and readers (buf.h). What a writer adds and a reader takes is checked here and nowhere else. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

void buf_init(struct buf *buf, size_t limit)
{
	*buf = (struct buf){ .limit = limit };
}

void buf_done(struct buf *buf)
{
	size_t limit = buf->limit;

	free(buf->data);
	buf_init(buf, limit);
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->overflow = false;
}

uint8_t *buf_room(struct buf *buf, size_t len)
{
	size_t need, cap;

	if (buf->overflow || len > buf->limit || buf->len > buf->limit - len) {
		buf->overflow = true;
		return NULL;
	}
	need = buf->len + len;
	if (need > buf->cap || !buf->data) { /* room for nothing is not NULL either */
		cap = MAX_OF(buf->cap * 2, (size_t)64);
		cap = MIN_OF(MAX_OF(cap, need), MAX_OF(buf->limit, need));
		buf->data = xrealloc(buf->data, cap);
		buf->cap = cap;
	}
	return buf->data + buf->len;
}

bool buf_add(struct buf *buf, const void *data, size_t len)
{
	uint8_t *room;

	if (len == 0)
		return !buf->overflow;
	room = buf_room(buf, len);
	if (!room)
		return false;
	memcpy(room, data, len);
	buf->len += len;
	return true;
}

bool buf_adds(struct buf *buf, const char *text)
{
	return buf_add(buf, text, strlen(text));
}

bool buf_addc(struct buf *buf, uint8_t c)
{
	return buf_add(buf, &c, 1);
}

bool buf_add_slice(struct buf *buf, struct slice s)
{
	return buf_add(buf, s.data, s.len);
}

bool buf_vprintf(struct buf *buf, const char *format, va_list args)
{
	va_list again;
	uint8_t *room;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (len < 0)
		return false;
	if ((size_t)len > buf->limit - MIN_OF(buf->len, buf->limit)) {
		buf->overflow = true;
		return false;
	}
	/* one more for the NUL that vsnprintf insists on; it is not counted */
	buf->limit += buf->limit != SIZE_MAX;
	room = buf_room(buf, (size_t)len + 1);
	buf->limit -= buf->limit != SIZE_MAX;
	if (!room)
		return false;
	vsnprintf((char *)room, (size_t)len + 1, format, args);
	buf->len += (size_t)len;
	return true;
}

bool buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	bool fits;

	va_start(args, format);
	fits = buf_vprintf(buf, format, args);
	va_end(args);
	return fits;
}

void buf_consume(struct buf *buf, size_t len)
{
	if (len >= buf->len) {
		buf->len = 0;
		return;
	}
	memmove(buf->data, buf->data + len, buf->len - len);
	buf->len -= len;
}

static bool add_le(struct buf *buf, uint64_t value, size_t bytes)
{
	uint8_t raw[8];

	for (size_t i = 0; i < bytes; i++)
		raw[i] = (uint8_t)(value >> (8 * i));
	return buf_add(buf, raw, bytes);
}

bool buf_add_u8(struct buf *buf, uint8_t value)
{
	return add_le(buf, value, 1);
}

bool buf_add_u16(struct buf *buf, uint16_t value)
{
	return add_le(buf, value, 2);
}

bool buf_add_u32(struct buf *buf, uint32_t value)
{
	return add_le(buf, value, 4);
}

bool buf_add_u64(struct buf *buf, uint64_t value)
{
	return add_le(buf, value, 8);
}

bool buf_add_varint(struct buf *buf, uint64_t value)
{
	uint8_t raw[10];
	size_t n = 0;

	while (value >= 0x80) {
		raw[n++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	raw[n++] = (uint8_t)value;
	return buf_add(buf, raw, n);
}

bool buf_add_block(struct buf *buf, struct slice s)
{
	return buf_add_varint(buf, s.len) && buf_add_slice(buf, s);
}

struct slice read_bytes(struct reader *reader, size_t len)
{
	struct slice got;

	if (reader->bad || len > reader->rest.len) {
		reader->bad = true;
		return slice_of(NULL, 0);
	}
	got = slice_of(reader->rest.data, len);
	reader->rest.data += len;
	reader->rest.len -= len;
	return got;
}

static uint64_t read_le(struct reader *reader, size_t bytes)
{
	struct slice raw = read_bytes(reader, bytes);
	uint64_t value = 0;

	for (size_t i = 0; i < raw.len; i++)
		value |= (uint64_t)raw.data[i] << (8 * i);
	return value;
}

uint8_t read_u8(struct reader *reader)
{
	return (uint8_t)read_le(reader, 1);
}

uint16_t read_u16(struct reader *reader)
{
	return (uint16_t)read_le(reader, 2);
}

uint32_t read_u32(struct reader *reader)
{
	return (uint32_t)read_le(reader, 4);
}

uint64_t read_u64(struct reader *reader)
{
	return read_le(reader, 8);
}

uint64_t read_varint(struct reader *reader)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = read_u8(reader);

		if (reader->bad || (shift == 63 && byte > 1))
			break;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	reader->bad = true;
	return 0;
}

struct slice read_block(struct reader *reader)
{
	uint64_t len = read_varint(reader);

	if (len > reader->rest.len)
		reader->bad = true;
	return read_bytes(reader, reader->bad ? 0 : (size_t)len);
}

bool read_finished(const struct reader *reader)
{
	return !reader->bad && reader->rest.len == 0;
}
