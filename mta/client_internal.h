#ifndef MTA_CLIENT_INTERNAL_H
#define MTA_CLIENT_INTERNAL_H
/*
 * A client's inside, shared by client.c (its life), states.c (the protocol, as a
 * table), transaction.c (a message's part of it) and stream.c (its body); nobody else includes this.
 *
 * Invariants
 *  1. In every state but CONNECT, TLS, READY and BODY exactly one reply is awaited, the state's. With PIPELINING
 *     further commands are under way behind it; their replies are taken in the states that follow.
 *  2. `sending` is there from client_send() to on_sent or on_failed.
 *  3. The owner hears nothing after on_failed, on_sent(false), client_quit() and client_abort(). The memory goes in
 *     on_closed.
 */
#include "body.h"
#include "client.h"
#include "smtp/data.h"
#include "smtp/params.h"
#include "smtp/reply.h"

enum client_state {
	ST_CONNECT,
	ST_GREETING,
	ST_EHLO,
	ST_HELO,
	ST_STARTTLS,
	ST_TLS,
	ST_READY,
	ST_MAIL,
	ST_RCPT,
	ST_DATA,
	ST_BODY,
	ST_DOT,
	ST_RSET,
	ST_QUIT,
	ST_CLOSED,
	ST_COUNT,
};

struct client {
	struct client_conf conf;
	char host[256];
	struct conn *conn;
	const struct client_handler *handler;
	void *owner; /* NULL: nobody listens any more */
	enum client_state state;
	struct arena *scratch; /* the reply being read */
	struct smtp_reply reply;
	/* what the host offers */
	unsigned ext; /* enum smtp_ext */
	bool starttls, pipelining;
	uint64_t size_max; /* 0: not said */
	bool tls_tried;
	char tls_version[16];
	bool verified;
	uint64_t messages;
	/* the message */
	struct sending *sending;
	size_t *batch;      /* recipients of this transaction, indexes of sending->to */
	size_t n_batch, at; /* at: whose reply is awaited */
	size_t accepted;
	bool refused; /* MAIL was: what is pipelined behind it is answered all the same */
	bool more;    /* the host takes no more recipients at once: another transaction follows */
	struct body *body;
	struct slice piece;
	struct smtp_dots dots;
	struct buf out;
};

/* The host took the recipient, the message is still to come: a status without a verdict is that mark. */
static inline bool client_has_accepted(const struct sent_to *to)
{
	return to->verdict == VERDICT_NONE && to->status[0] == '2';
}

/* client.c */
void client_enter(struct client *, enum client_state);
void client_fail(struct client *, bool permanent, bool by_host, const char *status, const char *reply);
void client_fail_reply(struct client *, const struct smtp_reply *); /* the host's own words */
void client_sent(
    struct client *); /* all have a verdict: the owner is told, and READY follows if the host can go on */
void client_close(struct client *, bool at_once);

/* states.c */
struct state_row {
	const char *doing;
	int timeout;   /* enum wait */
	unsigned next; /* BIT(state) */
	void (*on_reply)(struct client *, const struct smtp_reply *);
};
enum wait { WAIT_CONNECT, WAIT_COMMAND, WAIT_DATA, WAIT_QUIT };
extern const struct state_row client_states[ST_COUNT];
void states_begin(struct client *); /* connected */
void states_secured(struct client *);

/* transaction.c */
void transaction_begin(struct client *); /* MAIL for the recipients that have no verdict; or on_sent */
void transaction_on_mail(struct client *, const struct smtp_reply *);
void transaction_on_rcpt(struct client *, const struct smtp_reply *);
void transaction_on_data(struct client *, const struct smtp_reply *);
void transaction_on_early_reply(struct client *, const struct smtp_reply *);
void transaction_on_dot(struct client *, const struct smtp_reply *);
void transaction_on_rset(struct client *, const struct smtp_reply *);

/* stream.c */
void stream_start(struct client *); /* 354 was said */
void stream_pump(struct client *);

#endif
