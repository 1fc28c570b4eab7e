/* imapd's settings, one row each: parsing, bounds, --print-conf and the sample file come from here. */
#include "conf.h"

#include "suite/daemon.h"

#define ROW(type, field, fallback, flags, min, max, help)                                                    \
	CONF(struct imapd_conf, type, field, fallback, flags, min, max, help)

struct imapd_conf imapd_conf;

const struct conf_row imapd_conf_rows[] = {
	/* clang-format off */
	ROW(CONF_LIST, listen, "*:143", 0, 0, 0, "addresses for IMAP with STARTTLS"),
	ROW(CONF_LIST, listen_tls, "*:993", 0, 0, 0, "addresses for IMAP over TLS"),
	ROW(CONF_LIST, proxy_networks, "", 0, 0, 0, "proxies in front (networks, as 192.0.2.0/24): they have to say for whom they speak, by the PROXY protocol"),
	DAEMON_MONITOR_ROW(struct imapd_conf, "127.0.0.1:9102"),
	ROW(CONF_BOOL, plaintext_login, "no", CONF_RELOAD, 0, 0, "allow passwords without TLS from this machine itself"),
	ROW(CONF_BOOL, channel_binding, "yes", 0, 0, 0, "offer SCRAM-SHA-256-PLUS, which binds a login to its TLS connection"),
	ROW(CONF_SIZE, command_max, "64K", CONF_RELOAD, 8 << 10, 16 << 20, "longest command, messages to append aside"),
	ROW(CONF_DURATION, idle_timeout, "30m", CONF_RELOAD, 60000, 86400000, "a session that says nothing for so long ends"),
	ROW(CONF_DURATION, login_timeout, "60s", CONF_RELOAD, 1000, 600000, "time to log in"),
	ROW(CONF_SIZE, receive_memory, "512M", CONF_RELOAD, 1 << 20, INT64_C(1) << 40, "memory for messages being appended"),
	ROW(CONF_INT, message_limit, "0", CONF_RELOAD, 0, UINT32_MAX, "messages that one command may touch, 0: all; clients that do not know MESSAGELIMIT miss the others"),
	ROW(CONF_INT, save_limit, "100000", CONF_RELOAD, 0, UINT32_MAX, "messages that one COPY or APPEND may add, 0: as many as there are"),
	ROW(CONF_LIST, capabilities_off, "", CONF_RELOAD, 0, 0, "capabilities not to have, as \"UTF8=ACCEPT MOVE for thunderbird*\": from clients whose ID is like that; without for, from all. They are not told, their commands are unknown, and what they add to answers unasked is left out; arguments of theirs in other commands are still understood"),
	ROW(CONF_DURATION, command_time, "15m", CONF_RELOAD, 1000, 86400000, "time that one command may keep workers busy"),
	ROW(CONF_INT, commands_per_account, "8", CONF_RELOAD, 1, 512, "commands of one account and looks at its mailboxes at workers at once, half of the workers at most; more wait, first come first served"),
	ROW(CONF_INT, sessions_max, "20000", CONF_RELOAD, 1, 1000000, "sessions of this process"),
	ROW(CONF_INT, sessions_per_account, "100", CONF_RELOAD, 1, 100000, "sessions of one account; each imapd process counts its own"),
	ROW(CONF_INT, sessions_per_ip, "500", CONF_RELOAD, 1, 1000000, "sessions from one address; each imapd process counts its own"),
	ROW(CONF_DURATION, poll, "30s", CONF_RELOAD, 1000, 3600000, "how often to look for changes that the bus did not tell"),
	ROW(CONF_DURATION, login_cache, "5m", 0, 0, 86400000, "how long a checked password is remembered"),
	ROW(CONF_DURATION, view_keep, "5m", CONF_RELOAD, 0, 86400000, "how long a mailbox nobody has open stays in memory"),
	ROW(CONF_SIZE, view_memory, "256M", CONF_RELOAD, 0, INT64_C(1) << 40, "memory for such mailboxes"),
	ROW(CONF_SIZE, search_memory, "256M", CONF_RELOAD, 0, INT64_C(1) << 40, "memory for search signatures, about 700 bytes a message of 3 KB; 0: mail is searched by opening it"),
	ROW(CONF_BOOL, search_index, "yes", CONF_RELOAD, 0, 0, "sign mail that searches have met without a search signature or with one of before FUZZY, little by little, while its mailbox is open"),
	ROW(CONF_STR, metadata_admin, "", 0, 0, 0, "whom to ask for help, an URI such as mailto:postmaster@example.org (METADATA /shared/admin)"),
	ROW(CONF_STR, metadata_comment, "", 0, 0, 0, "what is said of this server (METADATA /shared/comment)"),
	ROW(CONF_SIZE, metadata_value_max, "32K", 0, 1024, 256 << 10, "longest annotation of a mailbox"),
	ROW(CONF_INT, metadata_entries_max, "200", 0, 1, 10000, "annotations of one mailbox, private or shared"),
	ROW(CONF_LIST, submit_accounts, "", 0, 0, 0, "accounts that submission servers log in to: they may fetch what users grant for submission (URLAUTH, submit+)"),
	ROW(CONF_BOOL, view_cache, "yes", 0, 0, 0, "keep large mailboxes' flags, sizes and search signatures in sealed files in data_dir/view-cache, which may be deleted at any time"),
	CONF_END
	/* clang-format on */
};
