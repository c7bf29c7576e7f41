/* Between the files of imap/. */
#ifndef IMAP_PRIVATE_H
#define IMAP_PRIVATE_H

#include "imap/imap.h"

/* "1-Feb-2026" -> its first second, UTC */
bool imap_date_parse(struct pf_str s, int64_t *midnight);

/* "Unknown FETCH item FOO" for a client; what is long is cut. */
void imap_error_word(char *text, size_t size, const char *what,
		     struct pf_str word);

#endif
