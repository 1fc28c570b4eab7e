/* Access control lists (acl.h). */
#include "store/acl.h"

/* Rights by bit; then what c and d stand for. */
static const char letters[] = "lrswipkxtea";

static const struct {
	char letter;
	uint32_t rights;
} virtual[] = {
	{ 'c', ACL_CREATE | ACL_DELETE_BOX },
	{ 'd', ACL_DELETE | ACL_EXPUNGE },
};

struct id acl_everyone(struct slice domain)
{
	static const struct id nobody = { { 0 } };

	return id_derive(&nobody, domain);
}

uint32_t acl_rights(const struct mailbox_meta *meta, const struct id *who, const struct id *everyone)
{
	uint32_t rights = 0;

	for (size_t i = 0; i < meta->n_acl; i++)
		if (id_eq(&meta->acl[i].who, who) || id_eq(&meta->acl[i].who, everyone))
			rights |= meta->acl[i].rights;
	return rights;
}

static uint32_t right_of(uint8_t letter)
{
	const char *at = letter ? strchr(letters, letter) : NULL;

	for (size_t i = 0; i < ARRAY_LEN(virtual); i++)
		if (virtual[i].letter == letter)
			return virtual[i].rights;
	return at ? UINT32_C(1) << (at - letters) : 0;
}

bool acl_parse(struct slice text, uint32_t *ret_rights)
{
	uint32_t rights = 0;

	for (size_t i = 0; i < text.len; i++) {
		uint32_t right = right_of(text.data[i]);

		if (!right)
			return false;
		rights |= right;
	}
	*ret_rights = rights;
	return true;
}

const char *acl_print(uint32_t rights, char room[ACL_LETTERS])
{
	char *at = room;

	for (size_t i = 0; letters[i]; i++)
		if (rights & UINT32_C(1) << i)
			*at++ = letters[i];
	for (size_t i = 0; i < ARRAY_LEN(virtual); i++)
		if (rights & virtual[i].rights)
			*at++ = virtual[i].letter;
	*at = '\0';
	return room;
}

enum fault acl_change(const struct acl_entry *list, size_t n, const struct id *who, enum acl_change change,
                      uint32_t rights, struct arena *arena, struct acl_entry **ret, size_t *ret_n,
                      struct why *why)
{
	struct acl_entry *made = arena_array(arena, struct acl_entry, n + 1);
	uint32_t old = 0;
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		if (id_eq(&list[i].who, who))
			old = list[i].rights;
		else
			made[kept++] = list[i];
	}
	if (change != ACL_SET)
		rights = change == ACL_ADD ? old | rights : old & ~rights;
	if (rights)
		made[kept++] = (struct acl_entry){ *who, rights };
	if (kept > ACL_ENTRIES_MAX)
		return fault_set(why, FAULT_LIMIT, "a mailbox is shared with at most %d", ACL_ENTRIES_MAX);
	*ret = made;
	*ret_n = kept;
	return FAULT_NONE;
}
