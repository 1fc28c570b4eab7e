/* AWS Signature Version 4 (s3_sign.h), on OpenSSL's SHA-256 and HMAC. */
#include "blob/s3_sign.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <time.h>

#include "base/base64.h"
#include "base/secret.h"

#define SHA256_LEN 32

static void print_hex(const uint8_t *raw, size_t len, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		ret[2 * i] = digits[raw[i] >> 4];
		ret[2 * i + 1] = digits[raw[i] & 15];
	}
	ret[2 * len] = '\0';
}

void s3_sha256_hex(struct slice data, char ret[65])
{
	uint8_t hash[SHA256_LEN];
	int done = EVP_Digest(data.data, data.len, hash, NULL, EVP_sha256(), NULL);

	assert(done == 1);
	(void)done;
	print_hex(hash, sizeof(hash), ret);
}

bool s3_md5_base64(struct slice data, char ret[25])
{
	uint8_t hash[16];
	struct buf text;

	if (EVP_Digest(data.data, data.len, hash, NULL, EVP_md5(), NULL) != 1)
		return false;
	buf_init(&text, 25);
	base64_encode(&text, slice_of(hash, sizeof(hash)));
	buf_addc(&text, '\0');
	memcpy(ret, text.data, 25);
	buf_done(&text);
	return true;
}

void s3_date(int64_t seconds, char ret[17])
{
	time_t when = (time_t)seconds;
	struct tm tm;

	gmtime_r(&when, &tm);
	strftime(ret, 17, "%Y%m%dT%H%M%SZ", &tm);
}

bool s3_encode(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		             c == '-' || c == '.' || c == '_' || c == '~';

		if (plain ? !buf_addc(out, c) : !buf_printf(out, "%%%02X", c))
			return false;
	}
	return true;
}

static void hmac(const void *key, size_t key_len, struct slice data, uint8_t ret[SHA256_LEN])
{
	unsigned len = 0;
	const void *done = HMAC(EVP_sha256(), key, (int)key_len, data.data, data.len, ret, &len);

	assert(done && len == SHA256_LEN);
	(void)done;
}

/* "host;x-amz-date" */
static void add_signed_names(struct buf *out, const struct s3_request *request)
{
	for (size_t i = 0; i < request->n_headers; i++) {
		assert(i == 0 || strcmp(request->headers[i - 1].name, request->headers[i].name) < 0);
		buf_printf(out, "%s%s", i ? ";" : "", request->headers[i].name);
	}
}

static bool hash_canonical(const struct s3_request *request, size_t limit, char ret[65])
{
	struct buf text;
	bool fits;

	buf_init(&text, limit);
	buf_printf(&text, "%s\n%s\n%s\n", request->method, request->path, request->query);
	for (size_t i = 0; i < request->n_headers; i++) {
		struct slice value = slice_trim(slice_str(request->headers[i].value));

		buf_printf(&text, "%s:%.*s\n", request->headers[i].name, SLICE_FMT(value));
	}
	buf_addc(&text, '\n');
	add_signed_names(&text, request);
	buf_printf(&text, "\n%s", request->payload_sha256);
	fits = !text.overflow;
	if (fits)
		s3_sha256_hex(buf_slice(&text), ret);
	buf_done(&text);
	return fits;
}

/* HMAC over HMAC: date, region, service, "aws4_request", then what is signed. */
static void sign(const struct s3_keys *keys, const char *date, struct slice text, char ret[65])
{
	uint8_t key[4 + 256], hash[SHA256_LEN];
	size_t len = MIN_OF(keys->secret_key.len, sizeof(key) - 4);

	memcpy(key, "AWS4", 4);
	memcpy(key + 4, keys->secret_key.data, len);
	hmac(key, len + 4, slice_of(date, 8), hash);
	hmac(hash, sizeof(hash), slice_str(keys->region), hash);
	hmac(hash, sizeof(hash), SLICE("s3"), hash);
	hmac(hash, sizeof(hash), SLICE("aws4_request"), hash);
	hmac(hash, sizeof(hash), text, hash);
	print_hex(hash, sizeof(hash), ret);
	secret_wipe(key, sizeof(key));
}

bool s3_sign(const struct s3_request *request, const struct s3_keys *keys, struct buf *ret)
{
	char canonical[65], signature[65];
	struct buf text;
	bool fits;

	if (!hash_canonical(request, 16384, canonical))
		return false;
	buf_init(&text, 512);
	buf_printf(&text, "AWS4-HMAC-SHA256\n%s\n%.8s/%s/s3/aws4_request\n%s", request->date, request->date,
	           keys->region, canonical);
	fits = !text.overflow;
	if (fits)
		sign(keys, request->date, buf_slice(&text), signature);
	buf_done(&text);
	if (!fits)
		return false;
	buf_printf(ret,
	           "AWS4-HMAC-SHA256 Credential=%s/%.8s/%s/s3/aws4_request,SignedHeaders=", keys->access_key,
	           request->date, keys->region);
	add_signed_names(ret, request);
	return buf_printf(ret, ",Signature=%s", signature);
}
