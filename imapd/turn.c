/* Whose job goes to a worker next, within an account (turn.h). */
#include "turn.h"

#include "account_ctx.h"
#include "base/metrics.h"
#include "imapd.h"

enum { TURN_IDLE, TURN_WAITS, TURN_RUNS };

static struct metric waiting_now = {
	.kind = METRIC_GAUGE,
	.name = "posthouse_imapd_turns_waiting",
	.help = "commands and looks that wait because others of their account are at workers"
};

static bool has_room(const struct account_ctx *account)
{
	const int64_t half = account->imapd->daemon->suite->workers / 2;
	const int64_t most = MAX_OF(MIN_OF(imapd_conf.commands_per_account, half), (int64_t)1);

	return account->at_work < most;
}

static bool start(struct turn *turn)
{
	if (!job_start(turn->pool, turn->job))
		return false;
	turn->state = TURN_RUNS;
	turn->account->at_work++;
	return true;
}

bool turn_start(struct turn *turn)
{
	struct account_ctx *account = turn->account;

	if (has_room(account) && list_empty(&account->waiting))
		return start(turn);
	turn->state = TURN_WAITS;
	list_add_tail(&account->waiting, &turn->node);
	metric_add(&waiting_now, 1);
	return true;
}

bool turn_waits(const struct turn *turn)
{
	return turn->state == TURN_WAITS;
}

bool turn_leave(struct turn *turn)
{
	if (!turn_waits(turn))
		return false;
	turn->state = TURN_IDLE;
	list_del(&turn->node);
	metric_add(&waiting_now, -1);
	return true;
}

/* All that there is room for: the limit may have been raised. */
void turn_over(struct turn *turn)
{
	struct account_ctx *account = turn->account;

	if (turn->state != TURN_RUNS)
		return;
	turn->state = TURN_IDLE;
	account->at_work--;
	while (has_room(account) && !list_empty(&account->waiting)) {
		struct turn *next = list_item(account->waiting.next, struct turn, node);

		turn_leave(next);
		if (!start(next))
			next->refused(next);
	}
}
