#ifndef MTA_BODY_H
#define MTA_BODY_H
/*
 * A letter's bytes in order, as a client asks for them: signatures, then the
 * message, a piece at a time. Pieces of a large message are opened in jobs, the
 * next one while the last is being sent: at most two are in memory.
 */
#include "letter.h"
#include "loop/job.h"

struct body;

enum body_got { BODY_PIECE, BODY_WAIT, BODY_END, BODY_FAULT };

/* `on_piece` on the loop, after BODY_WAIT: ask again. */
struct body *body_new(struct stack *, struct pool *, struct letter *, void (*on_piece)(void *arg), void *arg);
void body_free(struct body *); /* NULL accepted; a job under way is let finish first */
/* The piece is valid until the next call. */
enum body_got body_next(struct body *, struct slice *ret, struct why *);

#endif
