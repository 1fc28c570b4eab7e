/* Reading IMAP URLs (imap_url.h). */
#include "imap_url.h"

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
static bool parse_message(struct slice rest, struct arena *arena, struct imap_url *url)
{
	if (!take_nz_number(&rest, &url->uid))
		return false;
	if (take(&rest, "/;SECTION=") && !parse_section(take_until(&rest, "/;"), arena, &url->section))
		return false;
	if (take(&rest, "/;PARTIAL=") && !parse_partial(&rest, &url->section))
		return false;
	return !rest.len;
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
static bool parse_path(struct slice rest, struct arena *arena, struct imap_url *url)
{
	struct slice name = take_until(&rest, ";");
	const bool slash = slice_ends(name, "/");

	name.len -= slash;
	if (!slash && (!take(&rest, ";UIDVALIDITY=") || !take_nz_number(&rest, &url->uid_validity) ||
	               !take(&rest, "/")))
		return false;
	return parse_mailbox(name, arena, &url->mailbox) && take(&rest, ";UID=") &&
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

bool imap_url_parse(struct slice text, struct arena *arena, struct imap_url *ret)
{
	struct imap_url url = { .mailbox = NULL };
	bool good;

	if (!text.len || text.len > IMAP_URL_MAX)
		return false;
	if (take(&text, ";UID="))
		good = parse_message(text, arena, &url);
	else if (take(&text, "imap://"))
		good = parse_server(&text, arena, &url) && parse_path(text, arena, &url);
	else
		good = take(&text, "/") && parse_path(text, arena, &url);
	if (good)
		*ret = url;
	return good;
}
