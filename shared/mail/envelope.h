#ifndef SHARED_MAIL_ENVELOPE_H
#define SHARED_MAIL_ENVELOPE_H
/*
 * What IMAP's ENVELOPE tells of a message (RFC 9051 7.5.2), taken from its
 * header: the first field of each name counts, but all of To, Cc and Bcc. Texts
 * are unfolded and otherwise as written, encoded-words included.
 *
 * A text without data was not there. Slices point into the header or the arena;
 * after unpacking, into what was unpacked.
 */
#include "base/fault.h"
#include "base/buf.h"
#include "mail/address_list.h"

struct header_field;

enum { ENVELOPE_TEXT_MAX = 64 * 1024 }; /* longer texts are cut there */

enum envelope_text {
	ENVELOPE_DATE,
	ENVELOPE_SUBJECT,
	ENVELOPE_IN_REPLY_TO,
	ENVELOPE_MESSAGE_ID,
	ENVELOPE_REFERENCES, /* not shown, but THREAD wants it */
	ENVELOPE_TEXTS
};

enum envelope_list {
	ENVELOPE_FROM,
	ENVELOPE_SENDER,
	ENVELOPE_REPLY_TO,
	ENVELOPE_TO,
	ENVELOPE_CC,
	ENVELOPE_BCC,
	ENVELOPE_LISTS
};

struct envelope {
	struct slice texts[ENVELOPE_TEXTS];
	struct address_list lists[ENVELOPE_LISTS]; /* sender and reply-to are from's when missing or empty */
};

/* Reads the header that `text` starts with. At most `max_addresses` entries over all lists. */
void envelope_parse(struct arena *, struct slice text, uint32_t max_addresses, struct envelope *ret);

/* The same in steps, for whoever walks the header anyway: zero the envelope, take each field, finish. */
void envelope_take(struct envelope *, struct arena *, const struct header_field *, uint32_t *addresses_left);
void envelope_finish(struct envelope *);

/* Our own compact form, for sealed summaries. */
bool envelope_pack(struct buf *, const struct envelope *);
/* CORRUPT: not what envelope_pack() wrote. Reads on in `reader`, whose bytes must outlive the envelope. */
MUST_CHECK enum fault envelope_unpack(struct reader *, struct arena *, struct envelope *ret, struct why *);

#endif
