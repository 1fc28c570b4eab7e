/* Previews (fetch_preview.h): what a person would read first, without quoted lines' marks or markup being special. */
#include "fetch_preview.h"

#include "mail/text.h"

#define CHARACTERS 200  /* RFC 8970 3.1 */
#define TEXT_READ  4096 /* bytes of text, blanks among them */

static bool is_readable(const struct mime_part *part)
{
	return part->kind == MIME_LEAF && mime_is(part, "text", NULL) &&
	       (mime_is(part, "text", "plain") || mime_is(part, "text", "html")) &&
	       !slice_is(part->disposition, "attachment") && part->encoding != TRANSFER_UNKNOWN;
}

const struct mime_part *preview_part(const struct mime *mime)
{
	const struct mime_part *part = mime->root;

	while (part && !is_readable(part))
		part = mime_next(part);
	return part;
}

static size_t character_len(uint8_t first)
{
	return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* Runs of blanks, line ends and controls become one blank; none at the beginning and the end. */
static void add_words(struct buf *out, struct slice text)
{
	bool blank = false;
	unsigned n = 0;

	for (size_t at = 0, len; at < text.len && n < CHARACTERS; at += len) {
		len = MIN_OF(character_len(text.data[at]), text.len - at);
		if (text.data[at] <= ' ' || text.data[at] == 0x7f) {
			blank = n > 0;
			continue;
		}
		if (blank && ++n == CHARACTERS)
			return;
		if (blank)
			buf_addc(out, ' ');
		buf_add(out, text.data + at, len);
		blank = false;
		n++;
	}
}

void preview_add(struct buf *out, const struct mime_part *part, struct slice body)
{
	struct mime_part alone = *part;
	struct buf text;

	alone.body = 0;
	alone.body_len = body.len;
	buf_init(&text, TEXT_READ);
	(void)text_of_part(&text, &alone, body);
	add_words(out, buf_slice(&text));
	buf_done(&text);
}
