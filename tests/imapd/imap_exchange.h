#ifndef TESTS_IMAPD_IMAP_EXCHANGE_H
#define TESTS_IMAPD_IMAP_EXCHANGE_H
/* One command and all that comes back, for tests that a dialogue cannot hold. */
#include "imap_world.h"

/* Up to and with the tagged reply; NUL-terminated, in the arena. What came until then when the server hung up. */
static inline const char *exchange(struct client *client, struct arena *arena, const char *command)
{
	static unsigned number;
	struct buf all;
	const char *tag = arena_printf(arena, "t%u", ++number), *line, *text;
	const char *sent = arena_printf(arena, "%s %s\r\n", tag, command);
	size_t len = strlen(tag);

	buf_init(&all, BUF_NO_LIMIT);
	client_send(client, slice_str(sent));
	while ((line = client_line(client, arena, WORLD_PATIENCE))) {
		buf_printf(&all, "%s\r\n", line);
		if (strncmp(line, tag, len) == 0 && line[len] == ' ')
			break;
	}
	text = arena_strz(arena, buf_slice(&all));
	buf_done(&all);
	return text;
}

static inline void expect(struct client *client, const char *command, const char *part)
{
	struct arena *arena = arena_new();
	const char *got = exchange(client, arena, command);

	if (!strstr(got, part))
		fail_msg("%s: no \"%s\" in \"%.600s\"", command, part, got);
	arena_free(arena);
}

static inline void expect_not(struct client *client, const char *command, const char *part)
{
	struct arena *arena = arena_new();
	const char *got = exchange(client, arena, command);

	if (strstr(got, part) || !strstr(got, " OK "))
		fail_msg("%s: \"%s\" in \"%.600s\"", command, part, got);
	arena_free(arena);
}

/* A client that is logged in and has the INBOX open. */
static inline struct client *open_inbox(struct world *world, unsigned number)
{
	struct client *client = world_client(world, number);
	struct arena *arena = arena_new();

	assert_non_null(client_line(client, arena, WORLD_PATIENCE));
	arena_free(arena);
	expect(client, "LOGIN " WORLD_LOGIN " \"" WORLD_PASSWORD "\"", " OK ");
	expect(client, "SELECT INBOX", "[READ-WRITE]");
	return client;
}

static inline struct mailbox_head head_of(struct world *world, const char *path)
{
	struct id mailbox = world_mailbox(world, path);
	struct arena *arena = arena_new();
	struct mailbox_log log;
	struct why why = { "" };

	world_must(mailbox_look(world->daemon.stack->store, &world->owner, &mailbox, arena, &log, &why), &why,
	           "look");
	arena_free(arena);
	return log.head;
}

#endif
