/* Pieces of a letter (body.h). */
#include "body.h"

#include <stdlib.h>

struct body {
	struct job job; /* opens the piece at `asked` into `coming` */
	struct stack *stack;
	struct pool *pool;
	struct letter *letter;
	struct message message; /* of the letter's arena, which the reference keeps */
	struct arena *arena;    /* the job's */
	void (*on_piece)(void *arg);
	void *arg;
	bool prefix_given, running, loaded, waited;
	uint64_t asked; /* where the next piece starts */
	struct buf coming, given;
	enum fault fault;
	struct why why;
};

static void really_free(struct body *body)
{
	letter_unref(body->letter);
	arena_free(body->arena);
	buf_done(&body->coming);
	buf_done(&body->given);
	free(body);
}

/* ---- the job ---- */

static void run(struct job *job, void *worker)
{
	static const struct actor actor = { .kind = ACTOR_QUEUE };
	struct body *body = container_of(job, struct body, job);

	(void)worker;
	body->fault = message_read(body->stack, &actor, &body->message, body->asked, LETTER_PIECE,
	                           body->arena, &body->coming, &body->why);
}

static void on_read(struct job *job)
{
	struct body *body = container_of(job, struct body, job);

	body->running = false;
	body->loaded = true;
	if (!body->fault && body->coming.len == 0)
		body->fault = fault_set(&body->why, FAULT_CORRUPT, "the message ends before its size");
	body->asked += body->coming.len;
	if (!body->waited)
		return;
	body->waited = false;
	body->on_piece(body->arg);
}

static void on_drop(struct job *job)
{
	really_free(container_of(job, struct body, job));
}

static void load_next(struct body *body)
{
	buf_clear(&body->coming);
	arena_reset(body->arena);
	body->loaded = false;
	body->running = job_start(body->pool, &body->job);
	if (!body->running)
		body->fault = fault_set(&body->why, FAULT_TEMP, "too many jobs wait");
}

/* ---- the owner's side ---- */

struct body *body_new(struct stack *stack, struct pool *pool, struct letter *letter,
                      void (*on_piece)(void *arg), void *arg)
{
	struct body *body = xzalloc(sizeof(*body));

	body->job = (struct job){ .run = run, .done = on_read, .drop = on_drop };
	body->stack = stack;
	body->pool = pool;
	body->letter = letter_ref(letter);
	body->message = letter->message;
	body->arena = arena_new();
	body->on_piece = on_piece;
	body->arg = arg;
	buf_init(&body->coming, LETTER_PIECE);
	buf_init(&body->given, LETTER_PIECE);
	if (!letter->text.data && letter->message.size)
		load_next(body);
	return body;
}

void body_free(struct body *body)
{
	if (!body)
		return;
	if (body->running)
		job_drop(&body->job);
	else
		really_free(body);
}

/* All of a small message at once. */
static enum body_got next_text(struct body *body, struct slice *ret)
{
	if (body->asked == body->message.size)
		return BODY_END;
	*ret = body->letter->text;
	body->asked = body->message.size;
	return BODY_PIECE;
}

static enum body_got next_loaded(struct body *body, struct slice *ret)
{
	struct buf swap = body->given;

	body->given = body->coming;
	body->coming = swap;
	body->loaded = false;
	*ret = buf_slice(&body->given);
	if (body->asked < body->message.size)
		load_next(body);
	return BODY_PIECE;
}

enum body_got body_next(struct body *body, struct slice *ret, struct why *why)
{
	if (!body->prefix_given && body->letter->prefix.len) {
		body->prefix_given = true;
		*ret = body->letter->prefix;
		return BODY_PIECE;
	}
	if (body->letter->text.data)
		return next_text(body, ret);
	if (body->running) {
		body->waited = true;
		return BODY_WAIT;
	}
	if (body->fault) {
		*why = body->why;
		return BODY_FAULT;
	}
	if (!body->loaded)
		return BODY_END;
	return next_loaded(body, ret);
}
