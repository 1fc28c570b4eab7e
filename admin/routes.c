/* The route table: what there is, and who may. schemas/http/openapi.json describes the same; a test holds them together. */
#include "api.h"

const struct api_route api_routes[] = {
	/* clang-format off */
	{ "GET",    "/openapi.json",			RIGHT_READ,	   SCOPE_OPEN,		api_openapi_get },
	{ "GET",    "/v1/health",			RIGHT_SUITE_READ,  SCOPE_SUITE,		api_health_get },

	{ "GET",    "/v1/domains",			RIGHT_SUITE_READ,  SCOPE_SUITE,		api_domains_list },
	{ "POST",   "/v1/domains",			RIGHT_SUITE_WRITE, SCOPE_SUITE,		api_domains_create },
	{ "GET",    "/v1/domains/{domain}",		RIGHT_READ,	   SCOPE_DOMAIN_PARAM,	api_domain_get },
	{ "PATCH",  "/v1/domains/{domain}",		RIGHT_WRITE,	   SCOPE_DOMAIN_PARAM,	api_domain_change },
	{ "DELETE", "/v1/domains/{domain}",		RIGHT_SUITE_WRITE, SCOPE_SUITE,		api_domain_delete },
	{ "POST",   "/v1/domains/{domain}/dkim",	RIGHT_WRITE,	   SCOPE_DOMAIN_PARAM,	api_domain_add_key },

	{ "GET",    "/v1/accounts",			RIGHT_READ,	   SCOPE_DOMAIN_QUERY,	api_accounts_list },
	{ "POST",   "/v1/accounts",			RIGHT_WRITE,	   SCOPE_ADDRESS_BODY,	api_accounts_create },
	{ "GET",    "/v1/accounts/{address}",		RIGHT_READ,	   SCOPE_ADDRESS_PARAM, api_account_get },
	{ "PATCH",  "/v1/accounts/{address}",		RIGHT_WRITE,	   SCOPE_ADDRESS_PARAM, api_account_change },
	{ "DELETE", "/v1/accounts/{address}",		RIGHT_WRITE,	   SCOPE_ADDRESS_PARAM, api_account_delete },
	{ "PUT",    "/v1/accounts/{address}/password",	RIGHT_WRITE,	   SCOPE_ADDRESS_PARAM, api_account_password },
	{ "GET",    "/v1/accounts/{address}/shares",	RIGHT_READ,	   SCOPE_ADDRESS_PARAM, api_shares_list },
	{ "PUT",    "/v1/accounts/{address}/shares",	RIGHT_WRITE,	   SCOPE_ADDRESS_PARAM, api_share_put },

	{ "GET",    "/v1/aliases",			RIGHT_READ,	   SCOPE_DOMAIN_QUERY,	api_aliases_list },
	{ "GET",    "/v1/aliases/{address}",		RIGHT_READ,	   SCOPE_ADDRESS_PARAM, api_alias_get },
	{ "PUT",    "/v1/aliases/{address}",		RIGHT_WRITE,	   SCOPE_ADDRESS_PARAM, api_alias_put },
	{ "DELETE", "/v1/aliases/{address}",		RIGHT_WRITE,	   SCOPE_ADDRESS_PARAM, api_alias_delete },

	{ "GET",    "/v1/queue",			RIGHT_SUITE_READ,  SCOPE_SUITE,		api_queue_list },
	{ "GET",    "/v1/queue/{id}",			RIGHT_SUITE_READ,  SCOPE_SUITE,		api_queue_get },
	{ "PATCH",  "/v1/queue/{id}",			RIGHT_SUITE_WRITE, SCOPE_SUITE,		api_queue_change },
	{ "DELETE", "/v1/queue/{id}",			RIGHT_SUITE_WRITE, SCOPE_SUITE,		api_queue_delete },

	{ "GET",    "/v1/timeline/{trace}",		RIGHT_SUITE_READ,  SCOPE_SUITE,		api_timeline_get },

	{ "GET",    "/v1/search/index",			RIGHT_SUITE_READ,  SCOPE_SUITE,		api_search_index_get },

	{ "GET",    "/v1/tokens",			RIGHT_SUITE_READ,  SCOPE_SUITE,		api_tokens_list },
	{ "POST",   "/v1/tokens",			RIGHT_SUITE_WRITE, SCOPE_SUITE,		api_tokens_create },
	{ "DELETE", "/v1/tokens/{name}",		RIGHT_SUITE_WRITE, SCOPE_SUITE,		api_token_delete },

	{ "GET",    "/v1/bans",				RIGHT_SUITE_READ,  SCOPE_SUITE,		api_bans_list },
	{ "POST",   "/v1/bans",				RIGHT_SUITE_WRITE, SCOPE_SUITE,		api_bans_create },
	{ "DELETE", "/v1/bans",				RIGHT_SUITE_WRITE, SCOPE_SUITE,		api_ban_delete },

	{ "GET",    "/v1/audit",			RIGHT_READ,	   SCOPE_DOMAIN_QUERY,	api_audit_list },
	{ 0 },
	/* clang-format on */
};
