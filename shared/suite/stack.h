#ifndef SHARED_SUITE_STACK_H
#define SHARED_SUITE_STACK_H
/*
 * What every daemon stands on, opened from one configuration: store, blobs, bus
 * and the key rings it may hold. No daemon knows which backends these are.
 */
#include <pthread.h>

#include "auth/password.h"
#include "base/conf.h"
#include "blob/blob.h"
#include "bus/bus.h"
#include "crypt/account_key.h"
#include "crypt/keyring.h"
#include "store/store.h"

struct suite_conf { /* the global rows of posthouse.conf */
	const char *hostname, *data_dir, *run_dir;
	const char *log_level, *log_format;
	const char *store, *store_path, *mongo_uri, *mongo_db;
	const char *blobs, *blob_path, *s3_endpoint, *s3_region, *s3_bucket, *s3_access_key, *s3_secret_key,
	    *s3_ca_file;
	const char *bus, *amqp_uri, *amqp_ca_file;
	const char *accounts_ring, *queue_ring;
	const char *tls_cert, *tls_key;
	struct conf_list tls_names; /* "name=cert.pem:key.pem", SNI */
	const char *tls_client_ca;  /* "": nobody is asked for a certificate */
	const char *oauth_issuer, *oauth_jwks, *oauth_introspection, *oauth_client_file, *oauth_ca_file,
	    *oauth_audience, *oauth_claim, *oauth_scope;
	const char *dns_servers, *dns_trust_anchor;
	int64_t store_timeout, inline_max, message_max, timeline_keep;
	int64_t workers;
	int64_t login_failures, login_failures_network, login_failures_window, login_ban;
	bool outbox;
};
extern const struct conf_row suite_conf_rows[];
/* The daemons' sections, NULL-terminated: what a reader of one section may meet beside it. */
extern const char *const suite_sections[];
/* What was left empty: the host's name, and paths below data_dir (store_path, blob_path, run_dir, rings). In the arena. */
void suite_conf_finish(struct suite_conf *, struct arena *);
struct blob_conf suite_blob_conf(const struct suite_conf *);
struct store_conf suite_store_conf(const struct suite_conf *);

enum stack_needs {
	STACK_ACCOUNTS_RING = 1, /* imapd, admin, CLI */
	STACK_QUEUE_RING = 2,    /* mta, admin, CLI */
	STACK_BUS = 4,
};

enum key_pair { PAIR_QUEUE, PAIR_TIMELINE, KEY_PAIRS }; /* the suite's own (directory.h) */

struct known_public {
	struct account_public key;
	uint8_t generation; /* 0: not known yet */
};

struct nobody_key { /* that salts for names of nobody are made with (login.h) */
	bool known;
	uint8_t raw[SCRAM_NOBODY_KEY];
};

struct stack {
	const struct suite_conf *conf;
	struct store *store;
	struct blobs *blobs;
	struct bus *bus; /* NULL without STACK_BUS */
	/* NULL without the need. Used through stack_wrap() and stack_unwrap() only: they are replaced under `lock`
	 * when a key of a newer ring is met */
	struct keyring *accounts, *queue;
	/* the stack's own */
	pthread_mutex_t lock;
	int64_t reread_at; /* when a ring was last read again, monotonic; 0: never */
	struct known_public publics[KEY_PAIRS];
	struct nobody_key nobody;
};

/* `loop` may be NULL without STACK_BUS. Opens all or nothing. */
MUST_CHECK enum fault stack_open(const struct suite_conf *, unsigned needs, struct loop *, const char *node,
                                 struct stack **ret, struct why *);
void stack_close(struct stack *); /* NULL accepted */
/* keyring_unwrap() by one of the rings (STACK_ACCOUNTS_RING, STACK_QUEUE_RING). When the ring lacks the key, it is read
 * again from where it is kept (once a second at most): so a rotation needs no restart. DENIED: this process does not hold the ring. */
MUST_CHECK enum fault stack_unwrap(struct stack *, enum stack_needs ring, const char *purpose,
                                   const struct id *owner, struct slice wrapped, struct secret **ret,
                                   struct why *);
/* keyring_wrap() by the active key; gives its number. DENIED as above. */
MUST_CHECK enum fault stack_wrap(struct stack *, enum stack_needs ring, const char *purpose,
                                 const struct id *owner, struct slice secret, struct buf *out,
                                 uint32_t *ret_kek, struct why *);
/* The number of the key that wraps now; 0: this process does not hold the ring. */
uint32_t stack_active_kek(struct stack *, enum stack_needs ring);
MUST_CHECK enum fault stack_ping(struct stack *, struct why *);

#endif
