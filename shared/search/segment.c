/* Signatures side by side (segment.h). */
#include "search/segment.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/macros.h"

#define SIDE_BY_SIDE 64

struct class_rows {
	uint32_t n;
	uint32_t *row;    /* of each: where its UID is in the segment */
	uint64_t *blocks; /* of 64 rows: a word for each bit of the filter */
	uint8_t *rest;    /* the last n % 64, one after another */
};

struct segment {
	atomic_uint refs;
	uint32_t n;
	size_t memory;
	uint32_t *uids;
	uint8_t *classes;
	bool *old, has_old;
	uint32_t *places; /* of each UID: which row of its class it is */
	struct class_rows by_class[SIGNATURE_CLASSES + 1];
};

/* ---- making ---- */

/* Stable, so that of rows with one UID the last given is the last. */
static void merge_rows(struct segment_row *rows, size_t n, struct segment_row *room)
{
	size_t half = n / 2, left = 0, right = half, at = 0;

	if (n < 2)
		return;
	merge_rows(rows, half, room);
	merge_rows(rows + half, n - half, room);
	if (rows[half - 1].uid <= rows[half].uid)
		return;
	while (left < half && right < n)
		room[at++] = rows[left].uid <= rows[right].uid ? rows[left++] : rows[right++];
	while (left < half)
		room[at++] = rows[left++];
	memcpy(rows, room, at * sizeof(*rows));
}

static size_t sort_rows(struct segment_row *rows, size_t n)
{
	struct segment_row *room = xmalloc((n + 1) * sizeof(*room));
	size_t kept = 0;

	merge_rows(rows, n, room);
	free(room);
	for (size_t i = 0; i < n; i++) {
		if (i + 1 < n && rows[i + 1].uid == rows[i].uid)
			continue;
		rows[kept++] = rows[i];
	}
	return kept;
}

static void *take_memory(struct segment *segment, size_t bytes)
{
	segment->memory += bytes;
	return xzalloc(bytes + 1);
}

static void make_room(struct segment *segment, unsigned class)
{
	struct class_rows *rows = &segment->by_class[class];
	const size_t bits = signature_bits(class);

	rows->row = take_memory(segment, rows->n * sizeof(*rows->row));
	rows->blocks = take_memory(segment, rows->n / SIDE_BY_SIDE * bits * sizeof(uint64_t));
	rows->rest = take_memory(segment, rows->n % SIDE_BY_SIDE * (bits / 8));
	rows->n = 0;
}

static void turn(uint64_t *block, unsigned row, struct slice bits)
{
	for (size_t i = 0; i < bits.len; i++)
		for (unsigned byte = bits.data[i]; byte; byte &= byte - 1)
			block[i * 8 + (unsigned)__builtin_ctz(byte)] |= (uint64_t)1 << row;
}

/* `total` rows of the class there will be. */
static void place_row(struct class_rows *rows, unsigned class, uint32_t total, uint32_t at, struct slice bits)
{
	const uint32_t in_blocks = total - total % SIDE_BY_SIDE, row = rows->n++;

	rows->row[row] = at;
	if (!class)
		return;
	if (row < in_blocks)
		turn(rows->blocks + (size_t)(row / SIDE_BY_SIDE) * signature_bits(class), row % SIDE_BY_SIDE,
		     bits);
	else
		memcpy(rows->rest + (row - in_blocks) * bits.len, bits.data, bits.len);
}

struct segment *segment_new(struct segment_row *rows, size_t n)
{
	struct segment *segment = xzalloc(sizeof(*segment));
	uint32_t totals[SIGNATURE_CLASSES + 1];

	n = sort_rows(rows, n);
	segment->refs = 1;
	segment->memory = sizeof(*segment);
	segment->n = (uint32_t)n;
	segment->uids = take_memory(segment, n * sizeof(*segment->uids));
	segment->classes = take_memory(segment, n);
	segment->old = take_memory(segment, n * sizeof(*segment->old));
	segment->places = take_memory(segment, n * sizeof(*segment->places));
	for (size_t i = 0; i < n; i++)
		if (rows[i].signature.class != SEGMENT_NONE)
			segment->by_class[rows[i].signature.class].n++;
	for (unsigned class = 0; class <= SIGNATURE_CLASSES; class ++) {
		totals[class] = segment->by_class[class].n;
		make_room(segment, class);
	}
	for (uint32_t i = 0; i < n; i++) {
		const struct signature *signature = &rows[i].signature;

		segment->uids[i] = rows[i].uid;
		segment->classes[i] = signature->class;
		segment->old[i] = signature->old && signature->class != SEGMENT_NONE;
		segment->has_old |= segment->old[i];
		if (signature->class == SEGMENT_NONE)
			continue;
		segment->places[i] = segment->by_class[signature->class].n;
		place_row(&segment->by_class[signature->class], signature->class, totals[signature->class], i,
		          signature->bits);
	}
	return segment;
}

struct segment *segment_ref(struct segment *segment)
{
	atomic_fetch_add(&segment->refs, 1);
	return segment;
}

void segment_unref(struct segment *segment)
{
	if (!segment || atomic_fetch_sub(&segment->refs, 1) != 1)
		return;
	for (unsigned class = 0; class <= SIGNATURE_CLASSES; class ++) {
		free(segment->by_class[class].row);
		free(segment->by_class[class].blocks);
		free(segment->by_class[class].rest);
	}
	free(segment->uids);
	free(segment->classes);
	free(segment->old);
	free(segment->places);
	free(segment);
}

/* ---- looking ---- */

size_t segment_memory(const struct segment *segment)
{
	return segment->memory;
}

uint32_t segment_count(const struct segment *segment)
{
	return segment->n;
}

const uint32_t *segment_uids(const struct segment *segment)
{
	return segment->uids;
}

ptrdiff_t segment_find(const struct segment *segment, uint32_t uid)
{
	size_t from = 0, to = segment->n;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (segment->uids[middle] < uid)
			from = middle + 1;
		else
			to = middle;
	}
	return from < segment->n && segment->uids[from] == uid ? (ptrdiff_t)from : -1;
}

bool segment_lacks(const struct segment *segment, size_t at)
{
	return segment->classes[at] == SEGMENT_NONE;
}

bool segment_is_old(const struct segment *segment, size_t at)
{
	return segment->old[at];
}

bool segment_has_old(const struct segment *segment)
{
	return segment->has_old;
}

static struct slice bits_of(const struct segment *segment, size_t at, struct arena *arena)
{
	const unsigned class = segment->classes[at];
	const struct class_rows *rows = &segment->by_class[class];
	const uint32_t bytes = signature_bits(class) / 8, place = segment->places[at];
	const uint32_t in_blocks = rows->n - rows->n % SIDE_BY_SIDE;
	const uint64_t *block = rows->blocks + (size_t)(place / SIDE_BY_SIDE) * bytes * 8;
	uint8_t *bits;

	if (place >= in_blocks)
		return slice_of(rows->rest + (size_t)(place - in_blocks) * bytes, bytes);
	bits = arena_alloc(arena, bytes + 1);
	memset(bits, 0, bytes);
	for (uint32_t bit = 0; bit < bytes * 8; bit++)
		bits[bit / 8] |= (uint8_t)((block[bit] >> (place % SIDE_BY_SIDE) & 1) << (bit % 8));
	return slice_of(bits, bytes);
}

void segment_rows(const struct segment *segment, struct arena *arena, struct buf *rows)
{
	for (uint32_t i = 0; i < segment->n; i++) {
		struct segment_row row = { segment->uids[i],
			                   { .class = segment->classes[i], .old = segment->old[i] } };

		if (row.signature.class && row.signature.class != SEGMENT_NONE)
			row.signature.bits = bits_of(segment, i, arena);
		buf_add(rows, &row, sizeof(row));
	}
}

/* ---- in a file: ( UID as it grows | class, and OLD | bits )* ---- */

#define OLD 0x80

bool segment_pack(const struct segment *segment, struct buf *out)
{
	struct arena *arena = arena_new();
	uint32_t last = 0;
	bool fits = true;

	for (uint32_t i = 0; i < segment->n && fits; i++) {
		const uint8_t class = segment->classes[i];

		if (class == SEGMENT_NONE)
			continue;
		arena_reset(arena);
		fits = buf_add_varint(out, segment->uids[i] - last) &&
		       buf_add_u8(out, (uint8_t)(class | (segment->old[i] ? OLD : 0))) &&
		       (!class || buf_add_slice(out, bits_of(segment, i, arena)));
		last = segment->uids[i];
	}
	arena_free(arena);
	return fits;
}

enum fault segment_unpack(struct slice packed, struct segment **ret, struct why *why)
{
	struct reader reader = reader_of(packed);
	struct buf rows;
	uint64_t uid = 0;
	enum fault fault = FAULT_NONE;

	buf_init(&rows, BUF_NO_LIMIT);
	while (reader.rest.len && !reader.bad) {
		struct segment_row row;
		uint64_t step = read_varint(&reader);

		uid = step > UINT32_MAX ? UINT64_MAX : uid + step;
		row.uid = (uint32_t)uid;
		row.signature = (struct signature){ .class = read_u8(&reader) };
		row.signature.old = row.signature.class & OLD;
		row.signature.class &= (uint8_t)~OLD;
		reader.bad |= !step || uid > UINT32_MAX || row.signature.class > SIGNATURE_CLASSES;
		if (!reader.bad)
			row.signature.bits = read_bytes(&reader, signature_bits(row.signature.class) / 8);
		if (!reader.bad)
			buf_add(&rows, &row, sizeof(row));
	}
	if (!read_finished(&reader))
		fault = fault_set(why, FAULT_CORRUPT, "packed search signatures do not parse");
	else
		*ret = segment_new((struct segment_row *)rows.data, rows.len / sizeof(struct segment_row));
	buf_done(&rows);
	return fault;
}

/* ---- asking ---- */

#define ASKED_MAX 64 /* trigrams of a text that are asked for */

struct segment_query {
	uint32_t trigrams[ASKED_MAX];
	uint32_t n;
	bool bare;
};

struct segment_query *segment_query_new(struct slice folded)
{
	struct segment_query *query;
	struct trigrams set;

	if (folded.len < 3)
		return NULL;
	query = xzalloc(sizeof(*query));
	trigrams_init(&set);
	trigrams_add(&set, slice_first(folded, ASKED_MAX + 2));
	query->n = set.n;
	memcpy(query->trigrams, set.list, set.n * sizeof(uint32_t));
	trigrams_done(&set);
	return query;
}

struct segment_query *segment_query_bare(struct slice bare)
{
	struct segment_query *query = segment_query_new(bare);

	if (query)
		query->bare = true;
	return query;
}

void segment_query_free(struct segment_query *query)
{
	free(query);
}

static void set_bit(uint64_t *bits, uint32_t at)
{
	bits[at / 64] |= (uint64_t)1 << (at % 64);
}

static void ask_blocks(const struct class_rows *rows, unsigned class, const uint32_t *places, uint32_t n,
                       uint64_t *ret)
{
	const uint64_t *block = rows->blocks;

	for (uint32_t from = 0; from + SIDE_BY_SIDE <= rows->n; from += SIDE_BY_SIDE) {
		uint64_t may = UINT64_MAX;

		for (uint32_t i = 0; i < n && may; i++)
			may &= block[places[i]];
		for (; may; may &= may - 1)
			set_bit(ret, rows->row[from + (uint32_t)__builtin_ctzll(may)]);
		block += signature_bits(class);
	}
}

static void ask_rest(const struct class_rows *rows, unsigned class, const uint32_t *places, uint32_t n,
                     uint64_t *ret)
{
	const uint8_t *bits = rows->rest;

	for (uint32_t at = rows->n - rows->n % SIDE_BY_SIDE; at < rows->n; at++) {
		uint32_t i = 0;

		while (i < n && signature_has(bits, places[i]))
			i++;
		if (i == n)
			set_bit(ret, rows->row[at]);
		bits += signature_bits(class) / 8;
	}
}

void segment_ask(const struct segment *segment, const struct segment_query *query, uint64_t *ret)
{
	uint32_t places[ASKED_MAX * 2];

	memset(ret, 0, segment_words(segment) * sizeof(*ret));
	for (uint32_t i = 0; i < segment->n; i++)
		if (segment->classes[i] == 0 || segment->classes[i] == SEGMENT_NONE ||
		    (query->bare && segment->old[i]))
			set_bit(ret, i);
	for (unsigned class = 1; class <= SIGNATURE_CLASSES; class ++) {
		const struct class_rows *rows = &segment->by_class[class];

		if (!rows->n)
			continue;
		for (uint32_t i = 0; i < query->n; i++)
			signature_places(class, query->trigrams[i], places + 2 * (size_t)i);
		ask_blocks(rows, class, places, query->n * 2, ret);
		ask_rest(rows, class, places, query->n * 2, ret);
	}
}
