/* posthouse domain: the domains mail is taken for, and the DNS records to publish for them. */
#include <stdio.h>

#include "cli.h"

#define PAGE 200

static void print_txt(const char *name, const char *value)
{
	/* a TXT record's strings hold 255 bytes each (RFC 1035 3.3) */
	printf("%s TXT", name);
	for (size_t at = 0, len = strlen(value); at < len; at += 250)
		printf(" \"%.*s\"", (int)MIN_OF(len - at, (size_t)250), value + at);
	printf("\n");
}

static void print_records(const struct cli *cli, const struct domain *domain)
{
	printf("; publish these in the zone of %s\n", domain->name);
	printf("%s. MX 10 %s.\n", domain->name, cli->suite.hostname);
	printf("%s. TXT \"v=spf1 mx -all\"\n", domain->name);
	printf("_dmarc.%s. TXT \"v=DMARC1; p=quarantine\"\n", domain->name);
	for (size_t i = 0; i < domain->n_selectors; i++) {
		char name[512];

		snprintf(name, sizeof(name), "%s._domainkey.%s.", domain->selectors[i].selector,
		         domain->name);
		print_txt(name, domain->selectors[i].public_txt);
	}
}

static int add(struct cli *cli)
{
	struct domain domain;
	struct why why = { "" };
	enum fault fault =
	    domain_create(cli->stack, &cli_by, slice_str(cli->argv[0]), cli->arena, &domain, &why);

	if (fault)
		return cli_fail(fault, &why);
	print_records(cli, &domain);
	return 0;
}

static int show(struct cli *cli)
{
	struct domain domain;
	struct why why = { "" };
	enum fault fault = domain_get(cli->stack, slice_str(cli->argv[0]), cli->arena, &domain, &why);

	if (fault == FAULT_NOT_FOUND)
		fault_set(&why, fault, "there is no domain %s", cli->argv[0]);
	if (fault)
		return cli_fail(fault, &why);
	printf("; catch-all: %s\n",
	       domain.catch_all ? domain.catch_all : "none, unknown recipients are refused");
	print_records(cli, &domain);
	return 0;
}

static int list(struct cli *cli)
{
	struct slice after = { NULL, 0 };
	size_t n = PAGE;

	while (n == PAGE) {
		struct domain *domains;
		struct why why = { "" };
		enum fault fault = domain_list(cli->stack, after, PAGE, cli->arena, &domains, &n, &why);

		if (fault)
			return cli_fail(fault, &why);
		for (size_t i = 0; i < n; i++)
			printf("%s\n", domains[i].name);
		if (n)
			after = slice_str(domains[n - 1].name);
	}
	return 0;
}

static int catch_all(struct cli *cli)
{
	struct domain domain;
	struct why why = { "" };
	enum fault fault = domain_get(cli->stack, slice_str(cli->argv[0]), cli->arena, &domain, &why);

	domain.catch_all = cli->argc > 1 ? cli->argv[1] : NULL;
	if (!fault)
		fault = domain_put(cli->stack, &cli_by, &domain, &why);
	return fault ? cli_fail(fault, &why) : 0;
}

static int add_key(struct cli *cli)
{
	bool ed25519 = strcmp(cli->argv[2], "ed25519") == 0;
	struct domain domain;
	struct why why = { "" };
	enum fault fault;

	if (!ed25519 && strcmp(cli->argv[2], "rsa") != 0)
		return cli_usage("a key is rsa or ed25519, not \"%s\"", cli->argv[2]);
	fault = domain_get(cli->stack, slice_str(cli->argv[0]), cli->arena, &domain, &why);
	if (!fault)
		fault = domain_add_selector(cli->stack, cli->arena, &domain, cli->argv[1],
		                            ed25519 ? DKIM_ED25519_SHA256 : DKIM_RSA_SHA256, &why);
	if (!fault)
		fault = domain_put(cli->stack, &cli_by, &domain, &why);
	if (fault)
		return cli_fail(fault, &why);
	print_records(cli, &domain);
	return 0;
}

static int delete (struct cli *cli)
{
	struct why why = { "" };
	enum fault fault;

	if (!cli_confirm(cli, "This deletes the domain and its DKIM keys."))
		return 1;
	fault = domain_delete(cli->stack, &cli_by, slice_str(cli->argv[0]), &why);
	return fault ? cli_fail(fault, &why) : 0;
}

static const struct cli_action actions[] = {
	{ "add", "DOMAIN", "adds a domain with two DKIM keys and prints its DNS records", 1, 1, add },
	{ "list", "", "all domains", 0, 0, list },
	{ "show", "DOMAIN", "its DNS records and settings", 1, 1, show },
	{ "catch-all", "DOMAIN [ADDRESS]", "sends unknown recipients to ADDRESS; without it: refuses them", 1,
	  2, catch_all },
	{ "add-key", "DOMAIN SELECTOR rsa|ed25519", "adds a DKIM key that signs from now on", 3, 3, add_key },
	{ "delete", "DOMAIN", "deletes a domain without accounts and aliases", 1, 1, delete },
	{ 0 },
};
const struct cli_verb verb_domain = { "domain", "domains that mail is taken for", STACK_QUEUE_RING, actions };
