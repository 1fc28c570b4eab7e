/* What a row's text means, and how its value is written again (conf_value.h). */
#include "base/conf_value.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

struct unit {
	const char *name;
	int64_t factor;
};

/* Largest first: printing takes the first one that divides. */
static const struct unit sizes[] = {
	{ "T", INT64_C(1) << 40 }, { "G", 1 << 30 }, { "M", 1 << 20 },
	{ "K", 1 << 10 },          { "", 1 },        { NULL, 0 },
};
static const struct unit durations[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 }, { NULL, 0 },
};
static const struct unit plain[] = { { "", 1 }, { NULL, 0 } };

static const struct unit *units_of(const struct conf_row *row)
{
	return row->type == CONF_SIZE ? sizes : row->type == CONF_DURATION ? durations : plain;
}

static bool parse_number(const struct unit *units, struct slice text, int64_t *ret)
{
	bool negative = text.len && text.data[0] == '-';
	struct slice digits = slice_from(text, negative);
	uint64_t number;
	size_t len = 0;

	while (len < digits.len && digits.data[len] >= '0' && digits.data[len] <= '9')
		len++;
	if (!slice_u64(slice_first(digits, len), INT64_MAX, &number))
		return false;
	for (; units->name; units++) {
		/* 0 needs no unit: it is the same in each */
		if (!slice_is(slice_from(digits, len), units->name) && (number || len < digits.len))
			continue;
		return !__builtin_mul_overflow(negative ? -(int64_t)number : (int64_t)number, units->factor,
		                               ret);
	}
	return false;
}

static bool parse_bool(struct slice text, bool *ret)
{
	*ret = slice_is(text, "yes") || slice_is(text, "true");
	return *ret || slice_is(text, "no") || slice_is(text, "false");
}

static void print_number(const struct unit *units, int64_t number, char out[32])
{
	while (units[1].name && (number == 0 || number % units->factor))
		units++;
	snprintf(out, 32, "%" PRId64 "%s", number / units->factor, units->name);
}

static const char *expected(enum conf_type type)
{
	switch (type) {
	case CONF_SIZE:
		return "a size such as 64K, 50M or 1G";
	case CONF_DURATION:
		return "a time such as 250ms, 300s, 5m, 1h or 2d";
	case CONF_BOOL:
		return "yes or no";
	default:
		return "a whole number";
	}
}

static enum fault check_bounds(const struct conf_row *row, const char *text, int64_t number, struct why *why)
{
	char bound[32];

	if ((row->min == 0 && row->max == 0) || (number >= row->min && number <= row->max))
		return FAULT_NONE;
	print_number(units_of(row), number < row->min ? row->min : row->max, bound);
	return fault_set(why, FAULT_CONFIG, "%s = %s is %s %s", row->name, text,
	                 number < row->min ? "below the least," : "above the most,", bound);
}

enum fault conf_value_check(const struct conf_row *row, const char *text, struct why *why)
{
	int64_t number;
	bool yes;

	if (row->type == CONF_STR || row->type == CONF_LIST)
		return FAULT_NONE;
	if (row->type == CONF_BOOL ? parse_bool(slice_str(text), &yes)
	                           : parse_number(units_of(row), slice_str(text), &number))
		return row->type == CONF_BOOL ? FAULT_NONE : check_bounds(row, text, number, why);
	return fault_set(why, FAULT_CONFIG, "%s = %s is not %s", row->name,
	                 row->flags & CONF_SECRET ? "<set>" : text, expected(row->type));
}

/* Each text may hold several items between commas; empty ones do not count. */
static struct conf_list split_list(const char *const *texts, size_t n, struct arena *arena)
{
	struct conf_list list = { 0 };
	struct slice rest, item;
	size_t most = 0;

	for (size_t i = 0; i < n; i++)
		for (rest = slice_str(texts[i]); slice_cut(&rest, ',', &item);)
			most++;
	list.items = arena_array(arena, const char *, most + 1);
	for (size_t i = 0; i < n; i++)
		for (rest = slice_str(texts[i]); slice_cut(&rest, ',', &item);)
			if (slice_trim(item).len)
				list.items[list.n++] = arena_strz(arena, slice_trim(item));
	return list;
}

void conf_value_store(const struct conf_row *row, void *target, const char *const *texts, size_t n,
                      struct arena *arena)
{
	void *field = (char *)target + row->offset;
	bool good = true;

	assert(row->type == CONF_LIST || n == 1);
	switch (row->type) {
	case CONF_STR:
		*(const char **)field = arena_strdup(arena, texts[0]);
		break;
	case CONF_BOOL:
		good = parse_bool(slice_str(texts[0]), field);
		break;
	case CONF_LIST:
		*(struct conf_list *)field = split_list(texts, n, arena);
		break;
	default:
		good = parse_number(units_of(row), slice_str(texts[0]), field);
	}
	assert(good);
	(void)good;
}

/* In double quotes libconfuse gives a meaning to ", \ and ${; a newline would split the comment of a secret. */
static void print_string(struct buf *out, const char *text)
{
	buf_addc(out, '"');
	for (; *text; text++) {
		if (*text == '\n') {
			buf_adds(out, "\\n");
			continue;
		}
		if (strchr("\"\\$", *text))
			buf_addc(out, '\\');
		buf_addc(out, (uint8_t)*text);
	}
	buf_addc(out, '"');
}

static void print_list(struct buf *out, struct conf_list list)
{
	buf_adds(out, "{");
	for (size_t i = 0; i < list.n; i++) {
		buf_adds(out, i ? ", " : "");
		print_string(out, list.items[i]);
	}
	buf_adds(out, "}");
}

static void print_field(const struct conf_row *row, const void *field, struct buf *out)
{
	char number[32];

	switch (row->type) {
	case CONF_STR:
		print_string(out, *(const char *const *)field);
		break;
	case CONF_BOOL:
		buf_adds(out, *(const bool *)field ? "yes" : "no");
		break;
	case CONF_LIST:
		print_list(out, *(const struct conf_list *)field);
		break;
	default:
		print_number(units_of(row), *(const int64_t *)field, number);
		buf_adds(out, number);
	}
}

static bool is_set(const struct conf_row *row, const void *field)
{
	switch (row->type) {
	case CONF_STR:
		return **(const char *const *)field != '\0';
	case CONF_LIST:
		return ((const struct conf_list *)field)->n > 0;
	default:
		return true;
	}
}

static void print_help(const struct conf_row *row, const char *indent, struct buf *out)
{
	char min[32], max[32];

	buf_printf(out, "%s# %s", indent, row->help);
	if (row->min || row->max) {
		print_number(units_of(row), row->min, min);
		print_number(units_of(row), row->max, max);
		buf_printf(out, "; %s to %s", min, max);
	}
	buf_adds(out, row->flags & CONF_RELOAD ? "; taken on reload\n" : "\n");
}

void conf_value_print(const struct conf_row *row, const void *target, const char *indent, struct buf *out)
{
	struct arena *arena = arena_new();
	union {
		const char *text;
		int64_t number;
		bool yes;
		struct conf_list list;
	} fallback = { .list = { 0 } };
	const void *field = &fallback;

	if (target) {
		field = (const char *)target + row->offset;
	} else {
		struct conf_row at_start = *row;
		const char *text = row->fallback ? row->fallback : "";

		at_start.offset = 0;
		conf_value_store(&at_start, &fallback, &text, 1, arena);
	}
	print_help(row, indent, out);
	if (row->flags & CONF_SECRET && is_set(row, field)) {
		buf_printf(out, "%s# %s = <set>\n", indent, row->name);
	} else {
		buf_printf(out, "%s%s = ", indent, row->name);
		print_field(row, field, out);
		buf_addc(out, '\n');
	}
	arena_free(arena);
}
