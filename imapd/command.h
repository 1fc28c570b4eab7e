#ifndef IMAPD_COMMAND_H
#define IMAPD_COMMAND_H
/*
 * A command's way: parse() on the loop; then, while it asks to, run() on a worker and reply() back on the loop.
 * One file a command; verbs.c has the table.
 *
 *   IMAP_DONE   the tagged reply was given (by imap_ok, imap_no, imap_bad); it is sent behind the news
 *   IMAP_RUN    run() on a worker, then reply(). It runs while what reply() has written is on its way, if the client had
 *               taken all before that; else that drains first, so a slow reader holds two batches at most
 *   IMAP_AGAIN  reply() again on the loop, once the output has drained and others had their turn (no worker)
 *   IMAP_WAIT   the command waits for its own event (a view, a line) and calls imap_resume()
 *   IMAP_AFRESH from on_line() only: as IMAP_DONE, and the line is the next command's
 *
 * What no client waits for, or but a moment (context.h), and goes the same way, is done aside: imap_aside(). It has no tag
 * and no tagged reply, and goes on beside the commands of its session; EXPUNGE is not told meanwhile, so sequence numbers
 * stay. When the mailbox that it was begun in is no longer open it just ends.
 *
 * A session that closes calls done() at once, or when the job is back; nothing else follows.
 */
#include "account_ctx.h"
#include "args.h"
#include "base/arena.h"
#include "session.h"
#include "suite/folder.h"
#include "turn.h"

enum imap_next { IMAP_DONE, IMAP_RUN, IMAP_AGAIN, IMAP_WAIT, IMAP_AFRESH };

/* clang-format off */
enum verb_states { /* where a verb is legal, bits */
	IN_PLAIN = 1 << ST_PLAIN,
	IN_AUTH = 1 << ST_AUTH | 1 << ST_SELECTED,
	IN_SELECTED = 1 << ST_SELECTED,
	IN_ANY = IN_PLAIN | IN_AUTH,
};

enum verb_flags {
	UID_FORM = 1,         /* "UID X" exists */
	USES_SEQ = 2,         /* sequence numbers are in the arguments or the reply: no EXPUNGE meanwhile, unless UID form */
	MESSAGE_LITERAL = 4,  /* a literal may be a message: message_max is its limit (APPEND, REPLACE) */
	VERB_MOVES = 8,       /* MOVE, REPLACE: EXPUNGE is told whatever USES_SEQ says */
	VERB_EXAMINES = 16,
	VERB_UNSELECTS = 32,
	VERB_SUBSCRIBES = 64,
	VERB_LSUB = 128,
	LOOKS_FIRST = 256,    /* the selected view is looked at before parse() (NOOP, CHECK, EXPUNGE); always for UIDs it lacks */
	CHECKS_PASSWORD = 512, /* run() is on the small pool for that */
	NEEDS_PRIVACY = 1024, /* refused, before its literals are asked for, where passwords may not be said */
	VERB_DELETES = 4096,  /* DELETEACL */
	CHANGES_FOLDERS = 2048, /* run() may change which mailboxes there are, or what they are called */
};
/* clang-format on */

struct imap_command {
	size_t state_size; /* of cmd->state, zeroed */
	enum imap_next (*parse)(struct imap_cmd *, struct imap_args *);
	/* worker: no session, no conn, no view */
	enum fault (*run)(struct imap_cmd *, struct stack *, struct why *);
	/* behind run() with what it gave; else, for IMAP_AGAIN without a run, FAULT_NONE */
	enum imap_next (*reply)(struct imap_cmd *, enum fault, const struct why *);
	/* In IMAP_WAIT; each may be NULL. on_line(): a line came while cmd->reads_lines. on_news(): there is something to
	 * tell, or output has drained; it does not resume. on_timeout(): after session_wake_after(). */
	enum imap_next (*on_line)(struct imap_cmd *, struct slice line);
	void (*on_news)(struct imap_cmd *);
	void (*on_timeout)(struct imap_cmd *);
	void (*done)(struct imap_cmd *); /* clean-up of state before it is freed; any outcome */
};

struct imap_verb {
	const char *name;
	const struct imap_command *command;
	unsigned states, flags;
	const char *capability; /* without which it is unknown; NULL: a command of IMAP4rev1 */
};

const struct imap_verb *imap_verb_find(struct slice name);

struct imap_cmd {
	struct session *session; /* loop only */
	const struct imap_verb *verb;
	const char *tag;
	bool uid_form;
	struct arena *arena; /* of this command: the loop's, while run() is under way the worker's */
	void *state;

	/* For run(): what a worker may use. */
	struct account_ctx *account; /* referenced by the command; NULL before login */
	struct actor actor;          /* OWNER of that account */
	struct id selected;          /* mailbox; zero when none */
	/* In the selected mailbox, which another account may share: whose it is (referenced as well), and who acts. When none
	 * is, as above. */
	struct account_ctx *holder;
	struct actor acting;

	/* After the tagged reply was written (STARTTLS, LOGOUT); may be NULL. */
	void (*then)(struct session *);
	bool reads_lines; /* what comes in now is the command's own: on_line() */
	/* How far it is, for a client that waits for long (RFC 9585): never less than before, goal 0: nobody knows. */
	uint64_t progress, goal;
	bool within_response; /* a part of one was sent: nothing else may be */

	uint32_t oldest; /* of the messages it was limited to (limit.h); 0: to none */

	/* command.c's own */
	bool aside;
	unsigned busy;      /* its callbacks on the stack */
	uint64_t selection; /* selected.opened, as it began */
	struct job job;
	struct turn turn; /* of the job, and what it comes back to */
	void (*back)(struct imap_cmd *);
	struct stack *stack;
	enum fault fault;
	struct why why;
	int where;
	enum imap_next next; /* once the output has drained */
	bool ran;
	bool kept_up;       /* the client had taken everything when reply() was called */
	const char *tagged; /* the reply, "OK done" */
	struct view_wait *look;
	const struct imap_segment *segments;
	struct folder_list *names; /* that the arguments are read by (args.h), NULL */
	uint64_t reserved;         /* of the memory for messages */
	int64_t started, heard;    /* heard: when the client was last told how far it is, or it began */
	uint32_t rights;           /* of a guest, just asked for */
	int64_t worked;            /* ms that run() took */
	int64_t held_until; /* until when its tagged reply waits for what is done aside, 0: it does not */
	bool told;          /* all news that there were, once */
	struct log_ctx log;
};

/* ---- tagged replies: kept until the news that are allowed now were sent; each returns IMAP_DONE ---- */
enum imap_next imap_ok(struct imap_cmd *, const char *format, ...) PRINTF_LIKE(2, 3);
/* code is "[APPENDUID 1 2]" with its brackets, or "" */
enum imap_next imap_ok_code(struct imap_cmd *, const char *code, const char *text);
enum imap_next imap_no(struct imap_cmd *, enum fault,
                       const struct why *); /* code and text from the faults table; logs */
enum imap_next imap_no_code(struct imap_cmd *, const char *code, const char *text);
enum imap_next imap_bad(struct imap_cmd *, const char *text); /* NULL: "Malformed command" */

/* ---- untagged ---- */
void imap_untagged(struct session *, const char *format, ...) PRINTF_LIKE(2, 3); /* adds "* " and CRLF */
void imap_continue(struct session *, const char *text);                          /* "+ text" */
/* A string as IMAP sends it: NIL (no data), quoted when it can be, else a literal. */
void imap_add_string(struct buf *, struct slice);
/* The same for who takes UTF-8 in quoted strings. */
void imap_add_string_utf8(struct buf *, struct slice);
void imap_add_astring(struct buf *, struct slice);
/* As the session reads names, as an astring: in UTF-8 when that is enabled, else in modified UTF-7. */
void imap_add_mailbox(struct buf *, const struct session *, const char *utf8_path);
void imap_add_flags(struct buf *, const struct keywords *, uint32_t flags, uint64_t keywords,
                    bool recent);                                      /* "(...)" */
const char *imap_capabilities(const struct session *, struct arena *); /* without "CAPABILITY " */
/* Whether the session has it, as far as an operator says (capability_off.c); and those of a list that it has. */
bool imap_capability_on(const struct session *, struct slice capability);
/* As above, for what IMAP4rev2 has too: whether what it adds to answers is told to who did not ask. */
bool imap_tells(const struct session *, const char *capability);
const char *imap_capabilities_left(const struct session *, struct arena *, const char *all);

/* Whether the selected mailbox grants it (enum acl_right); if not, the reply is given: NO [NOPERM]. */
bool imap_may(struct imap_cmd *, uint32_t rights);
/* sequence-set, "$", or UIDs in UID form, as UIDs; ghosts (expunged, not yet told) are among them, unknown UIDs may be. */
bool imap_args_messages(struct imap_args *, struct imap_cmd *, struct uid_set *ret_uids);

/* Begins what `verb` says beside the command under way, soon, with its reply(); unless there is something aside already:
 * false. */
bool imap_aside(struct session *, const struct imap_verb *);

/* A command in IMAP_WAIT goes on: as if `next` had been returned. Loop only, and not from inside its own callbacks
 * that return an enum imap_next. imap_resume(cmd, imap_ok(cmd, "…")) ends it. Nothing may be done with `cmd` behind it. */
void imap_resume(struct imap_cmd *, enum imap_next next);

#endif
