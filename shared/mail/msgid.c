/* Lists of message ids, and new ones (msgid.h). */
#include "mail/msgid.h"

#include "base/arena.h"
#include "base/rand.h"
#include "mail/lex.h"

static bool is_dot_atom_byte(uint8_t c)
{
	return c == '.' || lex_is_atext(c);
}

/* A quoted string in an id: quotes go when what is in it needs none. */
static uint8_t *take_quoted(struct lex *lex, uint8_t *to)
{
	const uint8_t *start = lex->at;
	size_t len = lex_quoted(lex, to, NULL), i = 0;

	while (i < len && is_dot_atom_byte(to[i]))
		i++;
	if (i == len && len)
		return to + len;
	len = (size_t)(lex->at - start); /* as it was, then */
	memcpy(to, start, len);
	return to + len;
}

/* From behind '<' to behind '>', or to where it cannot go on. `to` has room for what is left of the value. */
static struct slice take_id(struct lex *lex, uint8_t *to)
{
	uint8_t *start = to;

	while (lex_skip(lex), !lex_done(lex)) {
		uint8_t c = *lex->at;

		if (c == '>' || c == '<') {
			lex->at += c == '>';
			break;
		}
		if (c == '"') {
			to = take_quoted(lex, to);
		} else {
			*to++ = c;
			lex->at++;
		}
	}
	return slice_of(start, (size_t)(to - start));
}

/* Past what stands between two ids. */
static void skip_phrase(struct lex *lex, uint8_t *scratch)
{
	while (lex_skip(lex), !lex_done(lex) && !lex_is(lex, '<')) {
		if (lex_is(lex, '"'))
			lex_quoted(lex, scratch, NULL);
		else
			lex->at++;
	}
}

static uint32_t count_open(struct slice value)
{
	uint32_t n = 0;

	for (size_t i = 0; i < value.len && n < UINT32_MAX; i++)
		n += value.data[i] == '<';
	return n;
}

/* "Message-ID: 1234@example.org" */
static uint32_t bare_id(struct arena *arena, struct slice value, struct slice **ret)
{
	struct lex lex = lex_of(value);
	struct slice id = take_id(&lex, arena_alloc(arena, value.len));

	if (!lex_done(&lex) || id.len == 0 || id.len > MSGID_MAX || slice_chr(id, '@') <= 0)
		return 0;
	*ret = arena_array(arena, struct slice, 1);
	(*ret)[0] = id;
	return 1;
}

uint32_t msgid_list(struct arena *arena, struct slice value, uint32_t max, struct slice **ret)
{
	uint32_t most = MIN_OF(count_open(value), max), n = 0;
	struct lex lex = lex_of(value);
	uint8_t *to;

	*ret = NULL;
	if (max == 0 || value.len == 0)
		return 0;
	if (most == 0)
		return bare_id(arena, value, ret);
	*ret = arena_array(arena, struct slice, most);
	to = arena_alloc(arena, value.len);
	while (n < most) {
		struct slice id;

		skip_phrase(&lex, to);
		if (!lex_take(&lex, '<'))
			break;
		id = take_id(&lex, to);
		if (id.len == 0 || id.len > MSGID_MAX)
			continue;
		(*ret)[n++] = id;
		to += id.len;
	}
	return n;
}

bool msgid_first(struct arena *arena, struct slice value, struct slice *ret)
{
	struct slice *ids;

	if (msgid_list(arena, value, 1, &ids) == 0)
		return false;
	*ret = ids[0];
	return true;
}

bool msgid_new(struct buf *out, struct slice host)
{
	struct id id = id_new();

	return buf_printf(out, "<%s@%.*s>", id_print(&id).text, SLICE_FMT(host));
}
