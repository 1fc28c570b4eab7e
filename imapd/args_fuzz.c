/* Fuzzes a command's way from the client's bytes to its arguments: assembly.c, then the readers of args.c.
 * Input: how many readers there are, one byte for each, and then what the client sends. */
#include "assembly.h"

#include "command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct imap_command nothing = { .parse = NULL };
static const struct imap_verb small = { "NOOP", &nothing, IN_ANY, UID_FORM };
static const struct imap_verb large = { "APPEND", &nothing, IN_ANY, MESSAGE_LITERAL };

/* What names in UTF-8 are settled by. */
static struct folder cyrillic = { .path = "Биз" }, umlaut = { .path = "Биз/Entwürfe" };
static struct folder *list[] = { &cyrillic, &umlaut };
static const struct folders folders = { .list = list, .n = ARRAY_LEN(list) };

static const struct imap_verb *find(void *arg, struct slice name, bool uid, const char **ret_refusal)
{
	(void)arg;
	if (slice_is(name, "APPEND") && !uid)
		return &large;
	*ret_refusal = "BAD unknown";
	return slice_is(name, "X") ? NULL : &small;
}

static bool reserve(void *arg, uint64_t bytes)
{
	uint64_t *left = arg;

	if (bytes > *left)
		return false;
	*left -= bytes;
	return true;
}

static void read_one(struct imap_args *args, uint8_t what)
{
	struct imap_literal literal;
	struct imap_flags flags;
	struct slice slice;
	const char *name;
	uint64_t number;
	int64_t ms;
	int32_t day;
	bool nil;

	/* clang-format off */
	switch (what % 20) {
	case 0: (void)imap_args_space(args); break;
	case 1: (void)imap_args_end(args); break;
	case 2: (void)imap_args_char(args, ':'); break;
	case 3: (void)imap_args_open(args); break;
	case 4: (void)imap_args_close(args); break;
	case 5: (void)imap_args_word(args, "FLAGS"); break;
	case 6: (void)imap_args_atom(args, &slice); break;
	case 7: (void)imap_args_astring(args, &slice); break;
	case 8: (void)imap_args_string(args, &slice); break;
	case 9: (void)imap_args_nstring(args, &slice, &nil); break;
	case 10: (void)imap_args_literal(args, &literal); break;
	case 11: (void)imap_args_number(args, UINT32_MAX, &number); break;
	case 12: (void)imap_args_nz_number(args, 1000, &number); break;
	case 13: (void)imap_args_set(args, arena_make(args->arena, struct uid_set)); break;
	case 14: (void)imap_args_mailbox(args, &name); break;
	case 15: (void)imap_args_list_mailbox(args, "", &name); break;
	case 16: (void)imap_args_flags(args, false, &flags); break;
	case 17: (void)imap_args_flags(args, true, &flags); break;
	case 18: (void)imap_args_date(args, &day); break;
	default: (void)imap_args_date_time(args, &ms); break;
	}
	/* clang-format on */
}

/* One command off the front, as a session does it. */
static bool one_command(struct slice *rest, struct slice readers)
{
	uint64_t left = 4096;
	const struct assembly_conf conf = { 512, 2048, find, reserve, &left };
	struct assembly *assembly = assembly_new(&conf);
	enum assembly_next next = ASSEMBLY_LINE;
	struct assembled made;
	struct imap_args args;

	while (next != ASSEMBLY_WHOLE && next != ASSEMBLY_HOPELESS && rest->len) {
		size_t wants = assembly_wants(assembly);
		struct slice piece;

		if (wants) {
			piece = slice_first(*rest, MIN_OF(wants, (size_t)100));
			*rest = slice_from(*rest, piece.len);
			next = assembly_bytes(assembly, piece);
		} else {
			(void)slice_cut(rest, '\n', &piece);
			next = piece.len > assembly_line_max(assembly) ? assembly_long_line(assembly)
			                                               : assembly_line(assembly, piece);
		}
	}
	if (next != ASSEMBLY_WHOLE) {
		assembly_free(assembly);
		return false;
	}
	made = assembly_take(assembly);
	if (!made.refusal) {
		imap_args_start(&args, made.segments, made.arena);
		args.utf8 = readers.len % 2;
		args.folders = args.utf8 ? &folders : NULL;
		for (size_t i = 0; i < readers.len; i++)
			read_one(&args, readers.data[i]);
	}
	arena_free(made.arena);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct slice rest = slice_of(data, len), readers;

	if (!len)
		return 0;
	readers = slice_first(slice_from(rest, 1), data[0] % 32);
	rest = slice_from(rest, 1 + readers.len);
	while (rest.len && one_command(&rest, readers))
		;
	return 0;
}
