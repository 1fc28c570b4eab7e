/*
 * Sets of numbers (uid_set.h). Invariant: ranges[i].last + 1 < ranges[i + 1].first,
 * so that equal sets have equal ranges. Ends are compared in 64 bits, where the
 * largest number still has a successor.
 */
#include "base/uid_set.h"

#include <assert.h>
#include <stdlib.h>

#include "base/arena.h"

/* A union with fewer ranges than this adds them one by one. */
#define FEW 8

void uid_set_init(struct uid_set *set)
{
	*set = (struct uid_set){ 0 };
}

void uid_set_done(struct uid_set *set)
{
	free(set->ranges);
	uid_set_init(set);
}

static void reserve(struct uid_set *set, uint32_t n)
{
	if (n <= set->cap)
		return;
	set->cap = MAX_OF(n, set->cap < UINT32_MAX / 2 ? set->cap * 2 : UINT32_MAX);
	set->ranges = xrealloc(set->ranges, set->cap * sizeof(*set->ranges));
}

void uid_set_copy(struct uid_set *to, const struct uid_set *from)
{
	if (to == from)
		return;
	reserve(to, from->n);
	if (from->n)
		memcpy(to->ranges, from->ranges, from->n * sizeof(*from->ranges));
	to->n = from->n;
}

/* `made` becomes what `set` holds. */
static void replace(struct uid_set *set, struct uid_set *made)
{
	free(set->ranges);
	*set = *made;
}

/* The first range that ends at or after `uid`; set->n when there is none. */
static uint32_t find(const struct uid_set *set, uint64_t uid)
{
	uint32_t low = 0, high = set->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (set->ranges[middle].last < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Adds a range that begins no earlier than the last one does. */
static void append(struct uid_set *set, uint32_t first, uint32_t last)
{
	struct uid_range *end = set->n ? &set->ranges[set->n - 1] : NULL;

	if (end && first <= (uint64_t)end->last + 1) {
		end->last = MAX_OF(end->last, last);
		return;
	}
	reserve(set, set->n + 1);
	set->ranges[set->n++] = (struct uid_range){ first, last };
}

/* Puts `n` ranges where `drop` ranges from `at` stood. */
static void splice(struct uid_set *set, uint32_t at, uint32_t drop, const struct uid_range *with, uint32_t n)
{
	reserve(set, set->n - drop + n);
	if (at + drop < set->n)
		memmove(set->ranges + at + n, set->ranges + at + drop,
		        (set->n - at - drop) * sizeof(*set->ranges));
	for (uint32_t i = 0; i < n; i++)
		set->ranges[at + i] = with[i];
	set->n = set->n - drop + n;
}

void uid_set_add(struct uid_set *set, uint32_t uid)
{
	uid_set_add_range(set, uid, uid);
}

void uid_set_add_range(struct uid_set *set, uint32_t first, uint32_t last)
{
	struct uid_range joined = { first, last };
	uint32_t from, to;

	assert(first >= 1 && first <= last);
	if (!set->n || first >= set->ranges[set->n - 1].first) {
		append(set, first, last);
		return;
	}
	/* from..to: the ranges that overlap or touch the new one */
	from = find(set, (uint64_t)first - 1);
	for (to = from; to < set->n && set->ranges[to].first <= (uint64_t)last + 1; to++) {
		joined.first = MIN_OF(joined.first, set->ranges[to].first);
		joined.last = MAX_OF(joined.last, set->ranges[to].last);
	}
	splice(set, from, to - from, &joined, 1);
}

void uid_set_del_range(struct uid_set *set, uint32_t first, uint32_t last)
{
	struct uid_range left[2];
	uint32_t from, to, n = 0;

	assert(first >= 1 && first <= last);
	from = find(set, first);
	for (to = from; to < set->n && set->ranges[to].first <= last; to++)
		;
	if (from == to)
		return;
	if (set->ranges[from].first < first)
		left[n++] = (struct uid_range){ set->ranges[from].first, first - 1 };
	if (set->ranges[to - 1].last > last)
		left[n++] = (struct uid_range){ last + 1, set->ranges[to - 1].last };
	splice(set, from, to - from, left, n);
}

void uid_set_union(struct uid_set *set, const struct uid_set *other)
{
	struct uid_set made = { 0 };
	uint32_t i = 0, j = 0;

	if (set == other)
		return;
	if (other->n < FEW || uid_set_min(other) > uid_set_max(set)) {
		for (; j < other->n; j++)
			uid_set_add_range(set, other->ranges[j].first, other->ranges[j].last);
		return;
	}
	while (i < set->n || j < other->n) {
		bool mine = j == other->n || (i < set->n && set->ranges[i].first <= other->ranges[j].first);
		struct uid_range next = mine ? set->ranges[i++] : other->ranges[j++];

		append(&made, next.first, next.last);
	}
	replace(set, &made);
}

void uid_set_subtract(struct uid_set *set, const struct uid_set *other)
{
	struct uid_set made = { 0 };
	uint32_t j = 0;

	if (other->n < FEW && set != other) {
		for (; j < other->n; j++)
			uid_set_del_range(set, other->ranges[j].first, other->ranges[j].last);
		return;
	}
	for (uint32_t i = 0; i < set->n; i++) {
		uint64_t first = set->ranges[i].first;
		uint32_t last = set->ranges[i].last;

		while (j < other->n && other->ranges[j].last < first)
			j++;
		/* what is left of this range between the cuts; the last cut may reach into the next range too */
		for (; j < other->n && other->ranges[j].first <= last; j++) {
			if (other->ranges[j].first > first)
				append(&made, (uint32_t)first, other->ranges[j].first - 1);
			first = (uint64_t)other->ranges[j].last + 1;
			if (first > last)
				break;
		}
		if (first <= last)
			append(&made, (uint32_t)first, last);
	}
	replace(set, &made);
}

void uid_set_intersect(struct uid_set *set, const struct uid_set *other)
{
	struct uid_set made = { 0 };

	for (uint32_t i = 0, j = 0; i < set->n && j < other->n;) {
		const struct uid_range *a = &set->ranges[i], *b = &other->ranges[j];
		uint32_t first = MAX_OF(a->first, b->first), last = MIN_OF(a->last, b->last);

		if (first <= last)
			append(&made, first, last);
		if (a->last <= b->last)
			i++;
		else
			j++;
	}
	replace(set, &made);
}

bool uid_set_has(const struct uid_set *set, uint32_t uid)
{
	uint32_t at = find(set, uid);

	return at < set->n && set->ranges[at].first <= uid;
}

bool uid_set_is_empty(const struct uid_set *set)
{
	return set->n == 0;
}

bool uid_set_eq(const struct uid_set *a, const struct uid_set *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->ranges, b->ranges, a->n * sizeof(*a->ranges)) == 0);
}

uint64_t uid_set_count(const struct uid_set *set)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < set->n; i++)
		count += (uint64_t)set->ranges[i].last - set->ranges[i].first + 1;
	return count;
}

uint32_t uid_set_ranges(const struct uid_set *set)
{
	return set->n;
}

uint32_t uid_set_min(const struct uid_set *set)
{
	return set->n ? set->ranges[0].first : 0;
}

uint32_t uid_set_max(const struct uid_set *set)
{
	return set->n ? set->ranges[set->n - 1].last : 0;
}

void uid_set_take(struct uid_set *from, size_t max, struct uid_set *ret_taken)
{
	uint32_t whole = 0;

	assert(from != ret_taken);
	ret_taken->n = 0;
	for (; whole < from->n && max > 0; whole++) {
		struct uid_range *range = &from->ranges[whole];
		uint64_t size = (uint64_t)range->last - range->first + 1;

		if (size > max) {
			append(ret_taken, range->first, range->first + (uint32_t)max - 1);
			range->first += (uint32_t)max;
			break;
		}
		append(ret_taken, range->first, range->last);
		max -= size;
	}
	splice(from, 0, whole, NULL, 0);
}

struct uid_iter uid_iter_of(const struct uid_set *set)
{
	return (struct uid_iter){ set, 0, uid_set_min(set) };
}

bool uid_next(struct uid_iter *iter, uint32_t *ret)
{
	const struct uid_set *set = iter->set;

	if (iter->range >= set->n)
		return false;
	*ret = (uint32_t)iter->next++;
	if (iter->next > set->ranges[iter->range].last && ++iter->range < set->n)
		iter->next = set->ranges[iter->range].first;
	return true;
}

static size_t print_number(char *out, uint32_t number)
{
	char digits[10];
	size_t n = 0;

	do
		digits[n++] = (char)('0' + number % 10);
	while (number /= 10);
	for (size_t i = 0; i < n; i++)
		out[i] = digits[n - 1 - i];
	return n;
}

bool uid_set_print(const struct uid_set *set, struct buf *out)
{
	for (uint32_t i = 0; i < set->n && !out->overflow; i++) {
		const struct uid_range *range = &set->ranges[i];
		char text[24];
		size_t len = 0;

		if (i)
			text[len++] = ',';
		len += print_number(text + len, range->first);
		if (range->last != range->first) {
			text[len++] = ':';
			len += print_number(text + len, range->last);
		}
		buf_add(out, text, len);
	}
	return !out->overflow;
}

/* The least first number that invariant and order leave to the next range; what is stored counts from there. */
static uint64_t least_after(const struct uid_range *before)
{
	return before ? (uint64_t)before->last + 2 : 1;
}

bool uid_set_pack(const struct uid_set *set, struct buf *out)
{
	const struct uid_range *before = NULL;

	buf_add_varint(out, set->n);
	for (uint32_t i = 0; i < set->n && !out->overflow; i++) {
		const struct uid_range *range = &set->ranges[i];

		buf_add_varint(out, range->first - least_after(before));
		buf_add_varint(out, range->last - range->first);
		before = range;
	}
	return !out->overflow;
}

static bool unpack_range(struct reader *in, struct uid_set *made)
{
	uint64_t least = least_after(made->n ? &made->ranges[made->n - 1] : NULL);
	uint64_t gap = read_varint(in), more = read_varint(in);

	if (in->bad || least > UINT32_MAX || gap > UINT32_MAX - least || more > UINT32_MAX - least - gap)
		return false;
	append(made, (uint32_t)(least + gap), (uint32_t)(least + gap + more));
	return true;
}

bool uid_set_unpack(struct reader *in, uint32_t max_ranges, struct uid_set *ret)
{
	struct uid_set made = { 0 };
	uint64_t n = read_varint(in);
	bool good =
	    !in->bad && n <= max_ranges && n <= in->rest.len / 2; /* a range takes two bytes or more */

	if (good)
		reserve(&made, (uint32_t)n);
	for (uint64_t i = 0; good && i < n; i++)
		good = unpack_range(in, &made);
	if (!good) {
		in->bad = true;
		uid_set_done(&made);
		return false;
	}
	replace(ret, &made);
	return true;
}
