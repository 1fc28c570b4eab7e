/* Reading arguments (args.h): the lexical part of RFC 9051 section 9, with more spaces allowed than it wants. */
#include "args.h"

#include <stdlib.h>

#include "base/utf8.h"
#include "mail/date.h"
#include "mail/fold.h"
#include "mail/utf7.h"
#include "store/mailbox.h"
#include "suite/folder.h"
#include "suite/keyword.h"
#include "suite/share.h"

#define MAILBOX_MAX ((FOLDER_NAME_MAX + 1) * FOLDER_DEPTH_MAX)

void imap_args_start(struct imap_args *args, const struct imap_segment *segment, struct arena *arena)
{
	*args = (struct imap_args){
		.rest = segment->text, .segment = segment, .arena = arena, .error = "Malformed command"
	};
}

void imap_args_move(struct imap_args *args, struct arena *arena)
{
	const struct imap_segment *from = args->segment;
	struct imap_segment *first = arena_make(arena, struct imap_segment), *to = first;

	args->rest = arena_copy(arena, args->rest);
	for (;;) {
		*to = *from;
		to->text = from == args->segment ? args->rest : arena_copy(arena, from->text);
		if (from->literal.data.len)
			to->literal.data = arena_copy(arena, from->literal.data);
		if (!from->next)
			break;
		to->next = arena_make(arena, struct imap_segment);
		to = to->next;
		from = from->next;
	}
	args->segment = first;
	args->arena = arena;
}

static bool fail(struct imap_args *args, const char *error)
{
	args->error = error;
	return false;
}

static void take(struct imap_args *args, size_t len)
{
	args->rest = slice_from(args->rest, len);
}

static bool literal_follows(const struct imap_args *args)
{
	return args->rest.len == 0 && args->segment->next;
}

/* ---- marks ---- */

static size_t spaces(const struct imap_args *args)
{
	size_t n = 0;

	while (n < args->rest.len && args->rest.data[n] == ' ')
		n++;
	return n;
}

bool imap_args_space(struct imap_args *args)
{
	size_t n = spaces(args);

	take(args, n);
	return n || fail(args, "Expected a space");
}

bool imap_args_is_end(const struct imap_args *args)
{
	return spaces(args) == args->rest.len && !args->segment->next;
}

bool imap_args_end(struct imap_args *args)
{
	return imap_args_is_end(args) || fail(args, "Unexpected text behind the arguments");
}

bool imap_args_peek(const struct imap_args *args, char c)
{
	return args->rest.len && args->rest.data[0] == (uint8_t)c;
}

bool imap_args_char(struct imap_args *args, char c)
{
	if (!imap_args_peek(args, c))
		return fail(args, "Unexpected character");
	take(args, 1);
	return true;
}

bool imap_args_open(struct imap_args *args)
{
	if (!imap_args_char(args, '('))
		return fail(args, "Expected \"(\"");
	take(args, spaces(args));
	return true;
}

static bool closes(const struct imap_args *args)
{
	const size_t n = spaces(args);

	return n < args->rest.len && args->rest.data[n] == ')';
}

bool imap_args_close(struct imap_args *args)
{
	if (!closes(args))
		return fail(args, "Expected \")\"");
	take(args, spaces(args) + 1);
	return true;
}

bool imap_args_more(struct imap_args *args)
{
	return !closes(args) && imap_args_space(args);
}

/* ---- atoms ---- */

/* ATOM-CHAR = any CHAR but "(" ")" "{" SP CTL "%" "*" DQUOTE "\" "]" */
static bool is_atom_char(uint8_t c)
{
	return c > 0x20 && c < 0x7f && !strchr("(){%*\"\\]", c);
}

/* ASTRING-CHAR = ATOM-CHAR / "]"; and bytes of UTF-8, for names that were not encoded */
static bool is_astring_char(uint8_t c)
{
	return is_atom_char(c) || c == ']' || c >= 0x80;
}

static bool is_list_char(uint8_t c)
{
	return is_astring_char(c) || c == '%' || c == '*';
}

static bool run_of(struct imap_args *args, bool (*is_one)(uint8_t), struct slice *ret)
{
	size_t n = 0;

	while (n < args->rest.len && is_one(args->rest.data[n]))
		n++;
	if (!n)
		return false;
	*ret = slice_first(args->rest, n);
	take(args, n);
	return true;
}

bool imap_args_atom(struct imap_args *args, struct slice *ret)
{
	return run_of(args, is_atom_char, ret) || fail(args, "Expected an atom");
}

static bool is_word_char(uint8_t c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '.' || c == '-' ||
	       c == '_';
}

bool imap_args_word(struct imap_args *args, const char *word)
{
	size_t len = strlen(word);

	if (!slice_istarts(args->rest, word) || (args->rest.len > len && is_word_char(args->rest.data[len])))
		return fail(args, "Unexpected word");
	take(args, len);
	return true;
}

/* ---- strings ---- */

static struct slice unescape(struct arena *arena, struct slice text)
{
	uint8_t *plain = arena_alloc(arena, text.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '\\')
			i++;
		plain[len++] = text.data[i];
	}
	return slice_of(plain, len);
}

/* quoted = DQUOTE *QUOTED-CHAR DQUOTE; a backslash before any character stands for that character */
static bool quoted(struct imap_args *args, struct slice *ret)
{
	struct slice text = args->rest;
	bool escaped = false;
	size_t at;

	if (!imap_args_char(args, '"'))
		return false;
	for (at = 1; at < text.len && text.data[at] != '"'; at++) {
		if (text.data[at] == '\0')
			break;
		if (text.data[at] == '\\') {
			escaped = true;
			at++;
		}
	}
	if (at >= text.len || text.data[at] != '"') {
		args->rest = text;
		return fail(args, "A quoted string has no end");
	}
	take(args, at);
	*ret = slice_of(text.data + 1, at - 1);
	if (escaped)
		*ret = unescape(args->arena, *ret);
	return true;
}

bool imap_args_literal(struct imap_args *args, struct imap_literal *ret)
{
	if (!literal_follows(args))
		return fail(args, "Expected a literal");
	*ret = args->segment->literal;
	args->segment = args->segment->next;
	args->rest = args->segment->text;
	return true;
}

bool imap_args_string(struct imap_args *args, struct slice *ret)
{
	struct imap_literal literal;

	if (imap_args_peek(args, '"'))
		return quoted(args, ret);
	if (!literal_follows(args))
		return fail(args, "Expected a string");
	if (args->segment->literal.binary || slice_chr(args->segment->literal.data, '\0') >= 0)
		return fail(args, "A string cannot hold NUL or be binary");
	if (!imap_args_literal(args, &literal))
		return false;
	*ret = literal.data;
	return true;
}

bool imap_args_astring(struct imap_args *args, struct slice *ret)
{
	return run_of(args, is_astring_char, ret) || imap_args_string(args, ret);
}

bool imap_args_nstring(struct imap_args *args, struct slice *ret, bool *ret_nil)
{
	*ret_nil = imap_args_word(args, "NIL");
	if (*ret_nil)
		*ret = slice_of(NULL, 0);
	return *ret_nil || imap_args_string(args, ret);
}

/* ---- numbers ---- */

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

bool imap_args_number(struct imap_args *args, uint64_t max, uint64_t *ret)
{
	struct slice before = args->rest, digits;

	if (run_of(args, is_digit, &digits) && slice_u64(digits, max, ret))
		return true;
	args->rest = before;
	return fail(args, "Expected a number");
}

bool imap_args_nz_number(struct imap_args *args, uint64_t max, uint64_t *ret)
{
	struct slice before = args->rest;
	uint64_t number;

	if (imap_args_number(args, max, &number) && number) {
		*ret = number;
		return true;
	}
	args->rest = before;
	return fail(args, "Expected a number above 0");
}

static bool seq_number(struct imap_args *args, uint32_t *ret)
{
	uint64_t number;

	if (imap_args_char(args, '*')) {
		*ret = UINT32_MAX;
		return true;
	}
	if (!imap_args_nz_number(args, UINT32_MAX, &number))
		return false;
	*ret = MIN_OF((uint32_t)number, UINT32_MAX - 1); /* which no message has either: UINT32_MAX is "*" */
	return true;
}

/* seq-range = seq-number [":" seq-number], either order */
static bool seq_range(struct imap_args *args, struct uid_range *ret)
{
	uint32_t a, b;

	if (!seq_number(args, &a))
		return false;
	b = a;
	if (imap_args_peek(args, ':') && (!imap_args_char(args, ':') || !seq_number(args, &b)))
		return false;
	*ret = (struct uid_range){ MIN_OF(a, b), MAX_OF(a, b) };
	return true;
}

static int by_first(const void *left, const void *right)
{
	const struct uid_range *a = left, *b = right;

	return a->first < b->first ? -1 : a->first > b->first;
}

static void free_set(void *set)
{
	uid_set_done(set);
}

static size_t count_ranges(struct slice text)
{
	size_t n = 1;

	for (size_t i = 0; i < text.len && text.data[i] != ' ' && n <= IMAP_SET_RANGES; i++)
		n += text.data[i] == ',';
	return n;
}

bool imap_args_set(struct imap_args *args, struct uid_set *ret)
{
	size_t n = 0, max = count_ranges(args->rest);
	struct uid_range *ranges;

	if (max > IMAP_SET_RANGES)
		return fail(args, "Too many ranges in a message set");
	ranges = arena_array(args->arena, struct uid_range, max);
	do {
		if (!seq_range(args, &ranges[n++]))
			return fail(args, "Malformed message set");
	} while (n < max && imap_args_char(args, ','));
	/* sorted first: a set in disorder would be moved about for every range */
	qsort(ranges, n, sizeof(*ranges), by_first);
	uid_set_init(ret);
	arena_on_free(args->arena, free_set, ret);
	for (size_t i = 0; i < n; i++)
		uid_set_add_range(ret, ranges[i].first, ranges[i].last);
	return true;
}

/* ---- mailbox names ---- */

/* A name in modified UTF-7; or, when it is none ("R&D"), or none is expected, as it stands, if that is UTF-8. */
static bool decode_name(const struct imap_args *args, struct slice name, struct buf *out)
{
	if (!args->utf8 && utf7_decode(out, name))
		return true;
	buf_clear(out);
	return utf8_valid(name) && buf_add_slice(out, name);
}

static const char *with_inbox(struct arena *arena, struct slice name)
{
	if (slice_is(slice_first(name, 5), "INBOX") && (name.len == 5 || name.data[5] == FOLDER_SEPARATOR))
		return arena_printf(arena, "INBOX%.*s", SLICE_FMT(slice_from(name, 5)));
	return arena_strz(arena, name);
}

/* Behind `path`, "/" and one part of a name, if there is a mailbox called that. */
static bool step_into(const struct imap_args *args, struct buf *path, struct slice part)
{
	const size_t before = path->len;
	const char *whole;

	if (before)
		buf_addc(path, FOLDER_SEPARATOR);
	buf_add_slice(path, part);
	whole = arena_strz(args->arena, buf_slice(path));
	if (!path->overflow && folders_find(args->folders, whole))
		return true;
	path->len = before;
	return false;
}

static bool step_decoded(const struct imap_args *args, struct buf *path, struct slice part)
{
	struct buf decoded;
	bool found;

	buf_init(&decoded, MAILBOX_MAX);
	found = utf7_decode(&decoded, part) && step_into(args, path, buf_slice(&decoded));
	buf_done(&decoded);
	return found;
}

/* Which mailboxes others share is not known here: what reads as modified UTF-7 is taken for that. */
static const char *settle_shared(const struct imap_args *args, const char *name)
{
	struct buf decoded;

	buf_init(&decoded, MAILBOX_MAX);
	if (utf7_decode(&decoded, slice_str(name)))
		name = arena_strz(args->arena, buf_slice(&decoded));
	buf_done(&decoded);
	return name;
}

/* Part by part, as long as there are such mailboxes; what is left stays as it stands. */
static const char *settle(const struct imap_args *args, const char *name)
{
	struct slice rest = slice_str(name), left = rest, part;
	struct buf path;
	const char *settled;

	if (!args->folders || !strchr(name, '&'))
		return name;
	if (share_is_shared_name(name))
		return settle_shared(args, name);
	buf_init(&path, MAILBOX_MAX);
	while (slice_cut(&rest, FOLDER_SEPARATOR, &part) && part.len &&
	       (step_into(args, &path, part) || step_decoded(args, &path, part)))
		left = rest;
	settled = arena_printf(args->arena, "%.*s%s%.*s", SLICE_FMT(buf_slice(&path)),
	                       path.len && left.data ? "/" : "", SLICE_FMT(left));
	buf_done(&path);
	return settled;
}

static void note_written(struct imap_args *args, struct slice utf8, const char *path)
{
	bool same = slice_eq(utf8, slice_str(path)) || (slice_is(utf8, path) && slice_is(utf8, "INBOX"));

	args->written = same ? NULL : arena_strz(args->arena, utf8);
}

bool imap_args_mailbox(struct imap_args *args, const char **ret_utf8)
{
	struct slice name;
	struct buf utf8, nfc;
	bool good;

	if (!imap_args_astring(args, &name))
		return fail(args, "Expected a mailbox name");
	buf_init(&utf8, MAILBOX_MAX);
	buf_init(&nfc, MAILBOX_MAX);
	good = decode_name(args, name, &utf8) && fold_nfc(&nfc, buf_slice(&utf8));
	if (good) {
		*ret_utf8 = settle(args, with_inbox(args->arena, buf_slice(&nfc)));
		note_written(args, buf_slice(&utf8), *ret_utf8);
	}
	buf_done(&utf8);
	buf_done(&nfc);
	return good || fail(args, "A mailbox name is neither modified UTF-7 nor UTF-8, or too long");
}

bool imap_args_list_mailbox(struct imap_args *args, const char *reference, const char **ret_utf8)
{
	struct slice name;
	struct buf utf8, nfc;
	bool good;

	if (!run_of(args, is_list_char, &name) && !imap_args_string(args, &name))
		return fail(args, "Expected a mailbox pattern");
	buf_init(&utf8, MAILBOX_MAX);
	buf_init(&nfc, MAILBOX_MAX);
	good = decode_name(args, name, &utf8) && fold_nfc(&nfc, buf_slice(&utf8));
	if (good)
		*ret_utf8 = nfc.len ? settle(args, arena_printf(args->arena, "%s%.*s", reference,
		                                                SLICE_FMT(buf_slice(&nfc))))
		                    : "";
	buf_done(&utf8);
	buf_done(&nfc);
	return good || fail(args, "A mailbox pattern is neither modified UTF-7 nor UTF-8, or too long");
}

/* ---- flags ---- */

static bool system_flag(struct imap_args *args, struct imap_flags *flags)
{
	static const struct {
		const char *name;
		uint32_t flag;
	} known[] = {
		{ "SEEN", FLAG_SEEN },       { "ANSWERED", FLAG_ANSWERED }, { "FLAGGED", FLAG_FLAGGED },
		{ "DELETED", FLAG_DELETED }, { "DRAFT", FLAG_DRAFT },       { "RECENT", 0 },
	};

	take(args, 1);
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (imap_args_word(args, known[i].name)) {
			flags->flags |= known[i].flag;
			return true;
		}
	}
	return fail(args, "Unknown system flag");
}

static bool one_flag(struct imap_args *args, struct imap_flags *flags)
{
	struct slice name;

	if (imap_args_peek(args, '\\'))
		return system_flag(args, flags);
	if (!imap_args_atom(args, &name))
		return fail(args, "Expected a flag");
	if (name.len > KEYWORD_NAME_MAX)
		return fail(args, "A keyword is too long");
	for (size_t i = 0; i < flags->n; i++) {
		if (slice_is(name, flags->keywords[i]))
			return true;
	}
	if (flags->n == MAILBOX_KEYWORDS_MAX)
		return fail(args, "Too many keywords");
	flags->keywords[flags->n++] = arena_strz(args->arena, name);
	return true;
}

bool imap_args_flags(struct imap_args *args, bool bare, struct imap_flags *ret)
{
	bool list = imap_args_peek(args, '(');

	*ret =
	    (struct imap_flags){ .keywords = arena_array(args->arena, const char *, MAILBOX_KEYWORDS_MAX) };
	if (!list && !bare)
		return fail(args, "Expected a list of flags");
	if (list && (!imap_args_open(args) || imap_args_close(args)))
		return true; /* "()" */
	do {
		if (!one_flag(args, ret))
			return false;
		if (list && imap_args_close(args))
			return true;
	} while ((list || !imap_args_is_end(args)) && imap_args_space(args));
	return !list || fail(args, "A list of flags has no end");
}

/* ---- dates ---- */

bool imap_args_date(struct imap_args *args, int32_t *ret_day)
{
	struct slice before = args->rest, text;

	if ((imap_args_peek(args, '"') ? quoted(args, &text) : imap_args_atom(args, &text)) &&
	    date_parse_day(text, ret_day))
		return true;
	args->rest = before;
	return fail(args, "Expected a date");
}

bool imap_args_date_time(struct imap_args *args, int64_t *ret_ms)
{
	struct slice before = args->rest, text;
	struct date date;

	if (quoted(args, &text) && date_parse_imap(text, &date)) {
		*ret_ms = date.utc_ms;
		return true;
	}
	args->rest = before;
	return fail(args, "Expected a date and time");
}
