#ifndef IMAPD_OBJECT_ID_H
#define IMAPD_OBJECT_ID_H
/*
 * Object identifiers (RFC 8474). A mailbox's is its own id: it stays through RENAME. A message's follows from its
 * content, so a copy has it too, under the account's key: accounts that got the same message see different ones.
 */
#include "crypt/account_key.h"

struct object_id { /* 1*255(ALPHA / DIGIT / "_" / "-") */
	char text[36];
};

struct object_id object_id_of_mailbox(const struct id *mailbox);
struct object_id object_id_of_content(const struct account_key *, const struct id *content);
/* The latter without its letter, for comparing; and from what a client has sent: 'M' and an id. */
struct id object_id_raw(const struct account_key *, const struct id *content);
bool object_id_parse(char kind, struct slice text, struct id *ret);

#endif
