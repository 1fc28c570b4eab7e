/* The faults table (fault.h), and the three ways to fill a why. */
#include "base/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct fault_row rows[FAULT_COUNT] = {
	/* clang-format off */
	[FAULT_NONE]	    = { "NONE",        250, "2.0.0", NULL,		200, "OK", false },
	[FAULT_TEMP]	    = { "TEMP",        451, "4.3.0", "UNAVAILABLE",	503, "Temporarily unavailable, try again later", true },
	[FAULT_NOT_FOUND]   = { "NOT_FOUND",   550, "5.1.1", "NONEXISTENT",	404, "No such object", false },
	[FAULT_NO_TARGET]   = { "NO_TARGET",   550, "5.1.1", "TRYCREATE",	404, "No such target mailbox", false },
	[FAULT_EXISTS]	    = { "EXISTS",      550, "5.3.0", "ALREADYEXISTS",	409, "Already exists", false },
	[FAULT_STALE]	    = { "STALE",       451, "4.3.0", "INUSE",		409, "Changed by somebody else, try again", true },
	[FAULT_DENIED]	    = { "DENIED",      550, "5.7.1", "NOPERM",		403, "Not permitted", false },
	[FAULT_AUTH]	    = { "AUTH",        535, "5.7.8", "AUTHENTICATIONFAILED", 401, "Authentication failed", false },
	[FAULT_OVER_QUOTA]  = { "OVER_QUOTA",  452, "4.2.2", "OVERQUOTA",	507, "Mailbox is over its quota", true },
	[FAULT_LIMIT]	    = { "LIMIT",       452, "4.5.3", "LIMIT",		429, "Too many, a limit is reached", true },
	[FAULT_TOO_BIG]	    = { "TOO_BIG",     552, "5.3.4", "TOOBIG",		413, "Too large", false },
	[FAULT_INPUT]	    = { "INPUT",       501, "5.5.4", "CLIENTBUG",	400, "Malformed", false },
	[FAULT_UNSUPPORTED] = { "UNSUPPORTED", 504, "5.5.4", "CANNOT",		501, "Not supported", false },
	[FAULT_CORRUPT]	    = { "CORRUPT",     451, "4.3.0", "SERVERBUG",	500, "Stored data is damaged", true },
	[FAULT_FULL]	    = { "FULL",        452, "4.3.1", "UNAVAILABLE",	507, "Server storage is full", true },
	[FAULT_TIMEOUT]	    = { "TIMEOUT",     421, "4.4.2", "UNAVAILABLE",	504, "Timed out", true },
	[FAULT_CLOSED]	    = { "CLOSED",      421, "4.4.2", "UNAVAILABLE",	503, "Connection closed", true },
	[FAULT_CONFIG]	    = { "CONFIG",      451, "4.3.5", "CONTACTADMIN",	500, "Server is misconfigured", true },
	[FAULT_CANCELLED]   = { "CANCELLED",   451, "4.3.0", "UNAVAILABLE",	503, "Cancelled", true },
	/* clang-format on */
};

const struct fault_row *fault_row(enum fault fault)
{
	return &rows[fault < FAULT_COUNT ? fault : FAULT_TEMP];
}

const char *fault_name(enum fault fault)
{
	return fault_row(fault)->name;
}

enum fault fault_set(struct why *why, enum fault fault, const char *format, ...)
{
	va_list args;

	if (!why)
		return fault;
	va_start(args, format);
	vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	return fault;
}

enum fault fault_add(struct why *why, enum fault fault, const char *format, ...)
{
	char was[sizeof(why->text)];
	size_t len;
	va_list args;

	if (!why)
		return fault;
	memcpy(was, why->text, sizeof(was));
	va_start(args, format);
	vsnprintf(why->text, sizeof(why->text), format, args);
	va_end(args);
	len = strlen(why->text);
	snprintf(why->text + len, sizeof(why->text) - len, ": %s", was);
	return fault;
}

enum fault fault_errno(struct why *why, int error, const char *format, ...)
{
	char reason[96];
	size_t len;
	va_list args;

	if (why) {
		va_start(args, format);
		vsnprintf(why->text, sizeof(why->text), format, args);
		va_end(args);
		len = strlen(why->text);
		snprintf(why->text + len, sizeof(why->text) - len, ": %s",
		         strerror_r(error, reason, sizeof(reason)));
	}
	switch (error) {
	case ENOSPC:
	case EDQUOT:
		return FAULT_FULL;
	case EACCES:
	case EPERM:
		return FAULT_DENIED;
	case ENOENT:
		return FAULT_NOT_FOUND;
	default:
		return FAULT_TEMP;
	}
}
