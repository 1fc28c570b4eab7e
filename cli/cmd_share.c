/* posthouse share: mailboxes that others may use (RFC 4314), and public accounts, whose mailboxes are there for that. */
#include <stdio.h>

#include "cli.h"
#include "suite/share_admin.h"

static enum fault find_account(struct cli *cli, struct account *ret, struct why *why)
{
	enum fault fault = account_by_login(cli->stack, slice_str(cli->argv[0]), cli->arena, ret, why);

	return fault == FAULT_NOT_FOUND ? fault_set(why, fault, "there is no account %s", cli->argv[0])
	                                : fault;
}

static enum fault print_folder(struct cli *cli, const struct account *account, const struct folder *folder,
                               struct why *why)
{
	const struct mailbox_meta *meta = &folder->row.meta;
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < meta->n_acl && !fault; i++) {
		char room[ACL_LETTERS];
		const char *name;

		fault = share_name(cli->stack, &meta->acl[i].who, account->domain, cli->arena, &name, why);
		if (!fault && name)
			printf("%-30s %-40s %s\n", folder->path, name, acl_print(meta->acl[i].rights, room));
	}
	return fault;
}

static int list(struct cli *cli)
{
	struct account account;
	struct folder **folders;
	struct why why = { "" };
	size_t n = 0;
	enum fault fault = find_account(cli, &account, &why);

	if (!fault)
		fault = share_admin_list(cli->stack, &account, cli->arena, &folders, &n, &why);
	for (size_t i = 0; !fault && i < n; i++)
		fault = print_folder(cli, &account, folders[i], &why);
	return fault ? cli_fail(fault, &why) : 0;
}

static int set(struct cli *cli)
{
	const bool none = strcmp(cli->argv[3], "none") == 0;
	struct account account;
	struct why why = { "" };
	uint32_t rights = 0;
	enum fault fault;

	if (!none && !acl_parse(slice_str(cli->argv[3]), &rights))
		return cli_usage("rights are letters of lrswipkxtea, or none, not \"%s\"", cli->argv[3]);
	fault = find_account(cli, &account, &why);
	if (!fault)
		fault =
		    share_admin_set(cli->stack, &cli_by, &account, cli->argv[1], cli->argv[2], rights, &why);
	return fault ? cli_fail(fault, &why) : 0;
}

static int add_public(struct cli *cli)
{
	struct account_new new = { .address = slice_str(cli->argv[0]), .is_public = true };
	struct account account;
	struct why why = { "" };
	enum fault fault;

	if (cli->argc > 1 && !cli_size(cli->argv[1], &new.quota))
		return cli_usage("a quota is a size like 2G, not \"%s\"", cli->argv[1]);
	fault = account_create(cli->stack, &cli_by, &new, cli->arena, &account, &why);
	if (fault)
		return cli_fail(fault, &why);
	printf("%s is ready: share its mailboxes\n", account.login);
	return 0;
}

static const struct cli_action actions[] = {
	{ "list", "ADDRESS", "who may do what in an account's mailboxes", 1, 1, list },
	{ "set", "ADDRESS MAILBOX WHO RIGHTS",
	  "lets an account, or anyone of the domain, do what letters of lrswipkxtea say; none: nothing", 4, 4,
	  set },
	{ "add-public", "ADDRESS [QUOTA]",
	  "adds an account that nobody logs in to: its mailboxes appear below Public/ to those it is shared "
	  "with",
	  1, 2, add_public },
	{ 0 },
};
const struct cli_verb verb_share = { "share", "mailboxes shared between accounts", STACK_ACCOUNTS_RING,
	                             actions };
