/* posthouse user: accounts. */
#include <stdio.h>

#include "auth/role.h"
#include "base/clock.h"
#include "cli.h"
#include "suite/trace_file.h"

#define PAGE               200
#define TRACE_MINUTES      60
#define TRACED_MAX         ((size_t)1 << 30)
#define QUOTA_MESSAGES_MAX UINT32_MAX

static int add(struct cli *cli)
{
	struct account_new new = { .address = slice_str(cli->argv[0]) };
	struct account account;
	struct why why = { "" };
	enum fault fault;

	if (cli->argc > 1 && !cli_size(cli->argv[1], &new.quota))
		return cli_usage("a quota is a size like 2G, not \"%s\"", cli->argv[1]);
	fault = cli_password(cli, NULL, &new.password, &why);
	if (!fault)
		fault = account_create(cli->stack, &cli_by, &new, cli->arena, &account, &why);
	if (fault)
		return cli_fail(fault, &why);
	printf("%s is ready\n", account.login);
	return 0;
}

static void print_account(const struct account *account)
{
	printf("%-40s %-9s quota ", account->login,
	       account->state == ACCOUNT_ACTIVE ? "active" : "suspended");
	if (account->quota)
		printf("%llu bytes", (unsigned long long)account->quota);
	else
		printf("none");
	if (account->quota_messages)
		printf(", %llu messages", (unsigned long long)account->quota_messages);
	if (account->role)
		printf(", %s", role_name((enum role)account->role));
	printf("%s%s\n", *account->referral ? ", lives on " : "", account->referral);
}

static int list(struct cli *cli)
{
	struct slice domain = cli->argc ? slice_str(cli->argv[0]) : slice_of(NULL, 0), after = { NULL, 0 };
	size_t n = PAGE;

	while (n == PAGE) {
		struct account *accounts;
		struct why why = { "" };
		enum fault fault =
		    account_list(cli->stack, domain, after, PAGE, cli->arena, &accounts, &n, &why);

		if (fault)
			return cli_fail(fault, &why);
		for (size_t i = 0; i < n; i++)
			print_account(&accounts[i]);
		if (n)
			after = slice_str(accounts[n - 1].login);
	}
	return 0;
}

/* Reads the account, changes it, writes it. */
static int change(struct cli *cli, void (*edit)(struct cli *, struct account *))
{
	struct account account;
	struct why why = { "" };
	enum fault fault = account_by_login(cli->stack, slice_str(cli->argv[0]), cli->arena, &account, &why);

	if (fault == FAULT_NOT_FOUND)
		fault_set(&why, fault, "there is no account %s", cli->argv[0]);
	if (!fault) {
		edit(cli, &account);
		fault = account_put(cli->stack, &cli_by, &account, &why);
	}
	return fault ? cli_fail(fault, &why) : 0;
}

static bool read_minutes(const char *text, uint64_t *ret)
{
	return slice_u64(slice_str(text), ACCOUNT_TRACE_MINUTES_MAX, ret);
}

static void edit_suspend(struct cli *cli, struct account *account)
{
	(void)cli;
	account->state = ACCOUNT_SUSPENDED;
}

static void edit_resume(struct cli *cli, struct account *account)
{
	(void)cli;
	account->state = ACCOUNT_ACTIVE;
}

static void edit_quota(struct cli *cli, struct account *account)
{
	(void)cli_size(cli->argv[1], &account->quota);
}

static void edit_capabilities(struct cli *cli, struct account *account)
{
	account->capabilities_off = strcmp(cli->argv[1], "none") ? cli->argv[1] : "";
}

static void edit_trace(struct cli *cli, struct account *account)
{
	uint64_t minutes = TRACE_MINUTES;

	if (cli->argc > 1)
		(void)read_minutes(cli->argv[1], &minutes);
	account->trace_until = minutes ? clock_now() + (int64_t)minutes * 60000 : 0;
}

static void edit_messages(struct cli *cli, struct account *account)
{
	(void)slice_u64(slice_str(cli->argv[1]), QUOTA_MESSAGES_MAX, &account->quota_messages);
}

static void edit_referral(struct cli *cli, struct account *account)
{
	account->referral = cli->argc > 1 ? cli->argv[1] : "";
}

static void edit_role(struct cli *cli, struct account *account)
{
	enum role wanted = ROLE_NONE;

	(void)role_parse(slice_str(cli->argv[1]), &wanted);
	account->role = (int)wanted;
}

static int suspend(struct cli *cli)
{
	return change(cli, edit_suspend);
}

static int resume(struct cli *cli)
{
	return change(cli, edit_resume);
}

static int quota(struct cli *cli)
{
	uint64_t size;

	if (!cli_size(cli->argv[1], &size))
		return cli_usage("a quota is a size like 2G, or 0 for none, not \"%s\"", cli->argv[1]);
	return change(cli, edit_quota);
}

static int capabilities(struct cli *cli)
{
	return change(cli, edit_capabilities);
}

static int trace(struct cli *cli)
{
	uint64_t minutes;

	if (cli->argc > 1 && !read_minutes(cli->argv[1], &minutes))
		return cli_usage("\"%s\" is no number of minutes up to %d", cli->argv[1],
		                 ACCOUNT_TRACE_MINUTES_MAX);
	return change(cli, edit_trace);
}

static int traced(struct cli *cli)
{
	const char *dir = arena_printf(cli->arena, "%s/trace", cli->suite.data_dir);
	struct account account;
	struct account_key *key = NULL;
	struct buf text;
	struct why why = { "" };
	enum fault fault = account_by_login(cli->stack, slice_str(cli->argv[0]), cli->arena, &account, &why);

	buf_init(&text, TRACED_MAX);
	if (!fault)
		fault = account_unlock(cli->stack, &account, &key, &why);
	if (!fault)
		fault = trace_files_read(dir, &account.id, key, &text, &why);
	if (text.len)
		(void)fwrite(text.data, 1, text.len, stdout);
	buf_done(&text);
	account_key_unref(key);
	return fault ? cli_fail(fault, &why) : 0;
}

static int messages(struct cli *cli)
{
	uint64_t number;

	if (!slice_u64(slice_str(cli->argv[1]), QUOTA_MESSAGES_MAX, &number))
		return cli_usage("a limit is a number of messages, or 0 for none, not \"%s\"", cli->argv[1]);
	return change(cli, edit_messages);
}

static int role(struct cli *cli)
{
	enum role wanted;

	if (strcmp(cli->argv[1], role_name(ROLE_NONE)) && !role_parse(slice_str(cli->argv[1]), &wanted))
		return cli_usage("a role is owner, domain-admin, read-only or none, not \"%s\"",
		                 cli->argv[1]);
	return change(cli, edit_role);
}

static int referral(struct cli *cli)
{
	return change(cli, edit_referral);
}

static int password(struct cli *cli)
{
	struct account account;
	struct slice text;
	struct why why = { "" };
	enum fault fault = account_by_login(cli->stack, slice_str(cli->argv[0]), cli->arena, &account, &why);

	if (!fault)
		fault = cli_password(cli, NULL, &text, &why);
	if (!fault)
		fault = account_set_password(cli->stack, &cli_by, &account.id, text, &why);
	return fault ? cli_fail(fault, &why) : 0;
}

static int delete (struct cli *cli)
{
	struct account account;
	struct why why = { "" };
	enum fault fault = account_by_login(cli->stack, slice_str(cli->argv[0]), cli->arena, &account, &why);

	if (fault)
		return cli_fail(fault, &why);
	if (!cli_confirm(cli,
	                 "This deletes the account and the keys of its mail: nobody can read it any more."))
		return 1;
	fault = account_delete(cli->stack, &cli_by, &account.id, &why);
	return fault ? cli_fail(fault, &why) : 0;
}

static const struct cli_action actions[] = {
	{ "add", "ADDRESS [QUOTA]", "adds an account; the password is asked for, or read from standard input",
	  1, 2, add },
	{ "list", "[DOMAIN]", "all accounts, or those of a domain", 0, 1, list },
	{ "password", "ADDRESS", "sets the password", 1, 1, password },
	{ "quota", "ADDRESS SIZE", "sets the quota; 0: none", 2, 2, quota },
	{ "capabilities", "ADDRESS NAMES|none",
	  "takes these IMAP capabilities from its sessions, all the others it has", 2, 2, capabilities },
	{ "trace", "ADDRESS [MINUTES]", "imapd writes down its sessions for an hour, or so long; 0: no more",
	  1, 2, trace },
	{ "traced", "ADDRESS", "what imapd wrote down on this machine; kept for a week", 1, 1, traced },
	{ "messages", "ADDRESS NUMBER", "sets how many messages it may hold; 0: any number", 2, 2, messages },
	{ "role", "ADDRESS ROLE",
	  "what it may do to other accounts' quotas by IMAP: domain-admin (its domain's), owner (all), "
	  "read-only, none",
	  2, 2, role },
	{ "referral", "ADDRESS [HOST[:PORT]]",
	  "logins are sent to another IMAP server; without one: no longer", 1, 2, referral },
	{ "suspend", "ADDRESS", "no login, no mail, nothing deleted", 1, 1, suspend },
	{ "resume", "ADDRESS", "ends a suspension", 1, 1, resume },
	{ "delete", "ADDRESS", "deletes an account and its keys", 1, 1, delete },
	{ 0 },
};
const struct cli_verb verb_user = { "user", "accounts", STACK_ACCOUNTS_RING, actions };
