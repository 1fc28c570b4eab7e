#ifndef SHARED_BLOB_S3_XML_H
#define SHARED_BLOB_S3_XML_H
/* The two XML answers of S3 that we read: the list of objects (ListObjectsV2) and errors. Hostile input: bounded. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/rand.h"

struct s3_object {
	struct slice key;
	uint64_t size;
	int64_t modified; /* UTC ms; 0 when it was not readable */
};

struct s3_page {
	struct s3_object *objects;
	size_t n;
	bool truncated;    /* more follow */
	struct slice next; /* NextContinuationToken */
};

/* At most `max` objects are kept; more than that is malformed. False on malformed XML. All memory from the arena. */
bool s3_xml_list(struct slice xml, size_t max, struct arena *, struct s3_page *ret);

struct s3_error {
	char code[64]; /* "NoSuchKey"; "" when there was none to read */
	char message[128];
};

void s3_xml_error(struct slice xml, struct s3_error *ret);

#endif
