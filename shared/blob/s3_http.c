/*
 * All of libcurl (s3_http.h). Connections are kept: a transfer borrows a handle,
 * and with it what that handle has open.
 */
#include "blob/s3_http.h"

#include <assert.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/rand.h"
#include "base/secret.h"
#include "blob/s3_sign.h"
#include "blob/s3_xml.h"

#define ATTEMPTS      5
#define ERROR_BYTES   8192
#define CONNECT_MS    5000
#define FIRST_WAIT_MS 100

struct s3_http {
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

static struct metric retries = {
	.kind = METRIC_COUNTER,
	.name = "posthouse_blob_s3_retries_total",
	.help = "Requests to S3 that were made again after a fault on the way or a 5xx.",
};

/* Handles. */

static struct timespec timespec_of_ms(int64_t ms)
{
	return (struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
}

static enum fault take_handle(struct transfer *t, struct why *why)
{
	struct s3_http *http = t->http;
	struct timespec until = timespec_of_ms(t->deadline);
	int late = 0;

	pthread_mutex_lock(&http->lock);
	while (!late && http->n_idle == 0 && http->n_open == http->max_open)
		late = pthread_cond_timedwait(&http->freed, &http->lock, &until);
	if (http->n_idle) {
		t->curl = http->idle[--http->n_idle];
	} else if (http->n_open < http->max_open) {
		t->curl = curl_easy_init();
		http->n_open += t->curl != NULL;
	}
	pthread_mutex_unlock(&http->lock);
	return t->curl ? FAULT_NONE
	               : fault_set(why, FAULT_TEMP, "s3: all %u connections are busy", http->max_open);
}

static void give_handle(struct transfer *t)
{
	struct s3_http *http = t->http;

	pthread_mutex_lock(&http->lock);
	http->idle[http->n_idle++] = t->curl;
	pthread_cond_signal(&http->freed);
	pthread_mutex_unlock(&http->lock);
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
	struct s3_keys keys = { t->http->access_key, t->http->region, secret_slice(t->http->secret_key) };
	struct curl_slist *list = NULL;
	struct buf authorization;
	size_t n = 0;

	s3_date(clock_now() / 1000, date);
	if (t->body.len) {
		s3_sha256_hex(t->body, sha256);
		if (s3_md5_base64(t->body, md5))
			headers[n++] = (struct s3_header){ "content-md5", md5 };
	}
	headers[n++] = (struct s3_header){ "host", t->http->host };
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
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)MAX_OF(t->http->timeout_ms / 3000, (int64_t)1));
	if (t->http->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, t->http->ca_file);
	set_body(curl, t);
}

static CURLcode attempt(struct transfer *t)
{
	struct curl_slist *headers;
	CURLcode code = CURLE_URL_MALFORMAT;
	curl_off_t len = -1;
	char path[160], url[4096];
	int fits;

	snprintf(path, sizeof(path), "/%s%s%s", t->http->bucket, *t->key ? "/" : "", t->key);
	fits =
	    snprintf(url, sizeof(url), "%s%s%s%s", t->http->endpoint, path, *t->query ? "?" : "", t->query);
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
	return fault_set(why, fault, "s3, %s %s/%s: %ld %s %s", t->method, t->http->bucket, t->key, t->status,
	                 error.code, error.message);
}

static enum fault judge_failed(struct transfer *t, CURLcode code, struct why *why)
{
	bool ours = code == CURLE_URL_MALFORMAT || code == CURLE_PEER_FAILED_VERIFICATION ||
	            code == CURLE_SSL_CACERT_BADFILE;

	if (code == CURLE_WRITE_ERROR)
		return fault_set(why, FAULT_TEMP,
		                 "s3, %s %s/%s: the answer is longer than what was asked for", t->method,
		                 t->http->bucket, t->key);
	return fault_set(why, ours ? FAULT_CONFIG : FAULT_TEMP, "s3, %s %s/%s: %s", t->method,
	                 t->http->bucket, t->key, curl_easy_strerror(code));
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

enum fault transfer_run(struct transfer *t, struct why *why)
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

/* Life. */

static void start_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
		abort(); /* out of memory */
}

struct s3_http *s3_http_new(const struct blob_conf *conf, const char *region)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct s3_http *http = xzalloc(sizeof(*http));
	pthread_condattr_t monotonic;

	pthread_once(&once, start_curl);
	http->endpoint = xstrdup(conf->s3_endpoint);
	http->host = strstr(http->endpoint, "://") + 3;
	http->region = xstrdup(region);
	http->bucket = xstrdup(conf->s3_bucket);
	http->access_key = xstrdup(conf->s3_access_key);
	http->secret_key = secret_copy(slice_str(conf->s3_secret_key));
	http->ca_file = conf->s3_ca_file && *conf->s3_ca_file ? xstrdup(conf->s3_ca_file) : NULL;
	http->timeout_ms = conf->timeout_ms;
	http->max_open = conf->connections;
	http->idle = xzalloc(conf->connections * sizeof(CURL *));
	pthread_mutex_init(&http->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&http->freed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return http;
}

void s3_http_free(struct s3_http *http)
{
	assert(http->n_idle == http->n_open);
	for (unsigned i = 0; i < http->n_idle; i++)
		curl_easy_cleanup(http->idle[i]);
	pthread_cond_destroy(&http->freed);
	pthread_mutex_destroy(&http->lock);
	secret_unref(http->secret_key);
	free(http->idle);
	free(http->endpoint);
	free(http->region);
	free(http->bucket);
	free(http->access_key);
	free(http->ca_file);
	free(http);
}

struct transfer s3_transfer_of(struct s3_http *http, const char *method, const char *key)
{
	return (struct transfer){ .http = http,
		                  .method = method,
		                  .key = key,
		                  .query = "",
		                  .deadline = clock_mono_ms() + http->timeout_ms };
}
