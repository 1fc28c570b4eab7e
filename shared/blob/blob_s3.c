/*
 * Blobs in S3: one object a blob, its key the 32 hex digits of the id, path
 * style (s3_http.h makes the requests). Keys that are no ids are not ours: lists
 * pass over them.
 */
#include <assert.h>
#include <stdlib.h>

#include "blob/backend.h"
#include "blob/s3_http.h"
#include "blob/s3_sign.h"
#include "blob/s3_xml.h"

#define PAGE_KEYS  1000
#define PAGE_BYTES (4u << 20)

struct blobs_s3 {
	struct blobs blobs;
	struct s3_http *http;
	char *region;
};

static const struct blob_ops s3_ops;

static struct blobs_s3 *s3_of(struct blobs *blobs)
{
	assert(blobs->ops == &s3_ops);
	return container_of(blobs, struct blobs_s3, blobs);
}

static enum fault s3_put(struct blobs *blobs, const struct id *id, struct slice data, struct why *why)
{
	struct id_text key = id_print(id);
	struct transfer t = s3_transfer_of(s3_of(blobs)->http, "PUT", key.text);
	enum fault fault;

	t.body = data;
	fault = transfer_run(&t, why);
	/* it is a bucket that a PUT does not find */
	return fault == FAULT_NOT_FOUND ? FAULT_CONFIG : fault;
}

/* A range of no bytes cannot be asked for: only whether the object is there, and reaches so far. */
static enum fault get_nothing(struct transfer *t, struct why *why)
{
	enum fault fault;

	t->method = "HEAD";
	t->ranged = false;
	t->out = NULL;
	fault = transfer_run(t, why);
	if (!fault && t->content_len >= 0 && t->offset > (uint64_t)t->content_len)
		fault = fault_set(why, FAULT_CORRUPT, "s3: %s ends at %lld, before %llu", t->key,
		                  (long long)t->content_len, (unsigned long long)t->offset);
	return fault;
}

static enum fault s3_get(struct blobs *blobs, const struct id *id, uint64_t offset, uint64_t len,
                         struct buf *out, struct why *why)
{
	struct id_text key = id_print(id);
	struct transfer t = s3_transfer_of(s3_of(blobs)->http, "GET", key.text);
	enum fault fault;

	t.offset = offset;
	t.len = len;
	t.ranged = true;
	t.out = out;
	if (len == 0)
		return get_nothing(&t, why);
	fault = transfer_run(&t, why);
	if (!fault && out->len - t.out_mark < len)
		fault =
		    fault_set(why, FAULT_CORRUPT, "s3: %s gives %zu bytes at %llu instead of %llu", key.text,
		              out->len - t.out_mark, (unsigned long long)offset, (unsigned long long)len);
	return fault;
}

static enum fault s3_del(struct blobs *blobs, const struct id *id, struct why *why)
{
	struct id_text key = id_print(id);
	struct transfer t = s3_transfer_of(s3_of(blobs)->http, "DELETE", key.text);
	enum fault fault = transfer_run(&t, why);

	return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
}

static bool print_query(struct buf *query, const struct blob_list *list, const struct id *after,
                        struct slice token)
{
	buf_clear(query);
	if (token.len) {
		buf_adds(query, "continuation-token=");
		s3_encode(query, token);
		buf_addc(query, '&');
	}
	buf_printf(query, "list-type=2&max-keys=%zu", MIN_OF(list->max - list->n, (size_t)PAGE_KEYS));
	if (!token.len && after)
		buf_printf(query, "&start-after=%s", id_print(after).text);
	return buf_addc(query, '\0');
}

/* What of the page is ours. False when it is not ascending: then no sweep could rest on it. */
static bool take_page(const struct s3_page *page, const struct id *after, struct blob_list *list)
{
	for (size_t i = 0; i < page->n; i++) {
		const struct s3_object *object = &page->objects[i];
		const struct id *last = list->n ? &list->items[list->n - 1].id : after;
		struct blob_info info = { .size = object->size, .created = object->modified };

		if (!id_parse(object->key, &info.id))
			continue;
		if (last && memcmp(info.id.raw, last->raw, sizeof(last->raw)) <= 0)
			return false;
		blob_list_add(list, &info);
	}
	return true;
}

/* One page; `token` goes in as the page's and comes out as the next one's, empty after the last. */
static enum fault read_page(struct transfer *t, const struct id *after, struct buf *token,
                            struct blob_list *list, struct why *why)
{
	struct arena *scratch = arena_new();
	struct s3_page page = { 0 };
	struct buf query, xml;
	enum fault fault = FAULT_NONE;

	buf_init(&query, 3 * token->limit + 128);
	buf_init(&xml, PAGE_BYTES);
	if (!print_query(&query, list, after, buf_slice(token)))
		fault = fault_set(why, FAULT_TEMP, "s3: the continuation token is too long");
	t->query = (const char *)query.data;
	t->out = &xml;
	if (!fault)
		fault = transfer_run(t, why);
	if (!fault && !s3_xml_list(buf_slice(&xml), PAGE_KEYS, scratch, &page))
		fault = fault_set(why, FAULT_TEMP, "s3: the list is malformed");
	if (!fault && !take_page(&page, after, list))
		fault = fault_set(why, FAULT_CONFIG, "s3: the list is not in ascending order");
	if (!fault && page.truncated && slice_eq(page.next, buf_slice(token)))
		fault = fault_set(why, FAULT_TEMP, "s3: the list does not go on");
	buf_clear(token);
	if (!fault && page.truncated && !buf_add_slice(token, page.next))
		fault = fault_set(why, FAULT_TEMP, "s3: the continuation token is too long");
	buf_done(&xml);
	buf_done(&query);
	arena_free(scratch);
	return fault == FAULT_NOT_FOUND ? FAULT_CONFIG : fault;
}

static enum fault s3_list(struct blobs *blobs, const struct id *after, size_t max, struct arena *arena,
                          struct blob_info **ret, size_t *ret_n, struct why *why)
{
	struct transfer t = s3_transfer_of(s3_of(blobs)->http, "GET", "");
	struct blob_list list = { .arena = arena, .max = max };
	enum fault fault;
	struct buf token;

	buf_init(&token, 1024);
	do {
		fault = read_page(&t, after, &token, &list, why);
	} while (!fault && token.len && list.n < max);
	buf_done(&token);
	if (fault)
		return fault;
	*ret = list.items;
	*ret_n = list.n;
	return FAULT_NONE;
}

static enum fault s3_ping(struct blobs *blobs, struct why *why)
{
	struct transfer t = s3_transfer_of(s3_of(blobs)->http, "HEAD", "");

	return transfer_run(&t, why);
}

static void s3_close(struct blobs *blobs)
{
	struct blobs_s3 *s3 = s3_of(blobs);

	s3_http_free(s3->http);
	free(s3->region);
	free(s3);
}

static const struct blob_ops s3_ops = { "s3", s3_put, s3_get, s3_del, s3_list, s3_ping, s3_close };

/* Opening. */

static enum fault make_bucket(struct blobs *blobs, struct why *why)
{
	struct blobs_s3 *s3 = s3_of(blobs);
	struct transfer t = s3_transfer_of(s3->http, "PUT", "");
	struct buf where;
	enum fault fault;

	buf_init(&where, 512);
	if (strcmp(s3->region, "us-east-1") != 0)
		buf_printf(&where,
		           "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
		           "<LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>",
		           s3->region);
	t.body = buf_slice(&where);
	fault = transfer_run(&t, why);
	buf_done(&where);
	/* another daemon may have been quicker */
	return fault && t.status == 409 ? s3_ping(blobs, why) : fault;
}

static bool is_made_of(const char *text, const char *letters, size_t max)
{
	size_t len = text ? strlen(text) : 0;

	return len > 0 && len <= max && strspn(text, letters) == len;
}

static enum fault check_conf(const struct blob_conf *conf, const char *region, struct why *why)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyz0123456789.-";
	static const char host[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:[]";
	static const char key[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_.-";
	const char *at = conf->s3_endpoint ? strstr(conf->s3_endpoint, "://") : NULL;

	if (!at ||
	    (strncmp(conf->s3_endpoint, "http://", 7) != 0 && strncmp(conf->s3_endpoint, "https://", 8) != 0))
		return fault_set(why, FAULT_CONFIG, "s3_endpoint is not http://HOST:PORT or https://HOST");
	if (!is_made_of(at + 3, host, 255))
		return fault_set(why, FAULT_CONFIG, "s3_endpoint has more than a host and a port");
	if (!is_made_of(conf->s3_bucket, name, 63))
		return fault_set(why, FAULT_CONFIG, "s3_bucket is not a bucket's name");
	if (!is_made_of(region, name, 63))
		return fault_set(why, FAULT_CONFIG, "s3_region is not a region's name");
	if (!is_made_of(conf->s3_access_key, key, 128) || !conf->s3_secret_key || !*conf->s3_secret_key ||
	    strlen(conf->s3_secret_key) > 256)
		return fault_set(why, FAULT_CONFIG, "s3_access_key and s3_secret_key are needed");
	return FAULT_NONE;
}

enum fault blob_s3_open(const struct blob_conf *conf, struct blobs **ret, struct why *why)
{
	const char *region = conf->s3_region && *conf->s3_region ? conf->s3_region : "us-east-1";
	struct blobs_s3 *s3;
	enum fault fault = check_conf(conf, region, why);

	if (fault)
		return fault;
	s3 = xzalloc(sizeof(*s3));
	s3->blobs.ops = &s3_ops;
	s3->region = xstrdup(region);
	s3->http = s3_http_new(conf, region);
	fault = s3_ping(&s3->blobs, why);
	if (fault == FAULT_NOT_FOUND)
		fault = make_bucket(&s3->blobs, why);
	if (fault) {
		s3_close(&s3->blobs);
		return fault == FAULT_CONFIG ? FAULT_CONFIG : FAULT_TEMP;
	}
	*ret = &s3->blobs;
	return FAULT_NONE;
}
