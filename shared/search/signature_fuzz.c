/* Signatures: what nobody wrote is refused, and a text's own trigrams are always in its signature. */
#include <stdlib.h>

#include "search/signature.h"

#define HOLDS(what)                                                                                          \
	do {                                                                                                 \
		if (!(what))                                                                                 \
			abort();                                                                             \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct signature signature;
	struct trigrams set;
	struct buf packed;

	if (!signature_unpack(slice_of(data, size), &signature, NULL))
		HOLDS(signature.bits.len == size - 2);
	trigrams_init(&set);
	trigrams_add(&set, slice_of(data, size));
	buf_init(&packed, SIGNATURE_MAX);
	HOLDS(signature_make(&set, &packed));
	HOLDS(!signature_unpack(buf_slice(&packed), &signature, NULL));
	for (uint32_t i = 0, places[2]; i < set.n; i++) {
		signature_places(signature.class, set.list[i], places);
		HOLDS(signature_has(signature.bits.data, places[0]));
		HOLDS(signature_has(signature.bits.data, places[1]));
	}
	trigrams_done(&set);
	buf_done(&packed);
	return 0;
}
