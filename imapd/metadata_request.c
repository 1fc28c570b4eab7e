/*
 * Reading what is asked of annotations (metadata_request.h).
 *
 *   getmetadata = "GETMETADATA" [SP options] SP mailbox [SP options] SP entries
 *   setmetadata = "SETMETADATA" SP mailbox SP "(" entry SP value *(SP entry SP value) ")"
 *   options     = "(" option *(SP option) ")";  option = "MAXSIZE" SP number / "DEPTH" SP ("0" / "1" / "infinity")
 *   entries     = entry / "(" entry *(SP entry) ")"
 *   value       = nstring / literal8
 *   of a LIST   = "METADATA" SP [options SP] entries
 *
 * The RFC's grammar has the options before the mailbox and its examples behind it: both are taken.
 */
#include "metadata_request.h"

#include <limits.h>

static bool fail(struct imap_args *args, const char *error)
{
	args->error = error;
	return false;
}

/* ---- names ---- */

bool metadata_is_private(struct slice name)
{
	return slice_istarts(name, "/private") && (name.len == 8 || name.data[8] == '/');
}

bool metadata_is_use(struct slice name)
{
	return slice_ieq(name, SLICE(METADATA_USE));
}

static bool is_shared(struct slice name)
{
	return slice_istarts(name, "/shared") && (name.len == 7 || name.data[7] == '/');
}

/* Parts behind slashes, none of them empty; `whole`: one below /private or /shared at least (RFC 5464 3.2). */
static bool is_name(struct slice name, bool whole)
{
	unsigned slashes = 0;

	if (name.len > METADATA_NAME_MAX || !(metadata_is_private(name) || is_shared(name)))
		return false;
	for (size_t i = 0; i < name.len; i++) {
		const uint8_t c = name.data[i];

		if (c <= 0x19 || c >= 0x7f || c == '*' || c == '%')
			return false;
		if (c == '/' && (i + 1 == name.len || name.data[i + 1] == '/'))
			return false;
		slashes += c == '/';
	}
	return !whole || slashes > 1;
}

bool metadata_matches(struct slice entry, unsigned depth, struct slice name)
{
	unsigned below = 0;

	if (!slice_ieq(slice_first(name, entry.len), entry))
		return false;
	if (name.len == entry.len)
		return true;
	if (name.data[entry.len] != '/')
		return false;
	for (size_t i = entry.len; i < name.len; i++)
		below += name.data[i] == '/';
	return below <= depth;
}

/* ---- GETMETADATA ---- */

static bool option(struct imap_args *args, struct metadata_request *request)
{
	if (imap_args_word(args, "MAXSIZE"))
		return imap_args_space(args) && imap_args_number(args, UINT32_MAX, &request->max_size);
	if (!imap_args_word(args, "DEPTH") || !imap_args_space(args))
		return fail(args, "Options are MAXSIZE and DEPTH");
	if (imap_args_word(args, "infinity"))
		request->depth = UINT_MAX;
	else if (imap_args_word(args, "1"))
		request->depth = 1;
	else if (imap_args_word(args, "0"))
		request->depth = 0;
	else
		return fail(args, "DEPTH is 0, 1 or infinity");
	return true;
}

/* Behind the "(". */
static bool options(struct imap_args *args, struct metadata_request *request)
{
	do {
		if (!option(args, request))
			return false;
	} while (imap_args_more(args));
	return imap_args_close(args);
}

static bool add(struct imap_args *args, struct metadata_request *request)
{
	struct slice name;

	if (!imap_args_astring(args, &name))
		return false;
	if (!is_name(name, request->depth == 0))
		return fail(args, "This is no name of an entry");
	if (request->n == METADATA_REQUEST_MAX)
		return fail(args, "Too many entries");
	request->entries[request->n++] = (struct metadata_entry){ .name = name };
	return true;
}

/* Behind the "(", if there is one. */
static bool entries(struct imap_args *args, struct metadata_request *request, bool several)
{
	if (!several)
		return add(args, request);
	do {
		if (!add(args, request))
			return false;
	} while (imap_args_more(args));
	return imap_args_close(args);
}

static bool is_option(struct imap_args *args)
{
	return slice_istarts(args->rest, "MAXSIZE ") || slice_istarts(args->rest, "DEPTH ");
}

static void start(struct imap_args *args, struct metadata_request *ret)
{
	*ret = (struct metadata_request){ .max_size = UINT64_MAX };
	ret->entries = arena_array(args->arena, struct metadata_entry, METADATA_REQUEST_MAX);
}

/* [options SP] entries */
static bool wanted(struct imap_args *args, struct metadata_request *ret)
{
	bool several = imap_args_peek(args, '(') && imap_args_open(args);

	if (several && is_option(args)) {
		if (!options(args, ret) || !imap_args_space(args))
			return false;
		several = imap_args_peek(args, '(') && imap_args_open(args);
	}
	return entries(args, ret, several);
}

bool metadata_get_parse(struct imap_args *args, struct metadata_request *ret)
{
	start(args, ret);
	if (!imap_args_space(args))
		return false;
	if (imap_args_peek(args, '(') &&
	    (!imap_args_open(args) || !options(args, ret) || !imap_args_space(args)))
		return false;
	return imap_args_mailbox(args, &ret->path) && imap_args_space(args) && wanted(args, ret) &&
	       imap_args_end(args);
}

bool metadata_list_parse(struct imap_args *args, struct metadata_request *ret)
{
	start(args, ret);
	return imap_args_space(args) && wanted(args, ret);
}

/* ---- SETMETADATA ---- */

static bool value(struct imap_args *args, struct metadata_entry *entry)
{
	struct imap_literal literal;
	bool nil;

	if (imap_args_literal(args, &literal)) {
		entry->value = literal.data;
		return literal.binary || slice_chr(literal.data, '\0') < 0 ||
		       fail(args, "A value with NUL is binary");
	}
	if (!imap_args_nstring(args, &entry->value, &nil))
		return false;
	if (nil)
		entry->value = (struct slice){ NULL, 0 };
	else if (!entry->value.data)
		entry->value = SLICE("");
	return true;
}

bool metadata_set_parse(struct imap_args *args, struct metadata_request *ret)
{
	start(args, ret);
	if (!imap_args_space(args) || !imap_args_mailbox(args, &ret->path) || !imap_args_space(args) ||
	    !imap_args_open(args))
		return false;
	do {
		if (!add(args, ret) || !imap_args_space(args) || !value(args, &ret->entries[ret->n - 1]))
			return false;
	} while (imap_args_more(args));
	return imap_args_close(args) && imap_args_end(args);
}
