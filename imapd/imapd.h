#ifndef IMAPD_IMAPD_H
#define IMAPD_IMAPD_H
/* The process: what its sessions share. Loop only, but where said. */
#include "auth/cache.h"
#include "auth/lockout.h"
#include "base/map.h"
#include "conf.h"
#include "suite/daemon.h"
#include "view.h"

struct imapd {
	struct daemon *daemon;
	struct views *views;
	struct login_cache *logins; /* any thread */
	struct lockout *lockout;    /* any thread */
	struct map *accounts;       /* id -> struct account_ctx */
	struct list sessions;
	size_t n_sessions;
	uint64_t receiving; /* bytes reserved */
};

#endif
