/*
 * Reading what a FETCH asks for (fetch_item.h).
 *
 *   fetch     = sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")")
 *               [SP "(" "CHANGEDSINCE" SP mod-sequence [SP "VANISHED"] ")"]
 *   fetch-att = "ENVELOPE" / "FLAGS" / "INTERNALDATE" / "RFC822" [".HEADER" / ".SIZE" / ".TEXT"] / "BODY" ["STRUCTURE"] /
 *               "UID" / "MODSEQ" / "SAVEDATE" / "EMAILID" / "THREADID" / "BODY" [".PEEK"] section ["<" number "." nz-number ">"] /
 *               "BINARY" [".PEEK"] section-binary ["<" number "." nz-number ">"] / "BINARY.SIZE" section-binary /
 *               "PREVIEW" [SP "(" "LAZY" ")"]
 */
#include "command.h"
#include "fetch_item.h"

struct parsing {
	struct imap_args *args;
	struct fetch_request *request;
	struct fetch_item items[FETCH_ITEMS_MAX];
};

static bool fail(struct imap_args *args, const char *error)
{
	args->error = error;
	return false;
}

static void *keep(struct arena *arena, const void *array, size_t n, size_t size)
{
	void *copy = arena_alloc(arena, n * size);

	return n ? memcpy(copy, array, n * size) : copy;
}

/* ---- sections ---- */

/* header-list = "(" header-fld-name *(SP header-fld-name) ")" */
static bool parse_fields(struct imap_args *args, struct fetch_section *section)
{
	struct slice names[FETCH_FIELDS_MAX];
	uint32_t n = 0;

	if (!imap_args_space(args) || !imap_args_open(args))
		return false;
	do {
		if (n == FETCH_FIELDS_MAX)
			return fail(args, "Too many header fields");
		if (!imap_args_astring(args, &names[n++]))
			return fail(args, "Expected the name of a header field");
	} while (imap_args_more(args));
	section->fields = keep(args->arena, names, n, sizeof(names[0]));
	section->n_fields = n;
	return imap_args_close(args);
}

/* section-text = "HEADER" / "HEADER.FIELDS" [".NOT"] SP header-list / "TEXT" / "MIME" */
static bool parse_text(struct imap_args *args, struct fetch_section *section)
{
	static const struct {
		const char *word;
		enum section_what what;
	} words[] = {
		{ "HEADER", SECTION_HEADER },
		{ "HEADER.FIELDS", SECTION_FIELDS },
		{ "HEADER.FIELDS.NOT", SECTION_FIELDS_NOT },
		{ "TEXT", SECTION_TEXT },
		{ "MIME", SECTION_MIME },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!imap_args_word(args, words[i].word))
			continue;
		section->what = words[i].what;
		if (section->what == SECTION_MIME && !section->n)
			return fail(args, "MIME is of a part, and none is named");
		return (section->what != SECTION_FIELDS && section->what != SECTION_FIELDS_NOT) ||
		       parse_fields(args, section);
	}
	return fail(args, "Unknown section");
}

/* section-spec = section-msgtext / (section-part ["." section-text]); section-part = nz-number *("." nz-number) */
bool section_parse(struct imap_args *args, struct fetch_section *section)
{
	uint32_t numbers[SECTION_DEPTH_MAX], n = 0;
	uint64_t number;
	bool text = !imap_args_peek(args, ']');

	while (text && imap_args_nz_number(args, UINT32_MAX, &number)) {
		if (n == SECTION_DEPTH_MAX)
			return fail(args, "A section is too deep");
		numbers[n++] = (uint32_t)number;
		text = imap_args_char(args, '.');
	}
	section->numbers = keep(args->arena, numbers, n, sizeof(numbers[0]));
	section->n = n;
	return !text || parse_text(args, section);
}

static bool parse_partial(struct imap_args *args, struct fetch_section *section)
{
	if (!imap_args_char(args, '<'))
		return true;
	section->partial = true;
	if (imap_args_number(args, INT64_MAX, &section->offset) && imap_args_char(args, '.') &&
	    imap_args_nz_number(args, INT64_MAX, &section->len) && imap_args_char(args, '>'))
		return true;
	return fail(args, "Expected <offset.length>");
}

static struct slice section_label(struct arena *arena, const char *word, const struct fetch_section *section)
{
	static const char *const words[] = {
		[SECTION_ALL] = "",
		[SECTION_HEADER] = "HEADER",
		[SECTION_FIELDS] = "HEADER.FIELDS (",
		[SECTION_FIELDS_NOT] = "HEADER.FIELDS.NOT (",
		[SECTION_TEXT] = "TEXT",
		[SECTION_MIME] = "MIME",
	};
	struct slice label;
	struct buf text;

	buf_init(&text, BUF_NO_LIMIT);
	buf_printf(&text, "%s[", word);
	for (uint32_t i = 0; i < section->n; i++)
		buf_printf(&text, "%s%u", i ? "." : "", section->numbers[i]);
	buf_printf(&text, "%s%s", section->n && section->what ? "." : "", words[section->what]);
	for (uint32_t i = 0; i < section->n_fields; i++) {
		buf_adds(&text, i ? " " : "");
		imap_add_astring(&text, section->fields[i]);
	}
	buf_adds(&text, section->n_fields ? ")]" : "]");
	if (section->partial)
		buf_printf(&text, "<%llu>", (unsigned long long)section->offset);
	label = arena_copy(arena, buf_slice(&text));
	buf_done(&text);
	return label;
}

static unsigned section_needs(const struct fetch_section *section)
{
	if (section->n)
		return NEEDS_TREE | NEEDS_BODY;
	if (section->what == SECTION_ALL)
		return NEEDS_BODY;
	return section->what == SECTION_TEXT ? NEEDS_HEADER | NEEDS_BODY : NEEDS_HEADER;
}

/* ---- items ---- */

/* What is asked for twice is told once. */
static bool add_item(struct parsing *p, struct fetch_item item, unsigned needs)
{
	for (uint32_t i = 0; i < p->request->n; i++)
		if (slice_eq(p->items[i].label, item.label) && p->items[i].section.len == item.section.len)
			return true;
	if (p->request->n == FETCH_ITEMS_MAX)
		return fail(p->args, "Too many things to fetch");
	p->items[p->request->n++] = item;
	p->request->needs |= needs;
	return true;
}

static bool add_named(struct parsing *p, enum fetch_kind kind, const char *label)
{
	return add_item(p, (struct fetch_item){ .kind = kind, .label = slice_str(label) },
	                kind == FETCH_EMAILID ? 0 : NEEDS_TREE);
}

static bool add_section(struct parsing *p, const struct fetch_section *section, struct slice label, bool peek)
{
	const struct fetch_item item = { .kind = FETCH_SECTION, .label = label, .section = *section };

	p->request->sets_seen |= !peek;
	return add_item(p, item, section_needs(section));
}

static bool parse_section(struct parsing *p, bool peek)
{
	struct fetch_section section = { .n = 0 };

	if (!imap_args_char(p->args, '[') || !section_parse(p->args, &section))
		return false;
	if (!imap_args_char(p->args, ']'))
		return fail(p->args, "Expected \"]\"");
	return parse_partial(p->args, &section) &&
	       add_section(p, &section, section_label(p->args->arena, "BODY", &section), peek);
}

/* section-binary = "[" [section-part] "]" */
static bool parse_binary(struct parsing *p, enum fetch_kind kind, bool peek)
{
	struct fetch_item item = { .kind = kind };
	struct fetch_section *section = &item.section;

	if (!imap_args_char(p->args, '[') || !section_parse(p->args, section))
		return false;
	if (section->what != SECTION_ALL || !imap_args_char(p->args, ']'))
		return fail(p->args, "Expected the number of a part and \"]\"");
	if (kind == FETCH_BINARY && !parse_partial(p->args, section))
		return false;
	p->request->sets_seen |= !peek;
	item.label = section_label(p->args->arena, kind == FETCH_BINARY ? "BINARY" : "BINARY.SIZE", section);
	return add_item(p, item,
	                section->n             ? NEEDS_TREE | NEEDS_BODY
	                : kind == FETCH_BINARY ? NEEDS_BODY
	                                       : NEEDS_TREE);
}

/* "PREVIEW" [SP "(" "LAZY" ")"] */
static bool parse_preview(struct parsing *p)
{
	struct fetch_item item = { .kind = FETCH_PREVIEW, .label = SLICE("PREVIEW") };
	struct imap_args before = *p->args;

	if (imap_args_space(p->args) && imap_args_open(p->args) && imap_args_word(p->args, "LAZY") &&
	    imap_args_close(p->args))
		item.kind = FETCH_PREVIEW_LAZY;
	else
		*p->args = before;
	return add_item(p, item, NEEDS_TREE | NEEDS_BODY);
}

static bool parse_old(struct parsing *p)
{
	static const struct {
		const char *word;
		enum section_what what;
		bool peek;
	} words[] = {
		{ "RFC822", SECTION_ALL, false },
		{ "RFC822.HEADER", SECTION_HEADER, true },
		{ "RFC822.TEXT", SECTION_TEXT, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		const struct fetch_section section = { .what = words[i].what };

		if (imap_args_word(p->args, words[i].word))
			return add_section(p, &section, slice_str(words[i].word), words[i].peek);
	}
	return fail(p->args, "Unknown thing to fetch");
}

static bool parse_item(struct parsing *p)
{
	static const struct {
		const char *word;
		unsigned view;
	} words[] = {
		{ "UID", FETCH_UID },
		{ "FLAGS", FETCH_FLAGS },
		{ "INTERNALDATE", FETCH_INTERNALDATE },
		{ "RFC822.SIZE", FETCH_SIZE },
		{ "MODSEQ", FETCH_MODSEQ },
		{ "SAVEDATE", FETCH_SAVEDATE },
		{ "THREADID", FETCH_THREADID },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (imap_args_word(p->args, words[i].word)) {
			p->request->view |= words[i].view;
			return true;
		}
	}
	if (imap_args_word(p->args, "ENVELOPE"))
		return add_named(p, FETCH_ENVELOPE, "ENVELOPE");
	if (imap_args_word(p->args, "BINARY"))
		return parse_binary(p, FETCH_BINARY, false);
	if (imap_args_word(p->args, "BINARY.PEEK"))
		return parse_binary(p, FETCH_BINARY, true);
	if (imap_args_word(p->args, "BINARY.SIZE"))
		return parse_binary(p, FETCH_BINARY_SIZE, true);
	if (imap_args_word(p->args, "PREVIEW"))
		return parse_preview(p);
	if (imap_args_word(p->args, "EMAILID"))
		return add_named(p, FETCH_EMAILID, "EMAILID");
	if (imap_args_word(p->args, "BODYSTRUCTURE"))
		return add_named(p, FETCH_BODYSTRUCTURE, "BODYSTRUCTURE");
	if (imap_args_word(p->args, "BODY.PEEK"))
		return parse_section(p, true);
	if (imap_args_word(p->args, "BODY"))
		return imap_args_peek(p->args, '[') ? parse_section(p, false)
		                                    : add_named(p, FETCH_BODY, "BODY");
	return parse_old(p);
}

static bool parse_macro(struct parsing *p)
{
	bool full = imap_args_word(p->args, "FULL"), all = full || imap_args_word(p->args, "ALL");

	if (!all && !imap_args_word(p->args, "FAST"))
		return false;
	p->request->view = FETCH_FLAGS | FETCH_INTERNALDATE | FETCH_SIZE;
	return (!all || add_named(p, FETCH_ENVELOPE, "ENVELOPE")) &&
	       (!full || add_named(p, FETCH_BODY, "BODY"));
}

static bool parse_list(struct parsing *p)
{
	if (!imap_args_open(p->args))
		return false;
	do {
		if (!parse_item(p))
			return false;
		if (imap_args_close(p->args))
			return true;
	} while (imap_args_space(p->args));
	return fail(p->args, "A list of things to fetch has no end");
}

/* "CHANGEDSINCE" SP mod-sequence-value; it asks for MODSEQ as well */
static bool parse_changed_since(struct parsing *p)
{
	if (p->request->only_changed)
		return fail(p->args, "CHANGEDSINCE stands there twice");
	p->request->only_changed = true;
	p->request->view |= FETCH_MODSEQ;
	return imap_args_space(p->args) && imap_args_number(p->args, INT64_MAX, &p->request->changed_since);
}

/* "PARTIAL" SP partial-range (RFC 9394 3.3) */
static bool parse_page(struct parsing *p)
{
	if (p->request->paged)
		return fail(p->args, "PARTIAL stands there twice");
	p->request->paged = true;
	return imap_args_space(p->args) && partial_parse(p->args, &p->request->page);
}

static bool parse_modifier(struct parsing *p)
{
	if (imap_args_word(p->args, "CHANGEDSINCE"))
		return parse_changed_since(p);
	if (imap_args_word(p->args, "PARTIAL"))
		return parse_page(p);
	if (imap_args_word(p->args, "VANISHED")) {
		p->request->vanished = true;
		return true;
	}
	return fail(p->args, "Unknown FETCH modifier");
}

/* "(" fetch-modifier *(SP fetch-modifier) ")" */
static bool parse_modifiers(struct parsing *p)
{
	if (imap_args_is_end(p->args))
		return true;
	if (!imap_args_space(p->args) || !imap_args_open(p->args))
		return false;
	do {
		if (!parse_modifier(p))
			return false;
		if (imap_args_close(p->args))
			return !p->request->vanished || p->request->only_changed ||
			       fail(p->args, "VANISHED needs CHANGEDSINCE");
	} while (imap_args_space(p->args));
	return fail(p->args, "A list of FETCH modifiers has no end");
}

bool fetch_parse(struct imap_args *args, struct fetch_request *ret)
{
	struct parsing p;
	bool good;

	*ret = (struct fetch_request){ .n = 0 };
	p.args = args;
	p.request = ret;
	good = imap_args_peek(args, '(') ? parse_list(&p) : parse_macro(&p) || parse_item(&p);
	ret->items = keep(args->arena, p.items, ret->n, sizeof(p.items[0]));
	return good && parse_modifiers(&p) && imap_args_end(args);
}

bool fetch_parse_list(struct imap_args *args, struct fetch_request *ret)
{
	struct parsing p;
	bool good;

	*ret = (struct fetch_request){ .n = 0 };
	p.args = args;
	p.request = ret;
	good = parse_list(&p);
	ret->items = keep(args->arena, p.items, ret->n, sizeof(p.items[0]));
	return good;
}
