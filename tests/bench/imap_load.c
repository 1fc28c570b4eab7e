/*
 * IMAP load, counted and timed.
 *
 *	imap_load [--tls] PORT append USERS PASSWORD CONNECTIONS MESSAGES SIZE MAILBOX [DEPTH [BATCH]]
 *		each connection appends its share with LITERAL+, DEPTH commands under way (1), BATCH messages in each (1;
 *		more is MULTIAPPEND)
 *	imap_load [--tls] PORT commands USER PASSWORD REPEAT COMMAND...
 *		the commands one after the other, REPEAT times. Those that begin with "=" are timed, each from sending it to its
 *		OK; those with "^" are said in the first round only
 *	imap_load [--tls] PORT idle USERS PASSWORD CONNECTIONS
 *		LOGIN, SELECT of a new empty mailbox and IDLE on each; then "ready", and stays until its input ends
 *
 * USERS may hold a %d: 0, 1, ... up to CONNECTIONS for append; for idle every fifty connections have a user of their own.
 * Prints one line of JSON; ends with 1 when a command fails.
 */
#include "imap_client.h"

#define IDLE_PER_USER 50

/* ---- append ---- */

struct appender {
	pthread_t thread;
	struct client client;
	int number, messages, depth, batch;
	size_t size;
	const char *mailbox;
};

/* One APPEND command of the messages from `first` on; how many. */
static int send_append(struct appender *a, int first, char *text)
{
	int n = a->messages - first < a->batch ? a->messages - first : a->batch;
	size_t len = (size_t)snprintf(text, 256, "t APPEND %s", a->mailbox);

	for (int i = 0; i < n; i++)
		len += write_message(text + len, a->number, first + i, a->size);
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
		connect_client(&all[i].client, user, argv[4], INPUT);
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

/* ---- commands ---- */

struct timed {
	int commands;
	double seconds;
	unsigned long long lines, bytes;
};

static void run_timed(struct client *c, const char *text, struct timed *timed)
{
	unsigned long long lines = c->lines, bytes = c->bytes;
	double begun = now();

	command(c, text);
	timed->seconds += now() - begun;
	timed->lines += c->lines - lines;
	timed->bytes += c->bytes - bytes;
	timed->commands++;
}

static struct timed commands(int argc, char **argv)
{
	struct timed timed = { 0 };
	struct client client;

	connect_client(&client, argv[3], argv[4], INPUT);
	for (int round = 0; round < number(argv[5]); round++) {
		for (int i = 6; i < argc; i++) {
			if (argv[i][0] == '=')
				run_timed(&client, argv[i] + 1, &timed);
			else if (argv[i][0] != '^' || round == 0)
				command(&client, argv[i] + (argv[i][0] == '^'));
		}
	}
	return timed;
}

/* ---- idle ---- */

static void idle(char **argv)
{
	int connections = number(argv[5]);
	struct client *all = calloc((size_t)connections, sizeof(*all));
	char user[128], byte;
	size_t len;

	for (int i = 0; i < connections; i++) {
		name_user(user, sizeof(user), argv[3], i / IDLE_PER_USER);
		connect_client(&all[i], user, argv[4], 4096);
		if (i % IDLE_PER_USER == 0) {
			send_command(&all[i], "CREATE idle");
			read_tagged(&all[i]); /* it may be there */
		}
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
	struct timed timed = { 0 };
	const char *what;

	argv = start(&argc, argv);
	what = argc > 2 ? argv[2] : "";
	if (strcmp(what, "append") == 0 && argc >= 9) {
		timed.seconds = append(argc, argv, &timed.commands);
	} else if (strcmp(what, "commands") == 0 && argc >= 7) {
		timed = commands(argc, argv);
	} else if (strcmp(what, "idle") == 0 && argc == 6) {
		idle(argv);
		return 0;
	} else {
		die("usage", "append|commands|idle, see the head of imap_load.c");
	}
	printf(
	    "{\"operations\": %d, \"seconds\": %.6f, \"responses\": %llu, \"bytes\": %llu, \"client_cpu\": "
	    "%.3f}\n",
	    timed.commands, timed.seconds, timed.lines, timed.bytes, cpu_used());
	return 0;
}
