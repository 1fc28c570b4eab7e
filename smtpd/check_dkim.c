/*
 * DKIM through libopendkim (check_dkim.h). All of libopendkim's verifying is here.
 *
 * The library gets only what passed the guard: signatures whose key we hold, in
 * the order of the check, and keys from the check, never from the DNS.
 */
#include "check_dkim.h"

#include <stdlib.h>
#include <sys/types.h>

#include <opendkim/dkim.h>

#include "base/arena.h"
#include "mail/header.h"

enum {
	FIELDS_MAX = 2000, /* of a signed message's header: every name of h= is searched among them */
	KEY_BITS_MIN = 1024,
	BODY_CHUNK = 1 << 20,
};

struct dkim_verifier {
	DKIM_LIB *lib;
};

static bool is_same(const struct dkim_signature *signature, DKIM_SIGINFO *info)
{
	return slice_is(slice_str((const char *)dkim_sig_getdomain(info)), signature->tags.domain) &&
	       slice_is(slice_str((const char *)dkim_sig_getselector(info)), signature->tags.selector);
}

/* The same domain and selector twice means the same key. */
static struct dkim_signature *find_signature(struct dkim_check *check, DKIM_SIGINFO *info)
{
	for (size_t i = 0; i < check->n; i++) {
		struct dkim_signature *signature = &check->signatures[i];

		if (signature->key.data && is_same(signature, info))
			return signature;
	}
	return NULL;
}

static DKIM_CBSTAT on_key_wanted(DKIM *dkim, DKIM_SIGINFO *info, u_char *buf, size_t size)
{
	struct dkim_check *check = dkim_get_user_context(dkim);
	struct dkim_signature *signature = find_signature(check, info);

	if (!signature || signature->key.len >= size)
		return DKIM_CBSTAT_NOTFOUND;
	memcpy(buf, signature->key.data, signature->key.len);
	buf[signature->key.len] = '\0';
	return DKIM_CBSTAT_CONTINUE;
}

struct dkim_verifier *dkim_verifier_new(void)
{
	struct dkim_verifier *verifier = xzalloc(sizeof(*verifier));
	unsigned flags = DKIM_LIBFLAGS_DELAYSIGPROC, bits = KEY_BITS_MIN;

	verifier->lib = dkim_init(NULL, NULL);
	if (!verifier->lib)
		abort(); /* it fails for want of memory only */
	dkim_options(verifier->lib, DKIM_OP_SETOPT, DKIM_OPTS_FLAGS, &flags, sizeof(flags));
	dkim_options(verifier->lib, DKIM_OP_SETOPT, DKIM_OPTS_MINKEYBITS, &bits, sizeof(bits));
	dkim_set_key_lookup(verifier->lib, on_key_wanted);
	return verifier;
}

void dkim_verifier_free(struct dkim_verifier *verifier)
{
	if (!verifier)
		return;
	dkim_close(verifier->lib);
	free(verifier);
}

static void decide(struct dkim_signature *signature, enum authres result, const char *why)
{
	signature->result = result;
	signature->why = why;
}

void dkim_check_read(struct dkim_check *check, struct slice message, struct arena *arena)
{
	struct header_iter iter = header_iter_of(message);
	struct header_field field;

	*check = (struct dkim_check){ .message = message };
	while (header_next_named(&iter, "DKIM-Signature", &field)) {
		struct dkim_signature *signature = &check->signatures[check->n];

		if (check->n == DKIM_SIGNATURES_MAX) {
			check->ignored++;
			continue;
		}
		check->fields[check->n] = slice_of(message.data + field.start, field.end - field.start);
		signature->result =
		    dkim_guard_signature(check->fields[check->n], arena, &signature->tags, &signature->why);
		check->n++;
	}
}

static void take_key(struct dkim_signature *signature, const struct dns_answer *answer)
{
	if (answer->status == DNS_TEMPFAIL)
		decide(signature, AUTHRES_TEMPERROR, "the DNS gave no key");
	else if (answer->status != DNS_OK)
		decide(signature, AUTHRES_PERMERROR, "there is no such key");
	else if (answer->n != 1) /* RFC 6376 3.6.2.2: then results are undefined */
		decide(signature, AUTHRES_PERMERROR, "there are several key records");
	else if (!dkim_guard_key(answer->records[0].data))
		decide(signature, AUTHRES_PERMERROR, "the key record is too long or not plain ASCII");
	else
		signature->key = answer->records[0].data;
}

bool dkim_check_keys(struct dkim_check *check, struct answers *answers)
{
	bool complete = true;

	for (size_t i = 0; i < check->n; i++) {
		struct dkim_signature *signature = &check->signatures[i];
		const struct dns_answer *answer;

		if (signature->result != AUTHRES_NONE || signature->key.data)
			continue;
		answer = answers_get(answers, signature->tags.key_name, DNS_TXT);
		if (answer)
			take_key(signature, answer);
		else
			complete = false;
	}
	return complete;
}

static bool is_open(const struct dkim_signature *signature)
{
	return signature->result == AUTHRES_NONE && signature->key.data;
}

bool dkim_check_is_open(const struct dkim_check *check)
{
	for (size_t i = 0; i < check->n; i++) {
		if (is_open(&check->signatures[i]))
			return true;
	}
	return false;
}

void dkim_check_give_up(struct dkim_check *check, const char *why)
{
	for (size_t i = 0; i < check->n; i++) {
		if (is_open(&check->signatures[i]))
			decide(&check->signatures[i], AUTHRES_TEMPERROR, why);
	}
}

static bool is_signature(struct slice name)
{
	return slice_is(name, "DKIM-Signature");
}

/* A DKIM-Signature field is fed if it is one that the check has still open. */
static bool is_open_field(const struct dkim_check *check, const uint8_t *start)
{
	for (size_t i = 0; i < check->n; i++) {
		if (check->fields[i].data == start)
			return is_open(&check->signatures[i]);
	}
	return false;
}

static struct slice without_line_end(struct slice field)
{
	if (field.len && field.data[field.len - 1] == '\n')
		field.len--;
	if (field.len && field.data[field.len - 1] == '\r')
		field.len--;
	return field;
}

/* NULL, or why the header cannot be fed. */
static const char *feed_header(DKIM *dkim, const struct dkim_check *check)
{
	struct header_iter iter = header_iter_of(check->message);
	struct header_field field;
	size_t fields = 0;

	while (header_next(&iter, &field)) {
		const uint8_t *start = check->message.data + field.start;
		struct slice text = without_line_end(slice_of(start, field.end - field.start));

		if (++fields > FIELDS_MAX)
			return "the header has too many fields";
		/* what is no field, and text that the library would see only half of, cannot be what was signed */
		if (field.name.len == 0 || slice_chr(text, 0) >= 0)
			continue;
		if (is_signature(field.name) && !is_open_field(check, start))
			continue;
		if (dkim_header(dkim, (u_char *)(uintptr_t)text.data, text.len) != DKIM_STAT_OK)
			return "the library does not take the header";
	}
	return NULL;
}

static bool ends_in_crlf(struct slice text)
{
	return text.len >= 2 && text.data[text.len - 2] == '\r' && text.data[text.len - 1] == '\n';
}

/* A body that came by BDAT may end without CRLF; canonicalisation adds it (3.4.3), the library wants it given. */
static const char *feed_body(DKIM *dkim, struct slice body)
{
	u_char crlf[] = "\r\n";
	bool unended = body.len > 0 && !ends_in_crlf(body);

	while (body.len > 0) {
		struct slice chunk = slice_first(body, BODY_CHUNK);

		if (dkim_body(dkim, (u_char *)(uintptr_t)chunk.data, chunk.len) != DKIM_STAT_OK)
			return "the library does not take the body";
		body = slice_from(body, chunk.len);
	}
	if (unended && dkim_body(dkim, crlf, 2) != DKIM_STAT_OK)
		return "the library does not take the body";
	return NULL;
}

/* `info` was looked at by the library and did not pass. */
static void decide_failed(struct dkim_signature *signature, DKIM_SIGINFO *info)
{
	int error = dkim_sig_geterror(info);

	switch (error) {
	case DKIM_SIGERROR_OK:
	case DKIM_SIGERROR_BADSIG:
		decide(signature, AUTHRES_FAIL,
		       dkim_sig_getbh(info) == DKIM_SIGBH_MISMATCH ? "the body was altered"
		                                                   : "the signature is not right");
		break;
	case DKIM_SIGERROR_EXPIRED:
	case DKIM_SIGERROR_FUTURE:
	case DKIM_SIGERROR_SUBDOMAIN:
		decide(signature, AUTHRES_FAIL, dkim_sig_geterrorstr(error));
		break;
	case DKIM_SIGERROR_KEYTOOSMALL:
		decide(signature, AUTHRES_POLICY, "the key has less than 1024 bits");
		break;
	case DKIM_SIGERROR_UNKNOWN:
		decide(signature, AUTHRES_PERMERROR, "the library could not verify it");
		break;
	default:
		decide(signature, AUTHRES_PERMERROR, dkim_sig_geterrorstr(error));
		break;
	}
}

static void decide_passed(struct dkim_signature *signature, DKIM *dkim, DKIM_SIGINFO *info)
{
	ssize_t body = 0, canonical = 0, covered = 0;

	dkim_sig_getkeysize(info, &signature->key_bits);
	signature->testing = dkim_sig_getflags(info) & DKIM_SIGFLAG_TESTKEY;
	if (dkim_sig_getcanonlen(dkim, info, &body, &canonical, &covered) != DKIM_STAT_OK ||
	    (covered >= 0 && covered < body))
		decide(signature, AUTHRES_POLICY, "only a part of the body is signed");
	else
		decide(signature, AUTHRES_PASS, "");
}

/* The library lists the signatures in the order they were fed. */
static void take_results(struct dkim_check *check, DKIM *dkim)
{
	DKIM_SIGINFO **infos;
	int n = 0, at = 0;

	if (dkim_getsiglist(dkim, &infos, &n) != DKIM_STAT_OK)
		return;
	for (size_t i = 0; i < check->n; i++) {
		struct dkim_signature *signature = &check->signatures[i];

		if (!is_open(signature) || at == n)
			continue;
		if (!is_same(signature, infos[at]))
			return;
		if (!(dkim_sig_getflags(infos[at]) & DKIM_SIGFLAG_PROCESSED))
			dkim_sig_process(dkim, infos[at]);
		if (DKIM_SIG_CHECK(infos[at]) && dkim_sig_geterror(infos[at]) == DKIM_SIGERROR_OK)
			decide_passed(signature, dkim, infos[at]);
		else
			decide_failed(signature, infos[at]);
		at++;
	}
}

static void decide_rest(struct dkim_check *check, const char *why)
{
	for (size_t i = 0; i < check->n; i++) {
		if (is_open(&check->signatures[i]))
			decide(&check->signatures[i], AUTHRES_PERMERROR,
			       why ? why : "the library could not verify it");
	}
}

void dkim_check_verify(struct dkim_check *check, const struct dkim_verifier *verifier)
{
	struct slice body = slice_from(check->message, header_end(check->message));
	const char *why;
	DKIM_STAT status;
	DKIM *dkim;

	if (!dkim_check_is_open(check))
		return;
	dkim = dkim_verify(verifier->lib, (const u_char *)"message", NULL, &status);
	if (!dkim)
		abort(); /* it fails for want of memory only */
	dkim_set_user_context(dkim, check);
	why = feed_header(dkim, check);
	if (!why && dkim_eoh(dkim) != DKIM_STAT_OK)
		why = "the library does not take the header";
	if (!why)
		why = feed_body(dkim, body);
	if (!why) {
		dkim_eom(dkim, NULL);
		take_results(check, dkim);
	}
	dkim_free(dkim);
	decide_rest(check, why);
}
