/* /v1/domains */
#include "api.h"

static json_t *selector_json(const struct domain *domain, const struct dkim_selector *selector,
                             struct arena *arena)
{
	const char *record = arena_printf(arena, "%s._domainkey.%s", selector->selector, domain->name);

	return json_pack("{s:s,s:s,s:b,s:s,s:s,s:o}", "selector", selector->selector, "algorithm",
	                 selector->algorithm == DKIM_ED25519_SHA256 ? "ed25519-sha256" : "rsa-sha256",
	                 "active", (int)selector->active, "dns_name", record, "dns_txt", selector->public_txt,
	                 "created", api_time(selector->created));
}

static json_t *domain_json(const struct domain *domain, struct arena *arena)
{
	json_t *selectors = json_array();

	for (size_t i = 0; i < domain->n_selectors; i++)
		json_array_append_new(selectors, selector_json(domain, &domain->selectors[i], arena));
	return json_pack("{s:s,s:s?,s:o,s:o}", "name", domain->name, "catch_all", domain->catch_all, "dkim",
	                 selectors, "created", api_time(domain->created));
}

enum fault api_domains_list(struct api_request *request, struct api_reply *reply, struct why *why)
{
	struct domain *domains;
	json_t *items;
	struct slice after;
	size_t limit, n;
	enum fault fault = api_page(request, &limit, &after, why);

	if (!fault)
		fault = domain_list(request->stack, after, limit, request->arena, &domains, &n, why);
	if (fault)
		return fault;
	items = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(items, domain_json(&domains[i], request->arena));
	reply->json = api_list(items, n == limit ? domains[n - 1].name : NULL);
	return FAULT_NONE;
}

enum fault api_domains_create(struct api_request *request, struct api_reply *reply, struct why *why)
{
	static const char *const known[] = { "name", NULL };
	const char *name = NULL;
	struct domain domain;
	enum fault fault = api_only(request, known, why);

	if (!fault)
		fault = api_str(request, "name", true, &name, why);
	if (!fault)
		fault = domain_create(request->stack, &request->by, slice_str(name), request->arena, &domain,
		                      why);
	if (fault)
		return fault;
	reply->status = 201;
	reply->json = domain_json(&domain, request->arena);
	return FAULT_NONE;
}

static enum fault get(struct api_request *request, struct domain *ret, struct why *why)
{
	enum fault fault =
	    domain_get(request->stack, slice_str(request->params[0]), request->arena, ret, why);

	return fault == FAULT_NOT_FOUND ? fault_set(why, fault, "no such domain") : fault;
}

enum fault api_domain_get(struct api_request *request, struct api_reply *reply, struct why *why)
{
	struct domain domain;
	enum fault fault = get(request, &domain, why);

	if (!fault)
		reply->json = domain_json(&domain, request->arena);
	return fault;
}

static enum fault read_catch_all(struct api_request *request, struct domain *domain, struct why *why)
{
	const json_t *field = json_object_get(request->body, "catch_all");
	struct address_row there;
	enum found_as found;
	struct slice text, local;

	if (!field)
		return FAULT_NONE;
	if (json_is_null(field)) {
		domain->catch_all = NULL;
		return FAULT_NONE;
	}
	if (!json_is_string(field))
		return fault_set(why, FAULT_INPUT, "\"catch_all\" is an address, or null");
	domain->catch_all = json_string_value(field);
	text = slice_str(domain->catch_all);
	if (slice_chr(text, '@') <= 0)
		return fault_set(why, FAULT_INPUT, "\"catch_all\" is an address, or null");
	slice_cut(&text, '@', &local);
	if (address_find(request->stack, local, text, request->arena, &found, &there, why) ||
	    found == FOUND_NOBODY || found == FOUND_NOT_LOCAL)
		return fault_set(why, FAULT_INPUT, "\"catch_all\" must be an address that is here");
	return FAULT_NONE;
}

enum fault api_domain_change(struct api_request *request, struct api_reply *reply, struct why *why)
{
	static const char *const known[] = { "catch_all", NULL };
	struct domain domain;
	enum fault fault = api_only(request, known, why);

	if (!fault)
		fault = get(request, &domain, why);
	if (!fault)
		fault = read_catch_all(request, &domain, why);
	if (!fault)
		fault = domain_put(request->stack, &request->by, &domain, why);
	if (!fault)
		reply->json = domain_json(&domain, request->arena);
	return fault;
}

enum fault api_domain_delete(struct api_request *request, struct api_reply *reply, struct why *why)
{
	enum fault fault = domain_delete(request->stack, &request->by, slice_str(request->params[0]), why);

	(void)reply;
	return fault == FAULT_NOT_FOUND ? fault_set(why, fault, "no such domain") : fault;
}

static bool selector_is_good(const char *selector)
{
	size_t len = strlen(selector);

	return len > 0 && len <= 63 && strspn(selector, "abcdefghijklmnopqrstuvwxyz0123456789-") == len &&
	       selector[0] != '-' && selector[len - 1] != '-';
}

enum fault api_domain_add_key(struct api_request *request, struct api_reply *reply, struct why *why)
{
	static const char *const known[] = { "selector", "algorithm", NULL };
	const char *selector = NULL, *algorithm = NULL;
	struct domain domain;
	enum fault fault = api_only(request, known, why);

	if (!fault)
		fault = api_str(request, "selector", true, &selector, why);
	if (!fault)
		fault = api_str(request, "algorithm", true, &algorithm, why);
	if (!fault && !selector_is_good(selector))
		fault = fault_set(why, FAULT_INPUT, "a selector is 1 to 63 letters, digits and hyphens");
	if (!fault && strcmp(algorithm, "rsa-sha256") && strcmp(algorithm, "ed25519-sha256"))
		fault = fault_set(why, FAULT_INPUT, "\"algorithm\" is rsa-sha256 or ed25519-sha256");
	if (!fault)
		fault = get(request, &domain, why);
	if (!fault)
		fault = domain_add_selector(request->stack, request->arena, &domain, selector,
		                            algorithm[0] == 'e' ? DKIM_ED25519_SHA256 : DKIM_RSA_SHA256, why);
	if (!fault)
		fault = domain_put(request->stack, &request->by, &domain, why);
	if (fault)
		return fault;
	reply->status = 201;
	reply->json = domain_json(&domain, request->arena);
	return FAULT_NONE;
}
