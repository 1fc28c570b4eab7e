#ifndef SHARED_MAIL_TEXT_H
#define SHARED_MAIL_TEXT_H
/*
 * What a person would read of a part, as UTF-8: transfer encoding and charset
 * undone, HTML without its tags. For search and for previews, not for display.
 */
#include "mail/mime.h"

/* The text of a text part is added to `out`, at most as much as fits its limit. False: it did not all fit (what
 * fits is there). Parts that are no text add nothing. */
bool text_of_part(struct buf *out, const struct mime_part *, struct slice message);
/* UTF-8 HTML to text: tags, comments, scripts and styles go, entities are undone, blanks run together, blocks begin
 * new lines. False: it did not all fit. */
bool text_of_html(struct buf *out, struct slice html);
/* The character an entity stands for, by what is between "&" and ";" ("auml", "#228", "#xe4"); 0: unknown. */
uint32_t text_entity(struct slice name);

#endif
