/* Sharing: what an ACL grants a guest, call by call; and that it ends at once. */
#include "place.h"

#include "store/access.h"
#include "store/acl.h"

struct shared {
	struct store *store;
	struct arena *arena;
	struct id ann, bob, everyone, box;
	struct actor owner, guest; /* guest: bob in ann's box */
	uint64_t version;
};

static void share_begin(struct shared *s, struct place *place)
{
	s->store = open_store(place);
	s->arena = place->arena;
	s->ann = id_new();
	s->bob = id_new();
	s->everyone = acl_everyone(SLICE("example.org"));
	s->box = make_mailbox(s->store, &s->ann, "box");
	s->owner = owner_of(&s->ann);
	s->guest = (struct actor){ .kind = ACTOR_GUEST,
		                   .account = s->ann,
		                   .guest = s->bob,
		                   .everyone = s->everyone,
		                   .mailbox = s->box };
	s->version = 1;
}

static void grant_to(struct shared *s, const struct id *who, uint32_t rights)
{
	struct acl_entry acl = { *who, rights };
	struct mailbox_meta meta = {
		.id = s->box, .version = s->version++, .acl = &acl, .n_acl = rights != 0
	};

	assert_good(mailbox_set_acl(s->store, &s->owner, &meta, why));
}

static void grant(struct shared *s, uint32_t rights)
{
	grant_to(s, &s->bob, rights);
}

static size_t count_shared(struct shared *s)
{
	const struct actor anywhere = { .kind = ACTOR_GUEST, .guest = s->bob, .everyone = s->everyone };
	struct mailbox_row *rows;
	size_t n;

	assert_good(mailbox_shared(s->store, &anywhere, s->arena, &rows, &n, why));
	if (n == 1)
		assert_true(id_eq(&rows[0].meta.id, &s->box) && id_eq(&rows[0].meta.account, &s->ann));
	return n;
}

/* ---- the list ---- */

static void test_list(void **state)
{
	struct shared s;
	struct mailbox_row *rows, row;
	struct acl_entry acl[ACL_ENTRIES_MAX];
	struct mailbox_meta meta;
	size_t n;

	share_begin(&s, *state);
	make_mailbox(s.store, &s.ann, "other");
	assert_int_equal(count_shared(&s), 0);
	for (size_t i = 0; i < ACL_ENTRIES_MAX; i++)
		acl[i] =
		    (struct acl_entry){ i ? id_new() : s.bob, i ? ACL_ALL : ACL_LOOKUP | ACL_ADMINISTER };
	meta = (struct mailbox_meta){ .id = s.box, .version = 1, .acl = acl, .n_acl = ACL_ENTRIES_MAX };
	assert_good(mailbox_set_acl(s.store, &s.owner, &meta, why));
	assert_fault(FAULT_STALE, mailbox_set_acl(s.store, &s.owner, &meta, why));
	assert_int_equal(count_shared(&s), 1);
	assert_good(mailbox_list(s.store, &s.owner, &s.ann, s.arena, &rows, &n, why));
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		const struct mailbox_meta *it = &rows[i].meta;

		assert_int_equal(it->n_acl, id_eq(&it->id, &s.box) ? ACL_ENTRIES_MAX : 0);
		assert_int_equal(acl_rights(it, &s.bob, &s.everyone),
		                 id_eq(&it->id, &s.box) ? ACL_LOOKUP | ACL_ADMINISTER : 0);
	}
	/* a new name leaves the list alone, and makes what was read of it stale */
	meta =
	    (struct mailbox_meta){ .id = s.box, .version = 2, .name = SLICE("new"), .name_hash = id_new() };
	assert_good(mailbox_update(s.store, &s.owner, &meta, why));
	assert_good(mailbox_shared_one(s.store, &s.guest, &s.box, ACL_LOOKUP, s.arena, &row, why));
	assert_int_equal(row.meta.n_acl, ACL_ENTRIES_MAX);
	assert_int_equal(row.meta.version, 3);
	assert_fault(FAULT_STALE, mailbox_set_acl(s.store, &s.owner, &meta, why));
	meta.version = 3;
	assert_good(mailbox_set_acl(s.store, &s.owner, &meta, why)); /* nobody */
	assert_int_equal(count_shared(&s), 0);
	assert_good(mailbox_delete(s.store, &s.owner, &s.box, why));
	assert_fault(FAULT_NOT_FOUND, mailbox_set_acl(s.store, &s.owner, &meta, why));
}

static void test_create_with_list(void **state)
{
	struct shared s;
	struct mailbox_meta meta;
	struct acl_entry acl;

	share_begin(&s, *state);
	acl = (struct acl_entry){ s.bob, ACL_READ };
	meta = meta_of(&s.ann, "made shared");
	meta.acl = &acl;
	meta.n_acl = 1;
	assert_good(mailbox_create(s.store, &s.owner, &meta, 1, why));
	s.box = meta.id;
	assert_int_equal(count_shared(&s), 1);
	assert_good(mailbox_delete(s.store, &s.owner, &meta.id, why));
	assert_int_equal(count_shared(&s), 0);
}

static void test_everyone_and_deleted_accounts(void **state)
{
	struct shared s;
	struct mailbox_row row;
	struct mailbox_meta meta;

	share_begin(&s, *state);
	grant_to(&s, &s.everyone, ACL_LOOKUP);
	assert_int_equal(count_shared(&s), 1);
	assert_good(mailbox_shared_one(s.store, &s.guest, &s.box, ACL_LOOKUP, s.arena, &row, why));
	s.guest.everyone = acl_everyone(SLICE("elsewhere.org"));
	assert_fault(FAULT_NOT_FOUND,
	             mailbox_shared_one(s.store, &s.guest, &s.box, ACL_LOOKUP, s.arena, &row, why));
	grant(&s, ACL_ALL);
	assert_good(mailbox_shared_one(s.store, &s.guest, &s.box, ACL_ALL, s.arena, &row, why));
	assert_fault(FAULT_DENIED, mailbox_unshare(s.store, &s.owner, &s.bob, why));
	assert_good(mailbox_unshare(s.store, &as_admin, &s.bob, why));
	assert_fault(FAULT_NOT_FOUND,
	             mailbox_shared_one(s.store, &s.guest, &s.box, ACL_LOOKUP, s.arena, &row, why));
	assert_int_equal(count_shared(&s), 0);
	/* what somebody read before does not bring it back */
	meta = (struct mailbox_meta){ .id = s.box, .version = s.version };
	assert_fault(FAULT_STALE, mailbox_set_acl(s.store, &s.owner, &meta, why));
}

/* Two rights from two entries are as good as two from one. */
static void test_together(void **state)
{
	struct shared s;
	struct mailbox_row row;
	struct acl_entry acl[2];
	struct mailbox_meta meta;

	share_begin(&s, *state);
	acl[0] = (struct acl_entry){ s.bob, ACL_LOOKUP };
	acl[1] = (struct acl_entry){ s.everyone, ACL_READ };
	meta = (struct mailbox_meta){ .id = s.box, .version = 1, .acl = acl, .n_acl = 2 };
	assert_good(mailbox_set_acl(s.store, &s.owner, &meta, why));
	assert_good(mailbox_shared_one(s.store, &s.guest, &s.box, ACL_LOOKUP | ACL_READ, s.arena, &row, why));
	assert_fault(FAULT_NOT_FOUND,
	             mailbox_shared_one(s.store, &s.guest, &s.box, ACL_READ | ACL_SEEN, s.arena, &row, why));
}

/* ---- what each call takes ---- */

static enum fault do_look(struct shared *s, struct why *why)
{
	struct mailbox_log log;

	return mailbox_look(s->store, &s->guest, &s->box, s->arena, &log, why);
}

static enum fault do_news(struct shared *s, struct why *why)
{
	struct mailbox_news news;

	return mailbox_fetch_news(s->store, &s->guest, &s->box, 0, s->arena, &news, why);
}

static enum fault do_page(struct shared *s, struct why *why)
{
	struct page_row page;

	return mailbox_page_keys(s->store, &s->guest, &s->box, 0, s->arena, &page, why);
}

static enum fault append(struct shared *s, uint32_t flags, struct why *why)
{
	struct mailbox_append message = a_message(1, flags);
	struct mailbox_appended done;

	return mailbox_append(s->store, &s->guest, &s->box, &message, 1, &done, why);
}

static enum fault do_append(struct shared *s, struct why *why)
{
	return append(s, 0, why);
}

static enum fault do_append_flags(struct shared *s, struct why *why)
{
	return append(s, FLAG_SEEN | FLAG_DELETED | FLAG_DRAFT, why);
}

static enum fault edit(struct shared *s, struct mailbox_edit edit, struct why *why)
{
	struct mailbox_state *state = read_state(s->store, &s->owner, &s->box);
	struct mailbox_commit commit = {
		.mailbox = s->box, .if_modseq = state->head.modseq, .edits = &edit, .n_edits = 1
	};
	struct mailbox_head head;
	struct uid_set uids;
	enum fault fault;

	uid_set_init(&uids);
	uid_set_add(&uids, state->uid[0]);
	edit.uids = &uids;
	if (edit.expunge) {
		edit.messages = -1;
		edit.unseen = -!(state->flags[0] & FLAG_SEEN);
		edit.bytes = -(int64_t)state->size[0];
	}
	fault = mailbox_commit(s->store, &s->guest, &commit, &head, why);
	uid_set_done(&uids);
	mailbox_state_free(state);
	return fault;
}

static enum fault do_touch(struct shared *s, struct why *why)
{
	return edit(s, (struct mailbox_edit){ .op = FLAGS_ADD }, why);
}

static enum fault do_flag(struct shared *s, struct why *why)
{
	return edit(s, (struct mailbox_edit){ .op = FLAGS_ADD, .flags = FLAG_FLAGGED }, why);
}

static enum fault do_keyword(struct shared *s, struct why *why)
{
	return edit(s, (struct mailbox_edit){ .op = FLAGS_REMOVE, .keywords = 1 }, why);
}

static enum fault do_delete_flag(struct shared *s, struct why *why)
{
	return edit(s, (struct mailbox_edit){ .op = FLAGS_REMOVE, .flags = FLAG_DELETED }, why);
}

static enum fault do_set_flags(struct shared *s, struct why *why)
{
	return edit(s, (struct mailbox_edit){ .op = FLAGS_SET }, why);
}

static enum fault do_expunge(struct shared *s, struct why *why)
{
	return edit(s, (struct mailbox_edit){ .expunge = true }, why);
}

static enum fault do_new_keyword(struct shared *s, struct why *why)
{
	const struct mailbox_commit commit = { .mailbox = s->box,
		                               .keywords = &SLICE("sealed"),
		                               .n_keywords = 1 };
	struct mailbox_head head;

	return mailbox_commit(s->store, &s->guest, &commit, &head, why);
}

static enum fault do_make_below(struct shared *s, struct why *why)
{
	struct mailbox_meta meta = meta_of(&s->ann, "below");

	meta.parent = s->box;
	meta.name_hash = id_new();
	return mailbox_create(s->store, &s->guest, &meta, 1, why);
}

static enum fault do_set_acl(struct shared *s, struct why *why)
{
	struct acl_entry acl = { s->bob, ACL_ALL };
	struct mailbox_meta meta = { .id = s->box, .version = s->version, .acl = &acl, .n_acl = 1 };
	enum fault fault = mailbox_set_acl(s->store, &s->guest, &meta, why);

	s->version += !fault;
	return fault;
}

static enum fault do_rename(struct shared *s, struct why *why)
{
	struct mailbox_meta meta = meta_of(&s->ann, "renamed");
	enum fault fault;

	meta.id = s->box;
	meta.version = s->version;
	meta.parent = s->box; /* that it makes no sense is not the store's to know */
	fault = mailbox_update(s->store, &s->guest, &meta, why);
	s->version += !fault;
	return fault;
}

static enum fault do_content(struct shared *s, struct why *why)
{
	struct record record;
	enum fault fault =
	    record_get(s->store, &s->guest, COLL_CONTENTS, id_slice(&s->ann), false, s->arena, &record, why);

	assert_true(fault || access_names(&record, &s->ann));
	return fault;
}

static enum fault do_put_content(struct shared *s, struct why *why)
{
	const struct id content = id_new();
	const struct record record = { .key = id_slice(&content),
		                       .accounts = id_slice(&s->ann),
		                       .value = SLICE("x") };

	return record_put(s->store, &s->guest, COLL_CONTENTS, &record, why);
}

static enum fault do_take_content(struct shared *s, struct why *why)
{
	return contents_add_account(s->store, &s->guest, &s->ann, 1, &s->bob, s->arena, why);
}

static const struct {
	const char *name;
	enum fault (*act)(struct shared *, struct why *);
	uint32_t needs;
} acts[] = {
	{ "look", do_look, ACL_READ },
	{ "news", do_news, ACL_READ },
	{ "page", do_page, ACL_READ },
	{ "append", do_append, ACL_INSERT },
	{ "append with flags", do_append_flags, ACL_INSERT | ACL_SEEN | ACL_DELETE | ACL_WRITE },
	{ "touch", do_touch, ACL_SEEN },
	{ "flag", do_flag, ACL_WRITE },
	{ "keyword", do_keyword, ACL_WRITE },
	{ "\\Deleted", do_delete_flag, ACL_DELETE },
	{ "set flags", do_set_flags, ACL_SEEN | ACL_DELETE | ACL_WRITE },
	{ "expunge", do_expunge, ACL_EXPUNGE },
	{ "new keyword", do_new_keyword, ACL_WRITE },
	{ "make below", do_make_below, ACL_CREATE },
	{ "set acl", do_set_acl, ACL_ADMINISTER },
	{ "content", do_content, ACL_READ },
	{ "put content", do_put_content, ACL_INSERT },
	{ "take content", do_take_content, ACL_READ },
	{ "rename", do_rename, ACL_DELETE_BOX | ACL_CREATE },
};

static void test_rights(void **state)
{
	struct record content = { .value = SLICE("content") };
	struct shared s;

	share_begin(&s, *state);
	content.key = id_slice(&s.ann);
	content.accounts = id_slice(&s.ann);
	assert_good(record_put(s.store, &s.owner, COLL_CONTENTS, &content, why));
	append_some(s.store, &s.owner, &s.box, 40);
	assert_good(mailbox_fold(s.store, &s.owner, &s.box, NULL, why));
	for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
		struct why why;
		enum fault fault;

		grant(&s, 0);
		assert_int_equal(acts[i].act(&s, &why), FAULT_NOT_FOUND);
		/* all but one of those it takes */
		for (uint32_t right = 1; right <= ACL_ALL; right <<= 1) {
			if (!(acts[i].needs & right))
				continue;
			grant(&s, ACL_ALL & ~right);
			fault = acts[i].act(&s, &why);
			if (fault != FAULT_NOT_FOUND)
				fail_msg("%s without %x: %s", acts[i].name, right, fault_name(fault));
		}
		grant(&s, acts[i].needs);
		fault = acts[i].act(&s, &why);
		if (fault)
			fail_msg("%s: %s: %s", acts[i].name, fault_name(fault), why.text);
	}
}

static void test_never(void **state)
{
	struct shared s;
	struct mailbox_meta meta;
	struct record_query query = { .collection = COLL_CONTENTS, .index = -1, .limit = 1 };
	struct mailbox_row *rows;
	struct record *records, record;
	const struct mailbox_head head = { .recent_uid = 1, .uid_next = 2 };
	size_t n;

	share_begin(&s, *state);
	grant(&s, ACL_ALL);
	assert_fault(FAULT_DENIED, mailbox_take_recent(s.store, &s.guest, &s.box, &head, why));
	assert_fault(FAULT_DENIED, mailbox_list(s.store, &s.guest, &s.ann, s.arena, &rows, &n, why));
	meta = meta_of(&s.ann, "top");
	assert_fault(FAULT_DENIED, mailbox_create(s.store, &s.guest, &meta, 1, why));
	assert_fault(FAULT_DENIED, record_find(s.store, &s.guest, &query, s.arena, &records, &n, why));
	assert_fault(FAULT_DENIED,
	             record_del(s.store, &s.guest, COLL_CONTENTS, id_slice(&s.ann), RECORD_ANY, why));
	assert_fault(FAULT_DENIED, record_get(s.store, &s.guest, COLL_ACCOUNTS, id_slice(&s.ann), false,
	                                      s.arena, &record, why));
	/* nor as what he is himself */
	s.owner = owner_of(&s.bob);
	meta = (struct mailbox_meta){ .id = s.box, .version = s.version };
	assert_fault(FAULT_NOT_FOUND, mailbox_set_acl(s.store, &s.owner, &meta, why));
	assert_fault(FAULT_DENIED, mailbox_shared(s.store, &s.owner, s.arena, &rows, &n, why));
	/* nor in the name of another owner */
	s.guest.account = s.bob;
	assert_int_equal(do_look(&s, &(struct why){ "" }), FAULT_NOT_FOUND);
	s.guest.account = s.ann;
	assert_good(mailbox_delete(s.store, &s.guest, &s.box, why));
}

/* ---- contents of two accounts ---- */

static void test_add_account(void **state)
{
	struct shared s;
	struct id contents[3] = { id_new(), id_new(), id_new() }, twice[3];
	struct actor bob;
	struct record record;

	share_begin(&s, *state);
	bob = owner_of(&s.bob);
	for (size_t i = 0; i < 2; i++) {
		const struct record content = { .key = id_slice(&contents[i]),
			                        .accounts = id_slice(&s.ann),
			                        .value = SLICE("sealed"),
			                        .body = SLICE("body") };

		assert_good(record_put(s.store, &s.owner, COLL_CONTENTS, &content, why));
	}
	assert_fault(FAULT_NOT_FOUND, contents_add_account(s.store, &bob, contents, 1, &s.bob, s.arena, why));
	twice[0] = contents[1];
	twice[1] = contents[0];
	twice[2] = contents[1];
	assert_good(contents_add_account(s.store, &s.owner, twice, 3, &s.bob, s.arena, why));
	assert_good(contents_add_account(s.store, &s.owner, twice, 3, &s.bob, s.arena, why)); /* again */
	assert_good(
	    record_get(s.store, &bob, COLL_CONTENTS, id_slice(&contents[1]), true, s.arena, &record, why));
	assert_int_equal(record.accounts.len, 2 * sizeof(struct id));
	assert_true(slice_eq(record.value, SLICE("sealed")) && slice_eq(record.body, SLICE("body")));
	assert_good(record_get(s.store, &s.owner, COLL_CONTENTS, id_slice(&contents[0]), false, s.arena,
	                       &record, why));
	assert_fault(FAULT_NOT_FOUND,
	             contents_add_account(s.store, &s.owner, contents, 3, &s.bob, s.arena, why));
	assert_good(contents_add_account(s.store, &s.owner, contents, 0, &s.bob, s.arena, why));
}

const struct CMUnitTest share_cases[] = {
	CASE(test_list),        CASE(test_create_with_list), CASE(test_everyone_and_deleted_accounts),
	CASE(test_together),    CASE(test_rights),           CASE(test_never),
	CASE(test_add_account),
};
const size_t n_share_cases = ARRAY_LEN(share_cases);
