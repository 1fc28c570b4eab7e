/*
 * DMARC: lines of input. The first is the value of From, the second a domain that DKIM vouches for, the third one
 * that SPF does; each other one is the TXT record of the next name asked about.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/rand.h"
#include "check_dmarc.h"
#include "dns/answer.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct suffixes *suffixes;

/* A line that starts with "!" is a failure, an empty one no such name. */
static const struct dns_answer *known(void *arg, const char *name, enum dns_type type)
{
	struct slice *rest = arg, line = slice_of(NULL, 0), rdata;
	struct dns_raw raw = { .type = type, .status = DNS_OK, .ttl = 60, .rdata = &rdata, .n = 1 };
	uint8_t bytes[256];

	(void)name;
	slice_cut(rest, '\n', &line);
	line = slice_first(line, 255);
	bytes[0] = (uint8_t)line.len;
	if (line.len)
		memcpy(bytes + 1, line.data, line.len);
	rdata = slice_of(bytes, 1 + line.len);
	if (line.len == 0)
		raw.status = DNS_NXDOMAIN;
	else if (line.data[0] == '!')
		raw.status = DNS_TEMPFAIL;
	return dns_answer_new(&raw);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	rand_start();
	dmarc_library_start();
	suffixes = suffixes_new();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *arena = arena_new();
	struct slice rest = slice_of(data, size), from = rest, dkim_domain = { NULL, 0 },
	             spf_domain = { NULL, 0 };
	struct dkim_check dkim = { .n = 1 };
	struct spf_outcome spf = { .result = AUTHRES_PASS, .identity = "mailfrom", .why = "" };
	struct dmarc_author author;
	struct dmarc_outcome outcome;
	struct answers answers;
	struct buf message;

	slice_cut(&rest, '\n', &from);
	slice_cut(&rest, '\n', &dkim_domain);
	slice_cut(&rest, '\n', &spf_domain);
	buf_init(&message, BUF_NO_LIMIT);
	buf_adds(&message, "From: ");
	buf_add_slice(&message, from);
	buf_adds(&message, "\r\n\r\n");
	dkim.signatures[0].result = AUTHRES_PASS;
	dkim.signatures[0].tags.domain = arena_strz(arena, slice_first(dkim_domain, 253));
	spf.domain = arena_strz(arena, slice_first(spf_domain, 253));
	answers_init(&answers, arena, known, &rest);
	dmarc_read_author(buf_slice(&message), arena, &author);
	if (!dmarc_check(&answers, suffixes, &author, &spf, &dkim, arena, &outcome))
		abort(); /* everything is known */
	/* nobody is vouched for by a name that is not in some way theirs */
	if (outcome.result == AUTHRES_PASS && !outcome.dkim_aligned && !outcome.spf_aligned)
		abort();
	if (outcome.result != AUTHRES_PERMERROR) {
		size_t org = strlen(outcome.org), full = strlen(outcome.author);

		if (org > full || strcmp(outcome.author + full - org, outcome.org) != 0)
			abort();
	}
	buf_done(&message);
	arena_free(arena);
	return 0;
}
