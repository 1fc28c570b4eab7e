/* The tools of the blob cases (place.h). */
#include "place.h"

struct blobs *open_blobs(struct backend *backend, int64_t timeout_ms)
{
	struct blob_conf conf = backend->conf;
	struct blobs *blobs = NULL;
	struct why why = { "" };

	conf.timeout_ms = timeout_ms;
	if (blobs_open(&conf, &blobs, &why))
		fail_msg("%s does not open: %s", backend->name, why.text);
	return blobs;
}

uint8_t *make_bytes(size_t len, uint32_t seed)
{
	uint8_t *bytes = xmalloc(len);
	uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;

	for (size_t i = 0; i < len; i++) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
		bytes[i] = (uint8_t)(x >> 56);
	}
	return bytes;
}

void check_range(struct blobs *blobs, const struct id *id, const uint8_t *bytes, size_t offset, size_t len)
{
	struct why why = { "" };
	struct buf out;

	buf_init(&out, len + 4);
	buf_adds(&out, "head");
	assert_fault(FAULT_NONE, blob_get(blobs, id, offset, len, &out, &why), &why);
	assert_int_equal(out.len, len + 4);
	assert_memory_equal(out.data, "head", 4);
	if (len)
		assert_memory_equal(out.data + 4, bytes + offset, len);
	buf_done(&out);
}

void put_whole(struct blobs *blobs, const struct id *id, const uint8_t *bytes, size_t len)
{
	struct why why = { "" };

	assert_fault(FAULT_NONE, blob_put(blobs, id, slice_of(bytes, len), &why), &why);
}

void expect_get(struct blobs *blobs, const struct id *id, uint64_t offset, uint64_t len, enum fault want)
{
	struct why why = { "" };
	struct buf out;

	buf_init(&out, BUF_NO_LIMIT);
	buf_adds(&out, "x");
	assert_fault(want, blob_get(blobs, id, offset, len, &out, &why), &why);
	if (want) {
		assert_int_equal(out.len, 1);
		assert_true(why.text[0]);
	}
	buf_done(&out);
}
