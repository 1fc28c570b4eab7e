#ifndef IMAPD_SEARCH_KEY_H
#define IMAPD_SEARCH_KEY_H
/*
 * What a SEARCH asks for (RFC 3501 6.4.4, MODSEQ: RFC 7162 3.1.5, OLDER and YOUNGER: RFC 5032, "$": RFC 5182, EMAILID
 * and THREADID: RFC 8474 6, SAVEDxxx: RFC 8514 4.1, UIDAFTER and UIDBEFORE: RFC 9738 3.3, FUZZY: RFC 6203), as a tree. Texts are folded when they are read
 * (mail/fold.h), so that matching is comparing bytes. No session here: numbers and keywords are bound to one by
 * search_bind().
 */
#include "args.h"
#include "base/rand.h"
#include "search_fuzzy.h"

struct keywords;
struct selected;

#define SEARCH_KEYS_MAX  1000
#define SEARCH_DEPTH_MAX 64
#define SEARCH_TEXTS_MAX 64 /* keys that look into messages */

enum search_op {
	/* answered by the view */
	SEARCH_ALL,
	SEARCH_AND, /* all of `kids` */
	SEARCH_OR,  /* any of `kids` */
	SEARCH_NUMBERS,
	SEARCH_UIDS,
	SEARCH_FLAG,
	SEARCH_KEYWORD,
	SEARCH_RECENT,
	SEARCH_LARGER,
	SEARCH_SMALLER,
	SEARCH_MODSEQ,
	SEARCH_BEFORE,
	SEARCH_ON,
	SEARCH_SINCE,
	SEARCH_OLDER,
	SEARCH_YOUNGER,
	SEARCH_SAVEDBEFORE,
	SEARCH_SAVEDON,
	SEARCH_SAVEDSINCE,
	/* by the content's id */
	SEARCH_EMAILID,
	/* by the header */
	SEARCH_SENTBEFORE,
	SEARCH_SENTON,
	SEARCH_SENTSINCE,
	SEARCH_HEADER,
	/* by all of it */
	SEARCH_TEXT,
	SEARCH_BODY,
};

struct search_key {
	enum search_op op;
	bool negated;
	struct search_key *kids, *next; /* cheapest first */
	int cost;
	struct uid_set set; /* NUMBERS, UIDS; both UIDs once bound */
	bool saved;         /* UIDS: what the last search has saved */
	const char *keyword;
	uint64_t number; /* sizes, mod-sequence, seconds; flag or mask of keywords */
	int64_t moment;  /* OLDER, YOUNGER: once bound */
	int32_t day;
	struct slice name, text; /* of a header field; the text folded */
	uint32_t index;          /* HEADER, TEXT, BODY: in search.texts */
	struct id id;            /* EMAILID, without its letter */
	bool fuzzy;              /* FUZZY stands before it: it counts for the score */
	const struct fuzzy_word
	    *word; /* HEADER, TEXT, BODY: then what is looked for; several words are a group of keys */
};

struct search {
	struct search_key *root; /* an AND of what the command lists */
	struct search_key *texts[SEARCH_TEXTS_MAX];
	uint32_t n_texts, n_keys;
	bool by_id;              /* some key needs the id of the content */
	bool by_header, by_body; /* some key needs the header (SENTxxx, HEADER), the body */
	bool modseq;             /* asked for: the result tells it */
	bool by_number;          /* some key is message numbers */
	bool fuzzy;              /* FUZZY stands somewhere */
	bool scored;             /* how well a message matches is asked for; whoever asks sets it */
	bool bad_charset;        /* it was not read because of that: NO, not BAD */
};

/* [CHARSET SP astring SP] search-key *(SP search-key), to the end. */
bool search_parse(struct imap_args *, struct search *ret);
/* charset SP search-key *(SP search-key), as SORT and THREAD have it. */
bool search_parse_charset(struct imap_args *, struct search *ret);
/* Numbers become UIDs, keywords bits; numbers beyond the mailbox match nothing. The sets live as long as the arena. */
void search_bind(struct search *, const struct selected *);
/* Again, when the mailbox has met keywords since. */
void search_bind_keywords(struct search *, const struct keywords *);

#endif
