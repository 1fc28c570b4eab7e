#ifndef IMAPD_COMMAND_H
#define IMAPD_COMMAND_H
/*
 * A command's way: parse() on the loop; then, while it asks to, run() on a worker and reply() back on the loop.
 * One file a command; verbs.c has the table. Example: cmd_copy.c.
 *
 *   IMAP_DONE   the tagged reply was sent (imap_ok, imap_no, imap_bad gave it)
 *   IMAP_RUN    run() on a worker, then reply(); sent output drains first, so a slow reader holds one batch
 *   IMAP_AGAIN  reply() again on the loop once the output has drained (no worker)
 *   IMAP_WAIT   the command waits for its own event (a view, IDLE's DONE) and calls imap_resume() or imap_ok()
 */
#include "args.h"
#include "base/arena.h"
#include "session.h"
#include "suite/folder.h"

enum imap_next { IMAP_DONE, IMAP_RUN, IMAP_AGAIN, IMAP_WAIT };

enum verb_states { /* where a verb is legal, bits */
	           IN_ANY = 1 << ST_PLAIN | 1 << ST_AUTH | 1 << ST_SELECTED,
	           IN_PLAIN = 1 << ST_PLAIN,
	           IN_AUTH = 1 << ST_AUTH | 1 << ST_SELECTED,
	           IN_SELECTED = 1 << ST_SELECTED,
};

enum verb_flags {
	UID_FORM = 1, /* "UID X" exists */
	USES_SEQ =
	    2, /* sequence numbers are in the arguments or the reply: no EXPUNGE meanwhile, unless UID form */
	MESSAGE_LITERAL = 4, /* its last literal is a message: message_max is its limit (APPEND) */
	VERB_MOVES = 8,
	VERB_EXAMINES = 16,
	VERB_UNSELECTS = 32,
	VERB_SUBSCRIBES = 64,
	VERB_LSUB = 128,
	LOOKS_FIRST = 256,  /* the selected view is made fresh before the reply (NOOP, CHECK) */
	SECRET_ARGS = 512,  /* arguments are never logged (LOGIN, AUTHENTICATE) */
	READS_LINES = 1024, /* takes lines itself after the command (IDLE, AUTHENTICATE): on_line() */
};

struct imap_command {
	size_t state_size; /* of cmd->state, zeroed */
	enum imap_next (*parse)(struct imap_cmd *, struct imap_args *);
	enum fault (*run)(struct imap_cmd *, struct stack *,
	                  struct why *); /* worker: no session, no conn, no view */
	enum imap_next (*reply)(struct imap_cmd *, enum fault, const struct why *);
	enum imap_next (*on_line)(struct imap_cmd *, struct slice line); /* READS_LINES */
	void (*on_news)(struct imap_cmd *); /* the selected view changed (IDLE) */
	void (*done)(struct imap_cmd *); /* clean-up of state before it is freed; may be NULL; any outcome */
};

struct imap_verb {
	const char *name;
	const struct imap_command *command;
	unsigned states, flags;
};

const struct imap_verb *imap_verb_find(struct slice name);

struct imap_cmd {
	struct session *session; /* loop only */
	const struct imap_verb *verb;
	const char *tag;
	bool uid_form;
	struct arena *arena; /* of this command */
	void *state;

	/* For run(): what a worker may use. Set before the first run. */
	struct account_ctx *account; /* referenced by the command */
	struct actor actor;          /* OWNER of that account */
	struct id selected;          /* mailbox; zero when none */

	/* command.c's own */
	struct job job;
	enum fault fault;
	struct why why;
	unsigned phase;
	int64_t started;
};

/* ---- tagged replies: send what news is allowed, then the line; each returns IMAP_DONE ---- */
enum imap_next imap_ok(struct imap_cmd *, const char *format, ...) PRINTF_LIKE(2, 3);
/* code is "[APPENDUID 1 2]" without brackets */
enum imap_next imap_ok_code(struct imap_cmd *, const char *code, const char *text);
enum imap_next imap_no(struct imap_cmd *, enum fault,
                       const struct why *); /* code and text from the faults table; logs */
enum imap_next imap_no_code(struct imap_cmd *, const char *code, const char *text);
enum imap_next imap_bad(struct imap_cmd *, const char *text);

/* ---- untagged ---- */
void imap_untagged(struct session *, const char *format, ...) PRINTF_LIKE(2, 3); /* adds "* " and CRLF */
void imap_continue(struct session *, const char *text);                          /* "+ text" */
/* A string as IMAP sends it: NIL (no data), quoted when it can be, else a literal. */
void imap_add_string(struct buf *, struct slice);
void imap_add_astring(struct buf *, struct slice);
void imap_add_mailbox(struct buf *, const char *utf8_path); /* modified UTF-7 */
void imap_add_flags(struct buf *, const struct keywords *, uint32_t flags, uint64_t keywords,
                    bool recent);                                      /* "(...)" */
const char *imap_capabilities(const struct session *, struct arena *); /* without "CAPABILITY " */

/* A command in IMAP_WAIT goes on: as if `next` had been returned. Loop only. */
void imap_resume(struct imap_cmd *, enum imap_next next);

#endif
