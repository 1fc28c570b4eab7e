#ifndef MTA_MTA_H
#define MTA_MTA_H
/* The process: what its deliveries share. The loop's only, but where said. */
#include "base/list.h"
#include "base/map.h"
#include "conf.h"
#include "retry.h"
#include "route.h"
#include "suite/daemon.h"

struct claimer;
struct delivery;
struct signer;
struct timeline;
struct timer;

struct mta {
	struct daemon *daemon;
	struct dns *dns;
	struct tls_ctx *tls;           /* opportunistic: old peers, no verifying */
	struct account_key *queue_key; /* any thread */
	struct signer *signer;         /* any thread */
	struct timeline *timeline;     /* any thread */
	struct claimer *claimer;
	/* from the settings, made again on reload */
	const char *helo, *postmaster;
	struct routes routes;
	struct route_conf route_conf;
	struct retry retry;
	union route_address source_v4, source_v6; /* family 0: the system's choice */
	/* work */
	struct list deliveries; /* all that are claimed */
	size_t n_deliveries;
	struct list ended;        /* deliveries whose memory is still to go */
	struct timer *undertaker; /* that sees to it */
	struct map *destinations; /* next hop -> struct destination */
	struct list hungry;       /* destinations that have room and wait for a connection of the process */
	size_t connections;
	bool draining;
};

/* `daemon` is complete. Nothing is claimed before mta_start(). */
MUST_CHECK enum fault mta_new(struct daemon *, struct mta **ret, struct why *);
void mta_start(struct mta *);
/* Takes the settings again that may change; what is under way goes on with the old ones. CONFIG: nothing was taken. */
MUST_CHECK enum fault mta_configure(struct mta *, struct why *);
/* Claims no more, and gives back what no host has seen yet. */
void mta_drain(struct mta *);
void mta_free(struct mta *); /* NULL accepted; after the loop and the pool have ended */

#endif
