/* Mail whose signatures are of before FUZZY: all other searches rely on them, FUZZY opens it, and in time they are made anew. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "imap_exchange.h"
#include "store/record.h"
#include "suite/signature.h"
#include "suite/walk.h"

#define MANY 100

/* An old one that denies everything: what it says is seen in what is found. */
static void plant(struct world *world, const struct id *content, const struct wrapped_key *key)
{
	struct slice key_of = id_slice(content), sealed;
	struct content_key opened;
	struct why why = { "" };
	struct buf plain, out;

	buf_init(&plain, SIGNATURE_MAX);
	buf_init(&out, SIGNATURE_MAX + SEAL_SMALL_EXTRA);
	buf_add_u8(&plain, 1);
	buf_add_u8(&plain, 1);
	for (uint32_t i = 0; i < signature_bits(1) / 8; i++)
		buf_add_u8(&plain, 0);
	world_must(content_key_open(world->key, content, key, &opened, &why), &why, "key");
	seal_small(&opened, SEAL_SIGNATURE, buf_slice(&plain), &out);
	sealed = buf_slice(&out);
	world_must(record_sign(world->daemon.stack->store, &world->owner, &key_of, &sealed, 1, &why), &why,
	           "signature");
	buf_done(&plain);
	buf_done(&out);
}

static struct world *world_of_old(bool index, struct client **ret)
{
	struct world *world = world_new();
	struct mailbox_state *mailbox;
	struct why why = { "" };
	struct id inbox;

	imapd_conf.search_index = index;
	for (unsigned i = 0; i < MANY; i++)
		world_deliver(
		    world, "INBOX",
		    SLICE("Content-Type: text/plain; charset=utf-8\r\n\r\nM\xc3\xbcller's needle\r\n"), 0);
	inbox = world_mailbox(world, "INBOX");
	world_must(walk_mailbox(world->daemon.stack, &inbox, &mailbox, &why), &why, "mailbox");
	for (uint32_t i = 0; i < mailbox->n; i++)
		plant(world, &mailbox->content[i], &mailbox->key[i]);
	mailbox_state_free(mailbox);
	*ret = open_inbox(world, 0);
	return world;
}

static void passed_over(void **state)
{
	struct client *client;
	struct world *world = world_of_old(false, &client);

	(void)state;
	expect(client, "SEARCH RETURN (COUNT) BODY needle", "COUNT 0");
	expect(client, "SEARCH RETURN (COUNT) FUZZY BODY muller", "COUNT 100");
	expect(client, "SEARCH RETURN (COUNT) FUZZY BODY \"needle muller\"", "COUNT 100");
	expect(client, "SEARCH RETURN (COUNT) NOT FUZZY BODY muller", "COUNT 0");
	expect(client, "SEARCH RETURN (COUNT) FUZZY BODY muller BODY needle", "COUNT 0");
	expect(client, "SEARCH RETURN (COUNT) FUZZY BODY nowhere", "COUNT 0");
	world_free(world);
}

static void made_anew(void **state)
{
	struct client *client;
	struct world *world = world_of_old(true, &client);
	struct arena *arena = arena_new();
	const int64_t until = clock_mono_ms() + WORLD_PATIENCE;

	(void)state;
	while (!strstr(exchange(client, arena, "SEARCH RETURN (COUNT) BODY needle"), "COUNT 100"))
		if (clock_mono_ms() > until)
			fail_msg("they were not made anew");
	expect(client, "SEARCH RETURN (COUNT) FUZZY BODY muller", "COUNT 100");
	arena_free(arena);
	world_free(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passed_over),
		cmocka_unit_test(made_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
