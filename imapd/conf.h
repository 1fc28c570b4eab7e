#ifndef IMAPD_CONF_H
#define IMAPD_CONF_H
/* imapd's own settings: the `imapd` section. */
#include "base/conf.h"

struct imapd_conf {
	struct conf_list listen;     /* STARTTLS */
	struct conf_list listen_tls; /* TLS from the first byte */
	struct conf_list proxy_networks;
	struct conf_list capabilities_off;
	const char *monitor;
	bool plaintext_login; /* LOGIN and PLAIN without TLS, for loopback peers only */
	bool channel_binding;
	int64_t command_max; /* bytes of a command without its message literals */
	int64_t idle_timeout, login_timeout;
	int64_t receive_memory; /* bytes of messages being APPENDed, all sessions together */
	const char *metadata_admin, *metadata_comment; /* the server's /shared/admin and /shared/comment */
	int64_t metadata_value_max, metadata_entries_max;
	struct conf_list submit_accounts;  /* that fetch what users grant to submission servers */
	int64_t message_limit, save_limit; /* messages of one command, those that one adds; 0: all */
	int64_t command_time;              /* on workers */
	int64_t commands_per_account;
	int64_t sessions_max, sessions_per_account, sessions_per_ip;
	int64_t poll; /* how often a view looks at the store without being told */
	int64_t login_cache;
	int64_t view_keep;     /* how long a view stays after its last session */
	int64_t view_memory;   /* bytes of such views, all together */
	int64_t search_memory; /* bytes of search signatures */
	bool search_index;     /* sign what has none */
	bool view_cache;       /* files that make the first look at a large mailbox short */
};

extern const struct conf_row imapd_conf_rows[];
extern struct imapd_conf imapd_conf;

#endif
