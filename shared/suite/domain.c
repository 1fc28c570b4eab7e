/*
 * Domains and their DKIM keys (directory.h). A selector's private key is sealed
 * to the queue's public key when it is made: only mta, which holds the queue ring, ever opens it.
 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <time.h>

#include "base/base64.h"
#include "base/clock.h"
#include "mail/address.h"
#include "mail/idna.h"
#include "store/record.h"
#include "suite/directory_internal.h"
#include "suite/json.h"
#include "suite/nudge.h"

#define RSA_BITS 2048

static const char *const algorithm_names[] = { "rsa-sha256", "ed25519-sha256" };

/* ---- the record ---- */

static json_t *selector_json(const struct dkim_selector *selector)
{
	return json_pack("{s:s,s:s,s:b,s:s,s:o,s:I}", "selector", selector->selector, "algorithm",
	                 algorithm_names[selector->algorithm], "active", (int)selector->active, "public_txt",
	                 selector->public_txt, "sealed_key", json_bytes(selector->sealed), "created",
	                 (json_int_t)selector->created);
}

static struct record domain_record(const struct domain *domain, struct arena *arena)
{
	json_t *list = json_array(), *json;

	for (size_t i = 0; i < domain->n_selectors; i++)
		json_array_append_new(list, selector_json(&domain->selectors[i]));
	json = json_pack("{s:s?,s:o,s:I}", "catch_all", domain->catch_all, "selectors", list, "created",
	                 (json_int_t)domain->created);
	return (struct record){
		.key = slice_str(domain->name),
		.version = domain->version,
		.value = json_write(json, arena),
	};
}

static enum fault domain_read(const struct record *record, struct arena *arena, struct domain *ret,
                              struct why *why)
{
	struct dkim_selector *selectors;
	const char *catch_all;
	const json_t *list;
	json_t *json;
	enum fault fault = json_read(record->value, "a domain", &json, why);

	if (fault)
		return fault;
	list = json_object_get(json, "selectors");
	selectors = arena_array(arena, struct dkim_selector, json_array_size(list));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *one = json_array_get(list, i);

		selectors[i] = (struct dkim_selector){
			.selector = json_get_str(one, "selector", arena),
			.algorithm = strcmp(json_get_str(one, "algorithm", arena),
			                    algorithm_names[DKIM_ED25519_SHA256])
			                 ? DKIM_RSA_SHA256
			                 : DKIM_ED25519_SHA256,
			.active = json_get_bool(one, "active"),
			.public_txt = json_get_str(one, "public_txt", arena),
			.sealed = json_get_bytes(one, "sealed_key", arena),
			.created = json_get_int(one, "created"),
		};
	}
	catch_all = json_get_str(json, "catch_all", arena);
	*ret = (struct domain){
		.name = arena_strz(arena, record->key),
		.catch_all = catch_all[0] ? catch_all : NULL,
		.selectors = selectors,
		.n_selectors = json_array_size(list),
		.created = json_get_int(json, "created"),
		.version = record->version,
	};
	json_decref(json);
	return FAULT_NONE;
}

/* ---- keys ---- */

static EVP_PKEY *make_pkey(enum dkim_algorithm algorithm)
{
	return algorithm == DKIM_ED25519_SHA256 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
	                                        : EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_BITS);
}

/* "v=DKIM1; k=...; p=..." (RFC 6376 3.6.1; RFC 8463 4: the bare 32 bytes for Ed25519). */
static const char *public_txt(EVP_PKEY *key, enum dkim_algorithm algorithm, struct arena *arena)
{
	uint8_t *der = NULL, raw[32];
	size_t raw_len = sizeof(raw);
	struct buf text;
	const char *made;
	int len;

	buf_init(&text, 4096);
	if (algorithm == DKIM_ED25519_SHA256) {
		buf_adds(&text, "v=DKIM1; k=ed25519; p=");
		EVP_PKEY_get_raw_public_key(key, raw, &raw_len);
		base64_encode(&text, slice_of(raw, raw_len));
	} else {
		buf_adds(&text, "v=DKIM1; k=rsa; p=");
		len = i2d_PUBKEY(key, &der);
		base64_encode(&text, slice_of(der, len > 0 ? (size_t)len : 0));
		OPENSSL_free(der);
	}
	made = arena_strz(arena, buf_slice(&text));
	buf_done(&text);
	return made;
}

static bool seal_private(EVP_PKEY *key, const struct account_public *queue, struct arena *arena,
                         struct slice *ret)
{
	BIO *pem = BIO_new(BIO_s_secmem());
	struct buf sealed;
	char *data;
	long len;
	bool done;

	buf_init(&sealed, 16384);
	done = pem && PEM_write_bio_PKCS8PrivateKey(pem, key, NULL, NULL, 0, NULL, NULL) == 1;
	if (done) {
		len = BIO_get_mem_data(pem, &data);
		done = public_seal(queue, slice_of(data, (size_t)len), &sealed);
		*ret = arena_copy(arena, buf_slice(&sealed));
	}
	BIO_free(pem);
	buf_done(&sealed);
	return done;
}

/* One DNS label (RFC 6376 3.1 allows more; nobody needs it). */
static bool selector_is_good(const char *selector)
{
	size_t len = strlen(selector);

	return len > 0 && len <= 63 && strspn(selector, "abcdefghijklmnopqrstuvwxyz0123456789-") == len &&
	       selector[0] != '-' && selector[len - 1] != '-';
}

enum fault domain_add_selector(struct stack *stack, struct arena *arena, struct domain *domain,
                               const char *selector, enum dkim_algorithm algorithm, struct why *why)
{
	struct dkim_selector *all = arena_array(arena, struct dkim_selector, domain->n_selectors + 1);
	struct dkim_selector *fresh = &all[domain->n_selectors];
	struct account_public queue;
	uint8_t generation;
	EVP_PKEY *key;
	bool sealed;
	enum fault fault;

	if (!selector_is_good(selector))
		return fault_set(why, FAULT_INPUT, "a selector is 1 to 63 small letters, digits and hyphens");
	fault = queue_public_key(stack, &queue, &generation, why);
	if (fault)
		return fault;
	for (size_t i = 0; i < domain->n_selectors; i++) {
		if (strcmp(domain->selectors[i].selector, selector) == 0)
			return fault_set(why, FAULT_EXISTS, "%s has a selector %s", domain->name, selector);
		all[i] = domain->selectors[i];
	}
	key = make_pkey(algorithm);
	if (!key)
		return fault_set(why, FAULT_TEMP, "OpenSSL made no %s key", algorithm_names[algorithm]);
	*fresh = (struct dkim_selector){
		.selector = arena_strdup(arena, selector),
		.algorithm = algorithm,
		.active = true,
		.public_txt = public_txt(key, algorithm, arena),
		.created = clock_now(),
	};
	sealed = seal_private(key, &queue, arena, &fresh->sealed);
	EVP_PKEY_free(key);
	if (!sealed)
		return fault_set(why, FAULT_TEMP, "the DKIM key of %s could not be sealed", domain->name);
	domain->selectors = all;
	domain->n_selectors++;
	return FAULT_NONE;
}

/* Two selectors named after the month, so that the next pair can stand beside them. */
static enum fault add_first_selectors(struct stack *stack, struct arena *arena, struct domain *domain,
                                      struct why *why)
{
	static const struct {
		const char *suffix;
		enum dkim_algorithm algorithm;
	} first[] = { { "r", DKIM_RSA_SHA256 }, { "e", DKIM_ED25519_SHA256 } };
	time_t now = (time_t)(clock_now() / 1000);
	struct tm tm;
	char month[16];
	enum fault fault = FAULT_NONE;

	gmtime_r(&now, &tm);
	strftime(month, sizeof(month), "ph%Y%m", &tm);
	for (size_t i = 0; i < ARRAY_LEN(first) && !fault; i++)
		fault = domain_add_selector(stack, arena, domain,
		                            arena_printf(arena, "%s%s", month, first[i].suffix),
		                            first[i].algorithm, why);
	return fault;
}

/* ---- domains ---- */

/* The row among the addresses that makes the domain local, and holds its catch-all. */
static enum fault put_domain_address(struct stack *stack, const struct domain *domain, struct arena *arena,
                                     struct why *why)
{
	const char *target = domain->catch_all;
	const struct address_row entry = {
		.address = arena_printf(arena, "@%s", domain->name),
		.kind = ADDRESS_DOMAIN,
		.targets = &target,
		.n_targets = target ? 1 : 0,
		.version = RECORD_ANY,
	};

	return address_put(stack, &entry, why);
}

static enum fault put_both(struct stack *stack, const struct domain *domain, struct arena *arena,
                           struct why *why)
{
	struct address catch_all;
	struct record record;
	enum fault fault = FAULT_NONE;

	if (domain->catch_all && address_parse(arena, slice_str(domain->catch_all), &catch_all, why))
		return fault_add(why, FAULT_INPUT, "catch-all \"%.80s\"", domain->catch_all);
	record = domain_record(domain, arena);
	fault = record_put(stack->store, &actor_admin, COLL_DOMAINS, &record, why);
	return fault ? fault : put_domain_address(stack, domain, arena, why);
}

/* The domain is there already: fine when its address row was never written, which makes it local. */
static enum fault finish_domain(struct stack *stack, const struct domain *there, struct arena *arena,
                                struct why *why)
{
	const struct slice key = slice_str(arena_printf(arena, "@%s", there->name));
	struct record record;
	enum fault fault =
	    record_get(stack->store, &actor_admin, COLL_ADDRESSES, key, false, arena, &record, why);

	if (!fault)
		return fault_set(why, FAULT_EXISTS, "the domain %s is there already", there->name);
	return fault == FAULT_NOT_FOUND ? put_domain_address(stack, there, arena, why) : fault;
}

static enum fault make_domain(struct stack *stack, struct domain *domain, struct arena *arena,
                              struct why *why)
{
	enum fault fault = add_first_selectors(stack, arena, domain, why);

	if (!fault)
		fault = put_both(stack, domain, arena, why);
	if (!fault)
		domain->version = 1;
	return fault;
}

enum fault domain_create(struct stack *stack, const struct change_by *by, struct slice name,
                         struct arena *arena, struct domain *ret, struct why *why)
{
	struct domain domain = { .created = clock_now(), .version = RECORD_NEW }, there;
	struct slice ascii;
	enum fault fault;

	if (!idna_to_ascii(arena, name, &ascii) || slice_chr(ascii, '.') < 0)
		return fault_set(why, FAULT_INPUT, "\"%.*s\" is no domain name like example.org",
		                 SLICE_FMT(name));
	fault = domain_get(stack, ascii, arena, &there, why);
	if (!fault) {
		domain = there;
		fault = finish_domain(stack, &domain, arena, why);
	} else if (fault == FAULT_NOT_FOUND) {
		domain.name = arena_strz(arena, ascii);
		fault = make_domain(stack, &domain, arena, why);
	}
	if (!fault)
		fault = audit_add(stack, by, "domain.create", domain.name, domain.name, "", why);
	if (fault)
		return fault;
	nudge_settings(stack);
	*ret = domain;
	return FAULT_NONE;
}

enum fault domain_get(struct stack *stack, struct slice name, struct arena *arena, struct domain *ret,
                      struct why *why)
{
	struct record record;
	struct slice ascii;
	enum fault fault;

	if (!idna_to_ascii(arena, name, &ascii))
		return fault_set(why, FAULT_NOT_FOUND, "\"%.*s\" is no domain name", SLICE_FMT(name));
	fault = record_get(stack->store, &actor_admin, COLL_DOMAINS, ascii, false, arena, &record, why);
	return fault ? fault : domain_read(&record, arena, ret, why);
}

enum fault domain_put(struct stack *stack, const struct change_by *by, const struct domain *domain,
                      struct why *why)
{
	struct arena *arena = arena_new();
	enum fault fault = put_both(stack, domain, arena, why);

	if (!fault)
		fault = audit_add(stack, by, "domain.change", domain->name, domain->name, "", why);
	if (!fault)
		nudge_settings(stack);
	arena_free(arena);
	return fault;
}

static enum fault must_be_empty(struct stack *stack, struct slice name, struct arena *arena, struct why *why)
{
	const struct slice start = { NULL, 0 };
	struct address_row *entries;
	size_t accounts = 0, aliases = 0;
	enum fault fault =
	    address_walk(stack, ADDRESS_ACCOUNT, name, start, 1, arena, &entries, &accounts, why);

	if (!fault)
		fault = address_walk(stack, ADDRESS_ALIAS, name, start, 1, arena, &entries, &aliases, why);
	if (!fault && accounts + aliases)
		return fault_set(why, FAULT_EXISTS, "%.*s still has accounts or aliases: delete them first",
		                 SLICE_FMT(name));
	return fault;
}

enum fault domain_delete(struct stack *stack, const struct change_by *by, struct slice name, struct why *why)
{
	struct arena *arena = arena_new();
	struct domain domain;
	enum fault fault = domain_get(stack, name, arena, &domain, why);

	if (!fault)
		fault = must_be_empty(stack, slice_str(domain.name), arena, why);
	if (!fault) {
		fault = record_del(stack->store, &actor_admin, COLL_ADDRESSES,
		                   slice_str(arena_printf(arena, "@%s", domain.name)), RECORD_ANY, why);
		if (fault == FAULT_NOT_FOUND)
			fault = FAULT_NONE;
	}
	if (!fault)
		fault = record_del(stack->store, &actor_admin, COLL_DOMAINS, slice_str(domain.name),
		                   domain.version, why);
	if (!fault)
		fault = audit_add(stack, by, "domain.delete", domain.name, domain.name, "", why);
	if (!fault)
		nudge_settings(stack);
	arena_free(arena);
	return fault;
}

enum fault domain_list(struct stack *stack, struct slice after, size_t limit, struct arena *arena,
                       struct domain **ret, size_t *ret_n, struct why *why)
{
	const struct record_query query = {
		.collection = COLL_DOMAINS, .index = -1, .after_key = after, .limit = limit
	};
	struct record *records;
	struct domain *domains;
	size_t n;
	enum fault fault = record_find(stack->store, &actor_admin, &query, arena, &records, &n, why);

	if (fault)
		return fault;
	domains = arena_array(arena, struct domain, n);
	for (size_t i = 0; i < n && !fault; i++)
		fault = domain_read(&records[i], arena, &domains[i], why);
	*ret = domains;
	*ret_n = n;
	return fault;
}
