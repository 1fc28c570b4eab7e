#ifndef SMTPD_CONF_H
#define SMTPD_CONF_H
/* smtpd's own settings: the `smtpd` section. */
#include "base/conf.h"

struct smtpd_conf {
	struct conf_list listen;             /* MX */
	struct conf_list listen_submission;  /* STARTTLS */
	struct conf_list listen_submissions; /* TLS from the first byte */
	const char *monitor;
	const char *postmaster; /* who takes mail to <Postmaster> */
	struct conf_list proxy_networks, xclient_from;
	bool plaintext_login, channel_binding, dmarc_reject;
	int64_t receive_memory, recipients_max, sessions_max, sessions_per_ip, errors_max, hops_max;
	int64_t command_timeout, data_timeout, accept_timeout, login_cache, queue_lifetime;
};

extern const struct conf_row smtpd_conf_rows[];
extern struct smtpd_conf smtpd_conf;

#endif
