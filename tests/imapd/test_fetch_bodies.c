/*
 * Large and damaged messages: a large one arrives whole, byte for byte, while the server
 * holds one piece of it; one that does not open is left out, and one that breaks off in the middle ends the connection.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "blob/blob.h"
#include "imap_exchange.h"
#include "mail/transfer.h"
#include "store/record.h"

#define LARGE    (3 * 1024 * 1024 + 4711)
#define HELD_MAX (2 * 1024 * 1024) /* unsent at the server, at any time */

static struct world *world;

/* No two pieces of it are alike, and it does not compress. */
static void make_large(struct buf *text)
{
	uint64_t x = 88172645463325252u;

	buf_init(text, BUF_NO_LIMIT);
	buf_adds(text, "Subject: large\r\n\r\n");
	while (text->len < LARGE) {
		char line[80];

		for (int i = 0; i < 70; i++) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			line[i] = (char)(33 + x % 90);
		}
		buf_add(text, line, 70);
		buf_adds(text, "\r\n");
	}
}

static size_t held_by_server(void)
{
	size_t held = 0;

	list_each (&world->imapd->sessions, node) {
		struct session *s = list_item(node, struct session, node);

		held = MAX_OF(held, s->conn ? conn_unsent(s->conn) : 0);
	}
	return held;
}

/* Bytes as they come, slowly, until there are `len` of them or the server hangs up. */
static void receive(struct client *client, size_t len, struct buf *out)
{
	int64_t until = clock_mono_ms() + 4 * WORLD_PATIENCE;

	while (out->len < len && clock_mono_ms() < until) {
		struct slice some = client->conn
		                        ? conn_peek(client->conn, MIN_OF(len - out->len, (size_t)65536))
		                        : slice_of(NULL, 0);

		if (some.len) {
			buf_add_slice(out, some);
			conn_take(client->conn, some.len);
		} else if (!client->conn || conn_ended(client->conn)) {
			return;
		}
		loop_step(world->daemon.loop, 1);
		assert_true(held_by_server() < HELD_MAX);
	}
}

static void check_fetch(struct client *client, const char *command, const char *before, struct slice wanted,
                        const char *behind)
{
	struct buf got, all;

	buf_init(&got, BUF_NO_LIMIT);
	buf_init(&all, BUF_NO_LIMIT);
	buf_printf(&all, "%s{%zu}\r\n", before, wanted.len);
	buf_add_slice(&all, wanted);
	buf_printf(&all, "%s)\r\nx OK Fetched\r\n", behind);
	client_send(client, slice_str(command));
	receive(client, all.len, &got);
	if (!slice_eq(buf_slice(&got), buf_slice(&all)))
		fail_msg("%s: %zu bytes where %zu are due, beginning \"%.100s\"", command, got.len, all.len,
		         (const char *)got.data);
	buf_done(&got);
	buf_done(&all);
}

static void test_large(void **state)
{
	struct client *client;
	struct slice body;
	struct buf text;

	(void)state;
	world = world_new();
	make_large(&text);
	body = slice_from(buf_slice(&text), 18);
	world_deliver(world, "INBOX", SLICE("Subject: small\r\n\r\nx\r\n"), 0);
	world_deliver(world, "INBOX", buf_slice(&text), 0);
	client = open_inbox(world, 1);
	check_fetch(client, "x FETCH 2 BODY.PEEK[]\r\n", "* 2 FETCH (BODY[] ", buf_slice(&text), "");
	check_fetch(client, "x FETCH 2 (UID BODY.PEEK[TEXT])\r\n", "* 2 FETCH (UID 2 BODY[TEXT] ", body, "");
	check_fetch(client, "x FETCH 2 BODY.PEEK[]<100001.2000003>\r\n", "* 2 FETCH (BODY[]<100001> ",
	            slice_of(text.data + 100001, 2000003), "");
	/* items before and behind the one that goes in pieces */
	check_fetch(client, "x FETCH 2 (BODY.PEEK[HEADER] BODY.PEEK[TEXT] BODY.PEEK[TEXT]<0.3>)\r\n",
	            "* 2 FETCH (BODY[HEADER] {18}\r\nSubject: large\r\n\r\n BODY[TEXT] ", body,
	            arena_printf(world->arena, " BODY[TEXT]<0> {3}\r\n%.3s", (const char *)body.data));
	buf_done(&text);
	world_free(world);
}

/* The same bytes as a base64 part: more than one piece, more than one run; and from the middle of it. */
static void test_large_binary(void **state)
{
	struct client *client;
	struct buf plain, text;

	(void)state;
	world = world_new();
	make_large(&plain);
	memset(plain.data + 5000, 0, 5000);
	buf_init(&text, BUF_NO_LIMIT);
	buf_adds(&text, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
	                "Content-Transfer-Encoding: base64\r\n\r\n");
	assert_true(transfer_encode_base64(&text, buf_slice(&plain)));
	buf_adds(&text, "--b--\r\n");
	world_deliver(world, "INBOX", buf_slice(&text), 0);
	client = open_inbox(world, 1);
	check_fetch(client, "x FETCH 1 (UID BINARY.PEEK[1])\r\n", "* 1 FETCH (UID 1 BINARY[1] ~",
	            buf_slice(&plain), "");
	check_fetch(client, "x FETCH 1 BINARY.PEEK[1]<1000001.1500000>\r\n",
	            "* 1 FETCH (BINARY[1]<1000001> ~", slice_of(plain.data + 1000001, 1500000), "");
	check_fetch(client, "x FETCH 1 (BINARY.PEEK[1]<3000000.9000000> BINARY.SIZE[1])\r\n",
	            "* 1 FETCH (BINARY[1]<3000000> ~", slice_from(buf_slice(&plain), 3000000),
	            arena_printf(world->arena, " BINARY.SIZE[1] %zu", plain.len));
	buf_done(&text);
	buf_done(&plain);
	world_free(world);
}

/* What is really binary cannot be kept, and who says that it may be hears of that. */
static void test_nul(void **state)
{
	static const struct {
		struct slice sent;
		const char *reply;
	} cases[] = {
		{ SLICE("x APPEND INBOX ~{3+}\r\na\0b\r\n"), "x NO [UNKNOWN-CTE] " },
		{ SLICE("x APPEND INBOX {3+}\r\na\0b\r\n"), "x NO [CANNOT] " },
	};
	struct client *client;

	(void)state;
	world = world_new();
	client = open_inbox(world, 1);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		client_send(client, cases[i].sent);
		assert_true(slice_starts(slice_str(client_line(client, world->arena, WORLD_PATIENCE)),
		                         cases[i].reply));
	}
	expect(client, "NOOP", " OK ");
	world_free(world);
}

/* ---- damage ---- */

static struct id content_of(uint32_t uid)
{
	struct id inbox = world_mailbox(world, "INBOX");
	struct mailbox_state *box = mailbox_state_new(&inbox);
	struct arena *arena = arena_new();
	struct mailbox_news news;
	struct mailbox_delta delta;
	struct why why = { "" };
	struct id content;

	mailbox_delta_init(&delta);
	world_must(
	    mailbox_fetch_news(world->daemon.stack->store, &world->owner, &inbox, 0, arena, &news, &why),
	    &why, "news");
	world_must(mailbox_state_apply(box, &news, &delta, &why), &why, "apply");
	content = box->content[mailbox_state_find(box, uid)];
	mailbox_delta_done(&delta);
	mailbox_state_free(box);
	arena_free(arena);
	return content;
}

static void test_missing_content(void **state)
{
	const struct actor system = { .kind = ACTOR_SYSTEM };
	struct client *client;
	struct why why = { "" };
	struct id content;

	(void)state;
	world = world_new();
	for (int i = 0; i < 3; i++)
		world_deliver(world, "INBOX", SLICE("Subject: x\r\n\r\ntext\r\n"), 0);
	content = content_of(2);
	world_must(record_del(world->daemon.stack->store, &system, COLL_CONTENTS, id_slice(&content),
	                      RECORD_ANY, &why),
	           &why, "delete");
	client = open_inbox(world, 1);
	expect(client, "FETCH 1:3 (UID BODY.PEEK[TEXT])",
	       "* 1 FETCH (UID 1 BODY[TEXT] {6}\r\ntext\r\n)\r\n* 3 FETCH (UID 3 BODY[TEXT] "
	       "{6}\r\ntext\r\n)\r\n");
	expect(client, "FETCH 1:3 ENVELOPE", "NO [SERVERBUG]");
	expect(client, "FETCH 2 FLAGS", " OK ");
	expect(client, "SEARCH BODY text", "* SEARCH 1 3\r\n");
	expect(client, "SEARCH SUBJECT x", "* SEARCH 1 3\r\n");
	world_free(world);
}

/* Flips a byte of the only blob there is, near its start or its end. */
static void damage_blob(bool start)
{
	struct blobs *blobs = world->daemon.stack->blobs;
	struct blob_info *info;
	struct buf sealed;
	struct why why = { "" };
	size_t n;

	world_must(blob_list(blobs, NULL, 10, world->arena, &info, &n, &why), &why, "list");
	assert_int_equal(n, 1);
	buf_init(&sealed, BUF_NO_LIMIT);
	world_must(blob_get(blobs, &info->id, 0, info->size, &sealed, &why), &why, "get");
	sealed.data[start ? 1000 : sealed.len - 1000] ^= 1;
	world_must(blob_del(blobs, &info->id, &why), &why, "delete");
	world_must(blob_put(blobs, &info->id, buf_slice(&sealed), &why), &why, "put");
	buf_done(&sealed);
}

static void test_damaged_in_the_middle(void **state)
{
	struct client *client;
	struct buf text, got;

	(void)state;
	world = world_new();
	make_large(&text);
	world_deliver(world, "INBOX", buf_slice(&text), 0);
	damage_blob(false);
	client = open_inbox(world, 1);
	buf_init(&got, BUF_NO_LIMIT);
	client_send(client, SLICE("x FETCH 1 BODY.PEEK[]\r\n"));
	receive(client, LARGE * 2, &got);
	assert_true(client_is_closed(client));
	assert_true(slice_starts(buf_slice(&got), "* 1 FETCH (BODY[] {"));
	assert_true(got.len < text.len);
	assert_int_equal(slice_find(buf_slice(&got), SLICE("\r\n* BYE ")), -1);
	buf_done(&got);
	buf_done(&text);
	world_free(world);
}

/* The same where the damage is met before anything was sent: only this message is left out. */
static void test_damaged_at_the_start(void **state)
{
	struct client *client;
	struct buf text;

	(void)state;
	world = world_new();
	make_large(&text);
	world_deliver(world, "INBOX", buf_slice(&text), 0);
	world_deliver(world, "INBOX", SLICE("Subject: x\r\n\r\ntext\r\n"), 0);
	damage_blob(true);
	client = open_inbox(world, 1);
	expect(client, "FETCH 1:2 (UID BODY.PEEK[TEXT])", "* 2 FETCH (UID 2 BODY[TEXT] {6}\r\ntext\r\n)\r\n");
	expect(client, "FETCH 1:2 BODY.PEEK[]", "NO [SERVERBUG]");
	expect(client, "FETCH 1 BODY.PEEK[]<3000000.10>", " OK ");
	expect(client, "FETCH 1:2 BODY.PEEK[HEADER]", " OK ");
	buf_done(&text);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_large_binary),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_missing_content),
		cmocka_unit_test(test_damaged_in_the_middle),
		cmocka_unit_test(test_damaged_at_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
