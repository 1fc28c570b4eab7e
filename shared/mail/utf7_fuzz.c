/* Modified UTF-7: a bijection between the UTF-8 it takes and the names it takes. */
#include <stdlib.h>

#include "base/utf8.h"
#include "mail/utf7.h"

#define HOLDS(what)                                                                                          \
	do {                                                                                                 \
		if (!(what))                                                                                 \
			abort();                                                                             \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of(data, size);
	struct buf there, back;

	buf_init(&there, BUF_NO_LIMIT);
	buf_init(&back, BUF_NO_LIMIT);
	if (utf7_encode(&there, in)) {
		HOLDS(utf8_is_ascii(buf_slice(&there)));
		HOLDS(utf7_decode(&back, buf_slice(&there)) && slice_eq(buf_slice(&back), in));
	}
	buf_clear(&there);
	buf_clear(&back);
	if (utf7_decode(&there, in)) {
		HOLDS(utf8_valid(buf_slice(&there)));
		HOLDS(utf7_encode(&back, buf_slice(&there)) && slice_eq(buf_slice(&back), in));
	}
	buf_done(&there);
	buf_done(&back);
	return 0;
}
