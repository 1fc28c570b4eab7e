/* posthouse search: what searching sealed mail rests on. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "suite/check.h"

static int search_index(struct cli *cli)
{
	struct index_result result;
	struct why why = { "" };
	const char *login = NULL;
	bool fast = false;
	enum fault fault;

	for (int i = 0; i < cli->argc; i++) {
		if (strcmp(cli->argv[i], "--fast") == 0)
			fast = true;
		else if (login || cli->argv[i][0] == '-')
			return cli_usage("search index takes --fast and one account, not \"%s\"",
			                 cli->argv[i]);
		else
			login = cli->argv[i];
	}
	fault = index_run(cli->stack, login, fast, cli_progress, NULL, &result, &why);
	cli_progress_end();
	if (fault)
		return cli_fail(fault, &why);
	printf(
	    "%llu accounts, %llu messages: %llu signed now, %llu could not be; %llu accounts that only their "
	    "owners open\n",
	    (unsigned long long)result.accounts, (unsigned long long)result.messages,
	    (unsigned long long)result.made, (unsigned long long)result.failed,
	    (unsigned long long)result.locked);
	return result.failed ? 1 : 0;
}

static const struct cli_action actions[] = {
	{ "index", "[--fast] [ADDRESS]",
	  "signs mail that has no search signature, of one account or all; may be stopped and run again", 0,
	  2, search_index },
	{ 0 },
};
const struct cli_verb verb_search = { "search", "makes old mail fast to search", STACK_ACCOUNTS_RING,
	                              actions };
