/* Who may do what (access.h). */
#include "store/access.h"

#include <assert.h>

#include "store/schema.h"

#define KINDS 6

static const char *const kind_names[KINDS] = {
	[ACTOR_SYSTEM] = "system",     [ACTOR_ADMIN] = "admin", [ACTOR_OWNER] = "owner",
	[ACTOR_DELIVERY] = "delivery", [ACTOR_QUEUE] = "queue", [ACTOR_GUEST] = "guest",
};

#define NO      ACCESS_NONE
#define OWN     ACCESS_OWN
#define GRANTED ACCESS_GRANTED
#define ALL     ACCESS_ALL

/* { read, write } for SYSTEM, ADMIN, OWNER, DELIVERY, QUEUE, GUEST. Content is never the administrator's, and delivery
 * only ever puts it. */
static const uint8_t records[COLL_COUNT][KINDS][2] = {
	/* clang-format off */
	[COLL_SETTINGS]	 = { { ALL, ALL }, { ALL, ALL }, { ALL, NO  }, { ALL, NO  }, { ALL, NO  }, { NO,  NO  } },
	[COLL_DOMAINS]	 = { { ALL, ALL }, { ALL, ALL }, { ALL, NO  }, { ALL, NO  }, { ALL, NO  }, { NO,  NO  } },
	[COLL_ACCOUNTS]	 = { { ALL, ALL }, { ALL, ALL }, { OWN, OWN }, { ALL, NO  }, { ALL, NO  }, { NO,  NO  } },
	[COLL_ADDRESSES] = { { ALL, ALL }, { ALL, ALL }, { OWN, NO  }, { ALL, NO  }, { ALL, NO  }, { NO,  NO  } },
	[COLL_TOKENS]	 = { { ALL, ALL }, { ALL, ALL }, { OWN, OWN }, { NO,  NO  }, { NO,  NO  }, { NO,  NO  } },
	[COLL_AUDIT]	 = { { ALL, ALL }, { ALL, ALL }, { OWN, OWN }, { NO,  OWN }, { NO,  OWN }, { NO,  NO  } },
	[COLL_CONTENTS]	 = { { ALL, ALL }, { NO,  NO  }, { OWN, OWN }, { NO,  OWN }, { ALL, ALL }, { GRANTED, GRANTED } },
	[COLL_GUESTS]	 = { { ALL, ALL }, { ALL, ALL }, { OWN, OWN }, { NO,  NO  }, { NO,  NO  }, { NO,  NO  } },
	[COLL_METADATA]	 = { { ALL, ALL }, { ALL, ALL }, { OWN, OWN }, { NO,  NO  }, { NO,  NO  }, { NO,  NO  } },
	[COLL_URL_KEYS]	 = { { ALL, ALL }, { ALL, ALL }, { OWN, OWN }, { NO,  NO  }, { NO,  NO  }, { NO,  NO  } },
	[COLL_TIMELINE]	 = { { ALL, ALL }, { ALL, ALL }, { NO,  NO  }, { NO,  ALL }, { NO,  NO  }, { NO,  NO  } },
	/* clang-format on */
};

static const uint8_t acts[ACT_COUNT][KINDS] = {
	/* clang-format off */
	/*			 SYSTEM ADMIN OWNER DELIVERY QUEUE GUEST */
	[ACT_MAILBOX_NAME]   = { ALL,	ALL,  OWN,  NO,	     NO,   GRANTED },
	[ACT_MAILBOX_SHARE]  = { ALL,	ALL,  OWN,  NO,	     NO,   GRANTED },
	[ACT_MAILBOX_SHARED] = { NO,	NO,   NO,   NO,	     NO,   ALL },
	[ACT_MAILBOX_UNSHARE] = { ALL,	ALL,  NO,   NO,	     NO,   NO },
	[ACT_MAILBOX_LIST]   = { ALL,	ALL,  OWN,  OWN,     NO,   NO },
	[ACT_MAILBOX_APPEND] = { ALL,	NO,   OWN,  OWN,     NO,   GRANTED },
	[ACT_MAILBOX_CHANGE] = { ALL,	NO,   OWN,  NO,	     NO,   GRANTED },
	[ACT_MAILBOX_RECENT] = { ALL,	NO,   OWN,  NO,	     NO,   NO },
	[ACT_MAILBOX_READ]   = { ALL,	NO,   OWN,  OWN,     NO,   GRANTED },	/* delivery: to find its own tag again */
	[ACT_MAILBOX_FOLD]   = { ALL,	NO,   OWN,  OWN,     NO,   GRANTED },	/* delivery: a full log must not stop mail */
	[ACT_MAILBOX_MOVES]  = { ALL,	NO,   NO,   NO,	     NO,   NO },
	[ACT_QUEUE_PUT]	     = { ALL,	NO,   OWN,  ALL,     ALL,  NO },
	[ACT_QUEUE_WORK]     = { ALL,	NO,   NO,   NO,	     ALL,  NO },
	[ACT_QUEUE_OPERATE]  = { ALL,	ALL,  OWN,  NO,	     ALL,  NO },
	[ACT_QUEUE_SEE]	     = { ALL,	ALL,  OWN,  NO,	     ALL,  NO },
	/* clang-format on */
};

static const char *const act_names[ACT_COUNT] = {
	[ACT_MAILBOX_NAME] = "name mailboxes",      [ACT_MAILBOX_SHARE] = "share mailboxes",
	[ACT_MAILBOX_UNSHARE] = "take grants back", [ACT_MAILBOX_SHARED] = "look for shared mailboxes",
	[ACT_MAILBOX_LIST] = "list mailboxes",      [ACT_MAILBOX_APPEND] = "append",
	[ACT_MAILBOX_CHANGE] = "change messages",   [ACT_MAILBOX_RECENT] = "take \\Recent",
	[ACT_MAILBOX_READ] = "read mailboxes",      [ACT_MAILBOX_FOLD] = "fold",
	[ACT_MAILBOX_MOVES] = "look for moves",     [ACT_QUEUE_PUT] = "queue mail",
	[ACT_QUEUE_WORK] = "work on the queue",     [ACT_QUEUE_OPERATE] = "operate the queue",
	[ACT_QUEUE_SEE] = "look into the queue",
};

static enum access held(const struct actor *actor, uint8_t access)
{
	if ((access == OWN || access == GRANTED) && id_is_zero(&actor->account))
		return NO;
	return access == GRANTED && id_is_zero(&actor->guest) ? NO : (enum access)access;
}

enum access access_record(const struct actor *actor, enum collection collection, bool write)
{
	assert((unsigned)actor->kind < KINDS && (unsigned)collection < COLL_COUNT);
	return held(actor, records[collection][actor->kind][write]);
}

enum access access_act(const struct actor *actor, enum access_act act)
{
	assert((unsigned)actor->kind < KINDS && act < ACT_COUNT);
	return held(actor, acts[act][actor->kind]);
}

enum fault access_check_record(const struct actor *actor, enum collection collection, bool write,
                               struct why *why)
{
	if (access_record(actor, collection, write) != NO)
		return FAULT_NONE;
	return fault_set(why, FAULT_DENIED, "actor %s%s may not %s %s", kind_names[actor->kind],
	                 id_is_zero(&actor->account) ? " without an account" : "", write ? "write" : "read",
	                 schema_collections[collection].name);
}

enum fault access_check_act(const struct actor *actor, enum access_act act, struct why *why)
{
	if (access_act(actor, act) != NO)
		return FAULT_NONE;
	return fault_set(why, FAULT_DENIED, "actor %s%s may not %s", kind_names[actor->kind],
	                 id_is_zero(&actor->account) ? " without an account" : "", act_names[act]);
}

struct actor access_with(const struct actor *actor, uint32_t rights)
{
	struct actor with = *actor;

	if (actor->kind == ACTOR_GUEST)
		with.needs = rights;
	return with;
}

struct actor access_inside(const struct actor *actor)
{
	return actor->kind == ACTOR_GUEST ? (struct actor){ .kind = ACTOR_OWNER, .account = actor->account }
	                                  : *actor;
}

bool access_names(const struct record *record, const struct id *account)
{
	for (size_t at = 0; at + sizeof(account->raw) <= record->accounts.len; at += sizeof(account->raw))
		if (memcmp(record->accounts.data + at, account->raw, sizeof(account->raw)) == 0)
			return true;
	return false;
}

const struct id *wall_record(const struct actor *actor, enum collection collection, bool write)
{
	return access_record(actor, collection, write) == ALL ? NULL : &actor->account;
}

/* The acts were checked above; here only whose rows remain. A kind that may touch everybody's passes a zero account. */
static const struct id *wall(const struct actor *actor)
{
	return id_is_zero(&actor->account) ? NULL : &actor->account;
}

const struct id *wall_mailbox(const struct actor *actor)
{
	assert(actor->kind != ACTOR_QUEUE);
	assert((actor->kind != ACTOR_OWNER && actor->kind != ACTOR_DELIVERY && actor->kind != ACTOR_GUEST) ||
	       !id_is_zero(&actor->account));
	return wall(actor);
}

uint32_t wall_rights(const struct actor *actor)
{
	assert(actor->kind != ACTOR_GUEST || actor->needs);
	return actor->kind == ACTOR_GUEST ? actor->needs : 0;
}

const struct id *wall_queue(const struct actor *actor)
{
	assert(actor->kind != ACTOR_OWNER || !id_is_zero(&actor->account));
	assert(actor->kind != ACTOR_GUEST);
	return wall(actor);
}
