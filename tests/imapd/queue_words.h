#ifndef TESTS_IMAPD_QUEUE_WORDS_H
#define TESTS_IMAPD_QUEUE_WORDS_H
/*
 * What a dialogue does to alice's queued mail, as smtpd, mta and an operator would:
 *
 *   Q: put one.example two.example   she sends a message there
 *   Q: claim | sent | defer          mta takes all that is due; is through with what it has; puts it off
 *   Q: hold | release | due          an operator holds everything, releases it, has it tried now
 */
#include "../dialogue/dialogue.h"
#include "imap_world.h"
#include "store/queue.h"
#include "suite/outgoing.h"

static const struct actor queue_words_actor = { .kind = ACTOR_QUEUE };

static inline void queue_put_words(struct world *world, const char *domains)
{
	struct outgoing_recipient to[8];
	struct envelope_out envelope = {
		.from = WORLD_LOGIN, .trace = "", .envid = "", .accepted = clock_now(), .recipients = to
	};
	const struct outgoing_sender sender = { world->account.id, world->account.public_key,
		                                world->account.generation };
	struct sealed_message sealed;
	struct account_public queue;
	struct why why = { "" };
	uint8_t generation;

	for (const char *at = domains; *at; at += strspn(at, " ")) {
		const size_t len = strcspn(at, " ");

		to[envelope.n++] = (struct outgoing_recipient){
			.address = arena_printf(world->arena, "bob@%.*s", (int)len, at),
		};
		at += len;
	}
	world_must(queue_public_key(world->daemon.stack, &queue, &generation, &why), &why, "queue key");
	world_must(message_seal(&world->suite,
	                        SLICE("From: alice@example.org\r\nSubject: going out\r\n\r\nHello\r\n"),
	                        world->arena, &sealed, &why),
	           &why, "sealing");
	world_must(
	    outgoing_put(world->daemon.stack, &sealed, &envelope, &sender, NULL, 0, world->arena, &why), &why,
	    "queueing");
	sealed_message_done(&sealed);
}

static inline void queue_claim_word(struct world *world)
{
	struct queue_entry *entries;
	struct why why = { "" };
	size_t n;

	world_must(queue_claim(world->daemon.stack->store, &queue_words_actor, clock_now(), 60000, 100,
	                       world->arena, &entries, &n, &why),
	           &why, "claiming");
}

static inline enum fault queue_one_word(struct world *world, const char *word,
                                        const struct queue_entry *entry, struct why *why)
{
	struct store *store = world->daemon.stack->store;
	struct queue_outcome outcome = {
		.id = entry->id,
		.fence = entry->fence,
		.remove = strcmp(word, "sent") == 0,
		.due = clock_now() + 3600000,
		.attempts = entry->attempts + 1,
		.state = entry->state,
	};

	if (strcmp(word, "sent") == 0 || strcmp(word, "defer") == 0)
		return entry->lease_until ? queue_finish(store, &queue_words_actor, &outcome, why)
		                          : FAULT_NONE;
	return queue_set(store, &queue_words_actor, &entry->id, entry->fence,
	                 strcmp(word, "hold") == 0 ? QUEUE_HELD : QUEUE_WAITING, clock_now(), why);
}

static inline void queue_words(struct world *world, const char *text)
{
	const struct queue_query query = { .limit = 100 };
	struct stack *stack = world->daemon.stack;
	struct queue_entry *entries;
	struct why why = { "" };
	size_t n;

	if (strncmp(text, "put ", 4) == 0) {
		queue_put_words(world, text + 4);
		return;
	}
	if (strcmp(text, "claim") == 0)
		queue_claim_word(world);
	world_must(queue_list(stack->store, &queue_words_actor, &query, world->arena, &entries, &n, &why),
	           &why, "listing the queue");
	for (size_t i = 0; i < n && strcmp(text, "claim"); i++)
		world_must(queue_one_word(world, text, &entries[i], &why), &why, text);
	nudge_outbox(stack, &world->account.id);
}

#endif
