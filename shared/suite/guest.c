/* What is an account's own in others' mailboxes (guest.h): version, bits, UIDVALIDITY, UIDs. */
#include "suite/guest.h"

#include "store/record.h"
#include "suite/nudge.h"

#define MARK_VERSION 1
#define SUBSCRIBED   1
#define RANGES_MAX   100000 /* within RECORD_VALUE_MAX, however they lie */
#define ATTEMPTS     50
#define BATCH        500

struct guest_key {
	struct id mailbox, account;
};

void guest_mark_done(struct guest_mark *mark)
{
	uid_set_done(&mark->seen);
}

bool guest_key_read(struct slice key, struct id *ret_mailbox, struct id *ret_account)
{
	return id_from(slice_first(key, sizeof(struct id)), ret_mailbox) &&
	       id_from(slice_from(key, sizeof(struct id)), ret_account);
}

enum fault guest_mark_read(const struct record *record, struct guest_mark *ret, struct why *why)
{
	struct reader in = reader_of(record->value);
	const uint8_t version = read_u8(&in), bits = read_u8(&in);
	struct guest_mark mark = { .version = record->version, .subscribed = bits & SUBSCRIBED };
	struct id account;

	mark.uid_validity = read_u32(&in);
	uid_set_init(&mark.seen);
	if (guest_key_read(record->key, &mark.mailbox, &account) && version == MARK_VERSION &&
	    uid_set_unpack(&in, RANGES_MAX, &mark.seen) && read_finished(&in)) {
		*ret = mark;
		return FAULT_NONE;
	}
	guest_mark_done(&mark);
	return fault_set(why, FAULT_CORRUPT, "a guest's record does not parse");
}

enum fault guest_mark_get(struct stack *stack, const struct id *account, const struct id *mailbox,
                          struct guest_mark *ret, struct why *why)
{
	const struct actor actor = { ACTOR_OWNER, *account };
	const struct guest_key key = { *mailbox, *account };
	struct arena *arena = arena_new();
	struct record record;
	enum fault fault = record_get(stack->store, &actor, COLL_GUESTS, slice_of(&key, sizeof(key)), false,
	                              arena, &record, why);

	if (!fault)
		fault = guest_mark_read(&record, ret, why);
	arena_free(arena);
	if (fault != FAULT_NOT_FOUND)
		return fault;
	*ret = (struct guest_mark){ .mailbox = *mailbox, .version = RECORD_NEW };
	uid_set_init(&ret->seen);
	return FAULT_NONE;
}

/* STALE: somebody else was faster. */
static enum fault put_mark(struct stack *stack, const struct id *account, const struct guest_mark *mark,
                           struct why *why)
{
	const struct actor actor = { ACTOR_OWNER, *account };
	const struct guest_key key = { mark->mailbox, *account };
	struct record record = {
		.key = slice_of(&key, sizeof(key)),
		.version = mark->version,
		.accounts = id_slice(account),
		.index = { id_slice(account), id_slice(&mark->mailbox) },
	};
	const struct record *records[] = { &record };
	struct buf value;
	enum fault fault;

	if (mark->seen.n > RANGES_MAX)
		return fault_set(why, FAULT_LIMIT, "more than %d runs of messages seen", RANGES_MAX);
	buf_init(&value, RECORD_VALUE_MAX);
	buf_add_u8(&value, MARK_VERSION);
	buf_add_u8(&value, mark->subscribed ? SUBSCRIBED : 0);
	buf_add_u32(&value, mark->uid_validity);
	uid_set_pack(&mark->seen, &value);
	record.value = buf_slice(&value);
	fault = record_put_many(stack->store, &actor, COLL_GUESTS, records, 1, why);
	buf_done(&value);
	return fault == FAULT_EXISTS ? FAULT_STALE : fault;
}

static void change_seen(struct guest_mark *mark, uint32_t uid_validity, const struct uid_set *add,
                        const struct uid_set *remove)
{
	if (mark->uid_validity != uid_validity) {
		uid_set_done(&mark->seen);
		uid_set_init(&mark->seen);
	}
	mark->uid_validity = uid_validity;
	if (add)
		uid_set_union(&mark->seen, add);
	if (remove)
		uid_set_subtract(&mark->seen, remove);
}

enum fault guest_mark_see(struct stack *stack, const struct id *account, const struct id *mailbox,
                          uint32_t uid_validity, const struct uid_set *add, const struct uid_set *remove,
                          struct guest_mark *ret, struct why *why)
{
	enum fault fault = FAULT_STALE;

	for (int i = 0; i < ATTEMPTS && fault == FAULT_STALE; i++) {
		struct guest_mark mark;

		fault = guest_mark_get(stack, account, mailbox, &mark, why);
		if (fault)
			break;
		change_seen(&mark, uid_validity, add, remove);
		fault = put_mark(stack, account, &mark, why);
		if (fault)
			guest_mark_done(&mark);
		else
			*ret = mark;
	}
	return fault == FAULT_STALE ? fault_set(why, FAULT_TEMP, "others kept changing a guest's record")
	                            : fault;
}

enum fault guest_see(struct stack *stack, const struct actor *guest, uint32_t uid_validity,
                     const struct uid_set *add, const struct uid_set *remove, struct guest_mark *ret,
                     struct mailbox_head *ret_head, struct why *why)
{
	struct mailbox_edit touch = { .op = FLAGS_ADD };
	const struct mailbox_commit commit = { .mailbox = guest->mailbox, .edits = &touch, .n_edits = 1 };
	struct uid_set uids;
	enum fault fault =
	    guest_mark_see(stack, &guest->guest, &guest->mailbox, uid_validity, add, remove, ret, why);

	if (fault)
		return fault;
	uid_set_init(&uids);
	if (add)
		uid_set_union(&uids, add);
	if (remove)
		uid_set_union(&uids, remove);
	touch.uids = &uids;
	fault = mailbox_commit(stack->store, guest, &commit, ret_head, why);
	uid_set_done(&uids);
	if (fault)
		guest_mark_done(ret);
	else
		nudge_mailbox(stack, guest, &guest->mailbox, ret_head->modseq);
	return fault;
}

enum fault guest_mark_subscribe(struct stack *stack, const struct id *account, const struct id *mailbox,
                                bool subscribed, struct why *why)
{
	enum fault fault = FAULT_STALE;

	for (int i = 0; i < ATTEMPTS && fault == FAULT_STALE; i++) {
		struct guest_mark mark;

		fault = guest_mark_get(stack, account, mailbox, &mark, why);
		if (fault)
			break;
		if (mark.subscribed != subscribed) {
			mark.subscribed = subscribed;
			fault = put_mark(stack, account, &mark, why);
			if (!fault)
				nudge_folders(stack, account);
		}
		guest_mark_done(&mark);
	}
	return fault == FAULT_STALE ? fault_set(why, FAULT_TEMP, "others kept changing a guest's record")
	                            : fault;
}

/* A batch of an account's records behind `after`. */
static enum fault find_some(struct stack *stack, const struct id *account, struct slice after,
                            struct arena *arena, struct record **ret, size_t *ret_n, struct why *why)
{
	const struct actor actor = { ACTOR_OWNER, *account };
	const struct record_query query = {
		.collection = COLL_GUESTS,
		.index = 0,
		.equal = id_slice(account),
		.after_index = after.data ? id_slice(account) : after,
		.after_key = after,
		.limit = BATCH,
	};

	return record_find(stack->store, &actor, &query, arena, ret, ret_n, why);
}

enum fault guest_subscriptions(struct stack *stack, const struct id *account, struct arena *arena,
                               struct id **ret, size_t *ret_n, struct why *why)
{
	struct slice after = { NULL, 0 };
	struct record *records;
	struct buf list;
	size_t n = BATCH;
	enum fault fault = FAULT_NONE;

	buf_init(&list, BUF_NO_LIMIT);
	while (n == BATCH && !fault) {
		fault = find_some(stack, account, after, arena, &records, &n, why);
		for (size_t i = 0; i < n && !fault; i++) {
			struct guest_mark mark;

			fault = guest_mark_read(&records[i], &mark, why);
			if (fault)
				break;
			if (mark.subscribed)
				buf_add(&list, &mark.mailbox, sizeof(mark.mailbox));
			guest_mark_done(&mark);
			after = records[i].key;
		}
	}
	if (!fault) {
		*ret_n = list.len / sizeof(struct id);
		*ret = arena_array(arena, struct id, *ret_n + 1);
		memcpy(*ret, list.data ? list.data : (uint8_t *)"", list.len);
	}
	buf_done(&list);
	return fault;
}
