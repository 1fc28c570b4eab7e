/* Words that are looked for loosely (search_fuzzy.h). */
#include "search_fuzzy.h"

#include "base/macros.h"
#include "base/utf8.h"
#include "mail/fold.h"

#define BETWEEN_MAX 16 /* characters that are of no word between two words of a phrase */

struct letters {
	uint32_t code[FUZZY_TYPO_MAX];
	size_t n;
};

struct fuzzy_typos {
	struct slice half[2];
	struct slice swapped;      /* the word, but with the letters in its middle exchanged */
	struct letters begin, end; /* of the first half, from its end; of the second, from its beginning */
};

/* ---- words of a search ---- */

static size_t step(struct slice text)
{
	uint32_t code;
	const size_t n = utf8_decode(text, &code);

	return MAX_OF(n, (size_t)1);
}

static size_t last_step(struct slice text)
{
	size_t n = 1;

	while (n < 4 && n < text.len && (text.data[text.len - n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* Without punctuation around it, unless it is nothing else. */
static struct slice trim(struct slice word)
{
	struct slice left = word;

	while (left.len && !fold_starts_word(left))
		left = slice_from(left, step(left));
	while (left.len && !fold_ends_word(left))
		left = slice_first(left, left.len - last_step(left));
	return left.len ? left : word;
}

static bool next_word(struct slice *rest, struct slice *ret)
{
	size_t n = 0;

	while (rest->len && rest->data[0] <= ' ')
		*rest = slice_from(*rest, 1);
	while (n < rest->len && rest->data[n] > ' ')
		n++;
	*ret = trim(slice_first(*rest, n));
	*rest = slice_from(*rest, n);
	return n;
}

/* Of words that are letters alone: a number with another digit is another number. */
static bool take_letters(struct slice word, struct letters *ret)
{
	ret->n = 0;
	while (word.len) {
		const size_t n = utf8_decode(word, &ret->code[MIN_OF(ret->n, (size_t)FUZZY_TYPO_MAX - 1)]);

		if (!n || ret->n == FUZZY_TYPO_MAX || !fold_starts_word(word) ||
		    (word.data[0] >= '0' && word.data[0] <= '9'))
			return false;
		ret->n++;
		word = slice_from(word, n);
	}
	return ret->n >= FUZZY_TYPO_MIN;
}

static size_t bytes_of(struct slice word, size_t letters)
{
	size_t at = 0;

	while (letters--)
		at += step(slice_from(word, at));
	return at;
}

static void set_typos(struct arena *arena, struct fuzzy_word *word)
{
	struct slice bare = word->bare;
	struct fuzzy_typos *typos;
	struct letters all;
	size_t middle, at, before, after;
	uint8_t *swapped;

	if (!take_letters(bare, &all))
		return;
	middle = all.n / 2;
	at = bytes_of(bare, middle);
	before = last_step(slice_first(bare, at));
	after = step(slice_from(bare, at));
	word->typos = typos = arena_make(arena, struct fuzzy_typos);
	typos->half[0] = slice_first(bare, at);
	typos->half[1] = slice_from(bare, at);
	for (size_t i = middle; i-- > 0;)
		typos->begin.code[typos->begin.n++] = all.code[i];
	for (size_t i = middle; i < all.n; i++)
		typos->end.code[typos->end.n++] = all.code[i];
	typos->swapped = arena_copy(arena, bare);
	swapped = (uint8_t *)typos->swapped.data;
	memcpy(swapped + at - before, bare.data + at, after);
	memcpy(swapped + at - before + after, bare.data + at - before, before);
}

static bool take_word(struct arena *arena, struct slice marked, struct fuzzy_word *ret)
{
	struct buf bare;

	buf_init(&bare, BUF_NO_LIMIT);
	fold_bare(&bare, marked);
	*ret = (struct fuzzy_word){ .marked = marked, .bare = arena_copy(arena, buf_slice(&bare)) };
	buf_done(&bare);
	if (ret->bare.len)
		set_typos(arena, ret);
	return ret->bare.len;
}

size_t fuzzy_words(struct arena *arena, struct slice folded, size_t max, struct fuzzy_word **ret)
{
	struct fuzzy_word *words = arena_array(arena, struct fuzzy_word, max);
	struct slice word;
	size_t n = 0;

	while (n < max && next_word(&folded, &word))
		n += take_word(arena, word, &words[n]);
	for (size_t i = 0; i + 1 < n; i++)
		words[i].next = &words[i + 1];
	if (n)
		words[0].leads = n > 1;
	*ret = words;
	return n;
}

size_t fuzzy_parts(const struct fuzzy_word *word, struct slice ret[FUZZY_PARTS])
{
	const struct fuzzy_typos *typos = word->typos;

	ret[0] = word->bare;
	if (!typos)
		return 1;
	ret[0] = typos->half[0];
	ret[1] = typos->half[1];
	ret[2] = typos->swapped;
	return FUZZY_PARTS;
}

/* ---- one mistake ---- */

/* From `t` on the text goes on as the word does from `w` on. */
static bool goes_on(const struct letters *text, size_t t, const struct letters *word, size_t w)
{
	return t <= text->n && text->n - t >= word->n - w &&
	       memcmp(text->code + t, word->code + w, (word->n - w) * sizeof(*word->code)) == 0;
}

/* The text begins as the word, but for one mistake. */
static bool begins(const struct letters *text, const struct letters *word)
{
	const uint32_t *a = text->code, *b = word->code;
	size_t k = 0;

	while (k < word->n && k < text->n && a[k] == b[k])
		k++;
	if (k == word->n)
		return true;
	return goes_on(text, k + 1, word, k + 1) || goes_on(text, k, word, k + 1) ||
	       goes_on(text, k + 1, word, k) ||
	       (k + 1 < word->n && k + 1 < text->n && a[k] == b[k + 1] && a[k + 1] == b[k] &&
	        goes_on(text, k + 2, word, k + 2));
}

/* Letters behind a place, as many as one mistake may need. */
static void look_ahead(struct slice text, size_t max, struct letters *ret)
{
	for (ret->n = 0; ret->n < max && text.len; text = slice_from(text, step(text)))
		if (!utf8_decode(text, &ret->code[ret->n++]))
			ret->code[ret->n - 1] = 0;
}

static void look_back(struct slice text, size_t max, struct letters *ret)
{
	for (ret->n = 0; ret->n < max && text.len;) {
		const size_t at = text.len - last_step(text);

		if (!utf8_decode(slice_from(text, at), &ret->code[ret->n++]))
			ret->code[ret->n - 1] = 0;
		text = slice_first(text, at);
	}
}

static ptrdiff_t find_from(struct slice text, size_t from, struct slice what)
{
	const ptrdiff_t at = from < text.len ? slice_find(slice_from(text, from), what) : -1;

	return at < 0 ? -1 : (ptrdiff_t)from + at;
}

static bool has_mistaken(const struct fuzzy_typos *typos, struct slice text)
{
	struct letters around;
	ptrdiff_t at;

	if (slice_find(text, typos->swapped) >= 0)
		return true;
	for (at = -1; (at = find_from(text, (size_t)(at + 1), typos->half[0])) >= 0;) {
		look_ahead(slice_from(text, (size_t)at + typos->half[0].len), typos->end.n + 1, &around);
		if (begins(&around, &typos->end))
			return true;
	}
	for (at = -1; (at = find_from(text, (size_t)(at + 1), typos->half[1])) >= 0;) {
		look_back(slice_first(text, (size_t)at), typos->begin.n + 1, &around);
		if (begins(&around, &typos->begin))
			return true;
	}
	return false;
}

/* ---- looking ---- */

/* No word goes across this place. */
static bool is_edge(struct slice text, size_t at)
{
	return !fold_ends_word(slice_first(text, at)) || !fold_starts_word(slice_from(text, at));
}

static unsigned best_of(struct slice text, struct slice word)
{
	unsigned best = FUZZY_NOT;

	for (ptrdiff_t at = -1; best < FUZZY_WORD && (at = find_from(text, (size_t)(at + 1), word)) >= 0;) {
		const bool starts = is_edge(text, (size_t)at);
		const bool ends = is_edge(text, (size_t)at + word.len);
		const unsigned found = !starts ? FUZZY_WITHIN : ends ? FUZZY_WORD : FUZZY_START;

		best = MAX_OF(best, found);
	}
	return best;
}

unsigned fuzzy_look(const struct fuzzy_word *word, struct slice folded, struct slice bare, bool scored)
{
	unsigned best;

	if (!scored)
		best = slice_find(bare, word->bare) >= 0 ? FUZZY_WORD : FUZZY_NOT;
	else
		best = best_of(bare, word->bare);
	if (best == FUZZY_NOT && word->typos && has_mistaken(word->typos, bare))
		return FUZZY_TYPO;
	if (scored && best == FUZZY_WORD && best_of(folded, word->marked) == FUZZY_WORD)
		return FUZZY_SAME;
	return best;
}

static bool follow(const struct fuzzy_word *word, struct slice text)
{
	for (; word; word = word->next) {
		for (int i = 0; i < BETWEEN_MAX && text.len && !fold_starts_word(text); i++) {
			if (slice_eq(slice_first(text, word->bare.len), word->bare))
				break;
			text = slice_from(text, step(text));
		}
		if (!slice_eq(slice_first(text, word->bare.len), word->bare))
			return false;
		text = slice_from(text, word->bare.len);
	}
	return true;
}

bool fuzzy_is_phrase(const struct fuzzy_word *first, struct slice bare)
{
	for (ptrdiff_t at = -1; (at = find_from(bare, (size_t)(at + 1), first->bare)) >= 0;)
		if (follow(first->next, slice_from(bare, (size_t)at + first->bare.len)))
			return true;
	return false;
}
