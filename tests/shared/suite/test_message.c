/* message.h: from plaintext to the store and back, in the record and in a blob. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "fixture.h"
#include "mail/mime.h"

static const struct actor queue_actor = { .kind = ACTOR_QUEUE };

/* Text that does not compress well, in lines; `len` bytes of body. */
static struct slice big_message(struct fixture *f, size_t len)
{
	static const char header[] = "From: a@b.example\r\nSubject: big\r\n\r\n";
	uint8_t *text = arena_alloc(f->arena, sizeof(header) - 1 + len);
	uint64_t x = 1;

	memcpy(text, header, sizeof(header) - 1);
	for (size_t i = 0; i < len; i++) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
		text[sizeof(header) - 1 + i] = (uint8_t)(' ' + (x >> 57) % 94);
	}
	return slice_of(text, sizeof(header) - 1 + len);
}

/* Sealed, stored for alice and filed in her INBOX; as she reads it. */
struct stored {
	struct person alice;
	struct id content;
	struct record record;
	struct wrapped_key key;
};

static struct stored store(struct fixture *f, struct slice text)
{
	struct stored s = { .alice = fixture_alice(f) };
	struct mailbox_state *state;

	s.content = fixture_deliver(f, &s.alice, &s.alice.account.inbox, text, 0);
	state = fixture_state(f, &s.alice.owner, &s.alice.account.inbox);
	assert_int_equal(state->n, 1);
	assert_true(id_eq(&state->content[0], &s.content));
	s.key = state->key[0];
	mailbox_state_free(state);
	good(record_get(f->stack->store, &s.alice.owner, COLL_CONTENTS, id_slice(&s.content), true, f->arena,
	                &s.record, WHY));
	return s;
}

static struct message open_it(struct fixture *f, const struct stored *s)
{
	struct message message;

	good(message_open(s->alice.key, &s->record, &s->key, f->arena, &message, WHY));
	return message;
}

static void reads(struct fixture *f, const struct stored *s, struct message *message, struct slice text)
{
	static const struct {
		const char *name;
		uint64_t offset, len;
	} cases[] = {
		{ "all", 0, UINT64_MAX },
		{ "the first byte", 0, 1 },
		{ "nothing", 5, 0 },
		{ "the end of a piece", SEAL_PIECE - 1, 1 },
		{ "across two pieces", SEAL_PIECE - 10, 20 },
		{ "a whole piece", SEAL_PIECE, SEAL_PIECE },
		{ "across three", SEAL_PIECE - 1, SEAL_PIECE + 2 },
		{ "past the end", UINT64_MAX - 5, 10 },
	};
	struct buf out;

	buf_init(&out, BUF_NO_LIMIT);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice wanted =
		    slice_first(slice_from(text, (size_t)cases[i].offset), (size_t)cases[i].len);

		print_message("%s\n", cases[i].name);
		buf_clear(&out);
		good(message_read(f->stack, &s->alice.owner, message, cases[i].offset, cases[i].len, f->arena,
		                  &out, WHY));
		assert_int_equal(out.len, wanted.len);
		if (wanted.len)
			assert_memory_equal(out.data, wanted.data, wanted.len);
	}
	buf_done(&out);
}

static void in_the_record(void **state)
{
	struct fixture *f = *state;
	struct slice text = SLICE(MESSAGE);
	struct stored s = store(f, text);
	struct message message = open_it(f, &s);
	struct record bare;

	assert_false(message.in_blob);
	assert_int_equal(message.size, text.len);
	assert_true(message.received > clock_now() - 60000 && message.received <= clock_now());
	assert_true(slice_find(s.record.body, SLICE("Hello")) < 0);
	assert_true(slice_find(s.record.value, SLICE("bob@")) < 0);
	reads(f, &s, &message, text);

	/* the record was read without its body: it is read again */
	good(record_get(f->stack->store, &s.alice.owner, COLL_CONTENTS, id_slice(&s.content), false, f->arena,
	                &bare, WHY));
	assert_null(bare.body.data);
	s.record = bare;
	message = open_it(f, &s);
	reads(f, &s, &message, text);
}

static void in_a_blob(void **state)
{
	struct fixture *f = *state;
	struct slice text = big_message(f, 3 * SEAL_PIECE + 100);
	struct stored s = store(f, text);
	struct message message = open_it(f, &s);

	assert_true(message.in_blob);
	assert_null(s.record.body.data);
	reads(f, &s, &message, text);
}

/* What compresses well is small, whatever its size was. */
static void a_large_one_in_the_record(void **state)
{
	struct fixture *f = *state;
	struct slice text = big_message(f, 4 * SEAL_PIECE);
	struct message message;
	struct stored s;

	memset((uint8_t *)(uintptr_t)text.data + 50, 'a', text.len - 50);
	s = store(f, text);
	message = open_it(f, &s);
	assert_false(message.in_blob);
	assert_true(s.record.body.len < 10000);
	reads(f, &s, &message, text);
}

static void an_empty_one(void **state)
{
	struct fixture *f = *state;
	struct stored s = store(f, SLICE(""));
	struct message message = open_it(f, &s);
	struct message_summary summary;

	assert_int_equal(message.size, 0);
	reads(f, &s, &message, SLICE(""));
	good(message_summary(&message, f->arena, &summary, WHY));
	assert_int_equal(summary.header.len, 0);
}

/* Where a body goes is the configuration's to say. */
static void the_border(void **state)
{
	struct fixture *f = *state;
	struct arena *arena = f->arena;
	struct sealed_message sealed;
	struct slice text = big_message(f, 1000);

	good(message_seal(&f->conf, text, arena, &sealed, WHY));
	f->conf.inline_max = (int64_t)sealed.body.len;
	sealed_message_done(&sealed);
	good(message_seal(&f->conf, text, arena, &sealed, WHY));
	assert_null(sealed.blob.data);
	assert_int_equal(sealed.record.body.len, f->conf.inline_max);
	sealed_message_done(&sealed);
	f->conf.inline_max--;
	good(message_seal(&f->conf, text, arena, &sealed, WHY));
	assert_null(sealed.record.body.data);
	assert_int_equal(sealed.blob.len, f->conf.inline_max + 1);
	sealed_message_done(&sealed);
	f->conf.inline_max = 0;
	good(message_seal(&f->conf, SLICE(""), arena, &sealed, WHY));
	assert_non_null(sealed.blob.data);
	sealed_message_done(&sealed);
}

/* ---- the summary ---- */

static void summaries(void **state)
{
	static const char text[] = "From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
	                           "--x\r\nContent-Type: text/html\r\n\r\nbody\r\n--x--\r\n";
	struct fixture *f = *state;
	struct stored s = store(f, slice_str(text));
	struct message message = open_it(f, &s);
	struct message_summary summary;
	struct mime mime;
	const struct mime_part *leaf;

	good(message_summary(&message, f->arena, &summary, WHY));
	assert_false(summary.header_cut);
	assert_int_equal(summary.header.len, strstr(text, "--x") - text);
	assert_memory_equal(summary.header.data, text, summary.header.len);
	good(mime_unpack(summary.structure, f->arena, &mime, WHY));
	assert_int_equal(mime.root->n_children, 1);
	leaf = mime.root->children;
	assert_true(slice_is(leaf->subtype, "html"));
	assert_int_equal(leaf->body, strstr(text, "body") - text);
}

static void a_long_header(void **state)
{
	struct fixture *f = *state;
	char *text = arena_zalloc(f->arena, 100001);
	struct message_summary summary;
	struct message message;
	struct stored s;

	for (size_t i = 0; i < 1000; i++)
		memcpy(text + i * 100,
		       "X-Long: "
		       "7890123456789012345678901234567890123456789012345678901234567890123456789012345678901"
		       "234567\r\n",
		       100);
	s = store(f, slice_str(text));
	message = open_it(f, &s);
	good(message_summary(&message, f->arena, &summary, WHY));
	assert_true(summary.header_cut);
	assert_int_equal(summary.header.len, SUMMARY_HEADER_MAX);
	assert_memory_equal(summary.header.data, text, SUMMARY_HEADER_MAX);
}

/* Many small parts: kept, or refused as too large; never more than fits a record. */
static void many_parts(void **state)
{
	struct fixture *f = *state;
	struct sealed_message sealed;
	struct buf text;
	enum fault fault;

	for (int hostile = 0; hostile < 2; hostile++) {
		buf_init(&text, BUF_NO_LIMIT);
		buf_adds(&text, "Content-Type: multipart/mixed; boundary=x\r\n\r\n");
		for (int i = 0; i < 20000; i++) {
			struct id_text noise;
			struct id id = id_new();

			noise = id_print(&id);
			buf_adds(&text, "--x\r\n");
			for (int k = 0; k < 8 && hostile; k++)
				buf_printf(&text, "Content-Description: %s%s%s%s\r\n", noise.text, noise.text,
				           noise.text, noise.text + k);
			if (hostile)
				buf_printf(&text, "Content-ID: <%s@%d>\r\nContent-Location: %s\r\n",
				           noise.text, i, noise.text);
			buf_adds(&text, "\r\n\r\n");
		}
		fault = message_seal(&f->conf, buf_slice(&text), f->arena, &sealed, WHY);
		assert_true(!fault || fault == FAULT_TOO_BIG);
		assert_true(hostile || !fault);
		if (!fault) {
			assert_true(sealed.record.value.len <= RECORD_VALUE_MAX);
			sealed_message_done(&sealed);
		}
		buf_done(&text);
	}
}

/* ---- who may open it ---- */

static void wrong_keys(void **state)
{
	struct fixture *f = *state;
	struct stored s = store(f, SLICE(MESSAGE));
	struct account_key *other = account_key_new(1);
	struct content_key content_key;
	struct message_summary summary;
	struct message message;
	struct wrapped_key key = s.key;
	struct buf out;

	bad(FAULT_CORRUPT, message_open(other, &s.record, &s.key, f->arena, &message, WHY));
	key.raw[7] ^= 1;
	bad(FAULT_CORRUPT, message_open(s.alice.key, &s.record, &key, f->arena, &message, WHY));
	key = s.key;
	key.kind = WRAPPED_NONE;
	bad(FAULT_CORRUPT, message_open(s.alice.key, &s.record, &key, f->arena, &message, WHY));

	content_key_new(&content_key);
	good(message_open_with(&content_key, &s.record, f->arena, &message, WHY));
	bad(FAULT_CORRUPT, message_summary(&message, f->arena, &summary, WHY));
	buf_init(&out, 1000);
	bad(FAULT_CORRUPT, message_read(f->stack, &s.alice.owner, &message, 0, 100, f->arena, &out, WHY));
	buf_done(&out);
	account_key_unref(other);
}

/* Every byte of what is stored is altered once: it opens no more, or says the same. */
static void tampered_record(void **state)
{
	struct fixture *f = *state;
	struct stored s = store(f, SLICE(MESSAGE));
	struct slice parts[] = { s.record.value, s.record.body };
	unsigned refused = 0, same = 0;

	for (size_t part = 0; part < ARRAY_LEN(parts); part++) {
		for (size_t at = 0; at < parts[part].len; at++) {
			struct arena *arena = arena_new();
			struct record record = s.record;
			uint8_t *copy = arena_alloc(arena, parts[part].len);
			struct message_summary summary;
			struct message message;
			struct buf out;
			enum fault fault;

			memcpy(copy, parts[part].data, parts[part].len);
			copy[at] ^= 0x41;
			*(part ? &record.body : &record.value) = slice_of(copy, parts[part].len);
			buf_init(&out, 1000);
			fault = message_open(s.alice.key, &record, &s.key, arena, &message, WHY);
			if (!fault)
				fault = message_summary(&message, arena, &summary, WHY);
			if (!fault)
				fault = message_read(f->stack, &s.alice.owner, &message, 0, UINT64_MAX, arena,
				                     &out, WHY);
			if (fault) {
				refused++;
			} else { /* "received", in clear, and "in blob" when it only gets another true */
				same++;
				assert_int_equal(out.len, strlen(MESSAGE));
				assert_memory_equal(out.data, MESSAGE, out.len);
			}
			buf_done(&out);
			arena_free(arena);
		}
	}
	assert_int_equal(same, 8);
	assert_int_equal(refused, parts[0].len + parts[1].len - 8);
}

static void cut_record(void **state)
{
	struct fixture *f = *state;
	struct stored s = store(f, SLICE(MESSAGE));
	struct record whole = s.record;
	struct message message;
	struct buf out;

	for (size_t len = 0; len < whole.value.len; len++) {
		s.record.value = slice_first(whole.value, len);
		bad(FAULT_CORRUPT, message_open(s.alice.key, &s.record, &s.key, f->arena, &message, WHY));
	}
	s.record = whole;
	s.record.body = slice_first(whole.body, whole.body.len - 1);
	message = open_it(f, &s);
	buf_init(&out, 1000);
	bad(FAULT_CORRUPT, message_read(f->stack, &s.alice.owner, &message, 0, 100, f->arena, &out, WHY));
	s.record.key = slice_first(whole.key, 3);
	bad(FAULT_CORRUPT, message_open(s.alice.key, &s.record, &s.key, f->arena, &message, WHY));
	buf_done(&out);
}

static void tampered_blob(void **state)
{
	struct fixture *f = *state;
	struct slice text = big_message(f, 3 * SEAL_PIECE);
	struct stored s = store(f, text);
	struct message message = open_it(f, &s);
	struct buf blob, out;

	buf_init(&blob, BUF_NO_LIMIT);
	buf_init(&out, BUF_NO_LIMIT);
	good(blob_get(f->stack->blobs, &s.content, 0, seal_layout_total(&message.layout), &blob, WHY));
	good(blob_del(f->stack->blobs, &s.content, WHY));
	bad(FAULT_NOT_FOUND, message_read(f->stack, &s.alice.owner, &message, 0, 10, f->arena, &out, WHY));
	blob.data[blob.len - 5] ^= 1; /* in the last piece */
	good(blob_put(f->stack->blobs, &s.content, buf_slice(&blob), WHY));
	good(message_read(f->stack, &s.alice.owner, &message, 0, 10, f->arena, &out, WHY));
	bad(FAULT_CORRUPT,
	    message_read(f->stack, &s.alice.owner, &message, text.len - 10, 10, f->arena, &out, WHY));
	good(blob_del(f->stack->blobs, &s.content, WHY));
	good(blob_put(f->stack->blobs, &s.content, slice_first(buf_slice(&blob), blob.len / 2), WHY));
	bad(FAULT_CORRUPT,
	    message_read(f->stack, &s.alice.owner, &message, text.len - 10, 10, f->arena, &out, WHY));
	buf_done(&blob);
	buf_done(&out);
}

/* ---- storing and filing ---- */

/* Blob, record, mailbox: each is on stable storage before the next one names it. */
static void order_of_writes(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	const char *commit = arena_printf(f->arena, "commit %s\n", id_print(&alice.account.inbox).text);

	wire_on(f);
	(void)fixture_deliver(f, &alice, &alice.account.inbox, SLICE(MESSAGE), 0);
	assert_string_equal(wire_log(f), arena_printf(f->arena, "put contents\n%s", commit));
	(void)fixture_deliver(f, &alice, &alice.account.inbox, big_message(f, 200000), 0);
	assert_string_equal(wire_log(f), arena_printf(f->arena, "blob\nput contents\n%s", commit));
	wire_off(f);
}

struct delivery {
	struct sealed_message sealed;
	struct filing filing;
};

static struct delivery delivery_of(struct fixture *f, const struct person *to, struct slice text)
{
	struct delivery d = { .filing = { .account = to->account.id,
		                          .mailbox = to->account.inbox,
		                          .public_key = &to->account.public_key,
		                          .generation = 1,
		                          .internal_date = 1 } };

	good(message_seal(&f->conf, text, f->arena, &d.sealed, WHY));
	return d;
}

static void repeating_is_harmless(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	const struct actor actor = { ACTOR_DELIVERY, alice.account.id };
	struct delivery d = delivery_of(f, &alice, big_message(f, 200000));
	struct mailbox_appended first, second;

	for (int i = 0; i < 2; i++)
		good(message_store(f->stack, &actor, &d.sealed, &alice.account.id, 1, f->arena, WHY));
	good(message_file(f->stack, &d.sealed, &d.filing, &first, WHY));
	good(message_file(f->stack, &d.sealed, &d.filing, &second, WHY));
	assert_int_equal(first.first_uid, second.first_uid);
	assert_int_equal(fixture_count(f, &alice, "INBOX"), 1);
	sealed_message_done(&d.sealed);
}

/* The answer was lost, the message was not: the second try finds it. */
static void lost_answers(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f);
	const struct actor actor = { ACTOR_DELIVERY, alice.account.id };
	struct delivery d = delivery_of(f, &alice, SLICE(MESSAGE));
	struct mailbox_appended appended;

	wire_on(f);
	wire_fail("put contents", 0, 1, FAULT_TEMP);
	wire.after = true;
	bad(FAULT_TEMP, message_store(f->stack, &actor, &d.sealed, &alice.account.id, 1, f->arena, WHY));
	good(message_store(f->stack, &actor, &d.sealed, &alice.account.id, 1, f->arena, WHY));
	wire_fail("commit", 0, 1, FAULT_TEMP);
	wire.after = true;
	if (message_file(f->stack, &d.sealed, &d.filing, &appended, WHY))
		print_message("it did not even look for its tag\n");
	good(message_file(f->stack, &d.sealed, &d.filing, &appended, WHY));
	wire_off(f);
	assert_int_equal(fixture_count(f, &alice, "INBOX"), 1);
	sealed_message_done(&d.sealed);
}

static void filing_elsewhere(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	const struct actor actor = { ACTOR_DELIVERY, alice.account.id };
	const struct account_public none = { { 0 } };
	struct delivery d = delivery_of(f, &alice, SLICE(MESSAGE));
	struct mailbox_appended appended;

	good(message_store(f->stack, &actor, &d.sealed, &alice.account.id, 1, f->arena, WHY));
	d.filing.mailbox = id_new();
	bad(FAULT_NOT_FOUND, message_file(f->stack, &d.sealed, &d.filing, &appended, WHY));
	d.filing.fallback = id_new();
	bad(FAULT_NOT_FOUND, message_file(f->stack, &d.sealed, &d.filing, &appended, WHY));
	d.filing.fallback = alice.account.inbox;
	good(message_file(f->stack, &d.sealed, &d.filing, &appended, WHY));
	/* another account's mailbox is none of this delivery's */
	d.filing.mailbox = bob.account.inbox;
	d.filing.fallback = (struct id){ { 0 } };
	bad(FAULT_NOT_FOUND, message_file(f->stack, &d.sealed, &d.filing, &appended, WHY));
	d.filing.mailbox = alice.account.inbox;
	d.filing.public_key = &none;
	bad(FAULT_CORRUPT, message_file(f->stack, &d.sealed, &d.filing, &appended, WHY));
	assert_int_equal(fixture_count(f, &alice, "INBOX"), 1);
	sealed_message_done(&d.sealed);
}

/* A content is shown to the accounts it names, and to nobody else; queued mail is the queue's. */
static void walls(void **state)
{
	struct fixture *f = *state;
	struct person alice = fixture_alice(f), bob = fixture_person(f, "bob@example.org");
	const struct actor delivery = { ACTOR_DELIVERY, alice.account.id };
	struct delivery d = delivery_of(f, &alice, SLICE(MESSAGE)),
	                queued = delivery_of(f, &alice, SLICE(MESSAGE));
	struct record record;

	good(message_store(f->stack, &delivery, &d.sealed, &alice.account.id, 1, f->arena, WHY));
	good(record_get(f->stack->store, &alice.owner, COLL_CONTENTS, d.sealed.record.key, true, f->arena,
	                &record, WHY));
	bad(FAULT_NOT_FOUND, record_get(f->stack->store, &bob.owner, COLL_CONTENTS, d.sealed.record.key, true,
	                                f->arena, &record, WHY));
	bad(FAULT_DENIED, record_get(f->stack->store, &delivery, COLL_CONTENTS, d.sealed.record.key, true,
	                             f->arena, &record, WHY));
	good(message_store(f->stack, &queue_actor, &queued.sealed, NULL, 0, f->arena, WHY));
	bad(FAULT_NOT_FOUND, record_get(f->stack->store, &alice.owner, COLL_CONTENTS,
	                                queued.sealed.record.key, true, f->arena, &record, WHY));
	good(record_get(f->stack->store, &queue_actor, COLL_CONTENTS, queued.sealed.record.key, true,
	                f->arena, &record, WHY));
	sealed_message_done(&d.sealed);
	sealed_message_done(&queued.sealed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		case_of(in_the_record),
		case_of(in_a_blob),
		case_of(a_large_one_in_the_record),
		case_of(an_empty_one),
		case_of(the_border),
		case_of(summaries),
		case_of(a_long_header),
		case_of(many_parts),
		case_of(wrong_keys),
		case_of(tampered_record),
		case_of(cut_record),
		case_of(tampered_blob),
		case_of(order_of_writes),
		case_of(repeating_is_harmless),
		case_of(lost_answers),
		case_of(filing_elsewhere),
		case_of(walls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
