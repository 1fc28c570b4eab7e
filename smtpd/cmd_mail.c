/* MAIL (RFC 5321 4.1.1.2): begins a transaction. On submission the sender must be one of the account's addresses. */
#include "route.h"
#include "smtp/params.h"
#include "verbs.h"

struct sender_check {
	struct job job;
	struct session *session;
	struct stack *stack;
	struct transaction *tx;
	bool allowed;
	enum fault fault;
	struct why why;
};

static void drop_transaction(struct session *s)
{
	transaction_free(s->smtpd, s->tx);
	s->tx = NULL;
}

static void accept_sender(struct session *s)
{
	reply(s, 250, "2.1.0", "Sender fine");
}

static void refuse_sender(struct session *s)
{
	const char *from = arena_strdup(s->tx->arena, s->tx->from_text);

	reply(s, 553, "5.7.1", "<%s> is no address of %s", from, s->login);
	drop_transaction(s);
}

static void run(struct job *job, void *worker)
{
	struct sender_check *check = container_of(job, struct sender_check, job);

	(void)worker;
	check->fault = route_may_send_as(check->stack, &check->session->account.account, &check->tx->from,
	                                 check->tx->arena, &check->allowed, &check->why);
}

static void on_checked(struct job *job)
{
	struct sender_check *check = container_of(job, struct sender_check, job);
	struct session *s = check->session;

	if (!session_resume(s))
		return;
	if (check->fault) {
		reply_fault(s, check->fault, &check->why, "the sender could not be checked");
		drop_transaction(s);
	} else if (check->allowed) {
		accept_sender(s);
	} else {
		refuse_sender(s);
	}
	session_read(s);
}

static void check_sender(struct session *s)
{
	struct sender_check *check = arena_make(s->tx->arena, struct sender_check);

	*check = (struct sender_check){
		.job = { .run = run, .done = on_checked, .drop = on_checked },
		.session = s,
		.stack = s->smtpd->daemon->stack,
		.tx = s->tx,
	};
	session_wait(s);
	if (!job_start(s->smtpd->daemon->pool, &check->job)) {
		s->busy--;
		reply(s, 451, "4.3.2", "Too busy, try again");
		drop_transaction(s);
	}
}

/* The envelope's sender into a new transaction; false: replied. */
static bool begin(struct session *s, struct slice args)
{
	const int64_t max = s->smtpd->daemon->suite->message_max;
	struct transaction *tx = s->tx = transaction_new();
	struct smtp_path_args path;
	struct why why;
	enum fault fault;

	args = arena_copy(tx->arena, args); /* the parser's slices point into it, and the line goes */
	fault = smtp_mail_args(tx->arena, args, &path, &why);
	if (fault) {
		reply(s, 501, "5.1.7", "%s", why.text);
		return false;
	}
	fault = smtp_mail_params(tx->arena, &path, smtp_extensions(s), &tx->params, &why);
	if (fault) {
		reply(s, fault == FAULT_UNSUPPORTED ? 555 : 501, "5.5.4", "%s", why.text);
		return false;
	}
	if (tx->params.has_size && tx->params.size > (uint64_t)max) {
		reply(s, 552, "5.3.4", "Larger than %lld bytes", (long long)max);
		return false;
	}
	tx->null_sender = path.path.null;
	tx->from = path.path.address;
	if (!tx->null_sender)
		tx->from_text = arena_strz(tx->arena, address_text(tx->arena, &tx->from));
	return true;
}

void cmd_mail(struct session *s, struct slice args)
{
	if (!begin(s, args)) {
		drop_transaction(s);
		return;
	}
	if (!session_is_submission(s) || s->tx->null_sender ||
	    slice_is(slice_str(s->tx->from_text), s->login))
		accept_sender(s);
	else
		check_sender(s);
}
