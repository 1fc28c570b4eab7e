#ifndef IMAPD_FETCH_ITEM_H
#define IMAPD_FETCH_ITEM_H
/*
 * What a FETCH asks for (RFC 3501 6.4.5, RFC 7162 3.1.4, RFC 8474 5, RFC 8514 4.3, RFC 3516
 * 4, RFC 8970 3), and how each thing is
 * written. No I/O here: cmd_fetch.c has the way, fetch_render.c the worker's part.
 */
#include "args.h"
#include "mail/mime.h"
#include "partial.h"

enum fetch_from_view { /* what the view answers by itself, bits */
	               FETCH_UID = 1,
	               FETCH_FLAGS = 2,
	               FETCH_INTERNALDATE = 4,
	               FETCH_SIZE = 8,
	               FETCH_MODSEQ = 16,
	               FETCH_SAVEDATE = 32,
	               FETCH_THREADID = 64, /* NIL: threads are not kept */
};

enum fetch_needs {                   /* what the rest is made of, bits */
	           NEEDS_HEADER = 1, /* the message's own header: in the summary, unless it is very long */
	           NEEDS_TREE = 2,   /* the structure, in the summary */
	           NEEDS_BODY = 4,
};

enum section_what {
	SECTION_ALL, /* of the message, or of a part: its body */
	SECTION_HEADER,
	SECTION_FIELDS,
	SECTION_FIELDS_NOT,
	SECTION_TEXT,
	SECTION_MIME, /* of a part */
};

#define SECTION_DEPTH_MAX 128 /* numbers in one; deeper parts than mail/mime.h knows need no names */
#define FETCH_ITEMS_MAX   256
#define FETCH_FIELDS_MAX  256 /* names in one HEADER.FIELDS */

struct fetch_section { /* section [ "<" offset "." length ">" ] */
	const uint32_t *numbers;
	uint32_t n;
	enum section_what what;
	const struct slice *fields;
	uint32_t n_fields;
	bool partial;
	uint64_t offset, len;
};

enum fetch_kind {
	FETCH_ENVELOPE,
	FETCH_BODY,
	FETCH_BODYSTRUCTURE,
	FETCH_SECTION,
	FETCH_EMAILID,
	FETCH_BINARY,
	FETCH_BINARY_SIZE,
	FETCH_PREVIEW,
	FETCH_PREVIEW_LAZY,
	FETCH_PART, /* URLFETCH: what the section is as a part (BODYPARTSTRUCTURE) */
};

struct fetch_item {
	enum fetch_kind kind;
	struct slice label; /* as the response names it: "BODY[1.MIME]<0>" */
	struct fetch_section section;
	const char *end; /* behind it; NULL: nothing */
	bool decoded;    /* FETCH_PART: of what FETCH_BINARY gives */
};

struct fetch_request {
	unsigned view, needs;
	const struct fetch_item *items;
	uint32_t n;
	unsigned style; /* enum fetch_style, by what the client has enabled */
	bool sets_seen; /* something is asked for without PEEK */
	/* URLFETCH: no parentheses are around the items, text is exact, and nothing is told of what lacks one of them; BINARY
	 * is NIL where it cannot be, and no literal8 without need (RFC 5524). */
	bool bare;
	bool only_changed;
	bool vanished; /* with it, what vanished since */
	uint64_t changed_since;
	bool paged; /* only `page` of what is left then */
	struct partial page;
};

/* fetch-att and what stands for several, then modifiers. False: BAD, with the text in args->error. */
bool fetch_parse(struct imap_args *, struct fetch_request *ret);
/* "(" fetch-att *(SP fetch-att) ")" alone, where more may follow. */
bool fetch_parse_list(struct imap_args *, struct fetch_request *ret);

/* section-spec without brackets: "1.2.HEADER". */
bool section_parse(struct imap_args *, struct fetch_section *ret);

/* ---- writing ---- */

struct envelope;

enum fetch_style {                     /* bits */
	           FETCH_EXTENDED = 1, /* BODYSTRUCTURE, not BODY */
	           FETCH_UTF8 = 2, /* headers in UTF-8 are told so; to others downgraded (mail/downgrade.h) */
	           FETCH_REV2 = 4, /* parameters decoded, message/global is a message (RFC 9051 7.5.2) */
};

/* A string of a header, or NIL. */
void fetch_add_text(struct buf *, struct slice, unsigned style);
void fetch_add_envelope(struct buf *, const struct envelope *, unsigned style);
void fetch_add_structure(struct buf *, const struct mime_part *, unsigned style);

struct fetch_place {   /* where in the message a section lies */
	bool missing;  /* there is no such part: NIL */
	bool filtered; /* a header, of which section_filter() takes what is wanted */
	uint64_t offset, len;
};

/* `mime`: NULL for sections without numbers; then `header_len` is that of the message's own. */
struct fetch_place section_place(const struct fetch_section *, const struct mime *, uint64_t header_len,
                                 uint64_t size);
/* Whose body it is, as its encoding goes; NULL: nobody's, it is a header or the message. */
const struct mime_part *section_body(const struct fetch_section *, const struct mime *);
/* As a part of its own, whole (fetch_part.c). The section is there. `header`: what is wanted of its text, when it is one. */
void section_part(const struct fetch_section *, struct mime *, struct slice header, struct mime_part *ret);
/* The partial's part of a place or of a text. */
void section_clip(const struct fetch_section *, uint64_t *offset, uint64_t *len);
/* HEADER.FIELDS and .NOT of a header: whole fields, and the empty line if there is one. */
void section_filter(const struct fetch_section *, struct slice header, struct buf *out);

#endif
