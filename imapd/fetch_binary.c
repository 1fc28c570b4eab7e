/* Parts without their content transfer encoding (fetch_binary.h). */
#include "fetch_binary.h"

#include <assert.h>

void fetch_binary_start(struct fetch_binary *binary, enum transfer encoding, uint64_t offset, uint64_t len)
{
	*binary = (struct fetch_binary){ .at = offset, .end = offset + len, .to = UINT64_MAX };
	transfer_init(&binary->decoder, encoding);
}

static bool give(struct fetch_binary *binary, struct slice decoded, struct buf *out)
{
	const uint64_t skip = MIN_OF(binary->skip, (uint64_t)decoded.len);
	struct slice wanted;

	binary->has_nul = binary->has_nul || slice_chr(decoded, '\0') >= 0;
	for (size_t i = 0; i < decoded.len; i++, binary->total++)
		binary->lines +=
		    decoded.data[i] == '\n' && binary->total >= binary->from && binary->total < binary->to;
	binary->skip -= skip;
	wanted =
	    slice_first(slice_from(decoded, (size_t)skip), (size_t)MIN_OF(binary->left, (uint64_t)SIZE_MAX));
	binary->left -= wanted.len;
	return buf_add_slice(out, wanted);
}

bool fetch_binary_feed(struct fetch_binary *binary, struct slice chunk, struct buf *out)
{
	struct buf decoded;
	bool good;

	assert(chunk.len <= BINARY_PIECE && chunk.len <= binary->end - binary->at);
	buf_init(&decoded,
	         BINARY_PIECE +
	             2 * TRANSFER_BLANKS); /* decoding makes nothing longer but what was held back */
	binary->at += chunk.len;
	good = transfer_feed(&binary->decoder, chunk, &decoded) &&
	       (binary->at < binary->end || transfer_finish(&binary->decoder, &decoded)) &&
	       give(binary, buf_slice(&decoded), out);
	buf_done(&decoded);
	return good;
}

bool fetch_binary_is_over(const struct fetch_binary *binary)
{
	return binary->at >= binary->end || !binary->left;
}
