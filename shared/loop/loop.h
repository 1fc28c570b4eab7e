#ifndef SHARED_LOOP_LOOP_H
#define SHARED_LOOP_LOOP_H
/*
 * The event loop of a daemon: one per process, libuv beneath, nothing of libuv
 * in this header. Loops do protocol only and never block; what may block is a
 * job (job.h). Everything in loop/ is called on the loop's thread except
 * loop_post() and where a header says otherwise.
 */
#include "base/fault.h"

struct loop;
struct uv_loop_s; /* libuv's, for loop/ and dns/ only */

struct loop *loop_new(void);
void loop_free(struct loop *); /* after loop_run() returned and its users are closed */
struct uv_loop_s *loop_uv(struct loop *);

/* Runs until loop_stop(), and then until no connection and no job is left or `grace_ms` are over; connections that are
 * left then are aborted. One stop ends one run. */
void loop_run(struct loop *, int64_t grace_ms);
void loop_stop(struct loop *);
/* What is ready, waiting at most `ms` for it: for tests and tools that wait for a condition of their own. */
void loop_step(struct loop *, int64_t ms);
bool loop_stopping(const struct loop *);
int64_t loop_now(const struct loop *); /* cached monotonic ms */

/* From any thread: `run(arg)` on the loop, soon, in order of posting. */
void loop_post(struct loop *, void (*run)(void *arg), void *arg);

#endif
