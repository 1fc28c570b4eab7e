/*
 * IMAP load, counted and timed.
 *
 *	imap_load PORT append USERS PASSWORD CONNECTIONS MESSAGES SIZE MAILBOX [DEPTH [BATCH]]
 *		each connection appends its share with LITERAL+, DEPTH commands under way (1), BATCH messages in each (1;
 *		more is MULTIAPPEND)
 *	imap_load PORT fetch USER PASSWORD MAILBOX REPEAT COMMAND
 *		SELECT, then the command REPEAT times; each is timed from sending it to its OK
 *	imap_load PORT idle USERS PASSWORD CONNECTIONS
 *		TLS, LOGIN, SELECT of a new empty mailbox and IDLE on each; then "ready", and stays until its input ends
 *
 * USERS may hold a %d: 0, 1, ... up to CONNECTIONS for append; for idle every fifty connections have a user of their own.
 * Prints one line of JSON; ends with 1 when a command fails.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int number(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

#define INPUT         (256 * 1024)
#define IDLE_PER_USER 50

struct client {
	int fd;
	SSL *tls; /* NULL: plain */
	char *in;
	size_t size, at, len;
	unsigned long long bytes, lines; /* untagged responses that begin with "* " */
};

static struct sockaddr_in server;

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "imap_load: %s: %s\n", what, detail);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- one connection ---- */

static void send_all(struct client *c, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = c->tls ? SSL_write(c->tls, data, (int)len) : write(c->fd, data, len);

		if (n <= 0)
			die("write", strerror(errno));
		data += n;
		len -= (size_t)n;
	}
}

static void fill(struct client *c)
{
	ssize_t n;

	memmove(c->in, c->in + c->at, c->len - c->at);
	c->len -= c->at;
	c->at = 0;
	n = c->tls ? SSL_read(c->tls, c->in + c->len, (int)(c->size - c->len))
	           : read(c->fd, c->in + c->len, c->size - c->len);
	if (n <= 0)
		die("read", n ? strerror(errno) : "the server hung up");
	c->len += (size_t)n;
	c->bytes += (unsigned long long)n;
}

/* One line without its CRLF, NUL-terminated, good until the next read. */
static char *read_line(struct client *c, size_t *ret_len)
{
	char *end;

	while (!(end = memchr(c->in + c->at, '\n', c->len - c->at))) {
		if (c->len - c->at == c->size)
			die("read", "a line that does not end");
		fill(c);
	}
	char *line = c->in + c->at;
	*ret_len = (size_t)(end - line);
	c->at += *ret_len + 1;
	if (*ret_len && line[*ret_len - 1] == '\r')
		line[--*ret_len] = '\0';
	return line;
}

static void skip(struct client *c, size_t n)
{
	while (n > 0) {
		size_t here = c->len - c->at < n ? c->len - c->at : n;

		c->at += here;
		n -= here;
		if (n)
			fill(c);
	}
}

/* Reads up to the next tagged reply; it must be OK. */
static void read_ok(struct client *c)
{
	bool inside = false; /* a response goes on after a literal */

	for (;;) {
		size_t len;
		char *line = read_line(c, &len), *brace;

		if (!inside && line[0] == '*')
			c->lines++;
		else if (!inside && line[0] == '+')
			continue;
		else if (!inside && strncmp(line, "t OK", 4) == 0)
			return;
		else if (!inside)
			die("refused", line);
		inside = len && line[len - 1] == '}' && (brace = memrchr(line, '{', len));
		if (inside)
			skip(c, strtoul(brace + 1, NULL, 10));
	}
}

static void command(struct client *c, const char *text)
{
	char line[1024];

	send_all(c, line, (size_t)snprintf(line, sizeof(line), "t %s\r\n", text));
	read_ok(c);
}

static void connect_client(struct client *c, SSL_CTX *tls, const char *user, const char *password,
                           size_t input)
{
	char line[512];
	int one = 1;
	size_t len;

	*c = (struct client){ .in = malloc(input), .size = input };
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(c->fd, (struct sockaddr *)&server, sizeof(server)))
		die("connect", strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (tls) {
		c->tls = SSL_new(tls);
		SSL_set_fd(c->tls, c->fd);
		if (SSL_connect(c->tls) != 1)
			die("TLS", user);
	}
	read_line(c, &len);
	snprintf(line, sizeof(line), "LOGIN \"%s\" \"%s\"", user, password);
	command(c, line);
}

static void name_user(char *out, size_t size, const char *pattern, int number)
{
	const char *mark = strstr(pattern, "%d");

	if (mark)
		snprintf(out, size, "%.*s%d%s", (int)(mark - pattern), pattern, number, mark + 2);
	else
		snprintf(out, size, "%s", pattern);
}

/* ---- append ---- */

struct appender {
	pthread_t thread;
	struct client client;
	int number, messages, depth, batch;
	size_t size;
	const char *mailbox;
};

/* One message as a literal; the text tells its number, and is as long as wanted. */
static size_t write_message(char *out, const struct appender *a, int n)
{
	static const char words[] =
	    "the meeting of report and please find attached invoice number for order about ";
	char *text = malloc(a->size + 512);
	size_t len = (size_t)snprintf(
	           text, a->size + 512,
	           "From: Some Sender <sender@far.test>\r\nTo: Bench <bench@example.test>\r\n"
	           "Subject: Message %d of connection %d\r\nDate: Tue, 14 Jan 2025 10:11:12 +0000\r\n"
	           "Message-ID: <%d.%d.%d@far.test>\r\nMIME-Version: 1.0\r\n"
	           "Content-Type: text/plain; charset=utf-8\r\n\r\n",
	           n, a->number, (int)getpid(), a->number, n),
	       head;

	for (int line = n; len + 2 < a->size; line++) {
		size_t piece = a->size - len - 2 < 70 ? a->size - len - 2 : 70;

		for (size_t i = 0; i < piece; i++)
			text[len++] = words[((size_t)line * 31 + i) % (sizeof(words) - 1)];
		text[len++] = '\r';
		text[len++] = '\n';
	}
	head = (size_t)snprintf(out, 32, " {%zu+}\r\n", len);
	memcpy(out + head, text, len);
	free(text);
	return head + len;
}

/* One APPEND command of the messages from `first` on; how many. */
static int send_append(struct appender *a, int first, char *text)
{
	int n = a->messages - first < a->batch ? a->messages - first : a->batch;
	size_t len = (size_t)snprintf(text, 256, "t APPEND %s", a->mailbox);

	for (int i = 0; i < n; i++)
		len += write_message(text + len, a, first + i);
	memcpy(text + len, "\r\n", 2);
	send_all(&a->client, text, len + 2);
	return n;
}

static void *append_all(void *arg)
{
	struct appender *a = arg;
	char *text = malloc((a->size + 1024) * (size_t)a->batch);
	int sent = 0, under_way = 0;

	while (sent < a->messages || under_way) {
		for (; sent < a->messages && under_way < a->depth; under_way++)
			sent += send_append(a, sent, text);
		read_ok(&a->client);
		under_way--;
	}
	free(text);
	return NULL;
}

static double append(int argc, char **argv, int *ret_operations)
{
	int connections = number(argv[5]), messages = number(argv[6]);
	struct appender *all = calloc((size_t)connections, sizeof(*all));
	double start, seconds;

	*ret_operations = messages;
	for (int i = 0; i < connections; i++) {
		char user[128], create[256];

		all[i] = (struct appender){
			.number = i,
			.messages = messages / connections + (i < messages % connections),
			.depth = argc > 9 ? number(argv[9]) : 1,
			.batch = argc > 10 ? number(argv[10]) : 1,
			.size = strtoul(argv[7], NULL, 10),
			.mailbox = argv[8],
		};
		name_user(user, sizeof(user), argv[3], i);
		connect_client(&all[i].client, NULL, user, argv[4], INPUT);
		snprintf(create, sizeof(create), "CREATE %s", argv[8]);
		if (strcmp(argv[8], "INBOX") != 0 && (i == 0 || strstr(argv[3], "%d")))
			command(&all[i].client, create);
	}
	start = now();
	for (int i = 0; i < connections; i++)
		pthread_create(&all[i].thread, NULL, append_all, &all[i]);
	for (int i = 0; i < connections; i++)
		pthread_join(all[i].thread, NULL);
	seconds = now() - start;
	free(all);
	return seconds;
}

/* ---- fetch ---- */

static double fetch(char **argv, unsigned long long *ret_lines, unsigned long long *ret_bytes,
                    double *ret_select)
{
	int repeat = number(argv[6]);
	struct client client;
	char select[256];
	double start;

	connect_client(&client, NULL, argv[3], argv[4], INPUT);
	snprintf(select, sizeof(select), "SELECT %s", argv[5]);
	start = now();
	command(&client, select);
	*ret_select = now() - start;
	client.lines = client.bytes = 0;
	start = now();
	for (int i = 0; i < repeat; i++)
		command(&client, argv[7]);
	*ret_lines = client.lines / (unsigned)repeat;
	*ret_bytes = client.bytes / (unsigned)repeat;
	return (now() - start) / repeat;
}

/* ---- idle ---- */

static void idle(char **argv)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	int connections = number(argv[5]);
	struct client *all = calloc((size_t)connections, sizeof(*all));
	char user[128], byte;
	size_t len;

	for (int i = 0; i < connections; i++) {
		name_user(user, sizeof(user), argv[3], i / IDLE_PER_USER);
		connect_client(&all[i], tls, user, argv[4], 4096);
		if (i % IDLE_PER_USER == 0)
			command(&all[i], "CREATE idle");
		command(&all[i], "SELECT idle");
		send_all(&all[i], "t IDLE\r\n", 8);
		while (read_line(&all[i], &len)[0] != '+')
			;
	}
	printf("ready\n");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

int main(int argc, char **argv)
{
	unsigned long long lines = 0, bytes = 0;
	double seconds = 0, select = 0;
	struct rusage usage;
	int operations = 1;
	const char *what = argc > 2 ? argv[2] : "";

	if (argc > 1)
		server = (struct sockaddr_in){ .sin_family = AF_INET,
			                       .sin_port = htons((uint16_t)number(argv[1])) };
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (strcmp(what, "append") == 0 && argc >= 9) {
		seconds = append(argc, argv, &operations);
	} else if (strcmp(what, "fetch") == 0 && argc == 8) {
		seconds = fetch(argv, &lines, &bytes, &select);
	} else if (strcmp(what, "idle") == 0 && argc == 6) {
		idle(argv);
		return 0;
	} else {
		fprintf(stderr,
		        "usage: imap_load PORT append|fetch|idle ... (see the head of imap_load.c)\n");
		return 2;
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"operations\": %d, \"seconds\": %.6f, \"select_seconds\": %.6f, \"responses\": %llu, "
	       "\"bytes\": %llu, "
	       "\"client_cpu\": %.3f}\n",
	       operations, seconds, select, lines, bytes,
	       (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
	           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	return 0;
}
