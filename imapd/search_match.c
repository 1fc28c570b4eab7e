/* Matching messages (search_match.h). */
#include "search_match.h"

#include "header_cache.h"
#include "mail/address_list.h"
#include "mail/date.h"
#include "mail/encoded.h"
#include "mail/fold.h"
#include "mail/header.h"

#define FOLDED_MAX    (32 * 1024 * 1024) /* a text part is cut before that */
#define ADDRESSES     1000
#define ADDRESSES_MAX (64 * 1024) /* bytes of a field that are read for them */

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
		return facts->texts[key->index];
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

/* ---- headers ---- */

static bool is_open(const struct search_key *key, const struct search_facts *facts)
{
	return facts->texts[key->index] == MATCH_UNKNOWN;
}

static void hold(const struct search_key *key, struct slice folded, struct search_facts *facts)
{
	if (slice_find(folded, key->text) >= 0)
		facts->texts[key->index] = MATCH_YES;
}

/* Encoded-words decoded, folded. */
static struct slice fold_value(struct slice value, struct search_scratch *scratch)
{
	scratch->plain.limit = scratch->folded.limit = FOLDED_MAX;
	buf_clear(&scratch->plain);
	encoded_decode(&scratch->plain, slice_trim(value));
	fold_search(&scratch->folded, buf_slice(&scratch->plain));
	return buf_slice(&scratch->folded);
}

/* "name: value", of which `ret_value` is the value. */
static struct slice fold_field(const struct header_field *field, struct search_scratch *scratch,
                               struct slice *ret_value)
{
	struct slice all;
	size_t start;

	scratch->folded.limit = FOLDED_MAX;
	buf_clear(&scratch->folded);
	fold_search(&scratch->folded, field->name);
	buf_adds(&scratch->folded, ": ");
	start = scratch->folded.len;
	all = fold_value(field->value, scratch);
	*ret_value = slice_from(all, MIN_OF(start, all.len));
	return all;
}

static bool asks_for(const struct search_key *key, const struct header_field *field)
{
	return key->op == SEARCH_TEXT || (key->op == SEARCH_HEADER && slice_ieq(key->name, field->name));
}

/* RFC 9051 6.4.4: FROM and the like look at the envelope, where an address has no comments and no blanks. */
static bool may_hide_address(const struct header_field *field)
{
	static const char *const names[] = { "From", "To", "Cc", "Bcc" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (slice_is(field->name, names[i]))
			return slice_find(field->value, SLICE("(")) >= 0;
	return false;
}

static void look_at_addresses(const struct search *search, const struct header_field *field,
                              struct search_scratch *scratch, struct search_facts *facts)
{
	struct arena *arena = arena_new();
	struct address_list list;

	address_list_parse(arena, slice_first(field->value, ADDRESSES_MAX), ADDRESSES, &list);
	scratch->plain.limit = scratch->folded.limit = FOLDED_MAX;
	buf_clear(&scratch->plain);
	buf_clear(&scratch->folded);
	for (uint32_t i = 0; i < list.n; i++)
		buf_printf(&scratch->plain, "%.*s@%.*s\n", SLICE_FMT(list.entries[i].local),
		           SLICE_FMT(list.entries[i].domain));
	fold_search(&scratch->folded, buf_slice(&scratch->plain));
	for (uint32_t i = 0; i < search->n_texts; i++)
		if (search->texts[i]->op == SEARCH_HEADER && is_open(search->texts[i], facts) &&
		    asks_for(search->texts[i], field))
			hold(search->texts[i], buf_slice(&scratch->folded), facts);
	arena_free(arena);
}

static void look_at_field(const struct search *search, const struct header_field *field,
                          struct search_scratch *scratch, struct search_facts *facts)
{
	struct slice all = { NULL, 0 }, value = { NULL, 0 };

	for (uint32_t i = 0; i < search->n_texts; i++) {
		const struct search_key *key = search->texts[i];

		if (!is_open(key, facts) || !asks_for(key, field))
			continue;
		if (!all.data)
			all = fold_field(field, scratch, &value);
		hold(key, key->op == SEARCH_TEXT ? all : value, facts);
	}
	if (all.data && may_hide_address(field))
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

void search_header(const struct search *search, struct slice header, bool whole,
                   struct search_scratch *scratch, struct search_facts *facts)
{
	struct header_iter it = header_iter_of(header);
	struct header_field field;

	while (header_next(&it, &field)) {
		look_at_field(search, &field, scratch, facts);
		if (search->by_header)
			take_date(&field, facts);
	}
	facts->has_header = whole;
	for (uint32_t i = 0; whole && i < search->n_texts; i++) {
		const struct search_key *key = search->texts[i];

		if (key->op == SEARCH_HEADER && is_open(key, facts))
			facts->texts[i] = MATCH_NO;
	}
}

void search_digest(const struct search *search, struct slice digest, struct search_scratch *scratch,
                   struct search_facts *facts)
{
	search_header(search, digest, false, scratch, facts);
	facts->has_date = true;
	for (uint32_t i = 0; i < search->n_texts; i++) {
		const struct search_key *key = search->texts[i];

		if (key->op == SEARCH_HEADER && is_open(key, facts) && header_digest_has(key->name))
			facts->texts[i] = MATCH_NO;
	}
}

/* ---- bodies ---- */

static void look_at_text(const struct search *search, struct slice folded, struct search_facts *facts)
{
	for (uint32_t i = 0; i < search->n_texts; i++) {
		const struct search_key *key = search->texts[i];

		if (key->op != SEARCH_HEADER && is_open(key, facts))
			hold(key, folded, facts);
	}
}

void search_part_header(const struct search *search, struct slice header, struct search_scratch *scratch,
                        struct search_facts *facts)
{
	struct header_iter it = header_iter_of(header);
	struct header_field field;
	struct slice value;

	while (header_next(&it, &field))
		look_at_text(search, fold_field(&field, scratch, &value), facts);
}

void search_text(const struct search *search, struct slice text, struct search_scratch *scratch,
                 struct search_facts *facts)
{
	scratch->folded.limit = FOLDED_MAX;
	buf_clear(&scratch->folded);
	fold_search(&scratch->folded, text);
	look_at_text(search, buf_slice(&scratch->folded), facts);
}

void search_end(const struct search *search, struct search_facts *facts)
{
	facts->has_header = true;
	for (uint32_t i = 0; i < search->n_texts; i++)
		if (facts->texts[i] == MATCH_UNKNOWN)
			facts->texts[i] = MATCH_NO;
}

void search_scratch_done(struct search_scratch *scratch)
{
	buf_done(&scratch->plain);
	buf_done(&scratch->folded);
}
