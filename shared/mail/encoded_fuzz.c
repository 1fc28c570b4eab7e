/* Encoded-words and parameters: what is written reads back, never ends a header line early, and decodes to UTF-8. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/utf8.h"
#include "mail/content.h"
#include "mail/encoded.h"

#define HOLDS(what)                                                                                          \
	do {                                                                                                 \
		if (!(what))                                                                                 \
			abort();                                                                             \
	} while (0)

static bool has_control(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] < ' ' || s.data[i] == 0x7f)
			return true;
	}
	return false;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* Each line end is CRLF and a blank behind it. */
static void check_folds(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] == '\r')
			HOLDS(i + 2 < s.len && s.data[i + 1] == '\n' && is_blank(s.data[i + 2]));
		else if (s.data[i] == '\n')
			HOLDS(i > 0 && s.data[i - 1] == '\r');
		else
			HOLDS((s.data[i] >= ' ' && s.data[i] < 0x7f) || s.data[i] == '\t');
	}
}

static void writing(struct arena *arena, struct slice text)
{
	bool keeps = utf8_valid(text) && !has_control(text);
	struct buf out, got;
	struct content content;

	buf_init(&out, BUF_NO_LIMIT);
	buf_init(&got, BUF_NO_LIMIT);
	encoded_add_text(&out, text, 10);
	check_folds(buf_slice(&out));
	encoded_decode(&got, buf_slice(&out));
	HOLDS(!keeps || slice_eq(buf_slice(&got), text));
	buf_clear(&out);
	encoded_add_phrase(&out, text, 10);
	check_folds(buf_slice(&out));
	buf_clear(&out);
	buf_adds(&out, "attachment");
	encoded_add_param(&out, "filename", text);
	check_folds(buf_slice(&out));
	content_disposition_parse(arena, buf_slice(&out), &content);
	/* as many sections as the reader takes, and no encoded-word look-alike, which the reader undoes */
	if (keeps && text.len < 2000 && slice_find(text, SLICE("=?")) < 0)
		HOLDS(slice_eq(content_value(&content.params, "filename"), text));
	buf_done(&out);
	buf_done(&got);
}

static void reading(struct arena *arena, struct slice text)
{
	struct content content;
	struct buf out;

	buf_init(&out, 300);
	encoded_decode(&out, text);
	HOLDS(out.len <= 300);
	buf_done(&out);
	buf_init(&out, BUF_NO_LIMIT);
	HOLDS(encoded_decode(&out, text) && out.len <= text.len * 4);
	buf_clear(&out);
	HOLDS(encoded_decode_param(&out, text) && out.len <= text.len * 4);
	buf_done(&out);
	content_type_parse(arena, text, &content);
	HOLDS(content.params.n <= CONTENT_PARAMS_MAX && !content.word.len == !content.subtype.len);
	for (uint32_t i = 0; i < content.params.n; i++)
		HOLDS(content.params.params[i].name.len &&
		      content.params.params[i].raw.len <= text.len * 3 + 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();

	reading(arena, slice_of(data, size));
	writing(arena, slice_of(data, size));
	arena_free(arena);
	return 0;
}
