/* Parsing the PROXY protocol's header (proxy.h). */
#include "loop/proxy.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/network.h"

#define V1_MAX  107 /* with CRLF */
#define V2_HEAD 16

enum { V2_LOCAL = 0x20, V2_PROXY = 0x21 };
enum { V2_UNSPEC = 0x00, V2_TCP4 = 0x11, V2_TCP6 = 0x21, V2_UNIX = 0x31 };

static const uint8_t v1_start[] = "PROXY ";
static const uint8_t v2_start[] = "\r\n\r\n\0\r\nQUIT\n";

static bool begins_as(struct slice in, const uint8_t *start, size_t len)
{
	return memcmp(in.data, start, MIN_OF(in.len, len)) == 0;
}

static void print_ip(const struct ip *ip, char out[46])
{
	if (ip_is_v4(ip))
		inet_ntop(AF_INET, ip->raw + 12, out, 46);
	else
		inet_ntop(AF_INET6, ip->raw, out, 46);
}

/* ---- version 1: "PROXY TCP4 192.0.2.1 198.51.100.1 56324 143" CRLF ---- */

static bool v1_word(struct slice *rest, struct slice *ret)
{
	return slice_cut(rest, ' ', ret) && ret->len;
}

static bool v1_address(struct slice text, bool v4, struct ip *ret)
{
	return ip_parse(text, ret) && !memchr(text.data, ':', text.len) == v4;
}

static bool v1_line(struct slice line, struct proxy_header *ret)
{
	struct slice family, from, to, from_port, to_port;
	struct ip source, target;
	uint64_t port, other;
	bool v4;

	if (!v1_word(&line, &family))
		return false;
	if (slice_eq(family, SLICE("UNKNOWN")))
		return true;
	v4 = slice_eq(family, SLICE("TCP4"));
	if (!v4 && !slice_eq(family, SLICE("TCP6")))
		return false;
	if (!v1_word(&line, &from) || !v1_word(&line, &to) || !v1_word(&line, &from_port) ||
	    !v1_word(&line, &to_port) || line.data)
		return false;
	if (!v1_address(from, v4, &source) || !v1_address(to, v4, &target) ||
	    !slice_u64(from_port, UINT16_MAX, &port) || !slice_u64(to_port, UINT16_MAX, &other))
		return false;
	print_ip(&source, ret->ip);
	ret->port = (uint16_t)port;
	return true;
}

static enum proxy_got v1_parse(struct slice in, struct proxy_header *ret)
{
	struct slice all = slice_first(in, V1_MAX);
	const uint8_t *end = memmem(all.data, all.len, "\r\n", 2);

	if (!end)
		return all.len < V1_MAX ? PROXY_MORE : PROXY_BAD;
	ret->len = (size_t)(end - in.data) + 2;
	all = slice_of(in.data, ret->len - 2);
	return v1_line(slice_from(all, sizeof(v1_start) - 1), ret) ? PROXY_DONE : PROXY_BAD;
}

/* ---- version 2: signature, version and command, family, length, addresses, TLVs ---- */

static bool v2_addresses(uint8_t family, struct slice body, struct proxy_header *ret)
{
	struct ip ip = { { [10] = 0xff, [11] = 0xff } };
	const size_t size = family == V2_TCP4 ? 4 : 16;

	if (family == V2_UNSPEC || family == V2_UNIX)
		return true;
	/* both addresses, then both ports */
	if ((family != V2_TCP4 && family != V2_TCP6) || body.len < 2 * size + 4)
		return false;
	memcpy(ip.raw + sizeof(ip.raw) - size, body.data, size);
	print_ip(&ip, ret->ip);
	ret->port = (uint16_t)(body.data[2 * size] << 8 | body.data[2 * size + 1]);
	return true;
}

static enum proxy_got v2_parse(struct slice in, struct proxy_header *ret)
{
	uint8_t command, family;
	struct slice body;

	if (in.len < V2_HEAD)
		return PROXY_MORE;
	command = in.data[12];
	family = in.data[13];
	ret->len = V2_HEAD + (size_t)(in.data[14] << 8 | in.data[15]);
	if ((command != V2_LOCAL && command != V2_PROXY) || ret->len > PROXY_MAX)
		return PROXY_BAD;
	if (in.len < ret->len)
		return PROXY_MORE;
	body = slice_of(in.data + V2_HEAD, ret->len - V2_HEAD);
	return command == V2_LOCAL || v2_addresses(family, body, ret) ? PROXY_DONE : PROXY_BAD;
}

enum proxy_got proxy_parse(struct slice in, struct proxy_header *ret)
{
	const size_t v1 = sizeof(v1_start) - 1, v2 = sizeof(v2_start) - 1;

	*ret = (struct proxy_header){ 0 };
	if (in.len == 0)
		return PROXY_MORE;
	if (begins_as(in, v1_start, v1))
		return in.len < v1 ? PROXY_MORE : v1_parse(in, ret);
	if (begins_as(in, v2_start, v2))
		return v2_parse(in, ret);
	return PROXY_BAD;
}
