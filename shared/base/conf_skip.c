/*
 * Blanking sections (conf_skip.h). libconfuse 3.3 can ignore what it does not
 * know, but a `+=` in there makes it ignore what follows as well; so the few
 * tokens that may hide a brace are read here as its scanner reads them:
 *
 *   # to the end of line      // likewise      slash-star to star-slash
 *   "text\"" and 'text\''     ${VARIABLE}
 */
#include "base/conf_skip.h"

struct scan {
	uint8_t *text;
	size_t len;
};

static bool stands_at(const struct scan *scan, size_t at, const char *what)
{
	return slice_starts(slice_from(slice_of(scan->text, scan->len), at), what);
}

/* The place after the first `end` from `at`, or the end of the text. */
static size_t after(const struct scan *scan, size_t at, const char *end)
{
	struct slice rest = slice_from(slice_of(scan->text, scan->len), at);
	ptrdiff_t found = slice_find(rest, slice_str(end));

	return found < 0 ? scan->len : at + (size_t)found + strlen(end);
}

static size_t after_string(const struct scan *scan, size_t at)
{
	uint8_t quote = scan->text[at++];

	while (at < scan->len && scan->text[at] != quote)
		at += scan->text[at] == '\\' ? 2 : 1;
	return MIN_OF(at + 1, scan->len);
}

/* The place after a comment that begins at `at`; `at` itself when none does. */
static size_t after_comment(const struct scan *scan, size_t at)
{
	if (stands_at(scan, at, "#") || stands_at(scan, at, "//"))
		return after(scan, at, "\n");
	return stands_at(scan, at, "/*") ? after(scan, at + 2, "*/") : at;
}

/* The place after the string or variable that begins at `at`; `at` itself when none does. */
static size_t after_opaque(const struct scan *scan, size_t at)
{
	if (scan->text[at] == '"' || scan->text[at] == '\'')
		return after_string(scan, at);
	return stands_at(scan, at, "${") ? after(scan, at, "}") : at;
}

/* `at` stands behind an opening brace: the place of the one that closes it, or the end of the text. */
static size_t closing_brace(const struct scan *scan, size_t at)
{
	size_t depth = 1, next;

	while (at < scan->len) {
		next = after_comment(scan, at);
		if (next == at)
			next = after_opaque(scan, at);
		if (next != at) {
			at = next;
			continue;
		}
		if (scan->text[at] == '{')
			depth++;
		else if (scan->text[at] == '}' && --depth == 0)
			return at;
		at++;
	}
	return scan->len;
}

static bool is_word(uint8_t c)
{
	return c == '_' || c == '-' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

static bool is_named(struct slice word, const char *const *names)
{
	for (; *names; names++)
		if (slice_eq(word, slice_str(*names)))
			return true;
	return false;
}

/* `open` is the place of a brace; gives the place behind the section. */
static size_t leave_section(struct scan *scan, size_t open, bool blank)
{
	size_t close = closing_brace(scan, open + 1);

	for (size_t at = open + 1; blank && close < scan->len && at < close; at++)
		if (scan->text[at] != '\n')
			scan->text[at] = ' ';
	return MIN_OF(close + 1, scan->len);
}

void conf_skip_sections(uint8_t *text, size_t len, const char *const *names)
{
	struct scan scan = { text, len };
	struct slice word = { NULL, 0 }; /* the word before, with nothing but space and comments since */
	size_t at = 0, next;

	while (at < len) {
		if ((next = after_comment(&scan, at)) != at || strchr(" \t\r\n", text[at])) {
			at = MAX_OF(next, at + 1);
			continue;
		}
		if (is_word(text[at])) {
			for (next = at; next < len && is_word(text[next]);)
				next++;
			word = slice_of(text + at, next - at);
			at = next;
			continue;
		}
		if (text[at] == '{')
			at = leave_section(&scan, at, is_named(word, names));
		else
			at = MAX_OF(after_opaque(&scan, at), at + 1);
		word = slice_of(NULL, 0);
	}
}
