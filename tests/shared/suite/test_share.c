/* Sharing mailboxes between accounts: names, rights, what guests have of their own. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"

#include "suite/check.h"
#include "suite/guest.h"
#include "suite/share_admin.h"

static struct id folder_of(struct fixture *f, const struct person *who, const char *path)
{
	const struct folders folders = fixture_folders(f, who);
	const struct folder *folder = folders_find(&folders, path);

	assert_non_null(folder);
	return folder->row.meta.id;
}

static void make(struct fixture *f, const struct person *who, const char *path)
{
	struct id id;

	good(folder_create(f->stack, &who->owner, who->key, path, 0, false, &id, WHY));
}

static void grant(struct fixture *f, const struct person *from, const char *path, const char *to,
                  uint32_t rights)
{
	const struct id mailbox = folder_of(f, from, path);
	struct id who;

	good(share_who(f->stack, slice_str(to), from->account.domain, f->arena, &who, WHY));
	good(share_set(f->stack, &from->owner, &mailbox, &who, ACL_SET, rights, WHY));
}

/* The names that a guest meets, with "-" before those it does not list, "(" before mere names. */
static const char *names(struct fixture *f, const struct person *guest, const char *path)
{
	const struct actor actor = share_guest(&guest->account.id, guest->account.domain);
	const char *text = "";
	struct shares shares;

	good(share_load(f->stack, &actor, path, f->arena, &shares, WHY));
	for (size_t i = 0; i < shares.n; i++) {
		const struct share *share = &shares.list[i];

		text = arena_printf(f->arena, "%s%s%s%s", text, *text ? " " : "",
		                    !share->owner                ? "("
		                    : share->rights & ACL_LOOKUP ? ""
		                                                 : "-",
		                    share->folder.path);
		assert_ptr_equal(shares_find(&shares, share->folder.path), share);
	}
	shares_done(&shares);
	return text;
}

static void test_names(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org"), eve;

	fixture_domain(f, "example.net");
	eve = fixture_person(f, "eve@example.net");
	assert_string_equal(names(f, &bob, NULL), "");
	make(f, &alice, "Work/Plans/Old");
	grant(f, &alice, "Work/Plans/Old", "bob@example.org", ACL_LOOKUP | ACL_READ);
	grant(f, &alice, "INBOX", "BOB@example.org", ACL_READ);
	assert_string_equal(names(f, &bob, NULL),
	                    "(Shared (Shared/alice@example.org -Shared/alice@example.org/INBOX "
	                    "(Shared/alice@example.org/Work (Shared/alice@example.org/Work/Plans "
	                    "Shared/alice@example.org/Work/Plans/Old");
	assert_string_equal(names(f, &bob, "Shared/eve@example.net/INBOX"), "");
	assert_string_equal(names(f, &eve, NULL), "");
	grant(f, &alice, "Sent", "anyone", ACL_LOOKUP);
	assert_string_equal(names(f, &alice, NULL), ""); /* her own is no share */
	assert_string_equal(names(f, &eve, NULL), "");   /* of her domain, that is */
	grant(f, &alice, "INBOX", "bob@example.org", 0);
	grant(f, &alice, "Work/Plans/Old", "bob@example.org", 0);
	assert_string_equal(names(f, &bob, NULL),
	                    "(Shared (Shared/alice@example.org Shared/alice@example.org/Sent");
	grant(f, &alice, "Trash", "eve@example.net", ACL_LOOKUP);
	assert_string_equal(names(f, &eve, "Shared/alice@example.org/Trash"),
	                    "(Shared (Shared/alice@example.org Shared/alice@example.org/Trash");
}

static void test_who(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	const char *name;
	struct id who;

	bad(FAULT_NOT_FOUND,
	    share_who(f->stack, SLICE("nobody@example.org"), "example.org", f->arena, &who, WHY));
	good(share_who(f->stack, SLICE("alice@EXAMPLE.org"), "example.org", f->arena, &who, WHY));
	assert_true(id_eq(&who, &alice.account.id));
	good(share_name(f->stack, &who, "example.org", f->arena, &name, WHY));
	assert_string_equal(name, "alice@example.org");
	good(share_who(f->stack, SLICE("anyone"), "example.org", f->arena, &who, WHY));
	good(share_name(f->stack, &who, "example.org", f->arena, &name, WHY));
	assert_string_equal(name, "anyone");
	who = id_new();
	good(share_name(f->stack, &who, "example.org", f->arena, &name, WHY));
	assert_null(name);
	assert_true(share_is_shared_name("Shared/x") && share_is_shared_name("Public"));
	assert_false(share_is_shared_name("Sharedx") || share_is_shared_name("shared/x"));
}

static void test_public(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org"), news = { 0 };
	const struct account_new new = { .address = SLICE("news@example.org"), .is_public = true };
	struct account there;

	(void)alice; /* made the domain */
	good(account_create(f->stack, &fixture_by, &new, f->arena, &news.account, WHY));
	good(account_unlock(f->stack, &news.account, &news.key, WHY));
	news.owner = (struct actor){ ACTOR_OWNER, news.account.id };
	there = fixture_get(f, &news.account.id);
	assert_true(there.is_public && !there.password.argon[0]);
	bad(FAULT_INPUT,
	    account_set_password(f->stack, &fixture_by, &news.account.id, SLICE("correct horse"), WHY));
	grant(f, &news, "INBOX", "anyone", ACL_LOOKUP | ACL_READ);
	assert_string_equal(names(f, &bob, NULL), "(Public (Public/news Public/news/INBOX");
	account_key_unref(news.key);
}

static void test_seen(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	const struct id mailbox = folder_of(f, &alice, "INBOX"), other = folder_of(f, &alice, "Sent");
	struct guest_mark mark;
	struct uid_set some;
	struct id *list;
	size_t n;

	uid_set_init(&some);
	uid_set_add_range(&some, 5, 9);
	good(guest_mark_get(f->stack, &bob.account.id, &mailbox, &mark, WHY));
	assert_true(uid_set_is_empty(&mark.seen) && !mark.subscribed);
	good(guest_mark_see(f->stack, &bob.account.id, &mailbox, 7, &some, NULL, &mark, WHY));
	assert_int_equal(uid_set_count(&mark.seen), 5);
	guest_mark_done(&mark);
	good(guest_mark_subscribe(f->stack, &bob.account.id, &mailbox, true, WHY));
	good(guest_mark_subscribe(f->stack, &bob.account.id, &other, true, WHY));
	good(guest_mark_subscribe(f->stack, &bob.account.id, &other, false, WHY));
	good(guest_subscriptions(f->stack, &bob.account.id, f->arena, &list, &n, WHY));
	assert_int_equal(n, 1);
	assert_true(id_eq(list, &mailbox));
	uid_set_done(&some);
	uid_set_init(&some);
	uid_set_add(&some, 6);
	good(guest_mark_see(f->stack, &bob.account.id, &mailbox, 7, NULL, &some, &mark, WHY));
	assert_true(mark.subscribed && uid_set_count(&mark.seen) == 4 && !uid_set_has(&mark.seen, 6));
	guest_mark_done(&mark);
	/* other UIDs: what was seen was something else */
	good(guest_mark_see(f->stack, &bob.account.id, &mailbox, 8, &some, NULL, &mark, WHY));
	assert_int_equal(uid_set_count(&mark.seen), 1);
	guest_mark_done(&mark);
	uid_set_done(&some);
	good(guest_mark_get(f->stack, &alice.account.id, &mailbox, &mark, WHY));
	assert_true(uid_set_is_empty(&mark.seen) && !mark.subscribed);
	guest_mark_done(&mark);
}

static size_t count_marks(struct fixture *f)
{
	static const struct actor admin = { .kind = ACTOR_ADMIN };
	const struct record_query query = { .collection = COLL_GUESTS, .index = -1, .limit = 100 };
	struct record *records;
	size_t n;

	good(record_find(f->stack->store, &admin, &query, f->arena, &records, &n, WHY));
	return n;
}

static void test_deleted(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	struct person carol = fixture_person(f, "carol@example.org");
	struct sweep_result result;
	struct folders folders;
	struct id shared;

	make(f, &alice, "Shared with both");
	shared = folder_of(f, &alice, "Shared with both");
	grant(f, &alice, "Shared with both", "bob@example.org", ACL_ALL);
	grant(f, &alice, "Shared with both", "carol@example.org", ACL_ALL);
	good(guest_mark_subscribe(f->stack, &bob.account.id, &shared, true, WHY));
	good(guest_mark_subscribe(f->stack, &carol.account.id, &shared, true, WHY));
	assert_int_equal(count_marks(f), 2);
	good(account_delete(f->stack, &fixture_by, &bob.account.id, WHY));
	assert_int_equal(count_marks(f), 1);
	folders = fixture_folders(f, &alice);
	assert_int_equal(folders_find(&folders, "Shared with both")->row.meta.n_acl, 1);
	good(sweep_run(f->stack, 0, false, NULL, NULL, &result, WHY));
	assert_int_equal(count_marks(f), 1);
	good(folder_delete(f->stack, &alice.owner, alice.key, "Shared with both", WHY));
	good(sweep_run(f->stack, 0, true, NULL, NULL, &result, WHY));
	assert_int_equal(result.guests_removed, 1);
	assert_int_equal(count_marks(f), 1);
	good(sweep_run(f->stack, 0, false, NULL, NULL, &result, WHY));
	assert_int_equal(count_marks(f), 0);
}

/* What an operator sees and sets. */
static const char *shown(struct fixture *f, const struct person *who)
{
	const char *text = "";
	struct folder **list;
	size_t n;

	good(share_admin_list(f->stack, &who->account, f->arena, &list, &n, WHY));
	for (size_t i = 0; i < n; i++)
		text = arena_printf(f->arena, "%s%s:%zu ", text, list[i]->path, list[i]->row.meta.n_acl);
	return text;
}

static void test_operator(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	static const struct {
		const char *path, *who;
		uint32_t rights;
		enum fault fault;
		const char *shown;
	} steps[] = {
		{ "Sent", "anyone", ACL_LOOKUP, FAULT_NONE, "Sent:1 " },
		{ "inbox", "bob@example.org", ACL_READ, FAULT_NONE, "INBOX:1 Sent:1 " },
		{ "Sent", "bob@example.org", ACL_READ, FAULT_NONE, "INBOX:1 Sent:2 " },
		{ "Sent", "anyone", 0, FAULT_NONE, "INBOX:1 Sent:1 " },
		{ "Sent", "alice@example.org", ACL_READ, FAULT_INPUT, "INBOX:1 Sent:1 " },
		{ "Sent", "nobody@example.org", ACL_READ, FAULT_NOT_FOUND, "INBOX:1 Sent:1 " },
		{ "Sent", "no address", ACL_READ, FAULT_NOT_FOUND, "INBOX:1 Sent:1 " },
		{ "Nothing", "bob@example.org", ACL_READ, FAULT_NOT_FOUND, "INBOX:1 Sent:1 " },
		{ "a//b", "bob@example.org", ACL_READ, FAULT_INPUT, "INBOX:1 Sent:1 " },
	};

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		assert_int_equal(share_admin_set(f->stack, &fixture_by, &alice.account, steps[i].path,
		                                 steps[i].who, steps[i].rights, WHY),
		                 steps[i].fault);
		assert_string_equal(shown(f, &alice), steps[i].shown);
	}
	assert_string_equal(names(f, &bob, NULL),
	                    "(Shared (Shared/alice@example.org -Shared/alice@example.org/INBOX "
	                    "-Shared/alice@example.org/Sent");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(test_names), case_of(test_who),     case_of(test_public),
		case_of(test_seen),  case_of(test_deleted), case_of(test_operator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
