#ifndef IMAPD_METADATA_REQUEST_H
#define IMAPD_METADATA_REQUEST_H
/* What GETMETADATA, SETMETADATA (RFC 5464 5) and the METADATA of LIST (RFC 9590) ask for. No I/O here. */
#include "args.h"
#include "store/acl.h"
#include "suite/metadata.h"

#define METADATA_REQUEST_MAX 200 /* entries of one command */
#define METADATA_USE         "/private/specialuse"
/* One of these is what a guest needs beside l (RFC 5464 3.3). */
#define METADATA_RIGHTS      (ACL_READ | ACL_SEEN | ACL_WRITE | ACL_INSERT | ACL_POST)

struct metadata_request {
	const char *path;               /* "": the server */
	unsigned depth;                 /* 0, 1, UINT_MAX */
	uint64_t max_size;              /* of values that are told; UINT64_MAX: any */
	struct metadata_entry *entries; /* their values are for SETMETADATA */
	size_t n;
};

/* Behind the verb. False: BAD, with the text in args->error. */
bool metadata_get_parse(struct imap_args *, struct metadata_request *ret);
bool metadata_set_parse(struct imap_args *, struct metadata_request *ret);
/* Behind LIST's word METADATA, up to the end of it; no path. */
bool metadata_list_parse(struct imap_args *, struct metadata_request *ret);
/* "/private/…"; the other ones are shared. */
bool metadata_is_private(struct slice name);
/* The entry that has a mailbox's special uses, which is not for SETMETADATA to set (RFC 6154 4). */
bool metadata_is_use(struct slice name);
/* Is `name` one of those that a request for `entry` asks for, at that depth? */
bool metadata_matches(struct slice entry, unsigned depth, struct slice name);

#endif
