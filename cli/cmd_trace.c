/* posthouse trace: what happened to a message. */
#include <stdio.h>

#include "base/clock.h"
#include "cli.h"
#include "suite/timeline.h"

static void print_row(const struct timeline_row *row)
{
	char time[32];

	clock_rfc3339(row->at, time);
	printf("%s  %-9s  <%s>", time, row->kind, row->address);
	if (row->where[0])
		printf("  %s", row->where);
	if (row->status[0] || row->text[0])
		printf("  %s%s%s", row->status, row->status[0] && row->text[0] ? " " : "", row->text);
	if (row->next) {
		clock_rfc3339(row->next, time);
		printf("  next %s", time);
	}
	printf("  (%s)\n", row->node);
}

static int trace(struct cli *cli)
{
	struct timeline_row *rows;
	struct why why = { "" };
	struct id id;
	size_t n;
	enum fault fault;

	if (!id_parse(slice_str(cli->argv[0]), &id))
		return cli_usage(
		    "\"%s\" is no trace id; a message's Received line and the answer to its sender have it",
		    cli->argv[0]);
	fault = timeline_read(cli->stack, id_print(&id).text, cli->arena, &rows, &n, &why);
	if (fault)
		return cli_fail(fault, &why);
	for (size_t i = 0; i < n; i++)
		print_row(&rows[i]);
	return 0;
}

static const struct cli_action actions[] = {
	{ NULL, "TRACE", "what became of each recipient, when and why", 1, 1, trace },
	{ 0 },
};
const struct cli_verb verb_trace = { "trace", "what happened to a message",
	                             STACK_ACCOUNTS_RING | STACK_QUEUE_RING, actions };
