#ifndef SHARED_SMTP_STATUS_H
#define SHARED_SMTP_STATUS_H
/* Enhanced status codes (RFC 3463 and IANA's registry): "5.1.1" and what it says. */
#include "base/slice.h"

struct smtp_status {
	uint8_t class;            /* 2, 4 or 5; 0: none */
	uint16_t subject, detail; /* 0 to 999 each */
};

enum { SMTP_STATUS_TEXT = 12 };

/* All of `text` is a code. */
bool smtp_status_parse(struct slice text, struct smtp_status *ret);
/* "5.1.1"; gives the length. */
size_t smtp_status_print(struct smtp_status, char out[SMTP_STATUS_TEXT]);
/* "Bad destination mailbox address", or what its subject alone says; never NULL. */
const char *smtp_status_name(struct smtp_status);

#endif
