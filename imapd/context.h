#ifndef IMAPD_CONTEXT_H
#define IMAPD_CONTEXT_H
/*
 * Searches that go on (RFC 5267 4.3, CONTEXT=SEARCH): behind SEARCH RETURN (UPDATE …) the client hears of what comes to
 * match and what no longer does, in ESEARCH responses with ADDTO and REMOVEFROM.
 *
 * A context keeps its keys as they were bound when the command came, and the UIDs that match. It is asked again of messages
 * that are new or whose flags anybody has changed; what only the content can tell is found out aside (command.h), and told
 * in front of the tagged reply of the command that brought it, when that is soon. It ends with CANCELUPDATE, or with the mailbox. A session has at most CONTEXTS_MAX.
 */
#include "command.h"
#include "news_fetch.h"
#include "search_key.h"

#define CONTEXTS_MAX 16

struct context;
struct contexts;

bool context_has_tag(const struct session *, const char *tag);
/* For a SEARCH that is about to be parsed: what is left of its arguments goes into the context's arena. NULL: there are
 * too many, the client was told so. `fetch` (NULL: nothing) is what is fetched of new messages that come to match; it takes a
 * reference. */
struct context *context_begin(struct imap_cmd *, struct imap_args *, struct news_fetch *);
/* What it found; from now on the session has the context. */
void context_start(struct session *, struct context *, const struct search *, const struct uid_set *found);
void context_drop(struct context *); /* one that was not started; NULL accepted */
void context_cancel(struct session *, struct slice tag);

/* For what is to be told: before EXPUNGE, and behind EXISTS and FETCH. Nothing when there are no contexts. */
void contexts_tell_gone(struct session *);
void contexts_tell_changed(struct session *);
/* Begins to ask the content, if that has to be; false: there is nothing to ask. */
bool contexts_go_on(struct session *);
/* That is under way, or waits to be begun. */
bool contexts_ask(const struct session *);
/* What has something to fetch; NULL: nothing. */
struct news_fetch *contexts_next_fetch(const struct session *);
void contexts_free(struct session *);

#endif
