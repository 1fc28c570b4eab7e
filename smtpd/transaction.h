#ifndef SMTPD_TRANSACTION_H
#define SMTPD_TRANSACTION_H
/* A mail transaction (RFC 5321 3.3): the envelope as it grows, then the message. Everything in its arena. */
#include "base/buf.h"
#include "smtp/data.h"
#include "smtp/params.h"
#include "suite/directory.h"

struct recipient {           /* one address that will get the message, after aliases */
	const char *address; /* printed */
	const char *orcpt;
	bool local;
	bool deferred;                  /* local, full just now: queued, and tried again later */
	struct id account, inbox, junk; /* local */
	struct account_public public_key;
	uint8_t generation;
	struct recipient *next;
};

struct transaction {
	struct arena *arena;
	struct id trace;
	bool null_sender;
	struct address from;
	const char *from_text; /* "" for the null sender */
	struct smtp_mail_params params;
	struct recipient *recipients, **last;
	size_t n_recipients, n_rcpt; /* after aliases; RCPT commands that were accepted */
	struct smtp_data data;
	struct buf message; /* as received, dots unstuffed */
	uint64_t reserved;  /* of smtpd->receiving */
	bool too_big;       /* read to its end, then refused */
	bool no_memory;
};

struct smtpd;
struct transaction *transaction_new(void);
/* Gives its memory and its share of the budget back; NULL accepted. */
void transaction_free(struct smtpd *, struct transaction *);
/* Room for `len` more bytes of message within message_max and the process's budget; false: too_big or no_memory is set. */
bool transaction_reserve(struct smtpd *, struct transaction *, size_t len);

#endif
