/* Messages become FETCH responses, on a worker (fetch_render.h). */
#include "fetch_render.h"

#include "base/utf8.h"
#include "command.h"
#include "fetch_open.h"
#include "fetch_preview.h"
#include "mail/downgrade.h"
#include "object_id.h"

#define ENOUGH         (256 * 1024)      /* of text, for one run */
#define TOO_MUCH       (1024 * 1024)     /* then a run ends between two items of one message */
#define STREAM         BINARY_PIECE      /* of a literal, at once; what is longer goes in such pieces */
#define FILTER_MAX     (4 * 1024 * 1024) /* of a header that fields are taken from; what is behind is not seen */
#define DOWNGRADED_MAX (4 * FILTER_MAX)
#define TEXT_MAX       (32 * 1024 * 1024) /* a run's text and, at the worst, a message's structure */
#define DECODED_MAX    (64 * 1024 * 1024) /* then a run ends as well */

void fetch_render_start(struct fetch_render *render, const struct fetch_request *request, struct batch *batch,
                        struct fetch_line *lines)
{
	render->request = request;
	render->batch = batch;
	render->lines = lines;
	render->at = 0;
	render->text.limit = BUF_NO_LIMIT; /* a line for each of a batch */
	render->out.limit = TEXT_MAX;
	render->opened.plain.limit = SEAL_PIECE;
	render->raw.limit = BINARY_PIECE;
	buf_clear(&render->text);
}

void fetch_render_done(struct fetch_render *render)
{
	buf_done(&render->text);
	buf_done(&render->out);
	buf_done(&render->raw);
	buf_done(&render->opened.plain);
	secret_wipe(&render->opened.message.key, sizeof(render->opened.message.key));
	arena_free(render->opened.arena);
	render->opened.arena = NULL;
}

/* ---- sections ---- */

/* What was decoded may hold any byte: it goes as a literal8, but where a NUL in it is known not to be. */
static void add_literal_start(struct fetch_worker *w, const struct fetch_item *item, uint64_t len,
                              bool has_nul)
{
	const bool literal8 = item->kind == FETCH_BINARY && (has_nul || !w->render->request->bare);

	buf_add_slice(w->out, item->label);
	buf_printf(w->out, " %s{%llu}\r\n", literal8 ? "~" : "", (unsigned long long)len);
}

static void add_nil(struct fetch_worker *w, const struct fetch_item *item)
{
	buf_add_slice(w->out, item->label);
	buf_adds(w->out, " NIL");
}

/* Fields that were picked out are no longer the bytes of the message: who has not asked for UTF-8 gets none in them.
 * BODY[] and BODY[HEADER] are exact. */
static struct slice fields_as_told(const struct fetch_worker *w, const struct buf *fields, struct buf *ascii)
{
	if (w->render->request->bare || (w->render->request->style & FETCH_UTF8) ||
	    utf8_is_ascii(buf_slice(fields)))
		return buf_slice(fields);
	downgrade_add_header(ascii, buf_slice(fields));
	return ascii->overflow ? buf_slice(fields) : buf_slice(ascii);
}

static enum fault add_filtered(struct fetch_worker *w, const struct fetch_item *item,
                               const struct fetch_place *place)
{
	uint64_t offset = 0, len;
	struct slice told;
	struct buf header, subset, ascii;
	enum fault fault;

	buf_init(&header, FILTER_MAX);
	buf_init(&subset, FILTER_MAX);
	buf_init(&ascii, DOWNGRADED_MAX);
	fault = fetch_read(w, place->offset, MIN_OF(place->len, (uint64_t)FILTER_MAX), &header);
	if (!fault) {
		section_filter(&item->section, buf_slice(&header), &subset);
		told = fields_as_told(w, &subset, &ascii);
		len = told.len;
		section_clip(&item->section, &offset, &len);
		add_literal_start(w, item, len, false);
		buf_add(w->out, told.data + offset, len);
	}
	buf_done(&ascii);
	buf_done(&header);
	buf_done(&subset);
	return fault;
}

/* ---- binary ---- */

/* The next piece of what is decoded, up to the end of a sealed piece. */
static enum fault feed_binary(struct fetch_worker *w, struct fetch_binary *binary, struct buf *out)
{
	struct buf *raw = &w->render->raw;
	uint64_t end = MIN_OF((binary->at + STREAM) / SEAL_PIECE * SEAL_PIECE, binary->end);
	enum fault fault;

	w->decoded += end - binary->at;
	buf_clear(raw);
	fault = fetch_read(w, binary->at, end - binary->at, raw);
	if (!fault && !fetch_binary_feed(binary, buf_slice(raw), out))
		fault = fault_set(w->why, FAULT_TOO_BIG, "a decoded part is larger than it may be");
	return fault;
}

/* A part is decoded to know how long it is: a literal begins with that. Only whether it is `enough` matters. Lines are
 * those of what the section wants of it. */
static enum fault measure(struct fetch_worker *w, const struct mime_part *part,
                          const struct fetch_section *section, uint64_t enough, struct fetch_binary *ret)
{
	enum fault fault = FAULT_NONE;

	fetch_binary_start(ret, part->encoding, part->body, part->body_len);
	if (section->partial) {
		ret->from = section->offset;
		ret->to = section->offset + section->len;
	}
	while (!fault && ret->at < ret->end && ret->total < enough)
		fault = feed_binary(w, ret, w->out); /* adds nothing: nothing is wanted */
	return fault;
}

static bool is_encoded(const struct mime_part *part)
{
	return part->kind == MIME_LEAF &&
	       (part->encoding == TRANSFER_BASE64 || part->encoding == TRANSFER_QUOTED_PRINTABLE);
}

static bool is_unknown(const struct mime_part *part)
{
	return part->kind == MIME_LEAF && part->encoding == TRANSFER_UNKNOWN;
}

static enum fault stream_binary(struct fetch_worker *w)
{
	struct fetch_render *render = w->render;
	enum fault fault = feed_binary(w, &render->binary, w->out);

	render->streaming = render->decoding = !fault && !fetch_binary_is_over(&render->binary);
	if (!fault && !render->streaming && render->binary.left)
		fault = fault_set(w->why, FAULT_CORRUPT, "a part is shorter than it was");
	return fault;
}

/* The next piece of a long literal, up to the end of a sealed piece so that none is opened twice. */
static enum fault stream(struct fetch_worker *w)
{
	struct fetch_render *render = w->render;
	uint64_t end = (render->stream_at + STREAM) / SEAL_PIECE * SEAL_PIECE;
	enum fault fault;

	if (render->decoding)
		return stream_binary(w);
	end = MIN_OF(end, render->stream_end);
	fault = fetch_read(w, render->stream_at, end - render->stream_at, w->out);
	render->stream_at = end;
	render->streaming = !fault && end < render->stream_end;
	return fault;
}

static enum fault add_section(struct fetch_worker *w, const struct fetch_item *item)
{
	struct fetch_place place;
	enum fault fault = fetch_find_place(w, &item->section, &place);

	if (fault)
		return fault;
	if (place.missing && w->render->request->bare)
		return fault_set(w->why, FAULT_NOT_FOUND, "there is no such part");
	if (place.missing) {
		add_nil(w, item);
		return FAULT_NONE;
	}
	if (place.filtered)
		return add_filtered(w, item, &place);
	section_clip(&item->section, &place.offset, &place.len);
	add_literal_start(w, item, place.len, false);
	if (place.len <= STREAM)
		return fetch_read(w, place.offset, place.len, w->out);
	w->render->stream_at = place.offset;
	w->render->stream_end = place.offset + place.len;
	return stream(w);
}

/* NULL: the message, or a part that is not there; those have no encoding. */
static const struct mime_part *part_of(const struct fetch_worker *w, const struct fetch_section *section)
{
	return section->n ? mime_section(&w->opened->mime, section->numbers, section->n) : NULL;
}

static enum fault add_decoded(struct fetch_worker *w, const struct fetch_item *item,
                              const struct mime_part *part)
{
	struct fetch_render *render = w->render;
	const struct fetch_section *section = &item->section;
	struct fetch_binary measured;
	uint64_t offset = 0, len;
	enum fault fault = measure(w, part, section,
	                           section->partial ? section->offset + section->len : UINT64_MAX, &measured);

	if (fault)
		return fault;
	len = measured.total;
	section_clip(section, &offset, &len);
	add_literal_start(w, item, len, measured.has_nul);
	fetch_binary_start(&render->binary, part->encoding, part->body, part->body_len);
	render->binary.skip = offset;
	render->binary.left = len;
	render->decoding = len > 0;
	return len ? stream_binary(w) : FAULT_NONE;
}

static enum fault add_binary(struct fetch_worker *w, const struct fetch_item *item)
{
	const bool whole = !item->section.n && item->section.what == SECTION_ALL;
	const struct mime_part *part;
	enum fault fault = whole ? FAULT_NONE : fetch_need_tree(w);

	if (fault)
		return fault;
	part = section_body(&item->section, &w->opened->mime);
	if (part && is_unknown(part)) { /* of a URL: FETCH has refused it before */
		add_nil(w, item);
		return FAULT_NONE;
	}
	return part && is_encoded(part) ? add_decoded(w, item, part) : add_section(w, item);
}

static enum fault add_binary_size(struct fetch_worker *w, const struct fetch_item *item)
{
	enum fault fault = fetch_need_tree(w);
	const struct mime_part *part = fault ? NULL : part_of(w, &item->section);
	uint64_t len = item->section.n ? part ? part->body_len : 0 : w->opened->message.size;
	struct fetch_binary measured;

	if (!fault && part && is_encoded(part)) {
		fault = measure(w, part, &item->section, UINT64_MAX, &measured);
		len = measured.total;
	}
	if (fault)
		return fault;
	buf_add_slice(w->out, item->label);
	buf_printf(w->out, " %llu", (unsigned long long)len);
	return FAULT_NONE;
}

/* ---- as a part of its own ---- */

/* As add_filtered() and add_section() give it. */
static enum fault read_header(struct fetch_worker *w, const struct fetch_item *item,
                              const struct fetch_place *place, struct buf *out)
{
	struct buf header;
	enum fault fault;

	buf_init(&header, FILTER_MAX);
	fault = fetch_read(w, place->offset, MIN_OF(place->len, (uint64_t)FILTER_MAX), &header);
	if (!fault && place->filtered)
		section_filter(&item->section, buf_slice(&header), out);
	else if (!fault)
		buf_add_slice(out, buf_slice(&header));
	buf_done(&header);
	return fault;
}

static enum fault decode_part(struct fetch_worker *w, const struct fetch_section *section,
                              struct mime_part *part)
{
	struct fetch_binary measured;
	uint64_t offset = 0;
	enum fault fault = measure(w, part, section, UINT64_MAX, &measured);

	if (fault)
		return fault;
	part->body_len = measured.total;
	section_clip(section, &offset, &part->body_len);
	part->lines = measured.lines;
	part->encoding_name = SLICE("BINARY");
	return FAULT_NONE;
}

/* Of a body or a message only so much is given (RFC 5524 3.2: the data is described as it is returned). */
static enum fault clip_part(struct fetch_worker *w, const struct fetch_section *section,
                            struct fetch_place place, struct mime_part *part)
{
	struct buf *raw = &w->render->raw;
	enum fault fault = FAULT_NONE;

	section_clip(section, &place.offset, &place.len);
	part->body_len = place.len;
	part->lines = 0;
	while (place.len && !fault) {
		const uint64_t len = MIN_OF(place.len, (uint64_t)STREAM);

		buf_clear(raw);
		fault = fetch_read(w, place.offset, len, raw);
		for (size_t i = 0; i < raw->len; i++)
			part->lines += raw->data[i] == '\n';
		place.offset += len;
		place.len -= len;
		w->decoded += len;
	}
	return fault;
}

static enum fault find_part(struct fetch_worker *w, const struct fetch_item *item, struct mime_part *ret)
{
	const struct fetch_section *section = &item->section;
	const bool is_header = section->what != SECTION_ALL && section->what != SECTION_TEXT;
	struct fetch_place place;
	struct slice told;
	uint64_t offset = 0, len;
	struct buf header;
	enum fault fault = fetch_find_place(w, section, &place);

	if (!fault && place.missing)
		fault = fault_set(w->why, FAULT_NOT_FOUND, "there is no such part");
	if (fault)
		return fault;
	buf_init(&header, FILTER_MAX);
	if (is_header)
		fault = read_header(w, item, &place, &header);
	len = header.len;
	section_clip(section, &offset, &len);
	told = slice_first(slice_from(buf_slice(&header), offset), len);
	section_part(section, &w->opened->mime, told, ret);
	buf_done(&header);
	if (fault || is_header)
		return fault;
	if (item->decoded && is_encoded(ret))
		return decode_part(w, section, ret);
	return section->partial && ret->kind != MIME_MULTIPART ? clip_part(w, section, place, ret)
	                                                       : FAULT_NONE;
}

static enum fault add_part(struct fetch_worker *w, const struct fetch_item *item)
{
	struct mime_part part;
	enum fault fault = fetch_need_tree(w);

	if (!fault)
		fault = find_part(w, item, &part);
	if (fault)
		return fault;
	buf_add_slice(w->out, item->label);
	buf_addc(w->out, ' ');
	fetch_add_structure(w->out, &part, w->render->request->style | FETCH_EXTENDED);
	return FAULT_NONE;
}

/* Asked before anything of the message is written: it is all that can be wrong with what was asked for. */
static enum fault check_encodings(struct fetch_worker *w)
{
	const struct fetch_request *request = w->render->request;
	enum fault fault = FAULT_NONE;

	for (uint32_t i = 0; i < request->n && !fault; i++) {
		const struct fetch_item *item = &request->items[i];
		const struct mime_part *part;

		if ((item->kind != FETCH_BINARY && item->kind != FETCH_BINARY_SIZE) || !item->section.n ||
		    request->bare)
			continue;
		fault = fetch_need_tree(w);
		part = fault ? NULL : part_of(w, &item->section);
		if (part && is_unknown(part))
			fault = fault_set(w->why, FAULT_UNSUPPORTED, "a part's encoding is unknown");
	}
	return fault;
}

/* ---- other items ---- */

/* What is not at hand is not told to who says that it may be left out (RFC 8970 3.2). */
static enum fault add_preview(struct fetch_worker *w, const struct fetch_item *item)
{
	const struct mime_part *part;
	struct buf body, text;
	enum fault fault = fetch_need_tree(w);

	if (fault)
		return fault;
	part = preview_part(&w->opened->mime);
	buf_init(&body, PREVIEW_READ);
	buf_init(&text, PREVIEW_READ);
	buf_add_slice(w->out, item->label);
	buf_addc(w->out, ' ');
	if (part && item->kind == FETCH_PREVIEW_LAZY && w->opened->message.in_blob) {
		buf_adds(w->out, "NIL");
	} else {
		if (part)
			fault =
			    fetch_read(w, part->body, MIN_OF(part->body_len, (uint64_t)PREVIEW_READ), &body);
		if (part && !fault)
			preview_add(&text, part, buf_slice(&body));
		imap_add_string(w->out, text.len ? buf_slice(&text) : SLICE(""));
	}
	buf_done(&body);
	buf_done(&text);
	return fault;
}

static void add_email_id(struct fetch_worker *w, const struct fetch_item *item)
{
	const struct batch_item *message = &w->render->batch->items[w->render->at];

	buf_add_slice(w->out, item->label);
	buf_printf(w->out, " (%s)", object_id_of_content(w->key, &message->content).text);
}

static enum fault add_item(struct fetch_worker *w, const struct fetch_item *item)
{
	const unsigned style = w->render->request->style;
	enum fault fault;

	if (item->kind == FETCH_SECTION)
		return add_section(w, item);
	if (item->kind == FETCH_EMAILID) {
		add_email_id(w, item);
		return FAULT_NONE;
	}
	if (item->kind == FETCH_BINARY)
		return add_binary(w, item);
	if (item->kind == FETCH_BINARY_SIZE)
		return add_binary_size(w, item);
	if (item->kind == FETCH_PART)
		return add_part(w, item);
	if (item->kind == FETCH_PREVIEW || item->kind == FETCH_PREVIEW_LAZY)
		return add_preview(w, item);
	fault = fetch_need_tree(w);
	if (fault)
		return fault;
	buf_add_slice(w->out, item->label);
	buf_addc(w->out, ' ');
	if (item->kind == FETCH_ENVELOPE)
		fetch_add_envelope(w->out, &w->opened->mime.envelope, style);
	else
		fetch_add_structure(w->out, w->opened->mime.root,
		                    style | (item->kind == FETCH_BODYSTRUCTURE ? FETCH_EXTENDED : 0));
	return FAULT_NONE;
}

/* ---- messages ---- */

static enum fault begin(struct fetch_worker *w)
{
	struct fetch_render *render = w->render;
	const struct fetch_line *line = &render->lines[render->at];
	enum fault fault;

	render->item = 0;
	render->begun = true;
	buf_add(w->out, render->text.data + line->start, line->len);
	if (render->batch->items[render->at].gone)
		return fault_set(w->why, FAULT_NOT_FOUND, "the message is gone");
	if (!render->request->needs)
		return FAULT_NONE;
	fault = fetch_open(w);
	return fault ? fault : check_encodings(w);
}

/* The loop has written something of the response already, and not only its "(". */
static bool has_view_items(const struct fetch_render *render)
{
	const struct fetch_line *line = &render->lines[render->at];

	return render->text.data[line->start + line->len - 1] != '(';
}

/* Behind the last that was begun, unless it goes on. */
static void end_item(struct fetch_worker *w)
{
	const struct fetch_render *render = w->render;
	const char *end = render->request->items[render->item - 1].end;

	if (end && !render->streaming)
		buf_adds(w->out, end);
}

static enum fault continue_item(struct fetch_worker *w)
{
	const enum fault fault = stream(w);

	end_item(w);
	return fault;
}

/* Until all are there, or a run has enough. An item counts once it was begun. */
static enum fault add_items(struct fetch_worker *w)
{
	struct fetch_render *render = w->render;
	enum fault fault = FAULT_NONE;

	if (render->streaming)
		fault = continue_item(w);
	else if (!render->begun)
		fault = begin(w);
	while (!fault && !render->streaming && render->item < render->request->n && w->out->len < TOO_MUCH &&
	       w->decoded < DECODED_MAX) {
		if (render->item || has_view_items(render))
			buf_addc(w->out, ' ');
		fault = add_item(w, &render->request->items[render->item++]);
		end_item(w);
	}
	return fault;
}

static void end_message(struct fetch_render *render, bool told)
{
	render->lines[render->at++].told = told;
	render->begun = render->streaming = render->decoding = false;
}

/* What is wrong with one message leaves the others as they are. */
static bool is_its_own(enum fault fault)
{
	return fault == FAULT_CORRUPT || fault == FAULT_NOT_FOUND || fault == FAULT_TOO_BIG ||
	       fault == FAULT_UNSUPPORTED;
}

static enum fault leave_out(struct fetch_worker *w, enum fault fault)
{
	struct fetch_render *render = w->render;

	if (!is_its_own(fault))
		return fault;
	if (render->batch->items[render->at].gone)
		render->gone++;
	else if (fault == FAULT_UNSUPPORTED)
		render->undecodable++;
	else if (!render->broken++)
		render->why = *w->why;
	end_message(render, false);
	return FAULT_NONE;
}

static enum fault add_message(struct fetch_worker *w)
{
	struct fetch_render *render = w->render;
	const size_t start = w->out->len;
	const bool fresh = !render->begun;
	enum fault fault = add_items(w);
	bool whole = !fault && !render->streaming && render->item == render->request->n;

	if (whole)
		buf_adds(w->out, w->render->request->bare ? "\r\n" : ")\r\n");
	if (!fault && w->out->overflow)
		fault = fault_set(w->why, FAULT_TOO_BIG, "a response is larger than it may be");
	if (fault) {
		w->out->len = start;
		w->out->overflow = false;
		render->cut = !fresh;
		return fresh ? leave_out(w, fault) : fault;
	}
	if (whole)
		end_message(render, true);
	return FAULT_NONE;
}

enum fault fetch_render_run(struct fetch_render *render, struct stack *stack, const struct actor *actor,
                            const struct account_key *key, struct why *why)
{
	struct fetch_worker w = { render, &render->opened, &render->out, stack, actor, key, why, 0 };
	enum fault fault = FAULT_NONE;

	buf_clear(&render->out);
	while (!fault && render->at < render->batch->n && render->out.len < ENOUGH &&
	       w.decoded < DECODED_MAX) {
		fault = add_message(&w);
		if (render->begun)
			break; /* in the middle of it */
	}
	return fault;
}
