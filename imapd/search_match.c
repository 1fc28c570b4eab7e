/* Matching messages (search_match.h). */
#include "search_match.h"

#include "header_cache.h"
#include "mail/date.h"
#include "mail/header.h"

static enum match of(bool yes)
{
	return yes ? MATCH_YES : MATCH_NO;
}

/* ---- by the view ---- */

static int32_t day_of(int64_t utc_ms)
{
	const struct date date = date_utc(utc_ms);

	return date_day(&date);
}

/* When it is not known, it is the date of arrival instead (RFC 8514 4.1). */
static int32_t save_day(const struct search_row *row)
{
	return day_of(row->save_date ? row->save_date : row->internal_date);
}

static enum match match_row(const struct search_key *key, const struct search_row *row)
{
	switch (key->op) {
	case SEARCH_NUMBERS:
	case SEARCH_UIDS:
		return of(uid_set_has(&key->set, row->uid));
	case SEARCH_FLAG:
		return of(row->flags & key->number);
	case SEARCH_KEYWORD:
		return of(row->keywords & key->number);
	case SEARCH_RECENT:
		return of(row->recent);
	case SEARCH_LARGER:
		return of(row->size > key->number);
	case SEARCH_SMALLER:
		return of(row->size < key->number);
	case SEARCH_MODSEQ:
		return of(row->modseq >= key->number);
	case SEARCH_BEFORE:
		return of(day_of(row->internal_date) < key->day);
	case SEARCH_ON:
		return of(day_of(row->internal_date) == key->day);
	case SEARCH_SINCE:
		return of(day_of(row->internal_date) >= key->day);
	case SEARCH_OLDER:
		return of(row->internal_date <= key->moment);
	case SEARCH_YOUNGER:
		return of(row->internal_date >= key->moment);
	case SEARCH_SAVEDBEFORE:
		return of(save_day(row) < key->day);
	case SEARCH_SAVEDON:
		return of(save_day(row) == key->day);
	case SEARCH_SAVEDSINCE:
		return of(save_day(row) >= key->day);
	default:
		return MATCH_YES; /* ALL */
	}
}

/* ---- the tree ---- */

static enum match match_sent(const struct search_key *key, const struct search_facts *facts)
{
	if (!facts->is_dated)
		return facts->has_header || facts->has_date ? MATCH_NO : MATCH_UNKNOWN;
	return of(key->op == SEARCH_SENTBEFORE ? facts->sent < key->day
	          : key->op == SEARCH_SENTON   ? facts->sent == key->day
	                                       : facts->sent >= key->day);
}

/* AND is decided by one NO, OR by one YES; all that is unknown leaves it open. */
static enum match match_group(const struct search_key *key, const struct search_facts *facts)
{
	const enum match decides = key->op == SEARCH_AND ? MATCH_NO : MATCH_YES;
	bool open = false;

	for (const struct search_key *kid = key->kids; kid; kid = kid->next) {
		enum match match = search_match(kid, facts);

		if (match == decides)
			return match;
		open |= match == MATCH_UNKNOWN;
	}
	return open ? MATCH_UNKNOWN : decides == MATCH_NO ? MATCH_YES : MATCH_NO;
}

static enum match match_plain(const struct search_key *key, const struct search_facts *facts)
{
	if (key->op == SEARCH_AND || key->op == SEARCH_OR)
		return match_group(key, facts);
	if (key->op >= SEARCH_HEADER)
		return facts->row->lacks >> key->index & 1 ? MATCH_NO : facts->texts[key->index];
	if (key->op >= SEARCH_SENTBEFORE)
		return match_sent(key, facts);
	if (key->op == SEARCH_EMAILID)
		return facts->email_id ? of(id_eq(&key->id, facts->email_id)) : MATCH_UNKNOWN;
	return match_row(key, facts->row);
}

enum match search_match(const struct search_key *key, const struct search_facts *facts)
{
	enum match match = match_plain(key, facts);

	if (!key->negated || match == MATCH_UNKNOWN)
		return match;
	return match == MATCH_YES ? MATCH_NO : MATCH_YES;
}

/* It is worth looking for it. */
static bool is_open(const struct search_key *key, const struct search_facts *facts)
{
	if (facts->row->lacks >> key->index & 1)
		return false;
	return facts->texts[key->index] == MATCH_UNKNOWN ||
	       (facts->merits && key->word && !(facts->merits->settled >> key->index & 1));
}

enum match search_answer(const struct search *search, const struct search_facts *facts)
{
	const enum match match = search_match(search->root, facts);

	for (uint32_t i = 0; i < search->n_texts && search->scored && match == MATCH_YES; i++)
		if (search->texts[i]->word && is_open(search->texts[i], facts))
			return MATCH_UNKNOWN;
	return match;
}

/* ---- how well ---- */

#define SCATTERED 80 /* percent: words that do not stand together */
#define ELSEWHERE 80 /* percent: what TEXT finds outside the subject */
#define NO_SCORE  (-1)

static int score_of(const struct search_key *, const struct search_facts *);

static int score_group(const struct search_key *key, const struct search_facts *facts)
{
	const struct search_key *first = key->kids;
	const bool words = first && first->word && first->word->leads;
	int sum = 0, n = 0, best = NO_SCORE;

	for (const struct search_key *kid = first; kid; kid = kid->next) {
		const int score = score_of(kid, facts);

		if (score == NO_SCORE)
			continue;
		best = MAX_OF(best, score);
		sum += score;
		n++;
	}
	if (key->op == SEARCH_OR || !n)
		return best;
	if (words && !(facts->merits->phrases >> first->index & 1))
		sum = sum * SCATTERED / 100;
	return sum / n;
}

static int score_of(const struct search_key *key, const struct search_facts *facts)
{
	if (key->negated || search_match(key, facts) != MATCH_YES)
		return NO_SCORE;
	if (key->kids)
		return score_group(key, facts);
	if (key->word)
		return facts->merits->points[key->index];
	return key->fuzzy ? FUZZY_SAME : NO_SCORE;
}

uint8_t search_score(const struct search *search, const struct search_facts *facts)
{
	return (uint8_t)MAX_OF(score_of(search->root, facts), 1);
}

/* ---- texts ---- */

struct seen { /* one of them */
	struct searchable *scratch;
	struct slice folded, bare; /* bare: no data as long as nobody wants it */
	int percent;               /* of what is found there */
};

static void look_loosely(const struct search_key *key, struct seen *seen, struct search_facts *facts)
{
	const uint64_t bit = UINT64_C(1) << key->index;
	struct search_merits *merits = facts->merits;
	unsigned points;

	if (!seen->bare.data)
		seen->bare = searchable_bare(seen->scratch, seen->folded);
	points = fuzzy_look(key->word, seen->folded, seen->bare, merits != NULL);
	if (!points)
		return;
	points = points * (unsigned)seen->percent / 100;
	facts->texts[key->index] = MATCH_YES;
	if (!merits)
		return;
	merits->points[key->index] = (uint8_t)MAX_OF(points, (unsigned)merits->points[key->index]);
	if (key->word->leads && fuzzy_is_phrase(key->word, seen->bare))
		merits->phrases |= bit;
	if (merits->points[key->index] == FUZZY_SAME && (!key->word->leads || merits->phrases & bit))
		merits->settled |= bit;
}

static void hold(const struct search_key *key, struct seen *seen, struct search_facts *facts)
{
	if (key->word)
		look_loosely(key, seen, facts);
	else if (slice_find(seen->folded, key->text) >= 0)
		facts->texts[key->index] = MATCH_YES;
}

/* There is no more to look into for it. */
static void settle(const struct search_key *key, struct search_facts *facts)
{
	if (facts->texts[key->index] == MATCH_UNKNOWN)
		facts->texts[key->index] = MATCH_NO;
	if (facts->merits)
		facts->merits->settled |= UINT64_C(1) << key->index;
}

/* ---- headers ---- */

static bool asks_for(const struct search_key *key, const struct header_field *field)
{
	return key->op == SEARCH_TEXT || (key->op == SEARCH_HEADER && slice_ieq(key->name, field->name));
}

/* RFC 9051 6.4.4: FROM and the like look at the envelope, where an address has no comments and no blanks. */
static void look_at_addresses(const struct search *search, const struct header_field *field,
                              struct searchable *scratch, struct search_facts *facts)
{
	struct seen seen = { .scratch = scratch, .percent = 100 };

	seen.folded = searchable_addresses(scratch, field);
	for (uint32_t i = 0; i < search->n_texts && seen.folded.data; i++)
		if (search->texts[i]->op == SEARCH_HEADER && is_open(search->texts[i], facts) &&
		    asks_for(search->texts[i], field))
			hold(search->texts[i], &seen, facts);
}

static void look_at_field(const struct search *search, const struct header_field *field,
                          struct searchable *scratch, struct search_facts *facts)
{
	struct seen all = { .scratch = scratch,
		            .percent = slice_is(field->name, "Subject") ? 100 : ELSEWHERE };
	struct seen value = { .scratch = scratch, .percent = 100 };

	for (uint32_t i = 0; i < search->n_texts; i++) {
		const struct search_key *key = search->texts[i];

		if (!is_open(key, facts) || !asks_for(key, field))
			continue;
		if (!all.folded.data)
			all.folded = searchable_field(scratch, field, &value.folded);
		all.bare = value.bare = (struct slice){ NULL, 0 }; /* they share the scratch */
		hold(key, key->op == SEARCH_TEXT ? &all : &value, facts);
	}
	if (all.folded.data)
		look_at_addresses(search, field, scratch, facts);
}

static void take_date(const struct header_field *field, struct search_facts *facts)
{
	struct date date;

	if (facts->is_dated || !slice_is(field->name, "Date") || !date_parse(field->value, &date))
		return;
	facts->is_dated = true;
	facts->sent = date_day(&date);
}

void search_header(const struct search *search, struct slice header, bool whole, struct searchable *scratch,
                   struct search_facts *facts)
{
	struct header_iter it = header_iter_of(header);
	struct header_field field;

	while ((search->n_texts || search->by_header) && header_next(&it, &field)) {
		look_at_field(search, &field, scratch, facts);
		if (search->by_header)
			take_date(&field, facts);
	}
	facts->has_header = whole;
	for (uint32_t i = 0; whole && i < search->n_texts; i++) {
		const struct search_key *key = search->texts[i];

		if (key->op == SEARCH_HEADER && is_open(key, facts))
			settle(key, facts);
	}
}

void search_digest(const struct search *search, struct slice digest, struct searchable *scratch,
                   struct search_facts *facts)
{
	search_header(search, digest, false, scratch, facts);
	facts->has_date = true;
	for (uint32_t i = 0; i < search->n_texts; i++) {
		const struct search_key *key = search->texts[i];

		if (key->op == SEARCH_HEADER && is_open(key, facts) && header_digest_has(key->name))
			settle(key, facts);
	}
}

/* ---- bodies ---- */

static void look_at_text(const struct search *search, struct slice folded, struct searchable *scratch,
                         struct search_facts *facts)
{
	struct seen seen = { .scratch = scratch, .folded = folded };

	for (uint32_t i = 0; i < search->n_texts; i++) {
		const struct search_key *key = search->texts[i];

		if (key->op == SEARCH_HEADER || !is_open(key, facts))
			continue;
		seen.percent = key->op == SEARCH_TEXT ? ELSEWHERE : 100;
		hold(key, &seen, facts);
	}
}

void search_part_header(const struct search *search, struct slice header, struct searchable *scratch,
                        struct search_facts *facts)
{
	struct header_iter it = header_iter_of(header);
	struct header_field field;
	struct slice value;

	while (header_next(&it, &field))
		look_at_text(search, searchable_field(scratch, &field, &value), scratch, facts);
}

void search_text(const struct search *search, struct slice text, struct searchable *scratch,
                 struct search_facts *facts)
{
	look_at_text(search, searchable_text(scratch, text), scratch, facts);
}

void search_end(const struct search *search, struct search_facts *facts)
{
	facts->has_header = true;
	for (uint32_t i = 0; i < search->n_texts; i++)
		settle(search->texts[i], facts);
}
