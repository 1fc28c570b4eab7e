/* /v1/search/index: how far the signing of mail for searches is. */
#include "api.h"
#include "base/clock.h"
#include "suite/check.h"

static const char *const states[] = {
	[INDEX_NEVER] = "never",
	[INDEX_RUNNING] = "running",
	[INDEX_INTERRUPTED] = "interrupted",
	[INDEX_DONE] = "done",
};

enum fault api_search_index_get(struct api_request *request, struct api_reply *reply, struct why *why)
{
	struct index_note note;
	enum fault fault = index_note_get(request->stack, request->arena, &note, why);

	if (fault)
		return fault;
	reply->json = json_pack(
	    "{s:s,s:s?,s:o,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:I}", "state",
	    states[index_state_of(&note, clock_now())], "account", *note.login ? note.login : NULL, "started",
	    api_time(note.started), "heard", api_time(note.heard), "ended", api_time(note.ended), "messages",
	    (json_int_t)note.mailbox_messages, "done", (json_int_t)note.done, "signed",
	    (json_int_t)note.result.made, "failed", (json_int_t)note.result.failed, "accounts",
	    (json_int_t)note.result.accounts, "locked", (json_int_t)note.result.locked);
	return FAULT_NONE;
}
