#ifndef SHARED_SUITE_OUTGOING_H
#define SHARED_SUITE_OUTGOING_H
/*
 * Queued mail: its envelope, packed and sealed to the queue's public key, and how a message is put on the queue (by smtpd
 * for submissions and forwards, by mta for DSNs). mta opens envelopes; admin too, to show an operator who waits for what.
 */
#include "crypt/account_key.h"
#include "store/queue.h"
#include "suite/message.h"

enum recipient_state { RCPT_WAITING, RCPT_DELIVERED, RCPT_FAILED };

struct outgoing_recipient {
	const char *address; /* as it is sent: local part as given */
	const char *orcpt;   /* "" when none */
	uint8_t notify;      /* NOTIFY= bits of smtp/params.h; 0: not given */
	enum recipient_state state;
	const char *reply;  /* last reply or local reason, one line; "" when none */
	const char *status; /* enhanced code of it, "4.4.1"; "" when none */
	const char *host;   /* that said it; "" when none */
	int64_t at;         /* when */
	struct id
	    local_account; /* non-zero: a local delivery that failed for now after the message was accepted */
};

struct envelope_out {
	const char *from;  /* "" for the null sender */
	const char *trace; /* the message's trace id */
	const char *envid; /* "" when none */
	bool ret_headers;  /* RET=HDRS */
	bool eight_bit, smtputf8;
	bool is_dsn; /* never makes another DSN */
	int64_t accepted, expires;
	struct content_key key;
	struct wrapped_key
	    sender_key; /* the same for the sender's account, whose Outbox shows it; kind 0: none */
	struct outgoing_recipient *recipients;
	size_t n;
};

/* Packed and sealed, in the arena; in front of it, in the clear, the sender's key. */
struct slice envelope_seal(const struct envelope_out *, const struct account_public *queue, struct arena *);
MUST_CHECK enum fault envelope_open(const struct account_key *queue, struct slice sealed, struct arena *,
                                    struct envelope_out *ret, struct why *);
/* Of a queue entry's state, for who cannot open it. CORRUPT. */
MUST_CHECK enum fault envelope_sender_key(struct slice sealed, struct wrapped_key *ret, struct why *);

struct outgoing_sender { /* whose Outbox shows it */
	struct id account;
	struct account_public key;
	uint8_t generation; /* 0: no key, it is not shown */
};

/*
 * One queue entry a destination domain (recipients at local accounts: one entry with domain ""; very many to one domain:
 * several), then the content, then the nudges. `envelope` names all recipients, which are sorted; ids follow from the
 * content id, so a retry adds nothing. `sender` NULL: nobody's.
 * CONFIG: nobody has made the queue's key yet. `accounts`: local accounts that show the same content (a message may be filed and queued at once).
 */
MUST_CHECK enum fault outgoing_put(struct stack *, const struct sealed_message *,
                                   const struct envelope_out *envelope, const struct outgoing_sender *sender,
                                   const struct id *accounts, size_t n_accounts, struct arena *,
                                   struct why *);

#endif
