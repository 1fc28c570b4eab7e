/* HTTPS in front of the route table (http.h). */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/metrics.h"
#include "certificate.h"
#include "conf.h"

#define IDLE_S      30
#define CONNECTIONS 256
#define PER_IP      64
#define URL_MAX_LEN 1024

struct http {
	struct MHD_Daemon *mhd;
	struct daemon *daemon;
	struct certificate *certificate;
	size_t request_max;
};

struct call { /* one request, from its first byte to its answer */
	struct arena *arena;
	struct buf body;
	const char *ip;
};

static struct metric metric_good = { .kind = METRIC_COUNTER,
	                             .name = "posthouse_admin_requests_total",
	                             .labels = "result=\"good\"",
	                             .help = "API requests" };
static struct metric metric_bad = { .kind = METRIC_COUNTER,
	                            .name = "posthouse_admin_requests_total",
	                            .labels = "result=\"error\"",
	                            .help = "API requests" };

/* GnuTLS asks here at each handshake; it has no argument for us, so the one certificate is the process's. */
static struct certificate *the_certificate;

static int on_certificate(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                          gnutls_pcert_st **chain, unsigned *n, gnutls_ocsp_data_st **ocsp, unsigned *n_ocsp,
                          gnutls_privkey_t *key, unsigned *flags)
{
	(void)session;
	(void)info;
	*ocsp = NULL;
	*n_ocsp = 0;
	*flags = 0; /* what we give stays ours */
	return certificate_now(the_certificate, chain, n, key) ? 0 : -1;
}

/* ---- answers ---- */

static enum MHD_Result send_json(struct MHD_Connection *connection, unsigned status, const char *type,
                                 json_t *json, const char *extra, const char *extra_value)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	struct MHD_Response *response;
	enum MHD_Result result;

	json_decref(json);
	response = MHD_create_response_from_buffer(text ? strlen(text) : 0, text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	if (text)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(response, "Strict-Transport-Security", "max-age=31536000");
	if (extra)
		MHD_add_response_header(response, extra, extra_value);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	metric_inc(status < 400 ? &metric_good : &metric_bad);
	return result;
}

static enum MHD_Result send_problem(struct MHD_Connection *connection, unsigned status, const char *title,
                                    const char *detail, const char *extra, const char *extra_value)
{
	json_t *json = json_pack("{s:s,s:s,s:i,s:s}", "type", "about:blank", "title", title, "status",
	                         (int)status, "detail", detail);

	return send_json(connection, status, "application/problem+json", json, extra, extra_value);
}

/* The client's own errors are explained; ours are logged, and it reads the class alone. */
static enum MHD_Result send_fault(struct MHD_Connection *connection, enum fault fault, const struct why *why,
                                  const struct api_route *route)
{
	const struct fault_row *row = fault_row(fault);
	bool ours = row->http >= 500;

	if (ours)
		log_fault(NULL, fault, why, route->path);
	if (fault == FAULT_AUTH)
		return send_problem(connection, 401, row->text, why->text, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
		                    "Bearer realm=\"posthouse\"");
	return send_problem(connection, (unsigned)row->http, row->text, ours ? row->text : why->text, NULL,
	                    NULL);
}

/* ---- one request ---- */

static enum fault authenticate(struct api_request *request, struct principal *principal, struct why *why)
{
	const char *header =
	    MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
	enum fault fault;

	if (!header || !slice_istarts(slice_str(header), "Bearer "))
		return fault_set(why, FAULT_AUTH, "send a token: Authorization: Bearer ph_…");
	fault =
	    principal_find(request->stack, slice_trim(slice_str(header + 7)), request->arena, principal, why);
	if (fault)
		return fault;
	request->principal = principal;
	request->by.principal = principal->name;
	return FAULT_NONE;
}

static enum fault parse_body(struct api_request *request, const struct call *call, const char *method,
                             struct why *why)
{
	json_error_t error;

	if (strcmp(method, "GET") == 0 || strcmp(method, "DELETE") == 0)
		return FAULT_NONE;
	request->body =
	    json_loadb((const char *)call->body.data, call->body.len, JSON_REJECT_DUPLICATES, &error);
	if (!request->body)
		return fault_set(why, FAULT_INPUT, "the body is not JSON: %s", error.text);
	if (!json_is_object(request->body))
		return fault_set(why, FAULT_INPUT, "the body is not a JSON object");
	return FAULT_NONE;
}

static enum MHD_Result run_route(struct http *http, struct MHD_Connection *connection, struct call *call,
                                 const struct api_route *route, const char *params[API_PARAMS])
{
	struct api_request request = {
		.stack = http->daemon->stack,
		.arena = call->arena,
		.connection = connection,
		.by = { "nobody", call->ip },
	};
	struct api_reply reply = { .status = 200 };
	struct principal principal;
	struct why why = { "" };
	enum MHD_Result result;
	enum fault fault = FAULT_NONE;

	memcpy(request.params, params, sizeof(request.params));
	if (route->scope != SCOPE_OPEN)
		fault = authenticate(&request, &principal, &why);
	if (!fault)
		fault = parse_body(&request, call, route->method, &why);
	if (!fault)
		fault = route_allow(route, &request, &why);
	if (!fault)
		fault = route->handler(&request, &reply, &why);
	if (fault)
		result = send_fault(connection, fault, &why, route);
	else
		result = send_json(connection, reply.json ? reply.status : 204, "application/json",
		                   reply.json, NULL, NULL);
	json_decref(request.body);
	return result;
}

static enum MHD_Result dispatch(struct http *http, struct MHD_Connection *connection, struct call *call,
                                const char *method, const char *url)
{
	const char *params[API_PARAMS] = { NULL }, *allowed;
	const struct api_route *route;

	if (call->body.overflow)
		return send_problem(connection, 413, "Too large", "the body is larger than request_max", NULL,
		                    NULL);
	if (strlen(url) > URL_MAX_LEN)
		return send_problem(connection, 414, "Too long", "the path is too long", NULL, NULL);
	switch (route_match(method, url, call->arena, &route, params, &allowed)) {
	case ROUTE_FOUND:
		return run_route(http, connection, call, route, params);
	case ROUTE_NO_METHOD:
		return send_problem(connection, 405, "No such method", "this path has other methods",
		                    MHD_HTTP_HEADER_ALLOW, allowed);
	default:
		return send_problem(connection, 404, "No such path", "GET /openapi.json lists what there is",
		                    NULL, NULL);
	}
}

static const char *peer_ip(struct MHD_Connection *connection, struct arena *arena)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	char text[INET6_ADDRSTRLEN] = "unknown";

	if (info && info->client_addr->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)info->client_addr)->sin_addr,
		          text, sizeof(text));
	else if (info && info->client_addr->sa_family == AF_INET6)
		inet_ntop(AF_INET6,
		          &((const struct sockaddr_in6 *)(const void *)info->client_addr)->sin6_addr, text,
		          sizeof(text));
	return arena_strdup(arena, text);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
	struct http *http = arg;
	struct call *call = *state;

	(void)version;
	if (!call) { /* the header is there, the body follows */
		struct arena *arena = arena_new();

		call = arena_make(arena, struct call);
		call->arena = arena;
		call->ip = peer_ip(connection, arena);
		buf_init(&call->body, http->request_max);
		*state = call;
		return MHD_YES;
	}
	if (*upload_size) {
		buf_add(&call->body, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	return dispatch(http, connection, call, method, url);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
	struct call *call = *state;

	(void)arg;
	(void)connection;
	(void)code;
	if (!call)
		return;
	secret_wipe(call->body.data, call->body.len); /* passwords came in it */
	buf_done(&call->body);
	arena_free(call->arena);
	*state = NULL;
}

/* ---- the server ---- */

static bool parse_address(const char *address, struct sockaddr_in *ret)
{
	const char *colon = strrchr(address, ':');
	char ip[64];
	uint64_t port;

	if (!colon || (size_t)(colon - address) >= sizeof(ip) ||
	    !slice_u64(slice_str(colon + 1), UINT16_MAX, &port))
		return false;
	memcpy(ip, address, (size_t)(colon - address));
	ip[colon - address] = '\0';
	*ret = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	return strcmp(ip, "*") == 0 || inet_pton(AF_INET, ip, &ret->sin_addr) == 1;
}

static enum fault listen_fault(const char *address, struct why *why)
{
	if (errno == EACCES)
		return fault_set(why, FAULT_CONFIG,
		                 "listening on %s needs privilege (EACCES): choose a port above 1023",
		                 address);
	if (errno == EADDRINUSE)
		return fault_set(why, FAULT_CONFIG,
		                 "%s is in use by another program: stop it, or set admin.listen", address);
	return fault_errno(why, errno, "cannot listen on %s", address);
}

enum fault http_new(struct daemon *daemon, const char *listen, struct http **ret, uint16_t *ret_port,
                    struct why *why)
{
	const union MHD_DaemonInfo *info;
	struct http *http;
	struct sockaddr_in bind_to;
	enum fault fault;

	if (!parse_address(listen, &bind_to))
		return fault_set(why, FAULT_CONFIG, "admin.listen: \"%s\" is not like 127.0.0.1:8443",
		                 listen);
	http = xzalloc(sizeof(*http));
	http->daemon = daemon;
	http->request_max = (size_t)admin_conf.request_max;
	fault = certificate_new(daemon->suite->tls_cert, daemon->suite->tls_key, &http->certificate, why);
	if (fault) {
		free(http);
		return fault;
	}
	the_certificate = http->certificate;
	http->mhd = MHD_start_daemon(
	    MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_USE_TLS, 0, NULL, NULL, on_request, http,
	    MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&bind_to, MHD_OPTION_THREAD_POOL_SIZE,
	    (unsigned)admin_conf.threads, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
	    (unsigned)PER_IP, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
	    MHD_OPTION_HTTPS_CERT_CALLBACK2, on_certificate, MHD_OPTION_HTTPS_PRIORITIES,
	    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2", MHD_OPTION_END);
	if (!http->mhd) {
		fault = listen_fault(listen, why);
		http_free(http);
		return fault;
	}
	info = MHD_get_daemon_info(http->mhd, MHD_DAEMON_INFO_BIND_PORT);
	*ret_port = info ? info->port : ntohs(bind_to.sin_port);
	*ret = http;
	return FAULT_NONE;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	if (http->mhd)
		MHD_stop_daemon(http->mhd);
	certificate_free(http->certificate);
	free(http);
}
