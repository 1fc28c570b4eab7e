/*
 * Queued mail (outgoing.h). An entry's state is the sender's key (store/pack.h), then, sealed, the envelope:
 *   version(1) | flags(1) | accepted(8) | expires(8) | content key(32) | from, trace, envid (blocks) |
 *   recipients (varint), each: address, orcpt, reply, status, host (blocks) | notify(1) | state(1) | at(8) | account(16)
 */
#include "suite/outgoing.h"

#include <stdlib.h>
#include <strings.h>

#include "store/pack.h"
#include "suite/directory.h"
#include "suite/nudge.h"

#define ENVELOPE_VERSION 1
#define ENVELOPE_MAX     (1024 * 1024)
#define RECIPIENTS_MAX   100000
#define ENTRY_RECIPIENTS 500 /* of one entry; more make further ones */

enum { FLAG_RET_HEADERS = 1, FLAG_EIGHT_BIT = 2, FLAG_SMTPUTF8 = 4, FLAG_IS_DSN = 8 };

/* ---- packing ---- */

static void add_text(struct buf *buf, const char *text)
{
	buf_add_block(buf, slice_str(text ? text : ""));
}

static void add_recipient(struct buf *buf, const struct outgoing_recipient *rcpt)
{
	add_text(buf, rcpt->address);
	add_text(buf, rcpt->orcpt);
	add_text(buf, rcpt->reply);
	add_text(buf, rcpt->status);
	add_text(buf, rcpt->host);
	buf_add_u8(buf, rcpt->notify);
	buf_add_u8(buf, (uint8_t)rcpt->state);
	buf_add_u64(buf, (uint64_t)rcpt->at);
	buf_add(buf, &rcpt->local_account, sizeof(rcpt->local_account));
}

static void pack(const struct envelope_out *envelope, struct buf *buf)
{
	buf_add_u8(buf, ENVELOPE_VERSION);
	buf_add_u8(buf, (uint8_t)((envelope->ret_headers ? FLAG_RET_HEADERS : 0) |
	                          (envelope->eight_bit ? FLAG_EIGHT_BIT : 0) |
	                          (envelope->smtputf8 ? FLAG_SMTPUTF8 : 0) |
	                          (envelope->is_dsn ? FLAG_IS_DSN : 0)));
	buf_add_u64(buf, (uint64_t)envelope->accepted);
	buf_add_u64(buf, (uint64_t)envelope->expires);
	buf_add(buf, &envelope->key, sizeof(envelope->key));
	add_text(buf, envelope->from);
	add_text(buf, envelope->trace);
	add_text(buf, envelope->envid);
	buf_add_varint(buf, envelope->n);
	for (size_t i = 0; i < envelope->n; i++)
		add_recipient(buf, &envelope->recipients[i]);
}

struct slice envelope_seal(const struct envelope_out *envelope, const struct account_public *queue,
                           struct arena *arena)
{
	struct buf plain, sealed;
	struct slice made;

	buf_init(&plain, BUF_NO_LIMIT);
	buf_init(&sealed, BUF_NO_LIMIT);
	pack(envelope, &plain);
	pack_key(&sealed, &envelope->sender_key);
	public_seal(queue, buf_slice(&plain), &sealed);
	made = arena_copy(arena, buf_slice(&sealed));
	secret_wipe(plain.data, plain.len);
	buf_done(&plain);
	buf_done(&sealed);
	return made;
}

static const char *read_text(struct reader *reader, struct arena *arena)
{
	return arena_strz(arena, read_block(reader));
}

static void read_recipient(struct reader *reader, struct arena *arena, struct outgoing_recipient *rcpt)
{
	uint8_t state;

	rcpt->address = read_text(reader, arena);
	rcpt->orcpt = read_text(reader, arena);
	rcpt->reply = read_text(reader, arena);
	rcpt->status = read_text(reader, arena);
	rcpt->host = read_text(reader, arena);
	rcpt->notify = read_u8(reader);
	state = read_u8(reader);
	rcpt->state = state <= RCPT_FAILED ? (enum recipient_state)state : RCPT_WAITING;
	rcpt->at = (int64_t)read_u64(reader);
	(void)id_from(read_bytes(reader, sizeof(struct id)), &rcpt->local_account);
}

static enum fault unpack(struct slice plain, struct arena *arena, struct envelope_out *ret, struct why *why)
{
	struct reader reader = reader_of(plain);
	struct envelope_out envelope = { 0 };
	uint8_t version = read_u8(&reader), flags = read_u8(&reader);
	struct slice key;

	if (version != ENVELOPE_VERSION)
		return fault_set(why, FAULT_CORRUPT, "a queued envelope has version %u", version);
	envelope.ret_headers = flags & FLAG_RET_HEADERS;
	envelope.eight_bit = flags & FLAG_EIGHT_BIT;
	envelope.smtputf8 = flags & FLAG_SMTPUTF8;
	envelope.is_dsn = flags & FLAG_IS_DSN;
	envelope.accepted = (int64_t)read_u64(&reader);
	envelope.expires = (int64_t)read_u64(&reader);
	key = read_bytes(&reader, sizeof(envelope.key));
	if (!reader.bad)
		memcpy(&envelope.key, key.data, key.len);
	envelope.from = read_text(&reader, arena);
	envelope.trace = read_text(&reader, arena);
	envelope.envid = read_text(&reader, arena);
	envelope.n = (size_t)read_varint(&reader);
	if (!reader.bad && envelope.n <= RECIPIENTS_MAX) {
		envelope.recipients = arena_array(arena, struct outgoing_recipient, envelope.n);
		for (size_t i = 0; i < envelope.n; i++)
			read_recipient(&reader, arena, &envelope.recipients[i]);
	}
	if (!read_finished(&reader))
		return fault_set(why, FAULT_CORRUPT, "a queued envelope does not parse");
	*ret = envelope;
	return FAULT_NONE;
}

/* What is behind the sender's key. */
static enum fault read_sender_key(struct slice sealed, struct wrapped_key *ret, struct slice *ret_rest,
                                  struct why *why)
{
	struct reader reader = reader_of(sealed);

	unpack_key(&reader, ret);
	if (reader.bad)
		return fault_set(why, FAULT_CORRUPT, "a queued envelope does not begin with a key");
	*ret_rest = reader.rest;
	return FAULT_NONE;
}

enum fault envelope_sender_key(struct slice sealed, struct wrapped_key *ret, struct why *why)
{
	struct slice rest;

	return read_sender_key(sealed, ret, &rest, why);
}

enum fault envelope_open(const struct account_key *queue, struct slice sealed, struct arena *arena,
                         struct envelope_out *ret, struct why *why)
{
	struct wrapped_key sender_key;
	struct slice rest = { NULL, 0 };
	struct buf plain;
	enum fault fault = read_sender_key(sealed, &sender_key, &rest, why);

	buf_init(&plain, ENVELOPE_MAX * 16);
	if (!fault)
		fault = public_open(queue, rest, &plain, why);
	if (!fault)
		fault = unpack(buf_slice(&plain), arena, ret, why);
	if (!fault)
		ret->sender_key = sender_key;
	secret_wipe(plain.data, plain.len);
	buf_done(&plain);
	return fault;
}

/* ---- queueing ---- */

static struct slice destination(const struct outgoing_recipient *rcpt)
{
	const char *at = strrchr(rcpt->address, '@');

	if (!id_is_zero(&rcpt->local_account) || !at)
		return SLICE("");
	return slice_str(at + 1);
}

static int by_destination(const void *a, const void *b)
{
	struct slice x = destination(a), y = destination(b);
	int order = strncasecmp((const char *)x.data, (const char *)y.data, MIN_OF(x.len, y.len));

	return order ? order : (x.len > y.len) - (x.len < y.len);
}

/* The order must not depend on the run: a retry has to make the same entries. */
static int by_destination_and_address(const void *a, const void *b)
{
	const struct outgoing_recipient *x = a, *y = b;
	int order = by_destination(a, b);

	return order ? order : strcmp(x->address, y->address);
}

/* What all entries of a message have in common. */
struct outgoing {
	const struct envelope_out *envelope;
	const struct sealed_message *sealed;
	const struct outgoing_sender *sender; /* NULL: nobody */
	struct wrapped_key sender_key;
	struct account_public queue;
	struct arena *arena;
};

/* The `part`-th entry of a destination: its recipients are [from, from + n) of all. */
static struct queue_entry make_entry(const struct outgoing *outgoing, size_t from, size_t n, size_t part)
{
	const struct sealed_message *sealed = outgoing->sealed;
	struct envelope_out some = *outgoing->envelope;
	struct slice domain = destination(&some.recipients[from]), label = domain;

	if (part)
		label = slice_str(arena_printf(outgoing->arena, "%.*s %zu", SLICE_FMT(domain), part));
	some.key = sealed->key;
	some.sender_key = outgoing->sender_key;
	some.recipients += from;
	some.n = n;
	return (struct queue_entry){
		.id = id_derive(&sealed->content, label),
		.account = outgoing->sender ? outgoing->sender->account : (struct id){ { 0 } },
		.content = sealed->content,
		.domain = domain,
		.status = QUEUE_WAITING,
		.created = some.accepted,
		.due = some.accepted,
		.size = sealed->size,
		.state = envelope_seal(&some, &outgoing->queue, outgoing->arena),
	};
}

static struct queue_entry *make_entries(const struct outgoing *outgoing, size_t *ret_n)
{
	const size_t all = outgoing->envelope->n;
	struct queue_entry *entries = arena_array(outgoing->arena, struct queue_entry, all);
	struct outgoing_recipient *rcpt = outgoing->envelope->recipients;
	size_t n = 0, from = 0, part = 0;

	qsort(rcpt, all, sizeof(*rcpt), by_destination_and_address);
	while (from < all) {
		size_t end = from + 1;

		while (end < all && end - from < ENTRY_RECIPIENTS &&
		       by_destination(&rcpt[from], &rcpt[end]) == 0)
			end++;
		part = from && by_destination(&rcpt[from - 1], &rcpt[from]) == 0 ? part + 1 : 0;
		entries[n++] = make_entry(outgoing, from, end - from, part);
		from = end;
	}
	*ret_n = n;
	return entries;
}

/* Whose accounts the content is: those that show it, and the sender's, for the Outbox. */
static const struct id *whose(const struct outgoing *outgoing, const struct id *accounts, size_t *n)
{
	struct id *all;

	if (outgoing->sender_key.kind == WRAPPED_NONE)
		return accounts;
	all = arena_array(outgoing->arena, struct id, *n + 1);
	for (size_t i = 0; i < *n; i++)
		all[i] = accounts[i];
	all[(*n)++] = outgoing->sender->account;
	return all;
}

enum fault outgoing_put(struct stack *stack, const struct sealed_message *sealed,
                        const struct envelope_out *envelope, const struct outgoing_sender *sender,
                        const struct id *accounts, size_t n_accounts, struct arena *arena, struct why *why)
{
	const struct actor actor = { .kind = ACTOR_QUEUE };
	struct outgoing outgoing = {
		.envelope = envelope, .sealed = sealed, .sender = sender, .arena = arena
	};
	struct queue_entry *entries;
	uint8_t generation;
	size_t n;
	enum fault fault = queue_public_key(stack, &outgoing.queue, &generation, why);

	if (fault == FAULT_NOT_FOUND) /* not the message's fault: it may come again */
		return fault_set(why, FAULT_CONFIG, "the queue has no key yet: mta makes it when it starts");
	if (fault)
		return fault;
	if (sender && sender->generation && stack->conf->outbox)
		content_key_box(&sender->key, sender->generation, &sealed->key, &outgoing.sender_key);
	accounts = whose(&outgoing, accounts, &n_accounts);
	entries = make_entries(&outgoing, &n);
	fault = queue_put(stack->store, &actor, entries, n, why);
	if (!fault)
		fault = message_store(stack, &actor, sealed, accounts, n_accounts, arena, why);
	for (size_t i = 0; i < n && !fault; i++)
		nudge_queue(stack, &entries[i].id);
	if (!fault && sender)
		nudge_outbox(stack, &sender->account);
	return fault;
}
