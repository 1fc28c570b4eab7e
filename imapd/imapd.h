#ifndef IMAPD_IMAPD_H
#define IMAPD_IMAPD_H
/* The process: what its sessions share. Loop only, but where said. */
#include "auth/cache.h"
#include "auth/lockout.h"
#include "base/map.h"
#include "base/network.h"
#include "conf.h"
#include "suite/ban.h"
#include "suite/daemon.h"
#include "suite/directory.h"
#include "view.h"

struct listener;
struct timer;

#define IMAPD_LISTENERS_MAX 16

struct imapd_listener {
	struct imapd *imapd;
	struct listener *listener;
	bool tls;
};

struct imapd {
	struct daemon *daemon;
	struct views *views;
	struct login_cache *logins;  /* any thread */
	struct open_keys *open_keys; /* any thread */
	struct lockout *lockout;     /* any thread */
	struct bans *bans;           /* any thread */
	struct pool *password_pool;  /* Argon2: few threads, 19 MiB each */
	struct map *accounts;        /* id -> struct account_ctx */
	struct map *folders;         /* account id -> struct folder_cache */
	struct map *watches;         /* account id -> struct watch */
	struct list sharing;         /* struct watch.sharing: of those who ask for what others share */
	struct map *peers;           /* network -> int64_t: its sessions */
	struct list sessions;
	size_t n_sessions;
	uint64_t receiving;      /* bytes reserved */
	uint64_t number;         /* random: what it knows itself by on the bus */
	uint64_t account_nudges; /* how often accounts were said to have changed */
	int64_t progress_every;  /* ms between two words on how far a long command is */
	int64_t update_wait;     /* ms that a tagged reply waits at most for what is done aside */
	bool draining;
	/* imapd.c's own */
	struct networks proxies;
	const char *trace_dir;
	struct list checks, guest_checks; /* jobs under way */
	bool checking_moves;
	struct timer *timer;
	unsigned ticks;
	struct imapd_listener listeners[IMAPD_LISTENERS_MAX];
	size_t n_listeners;
};

/* Everything but listeners, for main() and for tests that bring their own connections. `daemon` is complete. */
struct imapd *imapd_new(struct daemon *);
void imapd_free(struct imapd *); /* after the loop ended */
MUST_CHECK enum fault imapd_listen(struct imapd *, struct why *);
void imapd_drain(struct imapd *);
/* Looks whether the account is there, active, and its password the one that its sessions logged in with. */
void imapd_check_account(struct imapd *, struct account_ctx *);
/* What a password is recognised by: another after each change. */
struct id imapd_verifier(const struct account *);

/* Counting sessions by network; false when there are too many from there, counted all the same. */
bool imapd_peer_enter(struct imapd *, const char *ip);
void imapd_peer_leave(struct imapd *, const char *ip);

#endif
