#ifndef IMAPD_MOVE_CHECK_H
#define IMAPD_MOVE_CHECK_H
/* Moves that a crash has cut short, of whichever process: finished by a look at the store twice a minute (suite/move.h). */

struct imapd;

/* Loop. Does nothing while a look is under way. */
void move_check(struct imapd *);

#endif
