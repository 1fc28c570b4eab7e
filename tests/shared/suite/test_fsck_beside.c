/* fsck (check.h) beside mailboxes: each kind of damage is found, named and taken away; what is left over is no problem. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fsck_test.h"

static struct sweep_result sweep(struct suite *s, bool dry_run)
{
	struct sweep_result result;

	good(sweep_run(s->f->stack, INT64_C(3600000), dry_run, NULL, NULL, &result, WHY));
	return result;
}

/* ---- damage ---- */

static struct slice key_of(struct suite *s, const struct id *mailbox, const struct id *whose)
{
	const struct id key[] = { *mailbox, *whose };

	return arena_copy(s->f->arena, slice_of(key, sizeof(key)));
}

static struct slice bobs(struct suite *s)
{
	return key_of(s, &s->shared, &s->bob.account.id);
}

static void alter(struct suite *s, enum collection collection, struct slice key, size_t from_end)
{
	struct record record = get(s, collection, key);

	record.value = altered(s, record.value, from_end);
	put(s, collection, &record);
}

static void guest_spoilt(struct suite *s)
{
	struct record record = get(s, COLL_GUESTS, bobs(s));

	alter(s, COLL_GUESTS, bobs(s), record.value.len); /* its version */
}

static void guest_cut(struct suite *s)
{
	struct record record = get(s, COLL_GUESTS, bobs(s));

	record.value.len--;
	put(s, COLL_GUESTS, &record);
}

static void guest_of_the_future(struct suite *s)
{
	struct guest_mark mark;
	struct uid_set seen;

	uid_set_init(&seen);
	uid_set_add(&seen, 4);
	good(guest_mark_see(s->f->stack, &s->bob.account.id, &s->shared, uid_validity_of(s, &s->shared),
	                    &seen, NULL, &mark, WHY));
	uid_set_done(&seen);
	guest_mark_done(&mark);
}

static void guest_of_another(struct suite *s)
{
	struct record record = get(s, COLL_GUESTS, bobs(s));

	record.accounts = id_slice(&s->alice.account.id);
	put(s, COLL_GUESTS, &record);
}

static void guest_misfiled(struct suite *s)
{
	struct record record = get(s, COLL_GUESTS, bobs(s));

	record.index[0] = id_slice(&s->alice.account.id);
	put(s, COLL_GUESTS, &record);
}

static void guest_of_no_name(struct suite *s)
{
	struct record record = get(s, COLL_GUESTS, bobs(s));

	del(s, COLL_GUESTS, record.key);
	record.key = SLICE("no ids");
	put(s, COLL_GUESTS, &record);
}

static void metadata_altered(struct suite *s)
{
	alter(s, COLL_METADATA, bobs(s), 1);
}

/* Sealed by who may, but no list of entries. */
static void metadata_spoilt(struct suite *s)
{
	struct record record = get(s, COLL_METADATA, bobs(s));
	struct buf sealed;

	buf_init(&sealed, BUF_NO_LIMIT);
	account_seal(s->bob.key, "metadata", record.key, SLICE("\1\7entries?"), &sealed);
	record.value = buf_slice(&sealed);
	put(s, COLL_METADATA, &record);
	buf_done(&sealed);
}

static void metadata_of_another_mailbox(struct suite *s)
{
	static const struct id shared = { { 0 } };
	struct record record = get(s, COLL_METADATA, key_of(s, &s->shared, &shared));

	del(s, COLL_METADATA, record.key);
	record.key = key_of(s, &s->bob.account.inbox, &shared);
	record.index[1] = id_slice(&s->bob.account.inbox);
	put(s, COLL_METADATA, &record);
}

static void url_key_altered(struct suite *s)
{
	alter(s, COLL_URL_KEYS, bobs(s), 1);
}

static void url_key_long(struct suite *s)
{
	struct record record = get(s, COLL_URL_KEYS, bobs(s));
	struct buf sealed;

	buf_init(&sealed, BUF_NO_LIMIT);
	account_seal(s->bob.key, "url-key", record.key, SLICE("a key that is longer than keys of URLs are"),
	             &sealed);
	record.value = buf_slice(&sealed);
	put(s, COLL_URL_KEYS, &record);
	buf_done(&sealed);
}

static void url_key_of_server(struct suite *s)
{
	static const struct id server = { { 0 } };
	struct record record = get(s, COLL_URL_KEYS, bobs(s));

	del(s, COLL_URL_KEYS, record.key);
	record.key = key_of(s, &server, &s->bob.account.id);
	record.index[1] = id_slice(&server);
	put(s, COLL_URL_KEYS, &record);
}

static void granted_to_nobody(struct suite *s)
{
	const struct id nobody = id_new();

	good(share_set(s->f->stack, &s->alice.owner, &s->shared, &nobody, ACL_SET, ACL_LOOKUP, WHY));
}

static void granted_to_another_domain(struct suite *s)
{
	const struct id everyone = acl_everyone(SLICE("example.net"));

	good(share_set(s->f->stack, &s->alice.owner, &s->shared, &everyone, ACL_SET, ACL_LOOKUP, WHY));
}

static void granted_what_is_not(struct suite *s)
{
	const struct acl_entry acl = { s->bob.account.id, ACL_ALL + 1 };
	struct mailbox_meta meta = fixture_folder(s->f, &s->alice, "INBOX")->row.meta;

	meta.acl = &acl;
	meta.n_acl = 1;
	good(mailbox_set_acl(s->f->stack->store, &s->alice.owner, &meta, WHY));
}

static const struct damage {
	const char *name;
	void (*plant)(struct suite *);
	const char *line;
} damages[] = {
	{ "a guest's record spoilt", guest_spoilt,
	  "a guest's record does not parse; fsck --drop takes it away, and all is unseen again" },
	{ "a guest's record cut", guest_cut, "bob@example.org: what a guest has seen of mailbox " },
	{ "a guest has seen what never was", guest_of_the_future,
	  "it has seen messages that there never were" },
	{ "a guest's record is somebody else's", guest_of_another, "what a guest has seen of mailbox " },
	{ "a guest's record is filed elsewhere", guest_misfiled,
	  "it is not whose, or not where, its name says" },
	{ "a guest's record of another key", guest_of_no_name, "what a guest has seen of mailbox " },
	{ "metadata altered", metadata_altered, "bob@example.org: metadata of mailbox " },
	{ "metadata spoilt", metadata_spoilt, "metadata do not parse" },
	{ "metadata of another's mailbox", metadata_of_another_mailbox, "the mailbox is another account's" },
	{ "URL key altered", url_key_altered, "RESETKEY makes another" },
	{ "URL key too long", url_key_long, "bob@example.org: the key of URLs of mailbox " },
	{ "URL key of no mailbox", url_key_of_server, "the key of URLs of mailbox 0000" },
};

/* One problem, and none once it is taken away; the sweeper leaves it alone. */
static void damage_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		const struct damage *damage = &damages[i];
		const char *lines;
		struct suite s;

		print_message("%s\n", damage->name);
		build(&s, fixture_new());
		damage->plant(&s);
		(void)sweep(&s, false);
		assert_int_equal(check(&s, 0).problems, 1);
		assert_int_equal(check(&s, FSCK_SEALS).problems, 1);
		lines = arena_strz(s.f->arena, buf_slice(&s.lines));
		if (!strstr(lines, damage->line))
			fail_msg("%s: wanted \"%s\", got %s", damage->name, damage->line, lines);
		assert_int_equal(check(&s, FSCK_DROP).dropped, 1);
		assert_non_null(strstr(arena_strz(s.f->arena, buf_slice(&s.lines)), "; it is taken away"));
		assert_int_equal(check(&s, 0).problems, 0);
		assert_int_equal(check(&s, FSCK_DROP).beside, 4);
		buf_done(&s.lines);
		fixture_free(s.f);
	}
}

static size_t grants(struct suite *s)
{
	return fixture_folder(s->f, &s->alice, "INBOX")->row.meta.n_acl;
}

static void grants_to_nobody(void **state)
{
	static void (*const plants[])(struct suite *) = { granted_to_nobody, granted_to_another_domain };
	struct suite s;

	build(&s, *state);
	for (size_t i = 0; i < ARRAY_LEN(plants); i++) {
		plants[i](&s);
		assert_int_equal(check(&s, 0).problems, 1);
		assert_non_null(strstr(arena_strz(s.f->arena, buf_slice(&s.lines)),
		                       "which is no account; sweep ends that"));
		assert_int_equal(sweep(&s, true).grants_removed, 1);
		assert_int_equal(grants(&s), 3);
		assert_int_equal(sweep(&s, false).grants_removed, 1);
		assert_int_equal(grants(&s), 2); /* Bob and everyone have theirs */
		assert_int_equal(check(&s, 0).problems, 0);
	}
	assert_int_equal(sweep(&s, false).grants_removed, 0);
	granted_what_is_not(&s);
	assert_int_equal(check(&s, 0).problems, 1);
	assert_non_null(strstr(arena_strz(s.f->arena, buf_slice(&s.lines)),
	                       "rights that there are not (800); share it anew"));
	buf_done(&s.lines);
}

static uint64_t left_over(struct suite *s)
{
	const struct fsck_result result = check(s, FSCK_DROP);

	assert_int_equal(result.problems, 0);
	assert_int_equal(result.dropped, 0);
	return result.left_over;
}

/* Guests' records stay when a mailbox is deleted, all of an account's when its end is interrupted: for the sweeper. */
static void left_for_the_sweeper(void **state)
{
	struct sweep_result swept;
	struct suite s;

	build(&s, *state);
	assert_int_equal(left_over(&s), 0);
	(void)sweep(&s, false);
	assert_int_equal(check(&s, 0).beside, 5);
	s.shared = fixture_folder(s.f, &s.alice, "Deep/er")->row.meta.id;
	share_mailbox(&s);
	assert_int_equal(check(&s, 0).beside, 9);
	good(folder_delete(s.f->stack, &s.alice.owner, s.alice.key, "Deep/er", WHY));
	assert_int_equal(left_over(&s), 3); /* Bob's; Alice's own is gone */
	swept = sweep(&s, true);
	assert_int_equal(swept.guests_removed, 1);
	assert_int_equal(swept.metadata_removed, 1);
	assert_int_equal(swept.url_keys_removed, 1);
	assert_int_equal(left_over(&s), 3);
	(void)sweep(&s, false);
	assert_int_equal(left_over(&s), 0);
	assert_int_equal(check(&s, 0).beside, 5);
	buf_done(&s.lines);
}

static void without_an_account(void **state)
{
	struct suite s;

	build(&s, *state);
	del(&s, COLL_ACCOUNTS, id_slice(&s.bob.account.id));
	assert_int_equal(check(&s, 0).left_over, 3);
	(void)sweep(&s, false);
	assert_int_equal(check(&s, 0).left_over, 0);
	assert_int_equal(check(&s, 0).beside, 2);
	buf_done(&s.lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(damage_is_found),
		case_of(grants_to_nobody),
		case_of(left_for_the_sweeper),
		case_of(without_an_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
