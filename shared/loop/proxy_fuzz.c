/* The PROXY header: what is done stays done with more behind it, ends inside the input, and tells an address or none. */
#include <assert.h>

#include "base/network.h"
#include "loop/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_header whole, part;
	struct ip ip;

	if (proxy_parse(slice_of(data, size), &whole) != PROXY_DONE)
		return 0;
	assert(whole.len > 0 && whole.len <= size && whole.len <= PROXY_MAX);
	assert(!whole.ip[0] || ip_parse(slice_str(whole.ip), &ip));
	assert(proxy_parse(slice_of(data, whole.len), &part) == PROXY_DONE);
	assert(part.len == whole.len && part.port == whole.port && strcmp(part.ip, whole.ip) == 0);
	assert(proxy_parse(slice_of(data, whole.len - 1), &part) == PROXY_MORE);
	return 0;
}
