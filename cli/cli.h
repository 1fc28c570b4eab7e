#ifndef CLI_CLI_H
#define CLI_CLI_H
/*
 * The posthouse command. main.c finds the verb; each file cmd_<verb>.c has one, with its actions in a table. A verb that
 * needs the store gets the stack opened; what it changes is audited as "cli".
 *
 * Exit: 0; 1 it could not be done; 64 wrong usage; 75 try again later; 78 the configuration is wrong.
 */
#include "suite/directory.h"
#include "suite/stack.h"

#define CLI_USAGE 64

struct cli {
	const char *program; /* argv[0] */
	const char *conf_path;
	struct suite_conf suite;
	struct stack *stack; /* NULL unless the verb needs it */
	struct arena *arena;
	bool yes; /* --yes: do what cannot be undone without asking */
	int argc; /* of the action: argv[0] is its first argument */
	char **argv;
};

struct cli_action {
	const char *name; /* NULL: the verb has one action only */
	const char *arguments, *help;
	int min, max; /* number of arguments; max -1: any */
	int (*run)(struct cli *);
};

struct cli_verb {
	const char *name, *help;
	unsigned needs;                   /* enum stack_needs, or CLI_NO_STACK, CLI_NO_CONF */
	const struct cli_action *actions; /* ended by run NULL */
};

enum { CLI_NO_STACK = 1 << 16, CLI_NO_CONF = 1 << 17 };

extern const struct cli_verb verb_init, verb_run, verb_domain, verb_user, verb_alias, verb_queue, verb_trace,
    verb_key, verb_token, verb_ban, verb_share, verb_sweep, verb_fsck, verb_search, verb_conf;

extern const struct change_by cli_by;

/* Says what went wrong on stderr, plainly; the exit code for it. */
int cli_fail(enum fault, const struct why *);
int cli_usage(const char *format, ...) PRINTF_LIKE(1, 2);
/* A password: from `given`, or asked for twice without echo, or one line of standard input when that is no terminal. */
MUST_CHECK enum fault cli_password(struct cli *, const char *given, struct slice *ret, struct why *);
/* "yes" typed at a terminal, or --yes. */
bool cli_confirm(const struct cli *, const char *question);
/* "512M", "2G"; false when it is no size. */
bool cli_size(const char *text, uint64_t *ret);
/* Overwrites one line of a terminal; nothing when stderr is none. */
struct walk_progress;
void cli_progress(void *arg, const struct walk_progress *);
void cli_progress_end(void);

#endif
