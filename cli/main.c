/* posthouse: the command line (cli.h). Finds the verb and its action, opens what they need, runs them. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "cli.h"

static const struct cli_verb *const verbs[] = {
	&verb_init,  &verb_run,   &verb_domain, &verb_user,   &verb_alias,
	&verb_queue, &verb_trace, &verb_token,  &verb_ban,    &verb_share,
	&verb_key,   &verb_fsck,  &verb_sweep,  &verb_search, &verb_conf,
};

static const struct argp_option options[] = {
	{ "config", 'c', "FILE", 0,
	  "configuration (default $POSTHOUSE_CONF, else /etc/posthouse/posthouse.conf)", 0 },
	{ "yes", 'y', NULL, 0, "do what cannot be undone without asking", 0 },
	{ 0 },
};

struct command_line {
	struct cli *cli;
	int rest; /* index of the verb */
};

static error_t on_option(int key, char *arg, struct argp_state *state)
{
	struct command_line *line = state->input;

	switch (key) {
	case 'c':
		line->cli->conf_path = arg;
		return 0;
	case 'y':
		line->cli->yes = true;
		return 0;
	case ARGP_KEY_ARG:
		line->rest = state->next - 1;
		state->next = state->argc; /* the rest is the verb's */
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Every verb and action, below argp's own text. */
static char *verbs_help(int key, const char *text, void *input)
{
	struct buf out;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)(uintptr_t)text;
	buf_init(&out, 16384);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		buf_printf(&out, "%s: %s\n", verbs[i]->name, verbs[i]->help);
		for (const struct cli_action *action = verbs[i]->actions; action->run; action++)
			buf_printf(&out, "  %s%s%s%s%s\n      %s\n", verbs[i]->name, action->name ? " " : "",
			           action->name ? action->name : "", action->arguments[0] ? " " : "",
			           action->arguments, action->help);
	}
	buf_addc(&out, '\0');
	return (char *)out.data;
}

static const struct cli_verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	}
	return NULL;
}

static int verb_usage(const struct cli_verb *verb)
{
	fprintf(stderr, "posthouse %s: %s\n", verb->name, verb->help);
	for (const struct cli_action *action = verb->actions; action->run; action++)
		fprintf(stderr, "  posthouse %s%s%s %s\n      %s\n", verb->name, action->name ? " " : "",
		        action->name ? action->name : "", action->arguments, action->help);
	return CLI_USAGE;
}

/* The action, with cli->argc and argv moved behind its name; NULL when the words do not fit. */
static const struct cli_action *find_action(const struct cli_verb *verb, struct cli *cli)
{
	const struct cli_action *action = verb->actions;

	if (action->name) {
		for (; action->run && (cli->argc == 0 || strcmp(action->name, cli->argv[0]) != 0); action++)
			;
		if (!action->run)
			return NULL;
		cli->argc--;
		cli->argv++;
	}
	if (cli->argc < action->min || (action->max >= 0 && cli->argc > action->max))
		return NULL;
	return action;
}

static int prepare(struct cli *cli, const struct cli_verb *verb)
{
	const struct conf_section sections[] = { { NULL, suite_conf_rows, &cli->suite } };
	struct why why = { "" };
	enum fault fault;

	if (verb->needs & CLI_NO_CONF)
		return 0;
	fault = conf_load(cli->conf_path, sections, ARRAY_LEN(sections), suite_sections, cli->arena, &why);
	if (!fault)
		suite_conf_finish(&cli->suite, cli->arena);
	if (!fault && !(verb->needs & CLI_NO_STACK))
		fault = stack_open(&cli->suite, verb->needs, NULL, "cli", &cli->stack, &why);
	return fault ? cli_fail(fault, &why) : 0;
}

static int run_verb(struct cli *cli, const char *name)
{
	const struct cli_verb *verb = find_verb(name);
	const struct cli_action *action;
	int code;

	if (!verb)
		return cli_usage("there is no \"%s\"; posthouse --help lists what there is", name);
	action = find_action(verb, cli);
	if (!action)
		return verb_usage(verb);
	code = prepare(cli, verb);
	if (!code)
		code = action->run(cli);
	stack_close(cli->stack);
	return code;
}

int main(int argc, char **argv)
{
	const struct argp argp = {
		options,    on_option, "VERB [ARGUMENT...]", "Runs and keeps a Posthouse mail suite.\v", NULL,
		verbs_help, NULL
	};
	const char *conf = getenv("POSTHOUSE_CONF");
	struct cli cli = { .program = argv[0],
		           .conf_path = conf && *conf ? conf : "/etc/posthouse/posthouse.conf" };
	struct command_line line = { &cli, argc };
	int code;

	argp_program_version = "posthouse " POSTHOUSE_VERSION;
	argp_err_exit_status = CLI_USAGE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &line);
	if (line.rest >= argc)
		return cli_usage("say what to do; posthouse --help lists what there is");
	rand_start();
	log_start("posthouse", LOG_WARN, false);
	cli.arena = arena_new();
	cli.argc = argc - line.rest - 1;
	cli.argv = argv + line.rest + 1;
	code = run_verb(&cli, argv[line.rest]);
	arena_free(cli.arena);
	return code;
}
