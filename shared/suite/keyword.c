/* Keywords by name (keyword.h). */
#include "suite/keyword.h"

#include <strings.h>

#define PURPOSE  "keyword"
#define ATTEMPTS 8

enum fault keywords_open(const struct account_key *key, const struct slice *sealed, uint32_t n,
                         struct arena *arena, struct keywords *ret, struct why *why)
{
	struct keywords keywords = { .n = MIN_OF(n, (uint32_t)MAILBOX_KEYWORDS_MAX) };
	struct buf name;
	enum fault fault = FAULT_NONE;

	buf_init(&name, KEYWORD_NAME_MAX * 2);
	for (uint32_t i = 0; i < keywords.n && !fault; i++) {
		buf_clear(&name);
		fault = account_open(key, PURPOSE, SLICE(""), sealed[i], &name, why);
		keywords.names[i] = fault ? "" : arena_strz(arena, buf_slice(&name));
	}
	buf_done(&name);
	if (!fault)
		*ret = keywords;
	return fault;
}

int keywords_find(const struct keywords *keywords, const char *name)
{
	for (uint32_t i = 0; i < keywords->n; i++) {
		if (strcasecmp(keywords->names[i], name) == 0)
			return (int)i;
	}
	return -1;
}

uint64_t keywords_map(const struct keywords *from, uint64_t mask, const struct keywords *to)
{
	uint64_t mapped = 0;

	for (uint32_t i = 0; i < from->n && mask; i++) {
		int there = mask & (UINT64_C(1) << i) ? keywords_find(to, from->names[i]) : -1;

		if (there >= 0)
			mapped |= UINT64_C(1) << there;
	}
	return mapped;
}

static bool comes_before(const char *const *names, size_t at)
{
	for (size_t i = 0; i < at; i++) {
		if (strcasecmp(names[i], names[at]) == 0)
			return true;
	}
	return false;
}

/* The names that `have` lacks, sealed; each once. */
static struct slice *seal_missing(const struct account_key *key, const struct keywords *have,
                                  const char *const *names, size_t n, struct arena *arena, uint32_t *ret_n)
{
	struct slice *sealed = arena_array(arena, struct slice, n + 1);
	uint32_t missing = 0;

	for (size_t i = 0; i < n; i++) {
		struct buf one;

		if (keywords_find(have, names[i]) >= 0 || comes_before(names, i))
			continue;
		buf_init(&one, KEYWORD_NAME_MAX + ACCOUNT_SEAL_OVERHEAD);
		account_seal(key, PURPOSE, SLICE(""), slice_str(names[i]), &one);
		sealed[missing++] = arena_copy(arena, buf_slice(&one));
		buf_done(&one);
	}
	*ret_n = missing;
	return sealed;
}

/* What would not open again must never get into a header. */
static enum fault check_names(const char *const *names, size_t n, struct why *why)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(names[i]);

		if (len == 0 || len > KEYWORD_NAME_MAX)
			return fault_set(why, FAULT_INPUT, "a keyword has 1 to %d bytes", KEYWORD_NAME_MAX);
	}
	return FAULT_NONE;
}

enum fault keywords_ensure(struct stack *stack, const struct actor *actor, const struct account_key *key,
                           const struct id *mailbox, const char *const *names, size_t n, struct arena *arena,
                           struct keywords *ret, struct mailbox_head *ret_head, struct why *why)
{
	enum fault fault = check_names(names, n, why);

	if (fault)
		return fault;
	for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
		struct mailbox_commit commit = { .mailbox = *mailbox, .durable = true };
		struct mailbox_log log;
		struct mailbox_head head;
		struct keywords have;

		fault = mailbox_look(stack->store, actor, mailbox, arena, &log, why);
		if (!fault)
			fault = keywords_open(key, log.keywords, log.head.keywords, arena, &have, why);
		if (fault)
			return fault;
		commit.keywords = seal_missing(key, &have, names, n, arena, &commit.n_keywords);
		commit.if_keywords = have.n;
		if (commit.n_keywords == 0) {
			*ret = have;
			*ret_head = log.head;
			return FAULT_NONE;
		}
		if (have.n + commit.n_keywords > MAILBOX_KEYWORDS_MAX)
			return fault_set(why, FAULT_LIMIT, "a mailbox has at most %d keywords",
			                 MAILBOX_KEYWORDS_MAX);
		fault = mailbox_commit(stack->store, actor, &commit, &head, why);
		if (fault && fault != FAULT_STALE)
			return fault;
	}
	return fault_set(why, FAULT_TEMP, "others kept adding keywords");
}
