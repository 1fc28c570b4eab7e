#ifndef IMAPD_FETCH_VIEW_H
#define IMAPD_FETCH_VIEW_H
/*
 * FETCH responses from the view alone: "* 12 FETCH (UID 5 FLAGS (\Seen)", behind ENABLE UIDONLY (RFC 9586)
 * "* 5 UIDFETCH (FLAGS (\Seen)", to be closed, or continued by a worker. Tens of thousands are written at once, so nothing here is formatted twice.
 */
#include "base/buf.h"
#include "fetch_item.h"
#include "rows.h"

struct fetch_view {  /* the last list of flags as text; zeroed at first, fetch_view_done() at last */
	bool by_uid; /* UIDFETCH: the session takes no numbers */
	struct buf text;
	bool valid, recent;
	uint32_t flags, names;
	uint64_t keywords;
};

/* The present row with `flags` and `modseq`, which may be what a commit under way will make of it. */
void fetch_view_add(struct fetch_view *, struct buf *out, const struct rows *, unsigned items, uint32_t flags,
                    uint64_t modseq);
void fetch_view_done(struct fetch_view *);

#endif
