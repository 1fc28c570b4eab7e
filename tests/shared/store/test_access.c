/* The table of who may do what, said a second time: a change must be made in both places. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/access.h"
#include "store/queue.h"
#include "store/record.h"

#define KINDS 6

static const struct id account = { { 1 } }, other = { { 2 } };

/* Two letters a kind, reading and writing: '-' none, 'o' own, 'A' all. SYSTEM ADMIN OWNER DELIVERY QUEUE GUEST: 'g' what
 * is granted. */
static const struct {
	enum collection collection;
	const char *name, *rights;
} records[] = {
	{ COLL_SETTINGS, "settings", "AA AA A- A- A- --" },
	{ COLL_DOMAINS, "domains", "AA AA A- A- A- --" },
	{ COLL_ACCOUNTS, "accounts", "AA AA oo A- A- --" },
	{ COLL_ADDRESSES, "addresses", "AA AA o- A- A- --" },
	{ COLL_TOKENS, "tokens", "AA AA oo -- -- --" },
	{ COLL_AUDIT, "audit", "AA AA oo -o -o --" },
	{ COLL_CONTENTS, "contents", "AA -- oo -o AA gg" },
	{ COLL_TIMELINE, "timeline", "AA AA -- -A -- --" },
	{ COLL_GUESTS, "guests", "AA AA oo -- -- --" },
	{ COLL_METADATA, "metadata", "AA AA oo -- -- --" },
	{ COLL_URL_KEYS, "url_keys", "AA AA oo -- -- --" },
};

/* A letter a kind. */
static const struct {
	enum access_act act;
	const char *rights;
} acts[] = {
	{ ACT_MAILBOX_NAME, "AAo--g" },    { ACT_MAILBOX_SHARE, "AAo--g" },  { ACT_MAILBOX_SHARED, "-----A" },
	{ ACT_MAILBOX_UNSHARE, "AA----" }, { ACT_MAILBOX_LIST, "AAoo--" },   { ACT_MAILBOX_APPEND, "A-oo-g" },
	{ ACT_MAILBOX_CHANGE, "A-o--g" },  { ACT_MAILBOX_RECENT, "A-o---" }, { ACT_MAILBOX_READ, "A-oo-g" },
	{ ACT_MAILBOX_FOLD, "A-oo-g" },    { ACT_QUEUE_PUT, "A-oAA-" },      { ACT_QUEUE_WORK, "A---A-" },
	{ ACT_QUEUE_OPERATE, "AAo-A-" },   { ACT_QUEUE_SEE, "AAo-A-" },      { ACT_MAILBOX_MOVES, "A-----" },
};

static enum access access_of(char letter)
{
	return letter == 'A'   ? ACCESS_ALL
	       : letter == 'o' ? ACCESS_OWN
	       : letter == 'g' ? ACCESS_GRANTED
	                       : ACCESS_NONE;
}

static void check_record(const struct actor *actor, enum collection collection, bool write, enum access want)
{
	struct why why = { "" };

	assert_int_equal(access_record(actor, collection, write), want);
	assert_int_equal(access_check_record(actor, collection, write, &why),
	                 want == ACCESS_NONE ? FAULT_DENIED : FAULT_NONE);
	assert_int_equal(why.text[0] != '\0', want == ACCESS_NONE);
}

static void test_records(void **state)
{
	(void)state;
	assert_int_equal(ARRAY_LEN(records), COLL_COUNT);
	for (size_t i = 0; i < ARRAY_LEN(records); i++) {
		assert_string_equal(collection_name(records[i].collection), records[i].name);
		for (int kind = 0; kind < KINDS; kind++) {
			struct actor actor = { (enum actor_kind)kind, account, .guest = other },
			             nobody = { (enum actor_kind)kind, { { 0 } } };

			for (int write = 0; write < 2; write++) {
				enum access want = access_of(records[i].rights[3 * kind + write]);

				check_record(&actor, records[i].collection, write, want);
				/* what is its own only, without saying whose, is nothing */
				check_record(&nobody, records[i].collection, write,
				             want != ACCESS_ALL ? ACCESS_NONE : want);
			}
		}
	}
}

static void test_acts(void **state)
{
	(void)state;
	assert_int_equal(ARRAY_LEN(acts), ACT_COUNT);
	for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
		for (int kind = 0; kind < KINDS; kind++) {
			struct actor actor = { (enum actor_kind)kind, account, .guest = other },
			             nobody = { (enum actor_kind)kind, { { 0 } } };
			enum access want = access_of(acts[i].rights[kind]);
			struct why why = { "" };

			assert_int_equal(access_act(&actor, acts[i].act), want);
			assert_int_equal(access_check_act(&actor, acts[i].act, &why),
			                 want == ACCESS_NONE ? FAULT_DENIED : FAULT_NONE);
			assert_int_equal(access_act(&nobody, acts[i].act),
			                 want != ACCESS_ALL ? ACCESS_NONE : want);
		}
	}
}

static void test_walls(void **state)
{
	struct actor owner = { ACTOR_OWNER, account }, delivery = { ACTOR_DELIVERY, account };
	struct actor admin = { ACTOR_ADMIN, { { 0 } } }, admin_of = { ACTOR_ADMIN, account };
	struct actor queue = { ACTOR_QUEUE, { { 0 } } };
	struct actor guest = { ACTOR_GUEST, account, .guest = other, .needs = 5 }, inside;

	(void)state;
	assert_ptr_equal(wall_record(&owner, COLL_CONTENTS, false), &owner.account);
	assert_null(wall_record(&owner, COLL_SETTINGS, false));
	assert_ptr_equal(wall_record(&delivery, COLL_CONTENTS, true), &delivery.account);
	assert_null(
	    wall_record(&delivery, COLL_ADDRESSES, false)); /* a recipient's name is anybody's to look up */
	assert_null(wall_record(&admin_of, COLL_DOMAINS, true));
	assert_ptr_equal(wall_mailbox(&owner), &owner.account);
	assert_ptr_equal(wall_mailbox(&delivery), &delivery.account);
	assert_null(wall_mailbox(&admin));
	assert_ptr_equal(wall_mailbox(&admin_of), &admin_of.account);
	assert_ptr_equal(wall_mailbox(&guest), &guest.account);
	assert_ptr_equal(wall_record(&guest, COLL_CONTENTS, false), &guest.account);
	assert_int_equal(wall_rights(&guest), 5);
	assert_int_equal(wall_rights(&owner), 0);
	assert_int_equal(access_with(&guest, 9).needs, 9);
	assert_int_equal(access_with(&owner, 9).needs, 0);
	inside = access_inside(&guest);
	assert_int_equal(inside.kind, ACTOR_OWNER);
	assert_true(id_is_zero(&inside.guest));
	assert_null(wall_queue(&queue));
	assert_ptr_equal(wall_queue(&owner), &owner.account);
	assert_ptr_equal(wall_queue(&admin_of), &admin_of.account);
}

static void test_names(void **state)
{
	struct id both[2] = { other, account };
	uint8_t shifted[33] = { 0 };
	struct record record = { .accounts = slice_of(both, sizeof(both)) };

	(void)state;
	assert_true(access_names(&record, &account) && access_names(&record, &other));
	record.accounts = id_slice(&other);
	assert_false(access_names(&record, &account));
	record.accounts = (struct slice){ NULL, 0 };
	assert_false(access_names(&record, &account));
	memcpy(shifted + 1, account.raw, sizeof(account.raw)); /* only whole ids count */
	record.accounts = slice_of(shifted, sizeof(shifted) - 1);
	assert_false(access_names(&record, &account));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_acts),
		cmocka_unit_test(test_walls),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
