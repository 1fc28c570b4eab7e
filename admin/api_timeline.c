/* /v1/timeline: what happened to a message, by its trace id. */
#include "api.h"
#include "suite/timeline.h"

static json_t *row_json(const struct timeline_row *row)
{
	return json_pack("{s:o,s:s,s:s,s:s,s:s,s:s,s:s,s:o}", "at", api_time(row->at), "node", row->node,
	                 "kind", row->kind, "address", row->address, "where", row->where, "status",
	                 row->status, "text", row->text, "next", api_time(row->next));
}

enum fault api_timeline_get(struct api_request *request, struct api_reply *reply, struct why *why)
{
	struct timeline_row *rows;
	struct id trace;
	json_t *events;
	size_t n;
	enum fault fault;

	if (!id_parse(slice_str(request->params[0]), &trace))
		return fault_set(why, FAULT_NOT_FOUND, "no such trace");
	fault = timeline_read(request->stack, id_print(&trace).text, request->arena, &rows, &n, why);
	if (fault)
		return fault;
	events = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(events, row_json(&rows[i]));
	reply->json = json_pack("{s:s,s:o}", "trace", id_print(&trace).text, "events", events);
	return FAULT_NONE;
}
