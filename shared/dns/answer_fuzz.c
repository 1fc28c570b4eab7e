/* Rdata of any shape: the first byte says the type, then come records, each after its length. */
#include <stdlib.h>

#include "base/buf.h"
#include "dns/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = {
		DNS_A, DNS_CNAME, DNS_PTR, DNS_MX, DNS_TXT, DNS_AAAA, DNS_TLSA
	};
	struct reader reader = reader_of(slice_of(data, size));
	struct slice rdata[16];
	struct dns_raw raw = { .type = types[read_u8(&reader) % ARRAY_LEN(types)], .rdata = rdata };
	const struct dns_answer *answer;

	while (raw.n < ARRAY_LEN(rdata) && reader.rest.len && !reader.bad) {
		size_t len = read_u8(&reader);

		rdata[raw.n++] = read_bytes(&reader, MIN_OF(len, reader.rest.len));
	}
	answer = dns_answer_new(&raw);
	if ((answer->status == DNS_OK) != (answer->n > 0))
		abort();
	for (size_t i = 0; i < answer->n; i++) {
		struct slice text = answer->records[i].data;

		if (text.data[text.len] != 0 ||
		    (i > 0 && answer->records[i - 1].preference > answer->records[i].preference))
			abort();
	}
	dns_answer_unref(answer);
	return 0;
}
