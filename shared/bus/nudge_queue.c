/* The ring (nudge_queue.h): memory grows with what waits, up to `max`. */
#include "bus/nudge_queue.h"

#include <stdlib.h>

#include "base/arena.h"

void nudge_queue_init(struct nudge_queue *queue, size_t max)
{
	*queue = (struct nudge_queue){ .max = max };
}

void nudge_queue_done(struct nudge_queue *queue)
{
	free(queue->ring);
	nudge_queue_init(queue, queue->max);
}

static struct nudge *slot(struct nudge_queue *queue, size_t i)
{
	return &queue->ring[(queue->head + i) % queue->cap];
}

static void grow(struct nudge_queue *queue)
{
	size_t cap = MIN_OF(MAX_OF(queue->cap * 2, (size_t)16), queue->max);
	struct nudge *ring = xmalloc(cap * sizeof(*ring));

	for (size_t i = 0; i < queue->n; i++)
		ring[i] = *slot(queue, i);
	free(queue->ring);
	queue->ring = ring;
	queue->cap = cap;
	queue->head = 0;
}

bool nudge_queue_push(struct nudge_queue *queue, const struct nudge *nudge)
{
	struct nudge oldest;
	bool room = queue->n < queue->max;

	if (!room)
		nudge_queue_pop(queue, &oldest);
	if (queue->n == queue->cap)
		grow(queue);
	*slot(queue, queue->n++) = *nudge;
	return room;
}

bool nudge_queue_unpop(struct nudge_queue *queue, const struct nudge *nudge)
{
	if (queue->n == queue->max)
		return false;
	if (queue->n == queue->cap)
		grow(queue);
	queue->head = (queue->head + queue->cap - 1) % queue->cap;
	queue->n++;
	*slot(queue, 0) = *nudge;
	return true;
}

bool nudge_queue_pop(struct nudge_queue *queue, struct nudge *ret)
{
	if (queue->n == 0)
		return false;
	*ret = *slot(queue, 0);
	queue->head = (queue->head + 1) % queue->cap;
	queue->n--;
	return true;
}
