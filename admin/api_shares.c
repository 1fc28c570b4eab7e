/* /v1/accounts/{address}/shares: an account's mailboxes that others may use (RFC 4314) */
#include <stdlib.h>

#include "api.h"
#include "suite/share_admin.h"

static int by_id(const void *a, const void *b)
{
	const struct folder *const *x = a, *const *y = b;

	return memcmp(&(*x)->row.meta.id, &(*y)->row.meta.id, sizeof(struct id));
}

static enum fault entries_json(struct api_request *request, const struct account *account,
                               const struct mailbox_meta *meta, json_t *entries, struct why *why)
{
	enum fault fault = FAULT_NONE;

	for (size_t i = 0; i < meta->n_acl && !fault; i++) {
		char room[ACL_LETTERS];
		const char *who = NULL;

		fault =
		    share_name(request->stack, &meta->acl[i].who, account->domain, request->arena, &who, why);
		if (!fault && who)
			json_array_append_new(entries, json_pack("{s:s,s:s}", "who", who, "rights",
			                                         acl_print(meta->acl[i].rights, room)));
	}
	return fault;
}

static enum fault folder_json(struct api_request *request, const struct account *account,
                              const struct folder *folder, json_t *items, struct why *why)
{
	json_t *entries = json_array();

	json_array_append_new(items, json_pack("{s:s,s:s,s:o}", "id", id_print(&folder->row.meta.id).text,
	                                       "mailbox", folder->path, "entries", entries));
	return entries_json(request, account, &folder->row.meta, entries, why);
}

/* A page by id, which outlives a renaming; names may be longer than a cursor. */
static enum fault page_json(struct api_request *request, const struct account *account,
                            struct folder **folders, size_t n, struct api_reply *reply, struct why *why)
{
	struct id_text last = { "" };
	struct id from = { { 0 } };
	json_t *items = json_array();
	struct slice after;
	size_t limit;
	enum fault fault = api_page(request, &limit, &after, why);

	if (!fault && after.len && !id_parse(after, &from))
		fault = fault_set(why, FAULT_INPUT, "after is what \"next\" said");
	qsort(folders, n, sizeof(struct folder *), by_id);
	for (size_t i = 0; i < n && !fault; i++) {
		if (memcmp(&folders[i]->row.meta.id, &from, sizeof(from)) <= 0)
			continue;
		fault = folder_json(request, account, folders[i], items, why);
		if (--limit == 0) {
			last = id_print(&folders[i]->row.meta.id);
			break;
		}
	}
	if (fault)
		json_decref(items);
	else
		reply->json = api_list(items, last.text[0] ? last.text : NULL);
	return fault;
}

enum fault api_shares_list(struct api_request *request, struct api_reply *reply, struct why *why)
{
	struct account account;
	struct folder **folders;
	size_t n;
	enum fault fault = api_account(request, &account, why);

	if (!fault)
		fault = share_admin_list(request->stack, &account, request->arena, &folders, &n, why);
	return fault ? fault : page_json(request, &account, folders, n, reply, why);
}

enum fault api_share_put(struct api_request *request, struct api_reply *reply, struct why *why)
{
	static const char *const known[] = { "mailbox", "who", "rights", NULL };
	const char *mailbox = NULL, *who = NULL, *letters = NULL;
	struct account account;
	uint32_t rights = 0;
	enum fault fault = api_only(request, known, why);

	(void)reply;
	if (!fault)
		fault = api_str(request, "mailbox", true, &mailbox, why);
	if (!fault)
		fault = api_str(request, "who", true, &who, why);
	if (!fault)
		fault = api_str(request, "rights", true, &letters, why);
	if (!fault && !acl_parse(slice_str(letters), &rights))
		fault = fault_set(why, FAULT_INPUT, "\"rights\" are letters of lrswipkxtea");
	if (!fault)
		fault = api_account(request, &account, why);
	return fault ? fault
	             : share_admin_set(request->stack, &request->by, &account, mailbox, who, rights, why);
}
