/* The collections (schema.h); schemas/store/ says the same for people and other tools. */
#include "store/schema.h"

const struct schema_collection schema_collections[COLL_COUNT] = {
	/* clang-format off */
	[COLL_SETTINGS]	 = { "settings" },
	[COLL_DOMAINS]	 = { "domains" },
	[COLL_ACCOUNTS]	 = { "accounts",  { { "domain" }, { "login", true } }, .has_accounts = true },
	[COLL_ADDRESSES] = { "addresses", { { "domain" }, { "account" } },     .has_accounts = true },
	[COLL_TOKENS]	 = { "tokens",	  { { "name", true } },		       .has_accounts = true },
	[COLL_AUDIT]	 = { "audit",	  { { "domain" } },		       .has_accounts = true },
	[COLL_CONTENTS]	 = { "contents",  .has_body = true,		       .has_accounts = true },
	[COLL_TIMELINE]	 = { "timeline" },
	[COLL_GUESTS]	 = { "guests",	  { { "account" }, { "mailbox" } },    .has_accounts = true },
	[COLL_METADATA]	 = { "metadata",  { { "account" }, { "mailbox" } },    .has_accounts = true },
	[COLL_URL_KEYS]	 = { "url_keys",  { { "account" }, { "mailbox" } },    .has_accounts = true },
	/* clang-format on */
};
