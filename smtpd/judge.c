/*
 * One message's judging (judge.h).
 *
 * 1. Everything of it lives in the request's arena, but for the timer.
 * 2. `asked` questions are out while it waits; the checks run only when all are answered or the time is up.
 * 3. The timer is what starts it (0 ms), then its deadline, then, when cancelled, what ends it.
 *
 * States: BEGUN -> ASKING <-> (checks) -> VERIFYING -> ASKING <-> (checks) -> gone;
 * CANCELLED from each, and gone at the next turn of the loop or when the job returns.
 */
#include "judge.h"

#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/list.h"
#include "loop/job.h"
#include "loop/timer.h"

enum {
	DEADLINE_MS = 20000,
	ROUNDS_MAX = 40,           /* SPF alone may want a dozen, one after the other */
	BODY_ON_LOOP = 100 * 1024, /* hashing that takes less than a millisecond */
	HEADERS_MAX = 64 * 1024,
};

struct judge {
	struct loop *loop;
	struct dns *dns;
	struct dkim_verifier *verifier;
	struct suffixes *suffixes;
	char *authserv_id;
	int64_t deadline_ms;
	bool enforce, defer;
	unsigned under_way;
};

enum state { BEGUN, ASKING, VERIFYING, CANCELLED };

struct judging {
	struct judge *judge;
	struct arena *arena;
	struct pool *pool;
	struct judge_handler handler;
	void *arg;
	struct spf_input input;
	struct answers answers;
	struct dkim_check dkim;
	struct dmarc_author author;
	struct spf_outcome helo, mail_from;
	bool helo_known, mail_from_known, verified, too_busy;
	enum state state;
	struct list asked;
	unsigned rounds;
	struct timer *timer;
	struct job job;
};

struct asked {
	struct list node;
	struct judging *judging;
	struct question *question;
	struct dns_query *query;
};

static void proceed(struct judging *);

const char *judge_verdict_name(enum judge_verdict verdict)
{
	static const char *const names[] = { [JUDGE_ACCEPT] = "accept",
		                             [JUDGE_JUNK] = "junk",
		                             [JUDGE_REJECT] = "reject",
		                             [JUDGE_TEMP] = "temp" };

	return names[verdict];
}

struct judge *judge_new(struct loop *loop, struct dns *dns, const struct judge_conf *conf)
{
	struct judge *judge = xzalloc(sizeof(*judge));

	dmarc_library_start();
	judge->loop = loop;
	judge->dns = dns;
	judge->verifier = dkim_verifier_new();
	judge->suffixes = suffixes_new();
	judge->authserv_id = xstrdup(conf->authserv_id);
	judge->deadline_ms = conf->deadline_ms > 0 ? conf->deadline_ms : DEADLINE_MS;
	judge->enforce = conf->enforce;
	judge->defer = conf->defer;
	return judge;
}

void judge_free(struct judge *judge)
{
	if (!judge)
		return;
	assert(judge->under_way == 0);
	dkim_verifier_free(judge->verifier);
	suffixes_free(judge->suffixes);
	free(judge->authserv_id);
	free(judge);
}

/* What DMARC leaves open: a sender that the domain's own list does not name, and no signature either. */
static bool spf_fails_alone(const struct judging *judging)
{
	if (judging->mail_from.result != AUTHRES_FAIL)
		return false;
	for (size_t i = 0; i < judging->dkim.n; i++) {
		if (judging->dkim.signatures[i].result == AUTHRES_PASS)
			return false;
	}
	return true;
}

static enum judge_verdict verdict_of_failure(const struct judge *judge, enum dmarc_policy policy)
{
	if (policy == DMARC_REJECT)
		return judge->enforce ? JUDGE_REJECT : JUDGE_JUNK;
	return policy == DMARC_QUARANTINE ? JUDGE_JUNK : JUDGE_ACCEPT;
}

static void decide(const struct judging *judging, struct judgement *ret)
{
	const struct judge *judge = judging->judge;

	ret->verdict = JUDGE_ACCEPT;
	ret->why = ret->dmarc.why;
	switch (ret->dmarc.result) {
	case AUTHRES_PASS:
		return;
	case AUTHRES_FAIL:
		ret->verdict = verdict_of_failure(judge, ret->dmarc.policy);
		ret->why = arena_printf(judging->arena, "%s (its policy is %s)", ret->dmarc.why,
		                        dmarc_policy_name(ret->dmarc.policy));
		break;
	case AUTHRES_PERMERROR: /* several From fields are there to show one and to prove another */
		ret->verdict = judge->enforce && judging->author.fields > 1 ? JUDGE_REJECT : JUDGE_JUNK;
		return;
	case AUTHRES_TEMPERROR:
		ret->verdict = judge->defer ? JUDGE_TEMP : JUDGE_ACCEPT;
		break;
	default:
		break;
	}
	if (judging->too_busy) {
		ret->verdict = JUDGE_TEMP;
		ret->why = "too busy to verify the signatures";
	} else if (ret->verdict == JUDGE_ACCEPT && spf_fails_alone(judging)) {
		ret->verdict = JUDGE_JUNK;
		ret->why = judging->mail_from.why;
	}
}

/* Said where something is wrong; a pass and the want of a record speak for themselves. */
static const char *reason(enum authres result, const char *why)
{
	return result == AUTHRES_PASS || result == AUTHRES_NONE ? "" : why;
}

static void add_spf(struct field_writer *writer, const struct judging *judging,
                    const struct spf_outcome *outcome)
{
	bool helo = strcmp(outcome->identity, "helo") == 0;
	const struct auth_prop prop = { helo ? "smtp.helo" : "smtp.mailfrom",
		                        helo ? slice_str(judging->input.helo) : judging->input.mail_from };

	auth_results_method(writer, judging->arena, "spf", outcome->result,
	                    reason(outcome->result, outcome->why), &prop, 1);
}

static struct slice unless_empty(const char *text)
{
	return *text ? slice_str(text) : slice_of(NULL, 0);
}

static void add_dkim(struct field_writer *writer, const struct judging *judging)
{
	if (judging->dkim.n == 0)
		auth_results_method(writer, judging->arena, "dkim", AUTHRES_NONE, "", NULL, 0);
	for (size_t i = 0; i < judging->dkim.n; i++) {
		const struct dkim_signature *signature = &judging->dkim.signatures[i];
		const struct auth_prop props[] = {
			{ "header.d", unless_empty(signature->tags.domain) },
			{ "header.s", unless_empty(signature->tags.selector) },
			{ "header.a", unless_empty(signature->tags.algorithm) },
			{ "header.b", unless_empty(signature->tags.b) },
		};

		auth_results_method(writer, judging->arena, "dkim", signature->result, signature->why, props,
		                    ARRAY_LEN(props));
	}
}

static void add_dmarc(struct field_writer *writer, const struct judging *judging,
                      const struct dmarc_outcome *dmarc)
{
	const struct auth_prop props[] = {
		{ "policy.dmarc",
		  *dmarc->policy_domain ? slice_str(dmarc_policy_name(dmarc->policy)) : slice_of(NULL, 0) },
		{ "header.from", unless_empty(dmarc->author) },
	};

	auth_results_method(writer, judging->arena, "dmarc", dmarc->result, reason(dmarc->result, dmarc->why),
	                    props, ARRAY_LEN(props));
}

static struct slice write_headers(struct judging *judging, const struct judgement *judgement)
{
	const char *id = judging->judge->authserv_id;
	struct field_writer writer;
	struct slice text;
	struct buf out;

	buf_init(&out, HEADERS_MAX);
	field_start(&writer, &out, "Authentication-Results");
	auth_results_id(&writer, judging->arena, id);
	add_spf(&writer, judging, &judgement->mail_from);
	if (judging->input.mail_from.len > 0 && judgement->helo.result != AUTHRES_NONE)
		add_spf(&writer, judging, &judgement->helo);
	add_dkim(&writer, judging);
	add_dmarc(&writer, judging, &judgement->dmarc);
	auth_results_end(&writer, 3);
	spf_received_field(&out, judging->arena, &judging->input, &judgement->mail_from, id);
	assert(!out.overflow); /* eight signatures of bounded values are far below the limit */
	text = arena_copy(judging->arena, buf_slice(&out));
	buf_done(&out);
	return text;
}

/* The last thing done: the handler may free the arena, and us with it. */
static void finish(struct judging *judging, const struct dmarc_outcome *dmarc)
{
	struct judgement *judgement = arena_make(judging->arena, struct judgement);

	judgement->helo = judging->helo;
	judgement->mail_from = judging->mail_from;
	judgement->dkim = &judging->dkim;
	judgement->dmarc = *dmarc;
	decide(judging, judgement);
	judgement->headers = write_headers(judging, judgement);
	timer_free(judging->timer);
	judging->judge->under_way--;
	judging->handler.on_judged(judging->arg, judgement);
}

static void on_verify_run(struct job *job, void *worker)
{
	struct judging *judging = container_of(job, struct judging, job);

	(void)worker;
	dkim_check_verify(&judging->dkim, judging->judge->verifier);
}

static void on_verified(struct job *job)
{
	struct judging *judging = container_of(job, struct judging, job);

	judging->verified = true;
	judging->state = ASKING;
	proceed(judging);
}

static void drop(struct judging *judging)
{
	timer_free(judging->timer);
	judging->judge->under_way--;
	judging->handler.on_dropped(judging->arg);
}

static void on_verify_dropped(struct job *job)
{
	drop(container_of(job, struct judging, job));
}

/* False: it is on its way on a worker. */
static bool verify(struct judging *judging)
{
	if (judging->pool && judging->dkim.message.len > BODY_ON_LOOP && dkim_check_is_open(&judging->dkim)) {
		judging->job =
		    (struct job){ .run = on_verify_run, .done = on_verified, .drop = on_verify_dropped };
		judging->state = VERIFYING;
		if (job_start(judging->pool, &judging->job))
			return false;
		judging->state = ASKING;
		judging->too_busy = true;
		dkim_check_give_up(&judging->dkim, "too busy");
	}
	dkim_check_verify(&judging->dkim, judging->judge->verifier);
	judging->verified = true;
	return true;
}

static void on_answer(void *arg, const struct dns_answer *answer)
{
	struct asked *asked = arg;
	struct judging *judging = asked->judging;

	list_del(&asked->node);
	answers_put(asked->question, answer);
	if (list_empty(&judging->asked))
		proceed(judging);
}

static void ask_missing(struct judging *judging)
{
	struct question *question = answers_take_missing(&judging->answers);

	assert(question); /* a check that misses something has noted what */
	while (question) {
		struct question *next = question->next_missing;
		struct asked *asked = arena_make(judging->arena, struct asked);

		question->next_missing = NULL;
		asked->judging = judging;
		asked->question = question;
		list_add_tail(&judging->asked, &asked->node);
		asked->query =
		    dns_resolve(judging->judge->dns, question->name, question->type, on_answer, asked);
		question = next;
	}
}

static void stop_asking(struct judging *judging)
{
	list_each (&judging->asked, node) {
		struct asked *asked = list_item(node, struct asked, node);

		list_del(&asked->node);
		dns_cancel(asked->query);
	}
}

/* What needs no verified signature. False: something is missing. */
static bool check_senders(struct judging *judging)
{
	struct answers *answers = &judging->answers;
	bool keys = dkim_check_keys(&judging->dkim, answers);

	dmarc_expect(answers, judging->judge->suffixes, &judging->author);
	if (!judging->helo_known)
		judging->helo_known =
		    spf_check_helo(answers, &judging->input, judging->arena, &judging->helo);
	if (!judging->mail_from_known)
		judging->mail_from_known =
		    spf_check_mail_from(answers, &judging->input, judging->arena, &judging->mail_from);
	return keys && judging->helo_known && judging->mail_from_known;
}

/* Runs what can run; then asks for what is missing, or ends it. */
static void proceed(struct judging *judging)
{
	struct dmarc_outcome dmarc;

	if (++judging->rounds > ROUNDS_MAX)
		answers_close(&judging->answers);
	if (!check_senders(judging)) {
		ask_missing(judging);
		return;
	}
	if (!judging->verified && !verify(judging))
		return;
	if (!dmarc_check(&judging->answers, judging->judge->suffixes, &judging->author, &judging->mail_from,
	                 &judging->dkim, judging->arena, &dmarc)) {
		ask_missing(judging);
		return;
	}
	finish(judging, &dmarc);
}

static void on_timer(void *arg)
{
	struct judging *judging = arg;

	switch (judging->state) {
	case BEGUN:
		judging->state = ASKING;
		timer_start(judging->timer, judging->judge->deadline_ms);
		proceed(judging);
		break;
	case ASKING: /* the time is up */
		stop_asking(judging);
		answers_close(&judging->answers);
		proceed(judging);
		break;
	case VERIFYING: /* the worker ends by itself; what is missing after it is not waited for */
		answers_close(&judging->answers);
		break;
	case CANCELLED:
		drop(judging);
		break;
	}
}

static const struct dns_answer *known_answer(void *dns, const char *name, enum dns_type type)
{
	return dns_known(dns, name, type);
}

struct judging *judge_start(struct judge *judge, const struct judge_request *request,
                            const struct judge_handler *handler, void *arg)
{
	struct arena *arena = request->arena;
	struct judging *judging = arena_make(arena, struct judging);

	judging->judge = judge;
	judging->arena = arena;
	judging->pool = request->pool;
	judging->handler = *handler;
	judging->arg = arg;
	judging->input = (struct spf_input){
		.ip = arena_strdup(arena, request->client_ip),
		.helo = arena_strdup(arena, request->helo),
		.mail_from = arena_copy(arena, request->mail_from),
	};
	list_init(&judging->asked);
	answers_init(&judging->answers, arena, known_answer, judge->dns);
	dkim_check_read(&judging->dkim, request->message, arena);
	dmarc_read_author(request->message, arena, &judging->author);
	judging->timer = timer_new(judge->loop, on_timer, judging);
	timer_start(judging->timer, 0);
	judge->under_way++;
	return judging;
}

void judge_cancel(struct judging *judging)
{
	bool verifying = judging->state == VERIFYING;

	stop_asking(judging);
	judging->state = CANCELLED;
	if (verifying) {
		timer_stop(judging->timer);
		job_drop(&judging->job);
	} else {
		timer_start(judging->timer, 0);
	}
}
