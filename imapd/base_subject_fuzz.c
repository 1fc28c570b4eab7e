/* Fuzzes base subjects: what came out has nothing left to take away. */
#include "base_subject.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice once, twice;
	struct buf plain;
	bool reply;

	buf_init(&plain, BUF_NO_LIMIT);
	subject_plain(&plain, slice_of(data, len));
	once = base_subject(buf_slice(&plain), &reply);
	if (!reply && once.len > plain.len)
		__builtin_trap();
	twice = base_subject(once, &reply);
	if (reply || !slice_eq(once, twice))
		__builtin_trap();
	buf_done(&plain);
	return 0;
}
