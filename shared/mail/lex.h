#ifndef SHARED_MAIL_LEX_H
#define SHARED_MAIL_LEX_H
/*
 * The tokens that structured header fields are made of (RFC 5322 3.2, RFC 2045
 * 5.1), read tolerantly: comments nest, what is not closed ends with the text,
 * 8-bit counts as a letter. No call reads past the text, none recurses.
 */
#include "base/slice.h"

struct lex {
	const uint8_t *at, *end;
};

static inline struct lex lex_of(struct slice s)
{
	if (s.len == 0)
		s = SLICE("");
	return (struct lex){ s.data, s.data + s.len };
}

static inline bool lex_done(const struct lex *lex)
{
	return lex->at >= lex->end;
}

static inline bool lex_is(const struct lex *lex, uint8_t c)
{
	return lex->at < lex->end && *lex->at == c;
}

static inline bool lex_take(struct lex *lex, uint8_t c)
{
	bool is = lex_is(lex, c);

	lex->at += is;
	return is;
}

static inline struct slice lex_rest(const struct lex *lex)
{
	return slice_of(lex->at, (size_t)(lex->end - lex->at));
}

bool lex_is_blank(uint8_t c); /* space, tab, CR, LF */
bool lex_is_atext(
    uint8_t c); /* RFC 5322 atext, 8-bit and control characters other than blanks: all but specials */
bool lex_is_token(uint8_t c); /* RFC 2045 token, and 8-bit */

/* Past blanks and comments; true if there were any. */
bool lex_skip(struct lex *);
/* At '(': past the comment, giving what stands between the parentheses. */
struct slice lex_comment(struct lex *);
struct slice lex_atom(struct lex *);  /* the longest run of atext, may be empty */
struct slice lex_token(struct lex *); /* the longest run of token characters, may be empty */
/* At '"': past the string. Writes it without quotes, backslashes and line ends to `out`, which has room for
 * what is left of the text, and gives the length. `ret_closed` (NULL accepted): its closing quote was there. */
size_t lex_quoted(struct lex *, uint8_t *out, bool *ret_closed);

#endif
