/* Headers in UTF-8 for readers of ASCII (downgrade.h). */
#include "mail/downgrade.h"

#include "base/arena.h"
#include "base/utf8.h"
#include "mail/content.h"
#include "mail/encoded.h"
#include "mail/header.h"
#include "mail/idna.h"
#include "mail/lex.h"

#define NOWHERE_LOCAL  "invalid"
#define NOWHERE_DOMAIN "internationalized-address.invalid"
#define ADDRESSES_MAX  10000

static bool is_ascii(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] >= 0x80)
			return false;
	return true;
}

bool downgrade_is_due(struct slice text)
{
	return !is_ascii(text) && utf8_valid(text);
}

/* ---- text ---- */

/* Blanks, and the word behind them. */
static void cut_word(struct slice *rest, struct slice *blanks, struct slice *word)
{
	size_t start = 0, end;

	while (start < rest->len && lex_is_blank(rest->data[start]))
		start++;
	end = start;
	while (end < rest->len && !lex_is_blank(rest->data[end]))
		end++;
	*blanks = slice_first(*rest, start);
	*word = slice_of(rest->data + start, end - start);
	*rest = slice_from(*rest, end);
}

static bool is_encoded_word(struct slice word)
{
	return slice_starts(word, "=?") && word.len > 4 &&
	       slice_eq(slice_from(word, word.len - 2), SLICE("?="));
}

static void add_unfolded(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] != '\r' && text.data[i] != '\n')
			buf_addc(out, text.data[i]);
}

/* Words in a row, with the blanks between them, as encoded-words on one line. */
static void add_encoded(struct buf *out, struct slice words)
{
	struct buf folded;

	buf_init(&folded, BUF_NO_LIMIT);
	encoded_add_text(&folded, words, 0);
	add_unfolded(out, buf_slice(&folded));
	buf_done(&folded);
}

/* Blanks between two encoded-words are not shown: those that are to be belong into one. */
static void add_run(struct buf *out, struct slice run, bool behind_encoded, bool before_encoded)
{
	struct buf words;

	buf_init(&words, BUF_NO_LIMIT);
	if (behind_encoded)
		buf_addc(&words, ' ');
	add_unfolded(&words, run);
	if (before_encoded)
		buf_addc(&words, ' ');
	add_encoded(out, buf_slice(&words));
	buf_done(&words);
}

void downgrade_add_text(struct buf *out, struct slice text)
{
	struct slice rest = text, blanks, word;
	bool was_encoded = false;

	while (rest.len) {
		struct slice run, ahead, next = { 0 };

		cut_word(&rest, &blanks, &word);
		add_unfolded(out, blanks);
		if (is_ascii(word)) {
			buf_add_slice(out, word);
			was_encoded = is_encoded_word(word);
			continue;
		}
		run = word;
		for (ahead = rest; ahead.len;) {
			cut_word(&ahead, &blanks, &next);
			if (is_ascii(next))
				break;
			run.len = (size_t)(next.data + next.len - run.data);
			rest = ahead;
		}
		add_run(out, run, was_encoded, is_encoded_word(next));
		was_encoded = true;
	}
}

void downgrade_add_param(struct buf *out, struct slice utf8)
{
	buf_adds(out, "utf-8''");
	for (size_t i = 0; i < utf8.len; i++) {
		const uint8_t c = utf8.data[i];

		if (c > ' ' && c < 0x7f && lex_is_token(c) && c != '*' && c != '\'' && c != '%')
			buf_addc(out, c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

/* ---- addresses ---- */

static struct slice keep(struct arena *arena, struct buf *text)
{
	struct slice kept = arena_copy(arena, buf_slice(text));

	buf_done(text);
	return kept.data ? kept : SLICE("");
}

static struct slice decoded(struct arena *arena, struct slice text)
{
	struct buf out;

	buf_init(&out, BUF_NO_LIMIT);
	encoded_decode(&out, text);
	return keep(arena, &out);
}

static struct slice encoded(struct arena *arena, struct slice text)
{
	struct buf out;

	buf_init(&out, BUF_NO_LIMIT);
	add_encoded(&out, text);
	return keep(arena, &out);
}

/* Who it was stays to be read: "Jörg <jörg@example.org>". */
static struct slice name_of_nowhere(struct arena *arena, const struct address_entry *entry)
{
	const char *at = entry->domain.len ? "@" : "";

	if (!entry->name.len)
		return slice_str(
		    arena_printf(arena, "%.*s%s%.*s", SLICE_FMT(entry->local), at, SLICE_FMT(entry->domain)));
	return slice_str(arena_printf(arena, "%.*s <%.*s%s%.*s>", SLICE_FMT(decoded(arena, entry->name)),
	                              SLICE_FMT(entry->local), at, SLICE_FMT(entry->domain)));
}

static void lead_nowhere(struct arena *arena, const struct address_entry *was, struct address_entry *entry)
{
	entry->name = name_of_nowhere(arena, was);
	entry->route = slice_of(NULL, 0);
	entry->local = SLICE(NOWHERE_LOCAL);
	entry->domain = SLICE(NOWHERE_DOMAIN);
}

struct address_entry downgrade_address(struct arena *arena, const struct address_entry *was)
{
	struct address_entry entry = *was;

	if (downgrade_is_due(was->route))
		entry.route = slice_of(NULL, 0); /* nobody follows them */
	if (downgrade_is_due(was->local) ||
	    (downgrade_is_due(was->domain) && !idna_to_ascii(arena, was->domain, &entry.domain)))
		lead_nowhere(arena, was, &entry);
	if (downgrade_is_due(entry.name))
		entry.name = encoded(arena, decoded(arena, entry.name));
	return entry;
}

/* ---- headers ---- */

/* Folded before words that would make a line too long; `column`: what the line holds already. */
static void write_folded(struct buf *out, struct slice text, size_t column)
{
	struct slice rest = text, blanks, word;

	while (rest.len) {
		cut_word(&rest, &blanks, &word);
		if (blanks.len && word.len && column + blanks.len + word.len > ENCODED_LINE) {
			buf_adds(out, "\r\n");
			column = 0;
		}
		buf_add_slice(out, blanks);
		buf_add_slice(out, word);
		column += blanks.len + word.len;
	}
}

static void write_text(struct buf *out, struct slice text, size_t column)
{
	struct buf ascii;

	buf_init(&ascii, BUF_NO_LIMIT);
	buf_addc(&ascii, ' ');
	downgrade_add_text(&ascii, text);
	write_folded(out, buf_slice(&ascii), column);
	buf_done(&ascii);
}

static bool is_one_of(struct slice name, const char *const *names)
{
	for (; *names; names++)
		if (slice_is(name, *names))
			return true;
	return false;
}

static bool is_dot_atom(struct slice local)
{
	struct slice rest = local, atom;
	bool good = local.len > 0;

	while (slice_cut(&rest, '.', &atom)) {
		good &= atom.len > 0;
		for (size_t i = 0; i < atom.len; i++)
			good &= lex_is_atext(atom.data[i]);
	}
	return good;
}

static void write_local(struct buf *out, struct slice local)
{
	if (is_dot_atom(local)) {
		buf_add_slice(out, local);
		return;
	}
	buf_addc(out, '"');
	for (size_t i = 0; i < local.len; i++) {
		if (local.data[i] == '"' || local.data[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, local.data[i]);
	}
	buf_addc(out, '"');
}

static void write_phrase(struct buf *out, struct arena *arena, struct slice name)
{
	encoded_add_phrase(out, slice_find(name, SLICE("=?")) >= 0 ? decoded(arena, name) : name, 1);
}

static void write_mailbox(struct buf *out, struct arena *arena, const struct address_entry *entry)
{
	const bool named = entry->name.len > 0;

	if (named) {
		write_phrase(out, arena, entry->name);
		buf_adds(out, " <");
	}
	write_local(out, entry->local);
	if (entry->domain.len)
		buf_printf(out, "@%.*s", SLICE_FMT(entry->domain));
	if (named)
		buf_addc(out, '>');
}

/* Each address on a line of its own. False: there are none. */
static bool write_addresses(struct buf *out, struct arena *arena, struct slice value)
{
	const char *between = " ";
	struct address_list list;

	address_list_parse(arena, value, ADDRESSES_MAX, &list);
	for (uint32_t i = 0; i < list.n; i++) {
		const struct address_entry entry = downgrade_address(arena, &list.entries[i]);

		if (entry.kind == ADDRESS_ENTRY_END) {
			buf_addc(out, ';');
			between = ",\r\n ";
			continue;
		}
		buf_adds(out, between);
		if (entry.kind == ADDRESS_ENTRY_GROUP) {
			write_phrase(out, arena, entry.name);
			buf_addc(out, ':');
			between = "\r\n ";
			continue;
		}
		write_mailbox(out, arena, &entry);
		between = ",\r\n ";
	}
	return list.n;
}

static void write_content(struct buf *out, struct arena *arena, const struct content *content)
{
	buf_printf(out, " %.*s", SLICE_FMT(content->word));
	if (content->subtype.len)
		buf_printf(out, "/%.*s", SLICE_FMT(content->subtype));
	for (uint32_t i = 0; i < content->params.n; i++) {
		const struct content_param *param = &content->params.params[i];

		encoded_add_param(out, arena_strz(arena, param->name), param->value);
	}
}

static void write_value(struct buf *out, struct arena *arena, const struct header_field *field)
{
	static const char *const addresses[] = { "From",         "Sender",    "Reply-To",    "To",
		                                 "Cc",           "Bcc",       "Resent-From", "Resent-Sender",
		                                 "Resent-To",    "Resent-Cc", "Resent-Bcc",  "Return-Path",
		                                 "Delivered-To", NULL };
	struct content content = { .word = { 0 } };
	struct slice text = header_unfold(arena, field->value);

	if (is_one_of(field->name, addresses) && write_addresses(out, arena, field->value))
		return;
	if (slice_is(field->name, "Content-Type"))
		content_type_parse(arena, field->value, &content);
	else if (slice_is(field->name, "Content-Disposition"))
		content_disposition_parse(arena, field->value, &content);
	if (content.word.len && is_ascii(content.word) && is_ascii(content.subtype)) {
		write_content(out, arena, &content);
		return;
	}
	write_text(out, text, field->name.len + 1);
}

void downgrade_add_header(struct buf *out, struct slice header)
{
	struct header_iter it = header_iter_of(header);
	struct arena *arena = arena_new();
	struct header_field field;
	size_t end = 0;

	while (header_next(&it, &field)) {
		const struct slice whole = slice_of(header.data + field.start, field.end - field.start);

		end = field.end;
		if (!field.name.len || !downgrade_is_due(whole) || !is_ascii(field.name)) {
			buf_add_slice(out, whole);
			continue;
		}
		buf_printf(out, "%.*s:", SLICE_FMT(field.name));
		write_value(out, arena, &field);
		buf_adds(out, "\r\n");
		arena_reset(arena);
	}
	buf_add(out, header.data + end, header.len - end);
	arena_free(arena);
}
