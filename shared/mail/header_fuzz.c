/* Headers: fields follow without a gap up to the end, which a stream in chunks finds at the same byte. */
#include <stdlib.h>

#include "base/arena.h"
#include "mail/envelope.h"
#include "mail/header.h"
#include "mail/msgid.h"

#define HOLDS(what)                                                                                          \
	do {                                                                                                 \
		if (!(what))                                                                                 \
			abort();                                                                             \
	} while (0)

static void check_field(struct slice text, const struct header_field *f, size_t at)
{
	const uint8_t *start = text.data + f->start, *end = text.data + f->end;

	HOLDS(f->start == at && f->end > at && f->end <= text.len);
	HOLDS(f->name.data >= start && f->name.data + f->name.len <= end);
	HOLDS(f->value.data >= start && f->value.data + f->value.len <= end);
}

static void check_envelope(struct arena *arena, struct slice text)
{
	struct envelope env, again;
	struct buf packed, repacked;
	struct reader reader;
	struct slice *ids;

	envelope_parse(arena, text, 100, &env);
	buf_init(&packed, BUF_NO_LIMIT);
	buf_init(&repacked, BUF_NO_LIMIT);
	HOLDS(envelope_pack(&packed, &env));
	reader = reader_of(buf_slice(&packed));
	HOLDS(envelope_unpack(&reader, arena, &again, NULL) == FAULT_NONE && read_finished(&reader));
	HOLDS(envelope_pack(&repacked, &again) && slice_eq(buf_slice(&packed), buf_slice(&repacked)));
	buf_done(&packed);
	buf_done(&repacked);
	reader = reader_of(text); /* and bytes that no one packed */
	if (!envelope_unpack(&reader, arena, &again, NULL))
		HOLDS(reader.rest.len <= text.len);
	HOLDS(msgid_list(arena, text, 50, &ids) <= 50);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = slice_of(data, size), value;
	struct header_iter it = header_iter_of(text);
	struct arena *arena = arena_new();
	struct header_field field;
	struct header_scan scan;
	size_t at = 0;

	while (header_next(&it, &field)) {
		check_field(text, &field, at);
		value = header_unfold(arena, field.value);
		HOLDS(slice_chr(value, '\n') < 0 && value.len <= field.value.len);
		at = field.end;
	}
	HOLDS(it.at <= size && (it.blank ? it.at > at && it.at <= at + 2 : it.at == size));
	HOLDS(header_end(text) == it.at);
	header_scan_init(&scan);
	for (at = 0; at < size; at++)
		header_scan_feed(&scan, slice_of(data + at, 1));
	HOLDS(scan.len == it.at && scan.done == it.blank);
	check_envelope(arena, text);
	arena_free(arena);
	return 0;
}
