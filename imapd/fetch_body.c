/*
 * Where sections lie in a message (RFC 3501 6.4.5), and subsets of headers.
 *
 * HEADER, TEXT and their like are of a whole message: the outermost, or one
 * that is a part (message/rfc822). Of any other part there is its body and its MIME header.
 */
#include "fetch_item.h"
#include "mail/header.h"

static struct fetch_place missing(void)
{
	return (struct fetch_place){ .missing = true };
}

static struct fetch_place place(uint64_t offset, uint64_t len)
{
	return (struct fetch_place){ .offset = offset, .len = len };
}

/* Of a message whose header begins at `header`. */
static struct fetch_place of_message(enum section_what what, uint64_t header, uint64_t header_len,
                                     uint64_t body_len)
{
	struct fetch_place found;

	if (what == SECTION_ALL)
		return place(header, header_len + body_len);
	if (what == SECTION_TEXT)
		return place(header + header_len, body_len);
	found = place(header, header_len);
	found.filtered = what == SECTION_FIELDS || what == SECTION_FIELDS_NOT;
	return found;
}

struct fetch_place section_place(const struct fetch_section *section, const struct mime *mime,
                                 uint64_t header_len, uint64_t size)
{
	const struct mime_part *part;

	if (!section->n)
		return of_message(section->what, 0, header_len, size - header_len);
	part = mime_section(mime, section->numbers, section->n);
	if (!part)
		return missing();
	if (section->what == SECTION_ALL)
		return place(part->body, part->body_len);
	if (section->what == SECTION_MIME)
		return place(part->header, part->header_len);
	if (part->kind != MIME_MESSAGE)
		return missing();
	part = part->children;
	return of_message(section->what, part->header, part->header_len, part->body_len);
}

void section_clip(const struct fetch_section *section, uint64_t *offset, uint64_t *len)
{
	uint64_t skip;

	if (!section->partial)
		return;
	skip = MIN_OF(section->offset, *len);
	*offset += skip;
	*len = MIN_OF(*len - skip, section->len);
}

static bool is_named(const struct fetch_section *section, struct slice name)
{
	for (uint32_t i = 0; i < section->n_fields; i++)
		if (slice_ieq(section->fields[i], name))
			return true;
	return false;
}

void section_filter(const struct fetch_section *section, struct slice header, struct buf *out)
{
	struct header_iter it = header_iter_of(header);
	struct header_field field;
	size_t end = 0;

	while (header_next(&it, &field)) {
		end = field.end;
		if (is_named(section, field.name) == (section->what == SECTION_FIELDS))
			buf_add(out, header.data + field.start, field.end - field.start);
	}
	if (it.blank)
		buf_add(out, header.data + end, it.at - end);
}
