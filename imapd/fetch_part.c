/*
 * What a section's text is as a part of its own, for who gets it alone (RFC 5524 3.2, BODYPARTSTRUCTURE): a message is
 * message/rfc822, a header text/rfc822-headers (RFC 3462 3), a part's or a message's body what its header says.
 */
#include "fetch_item.h"

/* The message that the section is of. */
static struct mime_part *message_of(const struct fetch_section *section, const struct mime *mime)
{
	const struct mime_part *part;

	if (!section->n)
		return mime->root;
	part = mime_section(mime, section->numbers, section->n);
	return part && part->kind == MIME_MESSAGE ? part->children : NULL;
}

const struct mime_part *section_body(const struct fetch_section *section, const struct mime *mime)
{
	if (section->what == SECTION_TEXT)
		return message_of(section, mime);
	return section->what == SECTION_ALL && section->n ? mime_section(mime, section->numbers, section->n)
	                                                  : NULL;
}

static bool is_wide(const struct mime_part *part)
{
	return part->encoding == TRANSFER_8BIT || part->encoding == TRANSFER_BINARY;
}

static struct mime_part whole_message(struct mime *mime)
{
	struct mime_part *root = mime->root;

	return (struct mime_part){
		.kind = MIME_MESSAGE,
		.children = root,
		.type = SLICE("MESSAGE"),
		.subtype = SLICE("RFC822"),
		.encoding_name = is_wide(root) ? root->encoding_name : SLICE("7BIT"),
		.body_len = mime->size,
		.lines = root->header_lines + root->lines,
		.envelope = &mime->envelope,
	};
}

void section_part(const struct fetch_section *section, struct mime *mime, struct slice header,
                  struct mime_part *ret)
{
	const struct mime_part *body = section_body(section, mime);

	if (body) {
		*ret = *body;
	} else if (section->what == SECTION_ALL) {
		*ret = whole_message(mime);
	} else {
		*ret = (struct mime_part){ .type = SLICE("TEXT"),
			                   .subtype = SLICE("RFC822-HEADERS"),
			                   .encoding_name = SLICE("7BIT"),
			                   .body_len = header.len };
		for (size_t i = 0; i < header.len; i++)
			ret->lines += header.data[i] == '\n';
	}
}
