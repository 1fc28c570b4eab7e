/* A mail transaction (transaction.h). */
#include "transaction.h"

#include <stdlib.h>

#include "smtpd.h"

#define RESERVE_STEP (64 * 1024)

struct transaction *transaction_new(void)
{
	struct arena *arena = arena_new();
	struct transaction *tx = arena_make(arena, struct transaction);

	tx->arena = arena;
	tx->trace = id_new();
	tx->last = &tx->recipients;
	tx->from_text = "";
	buf_init(&tx->message, BUF_NO_LIMIT);
	smtp_data_init(&tx->data);
	return tx;
}

void transaction_free(struct smtpd *smtpd, struct transaction *tx)
{
	if (!tx)
		return;
	smtpd->receiving -= tx->reserved;
	buf_done(&tx->message);
	arena_free(tx->arena);
}

bool transaction_reserve(struct smtpd *smtpd, struct transaction *tx, size_t len)
{
	uint64_t need = tx->message.len + len, step;

	if (need > (uint64_t)smtpd->daemon->suite->message_max) {
		tx->too_big = true;
		return false;
	}
	if (need <= tx->reserved)
		return true;
	/* the buffer doubles: count what it takes, not only what is in it */
	step = MAX_OF(need * 2 - tx->reserved, (uint64_t)RESERVE_STEP);
	if (smtpd->receiving + step > (uint64_t)smtpd_conf.receive_memory) {
		tx->no_memory = true;
		return false;
	}
	smtpd->receiving += step;
	tx->reserved += step;
	return true;
}
