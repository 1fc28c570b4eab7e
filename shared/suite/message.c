/*
 * A message between plaintext and the store (message.h).
 *
 * A content record's value, little-endian and varints:
 *   version(1) | in_blob(1) | received(8) | layout | sealed summary (block)
 * The summary's plaintext:
 *   version(1) | header_cut(1) | packed structure (block) | raw header (block)
 */
#include "suite/message.h"

#include "base/clock.h"
#include "mail/header.h"
#include "mail/mime.h"
#include "store/record.h"
#include "suite/nudge.h"
#include "suite/signature.h"

#define CONTENT_VERSION 1
#define SUMMARY_VERSION 1
#define SUMMARY_MAX     (SUMMARY_HEADER_MAX + 4 * 1024 * 1024)

/* ---- sealing ---- */

static bool summarize(const struct mime *mime, struct slice message, struct buf *out)
{
	struct slice header = slice_first(message, header_end(message));
	struct buf structure;
	bool fits;

	buf_init(&structure, SUMMARY_MAX);
	fits = mime_pack(&structure, mime) && buf_add_u8(out, SUMMARY_VERSION) &&
	       buf_add_u8(out, header.len > SUMMARY_HEADER_MAX) &&
	       buf_add_block(out, buf_slice(&structure)) &&
	       buf_add_block(out, slice_first(header, SUMMARY_HEADER_MAX));
	buf_done(&structure);
	return fits;
}

/* The packed value. The summary is sealed whole; its size is bounded by the parser's limits. */
static enum fault build_value(struct sealed_message *sealed, const struct seal_layout *layout,
                              const struct mime *mime, struct slice message, struct arena *arena,
                              struct why *why)
{
	struct buf summary, sealed_summary, value;
	bool fits;

	buf_init(&summary, SUMMARY_MAX);
	buf_init(&sealed_summary, RECORD_VALUE_MAX);
	buf_init(&value, RECORD_VALUE_MAX);
	fits = summarize(mime, message, &summary) &&
	       seal_small(&sealed->key, SEAL_SUMMARY, buf_slice(&summary), &sealed_summary) &&
	       buf_add_u8(&value, CONTENT_VERSION) && buf_add_u8(&value, sealed->blob.data != NULL) &&
	       buf_add_u64(&value, (uint64_t)clock_now()) && seal_layout_pack(layout, &value) &&
	       buf_add_block(&value, buf_slice(&sealed_summary));
	if (fits)
		sealed->record.value = arena_copy(arena, buf_slice(&value));
	secret_wipe(summary.data, summary.len);
	buf_done(&summary);
	buf_done(&sealed_summary);
	buf_done(&value);
	return fits ? FAULT_NONE
	            : fault_set(why, FAULT_TOO_BIG, "the message's structure is too large to keep");
}

enum fault message_seal(const struct suite_conf *conf, struct slice message, struct arena *arena,
                        struct sealed_message *ret, struct why *why)
{
	struct sealed_message sealed = { .content = id_new(), .size = message.len };
	struct mime_limits limits = MIME_LIMITS_DEFAULT;
	struct seal_layout layout;
	struct mime mime;
	struct slice id = arena_copy(arena, id_slice(&sealed.content));
	enum fault fault;

	content_key_new(&sealed.key);
	buf_init(&sealed.body, BUF_NO_LIMIT);
	seal_all(&sealed.key, SEAL_BODY, message, arena, &sealed.body, &layout);
	sealed.record = (struct record){ .key = id, .version = RECORD_NEW };
	if (sealed.body.len <= (size_t)conf->inline_max && sealed.body.len <= RECORD_BODY_MAX)
		sealed.record.body = buf_slice(&sealed.body);
	else
		sealed.blob = buf_slice(&sealed.body);
	mime_parse(arena, message, &limits, &mime);
	fault = build_value(&sealed, &layout, &mime, message, arena, why);
	if (!fault)
		sealed.record.signature = signature_seal(&sealed.key, &mime, message, arena);
	if (fault)
		sealed_message_done(&sealed);
	else
		*ret = sealed;
	return fault;
}

void sealed_message_done(struct sealed_message *sealed)
{
	buf_done(&sealed->body);
	secret_wipe(&sealed->key, sizeof(sealed->key));
}

/* ---- filing ---- */

enum fault message_prepare(struct stack *stack, const struct sealed_message *sealed,
                           const struct id *accounts, size_t n, struct arena *arena, struct record *ret,
                           struct why *why)
{
	*ret = sealed->record;
	ret->accounts = arena_copy(arena, slice_of(accounts, n * sizeof(*accounts)));
	return sealed->blob.data ? blob_put(stack->blobs, &sealed->content, sealed->blob, why) : FAULT_NONE;
}

enum fault message_store(struct stack *stack, const struct actor *actor, const struct sealed_message *sealed,
                         const struct id *accounts, size_t n, struct arena *arena, struct why *why)
{
	struct record record;
	enum fault fault = message_prepare(stack, sealed, accounts, n, arena, &record, why);

	return fault ? fault : record_put(stack->store, actor, COLL_CONTENTS, &record, why);
}

void message_take_back(struct stack *stack, const struct actor *actor, const struct id *content,
                       uint64_t size)
{
	const uint64_t sealed_most = size + (size / SEAL_PIECE + 1) * SEAL_PIECE_EXTRA;
	struct why why;

	if (actor->kind != ACTOR_GUEST &&
	    record_del(stack->store, actor, COLL_CONTENTS, id_slice(content), RECORD_ANY, &why) ==
	        FAULT_NONE &&
	    sealed_most > (uint64_t)MIN_OF(stack->conf->inline_max, RECORD_BODY_MAX))
		(void)!blob_del(stack->blobs, content, &why);
}

enum fault message_file(struct stack *stack, const struct sealed_message *sealed, const struct filing *filing,
                        struct mailbox_appended *ret, struct why *why)
{
	const struct actor actor = { ACTOR_DELIVERY, filing->account };
	struct mailbox_append append = {
		.content = sealed->content,
		.tag = filing->tag,
		.size = (uint32_t)sealed->size,
		.internal_date = filing->internal_date,
		.save_date = clock_now(),
		.flags = filing->flags,
		.record = filing->content,
	};
	struct id mailbox = filing->mailbox;
	enum fault fault;

	if (id_is_zero(&append.tag))
		append.tag = id_derive(&sealed->content, id_slice(&filing->account));
	if (!content_key_box(filing->public_key, filing->generation, &sealed->key, &append.key))
		return fault_set(why, FAULT_CORRUPT, "the public key of account %s is none",
		                 id_print(&filing->account).text);
	fault = mailbox_append(stack->store, &actor, &mailbox, &append, 1, ret, why);
	if (fault == FAULT_NOT_FOUND && !id_is_zero(&filing->fallback)) {
		mailbox = filing->fallback;
		fault = mailbox_append(stack->store, &actor, &mailbox, &append, 1, ret, why);
	}
	if (!fault)
		nudge_mailbox(stack, &actor, &mailbox, ret->head.modseq);
	return fault;
}

/* ---- opening ---- */

static void wipe_key(void *key)
{
	secret_wipe(key, sizeof(struct content_key));
}

enum fault message_open_with(const struct content_key *key, const struct record *record, struct arena *arena,
                             struct message *ret, struct why *why)
{
	struct reader reader = reader_of(record->value);
	struct message *kept = arena_make(arena, struct message);
	uint8_t version = read_u8(&reader);
	enum fault fault;

	if (version != CONTENT_VERSION || !id_from(record->key, &kept->content))
		return fault_set(why, FAULT_CORRUPT, "a content has version %u, this Posthouse knows %u",
		                 version, CONTENT_VERSION);
	kept->in_blob = read_u8(&reader) != 0;
	kept->received = (int64_t)read_u64(&reader);
	fault = seal_layout_unpack(&reader, arena, &kept->layout, why);
	if (fault)
		return fault;
	kept->sealed_summary = read_block(&reader);
	if (!read_finished(&reader))
		return fault_set(why, FAULT_CORRUPT, "content %s does not parse",
		                 id_print(&kept->content).text);
	kept->size = kept->layout.size;
	kept->sealed_body = record->body;
	kept->key = *key;
	arena_on_free(arena, wipe_key, &kept->key);
	*ret = *kept;
	return FAULT_NONE;
}

enum fault message_open(const struct account_key *account, const struct record *record,
                        const struct wrapped_key *wrapped, struct arena *arena, struct message *ret,
                        struct why *why)
{
	struct content_key key;
	struct id content;
	enum fault fault;

	if (!id_from(record->key, &content))
		return fault_set(why, FAULT_CORRUPT, "a content has no id");
	fault = content_key_open(account, &content, wrapped, &key, why);
	if (!fault)
		fault = message_open_with(&key, record, arena, ret, why);
	secret_wipe(&key, sizeof(key));
	return fault;
}

enum fault message_summary(const struct message *message, struct arena *arena, struct message_summary *ret,
                           struct why *why)
{
	struct message_summary summary;
	struct reader reader;
	struct buf plain;
	uint8_t version;
	enum fault fault;

	buf_init(&plain, SUMMARY_MAX);
	fault =
	    seal_open_small(&message->key, SEAL_SUMMARY, message->sealed_summary, SUMMARY_MAX, &plain, why);
	if (fault) {
		buf_done(&plain);
		return fault_add(why, fault, "content %s", id_print(&message->content).text);
	}
	reader = reader_of(arena_copy(arena, buf_slice(&plain)));
	buf_done(&plain);
	version = read_u8(&reader);
	summary.header_cut = read_u8(&reader) != 0;
	summary.structure = read_block(&reader);
	summary.header = read_block(&reader);
	if (version != SUMMARY_VERSION || !read_finished(&reader))
		return fault_set(why, FAULT_CORRUPT, "the summary of content %s does not parse",
		                 id_print(&message->content).text);
	*ret = summary;
	return FAULT_NONE;
}

/* ---- reading ---- */

static enum fault fetch_sealed(struct stack *stack, const struct actor *actor, struct message *message,
                               const struct seal_range *range, struct arena *arena, struct buf *from_blob,
                               struct slice *ret, struct why *why)
{
	struct record record;
	enum fault fault;

	if (message->in_blob) {
		fault = blob_get(stack->blobs, &message->content, range->sealed_offset, range->sealed_len,
		                 from_blob, why);
		*ret = buf_slice(from_blob);
		return fault;
	}
	if (!message->sealed_body.data) {
		fault = record_get(stack->store, actor, COLL_CONTENTS, id_slice(&message->content), true,
		                   arena, &record, why);
		if (fault)
			return fault;
		message->sealed_body = record.body;
	}
	if (range->sealed_offset + range->sealed_len > message->sealed_body.len)
		return fault_set(why, FAULT_CORRUPT, "the body of content %s is shorter than its layout",
		                 id_print(&message->content).text);
	*ret = slice_of(message->sealed_body.data + range->sealed_offset, range->sealed_len);
	return FAULT_NONE;
}

enum fault message_read(struct stack *stack, const struct actor *actor, struct message *message,
                        uint64_t offset, uint64_t len, struct arena *arena, struct buf *out, struct why *why)
{
	struct seal_range range = seal_locate(&message->layout, offset, len);
	struct buf from_blob;
	struct slice sealed;
	enum fault fault;

	if (range.n == 0 || range.len == 0)
		return FAULT_NONE;
	buf_init(&from_blob, range.sealed_len);
	fault = fetch_sealed(stack, actor, message, &range, arena, &from_blob, &sealed, why);
	if (!fault)
		fault = seal_open_range(&message->key, SEAL_BODY, &message->layout, &range, sealed, out, why);
	buf_done(&from_blob);
	return fault;
}
