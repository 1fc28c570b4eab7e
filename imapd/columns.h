#ifndef IMAPD_COLUMNS_H
#define IMAPD_COLUMNS_H
/*
 * What a view keeps of SORTs and THREADs: a column (column.h) for each thing that they look at in headers.
 *
 * Memory is bounded a view and a process. The loop's only; the columns themselves go to workers.
 */
#include "column.h"
#include "sort_key.h"
#include "thread_ids.h"

#define COLUMNS_MAX     (64u * 1024 * 1024) /* of one view: past it the others go, and a larger one is not kept */
#define COLUMNS_MAX_ALL (256u * 1024 * 1024) /* of all views: past it, nothing is added */

struct columns;

struct columns *columns_new(void);
void columns_free(struct columns *); /* NULL accepted */
size_t columns_memory(const struct columns *);
/* Borrowed; NULL: there is none. */
struct column *columns_get(const struct columns *, enum sort_by);
/* Keeps what a command has made, if it knows more than what is there; `messages`: how many the mailbox has. */
void columns_keep(struct columns *, enum sort_by, struct column *, uint32_t messages);
struct thread_ids *columns_ids(const struct columns *);
void columns_keep_ids(struct columns *, struct thread_ids *, uint32_t messages);

#endif
