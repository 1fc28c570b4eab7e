/* Networks (network.h). */
#include "base/network.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/arena.h"

static const uint8_t v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

bool ip_parse(struct slice text, struct ip *ret)
{
	char room[INET6_ADDRSTRLEN];
	struct ip ip;

	if (!text.len || text.len >= sizeof(room) || memchr(text.data, '\0', text.len))
		return false;
	memcpy(room, text.data, text.len);
	room[text.len] = '\0';
	memcpy(ip.raw, v4_prefix, sizeof(v4_prefix));
	if (inet_pton(AF_INET, room, ip.raw + sizeof(v4_prefix)) != 1 &&
	    inet_pton(AF_INET6, room, ip.raw) != 1)
		return false;
	*ret = ip;
	return true;
}

bool ip_is_v4(const struct ip *ip)
{
	return memcmp(ip->raw, v4_prefix, sizeof(v4_prefix)) == 0;
}

bool network_parse(struct slice text, struct network *ret)
{
	struct slice address, rest = text;
	struct network network = { .bits = 128 };
	bool has_bits = slice_cut(&rest, '/', &address) && rest.data;
	uint64_t bits = 0;
	unsigned most;

	if (!ip_parse(address, &network.ip))
		return false;
	most = ip_is_v4(&network.ip) ? 32 : 128;
	if (has_bits && !slice_u64(rest, most, &bits))
		return false;
	if (has_bits)
		network.bits = 128 - most + (unsigned)bits;
	*ret = network;
	return true;
}

bool network_has(const struct network *network, const struct ip *ip)
{
	size_t whole = network->bits / 8;
	unsigned rest = network->bits % 8;

	if (memcmp(network->ip.raw, ip->raw, whole) != 0)
		return false;
	return !rest || (network->ip.raw[whole] ^ ip->raw[whole]) >> (8 - rest) == 0;
}

enum fault networks_parse(const struct conf_list *list, struct arena *arena, struct networks *ret,
                          struct why *why)
{
	struct network *items = arena_array(arena, struct network, list->n);

	for (size_t i = 0; i < list->n; i++) {
		if (!network_parse(slice_str(list->items[i]), &items[i]))
			return fault_set(why, FAULT_CONFIG,
			                 "\"%s\" is no network: write 192.0.2.0/24, 2001:db8::/32 or an "
			                 "address",
			                 list->items[i]);
	}
	*ret = (struct networks){ items, list->n };
	return FAULT_NONE;
}

bool networks_have(const struct networks *networks, const char *text)
{
	struct ip ip;

	if (networks->n == 0 || !ip_parse(slice_str(text), &ip))
		return false;
	for (size_t i = 0; i < networks->n; i++) {
		if (network_has(&networks->items[i], &ip))
			return true;
	}
	return false;
}

bool network_around(const char *text, char out[NETWORK_TEXT])
{
	char room[INET6_ADDRSTRLEN];
	struct ip ip;

	if (!ip_parse(slice_str(text), &ip))
		return false;
	if (ip_is_v4(&ip)) {
		inet_ntop(AF_INET, ip.raw + sizeof(v4_prefix), out, NETWORK_TEXT);
		return true;
	}
	memset(ip.raw + 8, 0, 8);
	inet_ntop(AF_INET6, ip.raw, room, sizeof(room));
	snprintf(out, NETWORK_TEXT, "%s/64", room);
	return true;
}
