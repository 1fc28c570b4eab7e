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

/* ---- headers ---- */

static bool is_open(const struct search_key *key, const struct search_facts *facts)
{
	return facts->texts[key->index] == MATCH_UNKNOWN && !(facts->row->lacks >> key->index & 1);
}

static void hold(const struct search_key *key, struct slice folded, struct search_facts *facts)
{
	if (slice_find(folded, key->text) >= 0)
		facts->texts[key->index] = MATCH_YES;
}

static bool asks_for(const struct search_key *key, const struct header_field *field)
{
	return key->op == SEARCH_TEXT || (key->op == SEARCH_HEADER && slice_ieq(key->name, field->name));
}

/* RFC 9051 6.4.4: FROM and the like look at the envelope, where an address has no comments and no blanks. */
static void look_at_addresses(const struct search *search, const struct header_field *field,
                              struct searchable *scratch, struct search_facts *facts)
{
	struct slice addresses = searchable_addresses(scratch, field);

	for (uint32_t i = 0; i < search->n_texts && addresses.data; i++)
		if (search->texts[i]->op == SEARCH_HEADER && is_open(search->texts[i], facts) &&
		    asks_for(search->texts[i], field))
			hold(search->texts[i], addresses, facts);
}

static void look_at_field(const struct search *search, const struct header_field *field,
                          struct searchable *scratch, struct search_facts *facts)
{
	struct slice all = { NULL, 0 }, value = { NULL, 0 };

	for (uint32_t i = 0; i < search->n_texts; i++) {
		const struct search_key *key = search->texts[i];

		if (!is_open(key, facts) || !asks_for(key, field))
			continue;
		if (!all.data)
			all = searchable_field(scratch, field, &value);
		hold(key, key->op == SEARCH_TEXT ? all : value, facts);
	}
	if (all.data)
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
			facts->texts[i] = MATCH_NO;
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

void search_part_header(const struct search *search, struct slice header, struct searchable *scratch,
                        struct search_facts *facts)
{
	struct header_iter it = header_iter_of(header);
	struct header_field field;
	struct slice value;

	while (header_next(&it, &field))
		look_at_text(search, searchable_field(scratch, &field, &value), facts);
}

void search_text(const struct search *search, struct slice text, struct searchable *scratch,
                 struct search_facts *facts)
{
	look_at_text(search, searchable_text(scratch, text), facts);
}

void search_end(const struct search *search, struct search_facts *facts)
{
	facts->has_header = true;
	for (uint32_t i = 0; i < search->n_texts; i++)
		if (facts->texts[i] == MATCH_UNKNOWN)
			facts->texts[i] = MATCH_NO;
}
