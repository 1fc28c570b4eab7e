/* ENVELOPE data (envelope.h). */
#include "mail/envelope.h"

#include "base/arena.h"
#include "mail/header.h"

enum { ADDRESSES_NONE = 0, ADDRESSES_OWN, ADDRESSES_AS_FROM };

static const char *const text_names[ENVELOPE_TEXTS] = {
	[ENVELOPE_DATE] = "date",
	[ENVELOPE_SUBJECT] = "subject",
	[ENVELOPE_IN_REPLY_TO] = "in-reply-to",
	[ENVELOPE_MESSAGE_ID] = "message-id",
	[ENVELOPE_REFERENCES] = "references",
};

static const char *const list_names[ENVELOPE_LISTS] = {
	[ENVELOPE_FROM] = "from", [ENVELOPE_SENDER] = "sender", [ENVELOPE_REPLY_TO] = "reply-to",
	[ENVELOPE_TO] = "to",     [ENVELOPE_CC] = "cc",         [ENVELOPE_BCC] = "bcc",
};

static void take_list(struct envelope *env, enum envelope_list which, struct arena *arena, struct slice value,
                      uint32_t *left)
{
	struct address_list *list = &env->lists[which];
	uint32_t before = list->n;

	if (list->n && which < ENVELOPE_TO)
		return;
	address_list_append(arena, value, *left, list);
	*left -= MIN_OF(list->n - before, *left);
}

static void take_text(struct envelope *env, enum envelope_text which, struct arena *arena, struct slice value)
{
	if (!env->texts[which].data)
		env->texts[which] = slice_first(header_unfold(arena, value), ENVELOPE_TEXT_MAX);
}

void envelope_take(struct envelope *env, struct arena *arena, const struct header_field *field,
                   uint32_t *left)
{
	/* most fields of real mail are none of ours: their length or first letter tells */
	if (field->name.len < 2 || field->name.len > 11)
		return;
	for (enum envelope_list i = 0; i < ENVELOPE_LISTS; i++) {
		if ((field->name.data[0] | 0x20) == list_names[i][0] &&
		    slice_is(field->name, list_names[i])) {
			take_list(env, i, arena, field->value, left);
			return;
		}
	}
	for (enum envelope_text i = 0; i < ENVELOPE_TEXTS; i++) {
		if ((field->name.data[0] | 0x20) == text_names[i][0] &&
		    slice_is(field->name, text_names[i])) {
			take_text(env, i, arena, field->value);
			return;
		}
	}
}

void envelope_finish(struct envelope *env)
{
	for (enum envelope_list i = ENVELOPE_SENDER; i <= ENVELOPE_REPLY_TO; i++) {
		if (env->lists[i].n == 0)
			env->lists[i] = env->lists[ENVELOPE_FROM];
	}
}

void envelope_parse(struct arena *arena, struct slice text, uint32_t max_addresses, struct envelope *ret)
{
	struct header_iter it = header_iter_of(text);
	struct header_field field;

	*ret = (struct envelope){ .texts = { { NULL, 0 } } };
	while (header_next(&it, &field))
		envelope_take(ret, arena, &field, &max_addresses);
	envelope_finish(ret);
}

/* Absent and empty differ: the length counts from 1. */
static void pack_text(struct buf *out, struct slice s)
{
	buf_add_varint(out, s.data ? (uint64_t)s.len + 1 : 0);
	buf_add_slice(out, s);
}

static struct slice unpack_text(struct reader *reader)
{
	uint64_t len = read_varint(reader);
	struct slice s;

	if (len == 0)
		return slice_of(NULL, 0);
	if (len - 1 > reader->rest.len)
		reader->bad = true;
	s = read_bytes(reader, reader->bad ? 0 : (size_t)(len - 1));
	return s.data ? s : SLICE("");
}

/* entry = kind and what is there as bits, then those texts */
static void pack_entry(struct buf *out, const struct address_entry *e)
{
	buf_add_u8(out, (uint8_t)((unsigned)e->kind | (e->name.data ? 4u : 0) | (e->route.data ? 8u : 0) |
	                          (e->kind == ADDRESS_ENTRY_MAILBOX ? 16u : 0)));
	if (e->name.data)
		buf_add_block(out, e->name);
	if (e->route.data)
		buf_add_block(out, e->route);
	if (e->kind != ADDRESS_ENTRY_MAILBOX)
		return;
	buf_add_block(out, e->local);
	buf_add_block(out, e->domain);
}

static struct slice read_present(struct reader *reader, bool present)
{
	struct slice s;

	if (!present)
		return slice_of(NULL, 0);
	s = read_block(reader);
	return s.data ? s : SLICE("");
}

static void unpack_entry(struct reader *reader, struct address_entry *e)
{
	uint8_t head = read_u8(reader);

	if ((head & 3) > ADDRESS_ENTRY_END)
		reader->bad = true;
	e->kind = head & 3;
	e->name = read_present(reader, head & 4);
	e->route = read_present(reader, head & 8);
	e->local = read_present(reader, head & 16);
	e->domain = read_present(reader, head & 16);
}

static bool is_from_again(const struct envelope *env, enum envelope_list which)
{
	return which != ENVELOPE_FROM && env->lists[which].n &&
	       env->lists[which].entries == env->lists[ENVELOPE_FROM].entries;
}

static void pack_list(struct buf *out, const struct envelope *env, enum envelope_list which)
{
	const struct address_list *list = &env->lists[which];

	if (is_from_again(env, which)) {
		buf_add_u8(out, ADDRESSES_AS_FROM);
		return;
	}
	buf_add_u8(out, list->n ? ADDRESSES_OWN : ADDRESSES_NONE);
	if (list->n == 0)
		return;
	buf_add_u8(out, (uint8_t)((list->broken ? 1 : 0) | (list->cut ? 2 : 0)));
	buf_add_varint(out, list->n);
	for (uint32_t i = 0; i < list->n; i++)
		pack_entry(out, &list->entries[i]);
}

static void unpack_list(struct reader *reader, struct arena *arena, struct envelope *env,
                        enum envelope_list which)
{
	struct address_list *list = &env->lists[which];
	uint8_t kind = read_u8(reader), flags;
	uint64_t n;

	if (kind == ADDRESSES_AS_FROM) {
		*list = env->lists[ENVELOPE_FROM];
		return;
	}
	if (kind != ADDRESSES_OWN) {
		reader->bad |= kind != ADDRESSES_NONE;
		return;
	}
	flags = read_u8(reader);
	n = read_varint(reader);
	if (n > reader->rest.len) /* an entry takes a byte at least */
		reader->bad = true;
	if (reader->bad)
		return;
	list->entries = arena_array(arena, struct address_entry, n);
	list->n = list->cap = (uint32_t)n;
	list->broken = flags & 1;
	list->cut = flags & 2;
	for (uint32_t i = 0; i < n && !reader->bad; i++)
		unpack_entry(reader, &list->entries[i]);
}

bool envelope_pack(struct buf *out, const struct envelope *env)
{
	for (enum envelope_text i = 0; i < ENVELOPE_TEXTS; i++)
		pack_text(out, env->texts[i]);
	for (enum envelope_list i = 0; i < ENVELOPE_LISTS; i++)
		pack_list(out, env, i);
	return !out->overflow;
}

enum fault envelope_unpack(struct reader *reader, struct arena *arena, struct envelope *ret, struct why *why)
{
	struct envelope env = { .texts = { { NULL, 0 } } };

	for (enum envelope_text i = 0; i < ENVELOPE_TEXTS; i++)
		env.texts[i] = unpack_text(reader);
	for (enum envelope_list i = 0; i < ENVELOPE_LISTS; i++)
		unpack_list(reader, arena, &env, i);
	if (reader->bad)
		return fault_set(why, FAULT_CORRUPT, "packed envelope does not read");
	*ret = env;
	return FAULT_NONE;
}
