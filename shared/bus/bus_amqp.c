/*
 * The bus over RabbitMQ; all of librabbitmq is here. One thread owns the one
 * connection: a durable topic exchange "posthouse.events", and for what comes
 * in an exclusive queue of this process, bound once a subscribed topic.
 *
 * States of the thread
 *   away      connecting fails; waits with jitter, up to WAIT_MAX_MS
 *   up        publishes with confirms, at most WINDOW unconfirmed; reads what
 *             comes. Any fault of connection or channel ends it: what was not
 *             confirmed goes back to the front of the outgoing queue.
 *   blocked   up, but the broker asked publishers to wait (memory, disk): only reads
 *
 * Our own nudges were delivered when they were published; they come back marked
 * with our app_id and are skipped. Nothing here logs, and no text holds the URI.
 */
#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_ssl_socket.h>
#include <amqp_tcp_socket.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/secret.h"
#include "bus/backend.h"

#define EXCHANGE    "posthouse.events"
#define CHANNEL     1
#define WINDOW      256 /* unconfirmed at once: few and small enough that a send fits the socket's buffer */
#define BODY_MAX    4096
#define CONNECT_MS  3000
#define RPC_MS      5000
#define WAIT_MIN_MS 250
#define WAIT_MAX_MS 15000
#define SYSTEM_CA   "/etc/ssl/certs/ca-certificates.crt"

enum reading { READ_NOTHING, READ_HEADER, READ_BODY };

struct amqp {
	struct bus *bus;
	struct secret *uri; /* as amqp_parse_url() left it: `info` points into it */
	struct amqp_connection_info info;
	char *ca_file;
	int heartbeat_s;
	char instance[112]; /* node and a random part: the queue's name, and what marks our own */
	/* one connection's */
	amqp_connection_state_t conn;
	unsigned bound; /* BIT(topic) */
	bool broken, blocked;
	uint64_t next_tag;
	struct nudge unconfirmed[WINDOW]; /* a ring: tags first_tag to next_tag - 1 */
	bool confirmed[WINDOW];
	uint64_t first_tag;
	/* the delivery that is coming in */
	enum reading reading;
	bool skip;
	uint64_t body_left;
	struct buf body;
	/* for bus_free() while the thread hangs in a send */
	pthread_mutex_t fd_lock;
	int fd;
};

static struct timeval timeval_of_ms(int64_t ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}

/* Faults. */

static void set_broken(struct amqp *amqp, const char *doing, const char *reason)
{
	if (amqp->broken)
		return;
	amqp->broken = true;
	bus_set_why(amqp->bus, "amqp, %s: %s", doing, reason);
}

/* The broker's own words: "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN." */
static void set_broken_closed(struct amqp *amqp, const char *doing, const amqp_method_t *method)
{
	amqp_bytes_t text = amqp_empty_bytes;
	char reason[200];

	if (method->id == AMQP_CONNECTION_CLOSE_METHOD)
		text = ((amqp_connection_close_t *)method->decoded)->reply_text;
	else if (method->id == AMQP_CHANNEL_CLOSE_METHOD)
		text = ((amqp_channel_close_t *)method->decoded)->reply_text;
	snprintf(reason, sizeof(reason), "the broker closes: %.*s", (int)MIN_OF(text.len, (size_t)150),
	         (const char *)text.bytes);
	for (char *c = reason; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	set_broken(amqp, doing, reason);
}

static bool check_reply(struct amqp *amqp, const char *doing, amqp_rpc_reply_t reply)
{
	if (reply.reply_type == AMQP_RESPONSE_NORMAL)
		return true;
	if (reply.reply_type == AMQP_RESPONSE_SERVER_EXCEPTION)
		set_broken_closed(amqp, doing, &reply.reply);
	else
		set_broken(amqp, doing, amqp_error_string2(reply.library_error));
	return false;
}

static bool check_status(struct amqp *amqp, const char *doing, int status)
{
	if (status == AMQP_STATUS_OK)
		return true;
	set_broken(amqp, doing, amqp_error_string2(status));
	return false;
}

/* Connecting. */

static amqp_socket_t *new_tls_socket(struct amqp *amqp)
{
	amqp_socket_t *socket = amqp_ssl_socket_new(amqp->conn);
	const char *ca_file = amqp->ca_file ? amqp->ca_file : SYSTEM_CA;

	if (!socket)
		return NULL;
	amqp_ssl_socket_set_verify_peer(socket, 1);
	amqp_ssl_socket_set_verify_hostname(socket, 1);
	if (amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST) != AMQP_STATUS_OK)
		return NULL;
	if (amqp_ssl_socket_set_cacert(socket, ca_file) == AMQP_STATUS_OK)
		return socket;
	set_broken(amqp, "TLS", "the CA file cannot be read");
	return NULL;
}

static void set_fd(struct amqp *amqp, int fd)
{
	pthread_mutex_lock(&amqp->fd_lock);
	amqp->fd = fd;
	pthread_mutex_unlock(&amqp->fd_lock);
}

static bool open_socket(struct amqp *amqp)
{
	struct timeval timeout = timeval_of_ms(CONNECT_MS);
	unsigned dead_ms = (unsigned)amqp->heartbeat_s * 2000;
	amqp_socket_t *socket;
	int fd;

	socket = amqp->info.ssl ? new_tls_socket(amqp) : amqp_tcp_socket_new(amqp->conn);
	if (!socket) {
		set_broken(amqp, "connecting", "no socket");
		return false;
	}
	if (!check_status(amqp, "connecting",
	                  amqp_socket_open_noblock(socket, amqp->info.host, amqp->info.port, &timeout)))
		return false;
	fd = amqp_get_sockfd(amqp->conn);
	/* the library sends without a time-out of its own */
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof(dead_ms));
	set_fd(amqp, fd);
	return true;
}

static bool log_in(struct amqp *amqp)
{
	static const char *const can[] = { "connection.blocked", "authentication_failure_close",
		                           "consumer_cancel_notify" };
	amqp_table_entry_t abilities[ARRAY_LEN(can)], entries[2] = { 0 };
	amqp_table_t table = { ARRAY_LEN(entries), entries };
	const char *vhost = *amqp->info.vhost ? amqp->info.vhost : "/";

	for (size_t i = 0; i < ARRAY_LEN(can); i++) {
		abilities[i].key = amqp_cstring_bytes(can[i]);
		abilities[i].value.kind = AMQP_FIELD_KIND_BOOLEAN;
		abilities[i].value.value.boolean = 1;
	}
	entries[0].key = amqp_cstring_bytes("capabilities");
	entries[0].value.kind = AMQP_FIELD_KIND_TABLE;
	entries[0].value.value.table = (amqp_table_t){ ARRAY_LEN(can), abilities };
	entries[1].key = amqp_cstring_bytes("connection_name");
	entries[1].value.kind = AMQP_FIELD_KIND_UTF8;
	entries[1].value.value.bytes = amqp_cstring_bytes(amqp->bus->node);
	return check_reply(amqp, "login",
	                   amqp_login_with_properties(amqp->conn, vhost, CHANNEL, AMQP_DEFAULT_FRAME_SIZE,
	                                              amqp->heartbeat_s, &table, AMQP_SASL_METHOD_PLAIN,
	                                              amqp->info.user, amqp->info.password));
}

/* The broker, too, keeps no more than we would: it drops the oldest. */
static bool declare_queue(struct amqp *amqp)
{
	amqp_table_entry_t limit = { .key = amqp_cstring_bytes("x-max-length"),
		                     .value = { .kind = AMQP_FIELD_KIND_I32,
		                                .value.i32 = (int32_t)MIN_OF(amqp->bus->outgoing.max,
		                                                             (size_t)INT32_MAX) } };
	amqp_table_t arguments = { 1, &limit };
	amqp_bytes_t queue = amqp_cstring_bytes(amqp->instance);

	amqp_queue_declare(amqp->conn, CHANNEL, queue, 0, 0, 1, 1, arguments);
	if (!check_reply(amqp, "declaring the queue", amqp_get_rpc_reply(amqp->conn)))
		return false;
	amqp_basic_consume(amqp->conn, CHANNEL, queue, amqp_empty_bytes, 0, 1, 1, amqp_empty_table);
	return check_reply(amqp, "consuming", amqp_get_rpc_reply(amqp->conn));
}

static bool open_channel(struct amqp *amqp)
{
	struct timeval timeout = timeval_of_ms(RPC_MS);

	amqp_set_rpc_timeout(amqp->conn, &timeout);
	amqp_channel_open(amqp->conn, CHANNEL);
	if (!check_reply(amqp, "opening the channel", amqp_get_rpc_reply(amqp->conn)))
		return false;
	amqp_confirm_select(amqp->conn, CHANNEL);
	if (!check_reply(amqp, "asking for confirms", amqp_get_rpc_reply(amqp->conn)))
		return false;
	amqp_exchange_declare(amqp->conn, CHANNEL, amqp_cstring_bytes(EXCHANGE), amqp_cstring_bytes("topic"),
	                      0, 1, 0, 0, amqp_empty_table);
	return check_reply(amqp, "declaring the exchange", amqp_get_rpc_reply(amqp->conn)) &&
	       declare_queue(amqp);
}

/* What was subscribed since the last look. */
static bool bind_topics(struct amqp *amqp)
{
	unsigned missing = atomic_load(&amqp->bus->wanted) & ~amqp->bound;

	for (enum topic topic = 0; topic < TOPIC_COUNT; topic++) {
		if (!(missing & BIT(topic)))
			continue;
		amqp_queue_bind(amqp->conn, CHANNEL, amqp_cstring_bytes(amqp->instance),
		                amqp_cstring_bytes(EXCHANGE), amqp_cstring_bytes(topic_name(topic)),
		                amqp_empty_table);
		if (!check_reply(amqp, "binding a topic", amqp_get_rpc_reply(amqp->conn)))
			return false;
		amqp->bound |= BIT(topic);
	}
	return true;
}

static bool connect_broker(struct amqp *amqp)
{
	struct timeval timeout = timeval_of_ms(RPC_MS);
	uint64_t random;

	/* a queue of its own each time: the broker may still hold the one of a connection that broke */
	rand_bytes(&random, sizeof(random));
	snprintf(amqp->instance, sizeof(amqp->instance), "posthouse.%s.%016llx", amqp->bus->node,
	         (unsigned long long)random);
	amqp->broken = amqp->blocked = false;
	amqp->bound = 0;
	amqp->first_tag = amqp->next_tag = 1;
	amqp->reading = READ_NOTHING;
	amqp->conn = amqp_new_connection();
	if (!amqp->conn) {
		set_broken(amqp, "connecting", "no memory");
		return false;
	}
	amqp_set_handshake_timeout(amqp->conn, &timeout);
	return open_socket(amqp) && log_in(amqp) && open_channel(amqp) && bind_topics(amqp);
}

/* An orderly end where the connection still stands, and no wait for it where it does not. */
static void disconnect(struct amqp *amqp)
{
	struct timeval timeout = timeval_of_ms(500);

	if (!amqp->conn)
		return;
	if (!amqp->broken) {
		amqp_set_rpc_timeout(amqp->conn, &timeout);
		amqp_connection_close(amqp->conn, AMQP_REPLY_SUCCESS);
	}
	set_fd(amqp, -1);
	amqp_destroy_connection(amqp->conn);
	amqp->conn = NULL;
}

/* Publishing. */

static bool publish_one(struct amqp *amqp, const struct nudge *nudge, struct buf *body)
{
	amqp_basic_properties_t properties = {
		._flags =
		    AMQP_BASIC_APP_ID_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_CONTENT_TYPE_FLAG,
		.app_id = amqp_cstring_bytes(amqp->instance),
		.delivery_mode = AMQP_DELIVERY_NONPERSISTENT,
		.content_type = amqp_cstring_bytes("application/json"),
	};
	amqp_bytes_t bytes;

	buf_clear(body);
	if (!nudge_print(nudge, body))
		return true; /* bus_publish() took none like that */
	bytes = (amqp_bytes_t){ body->len, body->data };
	if (!check_status(amqp, "publishing",
	                  amqp_basic_publish(amqp->conn, CHANNEL, amqp_cstring_bytes(EXCHANGE),
	                                     amqp_cstring_bytes(topic_name(nudge->topic)), 0, 0, &properties,
	                                     bytes)))
		return false;
	amqp->unconfirmed[amqp->next_tag % WINDOW] = *nudge;
	amqp->confirmed[amqp->next_tag % WINDOW] = false;
	amqp->next_tag++;
	metric_inc(&bus_sent);
	return true;
}

static void publish(struct amqp *amqp)
{
	struct nudge nudge;
	struct buf body;

	buf_init(&body, BODY_MAX);
	while (!amqp->broken && !amqp->blocked && amqp->next_tag - amqp->first_tag < WINDOW &&
	       bus_take_outgoing(amqp->bus, &nudge)) {
		if (!publish_one(amqp, &nudge, &body))
			bus_return_outgoing(amqp->bus, &nudge);
	}
	buf_done(&body);
}

static void take_confirm(struct amqp *amqp, uint64_t tag, bool multiple)
{
	if (tag < amqp->first_tag || tag >= amqp->next_tag)
		return;
	for (uint64_t at = multiple ? amqp->first_tag : tag; at <= tag; at++)
		amqp->confirmed[at % WINDOW] = true;
	while (amqp->first_tag < amqp->next_tag && amqp->confirmed[amqp->first_tag % WINDOW])
		amqp->first_tag++;
}

static void return_unconfirmed(struct amqp *amqp)
{
	while (amqp->next_tag > amqp->first_tag) {
		amqp->next_tag--;
		if (!amqp->confirmed[amqp->next_tag % WINDOW])
			bus_return_outgoing(amqp->bus, &amqp->unconfirmed[amqp->next_tag % WINDOW]);
	}
}

/* Reading. */

static void take_header(struct amqp *amqp, const amqp_frame_t *frame)
{
	const amqp_basic_properties_t *properties = frame->payload.properties.decoded;
	struct slice from = { NULL, 0 };

	if (properties->_flags & AMQP_BASIC_APP_ID_FLAG)
		from = slice_of(properties->app_id.bytes, properties->app_id.len);
	amqp->body_left = frame->payload.properties.body_size;
	amqp->skip = slice_eq(from, slice_str(amqp->instance));
	amqp->reading = READ_BODY;
	buf_clear(&amqp->body);
}

static void take_body(struct amqp *amqp, const amqp_frame_t *frame)
{
	amqp_bytes_t part = frame->payload.body_fragment;

	buf_add(&amqp->body, part.bytes,
	        part.len); /* past its limit it is no nudge, and nudge_parse() says so */
	amqp->body_left -= MIN_OF((uint64_t)part.len, amqp->body_left);
}

static void finish_body(struct amqp *amqp)
{
	if (amqp->reading != READ_BODY || amqp->body_left)
		return;
	amqp->reading = READ_NOTHING;
	if (!amqp->skip)
		bus_deliver_text(amqp->bus, amqp->body.overflow ? slice_of(NULL, 0) : buf_slice(&amqp->body));
}

static void set_blocked(struct amqp *amqp, bool blocked)
{
	amqp->blocked = blocked;
	metric_set(&bus_blocked, blocked);
}

static void take_method(struct amqp *amqp, const amqp_method_t *method)
{
	switch (method->id) {
	case AMQP_BASIC_DELIVER_METHOD:
		amqp->reading = READ_HEADER;
		break;
	case AMQP_BASIC_ACK_METHOD: {
		const amqp_basic_ack_t *ack = method->decoded;

		take_confirm(amqp, ack->delivery_tag, ack->multiple);
		break;
	}
	case AMQP_BASIC_NACK_METHOD: /* its own trouble: once more, on a new connection, after a wait */
		set_broken(amqp, "publishing", "the broker could not take it");
		break;
	case AMQP_CONNECTION_BLOCKED_METHOD:
		set_blocked(amqp, true);
		break;
	case AMQP_CONNECTION_UNBLOCKED_METHOD:
		set_blocked(amqp, false);
		break;
	case AMQP_BASIC_CANCEL_METHOD:
		set_broken(amqp, "consuming", "the queue was deleted");
		break;
	case AMQP_CHANNEL_CLOSE_METHOD:
	case AMQP_CONNECTION_CLOSE_METHOD:
		set_broken_closed(amqp, "connected", method);
		break;
	default:
		break;
	}
}

static void take_frame(struct amqp *amqp, const amqp_frame_t *frame)
{
	if (frame->frame_type == AMQP_FRAME_METHOD)
		take_method(amqp, &frame->payload.method);
	else if (frame->frame_type == AMQP_FRAME_HEADER && amqp->reading == READ_HEADER)
		take_header(amqp, frame);
	else if (frame->frame_type == AMQP_FRAME_BODY && amqp->reading == READ_BODY)
		take_body(amqp, frame);
	finish_body(amqp);
}

/* Everything that is there: frames may sit in the library's buffer with nothing on the socket. Sends heartbeats. */
static void drain_frames(struct amqp *amqp)
{
	struct timeval now = { 0 };
	amqp_frame_t frame;
	int status = AMQP_STATUS_OK;

	while (!amqp->broken) {
		status = amqp_simple_wait_frame_noblock(amqp->conn, &frame, &now);
		if (status != AMQP_STATUS_OK)
			break;
		take_frame(amqp, &frame);
		amqp_maybe_release_buffers(amqp->conn);
	}
	if (status != AMQP_STATUS_OK && status != AMQP_STATUS_TIMEOUT)
		check_status(amqp, "connected", status);
	amqp_maybe_release_buffers(amqp->conn);
}

/* The thread. */

static bool is_over(struct amqp *amqp)
{
	bool waiting = amqp->next_tag > amqp->first_tag && !amqp->blocked;

	return bus_must_end(amqp->bus) && (!waiting || clock_mono_ms() >= atomic_load(&amqp->bus->quit_at));
}

static void serve(struct amqp *amqp)
{
	while (!amqp->broken && !is_over(amqp)) {
		unsigned bound = amqp->bound;
		uint64_t before = amqp->next_tag;

		drain_frames(amqp);
		if (!amqp->broken && bind_topics(amqp) && amqp->bound != bound)
			bus_say_up_again(amqp->bus); /* what came before the binding was missed */
		publish(amqp);
		if (!amqp->broken && amqp->next_tag == before && !amqp_frames_enqueued(amqp->conn))
			bus_wait(amqp->bus, amqp_get_sockfd(amqp->conn),
			         atomic_load(&amqp->bus->quit) ? 20 : 500);
	}
}

static void wait_to_retry(struct amqp *amqp, int64_t *wait_ms)
{
	int64_t until = clock_mono_ms() + rand_jitter(*wait_ms);

	while (!atomic_load(&amqp->bus->quit) && clock_mono_ms() < until)
		bus_wait(amqp->bus, -1, until - clock_mono_ms());
	*wait_ms = MIN_OF(*wait_ms * 2, (int64_t)WAIT_MAX_MS);
}

static void amqp_run(struct bus *bus)
{
	struct amqp *amqp = bus->backend;
	int64_t wait_ms = WAIT_MIN_MS;

	while (!atomic_load(&bus->quit)) {
		if (connect_broker(amqp)) {
			wait_ms = WAIT_MIN_MS;
			bus_set_up(bus, true);
			serve(amqp);
			set_blocked(amqp, false);
			bus_set_up(bus, false);
			return_unconfirmed(amqp);
		}
		disconnect(amqp);
		if (!atomic_load(&bus->quit))
			wait_to_retry(amqp, &wait_ms);
	}
}

static void amqp_hurry(struct bus *bus)
{
	struct amqp *amqp = bus->backend;

	pthread_mutex_lock(&amqp->fd_lock);
	if (amqp->fd >= 0)
		shutdown(amqp->fd, SHUT_RDWR);
	pthread_mutex_unlock(&amqp->fd_lock);
}

static void amqp_close(struct bus *bus)
{
	struct amqp *amqp = bus->backend;

	secret_unref(amqp->uri);
	buf_done(&amqp->body);
	pthread_mutex_destroy(&amqp->fd_lock);
	free(amqp->ca_file);
	free(amqp);
}

static enum fault amqp_open(struct bus *bus, const struct bus_conf *conf, struct why *why)
{
	struct amqp *amqp;

	if (!conf->amqp_uri)
		return fault_set(why, FAULT_CONFIG, "amqp_uri is not set");
	amqp = bus->backend = xzalloc(sizeof(*amqp));
	amqp->bus = bus;
	amqp->fd = -1;
	amqp->heartbeat_s = (int)MIN_OF(conf->heartbeat_s ? conf->heartbeat_s : BUS_HEARTBEAT_S, 3600u);
	amqp->ca_file = conf->amqp_ca_file && *conf->amqp_ca_file ? xstrdup(conf->amqp_ca_file) : NULL;
	pthread_mutex_init(&amqp->fd_lock, NULL);
	buf_init(&amqp->body, BODY_MAX);
	amqp->uri = secret_copy(slice_of(conf->amqp_uri, strlen(conf->amqp_uri) + 1));
	if (amqp_parse_url((char *)secret_data(amqp->uri), &amqp->info) != AMQP_STATUS_OK) {
		amqp_close(bus);
		return fault_set(why, FAULT_CONFIG, "amqp_uri is not amqp://USER:PASSWORD@HOST:PORT/VHOST");
	}
	amqp_set_initialize_ssl_library(0); /* OpenSSL is started already, or starts itself */
	return FAULT_NONE;
}

const struct bus_ops bus_amqp = { "amqp", amqp_open, amqp_run, amqp_hurry, amqp_close };
