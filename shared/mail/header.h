#ifndef SHARED_MAIL_HEADER_H
#define SHARED_MAIL_HEADER_H
/*
 * The header of a message, field by field (RFC 5322 2.2), with byte-exact
 * offsets: fields follow one another without a gap, so a message can be cut and
 * put together again. Nothing is refused: lines may end in LF alone, a line
 * without a colon is a field without a name, 8-bit and NUL pass through.
 *
 * Slices point into the text handed in. Offsets are bytes from its start.
 */
#include "base/buf.h"

struct arena;

struct header_field {
	struct slice name;  /* as written, blanks before the colon off; empty: the line has no valid name */
	struct slice value; /* behind the colon, folds and blanks as they are, without the last line end */
	size_t start, end;  /* of the field; end is past its line end */
	uint32_t lines;     /* LFs in it */
};

struct header_iter {
	struct slice text;
	size_t at;  /* the next field; once header_next() said false, where the body starts */
	bool blank; /* the empty line was met (and passed) */
};

/* `text` starts with a header; what follows it is never looked at. */
struct header_iter header_iter_of(struct slice text);
bool header_next(struct header_iter *, struct header_field *ret);
/* The next field of that name, case-insensitively. */
bool header_next_named(struct header_iter *, const char *name, struct header_field *ret);

bool header_find(struct slice text, const char *name, struct header_field *ret); /* the first */
size_t header_count(struct slice text, const char *name);
/* Where the body starts: past the empty line, or the whole length when there is none. */
size_t header_end(struct slice text);

/* The value without its line ends (RFC 5322 2.2.3) and without blanks at both ends: `value` cut, or a copy
 * in the arena when there was something to unfold. Never NULL data. */
struct slice header_unfold(struct arena *, struct slice value);

/* Finds the end of a header that arrives in chunks. */
struct header_scan {
	uint64_t len; /* of the header as far as seen; with `done` all of it, empty line included */
	bool done;
	uint8_t state;
};
void header_scan_init(struct header_scan *);
/* Gives how many bytes of the chunk belong to the header: all of them unless it ended. */
size_t header_scan_feed(struct header_scan *, struct slice chunk);

#endif
