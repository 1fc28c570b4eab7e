/* fsck (check.h): a whole store has no problems, and each kind of damage is found and named. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fsck_test.h"

/* ---- a whole one ---- */

static void a_whole_one(void **state)
{
	struct suite s;
	struct fsck_result result;

	build(&s, *state);
	for (int seals = 0; seals < 2; seals++) {
		result = check(&s, seals);
		assert_string_equal(arena_strz(s.f->arena, buf_slice(&s.lines)), "");
		assert_int_equal(result.problems, 0);
		assert_int_equal(result.accounts, 2);
		assert_int_equal(result.mailboxes, 14);
		assert_int_equal(result.messages, 4);
		assert_int_equal(result.queue_entries, 1);
		assert_int_equal(result.beside, 5);
		assert_int_equal(result.left_over, 0);
		assert_int_equal(result.seals_opened, 9);
	}
	buf_done(&s.lines);
}

/* Who holds no ring checks the rest. */
static void without_rings(void **state)
{
	struct fixture *f = *state;
	struct stack *whole = f->stack;
	struct fsck_result result;
	struct suite s;

	build(&s, f);
	f->stack = fixture_stack(f, 0);
	result = check(&s, true);
	assert_int_equal(result.problems, 0);
	assert_int_equal(result.messages, 4);
	assert_int_equal(result.seals_opened, 0);
	stack_close(f->stack);
	f->stack = whole;
	buf_done(&s.lines);
}

/* ---- damage ---- */

static void content_gone(struct suite *s)
{
	del(s, COLL_CONTENTS, id_slice(&s->inline_content));
}

static void content_not_theirs(struct suite *s)
{
	struct record record = get(s, COLL_CONTENTS, id_slice(&s->folded));

	record.accounts = id_slice(&s->bob.account.id);
	put(s, COLL_CONTENTS, &record);
}

static void summary_altered(struct suite *s)
{
	struct record record = get(s, COLL_CONTENTS, id_slice(&s->inline_content));

	record.value = altered(s, record.value, 1);
	put(s, COLL_CONTENTS, &record);
}

static void content_of_the_future(struct suite *s)
{
	struct record record = get(s, COLL_CONTENTS, id_slice(&s->inline_content));

	record.value = altered(s, record.value, record.value.len);
	put(s, COLL_CONTENTS, &record);
}

static void body_altered(struct suite *s)
{
	struct record record = get(s, COLL_CONTENTS, id_slice(&s->inline_content));

	record.body = altered(s, record.body, 1);
	put(s, COLL_CONTENTS, &record);
}

static void blob_gone(struct suite *s)
{
	good(blob_del(s->f->stack->blobs, &s->blob_content, WHY));
}

static void blob_cut(struct suite *s)
{
	struct buf bytes;

	buf_init(&bytes, BUF_NO_LIMIT);
	good(blob_get(s->f->stack->blobs, &s->blob_content, 0, 1000, &bytes, WHY));
	good(blob_del(s->f->stack->blobs, &s->blob_content, WHY));
	good(blob_put(s->f->stack->blobs, &s->blob_content, buf_slice(&bytes), WHY));
	buf_done(&bytes);
}

static void append(struct suite *s, uint32_t size, bool bobs_key)
{
	struct mailbox_state *from = fixture_state(s->f, &system_actor, &s->bob.account.inbox);
	struct mailbox_state *own = fixture_state(s->f, &system_actor, &s->alice.account.inbox);
	struct mailbox_append message = { .content = s->inline_content, .size = size };
	struct mailbox_appended appended;

	message.key = bobs_key ? from->key[0] : own->key[1];
	good(mailbox_append(s->f->stack->store, &system_actor, &s->alice.account.junk, &message, 1, &appended,
	                    WHY));
	mailbox_state_free(from);
	mailbox_state_free(own);
}

static void another_size(struct suite *s)
{
	append(s, 4711, false);
}

static void another_key(struct suite *s)
{
	append(s, sizeof(MESSAGE) - 1, true);
}

/* A change whose counts are wrong. */
static void wrong_counts(struct suite *s)
{
	struct mailbox_state *now = fixture_state(s->f, &system_actor, &s->alice.account.inbox);
	struct mailbox_edit edit = { .op = FLAGS_ADD, .flags = FLAG_SEEN, .unseen = -2 };
	struct mailbox_commit commit = {
		.mailbox = s->alice.account.inbox, .if_modseq = now->head.modseq, .edits = &edit, .n_edits = 1
	};
	struct mailbox_head head;
	struct uid_set uids;

	uid_set_init(&uids);
	uid_set_add(&uids, 2);
	edit.uids = &uids;
	good(mailbox_commit(s->f->stack->store, &s->alice.owner, &commit, &head, WHY));
	uid_set_done(&uids);
	mailbox_state_free(now);
}

static void page_spoilt(struct suite *s)
{
	struct store *store = s->f->stack->store;
	struct page_row row;

	good(mailbox_page_keys(store, &system_actor, &s->alice.account.inbox, 0, s->f->arena, &row, WHY));
	row.modseq += 1000;
	row.columns = SLICE("no columns");
	good(store->ops->pages_write(store, &system_actor, &s->alice.account.inbox, &row, 1, WHY));
}

static void keyword_spoilt(struct suite *s)
{
	const struct slice sealed = SLICE("not sealed");
	struct mailbox_commit commit = {
		.mailbox = s->alice.account.inbox, .keywords = &sealed, .n_keywords = 1, .if_keywords = 1
	};
	struct mailbox_head head;

	good(mailbox_commit(s->f->stack->store, &s->alice.owner, &commit, &head, WHY));
}

static void name_spoilt(struct suite *s)
{
	struct mailbox_meta meta = fixture_folder(s->f, &s->alice, "Deep/er")->row.meta;

	meta.name = altered(s, meta.name, 1);
	good(mailbox_update(s->f->stack->store, &s->alice.owner, &meta, WHY));
}

static void inbox_gone(struct suite *s)
{
	good(mailbox_delete(s->f->stack->store, &system_actor, &s->bob.account.inbox, WHY));
}

static void change_account(struct suite *s, const char *from, const char *to)
{
	struct record record = get(s, COLL_ACCOUNTS, id_slice(&s->bob.account.id));
	char *text = arena_strz(s->f->arena, record.value), *at = strstr(text, from);

	assert_non_null(at);
	*at = '\0';
	record.value = slice_str(arena_printf(s->f->arena, "%s%s%s", text, to, at + strlen(from)));
	put(s, COLL_ACCOUNTS, &record);
}

static void account_spoilt(struct suite *s)
{
	change_account(s, "\"inbox\"", "\"outbox\"");
}

static void account_no_json(struct suite *s)
{
	change_account(s, "{", "[");
}

static void account_key_spoilt(struct suite *s)
{
	change_account(s, "\"wrapped_key\":\"", "\"wrapped_key\":\"AAAA");
}

static void account_without_address(struct suite *s)
{
	change_account(s, "\"created\":1", "\"created\":");
	del(s, COLL_ADDRESSES, SLICE("bob@example.org"));
}

static void another_quota(struct suite *s)
{
	change_account(s, "\"quota\":0", "\"quota\":10");
}

static void another_inbox(struct suite *s)
{
	change_account(s, id_print(&s->bob.account.junk).text, id_print(&s->bob.account.inbox).text);
}

/* What stands behind "public_key": in an account's record. */
static const char *public_key_text(struct suite *s, const struct id *account)
{
	const struct record record = get(s, COLL_ACCOUNTS, id_slice(account));
	const char *at = strstr(arena_strz(s->f->arena, record.value), "\"public_key\":\"");

	assert_non_null(at);
	at += strlen("\"public_key\":\"");
	return arena_strz(s->f->arena, slice_of(at, strcspn(at, "\"")));
}

static void another_public_key(struct suite *s)
{
	change_account(s, public_key_text(s, &s->bob.account.id), public_key_text(s, &s->alice.account.id));
}

static void address_without_account(struct suite *s)
{
	del(s, COLL_ACCOUNTS, id_slice(&s->bob.account.id));
}

static void address_spoilt(struct suite *s)
{
	struct record record = get(s, COLL_ADDRESSES, SLICE("team@example.org"));

	record.value = SLICE("{\"kind\":\"nothing\"}");
	put(s, COLL_ADDRESSES, &record);
}

static void second_address(struct suite *s)
{
	struct record record = get(s, COLL_ADDRESSES, SLICE("bob@example.org"));

	record.key = SLICE("robert@example.org");
	put(s, COLL_ADDRESSES, &record);
}

static void address_elsewhere(struct suite *s)
{
	struct record record = get(s, COLL_ADDRESSES, SLICE("team@example.org"));

	record.key = SLICE("team@gone.example");
	record.index[0] = SLICE("gone.example");
	put(s, COLL_ADDRESSES, &record);
}

static void domain_takes_no_mail(struct suite *s)
{
	fixture_domain(s->f, "other.example");
	del(s, COLL_ADDRESSES, SLICE("@other.example"));
}

static void domain_spoilt(struct suite *s)
{
	struct record record = get(s, COLL_DOMAINS, SLICE("example.org"));

	record.value = SLICE("no json");
	put(s, COLL_DOMAINS, &record);
}

static void queued_content_gone(struct suite *s)
{
	del(s, COLL_CONTENTS, id_slice(&s->queued_content));
}

static void envelope_spoilt(struct suite *s)
{
	const struct queue_entry entry = {
		.id = id_new(),
		.content = s->queued_content,
		.domain = SLICE("example.net"),
		.created = 1,
		.due = 1,
		.state = SLICE("not sealed, but long enough to be an envelope, as it seems")
	};

	good(queue_put(s->f->stack->store, &system_actor, &entry, 1, WHY));
}

static void queue_key_spoilt(struct suite *s)
{
	struct record record = get(s, COLL_SETTINGS, SLICE("queue-key"));
	char *text = arena_strz(s->f->arena, record.value), *at = strstr(text, "\"wrapped_key\":\"");

	assert_non_null(at);
	at[strlen("\"wrapped_key\":\"") + 40] ^= 1;
	record.value = slice_str(text);
	put(s, COLL_SETTINGS, &record);
}

static const struct damage {
	const char *name;
	void (*plant)(struct suite *);
	bool seals; /* shows only when bodies are opened */
	const char *line;
} damages[] = {
	{ "content gone", content_gone, false, "alice@example.org: message 2 of mailbox " },
	{ "content of somebody else", content_not_theirs, false, "does not list the account that shows it" },
	{ "summary altered", summary_altered, false, "alice@example.org: message 2 of mailbox " },
	{ "content of another version", content_of_the_future, false, "has version 0" },
	{ "body altered", body_altered, true, "alice@example.org: message 2 of mailbox " },
	{ "blob gone", blob_gone, true, "alice@example.org: message 3 of mailbox " },
	{ "blob cut", blob_cut, true, "alice@example.org: message 3 of mailbox " },
	{ "another size", another_size, false, "the mailbox says 4711" },
	{ "a key of another account", another_key, false, "alice@example.org: message 1 of mailbox " },
	{ "wrong counts", wrong_counts, false, "its header counts 3 messages, 0 unseen" },
	{ "page spoilt", page_spoilt, false, "mailbox " },
	{ "keyword spoilt", keyword_spoilt, false, "its keywords: " },
	{ "name spoilt", name_spoilt, false, "alice@example.org: its folders: the name of mailbox " },
	{ "INBOX gone", inbox_gone, false, "bob@example.org: its INBOX is not there" },
	{ "account lacks a field", account_spoilt, false,
	  "the record of account bob@example.org lacks a field" },
	{ "account is no JSON", account_no_json, false, "an account in the store is not a JSON object" },
	{ "account's key spoilt", account_key_spoilt, false, "bob@example.org: the key of bob@example.org" },
	{ "account without address", account_without_address, false,
	  "bob@example.org: half made or half deleted" },
	{ "address says another quota", another_quota, false,
	  "bob@example.org: its address says other things" },
	{ "address leads to another INBOX", another_inbox, false,
	  "bob@example.org: its address leads to other mailboxes" },
	{ "address has another public key", another_public_key, false,
	  "bob@example.org: its address carries another public key" },
	{ "address without account", address_without_account, false,
	  "bob@example.org: there is no account behind" },
	{ "address spoilt", address_spoilt, false, "address team@example.org: " },
	{ "a second address", second_address, false,
	  "bob@example.org: the address robert@example.org leads to it" },
	{ "address in no domain", address_elsewhere, false, "team@gone.example: its domain is not here" },
	{ "domain without its address", domain_takes_no_mail, false, "domain other.example takes no mail" },
	{ "domain spoilt", domain_spoilt, false, "domain example.org: " },
	{ "queued content gone", queued_content_gone, false, "queue entry " },
	{ "envelope spoilt", envelope_spoilt, false, "queue entry " },
	{ "queue's key spoilt", queue_key_spoilt, false, "the queue's key: " },
};

/* Each one alone: found, named, and the rest is looked at all the same. */
static void damage_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(damages); i++) {
		const struct damage *damage = &damages[i];
		struct fsck_result result;
		const char *lines;
		struct suite s;

		print_message("%s\n", damage->name);
		build(&s, fixture_new());
		damage->plant(&s);
		result = check(&s, false);
		assert_int_equal(result.problems != 0, !damage->seals);
		result = check(&s, true);
		lines = arena_strz(s.f->arena, buf_slice(&s.lines));
		if (!strstr(lines, damage->line) || result.problems > 3)
			fail_msg("%s: wanted one line with \"%s\", got %llu:\n%s", damage->name, damage->line,
			         (unsigned long long)result.problems, lines);
		assert_true(result.accounts >= 1);
		assert_int_equal(result.queue_entries >= 1, true);
		buf_done(&s.lines);
		fixture_free(s.f);
	}
}

/* A young entry's content may be on its way; an account may be being made. */
static void what_is_under_way(void **state)
{
	const struct account_new new = { SLICE("carol@example.org"), SLICE(PASSWORD), SLICE(""), 0 };
	struct account account;
	struct suite s;
	struct id young;

	build(&s, *state);
	young = queue_mail(s.f, clock_now()).content;
	del(&s, COLL_CONTENTS, id_slice(&young));
	wire_on(s.f);
	wire_fail("", 3, 1000, FAULT_TEMP);
	bad(FAULT_TEMP, account_create(s.f->stack, &fixture_by, &new, s.f->arena, &account, WHY));
	wire_off(s.f);
	assert_int_equal(check(&s, true).problems, 0);
	buf_done(&s.lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(a_whole_one),
		case_of(without_rings),
		cmocka_unit_test(damage_is_found),
		case_of(what_is_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
