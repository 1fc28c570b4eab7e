/*
 * SPF through libspf2 (check_spf.h). All of libspf2 is here.
 *
 * One run    The library asks the layer below for names; it answers from
 *            `answers`. The first one that is missing ends the run: it is answered
 *            "try again", and so is whatever the library still asks on its way out.
 * Counting   Terms are told apart by what they look up: every TXT but the first
 *            is an include or a redirect, every MX and PTR is a term, every A or AAAA is one
 *            unless it is the next host of the MX or PTR answer just given.
 *            Past a limit the run ends the same way, and the result is ours: permerror.
 */
#include "check_spf.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/types.h>

#define HAVE_NS_TYPE 1
#include <spf2/spf.h>
#include <spf2/spf_dns.h>

#include "base/arena.h"
#include "dns/name.h"
#include "mail/idna.h"

enum {
	TERMS_MAX = 10, /* RFC 7208 4.6.4 */
	VOIDS_MAX = 2,
	HOSTS_MAX = 10,
	RECORD_MAX = 2048, /* CVE-2023-42118: longer ones overrun a buffer of the library */
	EXPECT_MAX = 10,
	LOCAL_MAX = 128,
};

struct run {
	struct answers *answers;
	enum dns_type address_type; /* A or AAAA, by the client's address */
	bool ended;                 /* something is missing, or `broken`: whatever comes now does not count */
	const char *broken;         /* permerror, whatever the library makes of it */
	unsigned terms, voids, expected;
	bool began; /* the domain's own record was asked for */
	const struct dns_answer
	    *hosts; /* of the last MX or PTR answer; their addresses are asked for in order */
	size_t host;
};

static SPF_dns_rr_t *reply(SPF_dns_server_t *layer, const char *name, ns_type type, int herrno)
{
	return SPF_dns_rr_new_init(layer, name, type, 0, herrno);
}

static SPF_dns_rr_t *end_run(struct run *run, const char *broken, SPF_dns_server_t *layer, const char *name,
                             ns_type type)
{
	if (!run->ended)
		run->broken = broken;
	run->ended = true;
	return reply(layer, name, type, TRY_AGAIN);
}

/* 4.5: "v=spf1" alone or followed by a blank; other TXT records are none of our business. */
static bool is_spf_record(struct slice text)
{
	return slice_istarts(text, "v=spf1") && (text.len == 6 || text.data[6] == ' ');
}

static bool is_plain_ascii(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < ' ' || text.data[i] >= 0x7f)
			return false;
	}
	return true;
}

/* Includes and the like that name a fixed domain are fetched in one round instead of one after the other. */
static void expect_terms(struct run *run, struct slice record)
{
	static const struct {
		const char *prefix;
		enum dns_type type; /* 0: the client's address type */
	} terms[] = { { "include:", DNS_TXT }, { "redirect=", DNS_TXT }, { "a:", 0 }, { "mx:", DNS_MX } };
	struct slice term;
	char name[DNS_NAME_MAX + 1];

	while (slice_cut(&record, ' ', &term)) {
		if (term.len && strchr("+-~?", term.data[0]))
			term = slice_from(term, 1);
		for (size_t i = 0; i < ARRAY_LEN(terms); i++) {
			struct slice domain = slice_from(term, strlen(terms[i].prefix));

			if (!slice_istarts(term, terms[i].prefix) || domain.len == 0 ||
			    domain.len > DNS_NAME_MAX || slice_chr(domain, '%') >= 0 ||
			    slice_chr(domain, '/') >= 0 || run->expected++ >= EXPECT_MAX)
				continue;
			snprintf(name, sizeof(name), "%.*s", SLICE_FMT(domain));
			answers_expect(run->answers, name, terms[i].type ? terms[i].type : run->address_type);
		}
	}
}

static void add_text(SPF_dns_rr_t *rr, struct slice text)
{
	int i = rr->num_rr;

	if (SPF_dns_rr_buf_realloc(rr, i, text.len + 1) != SPF_E_SUCCESS)
		return;
	memcpy(rr->rr[i]->txt, text.data, text.len);
	rr->rr[i]->txt[text.len] = '\0';
	rr->num_rr++;
}

static SPF_dns_rr_t *reply_records(struct run *run, SPF_dns_server_t *layer, const char *name,
                                   const struct dns_answer *answer)
{
	SPF_dns_rr_t *rr = reply(layer, name, ns_t_txt, NETDB_SUCCESS);

	for (size_t i = 0; i < answer->n; i++) {
		struct slice text = answer->records[i].data;

		if (!is_spf_record(text))
			continue;
		if (text.len > RECORD_MAX || !is_plain_ascii(text)) {
			SPF_dns_rr_free(rr);
			return end_run(run, "the record is too long or not plain ASCII", layer, name,
			               ns_t_txt);
		}
		expect_terms(run, text);
		add_text(rr, text);
	}
	if (rr->num_rr == 0)
		rr->herrno = NO_DATA;
	return rr;
}

static SPF_dns_rr_t *reply_addresses(SPF_dns_server_t *layer, const char *name, ns_type type,
                                     const struct dns_answer *answer)
{
	SPF_dns_rr_t *rr = reply(layer, name, type, NETDB_SUCCESS);

	for (size_t i = 0; i < answer->n; i++) {
		struct slice address = answer->records[i].data;

		if (SPF_dns_rr_buf_realloc(rr, rr->num_rr, address.len) != SPF_E_SUCCESS)
			break;
		memcpy(rr->rr[rr->num_rr++], address.data, address.len);
	}
	return rr;
}

/* MX or PTR: names whose addresses will be asked for next. */
static SPF_dns_rr_t *reply_hosts(struct run *run, SPF_dns_server_t *layer, const char *name, ns_type type,
                                 const struct dns_answer *answer)
{
	SPF_dns_rr_t *rr;

	/* 4.6.4: more than ten MX names are an error; of more than ten PTR names the rest is not looked at */
	if (type == ns_t_mx && answer->n > HOSTS_MAX)
		return end_run(run, "more than 10 MX names", layer, name, type);
	rr = reply(layer, name, type, NETDB_SUCCESS);
	for (size_t i = 0; i < answer->n && i < HOSTS_MAX; i++) {
		add_text(rr, answer->records[i].data);
		answers_expect(run->answers, (const char *)answer->records[i].data.data, run->address_type);
	}
	run->hosts = answer;
	run->host = 0;
	return rr;
}

/* An address of the hosts of the last MX or PTR: part of that term. */
static bool is_next_host(struct run *run, const char *name, enum dns_type type)
{
	if (!run->hosts || type != run->address_type)
		return false;
	if (run->host < run->hosts->n && slice_is(run->hosts->records[run->host].data, name)) {
		run->host++;
		return true;
	}
	run->hosts = NULL;
	return false;
}

/* NULL: within the limits. */
static const char *count_lookup(struct run *run, const char *name, enum dns_type type,
                                const struct dns_answer *answer)
{
	if (!run->began) {
		run->began = true;
		return NULL;
	}
	if (is_next_host(run, name, type))
		return NULL;
	if (++run->terms > TERMS_MAX)
		return "more than 10 terms that need the DNS";
	if (answer && (answer->status == DNS_NXDOMAIN || answer->status == DNS_NODATA) &&
	    ++run->voids > VOIDS_MAX)
		return "more than 2 lookups without an answer";
	return NULL;
}

static enum dns_type type_of(ns_type type)
{
	switch (type) {
	case ns_t_a:
		return DNS_A;
	case ns_t_aaaa:
		return DNS_AAAA;
	case ns_t_mx:
		return DNS_MX;
	case ns_t_ptr:
		return DNS_PTR;
	default:
		return DNS_TXT;
	}
}

static SPF_dns_rr_t *on_lookup(SPF_dns_server_t *layer, const char *name, ns_type ns_type, int should_cache)
{
	struct run *run = layer->hook;
	enum dns_type type = type_of(ns_type);
	const struct dns_answer *answer;
	const char *limit;

	(void)should_cache;
	if (run->ended)
		return reply(layer, name, ns_type, TRY_AGAIN);
	answer = answers_get(run->answers, name, type);
	limit = count_lookup(run, name, type, answer);
	if (limit || !answer)
		return end_run(run, limit, layer, name, ns_type);
	if (answer->status == DNS_TEMPFAIL)
		return reply(layer, name, ns_type, TRY_AGAIN);
	if (answer->status != DNS_OK)
		return reply(layer, name, ns_type, answer->status == DNS_NXDOMAIN ? HOST_NOT_FOUND : NO_DATA);
	if (type == DNS_TXT)
		return reply_records(run, layer, name, answer);
	if (type == DNS_MX || type == DNS_PTR)
		return reply_hosts(run, layer, name, ns_type, answer);
	return reply_addresses(layer, name, ns_type, answer);
}

/* Set so that the library does not fetch and expand explanations: that is where CVE-2023-42118 sits. */
static SPF_errcode_t no_explanation(SPF_server_t *server, const char *domain, char **text, size_t *size)
{
	(void)server;
	(void)domain;
	if (*text && *size)
		**text = '\0';
	return SPF_E_SUCCESS;
}

struct client {
	bool v6;
	struct in_addr v4;
	struct in6_addr addr6;
};

static bool client_parse(const char *ip, struct client *ret)
{
	*ret = (struct client){ 0 };
	if (inet_pton(AF_INET, ip, &ret->v4) == 1)
		return true;
	if (inet_pton(AF_INET6, ip, &ret->addr6) != 1)
		return false;
	ret->v6 = !IN6_IS_ADDR_V4MAPPED(&ret->addr6);
	if (!ret->v6)
		memcpy(&ret->v4, ret->addr6.s6_addr + 12, 4);
	return true;
}

/* The library passes loopback clients for every domain there is. */
static bool client_is_loopback(const struct client *client)
{
	return client->v6 ? IN6_IS_ADDR_LOOPBACK(&client->addr6) : ntohl(client->v4.s_addr) >> 24 == 127;
}

/* For macros only: what could not stand in a mailbox or in a name is masked. */
static const char *masked(struct arena *arena, struct slice text, size_t max, const char *fallback)
{
	char *out = arena_strz(arena, slice_first(text, max));

	for (char *at = out; *at; at++) {
		if (*at <= ' ' || *at >= 0x7f || *at == '@')
			*at = '-';
	}
	return *out ? out : fallback;
}

static enum authres result_of(SPF_response_t *response, SPF_errcode_t error)
{
	switch (response ? SPF_response_result(response) : SPF_RESULT_INVALID) {
	case SPF_RESULT_NEUTRAL:
		return AUTHRES_NEUTRAL;
	case SPF_RESULT_PASS:
		return AUTHRES_PASS;
	case SPF_RESULT_FAIL:
		return AUTHRES_FAIL;
	case SPF_RESULT_SOFTFAIL:
		return AUTHRES_SOFTFAIL;
	case SPF_RESULT_NONE:
		return AUTHRES_NONE;
	case SPF_RESULT_TEMPERROR:
		return AUTHRES_TEMPERROR;
	case SPF_RESULT_PERMERROR:
		return AUTHRES_PERMERROR;
	default: /* no result at all: the record could not be fetched, or does not compile */
		return error == SPF_E_DNS_ERROR ? AUTHRES_TEMPERROR : AUTHRES_PERMERROR;
	}
}

static const char *explain(enum authres result, SPF_errcode_t error, const char *ip, const char *domain,
                           struct arena *arena)
{
	switch (result) {
	case AUTHRES_PASS:
		return arena_printf(arena, "%s may send for %s", ip, domain);
	case AUTHRES_FAIL:
		return arena_printf(arena, "%s may not send for %s", ip, domain);
	case AUTHRES_SOFTFAIL:
		return arena_printf(arena, "%s should not send for %s", ip, domain);
	case AUTHRES_NEUTRAL:
		return arena_printf(arena, "%s says nothing about %s", domain, ip);
	case AUTHRES_NONE:
		return arena_printf(arena, "%s has no SPF record", domain);
	case AUTHRES_TEMPERROR:
		return "the DNS gave no answer";
	default:
		return error == SPF_E_NOT_SPF ? "the record, or one it includes, is not valid"
		                              : SPF_strerror(error);
	}
}

static void evaluate(struct run *run, const struct client *client, const struct spf_input *input,
                     const char *local, struct arena *arena, struct spf_outcome *ret)
{
	SPF_dns_server_t layer = {
		.lookup = on_lookup, .get_exp = no_explanation, .name = "answers", .hook = run
	};
	SPF_server_t *server = SPF_server_new_dns(&layer, 0);
	SPF_request_t *request = SPF_request_new(server);
	SPF_response_t *response = NULL;
	SPF_errcode_t error;

	if (client->v6)
		SPF_request_set_ipv6(request, client->addr6);
	else
		SPF_request_set_ipv4(request, client->v4);
	SPF_request_set_helo_dom(request, masked(arena, slice_str(input->helo), DNS_NAME_MAX, "unknown"));
	SPF_request_set_env_from(request, arena_printf(arena, "%s@%s", local, ret->domain));
	error = SPF_request_query_mailfrom(request, &response);
	ret->result = result_of(response, error);
	ret->why = explain(ret->result, error, input->ip, ret->domain, arena);
	SPF_response_free(response);
	SPF_request_free(request);
	SPF_server_free(server);
}

/* 4.3: a domain with an SPF record has at least two labels and is no address literal. */
static bool clean_domain(struct arena *arena, struct slice domain, const char **ret)
{
	char clean[DNS_NAME_MAX + 1];
	struct slice ascii;

	if (domain.len == 0 || domain.len > 4 * DNS_NAME_MAX || domain.data[0] == '[' ||
	    !idna_to_ascii(arena, domain, &ascii))
		return false;
	if (!dns_name_clean(arena_strz(arena, ascii), clean) || !strchr(clean, '.'))
		return false;
	*ret = arena_strdup(arena, clean);
	return true;
}

static bool check(struct answers *answers, const struct spf_input *input, struct slice local,
                  struct slice domain, struct arena *arena, struct spf_outcome *ret)
{
	struct run run = { .answers = answers };
	struct client client;

	ret->result = AUTHRES_NONE;
	ret->domain = "";
	if (!clean_domain(arena, domain, &ret->domain)) {
		ret->why = "there is no domain to check";
		return true;
	}
	if (!client_parse(input->ip, &client) || client_is_loopback(&client)) {
		ret->why = "the client is on this machine";
		return true;
	}
	run.address_type = client.v6 ? DNS_AAAA : DNS_A;
	evaluate(&run, &client, input, masked(arena, local, LOCAL_MAX, "postmaster"), arena, ret);
	if (run.broken) {
		ret->result = AUTHRES_PERMERROR;
		ret->why = run.broken;
		return true;
	}
	return !run.ended;
}

bool spf_check_helo(struct answers *answers, const struct spf_input *input, struct arena *arena,
                    struct spf_outcome *ret)
{
	struct spf_outcome outcome = { .identity = "helo" };

	if (!check(answers, input, SLICE("postmaster"), slice_str(input->helo), arena, &outcome))
		return false;
	*ret = outcome;
	return true;
}

bool spf_check_mail_from(struct answers *answers, const struct spf_input *input, struct arena *arena,
                         struct spf_outcome *ret)
{
	struct spf_outcome outcome = { .identity = "mailfrom" };
	struct slice from = input->mail_from;
	size_t at = from.len;

	/* 2.4: the null sender is postmaster of what HELO said */
	if (from.len == 0)
		return spf_check_helo(answers, input, arena, ret);
	while (at > 0 && from.data[at - 1] != '@')
		at--;
	if (!check(answers, input, slice_first(from, at ? at - 1 : 0), slice_from(from, at), arena, &outcome))
		return false;
	*ret = outcome;
	return true;
}

void spf_received_field(struct buf *out, struct arena *arena, const struct spf_input *input,
                        const struct spf_outcome *outcome, const char *receiver)
{
	bool error = outcome->result == AUTHRES_PERMERROR || outcome->result == AUTHRES_TEMPERROR;
	const struct {
		const char *key;
		struct slice value;
	} pairs[] = {
		{ "client-ip", field_value(arena, slice_str(input->ip)) },
		{ "envelope-from", field_quoted(arena, input->mail_from) },
		{ "helo", field_quoted(arena, slice_str(input->helo)) },
		{ "receiver", field_value(arena, slice_str(receiver)) },
		{ "identity", slice_str(outcome->identity) },
		{ "problem", field_quoted(arena, slice_str(outcome->why)) },
	};
	size_t n = ARRAY_LEN(pairs) - !error;
	struct field_writer writer;

	field_start(&writer, out, "Received-SPF");
	field_piece(&writer, slice_str(authres_name(outcome->result)));
	field_piece(&writer,
	            field_comment(arena, slice_str(arena_printf(arena, "%s: %s", receiver, outcome->why))));
	for (size_t i = 0; i < n; i++)
		field_piece(&writer,
		            slice_str(arena_printf(arena, "%s=%.*s%s", pairs[i].key,
		                                   SLICE_FMT(pairs[i].value), i + 1 < n ? ";" : "")));
	field_end(&writer);
}
