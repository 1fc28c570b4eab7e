/* When to try again (retry.h). */
#include "retry.h"

#include "base/rand.h"

#define WAIT_MAX_MS (INT64_C(30) * 86400000)

static bool parse_wait(struct slice text, int64_t *ret)
{
	static const struct {
		uint8_t name;
		int64_t factor;
	} units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 } };
	uint64_t number;

	if (text.len < 2 || !slice_u64(slice_first(text, text.len - 1), 1000000, &number) || !number)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (units[i].name != text.data[text.len - 1])
			continue;
		*ret = (int64_t)number * units[i].factor;
		return *ret <= WAIT_MAX_MS;
	}
	return false;
}

enum fault retry_parse(const struct conf_list *list, struct retry *ret, struct why *why)
{
	struct retry retry = { .n = list->n };

	if (list->n == 0 || list->n > RETRY_WAITS_MAX)
		return fault_set(why, FAULT_CONFIG, "retry: %zu waits, where 1 to %d may be", list->n,
		                 RETRY_WAITS_MAX);
	for (size_t i = 0; i < list->n; i++) {
		if (!parse_wait(slice_str(list->items[i]), &retry.waits[i]))
			return fault_set(why, FAULT_CONFIG,
			                 "retry: \"%s\" is not a time such as 90s, 5m or 1h", list->items[i]);
	}
	*ret = retry;
	return FAULT_NONE;
}

int64_t retry_due(const struct retry *retry, uint32_t attempts, int64_t now, int64_t expires)
{
	size_t at = attempts ? MIN_OF((size_t)attempts - 1, retry->n - 1) : 0;
	int64_t due = now + rand_jitter(retry->waits[at]);

	return expires > now && due > expires ? expires : due;
}
