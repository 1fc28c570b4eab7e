/*
 * The timeline (timeline.h): notes, and how they get to the store.
 *
 * A note is the events of one message that came together: one record, under trace "-" time "-" chance, in clear, so that
 * those of a trace stand together in order of time. Its value:
 *   version(1) | generation(1) | batch key in a sealed box(80) | JSON under the batch key (crypt/seal.h)
 * A batch has one key, since a sealed box is dear. A note is sealed once: written again after a lost answer, it is the same.
 *
 * Invariants
 *   1. `lock` guards what waits; the batch that is being written, and all else, are the loop's and its job's.
 *   2. A note is in `waiting` or in `batch`, and gone once it is written or gives way.
 */
#include "suite/timeline.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/utf8.h"
#include "crypt/seal.h"
#include "loop/timer.h"
#include "store/record.h"
#include "suite/directory.h"
#include "suite/json.h"
#include "suite/outgoing.h"

#define NOTES_MAX   20000
#define BYTES_MAX   (16 * 1024 * 1024)
#define EVENTS_MAX  100 /* of one note, so that it always fits a record; more make further ones */
#define BATCH_NOTES 200 /* others wait behind it: a few milliseconds on SQLite */
#define BATCH_BYTES (2 * 1024 * 1024)
#define TICK_MS     500
#define WAIT_MAX_MS 10000
#define TRACE_MAX   64

struct note {
	struct list node;
	int64_t at;
	struct buf text; /* JSON; once it is sealed, the record's value */
	bool sealed;
	char key[TRACE_MAX + 32];
};

struct timeline {
	struct stack *stack;
	struct pool *pool;
	struct timer *timer;
	char *node;
	pthread_mutex_t lock;
	struct list waiting; /* oldest first */
	size_t n, bytes;
	int64_t lost, told; /* notes that gave way; how many of them the log has */
	struct job job;
	bool writing;
	struct list batch;
	int64_t wait, not_before; /* while the store is away */
	enum fault fault;
	struct why why;
};

static const struct actor delivery = { .kind = ACTOR_DELIVERY }, admin = { .kind = ACTOR_ADMIN };

static struct metric metric_written = { .kind = METRIC_COUNTER,
	                                .name = "posthouse_timeline_written_total",
	                                .help = "notes on messages that were written" };
static struct metric metric_lost = { .kind = METRIC_COUNTER,
	                             .name = "posthouse_timeline_lost_total",
	                             .help = "notes on messages that gave way to newer ones" };

/* ---- a note ---- */

static json_t *text_json(const char *text)
{
	struct slice raw = slice_str(text ? text : "");
	struct buf clean;
	json_t *json = json_stringn((const char *)raw.data, raw.len);

	if (json)
		return json;
	buf_init(&clean, BUF_NO_LIMIT); /* what a peer said need not be UTF-8 */
	utf8_add_lossy(&clean, raw);
	json = json_stringn((const char *)clean.data, clean.len);
	buf_done(&clean);
	return json;
}

static json_t *event_json(const struct timeline_event *event)
{
	return json_pack("{s:s,s:o,s:o,s:o,s:o,s:I}", "kind", timeline_kind_name(event->kind), "address",
	                 text_json(event->address), "where", text_json(event->where), "status",
	                 text_json(event->status), "text", text_json(event->text), "next",
	                 (json_int_t)event->next);
}

static struct note *note_new(const char *node, const char *trace, int64_t at,
                             const struct timeline_event *events, size_t n)
{
	static _Atomic uint16_t sequence; /* keeps the order of what one process notes at one time */
	struct arena *arena = arena_new();
	struct note *note = xzalloc(sizeof(*note));
	json_t *list = json_array();
	struct id chance = id_new();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, event_json(&events[i]));
	list_init(&note->node);
	note->at = at ? at : clock_now();
	snprintf(note->key, sizeof(note->key), "%.*s-%012llx-%04x%.8s", TRACE_MAX, trace,
	         (unsigned long long)note->at, sequence++, id_print(&chance).text);
	buf_init(&note->text, BUF_NO_LIMIT);
	buf_add_slice(&note->text,
	              json_write(json_pack("{s:s,s:I,s:o,s:o}", "key", note->key, "at", (json_int_t)note->at,
	                                   "node", text_json(node), "events", list),
	                         arena));
	arena_free(arena);
	return note;
}

static void note_free(struct note *note)
{
	list_del(&note->node);
	secret_wipe(note->text.data, note->text.len);
	buf_done(&note->text);
	free(note);
}

static void notes_free(struct list *notes)
{
	while (!list_empty(notes))
		note_free(list_item(notes->next, struct note, node));
}

/* ---- writing ---- */

static bool note_seal(struct note *note, const struct content_key *key, const struct wrapped_key *wrapped)
{
	struct buf sealed;
	bool whole;

	if (note->sealed)
		return true;
	buf_init(&sealed, BUF_NO_LIMIT);
	buf_add_u8(&sealed, TIMELINE_VERSION);
	buf_add_u8(&sealed, wrapped->generation);
	buf_add(&sealed, wrapped->raw, WRAPPED_BOX_SIZE);
	whole = seal_small(key, SEAL_TIMELINE, buf_slice(&note->text), &sealed);
	secret_wipe(note->text.data, note->text.len);
	buf_done(&note->text);
	note->text = sealed;
	note->sealed = true;
	return whole;
}

static enum fault seal_notes(struct stack *stack, struct list *notes, struct why *why)
{
	struct account_public public;
	struct wrapped_key wrapped;
	struct content_key key;
	uint8_t generation;
	bool whole;
	enum fault fault = timeline_public_key(stack, &public, &generation, why);

	if (fault)
		return fault;
	content_key_new(&key);
	whole = content_key_box(&public, generation, &key, &wrapped);
	list_each (notes, node)
		whole = whole && note_seal(list_item(node, struct note, node), &key, &wrapped);
	secret_wipe(&key, sizeof(key));
	return whole ? FAULT_NONE : fault_set(why, FAULT_CORRUPT, "the timeline's public key is none");
}

static enum fault notes_write(struct stack *stack, const struct actor *actor, struct list *notes,
                              struct why *why)
{
	struct arena *arena = arena_new();
	const struct record *records[BATCH_NOTES];
	size_t n = 0;
	enum fault fault = seal_notes(stack, notes, why);

	list_each (notes, node) {
		const struct note *note = list_item(node, struct note, node);
		struct record *record = arena_make(arena, struct record);

		record->key = slice_str(note->key);
		record->expires = note->at + stack->conf->timeline_keep;
		record->value = buf_slice(&note->text);
		assert(n < BATCH_NOTES);
		records[n++] = record;
	}
	if (!fault)
		fault = record_put_many(stack->store, actor, COLL_TIMELINE, records, n, why);
	if (!fault)
		metric_add(&metric_written, (int64_t)n);
	arena_free(arena);
	return fault;
}

/* ---- what waits ---- */

/* With the lock held. */
static void give_way(struct timeline *t)
{
	while (t->n > NOTES_MAX || t->bytes > BYTES_MAX) {
		struct note *oldest = list_item(t->waiting.next, struct note, node);

		t->n--;
		t->bytes -= oldest->text.len;
		t->lost++;
		metric_inc(&metric_lost);
		note_free(oldest);
	}
}

static void add(struct timeline *t, struct note *note)
{
	pthread_mutex_lock(&t->lock);
	list_add_tail(&t->waiting, &note->node);
	t->n++;
	t->bytes += note->text.len;
	give_way(t);
	pthread_mutex_unlock(&t->lock);
}

void timeline_note(struct timeline *t, const char *trace, int64_t at, const struct timeline_event *events,
                   size_t n)
{
	if (!t || !t->stack->conf->timeline_keep)
		return;
	for (size_t i = 0; i < n; i += EVENTS_MAX)
		add(t, note_new(t->node, trace, at, events + i, MIN_OF(n - i, (size_t)EVENTS_MAX)));
}

/* Some of the oldest become the batch; false: none wait. */
static bool take_batch(struct timeline *t)
{
	size_t n = 0, bytes = 0;

	pthread_mutex_lock(&t->lock);
	while (t->n && n < BATCH_NOTES && bytes < BATCH_BYTES) {
		struct note *note = list_item(t->waiting.next, struct note, node);

		list_del(&note->node);
		list_add_tail(&t->batch, &note->node);
		bytes += note->text.len;
		t->bytes -= note->text.len;
		t->n--;
		n++;
	}
	pthread_mutex_unlock(&t->lock);
	return n > 0;
}

static void return_batch(struct timeline *t)
{
	pthread_mutex_lock(&t->lock);
	while (!list_empty(&t->batch)) {
		struct note *newest = list_item(t->batch.prev, struct note, node);

		list_del(&newest->node);
		list_add_head(&t->waiting, &newest->node);
		t->n++;
		t->bytes += newest->text.len;
	}
	give_way(t);
	pthread_mutex_unlock(&t->lock);
}

/* ---- the job ---- */

static void run(struct job *job, void *worker)
{
	struct timeline *t = container_of(job, struct timeline, job);

	(void)worker;
	t->fault = notes_write(t->stack, &delivery, &t->batch, &t->why);
}

/* A store that is away, or a key that is not made yet, may come. What else fails would fail again. */
static bool may_pass(enum fault fault)
{
	return fault_row(fault)->transient || fault == FAULT_NOT_FOUND;
}

static void write_later(struct timeline *t)
{
	return_batch(t);
	if (!t->wait)
		log_fault(NULL, t->fault, &t->why, "the timeline cannot be written, its notes wait");
	t->wait = t->wait ? MIN_OF(t->wait * 2, (int64_t)WAIT_MAX_MS) : TICK_MS;
	t->not_before = clock_mono_ms() + t->wait;
}

static void start_writing(struct timeline *t);

static void on_written(struct job *job)
{
	struct timeline *t = container_of(job, struct timeline, job);

	t->writing = false;
	if (t->fault && may_pass(t->fault)) {
		write_later(t);
		return;
	}
	if (t->fault)
		log_fault(NULL, t->fault, &t->why, "notes of the timeline are lost");
	t->wait = 0;
	notes_free(&t->batch);
	start_writing(
	    t); /* what came meanwhile need not wait for the next tick: one batch is long enough a wait */
}

static void on_dropped(struct job *job)
{
	struct timeline *t = container_of(job, struct timeline, job);

	t->writing = false;
	return_batch(t);
}

static void start_writing(struct timeline *t)
{
	if (t->writing || !take_batch(t))
		return;
	t->job = (struct job){ .run = run, .done = on_written, .drop = on_dropped };
	t->writing = job_start(t->pool, &t->job);
	if (!t->writing)
		return_batch(t);
}

static void on_tick(void *arg)
{
	struct timeline *t = arg;
	int64_t lost;

	pthread_mutex_lock(&t->lock);
	lost = t->lost;
	pthread_mutex_unlock(&t->lock);
	if (lost != t->told)
		log_line(NULL, LOG_WARN, "the timeline is full, its oldest notes were dropped", "notes",
		         log_num(lost - t->told), NULL);
	t->told = lost;
	if (clock_mono_ms() >= t->not_before)
		start_writing(t);
}

/* ---- life ---- */

struct timeline *timeline_new(const struct daemon *daemon)
{
	struct timeline *t = xzalloc(sizeof(*t));

	t->stack = daemon->stack;
	t->pool = daemon->pool;
	t->node = xstrdup(daemon->node);
	pthread_mutex_init(&t->lock, NULL);
	list_init(&t->waiting);
	list_init(&t->batch);
	metric_register(&metric_lost);
	t->timer = timer_new(daemon->loop, on_tick, t);
	timer_every(t->timer, TICK_MS);
	return t;
}

void timeline_free(struct timeline *t)
{
	enum fault fault = FAULT_NONE;

	if (!t)
		return;
	assert(!t->writing);
	timer_free(t->timer);
	while (!fault && take_batch(t)) {
		fault = notes_write(t->stack, &delivery, &t->batch, &t->why);
		notes_free(&t->batch);
	}
	if (fault)
		log_fault(NULL, fault, &t->why, "the last notes of the timeline are lost");
	notes_free(&t->waiting);
	pthread_mutex_destroy(&t->lock);
	free(t->node);
	free(t);
}

/* ---- an operator's hand ---- */

static void note_all(const struct envelope_out *envelope, enum timeline_kind kind, struct list *notes,
                     struct arena *arena)
{
	struct timeline_event *events = arena_array(arena, struct timeline_event, envelope->n);
	size_t n = 0;

	for (size_t i = 0; i < envelope->n; i++) {
		if (envelope->recipients[i].state == RCPT_WAITING)
			events[n++] = (struct timeline_event){ .kind = kind,
				                               .address = envelope->recipients[i].address };
	}
	for (size_t at = 0; at < n; at += EVENTS_MAX) {
		struct note *note =
		    note_new("operator", envelope->trace, 0, events + at, MIN_OF(n - at, (size_t)EVENTS_MAX));

		list_add_tail(notes, &note->node);
	}
}

enum fault timeline_operated(struct stack *stack, const struct queue_entry *entry, enum timeline_kind kind,
                             struct why *why)
{
	struct arena *arena;
	struct envelope_out envelope;
	struct account_key *key;
	struct list notes;
	enum fault fault;

	if (!stack->conf->timeline_keep)
		return FAULT_NONE;
	fault = queue_private_key(stack, &key, why);
	if (fault)
		return fault;
	list_init(&notes);
	arena = arena_new();
	if (envelope_open(key, entry->state, arena, &envelope, why) == FAULT_NONE) {
		note_all(&envelope, kind, &notes, arena);
		secret_wipe(&envelope.key, sizeof(envelope.key));
	}
	account_key_unref(key);
	if (!list_empty(&notes))
		fault = notes_write(stack, &admin, &notes, why);
	notes_free(&notes);
	arena_free(arena);
	return fault == FAULT_NOT_FOUND ? FAULT_NONE
	                                : fault; /* nobody has made the key yet, so there is no timeline */
}
