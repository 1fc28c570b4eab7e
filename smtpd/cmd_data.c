/* DATA (RFC 5321 4.1.1.4): takes the message in, dots unstuffed. smtp/data.h holds the line on what ends it. */
#include "accept.h"
#include "verbs.h"

#define CHUNK_MAX (64 * 1024)

void cmd_data(struct session *s, struct slice args)
{
	if (args.len) {
		reply(s, 501, "5.5.4", "DATA has no arguments");
		return;
	}
	session_enter(s, ST_DATA);
	reply(s, 354, NULL, "Go ahead, end with a dot on a line of its own");
}

/* What does not fit is read on and dropped: the answer belongs behind the final dot. */
static void keep(struct session *s, struct slice piece)
{
	struct transaction *tx = s->tx;

	if (tx->too_big || tx->no_memory)
		return;
	if (transaction_reserve(s->smtpd, tx, piece.len))
		buf_add_slice(&tx->message, piece);
	else
		buf_done(&tx->message);
}

void data_read(struct session *s)
{
	struct slice chunk, rest, piece;

	while (s->state == ST_DATA && (chunk = conn_peek(s->conn, CHUNK_MAX)).len) {
		rest = chunk;
		while (smtp_data_next(&s->tx->data, &rest, &piece))
			keep(s, piece);
		conn_take(s->conn, chunk.len - rest.len);
		conn_deadline(s->conn, smtpd_conf.data_timeout);
		if (s->tx->data.done) {
			session_enter(s, ST_ACCEPT);
			accept_message(s);
		}
	}
}
