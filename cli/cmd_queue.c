/* posthouse queue: mail that waits to go out. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "cli.h"
#include "suite/nudge.h"
#include "suite/outgoing.h"
#include "suite/timeline.h"

#define PAGE 200

static const struct actor actor = { .kind = ACTOR_ADMIN };

static void print_wait(int64_t due, int64_t now)
{
	int64_t seconds = (due - now) / 1000;

	if (seconds <= 0)
		printf("now");
	else if (seconds < 120)
		printf("in %llds", (long long)seconds);
	else
		printf("in %lldm", (long long)(seconds / 60));
}

static void print_entry(const struct queue_entry *entry, const struct envelope_out *envelope)
{
	const int64_t now = clock_now();

	printf("%s  %-30.*s %8llu bytes  %u attempts  ", id_print(&entry->id).text, SLICE_FMT(entry->domain),
	       (unsigned long long)entry->size, entry->attempts);
	if (entry->status == QUEUE_HELD)
		printf("held");
	else if (entry->lease_until > now)
		printf("being sent");
	else
		print_wait(entry->due, now);
	printf("\n");
	if (!envelope)
		return;
	printf("    from <%s>\n", envelope->from);
	for (size_t i = 0; i < envelope->n; i++) {
		const struct outgoing_recipient *rcpt = &envelope->recipients[i];

		printf("    to <%s>%s%s\n", rcpt->address, rcpt->reply[0] ? ": " : "", rcpt->reply);
	}
}

static int list(struct cli *cli)
{
	struct queue_query query = { .limit = PAGE };
	struct account_key *key;
	size_t n = PAGE, all = 0;
	struct why why = { "" };
	enum fault fault = queue_private_key(cli->stack, &key, &why);

	if (cli->argc)
		query.domain = slice_str(cli->argv[0]);
	while (!fault && n == PAGE) {
		struct queue_entry *entries;

		fault = queue_list(cli->stack->store, &actor, &query, cli->arena, &entries, &n, &why);
		for (size_t i = 0; i < n && !fault; i++, all++) {
			struct envelope_out envelope;
			bool opened =
			    envelope_open(key, entries[i].state, cli->arena, &envelope, &why) == FAULT_NONE;

			print_entry(&entries[i], opened ? &envelope : NULL);
		}
		if (!fault && n)
			query.after = entries[n - 1].id;
	}
	if (fault)
		return cli_fail(fault, &why);
	account_key_unref(key);
	printf("%zu entries\n", all);
	return 0;
}

static enum fault find(struct cli *cli, struct queue_entry *ret, struct why *why)
{
	struct id id;

	if (!id_parse(slice_str(cli->argv[0]), &id))
		return fault_set(why, FAULT_INPUT, "\"%s\" is no queue id; posthouse queue list shows them",
		                 cli->argv[0]);
	return queue_get(cli->stack->store, &actor, &id, cli->arena, ret, why);
}

static int set(struct cli *cli, enum queue_status status)
{
	struct queue_entry entry;
	struct why why = { "" };
	enum fault fault = find(cli, &entry, &why);

	if (!fault)
		fault =
		    queue_set(cli->stack->store, &actor, &entry.id, entry.fence, status, clock_now(), &why);
	if (fault == FAULT_STALE)
		fault_set(&why, fault, "it is being sent at this moment; try again");
	if (!fault)
		nudge_queue(cli->stack, &entry.id);
	if (!fault)
		fault = timeline_operated(cli->stack, &entry,
		                          status == QUEUE_HELD ? TIMELINE_HELD : TIMELINE_RELEASED, &why);
	return fault ? cli_fail(fault, &why) : 0;
}

static int hold(struct cli *cli)
{
	return set(cli, QUEUE_HELD);
}

static int release(struct cli *cli)
{
	return set(cli, QUEUE_WAITING);
}

static int delete (struct cli *cli)
{
	struct queue_entry entry;
	struct why why = { "" };
	enum fault fault;

	if (!cli_confirm(cli, "This drops the mail; nobody is told."))
		return 1;
	fault = find(cli, &entry, &why);
	if (!fault)
		fault = queue_remove(cli->stack->store, &actor, &entry.id, entry.fence, &why);
	if (fault == FAULT_STALE)
		fault_set(&why, fault, "it is being sent at this moment; try again");
	if (!fault)
		fault = timeline_operated(cli->stack, &entry, TIMELINE_DELETED, &why);
	return fault ? cli_fail(fault, &why) : 0;
}

static const struct cli_action actions[] = {
	{ "list", "[DOMAIN]", "what waits, for whom, and why", 0, 1, list },
	{ "hold", "ID", "keeps an entry until it is released", 1, 1, hold },
	{ "release", "ID", "sends a held or waiting entry now", 1, 1, release },
	{ "delete", "ID", "drops an entry", 1, 1, delete },
	{ 0 },
};
const struct cli_verb verb_queue = { "queue", "mail that waits to go out", STACK_QUEUE_RING, actions };
