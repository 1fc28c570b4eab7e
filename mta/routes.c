/* Routes of our own: the `routes` and `smart_host` settings (route.h). */
#include <ifaddrs.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "mail/idna.h"
#include "route.h"

#define ADDRESSES_MAX 1024

/* host, host:port, [v6]:port */
static bool parse_host(struct slice text, struct arena *arena, struct route_own *own)
{
	struct slice host = text, port = slice_of(NULL, 0);
	uint64_t number = 25;
	ptrdiff_t end;

	if (slice_starts(text, "[")) {
		end = slice_chr(text, ']');
		if (end < 0)
			return false;
		host = slice_of(text.data + 1, (size_t)end - 1);
		port = slice_from(text, (size_t)end + 1);
	} else if ((end = slice_chr(text, ':')) >= 0) {
		host = slice_first(text, (size_t)end);
		port = slice_from(text, (size_t)end);
	}
	if (port.len && (port.data[0] != ':' || !slice_u64(slice_from(port, 1), 65535, &number) || !number))
		return false;
	own->host = arena_strz(arena, host);
	own->port = (uint16_t)number;
	return host.len > 0;
}

static bool parse_domain(struct slice text, struct arena *arena, struct route_own *own)
{
	bool below = slice_starts(text, ".");
	struct slice domain;

	if (!idna_to_ascii(arena, slice_from(text, below), &domain) || !domain.len)
		return false;
	own->domain = arena_printf(arena, "%s%.*s", below ? "." : "", SLICE_FMT(domain));
	return true;
}

enum fault routes_parse(const struct conf_list *list, const char *smart_host, struct arena *arena,
                        struct routes *ret, struct why *why)
{
	struct route_own *own = arena_array(arena, struct route_own, list->n + 1);
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++, n++) {
		struct slice rest = slice_str(list->items[i]), domain;

		if (!slice_cut(&rest, '=', &domain) || !parse_domain(slice_trim(domain), arena, &own[n]) ||
		    !parse_host(slice_trim(rest), arena, &own[n]))
			return fault_set(why, FAULT_CONFIG, "routes: \"%s\" is not domain=host:port",
			                 list->items[i]);
	}
	if (smart_host[0]) {
		own[n].domain = "";
		if (!parse_host(slice_str(smart_host), arena, &own[n++]))
			return fault_set(why, FAULT_CONFIG, "smart_host: \"%s\" is not host:port",
			                 smart_host);
	}
	*ret = (struct routes){ own, n };
	return FAULT_NONE;
}

/* How well a route fits: 0 not at all, more is better. */
static size_t fit(const struct route_own *own, const char *domain)
{
	size_t n = strlen(own->domain), len = strlen(domain);

	if (n == 0)
		return 1;
	if (own->domain[0] != '.')
		return strcasecmp(own->domain, domain) == 0 ? SIZE_MAX : 0;
	return len > n && strcasecmp(domain + len - n, own->domain) == 0 ? n : 0;
}

const struct route_own *routes_find(const struct routes *routes, const char *domain)
{
	const struct route_own *best = NULL;
	size_t best_fit = 0;

	for (size_t i = 0; i < routes->n; i++) {
		size_t this_fit = fit(&routes->list[i], domain);

		if (this_fit > best_fit) {
			best = &routes->list[i];
			best_fit = this_fit;
		}
	}
	return best;
}

size_t route_own_addresses(struct arena *arena, const union route_address **ret)
{
	union route_address *own = arena_array(arena, union route_address, ADDRESSES_MAX);
	struct ifaddrs *all;
	size_t n = 0;

	*ret = own;
	if (getifaddrs(&all))
		return 0;
	for (const struct ifaddrs *one = all; one && n < ADDRESSES_MAX; one = one->ifa_next) {
		const struct sockaddr *address = one->ifa_addr;

		if (address && address->sa_family == AF_INET)
			memcpy(&own[n++].v4, address, sizeof(own->v4));
		else if (address && address->sa_family == AF_INET6)
			memcpy(&own[n++].v6, address, sizeof(own->v6));
	}
	freeifaddrs(all);
	return n;
}
