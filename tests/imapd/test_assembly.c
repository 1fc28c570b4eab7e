/* Commands put together from what a client may send: each case is fed as the session would feed it. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "assembly.h"
#include "command.h"

#define COMMAND_MAX 100
#define MESSAGE_MAX 1000

struct outcome {
	enum assembly_next next;
	unsigned continued; /* how often "+" was wanted */
	size_t left;        /* bytes that were not taken */
	uint64_t budget, peak;
};

static const struct imap_command nothing = { .parse = NULL };
static const struct imap_verb verbs[] = {
	{ "NOOP", &nothing, IN_ANY, 0 },
	{ "APPEND", &nothing, IN_AUTH, MESSAGE_LITERAL },
	{ "FETCH", &nothing, IN_AUTH, UID_FORM },
};

static const struct imap_verb *find(void *arg, struct slice name, bool uid, const char **ret_refusal)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (slice_is(name, verbs[i].name) && (!uid || (verbs[i].flags & UID_FORM)))
			return &verbs[i];
	*ret_refusal = "BAD unknown";
	return NULL;
}

static bool reserve(void *arg, uint64_t bytes)
{
	struct outcome *outcome = arg;

	if (bytes > outcome->budget)
		return false;
	outcome->budget -= bytes;
	outcome->peak += bytes;
	return true;
}

/* Feeds what the assembly wants, in pieces of at most `piece` bytes, until it is whole or nothing is left. */
static struct assembly *feed(struct outcome *outcome, struct slice input, size_t piece)
{
	const struct assembly_conf conf = { COMMAND_MAX, MESSAGE_MAX, find, reserve, outcome };
	struct assembly *assembly = assembly_new(&conf);

	outcome->next = ASSEMBLY_LINE;
	outcome->continued = 0;
	while (input.len && outcome->next != ASSEMBLY_WHOLE && outcome->next != ASSEMBLY_HOPELESS) {
		size_t wants = assembly_wants(assembly);

		if (wants) {
			struct slice bytes = slice_first(input, MIN_OF(wants, piece));

			outcome->next = assembly_bytes(assembly, bytes);
			input = slice_from(input, bytes.len);
		} else {
			ptrdiff_t end = slice_find(input, SLICE("\r\n"));
			struct slice line = slice_first(input, end < 0 ? input.len : (size_t)end);

			if (end < 0)
				break;
			outcome->next = line.len > assembly_line_max(assembly)
			                    ? assembly_long_line(assembly)
			                    : assembly_line(assembly, line);
			input = slice_from(input, line.len + 2);
		}
		outcome->continued += outcome->next == ASSEMBLY_CONTINUE;
	}
	outcome->left = input.len;
	return assembly;
}

/* "text|literal|text": what came out. */
static const char *print(const struct assembled *made)
{
	const char *text = "";

	for (const struct imap_segment *s = made->segments; s; s = s->next) {
		text = arena_printf(made->arena, "%s%.*s", text, SLICE_FMT(s->text));
		if (s->next)
			text = arena_printf(made->arena, "%s|%s%.*s|", text, s->literal.binary ? "~" : "",
			                    SLICE_FMT(s->literal.data));
	}
	return text;
}

static const struct assembly_case {
	const char *name, *input;
	unsigned continued;
	size_t left;
	const char *tag;
	bool uid;
	const char *segments; /* NULL: refused */
	const char *refusal;
} cases[] = {
	{ "a command", "a NOOP\r\n", 0, 0, "a", false, "", NULL },
	{ "two in one read", "a NOOP\r\nb NOOP\r\n", 0, 8, "a", false, "", NULL },
	{ "with arguments", "a1 NOOP x y\r\n", 0, 0, "a1", false, " x y", NULL },
	{ "spaces", "  a1   NOOP  x\r\n", 0, 0, "a1", false, "  x", NULL },
	{ "UID form", "a UID FETCH 1 (FLAGS)\r\n", 0, 0, "a", true, " 1 (FLAGS)", NULL },
	{ "no such UID form", "a UID NOOP\r\n", 0, 0, "a", true, NULL, "BAD unknown" },
	{ "unknown", "a FROB\r\n", 0, 0, "a", false, NULL, "BAD unknown" },
	{ "no verb", "a\r\n", 0, 0, "a", false, NULL, "BAD unknown" },
	{ "no tag", "+ NOOP\r\n", 0, 0, "*", false, NULL, "BAD Expected a tag and a command" },
	{ "an odd tag", "a\"b NOOP\r\n", 0, 0, "*", false, NULL, "BAD Expected a tag and a command" },
	{ "a literal", "a NOOP {3}\r\nabc d\r\n", 1, 0, "a", false, " |abc| d", NULL },
	{ "a literal with a line end in it", "a NOOP {4+}\r\na\r\nb x\r\nb NOOP\r\n", 0, 8, "a", false,
	  " |a\r\nb| x", NULL },
	{ "an empty literal", "a NOOP {0}\r\n\r\n", 1, 0, "a", false, " ||", NULL },
	{ "an empty literal, not waiting", "a NOOP {0+}\r\n x\r\n", 0, 0, "a", false, " || x", NULL },
	{ "binary", "a NOOP ~{1+}\r\nx\r\n", 0, 0, "a", false, " |~x|", NULL },
	{ "several", "a NOOP {1}\r\nx {2+}\r\nyz {1}\r\nw)\r\n", 2, 0, "a", false, " |x| |yz| |w|)", NULL },
	{ "braces that are none", "a NOOP {x}\r\n", 0, 0, "a", false, " {x}", NULL },
	{ "braces in quotes", "a NOOP \"{3}\"\r\n", 0, 0, "a", false, " \"{3}\"", NULL },
	{ "braces without number", "a NOOP {}\r\n", 0, 0, "a", false, " {}", NULL },
	{ "plus alone", "a NOOP {+}\r\n", 0, 0, "a", false, " {+}", NULL },
	{ "unknown, waiting literal", "a FROB {3}\r\nb NOOP\r\n", 0, 8, "a", false, NULL, "BAD unknown" },
	{ "unknown, literal on its way", "a FROB {3+}\r\nabc\r\nb NOOP\r\n", 0, 8, "a", false, NULL,
	  "BAD unknown" },
	{ "unknown, a waiting literal behind one on its way", "a FROB {3+}\r\nabc {3}\r\nb NOOP\r\n", 0, 8,
	  "a", false, NULL, "BAD unknown" },
	{ "too large, waiting", "a NOOP {101}\r\nb NOOP\r\n", 0, 8, "a", false, NULL,
	  "BAD [TOOBIG] Command is too long" },
	{ "number too large to read", "a NOOP {99999999999999999999999}\r\nb NOOP\r\n", 0, 8, "a", false,
	  NULL, "BAD [TOOBIG] Command is too long" },
	{ "message too large, waiting", "a APPEND x {1001}\r\n", 0, 0, "a", false, NULL,
	  "NO [TOOBIG] Message is too large" },
	{ "a message-sized literal elsewhere", "a NOOP x {200}\r\n", 0, 0, "a", false, NULL,
	  "BAD [TOOBIG] Command is too long" },
};

static void check(const struct assembly_case *c, size_t piece)
{
	struct outcome outcome = { .budget = UINT64_MAX };
	struct assembly *assembly = feed(&outcome, slice_str(c->input), piece);
	struct assembled made = assembly_take(assembly);

	if (outcome.next != ASSEMBLY_WHOLE)
		fail_msg("%s: not whole", c->name);
	if (outcome.continued != c->continued || outcome.left != c->left)
		fail_msg("%s: %u continuations, %zu bytes left", c->name, outcome.continued, outcome.left);
	if (strcmp(made.tag, c->tag) != 0 || made.uid != c->uid)
		fail_msg("%s: tag %s", c->name, made.tag);
	if ((made.refusal == NULL) != (c->segments != NULL))
		fail_msg("%s: %s", c->name, made.refusal ? made.refusal : "accepted");
	if (c->refusal && strcmp(made.refusal, c->refusal) != 0)
		fail_msg("%s: %s", c->name, made.refusal);
	if (c->segments && strcmp(print(&made), c->segments) != 0)
		fail_msg("%s: %s", c->name, print(&made));
	arena_free(made.arena);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		check(&cases[i], 1000);
		check(&cases[i], 1);
	}
}

static struct slice with_literal(struct arena *arena, const char *before, size_t size, const char *after)
{
	size_t first = strlen(before), last = strlen(after);
	uint8_t *text = arena_alloc(arena, first + size + last);

	memcpy(text, before, first);
	memset(text + first, 'm', size);
	memcpy(text + first + size, after, last);
	return slice_of(text, first + size + last);
}

static void test_message(void **state)
{
	struct arena *arena = arena_new();
	struct outcome outcome = { .budget = 2 << 20 };
	struct assembled made;

	(void)state;
	made = assembly_take(feed(&outcome, with_literal(arena, "a APPEND x {1000}\r\n", 1000, "\r\n"), 7));
	assert_int_equal(outcome.next, ASSEMBLY_WHOLE);
	assert_null(made.refusal);
	assert_int_equal(made.segments->literal.data.len, 1000);
	assert_int_equal(made.reserved, outcome.peak);
	assert_true(made.reserved >= 1000);
	arena_free(made.arena);
	arena_free(arena);
}

/* Past the budget a message that is on its way is swallowed and refused. */
static void test_no_memory(void **state)
{
	struct arena *arena = arena_new();
	struct outcome outcome = { .budget = 0 };
	struct assembled made;

	(void)state;
	made = assembly_take(
	    feed(&outcome, with_literal(arena, "a APPEND x {1000+}\r\n", 1000, "\r\nb NOOP\r\n"), 100));
	assert_int_equal(outcome.next, ASSEMBLY_WHOLE);
	assert_int_equal(outcome.left, 8);
	assert_non_null(made.refusal);
	assert_true(slice_starts(slice_str(made.refusal), "NO [UNAVAILABLE]"));
	assert_int_equal(made.reserved, 0);
	arena_free(made.arena);
	arena_free(arena);
}

/* A second message in one command does not double what one may hold. */
/* Each message has a limit of its own; all of a command together have another. */
static void test_several_messages(void **state)
{
	static const struct {
		unsigned n, len;
		const char *refusal;
	} several[] = {
		{ 2, 600, NULL },
		{ 4, 1000, NULL },
		{ 5, 800, NULL },
		{ 5, 801, "NO [TOOBIG] These are too many" },
		{ 2, 1001, "NO [TOOBIG] Message is too large" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(several); i++) {
		struct arena *arena = arena_new();
		struct outcome outcome = { .budget = UINT64_MAX };
		const char *text = arena_printf(arena, "a APPEND x {%u+}\r\n", several[i].len);
		struct assembled made;

		for (unsigned k = 0; k < several[i].n; k++) {
			const char *behind =
			    k + 1 < several[i].n ? arena_printf(arena, " {%u+}\r\n", several[i].len) : "\r\n";

			text = arena_strz(arena, with_literal(arena, text, several[i].len, behind));
		}
		made = assembly_take(feed(&outcome, slice_str(text), 100));
		assert_int_equal(outcome.next, ASSEMBLY_WHOLE);
		if (!made.refusal != !several[i].refusal ||
		    (made.refusal && !slice_starts(slice_str(made.refusal), several[i].refusal)))
			fail_msg("%u of %u: %s", several[i].n, several[i].len,
			         made.refusal ? made.refusal : "taken");
		arena_free(made.arena);
		arena_free(arena);
	}
}

static void test_hopeless(void **state)
{
	struct outcome outcome = { .budget = UINT64_MAX };
	struct assembly *assembly = feed(&outcome, SLICE("a NOOP {4001+}\r\n"), 100);

	(void)state;
	assert_int_equal(outcome.next, ASSEMBLY_HOPELESS);
	assembly_free(assembly);
	assembly = feed(&outcome, SLICE("a NOOP {4000+}\r\n"), 100);
	assert_int_equal(outcome.next, ASSEMBLY_BYTES);
	assembly_free(assembly);
}

/* Swallowing is bounded over all literals of a command together. */
static void test_hopeless_together(void **state)
{
	struct arena *arena = arena_new();
	struct outcome outcome = { .budget = UINT64_MAX };
	struct slice first = with_literal(arena, "a NOOP {3000+}\r\n", 3000, " {3000+}\r\n");
	struct assembly *assembly = feed(&outcome, first, 100);

	(void)state;
	assert_int_equal(outcome.next, ASSEMBLY_HOPELESS);
	assembly_free(assembly);
	arena_free(arena);
}

static void test_long_line(void **state)
{
	struct arena *arena = arena_new();
	struct outcome outcome = { .budget = UINT64_MAX };
	struct assembled made;

	(void)state;
	made = assembly_take(feed(&outcome,
	                          with_literal(arena, "a NOOP {50+}\r\n", 50,
	                                       arena_strz(arena, with_literal(arena, " ", 60, "\r\n"))),
	                          100));
	assert_int_equal(outcome.next, ASSEMBLY_WHOLE);
	assert_string_equal(made.tag, "a");
	assert_true(made.refusal && slice_starts(slice_str(made.refusal), "BAD [TOOBIG]"));
	arena_free(made.arena);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),     cmocka_unit_test(test_message),
		cmocka_unit_test(test_no_memory), cmocka_unit_test(test_several_messages),
		cmocka_unit_test(test_hopeless),  cmocka_unit_test(test_hopeless_together),
		cmocka_unit_test(test_long_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
