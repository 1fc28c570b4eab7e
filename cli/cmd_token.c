/* posthouse token: who may use the REST API. */
#include <stdio.h>

#include "base/clock.h"
#include "cli.h"
#include "suite/principal.h"

#define PAGE   200
#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

static int add(struct cli *cli)
{
	struct role_binding binding = { .domain = cli->argc > 2 && strcmp(cli->argv[2], "*") ? cli->argv[2]
		                                                                             : NULL };
	struct token_text token;
	struct why why = { "" };
	uint64_t days = 0;
	enum fault fault;

	if (!role_parse(slice_str(cli->argv[1]), &binding.role) || binding.role == ROLE_NONE)
		return cli_usage("a role is owner, domain-admin or read-only, not \"%s\"", cli->argv[1]);
	if (cli->argc > 3 && !slice_u64(slice_str(cli->argv[3]), 36500, &days))
		return cli_usage("\"%s\" is no number of days", cli->argv[3]);
	fault = principal_create(cli->stack, &cli_by, cli->argv[0], &binding, 1,
	                         days ? clock_now() + (int64_t)days * DAY_MS : 0, &token, &why);
	if (fault)
		return cli_fail(fault, &why);
	printf("%s\n", token.text);
	return 0;
}

static int list(struct cli *cli)
{
	struct slice after = { NULL, 0 };
	size_t n = PAGE;

	while (n == PAGE) {
		struct principal *principals;
		struct why why = { "" };
		enum fault fault = principal_list(cli->stack, after, PAGE, cli->arena, &principals, &n, &why);

		if (fault)
			return cli_fail(fault, &why);
		for (size_t i = 0; i < n; i++) {
			printf("%-24s", principals[i].name);
			for (size_t r = 0; r < principals[i].n_roles; r++)
				printf(" %s over %s", role_name(principals[i].roles[r].role),
				       principals[i].roles[r].domain ? principals[i].roles[r].domain
				                                     : "everything");
			printf("\n");
		}
		if (n)
			after = slice_str(principals[n - 1].name);
	}
	return 0;
}

static int delete (struct cli *cli)
{
	struct why why = { "" };
	enum fault fault = principal_delete(cli->stack, &cli_by, slice_str(cli->argv[0]), &why);

	return fault ? cli_fail(fault, &why) : 0;
}

static const struct cli_action actions[] = {
	{ "add", "NAME owner|domain-admin|read-only [DOMAIN|* [DAYS]]", "makes a token and prints it, once",
	  2, 4, add },
	{ "list", "", "all tokens and their roles", 0, 0, list },
	{ "delete", "NAME", "deletes a token", 1, 1, delete },
	{ 0 },
};
const struct cli_verb verb_token = { "token", "tokens of the REST API", 0, actions };
