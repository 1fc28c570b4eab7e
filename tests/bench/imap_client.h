#ifndef TESTS_BENCH_IMAP_CLIENT_H
#define TESTS_BENCH_IMAP_CLIENT_H
/* An IMAP client that costs little itself: what imap_load.c and imap_mix.c share. Whatever goes wrong ends the program. */
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

#define INPUT (256 * 1024)

static int number(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

struct client {
	int fd;
	SSL *tls; /* NULL: plain */
	char *in;
	size_t size, at, len;
	unsigned long long bytes, lines; /* untagged responses that begin with "* " */
	unsigned exists;                 /* messages of the selected mailbox, as EXISTS and EXPUNGE tell */
};

static struct sockaddr_in server;
static SSL_CTX *tls; /* NULL: plain */

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, detail);
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

static void note_number(struct client *c, const char *line)
{
	char *end;
	unsigned long n = strtoul(line + 2, &end, 10);

	if (end == line + 2)
		return;
	if (strcmp(end, " EXISTS") == 0)
		c->exists = (unsigned)n;
	else if (strcmp(end, " EXPUNGE") == 0 && c->exists)
		c->exists--;
}

/* Reads up to the next tagged reply, "t OK …", good until the next read. */
static char *read_tagged(struct client *c)
{
	bool inside = false; /* a response goes on after a literal */

	for (;;) {
		size_t len;
		char *line = read_line(c, &len), *brace;

		if (!inside && line[0] == '*') {
			c->lines++;
			note_number(c, line);
		} else if (!inside && line[0] == '+') {
			continue;
		} else if (!inside) {
			return line;
		}
		inside = len && line[len - 1] == '}' && (brace = memrchr(line, '{', len));
		if (inside)
			skip(c, strtoul(brace + 1, NULL, 10));
	}
}

static void read_ok(struct client *c)
{
	char *line = read_tagged(c);

	if (strncmp(line, "t OK", 4) != 0)
		die("refused", line);
}

static void send_command(struct client *c, const char *text)
{
	char line[1024];

	send_all(c, line, (size_t)snprintf(line, sizeof(line), "t %s\r\n", text));
}

static void command(struct client *c, const char *text)
{
	send_command(c, text);
	read_ok(c);
}

static void connect_client(struct client *c, const char *user, const char *password, size_t input)
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

static void close_client(struct client *c)
{
	SSL_free(c->tls);
	close(c->fd);
	free(c->in);
}

static void name_user(char *out, size_t size, const char *pattern, int number)
{
	const char *mark = strstr(pattern, "%d");

	if (mark)
		snprintf(out, size, "%.*s%d%s", (int)(mark - pattern), pattern, number, mark + 2);
	else
		snprintf(out, size, "%s", pattern);
}

/* ---- what is appended ---- */

/* One message as a literal; the text tells its number and its connection's, and is as long as wanted. */
static size_t write_message(char *out, int connection, int n, size_t size)
{
	static const char words[] =
	    "the meeting of report and please find attached invoice number for order about ";
	char *text = malloc(size + 512);
	size_t len = (size_t)snprintf(
	           text, size + 512,
	           "From: Some Sender <sender@far.test>\r\nTo: Bench <bench@example.test>\r\n"
	           "Subject: Message %d of connection %d\r\nDate: Tue, 14 Jan 2025 10:11:12 +0000\r\n"
	           "Message-ID: <%d.%d.%d@far.test>\r\nMIME-Version: 1.0\r\n"
	           "Content-Type: text/plain; charset=utf-8\r\n\r\n",
	           n, connection, (int)getpid(), connection, n),
	       head;

	for (int line = n; len + 2 < size; line++) {
		size_t piece = size - len - 2 < 70 ? size - len - 2 : 70;

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

/* ---- the end ---- */

/* "[--tls] PORT …": what is behind the port. */
static char **start(int *argc, char **argv)
{
	bool wants_tls = *argc > 1 && strcmp(argv[1], "--tls") == 0;

	argv += wants_tls;
	*argc -= wants_tls;
	if (*argc < 2)
		die("usage", "[--tls] PORT ...");
	if (wants_tls)
		tls = SSL_CTX_new(TLS_client_method());
	server = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)number(argv[1])) };
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return argv;
}

static double cpu_used(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

#endif
