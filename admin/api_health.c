/* /v1/health, /openapi.json */
#include "api.h"
#include "openapi.h"
#include "store/queue.h"

static const char *state_of(enum fault fault)
{
	return fault ? "down" : "up";
}

enum fault api_health_get(struct api_request *request, struct api_reply *reply, struct why *why)
{
	const struct actor actor = { .kind = ACTOR_ADMIN };
	struct stack *stack = request->stack;
	enum fault store = store_ping(stack->store, why);
	enum fault blobs = stack->blobs->ops->ping(stack->blobs, why);
	bool bus = bus_is_up(stack->bus);
	int64_t due = 0;

	if (!store)
		store = queue_next_due(stack->store, &actor, &due, why);
	reply->json =
	    json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "status", store || blobs || !bus ? "degraded" : "good",
	              "version", POSTHOUSE_VERSION, "store", state_of(store), "blobs", state_of(blobs), "bus",
	              bus ? "up" : "down", "queue_next_due", api_time(due));
	return FAULT_NONE;
}

enum fault api_openapi_get(struct api_request *request, struct api_reply *reply, struct why *why)
{
	(void)request;
	reply->json = json_loads(openapi_text, 0, NULL);
	return reply->json ? FAULT_NONE
	                   : fault_set(why, FAULT_CORRUPT, "the built-in OpenAPI text does not parse");
}
