#ifndef SMTPD_SMTPD_H
#define SMTPD_SMTPD_H
/* The process: what its sessions share. The loop's only, but where said. */
#include "auth/cache.h"
#include "auth/lockout.h"
#include "base/network.h"
#include "base/list.h"
#include "base/map.h"
#include "conf.h"
#include "dns/dns.h"
#include "suite/ban.h"
#include "suite/daemon.h"

struct timeline;

enum service { SERVICE_MX, SERVICE_SUBMISSION, SERVICE_SUBMISSIONS };

struct smtpd {
	struct daemon *daemon;
	struct dns *dns;
	struct pool *login_pool;    /* few threads: each check takes memory and time */
	struct login_cache *logins; /* any thread */
	struct networks proxies;
	struct lockout *lockout;   /* any thread */
	struct bans *bans;         /* any thread */
	struct usage_cache *usage; /* any thread */
	struct timeline *timeline; /* any thread */
	struct judge *judge;
	struct map *per_ip; /* address -> number of sessions, as a pointer */
	struct list sessions;
	size_t n_sessions;
	uint64_t receiving; /* bytes of messages in memory */
	struct list listeners;
	bool draining;
};

#endif
