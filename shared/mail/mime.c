/*
 * The tree of a message's parts (mime.h), in one pass over its bytes.
 *
 * Lines are counted as they are passed, so a part's count is a difference of
 * two. Whoever reads a part stops at the first delimiter of any open multipart
 * and leaves it in `hit`; each level takes what is its own and otherwise ends
 * there too.
 */
#include "mail/mime.h"

#include "base/arena.h"
#include "mail/header.h"
#include "mail/lex.h"

struct frame { /* an open multipart */
	const struct frame *outer;
	struct slice boundary;
	uint64_t hashes; /* a bit for the boundary's hash, and those of the outer ones */
};

struct hit { /* the delimiter that stopped a scan; no frame: the message's end did */
	const struct frame *frame;
	bool close;
	size_t line, after; /* where its line starts and ends */
	size_t cut;         /* where what stood before it ends */
};

struct scan {
	struct arena *arena;
	struct slice message;
	size_t at;      /* always at the start of a line, or the end */
	uint32_t lines; /* LFs before `at` */
	struct hit hit;
	struct mime *mime;
	const struct mime_limits *limits;
	uint32_t addresses_left;
};

static const struct content_param charset_ascii = {
	.name = { (const uint8_t *)"charset", 7 },
	.raw = { (const uint8_t *)"us-ascii", 8 },
	.value = { (const uint8_t *)"us-ascii", 8 },
};

static void parse_part(struct scan *, struct mime_part *, const struct frame *, struct envelope *);

/* One of 64 bits, by FNV-1a: enough to see at once that a line of dashes is no delimiter. */
static uint64_t hash_bit(struct slice s)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < s.len; i++)
		hash = (hash ^ s.data[i]) * 0x100000001b3u;
	return (uint64_t)1 << (hash >> 58);
}

static const struct frame *find_frame(const struct frame *frames, struct slice text)
{
	if (!(frames->hashes & hash_bit(text)))
		return NULL;
	for (; frames; frames = frames->outer) {
		if (slice_eq(frames->boundary, text))
			return frames;
	}
	return NULL;
}

/* delimiter = "--" boundary ["--"] transport-padding; `line` starts with the dashes, its LF is off */
static bool match_delimiter(const struct frame *frames, struct slice line, struct hit *ret)
{
	struct slice text = slice_from(line, 2);

	while (text.len && lex_is_blank(text.data[text.len - 1]))
		text.len--;
	ret->close = false;
	ret->frame = find_frame(frames, text);
	if (ret->frame || text.len < 2 || !slice_ends(text, "--"))
		return ret->frame != NULL;
	text.len -= 2;
	ret->close = true;
	ret->frame = find_frame(frames, text);
	return ret->frame != NULL;
}

/* If the line at `at` is a delimiter, notes it as the hit. */
static bool hit_at(struct scan *s, const struct frame *frames, size_t at, size_t after)
{
	const uint8_t *data = s->message.data;
	struct slice line = slice_of(data + at, after - at);

	if (line.len < 3 || line.data[0] != '-' || line.data[1] != '-' ||
	    !match_delimiter(frames, line, &s->hit))
		return false;
	s->hit.line = at;
	s->hit.after = after;
	s->hit.cut = at;
	if (at > 0)
		s->hit.cut -= at > 1 && data[at - 2] == '\r' ? 2 : 1;
	return true;
}

static void hit_end(struct scan *s)
{
	s->at = s->message.len;
	s->hit = (struct hit){ .line = s->at, .after = s->at, .cut = s->at };
}

/* Over the delimiter's line. */
static void pass_hit(struct scan *s)
{
	s->at = s->hit.after;
	s->lines += s->hit.after > s->hit.line && s->message.data[s->hit.after - 1] == '\n';
}

static void scan_to_end(struct scan *s)
{
	const uint8_t *p = s->message.data + s->at, *end = s->message.data + s->message.len;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		s->lines++;
		p++;
	}
	hit_end(s);
}

/* To the next delimiter of any of the frames. */
static void scan_body(struct scan *s, const struct frame *frames)
{
	const uint8_t *data = s->message.data;
	size_t len = s->message.len;

	if (!frames) {
		scan_to_end(s);
		return;
	}
	while (s->at < len) {
		const uint8_t *lf = memchr(data + s->at, '\n', len - s->at);
		size_t after = lf ? (size_t)(lf - data) + 1 : len;

		if (data[s->at] == '-' && hit_at(s, frames, s->at, after))
			return;
		s->lines += lf != NULL;
		s->at = after;
	}
	hit_end(s);
}

static void take_type(struct scan *s, struct mime_part *part, struct slice value)
{
	struct content content;

	content_type_parse(s->arena, value, &content);
	if (content.word.len == 0)
		return; /* reads as if it were not there */
	part->type = content.word;
	part->subtype = content.subtype;
	part->params = content.params;
}

static void take_disposition(struct scan *s, struct mime_part *part, struct slice value)
{
	struct content content;

	content_disposition_parse(s->arena, value, &content);
	if (content.word.len == 0)
		return;
	part->disposition = content.word;
	part->disposition_params = content.params;
}

static void take_text(struct scan *s, struct slice *text, struct slice value)
{
	if (!text->data)
		*text = header_unfold(s->arena, value);
}

/* Fields whose names begin with "Content-"; of each the first counts. */
static void take_content(struct scan *s, struct mime_part *part, const struct header_field *field)
{
	struct slice name = slice_from(field->name, 8);

	if (slice_is(name, "type") && part->type.len == 0) {
		take_type(s, part, field->value);
	} else if (slice_is(name, "disposition") && !part->disposition.data) {
		take_disposition(s, part, field->value);
	} else if (slice_is(name, "transfer-encoding") && !part->encoding_name.data) {
		part->encoding_name = content_word(field->value);
		part->encoding = transfer_of(part->encoding_name);
	} else if (slice_is(name, "id")) {
		take_text(s, &part->id, field->value);
	} else if (slice_is(name, "description")) {
		take_text(s, &part->description, field->value);
	} else if (slice_is(name, "location")) {
		take_text(s, &part->location, field->value);
	} else if (slice_is(name, "md5")) {
		take_text(s, &part->md5, field->value);
	} else if (slice_is(name, "language")) {
		take_text(s, &part->language, field->value);
	}
}

/* False when a delimiter ended it. */
static bool read_fields(struct scan *s, struct mime_part *part, const struct frame *frames,
                        struct envelope *env)
{
	struct header_iter it = { .text = s->message, .at = s->at };
	struct header_field field;

	while (header_next(&it, &field)) {
		/* an unfinished header must not eat the delimiter: it starts with no blank, so it is a field's first line */
		if (frames && s->message.data[field.start] == '-') {
			const uint8_t *start = s->message.data + field.start;
			const uint8_t *lf = memchr(start, '\n', field.end - field.start);

			if (hit_at(s, frames, field.start,
			           lf ? field.start + (size_t)(lf - start) + 1 : field.end))
				return false;
		}
		s->at = it.at;
		s->lines += field.lines;
		if (field.name.len > 8 && slice_istarts(field.name, "content-"))
			take_content(s, part, &field);
		else if (env)
			envelope_take(env, s->arena, &field, &s->addresses_left);
	}
	s->at = it.at;
	s->lines += it.blank;
	return true;
}

/* What RFC 2045 5.2 and 2046 5.1.5 say of a part without a (readable) type. */
static void default_type(struct mime_part *part)
{
	if (part->type.len)
		return;
	if (part->parent && part->parent->kind == MIME_MULTIPART &&
	    slice_is(part->parent->subtype, "digest")) {
		part->type = SLICE("message");
		part->subtype = SLICE("rfc822");
		return;
	}
	part->type = SLICE("text");
	part->subtype = SLICE("plain");
	part->params = (struct content_params){ &charset_ascii, 1 };
}

static void choose_kind(struct scan *s, struct mime_part *part)
{
	if (slice_is(part->type, "multipart"))
		part->kind = MIME_MULTIPART;
	else if (mime_is(part, "message", "rfc822") || mime_is(part, "message", "global"))
		part->kind = MIME_MESSAGE;
	if (part->kind == MIME_LEAF)
		return;
	if (part->depth < s->limits->depth && s->mime->n_parts < s->limits->parts)
		return;
	part->kind = MIME_LEAF;
	part->type = SLICE("application");
	part->subtype = SLICE("octet-stream");
	part->params = (struct content_params){ NULL, 0 };
	s->mime->limited = true;
}

static bool read_header(struct scan *s, struct mime_part *part, const struct frame *frames,
                        struct envelope *env)
{
	uint32_t lines = s->lines;
	bool whole;

	part->header = s->at;
	whole = read_fields(s, part, frames, env);
	if (env)
		envelope_finish(env);
	part->header_len = s->at - part->header;
	part->header_lines = s->lines - lines;
	default_type(part);
	choose_kind(s, part);
	return whole;
}

static struct mime_part *add_child(struct scan *s, struct mime_part *parent, struct mime_part *after)
{
	struct mime_part *part = arena_make(s->arena, struct mime_part);

	part->parent = parent;
	part->depth = parent ? parent->depth + 1 : 0;
	if (after)
		after->next = part;
	else if (parent)
		parent->children = part;
	if (parent)
		parent->n_children++;
	s->mime->n_parts++;
	return part;
}

/* The one part of a multipart in which no delimiter was found. */
static void add_whole_body(struct scan *s, struct mime_part *multipart)
{
	struct mime_part *part = add_child(s, multipart, NULL);

	part->header = part->body = multipart->body;
	part->type = SLICE("text");
	part->subtype = SLICE("plain");
	part->params = (struct content_params){ &charset_ascii, 1 };
	part->encoding = multipart->encoding;
	part->encoding_name = multipart->encoding_name;
}

static bool boundary_of(const struct mime_part *part, struct slice *ret)
{
	const struct content_param *param = content_param(&part->params, "boundary");
	struct slice boundary;

	if (!param)
		return false;
	boundary = param->value;
	while (boundary.len && lex_is_blank(boundary.data[boundary.len - 1]))
		boundary.len--;
	*ret = boundary;
	return boundary.len > 0;
}

static void parse_multipart(struct scan *s, struct mime_part *part, const struct frame *outer)
{
	struct frame own = { .outer = outer };
	struct mime_part *child = NULL;

	if (!boundary_of(part, &own.boundary)) {
		scan_body(s, outer);
		return;
	}
	own.hashes = hash_bit(own.boundary) | (outer ? outer->hashes : 0);
	scan_body(s, &own); /* the preamble */
	while (s->hit.frame == &own && !s->hit.close) {
		pass_hit(s);
		if (s->mime->n_parts >= s->limits->parts) {
			s->mime->limited = true;
			break;
		}
		child = add_child(s, part, child);
		parse_part(s, child, &own, NULL);
	}
	if (s->hit.frame == &own) {
		if (s->hit.close)
			pass_hit(s);
		scan_body(s, outer); /* the epilogue */
	}
}

static void parse_body(struct scan *s, struct mime_part *part, const struct frame *frames)
{
	if (part->kind == MIME_MULTIPART) {
		parse_multipart(s, part, frames);
	} else if (part->kind == MIME_MESSAGE) {
		part->envelope = arena_make(s->arena, struct envelope);
		parse_part(s, add_child(s, part, NULL), frames, part->envelope);
	} else {
		scan_body(s, frames);
	}
}

/* Reads one part, up to a delimiter of `frames` or the message's end. */
static void parse_part(struct scan *s, struct mime_part *part, const struct frame *frames,
                       struct envelope *env)
{
	bool whole = read_header(s, part, frames, env);
	uint32_t lines = s->lines;

	part->body = s->at;
	if (whole || part->kind == MIME_MESSAGE)
		parse_body(s, part, frames);
	/* the line end of a header is its own, for all the parts around it too */
	s->hit.cut = MAX_OF(s->hit.cut, part->body);
	part->body_len = s->hit.cut - part->body;
	/* the delimiter took the last LF back */
	part->lines = s->lines - lines - (s->hit.cut < s->hit.line);
	if (part->kind == MIME_MULTIPART && !part->children) {
		add_whole_body(s, part);
		part->children->body_len = part->body_len;
		part->children->lines = part->lines;
	}
}

void mime_parse(struct arena *arena, struct slice message, const struct mime_limits *limits, struct mime *ret)
{
	struct scan s = { .arena = arena, .message = message, .mime = ret, .limits = limits };

	*ret = (struct mime){ .size = message.len };
	s.addresses_left = limits->addresses;
	if (!message.data)
		s.message = SLICE("");
	ret->root = add_child(&s, NULL, NULL);
	parse_part(&s, ret->root, NULL, &ret->envelope);
}
