#ifndef IMAPD_NEW_MESSAGE_H
#define IMAPD_NEW_MESSAGE_H
/*
 * Messages that a command brings (APPEND, REPLACE): read from its arguments, sealed, and filed into the mailbox
 * that it names.
 *
 *   loop     new_messages_take() for each, new_messages_check()
 *   worker   new_messages_find(), new_message_seal() for each, new_messages_file()
 *   loop     new_messages_fail() says what was wrong, new_messages_code() what they have become
 */
#include "command.h"
#include "imap_url.h"
#include "suite/message.h"
#include "target.h"

struct new_part { /* of CATENATE (RFC 4469): a text, or what a URL names */
	struct imap_literal text;
	struct slice url; /* no data: it is a text */
	struct imap_url parsed;
};

struct new_message {
	struct imap_flags flags;
	int64_t date; /* when `dated` */
	bool dated;
	struct imap_literal text;
	struct new_part *parts; /* NULL: the text is all of it */
	size_t n_parts;
};

struct new_messages {
	struct target target; /* the path is the command's to set */
	struct new_message *list;
	struct mailbox_append *entries; /* what becomes of each */
	size_t n, room;
	const char
	    *keywords[MAILBOX_KEYWORDS_MAX + 1]; /* of all messages; one more than a mailbox can have */
	size_t n_keywords;
	/* What came of it. */
	bool catenates, found, tried, filed, has_nul, is_binary, is_empty;
	struct slice bad_url; /* that names nothing */
	struct id mailbox;
	struct keywords names; /* of the mailbox, when there are keywords */
	struct mailbox_appended made;
};

/* append-message = [SP flag-list] [SP date-time] SP (append-data / "CATENATE" SP "(" cat-part *(SP cat-part) ")") */
bool new_messages_take(struct new_messages *, struct imap_args *);
/* IMAP_RUN, or the command's end: one of them is empty, which is also how a client takes all of them back (RFC 3502
 * 6.3.11); a URL does not read; there is no memory for what is to be put together. */
enum imap_next new_messages_check(struct new_messages *, struct imap_cmd *);

/* Checks the text, finds the mailbox. INPUT: see new_messages_fail(). NO_TARGET, OVER_QUOTA. */
MUST_CHECK enum fault new_messages_find(struct new_messages *, struct imap_cmd *, struct stack *,
                                        struct why *);
/* The message put together and sealed, and its entry: everything but the keywords. */
MUST_CHECK enum fault new_message_seal(struct new_messages *, size_t i, struct imap_cmd *, struct stack *,
                                       struct arena *, struct sealed_message *ret, struct why *);
/* Whether there is room, now that it is known how large they are. OVER_QUOTA. */
MUST_CHECK enum fault new_messages_weigh(struct new_messages *, struct imap_cmd *, struct stack *,
                                         struct why *);
/* The keywords that the messages have, made known to the mailbox, and put into the entries. */
MUST_CHECK enum fault new_messages_name(struct new_messages *, struct imap_cmd *, struct stack *,
                                        struct why *);
/* Both, and the entries appended. NOT_FOUND. */
MUST_CHECK enum fault new_messages_file(struct new_messages *, struct imap_cmd *, struct stack *,
                                        struct why *);

/* Once they are filed, as new_messages_file() does it. */
void new_messages_note_seen(const struct new_messages *, const struct imap_cmd *, struct stack *);

enum imap_next new_messages_fail(const struct new_messages *, struct imap_cmd *, enum fault,
                                 const struct why *);
const char *new_messages_code(const struct new_messages *, struct imap_cmd *); /* "[APPENDUID …]", or "" */

#endif
