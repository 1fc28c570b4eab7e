/* What SEARCH sees of a message (searchable.h). */
#include "mail/searchable.h"

#include "base/arena.h"
#include "base/utf8.h"
#include "mail/address_list.h"
#include "mail/encoded.h"
#include "mail/fold.h"
#include "mail/text.h"

#define FOLDED_MAX    (32 * 1024 * 1024) /* a text part is cut before that */
#define ADDRESSES     1000
#define ADDRESSES_MAX (64 * 1024) /* bytes of a field that are read for them */

void searchable_done(struct searchable *s)
{
	buf_done(&s->plain);
	buf_done(&s->folded);
	buf_done(&s->bare);
}

static void start(struct searchable *s)
{
	s->plain.limit = s->folded.limit = FOLDED_MAX;
	buf_clear(&s->plain);
	buf_clear(&s->folded);
}

struct slice searchable_field(struct searchable *s, const struct header_field *field, struct slice *ret_value)
{
	struct slice all;
	size_t value;

	start(s);
	fold_search(&s->folded, field->name);
	buf_adds(&s->folded, ": ");
	value = s->folded.len;
	encoded_decode(&s->plain, slice_trim(field->value));
	fold_search(&s->folded, buf_slice(&s->plain));
	all = buf_slice(&s->folded);
	*ret_value = slice_from(all, MIN_OF(value, all.len));
	return all;
}

static bool may_hide_address(const struct header_field *field)
{
	static const char *const names[] = { "From", "To", "Cc", "Bcc" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (slice_is(field->name, names[i]))
			return slice_find(field->value, SLICE("(")) >= 0;
	return false;
}

struct slice searchable_addresses(struct searchable *s, const struct header_field *field)
{
	struct address_list list;
	struct arena *arena;

	if (!may_hide_address(field))
		return (struct slice){ NULL, 0 };
	arena = arena_new();
	start(s);
	address_list_parse(arena, slice_first(field->value, ADDRESSES_MAX), ADDRESSES, &list);
	for (uint32_t i = 0; i < list.n; i++)
		buf_printf(&s->plain, "%.*s@%.*s\n", SLICE_FMT(list.entries[i].local),
		           SLICE_FMT(list.entries[i].domain));
	fold_search(&s->folded, buf_slice(&s->plain));
	arena_free(arena);
	return buf_slice(&s->folded);
}

struct slice searchable_text(struct searchable *s, struct slice text)
{
	start(s);
	fold_search(&s->folded, text);
	return buf_slice(&s->folded);
}

struct slice searchable_bare(struct searchable *s, struct slice folded)
{
	if (utf8_is_ascii(folded))
		return folded;
	s->bare.limit = FOLDED_MAX;
	buf_clear(&s->bare);
	fold_bare(&s->bare, folded);
	return buf_slice(&s->bare);
}

/* ---- all of it ---- */

struct showing {
	struct searchable scratch;
	struct buf text;
	struct slice message;
	uint64_t left; /* bytes of text parts */
	void (*on_text)(void *arg, struct slice folded);
	void *arg;
};

static void show_header(struct showing *showing, struct slice header)
{
	struct header_iter it = header_iter_of(header);
	struct header_field field;
	struct slice value, addresses;

	while (header_next(&it, &field)) {
		showing->on_text(showing->arg, searchable_field(&showing->scratch, &field, &value));
		addresses = searchable_addresses(&showing->scratch, &field);
		if (addresses.data)
			showing->on_text(showing->arg, addresses);
	}
}

static bool show_part(struct showing *showing, const struct mime_part *part)
{
	if (part->header_len > SEARCHABLE_HEADER_MAX)
		return false;
	show_header(showing, slice_first(slice_from(showing->message, part->header), part->header_len));
	if (part->kind != MIME_LEAF || !mime_is(part, "text", NULL))
		return true;
	if (part->body_len > showing->left)
		return false;
	showing->left -= part->body_len;
	buf_clear(&showing->text);
	text_of_part(&showing->text, part, showing->message);
	showing->on_text(showing->arg, searchable_text(&showing->scratch, buf_slice(&showing->text)));
	return true;
}

bool searchable_message(const struct mime *mime, struct slice message, size_t header_cut,
                        void (*on_text)(void *arg, struct slice folded), void *arg)
{
	struct showing showing = {
		.message = message, .left = SEARCHABLE_TEXT_MAX, .on_text = on_text, .arg = arg
	};
	bool all = true;

	buf_init(&showing.text, SEARCHABLE_PART_MAX);
	/* who looks at the beginning of a header only may see a field, or an encoded-word, that ends there */
	if (mime->root->header_len > header_cut)
		show_header(&showing, slice_first(message, header_cut));
	for (const struct mime_part *part = mime->root; part && all; part = mime_next(part))
		all = show_part(&showing, part);
	buf_done(&showing.text);
	searchable_done(&showing.scratch);
	return all;
}
