#ifndef TESTS_DIALOGUE_DIALOGUE_H
#define TESTS_DIALOGUE_DIALOGUE_H
/*
 * Runs transcripts against a daemon in the test's own process: each file as it stands, and once more with the
 * client's bytes sent one by one.
 *
 *   C: text         the client sends the line; lines with no S: between them leave in one write
 *   S: text         the server's next line. <*> stands for anything, <regex> for what it matches: <[<]> is a '<'
 *                   <1=regex> keeps what it matched: <1> stands for that from then on, in C: as well; up to 9
 *   C2: S2:         the same for a second session; up to 4
 *   CLOSED: CLOSED2:  the server closes the connection
 *   QUIET: QUIET2:  nothing more comes for now
 *   TLS: TLS2:      the client starts TLS
 *   WHOLE:          only whole: what follows needs its lines to come in one piece
 *   # text          said to whoever reads it
 *   In a C: line <x*N> is N times x, <cr> and <lf> are these bytes; <crlf-less> at its end leaves the line end out
 *
 * A daemon says in its struct dialogue_side how it is made and who its clients are, and adds words of its own.
 */
#include <assert.h>
#include <dirent.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "loop/conn.h"

#define DIALOGUE_CLIENTS  4
#define DIALOGUE_PATIENCE 20000
#define DIALOGUE_KEPT     10 /* by one digit */

struct dialogue;

struct dialogue_side {
	const char *folder; /* below tests/dialogue */
	void *(*open)(void);
	void (*close)(void *world);
	struct loop *(*loop)(void *world);
	struct conn *(*client)(void *world, unsigned number); /* made at first use; NULL once it is closed */
	void (*start_tls)(void *world, unsigned number);
	bool (*word)(struct dialogue *, struct slice word,
	             const char *text); /* false: it is none of its own */
};

struct dialogue {
	const struct dialogue_side *side;
	void *world;
	const char *file;
	unsigned line;
	bool slow; /* byte by byte */
	struct buf to_send;
	unsigned to; /* client of to_send */
	struct arena *arena;
	const char *kept[DIALOGUE_KEPT]; /* NULL: nothing yet */
};

static void NORETURN dialogue_wrong(const struct dialogue *d, const char *format, ...) PRINTF_LIKE(2, 3);
static void dialogue_wrong(const struct dialogue *d, const char *format, ...)
{
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "%s:%u%s: %s\n", d->file, d->line, d->slow ? " (byte by byte)" : "", text);
	abort();
}

/* ---- the client's side ---- */

static void dialogue_flush(struct dialogue *d)
{
	struct conn *conn;

	if (!d->to_send.len)
		return;
	conn = d->side->client(d->world, d->to);
	if (!conn)
		dialogue_wrong(d, "the connection is closed already");
	if (!d->slow) {
		conn_write(conn, d->to_send.data, d->to_send.len);
		conn_flush(conn);
	}
	for (size_t i = 0; i < d->to_send.len && d->slow; i++) {
		conn = d->side->client(d->world, d->to);
		if (!conn)
			break;
		conn_write(conn, d->to_send.data + i, 1);
		conn_flush(conn);
		loop_step(d->side->loop(d->world), 0);
		loop_step(d->side->loop(d->world), 0);
	}
	buf_clear(&d->to_send);
}

/* "<1>"; NULL: it stands for nothing that was kept. */
static const char *dialogue_kept(const struct dialogue *d, const char *text)
{
	return text[0] == '<' && text[1] >= '0' && text[1] <= '9' && text[2] == '>' ? d->kept[text[1] - '0']
	                                                                            : NULL;
}

static void dialogue_expand(const struct dialogue *d, struct buf *out, const char *text)
{
	static const struct {
		const char *name;
		uint8_t byte;
	} bytes[] = { { "<cr>", '\r' }, { "<lf>", '\n' } };

	while (*text) {
		const char *kept = dialogue_kept(d, text);
		unsigned times;
		char c;
		int used = kept ? 3 : 0;

		if (kept)
			buf_adds(out, kept);

		for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
			if (strncmp(text, bytes[i].name, strlen(bytes[i].name)) == 0) {
				buf_addc(out, bytes[i].byte);
				used = (int)strlen(bytes[i].name);
				break;
			}
		}
		if (!used && sscanf(text, "<%c*%u>%n", &c, &times, &used) == 2 && used) {
			while (times--)
				buf_addc(out, (uint8_t)c);
		} else if (!used) {
			buf_addc(out, (uint8_t)*text);
			used = 1;
		}
		text += used;
	}
}

static void dialogue_send(struct dialogue *d, unsigned number, const char *text)
{
	static const char cut[] = "<crlf-less>";
	size_t len = strlen(text);
	bool whole = len < strlen(cut) || strcmp(text + len - strlen(cut), cut) != 0;

	if (number != d->to)
		dialogue_flush(d);
	d->to = number;
	(void)d->side->client(d->world, number);
	if (!whole)
		text = arena_strz(d->arena, slice_of(text, len - strlen(cut)));
	dialogue_expand(d, &d->to_send, text);
	if (whole)
		buf_adds(&d->to_send, "\r\n");
}

/* ---- the server's side ---- */

static void dialogue_add_plain(struct buf *out, const char *text)
{
	for (; *text; text++)
		buf_printf(out, strchr("\\.[]{}()*+?^$|", *text) ? "\\%c" : "%c", *text);
}

/* Where in the pattern each group is that is to be kept; 0: none. */
struct dialogue_groups {
	size_t of[DIALOGUE_KEPT], n;
};

static void dialogue_add_group(struct buf *out, struct dialogue_groups *groups, const char *text, size_t len)
{
	const bool keeps = len > 1 && text[0] >= '0' && text[0] <= '9' && text[1] == '=';

	groups->n++;
	if (keeps) {
		groups->of[text[0] - '0'] = groups->n;
		text += 2;
		len -= 2;
	}
	for (size_t i = 0; i < len; i++)
		groups->n += text[i] == '(' && (i == 0 || text[i - 1] != '\\');
	buf_printf(out, "(%.*s)", (int)len, text);
}

static void dialogue_pattern(const struct dialogue *d, struct buf *out, struct dialogue_groups *groups,
                             const char *text)
{
	buf_addc(out, '^');
	while (*text) {
		const char *end = *text == '<' ? strchr(text, '>') : NULL;
		const char one[] = { *text, '\0' };

		if (end && strncmp(text, "<*>", 3) == 0)
			buf_adds(out, ".*");
		else if (end && dialogue_kept(d, text))
			dialogue_add_plain(out, dialogue_kept(d, text));
		else if (end)
			dialogue_add_group(out, groups, text + 1, (size_t)(end - text - 1));
		else
			dialogue_add_plain(out, one);
		text = end ? end + 1 : text + 1;
	}
	buf_addc(out, '$');
	buf_addc(out, '\0');
}

static bool dialogue_matches(struct dialogue *d, const char *wanted, const char *line)
{
	struct dialogue_groups groups = { .n = 0 };
	regmatch_t found[20];
	struct buf text;
	regex_t regex;
	bool good;

	buf_init(&text, BUF_NO_LIMIT);
	dialogue_pattern(d, &text, &groups, wanted);
	if (regcomp(&regex, (const char *)text.data, REG_EXTENDED))
		dialogue_wrong(d, "a pattern does not compile: %s", (const char *)text.data);
	good = regexec(&regex, line, ARRAY_LEN(found), found, 0) == 0;
	for (size_t i = 0; i < DIALOGUE_KEPT && good; i++) {
		const size_t group = groups.of[i];

		if (group && group < ARRAY_LEN(found) && found[group].rm_so >= 0)
			d->kept[i] =
			    arena_strz(d->arena, slice_of(line + found[group].rm_so,
			                                  (size_t)(found[group].rm_eo - found[group].rm_so)));
	}
	regfree(&regex);
	buf_done(&text);
	return good;
}

/* The next line; NULL when none comes. */
static const char *dialogue_line(struct dialogue *d, unsigned number, int64_t patience)
{
	int64_t until = clock_mono_ms() + patience;
	struct slice line;
	struct conn *conn;

	while ((conn = d->side->client(d->world, number)) != NULL) {
		if (conn_line(conn, 100000, &line) == CONN_LINE)
			return arena_strz(d->arena, line);
		if (conn_ended(conn) || clock_mono_ms() >= until)
			break;
		loop_step(d->side->loop(d->world), 20);
	}
	return NULL;
}

static void dialogue_expect(struct dialogue *d, unsigned number, const char *wanted)
{
	const char *line;

	dialogue_flush(d);
	line = dialogue_line(d, number, DIALOGUE_PATIENCE);
	if (!line)
		dialogue_wrong(d, "expected \"%s\", nothing came", wanted);
	if (!dialogue_matches(d, wanted, line))
		dialogue_wrong(d, "expected \"%s\", got \"%s\"", wanted, line);
}

static void dialogue_expect_quiet(struct dialogue *d, unsigned number)
{
	const char *line;

	dialogue_flush(d);
	line = dialogue_line(d, number, 150);
	if (line)
		dialogue_wrong(d, "expected nothing, got \"%s\"", line);
}

static void dialogue_expect_closed(struct dialogue *d, unsigned number)
{
	int64_t until = clock_mono_ms() + DIALOGUE_PATIENCE;
	struct conn *conn;

	dialogue_flush(d);
	while ((conn = d->side->client(d->world, number)) && !conn_ended(conn) && clock_mono_ms() < until)
		loop_step(d->side->loop(d->world), 20);
	if (conn && !conn_ended(conn))
		dialogue_wrong(d, "the connection stays open");
	if (conn && conn_buffered(conn))
		dialogue_wrong(d, "before it closed it said: %.*s", SLICE_FMT(conn_peek(conn, 200)));
}

/* ---- files ---- */

/* "C2" -> 'C', 1 */
static bool dialogue_word_is(struct slice word, const char *name, unsigned *ret_number)
{
	size_t len = strlen(name);

	*ret_number = 0;
	if (word.len == len + 1 && word.data[len] >= '1' && word.data[len] <= '0' + DIALOGUE_CLIENTS) {
		*ret_number = word.data[len] - '1';
		word.len--;
	}
	return word.len == len && memcmp(word.data, name, len) == 0;
}

static void dialogue_step(struct dialogue *d, const char *line)
{
	const char *colon = strchr(line, ':');
	const char *text = colon && colon[1] == ' ' ? colon + 2 : "";
	struct slice word = slice_of(line, colon ? (size_t)(colon - line) : 0);
	unsigned number;

	if (line[0] == '#' || line[0] == '\0')
		return;
	if (dialogue_word_is(word, "C", &number)) {
		dialogue_send(d, number, text);
	} else if (dialogue_word_is(word, "S", &number)) {
		dialogue_expect(d, number, text);
	} else if (dialogue_word_is(word, "QUIET", &number)) {
		dialogue_expect_quiet(d, number);
	} else if (dialogue_word_is(word, "CLOSED", &number)) {
		dialogue_expect_closed(d, number);
	} else if (dialogue_word_is(word, "TLS", &number)) {
		dialogue_flush(d);
		d->side->start_tls(d->world, number);
	} else {
		dialogue_flush(d);
		if (!d->side->word(d, word, text))
			dialogue_wrong(d, "what is this: %s", line);
	}
}

static void dialogue_run(const struct dialogue_side *side, const char *path, bool slow)
{
	struct dialogue d = {
		.side = side, .world = side->open(), .file = path, .slow = slow, .arena = arena_new()
	};
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;

	assert(file);
	buf_init(&d.to_send, BUF_NO_LIMIT);
	while ((len = getline(&line, &cap, file)) >= 0) {
		d.line++;
		if (len && line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (strcmp(line, "WHOLE:") != 0)
			dialogue_step(&d, line);
		else if (slow)
			break;
	}
	dialogue_flush(&d);
	free(line);
	fclose(file);
	buf_done(&d.to_send);
	side->close(d.world);
	arena_free(d.arena);
}

/* ---- all files of a folder, as cmocka tests ---- */

static const struct dialogue_side *dialogue_tested;

static void dialogue_whole(void **state)
{
	dialogue_run(dialogue_tested, *state, false);
}

static void dialogue_bytes(void **state)
{
	dialogue_run(dialogue_tested, *state, true);
}

static int dialogue_is_file(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0;
}

/* For main(): `only` of its arguments is a part of the files' names. */
static int dialogue_main(const struct dialogue_side *side, int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : "", *slash = strrchr(__FILE__, '/');
	struct arena *arena = arena_new();
	const char *folder = arena_printf(arena, "%.*s/%s", (int)(slash - __FILE__), __FILE__, side->folder);
	struct dirent **files;
	int n = scandir(folder, &files, dialogue_is_file, alphasort), failed;
	struct CMUnitTest *tests = arena_array(arena, struct CMUnitTest, 2 * (size_t)MAX_OF(n, 1));
	size_t used = 0;

	assert(n > 0 && "there are no dialogues");
	dialogue_tested = side;
	for (int i = 0; i < n; i++) {
		char *path = arena_printf(arena, "%s/%s", folder, files[i]->d_name);

		if (strstr(path, only)) {
			tests[used++] = (struct CMUnitTest){ path, dialogue_whole, NULL, NULL, path };
			tests[used++] = (struct CMUnitTest){ arena_printf(arena, "%s, byte by byte", path),
				                             dialogue_bytes, NULL, NULL, path };
		}
		free(files[i]);
	}
	free(files);
	failed = _cmocka_run_group_tests("dialogues", tests, used, NULL, NULL);
	arena_free(arena);
	return failed;
}

#endif
