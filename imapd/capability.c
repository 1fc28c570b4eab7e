/* What the server says it can do, by the state of the session. The same before and after login, but for the logins:
 * some clients decide by the greeting alone. */
#include "auth/sasl.h"
#include "command.h"
#include "imapd.h"
#include "limit.h"

#define CAPABILITIES                                                                                         \
	"IMAP4rev1 IMAP4rev2 UTF8=ACCEPT LITERAL+ SASL-IR IDLE NAMESPACE UIDPLUS UNSELECT CHILDREN "         \
	"SPECIAL-USE MOVE ID ENABLE "                                                                        \
	"CONDSTORE "                                                                                         \
	"ESEARCH SEARCHRES WITHIN PARTIAL SORT SORT=DISPLAY ESORT I18NLEVEL=1 "                              \
	"SEARCH=FUZZY INPROGRESS CONTEXT=SEARCH MULTISEARCH NOTIFY "                                         \
	"THREAD=ORDEREDSUBJECT THREAD=REFERENCES THREAD=REFS "                                               \
	"LIST-EXTENDED LIST-STATUS STATUS=SIZE CREATE-SPECIAL-USE OBJECTID SAVEDATE REPLACE UIDONLY "        \
	"QRESYNC BINARY PREVIEW UNAUTHENTICATE QUOTA QUOTA=RES-STORAGE QUOTA=RES-MESSAGE QUOTASET "          \
	"MULTIAPPEND COMPRESS=DEFLATE "                                                                      \
	"APPENDLIMIT=%lld UIDBATCHES CATENATE URL-PARTIAL URLAUTH URLAUTH=BINARY METADATA LIST-METADATA "    \
	"ACL RIGHTS=texk LIST-MYRIGHTS"
#define CAPABILITIES_MESSAGES " MESSAGELIMIT=%lld"
#define CAPABILITIES_SAVING   " SAVELIMIT=%llu"

static const char *mechanisms(const struct session *s, struct arena *arena)
{
	const struct sasl_offer offer = session_sasl_offer(s, arena);
	struct slice rest = slice_str(sasl_mechanisms(arena, &offer)), name;
	const char *text = "";

	while (slice_cut(&rest, ' ', &name))
		text = arena_printf(arena, "%s AUTH=%.*s", text, SLICE_FMT(name));
	return text;
}

/* Where there is a limit. */
static const char *limits(struct arena *arena)
{
	const uint64_t save = limit_saving();
	const char *text = "";

	if (imapd_conf.message_limit)
		text = arena_printf(arena, CAPABILITIES_MESSAGES, (long long)imapd_conf.message_limit);
	if (save < UINT64_MAX)
		text = arena_printf(arena, "%s" CAPABILITIES_SAVING, text, (unsigned long long)save);
	return text;
}

const char *imap_capabilities(const struct session *s, struct arena *arena)
{
	const char *all = arena_printf(arena, CAPABILITIES, (long long)s->imapd->daemon->suite->message_max);
	const char *starttls = s->imapd->daemon->tls && !conn_is_tls(s->conn) ? " STARTTLS" : "";

	all = arena_printf(arena, "%s%s", all, limits(arena));
	if (!s->account)
		all = arena_printf(arena, "%s LOGIN-REFERRALS%s%s%s", all, mechanisms(s, arena), starttls,
		                   session_may_login(s) ? "" : " LOGINDISABLED");
	return imap_capabilities_left(s, arena, all);
}
