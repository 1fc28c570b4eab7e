/* /v1/queue: mail that waits to go out. Envelopes are opened for the operator; bodies never. */
#include "api.h"
#include "base/clock.h"
#include "suite/nudge.h"
#include "suite/outgoing.h"
#include "suite/timeline.h"

static const struct actor actor = { .kind = ACTOR_ADMIN };

static const char *state_of(const struct queue_entry *entry)
{
	if (entry->status == QUEUE_HELD)
		return "held";
	return entry->lease_until > clock_now() ? "sending" : "waiting";
}

static json_t *recipient_json(const struct outgoing_recipient *rcpt)
{
	static const char *const states[] = { "waiting", "delivered", "failed" };

	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:o}", "address", rcpt->address, "state", states[rcpt->state],
	                 "reply", rcpt->reply, "status", rcpt->status, "host", rcpt->host, "at",
	                 api_time(rcpt->at));
}

static json_t *entry_json(const struct queue_entry *entry, const struct envelope_out *envelope)
{
	json_t *json = json_pack(
	    "{s:s,s:s%,s:s,s:i,s:i,s:I,s:o,s:o}", "id", id_print(&entry->id).text, "domain",
	    entry->domain.data ? (const char *)entry->domain.data : "", (size_t)entry->domain.len, "state",
	    state_of(entry), "priority", (int)entry->priority, "attempts", (int)entry->attempts, "size",
	    (json_int_t)entry->size, "created", api_time(entry->created), "due", api_time(entry->due));
	json_t *recipients = json_array();

	if (envelope) {
		for (size_t i = 0; i < envelope->n; i++)
			json_array_append_new(recipients, recipient_json(&envelope->recipients[i]));
		json_object_set_new(json, "from", json_string(envelope->from));
		json_object_set_new(json, "trace", json_string(envelope->trace));
	} else {
		json_object_set_new(json, "from", json_null());
		json_object_set_new(json, "trace", json_null());
	}
	json_object_set_new(json, "recipients", recipients);
	return json;
}

/* An envelope that does not open is shown without its people: the entry itself can still be held or deleted. */
static json_t *open_entry(const struct api_request *request, const struct account_key *key,
                          const struct queue_entry *entry)
{
	struct envelope_out envelope;
	struct why why;
	bool opened = envelope_open(key, entry->state, request->arena, &envelope, &why) == FAULT_NONE;
	json_t *json = entry_json(entry, opened ? &envelope : NULL);

	if (opened)
		secret_wipe(&envelope.key, sizeof(envelope.key));
	return json;
}

enum fault api_queue_list(struct api_request *request, struct api_reply *reply, struct why *why)
{
	const char *domain = api_query(request, "domain"), *next = NULL;
	struct queue_query query = { .domain = slice_str(domain) };
	struct queue_entry *entries;
	struct account_key *key;
	struct slice after;
	json_t *items;
	size_t n;
	enum fault fault = api_page(request, &query.limit, &after, why);

	if (!fault && after.data && !id_parse(after, &query.after))
		fault = fault_set(why, FAULT_INPUT, "after is the \"next\" of the page before");
	if (!fault)
		fault = queue_list(request->stack->store, &actor, &query, request->arena, &entries, &n, why);
	if (!fault)
		fault = queue_private_key(request->stack, &key, why);
	if (fault)
		return fault;
	items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, open_entry(request, key, &entries[i]));
	account_key_unref(key);
	if (n == query.limit)
		next = arena_strdup(request->arena, id_print(&entries[n - 1].id).text);
	reply->json = api_list(items, next);
	return FAULT_NONE;
}

static enum fault get(struct api_request *request, struct queue_entry *ret, struct why *why)
{
	struct id id;
	enum fault fault;

	if (!id_parse(slice_str(request->params[0]), &id))
		return fault_set(why, FAULT_NOT_FOUND, "no such queue entry");
	fault = queue_get(request->stack->store, &actor, &id, request->arena, ret, why);
	return fault == FAULT_NOT_FOUND ? fault_set(why, fault, "no such queue entry") : fault;
}

static enum fault show(struct api_request *request, struct api_reply *reply, struct why *why)
{
	struct queue_entry entry;
	struct account_key *key;
	enum fault fault = get(request, &entry, why);

	if (!fault)
		fault = queue_private_key(request->stack, &key, why);
	if (fault)
		return fault;
	reply->json = open_entry(request, key, &entry);
	account_key_unref(key);
	return FAULT_NONE;
}

enum fault api_queue_get(struct api_request *request, struct api_reply *reply, struct why *why)
{
	return show(request, reply, why);
}

static enum fault busy(enum fault fault, struct why *why)
{
	return fault == FAULT_STALE ? fault_set(why, fault, "it is being sent at this moment; try again")
	                            : fault;
}

enum fault api_queue_change(struct api_request *request, struct api_reply *reply, struct why *why)
{
	static const char *const known[] = { "state", NULL };
	const char *state = NULL;
	struct queue_entry entry;
	enum fault fault = api_only(request, known, why);

	if (!fault)
		fault = api_str(request, "state", true, &state, why);
	if (!fault && strcmp(state, "held") && strcmp(state, "waiting"))
		fault = fault_set(why, FAULT_INPUT, "\"state\" is held, or waiting: to be tried now");
	if (!fault)
		fault = get(request, &entry, why);
	if (!fault)
		fault = busy(queue_set(request->stack->store, &actor, &entry.id, entry.fence,
		                       state[0] == 'h' ? QUEUE_HELD : QUEUE_WAITING, clock_now(), why),
		             why);
	if (!fault)
		fault = audit_add(request->stack, &request->by, "queue.change", request->params[0], NULL,
		                  state, why);
	if (!fault)
		fault = timeline_operated(request->stack, &entry,
		                          state[0] == 'h' ? TIMELINE_HELD : TIMELINE_RELEASED, why);
	if (fault)
		return fault;
	nudge_queue(request->stack, &entry.id);
	nudge_outbox(request->stack, &entry.account);
	return show(request, reply, why);
}

enum fault api_queue_delete(struct api_request *request, struct api_reply *reply, struct why *why)
{
	struct queue_entry entry;
	enum fault fault = get(request, &entry, why);

	(void)reply;
	if (!fault)
		fault = busy(queue_remove(request->stack->store, &actor, &entry.id, entry.fence, why), why);
	if (!fault)
		fault = audit_add(request->stack, &request->by, "queue.delete", request->params[0], NULL, "",
		                  why);
	if (!fault)
		fault = timeline_operated(request->stack, &entry, TIMELINE_DELETED, why);
	if (!fault)
		nudge_outbox(request->stack, &entry.account);
	return fault;
}
