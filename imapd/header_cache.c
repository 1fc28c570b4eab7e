/* Headers that a view remembers (header_cache.h): pages of UIDs, sorted. */
#include "header_cache.h"

#include <stdlib.h>

#include "base/arena.h"
#include "mail/header.h"

#define PAGE 256 /* UIDs */

struct digest {
	uint32_t len;
	uint8_t text[];
};

struct page {
	uint32_t number;
	struct digest *digests[PAGE];
};

struct header_cache {
	struct page **pages; /* ascending */
	uint32_t n, cap;
	size_t memory;
};

static size_t all_memory; /* of all caches, which are the loop's */

/* ---- digests ---- */

static const char *const names[] = {
	"Date", "Subject", "From", "To", "Cc", "Bcc", "Message-ID", "References", "In-Reply-To",
};

bool header_digest_has(struct slice name)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (slice_is(name, names[i]))
			return true;
	return false;
}

/* The fields that are wanted and are, or are not, the subject. */
static bool add_fields(struct buf *out, struct slice header, bool subject)
{
	struct header_iter it = header_iter_of(header);
	struct header_field field;

	while (header_next(&it, &field)) {
		const struct slice whole = slice_of(header.data + field.start, field.end - field.start);

		if (slice_is(field.name, "Subject") != subject || !header_digest_has(field.name))
			continue;
		if (out->len && out->data[out->len - 1] != '\n')
			buf_adds(out, "\r\n"); /* the message ended in that field */
		if (!buf_add_slice(out, whole))
			return false;
	}
	return true;
}

/* The subject comes first: it is what is looked for most. */
struct slice header_digest(struct arena *arena, struct slice header)
{
	struct slice digest = { NULL, 0 };
	struct buf text;

	buf_init(&text, HEADER_DIGEST_MAX);
	if (add_fields(&text, header, true) && add_fields(&text, header, false))
		digest = text.len ? arena_copy(arena, buf_slice(&text)) : SLICE("");
	buf_done(&text);
	return digest;
}

/* ---- the cache ---- */

struct header_cache *header_cache_new(void)
{
	struct header_cache *cache = xzalloc(sizeof(*cache));

	return cache;
}

static void count(struct header_cache *cache, size_t bytes)
{
	cache->memory += bytes;
	all_memory += bytes;
}

static void clear(struct header_cache *cache)
{
	for (uint32_t i = 0; i < cache->n; i++) {
		for (size_t k = 0; k < PAGE; k++)
			free(cache->pages[i]->digests[k]);
		free(cache->pages[i]);
	}
	cache->n = 0;
	all_memory -= cache->memory;
	cache->memory = 0;
}

void header_cache_free(struct header_cache *cache)
{
	if (!cache)
		return;
	clear(cache);
	free(cache->pages);
	free(cache);
}

size_t header_cache_memory(const struct header_cache *cache)
{
	return cache ? cache->memory : 0;
}

/* The first page with that number or a higher one. */
static uint32_t find(const struct header_cache *cache, uint32_t number)
{
	uint32_t from = 0, to = cache->n;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;

		if (cache->pages[middle]->number < number)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

struct slice header_cache_get(const struct header_cache *cache, uint32_t uid)
{
	uint32_t at = cache ? find(cache, uid / PAGE) : 0;
	const struct digest *digest;

	if (!cache || at == cache->n || cache->pages[at]->number != uid / PAGE)
		return slice_of(NULL, 0);
	digest = cache->pages[at]->digests[uid % PAGE];
	return digest ? slice_of(digest->text, digest->len) : slice_of(NULL, 0);
}

static struct page *page_for(struct header_cache *cache, uint32_t number)
{
	uint32_t at = find(cache, number);

	if (at < cache->n && cache->pages[at]->number == number)
		return cache->pages[at];
	if (cache->n == cache->cap) {
		cache->cap = cache->cap ? 2 * cache->cap : 16;
		cache->pages = xrealloc(cache->pages, cache->cap * sizeof(*cache->pages));
	}
	memmove(cache->pages + at + 1, cache->pages + at, (cache->n - at) * sizeof(*cache->pages));
	cache->pages[at] = xzalloc(sizeof(struct page));
	cache->pages[at]->number = number;
	cache->n++;
	count(cache, sizeof(struct page));
	return cache->pages[at];
}

void header_cache_put(struct header_cache *cache, uint32_t uid, struct slice text)
{
	struct digest *digest, **place;

	if (cache->memory > HEADER_CACHE_MAX)
		clear(cache);
	if (all_memory > HEADER_CACHES_MAX)
		return;
	place = &page_for(cache, uid / PAGE)->digests[uid % PAGE];
	if (*place)
		return; /* it says the same */
	digest = xmalloc(sizeof(*digest) + text.len);
	digest->len = (uint32_t)text.len;
	if (text.len)
		memcpy(digest->text, text.data, text.len);
	*place = digest;
	count(cache, sizeof(*digest) + text.len);
}
