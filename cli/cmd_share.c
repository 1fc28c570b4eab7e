/* posthouse share: mailboxes that others may use (RFC 4314), and public accounts, whose mailboxes are there for that. */
#include <stdio.h>

#include "cli.h"
#include "suite/outbox.h"
#include "suite/share.h"

struct shared {
	struct account account;
	struct actor actor;
	struct folders folders;
};

static enum fault open_account(struct cli *cli, struct shared *ret, struct why *why)
{
	struct account_key *key;
	enum fault fault =
	    account_by_login(cli->stack, slice_str(cli->argv[0]), cli->arena, &ret->account, why);

	if (fault == FAULT_NOT_FOUND)
		fault_set(why, fault, "there is no account %s", cli->argv[0]);
	if (!fault)
		fault = account_unlock(cli->stack, &ret->account, &key, why);
	if (fault)
		return fault;
	ret->actor = (struct actor){ ACTOR_ADMIN, ret->account.id };
	fault = folders_load(cli->stack, &ret->actor, key, cli->arena, &ret->folders, why);
	account_key_unref(key);
	return fault;
}

static enum fault print_folder(struct cli *cli, const struct shared *shared, const struct folder *folder,
                               struct why *why)
{
	const struct mailbox_meta *meta = &folder->row.meta;
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < meta->n_acl && !fault; i++) {
		char room[ACL_LETTERS];
		const char *name;

		fault =
		    share_name(cli->stack, &meta->acl[i].who, shared->account.domain, cli->arena, &name, why);
		if (!fault && name)
			printf("%-30s %-40s %s\n", folder->path, name, acl_print(meta->acl[i].rights, room));
	}
	return fault;
}

static int list(struct cli *cli)
{
	struct shared shared;
	struct why why = { "" };
	enum fault fault = open_account(cli, &shared, &why);

	for (size_t i = 0; !fault && i < shared.folders.n; i++)
		fault = print_folder(cli, &shared, shared.folders.list[i], &why);
	return fault ? cli_fail(fault, &why) : 0;
}

/* Who and what; the mailbox by its id, since its name is its owner's secret. */
static enum fault note(struct cli *cli, const struct shared *shared, const struct folder *folder,
                       struct why *why)
{
	const char *detail = arena_printf(cli->arena, "%s: %s %s", id_print(&folder->row.meta.id).text,
	                                  cli->argv[2], cli->argv[3]);

	return audit_add(cli->stack, &cli_by, "mailbox.share", shared->account.login, shared->account.domain,
	                 detail, why);
}

static enum fault grant(struct cli *cli, const struct shared *shared, uint32_t rights, struct why *why)
{
	const struct folder *folder = folders_find(&shared->folders, cli->argv[1]);
	const struct id outbox = outbox_mailbox(&shared->account.id);
	struct id who;
	enum fault fault;

	if (!folder || folder->row.meta.no_select || id_eq(&folder->row.meta.id, &outbox))
		return fault_set(why, FAULT_NOT_FOUND, "there is no mailbox %s to be shared", cli->argv[1]);
	fault = share_who(cli->stack, slice_str(cli->argv[2]), shared->account.domain, cli->arena, &who, why);
	if (fault == FAULT_NOT_FOUND)
		fault_set(why, fault, "there is no account %s", cli->argv[2]);
	if (!fault && id_eq(&who, &shared->account.id))
		fault = fault_set(why, FAULT_INPUT, "the owner has all rights already");
	if (!fault)
		fault =
		    share_set(cli->stack, &shared->actor, &folder->row.meta.id, &who, ACL_SET, rights, why);
	return fault ? fault : note(cli, shared, folder, why);
}

static int set(struct cli *cli)
{
	const bool none = strcmp(cli->argv[3], "none") == 0;
	struct shared shared;
	struct why why = { "" };
	uint32_t rights = 0;
	enum fault fault;

	if (!none && !acl_parse(slice_str(cli->argv[3]), &rights))
		return cli_usage("rights are letters of lrswipkxtea, or none, not \"%s\"", cli->argv[3]);
	fault = open_account(cli, &shared, &why);
	if (!fault)
		fault = grant(cli, &shared, rights, &why);
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
