/* RCPT (RFC 5321 4.1.1.3): whatever can be refused is refused here, before the message (P6). */
#include "base/metrics.h"
#include "route.h"
#include "smtp/params.h"
#include "verbs.h"

struct rcpt { /* in an arena of its own: what looking up leaves behind goes with the answer */
	struct job job;
	struct session *session;
	struct arena *arena;
	struct address address;
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
	[ROUTE_LOOP] = { 550, "5.4.6", "The alias leads in a circle" },
	[ROUTE_TOO_MANY] = { 452, "4.5.3", "Too many recipients, send the rest in another transaction" },
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

static void keep(struct transaction *tx, const struct recipient *found, const char *orcpt)
{
	struct recipient *kept = arena_make(tx->arena, struct recipient);

	*kept = *found;
	kept->address = arena_strdup(tx->arena, found->address);
	kept->orcpt = orcpt;
	kept->next = NULL;
	*tx->last = kept;
	tx->last = &kept->next;
	tx->n_recipients++;
}

/* Each account and each address once, however many aliases lead to it. */
static void take(struct transaction *tx, const struct rcpt *rcpt)
{
	const char *orcpt = NULL;

	for (const struct recipient *r = rcpt->route.first; r; r = r->next) {
		if (is_there(tx, r))
			continue;
		if (!orcpt)
			orcpt = arena_strz(tx->arena, address_text(rcpt->arena, &rcpt->address));
		keep(tx, r, orcpt);
	}
	tx->n_rcpt++;
}

static void run(struct job *job, void *worker)
{
	struct rcpt *rcpt = container_of(job, struct rcpt, job);

	(void)worker;
	rcpt->fault = route_recipient(&rcpt->route, &rcpt->address, &rcpt->result, &rcpt->why);
}

static void answer(struct session *s, const struct rcpt *rcpt)
{
	if (rcpt->fault) {
		reply_fault(s, rcpt->fault, &rcpt->why, "a recipient could not be looked up");
		return;
	}
	if (rcpt->result == ROUTE_OK)
		take(s->tx, rcpt);
	else
		metric_inc(&metric_refused);
	if (rcpt->result == ROUTE_TOO_MANY && s->tx->n_recipients == 0) /* no transaction is large enough */
		reply(s, 550, "5.5.3", "The alias leads to too many");
	else
		reply(s, replies[rcpt->result].code, replies[rcpt->result].status, "%s",
		      replies[rcpt->result].text);
}

static void on_routed(struct job *job)
{
	struct rcpt *rcpt = container_of(job, struct rcpt, job);
	struct session *s = rcpt->session;

	if (session_resume(s)) {
		answer(s, rcpt);
		session_read(s);
	}
	arena_free(rcpt->arena);
}

/* ---- the command ---- */

/* RFC 5321 4.5.1: <Postmaster> without a domain is always somebody. */
static enum fault postmaster(struct session *s, struct arena *arena, struct address *ret, struct why *why)
{
	const char *text = smtpd_conf.postmaster;

	if (!text[0])
		text = arena_printf(arena, "postmaster@%s", s->smtpd->daemon->suite->hostname);
	return address_parse(arena, slice_str(text), ret, why);
}

/* False: replied. */
static bool parse(struct session *s, struct slice args, struct rcpt *rcpt)
{
	struct smtp_path_args path;
	struct smtp_rcpt_params params;
	struct why why;
	enum fault fault;

	args = arena_copy(rcpt->arena, args); /* the parser's slices point into it, and the line goes */
	fault = smtp_rcpt_args(rcpt->arena, args, &path, &why);
	if (fault) {
		reply(s, 501, "5.1.3", "%s", why.text);
		return false;
	}
	fault =
	    smtp_rcpt_params(rcpt->arena, &path, smtp_extensions(s), s->tx->params.smtputf8, &params, &why);
	if (fault) {
		reply(s, fault == FAULT_UNSUPPORTED ? 555 : 501, "5.5.4", "%s", why.text);
		return false;
	}
	rcpt->address = path.path.address;
	if (path.path.postmaster && postmaster(s, rcpt->arena, &rcpt->address, &why)) {
		reply(s, 550, "5.1.1", "No such recipient here");
		return false;
	}
	return true;
}

static void start(struct session *s, struct rcpt *rcpt)
{
	rcpt->job = (struct job){ .run = run, .done = on_routed, .drop = on_routed };
	rcpt->session = s;
	rcpt->route = (struct route){
		.stack = s->smtpd->daemon->stack,
		.usage = s->smtpd->usage,
		.may_relay = s->login != NULL,
		.room = (size_t)smtpd_conf.recipients_max - s->tx->n_recipients,
		.arena = rcpt->arena,
	};
	session_wait(s);
	if (job_start(s->smtpd->daemon->pool, &rcpt->job))
		return;
	s->busy--;
	reply(s, 451, "4.3.2", "Too busy, try again");
	arena_free(rcpt->arena);
}

void cmd_rcpt(struct session *s, struct slice args)
{
	struct arena *arena;
	struct rcpt *rcpt;

	if (s->tx->n_recipients >= (size_t)smtpd_conf.recipients_max) {
		reply(s, 452, "4.5.3", "Too many recipients, send the rest in another transaction");
		return;
	}
	arena = arena_new();
	rcpt = arena_make(arena, struct rcpt);
	rcpt->arena = arena;
	if (parse(s, args, rcpt))
		start(s, rcpt);
	else
		arena_free(arena);
}
