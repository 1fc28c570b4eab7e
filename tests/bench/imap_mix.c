/*
 * Many IMAP clients at once, each doing what people's clients do, at random, for some seconds.
 *
 *	imap_mix [--tls] PORT USERS PASSWORD CLIENTS SECONDS SEED
 *
 * USERS holds a %d, for which each client takes its number among twenty accounts. A session logs in, does some
 * dozens of commands by the weights below in the mailbox "mix", which it shares with the others of its account, and logs out.
 * Prints one line of JSON: commands that were answered, of those the refused (a message that another client has
 * expunged), seconds, and what each kind came to: how many, and the microseconds that their clients waited.
 */
#include "imap_client.h"

#include <math.h>

#define ACCOUNTS     20
#define MAILBOX      "mix"
#define SESSION      40 /* commands */
#define MESSAGE_SIZE 3000
#define WAITS        256 /* classes of waits: four in each doubling */

enum kind {
	LOGIN,
	SELECT,
	LIST,
	STATUS,
	FLAGS,
	HEADERS,
	BODY,
	STORE,
	DELETE,
	EXPUNGE,
	APPEND,
	SEARCH,
	NOOP,
	KINDS
};

static const struct {
	const char *name;
	unsigned weight;
} kinds[KINDS] = {
	[LOGIN] = { "LOGIN", 0 },     [SELECT] = { "SELECT", 4 },  [LIST] = { "LIST", 2 },
	[STATUS] = { "STATUS", 6 },   [FLAGS] = { "FLAGS", 10 },   [HEADERS] = { "HEADERS", 14 },
	[BODY] = { "BODY", 24 },      [STORE] = { "STORE", 14 },   [DELETE] = { "DELETE", 8 },
	[EXPUNGE] = { "EXPUNGE", 4 }, [APPEND] = { "APPEND", 10 }, [SEARCH] = { "SEARCH", 2 },
	[NOOP] = { "NOOP", 2 },
};

struct waits {
	unsigned long long n, of[WAITS];
	double sum;
};

struct person {
	pthread_t thread;
	struct client client;
	int number;
	unsigned seed;
	double until;
	const char *user, *password;
	unsigned long long refused;
	struct waits waits[KINDS];
	int appended;
};

static void note_wait(struct waits *waits, double seconds)
{
	const double us = seconds * 1e6, class = us > 1 ? 4 * log2(us) : 0;

	waits->n++;
	waits->sum += us;
	waits->of[class < WAITS - 1 ? (int)class : WAITS - 1]++;
}

/* As many microseconds, about, as this share of them took at most. */
static double wait_within(const struct waits *waits, double share)
{
	unsigned long long seen = 0;
	int at = 0;

	while (at < WAITS - 1 && (double)(seen += waits->of[at]) < share * (double)waits->n)
		at++;
	return exp2((at + 1) / 4.0);
}

static enum kind choose(struct person *p)
{
	unsigned all = 0, at;
	enum kind kind;

	for (kind = 0; kind < KINDS; kind++)
		all += kinds[kind].weight;
	at = (unsigned)rand_r(&p->seed) % all;
	for (kind = 0; at >= kinds[kind].weight; kind++)
		at -= kinds[kind].weight;
	return kind;
}

static void take_reply(struct person *p, enum kind kind, double asked)
{
	char *line = read_tagged(&p->client);

	if (strncmp(line, "t BAD", 5) == 0)
		die(kinds[kind].name, line);
	p->refused += strncmp(line, "t OK", 4) != 0;
	note_wait(&p->waits[kind], now() - asked);
}

static void say(struct person *p, enum kind kind, const char *text)
{
	const double asked = now();

	send_command(&p->client, text);
	take_reply(p, kind, asked);
}

static void append_one(struct person *p)
{
	static const char start_of[] = "t APPEND " MAILBOX;
	char text[MESSAGE_SIZE + 1024];
	size_t len = sizeof(start_of) - 1;
	double asked;

	memcpy(text, start_of, len);
	len += write_message(text + len, p->number, p->appended++, MESSAGE_SIZE);
	memcpy(text + len, "\r\n", 2);
	asked = now();
	send_all(&p->client, text, len + 2);
	take_reply(p, APPEND, asked);
}

/* A command about one message of those that there are, or about the newest ones. */
static void about_messages(struct person *p, enum kind kind)
{
	unsigned n = p->client.exists, one = n ? 1 + (unsigned)rand_r(&p->seed) % n : 0;
	char text[200];

	if (!n) {
		append_one(p);
		return;
	}
	if (kind == FLAGS)
		snprintf(text, sizeof(text), "FETCH %u:%u (UID FLAGS)", n > 50 ? n - 50 : 1, n);
	else if (kind == HEADERS)
		snprintf(text, sizeof(text),
		         "FETCH %u:%u (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)", one,
		         one + 10 < n ? one + 10 : n);
	else if (kind == BODY)
		snprintf(text, sizeof(text), "FETCH %u (BODY.PEEK[])", one);
	else
		snprintf(text, sizeof(text), "STORE %u +FLAGS (%s)", one,
		         kind == DELETE ? "\\Deleted" : "\\Seen");
	say(p, kind, text);
}

static void do_one(struct person *p, enum kind kind)
{
	switch (kind) {
	case SELECT:
		say(p, kind, "SELECT " MAILBOX);
		break;
	case LIST:
		say(p, kind, "LIST \"\" *");
		break;
	case STATUS:
		say(p, kind, "STATUS INBOX (MESSAGES UNSEEN UIDNEXT)");
		break;
	case EXPUNGE:
		say(p, kind, "EXPUNGE");
		break;
	case APPEND:
		append_one(p);
		break;
	case SEARCH:
		say(p, kind, "SEARCH UNSEEN SINCE 1-Jan-2020");
		break;
	case NOOP:
		say(p, kind, "NOOP");
		break;
	default:
		about_messages(p, kind);
	}
}

static void *live(void *arg)
{
	struct person *p = arg;
	char user[128];
	double begun;

	name_user(user, sizeof(user), p->user, p->number % ACCOUNTS);
	while (now() < p->until) {
		begun = now();
		connect_client(&p->client, user, p->password, INPUT);
		note_wait(&p->waits[LOGIN], now() - begun);
		send_command(&p->client, "CREATE " MAILBOX);
		read_tagged(&p->client); /* it may be there */
		say(p, SELECT, "SELECT " MAILBOX);
		for (int i = 0; i < SESSION && now() < p->until; i++)
			do_one(p, choose(p));
		send_command(&p->client, "LOGOUT");
		read_tagged(&p->client);
		close_client(&p->client);
	}
	return NULL;
}

static void add_waits(struct waits *to, const struct waits *from)
{
	to->n += from->n;
	to->sum += from->sum;
	for (int at = 0; at < WAITS; at++)
		to->of[at] += from->of[at];
}

static void report(const struct person *all, int n, double seconds)
{
	struct waits kind_of[KINDS] = { 0 }, sum = { 0 };
	unsigned long long refused = 0;

	for (int i = 0; i < n; i++) {
		refused += all[i].refused;
		for (int kind = 0; kind < KINDS; kind++)
			add_waits(&kind_of[kind], &all[i].waits[kind]);
	}
	for (int kind = 0; kind < KINDS; kind++)
		add_waits(&sum, &kind_of[kind]);
	printf(
	    "{\"operations\": %llu, \"refused\": %llu, \"seconds\": %.3f, \"client_cpu\": %.3f, \"kinds\": {",
	    sum.n, refused, seconds, cpu_used());
	for (int kind = 0; kind < KINDS; kind++) {
		const struct waits *waits = &kind_of[kind];

		printf("%s\"%s\": {\"n\": %llu, \"mean\": %.0f, \"median\": %.0f, \"p99\": %.0f}",
		       kind ? ", " : "", kinds[kind].name, waits->n,
		       waits->n ? waits->sum / (double)waits->n : 0, wait_within(waits, 0.5),
		       wait_within(waits, 0.99));
	}
	printf("}}\n");
}

int main(int argc, char **argv)
{
	struct person *all;
	double begun;
	int n;

	argv = start(&argc, argv);
	if (argc != 7)
		die("usage", "imap_mix [--tls] PORT USERS PASSWORD CLIENTS SECONDS SEED");
	n = number(argv[4]);
	all = calloc((size_t)n, sizeof(*all));
	begun = now();
	for (int i = 0; i < n; i++) {
		all[i].number = i;
		all[i].seed = (unsigned)(number(argv[6]) * 1000 + i);
		all[i].user = argv[2];
		all[i].password = argv[3];
		all[i].until = begun + number(argv[5]);
		pthread_create(&all[i].thread, NULL, live, &all[i]);
	}
	for (int i = 0; i < n; i++)
		pthread_join(all[i].thread, NULL);
	report(all, n, now() - begun);
	return 0;
}
