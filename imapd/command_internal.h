#ifndef IMAPD_COMMAND_INTERNAL_H
#define IMAPD_COMMAND_INTERNAL_H
/* What command.c and command_begin.c share: where a command is, and its steps. */
#include "engine.h"

enum where { HERE, AT_WORKER /* or it waits for one */, POSTED, DRAINING, WAITING, LOOKING, HELD };

/* One step further, as a callback of the command wants it. */
void command_proceed(struct imap_cmd *, enum imap_next);
/* In its account's turn, then back(): cmd->fault is what `run` put there, or that there was no worker. */
void command_go_to_worker(struct imap_cmd *, void (*run)(struct job *, void *),
                          void (*back)(struct imap_cmd *));
/* Its reply() is called, but not from here. */
void command_post_reply(struct imap_cmd *);
/* The news, then the tagged reply, as soon as they may be told; then command_end(). */
void command_finish(struct imap_cmd *);
/* Gives everything back; the session goes on. */
void command_end(struct imap_cmd *);

#endif
