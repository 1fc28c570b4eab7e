/* /v1/bans */
#include "api.h"
#include "base/clock.h"
#include "suite/ban.h"

#define MINUTE_MS 60000

static json_t *ban_json(const struct ban *ban)
{
	return json_pack("{s:s,s:s,s:s,s:b,s:o,s:o}", "subject", ban->subject, "reason", ban->reason, "by",
	                 ban->by, "automatic", ban->automatic, "since", api_time(ban->since), "until",
	                 api_time(ban->until));
}

enum fault api_bans_list(struct api_request *request, struct api_reply *reply, struct why *why)
{
	struct slice after;
	struct ban *bans;
	json_t *items;
	size_t limit, n;
	enum fault fault = api_page(request, &limit, &after, why);

	if (!fault)
		fault = ban_list(request->stack, after, limit, request->arena, &bans, &n, why);
	if (fault)
		return fault;
	items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, ban_json(&bans[i]));
	reply->json = api_list(items, n == limit ? bans[n - 1].subject : NULL);
	return FAULT_NONE;
}

enum fault api_bans_create(struct api_request *request, struct api_reply *reply, struct why *why)
{
	static const char *const known[] = { "subject", "reason", "minutes", NULL };
	struct ban ban = { .by = request->by.principal, .since = clock_now() };
	int64_t minutes = 60;
	enum fault fault = api_only(request, known, why);

	if (!fault)
		fault = api_str(request, "subject", true, &ban.subject, why);
	if (!fault)
		fault = api_str(request, "reason", true, &ban.reason, why);
	if (!fault)
		fault = api_int(request, "minutes", 1, BAN_MS_MAX / MINUTE_MS, &minutes, why);
	if (fault)
		return fault;
	ban.until = ban.since + minutes * MINUTE_MS;
	fault = ban_put(request->stack, &request->by, &ban, why);
	if (fault)
		return fault;
	reply->status = 201;
	reply->json = ban_json(&ban);
	return FAULT_NONE;
}

enum fault api_ban_delete(struct api_request *request, struct api_reply *reply, struct why *why)
{
	const char *subject = api_query(request, "subject"); /* a network has a slash: no part of a path */

	(void)reply;
	if (!subject)
		return fault_set(why, FAULT_INPUT, "\"subject\" is missing");
	return ban_lift(request->stack, &request->by, slice_str(subject), why);
}
