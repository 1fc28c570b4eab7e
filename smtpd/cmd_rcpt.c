/* RCPT (RFC 5321 4.1.1.3): whatever can be refused is refused here, before the message (P6). */
#include "base/metrics.h"
#include "route.h"
#include "smtp/params.h"
#include "verbs.h"

struct rcpt {
	struct job job;
	struct session *session;
	struct address address;
	const char *orcpt;
	struct route route;
	enum route_result result;
	enum fault fault;
	struct why why;
};

static const struct {
	int code;
	const char *status, *text;
} replies[] = {
	[ROUTE_OK] = { 250, "2.1.5", "Recipient fine" },
	[ROUTE_UNKNOWN] = { 550, "5.1.1", "No such recipient here" },
	[ROUTE_RELAY] = { 550, "5.7.1", "Not a domain of ours; log in on the submission port to send out" },
	[ROUTE_SUSPENDED] = { 550, "5.2.1", "This account takes no mail now" },
	[ROUTE_FULL] = { 452, "4.2.2", "The mailbox is full" },
	[ROUTE_LOOP] = { 550, "5.4.6", "The alias leads in a circle or to too many" },
};

static struct metric metric_refused = { .kind = METRIC_COUNTER,
	                                .name = "posthouse_smtpd_recipients_refused_total",
	                                .help = "recipients refused" };

/* ---- taking what was found ---- */

static bool is_there(const struct transaction *tx, const struct recipient *recipient)
{
	for (const struct recipient *r = tx->recipients; r; r = r->next) {
		if (r->local == recipient->local && (r->local ? id_eq(&r->account, &recipient->account)
		                                              : strcmp(r->address, recipient->address) == 0))
			return true;
	}
	return false;
}

/* Each account and each address once, however many aliases lead to it. */
static void take(struct transaction *tx, const struct rcpt *rcpt)
{
	struct recipient *next;

	for (struct recipient *r = rcpt->route.first; r; r = next) {
		next = r->next;
		if (is_there(tx, r))
			continue;
		r->orcpt = rcpt->orcpt;
		r->next = NULL;
		*tx->last = r;
		tx->last = &r->next;
		tx->n_recipients++;
	}
	tx->n_rcpt++;
}

static void run(struct job *job, void *worker)
{
	struct rcpt *rcpt = container_of(job, struct rcpt, job);

	(void)worker;
	rcpt->fault = route_recipient(&rcpt->route, &rcpt->address, &rcpt->result, &rcpt->why);
}

static void on_routed(struct job *job)
{
	struct rcpt *rcpt = container_of(job, struct rcpt, job);
	struct session *s = rcpt->session;

	if (!session_resume(s))
		return;
	if (rcpt->fault) {
		reply_fault(s, rcpt->fault, &rcpt->why, "a recipient could not be looked up");
	} else {
		if (rcpt->result == ROUTE_OK)
			take(s->tx, rcpt);
		else
			metric_inc(&metric_refused);
		reply(s, replies[rcpt->result].code, replies[rcpt->result].status, "%s",
		      replies[rcpt->result].text);
	}
	session_read(s);
}

/* ---- the command ---- */

/* RFC 5321 4.5.1: <Postmaster> without a domain is always somebody. */
static enum fault postmaster(struct session *s, struct address *ret, struct why *why)
{
	const char *text = smtpd_conf.postmaster;

	if (!text[0])
		text = arena_printf(s->tx->arena, "postmaster@%s", s->smtpd->daemon->suite->hostname);
	return address_parse(s->tx->arena, slice_str(text), ret, why);
}

static bool parse(struct session *s, struct slice args, struct rcpt *rcpt)
{
	struct transaction *tx = s->tx;
	struct smtp_path_args path;
	struct smtp_rcpt_params params;
	struct why why;
	enum fault fault = smtp_rcpt_args(tx->arena, args, &path, &why);

	if (fault) {
		reply(s, 501, "5.1.3", "%s", why.text);
		return false;
	}
	fault = smtp_rcpt_params(tx->arena, &path, smtp_extensions(s), tx->params.smtputf8, &params, &why);
	if (fault) {
		reply(s, fault == FAULT_UNSUPPORTED ? 555 : 501, "5.5.4", "%s", why.text);
		return false;
	}
	if (!path.path.postmaster) {
		rcpt->address = transaction_keep(tx, &path.path.address);
	} else if (postmaster(s, &rcpt->address, &why)) {
		reply(s, 550, "5.1.1", "No such recipient here");
		return false;
	}
	rcpt->orcpt = arena_strz(tx->arena, address_text(tx->arena, &rcpt->address));
	return true;
}

void cmd_rcpt(struct session *s, struct slice args)
{
	struct transaction *tx = s->tx;
	struct rcpt *rcpt = arena_make(tx->arena, struct rcpt);

	if (tx->n_recipients >= (size_t)smtpd_conf.recipients_max) {
		reply(s, 452, "4.5.3", "Too many recipients, send the rest in another transaction");
		return;
	}
	if (!parse(s, args, rcpt))
		return;
	rcpt->job = (struct job){ .run = run, .done = on_routed, .drop = on_routed };
	rcpt->session = s;
	rcpt->route = (struct route){
		.stack = s->smtpd->daemon->stack,
		.usage = s->smtpd->usage,
		.may_relay = s->login != NULL,
		.room = (size_t)smtpd_conf.recipients_max - tx->n_recipients,
		.arena = tx->arena,
	};
	session_wait(s);
	if (!job_start(s->smtpd->daemon->pool, &rcpt->job)) {
		s->busy--;
		reply(s, 451, "4.3.2", "Too busy, try again");
	}
}
