/* posthouse ban: who may not log in for a time. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli.h"
#include "suite/ban.h"

#define PAGE      200
#define MINUTE_MS 60000

static int add(struct cli *cli)
{
	struct ban ban = { .subject = cli->argv[0], .reason = cli->argv[2], .by = cli_by.principal };
	struct why why = { "" };
	uint64_t minutes;
	enum fault fault;

	if (!slice_u64(slice_str(cli->argv[1]), BAN_MS_MAX / MINUTE_MS, &minutes) || !minutes)
		return cli_usage("\"%s\" is no number of minutes", cli->argv[1]);
	ban.since = clock_now();
	ban.until = ban.since + (int64_t)minutes * MINUTE_MS;
	fault = ban_put(cli->stack, &cli_by, &ban, &why);
	return fault ? cli_fail(fault, &why) : 0;
}

static int list(struct cli *cli)
{
	struct slice after = { NULL, 0 };
	size_t n = PAGE;

	while (n == PAGE) {
		struct ban *bans;
		struct why why = { "" };
		enum fault fault = ban_list(cli->stack, after, PAGE, cli->arena, &bans, &n, &why);

		if (fault)
			return cli_fail(fault, &why);
		for (size_t i = 0; i < n; i++)
			printf("%-40s %6lld minutes left, by %s: %s\n", bans[i].subject,
			       (long long)(bans[i].until - clock_now() + MINUTE_MS - 1) / MINUTE_MS,
			       bans[i].by, bans[i].reason);
		if (n)
			after = slice_str(bans[n - 1].subject);
	}
	return 0;
}

static int lift(struct cli *cli)
{
	struct why why = { "" };
	enum fault fault = ban_lift(cli->stack, &cli_by, slice_str(cli->argv[0]), &why);

	return fault ? cli_fail(fault, &why) : 0;
}

static const struct cli_action actions[] = {
	{ "add", "ADDRESS|NETWORK|LOGIN MINUTES REASON", "no login from there, or by that name, for so long",
	  3, 3, add },
	{ "list", "", "all bans, also those that failed logins led to", 0, 0, list },
	{ "lift", "ADDRESS|NETWORK|LOGIN", "ends a ban", 1, 1, lift },
	{ 0 },
};
const struct cli_verb verb_ban = { "ban", "addresses and accounts that may not log in for a time", 0,
	                           actions };
