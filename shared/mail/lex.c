/* Tokens of structured header fields (lex.h), by a table of character classes. */
#include "mail/lex.h"

enum { BLANK = 1, ATEXT = 2, TOKEN = 4 };

/* clang-format off */
#define A (ATEXT | TOKEN)
static const uint8_t classes[128] = {
	A, A, A, A, A, A, A, A, A, BLANK, BLANK, A, A, BLANK, A, A,
	A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A,
	/*      !  "  #  $  %  &  '  (  )  *  +  ,  -  .      / */
	BLANK,  A, 0, A, A, A, A, A, 0, 0, A, A, 0, A, TOKEN, ATEXT,
	/* 0-9                         :  ;  <  =      >  ?     */
	A, A, A, A, A, A, A, A, A, A,  0, 0, 0, ATEXT, 0, ATEXT,
	/* @, A-O */
	0, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A,
	/* P-Z                            [  \  ]  ^  _ */
	A, A, A, A, A, A, A, A, A, A, A,  0, 0, 0, A, A,
	A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A,
	/* p-z                            {  |  }  ~  DEL */
	A, A, A, A, A, A, A, A, A, A, A,  A, A, A, A, A,
};
#undef A
/* clang-format on */

static inline uint8_t class_of(uint8_t c)
{
	return c < 128 ? classes[c] : ATEXT | TOKEN;
}

bool lex_is_blank(uint8_t c)
{
	return class_of(c) & BLANK;
}

bool lex_is_atext(uint8_t c)
{
	return class_of(c) & ATEXT;
}

bool lex_is_token(uint8_t c)
{
	return class_of(c) & TOKEN;
}

bool lex_skip(struct lex *lex)
{
	const uint8_t *start = lex->at;

	while (lex->at < lex->end) {
		if (lex_is_blank(*lex->at))
			lex->at++;
		else if (*lex->at == '(')
			lex_comment(lex);
		else
			break;
	}
	return lex->at > start;
}

struct slice lex_comment(struct lex *lex)
{
	const uint8_t *start = ++lex->at;
	size_t depth = 1;

	for (; lex->at < lex->end; lex->at++) {
		if (*lex->at == '\\' && lex->at + 1 < lex->end)
			lex->at++;
		else if (*lex->at == '(')
			depth++;
		else if (*lex->at == ')' && --depth == 0)
			return slice_of(start, (size_t)(lex->at++ - start));
	}
	return slice_of(start, (size_t)(lex->at - start));
}

struct slice lex_atom(struct lex *lex)
{
	const uint8_t *start = lex->at;

	while (lex->at < lex->end && lex_is_atext(*lex->at))
		lex->at++;
	return slice_of(start, (size_t)(lex->at - start));
}

struct slice lex_token(struct lex *lex)
{
	const uint8_t *start = lex->at;

	while (lex->at < lex->end && lex_is_token(*lex->at))
		lex->at++;
	return slice_of(start, (size_t)(lex->at - start));
}

size_t lex_quoted(struct lex *lex, uint8_t *out, bool *ret_closed)
{
	const uint8_t *p = lex->at + 1, *end = lex->end;
	size_t len = 0;
	bool closed = false;

	for (; p < end; p++) {
		if (*p == '"') {
			p++;
			closed = true;
			break;
		}
		if (*p == '\n' || (*p == '\r' && p + 1 < end && p[1] == '\n'))
			continue;
		if (*p == '\\' && p + 1 < end && p[1] != '\r' && p[1] != '\n')
			p++;
		out[len++] = *p;
	}
	lex->at = p;
	if (ret_closed)
		*ret_closed = closed;
	return len;
}
