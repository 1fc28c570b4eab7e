/* Fuzzes what a FETCH asks for, and where it lies in a message. Input: lines; the first is the arguments, each other one
 * a literal in turn with more arguments; what follows a NUL is the message. */
#include "fetch_item.h"
#include "mail/header.h"
#include "fuzz_segments.h"
#include "mail/downgrade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void read_section(const struct fetch_section *section, const struct mime *mime, struct slice message,
                         struct buf *out)
{
	struct fetch_place place = section_place(section, mime, mime->root->header_len, message.len);

	if (place.missing)
		return;
	if (place.offset > message.len || place.len > message.len - place.offset)
		__builtin_trap();
	if (place.filtered)
		section_filter(section, slice_of(message.data + place.offset, place.len), out);
	section_clip(section, &place.offset, &place.len);
	if (place.offset > message.len || place.len > message.len - place.offset)
		__builtin_trap();
}

static void write_all(const struct fetch_request *request, struct slice message, struct arena *arena)
{
	struct mime mime;
	struct buf out;

	buf_init(&out, 1 << 24);
	mime_parse(arena, message, &MIME_LIMITS_DEFAULT, &mime);
	for (unsigned style = 0; style <= (FETCH_EXTENDED | FETCH_UTF8 | FETCH_REV2); style++) {
		buf_clear(&out);
		fetch_add_envelope(&out, &mime.envelope, style);
		fetch_add_structure(&out, mime.root, style);
	}
	downgrade_add_header(&out, message);
	for (uint32_t i = 0; i < request->n; i++)
		if (request->items[i].kind == FETCH_SECTION)
			read_section(&request->items[i].section, &mime, message, &out);
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice message = slice_of(data, len), text = { NULL, 0 };
	struct imap_segment segments[FUZZ_SEGMENTS];
	struct arena *arena = arena_new();
	struct fetch_request request;
	struct imap_args args;

	(void)slice_cut(&message, '\0', &text);
	fuzz_segments(&args, segments, text, arena);
	if (fetch_parse(&args, &request))
		write_all(&request, message.data ? message : SLICE(""), arena);
	arena_free(arena);
	return 0;
}
