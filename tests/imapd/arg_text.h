#ifndef TESTS_IMAPD_ARG_TEXT_H
#define TESTS_IMAPD_ARG_TEXT_H
/* Arguments from one string: "{" and "}" enclose what stands for a literal. For tests of what reads arguments. */
#include <string.h>

#include "args.h"

#define ARG_TEXT_SEGMENTS 8

struct arg_text {
	struct arena *arena;
	struct imap_segment segments[ARG_TEXT_SEGMENTS];
	struct imap_args args;
};

static inline struct imap_args *arg_text_start(struct arg_text *text, const char *from)
{
	size_t n = 0;

	memset(text, 0, sizeof(*text));
	text->arena = arena_new();
	for (const char *open; (open = strchr(from, '{')) && n + 1 < ARG_TEXT_SEGMENTS; n++) {
		const char *close = strchr(open, '}');

		text->segments[n].text = slice_of(from, (size_t)(open - from));
		text->segments[n].literal.data = slice_of(open + 1, (size_t)(close - open - 1));
		text->segments[n].next = &text->segments[n + 1];
		from = close + 1;
	}
	text->segments[n].text = slice_str(from);
	imap_args_start(&text->args, text->segments, text->arena);
	return &text->args;
}

/* Adds `text`, each "#" in it being the number. */
static inline void arg_text_numbered(struct buf *out, const char *text, unsigned number)
{
	for (; *text; text++) {
		if (*text == '#')
			buf_printf(out, "%u", number);
		else
			buf_addc(out, (uint8_t)*text);
	}
}

static inline void arg_text_done(struct arg_text *text)
{
	arena_free(text->arena);
}

#endif
