/* ID (RFC 2971): who the client is goes to the log; who we are, by name. */
#include "commands.h"

#define FIELDS_MAX 30
#define TEXT_MAX   60 /* of a field, in the log */

/* For a log line and nothing else: printable ASCII, cut. */
static const char *plain(struct arena *arena, struct slice text)
{
	char *copy = arena_strz(arena, slice_first(text, TEXT_MAX));

	for (char *c = copy; *c; c++)
		if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
			*c = '?';
	return copy;
}

struct client {
	const char *name, *version;
};

/* "(" [string SP nstring *(SP string SP nstring)] ")" */
static bool fields(struct imap_args *args, struct client *client)
{
	if (!imap_args_open(args))
		return false;
	for (int n = 0; !imap_args_close(args); n++) {
		struct slice field, value;
		bool nil;

		if (n == FIELDS_MAX || (n && !imap_args_space(args)) || !imap_args_string(args, &field) ||
		    !imap_args_space(args) || !imap_args_nstring(args, &value, &nil))
			return false;
		if (!nil && slice_is(field, "name"))
			client->name = plain(args->arena, value);
		else if (!nil && slice_is(field, "version"))
			client->version = plain(args->arena, value);
	}
	return true;
}

static enum imap_next id_parse_args(struct imap_cmd *cmd, struct imap_args *args)
{
	struct session *s = cmd->session;
	struct client client = { "", "" };

	if (!imap_args_space(args) || !(imap_args_word(args, "NIL") || fields(args, &client)) ||
	    !imap_args_end(args))
		return imap_bad(cmd, "Expected NIL or a list of fields and values");
	/* the first one counts: a session's arena does not grow by what a client repeats */
	if (client.name[0] && !s->client_id[0]) {
		s->client_id = arena_printf(s->arena, "%s %s", client.name, client.version);
		log_set(&s->log, "client", s->client_id);
	}
	imap_untagged(s, "ID (\"name\" \"Posthouse\")");
	return imap_ok(cmd, "Pleased to meet you");
}

const struct imap_command imap_id = { .parse = id_parse_args };
