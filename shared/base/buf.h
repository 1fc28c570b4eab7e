#ifndef SHARED_BASE_BUF_H
#define SHARED_BASE_BUF_H
/*
 * A growing byte buffer with a limit it is made with. Adding past the limit
 * adds nothing and sets `overflow`, which stays until buf_clear(); so a writer
 * may add freely and check once at the end. buf_add* say false when they did
 * not fit. Memory comes from the heap; buf_done() gives it back.
 */
#include <stdarg.h>
#include "base/slice.h"

struct buf {
	uint8_t *data;
	size_t len, cap, limit;
	bool overflow;
};

#define BUF_NO_LIMIT SIZE_MAX /* only where the size cannot come from outside */

void buf_init(struct buf *, size_t limit);
void buf_done(struct buf *);  /* frees; ready for use again with the same limit */
void buf_clear(struct buf *); /* empties, keeps the memory */

bool buf_add(struct buf *, const void *data, size_t len);
bool buf_adds(struct buf *, const char *text);
bool buf_addc(struct buf *, uint8_t c);
bool buf_add_slice(struct buf *, struct slice);
bool buf_printf(struct buf *, const char *format, ...) PRINTF_LIKE(2, 3);
bool buf_vprintf(struct buf *, const char *format, va_list) PRINTF_LIKE(2, 0);
/* Room for `len` more bytes at the end, to be filled and then counted by `buf->len += n`; NULL past the limit. */
uint8_t *buf_room(struct buf *, size_t len);
void buf_consume(struct buf *, size_t len); /* drops from the front */

/* Little-endian integers and LEB128 varints, for our own formats. */
bool buf_add_u8(struct buf *, uint8_t);
bool buf_add_u16(struct buf *, uint16_t);
bool buf_add_u32(struct buf *, uint32_t);
bool buf_add_u64(struct buf *, uint64_t);
bool buf_add_varint(struct buf *, uint64_t);
bool buf_add_block(struct buf *, struct slice); /* varint length, then the bytes */

static inline struct slice buf_slice(const struct buf *buf)
{
	return slice_of(buf->data, buf->len);
}

/* Reading the same back. A reader past its end stays there with `bad` set and gives zeros and empty slices. */
struct reader {
	struct slice rest;
	bool bad;
};

static inline struct reader reader_of(struct slice s)
{
	return (struct reader){ s, false };
}

uint8_t read_u8(struct reader *);
uint16_t read_u16(struct reader *);
uint32_t read_u32(struct reader *);
uint64_t read_u64(struct reader *);
uint64_t read_varint(struct reader *);
struct slice read_bytes(struct reader *, size_t len);
struct slice read_block(struct reader *);  /* varint length, then the bytes */
bool read_finished(const struct reader *); /* nothing left and never bad */

#endif
