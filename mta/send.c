/* Sending one delivery (send.h). */
#include "send.h"

#include <assert.h>

#include "destination.h"
#include "signer.h"

#define BUSY_DUE_MS 5000 /* our own pool is full */

static void connect_next(struct delivery *d);
static void load(struct delivery *d);

/* ---- verdicts ---- */

/* What the sending knows by now, for the report. */
static void take_verdicts(struct delivery *d)
{
	for (size_t i = 0; i < d->sending.n; i++) {
		const struct sent_to *to = &d->sending.to[i];

		d->results[d->indexes[i]] = (struct result){
			.verdict = to->verdict,
			.relayed = to->relayed,
			.by_host = to->by_host,
			.status = to->status,
			.reply = to->reply,
			.host = to->host,
		};
	}
}

static void finish(struct delivery *d)
{
	take_verdicts(d);
	delivery_report(d);
}

static void finish_without_route(struct delivery *d)
{
	sending_verdict(&d->sending, d->route.permanent ? VERDICT_FAILED : VERDICT_DEFERRED, d->route.status,
	                false, d->route.why);
	if (!d->route.permanent)
		destination_down(d, d->route.status, d->route.why);
	finish(d);
}

/* ---- the message ---- */

static void letter_run(struct job *job, void *worker)
{
	struct delivery *d = container_of(job, struct delivery, job);
	struct mta *mta = d->mta;
	const struct letter_load how = {
		.stack = mta->daemon->stack,
		.content = &d->entry.content,
		.key = &d->envelope.key,
		/* what only passes through must not look as if it came from us (signer.h) */
		.signer = id_is_zero(&d->entry.account) ? NULL : mta->signer,
		.seven_bit = d->seven_bit,
	};

	(void)worker;
	d->fault = letter_load(&how, &d->letter, &d->why);
}

static void on_loaded(struct job *job)
{
	struct delivery *d = container_of(job, struct delivery, job);

	d->working = false;
	if (d->fault)
		delivery_fault(d, "a queued message cannot be read");
	else if (d->lost)
		delivery_report(d);
	else if (d->client)
		load(d);
	else
		connect_next(d); /* the host did not wait */
}

/* Hands the letter over, once it is there and as the host can take it. */
static void load(struct delivery *d)
{
	if (d->letter && d->letter->body_8bit && !client_takes_8bit(d->client) && !d->seven_bit) {
		d->seven_bit = true; /* for hosts that come after it too: nobody minds */
		letter_unref(d->letter);
		d->letter = NULL;
	}
	if (d->letter) {
		d->phase = PHASE_SEND;
		d->sending.letter = d->letter;
		client_send(d->client, &d->sending);
		return;
	}
	d->phase = PHASE_LOAD;
	if (!delivery_work(d, letter_run, on_loaded))
		delivery_give_back(d, BUSY_DUE_MS);
}

/* ---- the client ---- */

static void on_ready(void *owner)
{
	struct delivery *d = owner;

	d->met = true;
	load(d);
}

/* The connection goes on with whoever waits for the same destination. */
static void pass_on(struct delivery *d, struct client *client)
{
	struct delivery *next = NULL;

	if (client_messages(client) < (uint64_t)mta_conf.messages_per_connection && !d->mta->draining)
		next = destination_pass_slot(d);
	if (!next) {
		client_quit(client);
		return;
	}
	next->client = client;
	next->reused = true;
	client_own(client, next);
	send_start(next);
}

static void on_sent(void *owner, bool reusable)
{
	struct delivery *d = owner;
	struct client *client = d->client;

	d->outcome.tls = arena_strdup(d->arena, client_tls(client, &d->outcome.tls_verified));
	d->client = NULL;
	if (reusable)
		pass_on(d, client);
	finish(d);
}

static void give_up(struct delivery *d, const char *status, const char *reply, bool by_host)
{
	sending_verdict(&d->sending, d->any_temporary ? VERDICT_DEFERRED : VERDICT_FAILED, status, by_host,
	                reply);
	if (!d->met && d->any_temporary)
		destination_down(d, status, reply);
	finish(d);
}

static void on_failed(void *owner, const struct client_failure *failure)
{
	struct delivery *d = owner;

	d->client = NULL;
	log_line(&d->log, LOG_DEBUG, "a host failed", "why", failure->by_host ? NULL : failure->reply,
	         "status", failure->status, NULL);
	if (d->reused) {
		d->reused =
		    false; /* it says nothing of the hosts: from the start, with a connection of its own */
	} else if (failure->stage == CLIENT_SECURING && !d->plain) {
		d->plain = true;
	} else {
		d->any_temporary |= !failure->permanent;
		d->failure = (struct result){
			.status = arena_strdup(d->arena, failure->status),
			.reply = arena_strdup(d->arena, failure->reply),
			.by_host = failure->by_host,
		};
		d->plain = false;
		d->target++;
	}
	if (!d->working)
		connect_next(d);
}

static const struct client_handler handler = { on_ready, on_sent, on_failed };

/* ---- targets ---- */

static const struct sockaddr *source_for(const struct mta *mta, const union route_address *target)
{
	const union route_address *source =
	    target->any.sa_family == AF_INET ? &mta->source_v4 : &mta->source_v6;

	return source->any.sa_family == AF_UNSPEC ? NULL : &source->any;
}

static void connect_to(struct delivery *d, const struct target *target)
{
	struct mta *mta = d->mta;
	const struct client_conf conf = {
		.loop = mta->daemon->loop,
		.pool = mta->daemon->pool,
		.stack = mta->daemon->stack,
		.tls = d->plain || !mta_conf.tls ? NULL : mta->tls,
		.helo = mta->helo,
		.host = target->host,
		.address = &target->address.any,
		.source = source_for(mta, &target->address),
		.connect_timeout = mta_conf.connect_timeout,
		.command_timeout = mta_conf.command_timeout,
		.data_timeout = mta_conf.data_timeout,
		.recipients_max = (size_t)mta_conf.recipients_per_message,
	};

	d->phase = PHASE_CONNECT;
	d->client = client_new(&conf, &handler, d);
}

static void connect_next(struct delivery *d)
{
	if (!d->route.targets)
		send_start(d); /* it had come in by a connection of another's */
	else if (d->target < d->route.n && d->target < (size_t)mta_conf.hosts_max && !d->lost)
		connect_to(d, &d->route.targets[d->target]);
	else
		give_up(d, d->failure.status, d->failure.reply, d->failure.by_host);
}

static void on_route(void *arg, const struct route *route)
{
	struct delivery *d = arg;

	d->routing = NULL;
	d->route = *route;
	d->target = 0;
	if (route->n)
		connect_next(d);
	else
		finish_without_route(d);
}

/* ---- from outside ---- */

static void make_sending(struct delivery *d)
{
	const struct envelope_out *envelope = &d->envelope;

	d->sending = (struct sending){
		.from = envelope->from,
		.envid = envelope->envid,
		.ret_headers = envelope->ret_headers,
		.smtputf8 = envelope->smtputf8,
		.to = arena_array(d->arena, struct sent_to, envelope->n),
		.arena = d->arena,
	};
	d->indexes = arena_array(d->arena, size_t, envelope->n);
	for (size_t i = 0; i < envelope->n; i++) {
		const struct outgoing_recipient *rcpt = &envelope->recipients[i];

		if (rcpt->state != RCPT_WAITING)
			continue;
		d->indexes[d->sending.n] = i;
		d->sending.to[d->sending.n++] = (struct sent_to){
			.address = rcpt->address,
			.orcpt = rcpt->orcpt,
			.notify = rcpt->notify,
		};
	}
}

void send_start(struct delivery *d)
{
	if (!d->sending.to)
		make_sending(d);
	if (d->client) {
		load(d);
		return;
	}
	d->phase = PHASE_ROUTE;
	d->routing = route_find(&d->mta->route_conf, d->domain, d->arena, on_route, d);
}

void send_cancel(struct delivery *d)
{
	route_cancel(d->routing);
	d->routing = NULL;
	if (d->client)
		client_quit(d->client);
	d->client = NULL;
}
