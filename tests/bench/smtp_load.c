/*
 * SMTP load: sessions that send messages as fast as they are answered, all from one thread, so that the client
 * takes little of the machine it measures. The envelope is pipelined (RFC 2920), as mail servers do.
 *
 *	smtp_load PORT SESSIONS MESSAGES SIZE RECIPIENT[,RECIPIENT...] [reconnect]
 *
 * "reconnect": a connection for each message. Prints one line of JSON; ends with 1 when anything was refused.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int number(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

#define RECIPIENTS_MAX 1000
#define SESSIONS_MAX   2000
#define REPLIES        4096

/* What a session waits for. ENVELOPE counts the three replies of one pipelined write. */
enum step { GREETING, HELLO, ENVELOPE, ANSWER, GOODBYE };

struct session {
	int fd;
	enum step step;
	int replies; /* still to come in this step */
	double sent_at;
	char in[REPLIES];
	size_t in_len;
	char *out; /* a message that the socket did not take whole */
	size_t out_at, out_len;
};

static struct load {
	struct sockaddr_in server;
	const char *recipients[RECIPIENTS_MAX];
	size_t n_recipients, size;
	int messages, begun, ended, sessions, open;
	bool reconnect;
	int epoll;
	double *times; /* of each message, from its MAIL to its 250 */
	unsigned run;
	char *filler;
} load;

static struct session sessions[SESSIONS_MAX];

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "smtp_load: %s: %s\n", what, detail);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Words in lines of some 70 bytes: text that compresses as mail does. */
static void make_filler(void)
{
	static const char *const words[] = { "the",     "meeting", "of",       "report",   "and",
		                             "please",  "invoice", "we",       "attached", "Tuesday",
		                             "project", "about",   "thanks",   "regards",  "order",
		                             "number",  "to",      "delivery", "with",     "server",
		                             "a" };
	size_t len = 0, line = 0;

	load.filler = malloc(load.size + 100);
	while (len < load.size) {
		const char *word = words[arc4random_uniform(sizeof(words) / sizeof(words[0]))];

		len += (size_t)snprintf(load.filler + len, 100, "%s%s", word,
		                        line + strlen(word) > 66 ? "\r\n" : " ");
		line = line + strlen(word) > 66 ? 0 : line + strlen(word) + 1;
	}
	len = load.size;
	memcpy(load.filler + len - 2, "\r\n", 3);
}

static void finish_write(struct session *s);

static void write_out(struct session *s, char *data, size_t len)
{
	s->out = data;
	s->out_at = 0;
	s->out_len = len;
	finish_write(s);
}

static void watch(struct session *s, int op, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = s };

	if (epoll_ctl(load.epoll, op, s->fd, &event))
		die("epoll", strerror(errno));
}

static void finish_write(struct session *s)
{
	while (s->out_at < s->out_len) {
		ssize_t n = write(s->fd, s->out + s->out_at, s->out_len - s->out_at);

		if (n < 0 && errno == EAGAIN) {
			watch(s, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
			return;
		}
		if (n < 0)
			die("write", strerror(errno));
		s->out_at += (size_t)n;
	}
	free(s->out);
	s->out = NULL;
}

static void say(struct session *s, enum step step, int replies, const char *text)
{
	s->step = step;
	s->replies = replies;
	write_out(s, strdup(text), strlen(text));
}

static void begin_message(struct session *s)
{
	char *text;
	int len;

	if (load.begun == load.messages) {
		say(s, GOODBYE, 1, "QUIT\r\n");
		return;
	}
	s->sent_at = now();
	len = asprintf(&text, "MAIL FROM:<sender@far.test>\r\nRCPT TO:<%s>\r\nDATA\r\n",
	               load.recipients[(size_t)load.begun % load.n_recipients]);
	load.begun++;
	s->step = ENVELOPE;
	s->replies = 3;
	write_out(s, text, (size_t)len);
}

static void send_body(struct session *s)
{
	char *text = malloc(load.size + 2048);
	int n = load.begun, head;
	/* a different place of the filler each time: no two messages are alike */
	size_t from = (size_t)n * 97 % (load.size / 2), len;

	head = snprintf(text, load.size + 2048,
	                "From: Some Sender <sender@far.test>\r\nTo: <someone@example.test>\r\n"
	                "Subject: Message %d of run %u\r\nDate: Tue, 14 Jan 2025 10:11:12 +0000\r\n"
	                "Message-ID: <%u.%d.%zu@far.test>\r\nMIME-Version: 1.0\r\n"
	                "Content-Type: text/plain; charset=utf-8\r\n\r\nNumber %d %u.\r\n",
	                n, load.run, load.run, n, (size_t)(s - sessions), n, load.run);
	len = load.size > (size_t)head + 2 ? load.size - (size_t)head : 2;
	if (from + len > load.size)
		from = load.size - len;
	memcpy(text + head, load.filler + from, len);
	/* the cut may go through a line's end */
	if (text[head] == '\n')
		text[head] = 'x';
	if (text[(size_t)head + len - 3] == '\r')
		text[(size_t)head + len - 3] = 'x';
	memcpy(text + head + len - 2, "\r\n.\r\n", 5);
	s->step = ANSWER;
	s->replies = 1;
	write_out(s, text, (size_t)head + len + 3);
}

static void connect_session(struct session *s)
{
	int one = 1;

	*s = (struct session){ .step = GREETING, .replies = 1 };
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(s->fd, (struct sockaddr *)&load.server, sizeof(load.server)))
		die("connect", strerror(errno));
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fcntl(s->fd, F_SETFL, O_NONBLOCK);
	watch(s, EPOLL_CTL_ADD, EPOLLIN);
	load.open++;
}

static void end_session(struct session *s)
{
	close(s->fd);
	load.open--;
	if (load.reconnect && load.begun < load.messages)
		connect_session(s);
}

static void on_reply(struct session *s, const char *line)
{
	static const char want[] = {
		[GREETING] = '2', [HELLO] = '2', [ENVELOPE] = '2', [ANSWER] = '2', [GOODBYE] = '2'
	};
	bool go_ahead = s->step == ENVELOPE && s->replies == 1;

	if (line[0] != (go_ahead ? '3' : want[s->step]))
		die("refused", line);
	if (--s->replies)
		return;
	switch (s->step) {
	case GREETING:
		say(s, HELLO, 1, "EHLO client.test\r\n");
		break;
	case HELLO:
		begin_message(s);
		break;
	case ENVELOPE:
		send_body(s);
		break;
	case ANSWER:
		load.times[load.ended++] = now() - s->sent_at;
		if (load.reconnect)
			say(s, GOODBYE, 1, "QUIT\r\n");
		else
			begin_message(s);
		break;
	case GOODBYE:
		end_session(s);
		break;
	}
}

/* False: the session is over. */
static bool read_replies(struct session *s)
{
	ssize_t n = read(s->fd, s->in + s->in_len, sizeof(s->in) - 1 - s->in_len);
	char *line = s->in, *end;

	if (n <= 0)
		die("read", n ? strerror(errno) : "the server hung up");
	s->in_len += (size_t)n;
	s->in[s->in_len] = '\0';
	while ((end = strstr(line, "\r\n"))) {
		enum step before = s->step;

		*end = '\0';
		if (line[3] != '-')
			on_reply(s, line);
		line = end + 2;
		if (before == GOODBYE)
			return false;
	}
	s->in_len -= (size_t)(line - s->in);
	memmove(s->in, line, s->in_len);
	return true;
}

static void run(void)
{
	struct epoll_event events[256];

	for (int i = 0; i < load.sessions; i++)
		connect_session(&sessions[i]);
	while (load.open > 0) {
		int n = epoll_wait(load.epoll, events, 256, 60000);

		if (n == 0)
			die("wait", "no answer for a minute");
		for (int i = 0; i < n; i++) {
			struct session *s = events[i].data.ptr;

			if ((events[i].events & EPOLLIN) && !read_replies(s))
				continue;
			if (s->out) {
				finish_write(s);
				if (!s->out)
					watch(s, EPOLL_CTL_MOD, EPOLLIN);
			}
		}
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	struct rusage usage;
	double start, seconds;

	if (argc < 6) {
		fprintf(
		    stderr,
		    "usage: smtp_load PORT SESSIONS MESSAGES SIZE RECIPIENT[,RECIPIENT...] [reconnect]\n");
		return 2;
	}
	load.server =
	    (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)number(argv[1])) };
	load.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	load.sessions = number(argv[2]) < SESSIONS_MAX ? number(argv[2]) : SESSIONS_MAX;
	load.messages = number(argv[3]);
	load.size = (size_t)number(argv[4]);
	load.reconnect = argc > 6;
	load.run = (unsigned)getpid();
	load.times = calloc((size_t)load.messages, sizeof(double));
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	for (char *rest = argv[5]; rest && load.n_recipients < RECIPIENTS_MAX;)
		load.recipients[load.n_recipients++] = strsep(&rest, ",");
	make_filler();
	start = now();
	run();
	seconds = now() - start;
	qsort(load.times, (size_t)load.ended, sizeof(double), by_value);
	getrusage(RUSAGE_SELF, &usage);
	printf("{\"operations\": %d, \"seconds\": %.6f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"client_cpu\": "
	       "%.3f}\n",
	       load.ended, seconds, load.times[load.ended / 2] * 1e3, load.times[load.ended * 99 / 100] * 1e3,
	       (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
	           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
	return load.ended == load.messages ? 0 : 1;
}
