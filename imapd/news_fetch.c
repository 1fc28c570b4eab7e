/* Fetching new messages unasked (news_fetch.h): what is asked for, kept as long as somebody may need it. */
#include "news_fetch.h"

#include <stdlib.h>

/* The list is read twice: where it outlives the command, and where the command goes on behind it. */
struct news_fetch *news_fetch_parse(struct imap_args *args)
{
	struct news_fetch *news = xzalloc(sizeof(*news));
	struct imap_args copy = *args;
	struct fetch_request unused;

	news->refs = 1;
	news->arena = arena_new();
	uid_set_init(&news->todo);
	imap_args_move(&copy, news->arena);
	if (fetch_parse_list(args, &unused) && fetch_parse_list(&copy, &news->request)) {
		news->request.sets_seen = false;
		return news;
	}
	news_fetch_unref(news);
	return NULL;
}

struct news_fetch *news_fetch_ref(struct news_fetch *news)
{
	if (news)
		news->refs++;
	return news;
}

void news_fetch_unref(struct news_fetch *news)
{
	if (!news || --news->refs)
		return;
	uid_set_done(&news->todo);
	arena_free(news->arena);
	free(news);
}
