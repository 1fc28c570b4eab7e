#ifndef MTA_CONF_H
#define MTA_CONF_H
/* mta's own settings: the `mta` section. */
#include "base/conf.h"

struct mta_conf {
	const char *monitor;
	const char *helo, *postmaster;
	/* where to */
	const char *smart_host;
	struct conf_list routes;
	int64_t port;
	bool ipv6;
	const char *source_ipv4, *source_ipv6;
	/* how */
	bool tls;
	int64_t connections_max, connections_per_domain, messages_per_connection, recipients_per_message;
	int64_t hosts_max;
	int64_t connect_timeout, command_timeout, data_timeout;
	/* when, and what if not */
	struct conf_list retry;
	int64_t delay_warning, bounce_size, lease, poll;
};

extern const struct conf_row mta_conf_rows[];
extern struct mta_conf mta_conf;

#endif
