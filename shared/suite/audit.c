/* The audit trail (directory.h): one row a change, keyed by time so that a walk is in order. */
#include "base/clock.h"
#include "store/record.h"
#include "suite/directory_internal.h"
#include "suite/json.h"

enum fault audit_add(struct stack *stack, const struct change_by *by, const char *action, const char *object,
                     const char *domain, const char *detail, struct why *why)
{
	static _Atomic uint16_t sequence; /* keeps the order of what one process does at one time */
	struct arena *arena;
	struct record record = { .version = RECORD_NEW };
	struct id unique = id_new();
	int64_t now = clock_now();
	enum fault fault;

	if (!by)
		return FAULT_NONE;
	arena = arena_new();
	record.key = slice_str(arena_printf(arena, "%016llx-%04x%.8s", (unsigned long long)now, sequence++,
	                                    id_print(&unique).text));
	if (domain && domain[0])
		record.index[0] = slice_str(domain);
	record.value = json_write(json_pack("{s:I,s:s,s:s,s:s,s:s,s:s}", "at", (json_int_t)now, "principal",
	                                    by->principal, "ip", by->ip, "action", action, "object", object,
	                                    "detail", detail),
	                          arena);
	fault = record_put(stack->store, &actor_admin, COLL_AUDIT, &record, why);
	arena_free(arena);
	return fault;
}

enum fault audit_list(struct stack *stack, struct slice domain, struct slice after, size_t limit,
                      struct arena *arena, struct audit_row **ret, size_t *ret_n, struct slice *ret_next,
                      struct why *why)
{
	const struct record_query query = {
		.collection = COLL_AUDIT,
		.index = domain.data ? 0 : -1,
		.equal = domain,
		.after_index = domain,
		.after_key = after,
		.limit = limit,
	};
	struct record *records;
	struct audit_row *rows;
	size_t n;
	enum fault fault = record_find(stack->store, &actor_admin, &query, arena, &records, &n, why);

	if (fault)
		return fault;
	rows = arena_array(arena, struct audit_row, n);
	for (size_t i = 0; i < n; i++) {
		json_t *json;

		fault = json_read(records[i].value, "an audit row", &json, why);
		if (fault)
			return fault;
		rows[i] = (struct audit_row){
			.at = json_get_int(json, "at"),
			.principal = json_get_str(json, "principal", arena),
			.ip = json_get_str(json, "ip", arena),
			.action = json_get_str(json, "action", arena),
			.object = json_get_str(json, "object", arena),
			.detail = json_get_str(json, "detail", arena),
		};
		json_decref(json);
	}
	*ret = rows;
	*ret_n = n;
	*ret_next = n ? records[n - 1].key : after;
	return FAULT_NONE;
}
