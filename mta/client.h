#ifndef MTA_CLIENT_H
#define MTA_CLIENT_H
/*
 * One SMTP connection to another host (RFC 5321), from connecting to QUIT. It
 * knows a message's recipients and nothing of the queue.
 *
 *   client_new() --on_ready--> client_send() --on_sent--> client_send() or client_quit()
 *
 * Whatever fails before a host has taken the message over is on_failed, once,
 * and the client is gone: recipients that have a verdict keep it, the others may
 * be tried elsewhere. After the final dot went out nothing is tried elsewhere:
 * without an answer the recipients are deferred, and may get the message twice.
 *
 * Verdicts are per recipient. Ours alone (SIZE, SMTPUTF8) have no host's reply.
 * on_sent may come from inside client_send(), the others never come from inside a call. Threads: the loop's only.
 */
#include <sys/socket.h>

#include "base/log.h"
#include "letter.h"
#include "loop/conn.h"
#include "smtp/status.h"

struct pool;

enum verdict { VERDICT_NONE, VERDICT_DELIVERED, VERDICT_DEFERRED, VERDICT_FAILED };

struct sent_to { /* one recipient */
	const char *address, *orcpt;
	uint8_t notify;
	/* outcome */
	enum verdict verdict;
	bool relayed; /* delivered to a host that will not report: NOTIFY=SUCCESS is ours to answer */
	bool by_host; /* `reply` is the host's */
	char status[SMTP_STATUS_TEXT];
	const char *reply; /* lines divided by LF; in the sending's arena */
	const char *host;  /* that judged; NULL: none was met */
};

struct sending {
	const char *from, *envid;
	bool ret_headers, smtputf8; /* smtputf8: the sender knows of it, so it may be used */
	struct letter *letter;
	struct sent_to *to;
	size_t n;
	struct arena *arena;
};

/* Gives it to all recipients that have none. */
void sending_verdict(struct sending *, enum verdict, const char *status, bool by_host, const char *reply);

struct client_conf {
	struct loop *loop;
	struct pool *pool;
	struct stack *stack;
	struct tls_ctx *tls; /* NULL: STARTTLS is not used */
	const char *helo;
	const char *host;                                       /* for TLS and logs */
	const struct sockaddr *address, *source;                /* source NULL: the system's choice */
	int64_t connect_timeout, command_timeout, data_timeout; /* ms */
	size_t recipients_max;                                  /* of one transaction */
};

enum client_stage { CLIENT_CONNECTING, CLIENT_SECURING, CLIENT_TALKING };

struct client_failure {
	enum client_stage stage; /* SECURING: the same host may do without TLS */
	bool permanent;
	bool by_host;
	const char *status, *reply; /* borrowed for the callback */
};

struct client_handler {
	void (*on_ready)(void *owner);
	/* Every recipient has a verdict. `reusable`: client_send() may follow; else the client is gone. */
	void (*on_sent)(void *owner, bool reusable);
	void (*on_failed)(void *owner, const struct client_failure *);
};

struct client;

/* `conf` is copied; what it points at must outlive the client, but for the addresses. */
struct client *client_new(const struct client_conf *, const struct client_handler *, void *owner);
void client_own(struct client *, void *owner); /* between on_sent and client_send() */
void client_send(struct client *, struct sending *);
void client_quit(
    struct client *); /* politely and in its own time when it is ready, else at once; no callback follows */
void client_abort(struct client *); /* at once; no callback follows */
/* "TLSv1.3" and whether the host proved its name; "" without TLS. */
const char *client_tls(const struct client *, bool *ret_verified);
bool client_takes_8bit(const struct client *);
const char *client_host(const struct client *);
const char *client_ip(const struct client *);
uint64_t client_messages(const struct client *); /* sent over it so far */

#endif
