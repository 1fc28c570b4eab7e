#ifndef SHARED_STORE_STATE_H
#define SHARED_STORE_STATE_H
/* Rows of a mailbox in memory, between state.c (the arrays) and news.c (what changes them). */
#include "store/page.h"

enum { ROW_BARE = 0, ROW_LOADED = 1, ROW_DEAD = 2 }; /* loaded[]; dead only while news are being applied */

/* Room for so many rows and vanished runs in all. */
void state_reserve(struct mailbox_state *, uint32_t rows, uint32_t vanished);
/* Adds rows at the end: from a page's columns, or from an append entry. */
void state_push_page(struct mailbox_state *, const struct page *, uint32_t at);
void state_push_append(struct mailbox_state *, uint32_t uid, uint64_t modseq, const struct mailbox_append *);
/* Takes the dead rows out. */
void state_compact(struct mailbox_state *);
void state_add_vanished(struct mailbox_state *, uint64_t modseq, struct uid_range uids);
/* Sorts the runs from `from` on, joins neighbours of one change, and forgets all up to the head's floor. */
void state_settle_vanished(struct mailbox_state *, uint32_t from);

#endif
