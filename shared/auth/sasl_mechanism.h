#ifndef SHARED_AUTH_SASL_MECHANISM_H
#define SHARED_AUTH_SASL_MECHANISM_H
/*
 * What sasl.c and the mechanisms share; nobody else includes this.
 *
 * A mechanism sees responses that are within bounds, never one after it said
 * SASL_CHECK, SASL_OK or SASL_FAILED, and none before the user it asked for
 * came. `at` counts the calls before this one, SASL_NEED_USER's included.
 */
#include "auth/sasl.h"

enum sasl_needs {
	SASL_NEEDS_NOTHING,
	SASL_NEEDS_TLS,
	SASL_NEEDS_BINDING,
	SASL_NEEDS_CERTIFICATE,
	SASL_NEEDS_TOKENS
};

struct sasl_mechanism {
	const char *name;
	size_t state_size;
	enum sasl_needs needs; /* or it is not offered */
	enum sasl_next (*step)(struct sasl *, struct slice response, struct slice *ret_challenge);
};

extern const struct sasl_mechanism sasl_plain, sasl_login_mechanism, sasl_scram_sha256,
    sasl_scram_sha256_plus, sasl_external, sasl_oauthbearer, sasl_xoauth2;

struct sasl {
	const struct sasl_mechanism *mechanism;
	struct arena *arena;
	unsigned at;
	enum sasl_next last; /* what the last step gave */
	struct sasl_offer offer;
	uint8_t binding[SASL_BINDING]; /* the offer's */
	bool user_came;                /* sasl_user() or sasl_nobody() was called */
	bool user_known;
	struct scram_keys user; /* of the user who came; made up when not known */
	struct slice login, authzid;
	uint8_t *password; /* in the arena, wiped with it */
	size_t password_len;
	void *state; /* the mechanism's, cleared at first, wiped at the end */
	const char *error;
};

enum sasl_next sasl_fail(struct sasl *, const char *error);
/* Copies a name that is not empty, not too long, UTF-8 and without NUL; else false. */
bool sasl_keep_name(struct sasl *, struct slice name, struct slice *ret);
/* The same of SCRAM's saslname: "=2C" stands for a comma, "=3D" for an equals sign, and no other "=" may be. */
bool sasl_keep_saslname(struct sasl *, struct slice text, struct slice *ret);
/* Copies it, to be wiped with the arena. False when it is empty or holds a NUL. */
bool sasl_keep_password(struct sasl *, struct slice password);

/* For known answers: this instead of a random server nonce. Before the first step. */
void sasl_scram_set_nonce(struct sasl *, const char *nonce);

#endif
