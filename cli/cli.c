/* What the verbs share (cli.h). */
#include "cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "suite/check.h"

#define EXIT_TEMPORARY 75
#define EXIT_CONFIG    78
#define PASSWORD_MAX   1024

const struct change_by cli_by = { "cli", "local" };

int cli_fail(enum fault fault, const struct why *why)
{
	fprintf(stderr, "posthouse: %s\n", why->text[0] ? why->text : fault_row(fault)->text);
	if (fault == FAULT_CONFIG)
		return EXIT_CONFIG;
	return fault == FAULT_TEMP || fault == FAULT_TIMEOUT ? EXIT_TEMPORARY : 1;
}

int cli_usage(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "posthouse: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	return CLI_USAGE;
}

static bool read_line(char *line, size_t size)
{
	if (!fgets(line, (int)size, stdin))
		return false;
	line[strcspn(line, "\r\n")] = '\0';
	return true;
}

static bool ask_hidden(const char *prompt, char *line, size_t size)
{
	struct termios was, quiet;
	bool got;

	fprintf(stderr, "%s: ", prompt);
	tcgetattr(STDIN_FILENO, &was);
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	got = read_line(line, size);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
	fprintf(stderr, "\n");
	return got;
}

enum fault cli_password(struct cli *cli, const char *given, struct slice *ret, struct why *why)
{
	char first[PASSWORD_MAX], second[PASSWORD_MAX];
	enum fault fault = FAULT_NONE;

	if (given) {
		*ret = slice_str(given);
		return FAULT_NONE;
	}
	if (!isatty(STDIN_FILENO)) {
		if (!read_line(first, sizeof(first)))
			return fault_set(why, FAULT_INPUT, "give the password as a line of standard input");
	} else if (!ask_hidden("Password", first, sizeof(first)) ||
	           !ask_hidden("Once more", second, sizeof(second)) || strcmp(first, second) != 0) {
		fault = fault_set(why, FAULT_INPUT, "the two passwords differ");
	}
	if (!fault)
		*ret = arena_copy(cli->arena, slice_str(first));
	secret_wipe(first, sizeof(first));
	secret_wipe(second, sizeof(second));
	return fault;
}

bool cli_confirm(const struct cli *cli, const char *question)
{
	char line[16];

	if (cli->yes)
		return true;
	if (!isatty(STDIN_FILENO)) {
		fprintf(stderr, "posthouse: %s Say --yes.\n", question);
		return false;
	}
	fprintf(stderr, "%s Type yes: ", question);
	return read_line(line, sizeof(line)) && strcmp(line, "yes") == 0;
}

bool cli_size(const char *text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	struct slice digits = slice_str(text);
	unsigned shift = 0;
	uint64_t number;

	if (digits.len > 1 && strchr(units, text[digits.len - 1])) {
		shift = 10 * (unsigned)(strchr(units, text[digits.len - 1]) - units + 1);
		digits.len--;
	}
	if (!slice_u64(digits, UINT64_MAX >> shift, &number))
		return false;
	*ret = number << shift;
	return true;
}

void cli_progress(void *arg, const struct walk_progress *progress)
{
	(void)arg;
	if (isatty(STDERR_FILENO) && progress->done % 100 == 0)
		fprintf(stderr, "\r\033[K%s: %llu", progress->doing, (unsigned long long)progress->done);
}

void cli_progress_end(void)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
}
