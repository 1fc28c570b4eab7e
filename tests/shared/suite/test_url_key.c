/* Keys that URLs are signed with: their tags hold, each for its own; sealed; revoked; gone with mailbox, account, sweep. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"

#include "suite/check.h"
#include "suite/url_key.h"

static const struct slice text = SLICE("imap://alice@mail.example.org/INBOX/;uid=20;urlauth=anonymous");

static struct url_key_place place_of(const struct person *who, const struct id *mailbox)
{
	return (struct url_key_place){ who->key, who->account.id, *mailbox };
}

static struct slice sign(struct fixture *f, const struct url_key_place *place)
{
	uint8_t *tag = arena_alloc(f->arena, URL_TAG_SIZE);

	good(url_key_sign(f->stack, place, text, tag, WHY));
	return slice_of(tag, URL_TAG_SIZE);
}

static size_t count(struct fixture *f)
{
	static const struct actor admin = { .kind = ACTOR_ADMIN };
	const struct record_query query = { .collection = COLL_URL_KEYS, .index = -1, .limit = 500 };
	struct record *records;
	size_t n;

	good(record_find(f->stack->store, &admin, &query, f->arena, &records, &n, WHY));
	return n;
}

static void test_tags(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	const struct url_key_place place = place_of(&alice, &alice.account.inbox);
	const struct url_key_place junk = place_of(&alice, &alice.account.junk);
	const struct slice none = slice_of(arena_zalloc(f->arena, URL_TAG_SIZE), URL_TAG_SIZE);
	struct slice tag;

	bad(FAULT_AUTH, url_key_check(f->stack, &place, text, none, WHY)); /* there is no key yet */
	assert_int_equal(count(f), 0);                                     /* and none is made for asking */
	tag = sign(f, &place);
	assert_int_equal(count(f), 1);
	assert_memory_equal(sign(f, &place).data, tag.data, URL_TAG_SIZE);
	good(url_key_check_made(f->stack, text, tag, WHY));
	good(url_key_check(f->stack, &place, text, tag, WHY));
	for (size_t i = 0; i < URL_TAG_SIZE; i++) {
		uint8_t *other = arena_alloc(f->arena, URL_TAG_SIZE);

		memcpy(other, tag.data, URL_TAG_SIZE);
		other[i] ^= 1;
		bad(FAULT_AUTH,
		    i < TAG_SIZE ? url_key_check_made(f->stack, text, slice_of(other, URL_TAG_SIZE), WHY)
		                 : url_key_check(f->stack, &place, text, slice_of(other, URL_TAG_SIZE), WHY));
	}
	for (size_t len = 0; len < URL_TAG_SIZE; len++) {
		bad(FAULT_AUTH, url_key_check_made(f->stack, text, slice_first(tag, len), WHY));
		bad(FAULT_AUTH, url_key_check(f->stack, &place, text, slice_first(tag, len), WHY));
	}
	bad(FAULT_AUTH, url_key_check_made(f->stack, SLICE("another"), tag, WHY));
	bad(FAULT_AUTH, url_key_check(f->stack, &place, SLICE("another"), tag, WHY));
	sign(f, &junk);
	bad(FAULT_AUTH, url_key_check(f->stack, &junk, text, tag, WHY));
}

static void test_whose(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	struct url_key_place own = place_of(&alice, &alice.account.inbox);
	const struct url_key_place guest = place_of(&bob, &alice.account.inbox);
	const struct slice tag = sign(f, &own), guests = sign(f, &guest);
	uint8_t none[URL_TAG_SIZE];

	bad(FAULT_AUTH, url_key_check(f->stack, &guest, text, tag, WHY));
	bad(FAULT_AUTH, url_key_check(f->stack, &own, text, guests, WHY));
	good(url_key_reset(f->stack, &own, WHY)); /* that leaves the guest's */
	bad(FAULT_AUTH, url_key_check(f->stack, &own, text, tag, WHY));
	good(url_key_check(f->stack, &guest, text, guests, WHY));
	own.key = bob.key; /* what is in the store opens with its own account's key alone */
	bad(FAULT_CORRUPT, url_key_sign(f->stack, &own, text, none, WHY));
}

static void test_revoked(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	const struct url_key_place places[] = { place_of(&alice, &alice.account.inbox),
		                                place_of(&alice, &alice.account.junk),
		                                place_of(&bob, &bob.account.inbox) };
	struct slice tags[3];

	for (size_t i = 0; i < 3; i++)
		tags[i] = sign(f, &places[i]);
	good(url_key_reset(f->stack, &places[0], WHY));
	bad(FAULT_AUTH, url_key_check(f->stack, &places[0], text, tags[0], WHY));
	good(url_key_check(f->stack, &places[1], text, tags[1], WHY));
	tags[0] = sign(f, &places[0]);
	for (int i = 0; i < 300; i++) { /* more than one batch of them */
		const struct id box = id_new();
		const struct url_key_place place = place_of(&alice, &box);

		good(url_key_reset(f->stack, &place, WHY));
	}
	good(url_key_reset_all(f->stack, &alice.account.id, WHY));
	assert_int_equal(count(f), 1);
	bad(FAULT_AUTH, url_key_check(f->stack, &places[0], text, tags[0], WHY));
	bad(FAULT_AUTH, url_key_check(f->stack, &places[1], text, tags[1], WHY));
	good(url_key_check(f->stack, &places[2], text, tags[2], WHY));
	sign(f, &places[0]); /* a new key, which is not the old one */
	bad(FAULT_AUTH, url_key_check(f->stack, &places[0], text, tags[0], WHY));
	good(url_key_check_made(f->stack, text, tags[0], WHY));
}

static void test_gone(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	struct sweep_result result;
	struct url_key_place place;
	struct id box, above;
	struct slice tag;

	good(folder_create(f->stack, &alice.owner, alice.key, "Above", 0, false, &above, WHY));
	good(folder_create(f->stack, &alice.owner, alice.key, "Above/Box", 0, false, &box, WHY));
	place = place_of(&alice, &above);
	tag = sign(f, &place);
	good(folder_delete(f->stack, &alice.owner, alice.key, "Above", WHY)); /* the name stays */
	bad(FAULT_AUTH, url_key_check(f->stack, &place, text, tag, WHY));
	place = place_of(&alice, &box);
	tag = sign(f, &place);
	good(folder_rename(f->stack, &alice.owner, alice.key, "Above/Box", "Box", WHY));
	good(url_key_check(f->stack, &place, text, tag, WHY));
	place = place_of(&bob, &box);
	sign(f, &place);
	good(folder_delete(f->stack, &alice.owner, alice.key, "Box", WHY));
	assert_int_equal(count(f), 1); /* the guest's */
	place = place_of(&bob, &bob.account.inbox);
	sign(f, &place);
	place = place_of(&alice, &alice.account.inbox);
	sign(f, &place);
	good(sweep_run(f->stack, 0, true, NULL, NULL, &result, WHY));
	assert_int_equal(result.url_keys_removed, 1);
	assert_int_equal(count(f), 3);
	good(sweep_run(f->stack, 0, false, NULL, NULL, &result, WHY));
	assert_int_equal(count(f), 2);
	good(account_delete(f->stack, &fixture_by, &bob.account.id, WHY));
	assert_int_equal(count(f), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(test_tags),
		case_of(test_whose),
		case_of(test_revoked),
		case_of(test_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
