/* Reading IMAP URLs (imap_url.h). */
#include "imap_url.h"

#include <ctype.h>

#include "mail/date.h"

/* ---- pieces ---- */

static int digit(uint8_t c)
{
	const uint8_t lower = c | 0x20;

	if (c >= '0' && c <= '9')
		return c - '0';
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* "%41": false when a "%" stands alone, or for a NUL. */
static bool decode(struct slice text, struct arena *arena, struct slice *ret)
{
	uint8_t *out = arena_alloc(arena, text.len + 1);
	size_t len = 0;

	for (size_t i = 0; i < text.len; i++, len++) {
		int high, low;

		out[len] = text.data[i];
		if (text.data[i] != '%')
			continue;
		if (i + 2 >= text.len)
			return false;
		high = digit(text.data[i + 1]);
		low = digit(text.data[i + 2]);
		if (high < 0 || low < 0)
			return false;
		out[len] = (uint8_t)(high << 4 | low);
		if (!out[len])
			return false;
		i += 2;
	}
	*ret = slice_of(out, len);
	return true;
}

static bool take(struct slice *rest, const char *word)
{
	if (!slice_istarts(*rest, word))
		return false;
	*rest = slice_of(rest->data + strlen(word), rest->len - strlen(word));
	return true;
}

/* Up to one of `ends`, or the end. */
static struct slice take_until(struct slice *rest, const char *ends)
{
	size_t len = 0;
	struct slice taken;

	while (len < rest->len && !strchr(ends, rest->data[len]))
		len++;
	taken = slice_first(*rest, len);
	*rest = slice_of(rest->data + len, rest->len - len);
	return taken;
}

static bool take_number(struct slice *rest, uint64_t max, uint64_t *ret)
{
	return slice_u64(take_until(rest, "/.;:"), max, ret);
}

static bool take_nz_number(struct slice *rest, uint32_t *ret)
{
	uint64_t number;

	if (!take_number(rest, UINT32_MAX, &number) || !number)
		return false;
	*ret = (uint32_t)number;
	return true;
}

/* ---- what a message's part is called ---- */

static struct imap_args args_of(struct imap_segment segment[2], struct arena *arena)
{
	struct imap_args args;

	segment[0].next = segment[0].literal.data.data ? &segment[1] : NULL;
	segment[1] = (struct imap_segment){ .text = SLICE("") };
	imap_args_start(&args, segment, arena);
	args.utf8 = true; /* names are percent-encoded UTF-8 (RFC 5092 3) */
	return args;
}

static bool parse_section(struct slice text, struct arena *arena, struct fetch_section *ret)
{
	struct imap_segment segments[2] = { { .text = text } };
	struct imap_args args;

	if (!decode(text, arena, &segments[0].text) || !segments[0].text.len)
		return false;
	args = args_of(segments, arena);
	return section_parse(&args, ret) && imap_args_is_end(&args);
}

static bool parse_partial(struct slice *rest, struct fetch_section *section)
{
	section->partial = true;
	section->len = INT64_MAX;
	if (!take_number(rest, INT64_MAX, &section->offset))
		return false;
	return !take(rest, ".") || (take_number(rest, INT64_MAX, &section->len) && section->len);
}

/* Behind ";UID=". */
static bool parse_message(struct slice *rest, struct arena *arena, struct imap_url *url)
{
	if (!take_nz_number(rest, &url->uid))
		return false;
	if (take(rest, "/;SECTION=") && !parse_section(take_until(rest, "/;"), arena, &url->section))
		return false;
	return !take(rest, "/;PARTIAL=") || parse_partial(rest, &url->section);
}

/* ---- what a mailbox is called ---- */

static bool parse_mailbox(struct slice text, struct arena *arena, const char **ret)
{
	struct imap_segment segments[2] = { { .text = SLICE("") } };
	struct imap_args args;

	if (!text.len || !decode(text, arena, &segments[0].literal.data))
		return false;
	args = args_of(segments, arena);
	return imap_args_mailbox(&args, ret);
}

/* Behind the first "/": mailbox [";UIDVALIDITY=" n] "/" ";UID=" … */
static bool parse_path(struct slice *rest, struct arena *arena, struct imap_url *url)
{
	struct slice name = take_until(rest, ";");
	const bool slash = slice_ends(name, "/");

	name.len -= slash;
	if (!slash &&
	    (!take(rest, ";UIDVALIDITY=") || !take_nz_number(rest, &url->uid_validity) || !take(rest, "/")))
		return false;
	return parse_mailbox(name, arena, &url->mailbox) && take(rest, ";UID=") &&
	       parse_message(rest, arena, url);
}

/* [user [";AUTH=" …] "@"] host [":" port] "/" */
static bool parse_server(struct slice *rest, struct arena *arena, struct imap_url *url)
{
	struct slice server = take_until(rest, "/"), host = server, user;
	const ptrdiff_t at = slice_chr(server, '@');
	uint64_t port;

	if (at >= 0) {
		user = slice_first(server, (size_t)at);
		host = slice_of(server.data + at + 1, server.len - (size_t)at - 1);
		if (!decode(take_until(&user, ";"), arena, &url->user))
			return false;
	}
	if (!decode(take_until(&host, ":"), arena, &url->host) || !url->host.len)
		return false;
	return (!take(&host, ":") || take_number(&host, UINT16_MAX, &port)) && !host.len && take(rest, "/");
}

/* ---- who may use it ---- */

static bool parse_access(struct slice *rest, struct arena *arena, struct url_auth *auth)
{
	if (take(rest, "submit+"))
		auth->access = URL_SUBMIT;
	else if (take(rest, "user+"))
		auth->access = URL_USER;
	if (auth->access)
		return decode(take_until(rest, ":"), arena, &auth->user) && auth->user.len;
	if (take(rest, "authuser"))
		auth->access = URL_AUTHUSER;
	else if (take(rest, "anonymous"))
		auth->access = URL_ANONYMOUS;
	return auth->access;
}

static bool parse_expire(struct slice *rest, struct url_auth *auth)
{
	struct date date;

	auth->expires = take(rest, ";EXPIRE=");
	if (!auth->expires)
		return true;
	if (!date_parse_rfc3339(take_until(rest, ";"), &date))
		return false;
	auth->until = date.utc_ms;
	return true;
}

/* 1*(ALPHA / DIGIT / "-" / "."), then 32*HEXDIG */
static bool parse_verifier(struct slice *rest, struct url_auth *auth)
{
	static const size_t token_min = 32;

	auth->mechanism = take_until(rest, ":");
	for (size_t i = 0; i < auth->mechanism.len; i++)
		if (!isalnum(auth->mechanism.data[i]) && !strchr("-.", auth->mechanism.data[i]))
			return false;
	if (!auth->mechanism.len || !take(rest, ":") || rest->len < token_min)
		return false;
	auth->token = *rest;
	for (size_t i = 0; i < rest->len; i++)
		if (digit(rest->data[i]) < 0)
			return false;
	*rest = slice_from(*rest, rest->len);
	return true;
}

/* Behind a message's: [";EXPIRE=" date-time] ";URLAUTH=" access [":" mechanism ":" token] */
static bool parse_auth(struct slice text, struct slice *rest, struct arena *arena, struct imap_url *url)
{
	struct url_auth *auth = &url->auth;

	if (!url->user.len || !parse_expire(rest, auth) || !take(rest, ";URLAUTH=") ||
	    !parse_access(rest, arena, auth))
		return false;
	auth->rump = slice_first(text, text.len - rest->len);
	return !rest->len || (take(rest, ":") && parse_verifier(rest, auth));
}

bool imap_url_parse(struct slice text, struct arena *arena, struct imap_url *ret)
{
	struct imap_url url = { .mailbox = NULL };
	struct slice rest = text;
	bool good;

	if (!text.len || text.len > IMAP_URL_MAX)
		return false;
	if (take(&rest, ";UID="))
		good = parse_message(&rest, arena, &url);
	else if (take(&rest, "imap://"))
		good = parse_server(&rest, arena, &url) && parse_path(&rest, arena, &url);
	else
		good = take(&rest, "/") && parse_path(&rest, arena, &url);
	if (good && rest.len)
		good = parse_auth(text, &rest, arena, &url);
	if (good)
		*ret = url;
	return good;
}
