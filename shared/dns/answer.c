/*
 * Answers: a head, the records, then their bytes, in one block with an atomic
 * reference count in front. Rdata comes from the network through the resolver:
 * what does not have the shape of its type is left out.
 */
#include "dns/answer.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "dns/name.h"

struct shared_answer {
	_Atomic uint32_t refs;
	size_t size;
	struct dns_answer answer;
	struct dns_record records[];
};

static struct shared_answer *shared_of(const struct dns_answer *answer)
{
	return container_of((struct dns_answer *)(uintptr_t)answer, struct shared_answer, answer);
}

/* Writes the text or bytes of one record to `out`, which has room for the rdata's own length and one more byte: joined
 * strings and dotted names are never longer than their wire form. */
static bool join_strings(struct slice rdata, uint8_t *out, size_t *ret_len)
{
	size_t at = 0, len = 0;

	while (at < rdata.len) {
		size_t part = rdata.data[at++];

		if (part > rdata.len - at)
			return false;
		memcpy(out + len, rdata.data + at, part);
		at += part;
		len += part;
	}
	*ret_len = len;
	return rdata.len > 0;
}

static bool put_name(struct slice wire, uint8_t *out, size_t *ret_len)
{
	char name[DNS_NAME_MAX + 1];

	if (!dns_name_from_wire(wire, name))
		return false;
	*ret_len = strlen(name);
	memcpy(out, name, *ret_len);
	return true;
}

static bool put_bytes(struct slice rdata, bool right_size, uint8_t *out, size_t *ret_len)
{
	if (!right_size)
		return false;
	memcpy(out, rdata.data, rdata.len);
	*ret_len = rdata.len;
	return true;
}

static bool put_record(enum dns_type type, struct slice rdata, uint8_t *out, struct dns_record *record)
{
	size_t len = 0;
	bool good = false;

	record->preference = 0;
	switch (type) {
	case DNS_A:
		good = put_bytes(rdata, rdata.len == 4, out, &len);
		break;
	case DNS_AAAA:
		good = put_bytes(rdata, rdata.len == 16, out, &len);
		break;
	case DNS_TLSA: /* usage, selector, matching type, and at least a byte of data: RFC 6698 2.1 */
		good = put_bytes(rdata, rdata.len >= 4, out, &len);
		break;
	case DNS_TXT:
		good = join_strings(rdata, out, &len);
		break;
	case DNS_CNAME:
	case DNS_PTR:
		good = put_name(rdata, out, &len);
		break;
	case DNS_MX:
		good = rdata.len > 2 && put_name(slice_from(rdata, 2), out, &len);
		if (good)
			record->preference = (uint16_t)(rdata.data[0] << 8 | rdata.data[1]);
		break;
	}
	out[len] = '\0'; /* names and texts are often wanted as strings */
	record->data = slice_of(out, len);
	return good;
}

/* Stable, so that equal preferences keep the order they came in. Answers are short: insertion will do. */
static void sort_by_preference(struct dns_record *records, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct dns_record moved = records[i];
		size_t at = i;

		for (; at > 0 && records[at - 1].preference > moved.preference; at--)
			records[at] = records[at - 1];
		records[at] = moved;
	}
}

const struct dns_answer *dns_answer_new(const struct dns_raw *raw)
{
	size_t n = raw->status == DNS_OK ? raw->n : 0;
	const char *why = raw->why ? raw->why : "";
	size_t why_size = strlen(why) + 1;
	size_t size = sizeof(struct shared_answer) + n * sizeof(struct dns_record) + why_size;
	struct shared_answer *shared;
	uint8_t *out;

	for (size_t i = 0; i < n; i++)
		size += raw->rdata[i].len + 1;
	shared = xzalloc(size);
	atomic_init(&shared->refs, 1);
	shared->size = size;
	out = memcpy(&shared->records[n], why, why_size);
	shared->answer = (struct dns_answer){
		.status = raw->status,
		.secure = raw->secure,
		.bogus = raw->bogus,
		.ttl = raw->ttl,
		.records = shared->records,
		.why = (const char *)out,
	};
	out += why_size;
	for (size_t i = 0; i < n; i++) {
		if (!put_record(raw->type, raw->rdata[i], out, &shared->records[shared->answer.n]))
			continue;
		out += raw->rdata[i].len + 1;
		shared->answer.n++;
	}
	if (raw->type == DNS_MX)
		sort_by_preference(shared->records, shared->answer.n);
	if (shared->answer.status == DNS_OK && shared->answer.n == 0)
		shared->answer.status = DNS_NODATA;
	return &shared->answer;
}

size_t dns_answer_size(const struct dns_answer *answer)
{
	return shared_of(answer)->size;
}

const struct dns_answer *dns_answer_ref(const struct dns_answer *answer)
{
	atomic_fetch_add_explicit(&shared_of(answer)->refs, 1, memory_order_relaxed);
	return answer;
}

void dns_answer_unref(const struct dns_answer *answer)
{
	struct shared_answer *shared;
	uint32_t was;

	if (!answer)
		return;
	shared = shared_of(answer);
	was = atomic_fetch_sub_explicit(&shared->refs, 1, memory_order_acq_rel);
	assert(was > 0);
	if (was == 1)
		free(shared);
}
