/*
 * Reading search keys (search_key.h).
 *
 *   search     = ["CHARSET" SP charset SP] search-key *(SP search-key)
 *   search-key = word [SP argument] / "NOT" SP search-key / "FUZZY" SP search-key / "OR" SP search-key SP search-key /
 *                sequence-set / "(" search-key *(SP search-key) ")"
 */
#include "search_key.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "mail/fold.h"
#include "object_id.h"
#include "view.h"

#define FOLDED_MAX (1024 * 1024) /* of one text; a command is much shorter */

enum argument { TAKES_NOTHING, TAKES_TEXT, TAKES_NUMBER, TAKES_SECONDS, TAKES_DATE };

struct parsing {
	struct imap_args *args;
	struct search *search;
	uint32_t n, depth;
	bool fuzzy; /* what is read now stands behind FUZZY */
};

static bool parse_key(struct parsing *p, struct search_key **ret);

static bool fail(struct imap_args *args, const char *error)
{
	args->error = error;
	return false;
}

static struct search_key *new_key(struct parsing *p, enum search_op op)
{
	struct search_key *key = arena_make(p->args->arena, struct search_key);

	key->op = op;
	key->fuzzy = p->fuzzy;
	return key;
}

/* ---- order ---- */

/* What it takes to answer a key that stands alone: nothing, the header, the body. */
static int cost_of(enum search_op op)
{
	return op < SEARCH_EMAILID ? 0 : op < SEARCH_TEXT ? 1 : 2;
}

/* Behind all that are as cheap. A group costs what the dearest of its kids does. */
static void add_kid(struct search_key *group, struct search_key *kid)
{
	struct search_key **at = &group->kids;

	if (!kid->kids)
		kid->cost = cost_of(kid->op);
	while (*at && (*at)->cost <= kid->cost)
		at = &(*at)->next;
	kid->next = *at;
	*at = kid;
	group->cost = MAX_OF(group->cost, kid->cost);
}

/* ---- arguments ---- */

static bool fold_text(struct parsing *p, struct slice text, struct slice *ret)
{
	struct buf folded;
	bool good;

	if (!utf8_is_ascii(text) && !utf8_valid(text)) {
		p->search->bad_charset = true;
		return fail(p->args, "A text to search for is not UTF-8");
	}
	buf_init(&folded, FOLDED_MAX);
	good = fold_search(&folded, text);
	*ret = arena_copy(p->args->arena, buf_slice(&folded));
	buf_done(&folded);
	return good || fail(p->args, "A text to search for is too long");
}

static bool add_text(struct parsing *p, struct search_key *key)
{
	struct search *search = p->search;

	if (search->n_texts == SEARCH_TEXTS_MAX)
		return fail(p->args, "Too many texts to search for");
	key->index = search->n_texts;
	search->texts[search->n_texts++] = key;
	search->by_header |= key->op == SEARCH_HEADER;
	search->by_body |= key->op != SEARCH_HEADER;
	return true;
}

static bool add_word(struct parsing *p, struct search_key *key, const struct fuzzy_word *word)
{
	key->word = word;
	key->text = word->bare;
	return add_text(p, key);
}

/* Several words become a group, in which each is a key of its own. */
static bool add_words(struct parsing *p, struct search_key *group, const struct fuzzy_word *words, size_t n)
{
	const enum search_op op = group->op;

	group->op = SEARCH_AND;
	for (size_t i = 0; i < n; i++) {
		struct search_key *key = new_key(p, op);

		p->n++;
		key->name = group->name;
		if (!add_word(p, key, &words[i]))
			return false;
		add_kid(group, key);
	}
	return true;
}

static bool take_text(struct parsing *p, struct search_key *key)
{
	struct fuzzy_word *words;
	struct slice text;
	size_t n = 0;

	if (!imap_args_astring(p->args, &text))
		return fail(p->args, "Expected a text to search for");
	if (!fold_text(p, text, &key->text))
		return false;
	if (p->fuzzy) {
		n = fuzzy_words(p->args->arena, key->text, SEARCH_TEXTS_MAX + 1, &words);
		if (n)
			return n == 1 ? add_word(p, key, words) : add_words(p, key, words, n);
		key->text = SLICE("");
	}
	if (!key->text.len && key->op != SEARCH_HEADER) {
		key->op = SEARCH_ALL; /* nothing is in every text; a header field has to be there */
		return true;
	}
	return add_text(p, key);
}

static bool take_argument(struct parsing *p, struct search_key *key, enum argument takes)
{
	if (takes == TAKES_NOTHING)
		return true;
	if (!imap_args_space(p->args))
		return false;
	if (takes == TAKES_NUMBER)
		return imap_args_number(p->args, UINT32_MAX, &key->number);
	if (takes == TAKES_SECONDS)
		return imap_args_nz_number(p->args, UINT32_MAX, &key->number);
	if (takes == TAKES_TEXT)
		return take_text(p, key);
	p->search->by_header |= key->op >= SEARCH_SENTBEFORE;
	return imap_args_date(p->args, &key->day);
}

/* ---- keys by their words ---- */

static const struct word {
	const char *word;
	enum search_op op;
	enum argument takes;
	const char *name; /* of a header field */
} words[] = {
	/* clang-format off */
	{ "ALL",        SEARCH_ALL,        TAKES_NOTHING, NULL },
	{ "BCC",        SEARCH_HEADER,     TAKES_TEXT,    "Bcc" },
	{ "BEFORE",     SEARCH_BEFORE,     TAKES_DATE,    NULL },
	{ "BODY",       SEARCH_BODY,       TAKES_TEXT,    NULL },
	{ "CC",         SEARCH_HEADER,     TAKES_TEXT,    "Cc" },
	{ "FROM",       SEARCH_HEADER,     TAKES_TEXT,    "From" },
	{ "LARGER",     SEARCH_LARGER,     TAKES_NUMBER,  NULL },
	{ "OLDER",      SEARCH_OLDER,      TAKES_SECONDS, NULL },
	{ "ON",         SEARCH_ON,         TAKES_DATE,    NULL },
	{ "RECENT",     SEARCH_RECENT,     TAKES_NOTHING, NULL },
	{ "SAVEDBEFORE", SEARCH_SAVEDBEFORE, TAKES_DATE,  NULL },
	{ "SAVEDON",    SEARCH_SAVEDON,    TAKES_DATE,    NULL },
	{ "SAVEDSINCE", SEARCH_SAVEDSINCE, TAKES_DATE,    NULL },
	{ "SAVEDATESUPPORTED", SEARCH_ALL, TAKES_NOTHING, NULL }, /* of every mailbox */
	{ "SENTBEFORE", SEARCH_SENTBEFORE, TAKES_DATE,    NULL },
	{ "SENTON",     SEARCH_SENTON,     TAKES_DATE,    NULL },
	{ "SENTSINCE",  SEARCH_SENTSINCE,  TAKES_DATE,    NULL },
	{ "SINCE",      SEARCH_SINCE,      TAKES_DATE,    NULL },
	{ "SMALLER",    SEARCH_SMALLER,    TAKES_NUMBER,  NULL },
	{ "SUBJECT",    SEARCH_HEADER,     TAKES_TEXT,    "Subject" },
	{ "TEXT",       SEARCH_TEXT,       TAKES_TEXT,    NULL },
	{ "TO",         SEARCH_HEADER,     TAKES_TEXT,    "To" },
	{ "YOUNGER",    SEARCH_YOUNGER,    TAKES_SECONDS, NULL },
	/* clang-format on */
};

static const struct flag_word {
	const char *word, *without;
	uint32_t flag;
} flag_words[] = {
	{ "ANSWERED", "UNANSWERED", FLAG_ANSWERED },
	{ "DELETED", "UNDELETED", FLAG_DELETED },
	{ "DRAFT", "UNDRAFT", FLAG_DRAFT },
	{ "FLAGGED", "UNFLAGGED", FLAG_FLAGGED },
	{ "SEEN", "UNSEEN", FLAG_SEEN },
};

static struct search_key *flag_key(struct parsing *p, uint32_t flag, bool negated)
{
	struct search_key *key = new_key(p, SEARCH_FLAG);

	key->number = flag;
	key->negated = negated;
	return key;
}

/* A word that stands alone. NULL: none of them. */
static struct search_key *parse_flag(struct parsing *p)
{
	struct search_key *key;

	for (size_t i = 0; i < ARRAY_LEN(flag_words); i++) {
		bool with = imap_args_word(p->args, flag_words[i].word);

		if (with || imap_args_word(p->args, flag_words[i].without))
			return flag_key(p, flag_words[i].flag, !with);
	}
	if (imap_args_word(p->args, "NEW")) {
		key = new_key(p, SEARCH_AND);
		add_kid(key, new_key(p, SEARCH_RECENT));
		add_kid(key, flag_key(p, FLAG_SEEN, true));
		return key;
	}
	if (!imap_args_word(p->args, "OLD"))
		return NULL;
	key = new_key(p, SEARCH_RECENT);
	key->negated = true;
	return key;
}

static bool parse_keyword(struct parsing *p, struct search_key **ret)
{
	struct slice name;

	*ret = new_key(p, SEARCH_KEYWORD);
	(*ret)->negated = imap_args_word(p->args, "UNKEYWORD");
	if (!(*ret)->negated && !imap_args_word(p->args, "KEYWORD"))
		return fail(p->args, "Unknown search key");
	if (!imap_args_space(p->args) || !imap_args_atom(p->args, &name))
		return fail(p->args, "Expected a keyword");
	(*ret)->keyword = arena_strz(p->args->arena, name);
	return true;
}

static bool parse_header(struct parsing *p, struct search_key **ret)
{
	*ret = new_key(p, SEARCH_HEADER);
	if (!imap_args_space(p->args) || !imap_args_astring(p->args, &(*ret)->name))
		return fail(p->args, "Expected the name of a header field");
	return take_argument(p, *ret, TAKES_TEXT);
}

/* "MODSEQ" [SP entry-name SP entry-type-req] SP mod-sequence-valzer; all entries of a message share one number */
static bool parse_modseq(struct parsing *p, struct search_key **ret)
{
	struct slice name;

	*ret = new_key(p, SEARCH_MODSEQ);
	p->search->modseq = true;
	if (!imap_args_space(p->args))
		return false;
	if (imap_args_peek(p->args, '"') && (!imap_args_string(p->args, &name) || !imap_args_space(p->args) ||
	                                     !imap_args_atom(p->args, &name) || !imap_args_space(p->args)))
		return false;
	return imap_args_number(p->args, INT64_MAX, &(*ret)->number);
}

/* An id that none of ours can be, and every thread's, is nobody's. */
static bool parse_object_id(struct parsing *p, bool of_message, struct search_key **ret)
{
	struct slice text;
	struct id id;

	if (!imap_args_space(p->args) || !imap_args_atom(p->args, &text))
		return fail(p->args, "Expected an object identifier");
	if (of_message && object_id_parse('M', text, &id)) {
		*ret = new_key(p, SEARCH_EMAILID);
		(*ret)->id = id;
		p->search->by_id = true;
		return true;
	}
	*ret = new_key(p, SEARCH_ALL);
	(*ret)->negated = true;
	return true;
}

static bool parse_word(struct parsing *p, struct search_key **ret)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!imap_args_word(p->args, words[i].word))
			continue;
		*ret = new_key(p, words[i].op);
		(*ret)->name = slice_str(words[i].name);
		return take_argument(p, *ret, words[i].takes);
	}
	*ret = parse_flag(p);
	if (*ret)
		return true;
	if (imap_args_word(p->args, "HEADER"))
		return parse_header(p, ret);
	if (imap_args_word(p->args, "MODSEQ"))
		return parse_modseq(p, ret);
	if (imap_args_word(p->args, "EMAILID"))
		return parse_object_id(p, true, ret);
	if (imap_args_word(p->args, "THREADID"))
		return parse_object_id(p, false, ret);
	return parse_keyword(p, ret);
}

/* ---- sets and groups ---- */

static void free_set(void *set)
{
	uid_set_done(set);
}

/* "$" is UIDs whatever stands before it. */
static struct search_key *saved_key(struct parsing *p)
{
	struct search_key *key = new_key(p, SEARCH_UIDS);

	key->saved = true;
	uid_set_init(&key->set);
	arena_on_free(p->args->arena, free_set, &key->set);
	return key;
}

static bool parse_set(struct parsing *p, enum search_op op, struct search_key **ret)
{
	if (imap_args_char(p->args, '$')) {
		*ret = saved_key(p);
		return true;
	}
	*ret = new_key(p, op);
	p->search->by_number |= op == SEARCH_NUMBERS;
	return imap_args_set(p->args, &(*ret)->set);
}

/* "UIDAFTER" / "UIDBEFORE" SP uniqueid (RFC 9738 3.3): a range that `*` cannot be in */
static bool parse_beside(struct parsing *p, bool after, struct search_key **ret)
{
	struct search_key *key = new_key(p, SEARCH_UIDS);
	uint64_t uid;

	if (!imap_args_space(p->args) || !imap_args_nz_number(p->args, UINT32_MAX, &uid))
		return false;
	uid_set_init(&key->set);
	arena_on_free(p->args->arena, free_set, &key->set);
	if (after && uid < UINT32_MAX - 1)
		uid_set_add_range(&key->set, (uint32_t)uid + 1, UINT32_MAX - 1);
	if (!after && uid > 1)
		uid_set_add_range(&key->set, 1, (uint32_t)uid - 1);
	*ret = key;
	return true;
}

static bool parse_group(struct parsing *p, struct search_key **ret)
{
	struct search_key *kid;

	*ret = new_key(p, SEARCH_AND);
	if (!imap_args_open(p->args))
		return false;
	do {
		if (!parse_key(p, &kid))
			return false;
		add_kid(*ret, kid);
		if (imap_args_close(p->args))
			return true;
	} while (imap_args_space(p->args));
	return fail(p->args, "A group of search keys has no end");
}

static bool parse_not(struct parsing *p, struct search_key **ret)
{
	if (!imap_args_space(p->args) || !parse_key(p, ret))
		return false;
	(*ret)->negated = !(*ret)->negated;
	return true;
}

static bool parse_or(struct parsing *p, struct search_key **ret)
{
	struct search_key *kid;

	*ret = new_key(p, SEARCH_OR);
	for (int i = 0; i < 2; i++) {
		if (!imap_args_space(p->args) || !parse_key(p, &kid))
			return false;
		add_kid(*ret, kid);
	}
	return true;
}

/* Of keys that are no texts only the score is fuzzy (RFC 6203 5). */
static bool parse_fuzzy(struct parsing *p, struct search_key **ret)
{
	const bool was_fuzzy = p->fuzzy;
	bool good;

	p->fuzzy = p->search->fuzzy = true;
	good = imap_args_space(p->args) && parse_key(p, ret);
	p->fuzzy = was_fuzzy;
	return good;
}

static bool parse_any(struct parsing *p, struct search_key **ret)
{
	uint8_t c = p->args->rest.len ? p->args->rest.data[0] : 0;

	if (c == '(')
		return parse_group(p, ret);
	if (c == '*' || c == '$' || (c >= '0' && c <= '9'))
		return parse_set(p, SEARCH_NUMBERS, ret);
	if (imap_args_word(p->args, "UID"))
		return imap_args_space(p->args) && parse_set(p, SEARCH_UIDS, ret);
	if (imap_args_word(p->args, "UIDAFTER"))
		return parse_beside(p, true, ret);
	if (imap_args_word(p->args, "UIDBEFORE"))
		return parse_beside(p, false, ret);
	if (imap_args_word(p->args, "NOT"))
		return parse_not(p, ret);
	if (imap_args_word(p->args, "FUZZY"))
		return parse_fuzzy(p, ret);
	if (imap_args_word(p->args, "OR"))
		return parse_or(p, ret);
	return parse_word(p, ret);
}

static bool parse_key(struct parsing *p, struct search_key **ret)
{
	bool good;

	if (++p->n > SEARCH_KEYS_MAX)
		return fail(p->args, "Too many search keys");
	if (p->depth == SEARCH_DEPTH_MAX)
		return fail(p->args, "Search keys are nested too deeply");
	p->depth++;
	good = parse_any(p, ret);
	p->depth--;
	return good;
}

/* ---- the whole ---- */

static bool parse_charset(struct parsing *p)
{
	struct slice charset;

	if (!imap_args_astring(p->args, &charset) || !imap_args_space(p->args))
		return fail(p->args, "Expected a charset");
	p->search->bad_charset = !slice_is(charset, "US-ASCII") && !slice_is(charset, "UTF-8");
	return !p->search->bad_charset || fail(p->args, "Unknown charset");
}

static bool parse_keys(struct parsing *p)
{
	struct search_key *kid;

	p->search->root = new_key(p, SEARCH_AND);
	do {
		if (!parse_key(p, &kid))
			return false;
		add_kid(p->search->root, kid);
	} while (!imap_args_is_end(p->args) && imap_args_space(p->args));
	p->search->n_keys = p->n;
	return imap_args_end(p->args);
}

bool search_parse(struct imap_args *args, struct search *ret)
{
	struct parsing p = { .args = args, .search = ret };

	*ret = (struct search){ .root = NULL };
	if (imap_args_word(args, "CHARSET") && (!imap_args_space(args) || !parse_charset(&p)))
		return false;
	return parse_keys(&p);
}

bool search_parse_charset(struct imap_args *args, struct search *ret)
{
	struct parsing p = { .args = args, .search = ret };

	*ret = (struct search){ .root = NULL };
	return parse_charset(&p) && parse_keys(&p);
}

/* ---- binding ---- */

/* Numbers beyond the last message match nothing here, while elsewhere they are BAD: clients search for them. */
static void bind_set(struct search_key *key, const struct selected *selected)
{
	struct uid_set uids;

	uid_set_init(&uids);
	if (key->saved) {
		uid_set_copy(&uids, &selected->saved);
	} else if (key->op == SEARCH_UIDS) {
		selected_resolve_uids(selected, &key->set, &uids);
	} else {
		uid_set_del_range(&key->set, selected->known_n + 1, UINT32_MAX - 1);
		(void)selected_resolve(selected, &key->set, &uids);
	}
	uid_set_copy(&key->set, &uids); /* the arena frees it, as it would have the numbers */
	uid_set_done(&uids);
}

static void bind_keyword(struct search_key *key, const struct keywords *names)
{
	int at = keywords_find(names, key->keyword);

	key->number = at < 0 ? 0 : UINT64_C(1) << at;
}

static void bind(struct search_key *key, const struct selected *selected)
{
	for (struct search_key *kid = key->kids; kid; kid = kid->next)
		bind(kid, selected);
	if (key->op == SEARCH_NUMBERS || key->op == SEARCH_UIDS)
		bind_set(key, selected);
	if (key->op == SEARCH_OLDER || key->op == SEARCH_YOUNGER)
		key->moment = clock_now() - (int64_t)key->number * 1000;
	if (key->op == SEARCH_KEYWORD)
		bind_keyword(key, &selected->view->keywords);
}

static void bind_keywords(struct search_key *key, const struct keywords *names)
{
	for (struct search_key *kid = key->kids; kid; kid = kid->next)
		bind_keywords(kid, names);
	if (key->op == SEARCH_KEYWORD)
		bind_keyword(key, names);
}

void search_bind_keywords(struct search *search, const struct keywords *names)
{
	bind_keywords(search->root, names);
}

void search_bind(struct search *search, const struct selected *selected)
{
	bind(search->root, selected);
}
