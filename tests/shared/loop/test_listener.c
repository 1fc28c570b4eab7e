/* Listening: every form of address, sharing, pausing, and what a failure tells the operator. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "loop/listener.h"
#include "shared/loop/peer.h"

static struct loop *loop;
static char folder[] = "/tmp/listener-XXXXXX";
static struct peer accepted;
static int accepts;

static void on_accept(void *arg, struct conn *conn)
{
	(void)arg;
	accepts++;
	if (accepted.conn) {
		conn_abort(conn);
		return;
	}
	accepted = (struct peer){ .conn = conn, .got.limit = BUF_NO_LIMIT };
	conn_own(conn, NULL, &peer_handler, &accepted);
}

static struct listener *listen_on(const char *address)
{
	struct listener *listener = NULL;
	struct why why;

	if (listener_open(loop, address, false, on_accept, NULL, &listener, &why))
		fail_msg("%s: %s", address, why.text);
	return listener;
}

static void connect_v4(struct peer *peer, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		                  .sin_port = htons(port),
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	*peer = (struct peer){ .got.limit = BUF_NO_LIMIT };
	peer->conn = conn_connect(loop, (struct sockaddr *)&to, NULL, NULL, &peer_handler, peer);
}

static void connect_v6(struct peer *peer, uint16_t port)
{
	struct sockaddr_in6 to = { .sin6_family = AF_INET6,
		                   .sin6_port = htons(port),
		                   .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	*peer = (struct peer){ .got.limit = BUF_NO_LIMIT };
	peer->conn = conn_connect(loop, (struct sockaddr *)&to, NULL, NULL, &peer_handler, peer);
}

static void talk(struct peer *client, const char *ip)
{
	conn_puts(client->conn, "hello"); /* before it is connected: sent then */
	assert_true(WAIT_FOR(loop, accepted.conn && peer_got(&accepted, "hello")));
	assert_int_equal(client->connect_fault, FAULT_NONE);
	assert_int_equal(client->connected, 1);
	assert_string_equal(conn_peer_ip(accepted.conn), ip);
	assert_string_equal(conn_local_ip(accepted.conn), ip);
	assert_string_equal(conn_peer_ip(client->conn), ip);
	if (strcmp(ip, "local") != 0)
		assert_true(conn_peer_port(accepted.conn) != 0);
	conn_puts(accepted.conn, "welcome");
	assert_true(WAIT_FOR(loop, peer_got(client, "welcome")));
	peer_end(loop, client, &accepted);
}

static void tcp_addresses_listen(void **state)
{
	struct listener *listener = listen_on("127.0.0.1:0");
	struct peer client;

	(void)state;
	assert_true(listener_port(listener) != 0);
	connect_v4(&client, listener_port(listener));
	talk(&client, "127.0.0.1");
	listener_close(listener);
	listener_close(NULL);

	listener = listen_on("[::1]:0");
	connect_v6(&client, listener_port(listener));
	talk(&client, "::1");
	listener_close(listener);
}

static void a_star_means_both_families(void **state)
{
	struct listener *listener = listen_on("*:0");
	struct peer client;

	(void)state;
	connect_v4(&client, listener_port(listener));
	talk(&client, "127.0.0.1");
	connect_v6(&client, listener_port(listener));
	talk(&client, "::1");
	listener_close(listener);
}

static void expect_fault(const char *address, bool share, enum fault want, const char *text)
{
	struct listener *listener = NULL;
	struct why why = { "" };
	enum fault fault = listener_open(loop, address, share, on_accept, NULL, &listener, &why);

	if (fault != want || !strstr(why.text, text))
		fail_msg("%s: %s, %s", address, fault_name(fault), why.text);
	assert_null(listener);
}

static void failures_say_what_to_do(void **state)
{
	static const char *const malformed[] = {
		"",        "25",     "localhost:25", "127.0.0.1", "127.0.0.1:",           "127.0.0.1:65536",
		"[::1:25", "::1:25", "[]:25",        "unix:",     "1.2.3.4.5.6.7.8.9:25", "127.0.0.1:x"
	};
	struct listener *listener = listen_on("127.0.0.1:0");
	char address[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(malformed); i++)
		expect_fault(malformed[i], false, FAULT_CONFIG, "not an address");
	snprintf(address, sizeof(address), "127.0.0.1:%u", listener_port(listener));
	expect_fault(address, false, FAULT_CONFIG, "in use: stop the server");
	expect_fault(address, true, FAULT_CONFIG, "in use: stop the server"); /* both must share */
	expect_fault("192.0.2.1:25", false, FAULT_CONFIG, "does not have that address");
	listener_close(listener);
}

/* Root may do anything, so it is somebody else for the moment. */
static void privilege_is_asked_for(void **state)
{
	bool root = geteuid() == 0;

	(void)state;
	if (root)
		assert_int_equal(seteuid(65534), 0);
	expect_fault("unix:/etc/posthouse-test", false, FAULT_DENIED, "needs privilege");
	if (root)
		assert_int_equal(seteuid(0), 0);
}

static void sharing_lets_two_listen(void **state)
{
	struct listener *first = NULL, *second = NULL;
	struct why why;
	char address[64];

	(void)state;
	assert_int_equal(listener_open(loop, "127.0.0.1:0", true, on_accept, NULL, &first, &why), FAULT_NONE);
	snprintf(address, sizeof(address), "127.0.0.1:%u", listener_port(first));
	assert_int_equal(listener_open(loop, address, true, on_accept, NULL, &second, &why), FAULT_NONE);
	listener_close(first);
	listener_close(second);
}

static void connect_unix(struct peer *peer, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	*peer = (struct peer){ .got.limit = BUF_NO_LIMIT };
	peer->conn = conn_connect(loop, (struct sockaddr *)&to, NULL, NULL, &peer_handler, peer);
}

static void unix_sockets_listen_and_replace_stale_ones(void **state)
{
	char address[64], *path = address + 5;
	struct listener *listener;
	struct sockaddr_un stale = { .sun_family = AF_UNIX };
	struct peer client;
	FILE *file;
	int fd;

	(void)state;
	snprintf(address, sizeof(address), "unix:%s/lmtp", folder);
	listener = listen_on(address);
	connect_unix(&client, path);
	talk(&client, "local");
	expect_fault(address, false, FAULT_CONFIG, "in use");
	assert_int_equal(access(path, F_OK), 0);
	listener_close(listener);
	assert_int_not_equal(access(path, F_OK), 0);

	/* what a killed server leaves */
	snprintf(stale.sun_path, sizeof(stale.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&stale, sizeof(stale)), 0);
	close(fd);
	assert_int_equal(access(path, F_OK), 0);
	listener = listen_on(address);
	connect_unix(&client, path);
	talk(&client, "local");
	listener_close(listener);

	/* a file that is no socket is not ours to remove */
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	expect_fault(address, false, FAULT_CONFIG, "in use");
	assert_int_equal(unlink(path), 0);
}

static void a_paused_listener_accepts_nothing(void **state)
{
	struct listener *listener = listen_on("127.0.0.1:0");
	struct peer client;

	(void)state;
	accepts = 0;
	listener_pause(listener, true);
	connect_v4(&client, listener_port(listener));
	for (int i = 0; i < 10; i++)
		loop_step(loop, 2);
	assert_int_equal(client.connected, 1); /* by the kernel: it waits there */
	assert_int_equal(accepts, 0);
	listener_pause(listener, false);
	talk(&client, "127.0.0.1");
	assert_int_equal(accepts, 1);
	listener_close(listener);
}

static int make(void **state)
{
	(void)state;
	loop = loop_new();
	return mkdtemp(folder) ? 0 : -1;
}

static int clean(void **state)
{
	(void)state;
	loop_free(loop);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp_addresses_listen),
		cmocka_unit_test(a_star_means_both_families),
		cmocka_unit_test(failures_say_what_to_do),
		cmocka_unit_test(privilege_is_asked_for),
		cmocka_unit_test(sharing_lets_two_listen),
		cmocka_unit_test(unix_sockets_listen_and_replace_stale_ones),
		cmocka_unit_test(a_paused_listener_accepts_nothing),
	};

	return cmocka_run_group_tests(tests, make, clean);
}
