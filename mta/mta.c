/* What deliveries share: made, configured, drained (mta.h). */
#include "mta.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/log.h"
#include "claim.h"
#include "delivery.h"
#include "destination.h"
#include "loop/timer.h"
#include "signer.h"
#include "suite/directory.h"
#include "suite/timeline.h"

/* ---- settings ---- */

static enum fault parse_source(const char *name, const char *text, int family, union route_address *ret,
                               struct why *why)
{
	union route_address address = { .any.sa_family = AF_UNSPEC };
	void *raw = family == AF_INET ? (void *)&address.v4.sin_addr : (void *)&address.v6.sin6_addr;

	if (text[0]) {
		memset(&address, 0, sizeof(address));
		address.any.sa_family = (sa_family_t)family;
		if (inet_pton(family, text, raw) != 1)
			return fault_set(why, FAULT_CONFIG, "%s: \"%s\" is not such an address", name, text);
	}
	*ret = address;
	return FAULT_NONE;
}

static void take_settings(struct mta *mta, const struct mta *fresh)
{
	const struct suite_conf *suite = mta->daemon->suite;
	struct arena *arena = mta->daemon->arena;

	mta->routes = fresh->routes;
	mta->retry = fresh->retry;
	mta->source_v4 = fresh->source_v4;
	mta->source_v6 = fresh->source_v6;
	mta->helo = mta_conf.helo[0] ? mta_conf.helo : suite->hostname;
	mta->postmaster = mta_conf.postmaster[0] ? mta_conf.postmaster
	                                         : arena_printf(arena, "postmaster@%s", suite->hostname);
	mta->route_conf = (struct route_conf){
		.dns = mta->dns,
		.routes = &mta->routes,
		.port = (uint16_t)mta_conf.port,
		.ipv6 = mta_conf.ipv6,
		.hostname = suite->hostname,
		.helo = mta->helo,
	};
	mta->route_conf.n_own = route_own_addresses(arena, &mta->route_conf.own);
}

enum fault mta_configure(struct mta *mta, struct why *why)
{
	struct arena *arena = mta->daemon->arena;
	struct mta fresh = { 0 };
	enum fault fault = routes_parse(&mta_conf.routes, mta_conf.smart_host, arena, &fresh.routes, why);

	if (!fault)
		fault = retry_parse(&mta_conf.retry, &fresh.retry, why);
	if (!fault)
		fault = parse_source("source_ipv4", mta_conf.source_ipv4, AF_INET, &fresh.source_v4, why);
	if (!fault)
		fault = parse_source("source_ipv6", mta_conf.source_ipv6, AF_INET6, &fresh.source_v6, why);
	if (!fault)
		take_settings(mta, &fresh);
	return fault;
}

/* ---- the bus ---- */

static void on_queue(void *arg, const struct nudge *nudge)
{
	struct mta *mta = arg;

	(void)nudge;
	claimer_look(mta->claimer);
}

static void on_bus_up(void *arg)
{
	struct mta *mta = arg;

	signer_forget(mta->signer);
	claimer_look(mta->claimer);
}

static void on_settings(void *arg, const struct nudge *nudge)
{
	struct mta *mta = arg;

	(void)nudge;
	signer_forget(mta->signer);
}

static void subscribe(struct mta *mta)
{
	struct bus *bus = mta->daemon->stack->bus;

	if (!bus)
		return;
	bus_subscribe(bus, TOPIC_QUEUE, on_queue, mta);
	bus_subscribe(bus, TOPIC_SETTINGS, on_settings, mta);
	bus_on_up(bus, on_bus_up, mta);
}

/* ---- life ---- */

static void on_undertaker(void *arg)
{
	deliveries_bury(arg);
}

static enum fault open_parts(struct mta *mta, struct why *why)
{
	struct daemon *daemon = mta->daemon;
	const struct tls_client_conf tls = { .old_peers = true };
	const struct dns_conf dns = {
		.servers = daemon->suite->dns_servers,
		.trust_anchor = daemon->suite->dns_trust_anchor,
	};
	enum fault fault = queue_private_key(daemon->stack, &mta->queue_key, why);

	if (!fault)
		fault = tls_client_new(&tls, &mta->tls, why);
	if (!fault)
		fault = dns_new(daemon->loop, &dns, &mta->dns, why);
	return fault ? fault : mta_configure(mta, why);
}

enum fault mta_new(struct daemon *daemon, struct mta **ret, struct why *why)
{
	struct mta *mta = xzalloc(sizeof(*mta));
	enum fault fault;

	mta->daemon = daemon;
	list_init(&mta->deliveries);
	list_init(&mta->ended);
	list_init(&mta->hungry);
	mta->destinations = map_new();
	mta->undertaker = timer_new(daemon->loop, on_undertaker, mta);
	mta->timeline = timeline_new(daemon);
	fault = open_parts(mta, why);
	if (fault) {
		mta_free(mta);
		return fault;
	}
	mta->signer = signer_new(daemon->stack, mta->queue_key);
	mta->claimer = claimer_new(mta);
	subscribe(mta);
	*ret = mta;
	return FAULT_NONE;
}

void mta_start(struct mta *mta)
{
	claimer_look(mta->claimer);
}

void mta_drain(struct mta *mta)
{
	mta->draining = true;
	claimer_stop(mta->claimer);
	list_each (&mta->deliveries, node)
		delivery_drain(list_item(node, struct delivery, node));
}

void mta_free(struct mta *mta)
{
	if (!mta)
		return;
	deliveries_free(mta);
	destinations_free(mta);
	timeline_free(mta->timeline);
	timer_free(mta->undertaker);
	claimer_free(mta->claimer);
	signer_free(mta->signer);
	dns_free(mta->dns);
	tls_free(mta->tls);
	account_key_unref(mta->queue_key);
	free(mta);
}
