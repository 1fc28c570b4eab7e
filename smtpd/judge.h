#ifndef SMTPD_JUDGE_H
#define SMTPD_JUDGE_H
/*
 * Judges the sender of a message: SPF, DKIM and DMARC, in one asynchronous call.
 *
 * The checks run on the loop on answers already fetched; what they miss is
 * resolved and they run again, in few rounds and within one deadline for all (what is
 * not known then counts as a temporary error). The body of a large message is hashed on a pool.
 */
#include "check_dmarc.h"
#include "loop/loop.h"

struct judge;
struct judging;
struct dns;
struct pool;

struct judge_conf {
	const char *authserv_id; /* our name in Authentication-Results and Received-SPF */
	int64_t deadline_ms;     /* 0: 20 s */
	bool enforce;            /* p=reject is refused; else such mail is junk */
	bool defer; /* a temporary error of DMARC asks to come again; else the message is taken */
};

enum judge_verdict { JUDGE_ACCEPT, JUDGE_JUNK, JUDGE_REJECT, JUDGE_TEMP };
const char *judge_verdict_name(enum judge_verdict); /* "accept" */

struct judge_request {
	const char *client_ip, *helo;
	struct slice mail_from; /* empty: the null sender */
	struct slice message;   /* with CRLF line ends; stays there unchanged until on_judged or on_dropped */
	struct pool *pool;      /* for large bodies; NULL: on the loop */
	struct arena *arena;    /* what is judged lives there; stays until on_judged or on_dropped */
};

struct judgement {
	enum judge_verdict verdict;
	const char *why; /* one line, for the reply, the log and the timeline */
	struct spf_outcome helo, mail_from;
	const struct dkim_check *dkim;
	struct dmarc_outcome dmarc;
	struct slice headers; /* Authentication-Results and Received-SPF, to be put in front of the message */
};

/* `conf` is copied. One per process, on the loop's thread. */
struct judge *judge_new(struct loop *, struct dns *, const struct judge_conf *);
void judge_free(struct judge *); /* NULL accepted; nothing may be under way */

/* One of the two follows, once, never from inside a call: on_judged, or on_dropped after judge_cancel(). The arena and
 * the message may go in it. */
struct judge_handler {
	void (*on_judged)(void *arg, const struct judgement *);
	void (*on_dropped)(void *arg);
};
struct judging *judge_start(struct judge *, const struct judge_request *, const struct judge_handler *,
                            void *arg);
void judge_cancel(struct judging *);

#endif
