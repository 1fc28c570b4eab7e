#ifndef TESTS_SHARED_SUITE_FIXTURE_H
#define TESTS_SHARED_SUITE_FIXTURE_H
/*
 * The embedded stack in a temporary folder, with key rings of its own, the domain example.org and accounts in it;
 * and a wire around its store and blobs that writes down what is written and breaks where a test says so.
 */
#include <assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/mailbox.h"
#include "store/queue.h"
#include "store/record.h"
#include "suite/directory.h"
#include "suite/folder.h"
#include "suite/message.h"

#define PASSWORD "correct horse"

struct person { /* an account, opened */
	struct account account;
	struct account_key *key;
	struct actor owner;
};

struct fixture {
	char dir[64];
	struct arena *arena;
	struct suite_conf conf;
	struct stack *stack;
};

static const struct change_by fixture_by = { "test", "127.0.0.1" };
static struct why fixture_why;

/* Must succeed; tells why it did not. */
#define good(call)       fixture_expect(FAULT_NONE, (call), #call, __FILE__, __LINE__)
/* Must give this fault, with a reason. */
#define bad(fault, call) fixture_expect((fault), (call), #call, __FILE__, __LINE__)
#define WHY              (fixture_why.text[0] = '\0', &fixture_why)

static inline void fixture_expect(enum fault wanted, enum fault got, const char *call, const char *file,
                                  int line)
{
	if (got == wanted && (!wanted || fixture_why.text[0]))
		return;
	fprintf(stderr, "%s:%d: %s gave %s (%s), not %s\n", file, line, call, fault_name(got),
	        fixture_why.text, fault_name(wanted));
	_fail(file, line);
}

/* ---- making ---- */

static inline void fixture_write(const char *path, struct slice text)
{
	FILE *file;

	umask(077);
	file = fopen(path, "w");
	assert(file);
	assert(fwrite(text.data, 1, text.len, file) == text.len);
	assert(fclose(file) == 0);
}

static inline const char *fixture_path(struct fixture *f, const char *name)
{
	return arena_printf(f->arena, "%s/%s", f->dir, name);
}

static inline void fixture_ring(struct fixture *f, const char *name)
{
	struct buf text;

	buf_init(&text, KEYRING_TEXT_MAX);
	keyring_make(&text);
	fixture_write(fixture_path(f, name), buf_slice(&text));
	buf_done(&text);
}

static inline struct stack *fixture_stack(struct fixture *f, unsigned needs)
{
	struct stack *stack = NULL;

	good(stack_open(&f->conf, needs, NULL, "test", &stack, WHY));
	return stack;
}

static inline struct fixture *fixture_new(void)
{
	struct fixture *f = xzalloc(sizeof(*f));
	const struct conf_section sections[] = { { NULL, suite_conf_rows, &f->conf } };

	rand_start();
	log_start("test", LOG_ERROR, false);
	snprintf(f->dir, sizeof(f->dir), "/tmp/posthouse-suite-XXXXXX");
	assert(mkdtemp(f->dir));
	f->arena = arena_new();
	good(conf_load(NULL, sections, 1, suite_sections, f->arena, WHY));
	f->conf.data_dir = f->dir;
	f->conf.hostname = "mail.example.org";
	suite_conf_finish(&f->conf, f->arena);
	assert(mkdir(fixture_path(f, "keys"), 0700) == 0);
	fixture_ring(f, "keys/accounts.ring");
	fixture_ring(f, "keys/queue.ring");
	f->stack = fixture_stack(f, STACK_ACCOUNTS_RING | STACK_QUEUE_RING);
	return f;
}

static inline int fixture_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* ---- who is here ---- */

/* Without DKIM keys: making an RSA key takes its time. */
static inline void fixture_domain(struct fixture *f, const char *name)
{
	const struct domain domain = { .name = name, .created = 1 };

	good(domain_put(f->stack, &fixture_by, &domain, WHY));
}

static inline struct account fixture_account(struct fixture *f, const char *address)
{
	const struct account_new new = { slice_str(address), SLICE(PASSWORD), SLICE("A Name"), 0 };
	struct account account;

	good(account_create(f->stack, &fixture_by, &new, f->arena, &account, WHY));
	return account;
}

/* The key is borrowed from the arena's end. */
static inline void fixture_unref(void *key)
{
	account_key_unref(key);
}

static inline struct person fixture_person(struct fixture *f, const char *address)
{
	struct person person = { .account = fixture_account(f, address) };

	good(account_unlock(f->stack, &person.account, &person.key, WHY));
	arena_on_free(f->arena, fixture_unref, person.key);
	person.owner = (struct actor){ ACTOR_OWNER, person.account.id };
	return person;
}

/* example.org and alice@example.org */
static inline struct person fixture_alice(struct fixture *f)
{
	fixture_domain(f, "example.org");
	return fixture_person(f, "alice@example.org");
}

static inline struct account fixture_get(struct fixture *f, const struct id *id)
{
	struct account account;

	good(account_get(f->stack, id, f->arena, &account, WHY));
	return account;
}

/* ---- mail ---- */

#define MESSAGE "From: Bob <bob@example.net>\r\nTo: alice@example.org\r\nSubject: test\r\n\r\nHello\r\n"

/* Sealed and stored for the account, and filed there; gives the content's id. */
static inline struct id fixture_deliver(struct fixture *f, const struct person *to, const struct id *mailbox,
                                        struct slice text, uint32_t flags)
{
	const struct actor delivery = { ACTOR_DELIVERY, to->account.id };
	const struct filing filing = {
		.account = to->account.id,
		.mailbox = *mailbox,
		.public_key = &to->account.public_key,
		.generation = to->account.generation,
		.flags = flags,
		.internal_date = INT64_C(1700000000000),
	};
	struct arena *arena = arena_new();
	struct sealed_message sealed;
	struct mailbox_appended appended;

	good(message_seal(&f->conf, text, arena, &sealed, WHY));
	good(message_store(f->stack, &delivery, &sealed, &to->account.id, 1, arena, WHY));
	good(message_file(f->stack, &sealed, &filing, &appended, WHY));
	sealed_message_done(&sealed);
	arena_free(arena);
	return sealed.content;
}

static inline struct folders fixture_folders(struct fixture *f, const struct person *who)
{
	struct folders folders;

	good(folders_load(f->stack, &who->owner, who->key, f->arena, &folders, WHY));
	return folders;
}

static inline struct folder *fixture_folder(struct fixture *f, const struct person *who, const char *path)
{
	struct folders folders = fixture_folders(f, who);

	return folders_find(&folders, path);
}

/* The mailbox as it is now; for mailbox_state_free(). */
static inline struct mailbox_state *fixture_state(struct fixture *f, const struct actor *actor,
                                                  const struct id *mailbox)
{
	struct mailbox_state *state = mailbox_state_new(mailbox);
	struct mailbox_delta delta;
	struct mailbox_news news;

	mailbox_delta_init(&delta);
	good(mailbox_fetch_news(f->stack->store, actor, mailbox, 0, f->arena, &news, WHY));
	good(mailbox_state_apply(state, &news, &delta, WHY));
	mailbox_delta_done(&delta);
	return state;
}

static inline uint32_t fixture_count(struct fixture *f, const struct person *who, const char *path)
{
	struct folder *folder = fixture_folder(f, who, path);

	assert(folder);
	return folder->row.head.messages;
}

/* ---- the wire ---- */

static struct wire {
	const struct store_ops *store; /* NULL: the wire is off */
	struct store_ops store_ops;
	struct blobs blobs, *real_blobs;
	struct buf log;      /* a line a write */
	const char *fail_on; /* writes whose line begins so fail; NULL: none */
	unsigned skip;       /* this many of them go through before */
	unsigned times;      /* this many fail then */
	enum fault fault;
	bool after; /* the write happens, its answer is lost */
} wire;

static inline bool wire_breaks(const char *line)
{
	buf_printf(&wire.log, "%s\n", line);
	if (!wire.fail_on || strncmp(line, wire.fail_on, strlen(wire.fail_on)) != 0)
		return false;
	if (wire.skip) {
		wire.skip--;
		return false;
	}
	if (!wire.times)
		return false;
	wire.times--;
	return true;
}

/* `call` unless it is to break; `line` is what is written down. */
#define WIRE(reason, call, ...)                                                                              \
	do {                                                                                                 \
		char line_[300];                                                                             \
		bool breaks_;                                                                                \
		enum fault fault_ = FAULT_NONE;                                                              \
                                                                                                             \
		snprintf(line_, sizeof(line_), __VA_ARGS__);                                                 \
		breaks_ = wire_breaks(line_);                                                                \
		if (!breaks_ || wire.after)                                                                  \
			fault_ = (call);                                                                     \
		return breaks_ ? fault_set((reason), wire.fault, "the wire broke at %s", line_) : fault_;    \
	} while (0)

static inline enum fault wire_put(struct store *store, const struct actor *actor, enum collection collection,
                                  const struct record *record, struct why *reason)
{
	WIRE(reason, wire.store->put(store, actor, collection, record, reason), "put %s",
	     collection_name(collection));
}

static inline enum fault wire_put_many(struct store *store, const struct actor *actor,
                                       enum collection collection, const struct record *const *records,
                                       size_t n, struct why *reason)
{
	WIRE(reason, wire.store->put_many(store, actor, collection, records, n, reason), "put many %s",
	     collection_name(collection));
}

static inline enum fault wire_del(struct store *store, const struct actor *actor, enum collection collection,
                                  struct slice key, uint64_t version, struct why *reason)
{
	WIRE(reason, wire.store->del(store, actor, collection, key, version, reason), "del %s",
	     collection_name(collection));
}

static inline enum fault wire_create(struct store *store, const struct actor *actor,
                                     const struct mailbox_meta *meta, uint32_t validity, struct why *reason)
{
	WIRE(reason, wire.store->mailbox_create(store, actor, meta, validity, reason), "create mailbox");
}

static inline enum fault wire_update(struct store *store, const struct actor *actor,
                                     const struct mailbox_meta *meta, struct why *reason)
{
	WIRE(reason, wire.store->mailbox_update(store, actor, meta, reason), "update mailbox");
}

static inline enum fault wire_delete(struct store *store, const struct actor *actor, const struct id *mailbox,
                                     struct why *reason)
{
	WIRE(reason, wire.store->mailbox_delete(store, actor, mailbox, reason), "delete mailbox");
}

static inline enum fault wire_commit(struct store *store, const struct actor *actor,
                                     const struct commit *commit, struct mailbox_head *head,
                                     struct why *reason)
{
	WIRE(reason, wire.store->commit(store, actor, commit, head, reason), "commit %s",
	     id_print(&commit->mailbox).text);
}

static inline enum fault wire_queue_put(struct store *store, const struct actor *actor,
                                        const struct queue_entry *entries, size_t n, struct why *reason)
{
	WIRE(reason, wire.store->queue_put(store, actor, entries, n, reason), "queue %zu", n);
}

static inline enum fault wire_blob_put(struct blobs *blobs, const struct id *id, struct slice data,
                                       struct why *reason)
{
	(void)blobs;
	WIRE(reason, wire.real_blobs->ops->put(wire.real_blobs, id, data, reason), "blob");
}

static inline enum fault wire_blob_get(struct blobs *blobs, const struct id *id, uint64_t offset,
                                       uint64_t len, struct buf *out, struct why *reason)
{
	(void)blobs;
	return wire.real_blobs->ops->get(wire.real_blobs, id, offset, len, out, reason);
}

static inline void wire_on(struct fixture *f)
{
	static const struct blob_ops blob_ops = { .name = "wire",
		                                  .put = wire_blob_put,
		                                  .get = wire_blob_get };

	wire = (struct wire){ .store = f->stack->store->ops, .blobs.ops = &blob_ops };
	wire.store_ops = *wire.store;
	wire.store_ops.put = wire_put;
	wire.store_ops.put_many = wire_put_many;
	wire.store_ops.del = wire_del;
	wire.store_ops.mailbox_create = wire_create;
	wire.store_ops.mailbox_update = wire_update;
	wire.store_ops.mailbox_delete = wire_delete;
	wire.store_ops.commit = wire_commit;
	wire.store_ops.queue_put = wire_queue_put;
	wire.real_blobs = f->stack->blobs;
	f->stack->store->ops = &wire.store_ops;
	f->stack->blobs = &wire.blobs;
	buf_init(&wire.log, BUF_NO_LIMIT);
}

static inline void wire_off(struct fixture *f)
{
	if (!wire.store)
		return;
	f->stack->store->ops = wire.store;
	f->stack->blobs = wire.real_blobs;
	wire.store = NULL;
	buf_done(&wire.log);
}

/* From now on: the writes that begin with `what` fail, `times` of them after `skip` that go through. */
static inline void wire_fail(const char *what, unsigned skip, unsigned times, enum fault fault)
{
	wire.fail_on = what;
	wire.skip = skip;
	wire.times = times;
	wire.fault = fault;
	wire.after = false;
	buf_clear(&wire.log);
}

static inline const char *wire_log(struct fixture *f)
{
	const char *text = arena_strz(f->arena, buf_slice(&wire.log));

	buf_clear(&wire.log);
	return text;
}

/* ---- a fixture a test ---- */

static inline void fixture_free(struct fixture *f)
{
	wire_off(f);
	stack_close(f->stack);
	arena_free(f->arena);
	nftw(f->dir, fixture_unlink, 16, FTW_DEPTH | FTW_PHYS);
	free(f);
}

static inline int fixture_setup(void **state)
{
	*state = fixture_new();
	return 0;
}

static inline int fixture_teardown(void **state)
{
	fixture_free(*state);
	return 0;
}

#define case_of(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

#endif
