/* suite/signature.h: what is found in a message is always a candidate by its signature, and nothing else can be read of it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"
#include "mail/fold.h"
#include "mail/searchable.h"
#include "suite/signature.h"

#define ALICE "From: Bob <bob@far.test>\r\nTo: alice@example.org\r\n"

static const struct {
	const char *name, *message, *words[6];
} mails[] = {
	{ "plain",
	  ALICE "Subject: Quarterly report\r\n\r\nThe quick brown fox\r\n",
	  { "QUARTERLY", "quick brown", "bob@far", "subject: quar", "From: Bob" } },
	{ "encoded-words",
	  ALICE "Subject: =?iso-8859-1?Q?Gr=FC=DFe_aus?= =?utf-8?B?IEvDtmxu?=\r\n\r\nx\r\n",
	  { "Gr\xc3\xbc\xc3\x9f"
	    "e aus K\xc3\xb6ln",
	    "GRUSSE AUS KOLN" } },
	{ "as it may be typed",
	  ALICE
	  "Subject: \xc3\x86sir in \xc4\xb0stanbul\r\n\r\nthe \xef\xac\x81nal \xd0\xb9\xd0\xbe\xd0\xb4\r\n",
	  { "AESIR IN ISTANBUL", "THE FINAL \xd0\x98\xd0\x9e\xd0\x94", "\xc4\xb0stanbul" } },
	{ "quoted-printable in Latin-1",
	  ALICE "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: "
	        "quoted-printable\r\n\r\nSch=F6ne Gr=\r\n=FC=DFe\r\n",
	  { "Sch\xc3\xb6ne",
	    "Gr\xc3\xbc\xc3\x9f"
	    "e",
	    "charset=iso" } },
	{ "base64 HTML",
	  ALICE "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	        "PHA+SW52PGI+b2k8L2I+Y2UgJmF1bWw7JmFtcDs8L3A+\r\n",
	  { "invoice", "invoice \xc3\xa4&" } },
	{ "address with a comment",
	  "From: bob(the builder)@(far away)far.test\r\n\r\nx\r\n",
	  { "bob@far.test", "the builder" } },
	{ "parts and a message inside",
	  ALICE "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: "
	        "text/plain\r\n\r\nfirst part\r\n--b\r\nContent-Type: application/pdf; "
	        "name=bill.pdf\r\n\r\nattached\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: "
	        "forwarded\r\n\r\ninner text\r\n--b--\r\n",
	  { "first part", "bill.pdf", "forwarded", "inner text" } },
	{ "Chinese",
	  ALICE "Subject: \xe4\xbd\xa0\xe5\xa5\xbd\xe4\xb8\x96\xe7\x95\x8c\r\n\r\n\r\n",
	  { "\xe4\xbd\xa0\xe5\xa5\xbd", "\xe4\xb8\x96", "\xe7\x95\x8c" } },
};

static struct slice folded(struct arena *arena, struct slice text)
{
	struct buf out;
	struct slice kept;

	buf_init(&out, BUF_NO_LIMIT);
	fold_search(&out, text);
	kept = arena_copy(arena, buf_slice(&out));
	buf_done(&out);
	return kept;
}

static bool may_hold(const struct signature *signature, struct slice text)
{
	struct segment_row row = { 1, *signature };
	struct segment_query *query = segment_query_new(text);
	struct segment *segment = segment_new(&row, 1);
	uint64_t bits = 1;

	if (query)
		segment_ask(segment, query, &bits);
	segment_query_free(query);
	segment_unref(segment);
	return bits & 1;
}

/* Filed for her and loaded as a search does. */
static struct signature_wanted filed(struct fixture *f, const struct person *alice, struct slice text)
{
	struct signature_wanted wanted = { .content =
		                               fixture_deliver(f, alice, &alice->account.inbox, text, 0) };
	struct mailbox_state *state = fixture_state(f, &alice->owner, &alice->account.inbox);

	wanted.key = state->key[state->n - 1];
	mailbox_state_free(state);
	good(signatures_load(f->stack, &alice->owner, alice->key, &wanted, 1, f->arena, WHY));
	return wanted;
}

static void words_are_candidates(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);

	for (size_t i = 0; i < ARRAY_LEN(mails); i++) {
		const struct signature signature = filed(f, &alice, slice_str(mails[i].message)).ret;

		assert_in_range(signature.class, 1, SIGNATURE_CLASSES);
		for (size_t k = 0; k < ARRAY_LEN(mails[i].words) && mails[i].words[k]; k++)
			if (!may_hold(&signature, folded(f->arena, slice_str(mails[i].words[k]))))
				fail_msg("%s: %s is no candidate", mails[i].name, mails[i].words[k]);
		assert_false(may_hold(&signature, SLICE("XYLOPHONE-ZEBRA")));
	}
}

/* A header longer than what is kept beside the content: who sees only its beginning may see an encoded-word cut in two. */
static void beginnings_of_long_headers(void **state)
{
	static const char start[] = "X-Long: ", word[] = "=?utf-8?Q?encoded=20here?=";
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct slice cut = SLICE("=?UTF-8?Q?ENC");
	struct signature signature;
	struct buf text;

	buf_init(&text, BUF_NO_LIMIT);
	buf_adds(&text, start);
	while (text.len < SUMMARY_HEADER_MAX - cut.len)
		buf_addc(&text, ' ');
	buf_adds(&text, word);
	buf_adds(&text, "\r\n\r\nbody\r\n");
	signature = filed(f, &alice, buf_slice(&text)).ret;
	assert_in_range(signature.class, 1, SIGNATURE_CLASSES);
	assert_true(may_hold(&signature, cut));
	assert_true(may_hold(&signature, SLICE("ENCODED HERE")));
	assert_true(may_hold(&signature, SLICE("BODY")));
	buf_done(&text);
}

static void very_large_ones_always_are(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct buf text;

	buf_init(&text, BUF_NO_LIMIT);
	buf_adds(&text, ALICE "\r\n");
	while (text.len < SEARCHABLE_TEXT_MAX + 1000)
		buf_adds(&text, "the same again and again\r\n");
	assert_int_equal(filed(f, &alice, buf_slice(&text)).ret.class, 0);
	buf_done(&text);
}

/* Altered, of another message, cut, or none: as if there were none. What is made later is as what was made first. */
static void damaged_and_made_again(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct signature_wanted one = filed(f, &alice, slice_str(mails[0].message)),
	                        two = filed(f, &alice, slice_str(mails[1].message));
	const struct signature before = one.ret;
	struct slice keys[] = { id_slice(&one.content), id_slice(&two.content) }, sealed[2], bad_ones[3];
	struct signature_wanted both[2];
	size_t made;
	uint8_t *bytes;

	good(record_signatures(f->stack->store, &alice.owner, keys, 2, f->arena, sealed, WHY));
	bytes = arena_alloc(f->arena, sealed[0].len);
	memcpy(bytes, sealed[0].data, sealed[0].len);
	bytes[60] ^= 1;
	bad_ones[0] = slice_of(bytes, sealed[0].len);
	bad_ones[1] = sealed[1];
	bad_ones[2] = slice_first(sealed[0], 30);
	for (size_t i = 0; i < ARRAY_LEN(bad_ones); i++) {
		good(record_sign(f->stack->store, &alice.owner, keys, &bad_ones[i], 1, WHY));
		good(signatures_load(f->stack, &alice.owner, alice.key, &one, 1, f->arena, WHY));
		assert_int_equal(one.ret.class, SEGMENT_NONE);
		assert_true(one.damaged);
	}
	both[0] = one;
	both[1] = two;
	good(signatures_make(f->stack, &alice.owner, alice.key, both, 2, &made, WHY));
	assert_int_equal(made, 1); /* the other has one */
	both[1].ret.class = SEGMENT_NONE;
	both[1].content = id_new(); /* what is gone is passed over */
	good(signatures_make(f->stack, &alice.owner, alice.key, both, 2, &made, WHY));
	assert_int_equal(made, 1);
	good(signatures_load(f->stack, &alice.owner, alice.key, &one, 1, f->arena, WHY));
	assert_false(one.damaged);
	assert_int_equal(one.ret.class, before.class);
	assert_true(slice_eq(one.ret.bits, before.bits));
}

/* Of before there were texts without marks in them: good until they are made anew, and then they are of today. */
static void old_ones_are_made_again(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct signature_wanted wanted = filed(f, &alice, slice_str(mails[0].message)), other = wanted;
	struct slice key = id_slice(&wanted.content), sealed;
	struct content_key content;
	struct buf plain, out;
	size_t made;

	buf_init(&plain, SIGNATURE_MAX);
	buf_init(&out, SIGNATURE_MAX + SEAL_SMALL_EXTRA);
	buf_add_u8(&plain, 1);
	buf_add_u8(&plain, wanted.ret.class);
	buf_add_slice(&plain, wanted.ret.bits);
	good(content_key_open(alice.key, &wanted.content, &wanted.key, &content, WHY));
	seal_small(&content, SEAL_SIGNATURE, buf_slice(&plain), &out);
	sealed = buf_slice(&out);
	good(record_sign(f->stack->store, &alice.owner, &key, &sealed, 1, WHY));
	good(signatures_load(f->stack, &alice.owner, alice.key, &other, 1, f->arena, WHY));
	assert_true(other.ret.old);
	assert_false(other.damaged);
	assert_true(may_hold(&other.ret, SLICE("QUICK BROWN")));
	assert_false(signature_is_made(&other));
	good(signatures_make(f->stack, &alice.owner, alice.key, &other, 1, &made, WHY));
	assert_int_equal(made, 1);
	good(signatures_load(f->stack, &alice.owner, alice.key, &other, 1, f->arena, WHY));
	assert_true(signature_is_made(&other));
	assert_true(slice_eq(other.ret.bits, wanted.ret.bits)); /* it was ASCII: the same */
	buf_done(&plain);
	buf_done(&out);
}

/* Who has the store sees a size, and the same text sealed twice has nothing in common but that. */
static void tells_its_size_alone(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	struct signature_wanted wanted[2];
	struct slice keys[2], sealed[2];
	size_t same = 0;

	for (int i = 0; i < 2; i++) {
		wanted[i] = filed(f, &alice, slice_str(mails[5].message));
		keys[i] = id_slice(&wanted[i].content);
	}
	good(record_signatures(f->stack->store, &alice.owner, keys, 2, f->arena, sealed, WHY));
	assert_int_equal(sealed[0].len, SEAL_SMALL_EXTRA + 2 + signature_bits(wanted[0].ret.class) / 8);
	assert_int_equal(sealed[1].len, sealed[0].len);
	for (size_t i = 0; i < sealed[0].len; i++)
		same += sealed[0].data[i] == sealed[1].data[i];
	assert_true(same < sealed[0].len / 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(words_are_candidates),       case_of(beginnings_of_long_headers),
		case_of(very_large_ones_always_are), case_of(damaged_and_made_again),
		case_of(tells_its_size_alone),       case_of(old_ones_are_made_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
