/* Markers of moves: encoding, finding, and taking them away (mailbox.h, move.h). */
#include "store/move.h"

#include <assert.h>

#include "store/access.h"
#include "store/acl.h"
#include "store/pack.h"
#include "store/schema.h"

#define MOVE_VERSION 1
#define FIND_MAX     1000 /* markers in one look */

void move_encode(struct buf *out, const struct mailbox_move *move)
{
	assert(!uid_set_is_empty(&move->uids) && uid_set_count(&move->uids) <= MOVE_UIDS_MAX);
	buf_add_u8(out, MOVE_VERSION);
	pack_id(out, &move->account);
	pack_id(out, &move->source);
	buf_add_u64(out, (uint64_t)move->begun);
	uid_set_pack(&move->uids, out);
}

static void free_uids(void *uids)
{
	uid_set_done(uids);
}

enum fault move_decode(struct slice raw, struct arena *arena, struct mailbox_move *ret, struct why *why)
{
	struct reader in = reader_of(raw);
	const uint8_t version = read_u8(&in);
	struct mailbox_move move = { .begun = 0 };
	struct uid_set *uids = arena_make(arena, struct uid_set);

	if (!in.bad && version != MOVE_VERSION)
		return fault_set(why, FAULT_CORRUPT,
		                 "marker of a move of version %u, which this Posthouse does not know",
		                 version);
	unpack_id(&in, &move.account);
	unpack_id(&in, &move.source);
	move.begun = (int64_t)read_u64(&in);
	if (!in.bad && uid_set_unpack(&in, MOVE_UIDS_MAX, uids)) {
		arena_on_free(arena, free_uids, uids);
		in.bad |= uid_set_is_empty(uids) || uid_set_max(uids) > UID_MAX ||
		          uid_set_count(uids) > MOVE_UIDS_MAX;
	}
	if (!read_finished(&in))
		return fault_set(why, FAULT_CORRUPT, "marker of a move, of %zu bytes, does not parse",
		                 raw.len);
	move.uids = *uids;
	*ret = move;
	return FAULT_NONE;
}

enum fault mailbox_move_done(struct store *store, const struct actor *actor, const struct id *target,
                             const struct id *tag, struct why *why)
{
	const struct actor with = access_with(actor, ACL_INSERT);
	enum fault fault = access_check_act(actor, ACT_MAILBOX_APPEND, why);

	return fault ? fault : store->ops->move_done(store, &with, target, tag, why);
}

enum fault mailbox_moves(struct store *store, const struct actor *actor, struct arena *arena,
                         struct mailbox_moving **ret, size_t *ret_n, struct why *why)
{
	struct mailbox_moving *moving;
	struct move_row *rows;
	size_t n;
	enum fault fault = access_check_act(actor, ACT_MAILBOX_MOVES, why);

	if (!fault)
		fault = store->ops->moves(store, actor, FIND_MAX, arena, &rows, &n, why);
	if (fault)
		return fault;
	moving = arena_array(arena, struct mailbox_moving, n);
	for (size_t i = 0; i < n; i++) {
		moving[i].account = rows[i].account;
		moving[i].target = rows[i].mailbox;
		moving[i].unknown = move_decode(rows[i].move, arena, &moving[i].move, NULL) != FAULT_NONE;
		moving[i].move.tag = rows[i].tag;
	}
	*ret = moving;
	*ret_n = n;
	return FAULT_NONE;
}
