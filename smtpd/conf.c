/* The settings of smtpd, one row a field (conf.h). */
#include "conf.h"

#include "suite/daemon.h"

#define ROW(type, field, fallback, flags, min, max, help)                                                    \
	CONF(struct smtpd_conf, type, field, fallback, flags, min, max, help)

struct smtpd_conf smtpd_conf;

const struct conf_row smtpd_conf_rows[] = {
	/* clang-format off */
	ROW(CONF_LIST, listen, "*:25", 0, 0, 0, "addresses for mail from other servers"),
	ROW(CONF_LIST, listen_submission, "*:587", 0, 0, 0, "addresses for submission with STARTTLS"),
	ROW(CONF_LIST, listen_submissions, "*:465", 0, 0, 0, "addresses for submission over TLS"),
	ROW(CONF_LIST, proxy_networks, "", 0, 0, 0, "proxies in front (networks, as 192.0.2.0/24): they have to say for whom they speak, by the PROXY protocol"),
	DAEMON_MONITOR_ROW(struct smtpd_conf, "127.0.0.1:9101"),
	ROW(CONF_STR, postmaster, "", CONF_RELOAD, 0, 0, "address that takes mail to <Postmaster>; empty: postmaster at hostname"),
	ROW(CONF_LIST, xclient_from, "", 0, 0, 0, "peers that may say for whom they speak (XCLIENT): proxies, tests"),
	ROW(CONF_BOOL, plaintext_login, "no", CONF_RELOAD, 0, 0, "allow passwords without TLS from this machine itself"),
	/* no: mutt 2.2 with GNU SASL takes it up when it is offered, cannot keep it, and then sends nothing at all */
	ROW(CONF_BOOL, channel_binding, "no", 0, 0, 0, "offer SCRAM-SHA-256-PLUS, which binds a login to its TLS connection; some clients fail over it"),
	ROW(CONF_BOOL, dmarc_reject, "yes", 0, 0, 0, "refuse what its domain's DMARC policy says to reject; no: file it as junk"),
	ROW(CONF_SIZE, receive_memory, "512M", CONF_RELOAD, 1 << 20, INT64_C(1) << 40, "memory for messages being received"),
	ROW(CONF_INT, recipients_max, "1000", CONF_RELOAD, 100, 100000, "recipients of one message"),
	ROW(CONF_INT, sessions_max, "5000", CONF_RELOAD, 1, 1000000, "sessions of this process"),
	ROW(CONF_INT, sessions_per_ip, "100", CONF_RELOAD, 1, 1000000, "sessions from one address; each smtpd process counts its own"),
	ROW(CONF_INT, errors_max, "20", CONF_RELOAD, 1, 10000, "errors of a session before it is ended"),
	ROW(CONF_INT, hops_max, "100", CONF_RELOAD, 10, 1000, "Received fields before a message counts as looping"),
	ROW(CONF_DURATION, command_timeout, "5m", CONF_RELOAD, 1000, 3600000, "time for a command"),
	ROW(CONF_DURATION, data_timeout, "5m", CONF_RELOAD, 1000, 3600000, "time for a further piece of a message"),
	ROW(CONF_DURATION, accept_timeout, "2m", CONF_RELOAD, 10000, 600000, "time for judging and storing a message"),
	ROW(CONF_DURATION, login_cache, "5m", 0, 0, 86400000, "how long a checked password is remembered"),
	ROW(CONF_DURATION, queue_lifetime, "5d", CONF_RELOAD, 60000, INT64_C(30) * 86400000, "how long outgoing mail is tried"),
	CONF_END
	/* clang-format on */
};
