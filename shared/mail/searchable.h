#ifndef SHARED_MAIL_SEARCHABLE_H
#define SHARED_MAIL_SEARCHABLE_H
/*
 * What SEARCH sees of a message (RFC 9051 6.4.4), folded (fold.h) so that looking for something is comparing bytes.
 * Whoever signs a message for searching and whoever looks into one later both ask here: what the one leaves out the
 * other would never find.
 *
 * What is given back is good until the next call with the same scratch.
 */
#include "mail/header.h"
#include "mail/mime.h"

#define SEARCHABLE_HEADER_MAX (1024 * 1024)     /* of a part's header that is looked at */
#define SEARCHABLE_PART_MAX   (8 * 1024 * 1024) /* of a text part, encoded and decoded */

struct searchable { /* memory that is used again; zeroed at first */
	struct buf plain, folded, bare;
};
void searchable_done(struct searchable *);

/* "NAME: VALUE", encoded-words decoded, of which `ret_value` is the value. */
struct slice searchable_field(struct searchable *, const struct header_field *, struct slice *ret_value);
/* An address list with comments, which may stand inside an address: then each address as the envelope has it is
 * looked at too, a line each. No data: not such a field. */
struct slice searchable_addresses(struct searchable *, const struct header_field *);
/* Of a text part's text, as text_of_part() gives it. */
struct slice searchable_text(struct searchable *, struct slice text);

/* Folded text, bare (fold_bare()); where it is ASCII, the same. Good until the next call of this. */
struct slice searchable_bare(struct searchable *, struct slice folded);

/* All of a message, for signing it: each text once. False: it is larger than is worth it, and not all was seen. */
#define SEARCHABLE_TEXT_MAX (4 * 1024 * 1024) /* of all text parts together */
bool searchable_message(const struct mime *, struct slice message, size_t header_cut,
                        void (*on_text)(void *arg, struct slice folded), void *arg);

#endif
