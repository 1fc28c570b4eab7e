#ifndef IMAPD_ARGS_H
#define IMAPD_ARGS_H
/*
 * The arguments of a command, read in the order of the grammar (RFC 9051 9). A
 * command was assembled whole before it is parsed: text segments with literals in between. Each reader takes one thing,
 * gives false when it is not there, and leaves a text for BAD in args->error. More
 * spaces than the grammar wants are accepted between arguments and inside parentheses.
 *
 * Slices point into the assembled command and live as long as the command; what is made here lives in its arena.
 */
#include "base/arena.h"
#include "base/uid_set.h"

struct folders;

struct imap_literal {
	struct slice data; /* {"", 0} when empty, never NULL */
	bool binary;       /* ~{n} */
};

struct imap_segment { /* text, without the "{n}" at its end; then, except behind the last, a literal */
	struct slice text;
	struct imap_literal literal;
	struct imap_segment *next;
};

struct imap_args {
	struct slice rest; /* of the text of `segment` */
	const struct imap_segment *segment;
	struct arena *arena;
	const char *error; /* of the last reader that gave false */
	/* Mailbox names are in UTF-8 (RFC 9051 5.1, RFC 6855 3); else in modified UTF-7, or UTF-8 where they are not. */
	bool utf8;
	/* With `utf8`, the mailboxes that there are: parts of a name that none has are read as modified UTF-7, which clients
	 * that have switched keep for the names they know already. NULL: no name has "&". */
	const struct folders *folders;
	/* The last mailbox as it was written, in UTF-8, when its name is another one; NULL otherwise. */
	const char *written;
};

void imap_args_start(struct imap_args *, const struct imap_segment *, struct arena *);

/* What is left is copied, and from now on read, into another arena, which may outlive the command. */
void imap_args_move(struct imap_args *, struct arena *);

bool imap_args_space(struct imap_args *); /* SP (or more) */
bool imap_args_end(struct imap_args *);   /* nothing but spaces is left */
bool imap_args_is_end(const struct imap_args *);
bool imap_args_char(struct imap_args *, char c); /* exactly this */
bool imap_args_peek(const struct imap_args *, char c);
bool imap_args_open(struct imap_args *);  /* "(" and spaces behind it */
bool imap_args_close(struct imap_args *); /* spaces and ")" */
/* Behind an item of a list: SP in front of another one. False: the list is closed here, or not well-formed, which
 * imap_args_close() tells. */
bool imap_args_more(struct imap_args *);
bool imap_args_word(struct imap_args *, const char *word); /* this atom, any case; takes nothing otherwise */
bool imap_args_atom(struct imap_args *, struct slice *ret);
bool imap_args_astring(struct imap_args *, struct slice *ret);
bool imap_args_string(struct imap_args *, struct slice *ret); /* quoted or literal */
bool imap_args_nstring(struct imap_args *, struct slice *ret, bool *ret_nil);
bool imap_args_literal(struct imap_args *, struct imap_literal *ret);
bool imap_args_number(struct imap_args *, uint64_t max, uint64_t *ret);
bool imap_args_nz_number(struct imap_args *, uint64_t max, uint64_t *ret);
/* sequence-set; "*" is kept as UINT32_MAX: selected_resolve() and selected_resolve_uids() know what it is. `ret` need
 * not be initialised and is freed with the arena. */
#define IMAP_SET_RANGES 16384
bool imap_args_set(struct imap_args *, struct uid_set *ret);
/* mailbox: astring, in UTF-8 as NFC has it, INBOX in capitals. */
bool imap_args_mailbox(struct imap_args *, const char **ret_utf8);
/* list-mailbox: like a mailbox, with wildcards, which also an atom may hold. Behind its reference; "" when it is empty. */
bool imap_args_list_mailbox(struct imap_args *, const char *reference, const char **ret_utf8);

/* flag-list "(…)" or, where `bare`, also flags without parentheses; keywords by name, each once. \Recent is read and
 * left out. */
struct imap_flags {
	uint32_t flags;
	const char **keywords;
	size_t n;
};
bool imap_args_flags(struct imap_args *, bool bare, struct imap_flags *ret);
bool imap_args_date(struct imap_args *, int32_t *ret_day); /* 1-Feb-1994, may be quoted: days since 1970 */
bool imap_args_date_time(struct imap_args *, int64_t *ret_ms); /* always quoted */

#endif
