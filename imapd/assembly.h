#ifndef IMAPD_ASSEMBLY_H
#define IMAPD_ASSEMBLY_H
/*
 * A command being put together from lines and literals (RFC 9051 4.3, RFC 7888 LITERAL+, RFC 3516 ~{n}), without I/O.
 * The session feeds it lines and bytes as it is told; what comes out is a tag, a verb and segments for args.h.
 *
 *   ASSEMBLY_LINE      wants a line: assembly_line()
 *   ASSEMBLY_CONTINUE  as ASSEMBLY_BYTES, but the client waits for "+" first
 *   ASSEMBLY_BYTES     wants assembly_wants() bytes: assembly_bytes()
 *   ASSEMBLY_WHOLE     the command is there; when `refusal` is set it is answered with that
 *   ASSEMBLY_HOPELESS  more announced than will ever be swallowed: end the session
 *
 * A refused command that announced literals with {n+} is swallowed to its end, so that their bytes are never taken
 * for commands. One with {n} is over at once: its client waits for "+" and gets the refusal instead.
 */
#include "args.h"

struct assembly;
struct imap_verb;

enum assembly_next { ASSEMBLY_LINE, ASSEMBLY_CONTINUE, ASSEMBLY_BYTES, ASSEMBLY_WHOLE, ASSEMBLY_HOPELESS };

struct assembly_conf {
	size_t command_max; /* text and small literals together */
	size_t message_max; /* a literal of a verb with MESSAGE_LITERAL */
	/* The verb of the first line, for what it may carry; NULL: unknown or not allowed now, `*ret_refusal` says so. */
	const struct imap_verb *(*find)(void *arg, struct slice name, bool uid, const char **ret_refusal);
	bool (*reserve)(void *arg,
	                uint64_t bytes); /* memory for a message; it is given back by who frees the command */
	void *arg;
};

struct assembled {
	const char *tag;              /* "*" when the line had none */
	const struct imap_verb *verb; /* NULL: see refusal */
	bool uid;
	struct imap_segment *segments; /* behind the verb */
	const char *refusal;           /* "BAD Unknown command", "NO [TOOBIG] …"; NULL when it is good */
	uint64_t reserved;
	struct arena *arena; /* holds all of this */
};

struct assembly *assembly_new(const struct assembly_conf *);
void assembly_free(struct assembly *); /* NULL accepted */
enum assembly_next assembly_line(struct assembly *, struct slice line);
enum assembly_next assembly_long_line(struct assembly *); /* one that passed the limit, and is gone */
enum assembly_next assembly_bytes(struct assembly *, struct slice); /* at most assembly_wants() */
size_t assembly_wants(const struct assembly *);
size_t assembly_line_max(const struct assembly *); /* of the next line */
bool assembly_is_begun(const struct assembly *);   /* it was fed anything */
/* The result of ASSEMBLY_WHOLE; its arena is the caller's from now on. */
struct assembled assembly_take(struct assembly *);
uint64_t assembly_reserved(const struct assembly *); /* of one that is freed instead */

#endif
