#ifndef MTA_LETTER_H
#define MTA_LETTER_H
/*
 * A queued message opened for sending: read through once, to learn what the
 * next host must be told of it and to sign it. A small one stays in memory
 * whole, a large one is read again piece by piece while it is sent (body.h).
 *
 * Loaded on a worker, then the loop's. It goes with its last reference.
 */
#include "suite/message.h"

struct signer;

#define LETTER_PIECE (256 * 1024) /* read at once; a message up to this size stays in memory */

struct letter {
	unsigned refs;
	struct arena *arena;
	struct message message;
	struct slice prefix; /* our signatures: sent before the message, which itself is never changed */
	struct slice text;   /* the whole message when it is small; no data: read it */
	uint64_t size;       /* of prefix and message */
	bool header_8bit, body_8bit;
	bool bare;      /* a CR or LF stands alone in it: it must not be sent */
	bool seven_bit; /* bodies were encoded, as far as that was possible */
};

struct letter_load {
	struct stack *stack;
	const struct id *content;
	const struct content_key *key;
	struct signer *signer; /* NULL: not signed */
	bool seven_bit; /* for a host without 8BITMIME: then the whole is in memory. What cannot be encoded
	                        * leaves body_8bit as it is */
};

/* On a worker. NOT_FOUND: no such content. */
MUST_CHECK enum fault letter_load(const struct letter_load *, struct letter **ret, struct why *);
struct letter *letter_ref(struct letter *); /* the loop's */
void letter_unref(struct letter *);         /* NULL accepted */

#endif
