/* The settings of admin, one row a field (conf.h). */
#include "conf.h"

#include "suite/daemon.h"

#define ROW(type, field, fallback, flags, min, max, help)                                                    \
	CONF(struct admin_conf, type, field, fallback, flags, min, max, help)

struct admin_conf admin_conf;

const struct conf_row admin_conf_rows[] = {
	/* clang-format off */
	ROW(CONF_STR, listen, "127.0.0.1:8443", 0, 0, 0, "address of the REST API, HTTPS"),
	DAEMON_MONITOR_ROW(struct admin_conf, "127.0.0.1:9104"),
	ROW(CONF_INT, threads, "8", 0, 1, 256, "requests that are answered at the same time"),
	ROW(CONF_SIZE, request_max, "1M", 0, 4 << 10, 64 << 20, "largest request body"),
	ROW(CONF_DURATION, sweep_every, "1h", CONF_RELOAD, 60000, INT64_C(7) * 86400000, "how often the bodies of expunged mail are swept"),
	ROW(CONF_DURATION, sweep_grace, "24h", CONF_RELOAD, 3600000, INT64_C(365) * 86400000, "how long they stay first"),
	CONF_END
	/* clang-format on */
};
