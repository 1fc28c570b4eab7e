/* Search signatures (signature.h). */
#include "suite/signature.h"

#include "mail/searchable.h"
#include "store/record.h"

static void add_text(void *trigrams, struct slice folded)
{
	trigrams_add(trigrams, folded);
}

struct slice signature_seal(const struct content_key *key, const struct mime *mime, struct slice message,
                            struct arena *arena)
{
	struct trigrams set;
	struct buf plain, sealed;
	struct slice kept;

	trigrams_init(&set);
	buf_init(&plain, SIGNATURE_MAX);
	buf_init(&sealed, SIGNATURE_MAX + SEAL_SMALL_EXTRA);
	set.full = !searchable_message(mime, message, SUMMARY_HEADER_MAX, add_text, &set) || set.full;
	signature_make(&set, &plain);
	seal_small(key, SEAL_SIGNATURE, buf_slice(&plain), &sealed);
	kept = arena_copy(arena, buf_slice(&sealed));
	trigrams_done(&set);
	secret_wipe(plain.data, plain.len);
	buf_done(&plain);
	buf_done(&sealed);
	return kept;
}

/* ---- back ---- */

static enum fault open_one(const struct account_key *account, const struct signature_wanted *wanted,
                           struct slice sealed, struct arena *arena, struct signature *ret, struct why *why)
{
	struct content_key key;
	struct buf plain;
	enum fault fault = content_key_open(account, &wanted->content, &wanted->key, &key, why);

	if (fault)
		return fault;
	buf_init(&plain, SIGNATURE_MAX);
	fault = seal_open_small(&key, SEAL_SIGNATURE, sealed, SIGNATURE_MAX, &plain, why);
	secret_wipe(&key, sizeof(key));
	if (!fault)
		fault = signature_unpack(arena_copy(arena, buf_slice(&plain)), ret, why);
	buf_done(&plain);
	return fault;
}

enum fault signatures_load(struct stack *stack, const struct actor *actor, const struct account_key *account,
                           struct signature_wanted *wanted, size_t n, struct arena *arena, struct why *why)
{
	struct slice *keys = arena_array(arena, struct slice, n),
	             *sealed = arena_array(arena, struct slice, n);
	enum fault fault;

	for (size_t i = 0; i < n; i++)
		keys[i] = id_slice(&wanted[i].content);
	fault = record_signatures(stack->store, actor, keys, n, arena, sealed, why);
	for (size_t i = 0; i < n && !fault; i++)
		if (!sealed[i].data || open_one(account, &wanted[i], sealed[i], arena, &wanted[i].ret, why))
			wanted[i].ret = (struct signature){ SEGMENT_NONE, { NULL, 0 } };
	return fault;
}

enum fault signature_of_message(struct stack *stack, const struct actor *actor, struct message *message,
                                struct arena *arena, struct slice *ret, struct why *why)
{
	struct mime_limits limits = MIME_LIMITS_DEFAULT;
	struct mime mime;
	struct buf text;
	enum fault fault;

	buf_init(&text, message->size + 1);
	fault = message_read(stack, actor, message, 0, message->size, arena, &text, why);
	if (!fault) {
		mime_parse(arena, buf_slice(&text), &limits, &mime);
		*ret = signature_seal(&message->key, &mime, buf_slice(&text), arena);
	}
	buf_done(&text);
	return fault;
}
