/* imapd: IMAP access to the accounts' mailboxes. */
#include "imapd.h"

static enum fault start(struct daemon *daemon, struct why *why)
{
	struct imapd *imapd = imapd_new(daemon);
	enum fault fault;

	daemon->state = imapd;
	fault = imapd_listen(imapd, why);
	return fault ? fault : daemon_monitor(daemon, imapd_conf.monitor, why);
}

static void drain(struct daemon *daemon)
{
	imapd_drain(daemon->state);
}

static void stop(struct daemon *daemon)
{
	imapd_free(daemon->state);
}

int main(int argc, char **argv)
{
	static const struct daemon_spec spec = {
		.name = "imapd",
		.summary = "Posthouse's IMAP server",
		.rows = imapd_conf_rows,
		.conf = &imapd_conf,
		.conf_size = sizeof(imapd_conf),
		.needs = STACK_ACCOUNTS_RING | STACK_BUS,
		.tls = true,
		.start = start,
		.drain = drain,
		.stop = stop,
	};

	return daemon_main(&spec, argc, argv);
}
