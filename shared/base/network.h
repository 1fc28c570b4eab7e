#ifndef SHARED_BASE_NETWORK_H
#define SHARED_BASE_NETWORK_H
/*
 * IP addresses and the networks they are in. IPv4 is held as IPv6 holds it (::ffff:192.0.2.1), so that a peer of a
 * socket for both families is the same however it came.
 */
#include "base/conf.h"
#include "base/slice.h"

#define NETWORK_TEXT 50

struct ip {
	uint8_t raw[16];
};

struct network {
	struct ip ip;
	unsigned bits;
};

struct networks {
	struct network *items;
	size_t n;
};

bool ip_parse(struct slice text, struct ip *ret);
bool ip_is_v4(const struct ip *);
/* "192.0.2.0/24", "2001:db8::/32", or an address alone. */
bool network_parse(struct slice text, struct network *ret);
/* CONFIG: names the item that is no network. */
MUST_CHECK enum fault networks_parse(const struct conf_list *, struct arena *, struct networks *ret,
                                     struct why *);
bool network_has(const struct network *, const struct ip *);
/* What a peer's address stands for: itself, or the /64 that an IPv6 customer has. False: it is none. */
bool network_around(const char *ip, char out[NETWORK_TEXT]);
/* What is no address ("local") is in no network. */
bool networks_have(const struct networks *, const char *ip);

#endif
