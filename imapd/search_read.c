/* Opening messages for SEARCH (search_read.h). */
#include "search_read.h"

#include "mail/mime.h"
#include "mail/text.h"
#include "object_id.h"

struct reading {
	struct search_reader *reader;
	const struct search *search;
	struct message *message;
	struct search_facts *facts;
	struct slice whole; /* of a message of one piece, once it is open */
	struct why *why;
};

static bool is_decided(const struct reading *r)
{
	return search_answer(r->search, r->facts) != MATCH_UNKNOWN;
}

/* [offset, offset + len), good until the next. A message of one piece is opened once. */
static enum fault read_range(struct reading *r, uint64_t offset, uint64_t len, struct slice *ret)
{
	struct search_reader *reader = r->reader;
	const bool small = r->message->size <= SEAL_PIECE;
	enum fault fault = FAULT_NONE;

	if (!r->whole.data) {
		buf_clear(&reader->raw);
		reader->raw.limit = SEARCHABLE_PART_MAX;
		fault = message_read(reader->stack, reader->actor, r->message, small ? 0 : offset,
		                     small ? r->message->size : len, reader->arena, &reader->raw, r->why);
	}
	if (fault)
		return fault;
	*ret = buf_slice(&reader->raw);
	if (!small)
		return FAULT_NONE;
	r->whole = *ret;
	*ret = slice_first(slice_from(r->whole, offset), len);
	return FAULT_NONE;
}

static enum fault look_at_header(struct reading *r, const struct mime_part *part)
{
	struct slice header;
	enum fault fault =
	    read_range(r, part->header, MIN_OF(part->header_len, (uint64_t)SEARCHABLE_HEADER_MAX), &header);

	if (!fault && part->parent)
		search_part_header(r->search, header, &r->reader->scratch, r->facts);
	else if (!fault)
		search_header(r->search, header, true, &r->reader->scratch, r->facts);
	return fault;
}

static enum fault look_at_text(struct reading *r, const struct mime_part *part)
{
	struct search_reader *reader = r->reader;
	struct mime_part alone = *part;
	struct slice body;
	enum fault fault;

	alone.body = 0;
	alone.body_len = MIN_OF(part->body_len, (uint64_t)SEARCHABLE_PART_MAX);
	fault = read_range(r, part->body, alone.body_len, &body);
	if (fault)
		return fault;
	reader->text.limit = SEARCHABLE_PART_MAX;
	buf_clear(&reader->text);
	text_of_part(&reader->text, &alone, body);
	search_text(r->search, buf_slice(&reader->text), &reader->scratch, r->facts);
	return FAULT_NONE;
}

/* Parts as they stand, until the answer is known. The message's own header was looked at, unless it is very long. */
static enum fault look_at_parts(struct reading *r, const struct mime_part *root)
{
	enum fault fault = FAULT_NONE;

	for (const struct mime_part *part = root; part && !fault && !is_decided(r); part = mime_next(part)) {
		if (part->parent || !r->facts->has_header)
			fault = look_at_header(r, part);
		if (!fault && part->kind == MIME_LEAF && mime_is(part, "text", NULL) && !is_decided(r))
			fault = look_at_text(r, part);
	}
	if (!fault)
		search_end(r->search, r->facts);
	return fault;
}

static enum fault look(struct reading *r, bool bodies)
{
	struct arena *arena = r->reader->arena;
	struct message_summary summary;
	struct mime mime;
	enum fault fault = message_summary(r->message, arena, &summary, r->why);

	if (fault)
		return fault;
	r->reader->header = summary.header;
	r->reader->header_cut = summary.header_cut;
	search_header(r->search, summary.header, !summary.header_cut, &r->reader->scratch, r->facts);
	if (!bodies || is_decided(r))
		return FAULT_NONE;
	fault = mime_unpack(summary.structure, arena, &mime, r->why);
	return fault ? fault : look_at_parts(r, mime.root);
}

enum fault search_read(struct search_reader *reader, const struct search *search,
                       const struct search_row *row, struct message *message, bool bodies, enum match *ret,
                       struct why *why)
{
	const struct id email_id = object_id_raw(reader->key, &message->content);
	struct search_facts facts = { .row = row, .email_id = &email_id };
	struct search_merits merits;
	struct reading r = { reader, search, message, &facts, { NULL, 0 }, why };
	enum fault fault;

	search_count_merits(search, &merits, &facts);
	fault = look(&r, bodies);
	if (fault)
		return fault;
	*ret = search_answer(search, &facts);
	if (search->scored)
		reader->score = search_score(search, &facts);
	return FAULT_NONE;
}

void search_reader_done(struct search_reader *reader)
{
	searchable_done(&reader->scratch);
	buf_done(&reader->raw);
	buf_done(&reader->text);
}
