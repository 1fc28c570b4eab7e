/*
 * Blobs in S3: one object a blob, its key the 32 hex digits of the id, path
 * style, signed by s3_sign.h. All of libcurl is here.
 *
 * A call has one deadline. Within it a transfer that failed on the way, or got
 * a 5xx, 429 or 408, is made again after a jittered wait, at most ATTEMPTS
 * times; every request here may be made twice. Connections are kept: a call
 * borrows a handle, and with it what that handle has open.
 */
#include <assert.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/secret.h"
#include "blob/backend.h"
#include "blob/s3_sign.h"
#include "blob/s3_xml.h"

#define ATTEMPTS      5
#define PAGE_KEYS     1000
#define PAGE_BYTES    (4u << 20)
#define ERROR_BYTES   8192
#define CONNECT_MS    5000
#define FIRST_WAIT_MS 100

struct blobs_s3 {
	struct blobs blobs;
	char *endpoint;   /* "https://host:port" */
	const char *host; /* in `endpoint` */
	char *region, *bucket, *access_key, *ca_file;
	struct secret *secret_key;
	int64_t timeout_ms;
	/* the handles, under `lock` */
	pthread_mutex_t lock;
	pthread_cond_t freed;
	CURL **idle;
	unsigned n_idle, n_open, max_open;
};

struct transfer {
	struct blobs_s3 *s3;
	const char *method;
	const char *key;   /* "": the bucket */
	const char *query; /* encoded, sorted; "" when none */
	struct slice body;
	bool ranged;
	uint64_t offset, len; /* ranged: what is asked for */
	int64_t deadline;
	struct buf *out; /* the body of a 2xx */
	/* of the answer */
	CURL *curl;
	size_t out_mark;
	uint64_t seen; /* bytes of the body so far */
	struct buf error;
	long status;
	int64_t content_len;
};

static const struct blob_ops s3_ops;

static struct metric retries = {
	.kind = METRIC_COUNTER,
	.name = "posthouse_blob_s3_retries_total",
	.help = "Requests to S3 that were made again after a fault on the way or a 5xx.",
};

static struct blobs_s3 *s3_of(struct blobs *blobs)
{
	assert(blobs->ops == &s3_ops);
	return container_of(blobs, struct blobs_s3, blobs);
}

/* Handles. */

static struct timespec timespec_of_ms(int64_t ms)
{
	return (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
}

static enum fault take_handle(struct transfer *t, struct why *why)
{
	struct blobs_s3 *s3 = t->s3;
	struct timespec until = timespec_of_ms(t->deadline);
	int late = 0;

	pthread_mutex_lock(&s3->lock);
	while (!late && s3->n_idle == 0 && s3->n_open == s3->max_open)
		late = pthread_cond_timedwait(&s3->freed, &s3->lock, &until);
	if (s3->n_idle) {
		t->curl = s3->idle[--s3->n_idle];
	} else if (s3->n_open < s3->max_open) {
		t->curl = curl_easy_init();
		s3->n_open += t->curl != NULL;
	}
	pthread_mutex_unlock(&s3->lock);
	return t->curl ? FAULT_NONE
	               : fault_set(why, FAULT_TEMP, "s3: all %u connections are busy", s3->max_open);
}

static void give_handle(struct transfer *t)
{
	struct blobs_s3 *s3 = t->s3;

	pthread_mutex_lock(&s3->lock);
	s3->idle[s3->n_idle++] = t->curl;
	pthread_cond_signal(&s3->freed);
	pthread_mutex_unlock(&s3->lock);
	t->curl = NULL;
}

/* One attempt. */

/* The part of a body that was asked for: all of a 206; of a 200 to a ranged request (allowed, RFC 9110 14.2) what lies
 * in the range. */
static bool take_range(struct transfer *t, struct slice data)
{
	uint64_t start = t->status == 206 ? 0 : t->offset, end = start + t->len;
	uint64_t at = t->seen, data_end = at + data.len;

	t->seen = data_end;
	if (data_end > end && t->status == 206)
		return false; /* more than was asked for */
	if (at < start)
		data = slice_from(data, (size_t)MIN_OF(start - at, (uint64_t)data.len));
	at = MAX_OF(at, start);
	return at >= end ||
	       buf_add_slice(t->out, slice_first(data, (size_t)MIN_OF(end - at, (uint64_t)SIZE_MAX)));
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct slice part = slice_of(data, size * n);
	bool taken = true;

	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &t->status);
	if (t->status / 100 != 2)
		buf_add_slice(&t->error, slice_first(part, t->error.limit - t->error.len));
	else if (t->ranged)
		taken = take_range(t, part);
	else if (t->out)
		taken = buf_add_slice(t->out, part);
	return taken ? part.len : CURL_WRITEFUNC_ERROR;
}

static void add_header(struct curl_slist **list, const char *name, const char *value)
{
	char line[1024];

	snprintf(line, sizeof(line), "%s: %s", name, value);
	*list = curl_slist_append(*list, line);
	if (!*list)
		abort(); /* out of memory */
}

/* The signed headers in the order that signing wants, then those that need no signature. */
static struct curl_slist *make_headers(const struct transfer *t, const char *path)
{
	char date[17], sha256[65] = S3_EMPTY_SHA256, md5[25], range[64];
	struct s3_header headers[5];
	struct s3_request request = { t->method, path, t->query, headers, 0, sha256, date };
	struct s3_keys keys = { t->s3->access_key, t->s3->region, secret_slice(t->s3->secret_key) };
	struct curl_slist *list = NULL;
	struct buf authorization;
	size_t n = 0;

	s3_date(clock_now() / 1000, date);
	if (t->body.len) {
		s3_sha256_hex(t->body, sha256);
		if (s3_md5_base64(t->body, md5))
			headers[n++] = (struct s3_header){ "content-md5", md5 };
	}
	headers[n++] = (struct s3_header){ "host", t->s3->host };
	if (t->ranged && t->len) {
		snprintf(range, sizeof(range), "bytes=%llu-%llu", (unsigned long long)t->offset,
		         (unsigned long long)(t->offset + t->len - 1));
		headers[n++] = (struct s3_header){ "range", range };
	}
	headers[n++] = (struct s3_header){ "x-amz-content-sha256", sha256 };
	headers[n++] = (struct s3_header){ "x-amz-date", date };
	request.n_headers = n;
	buf_init(&authorization, 900);
	if (s3_sign(&request, &keys, &authorization) && buf_addc(&authorization, '\0')) {
		for (size_t i = 0; i < n; i++)
			add_header(&list, headers[i].name, headers[i].value);
		add_header(&list, "Authorization", (const char *)authorization.data);
		add_header(&list, "Content-Type", "application/octet-stream");
		add_header(&list, "Expect", ""); /* no 100-continue: a round trip for nothing */
	}
	buf_done(&authorization);
	return list;
}

static void set_body(CURL *curl, const struct transfer *t)
{
	if (strcmp(t->method, "PUT") == 0) {
		curl_easy_setopt(curl, CURLOPT_POST, 1L);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, t->body.len ? (const char *)t->body.data : "");
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.len);
	}
	if (strcmp(t->method, "HEAD") == 0)
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, t->method);
}

static void set_options(CURL *curl, struct transfer *t, const char *url, struct curl_slist *headers)
{
	int64_t left = MAX_OF(t->deadline - clock_mono_ms(), (int64_t)1);

	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* none from the environment */
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "posthouse");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)MIN_OF(left, (int64_t)CONNECT_MS));
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)left);
	/* a peer that went silent leaves time for another attempt */
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)MAX_OF(t->s3->timeout_ms / 3000, (int64_t)1));
	if (t->s3->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, t->s3->ca_file);
	set_body(curl, t);
}

static CURLcode attempt(struct transfer *t)
{
	struct curl_slist *headers;
	CURLcode code = CURLE_URL_MALFORMAT;
	curl_off_t len = -1;
	char path[160], url[4096];
	int fits;

	snprintf(path, sizeof(path), "/%s%s%s", t->s3->bucket, *t->key ? "/" : "", t->key);
	fits = snprintf(url, sizeof(url), "%s%s%s%s", t->s3->endpoint, path, *t->query ? "?" : "", t->query);
	headers = make_headers(t, path);
	t->status = 0;
	t->seen = 0;
	buf_clear(&t->error);
	if (t->out)
		t->out->len = t->out_mark;
	if (headers && fits > 0 && (size_t)fits < sizeof(url)) {
		set_options(t->curl, t, url, headers);
		code = curl_easy_perform(t->curl);
		curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &t->status);
		curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &len);
		t->content_len = len;
	}
	curl_slist_free_all(headers);
	return code;
}

/* All attempts. */

static bool is_worth_another(CURLcode code, long status)
{
	switch (code) {
	case CURLE_OK:
		return (status >= 500 && status != 501 && status != 507) || status == 429 || status == 408;
	case CURLE_URL_MALFORMAT:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_WRITE_ERROR:
		return false;
	default:
		return true;
	}
}

/* What the peer's answer means; the body of an error says more than its number. */
static enum fault judge(struct transfer *t, struct why *why)
{
	struct s3_error error;
	enum fault fault = FAULT_TEMP;

	if (t->status / 100 == 2)
		return FAULT_NONE;
	s3_xml_error(buf_slice(&t->error), &error);
	if (t->status == 404)
		fault = strcmp(error.code, "NoSuchBucket") == 0 ? FAULT_CONFIG : FAULT_NOT_FOUND;
	else if (t->status == 416)
		fault = FAULT_CORRUPT;
	else if (t->status == 507 || strcmp(error.code, "QuotaExceeded") == 0)
		fault = FAULT_FULL;
	else if (t->status == 401 || t->status == 403 || t->status / 100 == 3)
		fault = FAULT_CONFIG;
	return fault_set(why, fault, "s3, %s %s/%s: %ld %s %s", t->method, t->s3->bucket, t->key, t->status,
	                 error.code, error.message);
}

static enum fault judge_failed(struct transfer *t, CURLcode code, struct why *why)
{
	bool ours = code == CURLE_URL_MALFORMAT || code == CURLE_PEER_FAILED_VERIFICATION ||
	            code == CURLE_SSL_CACERT_BADFILE;

	if (code == CURLE_WRITE_ERROR)
		return fault_set(why, FAULT_TEMP,
		                 "s3, %s %s/%s: the answer is longer than what was asked for", t->method,
		                 t->s3->bucket, t->key);
	return fault_set(why, ours ? FAULT_CONFIG : FAULT_TEMP, "s3, %s %s/%s: %s", t->method, t->s3->bucket,
	                 t->key, curl_easy_strerror(code));
}

/* False when there is no time for it. */
static bool wait_for_next(const struct transfer *t, unsigned made)
{
	int64_t ms = rand_jitter((int64_t)FIRST_WAIT_MS << made);
	struct timespec left = timespec_of_ms(ms);

	if (clock_mono_ms() + ms >= t->deadline)
		return false;
	while (nanosleep(&left, &left) != 0)
		;
	return true;
}

/* The answer is in `t`; a fault for everything but a 2xx. */
static enum fault perform(struct transfer *t, struct why *why)
{
	enum fault fault = take_handle(t, why);
	CURLcode code;

	if (fault)
		return fault;
	t->out_mark = t->out ? t->out->len : 0;
	buf_init(&t->error, ERROR_BYTES);
	for (unsigned made = 0;; made++) {
		code = attempt(t);
		if (!is_worth_another(code, t->status) || made + 1 == ATTEMPTS || !wait_for_next(t, made))
			break;
		metric_inc(&retries);
	}
	fault = code == CURLE_OK ? judge(t, why) : judge_failed(t, code, why);
	give_handle(t);
	buf_done(&t->error);
	return fault;
}

static struct transfer transfer_of(struct blobs *blobs, const char *method, const char *key)
{
	struct blobs_s3 *s3 = s3_of(blobs);

	return (struct transfer){ .s3 = s3,
		                  .method = method,
		                  .key = key,
		                  .query = "",
		                  .deadline = clock_mono_ms() + s3->timeout_ms };
}

/* The operations. */

static enum fault s3_put(struct blobs *blobs, const struct id *id, struct slice data, struct why *why)
{
	struct id_text key = id_print(id);
	struct transfer t = transfer_of(blobs, "PUT", key.text);
	enum fault fault;

	t.body = data;
	fault = perform(&t, why);
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
	fault = perform(t, why);
	if (!fault && t->content_len >= 0 && t->offset > (uint64_t)t->content_len)
		fault = fault_set(why, FAULT_CORRUPT, "s3: %s ends at %lld, before %llu", t->key,
		                  (long long)t->content_len, (unsigned long long)t->offset);
	return fault;
}

static enum fault s3_get(struct blobs *blobs, const struct id *id, uint64_t offset, uint64_t len,
                         struct buf *out, struct why *why)
{
	struct id_text key = id_print(id);
	struct transfer t = transfer_of(blobs, "GET", key.text);
	enum fault fault;

	t.offset = offset;
	t.len = len;
	t.ranged = true;
	t.out = out;
	if (len == 0)
		return get_nothing(&t, why);
	fault = perform(&t, why);
	if (!fault && out->len - t.out_mark < len)
		fault =
		    fault_set(why, FAULT_CORRUPT, "s3: %s gives %zu bytes at %llu instead of %llu", key.text,
		              out->len - t.out_mark, (unsigned long long)offset, (unsigned long long)len);
	return fault;
}

static enum fault s3_del(struct blobs *blobs, const struct id *id, struct why *why)
{
	struct id_text key = id_print(id);
	struct transfer t = transfer_of(blobs, "DELETE", key.text);
	enum fault fault = perform(&t, why);

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
		fault = perform(t, why);
	if (!fault && !s3_xml_list(buf_slice(&xml), PAGE_KEYS, scratch, &page))
		fault = fault_set(why, FAULT_TEMP, "s3: the list of %s is malformed", t->s3->bucket);
	if (!fault && !take_page(&page, after, list))
		fault =
		    fault_set(why, FAULT_CONFIG, "s3: %s is not listed in ascending order", t->s3->bucket);
	if (!fault && page.truncated && slice_eq(page.next, buf_slice(token)))
		fault = fault_set(why, FAULT_TEMP, "s3: the list of %s does not go on", t->s3->bucket);
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
	struct transfer t = transfer_of(blobs, "GET", "");
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
	struct transfer t = transfer_of(blobs, "HEAD", "");

	return perform(&t, why);
}

static void s3_close(struct blobs *blobs)
{
	struct blobs_s3 *s3 = s3_of(blobs);

	assert(s3->n_idle == s3->n_open);
	for (unsigned i = 0; i < s3->n_idle; i++)
		curl_easy_cleanup(s3->idle[i]);
	pthread_cond_destroy(&s3->freed);
	pthread_mutex_destroy(&s3->lock);
	secret_unref(s3->secret_key);
	free(s3->idle);
	free(s3->endpoint);
	free(s3->region);
	free(s3->bucket);
	free(s3->access_key);
	free(s3->ca_file);
	free(s3);
}

static const struct blob_ops s3_ops = { "s3", s3_put, s3_get, s3_del, s3_list, s3_ping, s3_close };

/* Opening. */

static enum fault make_bucket(struct blobs *blobs, struct why *why)
{
	struct blobs_s3 *s3 = s3_of(blobs);
	struct transfer t = transfer_of(blobs, "PUT", "");
	struct buf where;
	enum fault fault;

	buf_init(&where, 512);
	if (strcmp(s3->region, "us-east-1") != 0)
		buf_printf(&where,
		           "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
		           "<LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>",
		           s3->region);
	t.body = buf_slice(&where);
	fault = perform(&t, why);
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

static struct blobs_s3 *s3_new(const struct blob_conf *conf, const char *region)
{
	struct blobs_s3 *s3 = xzalloc(sizeof(*s3));
	pthread_condattr_t monotonic;

	s3->blobs.ops = &s3_ops;
	s3->endpoint = xstrdup(conf->s3_endpoint);
	s3->host = strstr(s3->endpoint, "://") + 3;
	s3->region = xstrdup(region);
	s3->bucket = xstrdup(conf->s3_bucket);
	s3->access_key = xstrdup(conf->s3_access_key);
	s3->secret_key = secret_copy(slice_str(conf->s3_secret_key));
	s3->ca_file = conf->s3_ca_file && *conf->s3_ca_file ? xstrdup(conf->s3_ca_file) : NULL;
	s3->timeout_ms = conf->timeout_ms;
	s3->max_open = conf->connections;
	s3->idle = xzalloc(conf->connections * sizeof(*s3->idle));
	pthread_mutex_init(&s3->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&s3->freed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return s3;
}

static void start_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		abort(); /* out of memory */
}

enum fault blob_s3_open(const struct blob_conf *conf, struct blobs **ret, struct why *why)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const char *region = conf->s3_region && *conf->s3_region ? conf->s3_region : "us-east-1";
	struct blobs_s3 *s3;
	enum fault fault = check_conf(conf, region, why);

	if (fault)
		return fault;
	pthread_once(&once, start_curl);
	s3 = s3_new(conf, region);
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
