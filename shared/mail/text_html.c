/* HTML without its markup (text.h): one pass, no tree, nothing refused. What is never closed drops the rest. */
#include "mail/text.h"

#include "base/utf8.h"
#include "mail/lex.h"

enum { ENTITY_MAX = 10 };

enum gap { GAP_NONE, GAP_BLANK, GAP_LINE };

struct html {
	struct lex lex;
	struct buf *out;
	size_t start; /* where our text begins in `out` */
	enum gap gap; /* due before the next visible character */
	bool full;
};

/* Tags that begin or end a line; cells only part words. */
static enum gap gap_of_tag(struct slice name)
{
	static const char *const blocks[] = {
		"p",      "br",      "div",     "li",      "ul",     "ol",     "tr",
		"table",  "h1",      "h2",      "h3",      "h4",     "h5",     "h6",
		"hr",     "dl",      "dt",      "dd",      "pre",    "title",  "body",
		"head",   "form",    "section", "article", "header", "footer", "blockquote",
		"option", "address", "center",  "caption", "figure", "main",   "nav",
	};

	for (size_t i = 0; i < ARRAY_LEN(blocks); i++) {
		if (slice_is(name, blocks[i]))
			return GAP_LINE;
	}
	return slice_is(name, "td") || slice_is(name, "th") ? GAP_BLANK : GAP_NONE;
}

static void widen_gap(struct html *h, enum gap gap)
{
	h->gap = MAX_OF(h->gap, gap);
}

static void add_visible(struct html *h, struct slice text)
{
	size_t room;

	if (h->gap != GAP_NONE && h->out->len > h->start)
		h->full |= !buf_addc(h->out, h->gap == GAP_LINE ? '\n' : ' ');
	h->gap = GAP_NONE;
	room = h->full ? 0 : h->out->limit - h->out->len;
	if (text.len > room) {
		h->full = true;
		text = utf8_cut(text, room);
	}
	if (text.len)
		buf_add_slice(h->out, text);
}

static bool is_letter(uint8_t c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static bool is_name_byte(uint8_t c)
{
	return is_letter(c) || (c >= '0' && c <= '9');
}

static struct slice tag_name(struct lex *lex)
{
	const uint8_t *start = lex->at;

	while (!lex_done(lex) && is_name_byte(*lex->at))
		lex->at++;
	return slice_of(start, (size_t)(lex->at - start));
}

/* To behind `mark`, or the end. */
static void skip_past(struct lex *lex, struct slice mark)
{
	ptrdiff_t at = slice_find(lex_rest(lex), mark);

	lex->at = at < 0 ? lex->end : lex->at + at + mark.len;
}

/* To behind the tag's ">", which may also stand in quoted attributes. */
static void skip_attributes(struct lex *lex)
{
	uint8_t quote = 0;

	for (; lex->at < lex->end; lex->at++) {
		uint8_t c = *lex->at;

		if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'')
			quote = c;
		else if (c == '>')
			break;
	}
	lex_take(lex, '>');
}

/* Script and style hold no text: to their end tag. */
static void skip_raw(struct lex *lex, struct slice name)
{
	while (!lex_done(lex)) {
		struct slice rest;

		skip_past(lex, SLICE("</"));
		rest = lex_rest(lex);
		if (slice_ieq(slice_first(rest, name.len), name)) {
			skip_attributes(lex);
			return;
		}
	}
}

/* At "<". False: it begins no markup. */
static bool take_markup(struct html *h)
{
	struct lex lex = h->lex;
	struct slice name;
	bool end;

	lex.at++;
	if (slice_starts(lex_rest(&lex), "!--")) {
		skip_past(&lex, SLICE("-->"));
	} else if (lex_is(&lex, '!') || lex_is(&lex, '?')) {
		skip_past(&lex, SLICE(">"));
	} else {
		end = lex_take(&lex, '/');
		if (lex_done(&lex) || !is_letter(*lex.at))
			return false;
		name = tag_name(&lex);
		skip_attributes(&lex);
		if (!end && (slice_is(name, "script") || slice_is(name, "style")))
			skip_raw(&lex, name);
		widen_gap(h, gap_of_tag(name));
	}
	h->lex = lex;
	return true;
}

/* At "&". False: it begins no entity that is known. */
static bool take_entity(struct html *h)
{
	const uint8_t *p = h->lex.at + 1, *end = h->lex.end;
	size_t len = 0;
	uint8_t raw[4];
	struct buf one = { .data = raw, .cap = sizeof(raw), .limit = sizeof(raw) };
	uint32_t code;

	while (p + len < end && len < ENTITY_MAX && (p[len] == '#' || is_name_byte(p[len])))
		len++;
	code = text_entity(slice_of(p, len));
	if (code == 0)
		return false;
	h->lex.at = p + len;
	lex_take(&h->lex, ';');
	if (code <= ' ') {
		widen_gap(h, GAP_BLANK);
		return true;
	}
	utf8_encode(&one, code);
	add_visible(h, buf_slice(&one));
	return true;
}

static void take_run(struct html *h)
{
	const uint8_t *start = h->lex.at++;

	while (!lex_done(&h->lex) && *h->lex.at > ' ' && *h->lex.at != '<' && *h->lex.at != '&')
		h->lex.at++;
	add_visible(h, slice_of(start, (size_t)(h->lex.at - start)));
}

bool text_of_html(struct buf *out, struct slice html)
{
	struct html h = { .lex = lex_of(html), .out = out, .start = out->len, .full = out->overflow };

	while (!lex_done(&h.lex) && !h.full) {
		uint8_t c = *h.lex.at;

		if (c <= ' ') {
			widen_gap(&h, GAP_BLANK);
			h.lex.at++;
		} else if (!(c == '<' && take_markup(&h)) && !(c == '&' && take_entity(&h))) {
			take_run(&h);
		}
	}
	return !h.full;
}
