/*
 * The bus's front (bus.h): publishing into a bounded queue, delivering on the
 * loop. The backends (backend.h) only carry.
 *
 * Invariants
 *   1. At most one run_inbox() is posted at a time (`posted`), so the loop's
 *      own queue stays bounded as well.
 *   2. A posted inbox outlives its bus: bus_free() closes it, and the run that
 *      was posted frees it.
 */
#include "bus/bus.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "bus/backend.h"

#define BATCH 256 /* nudges delivered before the loop looks at something else */

struct inbox {
	struct loop *loop;
	pthread_mutex_t lock;
	struct nudge_queue queue;
	bool posted, closed, came_up;
	/* the loop's only */
	struct subscriber {
		void (*on_nudge)(void *arg, const struct nudge *);
		void *arg;
	} subscribers[TOPIC_COUNT];
	void (*on_up)(void *arg);
	void *on_up_arg;
};

#define COUNTER(ident, what, label, text)                                                                    \
	struct metric ident = { .kind = METRIC_COUNTER, .name = what, .labels = label, .help = text }

static COUNTER(published, "posthouse_bus_published_total", NULL, "Nudges handed to the bus.");
static COUNTER(received, "posthouse_bus_received_total", NULL, "Nudges that came from other processes.");
static COUNTER(malformed, "posthouse_bus_malformed_total", NULL, "Messages on the bus that were no nudge.");
static COUNTER(out_dropped, "posthouse_bus_dropped_total", "at=\"sending\"", "Nudges lost to a full queue.");
static COUNTER(in_dropped, "posthouse_bus_dropped_total", "at=\"receiving\"", "Nudges lost to a full queue.");
COUNTER(bus_peer_dropped, "posthouse_bus_dropped_total", "at=\"peer\"", "Nudges lost to a full queue.");
COUNTER(bus_sent, "posthouse_bus_sent_total", NULL, "Nudges that left this process.");
static COUNTER(ups, "posthouse_bus_up_total", NULL, "How often the bus came up.");
static struct metric up_gauge = { .kind = METRIC_GAUGE,
	                          .name = "posthouse_bus_up",
	                          .help = "1 while the bus is up." };
struct metric bus_blocked = { .kind = METRIC_GAUGE,
	                      .name = "posthouse_bus_blocked",
	                      .help = "1 while the broker asks publishers to wait." };

/* The inbox. */

static void free_inbox(struct inbox *inbox)
{
	nudge_queue_done(&inbox->queue);
	pthread_mutex_destroy(&inbox->lock);
	free(inbox);
}

/* What is next for the loop; false when there is nothing. A closed inbox has nothing. */
static bool take_incoming(struct inbox *inbox, bool *ret_came_up, struct nudge *ret)
{
	bool got = false;

	pthread_mutex_lock(&inbox->lock);
	if (!inbox->closed) {
		*ret_came_up = inbox->came_up;
		got = inbox->came_up || nudge_queue_pop(&inbox->queue, ret);
		inbox->came_up = false;
	}
	pthread_mutex_unlock(&inbox->lock);
	return got;
}

static void run_inbox(void *arg)
{
	struct inbox *inbox = arg;
	struct nudge nudge;
	bool came_up, closed;

	for (int i = 0; i < BATCH && take_incoming(inbox, &came_up, &nudge); i++) {
		if (!came_up)
			inbox->subscribers[nudge.topic].on_nudge(inbox->subscribers[nudge.topic].arg, &nudge);
		else if (inbox->on_up)
			inbox->on_up(inbox->on_up_arg);
	}
	pthread_mutex_lock(&inbox->lock);
	closed = inbox->closed;
	inbox->posted = !closed && (inbox->came_up || inbox->queue.n > 0);
	if (inbox->posted)
		loop_post(inbox->loop, run_inbox, inbox);
	pthread_mutex_unlock(&inbox->lock);
	if (closed)
		free_inbox(inbox);
}

static void post_inbox(struct inbox *inbox)
{
	if (!inbox->posted)
		loop_post(inbox->loop, run_inbox, inbox);
	inbox->posted = true;
}

static void close_inbox(struct inbox *inbox)
{
	bool posted;

	pthread_mutex_lock(&inbox->lock);
	inbox->closed = true;
	posted = inbox->posted;
	pthread_mutex_unlock(&inbox->lock);
	if (!posted)
		free_inbox(inbox);
}

/* For the backends' threads. */

void bus_deliver(struct bus *bus, const struct nudge *nudge)
{
	struct inbox *inbox = bus->inbox;

	if (!(atomic_load(&bus->wanted) & BIT(nudge->topic)))
		return;
	pthread_mutex_lock(&inbox->lock);
	if (!nudge_queue_push(&inbox->queue, nudge))
		metric_inc(&in_dropped);
	post_inbox(inbox);
	pthread_mutex_unlock(&inbox->lock);
}

void bus_deliver_text(struct bus *bus, struct slice text)
{
	struct nudge nudge;

	if (!nudge_parse(text, &nudge)) {
		metric_inc(&malformed);
		return;
	}
	metric_inc(&received);
	bus_deliver(bus, &nudge);
}

void bus_say_up_again(struct bus *bus)
{
	struct inbox *inbox = bus->inbox;

	pthread_mutex_lock(&inbox->lock);
	inbox->came_up = true;
	post_inbox(inbox);
	pthread_mutex_unlock(&inbox->lock);
}

void bus_set_up(struct bus *bus, bool up)
{
	atomic_store(&bus->up, up);
	metric_set(&up_gauge, up);
	if (!up)
		return;
	bus_set_why(bus, "%s", "");
	metric_inc(&ups);
	bus_say_up_again(bus);
}

bool bus_take_outgoing(struct bus *bus, struct nudge *ret)
{
	bool got;

	pthread_mutex_lock(&bus->lock);
	got = nudge_queue_pop(&bus->outgoing, ret);
	pthread_mutex_unlock(&bus->lock);
	return got;
}

void bus_return_outgoing(struct bus *bus, const struct nudge *nudge)
{
	bool fits;

	pthread_mutex_lock(&bus->lock);
	fits = nudge_queue_unpop(&bus->outgoing, nudge);
	pthread_mutex_unlock(&bus->lock);
	if (!fits)
		metric_inc(&out_dropped);
}

bool bus_has_outgoing(struct bus *bus)
{
	bool some;

	pthread_mutex_lock(&bus->lock);
	some = bus->outgoing.n > 0;
	pthread_mutex_unlock(&bus->lock);
	return some;
}

bool bus_must_end(struct bus *bus)
{
	return atomic_load(&bus->quit) &&
	       (!bus_has_outgoing(bus) || clock_mono_ms() >= atomic_load(&bus->quit_at));
}

void bus_set_why(struct bus *bus, const char *format, ...)
{
	struct why why;
	va_list args;

	va_start(args, format);
	vsnprintf(why.text, sizeof(why.text), format, args);
	va_end(args);
	pthread_mutex_lock(&bus->lock);
	bus->why = why;
	pthread_mutex_unlock(&bus->lock);
}

void bus_drain_wake(struct bus *bus)
{
	uint64_t count;

	while (read(bus->wake, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

void bus_wait(struct bus *bus, int fd, int64_t ms)
{
	struct pollfd fds[] = { { .fd = bus->wake, .events = POLLIN }, { .fd = fd, .events = POLLIN } };

	if (poll(fds, ARRAY_LEN(fds), (int)MAX_OF(ms, (int64_t)0)) > 0 && fds[0].revents)
		bus_drain_wake(bus);
}

/* The callers' side. */

static void wake(struct bus *bus)
{
	uint64_t one = 1;

	while (write(bus->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void bus_publish(struct bus *bus, const struct nudge *nudge)
{
	bool fits, first;

	assert(nudge->topic < TOPIC_COUNT && nudge->number <= INT64_MAX);
	metric_inc(&published);
	bus_deliver(bus, nudge);
	pthread_mutex_lock(&bus->lock);
	first = bus->outgoing.n == 0;
	fits = nudge_queue_push(&bus->outgoing, nudge);
	pthread_mutex_unlock(&bus->lock);
	if (!fits)
		metric_inc(&out_dropped);
	if (first)
		wake(bus);
}

void bus_subscribe(struct bus *bus, enum topic topic, void (*on_nudge)(void *arg, const struct nudge *),
                   void *arg)
{
	assert(topic < TOPIC_COUNT && !bus->inbox->subscribers[topic].on_nudge);
	bus->inbox->subscribers[topic] = (struct subscriber){ on_nudge, arg };
	atomic_fetch_or(&bus->wanted, BIT(topic));
	wake(bus);
}

void bus_on_up(struct bus *bus, void (*on_up)(void *arg), void *arg)
{
	bus->inbox->on_up = on_up;
	bus->inbox->on_up_arg = arg;
}

bool bus_is_up(const struct bus *bus)
{
	return atomic_load(&bus->up);
}

void bus_why(struct bus *bus, struct why *ret)
{
	pthread_mutex_lock(&bus->lock);
	*ret = bus->why;
	pthread_mutex_unlock(&bus->lock);
}

/* Life. */

static bool is_node_name(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	return len > 0 && len <= 64 && name[0] != '.' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

static const struct bus_ops *find_backend(const char *name)
{
	static const struct bus_ops *const all[] = { &bus_local, &bus_amqp };

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (strcmp(all[i]->name, name) == 0)
			return all[i];
	return NULL;
}

static void *run_thread(void *arg)
{
	struct bus *bus = arg;

	pthread_setname_np(pthread_self(), "bus");
	bus->ops->run(bus);
	return NULL;
}

static void free_parts(struct bus *bus)
{
	close_inbox(bus->inbox);
	nudge_queue_done(&bus->outgoing);
	pthread_mutex_destroy(&bus->lock);
	if (bus->wake >= 0)
		close(bus->wake);
	free(bus->node);
	free(bus);
}

static struct bus *new_parts(struct loop *loop, const struct bus_conf *conf, const struct bus_ops *ops)
{
	struct bus *bus = xzalloc(sizeof(*bus));
	unsigned max = conf->queue_max ? conf->queue_max : BUS_QUEUE_MAX;

	bus->ops = ops;
	bus->node = xstrdup(conf->node);
	bus->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	bus->inbox = xzalloc(sizeof(*bus->inbox));
	bus->inbox->loop = loop;
	nudge_queue_init(&bus->inbox->queue, max);
	pthread_mutex_init(&bus->inbox->lock, NULL);
	nudge_queue_init(&bus->outgoing, max);
	pthread_mutex_init(&bus->lock, NULL);
	bus_set_why(bus, "not connected yet");
	return bus;
}

enum fault bus_new(struct loop *loop, const struct bus_conf *conf, struct bus **ret, struct why *why)
{
	const struct bus_ops *ops = find_backend(conf->backend ? conf->backend : "");
	struct bus *bus;
	enum fault fault;

	if (!ops)
		return fault_set(why, FAULT_CONFIG, "bus backend \"%s\" is not one of local, amqp",
		                 conf->backend ? conf->backend : "");
	if (!is_node_name(conf->node))
		return fault_set(why, FAULT_CONFIG,
		                 "a node's name is 1 to 64 letters, digits, '.', '_' or '-'");
	bus = new_parts(loop, conf, ops);
	fault = bus->wake >= 0 ? ops->open(bus, conf, why) : fault_errno(why, errno, "bus");
	if (!fault && pthread_create(&bus->thread, NULL, run_thread, bus) != 0) {
		ops->close(bus);
		fault = fault_set(why, FAULT_TEMP, "the bus's thread does not start");
	}
	if (fault) {
		free_parts(bus);
		return fault;
	}
	*ret = bus;
	return FAULT_NONE;
}

void bus_free(struct bus *bus)
{
	int64_t late_ms = clock_now() + BUS_FLUSH_MS + 1500;
	struct timespec late = { .tv_sec = late_ms / 1000, .tv_nsec = late_ms % 1000 * 1000000 };

	if (!bus)
		return;
	atomic_store(&bus->quit_at, clock_mono_ms() + BUS_FLUSH_MS);
	atomic_store(&bus->quit, true);
	wake(bus);
	if (pthread_timedjoin_np(bus->thread, NULL, &late) != 0) {
		if (bus->ops->hurry)
			bus->ops->hurry(bus);
		pthread_join(bus->thread, NULL);
	}
	bus->ops->close(bus);
	free_parts(bus);
}
