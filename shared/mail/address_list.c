/*
 * Address lists (address_list.h).
 *
 * The words before a special decide nothing by themselves: they are gathered,
 * joined by single blanks, until '<' shows they were a name, '@' that the last
 * run of them was a local part, ':' that they named a group. All text goes to
 * one block as long as the value, since nothing gets longer by being read.
 */
#include "mail/address_list.h"

#include "base/arena.h"
#include "mail/lex.h"

struct run {                 /* the words gathered since the last special */
	uint8_t *text;       /* where they start in the block */
	size_t last;         /* offset of the last run that no blank divides (dots glue) */
	const uint8_t *from; /* where that run starts in the value */
	bool gap;            /* it has blanks next to its dots */
	bool dot;            /* a dot was the last of it, and not a quoted one */
	bool any;
};

struct list {
	struct lex lex;
	struct arena *arena;
	struct address_list *ret;
	uint32_t max; /* entries the list may have in the end */
	uint8_t *out; /* next free byte of the block */
	struct run run;
	struct slice comment; /* the last comment seen in this address */
	bool in_group;
	bool fresh; /* a group has just begun: no ',' is due before the next address */
};

static struct address_entry *add_entry(struct list *list, enum address_kind kind)
{
	struct address_list *ret = list->ret;
	struct address_entry *grown;

	if (ret->n >= list->max && kind != ADDRESS_ENTRY_END) {
		ret->cut = true;
		return NULL;
	}
	if (ret->n == ret->cap) {
		ret->cap = ret->cap ? ret->cap * 4 : 2;
		grown = arena_array(list->arena, struct address_entry, ret->cap);
		if (ret->n)
			memcpy(grown, ret->entries, ret->n * sizeof(*grown));
		ret->entries = grown;
	}
	grown = &ret->entries[ret->n++];
	grown->kind = kind;
	return grown;
}

static void run_reset(struct list *list)
{
	list->run = (struct run){ .text = list->out, .from = list->lex.at };
}

static struct slice run_text(const struct list *list)
{
	return slice_of(list->run.text, (size_t)(list->out - list->run.text));
}

/* As lex_skip, keeping the last comment. */
static bool skip(struct list *list)
{
	const uint8_t *start = list->lex.at;

	while (!lex_done(&list->lex)) {
		if (lex_is_blank(*list->lex.at))
			list->lex.at++;
		else if (*list->lex.at == '(')
			list->comment = lex_comment(&list->lex);
		else
			break;
	}
	return list->lex.at > start;
}

static void append(struct list *list, const void *text, size_t len)
{
	memcpy(list->out, text, len);
	list->out += len;
}

/* One word or dot, `blank` if something blank stood before it. */
static void gather(struct list *list, bool blank)
{
	struct run *run = &list->run;
	bool dot = lex_is(&list->lex, '.'), glued = dot || run->dot, closed = true;
	struct slice atom;

	if (!run->any || (blank && !glued)) {
		if (run->any)
			append(list, " ", 1);
		run->last = (size_t)(list->out - run->text);
		run->from = list->lex.at;
		run->gap = false;
	} else if (blank) {
		append(list, " ", 1);
		run->gap = true;
	}
	run->any = true;
	run->dot = dot;
	if (dot) {
		append(list, list->lex.at++, 1);
	} else if (lex_is(&list->lex, '"')) {
		list->out += lex_quoted(&list->lex, list->out, &closed);
		list->ret->broken |= !closed;
	} else {
		atom = lex_atom(&list->lex);
		append(list, atom.data, atom.len);
		if (atom.len == 0) {
			append(list, list->lex.at++, 1);
			list->ret->broken = true;
		}
	}
}

/* obs-local-part = word *("." word), blanks around the dots: written again without them. */
static void rewrite_local(struct list *list, const uint8_t *upto)
{
	struct lex lex = { list->run.from, upto };
	struct slice atom;

	list->out = list->run.text + list->run.last;
	while (lex_skip(&lex), !lex_done(&lex)) {
		if (lex_is(&lex, '"')) {
			list->out += lex_quoted(&lex, list->out, NULL);
		} else if (lex_take(&lex, '.')) {
			append(list, ".", 1);
		} else {
			atom = lex_atom(&lex);
			append(list, atom.data, atom.len);
			if (atom.len == 0)
				append(list, lex.at++, 1);
		}
	}
}

static struct slice take_literal(struct list *list)
{
	const uint8_t *start = list->out;

	while (!lex_done(&list->lex)) {
		uint8_t c = *list->lex.at++;

		if (!lex_is_blank(c))
			append(list, &c, 1);
		if (c == ']')
			return slice_of(start, (size_t)(list->out - start));
	}
	list->ret->broken = true;
	return slice_of(start, (size_t)(list->out - start));
}

/* domain = dot-atom / domain-literal / (atom *("." atom)), blanks and comments around the dots dropped */
static struct slice take_domain(struct list *list)
{
	const uint8_t *start = list->out;
	bool glued = true; /* a word may follow without a dot */
	struct slice atom;

	skip(list);
	if (lex_is(&list->lex, '['))
		return take_literal(list);
	while (!lex_done(&list->lex)) {
		if (lex_is(&list->lex, '.')) {
			append(list, list->lex.at++, 1);
			glued = true;
		} else {
			atom = glued ? lex_atom(&list->lex) : slice_of(NULL, 0);
			if (atom.len == 0)
				break;
			append(list, atom.data, atom.len);
			glued = false;
		}
		skip(list);
	}
	list->ret->broken |= list->out == start;
	return slice_of(start, (size_t)(list->out - start));
}

/* obs-route = 1*("@" domain ",") ":" */
static struct slice take_route(struct list *list)
{
	const uint8_t *start = list->out;

	while (skip(list), !lex_done(&list->lex)) {
		if (lex_take(&list->lex, '@')) {
			append(list, "@", 1);
			take_domain(list);
		} else if (lex_take(&list->lex, ',')) {
			append(list, ",", 1);
		} else {
			break;
		}
	}
	if (lex_take(&list->lex, ':'))
		return slice_of(start, (size_t)(list->out - start));
	list->ret->broken = true;
	return slice_of(start, (size_t)(list->out - start));
}

/* Specials that mean nothing between words: names like "Joe [work]" and "CORP\joe" come without their quotes. */
static bool is_stray(uint8_t c)
{
	return c == '[' || c == ']' || c == '\\' || c == ')';
}

/* The words up to '@' or what cannot be one; leaves the run with them as its last. */
static void take_words(struct list *list)
{
	bool blank = skip(list);

	run_reset(list);
	while (!lex_done(&list->lex)) {
		uint8_t c = *list->lex.at;

		if (c != '.' && c != '"' && !lex_is_atext(c) && !is_stray(c))
			break;
		gather(list, blank);
		blank = skip(list);
	}
}

static struct slice take_local(struct list *list)
{
	const uint8_t *start;

	if (list->run.gap)
		rewrite_local(list, list->lex.at);
	start = list->run.text + list->run.last;
	return slice_of(start, (size_t)(list->out - start));
}

/* A name as it is shown: empty counts as none. */
static struct slice name_of(struct slice name)
{
	name = slice_trim(name);
	return name.len ? name : slice_of(NULL, 0);
}

/* angle-addr = "<" [obs-route] addr-spec ">" */
static void take_angle(struct list *list, struct slice name)
{
	struct address_entry entry = { .name = name_of(name) };
	struct address_entry *added;

	list->lex.at++;
	skip(list);
	if (lex_is(&list->lex, '@') || lex_is(&list->lex, ','))
		entry.route = take_route(list);
	take_words(list);
	entry.local = run_text(list);
	if (lex_take(&list->lex, '@')) {
		list->ret->broken |=
		    list->run.last != 0; /* blanks inside; all of it is the local part all the same */
		if (list->run.last == 0)
			entry.local = take_local(list);
		entry.domain = take_domain(list);
	} else if (entry.local.len) {
		list->ret->broken = true;
	}
	/* to the '>', over whatever else stands there */
	while (!lex_done(&list->lex) && !lex_is(&list->lex, '>') && !lex_is(&list->lex, ',')) {
		if (!skip(list)) {
			list->lex.at++;
			list->ret->broken = true;
		}
	}
	list->ret->broken |= !lex_take(&list->lex, '>');
	added = add_entry(list, ADDRESS_ENTRY_MAILBOX);
	if (added)
		*added = entry;
}

/* The comment behind an address without a name stands for one: "joe@example.org (Joe)". */
static struct slice comment_name(struct list *list)
{
	struct slice comment = name_of(list->comment);
	uint8_t *start = list->out;

	for (size_t i = 0; i < comment.len; i++) {
		uint8_t c = comment.data[i];

		if (c == '\r' || c == '\n')
			continue;
		if (c == '\\' && i + 1 < comment.len && comment.data[i + 1] != '\n' &&
		    comment.data[i + 1] != '\r')
			c = comment.data[++i];
		append(list, &c, 1);
	}
	return comment.len ? slice_of(start, (size_t)(list->out - start)) : comment;
}

/* addr-spec; but "a@b <a@b>" makes what was read a name after all. */
static void take_spec(struct list *list)
{
	struct slice local = take_local(list), name = slice_of(list->run.text, list->run.last), domain;
	struct address_entry *added;
	uint8_t *start = list->run.text;

	list->lex.at++;
	append(list, "@", 1);
	domain = take_domain(list);
	if (lex_is(&list->lex, '<')) {
		list->ret->broken = true;
		take_angle(list, slice_of(start, (size_t)(list->out - start)));
		return;
	}
	list->ret->broken |= name.len > 0 || local.len == 0;
	added = add_entry(list, ADDRESS_ENTRY_MAILBOX);
	if (!added)
		return;
	added->local = local;
	added->domain = domain;
	name = name_of(name);
	added->name = name.len ? name : comment_name(list);
}

static void end_group(struct list *list)
{
	if (list->in_group)
		(void)add_entry(list, ADDRESS_ENTRY_END);
	list->in_group = false;
}

static void begin_group(struct list *list)
{
	struct address_entry *added;

	list->ret->broken |= list->in_group || !list->run.any;
	end_group(list);
	added = add_entry(list, ADDRESS_ENTRY_GROUP);
	if (!added)
		return;
	added->name = run_text(list);
	list->in_group = true;
}

/* Words that nothing followed: a local part without a domain, as "root" in mail of one's own machine. */
static void take_lone_words(struct list *list)
{
	struct address_entry *added;

	if (!list->run.any)
		return;
	list->ret->broken = true;
	added = add_entry(list, ADDRESS_ENTRY_MAILBOX);
	if (added)
		added->local = run_text(list);
}

static void take_one(struct list *list)
{
	list->comment = slice_of(NULL, 0);
	take_words(list);
	if (lex_is(&list->lex, '<')) {
		take_angle(list, run_text(list));
	} else if (lex_is(&list->lex, '@')) {
		take_spec(list);
	} else if (lex_take(&list->lex, ':')) {
		begin_group(list);
		list->fresh = true;
		return;
	} else {
		take_lone_words(list);
	}
	skip(list);
	list->fresh = false;
}

static void take_separator(struct list *list)
{
	if (lex_take(&list->lex, ',')) {
		list->fresh = true;
	} else if (lex_take(&list->lex, ';')) {
		list->ret->broken |= !list->in_group;
		end_group(list);
		list->fresh = true;
	} else if (!list->fresh && !lex_done(&list->lex)) {
		/* no comma between two addresses, or a byte that belongs nowhere */
		list->ret->broken = true;
		if (!lex_is(&list->lex, '<') && !lex_is(&list->lex, '@') && !lex_is(&list->lex, '"') &&
		    !lex_is_atext(*list->lex.at))
			list->lex.at++;
		list->fresh = true;
	}
}

void address_list_parse(struct arena *arena, struct slice value, uint32_t max, struct address_list *ret)
{
	*ret = (struct address_list){ .n = 0 };
	address_list_append(arena, value, max, ret);
}

void address_list_append(struct arena *arena, struct slice value, uint32_t max, struct address_list *ret)
{
	struct list list = { .lex = lex_of(value), .arena = arena, .ret = ret };

	list.max = ret->n + MIN_OF(max, UINT32_MAX / 8 - ret->n);
	if (value.len == 0)
		return;
	/* one blank for those before a word, one '@' or '.' for each of the value's: its own length is enough */
	list.out = arena_alloc(arena, value.len);
	list.fresh = true;
	while (skip(&list), !lex_done(&list.lex) && !ret->cut) {
		take_one(&list);
		take_separator(&list);
	}
	if (list.in_group) {
		ret->broken = true;
		end_group(&list);
	}
}

const struct address_entry *address_list_mailbox(const struct address_list *list, uint32_t n)
{
	for (uint32_t i = 0; i < list->n; i++) {
		if (list->entries[i].kind == ADDRESS_ENTRY_MAILBOX && n-- == 0)
			return &list->entries[i];
	}
	return NULL;
}
