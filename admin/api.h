#ifndef ADMIN_API_H
#define ADMIN_API_H
/*
 * The REST API from a handler's side. routes.c has the table: method, path, the right it takes and over which domain;
 * a handler runs only when the principal holds that right, on one of the HTTP threads, and may block.
 *
 * A handler fills the reply and returns FAULT_NONE, or returns a fault: that becomes application/problem+json with the
 * status of the faults table and, for the client's own errors, `why` as its detail.
 */
#include <jansson.h>

#include "suite/principal.h"
#include "suite/stack.h"

struct MHD_Connection;

#define API_PARAMS 2

struct api_request {
	struct stack *stack;
	struct arena *arena;
	struct MHD_Connection *connection;
	const struct principal *principal;
	struct change_by by;
	const char *params[API_PARAMS]; /* of the path, percent-decoded */
	json_t *body;                   /* object; NULL when there is none */
};

struct api_reply {
	unsigned status; /* 200 unless set */
	json_t *json;    /* given away; NULL: no body (204) */
};

typedef enum fault api_handler(struct api_request *, struct api_reply *, struct why *);

enum api_scope { /* over which domain the right must hold */
	         SCOPE_SUITE,
	         SCOPE_DOMAIN_PARAM,  /* params[0] is a domain */
	         SCOPE_ADDRESS_PARAM, /* params[0] is an address: its domain */
	         SCOPE_DOMAIN_QUERY,  /* ?domain=; without it the whole suite */
	         SCOPE_ADDRESS_BODY,  /* "address" of the body: its domain */
	         SCOPE_OPEN,          /* no token needed */
};

struct api_route {
	const char *method, *path; /* "/v1/accounts/{address}" */
	enum right right;
	enum api_scope scope;
	api_handler *handler;
};

extern const struct api_route api_routes[]; /* ended by method NULL */

/* ---- for handlers ---- */
const char *api_query(const struct api_request *, const char *name); /* NULL when absent */
/* ?limit= (1 to 200, default 50) and ?after=. INPUT. */
MUST_CHECK enum fault api_page(const struct api_request *, size_t *ret_limit, struct slice *ret_after,
                               struct why *);
/* {"items": […], "next": cursor or null}; `next` NULL: the last page. Takes `items` over. */
json_t *api_list(json_t *items, const char *next);
/* A field of the body. INPUT when it is missing (`required`) or of another type. *ret is untouched when absent. */
MUST_CHECK enum fault api_str(const struct api_request *, const char *name, bool required, const char **ret,
                              struct why *);
MUST_CHECK enum fault api_int(const struct api_request *, const char *name, int64_t min, int64_t max,
                              int64_t *ret, struct why *);
MUST_CHECK enum fault api_bool(const struct api_request *, const char *name, bool *ret, struct why *);
/* INPUT when the body has a field that is not among `known` (NULL-terminated). */
MUST_CHECK enum fault api_only(const struct api_request *, const char *const *known, struct why *);
/* The account whose address is params[0]. NOT_FOUND. */
MUST_CHECK enum fault api_account(struct api_request *, struct account *ret, struct why *);
json_t *api_time(int64_t ms); /* RFC 3339; null for 0 */

/* one file a kind of object */
api_handler api_domains_list, api_domains_create, api_domain_get, api_domain_change, api_domain_delete,
    api_domain_add_key;
api_handler api_accounts_list, api_accounts_create, api_account_get, api_account_change, api_account_delete,
    api_account_password;
api_handler api_shares_list, api_share_put;
api_handler api_aliases_list, api_alias_get, api_alias_put, api_alias_delete;
api_handler api_queue_list, api_queue_get, api_queue_change, api_queue_delete;
api_handler api_timeline_get;
api_handler api_search_index_get;
api_handler api_tokens_list, api_tokens_create, api_token_delete;
api_handler api_bans_list, api_bans_create, api_ban_delete;
api_handler api_audit_list, api_health_get, api_openapi_get;

#endif
