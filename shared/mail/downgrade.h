#ifndef SHARED_MAIL_DOWNGRADE_H
#define SHARED_MAIL_DOWNGRADE_H
/*
 * Headers with raw UTF-8 (RFC 6532) for who reads ASCII only, as RFC 6858 has it: text becomes encoded-words, parameters
 * become extended ones (RFC 2231), domains A-labels; an address with a local part that has no ASCII form becomes one
 * of the name it had, which leads nowhere.
 *
 * What is ASCII already, or neither ASCII nor UTF-8, stays as it is: its charset is anybody's guess.
 */
#include "base/buf.h"
#include "mail/address_list.h"

struct arena;

/* Whether there is anything to do. */
bool downgrade_is_due(struct slice text);
/* Unstructured text on one line, word by word. */
void downgrade_add_text(struct buf *out, struct slice text);
/* A parameter's value: utf-8''%C3%A4. */
void downgrade_add_param(struct buf *out, struct slice utf8);
/* The entry as it may be shown; a copy of it where there is nothing to do. */
struct address_entry downgrade_address(struct arena *, const struct address_entry *);
/* A header, or fields of one: those that are raw UTF-8 are written anew and folded, all others are copied. */
void downgrade_add_header(struct buf *out, struct slice header);

#endif
