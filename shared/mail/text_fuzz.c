/* Text of parts: UTF-8 within the limit, whatever charset and markup claim; folding folds what is folded to itself. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "mail/fold.h"
#include "mail/text.h"

#define HOLDS(what)                                                                                          \
	do {                                                                                                 \
		if (!(what))                                                                                 \
			abort();                                                                             \
	} while (0)

enum { LIMIT = 200 };

static bool is_utf8(struct slice s)
{
	struct slice piece;

	while (slice_cut(&s, '\0', &piece)) {
		if (!utf8_valid(piece))
			return false;
	}
	return true;
}

static void check_part(const struct mime_part *part, struct slice message)
{
	struct buf out, cut;

	buf_init(&out, BUF_NO_LIMIT);
	buf_init(&cut, LIMIT);
	HOLDS(text_of_part(&out, part, message) && is_utf8(buf_slice(&out)));
	HOLDS(text_of_part(&cut, part, message) == (out.len <= LIMIT));
	HOLDS(cut.len <= LIMIT && slice_eq(slice_first(buf_slice(&out), cut.len), buf_slice(&cut)));
	buf_done(&out);
	buf_done(&cut);
}

static void check_folding(struct slice text)
{
	struct buf once, twice;

	buf_init(&once, BUF_NO_LIMIT);
	buf_init(&twice, BUF_NO_LIMIT);
	HOLDS(fold_search(&once, text) && fold_search(&twice, buf_slice(&once)));
	HOLDS(slice_eq(buf_slice(&once), buf_slice(&twice)) && is_utf8(buf_slice(&once)));
	buf_clear(&once);
	buf_clear(&twice);
	HOLDS(fold_nfc(&once, text) && fold_nfc(&twice, buf_slice(&once)));
	HOLDS(slice_eq(buf_slice(&once), buf_slice(&twice)));
	buf_done(&once);
	buf_done(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice message = slice_of(data, size);
	struct arena *arena = arena_new();
	struct mime mime;

	mime_parse(arena, message, &MIME_LIMITS_DEFAULT, &mime);
	for (const struct mime_part *part = mime.root; part; part = mime_next(part))
		check_part(part, message);
	check_folding(message);
	arena_free(arena);
	return 0;
}
