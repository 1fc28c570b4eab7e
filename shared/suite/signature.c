/* Search signatures (signature.h). */
#include "suite/signature.h"

#include "mail/searchable.h"
#include "store/record.h"

struct signing {
	struct trigrams set;
	struct searchable scratch;
};

/* As it is, and bare where that is something else. */
static void add_text(void *arg, struct slice folded)
{
	struct signing *signing = arg;
	struct slice bare = searchable_bare(&signing->scratch, folded);

	trigrams_add(&signing->set, folded);
	if (bare.data != folded.data)
		trigrams_add(&signing->set, bare);
}

struct slice signature_seal(const struct content_key *key, const struct mime *mime, struct slice message,
                            struct arena *arena)
{
	struct signing signing = { .scratch = { .plain = { .limit = 0 } } };
	struct trigrams *set = &signing.set;
	struct buf plain, sealed;
	struct slice kept;

	trigrams_init(set);
	buf_init(&plain, SIGNATURE_MAX);
	buf_init(&sealed, SIGNATURE_MAX + SEAL_SMALL_EXTRA);
	set->full = !searchable_message(mime, message, SUMMARY_HEADER_MAX, add_text, &signing) || set->full;
	signature_make(set, &plain);
	seal_small(key, SEAL_SIGNATURE, buf_slice(&plain), &sealed);
	kept = arena_copy(arena, buf_slice(&sealed));
	trigrams_done(set);
	searchable_done(&signing.scratch);
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
	for (size_t i = 0; i < n && !fault; i++) {
		wanted[i].ret = (struct signature){ .class = SEGMENT_NONE };
		wanted[i].damaged =
		    sealed[i].data && open_one(account, &wanted[i], sealed[i], arena, &wanted[i].ret, why);
	}
	return fault;
}

/* ---- of mail that has none, or an old one ---- */

static enum fault sign_message(struct stack *stack, const struct actor *actor, struct message *message,
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

/* One at a time in memory: a message may be large. The signature is kept. */
static enum fault make_one(struct stack *stack, const struct actor *actor, const struct account_key *key,
                           const struct signature_wanted *wanted, struct arena *kept, struct slice *ret,
                           struct why *why)
{
	struct arena *arena = arena_new();
	struct message message;
	struct record record;
	struct slice sealed;
	enum fault fault = record_get(stack->store, actor, COLL_CONTENTS, id_slice(&wanted->content), true,
	                              arena, &record, why);

	if (!fault)
		fault = message_open(key, &record, &wanted->key, arena, &message, why);
	if (!fault)
		fault = sign_message(stack, actor, &message, arena, &sealed, why);
	if (!fault)
		*ret = arena_copy(kept, sealed);
	arena_free(arena);
	return fault;
}

enum fault signatures_make(struct stack *stack, const struct actor *actor, const struct account_key *key,
                           const struct signature_wanted *wanted, size_t n, size_t *ret_made, struct why *why)
{
	struct arena *arena = arena_new();
	struct slice *keys = arena_array(arena, struct slice, n), *made = arena_array(arena, struct slice, n);
	enum fault fault = FAULT_NONE;
	size_t n_made = 0;

	for (size_t i = 0; i < n && fault != FAULT_TEMP; i++) {
		if (signature_is_made(&wanted[i]))
			continue;
		keys[n_made] = id_slice(&wanted[i].content);
		fault = make_one(stack, actor, key, &wanted[i], arena, &made[n_made], why);
		n_made += !fault;
	}
	if (fault != FAULT_TEMP)
		fault = record_sign(stack->store, actor, keys, made, n_made, why);
	if (!fault)
		*ret_made = n_made;
	arena_free(arena);
	return fault;
}
