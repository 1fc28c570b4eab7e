/* The settings, row by row (conf.h). */
#include "conf.h"

#include "suite/daemon.h"

#define ROW(type, field, fallback, flags, min, max, help)                                                    \
	CONF(struct mta_conf, type, field, fallback, flags, min, max, help)

struct mta_conf mta_conf;

const struct conf_row mta_conf_rows[] = {
	/* clang-format off */
	DAEMON_MONITOR_ROW(struct mta_conf, "127.0.0.1:9103"),
	ROW(CONF_STR, helo, "", 0, 0, 0, "name said in EHLO; empty: hostname. It should resolve to this machine, and back"),
	ROW(CONF_STR, postmaster, "", CONF_RELOAD, 0, 0, "From address of delivery reports; empty: postmaster at hostname"),

	ROW(CONF_STR, smart_host, "", CONF_RELOAD, 0, 0, "host:port that takes all mail; empty: each domain's own hosts"),
	ROW(CONF_LIST, routes, "", CONF_RELOAD, 0, 0, "domains with a host of their own: domain=host:port, .domain for all below it"),
	ROW(CONF_INT, port, "25", CONF_RELOAD, 1, 65535, "port of hosts that the DNS names"),
	ROW(CONF_BOOL, ipv6, "yes", CONF_RELOAD, 0, 0, "use IPv6 addresses of other hosts"),
	ROW(CONF_STR, source_ipv4, "", CONF_RELOAD, 0, 0, "IPv4 address to connect from; empty: the system's choice"),
	ROW(CONF_STR, source_ipv6, "", CONF_RELOAD, 0, 0, "IPv6 address to connect from; empty: the system's choice"),

	ROW(CONF_BOOL, tls, "yes", CONF_RELOAD, 0, 0, "STARTTLS wherever it is offered"),
	ROW(CONF_INT, connections_max, "200", CONF_RELOAD, 1, 10000, "connections of this process"),
	ROW(CONF_INT, connections_per_domain, "10", CONF_RELOAD, 1, 1000, "connections to one domain's hosts"),
	ROW(CONF_INT, messages_per_connection, "100", CONF_RELOAD, 1, 100000, "messages before a connection is made anew"),
	ROW(CONF_INT, recipients_per_message, "100", CONF_RELOAD, 1, 1000, "recipients in one transaction"),
	ROW(CONF_INT, hosts_max, "5", CONF_RELOAD, 1, 100, "addresses tried in one attempt"),
	ROW(CONF_DURATION, connect_timeout, "30s", CONF_RELOAD, 100, 600000, "time to connect to one address"),
	ROW(CONF_DURATION, command_timeout, "5m", CONF_RELOAD, 100, 3600000, "time for an answer, and for a further piece of a message"),
	ROW(CONF_DURATION, data_timeout, "10m", CONF_RELOAD, 100, 3600000, "time for the answer to a whole message"),

	ROW(CONF_LIST, retry, "1m,5m,15m,30m,1h,2h,4h", CONF_RELOAD, 0, 0, "waits between attempts, the last one again and again"),
	ROW(CONF_DURATION, delay_warning, "4h", CONF_RELOAD, 0, INT64_C(30) * 86400000, "tell the sender of a delay after so long; 0: only who asked for it"),
	ROW(CONF_SIZE, bounce_size, "64K", CONF_RELOAD, 0, 256 << 10, "largest message that a report returns whole"),
	ROW(CONF_DURATION, lease, "5m", 0, 1000, 3600000, "how long an entry of a process that died stays untouched"),
	ROW(CONF_DURATION, poll, "10s", CONF_RELOAD, 100, 3600000, "how often to look for mail that the bus did not tell of"),
	CONF_END
	/* clang-format on */
};
