/* Small documents over HTTPS (fetch.h): libcurl, a handle each. */
#include "suite/fetch.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>

struct body {
	struct buf *out;
	bool full;
};

static void start_curl(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		abort();
}

static bool is_here(struct slice host)
{
	static const char *const here[] = { "127.0.0.1", "[::1]", "localhost" };

	for (size_t i = 0; i < ARRAY_LEN(here); i++) {
		const size_t len = strlen(here[i]);

		if (slice_is(slice_first(host, len), here[i]) &&
		    (host.len == len || host.data[len] == ':' || host.data[len] == '/'))
			return true;
	}
	return false;
}

bool fetch_is_url(const char *url)
{
	const struct slice text = slice_str(url);

	return slice_istarts(text, "https://") ||
	       (slice_istarts(text, "http://") && is_here(slice_from(text, 7)));
}

void fetch_add_escaped(struct buf *out, struct slice value)
{
	for (size_t i = 0; i < value.len; i++) {
		const uint8_t c = value.data[i];

		if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
		    c == '.' || c == '_')
			buf_addc(out, c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static size_t on_body(char *data, size_t size, size_t n, void *arg)
{
	struct body *body = arg;

	body->full = !buf_add_slice(body->out, slice_of(data, size * n));
	return body->full ? CURL_WRITEFUNC_ERROR : size * n;
}

static void set_options(CURL *curl, const struct fetch *fetch, struct body *body)
{
	curl_easy_setopt(curl, CURLOPT_URL, fetch->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* none from the environment */
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "posthouse");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)fetch->timeout_ms);
	if (*fetch->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, fetch->ca_file);
	if (fetch->form)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, fetch->form);
	if (fetch->user_colon_password) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(curl, CURLOPT_USERPWD, fetch->user_colon_password);
	}
}

enum fault fetch_get(const struct fetch *fetch, struct buf *out, struct why *why)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct body body = { .out = out };
	long status = 0;
	CURLcode code;
	CURL *curl;

	pthread_once(&once, start_curl);
	curl = curl_easy_init();
	if (!curl)
		abort();
	set_options(curl, fetch, &body);
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	if (body.full)
		return fault_set(why, FAULT_TEMP, "%s: more than %zu bytes", fetch->url, out->limit);
	if (code)
		return fault_set(why, FAULT_TEMP, "%s: %s", fetch->url, curl_easy_strerror(code));
	if (status != 200)
		return fault_set(why, FAULT_TEMP, "%s: status %ld", fetch->url, status);
	return FAULT_NONE;
}
