/* folder.h: mailboxes by name. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"

/* ---- names ---- */

static void paths(void **state)
{
	static const struct {
		const char *name, *path, *good; /* good NULL: refused */
	} cases[] = {
		{ "plain", "Work", "Work" },
		{ "nested", "Work/2024/May", "Work/2024/May" },
		{ "NFC as it is", "B\xc3\xbcro", "B\xc3\xbcro" },
		{ "NFD is composed", "Bu\xcc\x88ro/u\xcc\x88", "B\xc3\xbcro/\xc3\xbc" },
		{ "INBOX", "INBOX", "INBOX" },
		{ "inbox", "inBox", "INBOX" },
		{ "below inbox", "inbox/Sub/inbox", "INBOX/Sub/inbox" },
		{ "not inbox", "inboxes", "inboxes" },
		{ "inbox below", "Work/inbox", "Work/inbox" },
		{ "blanks stay", " a  b ", " a  b " },
		{ "wildcards are names", "a*b%", "a*b%" },
		{ "dots are names", "...", "..." },
		{ "empty", "", NULL },
		{ "leading separator", "/a", NULL },
		{ "trailing separator", "a/", NULL },
		{ "empty part", "a//b", NULL },
		{ "a dot", "a/.", NULL },
		{ "two dots", "../a", NULL },
		{ "a control", "a\tb", NULL },
		{ "a newline", "a\nb", NULL },
		{ "DEL", "a\x7f", NULL },
		{ "not UTF-8", "a\xff", NULL },
		{ "overlong", "\xc0\xaf", NULL },
	};
	struct arena *arena = arena_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *path = NULL;

		print_message("%s\n", cases[i].name);
		if (!cases[i].good) {
			bad(FAULT_INPUT, folder_path_check(slice_str(cases[i].path), arena, &path, WHY));
			continue;
		}
		good(folder_path_check(slice_str(cases[i].path), arena, &path, WHY));
		assert_string_equal(path, cases[i].good);
	}
	arena_free(arena);
}

static char *repeat(struct arena *arena, const char *part, size_t n)
{
	char *text = arena_zalloc(arena, strlen(part) * n + 1);

	for (size_t i = 0; i < n; i++)
		memcpy(text + i * strlen(part), part, strlen(part));
	return text;
}

static void path_limits(void **state)
{
	struct arena *arena = arena_new();
	const char *path, *deep = repeat(arena, "a/", FOLDER_DEPTH_MAX - 1);

	(void)state;
	good(folder_path_check(slice_str(repeat(arena, "x", FOLDER_NAME_MAX)), arena, &path, WHY));
	bad(FAULT_INPUT,
	    folder_path_check(slice_str(repeat(arena, "x", FOLDER_NAME_MAX + 1)), arena, &path, WHY));
	good(folder_path_check(slice_str(arena_printf(arena, "%sa", deep)), arena, &path, WHY));
	bad(FAULT_INPUT, folder_path_check(slice_str(arena_printf(arena, "%sa/a", deep)), arena, &path, WHY));
	bad(FAULT_INPUT, folder_path_check(slice_str(repeat(arena, "x", 100000)), arena, &path, WHY));
	/* NFC of this is longer than it is: 3 bytes become 6 */
	bad(FAULT_INPUT, folder_path_check(slice_str(repeat(arena, "\xe0\xa5\x98", 80)), arena, &path, WHY));
	arena_free(arena);
}

/* ---- creating ---- */

static struct id create(struct fixture *f, const struct person *who, const char *path)
{
	struct id id = { { 0 } };

	good(folder_create(f->stack, &who->owner, who->key, path, 0, false, &id, WHY));
	return id;
}

static void creating(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct id id, other = { { 9 } };
	struct folders folders;
	struct folder *folder;

	good(folder_create(f->stack, &alice.owner, alice.key, "Work/2024/May", USE_ARCHIVE, true, &id, WHY));
	folders = fixture_folders(f, &alice);
	assert_int_equal(folders.n, 9);
	folder = folders_find(&folders, "Work/2024/May");
	assert_non_null(folder);
	assert_ptr_equal(folders_by_id(&folders, &id), folder);
	assert_string_equal(folder->name, "May");
	assert_string_equal(folder->parent->path, "Work/2024");
	assert_true(folder->row.meta.subscribed);
	assert_int_equal(folder->row.meta.special_use, USE_ARCHIVE);
	assert_false(folder->has_children);
	assert_true(folder->parent->has_children);
	assert_false(folder->parent->row.meta.subscribed);
	assert_null(folders_find(&folders, "work/2024"));
	assert_null(folders_find(&folders, "May"));
	assert_ptr_equal(folders_find(&folders, "inbox"), folders.list[0]);

	bad(FAULT_EXISTS,
	    folder_create(f->stack, &alice.owner, alice.key, "Work/2024", 0, false, &other, WHY));
	bad(FAULT_EXISTS, folder_create(f->stack, &alice.owner, alice.key, "InBox", 0, false, &other, WHY));
	assert_int_equal(other.raw[0], 9);
	(void)create(f, &alice, "INBOX/Sub");
	assert_non_null(fixture_folder(f, &alice, "INBOX/Sub"));
	assert_true(fixture_folder(f, &alice, "INBOX")->has_children);
}

/* Two sessions make the same one, from the same look at the tree: the keyed hash of the name decides. */
static void names_are_unique(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	struct id a = create(f, &alice, "Same"), b = create(f, &bob, "Same");
	const struct folder *folder = fixture_folder(f, &alice, "Same");
	struct mailbox_meta twin = folder->row.meta, foreign;

	twin.id = id_new();
	bad(FAULT_EXISTS, mailbox_create(f->stack->store, &alice.owner, &twin, 1, WHY));
	assert_false(id_eq(&a, &b));
	/* names tell nothing: two accounts' sealed names and hashes differ */
	foreign = fixture_folder(f, &bob, "Same")->row.meta;
	assert_false(id_eq(&foreign.name_hash, &folder->row.meta.name_hash));
	assert_true(slice_find(folder->row.meta.name, SLICE("Same")) < 0);
}

static void a_wrong_key(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	struct folders folders;

	bad(FAULT_CORRUPT, folders_load(f->stack, &alice.owner, bob.key, f->arena, &folders, WHY));
}

/* A name that comes back is another mailbox, and says so by its UIDVALIDITY, however fast it comes. */
static void uid_validity_never_repeats(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	uint32_t last = 0;

	for (int i = 0; i < 5; i++) {
		uint32_t fresh;

		(void)create(f, &alice, "Again");
		fresh = fixture_folder(f, &alice, "Again")->row.head.uid_validity;
		assert_true(fresh > last);
		last = fresh;
		good(folder_delete(f->stack, &alice.owner, alice.key, "Again", WHY));
	}
}

/* A store that lists as many mailboxes as an account may have. */
static enum fault list_many(struct store *store, const struct actor *actor, const struct id *account,
                            struct arena *arena, struct mailbox_row **ret, size_t *ret_n, struct why *reason)
{
	struct mailbox_row *rows, *many = arena_array(arena, struct mailbox_row, FOLDERS_MAX);
	size_t n;
	enum fault fault = wire.store->mailbox_list(store, actor, account, arena, &rows, &n, reason);

	for (size_t i = 0; i < FOLDERS_MAX && !fault; i++)
		many[i] = rows[i % n];
	*ret = many;
	*ret_n = FOLDERS_MAX;
	return fault;
}

static void too_many(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct id id;

	wire_on(f);
	wire.store_ops.mailbox_list = list_many;
	bad(FAULT_LIMIT, folder_create(f->stack, &alice.owner, alice.key, "One more", 0, false, &id, WHY));
	assert_string_equal(wire_log(f), "");
	wire_off(f);
}

/* ---- deleting ---- */

static void deleting(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);

	(void)create(f, &alice, "Gone");
	good(folder_delete(f->stack, &alice.owner, alice.key, "Gone", WHY));
	assert_null(fixture_folder(f, &alice, "Gone"));
	bad(FAULT_NOT_FOUND, folder_delete(f->stack, &alice.owner, alice.key, "Gone", WHY));
	bad(FAULT_DENIED, folder_delete(f->stack, &alice.owner, alice.key, "inbox", WHY));
	good(folder_delete(f->stack, &alice.owner, alice.key, "Trash", WHY));
}

/* Its messages go, its name stays for its children; made again it goes on where its UIDs were. */
static void deleting_a_parent(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct id parent = create(f, &alice, "Work"), again;
	struct folder *folder;
	uint32_t uid_validity;

	(void)create(f, &alice, "Work/Sub");
	(void)fixture_deliver(f, &alice, &parent, SLICE(MESSAGE), 0);
	(void)fixture_deliver(f, &alice, &parent, SLICE(MESSAGE), FLAG_SEEN);
	uid_validity = fixture_folder(f, &alice, "Work")->row.head.uid_validity;
	good(folder_delete(f->stack, &alice.owner, alice.key, "Work", WHY));
	folder = fixture_folder(f, &alice, "Work");
	assert_non_null(folder);
	assert_true(folder->row.meta.no_select);
	assert_int_equal(folder->row.head.messages, 0);
	assert_int_equal(folder->row.head.bytes, 0);
	assert_int_equal(folder->row.head.unseen, 0);
	assert_non_null(fixture_folder(f, &alice, "Work/Sub"));
	bad(FAULT_DENIED, folder_delete(f->stack, &alice.owner, alice.key, "Work", WHY));

	good(folder_create(f->stack, &alice.owner, alice.key, "Work", 0, true, &again, WHY));
	assert_true(id_eq(&again, &parent));
	folder = fixture_folder(f, &alice, "Work");
	assert_false(folder->row.meta.no_select);
	assert_true(folder->row.meta.subscribed);
	assert_int_equal(folder->row.head.uid_validity, uid_validity);
	assert_int_equal(folder->row.head.uid_next, 3);

	good(folder_delete(f->stack, &alice.owner, alice.key, "Work", WHY));
	good(folder_delete(f->stack, &alice.owner, alice.key, "Work/Sub", WHY));
	bad(FAULT_NOT_FOUND, folder_delete(f->stack, &alice.owner, alice.key, "Work", WHY));
	assert_true(folder_is_mere_subscription(fixture_folder(f, &alice, "Work")));
	good(folder_subscribe(f->stack, &alice.owner, alice.key, "Work", false, WHY));
	assert_null(fixture_folder(f, &alice, "Work"));
}

/* The subscription stays, under another id: what was meant for the old mailbox gets in nowhere. */
static void deleting_what_is_subscribed(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct id old = create(f, &alice, "Work"), made;
	const struct folder *folder;
	uint32_t uid_validity = fixture_folder(f, &alice, "Work")->row.head.uid_validity;

	good(folder_subscribe(f->stack, &alice.owner, alice.key, "Work", true, WHY));
	good(folder_delete(f->stack, &alice.owner, alice.key, "Work", WHY));
	folder = fixture_folder(f, &alice, "Work");
	assert_true(folder_is_mere_subscription(folder));
	assert_false(id_eq(&folder->row.meta.id, &old));
	bad(FAULT_NOT_FOUND, folder_rename(f->stack, &alice.owner, alice.key, "Work", "Other", WHY));
	good(folder_create(f->stack, &alice.owner, alice.key, "Work", 0, false, &made, WHY));
	folder = fixture_folder(f, &alice, "Work");
	assert_true(folder->row.meta.subscribed && !folder->row.meta.no_select);
	assert_true(folder->row.head.uid_validity > uid_validity);
}

/* It stops behind each of its writes: what is left is a whole mailbox, and asking again deletes it. */
static void deleting_a_parent_interrupted(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);

	wire_on(f);
	for (unsigned writes = 0; writes < 2; writes++) {
		const char *path = arena_printf(f->arena, "Work%u", writes);
		struct id parent = create(f, &alice, path);

		(void)create(f, &alice, arena_printf(f->arena, "%s/Sub", path));
		(void)fixture_deliver(f, &alice, &parent, SLICE(MESSAGE), 0);
		wire_fail("", writes, 1000, FAULT_TEMP);
		bad(FAULT_TEMP, folder_delete(f->stack, &alice.owner, alice.key, path, WHY));
		wire_fail(NULL, 0, 0, FAULT_NONE);
		assert_false(fixture_folder(f, &alice, path)->row.meta.no_select);
		good(folder_delete(f->stack, &alice.owner, alice.key, path, WHY));
		assert_true(fixture_folder(f, &alice, path)->row.meta.no_select);
		assert_int_equal(fixture_count(f, &alice, path), 0);
	}
	wire_off(f);
}

/* ---- subscribing ---- */

static void subscribing(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);

	good(folder_subscribe(f->stack, &alice.owner, alice.key, "Sent", false, WHY));
	assert_false(fixture_folder(f, &alice, "Sent")->row.meta.subscribed);
	good(folder_subscribe(f->stack, &alice.owner, alice.key, "Sent", false, WHY));
	good(folder_subscribe(f->stack, &alice.owner, alice.key, "Sent", true, WHY));
	assert_true(fixture_folder(f, &alice, "Sent")->row.meta.subscribed);
	bad(FAULT_NOT_FOUND, folder_subscribe(f->stack, &alice.owner, alice.key, "Nope", true, WHY));
}

/* ---- renaming ---- */

static void rename_to(struct fixture *f, const struct person *who, const char *from, const char *to)
{
	good(folder_rename(f->stack, &who->owner, who->key, from, to, WHY));
	assert_null(fixture_folder(f, who, from));
	assert_non_null(fixture_folder(f, who, to));
}

static void renaming(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct id work = create(f, &alice, "Work"), sub = create(f, &alice, "Work/Sub/Deep");

	(void)fixture_deliver(f, &alice, &sub, SLICE(MESSAGE), 0);
	wire_on(f);
	rename_to(f, &alice, "Work", "Job");
	assert_string_equal(wire_log(f), "update mailbox\n"); /* one write, whatever is below */
	wire_off(f);
	assert_true(id_eq(&fixture_folder(f, &alice, "Job")->row.meta.id, &work));
	assert_true(id_eq(&fixture_folder(f, &alice, "Job/Sub/Deep")->row.meta.id, &sub));
	assert_int_equal(fixture_count(f, &alice, "Job/Sub/Deep"), 1);

	rename_to(f, &alice, "Job/Sub", "New/Parents/Sub");
	assert_int_equal(fixture_count(f, &alice, "New/Parents/Sub/Deep"), 1);
	rename_to(f, &alice, "New/Parents/Sub/Deep", "Deep");
	rename_to(f, &alice, "Deep", "deep"); /* names differ by case */
	assert_int_equal(fixture_count(f, &alice, "deep"), 1);
	rename_to(f, &alice, "deep", "INBOX/deep");
}

static void renaming_refused(void **state)
{
	static const struct {
		const char *name, *from, *to;
		enum fault fault;
	} cases[] = {
		{ "no such mailbox", "Nope", "x", FAULT_NOT_FOUND },
		{ "taken", "Work", "Sent", FAULT_EXISTS },
		{ "itself", "Work", "Work", FAULT_EXISTS },
		{ "onto the INBOX", "Work", "inbox", FAULT_EXISTS },
		{ "below itself", "Work", "Work/Sub/x", FAULT_DENIED },
		{ "below itself, a new parent", "Work", "Work/x/y", FAULT_DENIED },
		{ "too deep with its children", "Work", "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16",
		  FAULT_LIMIT },
	};
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);

	(void)create(f, &alice, "Work/Sub");
	wire_on(f);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		print_message("%s\n", cases[i].name);
		bad(cases[i].fault,
		    folder_rename(f->stack, &alice.owner, alice.key, cases[i].from, cases[i].to, WHY));
		assert_string_equal(wire_log(f), "");
	}
	wire_off(f);
	/* beside itself is not below itself */
	rename_to(f, &alice, "Work", "Worker");
	rename_to(f, &alice, "Worker", "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15");
}

/* Many messages of one content. */
static void fill(struct fixture *f, const struct person *who, const struct id *mailbox, size_t n)
{
	struct mailbox_append *appends = arena_array(f->arena, struct mailbox_append, n);
	struct mailbox_appended appended;
	struct mailbox_state *state;

	(void)fixture_deliver(f, who, mailbox, SLICE(MESSAGE), 0);
	state = fixture_state(f, &who->owner, mailbox);
	for (size_t i = 0; i < n; i++)
		appends[i] = (struct mailbox_append){
			.content = state->content[0],
			.key = state->key[0],
			.size = state->size[0],
			.internal_date = INT64_C(1000) * (int64_t)i,
			.flags = i % 3 ? 0 : FLAG_SEEN,
		};
	good(mailbox_append(f->stack->store, &who->owner, mailbox, appends, n, &appended, WHY));
	mailbox_state_free(state);
}

/* RFC 9051 6.3.6: the messages move, the INBOX stays, and so does what is below it. */
static void renaming_the_inbox(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	const struct id inbox = alice.account.inbox;
	struct mailbox_state *before, *after;
	struct folder *target;

	(void)create(f, &alice, "INBOX/Sub");
	fill(f, &alice, &inbox, 1100); /* more than two batches */
	before = fixture_state(f, &alice.owner, &inbox);
	good(folder_rename(f->stack, &alice.owner, alice.key, "INBOX", "Old mail", WHY));
	assert_int_equal(fixture_count(f, &alice, "INBOX"), 0);
	assert_true(id_eq(&fixture_folder(f, &alice, "INBOX")->row.meta.id, &inbox));
	assert_non_null(fixture_folder(f, &alice, "INBOX/Sub"));
	target = fixture_folder(f, &alice, "Old mail");
	after = fixture_state(f, &alice.owner, &target->row.meta.id);
	assert_int_equal(after->n, before->n);
	for (uint32_t i = 0; i < after->n; i++) {
		assert_int_equal(after->flags[i], before->flags[i]);
		assert_true(after->internal_date[i] == before->internal_date[i]);
	}
	mailbox_state_free(before);
	mailbox_state_free(after);
	/* again, to a name that is there */
	bad(FAULT_EXISTS, folder_rename(f->stack, &alice.owner, alice.key, "INBOX", "Old mail", WHY));
	good(folder_rename(f->stack, &alice.owner, alice.key, "INBOX", "Older mail", WHY));
	assert_int_equal(fixture_count(f, &alice, "Older mail"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(path_limits),
		case_of(creating),
		case_of(names_are_unique),
		case_of(a_wrong_key),
		case_of(uid_validity_never_repeats),
		case_of(too_many),
		case_of(deleting),
		case_of(deleting_a_parent),
		case_of(deleting_what_is_subscribed),
		case_of(deleting_a_parent_interrupted),
		case_of(subscribing),
		case_of(renaming),
		case_of(renaming_refused),
		case_of(renaming_the_inbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
