/* What nudge_parse() takes, nudge_print() gives back the same. */
#include "bus/topics.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nudge nudge, again;
	struct buf out;

	if (!nudge_parse(slice_of(data, size), &nudge))
		return 0;
	buf_init(&out, 512);
	if (!nudge_print(&nudge, &out) || !nudge_parse(buf_slice(&out), &again) ||
	    again.topic != nudge.topic || !id_eq(&again.account, &nudge.account) ||
	    !id_eq(&again.subject, &nudge.subject) || again.number != nudge.number)
		abort();
	buf_done(&out);
	return 0;
}
