/* Markers of moves: they come with the append, stay until they are taken away, and are in nobody's way. */
#include "place.h"

#include "shim.h"
#include "store/acl.h"
#include "store/schema.h"

struct moves {
	struct store *store;
	struct arena *arena;
	struct id ann, source, target;
	struct actor owner;
};

static void begin(struct moves *m, struct place *place)
{
	m->store = open_store(place);
	m->arena = place->arena;
	m->ann = id_new();
	m->source = make_mailbox(m->store, &m->ann, "source");
	m->target = make_mailbox(m->store, &m->ann, "target");
	m->owner = owner_of(&m->ann);
}

static struct mailbox_move a_move(const struct moves *m, uint32_t first, uint32_t last)
{
	struct mailbox_move move = {
		.tag = id_new(), .account = m->ann, .source = m->source, .begun = 1700000000000
	};

	uid_set_add_range(&move.uids, first, last);
	return move;
}

static enum fault append(struct moves *m, const struct mailbox_move *move, uint32_t *ret_uid, struct why *why)
{
	struct mailbox_append message = a_message(100, 0);
	struct mailbox_appended made;
	enum fault fault;

	message.tag = move->tag;
	message.move = move;
	fault = mailbox_append(m->store, &m->owner, &m->target, &message, 1, &made, why);
	if (!fault)
		*ret_uid = made.first_uid;
	return fault;
}

static struct mailbox_moving *found(struct moves *m, size_t n_wanted)
{
	struct mailbox_moving *moving;
	size_t n;

	assert_good(mailbox_moves(m->store, &as_system, m->arena, &moving, &n, why));
	assert_int_equal(n, n_wanted);
	return moving;
}

static void is_same(const struct moves *m, const struct mailbox_moving *moving,
                    const struct mailbox_move *move)
{
	assert_false(moving->unknown);
	assert_true(id_eq(&moving->account, &m->ann) && id_eq(&moving->target, &m->target));
	assert_true(id_eq(&moving->move.tag, &move->tag) && id_eq(&moving->move.account, &move->account) &&
	            id_eq(&moving->move.source, &move->source));
	assert_true(moving->move.begun == move->begun && uid_set_eq(&moving->move.uids, &move->uids));
}

static void test_comes_and_goes(void **state)
{
	struct moves m;
	struct mailbox_move one, two;
	struct mailbox_moving *moving;
	const struct id none = id_new();
	uint32_t uid;

	begin(&m, *state);
	one = a_move(&m, 3, 5);
	two = a_move(&m, 7, 7);
	uid_set_add(&two.uids, 4000000000);
	found(&m, 0);
	assert_good(append(&m, &one, &uid, why));
	assert_int_equal(uid, 1);
	is_same(&m, found(&m, 1), &one);
	assert_good(append(&m, &two, &uid, why));
	assert_int_equal(uid, 2);
	moving = found(&m, 2);
	is_same(&m, &moving[!id_eq(&moving[0].move.tag, &one.tag)], &one);
	is_same(&m, &moving[id_eq(&moving[0].move.tag, &one.tag)], &two);
	/* it outlives a fold, and a store that is opened again */
	assert_good(mailbox_fold(m.store, &m.owner, &m.target, NULL, why));
	m.store = open_store(*state);
	found(&m, 2);
	assert_good(mailbox_move_done(m.store, &m.owner, &m.target, &one.tag, why));
	is_same(&m, found(&m, 1), &two);
	/* once more, one that never was, and one of another mailbox: nothing */
	assert_good(mailbox_move_done(m.store, &m.owner, &m.target, &one.tag, why));
	assert_good(mailbox_move_done(m.store, &m.owner, &m.target, &none, why));
	assert_good(mailbox_move_done(m.store, &m.owner, &m.source, &two.tag, why));
	found(&m, 1);
	assert_good(mailbox_move_done(m.store, &m.owner, &m.target, &two.tag, why));
	found(&m, 0);
	assert_fault(FAULT_NOT_FOUND, mailbox_move_done(m.store, &m.owner, &none, &two.tag, why));
	uid_set_done(&one.uids);
	uid_set_done(&two.uids);
}

static void test_goes_with_mailbox(void **state)
{
	struct moves m;
	struct mailbox_move move;
	uint32_t uid;

	begin(&m, *state);
	move = a_move(&m, 1, 1);
	assert_good(append(&m, &move, &uid, why));
	found(&m, 1);
	assert_good(mailbox_delete(m.store, &m.owner, &m.target, why));
	found(&m, 0);
	assert_fault(FAULT_NOT_FOUND, append(&m, &move, &uid, why));
	found(&m, 0);
	uid_set_done(&move.uids);
}

/* An append that fails leaves none, one whose answer was lost leaves one. */
static void test_with_the_append(void **state)
{
	struct moves m;
	struct mailbox_move move;
	uint32_t uid;

	begin(&m, *state);
	move = a_move(&m, 1, 2);
	shim_in(m.store);
	atomic_store(&shim.refuse, 2);
	assert_good(append(&m, &move, &uid, why));
	assert_int_equal(uid, 1);
	found(&m, 1);
	assert_good(mailbox_move_done(m.store, &m.owner, &m.target, &move.tag, why));
	move.tag = id_new();
	atomic_store(&shim.lose, 1);
	assert_good(append(&m, &move, &uid, why));
	assert_int_equal(uid, 2);
	is_same(&m, found(&m, 1), &move);
	/* the same again finds itself */
	assert_good(append(&m, &move, &uid, why));
	assert_int_equal(uid, 2);
	found(&m, 1);
	shim_out(m.store);
	uid_set_done(&move.uids);
}

/* So many and no more; others append as ever. */
static void test_bounded(void **state)
{
	struct moves m;
	struct mailbox_move move;
	struct mailbox_head head;
	struct mailbox_log log;
	struct id last;
	uint32_t uid;

	begin(&m, *state);
	move = a_move(&m, 1, 9);
	for (uint32_t i = 0; i < MOVES_MAX; i++) {
		move.tag = last = id_new();
		assert_good(append(&m, &move, &uid, why));
	}
	assert_good(mailbox_look(m.store, &m.owner, &m.target, m.arena, &log, why));
	head = log.head;
	move.tag = id_new();
	assert_fault(FAULT_LIMIT, append(&m, &move, &uid, why));
	assert_good(mailbox_look(m.store, &m.owner, &m.target, m.arena, &log, why));
	assert_true(log.head.modseq == head.modseq && log.head.uid_next == head.uid_next);
	assert_int_equal(append_some(m.store, &m.owner, &m.target, 1), MOVES_MAX + 1);
	assert_good(mailbox_move_done(m.store, &m.owner, &m.target, &last, why));
	assert_good(append(&m, &move, &uid, why));
	assert_int_equal(uid, MOVES_MAX + 2);
	found(&m, MOVES_MAX);
	uid_set_done(&move.uids);
}

/* All the UIDs that one may name, each a range of its own. */
static void test_large(void **state)
{
	struct moves m;
	struct mailbox_move move;
	uint32_t uid;

	begin(&m, *state);
	move = a_move(&m, 1, 1);
	for (uint32_t i = 1; i < MOVE_UIDS_MAX; i++)
		uid_set_add(&move.uids, i * 4000000);
	assert_good(append(&m, &move, &uid, why));
	is_same(&m, found(&m, 1), &move);
	uid_set_done(&move.uids);
}

/* Everybody's are the system's to find; a mailbox's are taken away by who may append to it. */
static void test_walls(void **state)
{
	struct moves m;
	struct mailbox_moving *moving;
	struct mailbox_move move;
	const struct id stranger = id_new();
	const struct actor other = owner_of(&stranger);
	struct acl_entry acl = { stranger, ACL_INSERT };
	struct mailbox_meta meta = { .version = 1, .acl = &acl, .n_acl = 1 };
	struct actor guest;
	uint32_t uid;
	size_t n;

	begin(&m, *state);
	move = a_move(&m, 1, 1);
	meta.id = m.target;
	guest =
	    (struct actor){ .kind = ACTOR_GUEST, .account = m.ann, .guest = stranger, .mailbox = m.target };
	assert_good(append(&m, &move, &uid, why));
	assert_fault(FAULT_DENIED, mailbox_moves(m.store, &m.owner, m.arena, &moving, &n, why));
	assert_fault(FAULT_DENIED, mailbox_moves(m.store, &guest, m.arena, &moving, &n, why));
	assert_fault(FAULT_NOT_FOUND, mailbox_move_done(m.store, &other, &m.target, &move.tag, why));
	assert_fault(FAULT_NOT_FOUND, mailbox_move_done(m.store, &guest, &m.target, &move.tag, why));
	found(&m, 1);
	assert_good(mailbox_set_acl(m.store, &m.owner, &meta, why));
	assert_good(mailbox_move_done(m.store, &guest, &m.target, &move.tag, why));
	found(&m, 0);
	/* held to one account, the system finds what is there */
	move.tag = id_new();
	assert_good(append(&m, &move, &uid, why));
	assert_good(
	    mailbox_moves(m.store, &(struct actor){ ACTOR_SYSTEM, stranger }, m.arena, &moving, &n, why));
	assert_int_equal(n, 0);
	assert_good(
	    mailbox_moves(m.store, &(struct actor){ ACTOR_SYSTEM, m.ann }, m.arena, &moving, &n, why));
	assert_int_equal(n, 1);
	uid_set_done(&move.uids);
}

/* What a newer Posthouse wrote is found, and can be taken away; it is nobody's to finish. */
static void test_unknown(void **state)
{
	struct moves m;
	struct mailbox_append message = a_message(100, 0);
	struct mailbox_change change = {
		.tag = id_new(), .messages = 1, .unseen = 1, .bytes = 100, .uids = 1
	};
	struct commit commit = { .changes = &change, .n_changes = 1, .move = SLICE("\x63 of tomorrow") };
	struct mailbox_moving *moving;
	struct mailbox_head head;
	struct buf entry;

	begin(&m, *state);
	buf_init(&entry, BUF_NO_LIMIT);
	entry_encode_append(&entry, &message, 1);
	change.entry = buf_slice(&entry);
	commit.mailbox = m.target;
	assert_good(m.store->ops->commit(m.store, &m.owner, &commit, &head, why));
	moving = found(&m, 1);
	assert_true(moving[0].unknown && id_eq(&moving[0].move.tag, &change.tag));
	assert_good(mailbox_move_done(m.store, &m.owner, &m.target, &change.tag, why));
	found(&m, 0);
	buf_done(&entry);
}

const struct CMUnitTest move_cases[] = {
	CASE(test_comes_and_goes),  CASE(test_goes_with_mailbox),
	CASE(test_with_the_append), CASE(test_bounded),
	CASE(test_large),           CASE(test_walls),
	CASE(test_unknown),
};
const size_t n_move_cases = ARRAY_LEN(move_cases);
