/* Signatures of ours, verified by libopendkim and by dkimpy, on messages that are not nice. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <opendkim/dkim.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/rand.h"
#include "mail/header.h"
#include "sign.h"

static struct arena *arena;

/* ---- keys ---- */

static struct test_key {
	const char *selector, *type;
	enum sign_algorithm algorithm;
	struct sign_key *key;
	char pem[4000], record[1100];
} keys[] = {
	{ "rsa", "rsa", SIGN_RSA_SHA256, NULL, "", "" },
	{ "ed", "ed25519", SIGN_ED25519_SHA256, NULL, "", "" },
};

static void make_key(struct test_key *key, EVP_PKEY *pkey)
{
	BIO *bio = BIO_new(BIO_s_mem());
	unsigned char *der = NULL, raw[32];
	size_t raw_len = sizeof(raw);
	struct why why;
	struct buf out;
	char *data;
	long len;

	PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
	len = BIO_get_mem_data(bio, &data);
	snprintf(key->pem, sizeof(key->pem), "%.*s", (int)len, data);
	BIO_free(bio);
	buf_init(&out, 2000);
	if (key->algorithm == SIGN_RSA_SHA256) {
		len = i2d_PUBKEY(pkey, &der);
		base64_encode(&out, slice_of(der, (size_t)len));
		OPENSSL_free(der);
	} else {
		EVP_PKEY_get_raw_public_key(pkey, raw, &raw_len);
		base64_encode(&out, slice_of(raw, raw_len));
	}
	snprintf(key->record, sizeof(key->record), "v=DKIM1; k=%s; p=%.*s", key->type,
	         SLICE_FMT(buf_slice(&out)));
	buf_done(&out);
	EVP_PKEY_free(pkey);
	assert_int_equal(
	    sign_key_new("example.org", key->selector, key->algorithm, slice_str(key->pem), &key->key, &why),
	    FAULT_NONE);
}

/* ---- a corpus ---- */

#define HEADER                                                                                               \
	"From: Alice <alice@example.org>\r\nTo: bob@example.net\r\nSubject: a subject\r\n"                   \
	"Date: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n"

static const struct odd {
	const char *name, *text;
} corpus[] = {
	{ "plain", HEADER "\r\nhello\r\n" },
	{ "empty body", HEADER "\r\n" },
	{ "no body at all", HEADER },
	{ "body of line ends", HEADER "\r\n\r\n\r\n\r\n" },
	{ "no line end at its end", HEADER "\r\nhello" },
	{ "blanks at its end, no line end", HEADER "\r\nhello \t " },
	{ "only blanks", HEADER "\r\n   \t" },
	{ "only blank lines with blanks", HEADER "\r\n   \r\n\t\r\n" },
	{ "empty lines inside", HEADER "\r\na\r\n\r\n\r\nb\r\n\r\n\r\n" },
	{ "blanks everywhere", HEADER "\r\n  a \t b  \r\n\t\r\n c\t\tc \r\n" },
	{ "dots", HEADER "\r\n.\r\n..\r\n.a\r\n" },
	{ "8-bit", HEADER "\r\n\xc3\xa4\xc3\xb6\xff\xfe latin \xe4\r\n" },
	{ "8-bit header", HEADER "X-Y: \xc3\xa4\r\nCc: \"\xc3\xb6\" <c@example.net>\r\n\r\nhello\r\n" },
	{ "long folded fields",
	  "From: Alice\r\n\t <alice@example.org>\r\nTo: bob@example.net,\r\n "
	  "carol@example.net,\r\n\t\tdave@example.net,\r\n"
	  "   erin@example.net\r\nSubject:\r\n folded at once\r\n and again  with   blanks  \r\nReferences: "
	  "<1@a>\r\n"
	  "\t<2@a>\r\n\t<3@a>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\nhello\r\n" },
	{ "odd case", "fROM: alice@example.org\r\nSUBJECT: x\r\nmime-VERSION: 1.0\r\n\r\nhello\r\n" },
	{ "empty values", "From: alice@example.org\r\nSubject:\r\nTo: \r\nCc:\t \r\n\r\nhello\r\n" },
	{ "fields twice", HEADER
	  "Subject: another\r\nTo: x@example.net\r\nReceived: from a\r\nReceived: from b\r\n\r\nhello\r\n" },
	{ "list and resent fields",
	  HEADER "List-Id: <l.example.org>\r\nList-Unsubscribe: <mailto:u@example.org>\r\n"
	         "Resent-From: r@example.org\r\nResent-To: s@example.org\r\n\r\nhello\r\n" },
	{ "MIME", HEADER "MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n "
	                 "boundary=\"b\"\r\n\r\n--b\r\n\r\npart\r\n--b--\r\n" },
	{ "a signature of somebody else",
	  "DKIM-Signature: v=1; a=rsa-sha256; d=other.example; s=s; h=from; bh=x; b=y\r\n" HEADER
	  "\r\nhello\r\n" },
	{ "separators in values",
	  HEADER "X: a;b=c;\r\nIn-Reply-To: <a;b=\"c\"@example.org>\r\n\r\nhello; b=no\r\n" },
};

static struct slice large_message(size_t size)
{
	struct buf out;
	struct slice made;

	buf_init(&out, BUF_NO_LIMIT);
	buf_adds(&out, HEADER "\r\n");
	while (out.len < size)
		buf_printf(&out, "line %zu  with\t blanks %s\r\n", out.len, out.len % 7 ? "" : "  \t ");
	made = arena_copy(arena, buf_slice(&out));
	buf_done(&out);
	return made;
}

/* ---- signing ---- */

static struct slice sign_chunked(const struct test_key *key, struct slice message, size_t chunk)
{
	struct sign_body *body = sign_body_new();
	struct slice rest = slice_from(message, header_end(message));
	uint8_t hash[SIGN_HASH];
	struct slice made;
	struct buf out;
	struct why why;

	for (; rest.len; rest = slice_from(rest, MIN_OF(chunk, rest.len)))
		sign_body_feed(body, slice_first(rest, chunk));
	sign_body_end(body, hash);
	sign_body_free(body);
	buf_init(&out, BUF_NO_LIMIT);
	assert_int_equal(sign_message(key->key, slice_first(message, header_end(message)), hash,
	                              INT64_C(1795341600000), &out, &why),
	                 FAULT_NONE);
	made = arena_copy(arena, buf_slice(&out));
	buf_done(&out);
	return made;
}

/* As SMTP hands it on: signature, message, and a line end where there was none. */
static struct slice sent(struct slice signature, struct slice message)
{
	struct slice made;
	struct buf out;

	buf_init(&out, BUF_NO_LIMIT);
	buf_add_slice(&out, signature);
	buf_add_slice(&out, message);
	if (!slice_ends(message, "\r\n"))
		buf_adds(&out, "\r\n");
	made = arena_copy(arena, buf_slice(&out));
	buf_done(&out);
	return made;
}

/* ---- libopendkim ---- */

static DKIM_CBSTAT on_key(DKIM *dkim, DKIM_SIGINFO *info, u_char *out, size_t size)
{
	const char *selector = (const char *)dkim_sig_getselector(info);

	(void)dkim;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (strcmp(selector, keys[i].selector))
			continue;
		snprintf((char *)out, size, "%s", keys[i].record);
		return DKIM_CBSTAT_CONTINUE;
	}
	return DKIM_CBSTAT_NOTFOUND;
}

/* Whether the first signature of example.org passes. */
static bool opendkim_passes(struct slice message)
{
	DKIM_LIB *lib = dkim_init(NULL, NULL);
	struct header_iter iter = header_iter_of(message);
	struct header_field field;
	DKIM_SIGINFO **infos;
	DKIM_STAT status;
	DKIM *dkim;
	bool good = false;
	int n = 0;

	dkim_set_key_lookup(lib, on_key);
	dkim = dkim_verify(lib, (const u_char *)"test", NULL, &status);
	assert_non_null(dkim);
	while (header_next(&iter, &field)) {
		size_t len = field.end - field.start - 2;

		if (slice_is(field.name, "DKIM-Signature") &&
		    slice_find(field.value, SLICE("d=example.org")) < 0)
			continue;
		assert_int_equal(dkim_header(dkim, (u_char *)(uintptr_t)(message.data + field.start), len),
		                 DKIM_STAT_OK);
	}
	(void)dkim_eoh(dkim);
	if (iter.at < message.len)
		dkim_body(dkim, (u_char *)(uintptr_t)(message.data + iter.at), message.len - iter.at);
	(void)dkim_eom(dkim, NULL);
	if (dkim_getsiglist(dkim, &infos, &n) == DKIM_STAT_OK && n > 0)
		good = DKIM_SIG_CHECK(infos[0]) && dkim_sig_geterror(infos[0]) == DKIM_SIGERROR_OK;
	dkim_free(dkim);
	dkim_close(lib);
	return good;
}

static void opendkim(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(corpus); i++) {
		for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
			struct slice message = slice_str(corpus[i].text);

			if (!opendkim_passes(sent(sign_chunked(&keys[k], message, 1 << 20), message)))
				fail_msg("%s, %s: does not pass", corpus[i].name, keys[k].type);
		}
	}
}

static void opendkim_large(void **state)
{
	struct slice message = large_message(1 << 20);

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(keys); k++)
		assert_true(opendkim_passes(sent(sign_chunked(&keys[k], message, 65536), message)));
}

/* How the body is cut changes nothing. */
static void chunks(void **state)
{
	static const size_t sizes[] = { 1, 2, 3, 7, 8191, 8192, 8193 };
	struct slice message = large_message(30000);
	struct slice whole = sign_chunked(&keys[1], message, 1 << 20);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		assert_true(slice_eq(whole, sign_chunked(&keys[1], message, sizes[i])));
	for (size_t i = 0; i < ARRAY_LEN(corpus); i++) {
		message = slice_str(corpus[i].text);
		assert_true(
		    slice_eq(sign_chunked(&keys[1], message, 1), sign_chunked(&keys[1], message, 1 << 20)));
	}
}

/* What a signature must not survive: the verifiers' word is worth something only then. */
static void alterations(void **state)
{
	static const struct {
		const char *name, *from, *to;
		bool passes;
	} cases[] = {
		{ "the body", "hello\r\n", "hallo\r\n", false },
		{ "a line more", "hello\r\n", "hello\r\nmore\r\n", false },
		{ "the subject", "a subject", "b subject", false },
		{ "the author", "Alice <alice", "Mallory <alice", false },
		{ "a second From above", "From: Alice", "From: mallory@example.com\r\nFrom: Alice", false },
		{ "a second Subject above", "From: Alice", "Subject: other\r\nFrom: Alice", false },
		{ "a Reply-To that was not there", "From: Alice", "Reply-To: m@example.com\r\nFrom: Alice",
		  false },
		{ "a Cc that was not there", "From: Alice", "Cc: m@example.com\r\nFrom: Alice", false },
		{ "a Content-Type that was not there", "From: Alice",
		  "Content-Type: text/html\r\nFrom: Alice", false },
		{ "Received above", "From: Alice", "Received: from here\r\nFrom: Alice", true },
		{ "List-Id added", "From: Alice", "List-Id: <l>\r\nFrom: Alice", true },
		{ "blanks at a line's end", "hello\r\n", "hello  \r\n", true },
		{ "a subject folded elsewhere", "a subject", "a\r\n subject", true },
	};
	struct slice message = SLICE(HEADER "\r\nhello\r\n");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
			struct slice whole = sent(sign_chunked(&keys[k], message, 100), message);
			ptrdiff_t at = slice_find(whole, slice_str(cases[i].from));
			struct buf out;

			assert_true(at >= 0);
			buf_init(&out, BUF_NO_LIMIT);
			buf_add(&out, whole.data, (size_t)at);
			buf_adds(&out, cases[i].to);
			buf_add_slice(&out, slice_from(whole, (size_t)at + strlen(cases[i].from)));
			if (opendkim_passes(buf_slice(&out)) != cases[i].passes)
				fail_msg("%s, %s", cases[i].name, keys[k].type);
			buf_done(&out);
		}
	}
}

/* ---- dkimpy ---- */

static void write_file(const char *dir, const char *name, struct slice text)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text.data, 1, text.len, file), text.len);
	fclose(file);
}

static const char verify_all[] =
    "import dkim, glob, sys\n"
    "d = sys.argv[1]\n"
    "def lookup(name, timeout=5):\n"
    "    return open(d + '/' + name.decode().split('.')[0] + '.key', 'rb').read()\n"
    "bad = [f for f in sorted(glob.glob(d + '/*.eml')) if not dkim.DKIM(open(f, 'rb').read()).verify(idx=0, "
    "dnsfunc=lookup)]\n"
    "print('dkimpy refuses', bad) if bad else None\n"
    "sys.exit(1 if bad else 0)\n";

static int run_python(const char *python, const char *dir)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execl(python, python, "-c", verify_all, dir, NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void remove_all(const char *dir)
{
	char path[200];

	for (size_t i = 0; i <= ARRAY_LEN(corpus); i++) {
		for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
			snprintf(path, sizeof(path), "%s/%02zu-%s.eml", dir, i, keys[k].type);
			remove(path);
			snprintf(path, sizeof(path), "%s/%s.key", dir, keys[k].selector);
			remove(path);
		}
	}
	rmdir(dir);
}

static void dkimpy(void **state)
{
	const char *python = getenv("POSTHOUSE_TEST_PYTHON"), *tmp = getenv("TMPDIR");
	char dir[100], name[100];
	int code;

	(void)state;
	if (!python) {
		printf("skipped, there is no POSTHOUSE_TEST_PYTHON\n");
		skip();
	}
	snprintf(dir, sizeof(dir), "%.60s/sign.XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i <= ARRAY_LEN(corpus); i++) {
		struct slice message =
		    i < ARRAY_LEN(corpus) ? slice_str(corpus[i].text) : large_message(1 << 20);

		for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
			snprintf(name, sizeof(name), "%s.key", keys[k].selector);
			write_file(dir, name, slice_str(keys[k].record));
			snprintf(name, sizeof(name), "%02zu-%s.eml", i, keys[k].type);
			write_file(dir, name, sent(sign_chunked(&keys[k], message, 4096), message));
		}
	}
	code = run_python(python, dir);
	remove_all(dir);
	assert_int_equal(code, 0);
}

/* ---- vectors ---- */

static void base64_of(const uint8_t hash[SIGN_HASH], char out[64])
{
	struct buf text;

	buf_init(&text, 100);
	base64_encode(&text, slice_of(hash, SIGN_HASH));
	snprintf(out, 64, "%.*s", SLICE_FMT(buf_slice(&text)));
	buf_done(&text);
}

static void body_hashes(void **state)
{
	static const struct {
		const char *name, *body, *hash;
	} cases[] = {
		/* RFC 6376 3.4.4: SHA-256 of nothing */
		{ "empty", "", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" },
		{ "line ends only", "\r\n\r\n", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" },
		{ "blanks only", " \t", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" },
		/* RFC 8463 A.3, and RFC 6376 A.2 */
		{ "RFC 8463", "Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n",
		  "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=" },
		{ "RFC 6376 3.4.5", " C \r\nD \t E\r\n\r\n\r\n", NULL },
	};
	char got[64], other[64];
	uint8_t hash[SIGN_HASH];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct sign_body *body = sign_body_new();

		sign_body_feed(body, slice_str(cases[i].body));
		sign_body_end(body, hash);
		sign_body_free(body);
		base64_of(hash, got);
		if (cases[i].hash && strcmp(got, cases[i].hash))
			fail_msg("%s: %s", cases[i].name, got);
	}
	/* 3.4.5's canonical body is " C", CRLF, "D E", CRLF */
	EVP_Digest(" C\r\nD E\r\n", 9, hash, NULL, EVP_sha256(), NULL);
	base64_of(hash, other);
	assert_string_equal(got, other);
}

static void tags(void **state)
{
	struct slice signature = sign_chunked(&keys[0], SLICE(HEADER "\r\nhello\r\n"), 100);
	struct slice rest = signature, line;
	static const char *const wanted[] = { " v=1;",
		                              " a=rsa-sha256;",
		                              " c=relaxed/relaxed;",
		                              "d=example.org;",
		                              " s=rsa;",
		                              " t=1795341600;",
		                              "h=from:from:reply-to:subject:subject:" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		if (slice_find(signature, slice_str(wanted[i])) < 0)
			fail_msg("no \"%s\" in %.*s", wanted[i], SLICE_FMT(signature));
	}
	assert_true(slice_find(signature, SLICE(" l=")) < 0 && slice_find(signature, SLICE("\tl=")) < 0);
	while (rest.len && slice_cut(&rest, '\n', &line))
		assert_true(line.len < 100);
	assert_true(slice_ends(signature, "\r\n"));
}

/* ---- whose mail, and what is refused ---- */

static void from_domain(void **state)
{
	static const struct {
		const char *header, *domain;
	} cases[] = {
		{ "From: a@example.org\r\n\r\n", "example.org" },
		{ "From: \"A, B\" <a@Example.ORG>\r\n\r\n", "example.org" },
		{ "from: a@b\xc3\xbc"
		  "cher.example\r\n",
		  "xn--bcher-kva.example" },
		{ "From: a@example.org, b@example.com\r\n\r\n", "example.org" },
		{ "From: a@example.org\r\nFrom: b@example.com\r\n\r\n", NULL },
		{ "To: a@example.org\r\n\r\n", NULL },
		{ "From: nobody\r\n\r\n", NULL },
		{ "From:\r\n\r\n", NULL },
		{ "Subject: x\r\n\r\nFrom: a@example.org\r\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct slice domain = sign_from_domain(slice_str(cases[i].header), arena);

		if (cases[i].domain ? !slice_eq(domain, slice_str(cases[i].domain)) : domain.data != NULL)
			fail_msg("%s: %.*s", cases[i].header, SLICE_FMT(domain));
	}
}

static void refused(void **state)
{
	uint8_t hash[SIGN_HASH] = { 0 };
	struct sign_key *key;
	struct buf header, out;
	struct why why;

	(void)state;
	assert_int_equal(sign_key_new("d", "s", SIGN_RSA_SHA256, SLICE("no key"), &key, &why), FAULT_CORRUPT);
	assert_int_equal(sign_key_new("d", "s", SIGN_RSA_SHA256, SLICE(""), &key, &why), FAULT_CORRUPT);
	assert_int_equal(sign_key_new("d", "s", SIGN_RSA_SHA256, slice_str(keys[1].pem), &key, &why),
	                 FAULT_CORRUPT);
	assert_int_equal(sign_key_new("d", "s", SIGN_ED25519_SHA256, slice_str(keys[0].pem), &key, &why),
	                 FAULT_CORRUPT);
	buf_init(&header, BUF_NO_LIMIT);
	buf_init(&out, BUF_NO_LIMIT);
	for (int i = 0; i < 50; i++)
		buf_adds(&header, "To: a@b\r\n");
	assert_int_equal(sign_message(keys[0].key, buf_slice(&header), hash, 0, &out, &why), FAULT_NONE);
	buf_adds(&header, "To: a@b\r\n");
	buf_clear(&out);
	assert_int_equal(sign_message(keys[0].key, buf_slice(&header), hash, 0, &out, &why), FAULT_LIMIT);
	assert_int_equal(out.len, 0);
	buf_done(&header);
	buf_done(&out);
}

static int setup(void **state)
{
	(void)state;
	rand_start();
	arena = arena_new();
	make_key(&keys[0], EVP_RSA_gen(2048));
	make_key(&keys[1], EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sign_key_unref(keys[0].key);
	sign_key_unref(keys[1].key);
	arena_free(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(body_hashes), cmocka_unit_test(tags),
		cmocka_unit_test(opendkim),    cmocka_unit_test(opendkim_large),
		cmocka_unit_test(chunks),      cmocka_unit_test(alterations),
		cmocka_unit_test(dkimpy),      cmocka_unit_test(from_domain),
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
