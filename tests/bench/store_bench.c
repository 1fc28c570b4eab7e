/*
 * How many durable messages a second the embedded store takes: each is a
 * content with its body and an append, both acknowledged, as smtpd does it.
 *
 *	store_bench FILE WRITERS SECONDS [BODY_BYTES [PROCESSES]]
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/mailbox.h"
#include "store/record.h"

#define WRITERS_MAX 256

struct bench {
	struct store *store;
	struct id account, mailboxes[WRITERS_MAX];
	size_t body;
	int64_t until;
	atomic_uint next;
	atomic_ullong messages;
};

static void check(enum fault fault, const struct why *why)
{
	if (!fault)
		return;
	fprintf(stderr, "%s: %s\n", fault_name(fault), why->text);
	exit(1);
}

static void deliver(struct bench *bench, const struct actor *actor, const struct id *mailbox,
                    struct slice body)
{
	struct mailbox_append message = {
		.content = id_new(),
		.tag = id_new(),
		.key = { .kind = WRAPPED_BOX, .generation = 1 },
		.size = (uint32_t)body.len,
		.internal_date = clock_now(),
		.save_date = clock_now(),
	};
	struct record content = {
		.key = id_slice(&message.content),
		.accounts = id_slice(&actor->account),
		.value = slice_first(body, 600), /* summary and signature */
		.body = body,
	};
	struct mailbox_appended done;
	struct why why = { "" };

	check(record_put(bench->store, actor, COLL_CONTENTS, &content, &why), &why);
	check(mailbox_append(bench->store, actor, mailbox, &message, 1, &done, &why), &why);
	if (mailbox_wants_fold(&done.head))
		check(mailbox_fold(bench->store, actor, mailbox, NULL, &why), &why);
}

static void *write_messages(void *object)
{
	struct bench *bench = object;
	struct actor actor = { ACTOR_DELIVERY, bench->account };
	const struct id *mailbox = &bench->mailboxes[bench->next++];
	uint8_t *body = xmalloc(bench->body + 600);

	rand_bytes(body, bench->body + 600);
	while (clock_mono_ms() < bench->until) {
		deliver(bench, &actor, mailbox, slice_of(body, bench->body));
		bench->messages++;
	}
	free(body);
	return NULL;
}

static void run(struct bench *bench, const struct store_conf *conf, unsigned writers, int64_t seconds)
{
	struct actor owner = { ACTOR_OWNER, id_new() };
	pthread_t threads[WRITERS_MAX];
	struct why why = { "" };
	int64_t began;

	check(store_open(conf, &bench->store, &why), &why);
	bench->account = owner.account;
	for (unsigned i = 0; i < writers; i++) {
		struct mailbox_meta meta = { .id = id_new(),
			                     .account = owner.account,
			                     .name_hash = id_new() };

		meta.name = SLICE("bench");
		bench->mailboxes[i] = meta.id;
		check(mailbox_create(bench->store, &owner, &meta, 1, &why), &why);
	}
	began = clock_mono_ms();
	bench->until = began + seconds * 1000;
	for (unsigned i = 0; i < writers; i++)
		if (pthread_create(&threads[i], NULL, write_messages, bench))
			exit(1);
	for (unsigned i = 0; i < writers; i++)
		pthread_join(threads[i], NULL);
	printf("%u writers, bodies of %zu bytes: %llu messages/s\n", writers, bench->body,
	       bench->messages * 1000 / (unsigned long long)(clock_mono_ms() - began));
	store_close(bench->store);
}

static unsigned number(int argc, char **argv, int at, unsigned fallback, unsigned max)
{
	uint64_t value = fallback;

	if (at < argc && !slice_u64(slice_str(argv[at]), max, &value)) {
		fprintf(stderr, "store_bench: %s is not a number up to %u\n", argv[at], max);
		exit(2);
	}
	return (unsigned)value;
}

int main(int argc, char **argv)
{
	struct bench bench = { .body = number(argc, argv, 4, 4096, 1024 * 1024) };
	unsigned writers = number(argc, argv, 2, 10, WRITERS_MAX), seconds = number(argc, argv, 3, 5, 3600);
	unsigned processes = number(argc, argv, 5, 1, 64);
	struct store_conf conf = { .backend = "sqlite", .path = argc > 1 ? argv[1] : NULL };

	if (argc < 2) {
		fprintf(stderr, "usage: store_bench FILE WRITERS SECONDS [BODY_BYTES [PROCESSES]]\n");
		return 2;
	}
	rand_start();
	for (unsigned i = 0; i < processes; i++) {
		if (fork() > 0)
			continue;
		run(&bench, &conf, writers, seconds);
		return 0;
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
