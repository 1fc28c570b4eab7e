/*
 * The relaxed canonical body, hashed (RFC 6376 3.4.4): blanks at the end of a
 * line go, runs of blanks are one, empty lines at the end go, and what is left
 * ends in CRLF unless nothing is left.
 *
 * Nothing is decided before the next visible byte: line ends and blanks are
 * counted, and put only when something follows them.
 */
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/arena.h"
#include "sign.h"

#define OUT_SIZE 8192

struct sign_body {
	EVP_MD_CTX *md;
	uint64_t lines; /* line ends since the last visible byte */
	bool blank;     /* blanks since then, in this line */
	bool cr;        /* a CR, and what it is depends on the next byte */
	bool any;       /* something visible was put */
	size_t n;
	uint8_t out[OUT_SIZE];
};

struct sign_body *sign_body_new(void)
{
	struct sign_body *body = xzalloc(sizeof(*body));

	body->md = EVP_MD_CTX_new();
	if (!body->md || EVP_DigestInit_ex(body->md, EVP_sha256(), NULL) != 1)
		abort(); /* it fails for want of memory only */
	return body;
}

void sign_body_free(struct sign_body *body)
{
	if (!body)
		return;
	EVP_MD_CTX_free(body->md);
	free(body);
}

static void put(struct sign_body *body, uint8_t c)
{
	if (body->n == OUT_SIZE) {
		EVP_DigestUpdate(body->md, body->out, body->n);
		body->n = 0;
	}
	body->out[body->n++] = c;
}

static void put_visible(struct sign_body *body, uint8_t c)
{
	for (; body->lines; body->lines--) {
		put(body, '\r');
		put(body, '\n');
	}
	if (body->blank)
		put(body, ' ');
	body->blank = false;
	body->any = true;
	put(body, c);
}

static void feed_byte(struct sign_body *body, uint8_t c)
{
	if (body->cr) {
		body->cr = false;
		if (c == '\n') {
			body->blank = false;
			body->lines++;
			return;
		}
		put_visible(body, '\r');
	}
	if (c == '\r')
		body->cr = true;
	else if (c == ' ' || c == '\t')
		body->blank = true;
	else
		put_visible(body, c);
}

void sign_body_feed(struct sign_body *body, struct slice chunk)
{
	for (size_t i = 0; i < chunk.len; i++)
		feed_byte(body, chunk.data[i]);
}

void sign_body_end(struct sign_body *body, uint8_t ret_hash[SIGN_HASH])
{
	if (body->cr)
		put_visible(body, '\r');
	body->cr = body->blank = false;
	body->lines = 0;
	if (body->any) {
		put(body, '\r');
		put(body, '\n');
	}
	EVP_DigestUpdate(body->md, body->out, body->n);
	EVP_DigestFinal_ex(body->md, ret_hash, NULL);
}
