#ifndef ADMIN_CONF_H
#define ADMIN_CONF_H
/* admin's own settings: the `admin` section. */
#include "base/conf.h"

struct admin_conf {
	const char *listen, *monitor;
	int64_t threads, request_max, sweep_every, sweep_grace;
};

extern const struct conf_row admin_conf_rows[];
extern struct admin_conf admin_conf;

#endif
