/* Writing and finding Authentication-Results (auth_results.h, RFC 8601 2.2 and 5). */
#include "auth_results.h"

#include "base/arena.h"
#include "mail/header.h"
#include "mail/lex.h"

#define FOLD_AT         78
#define VALUE_MAX       300
#define AUTHSERV_ID_MAX 1024

const char *authres_name(enum authres result)
{
	static const char *const names[] = {
		[AUTHRES_NONE] = "none",           [AUTHRES_PASS] = "pass",
		[AUTHRES_FAIL] = "fail",           [AUTHRES_SOFTFAIL] = "softfail",
		[AUTHRES_NEUTRAL] = "neutral",     [AUTHRES_POLICY] = "policy",
		[AUTHRES_TEMPERROR] = "temperror", [AUTHRES_PERMERROR] = "permerror",
	};

	return names[result];
}

void field_start(struct field_writer *writer, struct buf *out, const char *name)
{
	*writer = (struct field_writer){ .out = out, .column = strlen(name) + 1 };
	buf_printf(out, "%s:", name);
}

void field_fold(struct field_writer *writer)
{
	buf_adds(writer->out, "\r\n\t");
	writer->column = 8;
}

void field_piece(struct field_writer *writer, struct slice text)
{
	if (writer->column + 1 + text.len > FOLD_AT && writer->column > 8) {
		field_fold(writer);
	} else if (writer->column != 8) {
		buf_addc(writer->out, ' ');
		writer->column++;
	}
	buf_add_slice(writer->out, text);
	writer->column += text.len;
}

void field_end(struct field_writer *writer)
{
	buf_adds(writer->out, "\r\n");
}

/* RFC 2045 token, ASCII only */
static bool is_token_char(uint8_t c)
{
	return c > ' ' && c < 0x7f && !strchr("()<>@,;:\\\"/[]?=", c);
}

/* token, or token@token as pvalue allows for addresses: [[local-part] "@"] domain-name */
static bool needs_no_quotes(struct slice text)
{
	size_t ats = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '@' && i > 0 && i + 1 < text.len)
			ats++;
		else if (!is_token_char(text.data[i]))
			return false;
	}
	return text.len > 0 && ats <= 1;
}

/* Between `open` and `close`, with what would end it escaped. */
static struct slice delimited(struct arena *arena, struct slice text, char open, char close)
{
	uint8_t *out = arena_alloc(arena, 2 * VALUE_MAX + 3);
	size_t len = 0;

	text = slice_first(text, VALUE_MAX);
	out[len++] = (uint8_t)open;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (c == '\\' || c == open || c == close)
			out[len++] = '\\';
		out[len++] = c >= ' ' && c < 0x7f ? c : '?';
	}
	out[len++] = (uint8_t)close;
	out[len] = '\0';
	return slice_of(out, len);
}

struct slice field_value(struct arena *arena, struct slice text)
{
	if (text.len <= VALUE_MAX && needs_no_quotes(text))
		return text;
	return field_quoted(arena, text);
}

struct slice field_quoted(struct arena *arena, struct slice text)
{
	return delimited(arena, text, '"', '"');
}

struct slice field_comment(struct arena *arena, struct slice text)
{
	return delimited(arena, text, '(', ')');
}

void auth_results_id(struct field_writer *writer, struct arena *arena, const char *authserv_id)
{
	field_piece(writer, field_value(arena, slice_str(authserv_id)));
}

void auth_results_method(struct field_writer *writer, struct arena *arena, const char *method,
                         enum authres result, const char *reason, const struct auth_prop *props,
                         size_t n_props)
{
	buf_addc(writer->out, ';');
	field_fold(writer);
	field_piece(writer, slice_str(arena_printf(arena, "%s=%s", method, authres_name(result))));
	if (reason && *reason) {
		struct slice quoted = field_quoted(arena, slice_str(reason));

		field_piece(writer, slice_str(arena_printf(arena, "reason=%.*s", SLICE_FMT(quoted))));
	}
	for (size_t i = 0; i < n_props; i++) {
		struct slice value;

		if (!props[i].value.data)
			continue;
		value = field_value(arena, props[i].value);
		field_piece(writer,
		            slice_str(arena_printf(arena, "%s=%.*s", props[i].name, SLICE_FMT(value))));
	}
}

void auth_results_end(struct field_writer *writer, size_t n_methods)
{
	if (n_methods == 0)
		buf_adds(writer->out, "; none");
	field_end(writer);
}

/* authserv-id = value: a token or a quoted string, comments around it. False when there is none to be read. */
static bool read_authserv_id(struct slice value, uint8_t out[AUTHSERV_ID_MAX], size_t *ret_len)
{
	struct lex lex = lex_of(value);
	struct slice token;
	bool closed = true;

	lex_skip(&lex);
	if (lex_is(&lex, '"')) {
		if (lex_rest(&lex).len > AUTHSERV_ID_MAX)
			lex.end = lex.at + AUTHSERV_ID_MAX;
		*ret_len = lex_quoted(&lex, out, &closed);
	} else {
		token = slice_first(lex_token(&lex), AUTHSERV_ID_MAX);
		if (token.len)
			memcpy(out, token.data, token.len);
		*ret_len = token.len;
	}
	return closed && *ret_len > 0;
}

static bool claims_to_be_ours(struct slice value, const char *authserv_id)
{
	uint8_t id[AUTHSERV_ID_MAX];
	size_t len;

	if (!read_authserv_id(value, id, &len))
		return true;
	return slice_is(slice_of(id, len), authserv_id);
}

/* Fields side by side make one range. With `ranges` NULL it only counts. */
/* Only we say how we judged a message. */
static bool is_forged(const struct header_field *field, const char *authserv_id)
{
	if (slice_is(field->name, "Authentication-Results"))
		return claims_to_be_ours(field->value, authserv_id);
	return slice_is(field->name, "X-Posthouse-Junk");
}

static size_t find_forged(struct slice message, const char *authserv_id, struct byte_range *ranges)
{
	struct header_iter iter = header_iter_of(message);
	struct header_field field;
	size_t n = 0, last_end = SIZE_MAX;

	while (header_next(&iter, &field)) {
		if (!is_forged(&field, authserv_id))
			continue;
		if (field.start != last_end) {
			if (ranges)
				ranges[n].start = field.start;
			n++;
		}
		if (ranges)
			ranges[n - 1].end = field.end;
		last_end = field.end;
	}
	return n;
}

size_t auth_results_forged(struct slice message, const char *authserv_id, struct arena *arena,
                           struct byte_range **ret)
{
	size_t n = find_forged(message, authserv_id, NULL);

	*ret = n ? arena_array(arena, struct byte_range, n) : NULL;
	if (n)
		find_forged(message, authserv_id, *ret);
	return n;
}
