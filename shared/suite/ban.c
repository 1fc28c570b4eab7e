/* Bans as they are in the store (ban.h): settings named "~ban:" and whom they are about, which end by themselves. */
#include "suite/ban.h"

#include "base/clock.h"
#include "base/network.h"
#include "base/utf8.h"
#include "store/record.h"
#include "suite/directory_internal.h"
#include "suite/json.h"
#include "suite/nudge.h"

#define PREFIX      "~ban:" /* behind all other settings: a page of them holds nothing else */
#define SUBJECT_MAX 320
#define REASON_MAX  200

static bool is_text(struct slice text, size_t max)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < 0x20 || text.data[i] == 0x7f)
			return false;
	return text.len && text.len <= max && utf8_valid(text);
}

/* A network as it is written, but for case; a login name in the one way in which accounts have it. */
static enum fault key_of(struct slice subject, struct arena *arena, struct slice *ret, struct why *why)
{
	struct network network;
	struct slice name = subject;
	char *key;

	if (!network_parse(subject, &network) &&
	    (!is_text(subject, SUBJECT_MAX) || directory_key(arena, subject, &name, why)))
		return fault_set(why, FAULT_INPUT,
		                 "a ban is of an address, a network (192.0.2.0/24) or a login name");
	key = arena_printf(arena, PREFIX "%.*s", SLICE_FMT(name));
	for (char *c = key; *c; c++)
		*c = (char)((*c >= 'A' && *c <= 'Z') ? *c | 0x20 : *c);
	*ret = slice_str(key);
	return FAULT_NONE;
}

enum fault ban_put(struct stack *stack, const struct change_by *by, const struct ban *ban, struct why *why)
{
	struct arena *arena = arena_new();
	struct record record = { .version = RECORD_ANY, .expires = ban->until };
	enum fault fault = key_of(slice_str(ban->subject), arena, &record.key, why);

	if (!fault && !is_text(slice_str(ban->reason), REASON_MAX))
		fault = fault_set(why, FAULT_INPUT, "a ban has a reason of up to %d bytes", REASON_MAX);
	if (!fault) {
		record.value =
		    json_write(json_pack("{s:s,s:s,s:b,s:I}", "reason", ban->reason, "by", ban->by,
		                         "automatic", ban->automatic, "since", (json_int_t)ban->since),
		               arena);
		fault = record_put(stack->store, &actor_admin, COLL_SETTINGS, &record, why);
	}
	if (!fault)
		fault = audit_add(stack, by, "ban.add", ban->subject, NULL, ban->reason, why);
	if (!fault)
		nudge_settings(stack);
	arena_free(arena);
	return fault;
}

enum fault ban_lift(struct stack *stack, const struct change_by *by, struct slice subject, struct why *why)
{
	struct arena *arena = arena_new();
	struct slice key;
	enum fault fault = key_of(subject, arena, &key, why);

	if (!fault)
		fault = record_del(stack->store, &actor_admin, COLL_SETTINGS, key, RECORD_ANY, why);
	if (fault == FAULT_NOT_FOUND)
		fault = fault_set(why, fault, "there is no ban of %.*s", SLICE_FMT(subject));
	if (!fault)
		fault = audit_add(stack, by, "ban.lift", arena_strz(arena, subject), NULL, "", why);
	if (!fault)
		nudge_settings(stack);
	arena_free(arena);
	return fault;
}

static enum fault ban_read(const struct record *record, struct arena *arena, struct ban *ret, struct why *why)
{
	json_t *json;
	enum fault fault = json_read(record->value, "a ban", &json, why);

	if (fault)
		return fault;
	*ret = (struct ban){
		.subject = arena_strz(arena, slice_from(record->key, sizeof(PREFIX) - 1)),
		.reason = json_get_str(json, "reason", arena),
		.by = json_get_str(json, "by", arena),
		.automatic = json_get_bool(json, "automatic"),
		.since = json_get_int(json, "since"),
		.until = record->expires,
	};
	json_decref(json);
	return FAULT_NONE;
}

enum fault ban_list(struct stack *stack, struct slice after, size_t limit, struct arena *arena,
                    struct ban **ret, size_t *ret_n, struct why *why)
{
	const struct record_query query = {
		.collection = COLL_SETTINGS,
		.index = -1,
		.after_key = slice_str(arena_printf(arena, PREFIX "%.*s", SLICE_FMT(after))),
		.limit = limit,
	};
	struct record *records;
	size_t n, n_bans = 0;
	enum fault fault = record_find(stack->store, &actor_admin, &query, arena, &records, &n, why);
	struct ban *bans;

	if (fault)
		return fault;
	bans = arena_array(arena, struct ban, n);
	while (n_bans < n && slice_starts(records[n_bans].key, PREFIX)) {
		fault = ban_read(&records[n_bans], arena, &bans[n_bans], why);
		if (fault)
			return fault;
		n_bans++;
	}
	*ret = bans;
	*ret_n = n_bans;
	return FAULT_NONE;
}
