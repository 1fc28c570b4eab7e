/*
 * All of libunbound (resolver.h). Its resolver runs on a thread of its own; a
 * descriptor says when answers are there, and they are taken on the loop.
 *
 * Servers of one's own choice are asked about every name: also those on
 * loopback, and the names (test, private reverse zones) that libunbound would
 * else answer by itself.
 */
#include "dns/resolver.h"

#include <stdlib.h>
#include <unbound.h>
#include <unistd.h>
#include <uv.h>

#include "base/arena.h"
#include "base/list.h"
#include "dns/answer.h"

#define CLASS_IN    1
#define RECORDS_MAX 512 /* of one answer; a 64 KiB message could hold a few thousand addresses */

enum { RCODE_NOERROR = 0, RCODE_NXDOMAIN = 3 };

struct resolver {
	struct ub_ctx *ub;
	uv_poll_t *poll; /* outlives us until libuv has closed it */
	struct list questions;
};

struct question {
	struct list node;
	enum dns_type type;
	void (*on_answer)(void *arg, const struct dns_answer *);
	void *arg;
};

struct option {
	const char *name, *value;
};

static enum fault set_options(struct ub_ctx *ub, const struct option *options, size_t n, struct why *why)
{
	for (size_t i = 0; i < n; i++) {
		int error = ub_ctx_set_option(ub, options[i].name, options[i].value);

		if (error)
			return fault_set(why, FAULT_CONFIG, "resolver option %s %s: %s", options[i].name,
			                 options[i].value, ub_strerror(error));
	}
	return FAULT_NONE;
}

static enum fault use_servers(struct ub_ctx *ub, const char *servers, struct why *why)
{
	static const struct option own_servers[] = { { "unblock-lan-zones:", "yes" },
		                                     { "infra-keep-probing:", "yes" } };
	struct slice rest = slice_str(servers), one;
	char address[64];

	while (slice_cut(&rest, ',', &one)) {
		one = slice_trim(one);
		if (one.len == 0)
			continue;
		snprintf(address, sizeof(address), "%.*s", SLICE_FMT(one));
		if (one.len >= sizeof(address) || ub_ctx_set_fwd(ub, address) != 0)
			return fault_set(why, FAULT_CONFIG,
			                 "not a DNS server's address (192.0.2.1 or 192.0.2.1@53): %s",
			                 address);
	}
	return set_options(ub, own_servers, ARRAY_LEN(own_servers), why);
}

static enum fault use_system_servers(struct ub_ctx *ub, struct why *why)
{
	int error = ub_ctx_resolvconf(ub, NULL);

	if (error)
		return fault_set(why, FAULT_CONFIG, "/etc/resolv.conf: %s", ub_strerror(error));
	return FAULT_NONE;
}

static enum fault use_anchor(struct ub_ctx *ub, const char *file, struct why *why)
{
	int error;

	/* libunbound reads it later, and then says nothing of the file's name */
	if (access(file, R_OK) != 0)
		return fault_set(why, FAULT_CONFIG, "cannot read the DNSSEC trust anchor %s", file);
	error = ub_ctx_add_ta_file(ub, file);
	if (error)
		return fault_set(why, FAULT_CONFIG, "DNSSEC trust anchor %s: %s", file, ub_strerror(error));
	return FAULT_NONE;
}

/* The first zone call reads all that was set and ends the setting up: servers and anchors must be there. */
static enum fault open_zones(struct ub_ctx *ub, bool own_servers, struct why *why)
{
	static const char *const zones[] = { "test.", "invalid." };

	for (size_t i = 0; i < ARRAY_LEN(zones); i++) {
		int error = ub_ctx_zone_add(ub, zones[i], own_servers ? "transparent" : "static");

		if (error)
			return fault_set(why, FAULT_CONFIG,
			                 "the resolver does not start: %s (is the trust anchor right?)",
			                 ub_strerror(error));
	}
	return FAULT_NONE;
}

static enum fault set_up(struct ub_ctx *ub, const struct dns_conf *conf, struct why *why)
{
	/* a stub resolver or a container's own server on loopback is a server like any other */
	static const struct option always[] = { { "do-not-query-localhost:", "no" } };
	bool own_servers = conf->servers && *conf->servers;
	enum fault fault;

	ub_ctx_debugout(ub, NULL);
	fault = set_options(ub, always, ARRAY_LEN(always), why);
	if (!fault)
		fault = own_servers ? use_servers(ub, conf->servers, why) : use_system_servers(ub, why);
	if (!fault && conf->trust_anchor && *conf->trust_anchor)
		fault = use_anchor(ub, conf->trust_anchor, why);
	if (!fault)
		fault = open_zones(ub, own_servers, why);
	return fault;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct resolver *resolver = poll->data;

	(void)status;
	(void)events;
	ub_process(resolver->ub);
}

static void on_poll_closed(uv_handle_t *handle)
{
	free(handle);
}

enum fault resolver_new(struct loop *loop, const struct dns_conf *conf, struct resolver **ret,
                        struct why *why)
{
	struct ub_ctx *ub = ub_ctx_create();
	struct resolver *resolver;
	enum fault fault;

	if (!ub)
		return fault_set(why, FAULT_TEMP, "libunbound gave no context");
	ub_ctx_async(ub, 1);
	fault = set_up(ub, conf, why);
	if (fault) {
		ub_ctx_delete(ub);
		return fault;
	}
	resolver = xzalloc(sizeof(*resolver));
	resolver->ub = ub;
	list_init(&resolver->questions);
	resolver->poll = xzalloc(sizeof(*resolver->poll));
	uv_poll_init(loop_uv(loop), resolver->poll, ub_fd(ub));
	resolver->poll->data = resolver;
	uv_unref((uv_handle_t *)resolver->poll); /* a question under way keeps nobody from ending */
	uv_poll_start(resolver->poll, UV_READABLE, on_readable);
	*ret = resolver;
	return FAULT_NONE;
}

void resolver_free(struct resolver *resolver)
{
	if (!resolver)
		return;
	uv_close((uv_handle_t *)resolver->poll, on_poll_closed); /* before its descriptor goes */
	ub_ctx_delete(resolver->ub);
	list_each (&resolver->questions, node)
		free(list_item(node, struct question, node));
	free(resolver);
}

static enum dns_status status_of(const struct ub_result *result)
{
	if (result->bogus)
		return DNS_TEMPFAIL;
	if (result->havedata)
		return DNS_OK;
	if (result->nxdomain || result->rcode == RCODE_NXDOMAIN)
		return DNS_NXDOMAIN;
	return result->rcode == RCODE_NOERROR ? DNS_NODATA : DNS_TEMPFAIL;
}

static const struct dns_answer *answer_of(const struct question *question, const struct ub_result *result)
{
	struct slice rdata[RECORDS_MAX];
	struct dns_raw raw = { .type = question->type, .rdata = rdata };

	raw.status = status_of(result);
	raw.secure = result->secure;
	raw.bogus = result->bogus;
	raw.ttl = result->ttl > 0 ? (uint32_t)result->ttl : 0;
	if (raw.status == DNS_TEMPFAIL)
		raw.why = result->why_bogus ? result->why_bogus : "the DNS server failed";
	for (; raw.status == DNS_OK && raw.n < RECORDS_MAX && result->data[raw.n]; raw.n++)
		rdata[raw.n] = slice_of(result->data[raw.n], (size_t)result->len[raw.n]);
	return dns_answer_new(&raw);
}

static void on_result(void *arg, int error, struct ub_result *result)
{
	struct question *question = arg;
	struct dns_raw failed = { .type = question->type, .status = DNS_TEMPFAIL };
	const struct dns_answer *answer;

	if (error)
		failed.why = ub_strerror(error);
	answer = error ? dns_answer_new(&failed) : answer_of(question, result);
	ub_resolve_free(result);
	list_del(&question->node);
	question->on_answer(question->arg, answer);
	free(question);
}

bool resolver_ask(struct resolver *resolver, const char *name, enum dns_type type,
                  void (*on_answer)(void *arg, const struct dns_answer *), void *arg)
{
	struct question *question = xmalloc(sizeof(*question));

	*question = (struct question){ .type = type, .on_answer = on_answer, .arg = arg };
	list_init(&question->node);
	if (ub_resolve_async(resolver->ub, name, (int)type, CLASS_IN, question, on_result, NULL) != 0) {
		free(question);
		return false;
	}
	list_add_tail(&resolver->questions, &question->node);
	return true;
}
