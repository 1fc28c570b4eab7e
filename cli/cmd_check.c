/* posthouse fsck, posthouse sweep: the two that walk the whole store. */
#include <stdio.h>

#include "cli.h"
#include "suite/check.h"

#define GRACE_MS (INT64_C(24) * 60 * 60 * 1000)

static void on_problem(void *arg, const char *line)
{
	(void)arg;
	cli_progress_end();
	printf("%s\n", line);
}

static int fsck(struct cli *cli)
{
	unsigned how = FSCK_SEALS;
	struct fsck_result result;
	struct why why = { "" };
	enum fault fault;

	for (int i = 0; i < cli->argc; i++) {
		if (strcmp(cli->argv[i], "--quick") == 0)
			how &= ~(unsigned)FSCK_SEALS;
		else if (strcmp(cli->argv[i], "--drop") == 0)
			how |= FSCK_DROP;
		else
			return cli_usage("fsck knows --quick and --drop, not \"%s\"", cli->argv[i]);
	}
	if (how & FSCK_DROP &&
	    !cli_confirm(cli,
	                 "What guests have seen, metadata and keys of URLs that are damaged are taken away."))
		return 1;
	fault = fsck_run(cli->stack, how, on_problem, cli_progress, NULL, &result, &why);
	cli_progress_end();
	if (fault)
		return cli_fail(fault, &why);
	printf(
	    "%llu accounts, %llu mailboxes, %llu messages, %llu queue entries, %llu records beside mailboxes "
	    "(%llu left for the sweeper), %llu seals opened: %llu problems\n",
	    (unsigned long long)result.accounts, (unsigned long long)result.mailboxes,
	    (unsigned long long)result.messages, (unsigned long long)result.queue_entries,
	    (unsigned long long)result.beside, (unsigned long long)result.left_over,
	    (unsigned long long)result.seals_opened, (unsigned long long)result.problems);
	return result.problems ? 1 : 0;
}

static int sweep(struct cli *cli)
{
	int64_t grace = GRACE_MS;
	bool dry = false;
	struct sweep_result result;
	struct why why = { "" };
	enum fault fault;

	for (int i = 0; i < cli->argc; i++) {
		uint64_t hours;

		if (strcmp(cli->argv[i], "--dry-run") == 0)
			dry = true;
		else if (slice_u64(slice_str(cli->argv[i]), 24 * 365, &hours))
			grace = (int64_t)hours * 60 * 60 * 1000;
		else
			return cli_usage("sweep takes --dry-run and a number of hours, not \"%s\"",
			                 cli->argv[i]);
	}
	if (grace == 0 &&
	    !cli_confirm(cli, "Without a grace period a message that is being moved now could be lost."))
		return 1;
	fault = sweep_run(cli->stack, grace, dry, cli_progress, NULL, &result, &why);
	cli_progress_end();
	if (fault)
		return cli_fail(fault, &why);
	printf(
	    "%s%llu of %llu contents, %llu of %llu blobs, %llu queue entries, %llu records beside mailboxes, "
	    "%llu bytes\n",
	    dry ? "would remove " : "removed ", (unsigned long long)result.contents_removed,
	    (unsigned long long)result.contents, (unsigned long long)result.blobs_removed,
	    (unsigned long long)result.blobs, (unsigned long long)result.queue_removed,
	    (unsigned long long)(result.guests_removed + result.metadata_removed + result.url_keys_removed),
	    (unsigned long long)result.bytes_removed);
	if (result.moves_finished)
		printf("finished %llu moves that were cut short\n",
		       (unsigned long long)result.moves_finished);
	return 0;
}

static const struct cli_action fsck_actions[] = {
	{ NULL, "[--quick] [--drop]",
	  "checks every cross-reference, and opens every seal unless --quick; --drop takes away what is "
	  "damaged "
	  "beside mailboxes",
	  0, 2, fsck },
	{ 0 },
};
const struct cli_verb verb_fsck = { "fsck", "checks the store", STACK_ACCOUNTS_RING | STACK_QUEUE_RING,
	                            fsck_actions };

static const struct cli_action sweep_actions[] = {
	{ NULL, "[--dry-run] [HOURS]", "removes what nothing has named for HOURS (24)", 0, 2, sweep },
	{ 0 },
};
const struct cli_verb verb_sweep = { "sweep", "removes the bodies of expunged mail", 0, sweep_actions };
