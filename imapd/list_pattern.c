/* Patterns of LIST (list_pattern.h). */
#include "list_pattern.h"

#include <string.h>
#include <strings.h>

#include "suite/folder.h"

/*
 * Only the last wildcard of each kind need be tried again: what an earlier "*"
 * could take as well, the later one can take too. "%" stops at the separator, and
 * then it is the turn of the last "*" before it.
 */
static bool matches(const char *pattern, const char *path, size_t folded)
{
	const char *any_case = path + folded; /* before it */
	const char *star = NULL, *star_at = NULL, *percent = NULL, *percent_at = NULL;

	for (;;) {
		if (*pattern == '*') {
			star = ++pattern;
			star_at = path;
			percent = NULL;
		} else if (*pattern == '%') {
			percent = ++pattern;
			percent_at = path;
		} else if (*path &&
		           (*pattern == *path || (path < any_case && strncasecmp(pattern, path, 1) == 0))) {
			pattern++;
			path++;
		} else if (!*path && !*pattern) {
			return true;
		} else if (percent && *percent_at && *percent_at != FOLDER_SEPARATOR) {
			pattern = percent;
			path = ++percent_at;
		} else if (star && *star_at) {
			percent = NULL;
			pattern = star;
			path = ++star_at;
		} else {
			return false;
		}
	}
}

bool list_pattern_matches(const char *pattern, const char *path)
{
	const size_t inbox = strlen("INBOX");
	const bool is_inbox =
	    strncmp(path, "INBOX", inbox) == 0 && (!path[inbox] || path[inbox] == FOLDER_SEPARATOR);

	return matches(pattern, path, is_inbox ? inbox : 0);
}
