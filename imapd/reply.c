/* What a command says: tagged replies, untagged ones, and the strings in them (command.h). */
#include <inttypes.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "command.h"
#include "engine.h"
#include "imapd.h"
#include "mail/utf7.h"

#define QUOTED_MAX 1000 /* longer strings go as literals */

/* ---- tagged ---- */

/* A reply has one code: where there is another, this one goes before it (RFC 9738 3.1). */
static const char *with_limit(struct imap_cmd *cmd, const char *text)
{
	const char *code = arena_printf(cmd->arena, "[MESSAGELIMIT %lld %u]",
	                                (long long)imapd_conf.message_limit, cmd->oldest);

	if (text[3] != '[')
		return arena_printf(cmd->arena, "OK %s %s, older messages are left", code, text + 3);
	imap_untagged(cmd->session, "NO %s Older messages are left", code);
	return text;
}

static enum imap_next tagged(struct imap_cmd *cmd, const char *text)
{
	cmd->tagged = cmd->oldest && slice_starts(slice_str(text), "OK ") ? with_limit(cmd, text) : text;
	return IMAP_DONE;
}

enum imap_next imap_ok(struct imap_cmd *cmd, const char *format, ...)
{
	va_list args;
	const char *text;

	va_start(args, format);
	text = arena_vprintf(cmd->arena, format, args);
	va_end(args);
	return tagged(cmd, arena_printf(cmd->arena, "OK %s", text));
}

enum imap_next imap_ok_code(struct imap_cmd *cmd, const char *code, const char *text)
{
	return tagged(cmd, arena_printf(cmd->arena, "OK %s%s%s", code, code[0] ? " " : "", text));
}

/* What a client may expect to hear of is no news for an operator. */
static bool is_everyday(enum fault fault)
{
	return !fault_row(fault)->transient || fault == FAULT_STALE || fault == FAULT_OVER_QUOTA ||
	       fault == FAULT_LIMIT;
}

enum imap_next imap_no(struct imap_cmd *cmd, enum fault fault, const struct why *why)
{
	const struct fault_row *row = fault_row(fault);

	if (!is_everyday(fault))
		log_fault(&cmd->log, fault, why, "command failed");
	else
		log_line(&cmd->log, LOG_DEBUG, "command failed", "fault", row->name, "why",
		         why ? why->text : NULL, NULL);
	if (!row->imap)
		return tagged(cmd, arena_printf(cmd->arena, "NO %s", row->text));
	return tagged(cmd, arena_printf(cmd->arena, "NO [%s] %s", row->imap, row->text));
}

enum imap_next imap_no_code(struct imap_cmd *cmd, const char *code, const char *text)
{
	return tagged(cmd, arena_printf(cmd->arena, "NO %s %s", code, text));
}

enum imap_next imap_bad(struct imap_cmd *cmd, const char *text)
{
	session_count_bad(cmd->session);
	return tagged(cmd, arena_printf(cmd->arena, "BAD %s", text ? text : "Malformed command"));
}

bool imap_may(struct imap_cmd *cmd, uint32_t rights)
{
	if (selected_may(&cmd->session->selected, rights))
		return true;
	imap_no_code(cmd, "[NOPERM]", "The mailbox's owner does not allow it");
	return false;
}

/* ---- untagged ---- */

void imap_untagged(struct session *s, const char *format, ...)
{
	struct buf line;
	va_list args;

	buf_init(&line, BUF_NO_LIMIT);
	buf_adds(&line, "* ");
	va_start(args, format);
	buf_vprintf(&line, format, args);
	va_end(args);
	buf_adds(&line, "\r\n");
	conn_write(s->conn, line.data, line.len);
	buf_done(&line);
}

void imap_continue(struct session *s, const char *text)
{
	conn_printf(s->conn, "+ %s\r\n", text);
}

/* Between two steps, or while a worker is at one (RFC 9585); a client that does not read is told nothing more. */
void imap_tell_progress(struct imap_cmd *cmd)
{
	const int64_t now = clock_mono_ms();
	const char *state = "NIL NIL";

	if (now - cmd->heard < cmd->session->imapd->progress_every || cmd->within_response || cmd->aside ||
	    conn_congested(cmd->session->conn) || !imap_capability_on(cmd->session, SLICE("INPROGRESS")))
		return;
	cmd->heard = now;
	if (cmd->goal)
		state = arena_printf(cmd->arena, "%" PRIu64 " %" PRIu64, MIN_OF(cmd->progress, cmd->goal - 1),
		                     cmd->goal);
	imap_untagged(cmd->session, "OK [INPROGRESS (\"%s\" %s)] Still at work", cmd->tag, state);
}

/* ---- strings ---- */

enum { ESCAPED = 1, UNQUOTABLE = 2, UNSENDABLE = 4, HIGH = 8 };

/* What a byte asks of a quoted string; 8-bit goes in literals, unless the client takes UTF-8 (RFC 9051 9,
 * QUOTED-CHAR), NUL in nothing (RFC 3501 9, CHAR8). */
static const uint8_t byte_kinds[256] = {
	['"'] = ESCAPED,     ['\\'] = ESCAPED,    ['\r'] = UNQUOTABLE,
	['\n'] = UNQUOTABLE, ['\0'] = UNSENDABLE, [0x80 ... 0xff] = HIGH,
};

static unsigned kinds_in(struct slice s)
{
	unsigned kinds = s.len > QUOTED_MAX ? UNQUOTABLE : 0;

	for (size_t i = 0; i < s.len; i++)
		kinds |= byte_kinds[s.data[i]];
	return kinds;
}

static void add_quoted(struct buf *out, struct slice s, bool escaped)
{
	uint8_t *room = buf_room(out, 2 * s.len + 2);
	size_t len = 0;

	if (!room)
		return;
	room[len++] = '"';
	if (!escaped && s.len) {
		memcpy(room + len, s.data, s.len);
		len += s.len;
	}
	for (size_t i = 0; escaped && i < s.len; i++) {
		if (byte_kinds[s.data[i]] == ESCAPED)
			room[len++] = '\\';
		room[len++] = s.data[i];
	}
	room[len++] = '"';
	out->len += len;
}

static void add_literal(struct buf *out, struct slice s)
{
	buf_printf(out, "{%zu}\r\n", s.len);
	buf_add_slice(out, s);
}

static void add_without_nul(struct buf *out, struct slice s)
{
	struct buf kept;

	buf_init(&kept, s.len);
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i])
			buf_addc(&kept, s.data[i]);
	imap_add_string(out, kept.len ? buf_slice(&kept) : SLICE(""));
	buf_done(&kept);
}

void imap_add_string(struct buf *out, struct slice s)
{
	unsigned kinds = kinds_in(s);

	if (!s.data)
		buf_adds(out, "NIL");
	else if (kinds & UNSENDABLE)
		add_without_nul(out, s);
	else if (kinds & (UNQUOTABLE | HIGH))
		add_literal(out, s);
	else
		add_quoted(out, s, kinds & ESCAPED);
}

void imap_add_string_utf8(struct buf *out, struct slice s)
{
	const unsigned kinds = kinds_in(s);

	if (!s.data || kinds & (UNSENDABLE | UNQUOTABLE) || !utf8_valid(s))
		imap_add_string(out, s);
	else
		add_quoted(out, s, kinds & ESCAPED);
}

static bool is_plain(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.data[i] <= 0x20 || s.data[i] >= 0x7f || strchr("(){%*\"\\]", s.data[i]))
			return false;
	return s.len && !slice_is(s, "NIL");
}

void imap_add_astring(struct buf *out, struct slice s)
{
	if (is_plain(s))
		buf_add_slice(out, s);
	else
		imap_add_string(out, s.data ? s : SLICE(""));
}

/* A stored name that is not UTF-8 cannot be; should it be all the same, nothing else of the list suffers. */
void imap_add_mailbox(struct buf *out, const struct session *s, const char *utf8_path)
{
	const struct slice path = slice_str(utf8_path);
	struct buf name;

	if (s->enabled & ENABLED_UTF8_TEXT) {
		if (is_plain(path))
			buf_add_slice(out, path);
		else
			imap_add_string_utf8(out, path);
		return;
	}
	buf_init(&name, BUF_NO_LIMIT);
	if (!utf7_encode(&name, path))
		buf_clear(&name);
	imap_add_astring(out, buf_slice(&name));
	buf_done(&name);
}

void imap_add_flags(struct buf *out, const struct keywords *names, uint32_t flags, uint64_t keywords,
                    bool recent)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} system[] = {
		{ FLAG_ANSWERED, "\\Answered" }, { FLAG_FLAGGED, "\\Flagged" }, { FLAG_DELETED, "\\Deleted" },
		{ FLAG_SEEN, "\\Seen" },         { FLAG_DRAFT, "\\Draft" },
	};
	const char *between = "";

	buf_addc(out, '(');
	for (size_t i = 0; i < ARRAY_LEN(system); i++) {
		if (!(flags & system[i].flag))
			continue;
		buf_printf(out, "%s%s", between, system[i].name);
		between = " ";
	}
	for (uint32_t i = 0; i < names->n; i++) {
		if (!(keywords & UINT64_C(1) << i) || !names->names[i][0])
			continue;
		buf_printf(out, "%s%s", between, names->names[i]);
		between = " ";
	}
	if (recent)
		buf_printf(out, "%s\\Recent", between);
	buf_addc(out, ')');
}

/* ---- sets of messages ---- */

static void free_set(void *set)
{
	uid_set_done(set);
}

bool imap_args_messages(struct imap_args *args, struct imap_cmd *cmd, struct uid_set *ret_uids)
{
	const struct selected *selected = &cmd->session->selected;
	struct uid_set *named = arena_make(cmd->arena, struct uid_set);
	const bool saved = imap_args_char(args, '$'); /* RFC 5182 */

	if (!saved && !imap_args_set(args, named))
		return false;
	uid_set_init(ret_uids);
	arena_on_free(cmd->arena, free_set, ret_uids);
	if (saved) {
		uid_set_copy(ret_uids, &selected->saved);
		return true;
	}
	if (cmd->uid_form) {
		selected_resolve_uids(selected, named, ret_uids);
		return true;
	}
	if (selected_resolve(selected, named, ret_uids))
		return true;
	args->error = "No such message number";
	return false;
}
