#ifndef IMAPD_ENGINE_H
#define IMAPD_ENGINE_H
/* Between session.c (what comes in) and command.c (what becomes of it); nobody else includes this. */
#include "assembly.h"
#include "command.h"

/* Starts what was assembled; it may be over before this returns. Takes the arena over. */
void command_start(struct session *, const struct assembled *);
void command_refuse(struct session *, const struct assembled *); /* answers and frees it */
bool command_wants_line(const struct imap_cmd *);
/* True: the line was not for it, it ended, and the line is the next command's. */
bool command_line(struct imap_cmd *, struct slice line);
void command_drained(struct imap_cmd *);
void command_news(struct imap_cmd *);
/* False: it waits for no time, the session's own deadline has passed. */
bool command_timeout(struct imap_cmd *);
/* The session closes: at once, or when the job is back. */
void command_abandon(struct imap_cmd *);

/* Says how far it is, when it is time to. */
void imap_tell_progress(struct imap_cmd *);

/* A command is over: the next one, or the session's end. */
void session_command_over(struct session *);
/* What was done aside is over: news that waited for it, or the session's end. */
void session_aside_over(struct session *);
/* What is buffered, as far as somebody wants it now. */
void session_take_input(struct session *);
void session_count_bad(struct session *);

#endif
