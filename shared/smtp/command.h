#ifndef SHARED_SMTP_COMMAND_H
#define SHARED_SMTP_COMMAND_H
/*
 * Command lines (RFC 5321 4.1.1, 4.1.2), by the grammar but for blanks: more
 * than one between words, behind the colon, or at the end, is let pass. Lines
 * come without their CRLF. What the parameters mean is params.h.
 *
 * Slices point into the line or the arena.
 */
#include "base/fault.h"
#include "mail/address.h"

enum {
	SMTP_PARAMS_MAX = 16,
	SMTP_VALUE_MAX = 1024, /* of one parameter; ORCPT and AUTH may have 500 (RFC 3461 5.2, RFC 4954 5) */
};

struct smtp_line {
	struct slice verb; /* as written */
	struct slice args; /* blanks around them off */
};

/* INPUT: no word at its start, or a control character anywhere. */
MUST_CHECK enum fault smtp_line_parse(struct slice line, struct smtp_line *ret, struct why *);
/* Cuts the next word of the arguments; false when there is none. */
bool smtp_word(struct slice *args, struct slice *ret);

struct smtp_path {
	bool null;       /* <>, as return path */
	bool postmaster; /* <Postmaster> without a domain, as recipient: only `address.local` is set */
	struct address address;
};

struct smtp_param {
	struct slice keyword;
	struct slice value; /* no data: there is no "=" */
};

struct smtp_path_args {
	struct smtp_path path;
	struct smtp_param params[SMTP_PARAMS_MAX];
	uint32_t n_params;
};

/* The arguments of MAIL ("FROM:<a@b> SIZE=1"). Source routes are read and dropped. INPUT; LIMIT: too many
 * parameters. */
MUST_CHECK enum fault smtp_mail_args(struct arena *, struct slice args, struct smtp_path_args *ret,
                                     struct why *);
/* The arguments of RCPT ("TO:<a@b> NOTIFY=NEVER"). */
MUST_CHECK enum fault smtp_rcpt_args(struct arena *, struct slice args, struct smtp_path_args *ret,
                                     struct why *);

/* HELO's and EHLO's argument: a domain or an address literal; anything printable that is neither sets `*ret_valid`
 * false, since refusing it is a matter of policy. INPUT: nothing at all, several words, or longer than a domain. */
MUST_CHECK enum fault smtp_helo_args(struct slice args, struct slice *ret_name, bool *ret_valid,
                                     struct why *);
/* BDAT's: chunk-size [SP "LAST"] (RFC 3030 2). INPUT. Whether the size is too large is the caller's to say: the
 * chunk has to be read over all the same. */
MUST_CHECK enum fault smtp_bdat_args(struct slice args, uint64_t *ret_size, bool *ret_last, struct why *);

#endif
