/* Keys, the header's part of a signature, and the signature itself (sign.h). The body's part is sign_body.c. */
#include "sign.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/base64.h"
#include "mail/address_list.h"
#include "mail/header.h"
#include "mail/idna.h"

enum {
	SAME_MAX = 50,           /* fields of one name that are signed */
	LINE = 74,               /* folded behind this column */
	SIGNATURE_MAX = 1024,    /* bytes of it: RSA with 8192 bits */
	CANONICAL_MAX = 1 << 24, /* more than any header that is loaded */
};

/* RFC 6376 5.4.1, and what mail clients show or answer to. ALWAYS: once more than there are, even when there is none.
 * The other fields are added by mailing lists and forwarders on their way, and may be. */
enum { WHEN_THERE, ALWAYS };
static const struct {
	const char *name;
	int oversign;
} signed_fields[] = {
	{ "from", ALWAYS },
	{ "reply-to", ALWAYS },
	{ "subject", ALWAYS },
	{ "date", ALWAYS },
	{ "message-id", ALWAYS },
	{ "to", ALWAYS },
	{ "cc", ALWAYS },
	{ "in-reply-to", ALWAYS },
	{ "references", ALWAYS },
	{ "mime-version", ALWAYS },
	{ "content-type", ALWAYS },
	{ "content-transfer-encoding", ALWAYS },
	{ "sender", WHEN_THERE },
	{ "content-id", WHEN_THERE },
	{ "content-description", WHEN_THERE },
	{ "content-disposition", WHEN_THERE },
	{ "resent-date", WHEN_THERE },
	{ "resent-from", WHEN_THERE },
	{ "resent-to", WHEN_THERE },
	{ "resent-cc", WHEN_THERE },
	{ "resent-message-id", WHEN_THERE },
	{ "list-id", WHEN_THERE },
	{ "list-help", WHEN_THERE },
	{ "list-unsubscribe", WHEN_THERE },
	{ "list-unsubscribe-post", WHEN_THERE },
	{ "list-subscribe", WHEN_THERE },
	{ "list-post", WHEN_THERE },
	{ "list-owner", WHEN_THERE },
	{ "list-archive", WHEN_THERE },
};

struct sign_key {
	_Atomic unsigned refs;
	char *domain, *selector;
	enum sign_algorithm algorithm;
	EVP_PKEY *pkey;
};

/* ---- keys ---- */

static EVP_PKEY *read_pem(struct slice pem)
{
	BIO *bio = BIO_new_mem_buf(pem.data, (int)MIN_OF(pem.len, (size_t)INT32_MAX));
	EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	return pkey;
}

enum fault sign_key_new(const char *domain, const char *selector, enum sign_algorithm algorithm,
                        struct slice pem, struct sign_key **ret, struct why *why)
{
	EVP_PKEY *pkey = read_pem(pem);
	struct sign_key *key;

	if (!pkey || !EVP_PKEY_is_a(pkey, algorithm == SIGN_RSA_SHA256 ? "RSA" : "ED25519") ||
	    EVP_PKEY_get_size(pkey) > SIGNATURE_MAX) {
		EVP_PKEY_free(pkey);
		return fault_set(why, FAULT_CORRUPT, "the DKIM key %s of %s does not read", selector, domain);
	}
	key = xzalloc(sizeof(*key));
	atomic_init(&key->refs, 1);
	key->domain = xstrdup(domain);
	key->selector = xstrdup(selector);
	key->algorithm = algorithm;
	key->pkey = pkey;
	*ret = key;
	return FAULT_NONE;
}

struct sign_key *sign_key_ref(struct sign_key *key)
{
	atomic_fetch_add(&key->refs, 1);
	return key;
}

void sign_key_unref(struct sign_key *key)
{
	if (!key || atomic_fetch_sub(&key->refs, 1) != 1)
		return;
	EVP_PKEY_free(key->pkey);
	free(key->domain);
	free(key->selector);
	free(key);
}

/* ---- whose it is ---- */

struct slice sign_from_domain(struct slice header, struct arena *arena)
{
	const struct address_entry *author;
	struct address_list list;
	struct header_field field;
	struct slice domain;

	if (header_count(header, "From") != 1 || !header_find(header, "From", &field))
		return slice_of(NULL, 0);
	address_list_parse(arena, field.value, 16, &list);
	author = address_list_mailbox(&list, 0);
	if (!author || !author->domain.len || !idna_to_ascii(arena, author->domain, &domain))
		return slice_of(NULL, 0);
	return domain;
}

/* ---- the header, canonical (RFC 6376 3.4.2) ---- */

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void add_lower(struct buf *out, struct slice name)
{
	for (size_t i = 0; i < name.len; i++)
		buf_addc(out,
		         name.data[i] >= 'A' && name.data[i] <= 'Z' ? name.data[i] | 0x20 : name.data[i]);
}

/* name:value, folds undone, runs of blanks one, none at either end. No line end. */
static void add_canonical(struct buf *out, struct slice name, struct slice value)
{
	bool blank = false;

	add_lower(out, name);
	buf_addc(out, ':');
	value = slice_trim(value);
	for (size_t i = 0; i < value.len; i++) {
		if (is_blank(value.data[i])) {
			blank = true;
			continue;
		}
		if (blank)
			buf_addc(out, ' ');
		blank = false;
		buf_addc(out, value.data[i]);
	}
}

/* h=, being written and hashed along. */
struct header_part {
	struct slice header;
	struct buf canonical, names;
	size_t column;
};

static void name_field(struct header_part *part, const char *name)
{
	if (part->names.len) {
		buf_addc(&part->names, ':');
		part->column++;
	}
	if (part->column + strlen(name) >= LINE) {
		buf_adds(&part->names, "\r\n\t ");
		part->column = 9;
	}
	buf_adds(&part->names, name);
	part->column += strlen(name);
}

/* All fields of a name, the lowest first: verifiers take them in that order. */
static enum fault sign_fields(struct header_part *part, const char *name, bool once_more, struct why *why)
{
	struct header_iter iter = header_iter_of(part->header);
	struct header_field fields[SAME_MAX];
	size_t n = 0;

	while (header_next_named(&iter, name, &fields[MIN_OF(n, (size_t)SAME_MAX - 1)]))
		if (++n > SAME_MAX)
			return fault_set(why, FAULT_LIMIT, "more than %d %s fields", SAME_MAX, name);
	for (size_t i = n; i-- > 0;) {
		add_canonical(&part->canonical, slice_str(name), fields[i].value);
		buf_adds(&part->canonical, "\r\n");
		name_field(part, name);
	}
	if (once_more)
		name_field(part, name);
	return FAULT_NONE;
}

static enum fault sign_header(struct header_part *part, struct why *why)
{
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < ARRAY_LEN(signed_fields) && !fault; i++)
		fault = sign_fields(part, signed_fields[i].name, signed_fields[i].oversign == ALWAYS, why);
	if (!fault && part->canonical.overflow)
		fault = fault_set(why, FAULT_LIMIT, "the header is too long to sign");
	return fault;
}

/* ---- the signature ---- */

static bool sha256(struct slice data, uint8_t hash[SIGN_HASH])
{
	return EVP_Digest(data.data, data.len, hash, NULL, EVP_sha256(), NULL) == 1;
}

static bool sign_rsa(EVP_PKEY *pkey, const uint8_t hash[SIGN_HASH], uint8_t *out, size_t *len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	bool done = ctx && EVP_PKEY_sign_init(ctx) == 1 &&
	            EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	            EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
	            EVP_PKEY_sign(ctx, out, len, hash, SIGN_HASH) == 1;

	EVP_PKEY_CTX_free(ctx);
	return done;
}

/* RFC 8463 3: what PureEdDSA signs is the SHA-256 hash. */
static bool sign_ed25519(EVP_PKEY *pkey, const uint8_t hash[SIGN_HASH], uint8_t *out, size_t *len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool done = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
	            EVP_DigestSign(ctx, out, len, hash, SIGN_HASH) == 1;

	EVP_MD_CTX_free(ctx);
	return done;
}

static void add_folded(struct buf *out, struct slice text)
{
	for (size_t at = 0; at < text.len; at += LINE) {
		if (at)
			buf_adds(out, "\r\n\t ");
		buf_add_slice(out, slice_first(slice_from(text, at), LINE));
	}
}

static void add_base64(struct buf *out, struct slice data)
{
	struct buf text;

	buf_init(&text, 2 * SIGNATURE_MAX);
	base64_encode(&text, data);
	add_folded(out, buf_slice(&text));
	buf_done(&text);
}

/* The field without its value of b=, from behind the colon. */
static void add_tags(const struct sign_key *key, const struct header_part *part, const uint8_t *body_hash,
                     int64_t now_ms, struct buf *out)
{
	buf_printf(out, " v=1; a=%s; c=relaxed/relaxed;\r\n\td=%s; s=%s; t=%lld;\r\n\th=",
	           key->algorithm == SIGN_RSA_SHA256 ? "rsa-sha256" : "ed25519-sha256", key->domain,
	           key->selector, (long long)(now_ms / 1000));
	buf_add_slice(out, buf_slice(&part->names));
	buf_adds(out, ";\r\n\tbh=");
	add_base64(out, slice_of(body_hash, SIGN_HASH));
	buf_adds(out, ";\r\n\tb=");
}

static enum fault make_field(const struct sign_key *key, struct header_part *part, const uint8_t *body_hash,
                             int64_t now_ms, struct buf *out, struct why *why)
{
	uint8_t hash[SIGN_HASH], signature[SIGNATURE_MAX];
	size_t len = sizeof(signature);
	struct buf tags;
	bool done;

	buf_init(&tags, BUF_NO_LIMIT);
	add_tags(key, part, body_hash, now_ms, &tags);
	add_canonical(&part->canonical, SLICE("DKIM-Signature"), buf_slice(&tags));
	done = !part->canonical.overflow && sha256(buf_slice(&part->canonical), hash) &&
	       (key->algorithm == SIGN_RSA_SHA256 ? sign_rsa(key->pkey, hash, signature, &len)
	                                          : sign_ed25519(key->pkey, hash, signature, &len));
	if (done) {
		buf_adds(out, "DKIM-Signature:");
		buf_add_slice(out, buf_slice(&tags));
		add_base64(out, slice_of(signature, len));
		buf_adds(out, "\r\n");
	}
	buf_done(&tags);
	return done ? FAULT_NONE
	            : fault_set(why, FAULT_TEMP, "OpenSSL did not sign with %s of %s", key->selector,
	                        key->domain);
}

enum fault sign_message(const struct sign_key *key, struct slice header, const uint8_t body_hash[SIGN_HASH],
                        int64_t now_ms, struct buf *out, struct why *why)
{
	struct header_part part = { .header = header, .column = 10 };
	enum fault fault;

	buf_init(&part.canonical, CANONICAL_MAX);
	buf_init(&part.names, CANONICAL_MAX);
	fault = sign_header(&part, why);
	if (!fault)
		fault = make_field(key, &part, body_hash, now_ms, out, why);
	buf_done(&part.canonical);
	buf_done(&part.names);
	return fault;
}
