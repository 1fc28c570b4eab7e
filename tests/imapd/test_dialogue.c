/*
 * Runs the files of tests/dialogue/imap against an imapd in this process: each file as
 * it stands, and once more with the client's bytes sent one by one.
 *
 *   C: text         the client sends the line; lines with no S: between them leave in one write
 *   S: text         the server's next line. <*> stands for anything, <regex> for what it matches
 *   C2: S2:         the same for a second session; up to 4
 *   CLOSED: CLOSED2:  the server closes the connection
 *   QUIET: QUIET2:  nothing more comes for now
 *   TLS: TLS2:      the client starts TLS
 *   D: INBOX \Seen  a message is delivered there, with these flags
 *   SET: no-plaintext | password TEXT | suspend | command_max N | sessions N
 *   WHOLE:          only whole: what follows needs its lines to come in one piece
 *   <x*N> in a C: line is N times x; <crlf-less> at its end leaves the line end out
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <regex.h>

#include "imap_world.h"

struct dialogue {
	struct world *world;
	const char *file;
	unsigned line;
	struct buf to_send;
	unsigned to; /* client of to_send */
	struct arena *arena;
};

static void NORETURN wrong(const struct dialogue *d, const char *format, ...) PRINTF_LIKE(2, 3);
static void wrong(const struct dialogue *d, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "%s:%u%s: %s\n", d->file, d->line, d->world->slow ? " (byte by byte)" : "", text);
	abort();
}

/* ---- the client's side ---- */

static void flush(struct dialogue *d)
{
	struct client *client;

	if (!d->to_send.len)
		return;
	client = world_client(d->world, d->to);
	if (!client->conn)
		wrong(d, "the connection is closed already");
	client_send(client, buf_slice(&d->to_send));
	buf_clear(&d->to_send);
}

static void expand(struct buf *out, const char *text)
{
	unsigned times;
	char c;
	int used;

	while (*text) {
		if (sscanf(text, "<%c*%u>%n", &c, &times, &used) == 2) {
			while (times--)
				buf_addc(out, (uint8_t)c);
			text += used;
		} else {
			buf_addc(out, (uint8_t)*text++);
		}
	}
}

static void send_line(struct dialogue *d, unsigned number, const char *text)
{
	static const char cut[] = "<crlf-less>";
	size_t len = strlen(text);
	bool whole = true;

	if (number != d->to)
		flush(d);
	d->to = number;
	world_client(d->world, number);
	if (len >= strlen(cut) && strcmp(text + len - strlen(cut), cut) == 0) {
		text = arena_strz(d->arena, slice_of(text, len - strlen(cut)));
		whole = false;
	}
	expand(&d->to_send, text);
	if (whole)
		buf_adds(&d->to_send, "\r\n");
}

/* ---- the server's side ---- */

static void pattern(struct buf *out, const char *text)
{
	buf_addc(out, '^');
	while (*text) {
		const char *end = *text == '<' ? strchr(text, '>') : NULL;

		if (end && strncmp(text, "<*>", 3) == 0)
			buf_adds(out, ".*");
		else if (end)
			buf_printf(out, "(%.*s)", (int)(end - text - 1), text + 1);
		else if (strchr("\\.[]{}()*+?^$|", *text))
			buf_printf(out, "\\%c", *text);
		else
			buf_addc(out, (uint8_t)*text);
		text = end ? end + 1 : text + 1;
	}
	buf_addc(out, '$');
	buf_addc(out, '\0');
}

static bool matches(struct dialogue *d, const char *wanted, const char *line)
{
	struct buf text;
	regex_t regex;
	bool good;

	buf_init(&text, BUF_NO_LIMIT);
	pattern(&text, wanted);
	if (regcomp(&regex, (const char *)text.data, REG_EXTENDED | REG_NOSUB))
		wrong(d, "a pattern does not compile: %s", (const char *)text.data);
	good = regexec(&regex, line, 0, NULL, 0) == 0;
	regfree(&regex);
	buf_done(&text);
	return good;
}

static void expect_line(struct dialogue *d, unsigned number, const char *wanted)
{
	const char *line;

	flush(d);
	line = client_line(world_client(d->world, number), d->arena, WORLD_PATIENCE);
	if (!line)
		wrong(d, "expected \"%s\", nothing came", wanted);
	if (!matches(d, wanted, line))
		wrong(d, "expected \"%s\", got \"%s\"", wanted, line);
}

static void expect_quiet(struct dialogue *d, unsigned number)
{
	const char *line;

	flush(d);
	line = client_line(world_client(d->world, number), d->arena, 150);
	if (line)
		wrong(d, "expected nothing, got \"%s\"", line);
}

/* ---- the world's side ---- */

static uint32_t flag_bits(const char *names)
{
	return (strstr(names, "\\Seen") ? FLAG_SEEN : 0u) | (strstr(names, "\\Deleted") ? FLAG_DELETED : 0u) |
	       (strstr(names, "\\Flagged") ? FLAG_FLAGGED : 0u);
}

static void deliver(struct dialogue *d, const char *text)
{
	const char *flags = strchr(text, ' ');
	const char *path =
	    arena_strz(d->arena, slice_of(text, flags ? (size_t)(flags - text) : strlen(text)));

	flush(d);
	world_deliver(
	    d->world, path,
	    SLICE("From: Bob <bob@example.net>\r\nTo: alice@example.org\r\nSubject: test\r\n\r\nHello\r\n"),
	    flags ? flag_bits(flags) : 0);
}

static void set(struct dialogue *d, const char *what)
{
	struct stack *stack = d->world->daemon.stack;
	const struct change_by by = { "test", "local" };
	struct account account;
	struct why why = { "" };
	unsigned number;

	flush(d);
	if (strcmp(what, "no-plaintext") == 0) {
		imapd_conf.plaintext_login = false;
	} else if (sscanf(what, "command_max %u", &number) == 1) {
		imapd_conf.command_max = number;
	} else if (sscanf(what, "sessions %u", &number) == 1) {
		imapd_conf.sessions_per_account = number;
	} else if (sscanf(what, "sessions_per_ip %u", &number) == 1) {
		imapd_conf.sessions_per_ip = number;
	} else if (strncmp(what, "password ", 9) == 0) {
		world_must(account_set_password(stack, &by, &d->world->account.id, slice_str(what + 9), &why),
		           &why, "password");
	} else if (strcmp(what, "suspend") == 0) {
		world_must(account_get(stack, &d->world->account.id, d->arena, &account, &why), &why, "get");
		account.state = ACCOUNT_SUSPENDED;
		world_must(account_put(stack, &by, &account, &why), &why, "suspend");
		nudge_account(stack, &account.id);
	} else {
		wrong(d, "unknown setting");
	}
}

/* ---- files ---- */

/* "C2" -> 'C', 1 */
static bool word_is(struct slice word, const char *name, unsigned *ret_number)
{
	size_t len = strlen(name);

	*ret_number = 0;
	if (word.len == len + 1 && word.data[len] >= '1' && word.data[len] <= '0' + WORLD_CLIENTS) {
		*ret_number = word.data[len] - '1';
		word.len--;
	}
	return word.len == len && memcmp(word.data, name, len) == 0;
}

static void step(struct dialogue *d, const char *line)
{
	const char *colon = strchr(line, ':');
	const char *text = colon && colon[1] == ' ' ? colon + 2 : "";
	struct slice word = slice_of(line, colon ? (size_t)(colon - line) : 0);
	unsigned number;

	if (line[0] == '#' || line[0] == '\0')
		return;
	if (word_is(word, "C", &number)) {
		send_line(d, number, text);
	} else if (word_is(word, "S", &number)) {
		expect_line(d, number, text);
	} else if (word_is(word, "QUIET", &number)) {
		expect_quiet(d, number);
	} else if (word_is(word, "CLOSED", &number)) {
		flush(d);
		if (!client_is_closed(world_client(d->world, number)))
			wrong(d, "the connection stays open");
	} else if (word_is(word, "TLS", &number)) {
		flush(d);
		client_start_tls(world_client(d->world, number));
	} else if (word_is(word, "D", &number)) {
		deliver(d, text);
	} else if (word_is(word, "SET", &number)) {
		set(d, text);
	} else {
		wrong(d, "what is this: %s", line);
	}
}

static void run_file(const char *path, bool slow)
{
	struct dialogue d = { .world = world_new(), .file = path, .arena = arena_new() };
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	assert(file);
	d.world->slow = slow;
	buf_init(&d.to_send, BUF_NO_LIMIT);
	while ((len = getline(&line, &cap, file)) >= 0) {
		d.line++;
		if (len && line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (strcmp(line, "WHOLE:") == 0 && slow)
			break;
		if (strcmp(line, "WHOLE:") == 0)
			continue;
		step(&d, line);
	}
	flush(&d);
	free(line);
	fclose(file);
	buf_done(&d.to_send);
	arena_free(d.arena);
	world_free(d.world);
}

static void test_whole(void **state)
{
	run_file(*state, false);
}

static void test_bytes(void **state)
{
	run_file(*state, true);
}

static int is_dialogue(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0;
}

int main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : "";
	struct arena *arena = arena_new();
	const char *slash = strrchr(__FILE__, '/');
	const char *folder = arena_printf(arena, "%.*s/../dialogue/imap", (int)(slash - __FILE__), __FILE__);
	struct dirent **files;
	int n = scandir(folder, &files, is_dialogue, alphasort), failed;
	struct CMUnitTest *tests = arena_array(arena, struct CMUnitTest, 2 * (size_t)MAX_OF(n, 1));
	size_t used = 0;

	assert(n > 0 && "there are no dialogues");
	for (int i = 0; i < n; i++) {
		char *path = arena_printf(arena, "%s/%s", folder, files[i]->d_name);

		if (strstr(path, only)) {
			tests[used++] = (struct CMUnitTest){ path, test_whole, NULL, NULL, path };
			tests[used++] = (struct CMUnitTest){ arena_printf(arena, "%s, byte by byte", path),
				                             test_bytes, NULL, NULL, path };
		}
		free(files[i]);
	}
	free(files);
	failed = _cmocka_run_group_tests("dialogues", tests, used, NULL, NULL);
	arena_free(arena);
	return failed;
}
