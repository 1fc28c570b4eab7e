/* posthouse alias: addresses that lead elsewhere. */
#include <stdio.h>

#include "cli.h"
#include "store/store.h"

#define PAGE 200

static int set(struct cli *cli)
{
	struct address_row there;
	struct why why = { "" };
	enum fault fault = alias_get(cli->stack, slice_str(cli->argv[0]), cli->arena, &there, &why);
	uint64_t version = fault ? RECORD_NEW : there.version;

	fault = alias_put(cli->stack, &cli_by, slice_str(cli->argv[0]), (const char *const *)(cli->argv + 1),
	                  (size_t)cli->argc - 1, version, &why);
	return fault ? cli_fail(fault, &why) : 0;
}

static int list(struct cli *cli)
{
	struct slice domain = cli->argc ? slice_str(cli->argv[0]) : slice_of(NULL, 0), after = { NULL, 0 };
	size_t n = PAGE;

	while (n == PAGE) {
		struct address_row *aliases;
		struct why why = { "" };
		enum fault fault =
		    alias_list(cli->stack, domain, after, PAGE, cli->arena, &aliases, &n, &why);

		if (fault)
			return cli_fail(fault, &why);
		for (size_t i = 0; i < n; i++) {
			printf("%s:", aliases[i].address);
			for (size_t t = 0; t < aliases[i].n_targets; t++)
				printf(" %s", aliases[i].targets[t]);
			printf("\n");
		}
		if (n)
			after = slice_str(aliases[n - 1].address);
	}
	return 0;
}

static int delete (struct cli *cli)
{
	struct why why = { "" };
	enum fault fault = alias_delete(cli->stack, &cli_by, slice_str(cli->argv[0]), &why);

	return fault ? cli_fail(fault, &why) : 0;
}

static const struct cli_action actions[] = {
	{ "set", "ADDRESS TARGET...", "makes an alias, or gives one new targets", 2, -1, set },
	{ "list", "[DOMAIN]", "all aliases, or those of a domain", 0, 1, list },
	{ "delete", "ADDRESS", "deletes an alias", 1, 1, delete },
	{ 0 },
};
const struct cli_verb verb_alias = { "alias", "addresses that lead to other addresses", 0, actions };
