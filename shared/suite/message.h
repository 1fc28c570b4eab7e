#ifndef SHARED_SUITE_MESSAGE_H
#define SHARED_SUITE_MESSAGE_H
/*
 * A message between plaintext and the store: sealing and filing it, opening and reading it.
 *
 * Order of writing (architecture, "Delivery order"): blob, then content, then the mailbox commits. A content record's
 * value is packed: version, size, layout, when received, sealed summary; the sealed body is the record's body when small
 * (suite_conf.inline_max), else the blob of the same id. Beside them lies the sealed search signature (suite/signature.h). The summary is the packed MIME
 * structure and the raw header (cut at 32 KiB), so that ENVELOPE, BODYSTRUCTURE and header fields come without the body.
 */
#include "base/buf.h"
#include "crypt/seal.h"
#include "store/mailbox.h"
#include "suite/stack.h"

#define SUMMARY_HEADER_MAX (32 * 1024)

/* ---- sealing and filing ---- */

struct sealed_message { /* made by message_seal(): everything but where it goes */
	struct id content;
	struct content_key key;
	uint64_t size;
	struct record record; /* for COLL_CONTENTS, `accounts` still empty */
	struct slice blob;    /* sealed body when it is not inline; {NULL, 0} otherwise */
	struct buf body;      /* owns the sealed bytes */
};

/* CPU only; on a worker when the message is large. `message` is the final text, CRLF lines. */
MUST_CHECK enum fault message_seal(const struct suite_conf *, struct slice message, struct arena *,
                                   struct sealed_message *ret, struct why *);
void sealed_message_done(struct sealed_message *); /* frees the body, wipes the key */

/* Blob, then content record, for `accounts` (may be none: queued mail only). Harmless to repeat. */
MUST_CHECK enum fault message_store(struct stack *, const struct actor *, const struct sealed_message *,
                                    const struct id *accounts, size_t n, struct arena *, struct why *);

/* Takes back at once what message_store() has put, before anything names it. What does not work, or is a guest's, the
 * sweeper does later. */
void message_take_back(struct stack *, const struct actor *, const struct id *content, uint64_t size);

/* message_store() for what one message_file() right after it completes: the blob, and the record for filing.content. Spares a wait. */
MUST_CHECK enum fault message_prepare(struct stack *, const struct sealed_message *,
                                      const struct id *accounts, size_t n, struct arena *, struct record *ret,
                                      struct why *);

struct filing { /* one recipient account */
	struct id account, mailbox;
	struct id fallback; /* tried when `mailbox` is gone; zero: none */
	const struct account_public *public_key;
	uint8_t generation;
	uint32_t flags;
	int64_t internal_date;
	struct id tag;                /* delivery id; zero: derived from content and account */
	const struct record *content; /* stored with it (message_prepare); NULL: it is stored already */
};
/* Appends to one mailbox, as ACTOR_DELIVERY of that account, and publishes the nudge. NOT_FOUND. */
MUST_CHECK enum fault message_file(struct stack *, const struct sealed_message *, const struct filing *,
                                   struct mailbox_appended *ret, struct why *);

/* ---- opening and reading ---- */

struct message { /* an opened content; in an arena */
	struct id content;
	struct content_key key; /* wiped when the arena is freed */
	uint64_t size;
	int64_t received;
	struct seal_layout layout;
	struct slice sealed_summary, sealed_body; /* body {NULL, 0}: in the blob, or not asked for */
	bool in_blob;
};

/* From a content record as read (with or without body) and the message's wrapped key. CORRUPT. */
MUST_CHECK enum fault message_open(const struct account_key *, const struct record *,
                                   const struct wrapped_key *, struct arena *, struct message *ret,
                                   struct why *);
/* The same with the content key at hand (queue). */
MUST_CHECK enum fault message_open_with(const struct content_key *, const struct record *, struct arena *,
                                        struct message *ret, struct why *);

struct message_summary {
	struct slice structure; /* packed MIME tree: mime_unpack() */
	struct slice header;    /* raw, with its empty line; cut when header_cut */
	bool header_cut;
};
MUST_CHECK enum fault message_summary(const struct message *, struct arena *, struct message_summary *ret,
                                      struct why *);

/* Plaintext [offset, offset+len), clipped to the size, appended to `out`. Reads only the pieces it needs: from the
 * inline body, or from the blob; when the record was read without its body and it is inline, reads the record again. */
MUST_CHECK enum fault message_read(struct stack *, const struct actor *, struct message *, uint64_t offset,
                                   uint64_t len, struct arena *, struct buf *out, struct why *);

#endif
