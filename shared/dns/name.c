/*
 * Names as text and on the wire (name.h, RFC 1035 3.1), and reverse names
 * (RFC 1035 3.5, RFC 3596 2.5). What would need an escape is no name of a mail
 * host or a policy, so it is refused rather than escaped.
 */
#include "dns/name.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "dns/dns.h"

static bool is_name_byte(uint8_t c)
{
	return c > ' ' && c < 0x7f && c != '\\' && c != '.';
}

static char lower(uint8_t c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

bool dns_name_clean(const char *name, char out[DNS_NAME_MAX + 1])
{
	size_t len = 0, label = 0;

	for (const char *at = name; *at; at++) {
		if (len == DNS_NAME_MAX && !(at[0] == '.' && !at[1]))
			return false;
		if (*at == '.') {
			if (label == 0)
				return false;
			label = 0;
			if (!at[1])
				break;
			out[len++] = '.';
			continue;
		}
		if (!is_name_byte((uint8_t)*at) || ++label > DNS_LABEL_MAX)
			return false;
		out[len++] = lower((uint8_t)*at);
	}
	out[len] = '\0';
	return len > 0;
}

bool dns_name_from_wire(struct slice wire, char out[DNS_NAME_MAX + 1])
{
	size_t at = 0, len = 0;

	while (at < wire.len && wire.data[at] != 0) {
		size_t label = wire.data[at++];

		/* above 63 it is a compression pointer, which has no place here */
		if (label > DNS_LABEL_MAX || label > wire.len - at || len + (len > 0) + label > DNS_NAME_MAX)
			return false;
		if (len > 0)
			out[len++] = '.';
		for (size_t i = 0; i < label; i++, at++) {
			if (!is_name_byte(wire.data[at]))
				return false;
			out[len++] = lower(wire.data[at]);
		}
	}
	out[len] = '\0';
	return at < wire.len;
}

static bool reverse_v4(const uint8_t ip[4], char out[80])
{
	snprintf(out, 80, "%u.%u.%u.%u.in-addr.arpa", ip[3], ip[2], ip[1], ip[0]);
	return true;
}

bool dns_reverse_name(const char *ip, char out[80])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const char hex[] = "0123456789abcdef";
	uint8_t raw[16];
	char *at = out;

	if (inet_pton(AF_INET, ip, raw) == 1)
		return reverse_v4(raw, out);
	if (inet_pton(AF_INET6, ip, raw) != 1)
		return false;
	if (memcmp(raw, mapped, sizeof(mapped)) == 0)
		return reverse_v4(raw + 12, out);
	for (int i = 15; i >= 0; i--) {
		*at++ = hex[raw[i] & 15];
		*at++ = '.';
		*at++ = hex[raw[i] >> 4];
		*at++ = '.';
	}
	memcpy(at, "ip6.arpa", sizeof("ip6.arpa"));
	return true;
}
