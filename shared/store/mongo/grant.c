/* What mailboxes grant to others than their owner (grant.h). */
#include "store/mongo/grant.h"

#include "store/access.h"
#include "store/acl.h"
#include "store/mongo/head.h"
#include "store/mongo/ops.h"
#include "store/schema.h"

#define RIGHTS 11

struct grant {
	struct id who;
	uint8_t right; /* its bit's number */
};

/* ---- the list ------------------------------------------------------------------------------------------------ */

static void add_grant(bson_t *list, size_t *n, const struct id *who, unsigned right)
{
	const struct grant grant = { *who, (uint8_t)right };
	struct doc_index index;

	doc_add_bytes(list, doc_index(&index, (*n)++), slice_of(&grant, sizeof(grant)));
}

static void add_grants(bson_t *list, size_t *n, const struct id *who, uint32_t rights)
{
	for (unsigned right = 0; right < RIGHTS; right++)
		if (rights & UINT32_C(1) << right)
			add_grant(list, n, who, right);
}

void acl_add(bson_t *doc, const struct mailbox_meta *meta)
{
	bson_t list;
	size_t n = 0;

	if (!meta->n_acl)
		return;
	bson_append_array_begin(doc, "acl", -1, &list);
	for (size_t i = 0; i < meta->n_acl; i++)
		add_grants(&list, &n, &meta->acl[i].who, meta->acl[i].rights);
	bson_append_array_end(doc, &list);
}

static void note_grant(struct acl_entry *acl, size_t *n, const struct grant *grant)
{
	size_t i = 0;

	while (i < *n && !id_eq(&acl[i].who, &grant->who))
		i++;
	if (i == *n)
		acl[(*n)++] = (struct acl_entry){ .who = grant->who };
	acl[i].rights |= UINT32_C(1) << grant->right;
}

void acl_parse_list(struct doc *doc, struct arena *arena, struct mailbox_meta *ret)
{
	struct acl_entry *acl;
	struct grant grant;
	struct slice value;
	bson_iter_t list;
	size_t n = 0;

	if (!doc_has(doc, "acl") || !doc_list(doc, "acl", &list))
		return;
	acl = arena_array(arena, struct acl_entry, ACL_ENTRIES_MAX + 1);
	while (bson_iter_next(&list)) {
		if (!doc_at_bytes(&list, &value) || value.len != sizeof(grant) || n > ACL_ENTRIES_MAX) {
			doc->bad = "acl";
			return;
		}
		memcpy(&grant, value.data, sizeof(grant));
		if (grant.right >= RIGHTS) {
			doc->bad = "acl";
			return;
		}
		note_grant(acl, &n, &grant);
	}
	ret->acl = acl;
	ret->n_acl = n;
}

/* ---- filters ------------------------------------------------------------------------------------------------- */

/* { acl: { $in: [ … ] } } for some of these rights, to the guest or to everyone. */
static void add_some(bson_t *filter, const struct actor *actor, uint32_t rights)
{
	bson_t some, list;
	size_t n = 0;

	bson_append_document_begin(filter, "acl", -1, &some);
	bson_append_array_begin(&some, "$in", -1, &list);
	add_grants(&list, &n, &actor->guest, rights);
	add_grants(&list, &n, &actor->everyone, rights);
	bson_append_array_end(&some, &list);
	bson_append_document_end(filter, &some);
}

void acl_filter(bson_t *filter, const struct actor *actor)
{
	const uint32_t rights = wall_rights(actor);
	struct doc_index index;
	bson_t all, one;
	size_t n = 0;

	if (!rights)
		return;
	bson_append_array_begin(filter, "$and", -1, &all);
	for (unsigned right = 0; right < RIGHTS; right++) {
		if (!(rights & UINT32_C(1) << right))
			continue;
		bson_append_document_begin(&all, doc_index(&index, n++), -1, &one);
		add_some(&one, actor, UINT32_C(1) << right);
		bson_append_document_end(&all, &one);
	}
	bson_append_array_end(filter, &all);
}

/* ---- the operations ------------------------------------------------------------------------------------------ */

enum fault mongo_mailbox_set_acl(struct store *store, const struct actor *actor,
                                 const struct mailbox_meta *meta, struct why *why)
{
	bson_t update = BSON_INITIALIZER, field;
	enum fault fault;

	bson_append_document_begin(&update, meta->n_acl ? "$set" : "$unset", -1, &field);
	if (meta->n_acl)
		acl_add(&field, meta);
	else
		BSON_APPEND_BOOL(&field, "acl", true);
	bson_append_document_end(&update, &field);
	fault = head_update_meta(store, actor, meta, &update, why);
	bson_destroy(&update);
	return fault;
}

enum fault mongo_mailbox_shared(struct store *store, const struct actor *actor, const struct id *mailbox,
                                struct arena *arena, struct mailbox_row **ret, size_t *ret_n, struct why *why)
{
	bson_t filter = BSON_INITIALIZER;
	struct call call;
	enum fault fault;

	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	call.reading = READ_LASTING;
	if (mailbox)
		head_walled(&filter, mailbox, actor);
	else
		add_some(&filter, actor, ACL_ALL);
	fault = head_rows(&call, &filter, arena, ret, ret_n);
	bson_destroy(&filter);
	return call_done(&call, fault);
}

enum fault mongo_mailbox_unshare(struct store *store, const struct actor *actor, const struct id *who,
                                 struct why *why)
{
	const struct actor guest = { .kind = ACTOR_GUEST, .guest = *who, .everyone = *who };
	bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER, pull;
	struct change change = { MAILBOXES, .filter = &filter, .update = &update, .many = true };
	struct call call;
	enum fault fault;
	size_t matched;

	(void)actor; /* nobody comes here for one account only */
	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	add_some(&filter, &guest, ACL_ALL);
	bson_append_document_begin(&update, "$pull", -1, &pull);
	add_some(&pull, &guest, ACL_ALL);
	bson_append_document_end(&update, &pull);
	doc_add_inc(&update, "version");
	fault = call_update(&call, &change, &matched);
	bson_destroy(&filter);
	bson_destroy(&update);
	return call_done(&call, fault);
}

enum fault mongo_contents_add_account(struct store *store, const struct actor *actor,
                                      const struct id *contents, size_t n, const struct id *account,
                                      struct why *why)
{
	const struct id *wall = wall_record(actor, COLL_CONTENTS, false);
	bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER, some, list, add;
	struct change change = { schema_collections[COLL_CONTENTS].name, .filter = &filter, .update = &update,
		                 .many = true };
	struct doc_index index;
	struct call call;
	enum fault fault;
	size_t matched;

	fault = call_start(&call, store, why);
	if (fault)
		return fault;
	bson_append_document_begin(&filter, "_id", -1, &some);
	bson_append_array_begin(&some, "$in", -1, &list);
	for (size_t i = 0; i < n; i++)
		doc_add_id(&list, doc_index(&index, i), &contents[i]);
	bson_append_array_end(&some, &list);
	bson_append_document_end(&filter, &some);
	if (wall)
		doc_add_id(&filter, "accounts", wall);
	bson_append_document_begin(&update, "$addToSet", -1, &add);
	doc_add_id(&add, "accounts", account);
	bson_append_document_end(&update, &add);
	doc_add_inc(&update, "version");
	fault = call_update(&call, &change, &matched);
	if (!fault && matched < n)
		fault = fault_set(why, FAULT_NOT_FOUND, "mongo: %zu of %zu contents are not there",
		                  n - matched, n);
	bson_destroy(&filter);
	bson_destroy(&update);
	return call_done(&call, fault);
}
