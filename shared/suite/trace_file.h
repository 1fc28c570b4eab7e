#ifndef SHARED_SUITE_TRACE_FILE_H
#define SHARED_SUITE_TRACE_FILE_H
/*
 * Files of what an account's sessions said, in data_dir/trace of the machine they were on: one a session, in pieces sealed
 * with the account's key, as its mail is. A piece that was altered, moved or left out ends the reading.
 */
#include "crypt/account_key.h"

#define TRACE_PIECE_MAX  ((size_t)1 << 20)
#define TRACE_FOLDER_MAX (INT64_C(1) << 30) /* all files together; past it no new one begins */
#define TRACE_KEEP_MS    (INT64_C(7) * 24 * 3600 * 1000)

struct trace_file {
	const char *dir;
	struct id account, session;
};

/* Adds piece `number`, the first is 0; that one makes the file, and throws away files older than TRACE_KEEP_MS.
 * LIMIT: the folder is full. */
MUST_CHECK enum fault trace_file_add(const struct trace_file *, const struct account_key *, uint32_t number,
                                     struct slice plain, struct why *);
/* All the files of an account, the oldest first, each behind a line with its name, appended to `out`. */
MUST_CHECK enum fault trace_files_read(const char *dir, const struct id *account, const struct account_key *,
                                       struct buf *out, struct why *);

#endif
