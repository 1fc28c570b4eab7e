#ifndef SHARED_BUS_TOPICS_H
#define SHARED_BUS_TOPICS_H
/* What travels on the bus. schemas/bus/nudge.json describes the same for other readers; a test holds them together. */
#include "base/buf.h"
#include "base/rand.h"

enum topic {
	TOPIC_MAILBOX,  /* "mailbox.changed": subject = mailbox, account, number = modseq just committed */
	TOPIC_FOLDERS,  /* "folders.changed": account's list of mailboxes changed */
	TOPIC_QUEUE,    /* "queue.due": subject = queue entry; mta should look */
	TOPIC_ACCOUNT,  /* "account.changed": password, keys, limits: drop what is cached */
	TOPIC_SETTINGS, /* "settings.changed": domains, DKIM keys, suite settings */
	TOPIC_URL_KEY, /* "urlkey.changed": subject = mailbox; what account has signed of it is revoked. number = who says so */
	TOPIC_METADATA, /* "metadata.changed": annotations that are account's; subject = mailbox, perhaps another account's; zero: the server */
	TOPIC_COUNT,
};

struct nudge {
	enum topic topic;
	struct id account; /* zero when none */
	struct id subject;
	uint64_t number;
};

const char *topic_name(enum topic);
/* The wire form, JSON: {"topic":"mailbox.changed","account":"…","subject":"…","number":5} */
bool nudge_print(const struct nudge *, struct buf *out);
/* False on anything malformed. */
bool nudge_parse(struct slice, struct nudge *ret);

#endif
