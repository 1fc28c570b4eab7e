#ifndef IMAPD_NEWS_FETCH_H
#define IMAPD_NEWS_FETCH_H
/*
 * What is fetched of new messages without being asked again: MessageNew of NOTIFY, UPDATE of a search that goes on
 * (RFC 5465 5.2, 7). cmd_fetch.c does it, aside (command.h), and sends whole responses only.
 */
#include "base/uid_set.h"
#include "fetch_item.h"

struct session;

struct news_fetch {
	unsigned refs;
	struct arena *arena;
	struct fetch_request request;
	struct uid_set todo;
};

/* fetch-att *(SP fetch-att) in parentheses; NULL: it is no such list, args->error says why. The reference is the caller's. */
struct news_fetch *news_fetch_parse(struct imap_args *);
struct news_fetch *news_fetch_ref(struct news_fetch *); /* NULL accepted */
void news_fetch_unref(struct news_fetch *);             /* NULL accepted */
/* Begins what there is to do, unless something is under way aside. */
void news_fetch_begin(struct session *);

#endif
