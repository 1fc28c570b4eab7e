/* Commands from lines and literals (assembly.h). */
#include "assembly.h"

#include "command.h"

#define SWALLOW_FACTOR  4         /* times message_max: what is read only to be thrown away */
#define MESSAGES_FACTOR 4         /* times message_max: messages of one command together */
#define RESERVE_STEP    (1 << 20) /* memory is reserved as a message arrives, not as it is announced */
#define DIGITS_MAX      15        /* of a literal's size */

struct assembly {
	struct assembly_conf conf;
	struct assembled made;
	struct imap_segment *last;
	size_t size; /* of text and small literals so far */
	bool begun;

	/* The literal that is coming in. */
	uint8_t *literal; /* NULL: it is swallowed */
	uint64_t wanted;  /* bytes still to come */
	size_t got;
	bool is_message;
	uint64_t messages;  /* bytes of messages received so far */
	uint64_t swallowed; /* bytes announced and not kept, all literals together */
};

struct literal_spec {
	struct slice text; /* the line before it */
	uint64_t size;
	bool binary, plus;
};

struct assembly *assembly_new(const struct assembly_conf *conf)
{
	struct arena *arena = arena_new();
	struct assembly *assembly = arena_make(arena, struct assembly);

	assembly->conf = *conf;
	assembly->made.arena = arena;
	assembly->made.tag = "*";
	return assembly;
}

void assembly_free(struct assembly *assembly)
{
	if (assembly)
		arena_free(assembly->made.arena);
}

bool assembly_is_begun(const struct assembly *assembly)
{
	return assembly->begun;
}

uint64_t assembly_reserved(const struct assembly *assembly)
{
	return assembly->made.reserved;
}

size_t assembly_wants(const struct assembly *assembly)
{
	return (size_t)MIN_OF(assembly->wanted, (uint64_t)SIZE_MAX);
}

size_t assembly_line_max(const struct assembly *assembly)
{
	return assembly->conf.command_max - MIN_OF(assembly->size, assembly->conf.command_max);
}

static void refuse(struct assembly *assembly, const char *refusal)
{
	if (!assembly->made.refusal)
		assembly->made.refusal = refusal;
}

/* ---- lines ---- */

/* literal = ["~"] "{" number ["+"] "}" at the end of a line */
static bool literal_spec(struct slice line, struct literal_spec *ret)
{
	size_t end = line.len, at;
	bool plus;

	if (end < 3 || line.data[--end] != '}')
		return false;
	plus = line.data[end - 1] == '+';
	end -= plus;
	for (at = end; at > 0 && line.data[at - 1] >= '0' && line.data[at - 1] <= '9'; at--)
		;
	if (at == 0 || at == end || line.data[at - 1] != '{')
		return false;
	ret->plus = plus;
	ret->binary = at > 1 && line.data[at - 2] == '~';
	ret->text = slice_first(line, at - 1 - ret->binary);
	if (end - at > DIGITS_MAX || !slice_u64(slice_of(line.data + at, end - at), UINT64_MAX, &ret->size))
		ret->size = UINT64_MAX;
	return true;
}

static void add_segment(struct assembly *assembly, struct slice text)
{
	struct imap_segment *segment = arena_make(assembly->made.arena, struct imap_segment);

	segment->text = arena_copy(assembly->made.arena, text);
	if (assembly->last)
		assembly->last->next = segment;
	else
		assembly->made.segments = segment;
	assembly->last = segment;
}

static struct slice cut_word(struct slice *rest)
{
	struct slice word = { NULL, 0 };

	do {
		if (!slice_cut(rest, ' ', &word))
			return slice_of(NULL, 0);
	} while (!word.len && rest->data);
	return word;
}

/* tag = 1*<any ASTRING-CHAR except "+">; it is sent back, so it is checked with care */
static bool is_tag(struct slice tag)
{
	for (size_t i = 0; i < tag.len; i++)
		if (tag.data[i] <= 0x20 || tag.data[i] >= 0x7f || strchr("(){%*\"\\+", tag.data[i]))
			return false;
	return tag.len > 0 && tag.len <= 200;
}

/* tag SP ["UID" SP] verb, and what is behind it becomes the first segment */
static struct slice head(struct assembly *assembly, struct slice line)
{
	struct assembled *made = &assembly->made;
	struct slice rest = line, tag = cut_word(&rest), verb;
	const char *refusal = "BAD Unknown command";

	if (!is_tag(tag)) {
		refuse(assembly, "BAD Expected a tag and a command");
		return rest;
	}
	made->tag = arena_strz(made->arena, tag);
	verb = cut_word(&rest);
	made->uid = slice_is(verb, "UID");
	if (made->uid)
		verb = cut_word(&rest);
	made->verb = assembly->conf.find(assembly->conf.arg, verb, made->uid, &refusal);
	if (!made->verb)
		refuse(assembly, refusal);
	/* what is left begins with the space that cut_word() took */
	return rest.data ? slice_of(rest.data - 1, rest.len + 1) : slice_of(NULL, 0);
}

/* ---- literals ---- */

/* Memory for a literal, or a refusal. */
static void accept_literal(struct assembly *assembly, const struct literal_spec *spec)
{
	const struct assembled *made = &assembly->made;
	const bool may_be_message = made->verb && (made->verb->flags & MESSAGE_LITERAL);
	/* messages leave room for the text before the next one */
	const size_t room = assembly->conf.command_max / (may_be_message ? 2 : 1);
	const bool small = assembly->size <= room && spec->size <= room - assembly->size;
	const bool message = may_be_message && !small;

	if (message && spec->size > assembly->conf.message_max)
		refuse(assembly, "NO [TOOBIG] Message is too large");
	else if (message && spec->size > MESSAGES_FACTOR * assembly->conf.message_max - assembly->messages)
		refuse(assembly, "NO [TOOBIG] These are too many large messages at once");
	else if (!message && !small)
		refuse(assembly, "BAD [TOOBIG] Command is too long");
	if (made->refusal)
		return;
	if (small)
		assembly->size += spec->size;
	assembly->is_message = message;
	assembly->literal = arena_alloc(assembly->made.arena, spec->size + 1);
}

static enum assembly_next end_literal(struct assembly *assembly)
{
	if (assembly->literal)
		assembly->last->literal.data = slice_of(assembly->literal, assembly->got);
	assembly->literal = NULL;
	return ASSEMBLY_LINE;
}

static enum assembly_next begin_literal(struct assembly *assembly, const struct literal_spec *spec)
{
	assembly->literal = NULL;
	assembly->got = 0;
	assembly->wanted = spec->size;
	assembly->last->literal = (struct imap_literal){ slice_of("", 0), spec->binary };
	accept_literal(assembly, spec);
	if (!spec->plus)
		return assembly->made.refusal ? ASSEMBLY_WHOLE : ASSEMBLY_CONTINUE;
	if (assembly->made.refusal) {
		if (spec->size > SWALLOW_FACTOR * assembly->conf.message_max - assembly->swallowed)
			return ASSEMBLY_HOPELESS;
		assembly->swallowed += spec->size;
	}
	return spec->size ? ASSEMBLY_BYTES : end_literal(assembly);
}

static bool reserve(struct assembly *assembly, size_t len)
{
	const size_t step = MAX_OF(len, (size_t)RESERVE_STEP);

	if (!assembly->is_message)
		return true;
	assembly->messages += len;
	if (assembly->messages <= assembly->made.reserved)
		return true;
	if (!assembly->conf.reserve(assembly->conf.arg, step))
		return false;
	assembly->made.reserved += step;
	return true;
}

enum assembly_next assembly_bytes(struct assembly *assembly, struct slice bytes)
{
	if (assembly->literal && !reserve(assembly, bytes.len)) {
		assembly->literal = NULL;
		refuse(assembly, "NO [UNAVAILABLE] Too many messages are being received, try again later");
	}
	if (assembly->literal && bytes.len)
		memcpy(assembly->literal + assembly->got, bytes.data, bytes.len);
	assembly->got += bytes.len;
	assembly->wanted -= bytes.len;
	return assembly->wanted ? ASSEMBLY_BYTES : end_literal(assembly);
}

enum assembly_next assembly_line(struct assembly *assembly, struct slice line)
{
	struct literal_spec spec = { .text = line };
	bool literal = literal_spec(line, &spec), first = !assembly->begun;

	assembly->begun = true;
	assembly->size += line.len;
	add_segment(assembly, first ? head(assembly, spec.text) : spec.text);
	return literal ? begin_literal(assembly, &spec) : ASSEMBLY_WHOLE;
}

enum assembly_next assembly_long_line(struct assembly *assembly)
{
	assembly->begun = true;
	refuse(assembly, "BAD [TOOBIG] Command is too long");
	return ASSEMBLY_WHOLE;
}

struct assembled assembly_take(struct assembly *assembly)
{
	return assembly->made;
}
