/* mta: takes queued mail out, to other hosts, and late mail into mailboxes. */
#include "base/log.h"
#include "mta.h"

static enum fault start(struct daemon *daemon, struct why *why)
{
	struct mta *mta;
	enum fault fault = mta_new(daemon, &mta, why);

	if (fault)
		return fault;
	daemon->state = mta;
	fault = daemon_monitor(daemon, mta_conf.monitor, why);
	if (!fault)
		mta_start(mta);
	return fault;
}

static void reload(struct daemon *daemon)
{
	struct why why;
	enum fault fault = mta_configure(daemon->state, &why);

	if (fault)
		log_fault(NULL, fault, &why, "mta's new settings are not used");
}

static void drain(struct daemon *daemon)
{
	mta_drain(daemon->state);
}

static void stop(struct daemon *daemon)
{
	mta_free(daemon->state);
}

int main(int argc, char **argv)
{
	static const struct daemon_spec spec = {
		.name = "mta",
		.summary = "Takes queued mail out: to other hosts, with retries and reports.",
		.rows = mta_conf_rows,
		.conf = &mta_conf,
		.conf_size = sizeof(mta_conf),
		.needs = STACK_QUEUE_RING | STACK_BUS,
		.start = start,
		.reload = reload,
		.drain = drain,
		.stop = stop,
	};

	return daemon_main(&spec, argc, argv);
}
