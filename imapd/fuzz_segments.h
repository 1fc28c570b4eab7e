#ifndef IMAPD_FUZZ_SEGMENTS_H
#define IMAPD_FUZZ_SEGMENTS_H
/* Arguments from the bytes of a fuzzer: lines, the first of them text, then a literal and more text in turn. */
#include "args.h"

#define FUZZ_SEGMENTS 16

static inline void fuzz_segments(struct imap_args *args, struct imap_segment segments[FUZZ_SEGMENTS],
                                 struct slice text, struct arena *arena)
{
	size_t n = 0;

	memset(segments, 0, FUZZ_SEGMENTS * sizeof(*segments));
	(void)slice_cut(&text, '\n', &segments[0].text);
	while (n + 1 < FUZZ_SEGMENTS && slice_cut(&text, '\n', &segments[n].literal.data)) {
		if (!segments[n].literal.data.data)
			segments[n].literal.data = SLICE("");
		segments[n].next = &segments[n + 1];
		n++;
		if (!slice_cut(&text, '\n', &segments[n].text))
			break;
	}
	imap_args_start(args, segments, arena);
}

#endif
