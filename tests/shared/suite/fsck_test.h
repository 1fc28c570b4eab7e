#ifndef TESTS_SHARED_SUITE_FSCK_TEST_H
#define TESTS_SHARED_SUITE_FSCK_TEST_H
/* What the tests of fsck share: a small suite with a bit of everything, and hands to damage it. */
#include "fixture.h"
#include "suite/check.h"
#include "suite/guest.h"
#include "suite/keyword.h"
#include "suite/metadata.h"
#include "suite/outgoing.h"
#include "suite/share.h"
#include "suite/url_key.h"

static const struct actor system_actor = { .kind = ACTOR_SYSTEM };

struct suite { /* a small one with a bit of everything */
	struct fixture *f;
	struct person alice, bob;
	struct id inline_content, blob_content, queued_content, folded;
	struct id shared; /* Alice's INBOX */
	struct buf lines;
};

static inline void on_problem(void *arg, const char *line)
{
	struct suite *s = arg;

	buf_printf(&s->lines, "%s\n", line);
}

static inline struct fsck_result check(struct suite *s, unsigned how)
{
	struct fsck_result result;

	buf_clear(&s->lines);
	good(fsck_run(s->f->stack, how, on_problem, NULL, s, &result, WHY));
	return result;
}

static inline struct sealed_message queue_mail(struct fixture *f, int64_t accepted)
{
	struct outgoing_recipient to = {
		.address = "x@example.net", .orcpt = "", .reply = "", .status = "", .host = ""
	};
	struct envelope_out envelope = {
		.from = "", .trace = "", .envid = "", .recipients = &to, .n = 1, .accepted = accepted
	};
	struct sealed_message sealed;

	good(message_seal(&f->conf, SLICE(MESSAGE), f->arena, &sealed, WHY));
	envelope.key = sealed.key;
	good(outgoing_put(f->stack, &sealed, &envelope, NULL, NULL, 0, f->arena, WHY));
	sealed_message_done(&sealed);
	return sealed;
}

static inline void add_keyword(struct fixture *f, const struct person *who)
{
	static const char *const names[] = { "work" };
	struct keywords keywords;
	struct mailbox_head head;

	good(keywords_ensure(f->stack, &who->owner, who->key, &who->account.inbox, names, 1, f->arena,
	                     &keywords, &head, WHY));
}

static inline void annotate(struct fixture *f, const struct person *who, const struct id *mailbox,
                            enum metadata_part part)
{
	const struct metadata_place place = { &who->owner, who->key, who->account.id, *mailbox, part };
	const struct metadata_entry entry = { SLICE("/private/comment"), SLICE("a comment") };
	const struct metadata_edit edit = { &entry, 1, 10 };

	good(metadata_change(f->stack, &place, &edit, WHY));
}

static inline uint32_t uid_validity_of(struct suite *s, const struct id *mailbox)
{
	struct mailbox_state *now = fixture_state(s->f, &system_actor, mailbox);
	const uint32_t uid_validity = now->head.uid_validity;

	mailbox_state_free(now);
	return uid_validity;
}

/* Alice shares a mailbox with Bob and with everyone, and both have something there: four records. */
static inline void share_mailbox(struct suite *s)
{
	struct fixture *f = s->f;
	const struct id everyone = acl_everyone(SLICE("example.org"));
	const struct url_key_place key = { s->bob.key, s->bob.account.id, s->shared };
	uint8_t tag[URL_TAG_SIZE];
	struct guest_mark mark;
	struct uid_set seen;

	good(share_set(f->stack, &s->alice.owner, &s->shared, &s->bob.account.id, ACL_SET,
	               ACL_LOOKUP | ACL_READ, WHY));
	good(share_set(f->stack, &s->alice.owner, &s->shared, &everyone, ACL_SET, ACL_LOOKUP, WHY));
	uid_set_init(&seen);
	good(guest_mark_see(f->stack, &s->bob.account.id, &s->shared, uid_validity_of(s, &s->shared), &seen,
	                    NULL, &mark, WHY));
	uid_set_done(&seen);
	guest_mark_done(&mark);
	annotate(f, &s->bob, &s->shared, METADATA_PRIVATE);
	annotate(f, &s->alice, &s->shared, METADATA_SHARED);
	good(url_key_sign(f->stack, &key, SLICE("a URL"), tag, WHY));
}

static inline void build(struct suite *s, struct fixture *f)
{
	static const struct id server = { { 0 } };
	static const char *const targets[] = { "alice@example.org", "x@example.net" };
	uint8_t *large = arena_alloc(f->arena, 200000);
	struct account_public queue;
	uint8_t generation;
	struct id unused;

	*s = (struct suite){ .f = f };
	buf_init(&s->lines, BUF_NO_LIMIT);
	rand_bytes(large, 200000);
	good(queue_public_key(f->stack, &queue, &generation, WHY));
	s->alice = fixture_alice(f);
	s->bob = fixture_person(f, "bob@example.org");
	good(alias_put(f->stack, NULL, SLICE("team@example.org"), targets, 2, RECORD_NEW, WHY));
	s->folded = fixture_deliver(f, &s->alice, &s->alice.account.inbox, SLICE(MESSAGE), FLAG_SEEN);
	good(mailbox_fold(f->stack->store, &system_actor, &s->alice.account.inbox, NULL, WHY));
	s->inline_content = fixture_deliver(f, &s->alice, &s->alice.account.inbox, SLICE(MESSAGE), 0);
	s->blob_content = fixture_deliver(f, &s->alice, &s->alice.account.inbox, slice_of(large, 200000), 0);
	(void)fixture_deliver(f, &s->bob, &s->bob.account.inbox, SLICE(MESSAGE), 0);
	good(folder_create(f->stack, &s->alice.owner, s->alice.key, "Deep/er", 0, true, &unused, WHY));
	add_keyword(f, &s->alice);
	s->shared = s->alice.account.inbox;
	share_mailbox(s);
	annotate(f, &s->alice, &server, METADATA_PRIVATE);
	s->queued_content = queue_mail(f, clock_now() - INT64_C(7200000)).content;
}

/* ---- hands ---- */

static inline struct record get(struct suite *s, enum collection collection, struct slice key)
{
	struct record record;

	good(record_get(s->f->stack->store, &system_actor, collection, key, true, s->f->arena, &record, WHY));
	return record;
}

static inline void put(struct suite *s, enum collection collection, struct record *record)
{
	record->version = RECORD_ANY;
	good(record_put(s->f->stack->store, &system_actor, collection, record, WHY));
}

static inline void del(struct suite *s, enum collection collection, struct slice key)
{
	good(record_del(s->f->stack->store, &system_actor, collection, key, RECORD_ANY, WHY));
}

/* One byte, `from_end` bytes before the end. */
static inline struct slice altered(struct suite *s, struct slice bytes, size_t from_end)
{
	uint8_t *copy = arena_alloc(s->f->arena, bytes.len);

	memcpy(copy, bytes.data, bytes.len);
	copy[bytes.len - from_end] ^= 1;
	return slice_of(copy, bytes.len);
}

#endif
