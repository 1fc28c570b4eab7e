/* Content-Type and Content-Disposition values (content.h). Parameters are read as written first, then joined. */
#include "mail/content.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/utf8.h"
#include "mail/encoded.h"
#include "mail/lex.h"

enum { SECTIONS_MAX = 1000 };

struct written { /* a parameter as it stands in the field */
	struct slice name, value;
	uint32_t section; /* of a continuation, from 0 */
	bool continued;   /* name*N */
	bool extended;    /* name* or name*N* */
	bool used;
};

struct params {
	struct arena *arena;
	struct written written[CONTENT_PARAMS_MAX];
	uint32_t n;
};

/* Past the next ';' that is in no quoted string. */
static void skip_to_semicolon(struct lex *lex)
{
	bool quoted = false;

	for (; lex->at < lex->end; lex->at++) {
		if (*lex->at == '"')
			quoted = !quoted;
		else if (*lex->at == '\\' && quoted && lex->at + 1 < lex->end)
			lex->at++;
		else if (*lex->at == ';' && !quoted)
			break;
	}
	lex_take(lex, ';');
}

/* Drops line ends; blanks stay. */
static struct slice unfolded(struct arena *arena, struct slice s)
{
	uint8_t *copy;
	size_t len = 0;

	if (slice_chr(s, '\n') < 0)
		return s;
	copy = arena_alloc(arena, s.len);
	for (size_t i = 0; i < s.len; i++) {
		if (s.data[i] != '\n' && s.data[i] != '\r')
			copy[len++] = s.data[i];
	}
	return slice_of(copy, len);
}

static struct slice take_to_semicolon(struct arena *arena, struct lex *lex)
{
	const uint8_t *start = lex->at;

	while (!lex_done(lex) && !lex_is(lex, ';'))
		lex->at++;
	return unfolded(arena, slice_trim(slice_of(start, (size_t)(lex->at - start))));
}

/* A quoted string that needs no copy when nothing is escaped in it. */
static struct slice take_quoted(struct arena *arena, struct lex *lex)
{
	const uint8_t *p = lex->at + 1;
	struct lex inner;
	uint8_t *copy;
	struct slice s;
	bool closed;

	while (p < lex->end && *p != '"' && *p != '\\' && *p != '\n' && *p != '\r')
		p++;
	if (p < lex->end && *p == '"') {
		s = slice_of(lex->at + 1, (size_t)(p - lex->at - 1));
		lex->at = p + 1;
		return s;
	}
	copy = arena_alloc(arena, lex_rest(lex).len);
	inner = *lex;
	s = slice_of(copy, lex_quoted(&inner, copy, &closed));
	if (closed) {
		*lex = inner;
		return s;
	}
	/* never closed: it would swallow the other parameters, so it ends with its own */
	lex->at++;
	return take_to_semicolon(arena, lex);
}

/* Another parameter starts here, its semicolon forgotten. */
static bool param_follows(const struct lex *lex)
{
	struct lex ahead = *lex;

	return lex_token(&ahead).len > 0 && lex_is(&ahead, '=');
}

/*
 * value = token / quoted-string. An unquoted value with blanks or specials in
 * it, as file names come, runs to the next ';' when no token was all of it.
 */
static struct slice take_value(struct arena *arena, struct lex *lex)
{
	const uint8_t *start = lex->at;
	struct slice token;
	bool blank;

	if (lex_is(lex, '"'))
		return take_quoted(arena, lex);
	token = lex_token(lex);
	blank = lex_skip(lex);
	if (lex_done(lex) || lex_is(lex, ';') || (blank && param_follows(lex)))
		return token;
	lex->at = start;
	return take_to_semicolon(arena, lex);
}

/* attribute ["*" section] ["*"]; a name that only looks so stays whole */
static void split_name(struct written *w)
{
	struct slice name = w->name, digits;
	ptrdiff_t star = slice_chr(name, '*');
	uint64_t section;

	if (star <= 0)
		return;
	w->extended = name.data[name.len - 1] == '*';
	name.len -= w->extended;
	if ((size_t)star < name.len) {
		digits = slice_from(name, (size_t)star + 1);
		if (!slice_u64(digits, SECTIONS_MAX, &section)) {
			w->extended = false;
			return;
		}
		w->continued = true;
		w->section = (uint32_t)section;
	}
	w->name = slice_first(name, (size_t)star);
}

static void read_params(struct params *all, struct lex *lex)
{
	while (lex_skip(lex), !lex_done(lex) && all->n < CONTENT_PARAMS_MAX) {
		struct written *w = &all->written[all->n];

		if (lex_take(lex, ';'))
			continue;
		*w = (struct written){ .name = lex_token(lex) };
		lex_skip(lex);
		if (w->name.len == 0 || !lex_take(lex, '=')) {
			skip_to_semicolon(lex);
			continue;
		}
		lex_skip(lex);
		w->value = take_value(all->arena, lex);
		split_name(w);
		all->n++;
	}
}

static struct written *section_of(struct params *all, const struct written *first, uint32_t section)
{
	for (uint32_t i = 0; i < all->n; i++) {
		struct written *w = &all->written[i];

		if (!w->used && w->continued && w->section == section && slice_ieq(w->name, first->name))
			return w;
	}
	return NULL;
}

/* A plain section among extended ones: what would read as an escape there is escaped. */
static void add_section(struct buf *joined, const struct written *w, bool extended)
{
	if (!extended || w->extended) {
		buf_add_slice(joined, w->value);
		return;
	}
	for (size_t i = 0; i < w->value.len; i++) {
		uint8_t c = w->value.data[i];

		if (c <= ' ' || c >= 0x7f || c == '%' || c == '\'' || c == '*' || !lex_is_token(c))
			buf_printf(joined, "%%%02X", c);
		else
			buf_addc(joined, c);
	}
}

/* name*0, name*1, ... as far as they go without a gap; extended when the first one is, or any is. */
static struct slice join_sections(struct params *all, struct written *first, bool *ret_extended)
{
	struct written *sections[CONTENT_PARAMS_MAX], *w;
	struct slice whole;
	struct buf joined;
	uint32_t n = 0;

	*ret_extended = false;
	while ((w = section_of(all, first, n)) != NULL) {
		w->used = true;
		*ret_extended |= w->extended;
		sections[n++] = w;
	}
	buf_init(&joined, BUF_NO_LIMIT); /* at most three times the field */
	if (*ret_extended && !sections[0]->extended)
		buf_adds(&joined, "''");
	for (uint32_t i = 0; i < n; i++)
		add_section(&joined, sections[i], *ret_extended);
	whole = arena_copy(all->arena, buf_slice(&joined));
	buf_done(&joined);
	return whole;
}

static struct slice decoded(struct arena *arena, const struct content_param *param)
{
	struct slice value;
	struct buf text;

	if (!param->extended && slice_find(param->raw, SLICE("=?")) < 0)
		return param->raw;
	buf_init(&text, BUF_NO_LIMIT); /* a charset makes three bytes of one at most */
	if (param->extended)
		encoded_decode_param(&text, param->raw);
	else
		encoded_decode(&text, param->raw);
	value = arena_copy(arena, buf_slice(&text));
	buf_done(&text);
	return value;
}

static void join_params(struct params *all, struct content_params *ret)
{
	struct content_param *params = arena_array(all->arena, struct content_param, all->n);

	ret->params = params;
	for (uint32_t i = 0; i < all->n; i++) {
		struct written *w = &all->written[i];
		struct content_param *param = &params[ret->n];

		if (w->used)
			continue;
		param->name = w->name;
		param->raw = w->value;
		param->extended = w->extended;
		if (w->continued) {
			/* a section whose first one is missing says nothing */
			if (!section_of(all, w, 0))
				continue;
			param->raw = join_sections(all, w, &param->extended);
		}
		w->used = true;
		param->value = decoded(all->arena, param);
		ret->n++;
	}
}

static void take_params(struct arena *arena, struct lex *lex, struct content_params *ret)
{
	struct params all;

	lex_skip(lex);
	if (lex_done(lex))
		return;
	all.arena = arena;
	all.n = 0;
	read_params(&all, lex);
	if (all.n)
		join_params(&all, ret);
}

/* type "/" subtype *(";" parameter) */
void content_type_parse(struct arena *arena, struct slice value, struct content *ret)
{
	struct lex lex = lex_of(value);

	*ret = (struct content){ .word = SLICE("") };
	lex_skip(&lex);
	ret->word = lex_token(&lex);
	lex_skip(&lex);
	if (lex_take(&lex, '/')) {
		lex_skip(&lex);
		ret->subtype = lex_token(&lex);
	}
	if (ret->word.len == 0 || ret->subtype.len == 0)
		ret->word = ret->subtype = SLICE("");
	take_params(arena, &lex, &ret->params);
}

/* disposition *(";" parameter) */
void content_disposition_parse(struct arena *arena, struct slice value, struct content *ret)
{
	struct lex lex = lex_of(value);

	*ret = (struct content){ .subtype = SLICE("") };
	lex_skip(&lex);
	ret->word = lex_token(&lex);
	take_params(arena, &lex, &ret->params);
}

struct slice content_word(struct slice value)
{
	struct lex lex = lex_of(value);

	lex_skip(&lex);
	return lex_token(&lex);
}

const struct content_param *content_param(const struct content_params *params, const char *name)
{
	const struct content_param *plain = NULL;

	for (uint32_t i = 0; i < params->n; i++) {
		if (!slice_is(params->params[i].name, name))
			continue;
		if (params->params[i].extended)
			return &params->params[i];
		if (!plain)
			plain = &params->params[i];
	}
	return plain;
}

struct slice content_value(const struct content_params *params, const char *name)
{
	const struct content_param *param = content_param(params, name);

	return param ? param->value : slice_of(NULL, 0);
}
