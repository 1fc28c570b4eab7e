/* Fuzzes what SEARCH and SORT ask for, matching and sorting, and that a signature denies nothing that is found. Input: lines; the first is the arguments, each other one
 * a literal in turn with more arguments; what follows a NUL is a message's header and text. */
#include "mail/header.h"
#include "search/segment.h"
#include "search_match.h"
#include "search_return.h"
#include "sort_key.h"
#include "fuzz_segments.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void add(struct trigrams *set, struct searchable *scratch, struct slice folded)
{
	trigrams_add(set, folded);
	trigrams_add(set, searchable_bare(scratch, folded));
}

/* As suite/signature.h makes it of the message. */
static struct segment *sign(struct slice message, struct arena *arena)
{
	struct searchable scratch = { .plain = { .limit = 0 } };
	struct header_iter it = header_iter_of(slice_first(message, header_end(message)));
	struct segment_row row = { .uid = 3 };
	struct header_field field;
	struct trigrams set;
	struct buf packed;
	struct slice value;

	trigrams_init(&set);
	while (header_next(&it, &field)) {
		add(&set, &scratch, searchable_field(&scratch, &field, &value));
		add(&set, &scratch, searchable_addresses(&scratch, &field));
	}
	add(&set, &scratch, searchable_text(&scratch, slice_from(message, header_end(message))));
	buf_init(&packed, SIGNATURE_MAX);
	if (!signature_make(&set, &packed) ||
	    signature_unpack(arena_copy(arena, buf_slice(&packed)), &row.signature, NULL))
		__builtin_trap();
	buf_done(&packed);
	trigrams_done(&set);
	searchable_done(&scratch);
	return segment_new(&row, 1);
}

static bool may_be(const struct segment *segment, const struct search_key *key)
{
	struct slice parts[FUZZY_PARTS] = { key->text };
	size_t n = key->word ? fuzzy_parts(key->word, parts) : 1;
	uint64_t may = 0, bits;

	while (n--) {
		struct segment_query *query =
		    key->word ? segment_query_bare(parts[n]) : segment_query_new(parts[n]);

		bits = 1;
		if (query)
			segment_ask(segment, query, &bits);
		may |= bits;
		segment_query_free(query);
	}
	return may & 1;
}

static void sieve(const struct search *search, const struct search_facts *facts, struct slice message)
{
	struct arena *arena = arena_new();
	struct segment *segment = sign(message, arena);

	for (uint32_t i = 0; i < search->n_texts; i++)
		if (facts->texts[i] == MATCH_YES && !may_be(segment, search->texts[i]))
			__builtin_trap();
	segment_unref(segment);
	arena_free(arena);
}

/* More knowledge never takes an answer back, and in the end there is one. */
static void match(const struct search *search, struct slice message)
{
	const struct search_row row = { .uid = 3, .flags = 5, .size = 100, .modseq = 9 };
	struct search_facts facts = { .row = &row };
	struct searchable scratch = { .plain = { .limit = 0 } };
	struct search_merits merits;
	size_t end = header_end(message);
	enum match before = search_answer(search, &facts), after;

	search_count_merits(search, &merits, &facts);
	search_header(search, slice_first(message, end), true, &scratch, &facts);
	after = search_answer(search, &facts);
	if (before != MATCH_UNKNOWN && before != after)
		__builtin_trap();
	before = after;
	search_part_header(search, slice_first(message, end), &scratch, &facts);
	search_text(search, slice_from(message, end), &scratch, &facts);
	search_end(search, &facts);
	after = search_answer(search, &facts);
	if (after == MATCH_UNKNOWN || (search->scored && search_score(search, &facts) > 100) ||
	    (before != MATCH_UNKNOWN && before != after))
		__builtin_trap();
	sieve(search, &facts, message);
	searchable_done(&scratch);
}

/* The message twice: the second behind the first. */
static void sort(const struct sort_criteria *criteria, struct slice message)
{
	struct sort_list list = { .criteria = *criteria };

	for (uint32_t uid = 2; uid > 0; uid--) {
		const struct search_row row = { .uid = uid, .size = 100, .internal_date = 5 };

		sort_take(&list, &row, slice_first(message, header_end(message)));
	}
	sort_put_in_order(&list);
	if (list.rows[list.order[0]].uid != 1 || list.rows[list.order[1]].uid != 2)
		__builtin_trap();
	sort_list_done(&list);
}

static bool parse_sort(const struct imap_args *from, struct sort_criteria *criteria, struct search *search)
{
	struct imap_args args = *from;

	return sort_parse(&args, criteria) && imap_args_space(&args) && search_parse_charset(&args, search);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice message = slice_of(data, len), text = { NULL, 0 };
	struct imap_segment segments[FUZZ_SEGMENTS];
	struct arena *arena = arena_new();
	struct sort_criteria criteria;
	struct search_return asked;
	struct imap_args args;
	struct search search;

	(void)slice_cut(&message, '\0', &text);
	if (!message.data)
		message = SLICE("");
	fuzz_segments(&args, segments, text, arena);
	if (search_return_parse(&args, &asked)) {
		if (parse_sort(&args, &criteria, &search))
			sort(&criteria, message);
		else if (search_parse(&args, &search)) {
			match(&search, message);
			search.scored = true;
			match(&search, message);
		}
	}
	arena_free(arena);
	return 0;
}
