#ifndef SHARED_MAIL_MIME_H
#define SHARED_MAIL_MIME_H
/*
 * The structure of a message (RFC 2045, 2046) as a tree of parts with the
 * byte-exact place of each, as IMAP's FETCH serves them. Every message has one:
 * what is broken is read the way the large clients read it.
 *
 * - A delimiter is a line of "--", the boundary, perhaps "--", and blanks; the
 *   line end before it belongs to it. The innermost open multipart is asked
 *   first, and an outer one's delimiter ends all inside it, headers too.
 * - A part whose type does not read is text/plain, in a digest message/rfc822.
 * - A multipart has one part at least: without boundary or delimiter, its whole
 *   body is one text/plain part.
 * - Beyond a limit, parts that could hold others are application/octet-stream
 *   leaves, and further parts of a multipart are left out.
 *
 * Offsets and lengths are bytes of the message handed in. Slices point into it,
 * or the arena; after unpacking, into what was unpacked.
 */
#include "mail/content.h"
#include "mail/envelope.h"
#include "mail/transfer.h"

struct mime_limits {
	uint32_t depth;     /* levels below the message itself */
	uint32_t parts;     /* in the whole tree */
	uint32_t addresses; /* entries in all envelopes together */
};

#define MIME_LIMITS_DEFAULT ((struct mime_limits){ .depth = 100, .parts = 10000, .addresses = 10000 })

enum mime_kind {
	MIME_LEAF,
	MIME_MULTIPART,
	MIME_MESSAGE, /* message/rfc822 or message/global: one child, the message inside */
};

struct mime_part {
	struct mime_part *parent, *children, *next; /* children: the first one */
	uint32_t n_children;
	uint32_t depth;
	enum mime_kind kind;

	uint64_t header, header_len;  /* its MIME header (or the message's); the empty line counts */
	uint64_t body, body_len;      /* encoded, as it stands */
	uint32_t header_lines, lines; /* LFs in each */

	struct slice type, subtype; /* as written; never empty */
	struct content_params params;
	struct slice disposition; /* no data, here and below: there is no such field */
	struct content_params disposition_params;
	enum transfer encoding;
	struct slice encoding_name;
	struct slice id, description, location, md5; /* unfolded, as written */
	struct slice language;                       /* unfolded: a list with commas */

	struct envelope *envelope; /* MIME_MESSAGE: of the message inside */
};

struct mime {
	struct mime_part *root; /* the message itself */
	struct envelope envelope;
	uint64_t size;
	uint32_t n_parts;
	bool limited; /* some limit was met */
};

/* Never fails. `message` must outlive the tree. */
void mime_parse(struct arena *, struct slice message, const struct mime_limits *, struct mime *ret);

/*
 * The part that an IMAP section number names (RFC 9051 6.4.5.1), NULL when there
 * is none. 1 of a message that is no multipart is its body: the root itself.
 */
const struct mime_part *mime_section(const struct mime *, const uint32_t *numbers, uint32_t n);
/* The next part in the order they stand, parents first; NULL behind the last. Begin with the root. */
const struct mime_part *mime_next(const struct mime_part *);
bool mime_is(const struct mime_part *, const char *type, const char *subtype); /* subtype NULL: any */
/* The part's body, as it stands in the message. */
struct slice mime_body(const struct mime_part *, struct slice message);
/* The name a person would save it under: filename of the disposition, else name of the type; no data: none. */
struct slice mime_filename(const struct mime_part *);

/* Our own compact form. What was packed unpacks to the same tree. */
bool mime_pack(struct buf *, const struct mime *);
/* CORRUPT: not what mime_pack() wrote. `packed` must outlive the tree. */
MUST_CHECK enum fault mime_unpack(struct slice packed, struct arena *, struct mime *ret, struct why *);

#endif
