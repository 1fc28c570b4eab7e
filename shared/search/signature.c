/* Signatures (signature.h). */
#include "search/signature.h"

#include "base/macros.h"

#define VERSION          2
#define VERSION_OLD      1
#define BITS_PER_TRIGRAM 4

static unsigned class_for(uint32_t trigrams)
{
	unsigned class = 1;

	while (class < SIGNATURE_CLASSES && signature_bits(class) < trigrams * BITS_PER_TRIGRAM)
		class ++;
	return class;
}

bool signature_make(const struct trigrams *set, struct buf *out)
{
	unsigned class = set->full ? 0 : class_for(set->n);
	uint32_t bytes = signature_bits(class) / 8;
	uint8_t *room;

	if (!buf_add_u8(out, VERSION) || !buf_add_u8(out, (uint8_t) class))
		return false;
	if (!class)
		return true;
	room = buf_room(out, bytes);
	if (!room)
		return false;
	memset(room, 0, bytes);
	for (uint32_t i = 0; i < set->n; i++) {
		uint32_t places[2];

		signature_places(class, set->list[i], places);
		room[places[0] / 8] |= (uint8_t)(1u << (places[0] % 8));
		room[places[1] / 8] |= (uint8_t)(1u << (places[1] % 8));
	}
	out->len += bytes;
	return true;
}

enum fault signature_unpack(struct slice packed, struct signature *ret, struct why *why)
{
	struct reader reader = reader_of(packed);
	uint8_t version = read_u8(&reader), class = read_u8(&reader);

	if ((version != VERSION && version != VERSION_OLD) || class > SIGNATURE_CLASSES || reader.bad ||
	    reader.rest.len != signature_bits(class) / 8)
		return fault_set(why, FAULT_CORRUPT, "a search signature of %zu bytes, version %u, class %u",
		                 packed.len, version, class);
	*ret = (struct signature){ class, reader.rest, version == VERSION_OLD };
	return FAULT_NONE;
}
