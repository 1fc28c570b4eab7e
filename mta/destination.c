/* Next hops and their connections (destination.h). */
#include "destination.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "mail/idna.h"
#include "send.h"

#define WAITING_MAX 64    /* of one destination: the others are better off in the queue */
#define CROWDED_MS  15000 /* when those are looked at again */
#define DOWN_MS     60000

struct destination {
	struct mta *mta;
	char *name;
	struct list hungry; /* mta->hungry */
	struct list waiting;
	size_t n_waiting, active;
	int64_t down_until; /* monotonic ms; 0: up */
	char status[SMTP_STATUS_TEXT];
	char reply[300];
};

/* ---- the map ---- */

static const char *name_of(const struct delivery *d)
{
	const struct route_own *own;
	struct slice domain;

	if (!idna_to_ascii(d->arena, slice_str(d->domain), &domain))
		return d->domain;
	own = routes_find(&d->mta->routes, (const char *)domain.data);
	return own ? arena_printf(d->arena, "%s:%u", own->host, own->port) : (const char *)domain.data;
}

static struct destination *get(struct delivery *d)
{
	struct mta *mta = d->mta;
	const char *name = name_of(d);
	struct destination *dest = map_get(mta->destinations, slice_str(name));

	if (dest)
		return dest;
	dest = xzalloc(sizeof(*dest));
	dest->mta = mta;
	dest->name = xstrdup(name);
	list_init(&dest->hungry);
	list_init(&dest->waiting);
	map_put(mta->destinations, slice_str(name), dest);
	return dest;
}

static void forget(struct destination *dest)
{
	list_del(&dest->hungry);
	map_del(dest->mta->destinations, slice_str(dest->name));
	free(dest->name);
	free(dest);
}

static bool is_down(struct destination *dest)
{
	if (dest->down_until && clock_mono_ms() >= dest->down_until)
		dest->down_until = 0;
	return dest->down_until != 0;
}

static bool is_idle(struct destination *dest)
{
	return !dest->active && !dest->n_waiting && !is_down(dest);
}

void destinations_tidy(struct mta *mta)
{
	struct slice name;
	void *dest;

	for (size_t at = 0; map_next(mta->destinations, &at, &name, &dest);) {
		if (is_idle(dest))
			forget(dest);
	}
}

void destinations_free(struct mta *mta)
{
	struct slice name;
	void *dest;

	for (size_t at = 0; map_next(mta->destinations, &at, &name, &dest);)
		forget(dest);
	map_free(mta->destinations);
}

/* ---- slots ---- */

static bool has_room(const struct destination *dest)
{
	return dest->active < (size_t)mta_conf.connections_per_domain;
}

static bool mta_has_room(const struct mta *mta)
{
	return mta->connections < (size_t)mta_conf.connections_max;
}

static void take_slot(struct delivery *d)
{
	d->has_slot = true;
	d->destination->active++;
	d->mta->connections++;
}

static void drop_slot(struct delivery *d)
{
	d->has_slot = false;
	d->destination->active--;
	d->mta->connections--;
}

static struct delivery *pop(struct destination *dest)
{
	struct delivery *d;

	if (list_empty(&dest->waiting))
		return NULL;
	d = list_item(dest->waiting.next, struct delivery, waiting);
	list_del(&d->waiting);
	dest->n_waiting--;
	return d;
}

/* It waits for the process, not for its destination: then it has to be found when any connection ends. */
static void note_hunger(struct destination *dest)
{
	list_del(&dest->hungry);
	if (dest->n_waiting && has_room(dest))
		list_add_tail(&dest->mta->hungry, &dest->hungry);
}

static void start_next(struct mta *mta)
{
	while (!mta->draining && mta_has_room(mta) && !list_empty(&mta->hungry)) {
		struct destination *dest = list_item(mta->hungry.next, struct destination, hungry);
		struct delivery *d = pop(dest);

		if (d)
			take_slot(d);
		note_hunger(dest);
		if (d)
			send_start(d);
	}
}

/* ---- deliveries ---- */

static void judge_all(struct delivery *d, const char *status, const char *reply)
{
	for (size_t i = 0; i < d->envelope.n; i++) {
		if (d->envelope.recipients[i].state != RCPT_WAITING)
			continue;
		d->results[i] = (struct result){
			.verdict = VERDICT_DEFERRED,
			.status = arena_strdup(d->arena, status),
			.reply = arena_strdup(d->arena, reply),
		};
	}
}

void destination_enter(struct delivery *d)
{
	struct destination *dest = get(d);

	d->phase = PHASE_WAIT;
	d->destination = dest;
	if (is_down(dest)) {
		judge_all(d, dest->status, dest->reply);
		delivery_report(d);
	} else if (dest->n_waiting >= WAITING_MAX) {
		delivery_give_back(d, rand_jitter(CROWDED_MS));
	} else {
		list_add_tail(&dest->waiting, &d->waiting);
		dest->n_waiting++;
		note_hunger(dest);
		start_next(d->mta);
	}
}

void destination_leave(struct delivery *d)
{
	struct destination *dest = d->destination;
	struct mta *mta = d->mta;

	if (!dest)
		return;
	if (d->has_slot) {
		drop_slot(d);
	} else if (!list_empty(&d->waiting)) {
		list_del(&d->waiting);
		dest->n_waiting--;
	}
	d->destination = NULL;
	if (is_idle(dest))
		forget(dest);
	else
		note_hunger(dest);
	start_next(mta);
}

struct delivery *destination_pass_slot(struct delivery *from)
{
	struct delivery *to = pop(from->destination);

	if (!to)
		return NULL;
	drop_slot(from);
	take_slot(to);
	note_hunger(from->destination);
	from->destination = NULL;
	return to;
}

void destination_down(struct delivery *d, const char *status, const char *reply)
{
	struct destination *dest = d->destination;
	struct delivery *other;

	dest->down_until = clock_mono_ms() + rand_jitter(DOWN_MS);
	snprintf(dest->status, sizeof(dest->status), "%s", status);
	snprintf(dest->reply, sizeof(dest->reply), "%s", reply);
	/* `d` keeps its slot until it has reported, so the destination outlives this */
	while ((other = pop(dest))) {
		judge_all(other, dest->status, dest->reply);
		delivery_report(other);
	}
}
