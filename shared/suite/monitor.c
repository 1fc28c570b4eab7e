/* The monitor port (monitor.h). */
#include "suite/monitor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/metrics.h"

#define PING_MS     1000
#define METRICS_MAX (1024 * 1024)

struct monitor {
	struct MHD_Daemon *http;
	struct stack *stack;
	int64_t pinged_at; /* the HTTP thread's own */
	bool ready;
	struct why why;
};

static bool is_ready(struct monitor *monitor)
{
	int64_t now = clock_mono_ms();

	if (!monitor->pinged_at || now - monitor->pinged_at > PING_MS) {
		monitor->ready = stack_ping(monitor->stack, &monitor->why) == FAULT_NONE;
		monitor->pinged_at = now;
	}
	return monitor->ready;
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              struct slice body)
{
	struct MHD_Response *response;
	enum MHD_Result result;

	response =
	    MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer_metrics(struct MHD_Connection *connection)
{
	enum MHD_Result result;
	struct buf out;

	buf_init(&out, METRICS_MAX);
	metrics_print(&out);
	result = answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4", buf_slice(&out));
	buf_done(&out);
	return result;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
	struct monitor *monitor = arg;

	(void)version;
	(void)upload;
	(void)upload_size;
	(void)state;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0)
		return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", SLICE("only GET\n"));
	if (strcmp(url, "/metrics") == 0)
		return answer_metrics(connection);
	if (strcmp(url, "/healthz") == 0)
		return answer(connection, MHD_HTTP_OK, "text/plain", SLICE("alive\n"));
	if (strcmp(url, "/readyz") == 0) {
		if (is_ready(monitor))
			return answer(connection, MHD_HTTP_OK, "text/plain", SLICE("ready\n"));
		return answer(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "text/plain",
		              slice_str(monitor->why.text));
	}
	return answer(connection, MHD_HTTP_NOT_FOUND, "text/plain", SLICE("/metrics /healthz /readyz\n"));
}

static bool parse_address(const char *address, struct sockaddr_in *ret)
{
	struct slice text = slice_str(address), host;
	char ip[INET_ADDRSTRLEN];
	uint64_t port;

	if (!slice_cut(&text, ':', &host) || host.len >= sizeof(ip) || !slice_u64(text, UINT16_MAX, &port))
		return false;
	memcpy(ip, host.data, host.len);
	ip[host.len] = '\0';
	*ret = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	return inet_pton(AF_INET, ip, &ret->sin_addr) == 1;
}

enum fault monitor_new(const char *address, struct stack *stack, struct monitor **ret, uint16_t *ret_port,
                       struct why *why)
{
	const union MHD_DaemonInfo *info;
	struct monitor *monitor;
	struct sockaddr_in bind_to;

	if (!parse_address(address, &bind_to))
		return fault_set(why, FAULT_CONFIG, "monitor: \"%s\" is not like 127.0.0.1:9100", address);
	monitor = xzalloc(sizeof(*monitor));
	monitor->stack = stack;
	monitor->http = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0, NULL, NULL,
	                                 on_request, monitor, MHD_OPTION_SOCK_ADDR,
	                                 (struct sockaddr *)&bind_to, MHD_OPTION_CONNECTION_TIMEOUT, 10u,
	                                 MHD_OPTION_CONNECTION_LIMIT, 16u, MHD_OPTION_END);
	if (!monitor->http) {
		free(monitor);
		return fault_set(why, FAULT_CONFIG,
		                 "the monitor cannot listen on %s: %s: choose another `monitor` address",
		                 address, strerror(errno));
	}
	info = MHD_get_daemon_info(monitor->http, MHD_DAEMON_INFO_BIND_PORT);
	*ret_port = info ? info->port : ntohs(bind_to.sin_port);
	*ret = monitor;
	return FAULT_NONE;
}

void monitor_free(struct monitor *monitor)
{
	if (!monitor)
		return;
	MHD_stop_daemon(monitor->http);
	free(monitor);
}
